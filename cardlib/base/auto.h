/* SPDX-License-Identifier: BSD-2-Clause */
/* Types that end with their scope. A function uses these or an out: label, never both. */
#ifndef BASE_AUTO_H
#define BASE_AUTO_H

#include "base/buf.h"
#include "base/secret.h"

#define AUTO_BUF __attribute__((cleanup(buf_free)))
#define AUTO_SECRET __attribute__((cleanup(secret_free)))

#endif
