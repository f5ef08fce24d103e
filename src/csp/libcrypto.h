/* SPDX-License-Identifier: BSD-2-Clause */
/* What those share that work with libcrypto: crypto.c opens its context, the others do one kind of work in it. */
#ifndef CSP_LIBCRYPTO_H
#define CSP_LIBCRYPTO_H

#include <openssl/types.h>

#include "base/secret.h"
#include "csp/crypto.h"

#define CSP_HASHES (CSP_SHA512 + 1)

struct csp_crypto {
	struct csp_crypto *next; /* of the forgotten ones */
	OSSL_LIB_CTX *lib;
	OSSL_PROVIDER *provider;
	EVP_MD *md[CSP_HASHES]; /* none for CSP_HASH_NONE */
	EVP_MAC *hmac;
	struct secret seed; /* of csp_crypto_prf() */
};

/* Programs end libcrypto from atexit() and the module later than that; then its objects must not be touched. */
bool csp_libcrypto_runs(void);

/* pubkey.c: also proves that a point is on its curve. NULL for a key that libcrypto refuses. */
EVP_PKEY *csp_pubkey_import(struct csp_crypto *crypto, const struct public_key *key);
/* The same and its context, ready for one operation after the init call; false leaves both NULL. */
bool csp_pubkey_open(struct csp_crypto *crypto, const struct public_key *key, EVP_PKEY **ret_pkey,
		     EVP_PKEY_CTX **ret_ctx);

#endif
