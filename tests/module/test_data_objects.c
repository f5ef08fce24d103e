/* SPDX-License-Identifier: BSD-2-Clause */
/* Data objects: files that applications keep on the card, for everybody and for the user alone. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "module/fixture.h"
#include "vcard/engine.h"
#include "vcard/perso.h"

#define TABLE 0xDF1Fu
#define SECRET 0xDF7Eu
#define TABLE_FILE 0xA000u
#define USER_FILE 0xA013u

static CK_OBJECT_CLASS data_class = CKO_DATA, key_class = CKO_PUBLIC_KEY;

/* A record of the file table for app1\secret, which only the user may read. */
static const uint8_t secret_record[] = { 'a', 'p', 'p', '1', 0, 0, 0,	 0,    0, 's', 'e',  'c',  'r', 'e',
					 't', 0,   0,	0,   0, 0, 0x7E, 0xDF, 0, 0,   0x13, 0xA0, 0,	0 };

static void
add_secret(struct vcard *card)
{
	static const uint8_t get[4] = { 0x00, 0xCB, 0xA0, 0x00 }, tags[] = { 0x5C, 0x02, 0xDF, 0x1F };
	AUTO_BUF struct buf table = BUF_INIT, answer = BUF_INIT;
	struct cursor value;
	uint8_t len = 0;

	assert_int_equal(vcard_perso_send(card, get, cur_of(tags, sizeof(tags)), true, &answer), 0x9000);
	value = buf_cur(&answer);
	assert_true(cur_skip(&value, 2) && cur_u8(&value, &len));
	assert_true(cur_skip(&value, len < 0x80 ? 0 : len & 0x7Fu));
	buf_put_cur(&table, value);
	buf_put(&table, secret_record, sizeof(secret_record));
	assert_int_equal(vcard_raw_put(card, TABLE_FILE, TABLE, buf_cur(&table)), 0);
	assert_int_equal(vcard_raw_put(card, USER_FILE, SECRET, cur_of("hush", 4)), 0);
}

/* Bob's card with app1\note, app1\secret and a directory whose name is none. */
static void
insert_card(void)
{
	struct vcard *card;

	mt_remove(MT_READER);
	mt_insert(MT_READER, MT_BOB);
	card = vcard_open(mt_path("cards/%d", MT_BOB));
	assert_non_null(card);
	assert_int_equal(vcard_perso_put(card, MT_PIN, "", "cardapps",
					 cur_of("mscp\0\0\0\0app1\0\0\0\0\xFF\xFE*\0\0\0\0\0app1\0\0\0\0a", 33)),
			 0);
	assert_int_equal(vcard_perso_put(card, MT_PIN, "app1", "note", cur_of("hello", 5)), 0);
	add_secret(card);
	vcard_reset(card);
	assert_int_equal(vcard_save(card), 0);
	vcard_close(card);
}

static CK_OBJECT_HANDLE
find_label(CK_SESSION_HANDLE session, const char *label)
{
	char copy[9];
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &data_class, sizeof(data_class) },
				    { CKA_LABEL, copy, strlen(label) } };
	CK_OBJECT_HANDLE found[4] = { 0 };

	(void)snprintf(copy, sizeof(copy), "%s", label);
	assert_int_equal(mt_find(session, template, 2, found, 4), 1);
	return found[0];
}

static void
assert_text(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, const char *expected)
{
	char value[64];

	assert_int_equal(mt_get(session, object, type, value, sizeof(value)), strlen(expected));
	assert_memory_equal(value, expected, strlen(expected));
}

static void
test_public_file(void **state)
{
	char other[] = "other";
	CK_ATTRIBUTE label = { CKA_LABEL, other, 5 };
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE note;

	(void)state;
	insert_card();
	session = mt_start();
	assert_int_equal(mt_count(session, CKO_DATA), 1);
	note = find_label(session, "note");
	assert_text(session, note, CKA_APPLICATION, "app1");
	assert_text(session, note, CKA_VALUE, "hello");
	assert_text(session, note, CKA_OBJECT_ID, "");
	assert_text(session, note, CKA_UNIQUE_ID, "data-app1-note");
	assert_true(mt_get_bool(session, note, CKA_TOKEN));
	assert_false(mt_get_bool(session, note, CKA_PRIVATE));
	assert_true(mt_get_bool(session, note, CKA_MODIFIABLE));
	assert_rv(mt_ask(session, note, CKA_ID), CKR_ATTRIBUTE_TYPE_INVALID);
	assert_rv(mt->C_SetAttributeValue(session, note, &label, 1), CKR_SESSION_READ_ONLY);
	assert_rv(mt->C_DestroyObject(session, note), CKR_SESSION_READ_ONLY);
}

