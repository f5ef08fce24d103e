/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Careless and hostile callers, every function of the list one after the other: in every state, with every pointer
 * missing, with counts and parameter sizes that are wrong. Catalogue C1, C2, C4 to C9; fuzz_calls combines them.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "module/ops.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ALL_ONES ((CK_ULONG)-1)

static void
expect(const char *call, CK_RV rv, CK_RV expected)
{
	if (rv != expected)
		fail_msg("%s: 0x%lX and not 0x%lX", call, rv, expected);
}

/* Every function --------------------------------------------------------------------------------------------------- */

static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE private_key, public_key, profile;
static CK_BYTE in[32], out[8192];
static CK_ULONG len;
static CK_SLOT_ID slot;
static CK_SESSION_HANDLE new_session;
static CK_OBJECT_HANDLE object, other_object;
static CK_MECHANISM pkcs1 = { CKM_SHA256_RSA_PKCS, NULL, 0 }, cipher = { CKM_RSA_PKCS, NULL, 0 };
static CK_MECHANISM hash = { CKM_SHA256, NULL, 0 };
static CK_UTF8CHAR pin[] = MT_PIN;
static CK_ATTRIBUTE attribute = { CKA_LABEL, out, sizeof(out) };

static union {
	CK_INFO library;
	CK_SLOT_INFO slot;
	CK_TOKEN_INFO token;
	CK_MECHANISM_INFO mechanism;
	CK_SESSION_INFO session;
} info;

/* clang-format off */
#define FUNCTIONS_WITHOUT_SESSION(X) \
	X(C_Finalize, NULL) X(C_GetInfo, &info.library) X(C_GetSlotList, CK_FALSE, NULL, &len) \
	X(C_GetSlotInfo, 1, &info.slot) X(C_GetTokenInfo, 1, &info.token) X(C_GetMechanismList, 1, NULL, &len) \
	X(C_GetMechanismInfo, 1, CKM_RSA_PKCS, &info.mechanism) X(C_InitToken, 1, pin, 6, out) \
	X(C_OpenSession, 1, CKF_SERIAL_SESSION, NULL, NULL, &new_session) X(C_CloseAllSessions, 1) \
	X(C_WaitForSlotEvent, CKF_DONT_BLOCK, &slot, NULL)
