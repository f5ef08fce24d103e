/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The module's one piece of global state: whether it is initialised, in which process, and the tables of slots and
 * sessions.
 *
 * No mutex is used for initialising: one that another thread holds when the process forks stays locked in the child for
 * ever. The words below carry the process that they belong to instead, so that a child recognises what it inherited as
 * not its own.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "csp/manage.h"
#include "p11/op.h"

struct instance {
	struct csp *csp;
	struct lock_ops lock_ops;
	struct lock lock; /* the module lock of p11.h; guards all below */
	struct p11_slot *slots[LIMIT_READERS];
	size_t slot_count;
	struct p11_session **sessions; /* in the order of their handles */
	size_t session_count, session_room;
	CK_SESSION_HANDLE last_session;
	CK_OBJECT_HANDLE last_object;
	/* What a forked child has inherited. Other threads of the parent may have been at work on it: it is never
	   touched again, only kept where leak checkers see it. */
	struct instance *inherited;
};

static struct {
	process_lock opener; /* held while initialising or finalising */
	_Atomic(pid_t) pid;  /* process in which the instance is ready; 0: none */
	atomic_uint inside;  /* calls under way */
	struct instance *instance;
} module;

static void
short_sleep(void)
{
	static const struct timespec millisecond = { 0, 1000000 };

	nanosleep(&millisecond, NULL);
}

/* Calls and finalising ------------------------------------------------------------------------------------------------ */

CK_RV
p11_begin(void)
{
	pid_t self = getpid();

	/* looked at first so that a child's early calls leave the counter alone, which C_Initialize sets to zero */
	if (atomic_load(&module.pid) != self)
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	atomic_fetch_add(&module.inside, 1);
	if (atomic_load(&module.pid) == self)
		return CKR_OK;
	atomic_fetch_sub(&module.inside, 1);
	return CKR_CRYPTOKI_NOT_INITIALIZED;
}

void
p11_end(void)
{
	atomic_fetch_sub(&module.inside, 1);
}

struct csp *
p11_csp(void)
{
	return module.instance->csp;
}

/* NULL on failure, with its code. */
static struct instance *
instance_new(const struct lock_ops *locks, bool no_threads, CK_RV *ret_rv)
{
	struct csp_options options;
	struct instance *in = calloc(1, sizeof(*in));

	*ret_rv = CKR_HOST_MEMORY;
	if (in == NULL)
		return NULL;
	csp_config_load(&options, NULL, NULL);
	log_open_as(options.log_level, options.log_file);
	options.no_threads = no_threads;
	if (locks != NULL) {
		in->lock_ops = *locks;
		options.locks = &in->lock_ops;
	}
	if (!lock_init(&in->lock, options.locks)) {
		*ret_rv = CKR_CANT_LOCK;
		free(in);
		return NULL;
	}
	*ret_rv = p11_rv(csp_open(&options, &in->csp), P11_CTX_TOKEN);
	if (*ret_rv != CKR_OK) {
		lock_destroy(&in->lock);
		free(in);
		return NULL;
	}
	return in;
}

static void
instance_free(struct instance *in)
{
	for (size_t i = 0; i < in->slot_count; i++) {
		csp_reader_lock(in->slots[i]->reader);
		p11_sessions_remove(in->slots[i]);
		p11_objects_drop(in->slots[i]);
		csp_reader_unlock(in->slots[i]->reader);
	}
	csp_close(&in->csp);
	for (size_t i = 0; i < in->slot_count; i++)
		free(in->slots[i]);
	free(in->sessions);
	lock_destroy(&in->lock);
	free(in);
}

static CK_RV
open_locked(const struct lock_ops *locks, bool no_threads, pid_t self)
{
	struct instance *inherited = module.instance;
	struct instance *in;
	CK_RV rv;

	if (atomic_load(&module.pid) == self)
		return CKR_CRYPTOKI_ALREADY_INITIALIZED;
	/* not ready at the time of the fork: a thread of the parent was making it or taking it apart */
	if (inherited != NULL && atomic_load(&module.pid) != 0)
		csp_forget(&inherited->csp);
	log_open();
	if ((in = instance_new(locks, no_threads, &rv)) == NULL)
		return rv;
	in->inherited = inherited;
	module.instance = in;
	atomic_store(&module.inside, 0);
	if ((rv = p11_slots_poll(true)) != CKR_OK) {
		instance_free(in);
		module.instance = inherited;
		return rv;
	}
	for (size_t i = 0; i < in->slot_count; i++)
		in->slots[i]->reported = in->slots[i]->generation;
	atomic_store(&module.pid, self);
	return CKR_OK;
}

CK_RV
p11_module_open(const struct lock_ops *locks, bool no_threads)
{
	pid_t self = getpid();
	CK_RV rv;

	process_lock_acquire(&module.opener);
	rv = open_locked(locks, no_threads, self);
	process_lock_release(&module.opener);
	return rv;
}

