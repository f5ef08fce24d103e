/* SPDX-License-Identifier: BSD-2-Clause */
/* GIDS: containers, signatures and decryption; every result is checked by libcrypto with the card's public key. */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "card/gids_card.h"
#include "gids/gids.h"
#include "lib/hex.h"
#include "lib/script.h"

static struct kit strict, applet, no_raw_sign, t0_der;
static const struct kit *const kits[] = { &strict, &applet, &t0_der };

static int
make_kits(void **state)
{
	(void)state;
	kit_make(&strict, &(struct vcard_profile){ .quirks = VCARD_STRICT, .ecc = true }, false);
	kit_make(&applet, &(struct vcard_profile){ .quirks = VCARD_APPLET | VCARD_STRIPS_ZEROS, .ecc = true }, false);
	kit_make(&no_raw_sign, &(struct vcard_profile){ .quirks = VCARD_NO_RAW_SIGN, .ecc = true }, true);
	kit_make(&t0_der, &(struct vcard_profile){ .quirks = VCARD_T0 | VCARD_ECDSA_DER, .ecc = true }, false);
	return 0;
}

static int
free_kits(void **state)
{
	(void)state;
	kit_free(&strict);
	kit_free(&applet);
	kit_free(&no_raw_sign);
	kit_free(&t0_der);
	return 0;
}

static EVP_PKEY *
public_key(const struct kit *kit, unsigned container)
{
	const unsigned char *p = kit->spki[container].p;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)kit->spki[container].len);

	assert_non_null(key);
	return key;
}

/* Verifies a signature over a hash value; padding 0 for ECDSA. */
static void
assert_verifies(const struct kit *kit, unsigned container, const char *hash, int padding, int salt, struct cursor value,
		struct cursor signature)
{
	EVP_PKEY *key = public_key(kit, container);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

	assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
	if (padding != 0)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
	if (hash != NULL)
		assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_get_digestbyname(hash)), 1);
	if (padding == RSA_PKCS1_PSS_PADDING)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt), 1);
	assert_int_equal(EVP_PKEY_verify(ctx, signature.p, signature.left, value.p, value.left), 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
}

static const struct hash {
	const char *name, *evp;
	size_t len;
} hashes[] = {
	{ BCRYPT_SHA1_ALGORITHM, "SHA1", 20 },	   { BCRYPT_SHA224_ALGORITHM, "SHA224", 28 },
	{ BCRYPT_SHA256_ALGORITHM, "SHA256", 32 }, { BCRYPT_SHA384_ALGORITHM, "SHA384", 48 },
	{ BCRYPT_SHA512_ALGORITHM, "SHA512", 64 },
};

static const BYTE value[64] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66 };

static void
assert_signs(struct rig *rig, const struct kit *kit, unsigned container, DWORD spec, DWORD padding, const void *info,
	     const char *hash, int salt, struct cursor data)
{
	CARD_SIGNING_INFO sign;

	assert_int_equal(rig_sign(rig, (BYTE)container, spec, padding, info, data, &sign), SCARD_S_SUCCESS);
	assert_verifies(kit, container, hash, padding == CARD_PADDING_PKCS1 ? RSA_PKCS1_PADDING : RSA_PKCS1_PSS_PADDING,
			salt, data, cur_of(sign.pbSignedData, sign.cbSignedData));
	rig->data.pfnCspFree(sign.pbSignedData);
}

static void
open_and_verify(struct rig *rig, const struct kit *kit)
{
	rig_acquire(rig, kit);
	assert_int_equal(rig_verify(rig, KIT_PIN), SCARD_S_SUCCESS);
}

/* public keys without a PIN, in the slot of their kind; elliptic-curve keys are signature keys. */
static void
test_container_info(void **state)
{
	static const unsigned bits[KIT_CONTAINERS] = { 2048, 1024, 256, 384, 521, 3072 };
	CONTAINER_INFO info;
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
		for (unsigned i = 0; i < KIT_CONTAINERS; i++) {
			bool exchange = i == KIT_RSA2048 || i == KIT_RSA3072;
			const struct public_key *key = exchange ? &info.KeyExPublicKey : &info.SigPublicKey;

			assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, (BYTE)i, 0, &info),
					 SCARD_S_SUCCESS);
			assert_int_equal(key->bits, bits[i]);
			assert_int_equal((exchange ? &info.SigPublicKey : &info.KeyExPublicKey)->type, KEY_NONE);
		}
		for (unsigned i = KIT_CONTAINERS; i < 256; i += i == KIT_CONTAINERS ? 24 : 75)
			assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, (BYTE)i, 0, &info),
					 SCARD_E_NO_KEY_CONTAINER);
		rig_close(&rig);
	}
}

