/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PKCS#11 as this project speaks it: p11-kit's header for 2.40, and what version 3.0 adds, each part only if the
 * installed header does not have it yet. Not installed.
 */
#ifndef MINIDRIVER_PKCS11_H
#define MINIDRIVER_PKCS11_H

#include <p11-kit/pkcs11.h>

#endif
