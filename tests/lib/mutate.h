/* SPDX-License-Identifier: BSD-2-Clause */
/* Good bytes spoiled in order. Each variant lies in a heap block of exactly its size. */
#ifndef LIB_MUTATE_H
#define LIB_MUTATE_H

#include "base/cursor.h"

typedef void (*mutate_test)(struct cursor bytes, void *context);

/* 1; more under slow tools, which then take every n-th variant only: the environment variable TEST_STRIDE. */
size_t mutate_stride(void);

/* Cut at every length from 0 to one less than all. */
void mutate_cut(struct cursor good, mutate_test test, void *context);
/*
 * Each byte in turn, whether it is a length or not, replaced by other lengths: 0, 1, one less, one more, 127, 128, 255,
 * 256, 65535, 2^31-1, the indefinite form, a length of lengths that is too long.
 */
void mutate_lengths(struct cursor good, mutate_test test, void *context);

#endif
