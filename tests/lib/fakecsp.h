/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * csp.h without cards: one reader, keys as the test wishes, codes as it wishes, and counts of what was asked. A program
 * that calls fake_reset() is linked with this in place of the common part.
 */
#ifndef LIB_FAKECSP_H
#define LIB_FAKECSP_H

#include "csp/csp.h"

#define FAKE_KEYS 8

struct fake {
	bool present;
	uint32_t generation;
	struct csp_token_info token;
	struct csp_key keys[FAKE_KEYS];
	size_t key_count;
	uint32_t view; /* raise it when keys change */

	bool agrees; /* whether the card does ECDH */

	/* What the functions answer. */
	DWORD card, token_code, refresh, public, cert, login, login_once, sign, decrypt, agree;

	/* How often they were called. */
	unsigned refreshes, publics, certs, logins, logins_once, logouts, signs, decrypts, agreements;
	uint32_t login_role; /* of the last login of either kind */
	uint32_t signed_key; /* of the last signature */
	uint8_t hashed[256]; /* what the last digest was made of, as far as it fits */
	size_t hashed_len;
};

extern struct fake fake;

/* A card with one RSA-2048 exchange key, container 0, and success everywhere. */
void fake_reset(void);
/* Another key like the first, with the next ID. */
struct csp_key *fake_add_key(uint8_t container, bool exchange);

#endif
