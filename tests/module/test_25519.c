/* SPDX-License-Identifier: BSD-2-Clause */
/* Ed25519 and X25519 keys of a PIV token through the module, with libcrypto on the other side. */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/limits.h"
#include "module/fixture.h"
#include "vcard/perso_piv.h"

#define CARD "cards/piv-25519"
#define ED 4 /* CKA_ID of 9E and of 9D */
#define X 3

static uint8_t ed_public[32], x_public[32];

static void
read_public(struct vcard *card, uint8_t reference, uint8_t ret_public[32])
{
	AUTO_BUF struct buf spki = BUF_INIT;
	const unsigned char *p;
	EVP_PKEY *pkey;
	size_t len = 32;

	assert_int_equal(vcard_piv_pubkey(card, reference, &spki), 0);
	p = spki.p;
	assert_non_null(pkey = d2i_PUBKEY(NULL, &p, (long)spki.len));
	assert_int_equal(EVP_PKEY_get_raw_public_key(pkey, ret_public, &len), 1);
	EVP_PKEY_free(pkey);
}

static int
set_up(void **state)
{
	static const struct vcard_piv_slot ed = { 0x9E, PIV_ALG_ED25519, PIV_PIN_NEVER, 0 };
	static const struct vcard_piv_slot x = { 0x9D, PIV_ALG_X25519, PIV_PIN_ONCE, 0 };
	const struct vcard_profile profile = { .applications = VCARD_PIV, .piv = { .quirks = VCARD_PIV_TOKEN } };
	const char *path;
	struct vcard *card;

	if (mt_set_up(state) != 0)
		return -1;
	mt_remove(MT_READER);
	path = mt_path(CARD);
	assert_int_equal(vcard_create(path, &profile), 0);
	assert_non_null(card = vcard_open(path));
	assert_int_equal(vcard_piv_reference(card, NULL), 0);
	assert_int_equal(vcard_piv_keygen(card, &ed), 0);
	assert_int_equal(vcard_piv_issue(card, 0x9E, "Edwards", 0x80, VCARD_PIV_PLAIN, NULL), 0);
	assert_int_equal(vcard_piv_keygen(card, &x), 0);
	assert_int_equal(vcard_piv_issue(card, 0x9D, "Montgomery", 0x08, VCARD_PIV_PLAIN, NULL), 0);
	read_public(card, 0x9E, ed_public);
	read_public(card, 0x9D, x_public);
	assert_int_equal(vcard_save(card), 0);
	vcard_close(card);
	assert_int_equal(symlink(mt_path(CARD), mt_path("readers/%s/card", MT_READER)), 0);
	return 0;
}

/* P-093, and the same for X25519. */
static void
test_attributes(void **state)
{
	static const CK_BYTE ed_oid[] = { 0x06, 0x03, 0x2B, 0x65, 0x70 }, x_oid[] = { 0x06, 0x03, 0x2B, 0x65, 0x6E };
	CK_SESSION_HANDLE session = mt_start_user();
	CK_OBJECT_HANDLE ed = mt_object(session, CKO_PUBLIC_KEY, ED), x = mt_object(session, CKO_PUBLIC_KEY, X);
	CK_BYTE value[256];

	(void)state;
	assert_int_equal(mt_get_ulong(session, ed, CKA_KEY_TYPE), CKK_EC_EDWARDS);
	assert_int_equal(mt_get(session, ed, CKA_EC_PARAMS, value, sizeof(value)), sizeof(ed_oid));
	assert_memory_equal(value, ed_oid, sizeof(ed_oid));
	assert_int_equal(mt_get(session, ed, CKA_EC_POINT, value, sizeof(value)), 32);
	assert_memory_equal(value, ed_public, 32);
	assert_true(mt_get_bool(session, ed, CKA_VERIFY));
	assert_int_equal(mt_get(session, ed, CKA_PUBLIC_KEY_INFO, value, sizeof(value)), 44);
	assert_int_equal(mt_get_ulong(session, x, CKA_KEY_TYPE), CKK_EC_MONTGOMERY);
	assert_int_equal(mt_get(session, x, CKA_EC_PARAMS, value, sizeof(value)), sizeof(x_oid));
	assert_memory_equal(value, x_oid, sizeof(x_oid));
	assert_int_equal(mt_get(session, x, CKA_EC_POINT, value, sizeof(value)), 32);
	assert_memory_equal(value, x_public, 32);
	assert_false(mt_get_bool(session, x, CKA_VERIFY));
	ed = mt_object(session, CKO_PRIVATE_KEY, ED);
	x = mt_object(session, CKO_PRIVATE_KEY, X);
	assert_true(mt_get_bool(session, ed, CKA_SIGN));
	assert_false(mt_get_bool(session, ed, CKA_DERIVE));
	assert_false(mt_get_bool(session, x, CKA_SIGN));
	assert_true(mt_get_bool(session, x, CKA_DERIVE));
	assert_rv(mt_ask(session, ed, CKA_MODULUS), CKR_ATTRIBUTE_TYPE_INVALID);
	assert_rv(mt_ask(session, ed, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
}

static bool
verifies(const CK_BYTE *data, size_t len, const CK_BYTE *signature, size_t signature_len)
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, ed_public, 32);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, pkey, NULL) == 1 &&
		    EVP_DigestVerify(ctx, signature, signature_len, data, len) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return good;
}