#define FUNCTIONS_WITH_SESSION(X) \
	X(C_InitPIN, session, pin, 6) X(C_SetPIN, session, pin, 6, pin, 6) X(C_CloseSession, session) \
	X(C_GetSessionInfo, session, &info.session) X(C_GetOperationState, session, out, &len) \
	X(C_SetOperationState, session, in, 32, 0, 0) X(C_Login, session, CKU_USER, pin, 6) X(C_Logout, session) \
	X(C_CreateObject, session, &attribute, 1, &object) X(C_CopyObject, session, public_key, &attribute, 1, &object) \
	X(C_DestroyObject, session, profile) X(C_GetObjectSize, session, public_key, &len) \
	X(C_GetAttributeValue, session, public_key, &attribute, 1) \
	X(C_SetAttributeValue, session, public_key, &attribute, 1) X(C_FindObjectsInit, session, &attribute, 1) \
	X(C_FindObjects, session, &object, 1, &len) X(C_FindObjectsFinal, session) \
	X(C_EncryptInit, session, &cipher, public_key) X(C_Encrypt, session, in, 32, out, &len) \
	X(C_EncryptUpdate, session, in, 32, out, &len) X(C_EncryptFinal, session, out, &len) \
	X(C_DecryptInit, session, &cipher, private_key) X(C_Decrypt, session, in, 32, out, &len) \
	X(C_DecryptUpdate, session, in, 32, out, &len) X(C_DecryptFinal, session, out, &len) \
	X(C_DigestInit, session, &hash) X(C_Digest, session, in, 32, out, &len) X(C_DigestUpdate, session, in, 32) \
	X(C_DigestKey, session, private_key) X(C_DigestFinal, session, out, &len) \
	X(C_SignInit, session, &pkcs1, private_key) X(C_Sign, session, in, 32, out, &len) \
	X(C_SignUpdate, session, in, 32) X(C_SignFinal, session, out, &len) \
	X(C_SignRecoverInit, session, &pkcs1, private_key) X(C_SignRecover, session, in, 32, out, &len) \
	X(C_VerifyInit, session, &pkcs1, public_key) X(C_Verify, session, in, 32, out, 256) \
	X(C_VerifyUpdate, session, in, 32) X(C_VerifyFinal, session, out, 256) \
	X(C_VerifyRecoverInit, session, &pkcs1, public_key) X(C_VerifyRecover, session, in, 32, out, &len) \
	X(C_DigestEncryptUpdate, session, in, 32, out, &len) X(C_DecryptDigestUpdate, session, in, 32, out, &len) \
	X(C_SignEncryptUpdate, session, in, 32, out, &len) X(C_DecryptVerifyUpdate, session, in, 32, out, &len) \
	X(C_GenerateKey, session, &pkcs1, &attribute, 1, &object) \
	X(C_GenerateKeyPair, session, &pkcs1, &attribute, 1, &attribute, 1, &object, &other_object) \
	X(C_WrapKey, session, &pkcs1, public_key, private_key, out, &len) \
	X(C_UnwrapKey, session, &pkcs1, private_key, in, 32, &attribute, 1, &object) \
	X(C_DeriveKey, session, &pkcs1, private_key, &attribute, 1, &object) X(C_SeedRandom, session, in, 32) \
	X(C_GenerateRandom, session, out, 32) X(C_GetFunctionStatus, session) X(C_CancelFunction, session) \
	X(C_LoginUser, session, CKU_USER, pin, 6, in, 5) X(C_SessionCancel, session, CKF_SIGN) \
	X(C_MessageEncryptInit, session, &cipher, public_key) \
	X(C_EncryptMessage, session, NULL, 0, NULL, 0, in, 32, out, &len) \
	X(C_EncryptMessageBegin, session, NULL, 0, NULL, 0) \
	X(C_EncryptMessageNext, session, NULL, 0, in, 32, out, &len, 0) X(C_MessageEncryptFinal, session) \
	X(C_MessageDecryptInit, session, &cipher, private_key) \
	X(C_DecryptMessage, session, NULL, 0, NULL, 0, in, 32, out, &len) \
	X(C_DecryptMessageBegin, session, NULL, 0, NULL, 0) \
	X(C_DecryptMessageNext, session, NULL, 0, in, 32, out, &len, 0) X(C_MessageDecryptFinal, session) \
	X(C_MessageSignInit, session, &pkcs1, private_key) X(C_SignMessage, session, NULL, 0, in, 32, out, &len) \
	X(C_SignMessageBegin, session, NULL, 0) X(C_SignMessageNext, session, NULL, 0, in, 32, out, &len) \
	X(C_MessageSignFinal, session) X(C_MessageVerifyInit, session, &pkcs1, public_key) \
	X(C_VerifyMessage, session, NULL, 0, in, 32, out, 256) X(C_VerifyMessageBegin, session, NULL, 0) \
	X(C_VerifyMessageNext, session, NULL, 0, in, 32, out, 256) X(C_MessageVerifyFinal, session)

#define DEFINE(name, ...) static CK_RV try_##name(void) { len = sizeof(out); return mt3->name(__VA_ARGS__); }
FUNCTIONS_WITHOUT_SESSION(DEFINE)
FUNCTIONS_WITH_SESSION(DEFINE)

#define ROW(name, ...) { #name, try_##name },
static const struct function {
	const char *name;
	CK_RV (*call)(void);
} functions[] = { FUNCTIONS_WITHOUT_SESSION(ROW) FUNCTIONS_WITH_SESSION(ROW) };
static const struct function session_functions[] = { FUNCTIONS_WITH_SESSION(ROW) };
/* clang-format on */

/* All but C_Initialize and the three that name the others. */
static void
test_list_is_whole(void **state)
{
	(void)state;
	assert_int_equal(COUNT(functions), 92 - 4);
}

/* 0, or the number of the first function that thinks it is initialised. */
static int
not_initialised(void)
{
	for (size_t i = 0; i < COUNT(functions); i++)
		if (functions[i].call() != CKR_CRYPTOKI_NOT_INITIALIZED)
			return (int)i + 1;
	return 0;
}