/* Container properties. */
static void
test_container_properties(void **state)
{
	CONTAINER_INFO info;
	struct rig rig;
	CARD_DATA *d = &rig.data;
	PIN_ID role = 99;
	DWORD len;

	(void)state;
	rig_acquire(&rig, &strict);
#define GET(index, name, buffer, size) d->pfnCardGetContainerProperty(d, index, name, (BYTE *)(buffer), size, &len, 0)
	assert_int_equal(GET(0, CCP_CONTAINER_INFO, NULL, 0), ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(len, sizeof(info));
	assert_int_equal(GET(0, CCP_PIN_IDENTIFIER, &role, 3), ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(len, 4);
	assert_int_equal(GET(0, "Associated ECDH Key", &role, 4), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(GET(0, NULL, &role, 4), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(GET(0, CCP_PIN_IDENTIFIER, NULL, 4), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(d->pfnCardGetContainerProperty(d, 0, CCP_PIN_IDENTIFIER, (BYTE *)&role, 4, NULL, 0),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(d->pfnCardGetContainerProperty(d, 0, CCP_PIN_IDENTIFIER, (BYTE *)&role, 4, &len, 1),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(d->pfnCardGetContainerInfo(d, 0, 1, &info), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(d->pfnCardGetContainerInfo(d, 0, 0, NULL), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig_exchanges(&rig), 0);
	assert_int_equal(GET(0, CCP_PIN_IDENTIFIER, &role, 4), SCARD_S_SUCCESS);
	assert_int_equal(role, ROLE_USER);
	assert_int_equal(GET(9, CCP_PIN_IDENTIFIER, &role, 4), SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(GET(KIT_P256, CCP_CONTAINER_INFO, &info, sizeof(info)), SCARD_S_SUCCESS);
	assert_int_equal(info.SigPublicKey.bits, 256);
	rig_close(&rig);
}

/* PKCS#1 v1.5 with every hash, by the card. */
static void
test_sign_pkcs1(void **state)
{
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		open_and_verify(&rig, kits[k]);
		for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
			const BCRYPT_PKCS1_PADDING_INFO info = { hashes[i].name };
			struct cursor data = cur_of(value, hashes[i].len);

			assert_signs(&rig, kits[k], KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &info,
				     hashes[i].evp, 0, data);
			assert_signs(&rig, kits[k], KIT_RSA1024_SIGN, AT_SIGNATURE, CARD_PADDING_PKCS1, &info,
				     hashes[i].evp, 0, data);
			assert_signs(&rig, kits[k], KIT_RSA3072, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &info,
				     hashes[i].evp, 0, data);
		}
		rig_close(&rig);
	}
}

/* Without a hash the data is padded as it is, up to the last byte that fits; beyond 247 bytes on the host. */
static void
test_sign_pkcs1_bare(void **state)
{
	static const size_t lengths[] = { 1, 36, 245 }, lengths_3072[] = { 247, 248, 300, 373 };
	const BCRYPT_PKCS1_PADDING_INFO bare = { NULL };
	static BYTE data[512] = { 1 };
	CARD_SIGNING_INFO sign;
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		open_and_verify(&rig, kits[k]);
		for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
			assert_signs(&rig, kits[k], KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &bare, NULL, 0,
				     cur_of(data, lengths[i]));
		/* a raw RSA-3072 signature is not on the applet's simulator, whose decipherment of that size works here */
		for (size_t i = 0; i < ARRAY_SIZE(lengths_3072); i++)
			assert_signs(&rig, kits[k], KIT_RSA3072, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &bare, NULL, 0,
				     cur_of(data, lengths_3072[i]));
		(void)rig_exchanges(&rig);
		assert_int_equal(rig_sign(&rig, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &bare,
					  cur_of(data, 246), &sign),
				 SCARD_E_INVALID_PARAMETER);
		assert_int_equal(rig_sign(&rig, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &bare,
					  cur_of(data, 0xFFFFFFFF), &sign),
				 SCARD_E_INVALID_PARAMETER);
		assert_int_equal(rig_exchanges(&rig), 0);
		rig_close(&rig);
	}
}

/* PSS is padded by the callback and signed raw, by the decipher route where the card refuses to sign. */
static void
test_sign_pss(void **state)
{
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		open_and_verify(&rig, kits[k]);
		for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
			const BCRYPT_PSS_PADDING_INFO info = { hashes[i].name, (DWORD)hashes[i].len, NULL };

			assert_signs(&rig, kits[k], KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PSS, &info, hashes[i].evp,
				     (int)hashes[i].len, cur_of(value, hashes[i].len));
		}
		rig_close(&rig);
	}
}

/* The first raw signature on a card without it costs two exchanges more; later ones, also in later transactions, none. */
static void
test_raw_route_remembered(void **state)
{
	const BCRYPT_PSS_PADDING_INFO info = { BCRYPT_SHA256_ALGORITHM, 32, NULL };
	struct rig rig;

	(void)state;
	open_and_verify(&rig, &no_raw_sign);
	assert_int_equal(rig_read(&rig, NULL, "cardcf", NULL), SCARD_S_SUCCESS);
	assert_int_equal(gids_keys_load(rig.data.pvVendorSpecific), SCARD_S_SUCCESS);
	(void)rig_exchanges(&rig);
	assert_signs(&rig, &no_raw_sign, 0, AT_KEYEXCHANGE, CARD_PADDING_PSS, &info, "SHA256", 32, cur_of(value, 32));
	assert_int_equal(rig_exchanges(&rig), 4);
	assert_signs(&rig, &no_raw_sign, 0, AT_KEYEXCHANGE, CARD_PADDING_PSS, &info, "SHA256", 32, cur_of(value, 32));
	assert_int_equal(rig_exchanges(&rig), 1);
	rig_next(&rig);
	assert_int_equal(rig_read(&rig, NULL, "cardcf", NULL), SCARD_S_SUCCESS);
	assert_signs(&rig, &no_raw_sign, 0, AT_KEYEXCHANGE, CARD_PADDING_PSS, &info, "SHA256", 32, cur_of(value, 32));
	assert_int_equal(rig_exchanges(&rig), 3);
	rig_close(&rig);
}

/* A signature key has no decipher route: on a card without the raw signature there is no PSS with it. */
static void
test_pss_signature_key(void **state)
{
	const BCRYPT_PSS_PADDING_INFO info = { BCRYPT_SHA256_ALGORITHM, 32, NULL };
	CARD_SIGNING_INFO sign;
	struct rig rig;

	(void)state;
	open_and_verify(&rig, &strict);
	assert_signs(&rig, &strict, KIT_RSA1024_SIGN, AT_SIGNATURE, CARD_PADDING_PSS, &info, "SHA256", 32,
		     cur_of(value, 32));
	rig_close(&rig);
	open_and_verify(&rig, &applet);
	assert_int_equal(rig_sign(&rig, KIT_RSA1024_SIGN, AT_SIGNATURE, CARD_PADDING_PSS, &info, cur_of(value, 32),
				  &sign),
			 SCARD_E_UNSUPPORTED_FEATURE);
	assert_null(sign.pbSignedData);
	rig_close(&rig);
}

/* ECDSA on each curve with short and long hashes, whichever form the card answers in. */
static void
test_sign_ecdsa(void **state)
{
	static const size_t width[] = { 32, 48, 66 };
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		open_and_verify(&rig, kits[k]);
		for (unsigned curve = 0; curve < 3; curve++) {
			for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
				struct cursor data = cur_of(value, hashes[i].len);
				CARD_SIGNING_INFO sign;
				unsigned char *der = NULL;
				ECDSA_SIG *sig = ECDSA_SIG_new();
				int len;

				assert_int_equal(rig_sign(&rig, (BYTE)(KIT_P256 + curve), AT_ECDSA_P256 + curve, 0,
							  NULL, data, &sign),
						 SCARD_S_SUCCESS);
				assert_int_equal(sign.cbSignedData, 2 * width[curve]);
				ECDSA_SIG_set0(sig, BN_bin2bn(sign.pbSignedData, (int)width[curve], NULL),
					       BN_bin2bn(sign.pbSignedData + width[curve], (int)width[curve], NULL));
				len = i2d_ECDSA_SIG(sig, &der);
				assert_verifies(kits[k], KIT_P256 + curve, NULL, 0, 0, data, cur_of(der, (size_t)len));
				OPENSSL_free(der);
				ECDSA_SIG_free(sig);
				rig.data.pfnCspFree(sign.pbSignedData);
			}
		}
		rig_close(&rig);
	}
}

/* CARD_PADDING_NONE signs and decrypts whole blocks: one is the inverse of the public operation. */
static void
test_raw(void **state)
{
	BYTE block[256] = { 0, 1, 2, 3 }, back[256];
	size_t back_len = sizeof(back);
	CARD_RSA_DECRYPT_INFO decrypt;
	CARD_SIGNING_INFO sign;
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *key;
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		open_and_verify(&rig, kits[k]);
		key = public_key(kits[k], KIT_RSA2048);
		assert_int_equal(rig_sign(&rig, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_NONE, NULL,
					  cur_of(block, 256), &sign),
				 SCARD_S_SUCCESS);
		ctx = EVP_PKEY_CTX_new(key, NULL);
		assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
		assert_int_equal(EVP_PKEY_encrypt(ctx, back, &back_len, sign.pbSignedData, 256), 1);
		assert_memory_equal(back, block, 256);
		rig.data.pfnCspFree(sign.pbSignedData);
		/* a small number: many leading zero bytes, which some cards drop */
		memset(block, 0, 255);
		block[255] = 2;
		assert_int_equal(EVP_PKEY_encrypt(ctx, back, &back_len, block, 256), 1);
		decrypt = (CARD_RSA_DECRYPT_INFO){ .dwVersion = 2,
						   .dwKeySpec = AT_KEYEXCHANGE,
						   .pbData = back,
						   .cbData = 256,
						   .dwPaddingType = CARD_PADDING_NONE };
		assert_int_equal(rig.data.pfnCardRSADecrypt(&rig.data, &decrypt), SCARD_S_SUCCESS);
		assert_int_equal(decrypt.cbData, 256);
		assert_memory_equal(back, block, 256);
		EVP_PKEY_CTX_free(ctx);
		EVP_PKEY_free(key);
		rig_close(&rig);
		block[0] = 0, block[1] = 1, block[2] = 2;
	}
}

struct cipher {
	BYTE bytes[LIMIT_RSA_BYTES];
	size_t len;
};

static void
encrypt(const struct kit *kit, unsigned container, int padding, const char *hash, const char *mgf, const char *label,
	const char *text, struct cipher *ret_cipher)
{
	EVP_PKEY *key = public_key(kit, container);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
	if (hash != NULL) {
		assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_get_digestbyname(hash)), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_get_digestbyname(mgf)), 1);
	}
	if (label != NULL)
		assert_int_equal(EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, OPENSSL_strdup(label), (int)strlen(label)), 1);
	ret_cipher->len = sizeof(ret_cipher->bytes);
	assert_int_equal(EVP_PKEY_encrypt(ctx, ret_cipher->bytes, &ret_cipher->len, (const unsigned char *)text,
					  strlen(text)),
			 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
}

