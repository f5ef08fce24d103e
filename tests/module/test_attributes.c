/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes of certificates, public and private keys: rules of C_GetAttributeValue, and values against OpenSSL's. */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/utf16.h"
#include "module/fixture.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ROOM 4096

static const CK_ULONG unavailable = (CK_ULONG)-1;

struct value {
	CK_BYTE bytes[ROOM];
	size_t len;
};

static struct value
value_of(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	struct value v = { .len = 0 };

	v.len = mt_get(session, object, type, v.bytes, sizeof(v.bytes));
	return v;
}

static void
assert_value(const struct value *v, const void *bytes, size_t len)
{
	assert_int_equal(v->len, len);
	if (len > 0)
		assert_memory_equal(v->bytes, bytes, len);
}

/* P-087, P-089 */
static void
test_mixed_results(void **state)
{
	CK_SESSION_HANDLE session = mt_start_user();
	CK_OBJECT_HANDLE key = mt_object(session, CKO_PRIVATE_KEY, 0);
	CK_BYTE secret[512], unknown[8], label[1];
	CK_OBJECT_CLASS class = 0;
	CK_ATTRIBUTE template[] = { { CKA_PRIVATE_EXPONENT, secret, sizeof(secret) },
				    { CKA_CERTIFICATE_TYPE, unknown, sizeof(unknown) },
				    { CKA_LABEL, label, sizeof(label) },
				    { CKA_CLASS, &class, sizeof(class) } };
	CK_RV rv;

	(void)state;
	rv = mt->C_GetAttributeValue(session, key, template, 4);
	assert_rv(rv, CKR_ATTRIBUTE_SENSITIVE);
	for (int i = 0; i < 3; i++)
		assert_int_equal(template[i].ulValueLen, unavailable);
	assert_int_equal(template[3].ulValueLen, sizeof(class));
	assert_int_equal(class, CKO_PRIVATE_KEY);
	template[1].ulValueLen = sizeof(unknown);
	template[2].ulValueLen = sizeof(label);
	assert_rv(mt->C_GetAttributeValue(session, key, &template[1], 3), CKR_ATTRIBUTE_TYPE_INVALID);
	template[2].ulValueLen = sizeof(label);
	assert_rv(mt->C_GetAttributeValue(session, key, &template[2], 2), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(template[2].ulValueLen, unavailable);
}

/* P-088 */
static void
test_lengths(void **state)
{
	CK_SESSION_HANDLE session = mt_start();
	CK_OBJECT_HANDLE key = mt_object(session, CKO_PUBLIC_KEY, 0);
	CK_BYTE modulus[1024];
	CK_ATTRIBUTE attribute = { CKA_MODULUS, NULL, 7 };

	(void)state;
	assert_rv(mt->C_GetAttributeValue(session, key, &attribute, 1), CKR_OK);
	assert_int_equal(attribute.ulValueLen, 256);
	attribute = (CK_ATTRIBUTE){ CKA_MODULUS, modulus, sizeof(modulus) };
	assert_rv(mt->C_GetAttributeValue(session, key, &attribute, 1), CKR_OK);
	assert_int_equal(attribute.ulValueLen, 256);
	attribute.ulValueLen = 255;
	assert_rv(mt->C_GetAttributeValue(session, key, &attribute, 1), CKR_BUFFER_TOO_SMALL);
}

static void
test_arguments(void **state)
{
	CK_SESSION_HANDLE session = mt_start();
	CK_OBJECT_HANDLE key = mt_object(session, CKO_PUBLIC_KEY, 0);
	CK_ATTRIBUTE attribute = { CKA_CLASS, NULL, 0 };

	(void)state;
	assert_rv(mt->C_GetAttributeValue(session, key, NULL, 0), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_GetAttributeValue(session, key, NULL, 1), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_GetAttributeValue(session, key, &attribute, 0), CKR_OK);
	assert_rv(mt->C_GetAttributeValue(session, key, &attribute, 0xFFFFFFFFUL), CKR_ARGUMENTS_BAD);
}

/* P-085, P-086, P-103 */
static void
test_common_attributes(void **state)
{
	CK_SESSION_HANDLE session = mt_start_user();
	CK_OBJECT_HANDLE objects[64];
	size_t n = mt_find(session, NULL, 0, objects, 64), len;
	static struct value ids[64];
	uint16_t units[255];

	(void)state;
	for (size_t i = 0; i < n; i++) {
		CK_OBJECT_CLASS class = mt_get_ulong(session, objects[i], CKA_CLASS);
		struct value label = value_of(session, objects[i], CKA_LABEL);

		assert_true(mt_get_bool(session, objects[i], CKA_TOKEN));
		assert_true(mt_get_bool(session, objects[i], CKA_PRIVATE) == (class == CKO_PRIVATE_KEY));
		assert_true(mt_get_bool(session, objects[i], CKA_MODIFIABLE) == (class != CKO_PROFILE));
		assert_true(mt_get_bool(session, objects[i], CKA_COPYABLE) ==
			    (class == CKO_CERTIFICATE || class == CKO_PUBLIC_KEY));
		assert_true(mt_get_bool(session, objects[i], CKA_DESTROYABLE) == (class != CKO_PROFILE));
		assert_true(label.len > 0 && label.len <= 255);
		label.bytes[label.len] = '\0';
		assert_true(utf8_to_utf16((const char *)label.bytes, units, 255, &len));
		ids[i] = value_of(session, objects[i], CKA_UNIQUE_ID);
		assert_true(ids[i].len > 0);
		for (size_t j = 0; j < i; j++)
			assert_true(ids[i].len != ids[j].len || memcmp(ids[i].bytes, ids[j].bytes, ids[i].len) != 0);
	}
}

/* P-086: the same in another run */
static void
test_unique_id_stays(void **state)
{
	CK_SESSION_HANDLE session = mt_start_user();
	static struct value before[64];
	CK_OBJECT_HANDLE objects[64];
	size_t n = mt_find(session, NULL, 0, objects, 64);

	(void)state;
	for (size_t i = 0; i < n; i++)
		before[i] = value_of(session, objects[i], CKA_UNIQUE_ID);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	mt_remove(MT_READER);
	mt_insert(MT_READER, MT_ALICE);
	session = mt_start_user();
	for (size_t i = 0; i < n; i++) {
		CK_ATTRIBUTE template = { CKA_UNIQUE_ID, before[i].bytes, before[i].len };
		CK_OBJECT_HANDLE found;

		assert_int_equal(mt_find(session, &template, 1, &found, 1), 1);
	}
}

/* P-090 */
static void
test_secrets(void **state)
{
	static const CK_ATTRIBUTE_TYPE rsa[] = { CKA_PRIVATE_EXPONENT, CKA_PRIME_1,    CKA_PRIME_2,
						 CKA_EXPONENT_1,       CKA_EXPONENT_2, CKA_COEFFICIENT };
	CK_SESSION_HANDLE session = mt_start_user();

	(void)state;
	for (size_t i = 0; i < COUNT(rsa); i++) {
		assert_rv(mt_ask(session, mt_object(session, CKO_PRIVATE_KEY, 0), rsa[i]), CKR_ATTRIBUTE_SENSITIVE);
		assert_rv(mt_ask(session, mt_object(session, CKO_PUBLIC_KEY, 0), rsa[i]), CKR_ATTRIBUTE_TYPE_INVALID);
		assert_rv(mt_ask(session, mt_object(session, CKO_PRIVATE_KEY, 2), rsa[i]), CKR_ATTRIBUTE_TYPE_INVALID);
	}
	assert_rv(mt_ask(session, mt_object(session, CKO_PRIVATE_KEY, 2), CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
	assert_rv(mt_ask(session, mt_object(session, CKO_PUBLIC_KEY, 2), CKA_VALUE), CKR_ATTRIBUTE_TYPE_INVALID);
}

static EVP_PKEY *
key_from_info(const struct value *spki)
{
	const unsigned char *p = spki->bytes;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)spki->len);

	assert_non_null(key);
	assert_true(p == spki->bytes + spki->len);
	return key;
}

static void
assert_number(EVP_PKEY *key, const char *name, const struct value *v)
{
	BIGNUM *number = NULL;
	CK_BYTE bytes[ROOM];
	int len;

	assert_int_equal(EVP_PKEY_get_bn_param(key, name, &number), 1);
	len = BN_bn2bin(number, bytes);
	assert_true(len > 0);
	assert_value(v, bytes, (size_t)len);
	BN_free(number);
}

/* P-091, P-099: an RSA key with a certificate, and one without */
static void
test_rsa_numbers(void **state)
{
	static const CK_OBJECT_CLASS classes[] = { CKO_PRIVATE_KEY, CKO_PUBLIC_KEY };
	CK_SESSION_HANDLE session = mt_start_user();

	(void)state;
	for (CK_BYTE container = 0; container < 2; container++)
		for (size_t i = 0; i < COUNT(classes); i++) {
			CK_OBJECT_HANDLE object = mt_object(session, classes[i], container);
			struct value spki = value_of(session, object, CKA_PUBLIC_KEY_INFO);
			struct value n = value_of(session, object, CKA_MODULUS);
			struct value e = value_of(session, object, CKA_PUBLIC_EXPONENT);
			EVP_PKEY *key = key_from_info(&spki);

			assert_int_equal(mt_get_ulong(session, object, CKA_KEY_TYPE), CKK_RSA);
			assert_number(key, OSSL_PKEY_PARAM_RSA_N, &n);
			assert_number(key, OSSL_PKEY_PARAM_RSA_E, &e);
			if (classes[i] == CKO_PUBLIC_KEY)
				assert_int_equal(mt_get_ulong(session, object, CKA_MODULUS_BITS),
						 EVP_PKEY_get_bits(key));
			assert_rv(mt_ask(session, object, CKA_EC_POINT), CKR_ATTRIBUTE_TYPE_INVALID);
			assert_rv(mt_ask(session, object, CKA_EC_PARAMS), CKR_ATTRIBUTE_TYPE_INVALID);
			EVP_PKEY_free(key);
		}
}

/* P-091, P-092 */
static void
test_ec_parameters(void **state)
{
	static const struct {
		CK_BYTE container, params[10];
		size_t params_len;
		CK_BYTE head[4];
		size_t head_len, point_len;
	} curves[] = {
		{ 2, { 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07 }, 10, { 0x04, 0x41, 0x04 }, 3, 65 },
		{ 3, { 0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22 }, 7, { 0x04, 0x61, 0x04 }, 3, 97 },
		{ 4, { 0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x23 }, 7, { 0x04, 0x81, 0x85, 0x04 }, 4, 133 },
	};
	static const CK_OBJECT_CLASS classes[] = { CKO_PRIVATE_KEY, CKO_PUBLIC_KEY };
	CK_SESSION_HANDLE session = mt_start_user();

	(void)state;
	for (size_t i = 0; i < COUNT(curves) * 2; i++) {
		CK_OBJECT_HANDLE object = mt_object(session, classes[i % 2], curves[i / 2].container);
		struct value params = value_of(session, object, CKA_EC_PARAMS);
		struct value point = value_of(session, object, CKA_EC_POINT);
		struct value spki = value_of(session, object, CKA_PUBLIC_KEY_INFO);
		EVP_PKEY *key = key_from_info(&spki);
		CK_BYTE expected[ROOM];
		size_t len = 0, head = curves[i / 2].head_len;

		assert_int_equal(mt_get_ulong(session, object, CKA_KEY_TYPE), CKK_EC);
		assert_value(&params, curves[i / 2].params, curves[i / 2].params_len);
		assert_memory_equal(point.bytes, curves[i / 2].head, head);
		assert_int_equal(point.len, head - 1 + curves[i / 2].point_len);
		assert_int_equal(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, expected,
								 sizeof(expected), &len),
				 1);
		assert_int_equal(len, curves[i / 2].point_len);
		assert_memory_equal(point.bytes + head - 1, expected, len);
		assert_rv(mt_ask(session, object, CKA_MODULUS), CKR_ATTRIBUTE_TYPE_INVALID);
		EVP_PKEY_free(key);
	}
}

