/* SPDX-License-Identifier: BSD-2-Clause */
/* Signatures, encryption and digests: every mechanism that both have, lengths at all limits, every phase. */
#include "differential/sides.h"

static CK_RSA_PKCS_PSS_PARAMS pss_sha1 = { CKM_SHA_1, CKG_MGF1_SHA1, 20 };
static CK_RSA_PKCS_PSS_PARAMS pss_sha256 = { CKM_SHA256, CKG_MGF1_SHA256, 32 };
static CK_RSA_PKCS_PSS_PARAMS pss_no_salt = { CKM_SHA512, CKG_MGF1_SHA512, 0 };
static CK_RSA_PKCS_OAEP_PARAMS oaep_sha1 = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 };

static CK_MECHANISM
mechanism_of(const struct about *about)
{
	return about->mechanism;
}

struct outcome
step_sign_init(struct side *side, const struct about *about)
{
	CK_MECHANISM m = mechanism_of(about);

	return ONLY_CODE(side->p11->C_SignInit(side->s, &m, private_of(side, about)));
}

STEP(verify_init)
{
	CK_MECHANISM m = mechanism_of(about);

	return ONLY_CODE(side->p11->C_VerifyInit(side->s, &m, public_of(side, about)));
}

STEP(encrypt_init)
{
	CK_MECHANISM m = mechanism_of(about);

	return ONLY_CODE(side->p11->C_EncryptInit(side->s, &m, public_of(side, about)));
}

STEP(decrypt_init)
{
	CK_MECHANISM m = mechanism_of(about);

	return ONLY_CODE(side->p11->C_DecryptInit(side->s, &m, private_of(side, about)));
}

STEP(digest_init)
{
	CK_MECHANISM m = mechanism_of(about);

	return ONLY_CODE(side->p11->C_DigestInit(side->s, &m));
}

typedef CK_RV (*one_shot)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);

/* room 0 asks for the size only. What comes out is kept. */
static struct outcome
run_one_shot(struct side *side, one_shot call, CK_BYTE *in, CK_ULONG in_len, CK_ULONG room)
{
	CK_BYTE out[OPS_MAX];
	CK_ULONG len = room;
	CK_RV rv = call(side->s, in, in_len, room == 0 ? NULL : out, &len);

	if (rv == CKR_OK && room != 0) {
		memcpy(side->output, out, len);
		side->output_len = len;
	}
	return (struct outcome){ rv, len };
}

struct outcome
step_sign(struct side *side, const struct about *about)
{
	return run_one_shot(side, side->p11->C_Sign, ops_message, about->len, about->room);
}

struct outcome
step_digest(struct side *side, const struct about *about)
{
	return run_one_shot(side, side->p11->C_Digest, ops_message, about->len, about->room);
}

STEP(encrypt)
{
	return run_one_shot(side, side->p11->C_Encrypt, ops_message, about->len, about->room);
}

/* What was encrypted before, when len says nothing else. */
STEP(decrypt)
{
	CK_BYTE cipher[OPS_MAX] = { 0 };

	memcpy(cipher, side->output, side->output_len);
	return run_one_shot(side, side->p11->C_Decrypt, cipher, about->len != 0 ? about->len : side->output_len,
			    about->room);
}

STEP(sign_update)
{
	return ONLY_CODE(side->p11->C_SignUpdate(side->s, ops_message, about->len));
}

STEP(digest_update)
{
	return ONLY_CODE(side->p11->C_DigestUpdate(side->s, ops_message, about->len));
}

STEP(verify_update)
{
	return ONLY_CODE(side->p11->C_VerifyUpdate(side->s, ops_message, about->len));
}

typedef CK_RV (*final)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG *);

static struct outcome
run_final(struct side *side, final call, CK_ULONG room)
{
	CK_BYTE out[OPS_MAX];
	CK_ULONG len = room;
	CK_RV rv = call(side->s, room == 0 ? NULL : out, &len);

	if (rv == CKR_OK && room != 0) {
		memcpy(side->output, out, len);
		side->output_len = len;
	}
	return (struct outcome){ rv, len };
}

