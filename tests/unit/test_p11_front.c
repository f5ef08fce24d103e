/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The front over a common part in memory: what no virtual card shows, above all keys that want their PIN for every
 * operation, logins that get lost, containers with two keys, and failures at each step.
 */
#include <string.h>

#include "lib/fakecsp.h"
#include "lib/fault.h"
#include "lib/test.h"
#include "p11/p11.h"

static CK_UTF8CHAR pin[] = "123456";
#define PIN pin, sizeof(pin) - 1

static CK_SESSION_HANDLE session;

static int
set_up(void **state)
{
	(void)state;
	fake_reset();
	if (C_Initialize(NULL) != CKR_OK)
		return -1;
	return C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &session) == CKR_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	return C_Finalize(NULL) == CKR_OK ? 0 : -1;
}

static CK_ULONG
find(CK_OBJECT_CLASS class, CK_OBJECT_HANDLE *ret_found, CK_ULONG max)
{
	CK_ATTRIBUTE template = { CKA_CLASS, &class, sizeof(class) };
	CK_ULONG count = 0;

	assert_int_equal(C_FindObjectsInit(session, &template, 1), CKR_OK);
	assert_int_equal(C_FindObjects(session, ret_found, max, &count), CKR_OK);
	assert_int_equal(C_FindObjectsFinal(session), CKR_OK);
	return count;
}

static CK_OBJECT_HANDLE
private_key(void)
{
	CK_OBJECT_HANDLE key = 0;

	assert_int_equal(find(CKO_PRIVATE_KEY, &key, 1), 1);
	return key;
}

static CK_RV
sign_init(void)
{
	CK_MECHANISM mechanism = { CKM_RSA_PKCS, NULL, 0 };

	return C_SignInit(session, &mechanism, private_key());
}

static CK_RV
sign(void)
{
	CK_BYTE signature[256], data[20] = { 0 };
	CK_ULONG len = sizeof(signature);

	return C_Sign(session, data, sizeof(data), signature, &len);
}

static CK_STATE
state_now(void)
{
	CK_SESSION_INFO info;

	assert_int_equal(C_GetSessionInfo(session, &info), CKR_OK);
	return info.state;
}

/* A logged-in session, some other operation done since, on a key that wants a PIN for each. */
static void
always_authenticate(void)
{
	fake.keys[0].always_authenticate = true;
	fake.keys[0].role = 3;
	assert_int_equal(C_Login(session, CKU_USER, PIN), CKR_OK);
	assert_int_equal(fake.login_role, CSP_ROLE_USER);
	assert_int_equal(sign_init(), CKR_OK);
	assert_int_equal(sign(), CKR_OK);
}

