/* SPDX-License-Identifier: BSD-2-Clause */
/* Hashes, public-key operations and random numbers, by libcrypto in a context of its own. */
#include "csp/crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/digestinfo.h"
#include "csp/card.h"
#include "csp/padding.h"

#define HASHES (CSP_SHA512 + 1)
#define SEED_LEN 32u
/* PKCS#1 v1.5 fills up with at least so many bytes (RFC 8017, 9.2). */
#define PKCS1_MIN_FILL 8u
#define PRF_HASH "SHA256"
#define PRF_HASH_LEN 32u

struct csp_crypto {
	struct csp_crypto *next; /* of the forgotten ones */
	OSSL_LIB_CTX *lib;
	OSSL_PROVIDER *provider;
	EVP_MD *md[HASHES];
	EVP_MAC *hmac;
	struct secret seed; /* of csp_crypto_prf() */
};

struct csp_digest {
	EVP_MD_CTX *ctx;
	unsigned size;
};

/* libcrypto takes these very names. */
static const char *const hash_names[HASHES] = {
	[CSP_SHA1] = "SHA1",	 [CSP_SHA224] = "SHA224", [CSP_SHA256] = "SHA256",
	[CSP_SHA384] = "SHA384", [CSP_SHA512] = "SHA512",
};

/* What could not be given back, kept where leak checkers see it. */
static struct csp_crypto *forgotten;

/* Instance ------------------------------------------------------------------------------------------------------- */

/* Programs end libcrypto from atexit() and the module later than that; then its objects must not be touched. */
static bool
library_running(void)
{
	return OPENSSL_init_crypto(0, NULL) == 1;
}

/*
 * libcrypto has locks of its own for the whole process, and takes them while a context is made or given back. A fork in
 * the middle of that would leave them locked in the child for ever; so a fork waits. The handlers belong to this library:
 * unloading it takes them along.
 */
static process_lock changing;

static void
before_fork(void)
{
	process_lock_acquire(&changing);
}

static void
after_fork(void)
{
	process_lock_release(&changing);
}

static bool
guard_forks(void)
{
	static atomic_bool guarded;

	return atomic_exchange(&guarded, true) || pthread_atfork(before_fork, after_fork, after_fork) == 0;
}

static bool
fetch_hashes(struct csp_crypto *c)
{
	for (size_t i = CSP_SHA1; i < HASHES; i++)
		if ((c->md[i] = EVP_MD_fetch(c->lib, hash_names[i], NULL)) == NULL)
			return false;
	return (c->hmac = EVP_MAC_fetch(c->lib, OSSL_MAC_NAME_HMAC, NULL)) != NULL;
}

static bool
make_seed(struct csp_crypto *c)
{
	return secret_alloc(&c->seed, SEED_LEN) && secret_random(c->seed.p, c->seed.len);
}

DWORD
csp_crypto_open(struct csp_crypto **ret_crypto)
{
	struct csp_crypto *c;
	bool ok;

	if (!library_running() || !guard_forks())
		return SCARD_F_INTERNAL_ERROR;
	if ((c = calloc(1, sizeof *c)) == NULL)
		return SCARD_E_NO_MEMORY;
	process_lock_acquire(&changing);
	ERR_set_mark();
	ok = (c->lib = OSSL_LIB_CTX_new()) != NULL && (c->provider = OSSL_PROVIDER_load(c->lib, "default")) != NULL &&
	     fetch_hashes(c) && make_seed(c);
	ERR_pop_to_mark();
	process_lock_release(&changing);
	if (!ok) {
		csp_crypto_close(&c);
		return SCARD_F_INTERNAL_ERROR;
	}
	*ret_crypto = c;
	return SCARD_S_SUCCESS;
}

static void
release_library(struct csp_crypto *c)
{
	for (size_t i = 0; i < HASHES; i++)
		EVP_MD_free(c->md[i]);
	EVP_MAC_free(c->hmac);
	if (c->provider != NULL)
		OSSL_PROVIDER_unload(c->provider);
	if (c->lib != NULL) {
		OPENSSL_thread_stop_ex(c->lib);
		OSSL_LIB_CTX_free(c->lib);
	}
}

