/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates, roots, private keys and data brought to a card, and what the next program finds of them. */
#include "base/auto.h"
#include "module/manage.h"

#include <openssl/x509v3.h>

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS data = CKO_DATA, certificate = CKO_CERTIFICATE, public_key = CKO_PUBLIC_KEY,
		       private_key = CKO_PRIVATE_KEY;
static CK_ULONG x509 = CKC_X_509, rsa = CKK_RSA, ec = CKK_EC, authority = CK_CERTIFICATE_CATEGORY_AUTHORITY;

static CK_RV
create(CK_SESSION_HANDLE s, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *ret_object)
{
	*ret_object = CK_INVALID_HANDLE;
	return mt->C_CreateObject(s, template, count, ret_object);
}

static CK_SESSION_HANDLE
start_user(enum mt_card card)
{
	CK_SESSION_HANDLE s = mg_start(card);

	assert_rv(mt_login(s, MT_PIN), CKR_OK);
	return s;
}

/* Certificates -------------------------------------------------------------------------------------------------------- */

static void
set_ca(X509 *x)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");

	assert_non_null(extension);
	assert_int_equal(X509_add_ext(x, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

/* By an authority that nobody knows. */
static void
make_cert(EVP_PKEY *key, const char *subject, bool is_ca, struct buf *ret_der)
{
	EVP_PKEY *signer = keys_ec("P-256");
	X509 *x = X509_new();
	unsigned char *der = NULL;
	int len;

	assert_non_null(x);
	assert_int_equal(X509_set_version(x, 2), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), 77), 1);
	assert_int_equal(ASN1_TIME_set_string(X509_getm_notBefore(x), "250101000000Z"), 1);
	assert_int_equal(ASN1_TIME_set_string(X509_getm_notAfter(x), "491231235959Z"), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
						    (const unsigned char *)subject, -1, -1, 0),
			 1);
	assert_int_equal(X509_set_pubkey(x, key), 1);
	if (is_ca)
		set_ca(x);
	assert_true(X509_sign(x, signer, EVP_sha256()) > 0);
	len = i2d_X509(x, &der);
	assert_true(len > 0);
	buf_put(ret_der, der, (size_t)len);
	OPENSSL_free(der);
	X509_free(x);
	EVP_PKEY_free(signer);
}

static CK_RV
write_cert(CK_SESSION_HANDLE s, const struct buf *der, const char *id, const char *label, CK_OBJECT_HANDLE *ret_object)
{
	CK_ATTRIBUTE template[] = { MG_ULONG(CKA_CLASS, certificate),
				    MG_ULONG(CKA_CERTIFICATE_TYPE, x509),
				    MG_BOOL(CKA_TOKEN, yes),
				    { CKA_VALUE, der->p, der->len },
				    { CKA_ID, mg_bytes(id), strlen(id) },
				    { CKA_LABEL, mg_bytes(label), strlen(label) },
				    MG_TEXT(CKA_SUBJECT, "what the program says of it") };

	return create(s, template, 7, ret_object);
}

/* A certificate for a container of the card that has none. */
static void
make_for(CK_SESSION_HANDLE s, CK_BYTE container, struct buf *ret_der)
{
	EVP_PKEY *key = ops_key(s, container);

	make_cert(key, "Alice at work", false, ret_der);
	EVP_PKEY_free(key);
}

