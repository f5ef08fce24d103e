/* SPDX-License-Identifier: BSD-2-Clause */
/* Kits and rigs for the tests of the GIDS minidriver. */
#include "card/gids_card.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "csp/padding.h"
#include "vcard/key.h"

static const BYTE certificate[300] = { 0x30, 0x82, 0x01, 0x28, 0x04, 0x82, 0x01, 0x24 };

struct cursor
kit_certificate(void)
{
	return cur_of(certificate, sizeof(certificate));
}

static const enum vcard_perso_algorithm full_kit[] = { VCARD_RSA2048, VCARD_RSA1024, VCARD_P256,
						       VCARD_P384,    VCARD_P521,    VCARD_RSA3072 };
static const enum vcard_perso_algorithm small_kit[] = { VCARD_RSA1024, VCARD_P256 };

static void
add_container(struct kit *kit, struct vcard *card, enum vcard_perso_algorithm algorithm, bool small)
{
	struct vcard_perso_container container = {
		.pin = KIT_PIN,
		.index = (uint8_t)kit->containers,
		.algorithm = algorithm,
		.signature_only = !small && kit->containers == KIT_RSA1024_SIGN,
	};

	assert_int_equal(vcard_perso_keygen(card, &container), 0);
	assert_int_equal(vcard_perso_pubkey(card, container.index, &kit->spki[kit->containers]), 0);
	kit->containers++;
}

void
kit_make(struct kit *kit, const struct vcard_profile *profile, bool small)
{
	static const uint8_t cardid[VCARD_CARDID_LEN] = "sixteen bytes id";
	const enum vcard_perso_algorithm *list = small ? small_kit : full_kit;
	size_t count = small ? ARRAY_SIZE(small_kit) : ARRAY_SIZE(full_kit);
	struct vcard *card;

	memset(kit, 0, sizeof(*kit));
	snprintf(kit->directory, sizeof(kit->directory), "/tmp/gids-kit-XXXXXX");
	assert_non_null(mkdtemp(kit->directory));
	snprintf(kit->path, sizeof(kit->path), "%s/card", kit->directory);
	assert_int_equal(vcard_create(kit->path, profile), 0);
	assert_non_null(card = vcard_open(kit->path));
	if (profile->puk)
		assert_int_equal(vcard_perso_set_puk(card, KIT_PUK), 0);
	for (unsigned role = ROLE_ADMIN + 1; role < MAX_PINS; role++)
		if ((profile->roles & CREATE_PIN_SET(role)) != 0)
			assert_int_equal(vcard_perso_set_role(card, role, KIT_ROLE_PIN), 0);
	assert_int_equal(vcard_perso_format(card, KIT_PIN, NULL, cardid), 0);
	for (size_t i = 0; i < count; i++)
		add_container(kit, card, list[i], small);
	assert_int_equal(vcard_perso_cert(card, KIT_PIN, 0, kit_certificate(), true), 0);
	vcard_reset(card);
	assert_int_equal(vcard_save(card), 0);
	vcard_close(card);
}

void
kit_free(struct kit *kit)
{
	for (size_t i = 0; i < KIT_CONTAINERS; i++)
		buf_free(&kit->spki[i]);
	unlink(kit->path);
	rmdir(kit->directory);
}

static long blocks;
static unsigned fail_at;

static void *
count_alloc(size_t size)
{
	void *p;

	if (fail_at > 0 && --fail_at == 0)
		return NULL;
	if ((p = malloc(size)) != NULL)
		blocks++;
	return p;
}

static void *
count_realloc(void *block, size_t size)
{
	if (block == NULL)
		return count_alloc(size);
	return realloc(block, size);
}

static void
count_free(void *block)
{
	if (block != NULL)
		blocks--;
	free(block);
}

long
rig_blocks(void)
{
	return blocks;
}

void
rig_fail_alloc(unsigned n)
{
	fail_at = n;
}

void
rig_over(struct rig *rig, struct io *io)
{
	struct csp_crypto *crypto;

	memset(rig, 0, sizeof(*rig));
	assert_int_equal(csp_crypto_open(&crypto), SCARD_S_SUCCESS);
	rig->io = io;
	rig->data = (CARD_DATA){
		.dwVersion = CARD_DATA_CURRENT_VERSION,
		.pbAtr = io->atr,
		.cbAtr = (DWORD)io->atr_len,
		.pfnCspAlloc = count_alloc,
		.pfnCspReAlloc = count_realloc,
		.pfnCspFree = count_free,
		.pfnCspPadData = csp_pad_data,
		.pfnCspUnpadData = csp_unpad_data,
		.io = io,
		.dwTransaction = 1,
		.pvCspContext = crypto,
	};
}

void
rig_open(struct rig *rig, const struct kit *kit)
{
	struct vcard *card = vcard_open(kit->path);
	struct io *io;

	assert_non_null(card);
	/* whoever made it may have left it unlocked */
	vcard_reset(card);
	assert_int_equal(vcard_io_wrap(card, &io), SCARD_S_SUCCESS);
	rig_over(rig, io);
	rig->card = card;
}

void
rig_acquire(struct rig *rig, const struct kit *kit)
{
	rig_open(rig, kit);
	assert_int_equal(registry_acquire(&rig->data, &rig->memory), SCARD_S_SUCCESS);
	(void)rig_exchanges(rig);
}