/* C4: P-011, P-019 */
static void
test_not_initialised(void **state)
{
	(void)state;
	assert_int_equal(not_initialised(), 0);
	session = mt_start_user();
	private_key = mt_object(session, CKO_PRIVATE_KEY, 0);
	assert_int_equal(mt_in_child(not_initialised), 0);
	assert_rv(mt_sign(session), CKR_OK);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	assert_int_equal(not_initialised(), 0);
}

/* C5: P-049 */
static void
test_no_such_session(void **state)
{
	CK_SESSION_HANDLE wrong[] = { CK_INVALID_HANDLE, ALL_ONES, 0x100000001u, 0, 0 };

	(void)state;
	wrong[3] = mt_start_user();
	private_key = mt_object(wrong[3], CKO_PRIVATE_KEY, 0);
	public_key = mt_object(wrong[3], CKO_PUBLIC_KEY, 0);
	assert_rv(mt->C_CloseSession(wrong[3]), CKR_OK);
	wrong[4] = mt_open(0) + 1;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		session = wrong[i];
		for (size_t k = 0; k < COUNT(session_functions); k++)
			expect(session_functions[k].name, session_functions[k].call(), CKR_SESSION_HANDLE_INVALID);
	}
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

#define CANCEL_ALL (CKF_FIND_OBJECTS | CKF_ENCRYPT | CKF_DECRYPT | CKF_DIGEST | CKF_SIGN | CKF_VERIFY)

/* Everything that a session can be doing at once, anew. */
static void
begin_all(void)
{
	assert_rv(mt3->C_SessionCancel(session, CANCEL_ALL), CKR_OK);
	assert_rv(mt->C_FindObjectsInit(session, NULL, 0), CKR_OK);
	assert_rv(mt->C_EncryptInit(session, &cipher, public_key), CKR_OK);
	assert_rv(mt->C_DecryptInit(session, &cipher, private_key), CKR_OK);
	assert_rv(mt->C_DigestInit(session, &hash), CKR_OK);
	assert_rv(mt->C_SignInit(session, &pkcs1, private_key), CKR_OK);
	assert_rv(mt->C_VerifyInit(session, &pkcs1, public_key), CKR_OK);
}

/* A session in which the user is logged in, the keys of container 0, and something that cannot be destroyed. */
static void
enter(void)
{
	CK_OBJECT_CLASS class = CKO_PROFILE;
	CK_ATTRIBUTE profiles = { CKA_CLASS, &class, sizeof(class) };
	CK_OBJECT_HANDLE found[4];

	session = mt_open(CKF_RW_SESSION);
	assert_rv(mt_login(session, MT_PIN), CKR_OK);
	private_key = mt_object(session, CKO_PRIVATE_KEY, 0);
	public_key = mt_object(session, CKO_PUBLIC_KEY, 0);
	assert_int_equal(mt_find(session, &profiles, 1, found, COUNT(found)), COUNT(found));
	profile = found[0];
}

static bool
has_a_reason(CK_RV rv)
{
	return rv != CKR_GENERAL_ERROR && rv != CKR_HOST_MEMORY && rv != CKR_FUNCTION_FAILED &&
	       rv != CKR_CRYPTOKI_NOT_INITIALIZED && rv != CKR_SESSION_HANDLE_INVALID && rv != CKR_DEVICE_ERROR;
}

