/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of mechanisms, and the parameters that its rows take. */
#include "p11/mech.h"

#include <string.h>

#define RSA_BITS LIMIT_RSA_MIN_BITS, LIMIT_RSA_MAX_BITS
#define EC_BITS 256, 521
#define BITS_25519 PUBKEY_25519_BITS, PUBKEY_25519_BITS
#define CRYPT (CKF_ENCRYPT | CKF_DECRYPT | CKF_WRAP | CKF_UNWRAP)
#define SIGN (CKF_SIGN | CKF_VERIFY | CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY | CKF_MULTI_MESSAGE)
#define PAIR CKF_GENERATE_KEY_PAIR
#define PLAIN (CRYPT | SIGN | CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER)
#define FLAGS_25519 (CKF_EC_OID | CKF_EC_CURVENAME)
#define EC_FLAGS (CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS)

/* clang-format off */
static const struct p11_mech table[] = {
	{ CKM_RSA_PKCS_KEY_PAIR_GEN, KEY_RSA, PAIR,      CSP_PAD_RAW,   CSP_HASH_NONE, P11_PARAMS_NONE, RSA_BITS },
	{ CKM_EC_KEY_PAIR_GEN,     KEY_EC,   PAIR,       CSP_PAD_RAW,   CSP_HASH_NONE, P11_PARAMS_NONE, EC_BITS },
	{ CKM_EC_EDWARDS_KEY_PAIR_GEN, KEY_ED25519, PAIR, CSP_PAD_RAW,  CSP_HASH_NONE, P11_PARAMS_NONE, BITS_25519 },
	{ CKM_EC_MONTGOMERY_KEY_PAIR_GEN, KEY_X25519, PAIR, CSP_PAD_RAW, CSP_HASH_NONE, P11_PARAMS_NONE, BITS_25519 },
	{ CKM_RSA_PKCS,            KEY_RSA,  PLAIN,      CSP_PAD_PKCS1, CSP_HASH_NONE, P11_PARAMS_NONE, RSA_BITS },
	{ CKM_RSA_X_509,           KEY_RSA,  PLAIN,      CSP_PAD_RAW,   CSP_HASH_NONE, P11_PARAMS_NONE, RSA_BITS },
	{ CKM_RSA_PKCS_OAEP,       KEY_RSA,  CRYPT,      CSP_PAD_OAEP,  CSP_HASH_NONE, P11_PARAMS_OAEP, RSA_BITS },
	{ CKM_SHA1_RSA_PKCS,       KEY_RSA,  SIGN,       CSP_PAD_PKCS1, CSP_SHA1,      P11_PARAMS_NONE, RSA_BITS },
	{ CKM_SHA224_RSA_PKCS,     KEY_RSA,  SIGN,       CSP_PAD_PKCS1, CSP_SHA224,    P11_PARAMS_NONE, RSA_BITS },
	{ CKM_SHA256_RSA_PKCS,     KEY_RSA,  SIGN,       CSP_PAD_PKCS1, CSP_SHA256,    P11_PARAMS_NONE, RSA_BITS },
	{ CKM_SHA384_RSA_PKCS,     KEY_RSA,  SIGN,       CSP_PAD_PKCS1, CSP_SHA384,    P11_PARAMS_NONE, RSA_BITS },
	{ CKM_SHA512_RSA_PKCS,     KEY_RSA,  SIGN,       CSP_PAD_PKCS1, CSP_SHA512,    P11_PARAMS_NONE, RSA_BITS },
	{ CKM_RSA_PKCS_PSS,        KEY_RSA,  SIGN,       CSP_PAD_PSS,   CSP_HASH_NONE, P11_PARAMS_PSS,  RSA_BITS },
	{ CKM_SHA1_RSA_PKCS_PSS,   KEY_RSA,  SIGN,       CSP_PAD_PSS,   CSP_SHA1,      P11_PARAMS_PSS,  RSA_BITS },
	{ CKM_SHA224_RSA_PKCS_PSS, KEY_RSA,  SIGN,       CSP_PAD_PSS,   CSP_SHA224,    P11_PARAMS_PSS,  RSA_BITS },
	{ CKM_SHA256_RSA_PKCS_PSS, KEY_RSA,  SIGN,       CSP_PAD_PSS,   CSP_SHA256,    P11_PARAMS_PSS,  RSA_BITS },
	{ CKM_SHA384_RSA_PKCS_PSS, KEY_RSA,  SIGN,       CSP_PAD_PSS,   CSP_SHA384,    P11_PARAMS_PSS,  RSA_BITS },
	{ CKM_SHA512_RSA_PKCS_PSS, KEY_RSA,  SIGN,       CSP_PAD_PSS,   CSP_SHA512,    P11_PARAMS_PSS,  RSA_BITS },
	{ CKM_ECDSA,               KEY_EC,   SIGN,       CSP_PAD_ECDSA, CSP_HASH_NONE, P11_PARAMS_NONE, EC_BITS },
	{ CKM_ECDSA_SHA1,          KEY_EC,   SIGN,       CSP_PAD_ECDSA, CSP_SHA1,      P11_PARAMS_NONE, EC_BITS },
	{ CKM_ECDSA_SHA224,        KEY_EC,   SIGN,       CSP_PAD_ECDSA, CSP_SHA224,    P11_PARAMS_NONE, EC_BITS },
	{ CKM_ECDSA_SHA256,        KEY_EC,   SIGN,       CSP_PAD_ECDSA, CSP_SHA256,    P11_PARAMS_NONE, EC_BITS },
	{ CKM_ECDSA_SHA384,        KEY_EC,   SIGN,       CSP_PAD_ECDSA, CSP_SHA384,    P11_PARAMS_NONE, EC_BITS },
	{ CKM_ECDSA_SHA512,        KEY_EC,   SIGN,       CSP_PAD_ECDSA, CSP_SHA512,    P11_PARAMS_NONE, EC_BITS },
	{ CKM_EDDSA,               KEY_ED25519, SIGN,    CSP_PAD_EDDSA, CSP_HASH_NONE, P11_PARAMS_NONE, BITS_25519 },
	{ CKM_ECDH1_DERIVE,        KEY_EC,   CKF_DERIVE,  CSP_PAD_RAW,   CSP_HASH_NONE, P11_PARAMS_ECDH, EC_BITS },
	{ CKM_ECDH1_COFACTOR_DERIVE, KEY_EC, CKF_DERIVE,  CSP_PAD_RAW,   CSP_HASH_NONE, P11_PARAMS_ECDH, EC_BITS },
	{ CKM_SHA_1,               KEY_NONE, CKF_DIGEST, CSP_PAD_RAW,   CSP_SHA1,      P11_PARAMS_NONE, 0, 0 },
	{ CKM_SHA224,              KEY_NONE, CKF_DIGEST, CSP_PAD_RAW,   CSP_SHA224,    P11_PARAMS_NONE, 0, 0 },
	{ CKM_SHA256,              KEY_NONE, CKF_DIGEST, CSP_PAD_RAW,   CSP_SHA256,    P11_PARAMS_NONE, 0, 0 },
	{ CKM_SHA384,              KEY_NONE, CKF_DIGEST, CSP_PAD_RAW,   CSP_SHA384,    P11_PARAMS_NONE, 0, 0 },
	{ CKM_SHA512,              KEY_NONE, CKF_DIGEST, CSP_PAD_RAW,   CSP_SHA512,    P11_PARAMS_NONE, 0, 0 },
	/* bits and bytes, as the standard has it */
	{ CKM_GENERIC_SECRET_KEY_GEN, KEY_NONE, CKF_GENERATE, CSP_PAD_RAW, CSP_HASH_NONE, P11_PARAMS_NONE,
	  8, 8 * LIMIT_SECRET_KEY },
	{ CKM_AES_KEY_GEN,         KEY_NONE, CKF_GENERATE, CSP_PAD_RAW,  CSP_HASH_NONE, P11_PARAMS_NONE, 16, 32 },
};
/* clang-format on */

