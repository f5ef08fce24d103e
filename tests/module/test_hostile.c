/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A listing, a login, a signature and a decryption with a card whose answers are spoiled one after the other: every
 * answer cut at every length, every exchange failed in every way. The module answers with codes that the standard
 * allows, never with a wrong result, spends no PIN try, and works again with the good card.
 * M1, M5, M6, and of M3, M15, M19 what one exchange can show. P-054, P-056
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/mutate.h"
#include "module/fixture.h"

#define CUT_MAX 1024
#define RUN_EXCHANGES_MAX 64

/* What a whole run gave; of two good runs with PKCS#1 v1.5 all is equal. */
struct run {
	CK_RV first_error;
	CK_ULONG objects;
	CK_BYTE signature[512], plain[512];
	CK_ULONG signature_len, plain_len;
	bool signed_ok, decrypted_ok;
};

static struct run good;
static CK_BYTE cipher[512];
static CK_ULONG cipher_len;
static const CK_BYTE message[] = "hello";

/* Codes that a call may answer when a card or a reader fails, beside those that say what the card claimed. */
static bool
is_decent(CK_RV rv)
{
	switch (rv) {
	case CKR_OK:
	case CKR_DEVICE_ERROR:
	case CKR_DEVICE_MEMORY:
	case CKR_DEVICE_REMOVED:
	case CKR_TOKEN_NOT_PRESENT:
	case CKR_TOKEN_NOT_RECOGNIZED:
	case CKR_SESSION_HANDLE_INVALID:
	case CKR_OBJECT_HANDLE_INVALID:
	case CKR_KEY_HANDLE_INVALID:
	case CKR_USER_NOT_LOGGED_IN:
	case CKR_PIN_INCORRECT:
	case CKR_PIN_LOCKED:
	case CKR_FUNCTION_FAILED:
	case CKR_FUNCTION_NOT_SUPPORTED:
	case CKR_MECHANISM_INVALID:
	case CKR_KEY_FUNCTION_NOT_PERMITTED:
	case CKR_KEY_SIZE_RANGE:
	case CKR_DATA_LEN_RANGE:
	case CKR_DATA_INVALID:
	case CKR_ENCRYPTED_DATA_INVALID:
	case CKR_ENCRYPTED_DATA_LEN_RANGE:
	case CKR_ATTRIBUTE_TYPE_INVALID:
	case CKR_ATTRIBUTE_SENSITIVE:
	case CKR_BUFFER_TOO_SMALL:
	case CKR_USER_PIN_NOT_INITIALIZED: return true;
	default: return false;
	}
}

static bool
step(struct run *r, CK_RV rv, const char *what)
{
	if (!is_decent(rv))
		fail_msg("%s: 0x%lX", what, rv);
	if (rv != CKR_OK && r->first_error == CKR_OK)
		r->first_error = rv;
	return rv == CKR_OK;
}

static void
read_attributes(struct run *r, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE object)
{
	static const CK_ATTRIBUTE_TYPE types[] = { CKA_CLASS,	CKA_LABEL,   CKA_ID,	  CKA_VALUE,
						   CKA_MODULUS, CKA_SUBJECT, CKA_EC_POINT };
	CK_BYTE value[4096];

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		CK_ATTRIBUTE a = { types[i], value, sizeof(value) };
		CK_RV rv = mt->C_GetAttributeValue(s, object, &a, 1);

		if (rv != CKR_ATTRIBUTE_TYPE_INVALID && rv != CKR_ATTRIBUTE_SENSITIVE)
			step(r, rv, "C_GetAttributeValue");
	}
}

static void
list(struct run *r, CK_SESSION_HANDLE s)
{
	CK_OBJECT_HANDLE found[32];
	CK_ULONG n = 0;

	if (!step(r, mt->C_FindObjectsInit(s, NULL, 0), "C_FindObjectsInit"))
		return;
	step(r, mt->C_FindObjects(s, found, 32, &n), "C_FindObjects");
	step(r, mt->C_FindObjectsFinal(s), "C_FindObjectsFinal");
	r->objects = n;
	for (CK_ULONG i = 0; i < n; i++)
		read_attributes(r, s, found[i]);
}

static bool
find_key(struct run *r, CK_SESSION_HANDLE s, CK_OBJECT_CLASS class, CK_OBJECT_HANDLE *ret_key)
{
	CK_ATTRIBUTE template = { CKA_CLASS, &class, sizeof(class) };
	CK_ULONG n = 0;

	if (!step(r, mt->C_FindObjectsInit(s, &template, 1), "C_FindObjectsInit"))
		return false;
	step(r, mt->C_FindObjects(s, ret_key, 1, &n), "C_FindObjects");
	step(r, mt->C_FindObjectsFinal(s), "C_FindObjectsFinal");
	return n == 1;
}

