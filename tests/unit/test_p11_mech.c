/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of mechanisms, and every wrong parameter. */
#include "p11/mech.h"

#include <stdlib.h>
#include <string.h>

#include "lib/test.h"

static const struct public_key rsa2048 = { .type = KEY_RSA, .bits = 2048, .modulus_len = 256 };
static const struct public_key rsa1024 = { .type = KEY_RSA, .bits = 1024, .modulus_len = 128 };
static const struct public_key rsa1025 = { .type = KEY_RSA, .bits = 1025, .modulus_len = 129 };

/* Mechanisms that the standard lets carry these flags; another suite's list. */
#define CRYPT (CKF_ENCRYPT | CKF_DECRYPT | CKF_WRAP | CKF_UNWRAP)
#define SIGN (CKF_SIGN | CKF_VERIFY | CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY | CKF_MULTI_MESSAGE)
#define RECOVER (CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER)

/* P-041 */
static void
test_every_row(void **state)
{
	CK_MECHANISM_INFO info;

	(void)state;
	assert_true(p11_mech_count() > 0);
	assert_null(p11_mech_at(p11_mech_count()));
	for (size_t i = 0; i < p11_mech_count(); i++) {
		const struct p11_mech *mech = p11_mech_at(i);

		assert_ptr_equal(p11_mech_find(mech->type), mech); /* so no type is there twice */
		p11_mech_info(mech, &info);
		assert_true(info.ulMinKeySize <= info.ulMaxKeySize);
		assert_int_not_equal(info.flags, 0);
	}
	assert_null(p11_mech_find(CKM_MD5_RSA_PKCS));
	assert_null(p11_mech_find(CKM_VENDOR_DEFINED));
}

/* P-042, P-043 */
static void
test_flags(void **state)
{
	const CK_FLAGS ec = CKF_EC_F_P | CKF_EC_OID | CKF_EC_UNCOMPRESS;
	CK_MECHANISM_INFO info;

	(void)state;
	for (size_t i = 0; i < p11_mech_count(); i++) {
		const struct p11_mech *mech = p11_mech_at(i);

		p11_mech_info(mech, &info);
		switch (mech->key) {
		case KEY_NONE:
			assert_true(info.flags == CKF_DIGEST || info.flags == CKF_GENERATE);
			assert_true((info.ulMaxKeySize > 0) == (info.flags == CKF_GENERATE));
			break;
		case KEY_RSA:
			assert_int_equal(info.flags & ~(CK_FLAGS)(CRYPT | SIGN | RECOVER | CKF_GENERATE_KEY_PAIR),
					 CKF_HW);
			assert_int_equal(info.ulMinKeySize, 1024);
			assert_int_equal(info.ulMaxKeySize, 4096);
			break;
		case KEY_EC:
			assert_int_equal(info.flags & ~(CK_FLAGS)(SIGN | CKF_DERIVE | CKF_GENERATE_KEY_PAIR),
					 ec | CKF_HW);
			assert_int_equal(info.ulMinKeySize, 256);
			assert_int_equal(info.ulMaxKeySize, 521);
			break;
		case KEY_ED25519:
		case KEY_X25519:
			assert_int_equal(info.flags & ~(CK_FLAGS)(SIGN | CKF_GENERATE_KEY_PAIR),
					 CKF_HW | CKF_EC_OID | CKF_EC_CURVENAME);
			assert_int_equal(info.ulMinKeySize, 255);
			assert_int_equal(info.ulMaxKeySize, 255);
			break;
		}
	}
	p11_mech_info(p11_mech_find(CKM_RSA_PKCS), &info);
	assert_int_equal(info.flags, CKF_HW | CRYPT | SIGN | RECOVER);
	p11_mech_info(p11_mech_find(CKM_RSA_PKCS_OAEP), &info);
	assert_int_equal(info.flags, CKF_HW | CRYPT);
	p11_mech_info(p11_mech_find(CKM_SHA256_RSA_PKCS), &info);
	assert_int_equal(info.flags, CKF_HW | SIGN);
	p11_mech_info(p11_mech_find(CKM_RSA_PKCS_KEY_PAIR_GEN), &info);
	assert_int_equal(info.flags, CKF_HW | CKF_GENERATE_KEY_PAIR);
	p11_mech_info(p11_mech_find(CKM_EC_KEY_PAIR_GEN), &info);
	assert_int_equal(info.flags, ec | CKF_HW | CKF_GENERATE_KEY_PAIR);
}