const struct p11_mech *
p11_mech_find(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].type == type)
			return &table[i];
	return NULL;
}

size_t
p11_mech_count(void)
{
	return ARRAY_SIZE(table);
}

const struct p11_mech *
p11_mech_at(size_t index)
{
	return index < ARRAY_SIZE(table) ? &table[index] : NULL;
}

void
p11_mech_info(const struct p11_mech *mech, CK_MECHANISM_INFO *ret_info)
{
	CK_FLAGS flags = mech->flags;

	if (mech->key != KEY_NONE)
		flags |= CKF_HW;
	if (mech->key == KEY_EC)
		flags |= EC_FLAGS;
	if (pubkey_is_25519(mech->key))
		flags |= FLAGS_25519;
	*ret_info = (CK_MECHANISM_INFO){ mech->min_bits, mech->max_bits, flags };
}

bool
p11_mech_suits(const struct p11_mech *mech, enum key_type type)
{
	return mech->key == type || (mech->type == CKM_ECDH1_DERIVE && type == KEY_X25519);
}

bool
p11_mech_takes_bits(const struct p11_mech *mech, enum key_type type, unsigned bits)
{
	return type != mech->key || (bits >= mech->min_bits && bits <= mech->max_bits);
}

/* Parameters ------------------------------------------------------------------------------------------------------ */

