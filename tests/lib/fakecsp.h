/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * csp.h without cards: one reader, keys as the test wishes, codes as it wishes, and counts of what was asked. A program
 * that calls fake_reset() is linked with this in place of the common part.
 */
#ifndef LIB_FAKECSP_H
#define LIB_FAKECSP_H

#include "csp/manage.h"

#define FAKE_KEYS 8
#define FAKE_ROOTS 4
#define FAKE_FILES 4
/* Bytes of a PIN or of a key's digits, with the NUL. */
#define FAKE_SECRET 130

struct fake {
	bool present;
	uint32_t generation;
	struct csp_token_info token;
	struct csp_key keys[FAKE_KEYS];
	size_t key_count;
	uint32_t view; /* raise it when keys change */

	bool agrees;	 /* whether the card does ECDH */
	bool curve25519; /* whether it has keys of Ed25519 and X25519 */
	bool read_only;	 /* as cards are here until a test says otherwise */
	bool is_ca;	 /* whether certificates are an authority's */
	struct csp_card_info info;
	struct csp_role_info roles[CSP_ROLES];
	size_t role_count;
	const char *roots[FAKE_ROOTS]; /* text in place of DER */
	size_t root_count;
	struct csp_data files[FAKE_FILES];
	size_t file_count;

	/* What the functions answer. */
	DWORD card, token_code, refresh, public, cert, login, login_once, sign, decrypt, agree;
	DWORD generate, delete, name, cert_write, import, data, root, pin_change, pin_unblock, create, recreate;

	/* How often they were called. */
	unsigned refreshes, publics, certs, logins, logins_once, logouts, signs, decrypts, agreements;
	unsigned pin_changes, pin_unblocks, creates, recreates, namings, imports, cert_writes;
	uint32_t login_role;				       /* of the last login of either kind */
	uint32_t login_tries;				       /* what a login says is left */
	uint32_t signed_key;				       /* of the last signature */
	uint32_t pin_role, authority;			       /* of the last change of a PIN */
	char old_secret[FAKE_SECRET], new_secret[FAKE_SECRET]; /* PINs, and keys in hexadecimal: what came last */
	char token_name[40];				       /* that the token was given */
	bool imported_exchange;
	uint32_t cert_key;   /* that the last certificate was written for */
	uint8_t hashed[256]; /* what the last digest was made of, as far as it fits */
	size_t hashed_len;
};

extern struct fake fake;

/* A card that can be written, with PIN and administrator's key as a GIDS card has them. */
void fake_writable(void);

/* A card with one RSA-2048 exchange key, container 0, and success everywhere. */
void fake_reset(void);
/* Another key like the first, with the next ID. */
struct csp_key *fake_add_key(uint8_t container, bool exchange);

#endif
