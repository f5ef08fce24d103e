/* SPDX-License-Identifier: BSD-2-Clause */
/* Slots, tokens and mechanisms: lists, texts, flags, and cards that come and go. */
#include <stdlib.h>
#include <string.h>

#include "base/utf16.h"
#include "module/fixture.h"

static CK_ULONG
slot_count(CK_BBOOL present)
{
	CK_ULONG count = 0;

	assert_rv(mt->C_GetSlotList(present, NULL, &count), CKR_OK);
	return count;
}

/* P-024 */
static void
test_list_arguments(void **state)
{
	CK_SLOT_ID ids[4] = { 0 };
	CK_ULONG count;

	(void)state;
	mt_add_reader(MT_OTHER_READER);
	mt_initialize();
	assert_rv(mt->C_GetSlotList(CK_FALSE, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(slot_count(CK_FALSE), 2);
	count = 1;
	assert_rv(mt->C_GetSlotList(CK_FALSE, ids, &count), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(count, 2);
	count = 4;
	assert_rv(mt->C_GetSlotList(CK_FALSE, ids, &count), CKR_OK);
	assert_int_equal(count, 2);
	assert_int_equal(ids[0], 1);
	assert_int_equal(ids[1], 2);
	assert_int_equal(ids[2], 0);
}

/* P-025 */
static void
test_new_reader_waits_for_the_count(void **state)
{
	CK_SLOT_ID ids[4];
	CK_ULONG count = 4;
	CK_SLOT_INFO info;

	(void)state;
	mt_initialize();
	mt_add_reader(MT_OTHER_READER);
	assert_rv(mt->C_GetSlotList(CK_FALSE, ids, &count), CKR_OK);
	assert_int_equal(count, 1);
	assert_rv(mt->C_GetSlotInfo(2, &info), CKR_SLOT_ID_INVALID);
	assert_int_equal(slot_count(CK_FALSE), 2);
	assert_rv(mt->C_GetSlotInfo(2, &info), CKR_OK);
}

/* P-026 */
static void
test_slots_stay(void **state)
{
	CK_SLOT_INFO info;

	(void)state;
	mt_initialize();
	mt_remove_reader(MT_READER);
	mt_add_reader(MT_OTHER_READER);
	assert_int_equal(slot_count(CK_FALSE), 2);
	assert_int_equal(slot_count(CK_TRUE), 0);
	assert_rv(mt->C_GetSlotInfo(1, &info), CKR_OK);
	assert_memory_equal(info.slotDescription, MT_READER, strlen(MT_READER));
	assert_int_equal(info.flags & CKF_TOKEN_PRESENT, 0);
	/* and its slot is taken again when the reader comes back */
	mt_add_reader(MT_READER);
	mt_insert(MT_READER, MT_ALICE);
	assert_int_equal(slot_count(CK_FALSE), 2);
	assert_rv(mt_login(mt_open(0), MT_PIN), CKR_OK);
}

/* P-027 */
static void
test_only_slots_with_tokens(void **state)
{
	CK_SLOT_ID ids[4];
	CK_ULONG count = 4;

	(void)state;
	mt_add_reader(MT_OTHER_READER);
	mt_initialize();
	assert_int_equal(slot_count(CK_TRUE), 1);
	mt_remove(MT_READER);
	mt_insert(MT_OTHER_READER, MT_BOB);
	assert_rv(mt->C_GetSlotList(2, ids, &count), CKR_OK);
	assert_int_equal(count, 1);
	assert_int_equal(ids[0], 2);
}

/* P-028 */
static void
test_no_such_slot(void **state)
{
	static const CK_SLOT_ID wrong[] = { 0, 2, 88888, (CK_SLOT_ID)-1 };
	CK_SESSION_HANDLE session;
	CK_UTF8CHAR label[32] = { 0 };
	CK_MECHANISM_INFO mechanism;
	CK_TOKEN_INFO token;
	CK_SLOT_INFO slot;
	CK_ULONG n = 0;

	(void)state;
	mt_initialize();
	for (size_t i = 0; i < 4; i++) {
		CK_SLOT_ID id = wrong[i];

		assert_rv(mt->C_GetSlotInfo(id, &slot), CKR_SLOT_ID_INVALID);
		assert_rv(mt->C_GetTokenInfo(id, &token), CKR_SLOT_ID_INVALID);
		assert_rv(mt->C_GetMechanismList(id, NULL, &n), CKR_SLOT_ID_INVALID);
		assert_rv(mt->C_GetMechanismInfo(id, CKM_RSA_PKCS, &mechanism), CKR_SLOT_ID_INVALID);
		assert_rv(mt->C_OpenSession(id, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_SLOT_ID_INVALID);
		assert_rv(mt->C_CloseAllSessions(id), CKR_SLOT_ID_INVALID);
		assert_rv(mt->C_InitToken(id, label, 0, label), CKR_SLOT_ID_INVALID);
	}
}

static void
assert_padded(const CK_UTF8CHAR *field, size_t size, const char *text)
{
	size_t len = strlen(text);

	assert_true(len <= size);
	assert_memory_equal(field, text, len);
	for (size_t i = len; i < size; i++)
		assert_int_equal(field[i], ' ');
}

/* P-029 */
static void
test_slot_info(void **state)
{
	CK_SLOT_INFO info;
	unsigned long before;

	(void)state;
	mt_initialize();
	before = mt_exchanges(MT_READER);
	assert_rv(mt->C_GetSlotInfo(1, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_GetSlotInfo(1, &info), CKR_OK);
	assert_padded(info.slotDescription, sizeof(info.slotDescription), MT_READER);
	assert_int_equal(info.flags, CKF_TOKEN_PRESENT | CKF_REMOVABLE_DEVICE | CKF_HW_SLOT);
	mt_remove(MT_READER);
	assert_rv(mt->C_GetSlotInfo(1, &info), CKR_OK);
	assert_int_equal(info.flags, CKF_REMOVABLE_DEVICE | CKF_HW_SLOT);
	assert_int_equal(mt_exchanges(MT_READER), before);
	mt_insert(MT_READER, MT_ALICE);
	assert_rv(mt->C_GetSlotInfo(1, &info), CKR_OK);
	assert_int_equal(info.flags, CKF_TOKEN_PRESENT | CKF_REMOVABLE_DEVICE | CKF_HW_SLOT);
}

/* A reader's name may be longer than the field, and in any script. */
static void
test_long_reader_name(void **state)
{
	static const char name[] =
		"Lesegerät für Ausweise mit einem sehr langen Namen, der länger ist als das Feld 00 00";
	CK_SLOT_INFO info;

	(void)state;
	mt_remove_reader(MT_READER);
	mt_add_reader(name);
	mt_initialize();
	assert_rv(mt->C_GetSlotInfo(1, &info), CKR_OK);
	assert_memory_equal(info.slotDescription, name, sizeof(info.slotDescription) - 1);
	/* the 64th byte would be the first half of a character */
	assert_true(info.slotDescription[63] == ' ' || info.slotDescription[63] < 0x80);
}

/* P-030 */
static void
test_empty_slot(void **state)
{
	CK_SESSION_HANDLE session;
	CK_MECHANISM_INFO mechanism;
	CK_TOKEN_INFO info;
	CK_ULONG n = 0;

	(void)state;
	mt_remove(MT_READER);
	mt_initialize();
	assert_rv(mt->C_GetTokenInfo(1, &info), CKR_TOKEN_NOT_PRESENT);
	assert_rv(mt->C_GetMechanismList(1, NULL, &n), CKR_TOKEN_NOT_PRESENT);
	assert_rv(mt->C_GetMechanismInfo(1, CKM_RSA_PKCS, &mechanism), CKR_TOKEN_NOT_PRESENT);
	assert_rv(mt->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_TOKEN_NOT_PRESENT);
	assert_rv(mt->C_CloseAllSessions(1), CKR_OK);
}

/* P-031: and the other slot is not hidden by it */
static void
test_unknown_card(void **state)
{
	CK_SESSION_HANDLE session;
	CK_TOKEN_INFO token;
	CK_SLOT_INFO slot;
	unsigned long before;

	(void)state;
	mt_add_reader(MT_OTHER_READER);
	mt_insert(MT_OTHER_READER, MT_BOB);
	mt_remove(MT_READER);
	mt_insert(MT_READER, MT_FOREIGN);
	mt_arm(MT_READER, "*:sw=6A82");
	mt_initialize();
	assert_rv(mt->C_GetSlotInfo(1, &slot), CKR_OK);
	assert_true((slot.flags & CKF_TOKEN_PRESENT) != 0);
	assert_rv(mt->C_GetTokenInfo(1, &token), CKR_TOKEN_NOT_RECOGNIZED);
	before = mt_exchanges(MT_READER);
	assert_rv(mt->C_GetTokenInfo(1, &token), CKR_TOKEN_NOT_RECOGNIZED);
	assert_rv(mt->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_TOKEN_NOT_RECOGNIZED);
	assert_int_equal(mt_exchanges(MT_READER), before);
	assert_rv(mt->C_GetTokenInfo(2, &token), CKR_OK);
}

/* A card that nobody has formatted yet says so, and nobody can log in to it. */
static void
test_blank_card(void **state)
{
	CK_OBJECT_HANDLE found[8];
	CK_SESSION_HANDLE session;
	CK_TOKEN_INFO token;

	(void)state;
	mt_remove(MT_READER);
	mt_insert(MT_READER, MT_BLANK);
	mt_initialize();
	assert_rv(mt->C_GetTokenInfo(1, &token), CKR_OK);
	assert_int_equal(token.flags & (CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED), 0);
	assert_padded(token.serialNumber, sizeof(token.serialNumber), "");
	session = mt_open(0);
	assert_rv(mt_login(session, MT_PIN), CKR_USER_PIN_NOT_INITIALIZED);
	assert_int_equal(mt_find(session, NULL, 0, found, 8), 4); /* profiles */
}

static void
assert_text(const CK_UTF8CHAR *field, size_t size)
{
	char text[65] = "";
	uint16_t units[64];
	size_t n;

	assert_true(size < sizeof(text));
	memcpy(text, field, size);
	assert_true(field[0] != ' ');
	for (size_t i = 0; i < size; i++)
		assert_true(field[i] >= ' ');
	assert_true(utf8_to_utf16(text, units, 64, &n));
}

/* P-032, P-033, P-034 */
static void
test_token_info(void **state)
{
	CK_TOKEN_INFO info;

	(void)state;
	mt_initialize();
	assert_rv(mt->C_GetTokenInfo(1, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_GetTokenInfo(1, &info), CKR_OK);
	assert_text(info.label, sizeof(info.label));
	assert_text(info.manufacturerID, sizeof(info.manufacturerID));
	assert_text(info.model, sizeof(info.model));
	assert_text(info.serialNumber, sizeof(info.serialNumber));
	for (size_t i = 0; i < sizeof(info.serialNumber); i++)
		assert_true(strchr("0123456789abcdefABCDEF", info.serialNumber[i]) != NULL);
	assert_int_equal(info.flags, CKF_RNG | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED | CKF_TOKEN_INITIALIZED);
	assert_int_equal(info.ulMaxSessionCount, 0);
	assert_int_equal(info.ulMaxRwSessionCount, 0);
	assert_int_equal(info.ulTotalPublicMemory, (CK_ULONG)-1);
	assert_int_equal(info.ulFreePublicMemory, (CK_ULONG)-1);
	assert_int_equal(info.ulTotalPrivateMemory, (CK_ULONG)-1);
	assert_int_equal(info.ulFreePrivateMemory, (CK_ULONG)-1);
	assert_padded(info.utcTime, sizeof(info.utcTime), "");
	assert_true(info.ulMinPinLen >= 4 && info.ulMinPinLen <= 8);
	assert_true(info.ulMaxPinLen >= 48);
}

static void
assert_same_token(const CK_TOKEN_INFO *a, const CK_TOKEN_INFO *b, bool same)
{
	assert_memory_equal(a->manufacturerID, b->manufacturerID, sizeof(a->manufacturerID));
	assert_memory_equal(a->model, b->model, sizeof(a->model));
	if (same) {
		assert_memory_equal(a->label, b->label, sizeof(a->label));
		assert_memory_equal(a->serialNumber, b->serialNumber, sizeof(a->serialNumber));
	} else {
		assert_memory_not_equal(a->serialNumber, b->serialNumber, sizeof(a->serialNumber));
	}
}

/* P-032, P-036 */
static void
test_token_identity(void **state)
{
	CK_TOKEN_INFO alice, bob, again;

	(void)state;
	mt_add_reader(MT_OTHER_READER);
	mt_insert(MT_OTHER_READER, MT_BOB);
	mt_initialize();
	assert_rv(mt->C_GetTokenInfo(1, &alice), CKR_OK);
	assert_rv(mt->C_GetTokenInfo(2, &bob), CKR_OK);
	assert_same_token(&alice, &bob, false);
	mt_remove(MT_READER);
	mt_remove(MT_OTHER_READER);
	mt_insert(MT_OTHER_READER, MT_ALICE);
	assert_rv(mt->C_GetTokenInfo(2, &again), CKR_OK);
	assert_same_token(&alice, &again, true);
}

/* Nothing is exchanged where memory knows the answer. */
static void
test_token_info_costs_once(void **state)
{
	CK_MECHANISM_TYPE list[64];
	unsigned long before;
	CK_TOKEN_INFO info;
	CK_ULONG n = 64;

	(void)state;
	mt_initialize();
	assert_int_equal(slot_count(CK_TRUE), 1);
	assert_int_equal(mt_exchanges(MT_READER), 0);
	assert_rv(mt->C_GetTokenInfo(1, &info), CKR_OK);
	before = mt_exchanges(MT_READER);
	assert_rv(mt->C_GetTokenInfo(1, &info), CKR_OK);
	assert_rv(mt->C_GetMechanismList(1, list, &n), CKR_OK);
	(void)mt_open(0);
	assert_rv(mt->C_GetTokenInfo(1, &info), CKR_OK);
	assert_int_equal(info.ulSessionCount, 1);
	assert_int_equal(info.ulRwSessionCount, 0);
	(void)mt_open(CKF_RW_SESSION);
	assert_rv(mt->C_GetTokenInfo(1, &info), CKR_OK);
	assert_int_equal(info.ulSessionCount, 2);
	assert_int_equal(info.ulRwSessionCount, 1);
	assert_int_equal(mt_exchanges(MT_READER), before);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

/* All numbers of the standard: what is not in the list is no mechanism. */
static void
assert_no_others(const CK_MECHANISM_TYPE *list, CK_ULONG count)
{
	CK_MECHANISM_INFO info;
	CK_ULONG known = 0;

	for (CK_MECHANISM_TYPE type = 0; type < 0x4100; type++) {
		bool listed = false;

		for (CK_ULONG i = 0; i < count; i++)
			listed = listed || list[i] == type;
		if (mt->C_GetMechanismInfo(1, type, &info) != (listed ? CKR_OK : CKR_MECHANISM_INVALID))
			fail_msg("mechanism 0x%lX", type);
		known += listed;
	}
	assert_int_equal(known, count); /* each once, and none of a vendor */
}

/* P-041 */
static void
test_mechanisms(void **state)
{
	CK_MECHANISM_TYPE list[64];
	CK_MECHANISM_INFO info;
	CK_ULONG count = 0, few = 1;

	(void)state;
	mt_initialize();
	assert_rv(mt->C_GetMechanismList(1, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_GetMechanismList(1, NULL, &count), CKR_OK);
	assert_true(count > 1 && count <= 64);
	assert_rv(mt->C_GetMechanismList(1, list, &few), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(few, count);
	assert_rv(mt->C_GetMechanismList(1, list, &count), CKR_OK);
	for (CK_ULONG i = 0; i < count; i++) {
		assert_rv(mt->C_GetMechanismInfo(1, list[i], &info), CKR_OK);
		assert_true(info.ulMinKeySize <= info.ulMaxKeySize);
	}
	assert_rv(mt->C_GetMechanismInfo(1, list[0], NULL), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_GetMechanismInfo(1, CKM_VENDOR_DEFINED + 1, &info), CKR_MECHANISM_INVALID);
	assert_no_others(list, count);
}

/* P-078 */
static void
test_init_token(void **state)
{
	CK_UTF8CHAR label[32], pin[] = "000102030405060708090a0b0c0d0e0f0001020304050607";

	(void)state;
	memset(label, ' ', sizeof(label));
	mt_initialize();
	assert_rv(mt->C_InitToken(1, pin, 48, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_InitToken(1, NULL, 48, label), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_InitToken(1, pin, 48, label), CKR_PIN_INCORRECT);
	(void)mt_open(0);
	assert_rv(mt->C_InitToken(1, pin, 48, label), CKR_SESSION_EXISTS);
}

/* The service may stop and come back; the token is there again, its old sessions are not */
static void
test_service_restart(void **state)
{
	CK_SESSION_HANDLE session;
	CK_SESSION_INFO info;
	CK_SLOT_INFO slot;
	CK_RV rv;

	(void)state;
	session = mt_start_user();
	assert_rv(mt_sign(session), CKR_OK);
	mt_stop_service();
	assert_rv(mt->C_GetSlotInfo(1, &slot), CKR_OK);
	assert_int_equal(slot.flags & CKF_TOKEN_PRESENT, 0);
	rv = mt_sign(session);
	assert_true(rv == CKR_DEVICE_REMOVED || rv == CKR_SESSION_HANDLE_INVALID);
	mt_start_service();
	assert_rv(mt->C_GetSlotInfo(1, &slot), CKR_OK);
	assert_true((slot.flags & CKF_TOKEN_PRESENT) != 0);
	assert_rv(mt->C_GetSessionInfo(session, &info), CKR_SESSION_HANDLE_INVALID);
	session = mt_open(0);
	assert_rv(mt_login(session, MT_PIN), CKR_OK);
	assert_rv(mt_sign(session), CKR_OK);
}

/* The same without anybody looking in between. */
static void
test_service_restart_unnoticed(void **state)
{
	CK_SESSION_HANDLE session = mt_start_user();
	CK_RV rv;

	(void)state;
	assert_rv(mt_sign(session), CKR_OK);
	mt_stop_service();
	mt_start_service();
	rv = mt_sign(session);
	assert_true(rv == CKR_DEVICE_REMOVED || rv == CKR_SESSION_HANDLE_INVALID);
	assert_rv(mt_sign(session), CKR_SESSION_HANDLE_INVALID);
	session = mt_open(0);
	assert_rv(mt_login(session, MT_PIN), CKR_OK);
	assert_rv(mt_sign(session), CKR_OK);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_list_arguments),
		TEST(test_new_reader_waits_for_the_count),
		TEST(test_slots_stay),
		TEST(test_only_slots_with_tokens),
		TEST(test_no_such_slot),
		TEST(test_slot_info),
		TEST(test_long_reader_name),
		TEST(test_empty_slot),
		TEST(test_unknown_card),
		TEST(test_blank_card),
		TEST(test_token_info),
		TEST(test_token_identity),
		TEST(test_token_info_costs_once),
		TEST(test_mechanisms),
		TEST(test_init_token),
		TEST(test_service_restart),
		TEST(test_service_restart_unnoticed),
	};

	return cmocka_run_group_tests_name("slots", tests, mt_load, mt_unload);
}