static DWORD
decrypt(struct rig *rig, unsigned container, DWORD padding, const void *info, struct cipher *cipher)
{
	CARD_RSA_DECRYPT_INFO d = { .dwVersion = CARD_RSA_DECRYPT_INFO_CURRENT_VERSION,
				    .bContainerIndex = (BYTE)container,
				    .dwKeySpec = AT_KEYEXCHANGE,
				    .pbData = cipher->bytes,
				    .cbData = (DWORD)cipher->len,
				    .dwPaddingType = padding,
				    .pPaddingInfo = info };
	DWORD r = rig->data.pfnCardRSADecrypt(&rig->data, &d);

	cipher->len = d.cbData;
	return r;
}

static void
assert_text(const struct cipher *cipher, const char *text)
{
	assert_int_equal(cipher->len, strlen(text));
	assert_memory_equal(cipher->bytes, text, cipher->len);
}

/* PKCS#1 and OAEP with SHA-1, SHA-256, another MGF hash, a label: on two key sizes and every personality. */
static void
test_decrypt(void **state)
{
	static const unsigned containers[] = { KIT_RSA2048, KIT_RSA3072 };
	const BCRYPT_OAEP_PADDING_INFO sha1 = { .pszAlgId = "SHA1" }, sha256 = { .pszAlgId = "SHA256" },
				       mixed = { .pszAlgId = "SHA256",
						 .pszMgfAlgId = "SHA1",
						 .pbLabel = (const BYTE *)"label",
						 .cbLabel = 5 };
	struct cipher c;
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		open_and_verify(&rig, kits[k]);
		for (size_t i = 0; i < ARRAY_SIZE(containers); i++) {
			encrypt(kits[k], containers[i], RSA_PKCS1_PADDING, NULL, NULL, NULL, "a secret", &c);
			assert_int_equal(decrypt(&rig, containers[i], CARD_PADDING_PKCS1, NULL, &c), SCARD_S_SUCCESS);
			assert_text(&c, "a secret");
			encrypt(kits[k], containers[i], RSA_PKCS1_OAEP_PADDING, "SHA1", "SHA1", NULL, "b", &c);
			assert_int_equal(decrypt(&rig, containers[i], CARD_PADDING_OAEP, &sha1, &c), SCARD_S_SUCCESS);
			assert_text(&c, "b");
			encrypt(kits[k], containers[i], RSA_PKCS1_OAEP_PADDING, "SHA256", "SHA256", NULL, "c", &c);
			assert_int_equal(decrypt(&rig, containers[i], CARD_PADDING_OAEP, &sha256, &c), SCARD_S_SUCCESS);
			assert_text(&c, "c");
			encrypt(kits[k], containers[i], RSA_PKCS1_OAEP_PADDING, "SHA256", "SHA1", "label", "d", &c);
			assert_int_equal(decrypt(&rig, containers[i], CARD_PADDING_OAEP, &mixed, &c), SCARD_S_SUCCESS);
			assert_text(&c, "d");
		}
		rig_close(&rig);
	}
}