/* P-094, P-099 */
static void
test_linkage(void **state)
{
	static const CK_OBJECT_CLASS classes[] = { CKO_CERTIFICATE, CKO_PUBLIC_KEY, CKO_PRIVATE_KEY };
	CK_SESSION_HANDLE session = mt_start_user();

	(void)state;
	for (CK_BYTE container = 0; container <= 2; container += 2) {
		struct value id[3], info[3], label[3], subject[3];

		for (size_t i = 0; i < 3; i++) {
			CK_OBJECT_HANDLE object = mt_object(session, classes[i], container);

			id[i] = value_of(session, object, CKA_ID);
			info[i] = value_of(session, object, CKA_PUBLIC_KEY_INFO);
			label[i] = value_of(session, object, CKA_LABEL);
			subject[i] = value_of(session, object, CKA_SUBJECT);
			assert_value(&id[i], &container, 1);
			assert_value(&info[i], info[0].bytes, info[0].len);
			assert_value(&label[i], label[0].bytes, label[0].len);
			assert_value(&subject[i], subject[0].bytes, subject[0].len);
			assert_true(subject[i].len > 0);
		}
	}
}

static void
assert_der(const struct value *v, int (*encode)(const void *, unsigned char **), const void *what)
{
	unsigned char *der = NULL;
	int len = encode(what, &der);

	assert_true(len > 0);
	assert_value(v, der, (size_t)len);
	OPENSSL_free(der);
}