void
csp_crypto_close(struct csp_crypto **crypto)
{
	if (crypto == NULL || *crypto == NULL)
		return;
	secret_free(&(*crypto)->seed);
	if (!library_running()) {
		csp_crypto_forget(crypto);
		return;
	}
	process_lock_acquire(&changing);
	release_library(*crypto);
	process_lock_release(&changing);
	free(*crypto);
	*crypto = NULL;
}

void
csp_crypto_forget(struct csp_crypto **crypto)
{
	if (crypto == NULL || *crypto == NULL)
		return;
	(*crypto)->next = forgotten;
	forgotten = *crypto;
	*crypto = NULL;
}

struct ossl_lib_ctx_st *
csp_crypto_library(struct csp_crypto *crypto)
{
	return library_running() ? crypto->lib : NULL;
}

/* For one job ----------------------------------------------------------------------------------------------------- */

struct csp_scratch {
	OSSL_LIB_CTX *lib;
	OSSL_PROVIDER *provider;
	OSSL_PROVIDER *legacy; /* NULL where it is not installed */
};

DWORD
csp_scratch_open(struct csp_scratch **ret_scratch, struct ossl_lib_ctx_st **ret_library)
{
	struct csp_scratch *s;
	bool ok;

	if (!library_running() || !guard_forks())
		return SCARD_F_INTERNAL_ERROR;
	if ((s = calloc(1, sizeof *s)) == NULL)
		return SCARD_E_NO_MEMORY;
	process_lock_acquire(&changing);
	ERR_set_mark();
	ok = (s->lib = OSSL_LIB_CTX_new()) != NULL && (s->provider = OSSL_PROVIDER_load(s->lib, "default")) != NULL;
	if (ok)
		s->legacy = OSSL_PROVIDER_try_load(s->lib, "legacy", 1);
	ERR_pop_to_mark();
	process_lock_release(&changing);
	if (!ok) {
		csp_scratch_close(&s);
		return SCARD_F_INTERNAL_ERROR;
	}
	*ret_scratch = s;
	*ret_library = s->lib;
	return SCARD_S_SUCCESS;
}

void
csp_scratch_close(struct csp_scratch **scratch)
{
	struct csp_scratch *s = *scratch;

	if (s == NULL)
		return;
	process_lock_acquire(&changing);
	if (s->legacy != NULL)
		OSSL_PROVIDER_unload(s->legacy);
	if (s->provider != NULL)
		OSSL_PROVIDER_unload(s->provider);
	if (s->lib != NULL) {
		OPENSSL_thread_stop_ex(s->lib);
		OSSL_LIB_CTX_free(s->lib);
	}
	process_lock_release(&changing);
	free(s);
	*scratch = NULL;
}

DWORD
csp_random(struct csp *csp, void *ret_bytes, size_t len)
{
	(void)csp;
	return secret_random(ret_bytes, len) ? SCARD_S_SUCCESS : SCARD_F_INTERNAL_ERROR;
}

/* Hashes --------------------------------------------------------------------------------------------------------- */

const char *
csp_hash_name(enum csp_hash hash)
{
	return (size_t)hash < HASHES ? hash_names[hash] : NULL;
}

bool
csp_hash_by_name(const char *name, enum csp_hash *ret_hash)
{
	const struct digestinfo *wanted = digestinfo_find(name);
	unsigned i;

	if (name == NULL) {
		*ret_hash = CSP_HASH_NONE;
		return true;
	}
	for (i = CSP_SHA1; i < HASHES; i++)
		if (wanted != NULL && digestinfo_find(hash_names[i]) == wanted) {
			*ret_hash = (enum csp_hash)i;
			return true;
		}
	return false;
}

size_t
csp_hash_len(enum csp_hash hash)
{
	const struct digestinfo *info = digestinfo_find(csp_hash_name(hash));

	return info == NULL ? 0 : info->hash_len;
}