/* on a card or with a caller without the raw way the card unpads, and that is remembered. */
static void
test_decrypt_on_card(void **state)
{
	const BCRYPT_OAEP_PADDING_INFO sha1 = { .pszAlgId = "SHA1" }, sha256 = { .pszAlgId = "SHA256" };
	struct cipher c;
	struct rig rig;

	(void)state;
	open_and_verify(&rig, &strict);
	rig.data.pfnCspUnpadData = NULL;
	encrypt(&strict, 0, RSA_PKCS1_PADDING, NULL, NULL, NULL, "a secret", &c);
	assert_int_equal(decrypt(&rig, 0, CARD_PADDING_PKCS1, NULL, &c), SCARD_S_SUCCESS);
	assert_text(&c, "a secret");
	encrypt(&strict, 0, RSA_PKCS1_OAEP_PADDING, "SHA1", "SHA1", NULL, "b", &c);
	assert_int_equal(decrypt(&rig, 0, CARD_PADDING_OAEP, &sha1, &c), SCARD_S_SUCCESS);
	assert_text(&c, "b");
	encrypt(&strict, 0, RSA_PKCS1_OAEP_PADDING, "SHA256", "SHA256", NULL, "c", &c);
	assert_int_equal(decrypt(&rig, 0, CARD_PADDING_OAEP, &sha256, &c), SCARD_E_UNSUPPORTED_FEATURE);
	rig_close(&rig);

	/* the raw mechanism is refused at MSE, once */
	open_and_verify(&rig, &strict);
	assert_int_equal(gids_keys_load(rig.data.pvVendorSpecific), SCARD_S_SUCCESS);
	(void)rig_exchanges(&rig);
	rig_faults(&rig, "ins=22@1:sw=6A80");
	encrypt(&strict, 0, RSA_PKCS1_PADDING, NULL, NULL, NULL, "a secret", &c);
	assert_int_equal(decrypt(&rig, 0, CARD_PADDING_PKCS1, NULL, &c), SCARD_S_SUCCESS);
	assert_text(&c, "a secret");
	/* MSE, MSE, two parts */
	assert_int_equal(rig_exchanges(&rig), 4);
	encrypt(&strict, 0, RSA_PKCS1_PADDING, NULL, NULL, NULL, "again", &c);
	assert_int_equal(decrypt(&rig, 0, CARD_PADDING_PKCS1, NULL, &c), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 2);
	rig_close(&rig);
}

/* T1: every way for a ciphertext to be wrong has one code, and the caller's buffer keeps what it had. */
static void
test_decrypt_failures(void **state)
{
	const BCRYPT_OAEP_PADDING_INFO sha1 = { .pszAlgId = "SHA1" };
	struct cipher c, before;
	struct rig rig;

	(void)state;
	for (int unpads = 0; unpads < 2; unpads++) {
		for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
			open_and_verify(&rig, kits[k]);
			if (unpads == 1)
				rig.data.pfnCspUnpadData = NULL;
			encrypt(kits[k], 0, RSA_PKCS1_OAEP_PADDING, "SHA1", "SHA1", NULL, "b", &c);
			before = c;
			assert_int_equal(decrypt(&rig, 0, CARD_PADDING_PKCS1, NULL, &c), SCARD_E_INVALID_PARAMETER);
			assert_memory_equal(&c, &before, sizeof(c));
			encrypt(kits[k], 0, RSA_PKCS1_PADDING, NULL, NULL, NULL, "b", &c);
			assert_int_equal(decrypt(&rig, 0, CARD_PADDING_OAEP, &sha1, &c), SCARD_E_INVALID_PARAMETER);
			/* a number beyond the modulus */
			memset(c.bytes, 0xFF, 256);
			assert_int_equal(decrypt(&rig, 0, CARD_PADDING_PKCS1, NULL, &c), SCARD_E_INVALID_PARAMETER);
			memset(c.bytes, 0xFF, 256);
			assert_int_equal(decrypt(&rig, 0, CARD_PADDING_OAEP, &sha1, &c), SCARD_E_INVALID_PARAMETER);
			rig_close(&rig);
		}
	}
}