/* C4: with nobody logged in, with the user logged in, in the midst of all operations */
static void
test_every_function_in_every_state(void **state)
{
	(void)state;
	mt_initialize();
	for (size_t i = 0; i < 3 * COUNT(session_functions); i++) {
		const struct function *f = &session_functions[i / 3];

		enter();
		if (i % 3 == 0)
			assert_rv(mt->C_Logout(session), CKR_OK);
		if (i % 3 == 2)
			begin_all();
		if (!has_a_reason(f->call()))
			fail_msg("%s in state %zu", f->name, i % 3);
		assert_rv(mt->C_CloseAllSessions(1), CKR_OK);
	}
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

/* C4, P-054: the card has gone in the midst of all operations */
static void
test_every_function_after_removal(void **state)
{
	(void)state;
	mt_initialize();
	for (size_t i = 0; i < COUNT(session_functions); i++) {
		CK_RV rv;

		enter();
		begin_all();
		mt_remove(MT_READER);
		rv = session_functions[i].call();
		if (rv == CKR_GENERAL_ERROR || rv == CKR_HOST_MEMORY || rv == CKR_FUNCTION_FAILED)
			fail_msg("%s: 0x%lX", session_functions[i].name, rv);
		expect("C_GetSessionInfo", mt->C_GetSessionInfo(session, &info.session), CKR_SESSION_HANDLE_INVALID);
		mt_insert(MT_READER, MT_ALICE);
	}
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

/* Arguments -------------------------------------------------------------------------------------------------------- */

#define GIVES(expected, name, ...)                                                                                     \
	do {                                                                                                           \
		begin_all();                                                                                           \
		len = sizeof(out);                                                                                     \
		expect(#name "(" #__VA_ARGS__ ")", mt3->name(__VA_ARGS__), expected);                                  \
	} while (0)
#define REFUSED(name, ...) GIVES(CKR_ARGUMENTS_BAD, name, __VA_ARGS__)
#define ACCEPTED(name, ...) GIVES(CKR_OK, name, __VA_ARGS__)

static void
missing_pointers_of_slots_and_objects(void)
{
	CK_ATTRIBUTE lying = { CKA_ID, NULL, 1 };

	REFUSED(C_GetInfo, NULL);
	REFUSED(C_GetSlotList, CK_FALSE, NULL, NULL);
	REFUSED(C_GetSlotList, CK_FALSE, &slot, NULL);
	REFUSED(C_GetSlotInfo, 1, NULL);
	REFUSED(C_GetTokenInfo, 1, NULL);
	REFUSED(C_GetMechanismList, 1, NULL, NULL);
	REFUSED(C_GetMechanismList, 1, (CK_MECHANISM_TYPE *)(void *)out, NULL);
	REFUSED(C_GetMechanismInfo, 1, CKM_RSA_PKCS, NULL);
	REFUSED(C_WaitForSlotEvent, CKF_DONT_BLOCK, NULL, NULL);
	REFUSED(C_OpenSession, 1, CKF_SERIAL_SESSION, NULL, NULL, NULL);
	REFUSED(C_GetSessionInfo, session, NULL);
	REFUSED(C_InitPIN, session, NULL, 6);
	REFUSED(C_SetPIN, session, NULL, 6, pin, 6);
	REFUSED(C_SetPIN, session, pin, 6, NULL, 6);
	REFUSED(C_SetPIN, session, NULL, 6, NULL, 6);
	REFUSED(C_FindObjectsInit, session, NULL, 1);
	REFUSED(C_FindObjectsInit, session, &lying, 1);
	REFUSED(C_FindObjects, session, NULL, 1, &len);
	REFUSED(C_FindObjects, session, &object, 1, NULL);
	REFUSED(C_FindObjects, session, NULL, 1, NULL);
	REFUSED(C_GetAttributeValue, session, public_key, NULL, 1);
	ACCEPTED(C_GetAttributeValue, session, public_key, &lying, 1); /* a question for the size */
	REFUSED(C_GetObjectSize, session, public_key, NULL);
	REFUSED(C_SeedRandom, session, NULL, 1);
	REFUSED(C_GenerateRandom, session, NULL, 1);
}

static void
missing_pointers_of_operations(void)
{
	REFUSED(C_Sign, session, NULL, 32, out, &len);
	REFUSED(C_Sign, session, NULL, 32, NULL, &len);
	REFUSED(C_Sign, session, in, 32, out, NULL);
	REFUSED(C_Sign, session, NULL, 32, NULL, NULL);
	ACCEPTED(C_Sign, session, in, 32, NULL, &len);
	REFUSED(C_SignUpdate, session, NULL, 1);
	REFUSED(C_SignFinal, session, out, NULL);
	REFUSED(C_SignFinal, session, NULL, NULL);
	ACCEPTED(C_SignFinal, session, NULL, &len);
	REFUSED(C_Verify, session, NULL, 32, out, 256);
	REFUSED(C_Verify, session, in, 32, NULL, 256);
	REFUSED(C_Verify, session, NULL, 32, NULL, 256);
	REFUSED(C_VerifyUpdate, session, NULL, 1);
	REFUSED(C_VerifyFinal, session, NULL, 256);
	REFUSED(C_Encrypt, session, NULL, 32, out, &len);
	REFUSED(C_Encrypt, session, in, 32, out, NULL);
	ACCEPTED(C_Encrypt, session, in, 32, NULL, &len);
	REFUSED(C_EncryptUpdate, session, NULL, 1, out, &len);
	REFUSED(C_EncryptUpdate, session, in, 1, out, NULL);
	REFUSED(C_EncryptFinal, session, out, NULL);
	REFUSED(C_Decrypt, session, NULL, 256, out, &len);
	REFUSED(C_Decrypt, session, out, 256, out, NULL);
	ACCEPTED(C_Decrypt, session, out, 256, NULL, &len);
	REFUSED(C_DecryptUpdate, session, NULL, 1, out, &len);
	REFUSED(C_DecryptUpdate, session, in, 1, out, NULL);
	REFUSED(C_DecryptFinal, session, out, NULL);
	REFUSED(C_Digest, session, NULL, 32, out, &len);
	REFUSED(C_Digest, session, in, 32, out, NULL);
	ACCEPTED(C_Digest, session, in, 32, NULL, &len);
	REFUSED(C_DigestUpdate, session, NULL, 1);
	REFUSED(C_DigestFinal, session, out, NULL);
}

/* C1; alone and together */
static void
test_missing_pointers(void **state)
{
	(void)state;
	mt_initialize();
	enter();
	missing_pointers_of_slots_and_objects();
	missing_pointers_of_operations();
	assert_rv(mt_sign(session), CKR_OPERATION_ACTIVE);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

/* C2: 0, 1, 2^32 - 1, and all ones; a count is not believed where it cannot be true */
static void
test_counts(void **state)
{
	static const CK_ULONG untrue[] = { 0xFFFFFFFFu, ALL_ONES, ALL_ONES / sizeof(CK_ATTRIBUTE) + 2 };
	CK_OBJECT_HANDLE found[64];

	(void)state;
	mt_initialize();
	enter();
	for (size_t i = 0; i < COUNT(untrue); i++) {
		CK_ULONG n = untrue[i];

		REFUSED(C_FindObjectsInit, session, &attribute, n);
		REFUSED(C_GetAttributeValue, session, public_key, &attribute, n);
		REFUSED(C_SetAttributeValue, session, public_key, &attribute, n);
		REFUSED(C_CreateObject, session, &attribute, n, &object);
		REFUSED(C_CopyObject, session, public_key, &attribute, n, &object);
		REFUSED(C_Sign, session, NULL, n, out, &len);
		REFUSED(C_SignUpdate, session, NULL, n);
		REFUSED(C_Decrypt, session, NULL, n, out, &len);
		REFUSED(C_DigestUpdate, session, NULL, n);
		REFUSED(C_GenerateRandom, session, NULL, n);
		/* room without end is room enough */
		begin_all();
		assert_rv(mt->C_FindObjects(session, found, n, &len), CKR_OK);
		assert_true(len > 0 && len < COUNT(found));
		len = n;
		assert_rv(mt->C_Sign(session, in, 32, out, &len), CKR_OK);
		assert_int_equal(len, 256);
		len = n;
		assert_rv(mt->C_Digest(session, in, 32, out, &len), CKR_OK);
		assert_int_equal(len, 32);
		len = n;
		assert_rv(mt->C_GetSlotList(CK_FALSE, &slot, &len), CKR_OK);
		assert_int_equal(len, 1);
	}
	ACCEPTED(C_FindObjects, session, NULL, 0, &len);
	assert_int_equal(len, 0);
	ACCEPTED(C_FindObjects, session, found, 1, &len);
	assert_int_equal(len, 1);
	ACCEPTED(C_SignUpdate, session, NULL, 0);
	ACCEPTED(C_DigestUpdate, session, NULL, 0);
	ACCEPTED(C_GetAttributeValue, session, public_key, &attribute, 0);
}

/* Does any Init of this mechanism take a parameter of these bytes? */
static bool
takes(CK_MECHANISM_TYPE type, void *parameter, CK_ULONG size)
{
	CK_MECHANISM m = { type, parameter, size };
	bool taken = false;

	for (size_t i = 0; i < 5; i++) {
		CK_RV rv = i == 0   ? mt->C_SignInit(session, &m, private_key)
			   : i == 1 ? mt->C_DecryptInit(session, &m, private_key)
			   : i == 2 ? mt->C_VerifyInit(session, &m, public_key)
			   : i == 3 ? mt->C_EncryptInit(session, &m, public_key)
				    : mt->C_DigestInit(session, &m);

		taken = taken || rv == CKR_OK;
		if (rv != CKR_OK && rv != CKR_MECHANISM_PARAM_INVALID && rv != CKR_MECHANISM_INVALID)
			expect("an Init with some parameter", rv, CKR_MECHANISM_PARAM_INVALID);
	}
	assert_rv(mt3->C_SessionCancel(session, CANCEL_ALL), CKR_OK);
	return taken;
}

static void
assert_parameter_sizes(CK_MECHANISM_TYPE type)
{
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_RSA_PKCS_PSS_PARAMS pss = { CKM_SHA256, CKG_MGF1_SHA256, 32 };
	const void *good = type == CKM_RSA_PKCS_PSS ? (void *)&pss : type == CKM_RSA_PKCS_OAEP ? (void *)&oaep : NULL;
	CK_ULONG right = type == CKM_RSA_PKCS_PSS ? sizeof(pss) : type == CKM_RSA_PKCS_OAEP ? sizeof(oaep) : 0;

	for (CK_ULONG size = 0; size <= sizeof(oaep) + 1; size++) {
		/* a block of this size, so that a look past its end is seen */
		CK_BYTE *parameter = calloc(1, size > 0 ? size : 1);

		assert_non_null(parameter);
		if (good != NULL)
			memcpy(parameter, good, size < right ? size : right);
		if (takes(type, parameter, size) != (size == right))
			fail_msg("mechanism 0x%lX, parameter of %lu bytes", type, size);
		free(parameter);
		assert_false(takes(type, NULL, size + 1));
	}
	assert_false(takes(type, NULL, ALL_ONES));
}

/* C6: P-117, P-129 */
static void
test_parameter_sizes(void **state)
{
	static const CK_MECHANISM_TYPE types[] = { CKM_RSA_PKCS, CKM_RSA_X_509,	   CKM_SHA256_RSA_PKCS,
						   CKM_SHA512,	 CKM_RSA_PKCS_PSS, CKM_RSA_PKCS_OAEP };

	(void)state;
	mt_initialize();
	enter();
	for (size_t i = 0; i < COUNT(types); i++)
		assert_parameter_sizes(types[i]);
}

/* C5, P-110: keys and objects that are not there, or not any more */
static void
test_no_such_object(void **state)
{
	CK_OBJECT_HANDLE wrong[] = { CK_INVALID_HANDLE, ALL_ONES, 0x100000001u, 0 };

	(void)state;
	mt_initialize();
	enter();
	wrong[3] = private_key; /* and void after logout */
	assert_rv(mt->C_Logout(session), CKR_OK);
	assert_rv(mt_login(session, MT_PIN), CKR_OK);
	for (size_t i = 0; i < COUNT(wrong); i++) {
		CK_OBJECT_HANDLE h = wrong[i];

		expect("C_SignInit", mt->C_SignInit(session, &pkcs1, h), CKR_KEY_HANDLE_INVALID);
		expect("C_DecryptInit", mt->C_DecryptInit(session, &cipher, h), CKR_KEY_HANDLE_INVALID);
		expect("C_VerifyInit", mt->C_VerifyInit(session, &pkcs1, h), CKR_KEY_HANDLE_INVALID);
		expect("C_EncryptInit", mt->C_EncryptInit(session, &cipher, h), CKR_KEY_HANDLE_INVALID);
		expect("C_GetAttributeValue", mt->C_GetAttributeValue(session, h, &attribute, 1),
		       CKR_OBJECT_HANDLE_INVALID);
		expect("C_GetObjectSize", mt->C_GetObjectSize(session, h, &len), CKR_OBJECT_HANDLE_INVALID);
	}
}

/* What callers hand over --------------------------------------------------------------------------------------------- */

/* C9: by the functions that read it, and by the failure of one */
static void
test_inputs_stay_as_they_were(void **state)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY, class_before = class;
	CK_ATTRIBUTE template = { CKA_CLASS, &class, sizeof(class) }, template_before = template;
	CK_BYTE label[] = "label", label_before[] = "label", signature[256], encrypted[256], before[256];
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, label, 5 };
	CK_RSA_PKCS_OAEP_PARAMS oaep_before = oaep;
	CK_MECHANISM m = { CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep) }, m_before = m;
	CK_BYTE data[32] = { 1, 2, 3 }, data_before[32] = { 1, 2, 3 };
	CK_UTF8CHAR my_pin[] = MT_PIN;

	(void)state;
	session = mt_start();
	assert_rv(mt->C_Login(session, CKU_USER, my_pin, 6), CKR_OK);
	assert_string_equal(my_pin, MT_PIN);
	private_key = mt_object(session, CKO_PRIVATE_KEY, 0);
	public_key = mt_object(session, CKO_PUBLIC_KEY, 0);
	assert_rv(mt->C_FindObjectsInit(session, &template, 1), CKR_OK);
	assert_memory_equal(&template, &template_before, sizeof(template));
	assert_int_equal(class, class_before);

	len = sizeof(signature);
	assert_rv(mt->C_SignInit(session, &pkcs1, private_key), CKR_OK);
	assert_rv(mt->C_Sign(session, data, 32, signature, &len), CKR_OK);
	assert_memory_equal(data, data_before, 32);
	memcpy(before, signature, sizeof(before));
	for (int i = 0; i < 2; i++) {
		assert_rv(mt->C_VerifyInit(session, &pkcs1, public_key), CKR_OK);
		assert_rv(mt->C_Verify(session, data, 32 - (CK_ULONG)i, signature, 256),
			  i == 0 ? CKR_OK : CKR_SIGNATURE_INVALID);
		assert_memory_equal(signature, before, sizeof(before));
		assert_memory_equal(data, data_before, 32);
	}

	len = sizeof(encrypted);
	assert_rv(mt->C_EncryptInit(session, &m, public_key), CKR_OK);
	assert_rv(mt->C_Encrypt(session, data, 32, encrypted, &len), CKR_OK);
	assert_memory_equal(data, data_before, 32);
	memcpy(before, encrypted, sizeof(before));
	assert_rv(mt->C_DecryptInit(session, &m, private_key), CKR_OK);
	memset(label, 'x', 5); /* the parameter was copied */
	len = sizeof(out);
	assert_rv(mt->C_Decrypt(session, encrypted, 256, out, &len), CKR_OK);
	assert_int_equal(len, 32);
	assert_memory_equal(encrypted, before, sizeof(before));
	memcpy(label, label_before, sizeof(label));
	assert_memory_equal(&m, &m_before, sizeof(m));
	assert_memory_equal(&oaep, &oaep_before, sizeof(oaep));
}

/* Output and input in one place, as some callers have them: the result is that of two. */
static void
test_output_over_input(void **state)
{
	CK_BYTE apart[256] = { 0 }, together[256] = { 1, 2, 3 };

	(void)state;
	mt_initialize();
	enter();
	memcpy(in, together, sizeof(in));
	for (int i = 0; i < 2; i++) {
		len = sizeof(apart);
		assert_rv(mt->C_SignInit(session, &pkcs1, private_key), CKR_OK);
		assert_rv(mt->C_Sign(session, i == 0 ? in : together, 32, i == 0 ? apart : together, &len), CKR_OK);
	}
	assert_memory_equal(apart, together, 256);
	len = sizeof(together);
	assert_rv(mt->C_EncryptInit(session, &cipher, public_key), CKR_OK);
	assert_rv(mt->C_Encrypt(session, in, 32, together, &len), CKR_OK);
	assert_rv(mt->C_DecryptInit(session, &cipher, private_key), CKR_OK);
	assert_rv(mt->C_Decrypt(session, together, 256, together, &len), CKR_OK);
	assert_int_equal(len, 32);
	assert_memory_equal(together, in, 32);
	memset(in, 0, sizeof(in));
}

/* Coming and going --------------------------------------------------------------------------------------------------- */

static void *
come_and_go(void *arg)
{
	CK_ULONG count;

	for (int i = 0; i < 4; i++) {
		CK_RV rv = mt->C_Initialize(NULL);

		if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED)
			*(CK_RV *)arg = rv;
		rv = mt->C_GetSlotList(CK_TRUE, NULL, &count);
		if (rv != CKR_OK && rv != CKR_CRYPTOKI_NOT_INITIALIZED)
			*(CK_RV *)arg = rv;
		rv = mt->C_Finalize(NULL);
		if (rv != CKR_OK && rv != CKR_CRYPTOKI_NOT_INITIALIZED)
			*(CK_RV *)arg = rv;
	}
	return NULL;
}

