/* SPDX-License-Identifier: BSD-2-Clause */
/* The common part over a minidriver and a virtual card in this process, with one reader: what tests of managing start from. */
#ifndef CARD_CSP_WORLD_H
#define CARD_CSP_WORLD_H

#include <openssl/x509v3.h>

#include "csp/card.h"
#include "lib/faketransport.h"
#include "unit/keys_fixture.h"
#include "unit/vcard_fixture.h"
#include "vcard/io_front.h"

static const uint8_t world_admin_key[24];

static struct world {
	struct fixture fixture;
	struct fake_reader *slot;
	struct io *io;	    /* the connection now */
	const char *faults; /* armed when it is made */
	struct csp_options options;
	struct csp *csp;
	struct csp_reader *reader;
	struct csp_card *card;
} w;

static DWORD
world_connect(struct fake_reader *reader, void *arg, struct io **ret_io)
{
	char error[LINK_ERROR_MAX];

	(void)reader;
	(void)arg;
	assert_int_equal(vcard_io_wrap(w.fixture.card, ret_io), SCARD_S_SUCCESS);
	w.io = *ret_io;
	if (w.faults != NULL)
		assert_true(link_arm(vcard_io_link(w.io), w.faults, strlen(w.faults), error));
	return SCARD_S_SUCCESS;
}

static inline void
world_open_csp(void)
{
	w.options.transaction_timeout_ms = 60000;
	w.options.policy.import_signature = w.options.policy.import_exchange = true;
	w.options.policy.import_ecdsa = w.options.policy.import_ecdhe = true;
	assert_int_equal(csp_open(&w.options, &w.csp), SCARD_S_SUCCESS);
	assert_int_equal(csp_poll(w.csp, true), SCARD_S_SUCCESS);
	w.reader = csp_reader_at(w.csp, 0);
	assert_non_null(w.reader);
}

/* Puts the card that the fixture has made into a reader. */
static inline void
world_open(void)
{
	fake_world_reset();
	w.slot = fake_reader_add("Virtual Reader");
	fake_card_insert(w.slot, world_connect, NULL);
	world_open_csp();
}

static inline void
world_close(void)
{
	csp_close(&w.csp);
	fixture_close(&w.fixture);
}

/* The same card in the reader again, without power in between; in a new process if anew. */
static inline void
world_insert(bool anew)
{
	fake_card_remove(w.slot);
	vcard_reset(w.fixture.card);
	fake_card_insert(w.slot, world_connect, NULL);
	if (anew) {
		csp_close(&w.csp);
		world_open_csp();
	} else {
		assert_int_equal(csp_poll(w.csp, true), SCARD_S_SUCCESS);
	}
}

static inline void
world_lock(void)
{
	csp_reader_lock(w.reader);
	assert_int_equal(csp_reader_card(w.reader, &w.card), SCARD_S_SUCCESS);
}

static inline void
world_unlock(void)
{
	csp_reader_unlock(w.reader);
}

static inline unsigned
world_exchanges(void)
{
	return (unsigned)vcard_io_link(w.io)->stats.exchanges;
}

static inline struct cursor
world_text(const char *s)
{
	return cur_of(s, strlen(s));
}

static inline DWORD
world_login(const char *pin)
{
	return csp_login(w.card, CSP_ROLE_USER, (const uint8_t *)pin, strlen(pin), NULL);
}

static inline DWORD
world_login_admin(void)
{
	return csp_login(w.card, CSP_ROLE_ADMIN, world_admin_key, sizeof(world_admin_key), NULL);
}

static inline const struct csp_key *
world_key(const char *name)
{
	for (size_t i = 0; i < csp_key_count(w.card); i++)
		if (strcmp(csp_key_at(w.card, i)->name, name) == 0)
			return csp_key_at(w.card, i);
	return NULL;
}

/* Keys and certificates made by libcrypto ------------------------------------------------------------------------------- */

