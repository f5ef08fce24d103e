/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Those who manage a token, over a common part in memory: what the security officer may be told without a card, what
 * reaches the card, and what each of its answers means to the caller.
 */
#include <string.h>

#include "lib/fakecsp.h"
#include "lib/fault.h"
#include "lib/test.h"
#include "p11/p11.h"

#define KEY "000102030405060708090a0b0c0d0e0f1011121314151617"
#define OTHER_KEY "AABBCCDDEEFF00112233445566778899aabbccddeeff0011"

#define ULONG(type, variable)                                                                                          \
	{                                                                                                              \
		(type), &(variable), sizeof(variable)                                                                  \
	}
#define BOOL(type, variable)                                                                                           \
	{                                                                                                              \
		(type), &(variable), sizeof(variable)                                                                  \
	}
#define TEXT(type, text)                                                                                               \
	{                                                                                                              \
		(type), (void *)(uintptr_t)(text), sizeof(text) - 1                                                    \
	}

static CK_SESSION_HANDLE session;
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS data = CKO_DATA, certificate = CKO_CERTIFICATE, public_key = CKO_PUBLIC_KEY,
		       private_key = CKO_PRIVATE_KEY, secret_key = CKO_SECRET_KEY;
static CK_ULONG x509 = CKC_X_509, rsa = CKK_RSA, ec = CKK_EC, generic = CKK_GENERIC_SECRET;

static int
set_up(void **state)
{
	(void)state;
	fake_reset();
	fake_writable();
	if (C_Initialize(NULL) != CKR_OK)
		return -1;
	return C_OpenSession(1, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) == CKR_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	return C_Finalize(NULL) == CKR_OK ? 0 : -1;
}

static CK_UTF8CHAR *
bytes(const char *text)
{
	static CK_UTF8CHAR copies[4][300];
	static unsigned turn;
	CK_UTF8CHAR *copy = copies[turn++ % 4];

	assert_true(strlen(text) < sizeof(copies[0]));
	memcpy(copy, text, strlen(text) + 1);
	return copy;
}

static CK_RV
login(CK_USER_TYPE user, const char *pin)
{
	return C_Login(session, user, bytes(pin), strlen(pin));
}

static CK_RV
set_pin(const char *old, const char *new)
{
	return C_SetPIN(session, bytes(old), strlen(old), bytes(new), strlen(new));
}

static CK_RV
init_pin(const char *pin)
{
	return C_InitPIN(session, bytes(pin), strlen(pin));
}

static CK_STATE
state_now(void)
{
	CK_SESSION_INFO info;

	assert_int_equal(C_GetSessionInfo(session, &info), CKR_OK);
	return info.state;
}

static CK_FLAGS
token_flags(void)
{
	CK_TOKEN_INFO info;

	assert_int_equal(C_GetTokenInfo(1, &info), CKR_OK);
	return info.flags;
}

static CK_ULONG
count_of(CK_OBJECT_CLASS class)
{
	CK_ATTRIBUTE template = ULONG(CKA_CLASS, class);
	CK_OBJECT_HANDLE found[16];
	CK_ULONG count = 0;

	assert_int_equal(C_FindObjectsInit(session, &template, 1), CKR_OK);
	assert_int_equal(C_FindObjects(session, found, 16, &count), CKR_OK);
	assert_int_equal(C_FindObjectsFinal(session), CKR_OK);
	return count;
}

