/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys and certificates in files, as libcrypto writes them and as nobody ought to. */
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/auto.h"
#include "base/privkey.h"
#include "csp/manage.h"
#include "lib/hex.h"
#include "lib/mutate.h"
#include "unit/keys_fixture.h"

#define PASSWORD "pass"

static struct csp *csp;
static EVP_PKEY *rsa, *ec, *ca;
static X509 *rsa_cert, *ec_cert, *ca_cert;

static X509 *
make_cert(EVP_PKEY *key, const char *name)
{
	X509 *x = X509_new();

	assert_int_equal(X509_set_version(x, 2), 1);
	assert_int_equal(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), 1), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
						    (const unsigned char *)name, -1, -1, 0),
			 1);
	assert_int_equal(X509_set_issuer_name(x, X509_get_subject_name(x)), 1);
	assert_int_equal(ASN1_TIME_set_string_X509(X509_getm_notBefore(x), "20240131235959Z"), 1);
	assert_int_equal(ASN1_TIME_set_string_X509(X509_getm_notAfter(x), "20550102030405Z"), 1);
	assert_int_equal(X509_set_pubkey(x, key), 1);
	assert_true(X509_sign(x, ca, EVP_sha256()) > 0);
	return x;
}

static int
setup(void **state)
{
	const struct csp_options options = { .no_threads = true };

	(void)state;
	assert_int_equal(csp_open(&options, &csp), SCARD_S_SUCCESS);
	rsa = keys_rsa(1024);
	ec = keys_ec("P-384");
	ca = keys_ec("P-256");
	rsa_cert = make_cert(rsa, "rsa");
	ec_cert = make_cert(ec, "ec");
	ca_cert = make_cert(ca, "ca");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	X509_free(rsa_cert);
	X509_free(ec_cert);
	X509_free(ca_cert);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(ca);
	csp_close(&csp);
	return 0;
}

/* What a memory BIO has gathered; frees it. */
static void
take(BIO *bio, struct buf *ret_content)
{
	char *p = NULL;
	long len = BIO_get_mem_data(bio, &p);

	assert_true(len > 0);
	buf_reset(ret_content);
	buf_put(ret_content, p, (size_t)len);
	BIO_free(bio);
}

static DWORD
read_file(const struct buf *content, const char *password, struct csp_keyfile *ret_file)
{
	uint8_t *heap = hex_heap(buf_cur(content));
	DWORD r = csp_keyfile_read(csp, cur_of(heap, content->len), cur_of(password, strlen(password)), ret_file);

	free(heap);
	return r;
}

static bool
is_key(const struct csp_keyfile *file, EVP_PKEY *pkey)
{
	struct public_key wanted = keys_public(pkey);

	return file->key != NULL && pubkey_equal(&file->key->public, &wanted) && privkey_is_whole(file->key);
}

static bool
is_cert(const struct buf *der, const X509 *x)
{
	unsigned char *own = NULL;
	int len = i2d_X509(x, &own);
	bool is = len > 0 && der->len == (size_t)len && memcmp(der->p, own, der->len) == 0;

	OPENSSL_free(own);
	return is;
}

static void
test_pem(void **state)
{
	AUTO_BUF struct buf content = BUF_INIT;
	struct csp_keyfile file;
	BIO *bio;

	(void)state;
	for (int sealed = 0; sealed < 2; sealed++) {
		bio = BIO_new(BIO_s_mem());
		assert_int_equal(PEM_write_bio_X509(bio, ca_cert), 1);
		assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, rsa, sealed ? EVP_aes_128_cbc() : NULL, NULL, 0,
							       NULL, (void *)(uintptr_t)PASSWORD),
				 1);
		assert_int_equal(PEM_write_bio_X509(bio, rsa_cert), 1);
		take(bio, &content);
		if (sealed) {
			assert_int_equal(read_file(&content, "", &file), SCARD_W_WRONG_CHV);
			assert_int_equal(read_file(&content, "other", &file), SCARD_W_WRONG_CHV);
		}
		assert_int_equal(read_file(&content, sealed ? PASSWORD : "", &file), SCARD_S_SUCCESS);
		assert_true(is_key(&file, rsa));
		assert_int_equal(file.cert_count, 2);
		/* the key's own comes first */
		assert_true(is_cert(&file.certs[0], rsa_cert) && is_cert(&file.certs[1], ca_cert));
		assert_null(file.name);
		csp_keyfile_free(&file);
	}
}

static void
test_pem_alone(void **state)
{
	AUTO_BUF struct buf content = BUF_INIT;
	struct csp_keyfile file;
	BIO *bio = BIO_new(BIO_s_mem());

	(void)state;
	assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio, ec, EVP_aes_256_cbc(), NULL, 0, NULL,
							      (void *)(uintptr_t)PASSWORD),
			 1);
	take(bio, &content);
	assert_int_equal(read_file(&content, PASSWORD, &file), SCARD_S_SUCCESS);
	assert_true(is_key(&file, ec));
	assert_int_equal(file.cert_count, 0);
	csp_keyfile_free(&file);
	bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_X509(bio, ec_cert), 1);
	take(bio, &content);
	assert_int_equal(read_file(&content, "", &file), SCARD_S_SUCCESS);
	assert_null(file.key);
	assert_true(file.cert_count == 1 && is_cert(&file.certs[0], ec_cert));
	csp_keyfile_free(&file);
}