/* P-116, P-094, P-097 */
static void
test_certificate(void **state)
{
	CK_SESSION_HANDLE s = start_user(MT_ALICE);
	AUTO_BUF struct buf der = BUF_INIT;
	CK_OBJECT_HANDLE made;
	CK_BYTE id = ALICE_RSA1024;

	(void)state;
	make_for(s, ALICE_RSA1024, &der);
	assert_rv(write_cert(s, &der, "\x01", "at work", &made), CKR_OK);
	assert_int_equal(mt_object(s, CKO_CERTIFICATE, ALICE_RSA1024), made);
	mg_value(s, made, CKA_VALUE, der.p, der.len);
	mg_value(s, made, CKA_LABEL, "at work", 7);
	mg_value(s, ops_private(s, ALICE_RSA1024), CKA_LABEL, "at work", 7);
	assert_int_equal(mt_get_ulong(s, made, CKA_CERTIFICATE_CATEGORY), CK_CERTIFICATE_CATEGORY_TOKEN_USER);
	mt_remove(MT_READER);
	mt_insert(MT_READER, MT_ALICE);
	s = mg_again();
	made = mt_object(s, CKO_CERTIFICATE, ALICE_RSA1024);
	mg_value(s, made, CKA_VALUE, der.p, der.len);
	mg_value(s, made, CKA_ID, &id, 1);
	mg_value(s, made, CKA_LABEL, "at work", 7);
	/* without a login it stays */
	assert_rv(mt->C_DestroyObject(s, made), CKR_USER_NOT_LOGGED_IN);
	assert_rv(mt_login(s, MT_PIN), CKR_OK);
	assert_rv(mt->C_DestroyObject(s, made), CKR_OK);
	assert_rv(mt_ask(s, made, CKA_CLASS), CKR_OBJECT_HANDLE_INVALID);
	assert_rv(mt_ask(s, ops_private(s, ALICE_RSA1024), CKA_CLASS), CKR_OK);
}

/* By the public key, whatever the identifier; in the place of another; of nobody here; no certificate at all. */
static void
test_which_key(void **state)
{
	CK_SESSION_HANDLE s = start_user(MT_ALICE);
	AUTO_BUF struct buf der = BUF_INIT, other = BUF_INIT, foreign = BUF_INIT, rubbish = BUF_INIT;
	EVP_PKEY *nobody = keys_ec("P-256");
	CK_OBJECT_HANDLE made, before = mt_object(s, CKO_CERTIFICATE, ALICE_P256);
	size_t certs = mt_count(s, CKO_CERTIFICATE);

	(void)state;
	make_for(s, ALICE_P384, &der);
	assert_rv(write_cert(s, &der, "\x04", "", &made), CKR_OK); /* P-521's identifier */
	assert_int_equal(mt_object(s, CKO_CERTIFICATE, ALICE_P384), made);
	make_for(s, ALICE_P521, &other);
	assert_rv(write_cert(s, &other, "an identifier", "", &made), CKR_OK);
	mg_value(s, made, CKA_ID, "an identifier", 13);
	mg_value(s, made, CKA_LABEL, "Alice P-521", 11);
	assert_int_equal(mt_count(s, CKO_CERTIFICATE), certs + 2);
	buf_reset(&der);
	make_for(s, ALICE_P256, &der);
	assert_rv(write_cert(s, &der, "\x02", "", &made), CKR_OK);
	mg_value(s, made, CKA_VALUE, der.p, der.len);
	assert_int_equal(made, before);
	assert_int_equal(mt_count(s, CKO_CERTIFICATE), certs + 2);
	make_cert(nobody, "Nobody", false, &foreign);
	assert_rv(write_cert(s, &foreign, "\x02", "", &made), CKR_TEMPLATE_INCONSISTENT);
	buf_put(&rubbish, "rubbish", 7);
	assert_rv(write_cert(s, &rubbish, "\x02", "", &made), CKR_ATTRIBUTE_VALUE_INVALID);
	mg_value(s, before, CKA_VALUE, der.p, der.len);
	EVP_PKEY_free(nobody);
}