void
rig_close(struct rig *rig)
{
	struct csp_crypto *crypto = rig->data.pvCspContext;

	rig_fail_alloc(0);
	if (rig->data.pfnCardDeleteContext != NULL)
		assert_int_equal(rig->data.pfnCardDeleteContext(&rig->data), SCARD_S_SUCCESS);
	csp_crypto_close(&crypto);
	io_close(&rig->io);
	if (rig->card != NULL)
		vcard_close(rig->card);
	assert_int_equal(rig_blocks(), 0);
}

void
rig_insert_again(struct rig *rig)
{
	struct csp_crypto *crypto = rig->data.pvCspContext;
	struct vcard *card = rig->card;
	struct io *io;

	assert_int_equal(rig->data.pfnCardDeleteContext(&rig->data), SCARD_S_SUCCESS);
	csp_crypto_close(&crypto);
	io_close(&rig->io);
	vcard_reset(card);
	assert_int_equal(vcard_io_wrap(card, &io), SCARD_S_SUCCESS);
	rig_over(rig, io);
	rig->card = card;
	assert_int_equal(registry_acquire(&rig->data, &rig->memory), SCARD_S_SUCCESS);
	(void)rig_exchanges(rig);
}

unsigned
rig_exchanges(struct rig *rig)
{
	struct link *link = vcard_io_link(rig->io);
	unsigned n = (unsigned)link->stats.exchanges;

	link->stats = (struct link_stats){ 0 };
	return n;
}

void
rig_next(struct rig *rig)
{
	rig->data.dwTransaction++;
}

void
rig_faults(struct rig *rig, const char *text)
{
	char error[LINK_ERROR_MAX];

	if (!link_arm(vcard_io_link(rig->io), text, strlen(text), error))
		fail_msg("%s", error);
}

DWORD
rig_verify(struct rig *rig, const char *pin)
{
	return rig->data.pfnCardAuthenticateEx(&rig->data, ROLE_USER, 0, (const BYTE *)pin, (DWORD)strlen(pin), NULL,
					       NULL, NULL);
}

DWORD
rig_logout(struct rig *rig)
{
	return rig->data.pfnCardDeauthenticateEx(&rig->data, CREATE_PIN_SET(ROLE_USER), 0);
}

void
rig_respond(const BYTE *key, size_t key_len, struct cursor challenge, BYTE *ret_response)
{
	static const BYTE zeros[KIT_ADMIN_KEY_LEN];
	struct vcard_crypto crypto = { NULL };
	struct cursor k = key != NULL ? cur_of(key, key_len) : cur_of(zeros, sizeof(zeros));

	assert_true(vcard_des3_cbc(&crypto, k, true, challenge.p, challenge.left, ret_response));
	vcard_crypto_free(&crypto);
}

DWORD
rig_challenge(struct rig *rig, BYTE *ret_challenge, size_t room, size_t *ret_len)
{
	BYTE *challenge = NULL;
	DWORD len = 0, r = rig->data.pfnCardGetChallengeEx(&rig->data, ROLE_ADMIN, &challenge, &len, 0);

	if (r != SCARD_S_SUCCESS) {
		assert_null(challenge);
		return r;
	}
	assert_true(len <= room);
	memcpy(ret_challenge, challenge, len);
	rig->data.pfnCspFree(challenge);
	*ret_len = len;
	return r;
}

DWORD
rig_admin_with(struct rig *rig, const BYTE key[KIT_ADMIN_KEY_LEN])
{
	BYTE challenge[64], response[64];
	size_t len = 0;
	DWORD r = rig_challenge(rig, challenge, sizeof(challenge), &len);

	if (r != SCARD_S_SUCCESS)
		return r;
	rig_respond(key, KIT_ADMIN_KEY_LEN, cur_of(challenge, len), response);
	return rig->data.pfnCardAuthenticateEx(&rig->data, ROLE_ADMIN, 0, response, (DWORD)len, NULL, NULL, NULL);
}

DWORD
rig_admin(struct rig *rig)
{
	return rig_admin_with(rig, NULL);
}

DWORD
rig_read(struct rig *rig, const char *directory, const char *name, size_t *ret_len)
{
	BYTE *data = NULL;
	DWORD len = 0;
	DWORD r = rig->data.pfnCardReadFile(&rig->data, directory, name, 0, &data, &len);

	if (r == SCARD_S_SUCCESS)
		assert_non_null(data);
	else
		assert_null(data);
	rig->data.pfnCspFree(data);
	if (ret_len != NULL)
		*ret_len = len;
	return r;
}

DWORD
rig_sign(struct rig *rig, BYTE index, DWORD spec, DWORD padding, const void *padding_info, struct cursor data,
	 CARD_SIGNING_INFO *ret_info)
{
	*ret_info = (CARD_SIGNING_INFO){
		.dwVersion = CARD_SIGNING_INFO_CURRENT_VERSION,
		.bContainerIndex = index,
		.dwKeySpec = spec,
		.dwSigningFlags = CARD_PADDING_INFO_PRESENT,
		.pbData = data.p,
		.cbData = (DWORD)data.left,
		.dwPaddingType = padding,
		.pPaddingInfo = padding_info,
	};
	return rig->data.pfnCardSignData(&rig->data, ret_info);
}