/* for decryption: no exchange for any of them once the key is known. */
static void
test_decrypt_parameters(void **state)
{
	BYTE data[300] = { 1 };
	const CARD_RSA_DECRYPT_INFO good = { .dwVersion = 2,
					     .dwKeySpec = AT_KEYEXCHANGE,
					     .pbData = data,
					     .cbData = 256,
					     .dwPaddingType = CARD_PADDING_NONE };
	const BCRYPT_OAEP_PADDING_INFO nameless = { NULL };
	CARD_RSA_DECRYPT_INFO d;
	struct rig rig;

	(void)state;
	open_and_verify(&rig, &strict);
	assert_int_equal(gids_keys_load(rig.data.pvVendorSpecific), SCARD_S_SUCCESS);
	(void)rig_exchanges(&rig);
#define DECRYPT(change, code)                                                                                          \
	do {                                                                                                           \
		d = good;                                                                                              \
		change;                                                                                                \
		assert_int_equal(rig.data.pfnCardRSADecrypt(&rig.data, &d), (DWORD)(code));                            \
	} while (0)
	DECRYPT(d.cbData = 255, SCARD_E_INSUFFICIENT_BUFFER);
	DECRYPT(d.cbData = 0, SCARD_E_INSUFFICIENT_BUFFER);
	DECRYPT(d.cbData = 257, SCARD_E_INVALID_PARAMETER);
	DECRYPT(d.pbData = NULL, SCARD_E_INVALID_PARAMETER);
	DECRYPT(d.dwVersion = 0, ERROR_REVISION_MISMATCH);
	DECRYPT(d.dwVersion = 1, ERROR_REVISION_MISMATCH);
	DECRYPT(d.dwPaddingType = 0, SCARD_E_INVALID_PARAMETER);
	DECRYPT(d.dwPaddingType = CARD_PADDING_PSS, SCARD_E_INVALID_PARAMETER);
	DECRYPT(d.dwPaddingType = CARD_PADDING_OAEP, SCARD_E_INVALID_PARAMETER);
	DECRYPT((d.dwPaddingType = CARD_PADDING_OAEP, d.pPaddingInfo = &nameless), SCARD_E_INVALID_PARAMETER);
	DECRYPT(d.dwKeySpec = 0, SCARD_E_INVALID_PARAMETER);
	DECRYPT(d.dwKeySpec = 9, SCARD_E_INVALID_PARAMETER);
	DECRYPT(d.dwKeySpec = AT_SIGNATURE, SCARD_E_UNSUPPORTED_FEATURE);
	DECRYPT(d.dwKeySpec = AT_ECDHE_P256, SCARD_E_UNSUPPORTED_FEATURE);
	DECRYPT(d.bContainerIndex = KIT_P256, SCARD_E_NO_KEY_CONTAINER);
	DECRYPT(d.bContainerIndex = KIT_RSA1024_SIGN, SCARD_E_NO_KEY_CONTAINER);
	DECRYPT(d.bContainerIndex = 30, SCARD_E_NO_KEY_CONTAINER);
	DECRYPT(d.bContainerIndex = 255, SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(rig.data.pfnCardRSADecrypt(&rig.data, NULL), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig.data.pfnCardRSADecrypt(NULL, &d), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig_exchanges(&rig), 0);
	rig_close(&rig);
}

/* for signatures. */
static void
test_sign_parameters(void **state)
{
	const BCRYPT_PKCS1_PADDING_INFO sha256 = { "SHA256" }, md4 = { "MD4" };
	const CARD_SIGNING_INFO good = { .dwVersion = 2,
					 .dwKeySpec = AT_KEYEXCHANGE,
					 .pbData = value,
					 .cbData = 32,
					 .dwSigningFlags = CARD_PADDING_INFO_PRESENT,
					 .pPaddingInfo = &sha256,
					 .dwPaddingType = CARD_PADDING_PKCS1 };
	CARD_SIGNING_INFO s;
	struct rig rig;

	(void)state;
	open_and_verify(&rig, &strict);
	assert_int_equal(gids_keys_load(rig.data.pvVendorSpecific), SCARD_S_SUCCESS);
	(void)rig_exchanges(&rig);
#define SIGN(change, code)                                                                                             \
	do {                                                                                                           \
		s = good;                                                                                              \
		change;                                                                                                \
		assert_int_equal(rig.data.pfnCardSignData(&rig.data, &s), (DWORD)(code));                              \
		assert_null(s.pbSignedData);                                                                           \
	} while (0)
	SIGN(s.pbData = NULL, SCARD_E_INVALID_PARAMETER);
	SIGN(s.cbData = 0, SCARD_E_INVALID_PARAMETER);
	SIGN(s.cbData = 31, SCARD_E_INVALID_PARAMETER);
	SIGN(s.dwSigningFlags |= 1, SCARD_E_INVALID_PARAMETER);
	SIGN(s.dwVersion = 1, ERROR_REVISION_MISMATCH);
	SIGN(s.dwVersion = 0, ERROR_REVISION_MISMATCH);
	SIGN(s.pPaddingInfo = NULL, SCARD_E_INVALID_PARAMETER);
	SIGN(s.pPaddingInfo = &md4, SCARD_E_UNSUPPORTED_FEATURE);
	SIGN(s.dwPaddingType = 0, SCARD_E_INVALID_PARAMETER);
	SIGN(s.dwPaddingType = 3, SCARD_E_INVALID_PARAMETER);
	SIGN(s.dwPaddingType = CARD_PADDING_OAEP, SCARD_E_INVALID_PARAMETER);
	SIGN(s.dwPaddingType = CARD_PADDING_NONE, SCARD_E_INVALID_PARAMETER);
	SIGN(s.dwKeySpec = 0, SCARD_E_INVALID_PARAMETER);
	SIGN(s.dwKeySpec = 9, SCARD_E_INVALID_PARAMETER);
	SIGN(s.dwKeySpec = AT_ECDHE_P384, SCARD_E_UNSUPPORTED_FEATURE);
	SIGN(s.dwKeySpec = AT_SIGNATURE, SCARD_E_NO_KEY_CONTAINER);
	SIGN(s.dwKeySpec = AT_ECDSA_P256, SCARD_E_NO_KEY_CONTAINER);
	SIGN((s.bContainerIndex = KIT_P256, s.dwKeySpec = AT_ECDSA_P384), SCARD_E_NO_KEY_CONTAINER);
	SIGN((s.bContainerIndex = KIT_P256, s.dwKeySpec = AT_SIGNATURE), SCARD_E_NO_KEY_CONTAINER);
	SIGN(s.bContainerIndex = 30, SCARD_E_NO_KEY_CONTAINER);
	SIGN(s.bContainerIndex = 255, SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(rig.data.pfnCardSignData(&rig.data, NULL), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig.data.pfnCardSignData(NULL, &s), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig_exchanges(&rig), 0);
	rig.data.pfnCspPadData = NULL;
	SIGN(s.dwPaddingType = CARD_PADDING_PSS, SCARD_E_UNSUPPORTED_FEATURE);
	rig_close(&rig);
}

/* A size is told without a PIN; R-040: without padding information the data is padded as it is. */
static void
test_sign_sizes(void **state)
{
	static const struct {
		BYTE container;
		DWORD spec, size;
	} rows[] = {
		{ KIT_RSA2048, AT_KEYEXCHANGE, 256 }, { KIT_RSA1024_SIGN, AT_SIGNATURE, 128 },
		{ KIT_P256, AT_ECDSA_P256, 64 },      { KIT_P384, AT_ECDSA_P384, 96 },
		{ KIT_P521, AT_ECDSA_P521, 132 },     { KIT_RSA3072, AT_KEYEXCHANGE, 384 },
	};
	CARD_SIGNING_INFO s;
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &strict);
	assert_int_equal(gids_keys_load(rig.data.pvVendorSpecific), SCARD_S_SUCCESS);
	(void)rig_exchanges(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		s = (CARD_SIGNING_INFO){ .dwVersion = 1,
					 .bContainerIndex = rows[i].container,
					 .dwKeySpec = rows[i].spec,
					 .dwSigningFlags = CARD_BUFFER_SIZE_ONLY };
		assert_int_equal(rig.data.pfnCardSignData(&rig.data, &s), SCARD_S_SUCCESS);
		assert_int_equal(s.cbSignedData, rows[i].size);
		assert_null(s.pbSignedData);
	}
	assert_int_equal(rig_exchanges(&rig), 0);
	assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
	s = (CARD_SIGNING_INFO){ .dwKeySpec = AT_KEYEXCHANGE, .pbData = value, .cbData = 36 };
	assert_int_equal(rig.data.pfnCardSignData(&rig.data, &s), SCARD_S_SUCCESS);
	assert_verifies(&strict, KIT_RSA2048, NULL, RSA_PKCS1_PADDING, 0, cur_of(value, 36),
			cur_of(s.pbSignedData, s.cbSignedData));
	rig.data.pfnCspFree(s.pbSignedData);
	/* */
	rig_fail_alloc(1);
	s.pbSignedData = NULL;
	assert_int_equal(rig.data.pfnCardSignData(&rig.data, &s), ERROR_NOT_ENOUGH_MEMORY);
	assert_null(s.pbSignedData);
	rig_close(&rig);
}

/* Keys want the PIN: no other code for its absence, in every kind of use. */
static void
test_without_pin(void **state)
{
	const BCRYPT_PSS_PADDING_INFO pss = { "SHA256", 32, NULL };
	const BCRYPT_PKCS1_PADDING_INFO pkcs1 = { "SHA256" };
	CARD_SIGNING_INFO s;
	struct cipher c = { .len = 256 };
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
		assert_int_equal(rig_sign(&rig, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &pkcs1,
					  cur_of(value, 32), &s),
				 SCARD_W_SECURITY_VIOLATION);
		assert_int_equal(rig_sign(&rig, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PSS, &pss, cur_of(value, 32),
					  &s),
				 SCARD_W_SECURITY_VIOLATION);
		assert_int_equal(rig_sign(&rig, KIT_P256, AT_ECDSA_P256, 0, NULL, cur_of(value, 32), &s),
				 SCARD_W_SECURITY_VIOLATION);
		assert_int_equal(decrypt(&rig, KIT_RSA2048, CARD_PADDING_PKCS1, NULL, &c), SCARD_W_SECURITY_VIOLATION);
		rig_close(&rig);
	}
}

