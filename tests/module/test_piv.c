/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PIV cards as a program sees them through the module: what a search and a signature cost, what is noticed of a card that
 * another program has changed meanwhile, and keys without a PIN.
 */
#include <string.h>
#include <unistd.h>

#include "module/fixture.h"
#include "vcard/perso_piv.h"

#define CARD_A "cards/piv-a"
#define CARD_B "cards/piv-b"

static void
make_card(const char *name)
{
	const struct vcard_profile profile = { .applications = VCARD_PIV, .piv = { .quirks = VCARD_PIV_APPLET } };
	const char *path = mt_path("%s", name);
	struct vcard *card;

	assert_int_equal(vcard_create(path, &profile), 0);
	assert_non_null(card = vcard_open(path));
	assert_int_equal(vcard_piv_reference(card, NULL), 0);
	assert_int_equal(vcard_save(card), 0);
	vcard_close(card);
}

static void
insert(const char *name)
{
	assert_int_equal(symlink(mt_path("%s", name), mt_path("readers/%s/card", MT_READER)), 0);
}

static int
set_up(void **state)
{
	if (mt_set_up(state) != 0)
		return -1;
	mt_remove(MT_READER);
	make_card(CARD_A);
	insert(CARD_A);
	return 0;
}

/* Another program at work on the card in the reader. */
static struct vcard *
open_card(void)
{
	struct vcard *card = vcard_open(mt_path(CARD_A));

	assert_non_null(card);
	return card;
}

static void
close_card(struct vcard *card)
{
	assert_int_equal(vcard_save(card), 0);
	vcard_close(card);
}

/* Login and logout: the transaction is over afterwards. */
static void
end_transaction(CK_SESSION_HANDLE session)
{
	assert_rv(mt_login(session, MT_PIN), CKR_OK);
	assert_rv(mt->C_Logout(session), CKR_OK);
}

static CK_RV
sign_with(CK_SESSION_HANDLE session, CK_BYTE id, CK_MECHANISM_TYPE type)
{
	CK_OBJECT_HANDLE key = mt_object(session, CKO_PRIVATE_KEY, id);
	CK_MECHANISM mechanism = { type, NULL, 0 };
	CK_BYTE signature[512], data[] = "some bytes";
	CK_ULONG len = sizeof(signature);
	CK_RV rv = mt->C_SignInit(session, &mechanism, key);

	return rv == CKR_OK ? mt->C_Sign(session, data, sizeof(data), signature, &len) : rv;
}

/* The budgets of a first listing and of a first signature with a key that is looked for by its number. S-039. */
static void
test_budgets(void **state)
{
	CK_SESSION_HANDLE session;
	CK_TOKEN_INFO info;
	unsigned long before;

	(void)state;
	mt_initialize();
	assert_rv(mt->C_GetTokenInfo(1, &info), CKR_OK);
	assert_int_equal(mt_exchanges(MT_READER), 2);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	before = mt_exchanges(MT_READER);
	session = mt_start_user();
	assert_rv(sign_with(session, 1, CKM_SHA256_RSA_PKCS), CKR_OK);
	assert_in_range(mt_exchanges(MT_READER) - before, 1, 10);
	before = mt_exchanges(MT_READER);
	assert_rv(sign_with(session, 1, CKM_SHA256_RSA_PKCS), CKR_OK);
	assert_int_equal(mt_exchanges(MT_READER) - before, 3);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	assert_int_equal(mt_exchanges(MT_READER) - before, 4);
	before = mt_exchanges(MT_READER);
	session = mt_start();
	assert_int_equal(mt_count(session, CKO_CERTIFICATE), 4);
	assert_int_equal(mt_count(session, CKO_PUBLIC_KEY), 4);
	assert_in_range(mt_exchanges(MT_READER) - before, 1, 18);
}

/*
 * What a signing program does that says the PIN again for the signature key, from its start to its end. SELECT, discovery object,
 * VERIFY, what the card tells of the key, VERIFY, GENERAL AUTHENTICATE, and the PIN's rights given back.
 * S-039.
 */