static int
encode_name(const void *name, unsigned char **ret_der)
{
	return i2d_X509_NAME(name, ret_der);
}

static int
encode_integer(const void *number, unsigned char **ret_der)
{
	return i2d_ASN1_INTEGER(number, ret_der);
}

/* P-095, P-097, P-098 */
static void
test_certificate(void **state)
{
	CK_SESSION_HANDLE session = mt_start();

	(void)state;
	for (CK_BYTE container = 0; container <= 2; container += 2) {
		CK_OBJECT_HANDLE cert = mt_object(session, CKO_CERTIFICATE, container);
		struct value der = value_of(session, cert, CKA_VALUE);
		struct value subject = value_of(session, cert, CKA_SUBJECT);
		struct value issuer = value_of(session, cert, CKA_ISSUER);
		struct value serial = value_of(session, cert, CKA_SERIAL_NUMBER);
		struct value start = value_of(session, cert, CKA_START_DATE);
		struct value end = value_of(session, cert, CKA_END_DATE);
		struct value check = value_of(session, cert, CKA_CHECK_VALUE);
		const unsigned char *p = der.bytes;
		X509 *x = d2i_X509(NULL, &p, (long)der.len);
		unsigned char hash[20];

		assert_non_null(x);
		assert_true(p == der.bytes + der.len);
		assert_der(&subject, encode_name, X509_get_subject_name(x));
		assert_der(&issuer, encode_name, X509_get_issuer_name(x));
		assert_der(&serial, encode_integer, X509_get0_serialNumber(x));
		assert_value(&start, "20250101", 8);
		assert_value(&end, "20491231", 8);
		assert_int_equal(EVP_Digest(der.bytes, der.len, hash, NULL, EVP_sha1(), NULL), 1);
		assert_value(&check, hash, 3);
		assert_int_equal(mt_get_ulong(session, cert, CKA_CERTIFICATE_TYPE), CKC_X_509);
		assert_int_equal(mt_get_ulong(session, cert, CKA_CERTIFICATE_CATEGORY), 1);
		assert_int_equal(mt_get_ulong(session, cert, CKA_JAVA_MIDP_SECURITY_DOMAIN), 0);
		assert_false(mt_get_bool(session, cert, CKA_TRUSTED));
		assert_int_equal(value_of(session, cert, CKA_URL).len, 0);
		assert_int_equal(value_of(session, cert, CKA_HASH_OF_SUBJECT_PUBLIC_KEY).len, 0);
		assert_int_equal(value_of(session, cert, CKA_HASH_OF_ISSUER_PUBLIC_KEY).len, 0);
		X509_free(x);
	}
}

