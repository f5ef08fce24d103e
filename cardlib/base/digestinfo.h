/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hash names of the padding infos with their lengths and the DER that stands before the hash value in a DigestInfo
 * (RFC 8017 9.2 note 1), for those who pad and for cards that pad themselves but want the DigestInfo made.
 */
#ifndef BASE_DIGESTINFO_H
#define BASE_DIGESTINFO_H

#include "base/cursor.h"

#define DIGESTINFO_PREFIX_LEN 19u /* the longest; SHA-1 has 15 */
#define DIGESTINFO_HASH_LEN 64u	  /* the longest */

struct digestinfo {
	const char *name; /* BCRYPT_SHA256_ALGORITHM and its like */
	size_t hash_len;
	uint8_t prefix[DIGESTINFO_PREFIX_LEN];
	size_t prefix_len;
};

/* NULL for a name that is not known, and for NULL. */
const struct digestinfo *digestinfo_find(const char *name);

#endif