/* P-069 */
static void
test_context_login_serves_once(void **state)
{
	(void)state;
	always_authenticate();
	assert_int_equal(sign_init(), CKR_OK);
	assert_int_equal(sign(), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(fake.signs, 1);
	assert_int_equal(sign_init(), CKR_OK);
	assert_int_equal(C_Login(session, CKU_CONTEXT_SPECIFIC, PIN), CKR_OK);
	assert_int_equal(fake.login_role, 3);
	assert_int_equal(sign(), CKR_OK);
	assert_int_equal(fake.signs, 2);
	assert_int_equal(sign_init(), CKR_OK);
	assert_int_equal(sign(), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(state_now(), CKS_RO_USER_FUNCTIONS);
}

/* P-070 */
static void
test_fresh_login_suffices(void **state)
{
	(void)state;
	fake.keys[0].always_authenticate = true;
	assert_int_equal(C_Login(session, CKU_USER, PIN), CKR_OK);
	assert_int_equal(sign_init(), CKR_OK);
	assert_int_equal(sign(), CKR_OK);
	assert_int_equal(sign_init(), CKR_OK);
	assert_int_equal(sign(), CKR_USER_NOT_LOGGED_IN);
}

/* P-069: a series of messages wants the PIN for each of them. */
static void
test_context_login_for_each_message(void **state)
{
	CK_MECHANISM mechanism = { CKM_RSA_PKCS, NULL, 0 };
	CK_BYTE signature[256], data[20] = { 0 };
	CK_ULONG len = sizeof(signature);

	(void)state;
	always_authenticate();
	assert_int_equal(C_MessageSignInit(session, &mechanism, private_key()), CKR_OK);
	assert_int_equal(C_SignMessage(session, NULL, 0, data, 20, signature, &len), CKR_USER_NOT_LOGGED_IN);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(C_Login(session, CKU_CONTEXT_SPECIFIC, PIN), CKR_OK);
		assert_int_equal(C_SignMessage(session, NULL, 0, data, 20, signature, &len), CKR_OK);
		assert_int_equal(C_SignMessage(session, NULL, 0, data, 20, signature, &len), CKR_USER_NOT_LOGGED_IN);
	}
	assert_int_equal(fake.signs, 3);
	assert_int_equal(C_MessageSignFinal(session), CKR_OK);
}

/* P-071 */
static void
test_size_query_keeps_context_login(void **state)
{
	CK_BYTE data[20] = { 0 }, byte;
	CK_ULONG len = 0;

	(void)state;
	always_authenticate();
	assert_int_equal(sign_init(), CKR_OK);
	assert_int_equal(C_Sign(session, data, sizeof(data), NULL, &len), CKR_OK);
	assert_int_equal(C_Login(session, CKU_CONTEXT_SPECIFIC, PIN), CKR_OK);
	assert_int_equal(C_Sign(session, data, sizeof(data), NULL, &len), CKR_OK);
	len = 1;
	assert_int_equal(C_Sign(session, data, sizeof(data), &byte, &len), CKR_BUFFER_TOO_SMALL);
	/* pkcs11-tool logs in again before each of its calls */
	assert_int_equal(C_Login(session, CKU_CONTEXT_SPECIFIC, PIN), CKR_OK);
	assert_int_equal(sign(), CKR_OK);
}

/* P-068 */
static void
test_context_login_without_operation(void **state)
{
	(void)state;
	assert_int_equal(C_Login(session, CKU_CONTEXT_SPECIFIC, PIN), CKR_OPERATION_NOT_INITIALIZED);
	always_authenticate();
	assert_int_equal(C_Login(session, CKU_CONTEXT_SPECIFIC, PIN), CKR_OPERATION_NOT_INITIALIZED);
	fake.keys[0].always_authenticate = false;
	assert_int_equal(sign_init(), CKR_OK);
	assert_int_equal(C_Login(session, CKU_CONTEXT_SPECIFIC, PIN), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(sign(), CKR_OK);
	assert_int_equal(fake.logins_once, 0);
}

/* P-072 */
static void
test_wrong_context_pin(void **state)
{
	(void)state;
	always_authenticate();
	assert_int_equal(sign_init(), CKR_OK);
	assert_int_equal(C_Login(session, CKU_CONTEXT_SPECIFIC, NULL, 0), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_Login(session, CKU_CONTEXT_SPECIFIC, pin, 0), CKR_PIN_INCORRECT);
	assert_int_equal(fake.logins_once, 0);
	fake.login_once = SCARD_W_WRONG_CHV;
	assert_int_equal(C_Login(session, CKU_CONTEXT_SPECIFIC, PIN), CKR_PIN_INCORRECT);
	fake.login_once = SCARD_S_SUCCESS;
	assert_int_equal(C_Login(session, CKU_CONTEXT_SPECIFIC, PIN), CKR_OK);
	assert_int_equal(sign(), CKR_OK);
}

/* P-072 */
static void
test_locked_context_pin(void **state)
{
	(void)state;
	always_authenticate();
	assert_int_equal(sign_init(), CKR_OK);
	fake.login_once = SCARD_W_CHV_BLOCKED;
	assert_int_equal(C_Login(session, CKU_CONTEXT_SPECIFIC, PIN), CKR_PIN_LOCKED);
	assert_int_equal(state_now(), CKS_RO_PUBLIC_SESSION);
	assert_int_equal(fake.logouts, 1);
	assert_int_equal(sign(), CKR_OPERATION_NOT_INITIALIZED);
}

/* P-074: the card no longer takes the PIN that was kept; the application can log in again */
static void
test_lost_login(void **state)
{
	(void)state;
	assert_int_equal(C_Login(session, CKU_USER, PIN), CKR_OK);
	assert_int_equal(sign_init(), CKR_OK);
	fake.sign = SCARD_W_CARD_NOT_AUTHENTICATED;
	assert_int_equal(sign(), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(state_now(), CKS_RO_PUBLIC_SESSION);
	fake.sign = SCARD_S_SUCCESS;
	assert_int_equal(C_Login(session, CKU_USER, PIN), CKR_OK);
	assert_int_equal(sign_init(), CKR_OK);
	assert_int_equal(sign(), CKR_OK);
}

static void
assert_id(CK_OBJECT_HANDLE object, const char *id, CK_ULONG len)
{
	CK_BYTE value[8];
	CK_ATTRIBUTE attribute = { CKA_ID, value, sizeof(value) };

	assert_int_equal(C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
	assert_int_equal(attribute.ulValueLen, len);
	assert_memory_equal(value, id, len);
}

/* P-094: two keys of one container are told apart, and have the right uses */
static void
test_container_with_two_keys(void **state)
{
	CK_OBJECT_HANDLE found[4];

	(void)state;
	fake.key_count = 0;
	fake_add_key(5, true)->other_slot_used = true;
	fake_add_key(5, false)->other_slot_used = true;
	fake_add_key(6, false);
	assert_int_equal(find(CKO_PUBLIC_KEY, found, 4), 3);
	assert_id(found[0], "\x05", 1);
	assert_id(found[1], "\x05\x02", 2);
	assert_id(found[2], "\x06", 1);
}

/* P-110: keys that stay keep their handles, those that go take theirs with them */
static void
test_handles_when_the_view_changes(void **state)
{
	CK_OBJECT_HANDLE before[4], after[4];
	CK_ATTRIBUTE attribute = { CKA_CLASS, NULL, 0 };

	(void)state;
	fake_add_key(1, true);
	assert_int_equal(find(CKO_PUBLIC_KEY, before, 4), 2);
	fake.keys[0] = fake.keys[1];
	fake.keys[1].id = 77;
	fake.view++;
	assert_int_equal(find(CKO_PUBLIC_KEY, after, 4), 2);
	assert_true(after[0] == before[1]);
	assert_true(after[1] != before[0] && after[1] != before[1]);
	assert_int_equal(C_GetAttributeValue(session, before[0], &attribute, 1), CKR_OBJECT_HANDLE_INVALID);
}

/* A search by class and container looks at no certificate and no public key of the others. */
static void
test_search_order(void **state)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_BYTE id = 1, subject[] = { 0x30, 0x00 };
	CK_ATTRIBUTE template[] = { { CKA_SUBJECT, subject, 2 },
				    { CKA_ID, &id, 1 },
				    { CKA_CLASS, &class, sizeof(class) } };

	(void)state;
	for (uint8_t i = 1; i < 4; i++)
		fake_add_key(i, true);
	for (size_t i = 0; i < 4; i++)
		fake.keys[i].has_cert = true;
	assert_int_equal(C_FindObjectsInit(session, template, 3), CKR_OK);
	assert_int_equal(C_FindObjectsFinal(session), CKR_OK);
	assert_int_equal(fake.certs, 1);
	assert_int_equal(fake.publics, 0);
	class = CKO_PRIVATE_KEY;
	assert_int_equal(C_FindObjectsInit(session, &template[1], 2), CKR_OK);
	assert_int_equal(C_FindObjectsFinal(session), CKR_OK);
	assert_int_equal(fake.certs, 1);
	class = CKO_DOMAIN_PARAMETERS;
	fake.refreshes = 0;
	assert_int_equal(C_FindObjectsInit(session, template, 3), CKR_OK);
	assert_int_equal(C_FindObjectsFinal(session), CKR_OK);
	assert_int_equal(fake.refreshes, 0);
}

/* What cannot be read hides itself; a card in trouble is an error; and the search is not begun then. */
static void
test_failures_in_search(void **state)
{
	CK_OBJECT_HANDLE found[4];

	(void)state;
	fake.keys[0].has_cert = true;
	assert_int_equal(find(CKO_CERTIFICATE, found, 4), 1);
	fake.cert = SCARD_E_FILE_NOT_FOUND;
	assert_int_equal(find(CKO_CERTIFICATE, found, 4), 0);
	assert_int_equal(find(CKO_PUBLIC_KEY, found, 4), 1);
	fake.cert = SCARD_E_COMM_DATA_LOST;
	assert_int_equal(C_FindObjectsInit(session, NULL, 0), CKR_DEVICE_ERROR);
	assert_int_equal(C_FindObjectsFinal(session), CKR_OPERATION_NOT_INITIALIZED);
	fake.refresh = SCARD_E_NO_MEMORY;
	assert_int_equal(C_FindObjectsInit(session, NULL, 0), CKR_HOST_MEMORY);
}

static void
test_unreadable_public_key(void **state)
{
	CK_OBJECT_HANDLE key;
	CK_BYTE modulus[256], label[64];
	CK_ATTRIBUTE template[] = { { CKA_MODULUS, modulus, sizeof(modulus) }, { CKA_LABEL, label, sizeof(label) } };

	(void)state;
	assert_int_equal(find(CKO_PUBLIC_KEY, &key, 1), 1);
	fake.public = SCARD_E_NO_KEY_CONTAINER;
	assert_int_equal(C_GetAttributeValue(session, key, template, 2), CKR_ATTRIBUTE_TYPE_INVALID);
	assert_int_equal(template[1].ulValueLen, 4);
	fake.public = SCARD_E_COMM_DATA_LOST;
	assert_int_equal(C_GetAttributeValue(session, key, template, 1), CKR_DEVICE_ERROR);
}

/* P-054: whoever notices, the sessions are over */
static void
test_removal_during_a_call(void **state)
{
	CK_SESSION_HANDLE other;
	CK_SESSION_INFO info;

	(void)state;
	assert_int_equal(C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &other), CKR_OK);
	assert_int_equal(C_Login(session, CKU_USER, PIN), CKR_OK);
	assert_int_equal(sign_init(), CKR_OK);
	fake.sign = SCARD_W_REMOVED_CARD;
	assert_int_equal(sign(), CKR_DEVICE_REMOVED);
	assert_int_equal(C_GetSessionInfo(session, &info), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(C_GetSessionInfo(other, &info), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(C_CloseSession(other), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &other), CKR_OK);
	assert_int_equal(C_GetSessionInfo(other, &info), CKR_OK);
	assert_int_equal(info.state, CKS_RO_PUBLIC_SESSION);
}

/* P-055: a card that is another one now, seen only through its generation */
static void
test_exchanged_card(void **state)
{
	CK_OBJECT_HANDLE key;
	CK_ATTRIBUTE attribute = { CKA_CLASS, NULL, 0 };

	(void)state;
	assert_int_equal(find(CKO_PUBLIC_KEY, &key, 1), 1);
	fake.generation++;
	assert_int_equal(C_GetAttributeValue(session, key, &attribute, 1), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_OK);
	assert_int_equal(C_GetAttributeValue(session, key, &attribute, 1), CKR_OBJECT_HANDLE_INVALID);
}

/* P-033, P-034, P-112's flag */
static void
test_token_flags(void **state)
{
	CK_TOKEN_INFO info;
	CK_SESSION_HANDLE writing;

	(void)state;
	fake.token.read_only = true;
	fake.token.login_required = false;
	fake.token.tries_left = CSP_UNKNOWN;
	fake.token.tries_max = CSP_UNKNOWN;
	assert_int_equal(C_GetTokenInfo(1, &info), CKR_OK);
	assert_int_equal(info.flags, CKF_RNG | CKF_WRITE_PROTECTED | CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED);
	assert_int_equal(info.ulMinPinLen, 4);
	assert_int_equal(info.ulMaxPinLen, 127);
	assert_int_equal(C_OpenSession(1, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &writing), CKR_OK);
	fake.token_code = SCARD_E_COMM_DATA_LOST;
	assert_int_equal(C_GetTokenInfo(1, &info), CKR_DEVICE_ERROR);
	fake.token_code = SCARD_S_SUCCESS;
	fake.present = false;
	fake.generation++;
	assert_int_equal(C_GetTokenInfo(1, &info), CKR_TOKEN_NOT_PRESENT);
}

/* P-112: that the card cannot be written comes before that the session cannot write */
static void
test_read_only_card(void **state)
{
	static CK_BYTE p256[] = { 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07 };
	CK_MECHANISM mechanism = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE template[] = { { CKA_TOKEN, &yes, 1 }, { CKA_EC_PARAMS, p256, sizeof(p256) } };
	CK_OBJECT_HANDLE public, private;
	CK_SESSION_HANDLE writing;

	(void)state;
	assert_int_equal(C_Login(session, CKU_USER, PIN), CKR_OK);
	assert_int_equal(C_OpenSession(1, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &writing), CKR_OK);
	for (int i = 0; i < 2; i++) {
		const CK_SESSION_HANDLE s = i == 0 ? session : writing;

		assert_int_equal(C_GenerateKeyPair(s, &mechanism, template, 2, template, 1, &public, &private),
				 CKR_TOKEN_WRITE_PROTECTED);
		assert_int_equal(C_DestroyObject(s, private_key()), CKR_TOKEN_WRITE_PROTECTED);
	}
}

/* Login codes of the card, and that only success logs in. */
static void
test_login_codes(void **state)
{
	static const struct {
		DWORD code;
		CK_RV rv;
	} cases[] = {
		{ SCARD_W_WRONG_CHV, CKR_PIN_INCORRECT },
		{ SCARD_W_CHV_BLOCKED, CKR_PIN_LOCKED },
		{ SCARD_E_INVALID_PARAMETER, CKR_PIN_INCORRECT },
		{ SCARD_E_UNSUPPORTED_FEATURE, CKR_USER_PIN_NOT_INITIALIZED },
		{ SCARD_W_CANCELLED_BY_USER, CKR_FUNCTION_CANCELED },
		{ SCARD_E_SHARING_VIOLATION, CKR_DEVICE_ERROR },
		{ SCARD_E_NO_MEMORY, CKR_HOST_MEMORY },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fake.login = cases[i].code;
		assert_int_equal(C_Login(session, CKU_USER, PIN), cases[i].rv);
		assert_int_equal(state_now(), CKS_RO_PUBLIC_SESSION);
	}
	assert_int_equal(fake.logins, ARRAY_SIZE(cases));
	fake.login = SCARD_S_SUCCESS;
	assert_int_equal(C_Login(session, CKU_USER, PIN), CKR_OK);
}

/* One search with all that belongs to it. */
static CK_RV
list_once(void)
{
	CK_BYTE label[64];
	CK_ATTRIBUTE attribute = { CKA_LABEL, label, sizeof(label) };
	CK_SESSION_HANDLE own;
	CK_OBJECT_HANDLE found;
	CK_ULONG count = 0;
	CK_RV rv;

	if ((rv = C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &own)) != CKR_OK)
		return rv;
	rv = C_FindObjectsInit(own, NULL, 0);
	if (rv == CKR_OK)
		rv = C_FindObjects(own, &found, 1, &count);
	if (rv == CKR_OK)
		rv = C_GetAttributeValue(own, found, &attribute, 1);
	(void)C_CloseSession(own);
	return rv;
}

/* Each allocation fails in turn: the call says so, and the next one works. Leaks are the sanitizer's to find. */
static void
test_out_of_memory(void **state)
{
	unsigned n;
	CK_RV rv;

	(void)state;
	for (n = 1; fault_arm(n), rv = list_once(), fault_fired(); n++) {
		assert_int_equal(rv, CKR_HOST_MEMORY);
		fake.view++;
		assert_int_equal(list_once(), CKR_OK);
		assert_int_equal(C_CloseAllSessions(1), CKR_OK);
		fake.generation++; /* the objects are listed anew, too */
	}
	assert_int_equal(rv, CKR_OK);
	assert_true(n > 4);
}

/* An object of each way of making one. */
static CK_RV
make_objects(CK_SESSION_HANDLE own, CK_OBJECT_HANDLE card_key)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_BBOOL no = CK_FALSE;
	CK_BYTE bytes[100] = { 0 };
	CK_ULONG len = sizeof(bytes);
	CK_MECHANISM generate = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) },
				    { CKA_KEY_TYPE, &type, sizeof(type) },
				    { CKA_VALUE, bytes, sizeof(bytes) } };
	CK_ATTRIBUTE label = { CKA_LABEL, bytes, sizeof(bytes) }, here = { CKA_TOKEN, &no, 1 },
		     size = { CKA_VALUE_LEN, &len, sizeof(len) }, check = { CKA_CHECK_VALUE, bytes, sizeof(bytes) };
	CK_OBJECT_HANDLE made, copied;
	CK_RV rv;

	if ((rv = C_CreateObject(own, template, 3, &made)) != CKR_OK ||
	    (rv = C_CopyObject(own, made, &label, 1, &copied)) != CKR_OK ||
	    (rv = C_SetAttributeValue(own, made, &label, 1)) != CKR_OK ||
	    (rv = C_CopyObject(own, card_key, &here, 1, &copied)) != CKR_OK ||
	    (rv = C_GetAttributeValue(own, made, &check, 1)) != CKR_OK)
		return rv;
	return C_GenerateKey(own, &generate, &size, 1, &made);
}

