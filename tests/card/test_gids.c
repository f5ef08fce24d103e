/* SPDX-License-Identifier: BSD-2-Clause */
/* GIDS: finding the card, contexts, properties, and how many exchanges the usual acts cost. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "card/gids_card.h"
#include "gids/gids.h"
#include "lib/script.h"

static struct kit strict, applet, stranger;

static int
make_kits(void **state)
{
	const struct vcard_profile strict_profile = { .quirks = VCARD_STRICT, .ecc = true };
	const struct vcard_profile applet_profile = { .quirks = VCARD_APPLET, .ecc = true };
	const struct vcard_profile stranger_profile = {
		.quirks = VCARD_STRICT, .ecc = true, .atr = { 0x3B, 0x80, 0x80, 0x01, 0x01 }, .atr_len = 5
	};

	(void)state;
	kit_make(&strict, &strict_profile, true);
	kit_make(&applet, &applet_profile, true);
	kit_make(&stranger, &stranger_profile, true);
	return 0;
}

static int
free_kits(void **state)
{
	(void)state;
	kit_free(&strict);
	kit_free(&applet);
	kit_free(&stranger);
	return 0;
}

/* A connection over a script, with an ATR that nobody registered. */
static struct io *
scripted(const char *text, const uint8_t *atr, size_t atr_len)
{
	struct io *io = script_open(text, false);

	assert_non_null(io);
	memcpy(io->atr, atr, atr_len);
	io->atr_len = atr_len;
	return io;
}

static void
script_end(struct rig *rig)
{
	struct csp_crypto *crypto = rig->data.pvCspContext;
	struct io *io = rig->io;

	(void)crypto;
	rig->io = NULL;
	rig_close(rig);
	assert_true(script_close(&io));
}

static const uint8_t plain_atr[] = { 0x3B, 0x80, 0x80, 0x01, 0x01 };
static const uint8_t vsc_atr[] = { 0x3B, 0x8D, 0x01, 0x80, 0xFB, 0xA0, 0x00, 0x00, 0x03,
				   0x97, 0x42, 0x54, 0x46, 0x59, 0x04, 0x01, 0xCF };

#define SELECT_PIV "> 00 A4 04 00 09 A0 00 00 03 08 00 00 10 00 00\n"
#define SELECT_GIDS "> 00 A4 04 00 09 A0 00 00 03 97 42 54 46 59 00\n"
#define FCI "< 61 12 4F 0B A0 00 00 03 97 42 54 46 59 02 01 73 03 40 01 C0 90 00\n"

/* a registered ATR is one SELECT; an unknown one two, PIV first; a remembered one is one. */
static void
test_probe_budget(void **state)
{
	struct registry_memory memory;
	struct rig rig;

	(void)state;
	rig_open(&rig, &strict);
	assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 1);
	rig_close(&rig);

	rig_open(&rig, &stranger);
	assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 2);
	memory = rig.memory;
	rig_close(&rig);

	rig_open(&rig, &stranger);
	rig.memory = memory;
	assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 1);
	assert_string_equal(rig.data.pszCardName, "GIDS");
	rig_close(&rig);
}

/* A card with PIV and GIDS is served by GIDS; one with PIV alone is unknown. */
static void
test_piv_first(void **state)
{
	struct rig rig;

	(void)state;
	rig_over(&rig, scripted(SELECT_PIV "< 61 02 4F 00 90 00\n" SELECT_GIDS FCI, plain_atr, sizeof(plain_atr)));
	assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_S_SUCCESS);
	script_end(&rig);

	rig_over(&rig,
		 scripted(SELECT_PIV "< 61 02 4F 00 90 00\n" SELECT_GIDS "< 6A 82\n", plain_atr, sizeof(plain_atr)));
	assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_E_UNKNOWN_CARD);
	assert_int_equal(rig.memory.count, 0);
	script_end(&rig);
}

/* "not found" is GIDS only for a card whose ATR says so; the application is then selected by default. */
static void
test_not_found(void **state)
{
	static const uint8_t other_version[] = { 0x3B, 0x8D, 0x01, 0x80, 0xFB, 0xA0, 0x00, 0x00, 0x03,
						 0x97, 0x42, 0x54, 0x46, 0x59, 0x07, 0x02, 0x55 };
	struct rig rig;
	size_t len;

	(void)state;
	rig_over(&rig, scripted(SELECT_GIDS "< 6A 82\n"
					    "> 00 CB A0 12 04 5C 02 DF 20 00\n"
					    "< DF 20 10 00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 90 00\n",
				other_version, sizeof(other_version)));
	assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_S_SUCCESS);
	assert_int_equal(rig_read(&rig, NULL, "cardid", &len), SCARD_S_SUCCESS);
	assert_int_equal(len, 16);
	script_end(&rig);

	rig_over(&rig, scripted(SELECT_GIDS "< 6F 00\n" SELECT_PIV "< 6A 82\n" SELECT_GIDS "< 6F 00\n", vsc_atr,
				sizeof(vsc_atr)));
	assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_E_UNKNOWN_CARD);
	script_end(&rig);
}