static DWORD
digest_new(struct csp_crypto *c, enum csp_hash hash, struct csp_digest **ret_digest)
{
	struct csp_digest *d;
	bool ok;

	if (csp_hash_name(hash) == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (!library_running())
		return SCARD_F_INTERNAL_ERROR;
	if ((d = calloc(1, sizeof *d)) == NULL)
		return SCARD_E_NO_MEMORY;
	d->size = (unsigned)csp_hash_len(hash);
	ERR_set_mark();
	ok = (d->ctx = EVP_MD_CTX_new()) != NULL && EVP_DigestInit_ex2(d->ctx, c->md[hash], NULL) == 1;
	ERR_pop_to_mark();
	if (!ok) {
		csp_digest_free(&d);
		return SCARD_E_NO_MEMORY;
	}
	*ret_digest = d;
	return SCARD_S_SUCCESS;
}

DWORD
csp_digest_new(struct csp *csp, enum csp_hash hash, struct csp_digest **ret_digest)
{
	return digest_new(csp->crypto, hash, ret_digest);
}

DWORD
csp_digest_update(struct csp_digest *digest, struct cursor data)
{
	if (!library_running())
		return SCARD_F_INTERNAL_ERROR;
	if (data.left == 0)
		return SCARD_S_SUCCESS;
	return EVP_DigestUpdate(digest->ctx, data.p, data.left) == 1 ? SCARD_S_SUCCESS : SCARD_F_INTERNAL_ERROR;
}

DWORD
csp_digest_final(struct csp_digest *digest, uint8_t *ret_value)
{
	unsigned len = 0;

	if (!library_running() || EVP_DigestFinal_ex(digest->ctx, ret_value, &len) != 1 || len != digest->size)
		return SCARD_F_INTERNAL_ERROR;
	return SCARD_S_SUCCESS;
}

void
csp_digest_free(struct csp_digest **digest)
{
	if (digest == NULL || *digest == NULL)
		return;
	if (library_running())
		EVP_MD_CTX_free((*digest)->ctx);
	free(*digest);
	*digest = NULL;
}

DWORD
csp_crypto_hash(struct csp_crypto *crypto, enum csp_hash hash, const struct cursor *pieces, size_t count,
		uint8_t *ret_value)
{
	struct csp_digest *d = NULL;
	DWORD r = digest_new(crypto, hash, &d);

	for (size_t i = 0; r == SCARD_S_SUCCESS && i < count; i++)
		r = csp_digest_update(d, pieces[i]);
	if (r == SCARD_S_SUCCESS)
		r = csp_digest_final(d, ret_value);
	csp_digest_free(&d);
	return r;
}

/* Pseudo-random bytes -------------------------------------------------------------------------------------------- */

static bool
hmac(struct csp_crypto *c, struct cursor key, const struct cursor *pieces, size_t count,
     uint8_t ret_value[PRF_HASH_LEN])
{
	char hash[] = PRF_HASH;
	const OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, hash, 0),
				      OSSL_PARAM_construct_end() };
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(c->hmac);
	size_t len = 0;
	bool ok = ctx != NULL && EVP_MAC_init(ctx, key.p, key.left, params) == 1;

	for (size_t i = 0; ok && i < count; i++)
		ok = EVP_MAC_update(ctx, pieces[i].p, pieces[i].left) == 1;
	ok = ok && EVP_MAC_final(ctx, ret_value, &len, PRF_HASH_LEN) == 1 && len == PRF_HASH_LEN;
	EVP_MAC_CTX_free(ctx);
	return ok;
}