/* Messages up to the limit, at once and in parts; the module verifies what it signed, and nothing else. */
static void
test_signatures(void **state)
{
	static const CK_ULONG lengths[] = { 1, 64, 200, 1024, LIMIT_EDDSA_INPUT };
	CK_SESSION_HANDLE session = mt_start();
	CK_OBJECT_HANDLE key = mt_object(session, CKO_PRIVATE_KEY, ED), public = mt_object(session, CKO_PUBLIC_KEY, ED);
	CK_MECHANISM eddsa = { CKM_EDDSA, NULL, 0 };
	CK_BYTE data[LIMIT_EDDSA_INPUT + 1], signature[64];
	CK_ULONG len;

	(void)state;
	memset(data, 0x5A, sizeof(data));
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		len = sizeof(signature);
		assert_rv(mt->C_SignInit(session, &eddsa, key), CKR_OK);
		assert_rv(mt->C_Sign(session, data, lengths[i], signature, &len), CKR_OK);
		assert_int_equal(len, 64);
		assert_true(verifies(data, lengths[i], signature, len));
		assert_rv(mt->C_VerifyInit(session, &eddsa, public), CKR_OK);
		assert_rv(mt->C_Verify(session, data, lengths[i], signature, len), CKR_OK);
	}
	len = sizeof(signature);
	assert_rv(mt->C_SignInit(session, &eddsa, key), CKR_OK);
	assert_rv(mt->C_SignUpdate(session, data, 1000), CKR_OK);
	assert_rv(mt->C_SignUpdate(session, data, 1000), CKR_OK);
	assert_rv(mt->C_SignFinal(session, signature, &len), CKR_OK);
	assert_true(verifies(data, 2000, signature, len));
	assert_rv(mt->C_VerifyInit(session, &eddsa, public), CKR_OK);
	assert_rv(mt->C_Verify(session, data, 1999, signature, len), CKR_SIGNATURE_INVALID);
	assert_rv(mt->C_VerifyInit(session, &eddsa, public), CKR_OK);
	assert_rv(mt->C_Verify(session, data, 2000, signature, 63), CKR_SIGNATURE_LEN_RANGE);
}