/* A copy in memory is the session's to change; that of a private file ends with the login. */
static void
test_copies(void **state)
{
	CK_BBOOL no = CK_FALSE;
	char other[] = "other";
	CK_ATTRIBUTE copied[] = { { CKA_TOKEN, &no, 1 }, { CKA_PRIVATE, &no, 1 } }, label = { CKA_LABEL, other, 5 };
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE note, secret;

	(void)state;
	insert_card();
	session = mt_start_user();
	assert_true(mt_get_bool(session, find_label(session, "note"), CKA_COPYABLE));
	assert_rv(mt->C_CopyObject(session, find_label(session, "secret"), copied, 2, &secret),
		  CKR_TEMPLATE_INCONSISTENT);
	assert_rv(mt->C_CopyObject(session, find_label(session, "secret"), copied, 1, &secret), CKR_OK);
	assert_rv(mt->C_CopyObject(session, find_label(session, "note"), copied, 1, &note), CKR_OK);
	assert_text(session, note, CKA_VALUE, "hello");
	assert_text(session, note, CKA_APPLICATION, "app1");
	assert_text(session, secret, CKA_VALUE, "hush");
	assert_false(mt_get_bool(session, note, CKA_TOKEN));
	assert_true(mt_get_bool(session, note, CKA_MODIFIABLE));
	assert_rv(mt->C_SetAttributeValue(session, note, &label, 1), CKR_OK);
	assert_text(session, note, CKA_LABEL, "other");
	assert_rv(mt->C_Logout(session), CKR_OK);
	assert_rv(mt_ask(session, secret, CKA_VALUE), CKR_OBJECT_HANDLE_INVALID);
	assert_rv(mt->C_DestroyObject(session, note), CKR_OK);
	assert_int_equal(mt_count(session, CKO_DATA), 1);
}

static void
test_file_of_the_user(void **state)
{
	CK_OBJECT_HANDLE note, secret;
	CK_SESSION_HANDLE session;

	(void)state;
	insert_card();
	session = mt_start();
	note = find_label(session, "note");
	assert_rv(mt_login(session, MT_PIN), CKR_OK);
	assert_int_equal(mt_count(session, CKO_DATA), 2);
	secret = find_label(session, "secret");
	assert_true(mt_get_bool(session, secret, CKA_PRIVATE));
	assert_text(session, secret, CKA_VALUE, "hush");
	assert_rv(mt->C_Logout(session), CKR_OK);
	assert_rv(mt_ask(session, secret, CKA_VALUE), CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(mt_count(session, CKO_DATA), 1);
	assert_int_equal(find_label(session, "note"), note);
	assert_int_equal(mt_tries(MT_BOB), MT_PIN_TRIES);
}

/* Another program sets another PIN; it is read through a copy of the module. */
static void
change_pin(const char *old, const char *new)
{
	CK_FUNCTION_LIST *own = mt;
	CK_SESSION_HANDLE session;
	void *handle;

	mt = mt_load_copy(&handle);
	mt_initialize();
	session = mt_open(CKF_RW_SESSION);
	assert_rv(mt->C_SetPIN(session, (CK_UTF8CHAR *)(uintptr_t)old, strlen(old), (CK_UTF8CHAR *)(uintptr_t) new,
			       strlen(new)),
		  CKR_OK);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	assert_int_equal(dlclose(handle), 0);
	mt = own;
}

/* P-074: a login that turns out to be lost while something is read has ended, whichever call has read. */
static void
test_lost_login(void **state)
{
	enum { VALUE, SIZE, SEARCH, COPY, CALLS };
	static const char *const pins[] = { MT_PIN, "654321" };
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE value = { CKA_VALUE, (CK_VOID_PTR)(uintptr_t) "hush", 4 }, session_object = { CKA_TOKEN, &no, 1 };
	CK_OBJECT_HANDLE secret, copy;
	CK_SESSION_HANDLE session;
	CK_ULONG size;

	(void)state;
	insert_card();
	session = mt_start();
	for (unsigned call = VALUE; call < CALLS; call++) {
		assert_rv(mt_login(session, pins[call % 2]), CKR_OK);
		assert_int_equal(mt_count(session, CKO_DATA), 2);
		secret = find_label(session, "secret");
		change_pin(pins[call % 2], pins[(call + 1) % 2]);
		switch (call) {
		case VALUE: assert_rv(mt_ask(session, secret, CKA_VALUE), CKR_USER_NOT_LOGGED_IN); break;
		case SIZE: assert_rv(mt->C_GetObjectSize(session, secret, &size), CKR_USER_NOT_LOGGED_IN); break;
		case SEARCH: assert_rv(mt->C_FindObjectsInit(session, &value, 1), CKR_USER_NOT_LOGGED_IN); break;
		default:
			assert_rv(mt->C_CopyObject(session, secret, &session_object, 1, &copy), CKR_USER_NOT_LOGGED_IN);
		}
		assert_int_equal(mt_count(session, CKO_DATA), 1);
	}
	assert_rv(mt_login(session, pins[CALLS % 2]), CKR_OK);
	assert_text(session, find_label(session, "secret"), CKA_VALUE, "hush");
}

/* What is not asked for costs nothing; where there are no applications, everything costs no more than the keys. */
static void
test_cost(void **state)
{
	CK_ATTRIBUTE keys = { CKA_CLASS, &key_class, sizeof(key_class) };
	CK_OBJECT_HANDLE found[32];
	CK_SESSION_HANDLE session = mt_start();
	unsigned long before;

	(void)state;
	(void)mt_find(session, &keys, 1, found, 32);
	before = mt_exchanges(MT_READER);
	assert_int_equal(mt_count(session, CKO_DATA), 0);
	assert_true(mt_exchanges(MT_READER) <= before + 1);
	before = mt_exchanges(MT_READER);
	assert_int_equal(mt_count(session, CKO_DATA), 0);
	assert_int_equal(mt_exchanges(MT_READER), before);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_public_file), TEST(test_file_of_the_user), TEST(test_copies), TEST(test_lost_login),
		TEST(test_cost),
	};

	return cmocka_run_group_tests_name("data objects", tests, mt_load, mt_unload);
}
