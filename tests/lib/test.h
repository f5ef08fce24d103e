/* SPDX-License-Identifier: BSD-2-Clause */
/* What cmocka wants before itself, once for all tests. */
#ifndef LIB_TEST_H
#define LIB_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after those */
#include <cmocka.h>

#endif
