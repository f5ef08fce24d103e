/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Roots, mscp\msroots: PKCS#7 SignedData without content and signers, the certificates in its certificate set (minidriver
 * specification, "msroots"). Nobody says whether others compress it as they do certificates: both forms are read, and
 * the plain one is written.
 */
#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/log.h"
#include "csp/card.h"
#include "csp/cert.h"
#include "csp/crypto.h"

#define ROOTS "msroots"

static void
free_certs(struct csp_cert *certs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_free(&certs[i].der);
	free(certs);
}

void
csp_roots_free(struct csp_roots *roots)
{
	free_certs(roots->certs, roots->count);
	*roots = (struct csp_roots){ .known = false };
}

/* PKCS#7 -------------------------------------------------------------------------------------------------------------- */

/* Takes the DER over as one more certificate; the array has room. */
static DWORD
append(struct csp_crypto *crypto, struct csp_roots *roots, struct buf *der)
{
	struct csp_cert *cert = NULL;
	DWORD r = csp_cert_new(crypto, der, &cert);

	if (r != SCARD_S_SUCCESS)
		return r;
	roots->certs[roots->count++] = *cert;
	free(cert);
	return SCARD_S_SUCCESS;
}

static DWORD
append_x509(struct csp_crypto *crypto, struct csp_roots *roots, const X509 *x)
{
	AUTO_BUF struct buf der = BUF_INIT_MAX(LIMIT_CERTIFICATE);
	unsigned char *bytes = NULL;
	int len = i2d_X509(x, &bytes);

	if (len > 0)
		buf_put(&der, bytes, (size_t)len);
	OPENSSL_free(bytes);
	return len <= 0 || buf_failed(&der) ? SCARD_E_NO_MEMORY : append(crypto, roots, &der);
}

static DWORD
take_set(struct csp_crypto *crypto, const STACK_OF(X509) * set, struct csp_roots *roots)
{
	const int count = set == NULL ? 0 : sk_X509_num(set);
	DWORD r = SCARD_S_SUCCESS;

	if (count <= 0)
		return SCARD_S_SUCCESS;
	if (count > (int)LIMIT_ROOTS)
		return SCARD_E_COMM_DATA_LOST;
	if ((roots->certs = calloc((size_t)count, sizeof(*roots->certs))) == NULL)
		return SCARD_E_NO_MEMORY;
	for (int i = 0; i < count && r == SCARD_S_SUCCESS; i++)
		r = append_x509(crypto, roots, sk_X509_value(set, i));
	return r;
}

/* SCARD_E_COMM_DATA_LOST for damage. */
static DWORD
decode(struct csp_crypto *crypto, struct cursor der, struct csp_roots *roots)
{
	struct ossl_lib_ctx_st *library = csp_crypto_library(crypto);
	const unsigned char *p = der.p;
	DWORD r = SCARD_E_COMM_DATA_LOST;
	PKCS7 *p7;

	if (library == NULL)
		return SCARD_F_INTERNAL_ERROR;
	ERR_set_mark();
	p7 = PKCS7_new_ex(library, NULL);
	if (p7 != NULL && d2i_PKCS7(&p7, &p, (long)der.left) != NULL && PKCS7_type_is_signed(p7) && p7->d.sign != NULL)
		r = take_set(crypto, p7->d.sign->cert, roots);
	PKCS7_free(p7);
	ERR_pop_to_mark();
	return r;
}

static bool
add_der(struct ossl_lib_ctx_st *library, PKCS7 *p7, const struct buf *der)
{
	const unsigned char *p = der->p;
	X509 *x = X509_new_ex(library, NULL);
	bool ok = x != NULL && d2i_X509(&x, &p, (long)der->len) != NULL && PKCS7_add_certificate(p7, x) == 1;

	X509_free(x);
	return ok;
}

/* But for one that is left out; SIZE_MAX leaves out none. */
static bool
encode(struct ossl_lib_ctx_st *library, const struct csp_roots *roots, size_t without, const struct buf *one_more,
       struct buf *ret_der)
{
	PKCS7 *p7 = PKCS7_new_ex(library, NULL);
	unsigned char *bytes = NULL;
	int len = -1;
	bool ok;

	ok = p7 != NULL && PKCS7_set_type(p7, NID_pkcs7_signed) == 1 && PKCS7_content_new(p7, NID_pkcs7_data) == 1 &&
	     PKCS7_set_detached(p7, 1) == 1;
	for (size_t i = 0; ok && i < roots->count; i++)
		if (i != without)
			ok = add_der(library, p7, &roots->certs[i].der);
	if (ok && one_more != NULL)
		ok = add_der(library, p7, one_more);
	if (ok && (len = i2d_PKCS7(p7, &bytes)) > 0)
		buf_put(ret_der, bytes, (size_t)len);
	OPENSSL_free(bytes);
	PKCS7_free(p7);
	return len > 0 && !buf_failed(ret_der);
}

/* The front of an element; its content may have been cut off. */
static bool
enter(struct cursor *c, uint8_t tag)
{
	uint8_t found, first, skipped;

	if (!cur_u8(c, &found) || found != tag || !cur_u8(c, &first))
		return false;
	for (unsigned n = first < 0x80 ? 0 : first & 0x7Fu; n > 0; n--)
		if (!cur_u8(c, &skipped))
			return false;
	return true;
}