static void
test_refusals(void **state)
{
	CK_SESSION_HANDLE session = mt_start_user();
	CK_OBJECT_HANDLE ed = mt_object(session, CKO_PRIVATE_KEY, ED), x = mt_object(session, CKO_PRIVATE_KEY, X);
	CK_BYTE parameter[24] = { 0 }, data[LIMIT_EDDSA_INPUT + 1] = { 0 }, signature[64];
	CK_MECHANISM eddsa = { CKM_EDDSA, NULL, 0 }, with = { CKM_EDDSA, parameter, sizeof(parameter) },
		     ecdsa = { CKM_ECDSA, NULL, 0 };
	CK_ULONG len = sizeof(signature);

	(void)state;
	assert_rv(mt->C_SignInit(session, &with, ed), CKR_MECHANISM_PARAM_INVALID);
	assert_rv(mt->C_SignInit(session, &ecdsa, ed), CKR_KEY_TYPE_INCONSISTENT);
	assert_rv(mt->C_SignInit(session, &eddsa, x), CKR_KEY_TYPE_INCONSISTENT);
	assert_rv(mt->C_SignInit(session, &eddsa, mt_object(session, CKO_PRIVATE_KEY, 1)), CKR_KEY_TYPE_INCONSISTENT);
	assert_rv(mt->C_SignInit(session, &eddsa, ed), CKR_OK);
	assert_rv(mt->C_Sign(session, data, sizeof(data), signature, &len), CKR_DATA_LEN_RANGE);
	/* cards do not sign nothing */
	assert_rv(mt->C_SignInit(session, &eddsa, ed), CKR_OK);
	assert_rv(mt->C_Sign(session, data, 0, signature, &len), CKR_DATA_LEN_RANGE);
}

/* Both ways of giving the other's key, and what libcrypto comes to. */
static void
test_agreement(void **state)
{
	CK_SESSION_HANDLE session = mt_start_user();
	CK_OBJECT_HANDLE key = mt_object(session, CKO_PRIVATE_KEY, X), derived;
	EVP_PKEY *peer = EVP_PKEY_Q_keygen(NULL, NULL, "X25519"),
		 *own = EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, x_public, 32);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(peer, NULL);
	CK_BYTE point[34] = { 0x04, 0x20 }, secret[32], value[32];
	size_t len = 32;
	CK_ECDH1_DERIVE_PARAMS params = { CKD_NULL, 0, NULL, 32, point + 2 };
	CK_MECHANISM mechanism = { CKM_ECDH1_DERIVE, &params, sizeof(params) },
		     cofactor = { CKM_ECDH1_COFACTOR_DERIVE, &params, sizeof(params) };
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) },
				    { CKA_KEY_TYPE, &type, sizeof(type) },
				    { CKA_EXTRACTABLE, &yes, 1 },
				    { CKA_SENSITIVE, &no, 1 } };

	(void)state;
	assert_int_equal(EVP_PKEY_get_raw_public_key(peer, point + 2, &len), 1);
	assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(ctx, own), 1);
	assert_int_equal(EVP_PKEY_derive(ctx, secret, &len), 1);
	for (unsigned i = 0; i < 2; i++) {
		assert_rv(mt->C_DeriveKey(session, &mechanism, key, template, 4, &derived), CKR_OK);
		assert_int_equal(mt_get(session, derived, CKA_VALUE, value, sizeof(value)), 32);
		assert_memory_equal(value, secret, 32);
		params.pPublicData = point;
		params.ulPublicDataLen = sizeof(point);
	}
	assert_rv(mt->C_DeriveKey(session, &cofactor, key, template, 4, &derived), CKR_KEY_TYPE_INCONSISTENT);
	params.ulPublicDataLen = 33;
	assert_rv(mt->C_DeriveKey(session, &mechanism, key, template, 4, &derived), CKR_MECHANISM_PARAM_INVALID);
	/* a point of small order: everybody knows the secret */
	memset(point + 2, 0, 32);
	params.ulPublicDataLen = 34;
	assert_rv(mt->C_DeriveKey(session, &mechanism, key, template, 4, &derived), CKR_PUBLIC_KEY_INVALID);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	EVP_PKEY_free(own);
}

static CK_RV
generate(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, const void *params, CK_ULONG len,
	 CK_OBJECT_HANDLE *ret_public)
{
	CK_MECHANISM mechanism = { type, NULL, 0 };
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE public[] = { { CKA_TOKEN, &yes, 1 }, { CKA_EC_PARAMS, (void *)(uintptr_t)params, len } },
		     private[] = { { CKA_TOKEN, &yes, 1 } };
	CK_OBJECT_HANDLE other;

	return mt->C_GenerateKeyPair(session, &mechanism, public, 2, private, 1, ret_public, &other);
}

