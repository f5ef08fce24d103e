/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ends transactions that are held beyond the call that began them. One thread, started when there is something to wait
 * for and gone when there is not. A library that is unloaded without C_Finalize must not leave a thread behind in code
 * that is no longer there; the destructor at the end of this file joins it.
 */
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "csp/card.h"

#define MS_PER_S 1000u
#define NS_PER_MS 1000000u
/* The deadline of a reader that somebody works with. */
#define LATER UINT64_MAX

/* Instances with a thread, for the destructor: the only state of this library that is not in an instance. */
static struct {
	process_lock lock;
	struct csp_release *first;
	pid_t pid; /* whose list this is */
	bool unloading;
} all;

uint64_t
csp_now_ms(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * MS_PER_S + (uint64_t)t.tv_nsec / NS_PER_MS;
}

/* The earliest time at which a reader wants something, 0 for never. */
static uint64_t
earliest(const struct csp *csp)
{
	size_t count = csp_reader_count(csp);
	uint64_t first = 0;

	for (size_t i = 0; i < count; i++) {
		if (csp->readers[i]->deadline_ms != 0 && (first == 0 || csp->readers[i]->deadline_ms < first))
			first = csp->readers[i]->deadline_ms;
	}
	return first;
}

/* Somebody is about to lock the reader, or to unlock it. */
static void
put_off(struct csp_reader *reader)
{
	struct csp_release *r = &reader->csp->release;

	(void)pthread_mutex_lock(&r->mutex);
	if (reader->deadline_ms != 0 && reader->deadline_ms != LATER)
		reader->deadline_ms = csp_now_ms() + 1;
	(void)pthread_mutex_unlock(&r->mutex);
}

static void
settle(struct csp_reader *reader)
{
	if (csp_reader_try_lock(reader))
		csp_reader_unlock(reader);
	else
		put_off(reader);
}

/* Called with the mutex, which is let go while a transaction is ended. */
static void
settle_due(struct csp *csp)
{
	size_t count = csp_reader_count(csp);
	uint64_t now = csp_now_ms();
	struct csp_reader *reader;

	for (size_t i = 0; i < count; i++) {
		reader = csp->readers[i];
		if (reader->deadline_ms == 0 || reader->deadline_ms > now || csp->release.stop)
			continue;
		(void)pthread_mutex_unlock(&csp->release.mutex);
		settle(reader);
		(void)pthread_mutex_lock(&csp->release.mutex);
	}
}

static void
wake(const struct csp_release *r)
{
	const uint64_t one = 1;

	if (r->changed >= 0)
		(void)!write(r->changed, &one, sizeof(one));
}

/* Called with the mutex. What to listen to: changes, and the bells of readers that have one. */
static nfds_t
gather(const struct csp *csp, struct pollfd fds[1 + LIMIT_READERS], struct csp_reader *of[1 + LIMIT_READERS])
{
	size_t count = csp_reader_count(csp);
	nfds_t n = 1;

	fds[0] = (struct pollfd){ .fd = csp->release.changed, .events = POLLIN };
	for (size_t i = 0; i < count; i++) {
		if (csp->readers[i]->deadline_ms == 0 || csp->readers[i]->bell < 0)
			continue;
		of[n] = csp->readers[i];
		fds[n++] = (struct pollfd){ .fd = csp->readers[i]->bell, .events = POLLIN };
	}
	return n;
}

/* Whoever is at work with the reader sees who waits when it is ready, whether the bell is heard or not. */
static void
answer(struct csp_reader *reader)
{
	csp_turn_hush(reader->bell);
	if (reader->listening)
		reader->deadline_ms = csp_now_ms();
	reader->listening = false;
}

static int
time_left(uint64_t until_ms)
{
	const uint64_t now = csp_now_ms();

	if (until_ms == LATER)
		return -1;
	if (until_ms <= now)
		return 0;
	return until_ms - now < INT_MAX ? (int)(until_ms - now) : INT_MAX;
}

/* Called with the mutex, which is let go meanwhile. */
static void
wait_until(struct csp *csp, uint64_t until_ms)
{
	struct pollfd fds[1 + LIMIT_READERS];
	struct csp_reader *of[1 + LIMIT_READERS];
	const nfds_t n = gather(csp, fds, of);
	uint64_t changes;

	csp->release.until_ms = until_ms;
	(void)pthread_mutex_unlock(&csp->release.mutex);
	(void)poll(fds, n, time_left(until_ms));
	(void)pthread_mutex_lock(&csp->release.mutex);
	if (fds[0].revents != 0)
		(void)!read(fds[0].fd, &changes, sizeof(changes));
	for (nfds_t i = 1; i < n; i++)
		if (fds[i].revents != 0)
			answer(of[i]);
}