/* Trouble with the connection is told as it is and not remembered. */
static void
test_probe_trouble(void **state)
{
	static const char *const scripts[] = {
		SELECT_PIV "< !80100069\n",
		SELECT_PIV "< 6A 82\n" SELECT_GIDS "< !80100069\n",
	};
	struct rig rig;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		rig_over(&rig, scripted(scripts[i], plain_atr, sizeof(plain_atr)));
		assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_W_REMOVED_CARD);
		assert_int_equal(rig.memory.count, 0);
		assert_null(rig.data.pvVendorSpecific);
		script_end(&rig);
	}
}

/* An answer to SELECT that is not GIDS' is not taken for it: success without data, a foreign AID, a cut one. */
static void
test_foreign_fci(void **state)
{
	static const char *const answers[] = {
		"< 90 00\n",
		"< 61 07 4F 05 A0 00 00 00 01 90 00\n",
		"< 61 12 4F 0B A0 00 00 03 97 90 00\n",
		"< 6F 00 90 00\n",
		"< 62 85\n",
		"< 6A 87\n",
	};
	char text[256];
	struct rig rig;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		snprintf(text, sizeof(text), "%s< 6A 82\n%s%s", SELECT_PIV, SELECT_GIDS, answers[i]);
		rig_over(&rig, scripted(text, plain_atr, sizeof(plain_atr)));
		assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_E_UNKNOWN_CARD);
		script_end(&rig);
	}
}

/* The memory has 16 places; the seventeenth ATR takes the first one's. */
static void
test_memory_wraps(void **state)
{
	struct registry_memory memory = { 0 };
	uint8_t atr[] = { 0x3B, 0x80, 0x80, 0x01, 0x00 };
	struct rig rig;

	(void)state;
	for (unsigned round = 0; round < 17; round++) {
		atr[4] = (uint8_t)round;
		rig_over(&rig, scripted(SELECT_PIV "< 6A 82\n" SELECT_GIDS FCI, atr, sizeof(atr)));
		assert_int_equal(registry_acquire(&rig.data, &memory), SCARD_S_SUCCESS);
		script_end(&rig);
	}
	assert_int_equal(memory.count, 17);
	rig_over(&rig, scripted(SELECT_GIDS FCI, atr, sizeof(atr)));
	assert_int_equal(registry_acquire(&rig.data, &memory), SCARD_S_SUCCESS);
	script_end(&rig);
	atr[4] = 0;
	rig_over(&rig, scripted(SELECT_PIV "< 6A 82\n" SELECT_GIDS FCI, atr, sizeof(atr)));
	assert_int_equal(registry_acquire(&rig.data, &memory), SCARD_S_SUCCESS);
	script_end(&rig);
}

