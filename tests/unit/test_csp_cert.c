/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading of certificates: good ones of every kind of key, and damaged ones. */
#include "csp/cert.h"

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hex.h"
#include "lib/mutate.h"
#include "unit/keys_fixture.h"

static struct csp_crypto *crypto;
static EVP_PKEY *rsa, *ec;

static int
setup(void **state)
{
	(void)state;
	assert_int_equal(csp_crypto_open(&crypto), SCARD_S_SUCCESS);
	rsa = keys_rsa(1024);
	ec = keys_ec("P-256");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	csp_crypto_close(&crypto);
	return 0;
}

static void
add_name(X509_NAME *name, const char *text)
{
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0),
			 1);
}

static X509 *
make_cert(EVP_PKEY *key, EVP_PKEY *signer, bool is_ca)
{
	X509 *x = X509_new();
	X509_EXTENSION *ext;

	assert_int_equal(X509_set_version(x, 2), 1);
	assert_int_equal(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), 0xF1E2D3C4B5A69788u), 1);
	add_name(X509_get_subject_name(x), "holder");
	add_name(X509_get_issuer_name(x), "issuer \xC3\xA4");
	assert_int_equal(ASN1_TIME_set_string_X509(X509_getm_notBefore(x), "20240131235959Z"), 1);
	assert_int_equal(ASN1_TIME_set_string_X509(X509_getm_notAfter(x), "20550102030405Z"), 1);
	assert_int_equal(X509_set_pubkey(x, key), 1);
	ext = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, is_ca ? "critical,CA:TRUE" : "CA:FALSE");
	assert_int_equal(X509_add_ext(x, ext, -1), 1);
	X509_EXTENSION_free(ext);
	assert_true(X509_sign(x, signer, EVP_sha256()) > 0);
	return x;
}

static void
make_der(EVP_PKEY *key, bool is_ca, struct buf *ret_der)
{
	X509 *x = make_cert(key, rsa, is_ca);
	unsigned char *der = NULL;
	int len = i2d_X509(x, &der);

	assert_true(len > 0);
	buf_put(ret_der, der, (size_t)len);
	OPENSSL_free(der);
	X509_free(x);
}

static struct csp_cert *
read_cert(struct cursor der)
{
	struct csp_cert *cert = NULL;
	struct buf b = BUF_INIT;

	buf_put_cur(&b, der);
	assert_int_equal(csp_cert_new(crypto, &b, &cert), SCARD_S_SUCCESS);
	assert_null(b.p);
	return cert;
}

static void
assert_inside(const struct csp_cert *cert, struct cursor part)
{
	assert_true(part.p >= cert->der.p && part.p + part.left <= cert->der.p + cert->der.len);
}

static void
assert_same(const struct csp_cert *cert, struct cursor part, unsigned char *der, int len)
{
	assert_inside(cert, part);
	assert_int_equal(part.left, len);
	assert_memory_equal(part.p, der, (size_t)len);
	OPENSSL_free(der);
}

/* P-095, P-098, P-099 */
static void
test_fields(void **state)
{
	struct buf der = BUF_INIT;
	struct public_key key = keys_public(rsa);
	struct csp_cert *cert;
	X509 *x = make_cert(rsa, rsa, false);
	unsigned char *part = NULL;
	const unsigned char *at;
	int len;

	(void)state;
	X509_free(x);
	make_der(rsa, false, &der);
	at = der.p;
	x = d2i_X509(NULL, &at, (long)der.len);
	cert = read_cert(buf_cur(&der));
	assert_true(cert->parsed);
	len = i2d_X509_NAME(X509_get_subject_name(x), &part);
	assert_same(cert, cert->subject, part, len), part = NULL;
	len = i2d_X509_NAME(X509_get_issuer_name(x), &part);
	assert_same(cert, cert->issuer, part, len), part = NULL;
	len = i2d_ASN1_INTEGER(X509_get_serialNumber(x), &part);
	assert_same(cert, cert->serial, part, len), part = NULL;
	len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &part);
	assert_same(cert, cert->spki, part, len);
	assert_string_equal(cert->not_before, "20240131");
	assert_string_equal(cert->not_after, "20550102");
	assert_false(cert->is_ca);
	assert_true(pubkey_equal(&cert->key, &key));
	csp_cert_free(&cert);
	assert_null(cert);
	csp_cert_free(&cert);
	X509_free(x);
	buf_free(&der);
}

static void
test_ca(void **state)
{
	struct buf der = BUF_INIT;
	struct csp_cert *cert;

	(void)state;
	make_der(ec, true, &der);
	cert = read_cert(buf_cur(&der));
	assert_true(cert->parsed && cert->is_ca);
	csp_cert_free(&cert);
	buf_free(&der);
}

