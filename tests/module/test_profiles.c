/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * P-083: the mandatory test cases of the four profiles that the module claims (PKCS #11 Profiles 3.1, section 3.1 says
 * what may differ), call by call as their transcripts have them, through the 3.0 list; and the objects that claim them.
 */
#include <string.h>

#include "module/fixture.h"

/* What all of them begin with: the library, the slots with tokens, the first of them and its token. */
static CK_SLOT_ID
begin(void)
{
	CK_SLOT_ID slots[8];
	CK_ULONG count = 0;
	CK_TOKEN_INFO token;
	CK_SLOT_INFO slot;
	CK_INFO info;

	assert_rv(mt3->C_Initialize(NULL), CKR_OK);
	assert_rv(mt3->C_GetInfo(&info), CKR_OK);
	assert_int_equal(info.cryptokiVersion.major, 3);
	assert_int_equal(info.flags, 0);
	assert_rv(mt3->C_GetSlotList(CK_TRUE, NULL, &count), CKR_OK);
	assert_int_equal(count, 1);
	assert_rv(mt3->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
	assert_int_equal(count, 1);
	assert_rv(mt3->C_GetSlotInfo(slots[0], &slot), CKR_OK);
	assert_true((slot.flags & CKF_TOKEN_PRESENT) != 0);
	assert_rv(mt3->C_GetTokenInfo(slots[0], &token), CKR_OK);
	assert_true((token.flags & CKF_TOKEN_INITIALIZED) != 0);
	return slots[0];
}

static CK_SESSION_HANDLE
open_session(CK_SLOT_ID slot, CK_FLAGS flags)
{
	CK_SESSION_HANDLE session = CK_INVALID_HANDLE;

	assert_rv(mt3->C_OpenSession(slot, CKF_SERIAL_SESSION | flags, NULL, NULL, &session), CKR_OK);
	return session;
}

/* The last session is closed, then all of none, then the library. */
static void
end(CK_SLOT_ID slot, CK_SESSION_HANDLE session)
{
	assert_rv(mt3->C_CloseSession(session), CKR_OK);
	assert_rv(mt3->C_CloseAllSessions(slot), CKR_OK);
	assert_rv(mt3->C_Finalize(NULL), CKR_OK);
}

/* One object at a time until none is left; the number of them, and the first. */
static unsigned
find_all(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *ret_first)
{
	CK_OBJECT_HANDLE object;
	CK_ULONG found = 0;
	unsigned n = 0;

	assert_rv(mt3->C_FindObjectsInit(session, template, count), CKR_OK);
	for (;; n++) {
		assert_rv(mt3->C_FindObjects(session, &object, 1, &found), CKR_OK);
		if (found == 0)
			break;
		if (n == 0)
			*ret_first = object;
	}
	assert_rv(mt3->C_FindObjectsFinal(session), CKR_OK);
	return n;
}

static unsigned
find_token_objects(CK_SESSION_HANDLE session)
{
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE template = { CKA_TOKEN, &yes, sizeof(yes) };
	CK_OBJECT_HANDLE first;

	return find_all(session, &template, 1, &first);
}

/* That the profile is claimed at all, which NSS asks in these words. */
static void
assert_claimed(CK_SESSION_HANDLE session, CK_ULONG id)
{
	CK_OBJECT_CLASS class = CKO_PROFILE;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE template[] = { { CKA_TOKEN, &yes, sizeof(yes) },
				    { CKA_CLASS, &class, sizeof(class) },
				    { CKA_PROFILE_ID, &id, sizeof(id) } };
	CK_OBJECT_HANDLE object;

	assert_int_equal(find_all(session, template, 3, &object), 1);
}

/* P-083: BL-M-1-32 */
static void
test_baseline(void **state)
{
	CK_SLOT_ID slot = begin();
	CK_SESSION_HANDLE session = open_session(slot, 0);

	(void)state;
	assert_claimed(session, CKP_BASELINE_PROVIDER);
	assert_true(find_token_objects(session) > 0);
	end(slot, session);
}

/*
 * P-083: EXT-M-1-32. Its list of mechanisms may be another one; those named there are answered with information if they
 * are in the list, and as invalid if not.
 */
static void
test_extended(void **state)
{
	static const CK_MECHANISM_TYPE named[] = { CKM_SHA512, CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_RSA_PKCS };
	static CK_UTF8CHAR pin[] = MT_PIN;
	CK_MECHANISM_TYPE list[128];
	CK_ULONG count = 0;
	CK_SLOT_ID slot = begin();
	CK_SESSION_HANDLE session;
	unsigned before;

	(void)state;
	assert_rv(mt3->C_GetMechanismList(slot, NULL, &count), CKR_OK);
	assert_true(count > 0 && count <= 128);
	assert_rv(mt3->C_GetMechanismList(slot, list, &count), CKR_OK);
	for (size_t i = 0; i < 3; i++) {
		CK_MECHANISM_INFO info;
		bool listed = false;

		for (CK_ULONG j = 0; j < count; j++)
			listed = listed || list[j] == named[i];
		assert_true(listed || named[i] == CKM_RSA_PKCS_KEY_PAIR_GEN);
		assert_rv(mt3->C_GetMechanismInfo(slot, named[i], &info), listed ? CKR_OK : CKR_MECHANISM_INVALID);
	}
	session = open_session(slot, CKF_RW_SESSION);
	assert_claimed(session, CKP_EXTENDED_PROVIDER);
	before = find_token_objects(session);
	assert_rv(mt3->C_Login(session, CKU_USER, pin, 6), CKR_OK);
	assert_true(find_token_objects(session) > before);
	assert_rv(mt3->C_Logout(session), CKR_OK);
	end(slot, session);
}

static CK_OBJECT_HANDLE
find_by_label(CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, const char *label)
{
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) },
				    { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) } };
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;

	assert_int_equal(find_all(session, template, 2, &object), 1);
	return object;
}