/* By the curve's object identifier and by its name; each mechanism has one curve. */
static void
test_generation(void **state)
{
	static const CK_BYTE ed_oid[] = { 0x06, 0x03, 0x2B, 0x65, 0x70 }, x_oid[] = { 0x06, 0x03, 0x2B, 0x65, 0x6E };
	static const char ed_name[] = "\x13\x0C"
				      "edwards25519",
			  x_name[] = "\x13\x0A"
				     "curve25519";
	static const char management[] = "010203040506070801020304050607080102030405060708";
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;

	(void)state;
	mt_initialize();
	session = mt_open(CKF_RW_SESSION);
	assert_rv(mt->C_Login(session, CKU_SO, (CK_UTF8CHAR *)(uintptr_t)management, strlen(management)), CKR_OK);
	assert_rv(generate(session, CKM_EC_EDWARDS_KEY_PAIR_GEN, ed_oid, sizeof(ed_oid), &key), CKR_OK);
	assert_int_equal(mt_get_ulong(session, key, CKA_KEY_TYPE), CKK_EC_EDWARDS);
	assert_int_equal(mt_get_ulong(session, key, CKA_KEY_GEN_MECHANISM), CKM_EC_EDWARDS_KEY_PAIR_GEN);
	assert_rv(generate(session, CKM_EC_EDWARDS_KEY_PAIR_GEN, ed_name, sizeof(ed_name) - 1, &key), CKR_OK);
	assert_rv(generate(session, CKM_EC_MONTGOMERY_KEY_PAIR_GEN, x_oid, sizeof(x_oid), &key), CKR_OK);
	assert_int_equal(mt_get_ulong(session, key, CKA_KEY_TYPE), CKK_EC_MONTGOMERY);
	assert_int_equal(mt_get_ulong(session, key, CKA_KEY_GEN_MECHANISM), CKM_EC_MONTGOMERY_KEY_PAIR_GEN);
	assert_rv(generate(session, CKM_EC_MONTGOMERY_KEY_PAIR_GEN, x_name, sizeof(x_name) - 1, &key), CKR_OK);
	assert_rv(generate(session, CKM_EC_EDWARDS_KEY_PAIR_GEN, x_oid, sizeof(x_oid), &key), CKR_CURVE_NOT_SUPPORTED);
	assert_rv(generate(session, CKM_EC_KEY_PAIR_GEN, ed_oid, sizeof(ed_oid), &key), CKR_CURVE_NOT_SUPPORTED);
}

/* P-044: where the card has such keys, and nowhere else. */
static void
test_mechanisms(void **state)
{
	static const CK_MECHANISM_TYPE types[] = { CKM_EDDSA, CKM_EC_EDWARDS_KEY_PAIR_GEN,
						   CKM_EC_MONTGOMERY_KEY_PAIR_GEN };
	CK_MECHANISM_TYPE list[64];
	CK_ULONG count = ARRAY_SIZE(list);
	CK_MECHANISM_INFO info;
	size_t found;

	(void)state;
	mt_initialize();
	assert_rv(mt->C_GetMechanismList(1, list, &count), CKR_OK);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		found = 0;
		for (CK_ULONG k = 0; k < count; k++)
			found += list[k] == types[i];
		assert_int_equal(found, 1);
		assert_rv(mt->C_GetMechanismInfo(1, types[i], &info), CKR_OK);
		assert_int_equal(info.ulMinKeySize, 255);
		assert_int_equal(info.ulMaxKeySize, 255);
	}
	mt_remove(MT_READER);
	mt_insert(MT_READER, MT_ALICE);
	assert_rv(mt->C_GetMechanismInfo(1, CKM_EDDSA, &info), CKR_MECHANISM_INVALID);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, mt_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_attributes), TEST(test_signatures), TEST(test_refusals),
		TEST(test_agreement),  TEST(test_generation), TEST(test_mechanisms),
	};

	return cmocka_run_group_tests(tests, mt_load, mt_unload);
}