/* An authority's certificate is a root: found as such, by everybody, and trusted by nobody. */
static void
test_roots(void **state)
{
	CK_SESSION_HANDLE s = start_user(MT_ALICE);
	AUTO_BUF struct buf first = BUF_INIT, second = BUF_INIT;
	CK_ATTRIBUTE template[] = { MG_ULONG(CKA_CLASS, certificate), MG_ULONG(CKA_CERTIFICATE_CATEGORY, authority) };
	CK_ATTRIBUTE label = MG_TEXT(CKA_LABEL, "x");
	CK_OBJECT_HANDLE made[2], found[4];
	EVP_PKEY *key = keys_ec("P-256");

	(void)state;
	make_cert(key, "First Authority", true, &first);
	make_cert(key, "Second Authority", true, &second);
	assert_int_equal(mt_find(s, template, 2, found, 4), 0);
	assert_rv(write_cert(s, &first, "", "its name is in it", &made[0]), CKR_OK);
	assert_rv(write_cert(s, &second, "", "its name is in it", &made[1]), CKR_OK);
	assert_int_equal(mt_find(s, template, 2, found, 4), 2);
	mg_value(s, made[0], CKA_VALUE, first.p, first.len);
	mg_value(s, made[1], CKA_LABEL, "Second Authority", 16);
	assert_rv(write_cert(s, &first, "", "", &found[0]), CKR_OK);
	assert_int_equal(found[0], made[0]);
	s = mg_again();
	assert_int_equal(mt_find(s, template, 2, found, 4), 2);
	mg_value(s, found[0], CKA_LABEL, "First Authority", 15);
	assert_false(mt_get_bool(s, found[0], CKA_TRUSTED));
	assert_false(mt_get_bool(s, found[0], CKA_MODIFIABLE));
	assert_int_equal(mt_get_ulong(s, found[0], CKA_CERTIFICATE_TYPE), CKC_X_509);
	assert_rv(mt->C_DestroyObject(s, found[0]), CKR_USER_NOT_LOGGED_IN);
	assert_rv(mt_login(s, MT_PIN), CKR_OK);
	assert_rv(mt->C_SetAttributeValue(s, found[0], &label, 1), CKR_ACTION_PROHIBITED);
	assert_rv(mt->C_DestroyObject(s, found[0]), CKR_OK);
	assert_int_equal(mt_find(s, template, 2, found + 2, 2), 1);
	assert_int_equal(found[2], found[1]);
	assert_rv(mt_ask(s, found[0], CKA_VALUE), CKR_OBJECT_HANDLE_INVALID);
	EVP_PKEY_free(key);
}

/* Private keys -------------------------------------------------------------------------------------------------------- */

static const char *const settings[] = { "MINIDRIVER_PKCS11_ALLOW_PRIVATE_EXCHANGE_KEY_IMPORT",
					"MINIDRIVER_PKCS11_ALLOW_PRIVATE_ECDSA_KEY_IMPORT" };

static int
allow(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (setenv(settings[i], "1", 1) != 0)
			return -1;
	return mt_set_up(state);
}

static int
forbid(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		(void)unsetenv(settings[i]);
	return mt_tear_down(state);
}

/* A number of a key as an attribute; the bytes live until the next but nine. */
static CK_ATTRIBUTE
number(CK_ATTRIBUTE_TYPE type, const EVP_PKEY *key, const char *name)
{
	static uint8_t numbers[9][LIMIT_RSA_BYTES];
	static unsigned turn;
	uint8_t *bytes = numbers[turn++ % 9];

	return (CK_ATTRIBUTE){ type, bytes, keys_number(key, name, bytes, LIMIT_RSA_BYTES) };
}

static CK_RV
import_rsa(CK_SESSION_HANDLE s, const EVP_PKEY *key, CK_ATTRIBUTE extra, CK_OBJECT_HANDLE *ret_object)
{
	CK_ATTRIBUTE template[] = {
		MG_ULONG(CKA_CLASS, private_key),
		MG_ULONG(CKA_KEY_TYPE, rsa),
		MG_BOOL(CKA_TOKEN, yes),
		MG_BOOL(CKA_PRIVATE, yes),
		MG_TEXT(CKA_LABEL, "imported"),
		number(CKA_MODULUS, key, OSSL_PKEY_PARAM_RSA_N),
		number(CKA_PUBLIC_EXPONENT, key, OSSL_PKEY_PARAM_RSA_E),
		number(CKA_PRIVATE_EXPONENT, key, OSSL_PKEY_PARAM_RSA_D),
		number(CKA_PRIME_1, key, OSSL_PKEY_PARAM_RSA_FACTOR1),
		number(CKA_PRIME_2, key, OSSL_PKEY_PARAM_RSA_FACTOR2),
		number(CKA_EXPONENT_1, key, OSSL_PKEY_PARAM_RSA_EXPONENT1),
		number(CKA_EXPONENT_2, key, OSSL_PKEY_PARAM_RSA_EXPONENT2),
		number(CKA_COEFFICIENT, key, OSSL_PKEY_PARAM_RSA_COEFFICIENT1),
		extra,
	};

	return create(s, template, 14, ret_object);
}