CK_RV
p11_module_close(void)
{
	struct instance *in, *inherited;
	pid_t self = getpid();

	if (atomic_load(&module.pid) != self)
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	process_lock_acquire(&module.opener);
	if (atomic_load(&module.pid) != self) {
		process_lock_release(&module.opener);
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	}
	in = module.instance;
	atomic_store(&module.pid, 0);
	csp_cancel_waits(in->csp);
	while (atomic_load(&module.inside) > 0)
		short_sleep();
	csp_join_waits(in->csp);
	inherited = in->inherited;
	instance_free(in);
	module.instance = inherited;
	log_close();
	process_lock_release(&module.opener);
	return CKR_OK;
}

/* Slots --------------------------------------------------------------------------------------------------------------- */

size_t
p11_slot_count(void)
{
	struct instance *in = module.instance;
	size_t count;

	lock_acquire(&in->lock);
	count = in->slot_count;
	lock_release(&in->lock);
	return count;
}

struct p11_slot *
p11_slot_at(size_t index)
{
	struct instance *in = module.instance;
	struct p11_slot *slot;

	lock_acquire(&in->lock);
	slot = index < in->slot_count ? in->slots[index] : NULL;
	lock_release(&in->lock);
	return slot;
}

struct p11_slot *
p11_slot_find(CK_SLOT_ID id)
{
	return id == 0 ? NULL : p11_slot_at(id - 1);
}

/* A card that is there already when its reader is first listed is an event; one that was there at C_Initialize is not. */
static bool
add_slots(struct instance *in)
{
	while (in->slot_count < csp_reader_count(in->csp) && in->slot_count < LIMIT_READERS) {
		struct p11_slot *slot = calloc(1, sizeof(*slot));

		if (slot == NULL)
			return false;
		slot->reader = csp_reader_at(in->csp, in->slot_count);
		slot->generation = csp_reader_generation(slot->reader);
		slot->reported = slot->generation - csp_reader_present(slot->reader);
		in->slots[in->slot_count++] = slot;
		slot->id = in->slot_count;
	}
	return true;
}

CK_RV
p11_slots_poll(bool add)
{
	struct instance *in = module.instance;
	DWORD r = csp_poll(in->csp, add);
	bool done = true;

	if (r != SCARD_S_SUCCESS)
		return p11_rv(r, P11_CTX_TOKEN);
	if (add) {
		lock_acquire(&in->lock);
		done = add_slots(in);
		lock_release(&in->lock);
	}
	return done ? CKR_OK : CKR_HOST_MEMORY;
}

struct p11_slot *
p11_slot_event(void)
{
	struct instance *in = module.instance;
	struct p11_slot *happened = NULL;

	lock_acquire(&in->lock);
	for (size_t i = 0; i < in->slot_count && happened == NULL; i++) {
		uint32_t now = csp_reader_generation(in->slots[i]->reader);

		if (now != in->slots[i]->reported) {
			in->slots[i]->reported = now;
			happened = in->slots[i];
		}
	}
	lock_release(&in->lock);
	return happened;
}

/* Sessions ------------------------------------------------------------------------------------------------------------ */

/* Index of the first session whose handle is not below the one given. */
static size_t
session_position(const struct instance *in, CK_SESSION_HANDLE handle)
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
session_find(CK_SESSION_HANDLE handle)
{
	struct instance *in = module.instance;
	struct p11_session *session = NULL;
	size_t at;

	lock_acquire(&in->lock);
	at = session_position(in, handle);
	if (at < in->session_count && in->sessions[at]->handle == handle)
		session = in->sessions[at];
	lock_release(&in->lock);
	return session;
}

/* The session itself may end before its slot is locked, the slot not. */
static struct p11_slot *
session_slot(CK_SESSION_HANDLE handle)
{
	struct instance *in = module.instance;
	struct p11_slot *slot = NULL;
	size_t at;

	lock_acquire(&in->lock);
	at = session_position(in, handle);
	if (at < in->session_count && in->sessions[at]->handle == handle)
		slot = in->sessions[at]->slot;
	lock_release(&in->lock);
	return slot;
}

static bool
session_room(struct instance *in)
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
session_insert(struct instance *in, struct p11_session *session)
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
	struct instance *in = module.instance;
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
	struct instance *in = module.instance;
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
	struct instance *in = module.instance;
	size_t count = 0;

	lock_acquire(&in->lock);
	for (size_t i = 0; i < in->session_count; i++)
		count += in->sessions[i]->slot == slot && (in->sessions[i]->flags & flags) == flags;
	lock_release(&in->lock);
	return count;
}

CK_OBJECT_HANDLE
p11_new_object_handle(void)
{
	struct instance *in = module.instance;
	CK_OBJECT_HANDLE handle;

	lock_acquire(&in->lock);
	handle = ++in->last_object;
	lock_release(&in->lock);
	return handle;
}

/* Private keys go out of reach, so what is under way with them ends. */
static void
end_private_operations(struct p11_slot *slot)
{
	struct instance *in = module.instance;

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

/* Entering and leaving ------------------------------------------------------------------------------------------------ */

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
	if ((slot = session_slot(handle)) == NULL) {
		p11_end();
		return CKR_SESSION_HANDLE_INVALID;
	}
	csp_reader_lock(slot->reader);
	settle(slot);
	if ((session = session_find(handle)) == NULL) {
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
