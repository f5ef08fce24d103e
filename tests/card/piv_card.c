/* SPDX-License-Identifier: BSD-2-Clause */
/* Kits and rigs for the tests of the PIV minidriver. */
#include "card/piv_card.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t references[PIV_KIT_KEYS] = { 0x9A, 0x9C, 0x9D, 0x9E };

const uint8_t piv_kit_guid[VCARD_GUID_LEN] = { 0x6C, 0x55, 0x44, 0x79, 0x7A, 0x91, 0x11, 0x5D,
					       0xC3, 0x33, 0x0E, 0xBD, 0x00, 0x38, 0x51, 0xD2 };

static struct vcard *
blank(struct kit *kit, uint32_t transport, uint64_t quirks, uint8_t management)
{
	const struct vcard_profile profile = { .quirks = transport,
					       .applications = VCARD_PIV,
					       .piv = { .quirks = quirks, .admin_algorithm = management } };
	struct vcard *card;

	memset(kit, 0, sizeof(*kit));
	snprintf(kit->directory, sizeof(kit->directory), "/tmp/piv-kit-XXXXXX");
	assert_non_null(mkdtemp(kit->directory));
	snprintf(kit->path, sizeof(kit->path), "%s/card", kit->directory);
	assert_int_equal(vcard_create(kit->path, &profile), 0);
	assert_non_null(card = vcard_open(kit->path));
	return card;
}

static void
finish(struct kit *kit, struct vcard *card)
{
	for (size_t i = 0; i < PIV_KIT_KEYS; i++)
		if (vcard_piv_pubkey(card, references[i], &kit->spki[i]) != 0)
			fail_msg("%s", vcard_perso_error());
	kit->containers = PIV_KIT_KEYS;
	assert_int_equal(vcard_save(card), 0);
	vcard_close(card);
}

void
piv_kit_make(struct kit *kit, uint64_t quirks)
{
	piv_kit_make_with(kit, quirks, PIV_ALG_DES3);
}

void
piv_kit_make_with(struct kit *kit, uint64_t quirks, uint8_t management)
{
	struct vcard *card = blank(kit, VCARD_STRICT, quirks, management);

	if (vcard_piv_reference(card, piv_kit_guid) != 0)
		fail_msg("%s", vcard_perso_error());
	finish(kit, card);
}

void
piv_kit_make_over(struct kit *kit, uint32_t transport)
{
	struct vcard *card = blank(kit, transport, VCARD_PIV_STRICT, PIV_ALG_DES3);

	if (vcard_piv_reference(card, piv_kit_guid) != 0)
		fail_msg("%s", vcard_perso_error());
	finish(kit, card);
}

void
piv_kit_make_bare(struct kit *kit, uint64_t quirks)
{
	struct vcard *card = blank(kit, VCARD_STRICT, quirks, PIV_ALG_DES3);

	for (size_t i = 0; i < PIV_KIT_KEYS; i++) {
		const struct vcard_piv_slot slot = { .reference = references[i],
						     .algorithm =
							     (uint8_t)(i % 2 == 0 ? PIV_ALG_RSA2048 : PIV_ALG_P256) };

		if (vcard_piv_import_reference(card, &slot) != 0)
			fail_msg("%s", vcard_perso_error());
	}
	finish(kit, card);
}

DWORD
piv_rig_verify(struct rig *rig, PIN_ID role, const char *pin, DWORD *ret_tries)
{
	return rig->data.pfnCardAuthenticateEx(&rig->data, role, 0, (const BYTE *)pin, (DWORD)strlen(pin), NULL, NULL,
					       ret_tries);
}

DWORD
piv_rig_file(struct rig *rig, const char *directory, const char *name, struct buf *ret_content)
{
	BYTE *data = NULL;
	DWORD len = 0;
	DWORD r = rig->data.pfnCardReadFile(&rig->data, directory, name, 0, &data, &len);

	buf_reset(ret_content);
	buf_put(ret_content, data, len);
	rig->data.pfnCspFree(data);
	return r;
}

/* libcrypto wants SEQUENCE { r, s }. */
static size_t
to_der(const CARD_SIGNING_INFO *info, unsigned char **ret_der)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	const int half = (int)(info->cbSignedData / 2);
	int len;

	assert_int_equal(ECDSA_SIG_set0(sig, BN_bin2bn(info->pbSignedData, half, NULL),
					BN_bin2bn(info->pbSignedData + half, half, NULL)),
			 1);
	len = i2d_ECDSA_SIG(sig, ret_der);
	ECDSA_SIG_free(sig);
	assert_true(len > 0);
	return (size_t)len;
}

DWORD
piv_rig_signs(struct rig *rig, const struct kit *kit, unsigned container)
{
	const bool rsa = container == PIV_9A || container == PIV_9D;
	const BCRYPT_PKCS1_PADDING_INFO pkcs1 = { "SHA256" };
	const struct cursor hash = cur_of(keys_value, 32);
	CARD_SIGNING_INFO info;
	unsigned char *der = NULL;
	size_t len;
	DWORD r = rig_sign(rig, (BYTE)container, rsa ? AT_KEYEXCHANGE : AT_ECDSA_P256, CARD_PADDING_PKCS1,
			   rsa ? &pkcs1 : NULL, hash, &info);

	if (r != SCARD_S_SUCCESS)
		return r;
	if (rsa) {
		keys_assert_verifies(kit, container, "SHA256", RSA_PKCS1_PADDING, 0, hash,
				     cur_of(info.pbSignedData, info.cbSignedData));
	} else {
		len = to_der(&info, &der);
		keys_assert_verifies(kit, container, NULL, 0, 0, hash, cur_of(der, len));
		OPENSSL_free(der);
	}
	rig->data.pfnCspFree(info.pbSignedData);
	return r;
}