/* P-100, P-101, P-102: what pkcs11-helper and p11test read from every key */
static void
test_usage(void **state)
{
	CK_SESSION_HANDLE session = mt_start_user();

	(void)state;
	for (CK_BYTE container = 0; container < 6; container++) {
		CK_OBJECT_HANDLE key = mt_object(session, CKO_PRIVATE_KEY, container);
		CK_OBJECT_HANDLE public = mt_object(session, CKO_PUBLIC_KEY, container);
		bool decrypts = container == 0 || container == 5, rsa = container < 2 || container == 5;

		assert_true(mt_get_bool(session, key, CKA_SENSITIVE));
		assert_false(mt_get_bool(session, key, CKA_EXTRACTABLE));
		assert_false(mt_get_bool(session, key, CKA_LOCAL));
		assert_int_equal(mt_get_ulong(session, key, CKA_KEY_GEN_MECHANISM), unavailable);
		assert_false(mt_get_bool(session, key, CKA_ALWAYS_SENSITIVE));
		assert_false(mt_get_bool(session, key, CKA_NEVER_EXTRACTABLE));
		assert_false(mt_get_bool(session, key, CKA_ALWAYS_AUTHENTICATE));
		assert_false(mt_get_bool(session, key, CKA_WRAP_WITH_TRUSTED));
		assert_true(mt_get_bool(session, key, CKA_SIGN));
		assert_true(mt_get_bool(session, public, CKA_VERIFY));
		assert_true(mt_get_bool(session, key, CKA_DECRYPT) == decrypts);
		assert_true(mt_get_bool(session, public, CKA_ENCRYPT) == decrypts);
		assert_true(mt_get_bool(session, key, CKA_SIGN_RECOVER) == rsa);
		assert_true(mt_get_bool(session, public, CKA_VERIFY_RECOVER) == rsa);
		assert_true(mt_get_bool(session, key, CKA_UNWRAP) == decrypts);
		assert_true(mt_get_bool(session, public, CKA_WRAP) == decrypts);
		assert_false(mt_get_bool(session, key, CKA_DERIVE));
		assert_false(mt_get_bool(session, public, CKA_DERIVE));
		assert_rv(mt_ask(session, key, CKA_ALLOWED_MECHANISMS), CKR_ATTRIBUTE_TYPE_INVALID);
		assert_int_equal(value_of(session, key, CKA_START_DATE).len, 0);
		assert_int_equal(value_of(session, public, CKA_END_DATE).len, 0);
	}
}