/* The key of the pieces, then block i = HMAC(key, i || label || length), as OpenSSL has it for the same purpose. */
static bool
prf(struct csp_crypto *c, const char *label, struct cursor data, uint8_t *ret_bytes, size_t len)
{
	uint8_t key[PRF_HASH_LEN], block[PRF_HASH_LEN], counter[2] = { 0 };
	const uint8_t length[2] = { (uint8_t)(len * 8 >> 8), (uint8_t)(len * 8) };
	const struct cursor pieces[] = { cur_of(counter, sizeof counter), cur_of(label, strlen(label)),
					 cur_of(length, sizeof length) };
	bool ok = hmac(c, cur_of(c->seed.p, c->seed.len), &data, 1, key);

	for (size_t done = 0; ok && done < len; done += PRF_HASH_LEN, counter[1]++) {
		size_t part = len - done < PRF_HASH_LEN ? len - done : PRF_HASH_LEN;

		ok = hmac(c, cur_of(key, sizeof key), pieces, ARRAY_SIZE(pieces), block);
		if (ok)
			memcpy(ret_bytes + done, block, part);
	}
	secret_wipe(key, sizeof key);
	secret_wipe(block, sizeof block);
	return ok;
}

DWORD
csp_crypto_prf(struct csp_crypto *crypto, const char *label, struct cursor data, uint8_t *ret_bytes, size_t len)
{
	bool ok;

	if (len > LIMIT_RSA_BYTES)
		return SCARD_E_INVALID_PARAMETER;
	if (!library_running())
		return SCARD_F_INTERNAL_ERROR;
	ERR_set_mark();
	ok = prf(crypto, label, data, ret_bytes, len);
	ERR_pop_to_mark();
	return ok ? SCARD_S_SUCCESS : SCARD_F_INTERNAL_ERROR;
}

DWORD
csp_pseudorandom(struct csp *csp, const char *label, struct cursor data, uint8_t *ret_bytes, size_t len)
{
	return csp_crypto_prf(csp->crypto, label, data, ret_bytes, len);
}

/* Public keys ---------------------------------------------------------------------------------------------------- */

static const char *
curve_name(unsigned bits)
{
	return bits == 256 ? "P-256" : bits == 384 ? "P-384" : "P-521";
}

/* The numbers of the key as libcrypto wants them; n and e are the caller's, for the builder only refers to them. */
static OSSL_PARAM *
key_params(const struct public_key *key, BIGNUM *n, BIGNUM *e)
{
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	bool ok;

	if (b == NULL)
		return NULL;
	if (key->type == KEY_RSA)
		ok = n != NULL && e != NULL && BN_bin2bn(key->modulus, (int)key->modulus_len, n) != NULL &&
		     BN_bin2bn(key->exponent, (int)key->exponent_len, e) != NULL &&
		     OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
		     OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e) == 1;
	else if (pubkey_is_25519(key->type))
		ok = OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, key->point, key->point_len) == 1;
	else
		ok = OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, curve_name(key->bits), 0) == 1 &&
		     OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, key->point, key->point_len) == 1;
	if (ok)
		params = OSSL_PARAM_BLD_to_param(b);
	OSSL_PARAM_BLD_free(b);
	return params;
}

/*
 * rsaEncryption, id-ecPublicKey, id-Ed25519, id-X25519. By their plain names libcrypto would first look for an engine that has them, whatever
 * the library context; that of libp11 may be us, and cannot take a key from outside.
 */
#define RSA_OID "1.2.840.113549.1.1.1"
#define EC_OID "1.2.840.10045.2.1"
#define ED25519_OID "1.3.101.112"
#define X25519_OID "1.3.101.110"

static const char *
key_oid(enum key_type type)
{
	switch (type) {
	case KEY_RSA: return RSA_OID;
	case KEY_EC: return EC_OID;
	case KEY_ED25519: return ED25519_OID;
	case KEY_X25519: return X25519_OID;
	case KEY_NONE: break;
	}
	return NULL;
}

/* Also proves that a point is on its curve. NULL for a key that libcrypto refuses. */
static EVP_PKEY *
import_key(struct csp_crypto *c, const struct public_key *key)
{
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM *params = NULL;
	BIGNUM *n = BN_new(), *e = BN_new();

	if (key_oid(key->type) == NULL)
		goto out;
	if ((params = key_params(key, n, e)) == NULL)
		goto out;
	ctx = EVP_PKEY_CTX_new_from_name(c->lib, key_oid(key->type), NULL);
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
out:
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	BN_free(n);
	BN_free(e);
	return pkey;
}