static void
use_key(struct run *r, CK_SESSION_HANDLE s)
{
	CK_MECHANISM sign = { CKM_SHA256_RSA_PKCS, NULL, 0 }, decrypt = { CKM_RSA_PKCS, NULL, 0 };
	CK_BYTE data[sizeof(message)];
	CK_OBJECT_HANDLE key;

	memcpy(data, message, sizeof(message));
	if (!find_key(r, s, CKO_PRIVATE_KEY, &key))
		return;
	r->signature_len = sizeof(r->signature);
	if (step(r, mt->C_SignInit(s, &sign, key), "C_SignInit"))
		r->signed_ok = step(r, mt->C_Sign(s, data, sizeof(data), r->signature, &r->signature_len), "C_Sign");
	r->plain_len = sizeof(r->plain);
	if (cipher_len > 0 && step(r, mt->C_DecryptInit(s, &decrypt, key), "C_DecryptInit"))
		r->decrypted_ok = step(r, mt->C_Decrypt(s, cipher, cipher_len, r->plain, &r->plain_len), "C_Decrypt");
}

/* Everything between C_Initialize and C_Finalize. */
static void
scenario(struct run *r)
{
	CK_SESSION_HANDLE s;
	CK_TOKEN_INFO info;
	char pin[] = MT_PIN;

	memset(r, 0, sizeof(*r));
	step(r, mt->C_GetTokenInfo(1, &info), "C_GetTokenInfo");
	if (!step(r, mt->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &s), "C_OpenSession"))
		return;
	list(r, s);
	if (step(r, mt->C_Login(s, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin)), "C_Login"))
		use_key(r, s);
	step(r, mt->C_CloseSession(s), "C_CloseSession");
}

static void
check_results(const struct run *r)
{
	assert_true(r->objects <= good.objects);
	if (r->signed_ok) {
		assert_int_equal(r->signature_len, good.signature_len);
		assert_memory_equal(r->signature, good.signature, good.signature_len);
	}
	if (r->decrypted_ok) {
		assert_int_equal(r->plain_len, sizeof(message));
		assert_memory_equal(r->plain, message, sizeof(message));
	}
}

static void
check_good(const struct run *r)
{
	assert_rv(r->first_error, CKR_OK);
	assert_int_equal(r->objects, good.objects);
	assert_true(r->signed_ok && r->decrypted_ok);
	check_results(r);
}

/* The padding is ours, so that no end of a cut answer reads as a status word of success. */
static void
encrypt_message(CK_SESSION_HANDLE s)
{
	CK_MECHANISM encrypt = { CKM_RSA_X_509, NULL, 0 };
	CK_BYTE data[128] = { 0x00, 0x02 };
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	struct run r = { 0 };

	memset(data + 2, 0xA5, sizeof(data) - 2);
	data[sizeof(data) - sizeof(message) - 1] = 0x00;
	memcpy(data + sizeof(data) - sizeof(message), message, sizeof(message));
	assert_true(find_key(&r, s, CKO_PUBLIC_KEY, &key));
	assert_rv(mt->C_EncryptInit(s, &encrypt, key), CKR_OK);
	cipher_len = sizeof(cipher);
	assert_rv(mt->C_Encrypt(s, data, sizeof(data), cipher, &cipher_len), CKR_OK);
}

/* Bob's card: one key of 1024 bits, which is fast. The first good run is what all others are measured by. */
static void
set_up_bob(void)
{
	mt_remove(MT_READER);
	mt_insert(MT_READER, MT_BOB);
	mt_initialize();
	cipher_len = 0;
	encrypt_message(mt_open(0));
	mt->C_CloseAllSessions(1);
	scenario(&good);
	assert_rv(good.first_error, CKR_OK);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
}

/* Runs the scenario in a fresh instance with a fault text armed; leaves the instance open. */
static void
spoiled_run(const char *faults, struct run *r)
{
	mt_arm(MT_READER, faults);
	mt_initialize();
	scenario(r);
	check_results(r);
}

static unsigned long
count_exchanges(void)
{
	struct run r;
	unsigned long before = mt_exchanges(MT_READER);

	mt_initialize();
	scenario(&r);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	check_good(&r);
	return mt_exchanges(MT_READER) - before;
}

