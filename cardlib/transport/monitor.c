/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Readers and their cards over the life of the smart card service, which may be absent, go and come back. Looking and
 * waiting have a view each, because a PC/SC context does one thing at a time.
 */
#include "transport/transport.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "carderr.h"
#include "transport/pcsc.h"

/* Without service: how often to look for it. */
#define ABSENT_STEP_MS 1000u
/* With service: the longest wait in one piece, as pcsc-lite's own that have no end. */
#define WAIT_STEP_MS 60000u
/* The first piece where PC/SC forgets a reader that came between our look and the beginning of the wait. */
#define FIRST_STEP_MS 1000u
/* PC/SC forgets a cancel that comes just before the wait it is meant for, so it is said again until it is heard. */
#define CANCEL_STEP_MS 10u
#define CANCEL_ROUNDS 100

struct io_monitor {
	struct pcsc_view *poll_view;
	struct pcsc_view *wait_view;
	uint32_t epoch;
	bool was_absent; /* to log its absence once */

	pthread_mutex_t mutex; /* for what follows, and for wait_view while blocked */
	pthread_cond_t changed;
	bool cancelled;
	bool blocked; /* a thread is in pcsc_view_wait() */
};

static uint64_t
now_ms(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static struct timespec
after_ms(uint32_t ms)
{
	uint64_t at = now_ms() + ms;

	return (struct timespec){ .tv_sec = (time_t)(at / 1000), .tv_nsec = (long)(at % 1000) * 1000000 };
}

static bool
init_changed(pthread_cond_t *changed)
{
	pthread_condattr_t attr;
	bool ok;

	if (pthread_condattr_init(&attr) != 0)
		return false;
	ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 && pthread_cond_init(changed, &attr) == 0;
	(void)pthread_condattr_destroy(&attr);
	return ok;
}

DWORD
io_monitor_open(struct io_monitor **ret_monitor)
{
	struct io_monitor *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return SCARD_E_NO_MEMORY;
	if (pthread_mutex_init(&m->mutex, NULL) != 0) {
		free(m);
		return SCARD_E_NO_MEMORY;
	}
	if (!init_changed(&m->changed)) {
		(void)pthread_mutex_destroy(&m->mutex);
		free(m);
		return SCARD_E_NO_MEMORY;
	}
	*ret_monitor = m;
	return SCARD_S_SUCCESS;
}

void
io_monitor_close(struct io_monitor **monitor)
{
	struct io_monitor *m;

	if (monitor == NULL || (m = *monitor) == NULL)
		return;
	pcsc_view_close(&m->poll_view);
	pcsc_view_close(&m->wait_view);
	(void)pthread_cond_destroy(&m->changed);
	(void)pthread_mutex_destroy(&m->mutex);
	free(m);
	*monitor = NULL;
}

/* The mutex may be held by a thread that the child does not have, so it is left as it is. */
void
io_monitor_forget(struct io_monitor **monitor)
{
	if (monitor == NULL || *monitor == NULL)
		return;
	pcsc_view_forget(&(*monitor)->poll_view);
	pcsc_view_forget(&(*monitor)->wait_view);
	free(*monitor);
	*monitor = NULL;
}

/* --- looking ------------------------------------------------------------------------------------------------------ */

/* A view that its service has left is opened anew at once: the service may have been restarted. */
static DWORD
refresh(struct pcsc_view **view, bool *ret_opened)
{
	DWORD r = SCARD_E_NO_SERVICE;

	*ret_opened = false;
	if (*view != NULL && (r = pcsc_view_refresh(*view)) != SCARD_E_NO_SERVICE)
		return r;
	pcsc_view_close(view);
	if ((r = pcsc_view_open(view)) != SCARD_S_SUCCESS)
		return r;
	*ret_opened = true;
	if ((r = pcsc_view_refresh(*view)) == SCARD_E_NO_SERVICE)
		pcsc_view_close(view);
	return r;
}

static void
note_service(struct io_monitor *m, bool absent)
{
	if (absent && !m->was_absent)
		log_warn(LOG_IO, "no smart card service");
	m->was_absent = absent;
}

DWORD
io_monitor_poll(struct io_monitor *monitor, struct io_reader *ret_readers, size_t max, size_t *ret_count,
		uint32_t *ret_epoch)
{
	bool opened;
	DWORD r = refresh(&monitor->poll_view, &opened);
	size_t count;

	if (opened)
		monitor->epoch++;
	note_service(monitor, r == SCARD_E_NO_SERVICE);
	*ret_epoch = monitor->epoch;
	*ret_count = 0;
	if (r != SCARD_S_SUCCESS)
		return r;
	count = pcsc_view_count(monitor->poll_view);
	if (count > max)
		count = max;
	for (size_t i = 0; i < count; i++)
		pcsc_view_reader(monitor->poll_view, i, &ret_readers[i]);
	*ret_count = count;
	return SCARD_S_SUCCESS;
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

static bool
same_state(const struct io_reader *a, const struct io_reader *b)
{
	/* a card that has lost its ATR does not answer any more */
	return a->present == b->present && a->events == b->events && (a->atr_len == 0) == (b->atr_len == 0);
}

static const struct io_reader *
find_reader(const struct io_reader *readers, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(readers[i].name, name) == 0)
			return &readers[i];
	return NULL;
}

static bool
differs(const struct pcsc_view *view, const struct io_reader *readers, size_t count)
{
	const struct io_reader *known;
	struct io_reader now;

	if (pcsc_view_count(view) != count)
		return true;
	for (size_t i = 0; i < count; i++) {
		pcsc_view_reader(view, i, &now);
		known = find_reader(readers, count, now.name);
		if (known == NULL || !same_state(known, &now))
			return true;
	}
	return false;
}

/* True, once, when somebody has cancelled. */
static bool
take_cancel(struct io_monitor *m)
{
	bool cancelled;

	(void)pthread_mutex_lock(&m->mutex);
	cancelled = m->cancelled;
	m->cancelled = false;
	(void)pthread_mutex_unlock(&m->mutex);
	return cancelled;
}

static void
sleep_ms(struct io_monitor *m, uint32_t ms)
{
	const struct timespec until = after_ms(ms);
	int r = 0;

	(void)pthread_mutex_lock(&m->mutex);
	while (!m->cancelled && r == 0)
		r = pthread_cond_timedwait(&m->changed, &m->mutex, &until);
	(void)pthread_mutex_unlock(&m->mutex);
}

static void
set_blocked(struct io_monitor *m, bool blocked)
{
	m->blocked = blocked;
	(void)pthread_cond_broadcast(&m->changed);
}

/* However this ends, the caller looks again. */
static DWORD
block(struct io_monitor *m, uint32_t ms)
{
	DWORD r = SCARD_E_CANCELLED;
	bool go;

	(void)pthread_mutex_lock(&m->mutex);
	go = !m->cancelled;
	set_blocked(m, go);
	(void)pthread_mutex_unlock(&m->mutex);
	if (!go)
		return r;
	r = pcsc_view_wait(m->wait_view, ms);
	(void)pthread_mutex_lock(&m->mutex);
	set_blocked(m, false);
	(void)pthread_mutex_unlock(&m->mutex);
	return r;
}

static uint32_t
time_left(uint64_t deadline, uint32_t step)
{
	uint64_t now = now_ms();

	if (deadline <= now)
		return 0;
	return deadline - now < step ? (uint32_t)(deadline - now) : step;
}

static bool
ended_well(DWORD r)
{
	return r == SCARD_S_SUCCESS || r == SCARD_E_TIMEOUT || r == SCARD_E_CANCELLED;
}

/*
 * Looks once and, when all is as the caller knows it, waits for a while. SCARD_E_TIMEOUT asks for another round. A
 * failure to look is not what the caller waits for, except that without service there are no readers.
 */
static DWORD
wait_step(struct io_monitor *m, const struct io_reader *readers, size_t count, uint64_t deadline, bool first)
{
	bool opened;
	DWORD r = refresh(&m->wait_view, &opened);
	uint32_t step = WAIT_STEP_MS;

	if (r == SCARD_S_SUCCESS && differs(m->wait_view, readers, count))
		return SCARD_S_SUCCESS;
	if (r == SCARD_E_NO_SERVICE && count > 0)
		return SCARD_S_SUCCESS;
	if (r == SCARD_E_NO_MEMORY)
		return r;
	if (time_left(deadline, 1) == 0)
		return SCARD_E_TIMEOUT;
	if (r == SCARD_S_SUCCESS && first && pcsc_view_misses(m->wait_view))
		step = FIRST_STEP_MS;
	if (r == SCARD_S_SUCCESS && (r = block(m, time_left(deadline, step))) == SCARD_E_NO_SERVICE)
		return SCARD_E_TIMEOUT;
	/* whatever fails here must not become a loop that never rests */
	if (!ended_well(r))
		sleep_ms(m, time_left(deadline, ABSENT_STEP_MS));
	return SCARD_E_TIMEOUT;
}

DWORD
io_monitor_wait(struct io_monitor *monitor, const struct io_reader *readers, size_t count, uint32_t timeout_ms)
{
	const uint64_t deadline = timeout_ms == IO_WAIT_FOREVER ? UINT64_MAX : now_ms() + timeout_ms;
	bool over, first = true;
	DWORD r;

	do {
		if (take_cancel(monitor))
			return SCARD_E_CANCELLED;
		over = time_left(deadline, 1) == 0;
		r = wait_step(monitor, readers, count, deadline, first);
		first = false;
	} while (r == SCARD_E_TIMEOUT && !over);
	return r;
}

void
io_monitor_cancel(struct io_monitor *monitor)
{
	struct timespec until;

	(void)pthread_mutex_lock(&monitor->mutex);
	monitor->cancelled = true;
	(void)pthread_cond_broadcast(&monitor->changed);
	for (int round = 0; monitor->blocked && round < CANCEL_ROUNDS; round++) {
		pcsc_view_cancel(monitor->wait_view);
		until = after_ms(CANCEL_STEP_MS);
		(void)pthread_cond_timedwait(&monitor->changed, &monitor->mutex, &until);
	}
	(void)pthread_mutex_unlock(&monitor->mutex);
}