static void
test_der(void **state)
{
	AUTO_BUF struct buf content = BUF_INIT;
	struct csp_keyfile file;
	BIO *bio;

	(void)state;
	bio = BIO_new(BIO_s_mem());
	assert_int_equal(i2d_X509_bio(bio, rsa_cert), 1);
	take(bio, &content);
	assert_int_equal(read_file(&content, "", &file), SCARD_S_SUCCESS);
	assert_true(file.cert_count == 1 && is_cert(&file.certs[0], rsa_cert));
	csp_keyfile_free(&file);
	bio = BIO_new(BIO_s_mem());
	assert_int_equal(i2d_PrivateKey_bio(bio, rsa), 1);
	take(bio, &content);
	assert_int_equal(read_file(&content, "", &file), SCARD_S_SUCCESS);
	assert_true(is_key(&file, rsa));
	csp_keyfile_free(&file);
	bio = BIO_new(BIO_s_mem());
	assert_int_equal(i2d_PKCS8PrivateKey_bio(bio, ec, EVP_aes_128_cbc(), NULL, 0, NULL,
						 (void *)(uintptr_t)PASSWORD),
			 1);
	take(bio, &content);
	assert_int_equal(read_file(&content, "", &file), SCARD_W_WRONG_CHV);
	assert_int_equal(read_file(&content, PASSWORD, &file), SCARD_S_SUCCESS);
	assert_true(is_key(&file, ec));
	csp_keyfile_free(&file);
}

static void
make_p12(const char *password, int nid_key, int nid_cert, struct buf *ret_content)
{
	STACK_OF(X509) *others = sk_X509_new_null();
	BIO *bio = BIO_new(BIO_s_mem());
	PKCS12 *p12;

	assert_true(sk_X509_push(others, ca_cert) > 0);
	p12 = PKCS12_create(password, "somebody \xC3\xA4", rsa, rsa_cert, others, nid_key, nid_cert, 0, 0, 0);
	assert_non_null(p12);
	assert_int_equal(i2d_PKCS12_bio(bio, p12), 1);
	take(bio, ret_content);
	PKCS12_free(p12);
	sk_X509_free(others);
}

static void
test_p12(void **state)
{
	AUTO_BUF struct buf content = BUF_INIT;
	struct csp_keyfile file;

	(void)state;
	for (int i = 0; i < 3; i++) {
		const char *password = i == 1 ? "" : PASSWORD;
		const int old = NID_pbe_WithSHA1And3_Key_TripleDES_CBC;

		make_p12(password, i == 2 ? old : 0, i == 2 ? old : 0, &content);
		assert_int_equal(read_file(&content, "wrong", &file), SCARD_W_WRONG_CHV);
		assert_int_equal(read_file(&content, password, &file), SCARD_S_SUCCESS);
		assert_true(is_key(&file, rsa));
		assert_int_equal(file.cert_count, 2);
		assert_true(is_cert(&file.certs[0], rsa_cert));
		assert_string_equal(file.name, "somebody \xC3\xA4");
		csp_keyfile_free(&file);
	}
}

/* Kinds of keys that no card has, and what is no key at all. */
static void
test_others(void **state)
{
	static const char *const texts[] = { "", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
					     "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n" };
	EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), *small = keys_ec("secp256k1");
	AUTO_BUF struct buf content = BUF_INIT;
	struct csp_keyfile file;
	BIO *bio;

	(void)state;
	for (int i = 0; i < 2; i++) {
		bio = BIO_new(BIO_s_mem());
		assert_int_equal(PEM_write_bio_PrivateKey(bio, i == 0 ? ed : small, NULL, NULL, 0, NULL, NULL), 1);
		take(bio, &content);
		assert_int_equal(read_file(&content, "", &file), SCARD_E_INVALID_VALUE);
	}
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(csp_keyfile_read(csp, cur_of(texts[i], strlen(texts[i])), cur_of("", 0), &file),
				 SCARD_E_INVALID_VALUE);
	EVP_PKEY_free(ed);
	EVP_PKEY_free(small);
}

static void
read_spoiled(struct cursor bytes, void *context)
{
	struct csp_keyfile file;

	(void)context;
	if (csp_keyfile_read(csp, bytes, cur_of(PASSWORD, 4), &file) == SCARD_S_SUCCESS)
		csp_keyfile_free(&file);
}

/* Cut anywhere, lengths that lie: no crash, no leak. */
static void
test_spoiled(void **state)
{
	AUTO_BUF struct buf content = BUF_INIT;
	BIO *bio = BIO_new(BIO_s_mem());

	(void)state;
	assert_int_equal(i2d_PrivateKey_bio(bio, ec), 1);
	take(bio, &content);
	mutate_cut(buf_cur(&content), read_spoiled, NULL);
	bio = BIO_new(BIO_s_mem());
	assert_int_equal(i2d_X509_bio(bio, ec_cert), 1);
	take(bio, &content);
	for (size_t i = 0; i < content.len; i += 7 * mutate_stride()) {
		content.p[i] ^= 0xFF;
		read_spoiled(buf_cur(&content), NULL);
		content.p[i] ^= 0xFF;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pem), cmocka_unit_test(test_pem_alone), cmocka_unit_test(test_der),
		cmocka_unit_test(test_p12), cmocka_unit_test(test_others),    cmocka_unit_test(test_spoiled),
	};

	return cmocka_run_group_tests_name("keys in files", tests, setup, teardown);
}
