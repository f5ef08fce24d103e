/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects: what is found, by which templates and at what cost, handles, and what cannot be done to objects. */
#include <string.h>

#include "module/fixture.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static CK_OBJECT_CLASS classes[] = { 0,
				     CKO_CERTIFICATE,
				     CKO_PUBLIC_KEY,
				     CKO_PRIVATE_KEY,
				     CKO_SECRET_KEY,
				     CKO_HW_FEATURE,
				     CKO_DOMAIN_PARAMETERS,
				     CKO_MECHANISM,
				     CKO_OTP_KEY,
				     CKO_PROFILE };
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* P-081 */
static void
test_profiles(void **state)
{
	CK_ATTRIBUTE template[] = { { CKA_TOKEN, &yes, 1 },
				    { CKA_CLASS, &classes[CKO_PROFILE], sizeof(CK_OBJECT_CLASS) } };
	CK_SESSION_HANDLE session = mt_start();
	CK_OBJECT_HANDLE found[8];
	unsigned long before = mt_exchanges(MT_READER);

	(void)state;
	assert_int_equal(mt_find(session, template, 2, found, 8), 4);
	for (CK_ULONG i = 0; i < 4; i++)
		assert_int_equal(mt_get_ulong(session, found[i], CKA_PROFILE_ID), i + 1);
	assert_int_equal(mt_exchanges(MT_READER), before);
}

