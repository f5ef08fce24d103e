/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cards with every kind of key, and libcrypto's side of what they do: for the tests of containers, signatures and
 * decryption.
 */
#ifndef CARD_GIDS_KEYS_H
#define CARD_GIDS_KEYS_H

#include <openssl/types.h>

#include "card/gids_card.h"

/* Full kits: strict; the applet, stripping zeros; T=0 with ECDSA in DER. */
extern struct kit keys_strict, keys_applet, keys_t0_der;
#define KEYS_KITS 3
extern const struct kit *const keys_kits[KEYS_KITS];
/* Set-up and tear-down of a group. */
int keys_make(void **state);
int keys_free(void **state);

#define KEYS_HASHES 5
extern const struct keys_hash {
	const char *name, *evp;
	size_t len;
} keys_hashes[KEYS_HASHES];
/* Something to sign. */
extern const BYTE keys_value[64];

/* A context with the user authenticated. */
void keys_open(struct rig *rig, const struct kit *kit);

EVP_PKEY *keys_public(const struct kit *kit, unsigned container);
/* Verifies a signature over a hash value; hash NULL: over the bare value; padding 0 for ECDSA. */
void keys_assert_verifies(const struct kit *kit, unsigned container, const char *hash, int padding, int salt,
			  struct cursor data, struct cursor signature);
/* Signs with an RSA key and verifies. */
void keys_assert_signs(struct rig *rig, const struct kit *kit, unsigned container, DWORD spec, DWORD padding,
		       const void *info, const char *hash, int salt, struct cursor data);

struct cipher {
	BYTE bytes[LIMIT_RSA_BYTES];
	size_t len;
};

/* With the public key; hash, mgf and label for OAEP. */
void keys_encrypt(const struct kit *kit, unsigned container, int padding, const char *hash, const char *mgf,
		  const char *label, const char *text, struct cipher *ret_cipher);
/* On the card, in place. */
DWORD keys_decrypt(struct rig *rig, unsigned container, DWORD padding, const void *info, struct cipher *cipher);

#endif