/* A block that is no number below the modulus is the caller's mistake. */
static void
test_block_too_large(void **state)
{
	static BYTE block[256];
	CARD_SIGNING_INFO s;
	struct rig rig;

	(void)state;
	memset(block, 0xFF, sizeof(block));
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		open_and_verify(&rig, kits[k]);
		assert_int_equal(rig_sign(&rig, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_NONE, NULL,
					  cur_of(block, 256), &s),
				 SCARD_E_INVALID_PARAMETER);
		rig_close(&rig);
	}
}

/* The security environment: once per transaction and key, again after 6985, never after a change of authentication. */
static void
test_environment(void **state)
{
	const BCRYPT_PKCS1_PADDING_INFO pkcs1 = { "SHA256" };
	struct cursor data = cur_of(value, 32);
	CARD_SIGNING_INFO s;
	struct rig rig;

	(void)state;
	open_and_verify(&rig, &strict);
	assert_int_equal(gids_keys_load(rig.data.pvVendorSpecific), SCARD_S_SUCCESS);
	(void)rig_exchanges(&rig);
#define SIGN_WITH(container, spec)                                                                                     \
	assert_signs(&rig, &strict, container, spec, CARD_PADDING_PKCS1, &pkcs1, "SHA256", 0, data)
	SIGN_WITH(KIT_RSA2048, AT_KEYEXCHANGE);
	assert_int_equal(rig_exchanges(&rig), 2);
	SIGN_WITH(KIT_RSA2048, AT_KEYEXCHANGE);
	assert_int_equal(rig_exchanges(&rig), 1);
	SIGN_WITH(KIT_RSA1024_SIGN, AT_SIGNATURE);
	assert_int_equal(rig_exchanges(&rig), 2);
	/* the card forgot: once more, with MSE */
	rig_faults(&rig, "1:sw=6985");
	SIGN_WITH(KIT_RSA1024_SIGN, AT_SIGNATURE);
	assert_int_equal(rig_exchanges(&rig), 3);
	/* the key wants the PIN each time: MSE is repeated once, then the PIN is asked for */
	rig_faults(&rig, "1:sw=6982;2:sw=6982");
	assert_int_equal(rig_sign(&rig, KIT_RSA1024_SIGN, AT_SIGNATURE, CARD_PADDING_PKCS1, &pkcs1, data, &s),
			 SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(rig_exchanges(&rig), 2);
	/* not with MSE just done */
	rig_faults(&rig, "ins=2A:sw=6982");
	assert_int_equal(rig_sign(&rig, KIT_RSA1024_SIGN, AT_SIGNATURE, CARD_PADDING_PKCS1, &pkcs1, data, &s),
			 SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(rig_exchanges(&rig), 2);
	rig_close(&rig);
}

/* An open chain or a lost selection: the application is selected and the PIN is wanted again; no key is used twice. */
static void
test_chain_left_open(void **state)
{
	static const char *const faults[] = { "1:sw=6884", "1:sw=6883", "1:sw=6986", "2:sw=6884" };
	const BCRYPT_PKCS1_PADDING_INFO pkcs1 = { "SHA256" };
	CARD_SIGNING_INFO s;
	struct rig rig;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		open_and_verify(&rig, &applet);
		assert_int_equal(gids_keys_load(rig.data.pvVendorSpecific), SCARD_S_SUCCESS);
		rig_faults(&rig, faults[i]);
		assert_int_equal(rig_sign(&rig, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &pkcs1,
					  cur_of(value, 32), &s),
				 SCARD_W_SECURITY_VIOLATION);
		assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
		assert_signs(&rig, &applet, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &pkcs1, "SHA256", 0,
			     cur_of(value, 32));
		rig_close(&rig);
	}
}

/* The padding by the card is refused for the key: the host pads. */
static void
test_card_padding_refused(void **state)
{
	const BCRYPT_PKCS1_PADDING_INFO pkcs1 = { "SHA256" };
	struct rig rig;

	(void)state;
	open_and_verify(&rig, &strict);
	assert_int_equal(gids_keys_load(rig.data.pvVendorSpecific), SCARD_S_SUCCESS);
	(void)rig_exchanges(&rig);
	rig_faults(&rig, "1:sw=6A88");
	assert_signs(&rig, &strict, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &pkcs1, "SHA256", 0,
		     cur_of(value, 32));
	assert_int_equal(rig_exchanges(&rig), 4);
	assert_signs(&rig, &strict, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &pkcs1, "SHA256", 0,
		     cur_of(value, 32));
	assert_int_equal(rig_exchanges(&rig), 2);
	rig_close(&rig);
}

/* M5, M17: the length of a signature is checked; a few dropped zeros are put back, more are not believed. */
static void
test_signature_lengths(void **state)
{
	static const struct {
		const char *fault;
		DWORD code;
	} rows[] = {
		{ "ins=2A:body=256", SCARD_S_SUCCESS },	     { "ins=2A:body=255", SCARD_S_SUCCESS },
		{ "ins=2A:body=248", SCARD_S_SUCCESS },	     { "ins=2A:body=247", SCARD_E_COMM_DATA_LOST },
		{ "ins=2A:body=1", SCARD_E_COMM_DATA_LOST }, { "ins=2A:empty", SCARD_E_COMM_DATA_LOST },
		{ "ins=2A:pad=1", SCARD_E_COMM_DATA_LOST },  { "ins=2A:pad=1000", SCARD_E_COMM_DATA_LOST },
		{ "ins=2A:cut=1", SCARD_E_COMM_DATA_LOST },
	};
	const BCRYPT_PKCS1_PADDING_INFO pkcs1 = { "SHA256" };
	CARD_SIGNING_INFO s;
	struct rig rig;

	(void)state;
	open_and_verify(&rig, &strict);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		rig_faults(&rig, rows[i].fault);
		assert_int_equal(rig_sign(&rig, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &pkcs1,
					  cur_of(value, 32), &s),
				 rows[i].code);
		if (s.pbSignedData != NULL)
			assert_int_equal(s.cbSignedData, 256);
		rig.data.pfnCspFree(s.pbSignedData);
	}
	rig_close(&rig);
}