/* versions, pointers, flags. */
static void
test_acquire_parameters(void **state)
{
	static const DWORD asked[] = { 4, 5, 6, 7, 8, 0xFFFFFFFF }, given[] = { 4, 5, 6, 7, 7, 7 };
	struct rig rig;
	CARD_DATA good;

	(void)state;
	rig_open(&rig, &strict);
	good = rig.data;
	good.pszCardName = "name";
	for (DWORD version = 0; version < 4; version++) {
		rig.data = good;
		rig.data.dwVersion = version;
		assert_int_equal(gids_acquire(&rig.data, 0), ERROR_REVISION_MISMATCH);
	}
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		rig.data = good;
		rig.data.dwVersion = asked[i];
		assert_int_equal(gids_acquire(&rig.data, 0), SCARD_S_SUCCESS);
		assert_int_equal(rig.data.dwVersion, given[i]);
		assert_int_equal(rig.data.pfnCardDeleteContext(&rig.data), SCARD_S_SUCCESS);
	}
	(void)rig_exchanges(&rig);
	assert_int_equal(gids_acquire(NULL, 0), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(registry_acquire(NULL, &rig.memory), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(registry_acquire(&rig.data, NULL), SCARD_E_INVALID_PARAMETER);
#define REFUSED(change, flags, code)                                                                                   \
	do {                                                                                                           \
		rig.data = good;                                                                                       \
		change;                                                                                                \
		assert_int_equal(gids_acquire(&rig.data, (flags)), code);                                              \
	} while (0)
	/* no-card mode */
	REFUSED((void)0, CARD_SECURE_KEY_INJECTION_NO_CARD_MODE, SCARD_E_UNSUPPORTED_FEATURE);
	REFUSED((void)0, 2, SCARD_E_INVALID_PARAMETER);
	REFUSED((void)0, 0x80000000, SCARD_E_INVALID_PARAMETER);
	REFUSED(rig.data.pbAtr = NULL, 0, SCARD_E_INVALID_PARAMETER);
	REFUSED(rig.data.cbAtr = 1, 0, SCARD_E_INVALID_PARAMETER);
	REFUSED(rig.data.cbAtr = 34, 0, SCARD_E_INVALID_PARAMETER);
	REFUSED(rig.data.pszCardName = NULL, 0, SCARD_E_INVALID_PARAMETER);
	REFUSED(rig.data.pfnCspAlloc = NULL, 0, SCARD_E_INVALID_PARAMETER);
	REFUSED(rig.data.pfnCspReAlloc = NULL, 0, SCARD_E_INVALID_PARAMETER);
	REFUSED(rig.data.pfnCspFree = NULL, 0, SCARD_E_INVALID_PARAMETER);
	REFUSED(rig.data.io = NULL, 0, SCARD_E_INVALID_HANDLE);
	rig.data = good;
	rig.data.pfnCardDeleteContext = NULL;
	assert_int_equal(rig_exchanges(&rig), 0);
	rig_close(&rig);
}

/* no memory for the context. */
static void
test_acquire_memory(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, &strict);
	rig_fail_alloc(1);
	assert_int_equal(registry_acquire(&rig.data, &rig.memory), ERROR_NOT_ENOUGH_MEMORY);
	assert_null(rig.data.pvVendorSpecific);
	rig_close(&rig);
}

/* contexts do not know each other; deleting one needs no card. */
static void
test_contexts(void **state)
{
	struct rig one, other;

	(void)state;
	rig_acquire(&one, &strict);
	rig_acquire(&other, &applet);
	vcard_io_remove(one.io);
	assert_int_equal(rig_read(&one, NULL, "cardid", NULL), SCARD_W_REMOVED_CARD);
	assert_int_equal(one.data.pfnCardDeleteContext(&one.data), SCARD_S_SUCCESS);
	assert_int_equal(one.data.pfnCardDeleteContext(&one.data), SCARD_S_SUCCESS);
	assert_int_equal(one.data.pfnCardDeleteContext(NULL), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig_read(&one, NULL, "cardid", NULL), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig_read(&other, NULL, "cardid", NULL), SCARD_S_SUCCESS);
	one.data.pfnCardDeleteContext = NULL;
	other.data.pfnCardDeleteContext(&other.data);
	other.data.pfnCardDeleteContext = NULL;
	rig_close(&one);
	rig_close(&other);
}

/* Token info is three exchanges. */
static void
test_budget_token_info(void **state)
{
	CARD_PIN_TRIES tries;
	struct rig rig;
	DWORD len;

	(void)state;
	rig_open(&rig, &strict);
	assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_S_SUCCESS);
	assert_int_equal(rig_read(&rig, NULL, "cardid", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig.data.pfnCardGetProperty(&rig.data, CP_CARD_PIN_TRIES, (BYTE *)&tries, sizeof(tries), &len,
						     ROLE_USER),
			 SCARD_S_SUCCESS);
	assert_int_equal(tries.dwLeft, 3);
	assert_int_equal(tries.dwMax, 3);
	assert_int_equal(rig_exchanges(&rig), 3);
	rig_close(&rig);
}

static struct kit single;

static int
make_single(void **state)
{
	const struct vcard_profile profile = { .quirks = VCARD_APPLET };
	const struct vcard_perso_container container = { .pin = KIT_PIN, .algorithm = VCARD_RSA2048 };
	struct vcard *card;

	(void)state;
	memset(&single, 0, sizeof(single));
	snprintf(single.directory, sizeof(single.directory), "/tmp/gids-kit-XXXXXX");
	assert_non_null(mkdtemp(single.directory));
	snprintf(single.path, sizeof(single.path), "%s/card", single.directory);
	assert_int_equal(vcard_create(single.path, &profile), 0);
	assert_non_null(card = vcard_open(single.path));
	assert_int_equal(vcard_perso_format(card, KIT_PIN, NULL, NULL), 0);
	assert_int_equal(vcard_perso_keygen(card, &container), 0);
	assert_int_equal(vcard_save(card), 0);
	vcard_close(card);
	return 0;
}