/* A key and its context, ready for one operation after the init call; false leaves both NULL. */
static bool
open_key(struct csp_crypto *c, const struct public_key *key, EVP_PKEY **ret_pkey, EVP_PKEY_CTX **ret_ctx)
{
	*ret_ctx = NULL;
	if ((*ret_pkey = import_key(c, key)) == NULL)
		return false;
	if ((*ret_ctx = EVP_PKEY_CTX_new_from_pkey(c->lib, *ret_pkey, NULL)) != NULL)
		return true;
	EVP_PKEY_free(*ret_pkey);
	*ret_pkey = NULL;
	return false;
}

bool
csp_crypto_key_valid(struct csp_crypto *crypto, const struct public_key *key)
{
	EVP_PKEY *pkey = NULL;
	bool valid;

	if (!library_running())
		return false;
	ERR_set_mark();
	valid = (pkey = import_key(crypto, key)) != NULL;
	EVP_PKEY_free(pkey);
	ERR_pop_to_mark();
	return valid;
}

bool
csp_public_key_valid(struct csp *csp, const struct public_key *key)
{
	return csp_crypto_key_valid(csp->crypto, key);
}

DWORD
csp_public_key_spki(struct csp *csp, const struct public_key *key, struct buf *ret_der)
{
	DWORD r = SCARD_E_INVALID_PARAMETER;
	EVP_PKEY *pkey = NULL;
	unsigned char *der = NULL;
	int len = -1;

	if (!library_running())
		return SCARD_F_INTERNAL_ERROR;
	ERR_set_mark();
	if ((pkey = import_key(csp->crypto, key)) != NULL)
		len = i2d_PUBKEY(pkey, &der);
	if (len > 0) {
		buf_reset(ret_der);
		buf_put(ret_der, der, (size_t)len);
		r = buf_failed(ret_der) ? SCARD_E_NO_MEMORY : SCARD_S_SUCCESS;
	}
	OPENSSL_free(der);
	EVP_PKEY_free(pkey);
	ERR_pop_to_mark();
	return r;
}

/* Verification --------------------------------------------------------------------------------------------------- */

/* r || s of equal width to the DER that libcrypto reads. */
static bool
ecdsa_to_der(struct cursor signature, unsigned char **ret_der, int *ret_len)
{
	size_t width = signature.left / 2;
	struct cursor r = { NULL, 0 };
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *bn_r = NULL, *bn_s = NULL;
	int len = -1;

	if (sig == NULL || !cur_take(&signature, width, &r))
		goto out;
	bn_r = BN_bin2bn(r.p, (int)r.left, NULL);
	bn_s = BN_bin2bn(signature.p, (int)signature.left, NULL);
	if (bn_r == NULL || bn_s == NULL || ECDSA_SIG_set0(sig, bn_r, bn_s) != 1)
		goto out;
	bn_r = bn_s = NULL;
	if ((len = i2d_ECDSA_SIG(sig, ret_der)) > 0)
		*ret_len = len;
out:
	BN_free(bn_r);
	BN_free(bn_s);
	ECDSA_SIG_free(sig);
	return len > 0;
}

static bool
set_rsa_scheme(struct csp_crypto *c, EVP_PKEY_CTX *ctx, const struct csp_scheme *scheme)
{
	switch (scheme->padding) {
	case CSP_PAD_RAW: return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1;
	case CSP_PAD_PKCS1:
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
		       (scheme->hash == CSP_HASH_NONE || EVP_PKEY_CTX_set_signature_md(ctx, c->md[scheme->hash]) == 1);
	case CSP_PAD_PSS:
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_signature_md(ctx, c->md[scheme->hash]) == 1 &&
		       EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, c->md[scheme->mgf]) == 1 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)scheme->salt_len) == 1;
	default: return false;
	}
}

