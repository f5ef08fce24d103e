/* SPDX-License-Identifier: BSD-2-Clause */
/* One kind of lock over pthread or the application's own mutexes. */
#include "base/lock.h"

#include <time.h>
#include <unistd.h>

bool
lock_init(struct lock *l, const struct lock_ops *ops)
{
	l->ops = ops;
	l->app_mutex = NULL;
	if (ops != NULL)
		return ops->create(&l->app_mutex) == 0;
	return pthread_mutex_init(&l->mutex, NULL) == 0;
}

void
lock_destroy(struct lock *l)
{
	if (l->ops != NULL)
		(void)l->ops->destroy(l->app_mutex);
	else
		(void)pthread_mutex_destroy(&l->mutex);
}

void
lock_acquire(struct lock *l)
{
	if (l->ops != NULL)
		(void)l->ops->lock(l->app_mutex);
	else
		(void)pthread_mutex_lock(&l->mutex);
}

bool
lock_try(struct lock *l)
{
	return l->ops == NULL && pthread_mutex_trylock(&l->mutex) == 0;
}

void
lock_release(struct lock *l)
{
	if (l->ops != NULL)
		(void)l->ops->unlock(l->app_mutex);
	else
		(void)pthread_mutex_unlock(&l->mutex);
}

void
process_lock_acquire(process_lock *l)
{
	static const struct timespec millisecond = { 0, 1000000 };
	const pid_t self = getpid();
	pid_t holder = 0;

	/* a word left by the parent process is nobody's here */
	while (!atomic_compare_exchange_strong(l, &holder, self)) {
		if (holder == self) {
			(void)nanosleep(&millisecond, NULL);
			holder = 0;
		}
	}
}

void
process_lock_release(process_lock *l)
{
	atomic_store(l, 0);
}