/* The same for objects in memory; nothing half made is left. */
static void
test_out_of_memory_for_objects(void **state)
{
	CK_SESSION_HANDLE own;
	CK_OBJECT_HANDLE card_key, found;
	bool fired = true;
	CK_RV rv;

	(void)state;
	assert_int_equal(C_Login(session, CKU_USER, PIN), CKR_OK);
	assert_int_equal(find(CKO_PUBLIC_KEY, &card_key, 1), 1);
	for (unsigned n = 1; fired; n++) {
		assert_int_equal(C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &own), CKR_OK);
		fault_arm(n);
		rv = make_objects(own, card_key);
		fired = fault_fired();
		assert_int_equal(rv, fired ? CKR_HOST_MEMORY : CKR_OK);
		assert_true(fired || n > 20);
		assert_int_equal(C_CloseSession(own), CKR_OK);
		assert_int_equal(find(CKO_SECRET_KEY, &found, 1), 0);
		assert_int_equal(find(CKO_PUBLIC_KEY, &found, 1), 1);
	}
}

static void
test_out_of_memory_at_start(void **state)
{
	unsigned n;
	CK_RV rv;

	(void)state;
	assert_int_equal(C_Finalize(NULL), CKR_OK);
	for (n = 1; fault_arm(n), rv = C_Initialize(NULL), fault_fired(); n++) {
		assert_int_equal(rv, CKR_HOST_MEMORY);
		assert_int_equal(C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	}
	assert_int_equal(rv, CKR_OK);
	assert_true(n > 2);
}

typedef CK_RV (*init)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE);