/* An element that is there as a whole. */
static bool
whole(struct cursor *c, struct cursor *ret_element)
{
	struct cursor ahead = *c;
	size_t len = 0, front;
	uint8_t tag, first, digit;

	if (!cur_u8(&ahead, &tag) || !cur_u8(&ahead, &first) || first == 0x80 || first > 0x83)
		return false;
	for (unsigned n = first < 0x80 ? 0 : first & 0x7Fu; n > 0; n--) {
		if (!cur_u8(&ahead, &digit))
			return false;
		len = len << 8 | digit;
	}
	front = c->left - ahead.left;
	return cur_take(c, front + (first < 0x80 ? first : len), ret_element);
}

/* ContentInfo (OID, [0] SignedData (version, algorithms, content, [0] certificates ...)), as far as it goes. */
static bool
find_set(struct cursor *c)
{
	struct cursor skipped;

	return enter(c, 0x30) && whole(c, &skipped) && enter(c, 0xA0) && enter(c, 0x30) && whole(c, &skipped) &&
	       whole(c, &skipped) && whole(c, &skipped) && enter(c, 0xA0);
}

static DWORD
salvage(struct csp_crypto *crypto, struct cursor content, struct csp_roots *roots)
{
	struct cursor element;
	DWORD r = SCARD_S_SUCCESS;

	if (!find_set(&content))
		return SCARD_S_SUCCESS;
	if ((roots->certs = calloc(LIMIT_ROOTS, sizeof(*roots->certs))) == NULL)
		return SCARD_E_NO_MEMORY;
	while (r == SCARD_S_SUCCESS && roots->count < LIMIT_ROOTS && whole(&content, &element)) {
		AUTO_BUF struct buf der = BUF_INIT_MAX(LIMIT_CERTIFICATE);

		buf_put_cur(&der, element);
		r = buf_failed(&der) ? SCARD_E_NO_MEMORY : append(crypto, roots, &der);
		if (r == SCARD_S_SUCCESS && !roots->certs[roots->count - 1].parsed)
			buf_free(&roots->certs[--roots->count].der);
	}
	return r;
}

DWORD
csp_roots_mend(struct csp_card *card)
{
	AUTO_BUF struct buf content = BUF_INIT, mended = BUF_INIT;
	struct ossl_lib_ctx_st *library = csp_crypto_library(card->csp->crypto);
	struct csp_roots roots = { .known = true };
	DWORD r = csp_file_read(card, CSP_DIRECTORY, ROOTS, &content);

	if (r != SCARD_S_SUCCESS)
		return r;
	if (library == NULL)
		return SCARD_F_INTERNAL_ERROR;
	r = salvage(card->csp->crypto, buf_cur(&content), &roots);
	ERR_set_mark();
	if (r == SCARD_S_SUCCESS && roots.count > 0 && !encode(library, &roots, SIZE_MAX, NULL, &mended))
		r = SCARD_E_NO_MEMORY;
	ERR_pop_to_mark();
	card->roots.known = false;
	if (r == SCARD_S_SUCCESS)
		r = roots.count == 0 ? csp_file_delete(card, CSP_DIRECTORY, ROOTS)
				     : csp_file_write(card, CSP_DIRECTORY, ROOTS, buf_cur(&mended));
	csp_roots_free(&roots);
	return r;
}

/* The card ------------------------------------------------------------------------------------------------------------ */

/* Inside a transaction, after the counters were compared. */
static DWORD
load(struct csp_card *card)
{
	AUTO_BUF struct buf content = BUF_INIT, der = BUF_INIT;
	struct csp_roots roots = { .known = true };
	DWORD r;

	if (card->roots.known)
		return SCARD_S_SUCCESS;
	r = csp_file_read(card, CSP_DIRECTORY, ROOTS, &content);
	if (r == SCARD_E_FILE_NOT_FOUND || r == SCARD_E_DIR_NOT_FOUND || (r == SCARD_S_SUCCESS && content.len == 0)) {
		r = SCARD_S_SUCCESS;
	} else if (r == SCARD_S_SUCCESS) {
		r = csp_certfile_decode(buf_cur(&content), &der) ? decode(card->csp->crypto, buf_cur(&der), &roots)
								 : SCARD_E_COMM_DATA_LOST;
		if (r == SCARD_E_COMM_DATA_LOST)
			log_warn(LOG_CSP, "the file of roots is damaged");
	}
	if (r != SCARD_S_SUCCESS) {
		csp_roots_free(&roots);
		return r;
	}
	csp_roots_free(&card->roots);
	card->roots = roots;
	return SCARD_S_SUCCESS;
}

static DWORD
list_work(struct csp_card *card, void *arg)
{
	DWORD r = csp_cache_check(card);

	(void)arg;
	return r == SCARD_S_SUCCESS ? load(card) : r;
}

