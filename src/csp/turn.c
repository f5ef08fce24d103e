/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue of a reader is a file in $XDG_RUNTIME_DIR/minidriver-pkcs11. Places in it are locks on single bytes, far
 * beyond its end: the kernel takes them back from whoever dies, and they belong to the open file, so that two copies of
 * the module in one process are two. A ticket is the time at which it was drawn, with the seat of its owner in the low
 * bits; a seat names the FIFO that its owner listens to. A process that is stopped, or does something very long, is
 * passed over after PATIENCE_MS: then PC/SC says who has the card.
 */
#define _GNU_SOURCE /* F_OFD_SETLK */
#include "csp/turn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "csp/card.h"

#define DIRECTORY "minidriver-pkcs11"
#define SEATS 64u
/* How long the same process may be the first in the queue, at most. */
#define PATIENCE_MS 3000u
/* How often to look at the queue when nobody rings: for processes that died. */
#define LOOK_MS 50u
/* Longer than the step at which PC/SC looks whether a card is free. */
#define PAUSE_MS 120u

/* Locks. Tickets are below: microseconds of CLOCK_MONOTONIC times SEATS. */
#define TICKETS_END (UINT64_C(1) << 61)
#define DRAW_LOCK TICKETS_END
#define SEAT_LOCKS (TICKETS_END + 1)
#define DRAW_ROUNDS 200
#define DRAW_STEP_NS 100000L

/* What the file holds. Anybody of this user may write anything there, so a number is only a proposal. */
struct queue {
	uint64_t floor; /* tickets below do not count any more */
	/* how long the card has been used without a pause by any of us */
	uint64_t since_ms, last_ms;
};