static CK_RV
init_with(init function, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key)
{
	CK_MECHANISM mechanism = { type, NULL, 0 };

	return function(session, &mechanism, key);
}

/* P-118: a key that only decrypts, and one that only signs */
static void
test_permission(void **state)
{
	const init signs[] = { C_SignInit, C_SignRecoverInit, C_MessageSignInit };
	const init verifies[] = { C_VerifyInit, C_VerifyRecoverInit, C_MessageVerifyInit };
	CK_OBJECT_HANDLE private[2], public[2];

	(void)state;
	fake.keys[0].can_sign = false;
	fake_add_key(1, false)->can_decrypt = false;
	assert_int_equal(C_Login(session, CKU_USER, PIN), CKR_OK);
	assert_int_equal(find(CKO_PRIVATE_KEY, private, 2), 2);
	assert_int_equal(find(CKO_PUBLIC_KEY, public, 2), 2);
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		assert_int_equal(init_with(signs[i], CKM_RSA_PKCS, private[0]), CKR_KEY_FUNCTION_NOT_PERMITTED);
		assert_int_equal(init_with(verifies[i], CKM_RSA_PKCS, public[0]), CKR_KEY_FUNCTION_NOT_PERMITTED);
		/* the type is wrong as well */
		assert_int_equal(init_with(signs[i], CKM_RSA_PKCS, public[0]), CKR_KEY_TYPE_INCONSISTENT);
		assert_int_equal(init_with(verifies[i], CKM_RSA_PKCS, private[0]), CKR_KEY_TYPE_INCONSISTENT);
		assert_int_equal(init_with(signs[i], CKM_RSA_PKCS, private[1]), CKR_OK);
	}
	assert_int_equal(init_with(C_SignInit, CKM_RSA_PKCS, private[0]), CKR_OPERATION_ACTIVE);
	assert_int_equal(C_SignInit(session, NULL, 0), CKR_OK);
	assert_int_equal(init_with(C_SignInit, CKM_ECDSA, private[0]), CKR_KEY_TYPE_INCONSISTENT);
	assert_int_equal(init_with(C_DecryptInit, CKM_RSA_PKCS, private[1]), CKR_KEY_FUNCTION_NOT_PERMITTED);
	assert_int_equal(init_with(C_EncryptInit, CKM_RSA_PKCS, public[1]), CKR_KEY_FUNCTION_NOT_PERMITTED);
	assert_int_equal(init_with(C_DecryptInit, CKM_RSA_PKCS, public[1]), CKR_KEY_TYPE_INCONSISTENT);
	assert_int_equal(init_with(C_DecryptInit, CKM_RSA_PKCS, private[0]), CKR_OK);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_context_login_serves_once),
		TEST(test_fresh_login_suffices),
		TEST(test_context_login_for_each_message),
		TEST(test_size_query_keeps_context_login),
		TEST(test_context_login_without_operation),
		TEST(test_wrong_context_pin),
		TEST(test_locked_context_pin),
		TEST(test_lost_login),
		TEST(test_container_with_two_keys),
		TEST(test_handles_when_the_view_changes),
		TEST(test_search_order),
		TEST(test_failures_in_search),
		TEST(test_unreadable_public_key),
		TEST(test_removal_during_a_call),
		TEST(test_exchanged_card),
		TEST(test_token_flags),
		TEST(test_read_only_card),
		TEST(test_login_codes),
		TEST(test_permission),
		TEST(test_out_of_memory),
		TEST(test_out_of_memory_for_objects),
		TEST(test_out_of_memory_at_start),
	};

	return cmocka_run_group_tests_name("p11 front", tests, NULL, NULL);
}
