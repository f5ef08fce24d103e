/* SPDX-License-Identifier: BSD-2-Clause */
/* Cards with keys, and libcrypto's side of what they do. */
#include "card/gids_keys.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

struct kit keys_strict, keys_applet, keys_t0_der;
const struct kit *const keys_kits[KEYS_KITS] = { &keys_strict, &keys_applet, &keys_t0_der };

const struct keys_hash keys_hashes[KEYS_HASHES] = {
	{ BCRYPT_SHA1_ALGORITHM, "SHA1", 20 },	   { BCRYPT_SHA224_ALGORITHM, "SHA224", 28 },
	{ BCRYPT_SHA256_ALGORITHM, "SHA256", 32 }, { BCRYPT_SHA384_ALGORITHM, "SHA384", 48 },
	{ BCRYPT_SHA512_ALGORITHM, "SHA512", 64 },
};

const BYTE keys_value[64] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66 };

int
keys_make(void **state)
{
	(void)state;
	kit_make(&keys_strict, &(struct vcard_profile){ .quirks = VCARD_STRICT, .ecc = true }, false);
	kit_make(&keys_applet, &(struct vcard_profile){ .quirks = VCARD_APPLET | VCARD_STRIPS_ZEROS, .ecc = true },
		 false);
	kit_make(&keys_t0_der, &(struct vcard_profile){ .quirks = VCARD_T0 | VCARD_ECDSA_DER, .ecc = true }, false);
	return 0;
}

int
keys_free(void **state)
{
	(void)state;
	kit_free(&keys_strict);
	kit_free(&keys_applet);
	kit_free(&keys_t0_der);
	return 0;
}

EVP_PKEY *
keys_public(const struct kit *kit, unsigned container)
{
	const unsigned char *p = kit->spki[container].p;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)kit->spki[container].len);

	assert_non_null(key);
	return key;
}

void
keys_assert_verifies(const struct kit *kit, unsigned container, const char *hash, int padding, int salt,
		     struct cursor data, struct cursor signature)
{
	EVP_PKEY *key = keys_public(kit, container);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

	assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
	if (padding != 0)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
	if (hash != NULL)
		assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_get_digestbyname(hash)), 1);
	if (padding == RSA_PKCS1_PSS_PADDING)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt), 1);
	assert_int_equal(EVP_PKEY_verify(ctx, signature.p, signature.left, data.p, data.left), 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
}

void
keys_assert_signs(struct rig *rig, const struct kit *kit, unsigned container, DWORD spec, DWORD padding,
		  const void *info, const char *hash, int salt, struct cursor data)
{
	CARD_SIGNING_INFO sign;

	assert_int_equal(rig_sign(rig, (BYTE)container, spec, padding, info, data, &sign), SCARD_S_SUCCESS);
	keys_assert_verifies(kit, container, hash,
			     padding == CARD_PADDING_PKCS1 ? RSA_PKCS1_PADDING : RSA_PKCS1_PSS_PADDING, salt, data,
			     cur_of(sign.pbSignedData, sign.cbSignedData));
	rig->data.pfnCspFree(sign.pbSignedData);
}

void
keys_open(struct rig *rig, const struct kit *kit)
{
	rig_acquire(rig, kit);
	assert_int_equal(rig_verify(rig, KIT_PIN), SCARD_S_SUCCESS);
}

void
keys_encrypt(const struct kit *kit, unsigned container, int padding, const char *hash, const char *mgf,
	     const char *label, const char *text, struct cipher *ret_cipher)
{
	EVP_PKEY *key = keys_public(kit, container);
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

DWORD
keys_decrypt(struct rig *rig, unsigned container, DWORD padding, const void *info, struct cipher *cipher)
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