static int
free_single(void **state)
{
	(void)state;
	kit_free(&single);
	return 0;
}

/* A cold listing of one RSA-2048 key without certificate is six, with everything else out of the snapshot. */
static void
test_budget_listing(void **state)
{
	CONTAINER_INFO info;
	struct rig rig;
	size_t len;

	(void)state;
	rig_open(&rig, &single);
	assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_S_SUCCESS);
	assert_int_equal(rig_read(&rig, NULL, "cardid", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig_read(&rig, "mscp", "cmapfile", &len), SCARD_S_SUCCESS);
	assert_int_equal(len, 86);
	assert_int_equal(rig_read(&rig, NULL, "cardcf", &len), SCARD_S_SUCCESS);
	assert_int_equal(len, 6);
	assert_int_equal(rig_read(&rig, NULL, "cardapps", &len), SCARD_S_SUCCESS);
	assert_int_equal(len, 8);
	assert_int_equal(rig_exchanges(&rig), 4);
	assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, 0, 0, &info), SCARD_S_SUCCESS);
	assert_int_equal(info.KeyExPublicKey.bits, 2048);
	assert_int_equal(info.SigPublicKey.type, KEY_NONE);
	assert_int_equal(rig_exchanges(&rig), 2);
	rig_close(&rig);
}

