/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way into every call that has a session or a slot, and out again: the slot is locked, and what belonged to a card that
 * has gone meanwhile ends.
 */
#include "base/log.h"
#include "p11/p11.h"

/* The card that the slot's sessions, objects and login belonged to has gone. */
static void
forget_card(struct p11_slot *slot)
{
	p11_sessions_remove(slot);
	p11_objects_drop(slot);
	slot->pin_unset = slot->so_refused = false;
	slot->generation = csp_reader_generation(slot->reader);
}

static void
settle(struct p11_slot *slot)
{
	if (csp_reader_generation(slot->reader) != slot->generation)
		forget_card(slot);
}

CK_RV
p11_enter(CK_SESSION_HANDLE handle, struct p11_session **ret_session)
{
	struct p11_session *session;
	struct p11_slot *slot;
	CK_RV rv = p11_begin();

	if (rv != CKR_OK)
		return rv;
	if ((slot = p11_session_slot(handle)) == NULL) {
		p11_end();
		return CKR_SESSION_HANDLE_INVALID;
	}
	csp_reader_lock(slot->reader);
	settle(slot);
	if ((session = p11_session_find(handle)) == NULL) {
		csp_reader_unlock(slot->reader);
		p11_end();
		return CKR_SESSION_HANDLE_INVALID;
	}
	*ret_session = session;
	return CKR_OK;
}

CK_RV
p11_leave_slot(struct p11_slot *slot, const char *function, CK_RV rv)
{
	if (rv == CKR_DEVICE_REMOVED)
		forget_card(slot);
	else
		settle(slot);
	csp_reader_unlock(slot->reader);
	if (rv != CKR_OK)
		log_write(LOG_INFO, LOG_P11, function, "slot %lu: CKR 0x%lX", slot->id, rv);
	p11_end();
	return rv;
}

CK_RV
p11_leave(struct p11_session *session, const char *function, CK_RV rv)
{
	return p11_leave_slot(session->slot, function, rv);
}

CK_RV
p11_enter_slot(CK_SLOT_ID id, struct p11_slot **ret_slot)
{
	struct p11_slot *slot;
	CK_RV rv = p11_begin();

	if (rv != CKR_OK)
		return rv;
	if ((slot = p11_slot_find(id)) == NULL)
		rv = CKR_SLOT_ID_INVALID;
	else
		rv = p11_slots_poll(false);
	if (rv != CKR_OK) {
		p11_end();
		return rv;
	}
	csp_reader_lock(slot->reader);
	settle(slot);
	*ret_slot = slot;
	return CKR_OK;
}

CK_RV
p11_card(struct p11_slot *slot, struct csp_card **ret_card)
{
	struct csp_card *card;
	DWORD r = csp_reader_card(slot->reader, &card);

	if (csp_reader_generation(slot->reader) != slot->generation)
		return CKR_DEVICE_REMOVED;
	/* with a session open there was a card */
	if (r == SCARD_E_NO_SMARTCARD && p11_session_count(slot, 0) > 0)
		return CKR_DEVICE_REMOVED;
	if (r != SCARD_S_SUCCESS)
		return p11_rv(r, P11_CTX_TOKEN);
	*ret_card = card;
	return CKR_OK;
}
