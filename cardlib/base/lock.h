/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Locks, by pthread or by the application's own functions (PKCS#11 CK_C_INITIALIZE_ARGS). The choice is made once,
 * before the first lock of an instance is created, and is the instance's: two copies of the module may differ.
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "base/types.h"

/* The application's mutex functions; each returns 0 for success. All four or none. */
struct lock_ops {
	unsigned long (*create)(void **ret_mutex);
	unsigned long (*destroy)(void *mutex);
	unsigned long (*lock)(void *mutex);
	unsigned long (*unlock)(void *mutex);
};

struct lock {
	const struct lock_ops *ops; /* NULL: pthread */
	pthread_mutex_t mutex;
	void *app_mutex;
};

/* ops may be NULL; otherwise it must live as long as the lock. False when the lock cannot be made. */
bool lock_init(struct lock *l, const struct lock_ops *ops);
void lock_destroy(struct lock *l);
void lock_acquire(struct lock *l);
/* False when somebody holds it, and always false with application mutexes (PKCS#11 has no trylock). */
bool lock_try(struct lock *l);
void lock_release(struct lock *l);

/*
 * A lock for what a library has once in a process, held for moments: the process whose thread holds it, or 0. A mutex
 * that another thread holds when the process forks stays locked in the child for ever; this one is free there.
 */
typedef _Atomic(pid_t) process_lock;

void process_lock_acquire(process_lock *l);
void process_lock_release(process_lock *l);

#endif
