/* SPDX-License-Identifier: BSD-2-Clause */
/* Message-based signing and verification: one Init, many messages; what ends a message and what ends them all. */
#include "module/ops.h"

#define K 128u

static const CK_MECHANISM sha256 = { CKM_SHA256_RSA_PKCS, NULL, 0 }, bare = { CKM_RSA_PKCS, NULL, 0 };

static CK_RV
sign_init(CK_SESSION_HANDLE s, CK_MECHANISM mechanism, CK_BYTE container)
{
	return mt3->C_MessageSignInit(s, &mechanism, ops_private(s, container));
}

static CK_RV
verify_init(CK_SESSION_HANDLE s, CK_MECHANISM mechanism, CK_BYTE container)
{
	return mt3->C_MessageVerifyInit(s, &mechanism, ops_public(s, container));
}

static CK_RV
sign(CK_SESSION_HANDLE s, CK_ULONG data_len, CK_BYTE ret_signature[OPS_MAX], CK_ULONG *ret_len)
{
	*ret_len = OPS_MAX;
	return mt3->C_SignMessage(s, NULL, 0, ops_message, data_len, ret_signature, ret_len);
}

static CK_RV
verify(CK_SESSION_HANDLE s, CK_ULONG data_len, CK_BYTE *signature, CK_ULONG len)
{
	return mt3->C_VerifyMessage(s, NULL, 0, ops_message, data_len, signature, len);
}

/* Whole messages and messages in parts, in any order; every mechanism's are what C_Verify wants. */
static void
round_with(CK_SESSION_HANDLE s, CK_MECHANISM mechanism, CK_BYTE container, CK_ULONG most)
{
	CK_BYTE signature[OPS_MAX];
	CK_ULONG len;

	assert_rv(sign_init(s, mechanism, container), CKR_OK);
	assert_rv(verify_init(s, mechanism, container), CKR_OK);
	for (CK_ULONG i = 0; i < 3; i++) {
		CK_ULONG data_len = most - 5 * (i % 2);

		if (mechanism.mechanism == CKM_RSA_PKCS_PSS)
			data_len = most;
		if (i == 0) {
			assert_rv(sign(s, data_len, signature, &len), CKR_OK);
		} else {
			len = sizeof signature;
			assert_rv(mt3->C_SignMessageBegin(s, NULL, 0), CKR_OK);
			assert_rv(mt3->C_SignMessageNext(s, NULL, 0, ops_message, 7, NULL, NULL), CKR_OK);
			assert_rv(mt3->C_SignMessageNext(s, NULL, 0, ops_message + 7, data_len - 7, signature, &len),
				  CKR_OK);
		}
		assert_rv(ops_verify(s, mechanism, ops_public(s, container), data_len, signature, len), CKR_OK);
		assert_rv(verify(s, data_len, signature, len), CKR_OK);
		assert_rv(mt3->C_VerifyMessageBegin(s, NULL, 0), CKR_OK);
		assert_rv(mt3->C_VerifyMessageNext(s, NULL, 0, ops_message, 9, NULL, 0), CKR_OK);
		assert_rv(mt3->C_VerifyMessageNext(s, NULL, 0, ops_message + 9, data_len - 9, signature, len), CKR_OK);
	}
	assert_rv(mt3->C_MessageSignFinal(s), CKR_OK);
	assert_rv(mt3->C_MessageVerifyFinal(s), CKR_OK);
}

/* P-044 */
static void
test_rounds(void **state)
{
	CK_RSA_PKCS_PSS_PARAMS params = { CKM_SHA256, CKG_MGF1_SHA256, 32 };
	const CK_MECHANISM pss = { CKM_RSA_PKCS_PSS, &params, sizeof params }, ecdsa = { CKM_ECDSA, NULL, 0 },
			   ecdsa_sha384 = { CKM_ECDSA_SHA384, NULL, 0 }, raw = { CKM_RSA_X_509, NULL, 0 };
	CK_SESSION_HANDLE s = mt_start_user();

	(void)state;
	ops_message[0] &= 0x7F;
	round_with(s, sha256, ALICE_RSA1024, 300);
	round_with(s, bare, ALICE_RSA1024, 117);
	round_with(s, raw, ALICE_RSA1024, 128);
	round_with(s, pss, ALICE_RSA1024, 32);
	round_with(s, ecdsa, ALICE_P256, 40);
	round_with(s, ecdsa_sha384, ALICE_P384, 300);
}

