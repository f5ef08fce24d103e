/* SPDX-License-Identifier: BSD-2-Clause */
/* Hashes: their names and lengths, and digests of what comes in pieces. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/digestinfo.h"
#include "csp/card.h"
#include "csp/libcrypto.h"

struct csp_digest {
	EVP_MD_CTX *ctx;
	unsigned size;
};

/* libcrypto takes these very names. */
static const char *const hash_names[CSP_HASHES] = {
	[CSP_SHA1] = "SHA1",	 [CSP_SHA224] = "SHA224", [CSP_SHA256] = "SHA256",
	[CSP_SHA384] = "SHA384", [CSP_SHA512] = "SHA512",
};

const char *
csp_hash_name(enum csp_hash hash)
{
	return (size_t)hash < CSP_HASHES ? hash_names[hash] : NULL;
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
	for (i = CSP_SHA1; i < CSP_HASHES; i++)
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
	if (!csp_libcrypto_runs())
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
	if (!csp_libcrypto_runs())
		return SCARD_F_INTERNAL_ERROR;
	if (data.left == 0)
		return SCARD_S_SUCCESS;
	return EVP_DigestUpdate(digest->ctx, data.p, data.left) == 1 ? SCARD_S_SUCCESS : SCARD_F_INTERNAL_ERROR;
}

DWORD
csp_digest_final(struct csp_digest *digest, uint8_t *ret_value)
{
	unsigned len = 0;

	if (!csp_libcrypto_runs() || EVP_DigestFinal_ex(digest->ctx, ret_value, &len) != 1 || len != digest->size)
		return SCARD_F_INTERNAL_ERROR;
	return SCARD_S_SUCCESS;
}

void
csp_digest_free(struct csp_digest **digest)
{
	if (digest == NULL || *digest == NULL)
		return;
	if (csp_libcrypto_runs())
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