static void
assert_key(EVP_PKEY *pkey, enum key_type type, unsigned bits)
{
	struct buf der = BUF_INIT;
	struct csp_cert *cert;

	make_der(pkey, false, &der);
	cert = read_cert(buf_cur(&der));
	assert_true(cert->parsed);
	assert_int_equal(cert->key.type, type);
	assert_int_equal(cert->key.bits, bits);
	if (type == KEY_EC)
		assert_true(csp_crypto_key_valid(crypto, &cert->key));
	csp_cert_free(&cert);
	buf_free(&der);
	EVP_PKEY_free(pkey);
}

static void
test_keys(void **state)
{
	EVP_PKEY *compressed = keys_ec("P-384");

	(void)state;
	assert_key(keys_ec("P-256"), KEY_EC, 256);
	assert_key(keys_ec("P-384"), KEY_EC, 384);
	assert_key(keys_ec("P-521"), KEY_EC, 521);
	assert_key(keys_rsa(2048), KEY_RSA, 2048);
	assert_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), KEY_ED25519, 255);
	assert_int_equal(EVP_PKEY_set_utf8_string_param(compressed, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
							OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_COMPRESSED),
			 1);
	assert_key(compressed, KEY_EC, 384);
}

/* Certificates that nothing is wrong with, for keys that no container has. */
static void
test_unknown_keys(void **state)
{
	(void)state;
	assert_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), KEY_NONE, 0);
	assert_key(keys_ec("secp256k1"), KEY_NONE, 0);
	assert_key(keys_ec("brainpoolP384r1"), KEY_NONE, 0);
	assert_key(keys_rsa(768), KEY_NONE, 0);
}

static void
assert_refused(struct cursor der, void *context)
{
	struct csp_cert *cert = read_cert(der);

	(void)context;
	assert_false(cert->parsed);
	assert_int_equal(cert->der.len, der.left);
	csp_cert_free(&cert);
}

static void
test_cut(void **state)
{
	struct buf der = BUF_INIT;

	(void)state;
	make_der(ec, false, &der);
	mutate_cut(buf_cur(&der), assert_refused, NULL);
	buf_free(&der);
}

static void
test_trailing_byte(void **state)
{
	struct buf der = BUF_INIT;

	(void)state;
	make_der(ec, false, &der);
	buf_u8(&der, 0);
	assert_refused(buf_cur(&der), NULL);
	buf_free(&der);
}

/* Whatever comes out lies inside the certificate. */
static void
assert_harmless(struct cursor der, void *context)
{
	struct csp_cert *cert = read_cert(der);

	(void)context;
	if (cert->parsed) {
		assert_inside(cert, cert->subject);
		assert_inside(cert, cert->issuer);
		assert_inside(cert, cert->serial);
		assert_inside(cert, cert->spki);
	}
	csp_cert_free(&cert);
}

static void
test_wrong_lengths(void **state)
{
	struct buf der = BUF_INIT;

	(void)state;
	make_der(ec, true, &der);
	mutate_lengths(buf_cur(&der), assert_harmless, NULL);
	buf_free(&der);
}

static void
test_flipped_bits(void **state)
{
	struct buf der = BUF_INIT;

	(void)state;
	make_der(ec, true, &der);
	for (size_t i = 0; i < der.len * 8; i++) {
		der.p[i / 8] ^= (uint8_t)(1u << (i % 8));
		assert_harmless(buf_cur(&der), NULL);
		der.p[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	buf_free(&der);
}

static void
refuse_hex(const char *text)
{
	struct buf der = BUF_INIT;

	assert_true(hex_put(&der, text));
	assert_refused(buf_cur(&der), NULL);
	buf_free(&der);
}

static void
test_nonsense(void **state)
{
	struct buf der = BUF_INIT_MAX(LIMIT_CERTIFICATE + 1);

	(void)state;
	refuse_hex("");
	refuse_hex("30");
	refuse_hex("3080 0000");
	refuse_hex("3084 0000 0001 00");
	refuse_hex("3082 FFFF 3000");
	refuse_hex("3002 3000");
	buf_zeros(&der, LIMIT_CERTIFICATE + 1);
	assert_refused(buf_cur(&der), NULL);
	buf_reset(&der);
	while (der.len < 60000) /* nesting costs nothing */
		assert_true(hex_put(&der, "3080"));
	assert_refused(buf_cur(&der), NULL);
	buf_free(&der);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),	      cmocka_unit_test(test_ca),
		cmocka_unit_test(test_keys),	      cmocka_unit_test(test_unknown_keys),
		cmocka_unit_test(test_cut),	      cmocka_unit_test(test_trailing_byte),
		cmocka_unit_test(test_wrong_lengths), cmocka_unit_test(test_flipped_bits),
		cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests_name("/csp/cert", tests, setup, teardown);
}