/* ECDSA answers: r || s of the right length only, or DER that holds two numbers that fit and nothing else. */
static void
test_ecdsa_forms(void **state)
{
	static const struct {
		const char *answer;
		DWORD code;
	} rows[] = {
		{ "30060201050201079000", SCARD_S_SUCCESS },
		{ "3008020200800202007F9000", SCARD_S_SUCCESS },
		{ "3006020105020107009000", SCARD_E_COMM_DATA_LOST },
		{ "3007020105020107009000", SCARD_E_COMM_DATA_LOST },
		{ "30050200020107"
		  "9000",
		  SCARD_E_COMM_DATA_LOST },
		{ "30030201059000", SCARD_E_COMM_DATA_LOST },
		{ "3006030105020107"
		  "9000",
		  SCARD_E_COMM_DATA_LOST },
		{ "30260221010000000000000000000000000000000000000000000000000000000000000000"
		  "0201079000",
		  SCARD_E_COMM_DATA_LOST },
		{ "01029000", SCARD_E_COMM_DATA_LOST },
		{ "9000", SCARD_E_COMM_DATA_LOST },
	};
	CARD_SIGNING_INFO s;
	char fault[256];
	struct rig rig;

	(void)state;
	open_and_verify(&rig, &strict);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(fault, sizeof(fault), "ins=2A:data=%s", rows[i].answer);
		rig_faults(&rig, fault);
		assert_int_equal(rig_sign(&rig, KIT_P256, AT_ECDSA_P256, 0, NULL, cur_of(value, 32), &s), rows[i].code);
		if (rows[i].code == SCARD_S_SUCCESS) {
			assert_int_equal(s.cbSignedData, 64);
			assert_int_equal(s.pbSignedData[31], i == 0 ? 5 : 0x80);
			assert_int_equal(s.pbSignedData[63], i == 0 ? 7 : 0x7F);
		}
		rig.data.pfnCspFree(s.pbSignedData);
	}
	rig_close(&rig);
}

/* No key map at all: keys are found by asking for their public keys, in the exchange slot for RSA. */
static void
test_no_keymap(void **state)
{
	const BCRYPT_PKCS1_PADDING_INFO pkcs1 = { "SHA256" };
	CONTAINER_INFO info;
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &strict);
	/* the bulk read and the single one of the key map find nothing */
	rig_faults(&rig, "ins=CB@1:sw=6A88;ins=CB@2:sw=6A88");
	assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, KIT_RSA2048, 0, &info), SCARD_S_SUCCESS);
	assert_int_equal(info.KeyExPublicKey.bits, 2048);
	assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, KIT_P384, 0, &info), SCARD_S_SUCCESS);
	assert_int_equal(info.SigPublicKey.bits, 384);
	assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, 20, 0, &info), SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
	(void)rig_exchanges(&rig);
	assert_signs(&rig, &strict, KIT_RSA2048, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &pkcs1, "SHA256", 0,
		     cur_of(value, 32));
	assert_int_equal(rig_exchanges(&rig), 2);
	/* not asked about before: the public key comes first */
	assert_signs(&rig, &strict, KIT_RSA1024_SIGN, AT_SIGNATURE, CARD_PADDING_PKCS1, &pkcs1, "SHA256", 0,
		     cur_of(value, 32));
	assert_int_equal(rig_exchanges(&rig), 3);
	rig_close(&rig);
}