/* An error ends the message; the next one finds everything as after Init. */
static void
test_errors(void **state)
{
	CK_SESSION_HANDLE s = mt_start_user();
	CK_BYTE signature[OPS_MAX], parameter = 0;
	CK_ULONG len;

	(void)state;
	assert_rv(sign_init(s, bare, ALICE_RSA1024), CKR_OK);
	assert_rv(sign(s, 118, signature, &len), CKR_DATA_LEN_RANGE);
	assert_rv(mt3->C_SignMessage(s, &parameter, 1, ops_message, 20, signature, &len), CKR_ARGUMENTS_BAD);
	assert_rv(mt3->C_SignMessage(s, NULL, 1, ops_message, 20, signature, &len), CKR_ARGUMENTS_BAD);
	assert_rv(mt3->C_SignMessage(s, NULL, 0, ops_message, 20, signature, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(mt3->C_SignMessage(s, NULL, 0, NULL, 20, signature, &len), CKR_ARGUMENTS_BAD);
	assert_rv(mt3->C_SignMessageBegin(s, &parameter, 1), CKR_ARGUMENTS_BAD);
	assert_rv(sign(s, 20, signature, &len), CKR_OK);
	assert_rv(mt3->C_SignMessageBegin(s, NULL, 0), CKR_OK);
	assert_rv(mt3->C_SignMessageNext(s, NULL, 0, ops_message, 100, NULL, NULL), CKR_OK);
	len = sizeof signature;
	assert_rv(mt3->C_SignMessageNext(s, NULL, 0, ops_message, 100, signature, &len), CKR_DATA_LEN_RANGE);
	assert_rv(mt3->C_SignMessageNext(s, NULL, 0, ops_message, 1, NULL, NULL), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt3->C_SignMessageBegin(s, NULL, 0), CKR_OK);
	assert_rv(mt3->C_SignMessageNext(s, &parameter, 1, ops_message, 1, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(sign(s, 20, signature, &len), CKR_OK);

	assert_rv(verify_init(s, bare, ALICE_RSA1024), CKR_OK);
	assert_rv(verify(s, 20, signature, len), CKR_OK);
	assert_rv(verify(s, 19, signature, len), CKR_SIGNATURE_INVALID);
	assert_rv(verify(s, 20, signature, len - 1), CKR_SIGNATURE_LEN_RANGE);
	assert_rv(verify(s, 20, NULL, 0), CKR_ARGUMENTS_BAD);
	assert_rv(mt3->C_VerifyMessage(s, &parameter, 1, ops_message, 20, signature, len), CKR_ARGUMENTS_BAD);
	assert_rv(mt3->C_VerifyMessageBegin(s, NULL, 0), CKR_OK);
	assert_rv(mt3->C_VerifyMessageNext(s, NULL, 0, ops_message, 20, NULL, 1), CKR_ARGUMENTS_BAD);
	assert_rv(mt3->C_VerifyMessageBegin(s, NULL, 0), CKR_OK);
	assert_rv(mt3->C_VerifyMessageNext(s, NULL, 0, ops_message, 19, signature, len), CKR_SIGNATURE_INVALID);
	assert_rv(mt3->C_VerifyMessageNext(s, NULL, 0, ops_message, 20, signature, len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(verify(s, 20, signature, len), CKR_OK);
}

/* P-120: a question for the length takes nothing, costs nothing and ends nothing. */
static void
test_size_queries(void **state)
{
	CK_SESSION_HANDLE s = mt_start_user();
	CK_BYTE signature[OPS_MAX];
	unsigned long before;
	CK_ULONG len = 0;

	(void)state;
	assert_rv(sign_init(s, sha256, ALICE_RSA1024), CKR_OK);
	before = mt_exchanges(MT_READER);
	assert_rv(mt3->C_SignMessage(s, NULL, 0, ops_message, 20, NULL, &len), CKR_OK);
	assert_int_equal(len, K);
	len = K - 1;
	assert_rv(mt3->C_SignMessage(s, NULL, 0, ops_message, 20, signature, &len), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(mt_exchanges(MT_READER), before);
	assert_rv(mt3->C_SignMessage(s, NULL, 0, ops_message, 20, signature, &len), CKR_OK);

	assert_rv(mt3->C_SignMessageBegin(s, NULL, 0), CKR_OK);
	assert_rv(mt3->C_SignMessageNext(s, NULL, 0, ops_message, 10, NULL, NULL), CKR_OK);
	len = 0;
	assert_rv(mt3->C_SignMessageNext(s, NULL, 0, ops_message + 10, 10, NULL, &len), CKR_OK);
	assert_int_equal(len, K);
	len = 1;
	assert_rv(mt3->C_SignMessageNext(s, NULL, 0, ops_message + 10, 10, signature, &len), CKR_BUFFER_TOO_SMALL);
	assert_rv(mt3->C_SignMessageNext(s, NULL, 0, ops_message + 10, 10, signature, &len), CKR_OK);
	assert_rv(ops_verify(s, sha256, ops_public(s, ALICE_RSA1024), 20, signature, len), CKR_OK);
}

/* P-057, P-058, P-067, P-119, P-122 */
static void
test_states(void **state)
{
	CK_SESSION_HANDLE s = mt_start_user();
	CK_BYTE signature[OPS_MAX] = { 0 };
	CK_ULONG len;

	(void)state;
	assert_rv(sign(s, 20, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt3->C_SignMessageBegin(s, NULL, 0), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt3->C_SignMessageNext(s, NULL, 0, ops_message, 1, NULL, NULL), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt3->C_MessageSignFinal(s), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(verify(s, 20, signature, K), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt3->C_VerifyMessageBegin(s, NULL, 0), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt3->C_MessageVerifyFinal(s), CKR_OPERATION_NOT_INITIALIZED);

	assert_rv(sign_init(s, sha256, ALICE_RSA1024), CKR_OK);
	assert_rv(sign_init(s, sha256, ALICE_RSA1024), CKR_OPERATION_ACTIVE);
	assert_rv(ops_sign_init(s, CKM_SHA256_RSA_PKCS, ops_private(s, ALICE_RSA1024)), CKR_OK); /* beside it */
	assert_rv(mt3->C_SignMessageNext(s, NULL, 0, ops_message, 1, NULL, NULL), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt3->C_SignMessageBegin(s, NULL, 0), CKR_OK);
	assert_rv(mt3->C_SignMessageBegin(s, NULL, 0), CKR_OPERATION_ACTIVE);
	assert_rv(mt3->C_SignMessageNext(s, NULL, 0, ops_message, 1, NULL, NULL), CKR_OK);
	assert_rv(sign(s, 20, signature, &len), CKR_OPERATION_ACTIVE); /* and with this the message is over */
	assert_rv(mt3->C_SignMessageNext(s, NULL, 0, ops_message, 1, NULL, NULL), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt3->C_SignMessage(s, NULL, 0, ops_message, 1, NULL, &len), CKR_OK);
	assert_rv(mt3->C_SignMessageBegin(s, NULL, 0), CKR_OPERATION_ACTIVE);
	assert_rv(mt3->C_SignMessageBegin(s, NULL, 0), CKR_OK);
	assert_rv(mt3->C_MessageSignFinal(s), CKR_OK); /* in the middle of a message */
	assert_rv(sign(s, 20, signature, &len), CKR_OPERATION_NOT_INITIALIZED);

	assert_rv(sign_init(s, sha256, ALICE_RSA1024), CKR_OK);
	assert_rv(mt3->C_MessageSignInit(s, NULL, 0), CKR_OK);
	assert_rv(sign(s, 20, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(sign_init(s, sha256, ALICE_RSA1024), CKR_OK);
	assert_rv(verify_init(s, sha256, ALICE_RSA1024), CKR_OK);
	assert_rv(mt3->C_SessionCancel(s, CKF_MESSAGE_SIGN), CKR_OK);
	assert_rv(sign(s, 20, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(verify(s, 20, signature, K), CKR_SIGNATURE_INVALID);
	assert_rv(mt3->C_SessionCancel(s, CKF_MESSAGE_VERIFY), CKR_OK);
	assert_rv(verify(s, 20, signature, K), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(sign_init(s, sha256, ALICE_RSA1024), CKR_OK);
	assert_rv(mt->C_Logout(s), CKR_OK);
	assert_rv(sign(s, 20, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
}

/* P-117 */
static void
test_init_codes(void **state)
{
	const CK_MECHANISM oaep = { CKM_RSA_PKCS_OAEP, NULL, 0 }, digest = { CKM_SHA256, NULL, 0 };
	CK_SESSION_HANDLE s = mt_start_user();

	(void)state;
	assert_rv(sign_init(s, oaep, ALICE_RSA2048), CKR_MECHANISM_INVALID);
	assert_rv(sign_init(s, digest, ALICE_RSA2048), CKR_MECHANISM_INVALID);
	assert_rv(sign_init(s, bare, ALICE_P256), CKR_KEY_TYPE_INCONSISTENT);
	assert_rv(verify_init(s, bare, ALICE_P256), CKR_KEY_TYPE_INCONSISTENT);
	assert_rv(mt3->C_MessageSignInit(99999, NULL, 0), CKR_SESSION_HANDLE_INVALID);
	assert_rv(mt3->C_MessageVerifyFinal(99999), CKR_SESSION_HANDLE_INVALID);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rounds), TEST(test_errors), TEST(test_size_queries), TEST(test_states), TEST(test_init_codes),
	};

	return cmocka_run_group_tests_name("/module/message", tests, mt_load, mt_unload);
}