/* P-084: and the damaged certificate hides nothing but itself */
static void
test_what_is_seen(void **state)
{
	CK_SESSION_HANDLE session = mt_start();

	(void)state;
	assert_int_equal(mt_count(session, CKO_PUBLIC_KEY), 6);
	assert_int_equal(mt_count(session, CKO_CERTIFICATE), 2);
	assert_int_equal(mt_count(session, CKO_PRIVATE_KEY), 0);
	assert_rv(mt_login(session, MT_PIN), CKR_OK);
	assert_int_equal(mt_count(session, CKO_PUBLIC_KEY), 6);
	assert_int_equal(mt_count(session, CKO_CERTIFICATE), 2);
	assert_int_equal(mt_count(session, CKO_PRIVATE_KEY), 6);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

/* P-108 */
static void
test_empty_template(void **state)
{
	CK_ATTRIBUTE nothing[1];
	CK_SESSION_HANDLE session = mt_start();
	CK_OBJECT_HANDLE found[64];

	(void)state;
	assert_int_equal(mt_find(session, NULL, 0, found, 64), 4 + 6 + 2);
	assert_int_equal(mt_find(session, nothing, 0, found, 64), 4 + 6 + 2);
	assert_rv(mt->C_FindObjectsInit(session, NULL, 1), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_FindObjectsInit(session, NULL, (CK_ULONG)-1), CKR_ARGUMENTS_BAD);
	assert_rv(mt_login(session, MT_PIN), CKR_OK);
	assert_int_equal(mt_find(session, NULL, 0, found, 64), 4 + 6 + 2 + 6);
}

static void
test_empty_card(void **state)
{
	CK_OBJECT_HANDLE found[64];
	CK_SESSION_HANDLE session;

	(void)state;
	mt_remove(MT_READER);
	mt_insert(MT_READER, MT_EMPTY);
	session = mt_start_user();
	assert_int_equal(mt_find(session, NULL, 0, found, 64), 4);
	assert_int_equal(mt_count(session, CKO_PRIVATE_KEY), 0);
}

/* P-104: programs ask for these by the hundred */
static void
test_classes_that_no_card_has(void **state)
{
	static CK_OBJECT_CLASS absent[] = {
		CKO_SECRET_KEY, CKO_HW_FEATURE, CKO_DOMAIN_PARAMETERS, CKO_OTP_KEY, 0xB, 0xCE534353,
		0xCE534354,	0xD84447C8,	(CK_OBJECT_CLASS)-1
	};
	CK_SESSION_HANDLE session = mt_start();
	unsigned long before = mt_exchanges(MT_READER);
	CK_OBJECT_HANDLE found[1];
	CK_BYTE bytes[8] = { 1 };

	(void)state;
	for (size_t i = 0; i < COUNT(absent); i++) {
		CK_ATTRIBUTE template[] = { { CKA_ISSUER, bytes, sizeof(bytes) },
					    { CKA_CLASS, &absent[i], sizeof(absent[i]) },
					    { CKA_TOKEN, &yes, 1 } };

		assert_int_equal(mt_find(session, template, 3, found, 1), 0);
	}
	assert_int_equal(mt_exchanges(MT_READER), before);
}

/* P-109; and values of a length that the attribute cannot have match nothing */
static void
test_templates_that_match_nothing(void **state)
{
	CK_BYTE bytes[8] = { 1, 0, 0, 0, 0, 0, 0, 0 };
	CK_ATTRIBUTE templates[] = {
		{ 0x12345678, bytes, 8 },
		{ CKA_VENDOR_DEFINED | 1, NULL, 0 },
		{ CKA_CLASS, bytes, 4 },
		{ CKA_CLASS, NULL, 0 },
		{ CKA_TOKEN, bytes, 8 },
		{ CKA_TOKEN, &no, 1 },
		{ CKA_KEY_TYPE, bytes, 1 },
		{ CKA_LABEL, NULL, 0 },
		{ CKA_ID, NULL, 0 },
		{ CKA_PRIVATE_EXPONENT, bytes, 8 },
		{ CKA_MODULUS, bytes, 8 },
		{ CKA_VALUE, bytes, 8 },
		{ CKA_WRAP_TEMPLATE, templates, 48 },
		{ CKA_EXTRACTABLE, &yes, 1 },
		{ CKA_UNIQUE_ID, bytes, 1 },
	};
	CK_SESSION_HANDLE session = mt_start_user();
	CK_OBJECT_HANDLE found[1];

	(void)state;
	for (size_t i = 0; i < COUNT(templates); i++)
		assert_int_equal(mt_find(session, &templates[i], 1, found, 1), 0);
}

/* What real programs search by. */
static void
test_searches_of_clients(void **state)
{
	static CK_KEY_TYPE rsa = CKK_RSA, ec = CKK_EC;
	static CK_CERTIFICATE_TYPE x509 = CKC_X_509;
	static CK_BYTE id = 0;
	CK_ATTRIBUTE openssh[] = { { CKA_CLASS, &classes[CKO_PRIVATE_KEY], sizeof(CK_ULONG) },
				   { CKA_ID, &id, 1 },
				   { CKA_SIGN, &yes, 1 } };
	CK_ATTRIBUTE systemd[] = { { CKA_CLASS, &classes[CKO_PRIVATE_KEY], sizeof(CK_ULONG) },
				   { CKA_KEY_TYPE, &rsa, sizeof(rsa) },
				   { CKA_DECRYPT, &yes, 1 } };
	CK_ATTRIBUTE gnutls[] = { { CKA_CLASS, &classes[CKO_CERTIFICATE], sizeof(CK_ULONG) },
				  { CKA_CERTIFICATE_TYPE, &x509, sizeof(x509) },
				  { CKA_TRUSTED, &yes, 1 } };
	CK_ATTRIBUTE strongswan[] = { { CKA_CLASS, &classes[CKO_PUBLIC_KEY], sizeof(CK_ULONG) },
				      { CKA_KEY_TYPE, &ec, sizeof(ec) } };
	CK_SESSION_HANDLE session = mt_start_user();
	CK_OBJECT_HANDLE found[8];

	(void)state;
	assert_int_equal(mt_find(session, openssh, 3, found, 8), 1);
	assert_int_equal(mt_find(session, systemd, 3, found, 8), 2);
	assert_int_equal(mt_find(session, gnutls, 3, found, 8), 0);
	gnutls[2].pValue = &no;
	assert_int_equal(mt_find(session, gnutls, 3, found, 8), 2);
	assert_int_equal(mt_find(session, strongswan, 2, found, 8), 3);
}

/* P-095, P-096 */
static void
test_certificates_by_their_parts(void **state)
{
	static const CK_ATTRIBUTE_TYPE types[] = { CKA_VALUE, CKA_SUBJECT, CKA_ISSUER, CKA_SERIAL_NUMBER, CKA_LABEL };
	CK_SESSION_HANDLE session = mt_start();
	CK_OBJECT_HANDLE cert = mt_object(session, CKO_CERTIFICATE, 2), found[8];
	CK_BYTE values[COUNT(types)][2048];
	CK_ATTRIBUTE template[COUNT(types)], class = { CKA_CLASS, &classes[CKO_CERTIFICATE], sizeof(CK_ULONG) };

	(void)state;
	for (size_t i = 0; i < COUNT(types); i++) {
		size_t len = mt_get(session, cert, types[i], values[i], sizeof(values[i]));
		CK_ATTRIBUTE both[] = { { types[i], values[i], len }, class };

		template[i] = both[0];
		/* one authority has issued both, under one number */
		assert_int_equal(mt_find(session, both, 2, found, 8),
				 types[i] == CKA_ISSUER || types[i] == CKA_SERIAL_NUMBER ? 2 : 1);
	}
	assert_int_equal(mt_find(session, template, COUNT(types), found, 8), 1);
	assert_true(found[0] == cert);
}

/* A search by class and ID, as clients go from a certificate to its key, looks into nothing else. */
static void
test_search_reads_no_more_than_needed(void **state)
{
	CK_SESSION_HANDLE session = mt_start();
	unsigned long before;

	(void)state;
	(void)mt_object(session, CKO_PUBLIC_KEY, 1); /* container map and freshness are read */
	before = mt_exchanges(MT_READER);
	(void)mt_object(session, CKO_PUBLIC_KEY, 3);
	(void)mt_object(session, CKO_PUBLIC_KEY, 4);
	assert_int_equal(mt_exchanges(MT_READER), before);
}

/* P-105 */
static void
test_search_state(void **state)
{
	CK_SESSION_HANDLE session = mt_start();
	CK_OBJECT_HANDLE found;
	CK_ULONG count;

	(void)state;
	assert_rv(mt->C_FindObjects(session, &found, 1, &count), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt->C_FindObjectsFinal(session), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt->C_FindObjectsInit(session, NULL, 0), CKR_OK);
	assert_rv(mt->C_FindObjectsInit(session, NULL, 0), CKR_OPERATION_ACTIVE);
	assert_rv(mt->C_FindObjects(session, NULL, 1, &count), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_FindObjects(session, &found, 1, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_FindObjects(session, &found, 1, &count), CKR_OK);
	assert_int_equal(count, 1);
	assert_rv(mt->C_FindObjectsFinal(session), CKR_OK);
	assert_rv(mt->C_FindObjects(session, &found, 1, &count), CKR_OPERATION_NOT_INITIALIZED);
}

/* P-106, P-107 */
static void
test_one_at_a_time(void **state)
{
	CK_SESSION_HANDLE session = mt_start();
	CK_OBJECT_HANDLE all[64], one;
	CK_ULONG count = 1;
	size_t n = mt_find(session, NULL, 0, all, 64), seen = 0;

	(void)state;
	assert_rv(mt->C_FindObjectsInit(session, NULL, 0), CKR_OK);
	assert_rv(mt->C_FindObjects(session, NULL, 0, &count), CKR_OK);
	assert_int_equal(count, 0);
	for (;;) {
		assert_rv(mt->C_FindObjects(session, &one, 1, &count), CKR_OK);
		if (count == 0)
			break;
		/* the same handles as before, each once */
		assert_true(seen < n && one == all[seen++]);
		(void)mt_get_ulong(session, one, CKA_CLASS);
	}
	assert_int_equal(seen, n);
	assert_rv(mt->C_FindObjects(session, &one, 1, &count), CKR_OK);
	assert_int_equal(count, 0);
	assert_rv(mt->C_FindObjectsFinal(session), CKR_OK);
}

/* P-107 */
static void
test_sign_during_search(void **state)
{
	CK_MECHANISM mechanism = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_SESSION_HANDLE session = mt_start_user();
	CK_OBJECT_HANDLE key = mt_object(session, CKO_PRIVATE_KEY, 0), one;
	CK_BYTE signature[256], data[] = { 1 };
	CK_ULONG len = sizeof(signature), count;

	(void)state;
	assert_rv(mt->C_FindObjectsInit(session, NULL, 0), CKR_OK);
	assert_rv(mt->C_SignInit(session, &mechanism, key), CKR_OK);
	assert_rv(mt->C_Sign(session, data, 1, signature, &len), CKR_OK);
	assert_rv(mt->C_FindObjects(session, &one, 1, &count), CKR_OK);
	assert_int_equal(count, 1);
}

/* P-110 */
static void
test_handles(void **state)
{
	static const CK_OBJECT_HANDLE wrong[] = { 0, 77777, (CK_OBJECT_HANDLE)-1 };
	CK_SESSION_HANDLE first = mt_start(), second = mt_open(0);
	CK_OBJECT_HANDLE copy, cert = mt_object(first, CKO_CERTIFICATE, 0);
	CK_ATTRIBUTE attribute = { CKA_CLASS, NULL, 0 };
	CK_ULONG size;

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_rv(mt_ask(first, wrong[i], CKA_CLASS), CKR_OBJECT_HANDLE_INVALID);
		assert_rv(mt->C_GetObjectSize(first, wrong[i], &size), CKR_OBJECT_HANDLE_INVALID);
		assert_rv(mt->C_DestroyObject(first, wrong[i]), CKR_OBJECT_HANDLE_INVALID);
		assert_rv(mt->C_SetAttributeValue(first, wrong[i], &attribute, 1), CKR_OBJECT_HANDLE_INVALID);
		assert_rv(mt->C_CopyObject(first, wrong[i], NULL, 0, &copy), CKR_OBJECT_HANDLE_INVALID);
	}
	assert_true(mt_object(second, CKO_CERTIFICATE, 0) == cert);
	assert_rv(mt->C_CloseSession(first), CKR_OK);
	assert_true(mt_object(second, CKO_CERTIFICATE, 0) == cert);
}

/* Handles of one token mean nothing on another, and none is given out twice. */
static void
test_handles_of_two_tokens(void **state)
{
	CK_SESSION_HANDLE alice, bob;
	CK_OBJECT_HANDLE before, after;

	(void)state;
	mt_add_reader(MT_OTHER_READER);
	mt_insert(MT_OTHER_READER, MT_BOB);
	alice = mt_start();
	assert_rv(mt->C_OpenSession(2, CKF_SERIAL_SESSION, NULL, NULL, &bob), CKR_OK);
	before = mt_object(alice, CKO_CERTIFICATE, 0);
	after = mt_object(bob, CKO_CERTIFICATE, 0);
	assert_true(before != after);
	assert_rv(mt_ask(bob, before, CKA_VALUE), CKR_OBJECT_HANDLE_INVALID);
	assert_rv(mt_ask(alice, after, CKA_VALUE), CKR_OBJECT_HANDLE_INVALID);
	mt_remove(MT_READER);
	mt_insert(MT_READER, MT_ALICE);
	alice = mt_open(0);
	after = mt_object(alice, CKO_CERTIFICATE, 0);
	assert_true(after != before);
	assert_rv(mt_ask(alice, before, CKA_VALUE), CKR_OBJECT_HANDLE_INVALID);
}

/* What a session that only reads is told when it destroys, changes or copies an object of the card. */
static void
assert_stays(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	CK_ATTRIBUTE label = { CKA_LABEL, (void *)(uintptr_t) "new", 3 }, id = { CKA_UNIQUE_ID, &yes, 1 };
	CK_OBJECT_CLASS class = mt_get_ulong(session, object, CKA_CLASS);
	CK_RV refusal = class == CKO_PROFILE ? CKR_ACTION_PROHIBITED : CKR_SESSION_READ_ONLY;
	CK_OBJECT_HANDLE made;

	assert_rv(mt->C_DestroyObject(session, object), refusal);
	assert_rv(mt->C_SetAttributeValue(session, object, &label, 1), refusal);
	assert_rv(mt->C_SetAttributeValue(session, object, &id, 1), CKR_ATTRIBUTE_READ_ONLY);
	assert_rv(mt->C_SetAttributeValue(session, object, NULL, 1), CKR_ARGUMENTS_BAD);
	/* P-115: for the others the copy would be the card's as well */
	assert_rv(mt->C_CopyObject(session, object, NULL, 0, &made),
		  mt_get_bool(session, object, CKA_COPYABLE) ? CKR_SESSION_READ_ONLY : CKR_ACTION_PROHIBITED);
	assert_rv(mt->C_CopyObject(session, object, &id, 1, &made), CKR_ATTRIBUTE_READ_ONLY);
	assert_rv(mt->C_CopyObject(session, object, NULL, 0, NULL), CKR_ARGUMENTS_BAD);
}

/* P-082, P-086, P-115: and what is not offered says so */
static void
test_nothing_is_changed(void **state)
{
	CK_ATTRIBUTE label = { CKA_LABEL, (void *)(uintptr_t) "new", 3 };
	CK_SESSION_HANDLE session = mt_start_user();
	CK_OBJECT_HANDLE objects[64], made;
	size_t n = mt_find(session, NULL, 0, objects, 64);

	(void)state;
	for (size_t i = 0; i < n; i++)
		assert_stays(session, objects[i]);
	assert_rv(mt->C_CreateObject(session, &label, 1, &made), CKR_TEMPLATE_INCOMPLETE);
	assert_rv(mt->C_CreateObject(session, NULL, 1, &made), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_CreateObject(session, &label, 1, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(mt_find(session, NULL, 0, objects, 64), n);
}

static void
test_sizes(void **state)
{
	CK_SESSION_HANDLE session = mt_start();
	CK_OBJECT_HANDLE objects[64], cert = mt_object(session, CKO_CERTIFICATE, 0);
	CK_BYTE value[2048];
	CK_ULONG size = 0;
	size_t n = mt_find(session, NULL, 0, objects, 64);

	(void)state;
	assert_rv(mt->C_GetObjectSize(session, cert, NULL), CKR_ARGUMENTS_BAD);
	for (size_t i = 0; i < n; i++) {
		assert_rv(mt->C_GetObjectSize(session, objects[i], &size), CKR_OK);
		assert_true(size > 0 && size < 65536);
	}
	assert_rv(mt->C_GetObjectSize(session, cert, &size), CKR_OK);
	assert_true(size >= mt_get(session, cert, CKA_VALUE, value, sizeof(value)));
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_profiles),
		TEST(test_what_is_seen),
		TEST(test_empty_template),
		TEST(test_empty_card),
		TEST(test_classes_that_no_card_has),
		TEST(test_templates_that_match_nothing),
		TEST(test_searches_of_clients),
		TEST(test_certificates_by_their_parts),
		TEST(test_search_reads_no_more_than_needed),
		TEST(test_search_state),
		TEST(test_one_at_a_time),
		TEST(test_sign_during_search),
		TEST(test_handles),
		TEST(test_handles_of_two_tokens),
		TEST(test_nothing_is_changed),
		TEST(test_sizes),
	};

	return cmocka_run_group_tests_name("objects", tests, mt_load, mt_unload);
}