void
csp_turn_init(struct csp_turn *turn, const char *runtime, const char *reader, uint32_t patience_ms,
	      const atomic_bool *cancelled)
{
	*turn = (struct csp_turn){
		.runtime = runtime,
		.reader = reader,
		.cancelled = cancelled,
		.patience_ms = patience_ms != 0 && patience_ms < PATIENCE_MS ? patience_ms : PATIENCE_MS,
		.directory = -1,
		.queue = -1,
		.bell = -1,
	};
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

	/* the kernel tells of any one in the range, so what is before that is asked for as well */
	while (from < end) {
		lock = lock_of(F_WRLCK, from, end - from);
		if (fcntl(turn->queue, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
			break;
		end = lock.l_start > (off_t)from ? (uint64_t)lock.l_start : from;
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
open_directory(const struct csp_turn *turn)
{
	int runtime = open(turn->runtime, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;

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

/* Readers have names that no file can have; FNV-1a. */
static void
name_queue(struct csp_turn *turn)
{
	uint64_t hash = UINT64_C(0xCBF29CE484222325);

	for (const char *p = turn->reader; *p != '\0'; p++)
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
open_all(struct csp_turn *turn)
{
	turn->tried = true;
	if (turn->runtime[0] == '\0' || (turn->directory = open_directory(turn)) < 0)
		return;
	name_queue(turn);
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
csp_turn_hush(int bell)
{
	uint8_t some[64];

	while (bell >= 0 && read(bell, some, sizeof(some)) == (ssize_t)sizeof(some))
		;
}

int
csp_turn_bell(const struct csp_turn *turn)
{
	return turn->bell;
}

static void
listen_for(const struct csp_turn *turn, uint32_t ms)
{
	struct pollfd p = { .fd = turn->bell, .events = POLLIN };

	if (poll(&p, 1, (int)ms) == 1)
		csp_turn_hush(turn->bell);
}

/* The queue -------------------------------------------------------------------------------------------------------------- */

static uint64_t
now_ticket(unsigned seat)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return ((uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000) * SEATS + seat;
}

/* Times that are yet to come make no sense. */
static struct queue
read_queue(const struct csp_turn *turn)
{
	const uint64_t now = csp_now_ms();
	struct queue q;

	if (pread(turn->queue, &q, sizeof(q), 0) != (ssize_t)sizeof(q))
		return (struct queue){ 0 };
	if (q.floor > now_ticket(0))
		q.floor = 0;
	if (q.last_ms > now || q.since_ms > q.last_ms)
		q.since_ms = q.last_ms = 0;
	return q;
}

/* What cannot be written is as if nobody had. */
static void
write_number(const struct csp_turn *turn, size_t offset, uint64_t number)
{
	(void)!pwrite(turn->queue, &number, sizeof(number), (off_t)offset);
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

/* One at a time, so that nobody takes a place before another who has already seen that he is the first. */
static bool
draw(struct csp_turn *turn)
{
	uint64_t ticket;
	bool ok;

	if (!lock_draw(turn))
		return false;
	ticket = now_ticket(turn->seat);
	ok = ticket < TICKETS_END && lock_byte(turn, F_WRLCK, ticket);
	(void)lock_byte(turn, F_UNLCK, DRAW_LOCK);
	if (ok)
		turn->ticket = ticket;
	return ok;
}

/* Somebody is the first for too long. His place counts no more, for nobody. */
static void
pass_over(const struct csp_turn *turn, uint64_t ticket)
{
	log_warn(LOG_CSP, "another process has been at the card for %u ms; its turn does not count any more",
		 turn->patience_ms);
	write_number(turn, offsetof(struct queue, floor), ticket + 1);
}

static void
wait_for_turn(const struct csp_turn *turn)
{
	uint64_t first = lowest(turn, 0, turn->ticket), before = 0, until = 0, passed = 0;

	/* one that was passed over may have the card still, and hear by now */
	if (first != turn->ticket)
		ring(turn, first);
	while (!atomic_load(turn->cancelled)) {
		const uint64_t floor = read_queue(turn).floor;

		first = lowest(turn, floor > passed ? floor : passed, turn->ticket);
		if (first == turn->ticket)
			return;
		if (first != before) {
			/* whoever is at work sees us when ready; whoever only holds the card is told */
			ring(turn, first);
			before = first;
			until = csp_now_ms() + turn->patience_ms;
		} else if (csp_now_ms() >= until) {
			pass_over(turn, first);
			passed = first + 1;
			continue;
		}
		listen_for(turn, LOOK_MS);
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
	const uint64_t now = csp_now_ms();

	if (turn->ticket != 0) {
		const struct queue q = read_queue(turn);

		turn->since_ms = q.since_ms;
		turn->last_ms = q.last_ms;
	}
	if (now - turn->last_ms >= PAUSE_MS) {
		turn->since_ms = now;
	} else if (busy_ms != 0 && now - turn->since_ms >= busy_ms) {
		sleep_until(turn->last_ms + PAUSE_MS);
		turn->since_ms = csp_now_ms();
	}
	if (turn->ticket != 0)
		write_number(turn, offsetof(struct queue, since_ms), turn->since_ms);
}

/* Turns ------------------------------------------------------------------------------------------------------------------ */

/* A host that closes whatever is open may have something else there by now. */
static void
check_open(struct csp_turn *turn)
{
	if (turn->queue >= 0 &&
	    (!is_own(turn->queue, S_IFREG, S_IRWXG | S_IRWXO) || !is_own(turn->bell, S_IFIFO, S_IRWXG | S_IRWXO)))
		turn->bell = turn->queue = turn->directory = -1;
}

void
csp_turn_take(struct csp_turn *turn, uint32_t busy_ms)
{
	if (!turn->tried)
		open_all(turn);
	check_open(turn);
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
	write_number(turn, offsetof(struct queue, last_ms), turn->last_ms);
	(void)lock_byte(turn, F_UNLCK, turn->ticket);
	next = lowest(turn, turn->ticket + 1, TICKETS_END);
	if (next != TICKETS_END)
		ring(turn, next);
	turn->ticket = 0;
}

bool
csp_turn_wanted(const struct csp_turn *turn)
{
	return turn->ticket != 0 && lowest(turn, turn->ticket + 1, TICKETS_END) != TICKETS_END;
}