static void
test_budget_9c(void **state)
{
	const unsigned long before = mt_exchanges(MT_READER);
	CK_MECHANISM mechanism = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_SESSION_HANDLE session = mt_start_user();
	CK_OBJECT_HANDLE key = mt_object(session, CKO_PRIVATE_KEY, 2);
	CK_BYTE signature[128], data[] = "some bytes";
	CK_UTF8CHAR pin[] = MT_PIN;
	CK_ULONG len = sizeof(signature);

	(void)state;
	assert_rv(mt->C_SignInit(session, &mechanism, key), CKR_OK);
	assert_rv(mt->C_Login(session, CKU_CONTEXT_SPECIFIC, pin, sizeof(pin) - 1), CKR_OK);
	assert_rv(mt->C_Sign(session, data, sizeof(data), signature, &len), CKR_OK);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	assert_int_equal(mt_exchanges(MT_READER) - before, 7);
}

/* The same with token info, as common tools ask for it, and the key for authentication. */
static void
test_budget_9a(void **state)
{
	const unsigned long before = mt_exchanges(MT_READER);
	CK_SESSION_HANDLE session = mt_start();
	CK_TOKEN_INFO info;

	(void)state;
	assert_rv(mt->C_GetTokenInfo(1, &info), CKR_OK);
	assert_rv(mt_login(session, MT_PIN), CKR_OK);
	assert_rv(sign_with(session, 1, CKM_SHA256_RSA_PKCS), CKR_OK);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	assert_in_range(mt_exchanges(MT_READER) - before, 1, 10);
}

/* A key that was found without its certificate has one all the same, and one that has none has none. */
static void
test_late_certificate(void **state)
{
	CK_SESSION_HANDLE session = mt_start_user();
	CK_OBJECT_HANDLE key = mt_object(session, CKO_PRIVATE_KEY, 1);
	CK_BYTE value[4096];
	struct vcard *card;

	(void)state;
	assert_true(mt_get(session, key, CKA_SUBJECT, value, sizeof(value)) > 0);
	assert_true(mt_get(session, mt_object(session, CKO_CERTIFICATE, 1), CKA_VALUE, value, sizeof(value)) > 0);
	assert_int_equal(key, mt_object(session, CKO_PRIVATE_KEY, 1));
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	card = open_card();
	assert_int_equal(vcard_piv_put(card, vcard_piv_certificate_tag(0x9A), cur_of(NULL, 0)), 0);
	close_card(card);
	session = mt_start_user();
	key = mt_object(session, CKO_PRIVATE_KEY, 1);
	assert_int_equal(mt_get(session, key, CKA_SUBJECT, value, sizeof(value)), 0);
	assert_rv(sign_with(session, 1, CKM_SHA256_RSA_PKCS), CKR_OK);
	assert_int_equal(mt_count(session, CKO_CERTIFICATE), 3);
	assert_int_equal(key, mt_object(session, CKO_PRIVATE_KEY, 1));
}

/* One key is seen and works without login; a search for one number leaves the others for later. */
static void
test_keys(void **state)
{
	CK_SESSION_HANDLE session = mt_start();
	CK_OBJECT_HANDLE key, again;
	char label[64] = "";

	(void)state;
	key = mt_object(session, CKO_PRIVATE_KEY, 4);
	assert_false(mt_get_bool(session, key, CKA_PRIVATE));
	assert_rv(sign_with(session, 4, CKM_ECDSA_SHA256), CKR_OK);
	assert_int_equal(mt_count(session, CKO_PRIVATE_KEY), 1);
	assert_int_equal(mt_count(session, CKO_CERTIFICATE), 4);
	again = mt_object(session, CKO_PRIVATE_KEY, 4);
	assert_int_equal(key, again);
	(void)mt_get(session, mt_object(session, CKO_CERTIFICATE, 2), CKA_LABEL, label, sizeof(label) - 1);
	assert_string_equal(label, "X.509 Certificate for Digital Signature");
	assert_rv(mt_login(session, MT_PIN), CKR_OK);
	assert_int_equal(mt_count(session, CKO_PRIVATE_KEY), 4);
	assert_true(mt_get_bool(session, mt_object(session, CKO_PRIVATE_KEY, 2), CKA_ALWAYS_AUTHENTICATE));
	assert_false(mt_get_bool(session, mt_object(session, CKO_PRIVATE_KEY, 3), CKA_ALWAYS_AUTHENTICATE));
}