static void
test_import_rsa(void **state)
{
	CK_MECHANISM mechanism = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_ATTRIBUTE id = MG_TEXT(CKA_ID, "\x07\x08");
	CK_SESSION_HANDLE s = start_user(MT_BOB);
	EVP_PKEY *key = keys_rsa(1024);
	CK_BYTE signature[OPS_MAX];
	CK_OBJECT_HANDLE made;
	CK_ULONG len;
	CK_RV rv;

	(void)state;
	assert_rv(import_rsa(s, key, id, &made), CKR_OK);
	assert_false(mt_get_bool(s, made, CKA_LOCAL));
	assert_false(mt_get_bool(s, made, CKA_ALWAYS_SENSITIVE));
	assert_false(mt_get_bool(s, made, CKA_NEVER_EXTRACTABLE));
	assert_true(mt_get_bool(s, made, CKA_SENSITIVE));
	assert_rv(mt_ask(s, made, CKA_PRIVATE_EXPONENT), CKR_ATTRIBUTE_SENSITIVE);
	mg_value(s, made, CKA_ID, "\x07\x08", 2);
	mg_value(s, made, CKA_LABEL, "imported", 8);
	len = ops_sign(s, mechanism, made, 20, signature, &rv);
	assert_rv(rv, CKR_OK);
	assert_true(ops_rsa_good(key, RSA_PKCS1_PADDING, OPS_SHA256, 0, 20, signature, len));
	s = mg_again();
	assert_int_equal(mt_count(s, CKO_PUBLIC_KEY), 2);
	EVP_PKEY_free(key);
}

/* Unless the configuration says otherwise no private key is brought to a card. */
static void
test_import_forbidden(void **state)
{
	CK_ATTRIBUTE id = MG_TEXT(CKA_ID, "x");
	CK_SESSION_HANDLE s = start_user(MT_BOB);
	EVP_PKEY *key = keys_rsa(1024);
	CK_OBJECT_HANDLE made;

	(void)state;
	assert_rv(import_rsa(s, key, id, &made), CKR_ACTION_PROHIBITED);
	assert_int_equal(mt_count(s, CKO_PRIVATE_KEY), 1);
	EVP_PKEY_free(key);
}

/* The standard's private key has no point, programs' have none either. */
static void
test_import_ec(void **state)
{
	static CK_BYTE p256[] = { 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07 };
	CK_MECHANISM mechanism = { CKM_ECDSA_SHA256, NULL, 0 };
	EVP_PKEY *key = keys_ec("P-256");
	CK_ATTRIBUTE template[] = {
		MG_ULONG(CKA_CLASS, private_key),
		MG_ULONG(CKA_KEY_TYPE, ec),
		MG_BOOL(CKA_TOKEN, yes),
		MG_BOOL(CKA_SIGN, yes),
		MG_BOOL(CKA_SENSITIVE, no),
		MG_TEXT(CKA_LABEL, "imported"),
		{ CKA_EC_PARAMS, p256, sizeof(p256) },
		number(CKA_VALUE, key, OSSL_PKEY_PARAM_PRIV_KEY),
	};
	CK_SESSION_HANDLE s = start_user(MT_EMPTY);
	CK_BYTE signature[OPS_MAX];
	CK_OBJECT_HANDLE made;
	CK_ULONG len;
	CK_RV rv;

	(void)state;
	assert_rv(create(s, template, 8, &made), CKR_OK);
	len = ops_sign(s, mechanism, made, 20, signature, &rv);
	assert_rv(rv, CKR_OK);
	assert_true(ops_ecdsa_good(key, OPS_SHA256, 20, signature, len));
	assert_true(mt_get_bool(s, made, CKA_SENSITIVE));
	assert_rv(mt->C_DestroyObject(s, made), CKR_OK);
	assert_int_equal(mt_count(s, CKO_PUBLIC_KEY), 0);
	EVP_PKEY_free(key);
}

