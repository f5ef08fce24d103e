/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A private key on its way to a card, in the one neutral form that crosses the seam in place of CAPI and BCRYPT blobs.
 * Integers are big-endian, zeros in front where a number is shorter. RSA: d in the modulus' bytes; p, q, dp, dq and qinv in
 * half of them each. EC: d in all bytes of a field element.
 */
#ifndef BASE_PRIVKEY_H
#define BASE_PRIVKEY_H

#include "base/pubkey.h"
#include "base/secret.h"

struct private_key {
	struct public_key public;
	struct secret d;
	struct secret p, q, dp, dq, qinv; /* empty for EC */
};

#define PRIVKEY_INIT                                                                                                   \
	{                                                                                                              \
		.public = {.type = KEY_NONE }                                                                          \
	}

/*
 * Whether the parts are there and have the lengths that the public key says. Whether they belong together the card or
 * the library finds out that made the key.
 */
bool privkey_is_whole(const struct private_key *key);
/* Wipes and frees the parts; NULL is fine. */
void privkey_free(struct private_key *key);

#endif