/* A certificate renewed by another program, which leaves everything else on the card as it was. */
static void
test_renewed(void **state)
{
	CK_SESSION_HANDLE session = mt_start();
	CK_BYTE before[4096], after[4096];
	size_t len, renewed;
	struct vcard *card;

	(void)state;
	len = mt_get(session, mt_object(session, CKO_CERTIFICATE, 1), CKA_VALUE, before, sizeof(before));
	end_transaction(session);
	card = open_card();
	assert_int_equal(vcard_piv_issue(card, 0x9A, "renewed", 0, VCARD_PIV_PLAIN, NULL), 0);
	close_card(card);
	renewed = mt_get(session, mt_object(session, CKO_CERTIFICATE, 1), CKA_VALUE, after, sizeof(after));
	assert_false(renewed == len && memcmp(before, after, len) == 0);
	assert_rv(mt_login(session, MT_PIN), CKR_OK);
	assert_rv(sign_with(session, 1, CKM_SHA256_RSA_PKCS), CKR_OK);
}

/* A key replaced behind its certificate: nobody gets a signature that does not fit. */
static void
test_replaced(void **state)
{
	static const struct vcard_piv_slot slot = { .reference = 0x9E, .algorithm = PIV_ALG_P256 };
	CK_SESSION_HANDLE session = mt_start();
	struct vcard *card;

	(void)state;
	assert_true(mt_object(session, CKO_CERTIFICATE, 4) != 0);
	assert_rv(sign_with(session, 4, CKM_ECDSA_SHA256), CKR_OK);
	end_transaction(session);
	card = open_card();
	assert_int_equal(vcard_piv_keygen(card, &slot), 0);
	close_card(card);
	assert_rv(sign_with(session, 4, CKM_ECDSA_SHA256) == CKR_OK, false);
	end_transaction(session);
	card = open_card();
	assert_int_equal(vcard_piv_issue(card, 0x9E, "replaced", 0, VCARD_PIV_PLAIN, NULL), 0);
	close_card(card);
	assert_rv(sign_with(session, 4, CKM_ECDSA_SHA256), CKR_OK);
}

/* Who has asked for the key alone is shown the new one, and it signs. */
static void
test_replaced_key_only(void **state)
{
	static const struct vcard_piv_slot slot = { .reference = 0x9E, .algorithm = PIV_ALG_P256 };
	CK_BYTE before[128], after[128];
	CK_SESSION_HANDLE session = mt_start();
	struct vcard *card;
	size_t len;

	(void)state;
	len = mt_get(session, mt_object(session, CKO_PUBLIC_KEY, 4), CKA_EC_POINT, before, sizeof(before));
	assert_rv(sign_with(session, 4, CKM_ECDSA_SHA256), CKR_OK);
	end_transaction(session);
	card = open_card();
	assert_int_equal(vcard_piv_keygen(card, &slot), 0);
	close_card(card);
	assert_rv(sign_with(session, 4, CKM_ECDSA_SHA256), CKR_OK);
	assert_int_equal(mt_get(session, mt_object(session, CKO_PUBLIC_KEY, 4), CKA_EC_POINT, after, sizeof(after)),
			 len);
	assert_memory_not_equal(before, after, len);
}

/* Another card in the same reader is another token. */
static void
test_swapped(void **state)
{
	CK_TOKEN_INFO one, other;
	CK_SLOT_INFO slot;
	CK_SESSION_HANDLE session = mt_start();

	(void)state;
	make_card(CARD_B);
	assert_rv(mt->C_GetTokenInfo(1, &one), CKR_OK);
	assert_int_equal(mt_count(session, CKO_CERTIFICATE), 4);
	mt_remove(MT_READER);
	insert(CARD_B);
	assert_rv(mt->C_GetSlotInfo(1, &slot), CKR_OK);
	assert_true(mt->C_FindObjectsInit(session, NULL, 0) != CKR_OK);
	assert_rv(mt->C_GetTokenInfo(1, &other), CKR_OK);
	assert_memory_not_equal(one.serialNumber, other.serialNumber, sizeof(one.serialNumber));
	session = mt_open(0);
	assert_int_equal(mt_count(session, CKO_CERTIFICATE), 4);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, mt_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_budgets), TEST(test_budget_9c), TEST(test_budget_9a), TEST(test_late_certificate),
		TEST(test_keys),    TEST(test_renewed),	  TEST(test_replaced),	TEST(test_replaced_key_only),
		TEST(test_swapped),
	};

	return cmocka_run_group_tests(tests, mt_load, mt_unload);
}