static void *
run(void *arg)
{
	struct csp *csp = arg;
	struct csp_release *r = &csp->release;
	uint64_t next;

	(void)pthread_mutex_lock(&r->mutex);
	while (!r->stop && (next = earliest(csp)) != 0) {
		if (next > csp_now_ms())
			wait_until(csp, next);
		else
			settle_due(csp);
	}
	r->running = false;
	(void)pthread_mutex_unlock(&r->mutex);
	return NULL;
}

/* Called with the mutex. The host's signals are not for this thread. */
static bool
start(struct csp *csp)
{
	struct csp_release *r = &csp->release;
	sigset_t every, before;

	if (r->started)
		(void)pthread_join(r->thread, NULL);
	if (r->changed < 0)
		r->changed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->changed < 0)
		return false;
	(void)sigfillset(&every);
	(void)pthread_sigmask(SIG_SETMASK, &every, &before);
	r->started = r->running = pthread_create(&r->thread, NULL, run, csp) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!r->started)
		log_warn(LOG_CSP, "no thread to end transactions; they are ended at once");
	return r->started;
}

/* The thread looks at every deadline before it sleeps again, so it is woken only for what it does not expect. */
bool
csp_release_arm(struct csp_reader *reader, uint64_t deadline_ms, bool listen)
{
	struct csp_release *r = &reader->csp->release;
	const int bell = csp_turn_bell(&reader->turn);
	bool news, armed;

	(void)pthread_mutex_lock(&r->mutex);
	news = deadline_ms < r->until_ms || bell != reader->bell;
	reader->deadline_ms = deadline_ms;
	reader->listening = listen;
	reader->bell = bell;
	armed = !r->stop && (r->running || start(reader->csp));
	if (!armed)
		reader->deadline_ms = 0;
	else if (news)
		wake(r);
	(void)pthread_mutex_unlock(&r->mutex);
	return armed;
}

void
csp_release_pause(struct csp_reader *reader)
{
	struct csp_release *r = &reader->csp->release;

	(void)pthread_mutex_lock(&r->mutex);
	if (reader->deadline_ms != 0)
		reader->deadline_ms = LATER;
	reader->listening = false;
	(void)pthread_mutex_unlock(&r->mutex);
}

void
csp_release_disarm(struct csp_reader *reader)
{
	struct csp_release *r = &reader->csp->release;

	(void)pthread_mutex_lock(&r->mutex);
	if (reader->deadline_ms != 0)
		wake(r);
	reader->deadline_ms = 0;
	reader->listening = false;
	(void)pthread_mutex_unlock(&r->mutex);
}

static void
join(struct csp_release *r)
{
	bool started;

	(void)pthread_mutex_lock(&r->mutex);
	r->stop = true;
	started = r->started;
	r->started = false;
	wake(r);
	(void)pthread_mutex_unlock(&r->mutex);
	if (started)
		(void)pthread_join(r->thread, NULL);
}

/* What a parent process has listed, perhaps in the middle of it, is not ours. */
static void
acquire_list(void)
{
	const pid_t self = getpid();

	process_lock_acquire(&all.lock);
	if (all.pid != self)
		all.first = NULL;
	all.pid = self;
}

bool
csp_release_init(struct csp *csp)
{
	struct csp_release *r = &csp->release;

	if (pthread_mutex_init(&r->mutex, NULL) != 0)
		return false;
	r->changed = -1;
	acquire_list();
	r->stop = all.unloading;
	r->next = all.first;
	all.first = r;
	process_lock_release(&all.lock);
	return true;
}

void
csp_release_stop(struct csp *csp)
{
	acquire_list();
	for (struct csp_release **p = &all.first; *p != NULL; p = &(*p)->next) {
		if (*p == &csp->release) {
			*p = csp->release.next;
			break;
		}
	}
	process_lock_release(&all.lock);
	join(&csp->release);
}

void
csp_release_destroy(struct csp *csp)
{
	csp_release_forget(csp);
	(void)pthread_mutex_destroy(&csp->release.mutex);
}

void
csp_release_forget(struct csp *csp)
{
	if (csp->release.changed >= 0)
		(void)close(csp->release.changed);
	csp->release.changed = -1;
}

static void unload(void) __attribute__((destructor));

static void
unload(void)
{
	if (all.pid != getpid())
		return;
	process_lock_acquire(&all.lock);
	all.unloading = true;
	for (struct csp_release *r = all.first; r != NULL; r = r->next)
		join(r);
	process_lock_release(&all.lock);
}
