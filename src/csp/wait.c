/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for readers and cards to come and go. Every waiting thread has a monitor of its own, so that waits do not
 * stand in the way of csp_poll() or of each other.
 */
#include <stdlib.h>

#include "csp/card.h"

struct csp_waiter {
	struct io_monitor *monitor;
	struct csp_waiter *next;
	struct io_reader seen[LIMIT_READERS];
	size_t seen_count;
};

bool
csp_waits_init(struct csp_waits *waits)
{
	if (pthread_mutex_init(&waits->mutex, NULL) != 0)
		return false;
	if (pthread_cond_init(&waits->none, NULL) == 0)
		return true;
	(void)pthread_mutex_destroy(&waits->mutex);
	return false;
}

void
csp_waits_destroy(struct csp_waits *waits)
{
	(void)pthread_cond_destroy(&waits->none);
	(void)pthread_mutex_destroy(&waits->mutex);
}

static bool
enlist(struct csp_waits *waits, struct csp_waiter *w)
{
	bool ok;

	(void)pthread_mutex_lock(&waits->mutex);
	ok = !waits->cancelled;
	if (ok) {
		w->next = waits->first;
		waits->first = w;
	}
	(void)pthread_mutex_unlock(&waits->mutex);
	return ok;
}

static void
delist(struct csp_waits *waits, const struct csp_waiter *w)
{
	struct csp_waiter **p;

	(void)pthread_mutex_lock(&waits->mutex);
	for (p = &waits->first; *p != NULL && *p != w; p = &(*p)->next)
		;
	if (*p != NULL)
		*p = w->next;
	if (waits->first == NULL)
		(void)pthread_cond_broadcast(&waits->none);
	(void)pthread_mutex_unlock(&waits->mutex);
}

static void
copy_seen(struct csp *csp, struct csp_waiter *w)
{
	lock_acquire(&csp->monitor_lock);
	w->seen_count = csp->seen_count;
	for (size_t i = 0; i < csp->seen_count; i++)
		w->seen[i] = csp->seen[i];
	lock_release(&csp->monitor_lock);
}

DWORD
csp_wait(struct csp *csp, uint32_t timeout_ms)
{
	return csp_wait_since(csp, csp_changes(csp), timeout_ms);
}

DWORD
csp_wait_since(struct csp *csp, uint32_t changes, uint32_t timeout_ms)
{
	struct csp_waiter *w = calloc(1, sizeof(*w));
	DWORD r;

	if (w == NULL)
		return SCARD_E_NO_MEMORY;
	if ((r = io_monitor_open(&w->monitor)) != SCARD_S_SUCCESS)
		goto out;
	r = SCARD_E_CANCELLED;
	if (!enlist(&csp->waits, w))
		goto out;
	copy_seen(csp, w);
	/* what another thread has noticed since is in the copy, and would be waited for in vain */
	r = csp_changes(csp) != changes ? SCARD_S_SUCCESS
					: io_monitor_wait(w->monitor, w->seen, w->seen_count, timeout_ms);
	if (r == SCARD_E_CANCELLED && !atomic_load(&csp->cancelled))
		r = SCARD_S_SUCCESS;
	delist(&csp->waits, w);
out:
	io_monitor_close(&w->monitor);
	free(w);
	return r;
}

/* Called with the mutex: a waiter cannot close its monitor before it has left the list. */
static void
wake_all(const struct csp_waits *waits)
{
	for (struct csp_waiter *w = waits->first; w != NULL; w = w->next)
		io_monitor_cancel(w->monitor);
}

void
csp_wake_waits(struct csp *csp)
{
	atomic_fetch_add(&csp->changes, 1);
	(void)pthread_mutex_lock(&csp->waits.mutex);
	wake_all(&csp->waits);
	(void)pthread_mutex_unlock(&csp->waits.mutex);
}

void
csp_cancel_waits(struct csp *csp)
{
	atomic_store(&csp->cancelled, true);
	(void)pthread_mutex_lock(&csp->waits.mutex);
	csp->waits.cancelled = true;
	wake_all(&csp->waits);
	(void)pthread_mutex_unlock(&csp->waits.mutex);
}

void
csp_join_waits(struct csp *csp)
{
	(void)pthread_mutex_lock(&csp->waits.mutex);
	while (csp->waits.first != NULL)
		(void)pthread_cond_wait(&csp->waits.none, &csp->waits.mutex);
	(void)pthread_mutex_unlock(&csp->waits.mutex);
}