STEP(sign_final)
{
	return run_final(side, side->p11->C_SignFinal, about->room);
}

STEP(digest_final)
{
	return run_final(side, side->p11->C_DigestFinal, about->room);
}

/* The signature made before; room, if it is not 0, is the length that it is said to have. */
STEP(verify)
{
	CK_BYTE signature[OPS_MAX] = { 0 };

	memcpy(signature, side->output, side->output_len);
	return ONLY_CODE(side->p11->C_Verify(side->s, ops_message, about->len, signature,
					     about->room != 0 ? about->room : side->output_len));
}

STEP(verify_final)
{
	(void)about;
	return ONLY_CODE(side->p11->C_VerifyFinal(side->s, side->output, side->output_len));
}

/* Signatures --------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	CK_MECHANISM mechanism;
	bool ec;
} signatures[] = {
	{ "RSA_PKCS", PLAIN(CKM_RSA_PKCS), false },
	{ "RSA_X_509", PLAIN(CKM_RSA_X_509), false },
	{ "SHA1_RSA_PKCS", PLAIN(CKM_SHA1_RSA_PKCS), false },
	{ "SHA224_RSA_PKCS", PLAIN(CKM_SHA224_RSA_PKCS), false },
	{ "SHA256_RSA_PKCS", PLAIN(CKM_SHA256_RSA_PKCS), false },
	{ "SHA384_RSA_PKCS", PLAIN(CKM_SHA384_RSA_PKCS), false },
	{ "SHA512_RSA_PKCS", PLAIN(CKM_SHA512_RSA_PKCS), false },
	{ "RSA_PKCS_PSS", WITH(CKM_RSA_PKCS_PSS, pss_sha256), false },
	{ "SHA1_RSA_PKCS_PSS", WITH(CKM_SHA1_RSA_PKCS_PSS, pss_sha1), false },
	{ "SHA256_RSA_PKCS_PSS", WITH(CKM_SHA256_RSA_PKCS_PSS, pss_sha256), false },
	{ "SHA512_RSA_PKCS_PSS", WITH(CKM_SHA512_RSA_PKCS_PSS, pss_no_salt), false },
	{ "ECDSA", PLAIN(CKM_ECDSA), true },
};

/* More than the modulus ends SoftHSM's process (raw RSA). */
static const CK_ULONG lengths[] = { 1, 20, 32, 64, 200, 245, 246, 256 };

/* Every mechanism with every length, in every call: size, too little room, the signature, and none after it. */
void
test_sign(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(signatures); i++)
		for (size_t j = 0; j < ARRAY_SIZE(lengths); j++) {
			struct about a = { .mechanism = signatures[i].mechanism,
					   .ec = signatures[i].ec,
					   .len = lengths[j] };

			(void)SAME(step_sign_init, &a, "%s sign-init", signatures[i].name);
			(void)SAME(step_sign, &a, "%s sign-size %lu", signatures[i].name, a.len);
			a.room = 1;
			(void)SAME(step_sign, &a, "%s sign-small %lu", signatures[i].name, a.len);
			a.room = OPS_MAX;
			if (SAME(step_sign, &a, "%s sign %lu", signatures[i].name, a.len) == CKR_OK) {
				(void)SAME(verify_init, &a, "%s verify-init", signatures[i].name);
				a.room = 0;
				(void)SAME(verify, &a, "%s verify %lu", signatures[i].name, a.len);
			}
			(void)SAME(step_sign, &a, "%s sign-ended", signatures[i].name);
			(void)SAME(verify, &a, "%s verify-ended", signatures[i].name);
		}
}

