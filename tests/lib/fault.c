/* SPDX-License-Identifier: BSD-2-Clause */
/* Allocation functions in place of the real ones (ld --wrap). */
#include "lib/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset);

static _Thread_local unsigned left;
static _Thread_local bool fired;

void
fault_arm(unsigned n)
{
	left = n;
	fired = false;
}

bool
fault_fired(void)
{
	bool was = fired;

	fault_arm(0);
	return was;
}

static bool
fails_now(void)
{
	if (left == 0 || --left > 0)
		return false;
	fired = true;
	errno = ENOMEM;
	return true;
}

void *
__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *p, size_t size)
{
	return fails_now() ? NULL : __real_realloc(p, size);
}

void *
__wrap_mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	return fails_now() ? MAP_FAILED : __real_mmap(address, length, protection, flags, fd, offset);
}