/* Both numbers at once, into more room than they need. */
static void
assert_rsa_numbers(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	CK_BYTE modulus[1024], exponent[1024];
	CK_ATTRIBUTE template[] = { { CKA_MODULUS, modulus, sizeof(modulus) },
				    { CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent) } };

	assert_rv(mt3->C_GetAttributeValue(session, key, template, 2), CKR_OK);
	assert_int_equal(template[0].ulValueLen, 256);
	assert_int_equal(template[1].ulValueLen, 3);
	assert_memory_equal(exponent, "\x01\x00\x01", 3);
}

/* P-083: AUTH-M-1-32, with this card's label for the transcript's two */
static void
test_authentication_token(void **state)
{
	static CK_UTF8CHAR pin[] = MT_PIN;
	CK_MECHANISM mechanism = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_BYTE data[] = "signed", signature[256];
	CK_ULONG len = sizeof(signature);
	CK_SLOT_ID slot = begin();
	CK_SESSION_HANDLE session = open_session(slot, CKF_RW_SESSION);
	CK_OBJECT_HANDLE public, private;

	(void)state;
	assert_claimed(session, CKP_AUTHENTICATION_TOKEN);
	assert_rv(mt3->C_Login(session, CKU_USER, pin, 6), CKR_OK);
	public = find_by_label(session, CKO_PUBLIC_KEY, "Alice RSA");
	assert_rsa_numbers(session, public);
	private = find_by_label(session, CKO_PRIVATE_KEY, "Alice RSA");
	assert_rsa_numbers(session, private);
	assert_rv(mt3->C_SignInit(session, &mechanism, private), CKR_OK);
	assert_rv(mt3->C_Sign(session, data, sizeof(data), signature, &len), CKR_OK);
	assert_int_equal(len, 256);
	assert_rv(mt3->C_VerifyInit(session, &mechanism, public), CKR_OK);
	assert_rv(mt3->C_Verify(session, data, sizeof(data), signature, len), CKR_OK);
	assert_rv(mt3->C_Logout(session), CKR_OK);
	end(slot, session);
}