/* M4, M7: public keys that are damaged, foreign in size, or no keys. */
static void
test_bad_public_keys(void **state)
{
	static const char *const answers[] = {
		"9000",
		"7F49009000",
		"7F490381010182"
		"9000",
		"7F4906810103820103"
		"9000",
		"7F490786058400000000"
		"9000",
		"7F490586030401029000",
		"7F490A8103010001820301000"
		"19000",
		"7F48009000",
	};
	CONTAINER_INFO info = { .dwVersion = 77 };
	char fault[128];
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &strict);
	assert_int_equal(gids_keys_load(rig.data.pvVendorSpecific), SCARD_S_SUCCESS);
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		snprintf(fault, sizeof(fault), "1:data=%s", answers[i]);
		rig_faults(&rig, fault);
		assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, 0, 0, &info), SCARD_E_COMM_DATA_LOST);
		assert_int_equal(info.dwVersion, 77);
	}
	rig_faults(&rig, "1:sw=6F00;2:sw=6985;3:sw=6A88;4:sw=6984");
	for (int i = 0; i < 4; i++)
		assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, 0, 0, &info), SCARD_E_NO_KEY_CONTAINER);
	rig_faults(&rig, "1:sw=6982;2:remove");
	assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, 0, 0, &info), SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, 0, 0, &info), SCARD_W_REMOVED_CARD);
	rig_close(&rig);
}

/* The size must be what the key map says: another key's answer is not this key. */
static void
test_size_disagrees(void **state)
{
	CONTAINER_INFO info;
	struct gids *g;
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &strict);
	g = rig.data.pvVendorSpecific;
	assert_int_equal(gids_keys_load(g), SCARD_S_SUCCESS);
	g->keys[KIT_RSA2048].reference = g->keys[KIT_RSA1024_SIGN].reference;
	assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, KIT_RSA2048, 0, &info), SCARD_E_COMM_DATA_LOST);
	rig_close(&rig);
}

static void
put_text(struct buf *b, const char *text)
{
	buf_put(b, text, strlen(text));
}

static void
put_bytes(struct buf *b, const uint8_t *p, size_t n)
{
	char hex[4];

	for (size_t i = 0; i < n; i++) {
		snprintf(hex, sizeof(hex), " %02X", p[i]);
		put_text(b, hex);
	}
}

/* Commands as Windows sends them, and the raw decipherment in two parts without a padding indicator. */
static void
test_exact_commands(void **state)
{
	static const uint8_t atr[] = { 0x3B, 0x8D, 0x01, 0x80, 0xFB, 0xA0, 0x00, 0x00, 0x03,
				       0x97, 0x42, 0x54, 0x46, 0x59, 0x04, 0x01, 0xCF };
	static const char head[] = "> 00 A4 04 00 09 A0 00 00 03 97 42 54 46 59 00\n"
				   "< 61 12 4F 0B A0 00 00 03 97 42 54 46 59 02 01 73 03 40 01 C0 90 00\n"
				   "> 00 CB A0 00 02 5C 00 00\n"
				   "< DF 1F 01 01 DF 20 0D 01 01 00 00 00 07 9A 81 B0 FF FF 00 00 90 00\n"
				   "> 00 22 41 B6 06 80 01 57 84 01 81\n"
				   "< 90 00\n"
				   "> 00 2A 9E 9A 33 30 31 30 0D 06 09 60 86 48 01 65 03 04 02 01 05 00 04 20";
	const BCRYPT_PKCS1_PADDING_INFO pkcs1 = { "SHA256" };
	AUTO_BUF struct buf script = BUF_INIT;
	CARD_SIGNING_INFO s;
	struct cipher c = { .len = 256 };
	struct io *io;
	struct rig rig;

	(void)state;
	buf_put(&script, head, sizeof(head) - 1);
	put_bytes(&script, value, 32);
	put_text(&script, " 00\n<");
	put_bytes(&script, c.bytes, 256);
	put_text(&script, " 90 00\n> 00 22 41 B8 06 80 01 07 84 01 81\n< 90 00\n> 10 2A 80 86 FF");
	put_bytes(&script, c.bytes, 255);
	put_text(&script, "\n< 90 00\n> 00 2A 80 86 01 00 00\n< 05 90 00\n> 00 20 00 82\n< 90 00\n");
	buf_u8(&script, 0);
	assert_non_null(io = script_open((const char *)script.p, false));
	memcpy(io->atr, atr, sizeof(atr));
	io->atr_len = sizeof(atr);
	rig_over(&rig, io);
	assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_S_SUCCESS);
	assert_int_equal(rig_sign(&rig, 0, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &pkcs1, cur_of(value, 32), &s),
			 SCARD_S_SUCCESS);
	rig.data.pfnCspFree(s.pbSignedData);
	assert_int_equal(decrypt(&rig, 0, CARD_PADDING_NONE, NULL, &c), SCARD_S_SUCCESS);
	assert_int_equal(c.bytes[255], 5);
	assert_int_equal(rig_logout(&rig), SCARD_S_SUCCESS);
	/* what was decrypted is hidden from logs, both parts of it */
	assert_int_equal(script_secrets(io), 2);
	rig.io = NULL;
	rig_close(&rig);
	assert_true(script_close(&io));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_container_info),
		cmocka_unit_test(test_container_properties),
		cmocka_unit_test(test_sign_pkcs1),
		cmocka_unit_test(test_sign_pkcs1_bare),
		cmocka_unit_test(test_sign_pss),
		cmocka_unit_test(test_raw_route_remembered),
		cmocka_unit_test(test_pss_signature_key),
		cmocka_unit_test(test_sign_ecdsa),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_decrypt),
		cmocka_unit_test(test_decrypt_on_card),
		cmocka_unit_test(test_decrypt_failures),
		cmocka_unit_test(test_decrypt_parameters),
		cmocka_unit_test(test_sign_parameters),
		cmocka_unit_test(test_sign_sizes),
		cmocka_unit_test(test_without_pin),
		cmocka_unit_test(test_block_too_large),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_chain_left_open),
		cmocka_unit_test(test_card_padding_refused),
		cmocka_unit_test(test_signature_lengths),
		cmocka_unit_test(test_ecdsa_forms),
		cmocka_unit_test(test_no_keymap),
		cmocka_unit_test(test_bad_public_keys),
		cmocka_unit_test(test_size_disagrees),
		cmocka_unit_test(test_exact_commands),
	};

	return cmocka_run_group_tests_name("gids/key", tests, make_kits, free_kits);
}
