/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Allocations that fail on demand: malloc, calloc, realloc and mmap of the program's own objects, in the thread that
 * arms the failure. Test programs are linked with FAULT_LDFLAGS (configure.ac), which leads those calls here.
 *
 *	for (n = 1; fault_arm(n), r = act(), fault_fired(); n++)
 *		assert_int_equal(r, SCARD_E_NO_MEMORY);
 */
#ifndef LIB_FAULT_H
#define LIB_FAULT_H

#include <stdbool.h>

/* The n-th allocation from now on fails, once; 0: none does. */
void fault_arm(unsigned n);
/* Disarms; true when the failure has happened since it was armed. */
bool fault_fired(void);

#endif