/* Size, then value, of an attribute that the object has if it is a certificate. */
static void
read_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_BYTE value[4096];
	CK_ATTRIBUTE attribute = { type, NULL, 0 };
	CK_ULONG size;

	assert_rv(mt3->C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
	size = attribute.ulValueLen;
	assert_true(size > 0 && size <= sizeof(value));
	attribute.pValue = value;
	assert_rv(mt3->C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
	assert_int_equal(attribute.ulValueLen, size);
}

/* P-083: CERT-M-1-32: certificates are read without login, while the search that found them is still active */
static void
test_public_certificates_token(void **state)
{
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE template = { CKA_TOKEN, &yes, sizeof(yes) };
	CK_SLOT_ID slot = begin();
	CK_SESSION_HANDLE session = open_session(slot, 0);
	CK_OBJECT_HANDLE object;
	CK_ULONG found = 0;
	unsigned certificates = 0;

	(void)state;
	assert_claimed(session, CKP_PUBLIC_CERTIFICATES_TOKEN);
	assert_rv(mt3->C_FindObjectsInit(session, &template, 1), CKR_OK);
	for (;;) {
		CK_OBJECT_CLASS class = 0;
		CK_ATTRIBUTE attribute = { CKA_CLASS, &class, sizeof(class) };

		assert_rv(mt3->C_FindObjects(session, &object, 1, &found), CKR_OK);
		if (found == 0)
			break;
		assert_rv(mt3->C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
		assert_true(class != CKO_PRIVATE_KEY);
		if (class != CKO_CERTIFICATE)
			continue;
		read_value(session, object, CKA_LABEL);
		read_value(session, object, CKA_VALUE);
		certificates++;
	}
	assert_rv(mt3->C_FindObjectsFinal(session), CKR_OK);
	assert_int_equal(certificates, 2);
	end(slot, session);
}

/* P-082 */
static void
test_profiles_stay(void **state)
{
	CK_SLOT_ID slot = begin();
	CK_SESSION_HANDLE session = open_session(slot, CKF_RW_SESSION);
	CK_OBJECT_CLASS class = CKO_PROFILE;
	CK_ULONG id = CKP_COMPLETE_PROVIDER;
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) },
				    { CKA_PROFILE_ID, &id, sizeof(id) },
				    { CKA_TOKEN, &no, sizeof(no) } };
	CK_OBJECT_HANDLE objects[8], made;
	size_t n;

	(void)state;
	assert_rv(mt_login(session, MT_PIN), CKR_OK);
	n = mt_find(session, template, 1, objects, 8);
	assert_int_equal(n, 4);
	for (size_t i = 0; i < n; i++) {
		CK_RV rv = mt3->C_SetAttributeValue(session, objects[i], &template[1], 1);

		assert_true(rv == CKR_ACTION_PROHIBITED || rv == CKR_ATTRIBUTE_READ_ONLY);
		assert_true(mt3->C_CopyObject(session, objects[i], &template[2], 1, &made) != CKR_OK);
		assert_rv(mt3->C_DestroyObject(session, objects[i]), CKR_ACTION_PROHIBITED);
		assert_int_equal(mt_get_ulong(session, objects[i], CKA_PROFILE_ID), i + 1);
	}
	assert_true(mt3->C_CreateObject(session, template, 3, &made) != CKR_OK);
	assert_int_equal(mt_count(session, CKO_PROFILE), 4);
	end(slot, session);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_baseline),
		TEST(test_extended),
		TEST(test_authentication_token),
		TEST(test_public_certificates_token),
		TEST(test_profiles_stay),
	};

	return cmocka_run_group_tests_name("profiles", tests, mt_load, mt_unload);
}