/* C7 */
static void
test_crowd(void **state)
{
	static pthread_t threads[1000];
	static CK_RV wrong[COUNT(threads)];
	const unsigned count = mt_times(COUNT(threads));

	(void)state;
	for (size_t i = 0; i < count; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &wrong[i]), 0);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_rv(wrong[i], CKR_OK);
	}
	(void)mt->C_Finalize(NULL);
	assert_rv(mt_sign(mt_start_user()), CKR_OK);
}

static size_t
open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	(void)closedir(dir);
	return count;
}

struct visits {
	const char *path;
	unsigned count;
	bool good;
};

/* A second copy of the module comes, works, goes, and is not there any more. */
static bool
visit(const char *path, bool work)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = handle != NULL ? (CK_C_GetFunctionList)dlsym(handle, "C_GetFunctionList") : NULL;
	CK_FUNCTION_LIST *list;
	CK_SESSION_HANDLE s;

	if (get == NULL || get(&list) != CKR_OK || list->C_Initialize(NULL) != CKR_OK)
		return false;
	if (work && (list->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &s) != CKR_OK ||
		     list->C_Login(s, CKU_USER, pin, 6) != CKR_OK))
		return false;
	return list->C_Finalize(NULL) == CKR_OK && dlclose(handle) == 0 && dlopen(path, RTLD_NOW | RTLD_NOLOAD) == NULL;
}

