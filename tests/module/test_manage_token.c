/* SPDX-License-Identifier: BSD-2-Clause */
/* C_InitToken: a token made of a blank card, and one that is made again. */
#include <stdio.h>
#include <unistd.h>

#include "module/manage.h"

static const CK_FLAGS life = CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED;

static void
start(enum mt_card card)
{
	mt_remove(MT_READER);
	mt_insert(MT_READER, card);
	mt_initialize();
}

static void
assert_label(const char *expected)
{
	CK_TOKEN_INFO info;

	assert_rv(mt->C_GetTokenInfo(1, &info), CKR_OK);
	assert_memory_equal(info.label, expected, 32);
}

/* An EC key pair, which costs no time. */
static void
make_key(CK_SESSION_HANDLE s)
{
	static CK_BYTE p256[] = { 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07 };
	static CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE public[] = { MG_BOOL(CKA_TOKEN, yes), { CKA_EC_PARAMS, p256, sizeof(p256) } },
		     private = MG_BOOL(CKA_TOKEN, yes);
	CK_MECHANISM mechanism = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_OBJECT_HANDLE handles[2];
	CK_BYTE signature[OPS_MAX];
	CK_RV rv;

	assert_rv(mt->C_GenerateKeyPair(s, &mechanism, public, 2, &private, 1, &handles[0], &handles[1]), CKR_OK);
	mechanism.mechanism = CKM_ECDSA_SHA256;
	assert_int_equal(ops_sign(s, mechanism, handles[1], 20, signature, &rv), 64);
}

/* P-079: blank, made, and with a PIN that only then anybody knows; the next program sees the same */
static void
test_blank(void **state)
{
	CK_SESSION_HANDLE s;

	(void)state;
	start(MT_BLANK);
	assert_int_equal(mt_token_flags(1) & life, 0);
	assert_rv(mg_init_token(MG_OTHER_KEY, "Sch\xC3\xB6ner Ausweis"), CKR_OK);
	assert_false(mt_is_verified(MT_BLANK));
	assert_int_equal(mt_token_flags(1) & life, CKF_TOKEN_INITIALIZED);
	assert_label("Sch\xC3\xB6ner Ausweis                ");
	s = mg_again();
	assert_int_equal(mt_token_flags(1) & life, CKF_TOKEN_INITIALIZED);
	assert_label("Sch\xC3\xB6ner Ausweis                ");
	assert_rv(mt_login(s, MT_PIN), CKR_USER_PIN_NOT_INITIALIZED);
	assert_rv(mg_login_so(s, MG_KEY), CKR_PIN_INCORRECT);
	assert_rv(mg_login_so(s, MG_OTHER_KEY), CKR_OK);
	assert_rv(mg_init_pin(s, MT_PIN), CKR_OK);
	assert_int_equal(mt_token_flags(1) & life, life);
	assert_rv(mt->C_Logout(s), CKR_OK);
	assert_rv(mt_login(s, MT_PIN), CKR_OK);
	make_key(s);
	s = mg_again();
	assert_int_equal(mt_token_flags(1) & life, life);
	assert_label("Sch\xC3\xB6ner Ausweis                ");
	assert_rv(mt_login(s, MT_PIN), CKR_OK);
	assert_int_equal(mt_count(s, CKO_PRIVATE_KEY), 1);
}