/* A public key of the card is there already; any other has no place. */
static void
test_public_key(void **state)
{
	CK_SESSION_HANDLE s = start_user(MT_BOB);
	CK_BYTE modulus[OPS_MAX], exponent[8];
	CK_OBJECT_HANDLE public = ops_public(s, 0), made;
	CK_ATTRIBUTE template[] = { MG_ULONG(CKA_CLASS, public_key),
				    MG_ULONG(CKA_KEY_TYPE, rsa),
				    MG_BOOL(CKA_TOKEN, yes),
				    { CKA_MODULUS, modulus, 0 },
				    { CKA_PUBLIC_EXPONENT, exponent, 0 } };

	(void)state;
	template[3].ulValueLen = mt_get(s, public, CKA_MODULUS, modulus, sizeof(modulus));
	template[4].ulValueLen = mt_get(s, public, CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent));
	assert_rv(create(s, template, 5, &made), CKR_OK);
	assert_int_equal(made, public);
	modulus[5] ^= 1;
	assert_rv(create(s, template, 5, &made), CKR_TEMPLATE_INCONSISTENT);
}

/* Data ---------------------------------------------------------------------------------------------------------------- */

/* P-112, P-113: for everybody, and for the user alone */
static void
test_data(void **state)
{
	CK_ATTRIBUTE template[] = { MG_ULONG(CKA_CLASS, data), MG_BOOL(CKA_TOKEN, yes), MG_TEXT(CKA_VALUE, "for all"),
				    MG_TEXT(CKA_APPLICATION, "app"), MG_TEXT(CKA_LABEL, "note") };
	CK_ATTRIBUTE hidden[] = { MG_ULONG(CKA_CLASS, data), MG_BOOL(CKA_TOKEN, yes), MG_TEXT(CKA_VALUE, "for me"),
				  MG_BOOL(CKA_PRIVATE, yes), MG_TEXT(CKA_LABEL, "secret") };
	CK_ATTRIBUTE value = MG_TEXT(CKA_VALUE, "something longer than before"), none = { CKA_VALUE, NULL, 0 };
	CK_SESSION_HANDLE s = mg_start(MT_BOB);
	CK_OBJECT_HANDLE made, private;

	(void)state;
	assert_rv(create(s, template, 5, &made), CKR_USER_NOT_LOGGED_IN);
	assert_rv(mt_login(s, MT_PIN), CKR_OK);
	assert_rv(create(s, template, 5, &made), CKR_OK);
	assert_rv(create(s, hidden, 5, &private), CKR_OK);
	mg_value(s, made, CKA_VALUE, "for all", 7);
	mg_value(s, made, CKA_APPLICATION, "app", 3);
	mg_value(s, made, CKA_LABEL, "note", 4);
	mg_value(s, private, CKA_VALUE, "for me", 6);
	assert_true(mt_get_bool(s, private, CKA_PRIVATE));
	s = mg_again();
	assert_int_equal(mt_count(s, CKO_DATA), 1);
	assert_rv(mt_login(s, MT_PIN), CKR_OK);
	assert_int_equal(mt_count(s, CKO_DATA), 2);
	assert_int_equal(mt_find(s, &template[4], 1, &made, 1), 1);
	assert_rv(mt->C_SetAttributeValue(s, made, &value, 1), CKR_OK);
	mg_value(s, made, CKA_VALUE, "something longer than before", 28);
	assert_rv(mt->C_SetAttributeValue(s, made, &none, 1), CKR_OK);
	mg_value(s, made, CKA_VALUE, "", 0);
	assert_rv(mt->C_SetAttributeValue(s, made, &hidden[3], 1), CKR_ATTRIBUTE_READ_ONLY);
	assert_rv(mt->C_DestroyObject(s, made), CKR_OK);
	assert_int_equal(mt_count(s, CKO_DATA), 1);
}

