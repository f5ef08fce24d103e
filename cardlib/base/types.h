/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Integer types of the minidriver interface. DWORD is 32 bits, as on Windows; pcsc-lite's own DWORD is an unsigned
 * long, so winscard.h is only ever included (with its types renamed) by transport/pcsc.c.
 */
#ifndef BASE_TYPES_H
#define BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t BYTE;
typedef uint16_t WORD;
typedef uint32_t DWORD;

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