static inline void
world_secret(const EVP_PKEY *pkey, const char *name, size_t len, struct secret *ret_number)
{
	BIGNUM *bn = NULL;

	assert_int_equal(EVP_PKEY_get_bn_param(pkey, name, &bn), 1);
	assert_true(secret_alloc(ret_number, len));
	assert_int_equal(BN_bn2binpad(bn, ret_number->p, (int)len), (int)len);
	BN_clear_free(bn);
}

static inline void
world_private(const EVP_PKEY *pkey, struct private_key *ret_key)
{
	const struct private_key empty = PRIVKEY_INIT;
	size_t half;

	*ret_key = empty;
	ret_key->public = keys_public(pkey);
	if (ret_key->public.type == KEY_EC) {
		world_secret(pkey, OSSL_PKEY_PARAM_PRIV_KEY, pubkey_ec_bytes(ret_key->public.bits), &ret_key->d);
		return;
	}
	half = ret_key->public.modulus_len / 2;
	world_secret(pkey, OSSL_PKEY_PARAM_RSA_D, 2 * half, &ret_key->d);
	world_secret(pkey, OSSL_PKEY_PARAM_RSA_FACTOR1, half, &ret_key->p);
	world_secret(pkey, OSSL_PKEY_PARAM_RSA_FACTOR2, half, &ret_key->q);
	world_secret(pkey, OSSL_PKEY_PARAM_RSA_EXPONENT1, half, &ret_key->dp);
	world_secret(pkey, OSSL_PKEY_PARAM_RSA_EXPONENT2, half, &ret_key->dq);
	world_secret(pkey, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, half, &ret_key->qinv);
}

/* A certificate of a public key, signed by another key; long ones have a comment that cannot be compressed away. */
static inline void
world_cert(const struct public_key *key, EVP_PKEY *signer, size_t padding, struct buf *ret_der)
{
	AUTO_BUF struct buf spki = BUF_INIT;
	X509 *x = X509_new();
	unsigned char *der = NULL, *comment;
	const unsigned char *p;
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension = NULL;
	EVP_PKEY *pkey;
	int len;

	assert_int_equal(csp_public_key_spki(w.csp, key, &spki), SCARD_S_SUCCESS);
	p = spki.p;
	assert_non_null(pkey = d2i_PUBKEY(NULL, &p, (long)spki.len));
	assert_int_equal(X509_set_version(x, 2), 1);
	assert_int_equal(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), 7), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
						    (const unsigned char *)"somebody", -1, -1, 0),
			 1);
	assert_int_equal(X509_set_issuer_name(x, X509_get_subject_name(x)), 1);
	assert_int_equal(ASN1_TIME_set_string_X509(X509_getm_notBefore(x), "20240131235959Z"), 1);
	assert_int_equal(ASN1_TIME_set_string_X509(X509_getm_notAfter(x), "20550102030405Z"), 1);
	assert_int_equal(X509_set_pubkey(x, pkey), 1);
	if (padding > 0) {
		assert_non_null(comment = malloc(padding));
		assert_true(secret_random(comment, padding));
		assert_int_equal(ASN1_OCTET_STRING_set(value, comment, (int)padding), 1);
		assert_non_null(extension = X509_EXTENSION_create_by_NID(NULL, NID_netscape_comment, 0, value));
		assert_int_equal(X509_add_ext(x, extension, -1), 1);
		free(comment);
	}
	assert_true(X509_sign(x, signer, EVP_sha256()) > 0);
	assert_true((len = i2d_X509(x, &der)) > 0);
	buf_reset(ret_der);
	buf_put(ret_der, der, (size_t)len);
	OPENSSL_free(der);
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
	EVP_PKEY_free(pkey);
	X509_free(x);
}

/* Findings; 0 when the card is consistent. Each is printed. */
static inline size_t
world_check(bool repair)
{
	struct csp_finding *findings = NULL;
	size_t count = 0, left = 0;
	DWORD r = csp_check(w.card, repair, &findings, &count);

	if (r != SCARD_S_SUCCESS)
		fail_msg("check: %08x", r);
	for (size_t i = 0; i < count; i++) {
		left += !findings[i].repaired;
		print_message("finding: %s%s\n", findings[i].text, findings[i].repaired ? " (repaired)" : "");
	}
	free(findings);
	return left;
}

#endif
