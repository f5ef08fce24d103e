/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libcrypto in a context of its own: a host that routes its default context into PKCS#11 does not call us from
 * ourselves, and no configuration file of the host is read. What is done in it for csp.h is in digest.c, random.c, pubkey.c,
 * verify.c and rsa.c.
 *
 * Nothing here makes libcrypto keep state for the calling thread: such state would outlive csp_close() and be ended by a
 * thread that exits later. That is why random bytes come from the system and padding is our own (padding.c).
 */
#ifndef CSP_CRYPTO_H
#define CSP_CRYPTO_H

#include "csp/csp.h"

struct csp_crypto;
struct ossl_lib_ctx_st; /* libcrypto's OSSL_LIB_CTX */

/* SCARD_E_NO_MEMORY, SCARD_F_INTERNAL_ERROR when libcrypto has no default provider or has been shut down. */
DWORD csp_crypto_open(struct csp_crypto **ret_crypto);
/* Safe after libcrypto's own shutdown by atexit(), when nothing can be given back any more. */
void csp_crypto_close(struct csp_crypto **crypto);
/*
 * In a forked child, where another thread of the parent may hold libcrypto's locks for ever: lets go, freeing nothing.
 * Not from two threads at once.
 */
void csp_crypto_forget(struct csp_crypto **crypto);

/* Name of a hash in the padding infos of cardmod.h; NULL for CSP_HASH_NONE. */
const char *csp_hash_name(enum csp_hash hash);
/* False for an unknown name; NULL is CSP_HASH_NONE. */
bool csp_hash_by_name(const char *name, enum csp_hash *ret_hash);

/*
 * The hash of some pieces one after the other. ret_value needs csp_hash_len() bytes. SCARD_E_INVALID_PARAMETER for
 * CSP_HASH_NONE, SCARD_F_INTERNAL_ERROR.
 */
DWORD csp_crypto_hash(struct csp_crypto *crypto, enum csp_hash hash, const struct cursor *pieces, size_t count,
		      uint8_t *ret_value);

/*
 * Pseudo-random bytes (HMAC-SHA-256) of data under a key that nobody but this instance knows: the same bytes for the same
 * label and data as long as the instance lives, and no others. len: at most LIMIT_RSA_BYTES. In a time that depends on
 * lengths only. SCARD_E_INVALID_PARAMETER, SCARD_F_INTERNAL_ERROR.
 */
DWORD csp_crypto_prf(struct csp_crypto *crypto, const char *label, struct cursor data, uint8_t *ret_bytes, size_t len);

/* False for an RSA key that libcrypto refuses and for a point that is not on its curve. */
bool csp_crypto_key_valid(struct csp_crypto *crypto, const struct public_key *key);

/*
 * A context for one job and one thread, with the ciphers that the default one leaves out where they are installed.
 * SCARD_E_NO_MEMORY, SCARD_F_INTERNAL_ERROR. Closing takes along what libcrypto kept for the thread.
 */
struct csp_scratch;
DWORD csp_scratch_open(struct csp_scratch **ret_scratch, struct ossl_lib_ctx_st **ret_library);
void csp_scratch_close(struct csp_scratch **scratch);

/* For the files that read certificates: libcrypto's OSSL_LIB_CTX. NULL once libcrypto has been shut down. */
struct ossl_lib_ctx_st *csp_crypto_library(struct csp_crypto *crypto);

#endif