void
test_sign_in_parts(void **state)
{
	(void)state;
	for (size_t i = 2; i < 7; i++) {
		struct about a = { .mechanism = signatures[i].mechanism, .len = 10 };

		(void)SAME(sign_update, &a, "update-without-init");
		(void)SAME(sign_final, &a, "final-without-init");
		(void)SAME(step_sign_init, &a, "parts sign-init");
		(void)SAME(sign_update, &a, "parts sign-update");
		(void)SAME(sign_update, &a, "parts sign-update");
		(void)SAME(sign_final, &a, "parts sign-final-size");
		a.room = 1;
		(void)SAME(sign_final, &a, "parts sign-final-small");
		a.room = OPS_MAX;
		(void)SAME(sign_final, &a, "parts sign-final");
		(void)SAME(verify_init, &a, "parts verify-init");
		(void)SAME(verify_update, &a, "parts verify-update");
		(void)SAME(verify_update, &a, "parts verify-update");
		(void)SAME(verify_final, &a, "parts verify-final");
		(void)SAME(verify_final, &a, "parts verify-ended");
		/* nothing but the end signs no bytes */
		(void)SAME(step_sign_init, &a, "parts sign-init");
		(void)SAME(sign_final, &a, "parts sign-nothing");
		/* a part and then everything at once */
		(void)SAME(step_sign_init, &a, "parts sign-init");
		(void)SAME(sign_update, &a, "parts sign-update");
		(void)SAME(step_sign, &a, "mixed sign");
		(void)SAME(sign_update, &a, "mixed sign-ended");
		(void)SAME(step_sign_init, &a, "twice sign-init");
		(void)SAME(step_sign_init, &a, "twice sign-init-again");
		(void)SAME(step_sign, &a, "twice sign");
	}
}

/* Wrong signatures and wrong lengths. */
void
test_verify(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(signatures); i++) {
		struct about a = { .mechanism = signatures[i].mechanism, .ec = signatures[i].ec, .len = 32 };

		a.room = OPS_MAX;
		(void)SAME(step_sign_init, &a, "%s sign-init", signatures[i].name);
		if (SAME(step_sign, &a, "%s sign %lu", signatures[i].name, a.len) != CKR_OK)
			continue;
		a.room = 7;
		(void)SAME(verify_init, &a, "%s verify-init", signatures[i].name);
		(void)SAME(verify, &a, "%s verify-short", signatures[i].name);
		(void)SAME(verify, &a, "%s verify-ended", signatures[i].name);
		a.room = 0;
		for (int side = 0; side < SIDES; side++)
			sides[side].output[sides[side].output_len - 1] ^= 1;
		(void)SAME(verify_init, &a, "%s verify-init", signatures[i].name);
		(void)SAME(verify, &a, "%s verify-wrong", signatures[i].name);
	}
}

/* Encryption --------------------------------------------------------------------------------------------------------- */