/* The parameter lies in a heap block of exactly its size, at any address. */
static CK_RV
scheme_of(CK_MECHANISM_TYPE type, const void *param, size_t len, const struct public_key *key,
	  struct csp_scheme *ret_scheme, struct buf *label)
{
	uint8_t *block = malloc(len + 1);
	CK_MECHANISM mechanism = { type, param == NULL ? NULL : block + 1, len };
	CK_RV rv;

	assert_non_null(block);
	if (param != NULL)
		memcpy(block + 1, param, len);
	rv = p11_mech_scheme(p11_mech_find(type), &mechanism, key, ret_scheme, label);
	free(block);
	return rv;
}

static void
test_no_parameter(void **state)
{
	struct buf label = BUF_INIT;
	struct csp_scheme scheme;

	(void)state;
	for (size_t i = 0; i < p11_mech_count(); i++) {
		const struct p11_mech *mech = p11_mech_at(i);
		CK_RV expected = mech->params == P11_PARAMS_NONE ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;

		if (mech->params == P11_PARAMS_ECDH)
			continue; /* read by the call (derive.c) */
		assert_int_equal(scheme_of(mech->type, NULL, 0, &rsa2048, &scheme, &label), expected);
		assert_int_equal(scheme_of(mech->type, "", 0, &rsa2048, &scheme, &label), expected);
		assert_int_equal(scheme_of(mech->type, "x", 1, &rsa2048, &scheme, &label), CKR_MECHANISM_PARAM_INVALID);
		assert_int_equal(scheme_of(mech->type, NULL, 24, &rsa2048, &scheme, &label),
				 CKR_MECHANISM_PARAM_INVALID);
	}
	assert_int_equal(scheme_of(CKM_SHA384_RSA_PKCS, NULL, 0, &rsa2048, &scheme, &label), CKR_OK);
	assert_int_equal(scheme.padding, CSP_PAD_PKCS1);
	assert_int_equal(scheme.hash, CSP_SHA384);
	assert_int_equal(scheme_of(CKM_RSA_PKCS, NULL, 0, &rsa2048, &scheme, &label), CKR_OK);
	assert_int_equal(scheme.hash, CSP_HASH_NONE);
}

/* PSS --------------------------------------------------------------------------------------------------------------- */

static const struct {
	CK_MECHANISM_TYPE digest, combined;
	CK_RSA_PKCS_MGF_TYPE mgf;
	enum csp_hash hash;
	CK_ULONG len;
} hashes[] = {
	{ CKM_SHA_1, CKM_SHA1_RSA_PKCS_PSS, CKG_MGF1_SHA1, CSP_SHA1, 20 },
	{ CKM_SHA224, CKM_SHA224_RSA_PKCS_PSS, CKG_MGF1_SHA224, CSP_SHA224, 28 },
	{ CKM_SHA256, CKM_SHA256_RSA_PKCS_PSS, CKG_MGF1_SHA256, CSP_SHA256, 32 },
	{ CKM_SHA384, CKM_SHA384_RSA_PKCS_PSS, CKG_MGF1_SHA384, CSP_SHA384, 48 },
	{ CKM_SHA512, CKM_SHA512_RSA_PKCS_PSS, CKG_MGF1_SHA512, CSP_SHA512, 64 },
};

static CK_RV
pss(CK_MECHANISM_TYPE type, CK_MECHANISM_TYPE hash, CK_ULONG mgf, CK_ULONG salt_len, const struct public_key *key,
    struct csp_scheme *ret_scheme)
{
	CK_RSA_PKCS_PSS_PARAMS params = { hash, mgf, salt_len };
	struct buf label = BUF_INIT;