/* Names that no file of a card can have are kept all the same, and go with their data. */
static void
test_data_names(void **state)
{
	CK_ATTRIBUTE template[] = { MG_ULONG(CKA_CLASS, data),
				    MG_BOOL(CKA_TOKEN, yes),
				    MG_TEXT(CKA_APPLICATION, "An application"),
				    MG_TEXT(CKA_LABEL, "\xC3\x96konomie"),
				    MG_TEXT(CKA_OBJECT_ID, "\x06\x02\x2A\x03"),
				    MG_TEXT(CKA_VALUE, "1") };
	CK_ATTRIBUTE other = MG_TEXT(CKA_LABEL, "another label"), latin = MG_TEXT(CKA_LABEL, "\xFC");
	CK_ATTRIBUTE plain[] = { MG_ULONG(CKA_CLASS, data), MG_BOOL(CKA_TOKEN, yes), MG_TEXT(CKA_VALUE, "2") };
	CK_SESSION_HANDLE s = start_user(MT_BOB);
	CK_OBJECT_HANDLE made, found[2];

	(void)state;
	assert_rv(create(s, template, 6, &made), CKR_OK);
	assert_rv(create(s, template, 6, &made), CKR_OK);
	assert_int_equal(mt_find(s, &template[3], 1, found, 2), 2);
	assert_rv(mt->C_SetAttributeValue(s, made, &other, 1), CKR_OK);
	assert_rv(mt->C_SetAttributeValue(s, made, &latin, 1), CKR_ATTRIBUTE_VALUE_INVALID);
	s = mg_again();
	assert_rv(mt_login(s, MT_PIN), CKR_OK);
	assert_int_equal(mt_find(s, &template[3], 1, &made, 1), 1);
	mg_value(s, made, CKA_APPLICATION, "An application", 14);
	mg_value(s, made, CKA_OBJECT_ID, "\x06\x02\x2A\x03", 4);
	assert_int_equal(mt_find(s, &other, 1, found, 1), 1);
	mg_value(s, found[0], CKA_APPLICATION, "An application", 14);
	assert_rv(mt->C_DestroyObject(s, made), CKR_OK);
	/* the place is taken by data without names */
	assert_rv(create(s, plain, 3, &made), CKR_OK);
	mg_value(s, made, CKA_LABEL, "", 0);
	mg_value(s, made, CKA_APPLICATION, "", 0);
	mg_value(s, found[0], CKA_LABEL, "another label", 13);
}

/* What a session has made goes to the card by a copy. */
static void
test_copy(void **state)
{
	CK_ATTRIBUTE template[] = { MG_ULONG(CKA_CLASS, data), MG_TEXT(CKA_VALUE, "value") };
	CK_ATTRIBUTE changes[] = { MG_BOOL(CKA_TOKEN, yes), MG_TEXT(CKA_LABEL, "kept") };
	CK_SESSION_HANDLE s = start_user(MT_BOB);
	CK_OBJECT_HANDLE made, copied;

	(void)state;
	assert_rv(create(s, template, 2, &made), CKR_OK);
	assert_rv(mt->C_CopyObject(s, made, changes, 2, &copied), CKR_OK);
	s = mg_again();
	assert_int_equal(mt_find(s, &changes[1], 1, &copied, 1), 1);
	mg_value(s, copied, CKA_VALUE, "value", 5);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)
#define ALLOWED(function) cmocka_unit_test_setup_teardown(function, allow, forbid)
	const struct CMUnitTest tests[] = {
		TEST(test_certificate),	  TEST(test_which_key),	   TEST(test_roots),	  TEST(test_import_forbidden),
		ALLOWED(test_import_rsa), ALLOWED(test_import_ec), TEST(test_public_key), TEST(test_data),
		TEST(test_data_names),	  TEST(test_copy),
	};

	return cmocka_run_group_tests_name("objects brought to a card", tests, mt_load, mt_unload);
}
