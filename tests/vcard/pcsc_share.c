/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may use the card of a reader now. Files that are locked belong to the handle, not to the process, so handles of
 * one process are kept apart like those of two, and the kernel takes back what a dead process held.
 */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "vcard/pcsc_world.h"

#define PAUSE_NS 1000000L /* pcscd looks every 100 ms; tests would rather not wait */

void
world_pause(void)
{
	struct timespec t = { 0, PAUSE_NS };

	(void)nanosleep(&t, NULL);
}

static void
close_locked(int *fd)
{
	if (*fd < 0)
		return;
	(void)flock(*fd, LOCK_UN); /* a forked child may have it open still */
	(void)close(*fd);
	*fd = -1;
}

/* The file "lock" as it is now: a removal puts another in its place, and a lock on the old one is worth nothing. */
static bool
open_lock(struct handle *h)
{
	struct stat st;

	if (h->lock_fd >= 0 && fstat(h->lock_fd, &st) == 0 && st.st_nlink != 0)
		return true;
	close_locked(&h->lock_fd);
	h->lock_fd = openat(h->reader->dir, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
	return h->lock_fd >= 0;
}

/*
 * The lock was free, yet somebody is noted in a transaction: that process is dead. pcscd resets the card then, unless
 * the dead client had a reset or a removal before it that it never got to know of.
 */
static void
bury_holder(struct reader *r)
{
	bool knew_all = r->state.holder_stamp == r->state.removals + r->state.resets;

	if (r->state.holder == 0)
		return;
	r->state.holder = 0;
	if (knew_all && r->state.present != 0)
		(void)reader_reset(r);
}

enum lock_result
handle_lock(struct handle *h)
{
	struct reader *r = h->reader;

	if (h->transactions != 0 && h->transaction_removals == r->state.removals)
		return LOCK_TAKEN;
	h->transactions = 0;
	if (!open_lock(h) || flock(h->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return r->state.holder != 0 ? LOCK_OTHER : LOCK_BUSY;
	bury_holder(r);
	return LOCK_TAKEN;
}

void
handle_unlock(struct handle *h)
{
	if (h->transactions == 0 && h->lock_fd >= 0)
		(void)flock(h->lock_fd, LOCK_UN);
}

void
handle_begin(struct handle *h)
{
	struct reader_state *s = &h->reader->state;

	h->transactions++;
	h->transaction_removals = s->removals;
	s->holder = (uint64_t)getpid();
	s->holder_stamp = h->removals + h->resets;
}

void
handle_end_all(struct handle *h)
{
	if (h->transactions != 0 && h->transaction_removals == h->reader->state.removals)
		h->reader->state.holder = 0;
	h->transactions = 0;
}

void
handle_end(struct handle *h)
{
	if (h->transactions > 1)
		h->transactions--;
	else
		handle_end_all(h);
}

LONG
handle_event(const struct handle *h)
{
	const struct reader_state *s = &h->reader->state;

	if (h->resets != s->resets && s->reset_removals == s->removals)
		return SCARD_W_RESET_CARD; /* also for a card that left before: the later event is told */
	return h->removals != s->removals ? SCARD_W_REMOVED_CARD : SCARD_S_SUCCESS;
}

void
handle_acknowledge(struct handle *h)
{
	struct reader_state *s = &h->reader->state;

	h->removals = s->removals;
	h->resets = s->resets;
	if (h->transactions != 0 && h->transaction_removals == s->removals)
		s->holder_stamp = s->removals + s->resets;
}

LONG
handle_join(struct handle *h, bool exclusive)
{
	int fd = openat(h->reader->dir, "users", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);

	if (fd < 0)
		return SCARD_F_INTERNAL_ERROR;
	if (flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
		(void)close(fd);
		return SCARD_E_SHARING_VIOLATION;
	}
	h->users_fd = fd;
	h->exclusive = exclusive;
	return SCARD_S_SUCCESS;
}

LONG
handle_change_sharing(struct handle *h, bool exclusive)
{
	if (h->exclusive == exclusive)
		return SCARD_S_SUCCESS;
	if (flock(h->users_fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
		(void)flock(h->users_fd, LOCK_SH | LOCK_NB); /* a failed change gives up what was held */
		return SCARD_E_SHARING_VIOLATION;
	}
	h->exclusive = exclusive;
	return SCARD_S_SUCCESS;
}

bool
handle_part(struct handle *h)
{
	close_locked(&h->users_fd);
	h->exclusive = false;
	return reader_sharing(h->reader) == SHARING_NONE;
}

void
handle_close_files(struct handle *h)
{
	close_locked(&h->users_fd);
	close_locked(&h->lock_fd);
}