	return scheme_of(type, &params, sizeof params, key, ret_scheme, &label);
}

static void
test_pss(void **state)
{
	struct csp_scheme scheme;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++)
		for (size_t j = 0; j < ARRAY_SIZE(hashes); j++) {
			assert_int_equal(pss(CKM_RSA_PKCS_PSS, hashes[i].digest, hashes[j].mgf, 9, &rsa2048, &scheme),
					 CKR_OK);
			assert_int_equal(scheme.padding, CSP_PAD_PSS);
			assert_int_equal(scheme.hash, hashes[i].hash);
			assert_int_equal(scheme.mgf, hashes[j].hash);
			assert_int_equal(scheme.salt_len, 9);
			/* P-129 */
			assert_int_equal(pss(hashes[j].combined, hashes[i].digest, hashes[i].mgf, 0, &rsa2048, &scheme),
					 i == j ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
		}
}

/* P-128 */
static void
test_pss_salt_limit(void **state)
{
	struct csp_scheme scheme;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
		CK_ULONG most = 256 - 2 - hashes[i].len;
		CK_MECHANISM_TYPE hash = hashes[i].digest;
		CK_ULONG mgf = hashes[i].mgf;

		assert_int_equal(pss(CKM_RSA_PKCS_PSS, hash, mgf, most, &rsa2048, &scheme), CKR_OK);
		assert_int_equal(pss(CKM_RSA_PKCS_PSS, hash, mgf, most + 1, &rsa2048, &scheme),
				 CKR_MECHANISM_PARAM_INVALID);
		assert_int_equal(pss(hashes[i].combined, hash, mgf, (CK_ULONG)-1, &rsa2048, &scheme),
				 CKR_MECHANISM_PARAM_INVALID);
	}
	assert_int_equal(pss(CKM_RSA_PKCS_PSS, CKM_SHA512, CKG_MGF1_SHA512, 62, &rsa1024, &scheme), CKR_OK);
	assert_int_equal(pss(CKM_RSA_PKCS_PSS, CKM_SHA512, CKG_MGF1_SHA512, 63, &rsa1024, &scheme),
			 CKR_MECHANISM_PARAM_INVALID);
	/* P-130: the encoded message is a byte shorter than the modulus */
	assert_int_equal(pss(CKM_RSA_PKCS_PSS, CKM_SHA512, CKG_MGF1_SHA512, 62, &rsa1025, &scheme), CKR_OK);
	assert_int_equal(pss(CKM_RSA_PKCS_PSS, CKM_SHA512, CKG_MGF1_SHA512, 63, &rsa1025, &scheme),
			 CKR_MECHANISM_PARAM_INVALID);
}