/* P-078, P-079: one that has keys loses them, to him who has the key */
static void
test_again(void **state)
{
	CK_SESSION_HANDLE s;
	CK_UTF8CHAR before[16];
	CK_TOKEN_INFO info;

	(void)state;
	start(MT_BOB);
	assert_rv(mt->C_GetTokenInfo(1, &info), CKR_OK);
	memcpy(before, info.serialNumber, sizeof(before));
	s = mt_open(CKF_RW_SESSION);
	assert_rv(mg_init_token(MG_KEY, "new"), CKR_SESSION_EXISTS);
	assert_int_equal(mt_count(s, CKO_PUBLIC_KEY), 1);
	assert_rv(mt->C_CloseSession(s), CKR_OK);
	assert_rv(mg_init_token(MG_OTHER_KEY, "new"), CKR_PIN_INCORRECT);
	assert_rv(mg_init_token(MT_PIN, "new"), CKR_PIN_INCORRECT);
	s = mt_open(CKF_RW_SESSION);
	assert_rv(mt_login(s, MT_PIN), CKR_OK);
	assert_rv(mt_sign(s), CKR_OK);
	assert_rv(mt->C_CloseSession(s), CKR_OK);
	assert_rv(mg_init_token(MG_KEY, "new"), CKR_OK);
	assert_int_equal(mt_token_flags(1) & life, CKF_TOKEN_INITIALIZED);
	assert_label("new                             ");
	assert_rv(mt->C_GetTokenInfo(1, &info), CKR_OK);
	assert_memory_equal(info.serialNumber, before, sizeof(before));
	s = mt_open(CKF_RW_SESSION);
	assert_int_equal(mt_count(s, CKO_PUBLIC_KEY), 0);
	assert_int_equal(mt_count(s, CKO_CERTIFICATE), 0);
	assert_rv(mt_login(s, MT_PIN), CKR_USER_PIN_NOT_INITIALIZED);
	assert_rv(mg_login_so(s, MG_KEY), CKR_OK);
	assert_rv(mg_init_pin(s, MG_NEW_PIN), CKR_OK);
	assert_rv(mt->C_Logout(s), CKR_OK);
	assert_rv(mt_login(s, MG_NEW_PIN), CKR_OK);
	make_key(s);
}

/* P-080: what is no card of ours cannot be made one */
static void
test_not_recognised(void **state)
{
	(void)state;
	start(MT_BOB);
	assert_rv(mt->C_InitToken(2, mg_bytes(MG_KEY), 48, mg_bytes("                                ")),
		  CKR_SLOT_ID_INVALID);
	mt_remove(MT_READER);
	assert_rv(mg_init_token(MG_KEY, "x"), CKR_TOKEN_NOT_PRESENT);
}

/* Pulled at the n-th exchange, and again later: the second attempt makes a token of it. False when there was no n-th. */
static bool
pulled_at(enum mt_card card, const char *key, unsigned n)
{
	CK_SESSION_HANDLE s;
	bool pulled;
	char fault[32];
	CK_RV rv;

	mt_remove(MT_READER);
	(void)unlink(mt_path("cards/%d", card));
	mt_insert(MT_READER, card);
	mt_initialize();
	(void)snprintf(fault, sizeof(fault), "%u:pull", n);
	mt_arm(MT_READER, fault);
	rv = mg_init_token(key, "first");
	mt_arm(MT_READER, "");
	/* it may be done when it is pulled */
	pulled = access(mt_path("readers/%s/card", MT_READER), F_OK) != 0;
	if (pulled)
		mt_insert(MT_READER, card);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	mt_initialize();
	if (rv != CKR_OK) {
		assert_true(rv == CKR_DEVICE_REMOVED || rv == CKR_DEVICE_ERROR);
		rv = mg_init_token(key, "second");
		if (rv != CKR_OK)
			fail_msg("pulled at exchange %u it is not made a token: 0x%lX", n, rv);
		assert_label("second                          ");
	}
	s = mt_open(CKF_RW_SESSION);
	assert_rv(mg_login_so(s, key), CKR_OK);
	assert_rv(mg_init_pin(s, MT_PIN), CKR_OK);
	assert_rv(mt->C_Logout(s), CKR_OK);
	assert_rv(mt_login(s, MT_PIN), CKR_OK);
	assert_int_equal(mt_count(s, CKO_PUBLIC_KEY), 0);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	return pulled;
}

/* A card that is pulled while it is made can be made all the same. */
static void
test_pulled(void **state)
{
	unsigned n = 1;

	(void)state;
	while (pulled_at(MT_BLANK, MG_OTHER_KEY, n))
		n += mt_plain() ? 1 : 7;
	assert_true(n > 10);
	n = 1;
	while (pulled_at(MT_BOB, MG_KEY, n))
		n += mt_plain() ? 1 : 7;
	assert_true(n > 10);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_blank),
		TEST(test_again),
		TEST(test_not_recognised),
		TEST(test_pulled),
	};

	return cmocka_run_group_tests_name("tokens made", tests, mt_load, mt_unload);
}