/* A key whose certificate is rubbish is a key without certificate. */
static void
test_damaged_certificate(void **state)
{
	CK_SESSION_HANDLE session = mt_start_user();
	CK_OBJECT_HANDLE key = mt_object(session, CKO_PRIVATE_KEY, 5);

	(void)state;
	assert_int_equal(value_of(session, key, CKA_SUBJECT).len, 0);
	assert_int_equal(value_of(session, key, CKA_MODULUS).len, 128);
	assert_true(value_of(session, key, CKA_PUBLIC_KEY_INFO).len > 128);
}

/* Vendors' attributes, and nested templates, are looked at no further than their number. */
static void
test_foreign_attributes(void **state)
{
	static const CK_ATTRIBUTE_TYPE foreign[] = {
		0xCE534351,	     0xCE534353, 0xCE534372,	  0xD84447CB,	 CKA_WRAP_TEMPLATE, CKA_UNWRAP_TEMPLATE,
		CKA_DERIVE_TEMPLATE, 0x61D,	 CKA_APPLICATION, CKA_OBJECT_ID, CKA_PROFILE_ID,    (CK_ULONG)-1
	};
	CK_SESSION_HANDLE session = mt_start();
	CK_OBJECT_HANDLE cert = mt_object(session, CKO_CERTIFICATE, 0), key = mt_object(session, CKO_PUBLIC_KEY, 0);
	CK_ATTRIBUTE nested = { CKA_WRAP_TEMPLATE, &nested, sizeof(nested) };

	(void)state;
	for (size_t i = 0; i < COUNT(foreign); i++) {
		assert_rv(mt_ask(session, cert, foreign[i]), CKR_ATTRIBUTE_TYPE_INVALID);
		assert_rv(mt_ask(session, key, foreign[i]), CKR_ATTRIBUTE_TYPE_INVALID);
	}
	assert_rv(mt->C_GetAttributeValue(session, key, &nested, 1), CKR_ATTRIBUTE_TYPE_INVALID);
}

/* What has been read once is not read again. */
static void
test_attributes_are_remembered(void **state)
{
	static const CK_ATTRIBUTE_TYPE types[] = { CKA_VALUE, CKA_SUBJECT, CKA_ISSUER, CKA_PUBLIC_KEY_INFO };
	CK_SESSION_HANDLE session = mt_start();
	CK_OBJECT_HANDLE cert = mt_object(session, CKO_CERTIFICATE, 0), key = mt_object(session, CKO_PUBLIC_KEY, 0);
	unsigned long before;

	(void)state;
	(void)value_of(session, key, CKA_MODULUS);
	before = mt_exchanges(MT_READER);
	for (size_t i = 0; i < COUNT(types); i++)
		(void)value_of(session, cert, types[i]);
	(void)value_of(session, key, CKA_MODULUS);
	(void)value_of(session, key, CKA_SUBJECT);
	assert_int_equal(mt_exchanges(MT_READER), before);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_mixed_results),
		TEST(test_lengths),
		TEST(test_arguments),
		TEST(test_common_attributes),
		TEST(test_unique_id_stays),
		TEST(test_secrets),
		TEST(test_rsa_numbers),
		TEST(test_ec_parameters),
		TEST(test_linkage),
		TEST(test_certificate),
		TEST(test_usage),
		TEST(test_damaged_certificate),
		TEST(test_foreign_attributes),
		TEST(test_attributes_are_remembered),
	};

	return cmocka_run_group_tests_name("attributes", tests, mt_load, mt_unload);
}