static void
test_pss_wrong(void **state)
{
	CK_RSA_PKCS_PSS_PARAMS good = { CKM_SHA256, CKG_MGF1_SHA256, 32 };
	struct buf label = BUF_INIT;
	struct csp_scheme scheme;
	uint8_t longer[sizeof good + 1] = { 0 };

	(void)state;
	assert_int_equal(pss(CKM_RSA_PKCS_PSS, CKM_MD5, CKG_MGF1_SHA256, 16, &rsa2048, &scheme),
			 CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(pss(CKM_RSA_PKCS_PSS, CKM_SHA256_RSA_PKCS, CKG_MGF1_SHA256, 16, &rsa2048, &scheme),
			 CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(pss(CKM_RSA_PKCS_PSS, CKM_SHA256, 0, 16, &rsa2048, &scheme), CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(pss(CKM_RSA_PKCS_PSS, CKM_SHA256, 6, 16, &rsa2048, &scheme), CKR_MECHANISM_PARAM_INVALID);
	for (size_t len = 0; len < sizeof good; len++)
		assert_int_equal(scheme_of(CKM_RSA_PKCS_PSS, &good, len, &rsa2048, &scheme, &label),
				 CKR_MECHANISM_PARAM_INVALID);
	memcpy(longer, &good, sizeof good);
	assert_int_equal(scheme_of(CKM_RSA_PKCS_PSS, longer, sizeof longer, &rsa2048, &scheme, &label),
			 CKR_MECHANISM_PARAM_INVALID);
}

/* OAEP -------------------------------------------------------------------------------------------------------------- */

static CK_RV
oaep(CK_RSA_PKCS_OAEP_PARAMS params, const struct public_key *key, struct csp_scheme *ret_scheme, struct buf *label)
{
	return scheme_of(CKM_RSA_PKCS_OAEP, &params, sizeof params, key, ret_scheme, label);
}

static void
test_oaep(void **state)
{
	char text[] = "abc";
	CK_RSA_PKCS_OAEP_PARAMS params = { CKM_SHA256, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, text, 3 };
	struct buf label = BUF_INIT;
	struct csp_scheme scheme;

	(void)state;
	assert_int_equal(oaep(params, &rsa2048, &scheme, &label), CKR_OK);
	text[0] = 'x'; /* the caller's memory is free again after Init */
	assert_int_equal(scheme.padding, CSP_PAD_OAEP);
	assert_int_equal(scheme.hash, CSP_SHA256);
	assert_int_equal(scheme.mgf, CSP_SHA1);
	assert_true(cur_equals(&scheme.label, "abc", 3));
	params.pSourceData = NULL;
	params.ulSourceDataLen = 0;
	assert_int_equal(oaep(params, &rsa2048, &scheme, &label), CKR_OK);
	assert_int_equal(scheme.label.left, 0);
	params.source = 0; /* pkcs11-tool */
	assert_int_equal(oaep(params, &rsa2048, &scheme, &label), CKR_OK);
	buf_free(&label);
}

static void
test_oaep_wrong(void **state)
{
	char text[] = "abc";
	const CK_RSA_PKCS_OAEP_PARAMS good = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, text, 3 };
	struct buf label = BUF_INIT;
	struct csp_scheme scheme;

	(void)state;
#define WRONG(member, value)                                                                                           \
	do {                                                                                                           \
		CK_RSA_PKCS_OAEP_PARAMS bad = good;                                                                    \
		bad.member = value;                                                                                    \
		assert_int_equal(oaep(bad, &rsa2048, &scheme, &label), CKR_MECHANISM_PARAM_INVALID);                   \
	} while (0)
	WRONG(hashAlg, CKM_RSA_PKCS);
	WRONG(hashAlg, CKM_MD5);
	WRONG(mgf, 0);
	WRONG(mgf, 99);
	WRONG(source, 0); /* with data */
	WRONG(source, 2);
	WRONG(pSourceData, NULL);
#undef WRONG
	for (size_t len = 0; len < sizeof good; len++)
		assert_int_equal(scheme_of(CKM_RSA_PKCS_OAEP, &good, len, &rsa2048, &scheme, &label),
				 CKR_MECHANISM_PARAM_INVALID);
	buf_free(&label);
}

/* A hash too long for the key can never work. */
static void
test_oaep_small_key(void **state)
{
	const CK_RSA_PKCS_OAEP_PARAMS params = { CKM_SHA512, CKG_MGF1_SHA512, CKZ_DATA_SPECIFIED, NULL, 0 };
	struct buf label = BUF_INIT;
	struct csp_scheme scheme;

	(void)state;
	assert_int_equal(oaep(params, &rsa1024, &scheme, &label), CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(oaep(params, &rsa2048, &scheme, &label), CKR_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row),      cmocka_unit_test(test_flags),
		cmocka_unit_test(test_no_parameter),   cmocka_unit_test(test_pss),
		cmocka_unit_test(test_pss_salt_limit), cmocka_unit_test(test_pss_wrong),
		cmocka_unit_test(test_oaep),	       cmocka_unit_test(test_oaep_wrong),
		cmocka_unit_test(test_oaep_small_key),
	};

	return cmocka_run_group_tests_name("/p11/mech", tests, NULL, NULL);
}