static void *
visit_often(void *arg)
{
	struct visits *v = arg;

	for (unsigned i = 0; i < v->count && v->good; i++)
		v->good = visit(v->path, i % 10 == 0);
	return NULL;
}

/* In a thread of its own, at whose end the allocator counts as free what it has kept for that thread. */
static size_t
memory_after_visits(struct visits *v, unsigned count)
{
	pthread_t thread;

	v->count = count;
	assert_int_equal(pthread_create(&thread, NULL, visit_often, v), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(v->good);
	return mallinfo2().uordblks;
}

/* C8, P-017, P-018; with a sanitizer there is nothing to see here, and the memory is its affair */
static void
test_load_and_unload(void **state)
{
	const unsigned count = mt_times(10000);
	struct visits v = { .path = mt_path("copy.so"), .good = true };
	size_t files, before, after;
	void *handle;

	(void)state;
	(void)mt_load_copy(&handle);
	assert_int_equal(dlclose(handle), 0);
	before = memory_after_visits(&v, 50);
	files = open_files();
	after = memory_after_visits(&v, count);
	assert_int_equal(open_files(), files);
	if (after > before + 2000)
		fail_msg("%zu bytes more in use after %u visits", after - before, count);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list_is_whole),
		TEST(test_not_initialised),
		TEST(test_no_such_session),
		TEST(test_every_function_in_every_state),
		TEST(test_every_function_after_removal),
		TEST(test_missing_pointers),
		TEST(test_counts),
		TEST(test_parameter_sizes),
		TEST(test_no_such_object),
		TEST(test_inputs_stay_as_they_were),
		TEST(test_output_over_input),
		TEST(test_crowd),
		TEST(test_load_and_unload),
	};

	return cmocka_run_group_tests_name("callers", tests, mt_load, mt_unload);
}
