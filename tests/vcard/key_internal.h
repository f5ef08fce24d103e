/* SPDX-License-Identifier: BSD-2-Clause */
/* What key.c and key_use.c share. */
#ifndef VCARD_KEY_INTERNAL_H
#define VCARD_KEY_INTERNAL_H

#include "vcard/key.h"

#define VCARD_EC_NUMBER_MAX 67

/* The numbers of an RSA private key in the order of RFC 8017, A.1.2. */
enum {
	VCARD_RSA_N,
	VCARD_RSA_E,
	VCARD_RSA_D,
	VCARD_RSA_P,
	VCARD_RSA_Q,
	VCARD_RSA_DP,
	VCARD_RSA_DQ,
	VCARD_RSA_QINV,
	VCARD_RSA_NUMBERS,
};

/* RSAPrivateKey. The numbers, begun with NULL, are freed by the caller also after a failure. */
bool vcard_rsa_read(struct cursor der, BIGNUM *ret_numbers[VCARD_RSA_NUMBERS]);
void vcard_rsa_free(BIGNUM *numbers[VCARD_RSA_NUMBERS]);
/* 30 { 02 01 01, 04 d, 04 04||X||Y }, the GIDS import form. */
bool vcard_ec_read(struct cursor value, struct cursor *ret_d, struct cursor *ret_point);

bool vcard_ec_put(struct cursor d, struct cursor point, struct buf *ret_value);

/* NULL when out of memory. */
OSSL_LIB_CTX *vcard_crypto_open(struct vcard_crypto *crypto);
/* Borrowed. NULL when the bytes are no key of this type and size. */
EVP_PKEY *vcard_key_open(struct vcard_crypto *crypto, struct vcard_key *key);
/* NULL for a size without curve. */
const char *vcard_curve_name(unsigned bits);
/* "ED25519" or "X25519"; NULL for other kinds of keys. */
const char *vcard_25519_name(enum vcard_key_type type);

#endif