/* Whether lengths and scheme fit the key at all. */
static bool
verify_possible(const struct public_key *key, const struct csp_scheme *scheme, struct cursor data,
		struct cursor signature)
{
	size_t len = pubkey_signature_len(key);

	if (len == 0 || signature.left != len)
		return false;
	if (scheme->padding == CSP_PAD_ECDSA)
		return key->type == KEY_EC && data.left > 0 && data.left <= LIMIT_ECDSA_INPUT;
	if (scheme->padding == CSP_PAD_EDDSA)
		return key->type == KEY_ED25519;
	if (key->type != KEY_RSA || data.left > len)
		return false;
	switch (scheme->padding) {
	case CSP_PAD_RAW: return data.left == len;
	case CSP_PAD_PKCS1: return scheme->hash == CSP_HASH_NONE || data.left == csp_hash_len(scheme->hash);
	case CSP_PAD_PSS:
		return csp_hash_len(scheme->hash) > 0 && csp_hash_len(scheme->mgf) > 0 && scheme->salt_len <= len &&
		       data.left == csp_hash_len(scheme->hash);
	default: return false;
	}
}

static DWORD
verify(struct csp_crypto *c, const struct public_key *key, const struct csp_scheme *scheme, struct cursor data,
       struct cursor signature, bool *ret_good)
{
	DWORD r = SCARD_E_INVALID_PARAMETER;
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *pkey = NULL;
	unsigned char *der = NULL;
	int der_len = 0;

	if (!open_key(c, key, &pkey, &ctx) || EVP_PKEY_verify_init(ctx) != 1)
		goto out;
	if (key->type == KEY_RSA ? !set_rsa_scheme(c, ctx, scheme) : !ecdsa_to_der(signature, &der, &der_len))
		goto out;
	if (der != NULL)
		signature = cur_of(der, (size_t)der_len);
	*ret_good = EVP_PKEY_verify(ctx, signature.p, signature.left, data.p, data.left) == 1;
	r = SCARD_S_SUCCESS;
out:
	OPENSSL_free(der);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return r;
}

/* libcrypto has it as a signature of a message only, with a hash that nobody names. */
static DWORD
verify_message(struct csp_crypto *c, const struct public_key *key, struct cursor data, struct cursor signature,
	       bool *ret_good)
{
	static const uint8_t nothing[1] = { 0 };
	DWORD r = SCARD_E_INVALID_PARAMETER;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *pkey = import_key(c, key);

	if (ctx != NULL && pkey != NULL && EVP_DigestVerifyInit_ex(ctx, NULL, NULL, c->lib, NULL, pkey, NULL) == 1) {
		*ret_good = EVP_DigestVerify(ctx, signature.p, signature.left, data.left > 0 ? data.p : nothing,
					     data.left) == 1;
		r = SCARD_S_SUCCESS;
	}
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return r;
}

/* The bare operation, recovery, encryption ------------------------------------------------------------------------- */

/* The bare RSA operation on a block of modulus length; fails for a block that is not below the modulus. */
static DWORD
rsa_public(struct csp_crypto *c, const struct public_key *key, const uint8_t *block, uint8_t *ret_cipher)
{
	size_t len = key->modulus_len;
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *pkey = NULL;
	bool ok;

	ERR_set_mark();
	ok = open_key(c, key, &pkey, &ctx) && EVP_PKEY_encrypt_init(ctx) == 1 &&
	     EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
	     EVP_PKEY_encrypt(ctx, ret_cipher, &len, block, key->modulus_len) == 1 && len == key->modulus_len;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	ERR_pop_to_mark();
	return ok ? SCARD_S_SUCCESS : SCARD_E_INVALID_PARAMETER;
}

/* EMSA-PKCS1-v1_5 (RFC 8017, 9.2) the other way: 00 01, at least eight FF, 00, data. */
static bool
find_signed(const uint8_t *block, size_t len, struct cursor *ret_data)
{
	struct cursor c = cur_of(block, len);
	size_t fill = 0;
	uint8_t byte;

	if (!cur_u8(&c, &byte) || byte != 0x00 || !cur_u8(&c, &byte) || byte != 0x01)
		return false;
	while (cur_u8(&c, &byte) && byte == 0xFF)
		fill++;
	*ret_data = c;
	return byte == 0x00 && fill >= PKCS1_MIN_FILL;
}