DWORD
csp_roots_list(struct csp_card *card, const struct csp_cert **ret_certs, size_t *ret_count)
{
	DWORD r = card->gone ? SCARD_W_REMOVED_CARD : csp_txn_run(card, list_work, NULL);

	if (r != SCARD_S_SUCCESS)
		return r;
	*ret_certs = card->roots.certs;
	*ret_count = card->roots.count;
	return SCARD_S_SUCCESS;
}

struct root_change {
	const struct buf *der;
	bool add; /* or remove */
	bool done;
};

#define NOWHERE SIZE_MAX

static size_t
place_of(const struct csp_roots *roots, const struct buf *der)
{
	struct cursor c = buf_cur(der);

	for (size_t i = 0; i < roots->count; i++)
		if (cur_equals(&c, roots->certs[i].der.p, roots->certs[i].der.len))
			return i;
	return NOWHERE;
}

/* The new content; what was wrong with the caller's wish. */
static DWORD
compose(struct csp_card *card, const struct root_change *c, struct buf *ret_content)
{
	struct ossl_lib_ctx_st *library = csp_crypto_library(card->csp->crypto);
	const size_t place = place_of(&card->roots, c->der);
	bool ok;

	if (c->add && place != NOWHERE)
		return ERROR_FILE_EXISTS;
	if (c->add && card->roots.count >= LIMIT_ROOTS)
		return SCARD_E_WRITE_TOO_MANY;
	if (!c->add && place == NOWHERE)
		return SCARD_E_FILE_NOT_FOUND;
	if (library == NULL)
		return SCARD_F_INTERNAL_ERROR;
	ERR_set_mark();
	ok = encode(library, &card->roots, place, c->add ? c->der : NULL, ret_content);
	ERR_pop_to_mark();
	if (!ok)
		return buf_failed(ret_content) ? SCARD_E_WRITE_TOO_MANY : SCARD_F_INTERNAL_ERROR;
	/* what could not be read again is not written */
	return ret_content->len <= LIMIT_CERTIFICATE ? SCARD_S_SUCCESS : SCARD_E_WRITE_TOO_MANY;
}

static DWORD
change_work(struct csp_card *card, void *arg)
{
	AUTO_BUF struct buf content = BUF_INIT;
	struct root_change *c = arg;
	struct csp_change change;
	DWORD r;

	if (c->done)
		return SCARD_S_SUCCESS;
	if ((r = csp_cache_check(card)) != SCARD_S_SUCCESS || (r = load(card)) != SCARD_S_SUCCESS ||
	    (r = compose(card, c, &content)) != SCARD_S_SUCCESS ||
	    (r = csp_change_begin(card, CSP_BY_EITHER, CSP_FILES, &change)) != SCARD_S_SUCCESS)
		return r;
	card->roots.known = false;
	if (!c->add && card->roots.count == 1)
		r = csp_file_delete(card, CSP_DIRECTORY, ROOTS);
	else
		r = csp_file_put(card, CSP_DIRECTORY, ROOTS, EveryoneReadUserWriteAc, buf_cur(&content));
	c->done = r == SCARD_S_SUCCESS;
	return csp_change_end(card, &change, r);
}

DWORD
csp_roots_add(struct csp_card *card, struct cursor der)
{
	AUTO_BUF struct buf copy = BUF_INIT_MAX(LIMIT_CERTIFICATE);
	struct csp_cert *cert = NULL;
	struct root_change c = { .add = true };
	DWORD r;

	buf_put_cur(&copy, der);
	if (buf_failed(&copy))
		return der.left > LIMIT_CERTIFICATE ? SCARD_E_INVALID_VALUE : SCARD_E_NO_MEMORY;
	if ((r = csp_cert_new(card->csp->crypto, &copy, &cert)) != SCARD_S_SUCCESS)
		return r;
	c.der = &cert->der;
	r = cert->parsed ? csp_change_run(card, change_work, &c) : SCARD_E_INVALID_VALUE;
	csp_cert_free(&cert);
	return r;
}

DWORD
csp_roots_remove(struct csp_card *card, struct cursor der)
{
	AUTO_BUF struct buf copy = BUF_INIT_MAX(LIMIT_CERTIFICATE);
	struct root_change c = { .der = &copy };

	buf_put_cur(&copy, der);
	if (buf_failed(&copy))
		return der.left > LIMIT_CERTIFICATE ? SCARD_E_FILE_NOT_FOUND : SCARD_E_NO_MEMORY;
	return csp_change_run(card, change_work, &c);
}

DWORD
csp_roots_export(struct csp_card *card, struct buf *ret_pkcs7)
{
	struct ossl_lib_ctx_st *library = csp_crypto_library(card->csp->crypto);
	const struct csp_cert *certs;
	size_t count;
	bool ok;
	DWORD r = csp_roots_list(card, &certs, &count);

	if (r != SCARD_S_SUCCESS)
		return r;
	if (library == NULL)
		return SCARD_F_INTERNAL_ERROR;
	buf_reset(ret_pkcs7);
	ERR_set_mark();
	ok = encode(library, &card->roots, SIZE_MAX, NULL, ret_pkcs7);
	ERR_pop_to_mark();
	return ok ? SCARD_S_SUCCESS : SCARD_E_NO_MEMORY;
}
