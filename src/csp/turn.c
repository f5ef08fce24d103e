/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue of a reader is a file in $XDG_RUNTIME_DIR/minidriver-pkcs11. Places in it are locks on single bytes, far
 * beyond its end: the kernel takes them back from whoever dies, and they belong to the open file, so that two copies of
 * the module in one process are two. A ticket is a number drawn from the file times SEATS plus the seat of its owner; a
 * seat names the FIFO that its owner listens to. A process that is stopped, or does something very long, is passed over
 * after PATIENCE_MS: then PC/SC says who has the card.
 */
#define _GNU_SOURCE /* F_OFD_SETLK, secure_getenv */
#include "csp/turn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "csp/card.h"

#define DIRECTORY "minidriver-pkcs11"
#define SEATS 64u
/* How long the same process may be the first in the queue. */
#define PATIENCE_MS 3000u
/* How often to look at the queue when nobody rings: for processes that died. */
#define LOOK_MS 50u
/* Longer than the step at which pcscd looks whether a card is free. */
#define PAUSE_MS 120u

/* Locks. Tickets are below. */
#define TICKETS_END (UINT64_C(1) << 61)
#define DRAW_LOCK TICKETS_END
#define SEAT_LOCKS (TICKETS_END + 1)
#define DRAW_ROUNDS 200
#define DRAW_STEP_NS 100000L

/* What the file holds. Anybody of this user may write anything there, so a number is only a proposal. */
struct queue {
	uint64_t drawn; /* the last number */
	uint64_t floor; /* tickets below do not count any more */
	uint64_t since_ms, last_ms;
	uint64_t owners[SEATS]; /* process numbers, for the log */
};
/* What is looked at all the time. */
#define QUEUE_HEAD offsetof(struct queue, owners)

void
csp_turn_init(struct csp_turn *turn)
{
	*turn = (struct csp_turn){ .directory = -1, .queue = -1, .bell = -1 };
}

/* Locks ----------------------------------------------------------------------------------------------------------------- */

static struct flock
lock_of(short type, uint64_t from, uint64_t length)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)from, .l_len = (off_t)length };
}

static bool
lock_byte(const struct csp_turn *turn, short type, uint64_t byte)
{
	struct flock lock = lock_of(type, byte, 1);

	return fcntl(turn->queue, F_OFD_SETLK, &lock) == 0;
}

