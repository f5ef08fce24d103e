/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries for what a minidriver does not serve. */
#ifndef UNSUPPORTED_H
#define UNSUPPORTED_H

#include "cardmod.h"

/*
 * Fills every entry that is NULL with a function that answers SCARD_E_UNSUPPORTED_FEATURE, or
 * SCARD_E_INVALID_PARAMETER when a mandatory pointer is NULL.
 */
void unsupported_fill(CARD_DATA *card);

#endif