static bool
hash_by_mech(CK_MECHANISM_TYPE type, enum csp_hash *ret_hash)
{
	const struct p11_mech *mech = p11_mech_find(type);

	if (mech == NULL || (mech->flags & CKF_DIGEST) == 0)
		return false;
	*ret_hash = mech->hash;
	return true;
}

static bool
hash_by_mgf(CK_ULONG mgf, enum csp_hash *ret_hash)
{
	static const struct {
		CK_ULONG mgf;
		enum csp_hash hash;
	} rows[] = { { CKG_MGF1_SHA1, CSP_SHA1 },
		     { CKG_MGF1_SHA224, CSP_SHA224 },
		     { CKG_MGF1_SHA256, CSP_SHA256 },
		     { CKG_MGF1_SHA384, CSP_SHA384 },
		     { CKG_MGF1_SHA512, CSP_SHA512 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].mgf == mgf) {
			*ret_hash = rows[i].hash;
			return true;
		}
	return false;
}

/* A copy of the parameter: the caller's may lie at any address. */
static bool
copy_params(const CK_MECHANISM *mechanism, void *ret_params, size_t size)
{
	if (mechanism->pParameter == NULL || mechanism->ulParameterLen != size)
		return false;
	memcpy(ret_params, mechanism->pParameter, size);
	return true;
}

static bool
pss_scheme(const struct p11_mech *mech, const CK_MECHANISM *mechanism, const struct public_key *key,
	   struct csp_scheme *scheme)
{
	/* octets of the encoded message: one less than the modulus when that has 8m + 1 bits */
	const size_t room = ((size_t)key->bits + 6) / 8;
	CK_RSA_PKCS_PSS_PARAMS params;
	size_t hash_len;

	if (!copy_params(mechanism, &params, sizeof params) || !hash_by_mech(params.hashAlg, &scheme->hash) ||
	    !hash_by_mgf(params.mgf, &scheme->mgf))
		return false;
	if (mech->hash != CSP_HASH_NONE && mech->hash != scheme->hash)
		return false;
	hash_len = csp_hash_len(scheme->hash);
	if (room < hash_len + 2 || params.sLen > room - hash_len - 2)
		return false;
	scheme->salt_len = params.sLen;
	return true;
}

/* Source 0 comes from pkcs11-tool, with nothing in it. */
static bool
oaep_scheme(const CK_MECHANISM *mechanism, const struct public_key *key, struct csp_scheme *scheme,
	    struct buf *ret_label)
{
	CK_RSA_PKCS_OAEP_PARAMS params;

	if (!copy_params(mechanism, &params, sizeof params) || !hash_by_mech(params.hashAlg, &scheme->hash) ||
	    !hash_by_mgf(params.mgf, &scheme->mgf))
		return false;
	if (params.source != CKZ_DATA_SPECIFIED && (params.source != 0 || params.ulSourceDataLen != 0))
		return false;
	if (params.pSourceData == NULL && params.ulSourceDataLen != 0)
		return false;
	if (key->modulus_len < 2 * csp_hash_len(scheme->hash) + 2)
		return false;
	buf_reset(ret_label);
	if (params.ulSourceDataLen > 0)
		buf_put(ret_label, params.pSourceData, params.ulSourceDataLen);
	scheme->label = buf_cur(ret_label);
	return !buf_failed(ret_label);
}

CK_RV
p11_mech_scheme(const struct p11_mech *mech, const CK_MECHANISM *mechanism, const struct public_key *key,
		struct csp_scheme *ret_scheme, struct buf *ret_label)
{
	struct csp_scheme scheme = { .padding = mech->padding };
	bool good = false;

	switch (mech->params) {
	case P11_PARAMS_NONE:
		good = mechanism->ulParameterLen == 0;
		if (mech->padding == CSP_PAD_PKCS1)
			scheme.hash = mech->hash;
		break;
	case P11_PARAMS_PSS: good = pss_scheme(mech, mechanism, key, &scheme); break;
	case P11_PARAMS_ECDH: /* of one call only, which reads it itself */ good = true; break;
	case P11_PARAMS_OAEP: good = oaep_scheme(mechanism, key, &scheme, ret_label); break;
	}
	if (!good)
		return CKR_MECHANISM_PARAM_INVALID;
	*ret_scheme = scheme;
	return CKR_OK;
}
