/* SPDX-License-Identifier: BSD-2-Clause */
/* What those who set PINs have in common: the forms of PINs and keys, before any card is asked. */
#ifndef P11_PIN_H
#define P11_PIN_H

#include "csp/manage.h"
#include "p11/p11.h"

/*
 * The administrator's key as callers give it, when it must be the card's already: 32, 48 or 64 hexadecimal digits, which are
 * keys of 16, 24 or 32 bytes. CKR_PIN_INCORRECT for another form, which costs no try; CKR_HOST_MEMORY.
 */
CK_RV p11_admin_key_given(const CK_UTF8CHAR *digits, CK_ULONG count, struct secret *ret_key);
/* Digits for a user's PIN that nobody is to know, of a length that the card takes. CKR_HOST_MEMORY, CKR_FUNCTION_FAILED. */
CK_RV p11_random_pin(const struct csp_token_info *token, struct secret *ret_pin);

#endif