/* Lengths of the answers of one good run, from the reader's trace. */
static size_t
answer_lengths(size_t *ret_lengths, size_t max)
{
	const char *path = mt_path("readers/%s/trace", MT_READER);
	char *line = NULL;
	size_t room = 0, count = 0;
	ssize_t len;
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fclose(f);
	count_exchanges();
	assert_non_null(f = fopen(path, "r"));
	while ((len = getline(&line, &room, f)) > 0) {
		if (line[0] == '<' && count < max)
			ret_lengths[count++] = (size_t)len / 3;
	}
	free(line);
	fclose(f);
	assert_int_equal(remove(path), 0);
	return count;
}

/* M1 */
static void
test_every_answer_cut_at_every_length(void **state)
{
	size_t lengths[RUN_EXCHANGES_MAX], count, n, k;
	char faults[64];
	struct run r;

	(void)state;
	set_up_bob();
	count = answer_lengths(lengths, RUN_EXCHANGES_MAX);
	assert_in_range(count, 8, RUN_EXCHANGES_MAX - 1);
	for (n = 0; n < count; n++) {
		for (k = 0; k < lengths[n] && k < CUT_MAX; k += mutate_stride()) {
			snprintf(faults, sizeof(faults), "%zu:cut=%zu", n + 1, k);
			spoiled_run(faults, &r);
			assert_rv(mt->C_Finalize(NULL), CKR_OK);
			assert_false(mt_is_verified(MT_BOB));
		}
		assert_int_equal(mt_tries(MT_BOB), MT_PIN_TRIES);
	}
	assert_int_equal(count_exchanges(), count);
}

/* A fault may have taken the card out. */
static void
put_back(void)
{
	if (access(mt_path("readers/%s/card", MT_READER), F_OK) == 0)
		mt_remove(MT_READER);
	mt_insert(MT_READER, MT_BOB);
}

/* One fault at every exchange in turn; afterwards the same instance works with the good card. */
static void
fail_each_exchange(const char *fault)
{
	unsigned long count = count_exchanges(), n;
	char faults[128];
	struct run r;

	for (n = 1; n <= count; n++) {
		snprintf(faults, sizeof(faults), "%lu:%s", n, fault);
		spoiled_run(faults, &r);
		mt_arm(MT_READER, "");
		put_back();
		scenario(&r);
		check_good(&r);
		assert_rv(mt->C_Finalize(NULL), CKR_OK);
		assert_int_equal(mt_tries(MT_BOB), MT_PIN_TRIES);
		assert_false(mt_is_verified(MT_BOB));
	}
}

/* M5, M6, M3, M15, M19 */
static void
test_every_exchange_failed(void **state)
{
	static const char *const faults[] = {
		"empty",   "endless61", "endless61=16", "pingpong6C", "extend=00", "pad=66000", "data=",
		"sw=6F00", "sw=6A82",	"sw=6A88",	"sw=6982",    "sw=6985",   "sw=6D00",	"sw=6700",
		"sw=6884", "sw=6283",	"sw=0000",	"sw=FFFF",    "reset",	   "silence=1",
	};

	(void)state;
	set_up_bob();
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i += mutate_stride())
		fail_each_exchange(faults[i]);
}

/* The card is pulled before or during each exchange. P-054 */
static void
test_pulled_at_every_exchange(void **state)
{
	static const char *const faults[] = { "remove", "pull" };

	(void)state;
	set_up_bob();
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		fail_each_exchange(faults[i]);
}

static void
reset_at_each_exchange(unsigned long first, const char *fault)
{
	unsigned long count, n;
	char faults[64];
	struct run r;

	set_up_bob();
	count = count_exchanges();
	for (n = first; n < count; n++) {
		snprintf(faults, sizeof(faults), "%lu:%s", n, fault);
		spoiled_run(faults, &r);
		assert_rv(mt->C_Finalize(NULL), CKR_OK);
		check_good(&r);
	}
}

/* A reset by somebody else costs nothing but a repetition. P-056 */
static void
test_reset_is_survived(void **state)
{
	(void)state;
	reset_at_each_exchange(2, "reset");
}

/* Likewise one that pcscd told of before it was over, as when a program that had the card before us ends. P-056 */
static void
test_late_reset_is_survived(void **state)
{
	(void)state;
	reset_at_each_exchange(1, "unset");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_answer_cut_at_every_length, mt_set_up, mt_tear_down),
		cmocka_unit_test_setup_teardown(test_every_exchange_failed, mt_set_up, mt_tear_down),
		cmocka_unit_test_setup_teardown(test_pulled_at_every_exchange, mt_set_up, mt_tear_down),
		cmocka_unit_test_setup_teardown(test_reset_is_survived, mt_set_up, mt_tear_down),
		cmocka_unit_test_setup_teardown(test_late_reset_is_survived, mt_set_up, mt_tear_down),
	};

	return cmocka_run_group_tests_name("module/hostile", tests, mt_load, mt_unload);
}
