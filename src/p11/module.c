/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The module's one piece of global state: whether it is initialised, and in which process.
 *
 * No mutex is used for initialising: one that another thread holds when the process forks stays locked in the child for
 * ever. The words below carry the process that they belong to instead, so that a child recognises what it inherited as
 * not its own.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "csp/manage.h"
#include "p11/instance.h"

static struct {
	process_lock opener; /* held while initialising or finalising */
	_Atomic(pid_t) pid;  /* process in which the instance is ready; 0: none */
	atomic_uint inside;  /* calls under way */
	struct p11_instance *instance;
} module;

static void
short_sleep(void)
{
	static const struct timespec millisecond = { 0, 1000000 };

	nanosleep(&millisecond, NULL);
}

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

struct p11_instance *
p11_instance(void)
{
	return module.instance;
}

struct csp *
p11_csp(void)
{
	return module.instance->csp;
}

CK_OBJECT_HANDLE
p11_new_object_handle(void)
{
	struct p11_instance *in = p11_instance();
	CK_OBJECT_HANDLE handle;

	lock_acquire(&in->lock);
	handle = ++in->last_object;
	lock_release(&in->lock);
	return handle;
}

/* NULL on failure, with its code. */
static struct p11_instance *
instance_new(const struct lock_ops *locks, bool no_threads, CK_RV *ret_rv)
{
	struct csp_options options;
	struct p11_instance *in = calloc(1, sizeof(*in));

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
instance_free(struct p11_instance *in)
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

/* The instance and its first slots. On failure all is as it was before. */
static CK_RV
instance_begin(const struct lock_ops *locks, bool no_threads)
{
	struct p11_instance *inherited = module.instance;
	struct p11_instance *in;
	CK_RV rv;

	if ((in = instance_new(locks, no_threads, &rv)) == NULL)
		return rv;
	in->inherited = inherited;
	module.instance = in;
	if ((rv = p11_slots_poll(true)) != CKR_OK) {
		instance_free(in);
		module.instance = inherited;
		return rv;
	}
	for (size_t i = 0; i < in->slot_count; i++)
		in->slots[i]->reported = in->slots[i]->generation;
	return CKR_OK;
}

static CK_RV
open_locked(const struct lock_ops *locks, bool no_threads, pid_t self)
{
	CK_RV rv;

	if (atomic_load(&module.pid) == self)
		return CKR_CRYPTOKI_ALREADY_INITIALIZED;
	/* not ready at the time of the fork: a thread of the parent was making it or taking it apart */
	if (module.instance != NULL && atomic_load(&module.pid) != 0)
		csp_forget(&module.instance->csp);
	log_open();
	atomic_store(&module.inside, 0);
	if ((rv = instance_begin(locks, no_threads)) != CKR_OK) {
		log_close();
		return rv;
	}
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
	struct p11_instance *in, *inherited;
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
