/* SPDX-License-Identifier: BSD-2-Clause */
/* What key.c and key_use.c share. */
#ifndef VCARD_KEY_INTERNAL_H
#define VCARD_KEY_INTERNAL_H

#include "vcard/key.h"

/* NULL when out of memory. */
OSSL_LIB_CTX *vcard_crypto_open(struct vcard_crypto *crypto);
/* Borrowed. NULL when the bytes are no key of this type and size. */
EVP_PKEY *vcard_key_open(struct vcard_crypto *crypto, struct vcard_key *key);
/* NULL for a size without curve. */
const char *vcard_curve_name(unsigned bits);

#endif
