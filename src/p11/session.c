/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions (PKCS#11 3.1, 5.6.1 to 5.6.7) and the two functions of the parallel past (5.20). */
#include <string.h>

#include "p11/op.h"

/* A session that may write opens on every card: clients open such ones to read, too (OpenSSH, Java). */
static CK_RV
open_session(struct p11_slot *slot, CK_FLAGS flags, CK_SESSION_HANDLE *ret_handle)
{
	struct csp_card *card;
	CK_RV rv;

	if (ret_handle == NULL || (flags & CKF_ASYNC_SESSION) != 0)
		return CKR_ARGUMENTS_BAD;
	if ((flags & CKF_SERIAL_SESSION) == 0)
		return CKR_SESSION_PARALLEL_NOT_SUPPORTED;
	if ((rv = p11_card(slot, &card)) != CKR_OK)
		return rv;
	if (slot->login == P11_SO && (flags & CKF_RW_SESSION) == 0)
		return CKR_SESSION_READ_WRITE_SO_EXISTS;
	return p11_session_add(slot, flags & (CKF_RW_SESSION | CKF_SERIAL_SESSION), ret_handle);
}

CK_RV
C_OpenSession(CK_SLOT_ID id, CK_FLAGS flags, CK_VOID_PTR application, CK_NOTIFY notify, CK_SESSION_HANDLE *ret_handle)
{
	struct p11_slot *slot;
	CK_RV rv = p11_enter_slot(id, &slot);

	(void)application;
	(void)notify; /* never called */
	return rv != CKR_OK ? rv : p11_leave_slot(slot, __func__, open_session(slot, flags, ret_handle));
}

CK_RV
C_CloseSession(CK_SESSION_HANDLE handle)
{
	struct p11_session *session;
	struct p11_slot *slot;
	CK_RV rv = p11_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	slot = session->slot;
	p11_session_remove(session);
	return p11_leave_slot(slot, __func__, CKR_OK);
}

CK_RV
C_CloseAllSessions(CK_SLOT_ID id)
{
	struct p11_slot *slot;
	CK_RV rv = p11_enter_slot(id, &slot);

	if (rv != CKR_OK)
		return rv;
	p11_sessions_remove(slot);
	return p11_leave_slot(slot, __func__, CKR_OK);
}

static CK_STATE
session_state(const struct p11_session *session)
{
	const bool user = session->slot->login == P11_USER;

	if (session->slot->login == P11_SO)
		return CKS_RW_SO_FUNCTIONS;
	if ((session->flags & CKF_RW_SESSION) != 0)
		return user ? CKS_RW_USER_FUNCTIONS : CKS_RW_PUBLIC_SESSION;
	return user ? CKS_RO_USER_FUNCTIONS : CKS_RO_PUBLIC_SESSION;
}

static CK_RV
session_info(const struct p11_session *session, CK_SESSION_INFO *info)
{
	if (info == NULL)
		return CKR_ARGUMENTS_BAD;
	memset(info, 0, sizeof(*info));
	info->slotID = session->slot->id;
	info->state = session_state(session);
	info->flags = session->flags;
	return CKR_OK;
}

/* Clients ask this to learn whether the card is still the one they opened the session on: the readers are looked at. */
static CK_RV
look_at_readers(void)
{
	CK_RV rv = p11_begin();

	if (rv != CKR_OK)
		return rv;
	rv = p11_slots_poll(false);
	p11_end();
	return rv;
}

CK_RV
C_GetSessionInfo(CK_SESSION_HANDLE handle, CK_SESSION_INFO *info)
{
	struct p11_session *session;
	CK_RV rv;

	if ((rv = look_at_readers()) != CKR_OK || (rv = p11_enter(handle, &session)) != CKR_OK)
		return rv;
	return p11_leave(session, __func__, session_info(session, info));
}

CK_RV
C_SessionCancel(CK_SESSION_HANDLE handle, CK_FLAGS flags)
{
	struct p11_session *session;
	CK_RV rv = p11_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	for (unsigned kind = 0; kind < P11_OP_KINDS; kind++)
		if ((flags & p11_op_flag(kind)) != 0)
			p11_op_clear(&session->ops[kind]);
	if ((flags & CKF_FIND_OBJECTS) != 0)
		p11_search_clear(&session->search);
	return p11_leave(session, __func__, CKR_OK);
}

CK_RV
C_GetFunctionStatus(CK_SESSION_HANDLE handle)
{
	struct p11_session *session;
	CK_RV rv = p11_enter(handle, &session);

	return rv != CKR_OK ? rv : p11_leave(session, __func__, CKR_FUNCTION_NOT_PARALLEL);
}

CK_RV
C_CancelFunction(CK_SESSION_HANDLE handle)
{
	struct p11_session *session;
	CK_RV rv = p11_enter(handle, &session);

	return rv != CKR_OK ? rv : p11_leave(session, __func__, CKR_FUNCTION_NOT_PARALLEL);
}