void
test_encrypt(void **state)
{
	static const struct {
		const char *name;
		CK_MECHANISM mechanism;
	} ways[] = {
		{ "RSA_PKCS", PLAIN(CKM_RSA_PKCS) },
		{ "RSA_X_509", PLAIN(CKM_RSA_X_509) },
		{ "OAEP", WITH(CKM_RSA_PKCS_OAEP, oaep_sha1) },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		for (size_t j = 0; j < ARRAY_SIZE(lengths); j++) {
			struct about a = { .mechanism = ways[i].mechanism, .len = lengths[j] };

			(void)SAME(encrypt_init, &a, "%s encrypt-init", ways[i].name);
			(void)SAME(encrypt, &a, "%s encrypt-size", ways[i].name);
			a.room = 255;
			(void)SAME(encrypt, &a, "%s encrypt-small", ways[i].name);
			a.room = OPS_MAX;
			if (SAME(encrypt, &a, "%s encrypt %lu", ways[i].name, a.len) != CKR_OK)
				continue;
			a.len = a.room = 0;
			(void)SAME(encrypt, &a, "%s encrypt-ended", ways[i].name);
			(void)SAME(decrypt_init, &a, "%s decrypt-init", ways[i].name);
			(void)SAME(decrypt, &a, "%s decrypt-size", ways[i].name);
			a.room = OPS_MAX;
			(void)SAME(decrypt, &a, "%s decrypt", ways[i].name);
			(void)SAME(decrypt, &a, "%s decrypt-ended", ways[i].name);
			a.len = 200;
			(void)SAME(decrypt_init, &a, "%s decrypt-init", ways[i].name);
			(void)SAME(decrypt, &a, "%s decrypt-wrong-length", ways[i].name);
		}
}

/* Digests ------------------------------------------------------------------------------------------------------------ */

void
test_digest(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ops_hashes); i++) {
		struct about a = { .mechanism = { ops_hashes[i].digest, NULL, 0 }, .len = 33 };

		(void)SAME(step_digest, &a, "digest-without-init");
		(void)SAME(digest_update, &a, "digest-update-without-init");
		(void)SAME(digest_final, &a, "digest-final-without-init");
		(void)SAME(digest_init, &a, "digest-init");
		(void)SAME(digest_init, &a, "digest-init-again");
		(void)SAME(step_digest, &a, "digest-size");
		a.room = 3;
		(void)SAME(step_digest, &a, "digest-small");
		a.room = OPS_MAX;
		(void)SAME(step_digest, &a, "digest");
		assert_memory_equal(sides[OURS].output, sides[SOFTHSM].output, ops_hashes[i].len);
		(void)SAME(step_digest, &a, "digest-ended");
		(void)SAME(digest_init, &a, "digest-init");
		(void)SAME(digest_update, &a, "digest-update");
		(void)SAME(digest_update, &a, "digest-update");
		a.room = 0;
		(void)SAME(digest_final, &a, "digest-final-size");
		a.room = 3;
		(void)SAME(digest_final, &a, "digest-final-small");
		a.room = OPS_MAX;
		(void)SAME(digest_final, &a, "digest-final");
		assert_memory_equal(sides[OURS].output, sides[SOFTHSM].output, ops_hashes[i].len);
		(void)SAME(digest_init, &a, "digest-init");
		(void)SAME(digest_update, &a, "digest-update");
		(void)SAME(step_digest, &a, "digest-mixed");
		(void)SAME(digest_update, &a, "digest-mixed-ended");
	}
}

/* Keys and mechanisms that do not go together ------------------------------------------------------------------------ */

STEP(sign_init_handle)
{
	CK_MECHANISM m = mechanism_of(about);

	return ONLY_CODE(side->p11->C_SignInit(side->s, &m, about->handle));
}

STEP(sign_init_public)
{
	CK_MECHANISM m = mechanism_of(about);

	return ONLY_CODE(side->p11->C_SignInit(side->s, &m, side->rsa_public));
}

void
test_wrong_keys(void **state)
{
	struct about a = { .mechanism = PLAIN(CKM_SHA256_RSA_PKCS), .handle = 77777 };

	(void)state;
	(void)SAME(sign_init_handle, &a, "sign-init no such key");
	a.handle = CK_INVALID_HANDLE;
	(void)SAME(sign_init_handle, &a, "sign-init no such key");
	(void)SAME(sign_init_public, &a, "sign-init with a public key");
	a.mechanism.mechanism = CKM_VENDOR_DEFINED + 1;
	(void)SAME(step_sign_init, &a, "sign-init no such mechanism");
	(void)SAME(verify_init, &a, "verify-init no such mechanism");
	(void)SAME(encrypt_init, &a, "encrypt-init no such mechanism");
	(void)SAME(decrypt_init, &a, "decrypt-init no such mechanism");
	(void)SAME(digest_init, &a, "digest-init no such mechanism");
	a.mechanism = (CK_MECHANISM)PLAIN(CKM_SHA256);
	(void)SAME(step_sign_init, &a, "sign-init with a digest");
	a.mechanism = (CK_MECHANISM)PLAIN(CKM_SHA256_RSA_PKCS);
	(void)SAME(digest_init, &a, "digest-init with a signature");
	(void)SAME(encrypt_init, &a, "encrypt-init with a signature");
	(void)SAME(decrypt_init, &a, "decrypt-init with a signature");
	/* nothing of all this has begun anything */
	a.room = OPS_MAX;
	(void)SAME(step_sign, &a, "nothing begun");
	(void)SAME(step_digest, &a, "nothing begun");
	(void)SAME(encrypt, &a, "nothing begun");
	(void)SAME(decrypt, &a, "nothing begun");
}