/* The lowest of others' locks in a range; end when there is none. */
static uint64_t
lowest(const struct csp_turn *turn, uint64_t from, uint64_t end)
{
	struct flock lock;

	while (from < end) {
		lock = lock_of(F_WRLCK, from, end - from);
		if (fcntl(turn->queue, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
			break;
		/* the kernel tells of any of them */
		if (lock.l_start <= (off_t)from)
			return from;
		end = (uint64_t)lock.l_start;
		lock = lock_of(F_WRLCK, from, end - from);
		if (fcntl(turn->queue, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
			return end;
	}
	return end;
}

/* Opening --------------------------------------------------------------------------------------------------------------- */

static bool
is_own(int fd, mode_t type, mode_t forbidden)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type && st.st_uid == geteuid() &&
	       (st.st_mode & forbidden) == 0;
}

static int
open_runtime(void)
{
	const char *path = secure_getenv("XDG_RUNTIME_DIR");
	char usual[40];

	/* relative ones are to be ignored (XDG Base Directory Specification) */
	if (path == NULL || path[0] != '/') {
		(void)snprintf(usual, sizeof(usual), "/run/user/%lu", (unsigned long)geteuid());
		path = usual;
	}
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int
open_directory(void)
{
	int runtime = open_runtime(), fd = -1;

	if (runtime < 0)
		return -1;
	if (is_own(runtime, S_IFDIR, S_IWGRP | S_IWOTH)) {
		(void)mkdirat(runtime, DIRECTORY, 0700);
		fd = openat(runtime, DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	(void)close(runtime);
	if (fd >= 0 && !is_own(fd, S_IFDIR, S_IRWXG | S_IRWXO)) {
		log_warn(LOG_CSP, "the directory %s for turns is not the user's own", DIRECTORY);
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

static int
open_checked(const struct csp_turn *turn, const char *name, int flags, mode_t type)
{
	int fd = openat(turn->directory, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);

	if (fd >= 0 && !is_own(fd, type, S_IRWXG | S_IRWXO)) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

/* Readers have names that no file can have; FNV-1a, of the service's address as well. */
static void
name_queue(struct csp_turn *turn, const char *reader)
{
	const char *service = secure_getenv("PCSCLITE_CSOCK_NAME");
	const char *const texts[] = { reader, "\n", service != NULL ? service : "" };
	uint64_t hash = UINT64_C(0xCBF29CE484222325);

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		for (const char *p = texts[i]; *p != '\0'; p++)
			hash = (hash ^ (uint8_t)*p) * UINT64_C(0x100000001B3);
	(void)snprintf(turn->name, sizeof(turn->name), "%016llx", (unsigned long long)hash);
}

static void
bell_name(const struct csp_turn *turn, unsigned seat, char ret_name[40])
{
	(void)snprintf(ret_name, 40, "%s.%u", turn->name, seat);
}

static bool
take_seat(struct csp_turn *turn)
{
	char name[40];

	for (turn->seat = 0; turn->seat < SEATS; turn->seat++)
		if (lock_byte(turn, F_WRLCK, SEAT_LOCKS + turn->seat))
			break;
	if (turn->seat == SEATS)
		return false;
	bell_name(turn, turn->seat, name);
	(void)mkfifoat(turn->directory, name, 0600);
	turn->bell = open_checked(turn, name, O_RDWR, S_IFIFO);
	return turn->bell >= 0;
}

static void
close_all(struct csp_turn *turn)
{
	if (turn->bell >= 0)
		(void)close(turn->bell);
	if (turn->queue >= 0)
		(void)close(turn->queue);
	if (turn->directory >= 0)
		(void)close(turn->directory);
	turn->bell = turn->queue = turn->directory = -1;
	turn->ticket = 0;
}

static void
open_all(struct csp_turn *turn, const char *reader)
{
	turn->tried = true;
	if ((turn->directory = open_directory()) < 0)
		return;
	name_queue(turn, reader);
	turn->queue = open_checked(turn, turn->name, O_RDWR | O_CREAT, S_IFREG);
	if (turn->queue < 0 || !take_seat(turn))
		close_all(turn);
}

void
csp_turn_close(struct csp_turn *turn)
{
	char name[40];

	csp_turn_give(turn);
	if (turn->bell >= 0) {
		bell_name(turn, turn->seat, name);
		(void)unlinkat(turn->directory, name, 0);
	}
	close_all(turn);
}

void
csp_turn_forget(struct csp_turn *turn)
{
	close_all(turn);
}

/* The bell --------------------------------------------------------------------------------------------------------------- */

static void
ring(const struct csp_turn *turn, uint64_t ticket)
{
	char name[40];
	int fd;

	bell_name(turn, (unsigned)(ticket % SEATS), name);
	if ((fd = open_checked(turn, name, O_WRONLY, S_IFIFO)) < 0)
		return;
	/* one that is full has been rung */
	(void)!write(fd, "", 1);
	(void)close(fd);
}

void
csp_turn_hush(struct csp_turn *turn)
{
	uint8_t some[64];

	while (turn->bell >= 0 && read(turn->bell, some, sizeof(some)) == (ssize_t)sizeof(some))
		;
}

/* True when it rang. */
static bool
listen_for(struct csp_turn *turn, uint32_t ms)
{
	struct pollfd p = { .fd = turn->bell, .events = POLLIN };

	if (poll(&p, 1, (int)ms) != 1)
		return false;
	csp_turn_hush(turn);
	return true;
}

/* The queue -------------------------------------------------------------------------------------------------------------- */

static void
read_queue(const struct csp_turn *turn, struct queue *ret_queue)
{
	struct queue q = { 0 };

	if (pread(turn->queue, &q, QUEUE_HEAD, 0) != (ssize_t)QUEUE_HEAD || q.drawn >= TICKETS_END / SEATS - 1 ||
	    q.floor > (q.drawn + 1) * SEATS)
		q = (struct queue){ 0 };
	*ret_queue = q;
}

static bool
write_number(const struct csp_turn *turn, size_t offset, uint64_t number)
{
	return pwrite(turn->queue, &number, sizeof(number), (off_t)offset) == (ssize_t)sizeof(number);
}

static bool
lock_draw(const struct csp_turn *turn)
{
	const struct timespec step = { 0, DRAW_STEP_NS };

	for (int round = 0; round < DRAW_ROUNDS; round++) {
		if (lock_byte(turn, F_WRLCK, DRAW_LOCK))
			return true;
		(void)nanosleep(&step, NULL);
	}
	return false;
}

static bool
draw(struct csp_turn *turn)
{
	struct queue q;
	uint64_t ticket;
	bool ok;

	if (!lock_draw(turn))
		return false;
	read_queue(turn, &q);
	/* a new file, or one that made no sense; when this fails, so does what follows */
	if (q.drawn == 0)
		(void)!pwrite(turn->queue, &q, QUEUE_HEAD, 0);
	ticket = (q.drawn + 1) * SEATS + turn->seat;
	(void)write_number(turn, offsetof(struct queue, owners) + turn->seat * sizeof(uint64_t), (uint64_t)getpid());
	ok = write_number(turn, offsetof(struct queue, drawn), q.drawn + 1) && lock_byte(turn, F_WRLCK, ticket);
	(void)lock_byte(turn, F_UNLCK, DRAW_LOCK);
	if (ok)
		turn->ticket = ticket;
	return ok;
}

/* Somebody is the first for too long. His place counts no more, for nobody. */
static void
pass_over(const struct csp_turn *turn, uint64_t ticket)
{
	const size_t offset = offsetof(struct queue, owners) + ticket % SEATS * sizeof(uint64_t);
	uint64_t owner = 0;

	(void)!pread(turn->queue, &owner, sizeof(owner), (off_t)offset);
	log_warn(LOG_CSP, "process %llu has been at the card for %u ms; its turn does not count any more",
		 (unsigned long long)owner, PATIENCE_MS);
	(void)write_number(turn, offsetof(struct queue, floor), ticket + 1);
}

static void
wait_for_turn(struct csp_turn *turn)
{
	uint64_t first, before = 0, until = 0, passed = 0;
	struct queue q;

	for (;;) {
		read_queue(turn, &q);
		first = lowest(turn, q.floor > passed ? q.floor : passed, turn->ticket);
		if (first == turn->ticket)
			return;
		if (first != before) {
			before = first;
			until = csp_now_ms() + PATIENCE_MS;
		} else if (csp_now_ms() >= until) {
			pass_over(turn, first);
			passed = first + 1;
			continue;
		}
		/* whoever is at work sees us when ready; whoever only holds the card is told */
		ring(turn, first);
		(void)listen_for(turn, LOOK_MS);
	}
}

/* Pauses ----------------------------------------------------------------------------------------------------------------- */

static void
sleep_until(uint64_t when_ms)
{
	const struct timespec t = { .tv_sec = (time_t)(when_ms / 1000), .tv_nsec = (long)(when_ms % 1000) * 1000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

/* Programs that know nothing of this queue would never find the card free while it goes from hand to hand here. */
static void
pause_for_others(struct csp_turn *turn, uint32_t busy_ms)
{
	uint64_t now = csp_now_ms();
	struct queue q;

	if (turn->ticket != 0) {
		read_queue(turn, &q);
		turn->since_ms = q.since_ms;
		turn->last_ms = q.last_ms;
	}
	if (turn->since_ms > turn->last_ms || turn->last_ms > now) /* nonsense */
		turn->since_ms = turn->last_ms = 0;
	if (now - turn->last_ms >= PAUSE_MS)
		turn->since_ms = now;
	else if (busy_ms != 0 && now - turn->since_ms >= busy_ms) {
		sleep_until(turn->last_ms + PAUSE_MS);
		turn->since_ms = csp_now_ms();
	}
	if (turn->ticket != 0)
		(void)write_number(turn, offsetof(struct queue, since_ms), turn->since_ms);
}

/* Turns ------------------------------------------------------------------------------------------------------------------ */

void
csp_turn_take(struct csp_turn *turn, const char *reader, uint32_t busy_ms)
{
	if (!turn->tried)
		open_all(turn, reader);
	/* a host that closes whatever is open may have something else there by now */
	if (turn->queue >= 0 &&
	    (!is_own(turn->queue, S_IFREG, S_IRWXG | S_IRWXO) || !is_own(turn->bell, S_IFIFO, S_IRWXG | S_IRWXO)))
		turn->bell = turn->queue = turn->directory = -1;
	if (turn->queue >= 0 && turn->ticket == 0 && draw(turn))
		wait_for_turn(turn);
	pause_for_others(turn, busy_ms);
}

void
csp_turn_give(struct csp_turn *turn)
{
	uint64_t next;

	turn->last_ms = csp_now_ms();
	if (turn->ticket == 0)
		return;
	(void)write_number(turn, offsetof(struct queue, last_ms), turn->last_ms);
	(void)lock_byte(turn, F_UNLCK, turn->ticket);
	next = lowest(turn, turn->ticket + 1, TICKETS_END);
	if (next != TICKETS_END)
		ring(turn, next);
	turn->ticket = 0;
}

bool
csp_turn_wanted(struct csp_turn *turn)
{
	return turn->ticket != 0 && lowest(turn, turn->ticket + 1, TICKETS_END) != TICKETS_END;
}