/* A signature in a later transaction, with logout, is five: cardcf, VERIFY, MSE, PSO, logout. A further one is one. */
static void
test_budget_signature(void **state)
{
	const BCRYPT_PKCS1_PADDING_INFO sha256 = { BCRYPT_SHA256_ALGORITHM };
	const BYTE hash[32] = { 1 };
	CARD_SIGNING_INFO sign;
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &single);
	assert_int_equal(rig_read(&rig, "mscp", "cmapfile", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig_read(&rig, NULL, "cardcf", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
	assert_int_equal(rig_sign(&rig, 0, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &sha256, cur_of(hash, 32), &sign), 0);
	rig.data.pfnCspFree(sign.pbSignedData);
	(void)rig_exchanges(&rig);
	assert_int_equal(rig_sign(&rig, 0, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &sha256, cur_of(hash, 32), &sign), 0);
	rig.data.pfnCspFree(sign.pbSignedData);
	assert_int_equal(rig_exchanges(&rig), 1);
	assert_int_equal(rig_logout(&rig), SCARD_S_SUCCESS);
	(void)rig_exchanges(&rig);
	for (int i = 0; i < 3; i++) {
		rig_next(&rig);
		assert_int_equal(rig_read(&rig, NULL, "cardcf", NULL), SCARD_S_SUCCESS);
		assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
		assert_int_equal(rig_sign(&rig, 0, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &sha256, cur_of(hash, 32),
					  &sign),
				 0);
		rig.data.pfnCspFree(sign.pbSignedData);
		assert_int_equal(rig_logout(&rig), SCARD_S_SUCCESS);
		assert_int_equal(rig_exchanges(&rig), 5);
	}
	rig_close(&rig);
}

/* What is known of keys is believed later only with an unchanged cardcf. */
static void
test_no_stale_keys(void **state)
{
	const BYTE hash[20] = { 1 };
	const BCRYPT_PKCS1_PADDING_INFO bare = { NULL };
	const BYTE other_cardcf[6] = { 0, 0, 9, 0, 9, 0 };
	CARD_SIGNING_INFO sign;
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &single);
	assert_int_equal(rig_read(&rig, "mscp", "cmapfile", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, 0, 0, &(CONTAINER_INFO){ 0 }), SCARD_S_SUCCESS);
	assert_int_equal(vcard_perso_put(rig.card, KIT_PIN, "", "cardcf", cur_of(other_cardcf, 6)), 0);
	rig_next(&rig);
	assert_int_equal(rig_read(&rig, NULL, "cardcf", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
	(void)rig_exchanges(&rig);
	assert_int_equal(rig_sign(&rig, 0, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &bare, cur_of(hash, 20), &sign), 0);
	rig.data.pfnCspFree(sign.pbSignedData);
	assert_int_equal(rig_exchanges(&rig), 3);
	/* and without cardcf in the transaction they are read again too */
	rig_next(&rig);
	assert_int_equal(rig_sign(&rig, 0, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &bare, cur_of(hash, 20), &sign), 0);
	rig.data.pfnCspFree(sign.pbSignedData);
	assert_int_equal(rig_exchanges(&rig), 3);
	rig_close(&rig);
}

/* After a reset: one exchange selects the application again, and the PIN has to come again. */
static void
test_reconnect(void **state)
{
	const BYTE hash[20] = { 1 };
	const BCRYPT_PKCS1_PADDING_INFO bare = { NULL };
	CARD_SIGNING_INFO sign;
	struct rig rig;
	bool reset;

	(void)state;
	rig_acquire(&rig, &single);
	assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
	vcard_io_reset(rig.io);
	assert_int_equal(rig_read(&rig, NULL, "cardcf", NULL), SCARD_W_RESET_CARD);
	assert_int_equal(io_begin(rig.io, &reset), SCARD_S_SUCCESS);
	assert_true(reset);
	rig_next(&rig);
	(void)rig_exchanges(&rig);
	assert_int_equal(rig.data.pfnCardReconnect(&rig.data), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 1);
	assert_int_equal(rig_sign(&rig, 0, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &bare, cur_of(hash, 20), &sign),
			 SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(rig.data.pfnCardReconnect(NULL), SCARD_E_INVALID_PARAMETER);
	rig_close(&rig);
}

/* M20: without a word from the caller the driver notices by itself that GIDS is not selected any more. */
static void
test_selection_lost(void **state)
{
	const BYTE hash[20] = { 1 };
	const BCRYPT_PKCS1_PADDING_INFO bare = { NULL };
	CARD_SIGNING_INFO sign;
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &single);
	assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
	vcard_reset(rig.card);
	/* in the same transaction: the key is not used, the application is selected, the PIN is wanted */
	assert_int_equal(rig_sign(&rig, 0, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &bare, cur_of(hash, 20), &sign),
			 SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
	assert_int_equal(rig_sign(&rig, 0, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &bare, cur_of(hash, 20), &sign), 0);
	rig.data.pfnCspFree(sign.pbSignedData);
	/* in the next one: reading repairs it, and VERIFY does not go to another application */
	vcard_reset(rig.card);
	rig_next(&rig);
	(void)rig_exchanges(&rig);
	assert_int_equal(rig_read(&rig, NULL, "cardcf", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 3);
	vcard_reset(rig.card);
	rig_next(&rig);
	assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 4);
	rig_close(&rig);
}

/* An application that answers to everything does not see the PIN. */
static void
test_other_application(void **state)
{
	struct rig rig;
	size_t len;

	(void)state;
	rig_over(&rig, scripted(SELECT_PIV "< 6A 82\n" SELECT_GIDS FCI "> 00 CB A0 12 04 5C 02 DF 20 00\n"
					   "< 53 02 01 02 90 00\n" SELECT_GIDS FCI "> 00 CB A0 12 04 5C 02 DF 20 00\n"
					   "< DF 20 10 00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 90 00\n"
					   "> 00 20 00 80 06 31 32 33 34 35 36\n"
					   "< 90 00\n",
				plain_atr, sizeof(plain_atr)));
	assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_S_SUCCESS);
	rig_next(&rig);
	assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
	assert_int_equal(script_secrets(rig.io), 1);
	assert_int_equal(rig_read(&rig, NULL, "cardid", &len), SCARD_S_SUCCESS);
	script_end(&rig);

	/* it is gone altogether */
	rig_over(&rig, scripted(SELECT_PIV "< 6A 82\n" SELECT_GIDS FCI
					   "> 00 CB A0 12 04 5C 02 DF 20 00\n< 6D 00\n" SELECT_GIDS "< 6A 82\n",
				plain_atr, sizeof(plain_atr)));
	assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_S_SUCCESS);
	rig_next(&rig);
	assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_E_COMM_DATA_LOST);
	assert_int_equal(script_secrets(rig.io), 0);
	script_end(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probe_budget),	   cmocka_unit_test(test_piv_first),
		cmocka_unit_test(test_not_found),	   cmocka_unit_test(test_probe_trouble),
		cmocka_unit_test(test_foreign_fci),	   cmocka_unit_test(test_memory_wraps),
		cmocka_unit_test(test_acquire_parameters), cmocka_unit_test(test_acquire_memory),
		cmocka_unit_test(test_contexts),	   cmocka_unit_test(test_budget_token_info),
	};
	const struct CMUnitTest budgets[] = {
		cmocka_unit_test(test_budget_listing), cmocka_unit_test(test_budget_signature),
		cmocka_unit_test(test_no_stale_keys),  cmocka_unit_test(test_reconnect),
		cmocka_unit_test(test_selection_lost), cmocka_unit_test(test_other_application),
	};

	return cmocka_run_group_tests_name("gids", tests, make_kits, free_kits) +
	       cmocka_run_group_tests_name("gids/budgets", budgets, make_single, free_single);
}
