/* SPDX-License-Identifier: BSD-2-Clause */
/* libcrypto, in contexts of our own: made, given back, and left alone after a fork or its own end. */
#include "csp/crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <stdlib.h>

#include "base/lock.h"
#include "csp/libcrypto.h"

#define SEED_LEN 32u

/* What could not be given back, kept where leak checkers see it. */
static struct csp_crypto *forgotten;

bool
csp_libcrypto_runs(void)
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

/* On false as well, what there is of it goes to close_library(). */
static bool
open_library(OSSL_LIB_CTX **lib, OSSL_PROVIDER **provider)
{
	return (*lib = OSSL_LIB_CTX_new()) != NULL && (*provider = OSSL_PROVIDER_load(*lib, "default")) != NULL;
}

static void
close_library(OSSL_LIB_CTX *lib, OSSL_PROVIDER *provider)
{
	if (provider != NULL)
		OSSL_PROVIDER_unload(provider);
	if (lib != NULL) {
		OPENSSL_thread_stop_ex(lib);
		OSSL_LIB_CTX_free(lib);
	}
}

static bool
fetch_hashes(struct csp_crypto *c)
{
	for (size_t i = CSP_SHA1; i < CSP_HASHES; i++)
		if ((c->md[i] = EVP_MD_fetch(c->lib, csp_hash_name((enum csp_hash)i), NULL)) == NULL)
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

	if (!csp_libcrypto_runs() || !guard_forks())
		return SCARD_F_INTERNAL_ERROR;
	if ((c = calloc(1, sizeof *c)) == NULL)
		return SCARD_E_NO_MEMORY;
	process_lock_acquire(&changing);
	ERR_set_mark();
	ok = open_library(&c->lib, &c->provider) && fetch_hashes(c) && make_seed(c);
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
release_crypto(struct csp_crypto *c)
{
	for (size_t i = 0; i < CSP_HASHES; i++)
		EVP_MD_free(c->md[i]);
	EVP_MAC_free(c->hmac);
	close_library(c->lib, c->provider);
}

void
csp_crypto_close(struct csp_crypto **crypto)
{
	if (crypto == NULL || *crypto == NULL)
		return;
	secret_free(&(*crypto)->seed);
	if (!csp_libcrypto_runs()) {
		csp_crypto_forget(crypto);
		return;
	}
	process_lock_acquire(&changing);
	release_crypto(*crypto);
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
	return csp_libcrypto_runs() ? crypto->lib : NULL;
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

	if (!csp_libcrypto_runs() || !guard_forks())
		return SCARD_F_INTERNAL_ERROR;
	if ((s = calloc(1, sizeof *s)) == NULL)
		return SCARD_E_NO_MEMORY;
	process_lock_acquire(&changing);
	ERR_set_mark();
	ok = open_library(&s->lib, &s->provider);
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
	close_library(s->lib, s->provider);
	process_lock_release(&changing);
	free(s);
	*scratch = NULL;
}
