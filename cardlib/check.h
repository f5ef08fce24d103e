/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checks of parameters that every minidriver shares (minidriver specification, "General error rules"), made before
 * any card traffic.
 */
#ifndef CHECK_H
#define CHECK_H

#include "cardmod.h"

/* Longest name of a file or directory, without NUL. */
#define CHECK_NAME_MAX 8u

/*
 * What CardAcquireContext wants: SCARD_E_INVALID_PARAMETER (NULL, undefined flags, ATR length, name, allocators),
 * SCARD_E_UNSUPPORTED_FEATURE (no-card mode), SCARD_E_INVALID_HANDLE (no connection), ERROR_REVISION_MISMATCH (version below 4). On success card->dwVersion is the
 * negotiated version.
 */
DWORD check_acquire(CARD_DATA *card, DWORD flags);

/* The version of any other structure: 0 is 1, and never more than current. */
DWORD check_version(DWORD asked, DWORD current);

/*
 * Folds the name of a file or directory to lower case. False when it is NULL, empty, too long or has a character that
 * names cannot have.
 */
bool check_name(const char *name, char ret_folded[CHECK_NAME_MAX + 1]);

/* SCARD_E_INVALID_PARAMETER for a key specification that is not defined. */
DWORD check_key_spec(DWORD key_spec);
/* The bits that a key specification of elliptic curves names; 0 for RSA. */
unsigned check_key_spec_bits(DWORD key_spec);
/* The type of key that it names; KEY_NONE for one that is not defined. */
enum key_type check_key_spec_type(DWORD key_spec);
/* Whether it names a key of elliptic curves that agrees on secrets, and does not sign. */
bool check_key_spec_agrees(DWORD key_spec);

/* Bytes of a key that answers challenges; 0 for an unknown algorithm. */
DWORD check_key_length(CARD_KEY_ALGORITHM algorithm);

/* A property of the card as the specification defines it, and cardmod.h adds. */
struct check_property {
	const char *name;
	enum { CHECK_OF_CARD, CHECK_OF_ROLE, CHECK_OF_KEY_SPEC, CHECK_OF_OPERATION } asks; /* what dwFlags is */
	enum { CHECK_SET_NEVER, CHECK_SET_BY_ADMIN, CHECK_SET_ONLY } set;
	size_t size; /* of what can be set; 0: any */
};

/* NULL for a name that is not defined, and for NULL. */
const struct check_property *check_property_find(const char *name);

/*
 * Whether a property of size bytes fits the caller's buffer; *pdwDataLen becomes size. SCARD_E_INVALID_PARAMETER for
 * NULL pointers, ERROR_INSUFFICIENT_BUFFER when it does not fit (NULL with 0 bytes asks for the size that way).
 */
DWORD check_property_room(const BYTE *pbData, DWORD cbData, DWORD *pdwDataLen, size_t size);

#endif
