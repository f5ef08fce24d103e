/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is the module's between C_Initialize and C_Finalize: module.c makes it and takes it apart, slottable.c and
 * sessiontable.c have a table of it each.
 */
#ifndef P11_INSTANCE_H
#define P11_INSTANCE_H

#include "base/lock.h"
#include "p11/p11.h"

struct p11_instance {
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
	struct p11_instance *inherited;
};

/* The one of this process, while entered. */
struct p11_instance *p11_instance(void);

#endif
