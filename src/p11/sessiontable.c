/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of sessions, in the order of their handles, and what ends with a session or with a login. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "p11/instance.h"
#include "p11/op.h"

/* Index of the first session whose handle is not below the one given. */
static size_t
session_position(const struct p11_instance *in, CK_SESSION_HANDLE handle)
{
	size_t low = 0, high = in->session_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (in->sessions[mid]->handle < handle)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct p11_session *
find_locked(const struct p11_instance *in, CK_SESSION_HANDLE handle)
{
	size_t at = session_position(in, handle);

	return at < in->session_count && in->sessions[at]->handle == handle ? in->sessions[at] : NULL;
}

struct p11_session *
p11_session_find(CK_SESSION_HANDLE handle)
{
	struct p11_instance *in = p11_instance();
	struct p11_session *session;

	lock_acquire(&in->lock);
	session = find_locked(in, handle);
	lock_release(&in->lock);
	return session;
}

struct p11_slot *
p11_session_slot(CK_SESSION_HANDLE handle)
{
	struct p11_instance *in = p11_instance();
	const struct p11_session *session;
	struct p11_slot *slot;

	lock_acquire(&in->lock);
	session = find_locked(in, handle);
	slot = session != NULL ? session->slot : NULL;
	lock_release(&in->lock);
	return slot;
}

static bool
session_room(struct p11_instance *in)
{
	size_t room = in->session_room == 0 ? 16 : in->session_room * 2;
	struct p11_session **sessions;

	if (in->session_count < in->session_room)
		return true;
	if ((sessions = realloc(in->sessions, room * sizeof(struct p11_session *))) == NULL)
		return false;
	in->sessions = sessions;
	in->session_room = room;
	return true;
}

static CK_RV
session_insert(struct p11_instance *in, struct p11_session *session)
{
	if (in->session_count >= LIMIT_SESSIONS)
		return CKR_SESSION_COUNT;
	if (!session_room(in))
		return CKR_HOST_MEMORY;
	session->handle = ++in->last_session;
	in->sessions[in->session_count++] = session;
	return CKR_OK;
}

CK_RV
p11_session_add(struct p11_slot *slot, CK_FLAGS flags, CK_SESSION_HANDLE *ret_handle)
{
	struct p11_instance *in = p11_instance();
	struct p11_session *session = calloc(1, sizeof(*session));
	CK_RV rv;

	if (session == NULL)
		return CKR_HOST_MEMORY;
	session->slot = slot;
	session->flags = flags;
	lock_acquire(&in->lock);
	rv = session_insert(in, session);
	lock_release(&in->lock);
	if (rv != CKR_OK) {
		free(session);
		return rv;
	}
	*ret_handle = session->handle;
	return CKR_OK;
}

static void
session_free(struct p11_session *session)
{
	for (size_t i = 0; i < P11_OP_KINDS; i++)
		p11_op_clear(&session->ops[i]);
	p11_search_clear(&session->search);
	free(session);
}

/* Takes a session out of the table; NULL when the slot has none left. */
static struct p11_session *
session_take(const struct p11_slot *slot, CK_SESSION_HANDLE handle)
{
	struct p11_instance *in = p11_instance();
	struct p11_session *session = NULL;
	size_t i;

	lock_acquire(&in->lock);
	for (i = handle == CK_INVALID_HANDLE ? 0 : session_position(in, handle); i < in->session_count; i++)
		if (in->sessions[i]->slot == slot) {
			session = in->sessions[i];
			break;
		}
	if (session != NULL) {
		in->session_count--;
		memmove(&in->sessions[i], &in->sessions[i + 1], (in->session_count - i) * sizeof(struct p11_session *));
	}
	lock_release(&in->lock);
	return session;
}

void
p11_session_remove(struct p11_session *session)
{
	struct p11_slot *slot = session->slot;

	session_take(slot, session->handle);
	p11_objects_drop_session(slot, session->handle);
	session_free(session);
	if (p11_session_count(slot, 0) == 0)
		p11_logout(slot);
}

void
p11_sessions_remove(struct p11_slot *slot)
{
	struct p11_session *session;

	while ((session = session_take(slot, CK_INVALID_HANDLE)) != NULL) {
		p11_objects_drop_session(slot, session->handle);
		session_free(session);
	}
	p11_logout(slot);
}

size_t
p11_session_count(const struct p11_slot *slot, CK_FLAGS flags)
{
	struct p11_instance *in = p11_instance();
	size_t count = 0;

	lock_acquire(&in->lock);
	for (size_t i = 0; i < in->session_count; i++)
		count += in->sessions[i]->slot == slot && (in->sessions[i]->flags & flags) == flags;
	lock_release(&in->lock);
	return count;
}

/* Private keys go out of reach, so what is under way with them ends. */
static void
end_private_operations(struct p11_slot *slot)
{
	struct p11_instance *in = p11_instance();

	lock_acquire(&in->lock);
	for (size_t i = 0; i < in->session_count; i++)
		for (unsigned kind = 0; in->sessions[i]->slot == slot && kind < P11_OP_KINDS; kind++)
			if (p11_op_is_private(kind) || in->sessions[i]->ops[kind].private_memory)
				p11_op_clear(&in->sessions[i]->ops[kind]);
	lock_release(&in->lock);
}

void
p11_logout(struct p11_slot *slot)
{
	if (slot->login == P11_PUBLIC)
		return;
	csp_logout(slot->reader);
	slot->login = P11_PUBLIC;
	slot->fresh_login = false;
	end_private_operations(slot);
	p11_objects_drop_private(slot);
}

CK_RV
p11_read_rv(struct p11_slot *slot, CK_RV rv)
{
	if (rv == CKR_USER_NOT_LOGGED_IN && slot->login == P11_USER)
		p11_logout(slot);
	return rv;
}