static void
assert_value(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, const char *expected)
{
	CK_BYTE value[300];
	CK_ATTRIBUTE attribute = { type, value, sizeof(value) };

	assert_int_equal(C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
	assert_int_equal(attribute.ulValueLen, strlen(expected));
	assert_memory_equal(value, expected, strlen(expected));
}

static CK_ULONG
number_value(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_ULONG number = 0;
	CK_ATTRIBUTE attribute = { type, &number, sizeof(number) };

	assert_int_equal(C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
	return number;
}

static bool
bool_value(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = 2;
	CK_ATTRIBUTE attribute = { type, &value, sizeof(value) };

	assert_int_equal(C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
	return value == CK_TRUE;
}

/* Login --------------------------------------------------------------------------------------------------------------- */

/* P-048, P-062, P-063, P-064: the officer's state, and what it excludes */
static void
test_officer_state(void **state)
{
	CK_SESSION_HANDLE other;

	(void)state;
	assert_int_equal(C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &other), CKR_OK);
	assert_int_equal(login(CKU_SO, KEY), CKR_SESSION_READ_ONLY_EXISTS);
	assert_int_equal(C_CloseSession(other), CKR_OK);
	assert_int_equal(fake.logins, 0);
	assert_int_equal(login(CKU_SO, KEY), CKR_OK);
	assert_int_equal(fake.login_role, CSP_ROLE_ADMIN);
	assert_string_equal(fake.old_secret, KEY);
	assert_int_equal(state_now(), CKS_RW_SO_FUNCTIONS);
	assert_int_equal(C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &other), CKR_SESSION_READ_WRITE_SO_EXISTS);
	assert_int_equal(C_OpenSession(1, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &other), CKR_OK);
	assert_int_equal(login(CKU_SO, OTHER_KEY), CKR_USER_ALREADY_LOGGED_IN);
	assert_int_equal(login(CKU_USER, "123456"), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
	assert_int_equal(login(CKU_CONTEXT_SPECIFIC, "123456"), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(fake.logins, 1);
	/* public objects only */
	assert_int_equal(count_of(CKO_PRIVATE_KEY), 0);
	assert_int_equal(count_of(CKO_PUBLIC_KEY), 1);
	assert_int_equal(C_Logout(other), CKR_OK);
	assert_int_equal(state_now(), CKS_RW_PUBLIC_SESSION);
	assert_int_equal(fake.logouts, 1);
	assert_int_equal(login(CKU_USER, "123456"), CKR_OK);
	assert_int_equal(login(CKU_SO, KEY), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
}

/* What is no key costs nothing, and what the card says of one is passed on. */
static void
test_officer_key(void **state)
{
	static const char *const none[] = { "",
					    "123456",
					    "0001",
					    KEY "0",
					    KEY "00",
					    "g00102030405060708090a0b0c0d0e0f1011121314151617",
					    "000102030405060708090a0b0c0d0e0f10111213141516 7" };
	static const struct {
		DWORD code;
		CK_RV rv;
	} answers[] = {
		{ SCARD_W_WRONG_CHV, CKR_PIN_INCORRECT },
		{ SCARD_W_CHV_BLOCKED, CKR_PIN_LOCKED },
		{ SCARD_E_INVALID_PARAMETER, CKR_PIN_INCORRECT },
		{ SCARD_E_UNSUPPORTED_FEATURE, CKR_USER_TYPE_INVALID },
		{ SCARD_W_REMOVED_CARD, CKR_DEVICE_REMOVED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		assert_int_equal(login(CKU_SO, none[i]), CKR_PIN_INCORRECT);
	assert_int_equal(C_Login(session, CKU_SO, NULL, 0), CKR_ARGUMENTS_BAD);
	assert_int_equal(fake.logins, 0);
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		fake.login = answers[i].code;
		assert_int_equal(login(CKU_SO, KEY), answers[i].rv);
	}
	assert_int_equal(fake.logins, ARRAY_SIZE(answers));
}

/* Keys of the three lengths, in capitals and small letters. */
static void
test_officer_key_lengths(void **state)
{
	static const char *const keys[] = { "000102030405060708090a0b0c0d0e0F", KEY,
					    "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		assert_int_equal(login(CKU_SO, keys[i]), CKR_OK);
		assert_int_equal(strlen(fake.old_secret), strlen(keys[i]));
		assert_int_equal(C_Logout(session), CKR_OK);
	}
}

/* The flags of the officer's PIN, on a card that counts. */
static void
test_officer_flags(void **state)
{
	static const CK_FLAGS all = CKF_SO_PIN_COUNT_LOW | CKF_SO_PIN_FINAL_TRY | CKF_SO_PIN_LOCKED;

	(void)state;
	assert_int_equal(token_flags() & all, 0);
	fake.login = SCARD_W_WRONG_CHV;
	assert_int_equal(login(CKU_SO, KEY), CKR_PIN_INCORRECT);
	assert_int_equal(token_flags() & all, 0); /* it does not say how often one may be wrong */
	fake.login_tries = 2;
	assert_int_equal(login(CKU_SO, KEY), CKR_PIN_INCORRECT);
	assert_int_equal(token_flags() & all, CKF_SO_PIN_COUNT_LOW);
	fake.login_tries = 1;
	assert_int_equal(login(CKU_SO, KEY), CKR_PIN_INCORRECT);
	assert_int_equal(token_flags() & all, CKF_SO_PIN_COUNT_LOW | CKF_SO_PIN_FINAL_TRY);
	fake.login = SCARD_W_CHV_BLOCKED;
	assert_int_equal(login(CKU_SO, KEY), CKR_PIN_LOCKED);
	assert_int_equal(token_flags() & all, CKF_SO_PIN_COUNT_LOW | CKF_SO_PIN_LOCKED);
	/* another card has another key */
	fake.generation++;
	assert_int_equal(token_flags() & all, 0);
	assert_int_equal(C_OpenSession(1, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session), CKR_OK);
	fake.login = SCARD_S_SUCCESS;
	assert_int_equal(login(CKU_SO, KEY), CKR_OK);
	assert_int_equal(token_flags() & all, 0);
}

/* A PIN that is typed at the reader: nothing is given, and there only. */
static void
test_pin_at_reader(void **state)
{
	(void)state;
	assert_int_equal(token_flags() & CKF_PROTECTED_AUTHENTICATION_PATH, 0);
	assert_int_equal(C_Login(session, CKU_USER, NULL, 0), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_SetPIN(session, NULL, 0, NULL, 0), CKR_ARGUMENTS_BAD);
	fake.token.pin_at_reader = true;
	assert_true((token_flags() & CKF_PROTECTED_AUTHENTICATION_PATH) != 0);
	assert_int_equal(C_Login(session, CKU_USER, NULL, 4), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_SetPIN(session, NULL, 0, bytes("1234"), 4), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_SetPIN(session, NULL, 0, NULL, 0), CKR_OK);
	assert_int_equal(fake.pin_changes, 1);
	fake.login = SCARD_W_CANCELLED_BY_USER;
	assert_int_equal(C_Login(session, CKU_USER, NULL, 0), CKR_FUNCTION_CANCELED);
	fake.login = SCARD_S_SUCCESS;
	assert_int_equal(C_Login(session, CKU_USER, NULL, 0), CKR_OK);
	assert_int_equal(C_Logout(session), CKR_OK);
	assert_int_equal(login(CKU_SO, KEY), CKR_OK);
	assert_int_equal(C_InitPIN(session, NULL, 0), CKR_OK);
	assert_int_equal(fake.pin_unblocks, 1);
}

/* PINs ---------------------------------------------------------------------------------------------------------------- */

/* P-075 */
static void
test_init_pin(void **state)
{
	(void)state;
	assert_int_equal(init_pin("654321"), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(login(CKU_USER, "123456"), CKR_OK);
	assert_int_equal(init_pin("654321"), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(C_Logout(session), CKR_OK);
	assert_int_equal(login(CKU_SO, KEY), CKR_OK);
	fake.token.pin_max = 8;
	assert_int_equal(init_pin("123"), CKR_PIN_LEN_RANGE);
	assert_int_equal(init_pin(""), CKR_PIN_LEN_RANGE);
	assert_int_equal(init_pin("123456789"), CKR_PIN_LEN_RANGE);
	assert_int_equal(C_InitPIN(session, NULL, 0), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_InitPIN(session, NULL, 6), CKR_ARGUMENTS_BAD);
	assert_int_equal(fake.pin_unblocks, 0);
	assert_int_equal(init_pin("654321"), CKR_OK);
	assert_int_equal(fake.pin_unblocks, 1);
	assert_int_equal(fake.pin_role, CSP_ROLE_USER);
	assert_int_equal(fake.authority, CSP_ROLE_ADMIN);
	assert_string_equal(fake.old_secret, ""); /* what the login has kept */
	assert_string_equal(fake.new_secret, "654321");
	assert_int_equal(state_now(), CKS_RW_SO_FUNCTIONS);
	assert_int_equal(fake.namings, 0);
}

/* P-075: what the card says of it */
static void
test_init_pin_codes(void **state)
{
	(void)state;
	assert_int_equal(login(CKU_SO, KEY), CKR_OK);
	fake.pin_unblock = SCARD_E_INVALID_VALUE;
	assert_int_equal(init_pin("654321"), CKR_PIN_INVALID);
	fake.pin_unblock = SCARD_E_UNSUPPORTED_FEATURE;
	assert_int_equal(init_pin("654321"), CKR_FUNCTION_NOT_SUPPORTED);
	fake.pin_unblock = SCARD_E_INVALID_PARAMETER;
	assert_int_equal(init_pin("654321"), CKR_FUNCTION_NOT_SUPPORTED);
	fake.pin_unblock = SCARD_E_READ_ONLY_CARD;
	assert_int_equal(init_pin("654321"), CKR_TOKEN_WRITE_PROTECTED);
	assert_int_equal(state_now(), CKS_RW_SO_FUNCTIONS);
	/* somebody has changed the key meanwhile: who logged in with the old one is nobody now */
	fake.pin_unblock = SCARD_W_WRONG_CHV;
	assert_int_equal(init_pin("654321"), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(state_now(), CKS_RW_PUBLIC_SESSION);
	assert_int_equal(login(CKU_SO, KEY), CKR_OK);
	fake.pin_unblock = SCARD_W_CARD_NOT_AUTHENTICATED;
	assert_int_equal(init_pin("654321"), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(state_now(), CKS_RW_PUBLIC_SESSION);
}

/* P-076 */
static void
test_set_pin(void **state)
{
	CK_SESSION_HANDLE reading;

	(void)state;
	assert_int_equal(C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &reading), CKR_OK);
	assert_int_equal(C_SetPIN(reading, bytes("123456"), 6, bytes("654321"), 6), CKR_SESSION_READ_ONLY);
	assert_int_equal(set_pin("123456", "123"), CKR_PIN_LEN_RANGE);
	assert_int_equal(set_pin("123456", ""), CKR_PIN_LEN_RANGE);
	assert_int_equal(set_pin("", "654321"), CKR_PIN_INCORRECT);
	assert_int_equal(C_SetPIN(session, bytes("1"), (CK_ULONG)-1, bytes("654321"), 6), CKR_PIN_INCORRECT);
	assert_int_equal(C_SetPIN(session, NULL, 0, bytes("654321"), 6), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_SetPIN(session, bytes("123456"), 6, NULL, 0), CKR_ARGUMENTS_BAD);
	assert_int_equal(fake.pin_changes, 0);
	fake.pin_change = SCARD_W_WRONG_CHV;
	assert_int_equal(set_pin("000000", "654321"), CKR_PIN_INCORRECT);
	fake.pin_change = SCARD_W_CHV_BLOCKED;
	assert_int_equal(set_pin("000000", "654321"), CKR_PIN_LOCKED);
	fake.pin_change = SCARD_E_INVALID_VALUE;
	assert_int_equal(set_pin("123456", "654321"), CKR_PIN_INVALID);
	fake.pin_change = SCARD_E_UNSUPPORTED_FEATURE;
	assert_int_equal(set_pin("123456", "654321"), CKR_FUNCTION_NOT_SUPPORTED);
	fake.pin_change = SCARD_S_SUCCESS;
	fake.logouts = 0;
	assert_int_equal(set_pin("123456", "654321"), CKR_OK);
	assert_int_equal(fake.pin_role, CSP_ROLE_USER);
	assert_string_equal(fake.old_secret, "123456");
	assert_string_equal(fake.new_secret, "654321");
	/* nobody is logged in by that */
	assert_int_equal(fake.logouts, 1);
	assert_int_equal(state_now(), CKS_RW_PUBLIC_SESSION);
	assert_int_equal(login(CKU_USER, "654321"), CKR_OK);
	assert_int_equal(set_pin("654321", "123456"), CKR_OK);
	assert_int_equal(fake.logouts, 1);
	assert_int_equal(state_now(), CKS_RW_USER_FUNCTIONS);
}

/* P-077 */
static void
test_set_admin_key(void **state)
{
	(void)state;
	assert_int_equal(login(CKU_SO, KEY), CKR_OK);
	assert_int_equal(set_pin(KEY, OTHER_KEY "0"), CKR_PIN_LEN_RANGE);
	assert_int_equal(set_pin(KEY, "654321"), CKR_PIN_LEN_RANGE);
	assert_int_equal(set_pin(KEY, "AABBCCDDEEFF00112233445566778899aabbccddeeff001x"), CKR_PIN_INVALID);
	assert_int_equal(set_pin("123456", OTHER_KEY), CKR_PIN_INCORRECT);
	assert_int_equal(C_SetPIN(session, NULL, 0, NULL, 0), CKR_ARGUMENTS_BAD);
	assert_int_equal(fake.pin_changes, 0);
	fake.pin_change = SCARD_W_WRONG_CHV;
	assert_int_equal(set_pin(OTHER_KEY, KEY), CKR_PIN_INCORRECT);
	assert_int_equal(state_now(), CKS_RW_PUBLIC_SESSION);
	assert_int_equal(login(CKU_SO, KEY), CKR_OK);
	fake.pin_change = SCARD_S_SUCCESS;
	assert_int_equal(set_pin(KEY, OTHER_KEY), CKR_OK);
	assert_int_equal(fake.pin_role, CSP_ROLE_ADMIN);
	assert_string_equal(fake.old_secret, KEY);
	assert_string_equal(fake.new_secret, "aabbccddeeff00112233445566778899aabbccddeeff0011");
	assert_int_equal(state_now(), CKS_RW_SO_FUNCTIONS);
}

/* A blocked PIN: what is given as the old one unblocks it, when it can be what does. */
static void
test_unblock_by_set_pin(void **state)
{
	(void)state;
	assert_int_equal(set_pin(KEY, "654321"), CKR_OK); /* not blocked: a long PIN */
	assert_int_equal(fake.pin_unblocks, 0);
	fake.token.tries_left = 0;
	assert_int_equal(set_pin("12345678", "654321"), CKR_PIN_LOCKED);
	assert_int_equal(fake.pin_unblocks, 0);
	fake.pin_unblock = SCARD_W_WRONG_CHV;
	assert_int_equal(set_pin(OTHER_KEY, "654321"), CKR_PIN_INCORRECT);
	fake.pin_unblock = SCARD_S_SUCCESS;
	assert_int_equal(set_pin(KEY, "654321"), CKR_OK);
	assert_int_equal(fake.authority, CSP_ROLE_ADMIN);
	assert_string_equal(fake.old_secret, KEY);
	assert_int_equal(state_now(), CKS_RW_PUBLIC_SESSION);
	/* a card with a PUK beside the key */
	fake.roles[0].unblock_roles |= CSP_ROLE_BIT(3);
	fake.roles[2] = (struct csp_role_info){ .role = 3, .purpose = CSP_PURPOSE_UNBLOCK, .pin_min = 8, .pin_max = 8 };
	fake.role_count = 3;
	fake.token.tries_left = 0;
	assert_int_equal(set_pin("1234567", "654321"), CKR_PIN_LOCKED);
	assert_int_equal(set_pin("12345678", "654321"), CKR_OK);
	assert_int_equal(fake.authority, 3);
	fake.token.tries_left = 0;
	assert_int_equal(set_pin(KEY, "654321"), CKR_OK);
	assert_int_equal(fake.authority, CSP_ROLE_ADMIN);
	/* a role that may not */
	fake.roles[0].unblock_roles = 0;
	fake.token.tries_left = 0;
	assert_int_equal(set_pin(KEY, "654321"), CKR_PIN_LOCKED);
}

/* Tokens -------------------------------------------------------------------------------------------------------------- */

static CK_RV
init_token(const char *key, const char *label)
{
	CK_UTF8CHAR padded[32];

	memset(padded, ' ', sizeof(padded));
	for (size_t i = 0; label[i] != '\0'; i++)
		padded[i] = (CK_UTF8CHAR)label[i];
	return C_InitToken(1, bytes(key), strlen(key), padded);
}

/* P-078 */
static void
test_init_token_refusals(void **state)
{
	(void)state;
	assert_int_equal(init_token(KEY, "x"), CKR_SESSION_EXISTS);
	assert_int_equal(C_CloseSession(session), CKR_OK);
	assert_int_equal(C_InitToken(1, bytes(KEY), 48, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_InitToken(1, NULL, 48, bytes("                                ")), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_InitToken(1, NULL, 0, bytes("                                ")), CKR_ARGUMENTS_BAD);
	assert_int_equal(init_token("123456", "x"), CKR_PIN_INCORRECT);
	assert_int_equal(fake.logins, 0);
	fake.login = SCARD_W_WRONG_CHV;
	assert_int_equal(init_token(OTHER_KEY, "x"), CKR_PIN_INCORRECT);
	fake.login = SCARD_W_CHV_BLOCKED;
	assert_int_equal(init_token(OTHER_KEY, "x"), CKR_PIN_LOCKED);
	assert_int_equal(fake.recreates + fake.creates, 0);
	fake.read_only = true;
	assert_int_equal(init_token(KEY, "x"), CKR_TOKEN_WRITE_PROTECTED);
	assert_int_equal(fake.logins, 2);
}

/* P-080 */
static void
test_init_token_unsupported(void **state)
{
	(void)state;
	assert_int_equal(C_CloseSession(session), CKR_OK);
	fake.recreate = SCARD_E_UNSUPPORTED_FEATURE;
	assert_int_equal(init_token(KEY, "x"), CKR_FUNCTION_NOT_SUPPORTED);
	fake.recreate = SCARD_S_SUCCESS;
	fake.login = SCARD_E_UNSUPPORTED_FEATURE;
	assert_int_equal(init_token(KEY, "x"), CKR_FUNCTION_NOT_SUPPORTED);
	fake.info.blank = true;
	fake.create = SCARD_E_UNSUPPORTED_FEATURE;
	assert_int_equal(init_token(KEY, "x"), CKR_FUNCTION_NOT_SUPPORTED);
}

/* P-079 */
static void
test_init_token(void **state)
{
	char first[FAKE_SECRET];

	(void)state;
	assert_int_equal(C_CloseSession(session), CKR_OK);
	assert_int_equal(init_token(KEY, "My token"), CKR_OK);
	assert_int_equal(fake.recreates, 1);
	assert_int_equal(fake.creates, 0);
	assert_string_equal(fake.token_name, "My token");
	assert_int_equal(strlen(fake.new_secret), 16);
	memcpy(first, fake.new_secret, sizeof(first));
	assert_int_equal(fake.logouts, 1);
	assert_int_equal(token_flags() & (CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED), CKF_TOKEN_INITIALIZED);
	assert_int_equal(C_OpenSession(1, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session), CKR_OK);
	assert_int_equal(count_of(CKO_PUBLIC_KEY), 0);
	fake.login = SCARD_W_WRONG_CHV;
	assert_int_equal(login(CKU_USER, "123456"), CKR_USER_PIN_NOT_INITIALIZED);
	fake.login = SCARD_S_SUCCESS;
	assert_int_equal(login(CKU_SO, KEY), CKR_OK);
	assert_int_equal(init_pin("654321"), CKR_OK);
	assert_int_equal(token_flags() & (CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED),
			 CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED);
	assert_string_equal(fake.token_name, "My token");
	assert_int_equal(C_CloseSession(session), CKR_OK);
	/* a blank card gets the key that is given, and a PIN of its own */
	fake.info.blank = true;
	fake.token.pin_max = 8;
	assert_int_equal(init_token(OTHER_KEY, ""), CKR_OK);
	assert_int_equal(fake.creates, 1);
	assert_int_equal(strlen(fake.new_secret), 8);
	assert_string_not_equal(first, fake.new_secret);
	/* a card that keeps no names keeps its own */
	fake.name = SCARD_E_UNSUPPORTED_FEATURE;
	assert_int_equal(init_token(OTHER_KEY, "x"), CKR_OK);
}

/* Objects ------------------------------------------------------------------------------------------------------------- */

static CK_RV
create(CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *ret_object)
{
	*ret_object = CK_INVALID_HANDLE;
	return C_CreateObject(session, template, count, ret_object);
}

static CK_RV
create_cert(const char *value, const char *id, CK_OBJECT_HANDLE *ret_object)
{
	CK_ATTRIBUTE template[] = { ULONG(CKA_CLASS, certificate),
				    ULONG(CKA_CERTIFICATE_TYPE, x509),
				    BOOL(CKA_TOKEN, yes),
				    TEXT(CKA_SUBJECT, "subject"),
				    TEXT(CKA_LABEL, "label"),
				    { CKA_VALUE, bytes(value), strlen(value) },
				    { CKA_ID, bytes(id), strlen(id) } };

	return create(template, 7, ret_object);
}

/* P-112, P-113: who may bring anything to the card */
static void
test_who_may(void **state)
{
	CK_ATTRIBUTE template[] = { ULONG(CKA_CLASS, data), BOOL(CKA_TOKEN, yes), BOOL(CKA_PRIVATE, yes) };
	CK_SESSION_HANDLE reading;
	CK_OBJECT_HANDLE made;

	(void)state;
	assert_int_equal(C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &reading), CKR_OK);
	assert_int_equal(C_CreateObject(reading, template, 2, &made), CKR_SESSION_READ_ONLY);
	assert_int_equal(C_CreateObject(reading, template, 2, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(create(template, 2, &made), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(create(template, 3, &made), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(C_CloseSession(reading), CKR_OK);
	assert_int_equal(login(CKU_USER, "123456"), CKR_OK);
	assert_int_equal(create(template, 3, &made), CKR_OK);
	fake.data = SCARD_W_CARD_NOT_AUTHENTICATED;
	assert_int_equal(create(template, 3, &made), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(state_now(), CKS_RW_PUBLIC_SESSION);
	/* the officer makes no private objects, and what only the user may do does not end his login */
	assert_int_equal(login(CKU_SO, KEY), CKR_OK);
	assert_int_equal(create(template, 3, &made), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(create(template, 2, &made), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(state_now(), CKS_RW_SO_FUNCTIONS);
	fake.read_only = true;
	assert_int_equal(create(template, 2, &made), CKR_TOKEN_WRITE_PROTECTED);
}

/* P-116: with the identifier of a key, of none, and of a key that it is not of */
static void
test_certificates(void **state)
{
	CK_OBJECT_HANDLE made;

	(void)state;
	fake_add_key(1, true);
	assert_int_equal(login(CKU_USER, "123456"), CKR_OK);
	assert_int_equal(create_cert("cert", "\x01", &made), CKR_OK);
	assert_int_equal(fake.cert_key, fake.keys[1].id);
	assert_true(fake.keys[1].has_cert);
	assert_value(made, CKA_ID, "\x01");
	assert_value(made, CKA_LABEL, "label");
	assert_int_equal(number_value(made, CKA_CLASS), CKO_CERTIFICATE);
	assert_int_equal(create_cert("cert", "new id", &made), CKR_OK);
	assert_int_equal(fake.cert_key, 0);
	assert_value(made, CKA_ID, "new id");
	/* an identifier that an application has given stays */
	assert_int_equal(create_cert("cert", "another", &made), CKR_OK);
	assert_value(made, CKA_ID, "new id");
	assert_int_equal(C_DestroyObject(session, made), CKR_OK);
	assert_int_equal(count_of(CKO_CERTIFICATE), 1);
	/* of no key of this card */
	assert_int_equal(create_cert("nobody", "\x01", &made), CKR_TEMPLATE_INCONSISTENT);
	fake.cert_write = SCARD_E_INVALID_VALUE;
	assert_int_equal(create_cert("cert", "\x01", &made), CKR_ATTRIBUTE_VALUE_INVALID);
	fake.cert_write = SCARD_E_WRITE_TOO_MANY;
	assert_int_equal(create_cert("cert", "\x01", &made), CKR_DEVICE_MEMORY);
}

static void
test_roots(void **state)
{
	CK_ATTRIBUTE label = TEXT(CKA_LABEL, "new");
	CK_OBJECT_HANDLE made, again;

	(void)state;
	fake.is_ca = true;
	assert_int_equal(login(CKU_USER, "123456"), CKR_OK);
	assert_int_equal(create_cert("nobody", "", &made), CKR_OK);
	assert_int_equal(fake.root_count, 1);
	assert_value(made, CKA_VALUE, "nobody");
	assert_int_equal(number_value(made, CKA_CERTIFICATE_CATEGORY), CK_CERTIFICATE_CATEGORY_AUTHORITY);
	assert_false(bool_value(made, CKA_TRUSTED));
	assert_false(bool_value(made, CKA_MODIFIABLE));
	assert_true(bool_value(made, CKA_DESTROYABLE));
	assert_int_equal(count_of(CKO_CERTIFICATE), 1);
	assert_int_equal(C_SetAttributeValue(session, made, &label, 1), CKR_ACTION_PROHIBITED);
	/* one that is there is not made again */
	fake.root = ERROR_FILE_EXISTS;
	assert_int_equal(create_cert("nobody", "", &again), CKR_OK);
	assert_int_equal(again, made);
	fake.root = SCARD_S_SUCCESS;
	assert_int_equal(C_DestroyObject(session, made), CKR_OK);
	assert_int_equal(count_of(CKO_CERTIFICATE), 0);
	assert_int_equal(C_DestroyObject(session, made), CKR_OBJECT_HANDLE_INVALID);
}

static void
test_data(void **state)
{
	CK_ATTRIBUTE template[] = { ULONG(CKA_CLASS, data), BOOL(CKA_TOKEN, yes), TEXT(CKA_VALUE, "value"),
				    TEXT(CKA_APPLICATION, "app") };
	CK_ATTRIBUTE value = TEXT(CKA_VALUE, "new"), label = TEXT(CKA_LABEL, "new"), private = BOOL(CKA_PRIVATE, yes);
	CK_OBJECT_HANDLE made;

	(void)state;
	assert_int_equal(login(CKU_USER, "123456"), CKR_OK);
	assert_int_equal(create(template, 4, &made), CKR_OK);
	assert_int_equal(fake.file_count, 1);
	assert_int_equal(number_value(made, CKA_CLASS), CKO_DATA);
	assert_true(bool_value(made, CKA_DESTROYABLE));
	assert_int_equal(C_SetAttributeValue(session, made, &value, 1), CKR_OK);
	assert_int_equal(C_SetAttributeValue(session, made, &label, 1), CKR_OK);
	assert_int_equal(C_SetAttributeValue(session, made, &private, 1), CKR_ATTRIBUTE_READ_ONLY);
	fake.name = SCARD_E_INVALID_VALUE;
	assert_int_equal(C_SetAttributeValue(session, made, &label, 1), CKR_ATTRIBUTE_VALUE_INVALID);
	assert_int_equal(C_DestroyObject(session, made), CKR_OK);
	assert_int_equal(count_of(CKO_DATA), 0);
	fake.data = SCARD_E_WRITE_TOO_MANY;
	assert_int_equal(create(template, 4, &made), CKR_DEVICE_MEMORY);
	fake.data = SCARD_E_UNSUPPORTED_FEATURE;
	assert_int_equal(create(template, 4, &made), CKR_TEMPLATE_INCONSISTENT);
}

/* From memory to the card. */
static void
test_copies(void **state)
{
	CK_ATTRIBUTE template[] = { ULONG(CKA_CLASS, data), TEXT(CKA_VALUE, "value") };
	CK_ATTRIBUTE changes[] = { BOOL(CKA_TOKEN, yes), TEXT(CKA_LABEL, "other") };
	CK_ATTRIBUTE secret[] = { ULONG(CKA_CLASS, secret_key), BOOL(CKA_TOKEN, yes), ULONG(CKA_KEY_TYPE, generic),
				  TEXT(CKA_VALUE, "value") };
	CK_OBJECT_HANDLE made, copied;

	(void)state;
	assert_int_equal(login(CKU_USER, "123456"), CKR_OK);
	assert_int_equal(create(template, 2, &made), CKR_OK);
	assert_int_equal(fake.file_count, 0);
	assert_int_equal(C_CopyObject(session, made, changes, 2, &copied), CKR_OK);
	assert_int_equal(fake.file_count, 1);
	assert_true(bool_value(copied, CKA_TOKEN));
	/* cards have no secret keys */
	assert_int_equal(create(secret, 4, &made), CKR_TEMPLATE_INCONSISTENT);
}

/* Keys ---------------------------------------------------------------------------------------------------------------- */

/* 1024 bits; the numbers do not belong together, which is for the common part to say. */
static CK_BYTE number[128];

static CK_RV
create_rsa(CK_ATTRIBUTE extra, CK_OBJECT_HANDLE *ret_object)
{
	static CK_BYTE exponent[] = { 1, 0, 1 };
	CK_ATTRIBUTE template[] = { ULONG(CKA_CLASS, private_key),
				    ULONG(CKA_KEY_TYPE, rsa),
				    BOOL(CKA_TOKEN, yes),
				    { CKA_MODULUS, number, 128 },
				    { CKA_PUBLIC_EXPONENT, exponent, 3 },
				    { CKA_PRIVATE_EXPONENT, number, 128 },
				    { CKA_PRIME_1, number, 64 },
				    { CKA_PRIME_2, number, 64 },
				    { CKA_EXPONENT_1, number, 64 },
				    { CKA_EXPONENT_2, number, 64 },
				    { CKA_COEFFICIENT, number, 64 },
				    TEXT(CKA_LABEL, "imported"),
				    extra };

	memset(number, 0xFF, sizeof(number));
	return create(template, 13, ret_object);
}

static void
test_import(void **state)
{
	static const struct {
		DWORD code;
		CK_RV rv;
	} answers[] = {
		{ SCARD_E_NO_ACCESS, CKR_ACTION_PROHIBITED },
		{ SCARD_E_INVALID_PARAMETER, CKR_ATTRIBUTE_VALUE_INVALID },
		{ SCARD_E_UNSUPPORTED_FEATURE, CKR_TEMPLATE_INCONSISTENT },
		{ SCARD_E_WRITE_TOO_MANY, CKR_DEVICE_MEMORY },
	};
	CK_ATTRIBUTE id = TEXT(CKA_ID, "id"), signs = BOOL(CKA_SIGN, yes), open = BOOL(CKA_PRIVATE, no),
		     always = BOOL(CKA_ALWAYS_AUTHENTICATE, yes), local = BOOL(CKA_LOCAL, no),
		     sensitive = BOOL(CKA_SENSITIVE, no), twice = BOOL(CKA_TOKEN, no);
	CK_OBJECT_HANDLE made;

	(void)state;
	assert_int_equal(create_rsa(id, &made), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(login(CKU_USER, "123456"), CKR_OK);
	assert_int_equal(create_rsa(open, &made), CKR_TEMPLATE_INCONSISTENT);
	assert_int_equal(create_rsa(always, &made), CKR_TEMPLATE_INCONSISTENT);
	assert_int_equal(create_rsa(twice, &made), CKR_TEMPLATE_INCONSISTENT);
	assert_int_equal(create_rsa(local, &made), CKR_ATTRIBUTE_READ_ONLY);
	assert_int_equal(fake.imports, 0);
	assert_int_equal(create_rsa(id, &made), CKR_OK);
	assert_true(fake.imported_exchange);
	assert_int_equal(number_value(made, CKA_CLASS), CKO_PRIVATE_KEY);
	assert_int_equal(count_of(CKO_PRIVATE_KEY), 2);
	assert_int_equal(create_rsa(signs, &made), CKR_OK);
	assert_false(fake.imported_exchange);
	assert_int_equal(create_rsa(sensitive, &made), CKR_OK);
	assert_true(bool_value(made, CKA_SENSITIVE));
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		fake.import = answers[i].code;
		assert_int_equal(create_rsa(id, &made), answers[i].rv);
	}
}

/* P-114: of private keys */
static void
test_import_templates(void **state)
{
	static CK_BYTE p256[] = { 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07 };
	static CK_ULONG dsa = CKK_DSA;
	struct {
		CK_ATTRIBUTE items[6];
		CK_ULONG count;
		CK_RV rv;
	} cases[] = {
		{ { ULONG(CKA_CLASS, private_key), BOOL(CKA_TOKEN, yes) }, 2, CKR_TEMPLATE_INCOMPLETE },
		{ { ULONG(CKA_CLASS, private_key), BOOL(CKA_TOKEN, yes), ULONG(CKA_KEY_TYPE, rsa) },
		  3,
		  CKR_TEMPLATE_INCOMPLETE },
		{ { ULONG(CKA_CLASS, private_key), BOOL(CKA_TOKEN, yes), ULONG(CKA_KEY_TYPE, dsa) },
		  3,
		  CKR_TEMPLATE_INCONSISTENT },
		{ { ULONG(CKA_CLASS, private_key), BOOL(CKA_TOKEN, yes), ULONG(CKA_KEY_TYPE, ec) },
		  3,
		  CKR_TEMPLATE_INCOMPLETE },
		{ { ULONG(CKA_CLASS, private_key),
		    BOOL(CKA_TOKEN, yes),
		    ULONG(CKA_KEY_TYPE, ec),
		    { CKA_EC_PARAMS, p256, 9 },
		    { CKA_VALUE, number, 32 } },
		  5,
		  CKR_CURVE_NOT_SUPPORTED },
		{ { ULONG(CKA_CLASS, private_key),
		    BOOL(CKA_TOKEN, yes),
		    ULONG(CKA_KEY_TYPE, ec),
		    { CKA_EC_PARAMS, p256, 10 } },
		  4,
		  CKR_TEMPLATE_INCOMPLETE },
		{ { ULONG(CKA_CLASS, private_key),
		    BOOL(CKA_TOKEN, yes),
		    ULONG(CKA_KEY_TYPE, ec),
		    { CKA_EC_PARAMS, p256, 10 },
		    { CKA_VALUE, number, 33 } },
		  5,
		  CKR_ATTRIBUTE_VALUE_INVALID },
		{ { ULONG(CKA_CLASS, private_key),
		    BOOL(CKA_TOKEN, yes),
		    ULONG(CKA_KEY_TYPE, ec),
		    { CKA_EC_PARAMS, p256, 10 },
		    { CKA_VALUE, number, 32 },
		    { CKA_EC_POINT, number, 4 } },
		  6,
		  CKR_ATTRIBUTE_VALUE_INVALID },
		{ { ULONG(CKA_CLASS, private_key),
		    BOOL(CKA_TOKEN, yes),
		    ULONG(CKA_KEY_TYPE, ec),
		    { CKA_EC_PARAMS, p256, 10 },
		    { CKA_VALUE, number, 32 } },
		  5,
		  CKR_OK },
		{ { ULONG(CKA_CLASS, private_key), BOOL(CKA_TOKEN, yes), { CKA_APPLICATION, number, 1 } },
		  3,
		  CKR_ATTRIBUTE_TYPE_INVALID },
	};
	CK_OBJECT_HANDLE made;

	(void)state;
	memset(number, 0x77, sizeof(number));
	assert_int_equal(login(CKU_USER, "123456"), CKR_OK);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (create(cases[i].items, cases[i].count, &made) != cases[i].rv)
			fail_msg("row %zu", i);
}

/* A public key is there with its private one, or not at all. */
static void
test_public_keys(void **state)
{
	static CK_BYTE modulus[256], exponent[] = { 3 };
	CK_ATTRIBUTE template[] = { ULONG(CKA_CLASS, public_key),
				    ULONG(CKA_KEY_TYPE, rsa),
				    BOOL(CKA_TOKEN, yes),
				    { CKA_MODULUS, modulus, 256 },
				    { CKA_PUBLIC_EXPONENT, exponent, 1 } };
	CK_OBJECT_HANDLE made, again;

	(void)state;
	memset(modulus, 0xFF, sizeof(modulus)); /* the fake card's */
	assert_int_equal(login(CKU_USER, "123456"), CKR_OK);
	assert_int_equal(create(template, 5, &made), CKR_OK);
	assert_int_equal(C_DestroyObject(session, made), CKR_OK);
	assert_int_equal(count_of(CKO_PUBLIC_KEY), 0);
	assert_int_equal(create(template, 5, &again), CKR_OK);
	assert_int_equal(count_of(CKO_PUBLIC_KEY), 1);
	modulus[0] = 0xFE;
	assert_int_equal(create(template, 5, &made), CKR_TEMPLATE_INCONSISTENT);
}

/* On some cards it is the officer who makes keys; he sees the private ones that he has just made. */
static void
test_officer_makes_keys(void **state)
{
	static CK_BYTE p256[] = { 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07 };
	CK_ATTRIBUTE public[] = { BOOL(CKA_TOKEN, yes), { CKA_EC_PARAMS, p256, 10 } }, private = BOOL(CKA_TOKEN, yes);
	CK_MECHANISM mechanism = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE id = TEXT(CKA_ID, "id");
	CK_OBJECT_HANDLE handles[2], made;

	(void)state;
	assert_int_equal(login(CKU_SO, KEY), CKR_OK);
	assert_int_equal(C_GenerateKeyPair(session, &mechanism, public, 2, &private, 1, &handles[0], &handles[1]),
			 CKR_OK);
	assert_int_equal(number_value(handles[1], CKA_CLASS), CKO_PRIVATE_KEY);
	assert_int_equal(create_rsa(id, &made), CKR_OK);
	assert_int_equal(count_of(CKO_PRIVATE_KEY), 2);
	assert_int_equal(C_Logout(session), CKR_OK);
	assert_int_equal(count_of(CKO_PRIVATE_KEY), 0);
	assert_int_equal(login(CKU_SO, KEY), CKR_OK);
	assert_int_equal(count_of(CKO_PRIVATE_KEY), 0);
	/* a card on which it is not says so, and leaves him logged in */
	fake.generate = SCARD_W_CARD_NOT_AUTHENTICATED;
	assert_int_equal(C_GenerateKeyPair(session, &mechanism, public, 2, &private, 1, &handles[0], &handles[1]),
			 CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(state_now(), CKS_RW_SO_FUNCTIONS);
}

/* Failures -------------------------------------------------------------------------------------------------------------- */

/* Everything once, by user and officer; true when all went well. */
static bool
manage(void)
{
	CK_ATTRIBUTE file[] = { ULONG(CKA_CLASS, data), BOOL(CKA_TOKEN, yes), TEXT(CKA_VALUE, "value") };
	CK_ATTRIBUTE id = TEXT(CKA_ID, "id"), label = TEXT(CKA_LABEL, "new");
	CK_OBJECT_HANDLE made = 0;
	CK_RV rvs[10] = { 0 };
	bool good = true;

	fake.is_ca = true;
	rvs[0] = login(CKU_USER, "123456");
	rvs[1] = create_cert("cert", "\x01", &made);
	rvs[2] = create_cert("nobody", "", &made);
	rvs[3] = create_rsa(id, &made);
	rvs[4] = create(file, 3, &made);
	rvs[5] = C_SetAttributeValue(session, made, &label, 1);
	rvs[6] = C_Logout(session);
	rvs[7] = login(CKU_SO, KEY);
	rvs[8] = set_pin(KEY, OTHER_KEY);
	rvs[9] = C_Logout(session);
	for (size_t i = 0; i < ARRAY_SIZE(rvs); i++)
		good = good && rvs[i] == CKR_OK;
	return good;
}

/* Each allocation fails once; nobody falls over it, and the next attempt is like the first. */
static void
test_out_of_memory(void **state)
{
	bool fired = true;

	for (unsigned n = 1; fired && n < 500; n++) {
		assert_int_equal(tear_down(state), 0);
		assert_int_equal(set_up(state), 0);
		fault_arm(n);
		(void)manage();
		fired = fault_fired();
		fault_arm(0);
		(void)C_Logout(session);
		fake_reset();
		fake_writable();
		assert_true(manage());
	}
	assert_false(fired);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_officer_state),
		TEST(test_officer_key),
		TEST(test_officer_key_lengths),
		TEST(test_officer_flags),
		TEST(test_pin_at_reader),
		TEST(test_init_pin),
		TEST(test_init_pin_codes),
		TEST(test_set_pin),
		TEST(test_set_admin_key),
		TEST(test_unblock_by_set_pin),
		TEST(test_init_token_refusals),
		TEST(test_init_token_unsupported),
		TEST(test_init_token),
		TEST(test_who_may),
		TEST(test_certificates),
		TEST(test_roots),
		TEST(test_data),
		TEST(test_copies),
		TEST(test_import),
		TEST(test_import_templates),
		TEST(test_public_keys),
		TEST(test_officer_makes_keys),
		TEST(test_out_of_memory),
	};

	return cmocka_run_group_tests_name("management", tests, NULL, NULL);
}