DWORD
csp_recover(struct csp *csp, const struct public_key *key, const struct csp_scheme *scheme, struct cursor signature,
	    uint8_t *ret_data, size_t room, size_t *ret_len)
{
	uint8_t block[LIMIT_RSA_BYTES];
	struct cursor data;

	if (key->type != KEY_RSA || signature.left != key->modulus_len || room < key->modulus_len)
		return SCARD_E_INVALID_PARAMETER;
	if (scheme->hash != CSP_HASH_NONE || (scheme->padding != CSP_PAD_RAW && scheme->padding != CSP_PAD_PKCS1))
		return SCARD_E_UNSUPPORTED_FEATURE;
	if (!library_running())
		return SCARD_F_INTERNAL_ERROR;
	if (rsa_public(csp->crypto, key, signature.p, block) != SCARD_S_SUCCESS)
		return SCARD_E_INVALID_VALUE;
	data = cur_of(block, key->modulus_len);
	if (scheme->padding == CSP_PAD_PKCS1 && !find_signed(block, key->modulus_len, &data))
		return SCARD_E_INVALID_VALUE;
	*ret_len = data.left;
	return cur_copy(&data, ret_data, data.left) ? SCARD_S_SUCCESS : SCARD_E_INVALID_VALUE;
}

/* libcrypto takes no signature of no bytes for good. */
static DWORD
verify_nothing(struct csp *csp, const struct public_key *key, const struct csp_scheme *scheme, struct cursor signature,
	       bool *ret_good)
{
	uint8_t data[LIMIT_RSA_BYTES];
	size_t len = 0;
	DWORD r = csp_recover(csp, key, scheme, signature, data, sizeof data, &len);

	if (r == SCARD_S_SUCCESS || r == SCARD_E_INVALID_VALUE)
		*ret_good = r == SCARD_S_SUCCESS && len == 0;
	return r == SCARD_E_INVALID_VALUE ? SCARD_S_SUCCESS : r;
}

DWORD
csp_verify(struct csp *csp, const struct public_key *key, const struct csp_scheme *scheme, struct cursor data,
	   struct cursor signature, bool *ret_good)
{
	DWORD r;

	if (!verify_possible(key, scheme, data, signature))
		return SCARD_E_INVALID_PARAMETER;
	if (scheme->padding == CSP_PAD_PKCS1 && data.left == 0)
		return verify_nothing(csp, key, scheme, signature, ret_good);
	if (!library_running())
		return SCARD_F_INTERNAL_ERROR;
	ERR_set_mark();
	if (scheme->padding == CSP_PAD_EDDSA)
		r = verify_message(csp->crypto, key, data, signature, ret_good);
	else
		r = verify(csp->crypto, key, scheme, data, signature, ret_good);
	ERR_pop_to_mark();
	return r;
}

DWORD
csp_encrypt(struct csp *csp, const struct public_key *key, const struct csp_scheme *scheme, struct cursor plain,
	    uint8_t *ret_cipher, size_t room, size_t *ret_len)
{
	struct secret block = SECRET_INIT;
	DWORD r;

	if (key->type != KEY_RSA || room < key->modulus_len)
		return SCARD_E_INVALID_PARAMETER;
	if (!library_running())
		return SCARD_F_INTERNAL_ERROR;
	if (!secret_alloc(&block, key->modulus_len))
		return SCARD_E_NO_MEMORY;
	r = csp_pad_encryption(csp->crypto, scheme, plain, block.p, block.len);
	if (r == SCARD_S_SUCCESS)
		r = rsa_public(csp->crypto, key, block.p, ret_cipher);
	if (r == SCARD_S_SUCCESS)
		*ret_len = key->modulus_len;
	secret_free(&block);
	return r;
}
