/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PIV: a whole scenario on a card that lies, stops or goes away, at each exchange (M1..M7, M11, M15, M16). What is asked of the
 * minidriver: a code of carderr.h, nothing written on failure, no block lost, an end. Spoiled answers come from a tape of a
 * good run, so that thousands of runs need no card.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "card/piv_card.h"
#include "card/tape.h"
#include "lib/fault.h"
#include "lib/mutate.h"

static struct kit reference, token, bare;

static int
make_kits(void **state)
{
	(void)state;
	piv_kit_make(&reference, VCARD_PIV_APPLET);
	piv_kit_make(&token, VCARD_PIV_TOKEN);
	piv_kit_make_bare(&bare, VCARD_PIV_NO_METADATA);
	return 0;
}

static int
free_kits(void **state)
{
	(void)state;
	kit_free(&reference);
	kit_free(&token);
	kit_free(&bare);
	return 0;
}

/* The scenario ------------------------------------------------------------------------------------------------------------ */

static void
known(DWORD r)
{
	assert_string_not_equal(log_code_name(r), "unknown code");
}

static void
run_files(struct rig *rig)
{
	static const struct {
		const char *directory, *name;
	} files[] = { { NULL, "cardid" },  { "mscp", "cmapfile" }, { NULL, "cardcf" }, { "mscp", "kxc00" },
		      { "mscp", "ksc01" }, { "mscp", "msroots" },  { "piv", "5fc102" } };
	char *names;
	DWORD len, r;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		known(rig_read(rig, files[i].directory, files[i].name, NULL));
	known(r = rig->data.pfnCardEnumFiles(&rig->data, "mscp", &names, &len, 0));
	assert_true((r == SCARD_S_SUCCESS) == (names != NULL));
	rig->data.pfnCspFree(names);
}

static void
sign(struct rig *rig, BYTE index, DWORD spec)
{
	const BCRYPT_PKCS1_PADDING_INFO pkcs1 = { "SHA256" };
	CARD_SIGNING_INFO info;
	DWORD r = rig_sign(rig, index, spec, CARD_PADDING_PKCS1, &pkcs1, cur_of(keys_value, 32), &info);

	known(r);
	assert_true((r == SCARD_S_SUCCESS) == (info.pbSignedData != NULL));
	if (r == SCARD_S_SUCCESS)
		assert_int_equal(info.cbSignedData, spec == AT_KEYEXCHANGE ? 256 : 64);
	rig->data.pfnCspFree(info.pbSignedData);
}

static void
decrypt(struct rig *rig)
{
	BYTE block[256] = { [255] = 2 };
	CARD_RSA_DECRYPT_INFO info = { .dwVersion = 2,
				       .bContainerIndex = PIV_9D,
				       .dwKeySpec = AT_KEYEXCHANGE,
				       .pbData = block,
				       .cbData = 256,
				       .dwPaddingType = CARD_PADDING_NONE };
	DWORD r;

	known(r = rig->data.pfnCardRSADecrypt(&rig->data, &info));
	if (r != SCARD_S_SUCCESS)
		assert_true(info.cbData == 256 && block[255] == 2);
}

static void
run_keys(struct rig *rig)
{
	CARD_PIN_TRIES tries;
	CONTAINER_INFO info;
	DWORD len;

	known(piv_rig_verify(rig, ROLE_USER, "123456", NULL));
	sign(rig, PIV_9A, AT_KEYEXCHANGE);
	sign(rig, PIV_9E, AT_ECDSA_P256);
	decrypt(rig);
	known(rig->data.pfnCardGetProperty(&rig->data, CP_CARD_PIN_TRIES, (BYTE *)&tries, sizeof(tries), &len,
					   ROLE_USER));
	for (BYTE i = 0; i < 5; i++)
		known(rig->data.pfnCardGetContainerInfo(&rig->data, i, 0, &info));
}

static void
run_management(struct rig *rig)
{
	BYTE *challenge = NULL;
	DWORD len = 0, r;

	known(r = rig->data.pfnCardGetChallengeEx(&rig->data, ROLE_ADMIN, &challenge, &len, 0));
	if (r == SCARD_S_SUCCESS)
		assert_true(len == 8 || len == 16);
	rig->data.pfnCspFree(challenge);
	/* wrong, and right enough for a tape that says so */
	r = rig->data.pfnCardAuthenticateEx(&rig->data, ROLE_ADMIN, 0, keys_value, 8, NULL, NULL, NULL);
	known(r);
	known(rig->data.pfnCardCreateContainerEx(&rig->data, 6, CARD_CREATE_CONTAINER_KEY_GEN, AT_ECDHE_P256, 0, NULL,
						 ROLE_USER));
	known(rig->data.pfnCardWriteFile(&rig->data, "mscp", "kxc00", 0, keys_value, 64));
	known(rig->data.pfnCardDeauthenticateEx(&rig->data, 0xFF, 0));
}

/* Whether there was a card at all is all that is counted. */
static unsigned
run_scenario(struct rig *rig)
{
	DWORD r = registry_acquire(&rig->data, &rig->memory);

	known(r);
	if (r != SCARD_S_SUCCESS) {
		assert_null(rig->data.pvVendorSpecific);
		return 1;
	}
	run_files(rig);
	run_keys(rig);
	rig_next(rig);
	known(rig_read(rig, "mscp", "cmapfile", NULL));
	known(rig_read(rig, "mscp", "kxc00", NULL));
	run_management(rig);
	known(rig->data.pfnCardReconnect(&rig->data));
	return 0;
}

/* The card lies ----------------------------------------------------------------------------------------------------------- */

typedef void (*spoiler)(struct tape *tape, struct cursor good);

static void
for_each_answer(const struct kit *kit, spoiler spoil)
{
	struct tape tape;

	assert_int_equal(tape_record(&tape, kit, run_scenario), 0);
	for (tape.spoiled = 0; tape.spoiled < tape.count; tape.spoiled++)
		spoil(&tape, buf_cur(&tape.answers[tape.spoiled]));
	tape_free(&tape);
}

/* M1: short answers at every length, long ones at some. */
static void
spoil_cut(struct tape *tape, struct cursor good)
{
	AUTO_BUF struct buf bad = BUF_INIT;
	struct cursor c = good, head;

	if (good.left <= 64) {
		mutate_cut(good, tape_play_spoiled, tape);
		return;
	}
	for (size_t len = 0; len + 2 < good.left; len += len < 8 ? 1 : 37) {
		c = good;
		(void)cur_take(&c, len, &head);
		tape_play_spoiled(head, tape);
		buf_reset(&bad);
		buf_put_cur(&bad, head);
		buf_be16(&bad, 0x9000);
		tape_play_spoiled(buf_cur(&bad), tape);
	}
}

static void
test_cut(void **state)
{
	(void)state;
	for_each_answer(&reference, spoil_cut);
	for_each_answer(&bare, spoil_cut);
}

/* M2, M4: what may be a length or a tag of DER, with values that lie. */
static void
spoil_lengths(struct tape *tape, struct cursor good)
{
	static const uint8_t lies[] = { 0x00, 0x01, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xFF };
	uint8_t copy[258];
	struct cursor c = good;

	if (good.left <= 24) {
		mutate_lengths(good, tape_play_spoiled, tape);
		return;
	}
	if (!cur_copy(&c, copy, good.left < sizeof(copy) ? good.left : sizeof(copy)))
		return;
	for (size_t at = 0; at < good.left && at < sizeof(copy); at += at < 24 ? 1 : 5)
		for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
			const uint8_t was = copy[at];

			copy[at] = lies[i];
			tape_play_spoiled(cur_of(copy, good.left < sizeof(copy) ? good.left : sizeof(copy)), tape);
			copy[at] = was;
		}
}

/* S-006. */
static void
test_lengths(void **state)
{
	(void)state;
	for_each_answer(&token, spoil_lengths);
}

/* M3, M5: nothing, too much, far too much. */
static void
spoil_sizes(struct tape *tape, struct cursor good)
{
	static const size_t sizes[] = { 0, 1, 255, 256, 257, 65536 };
	static const uint8_t fills[] = { 0x00, 0x53, 0xFF };

	(void)good;
	for (size_t i = 0; i < ARRAY_SIZE(sizes) * ARRAY_SIZE(fills); i++) {
		size_t size = sizes[i / ARRAY_SIZE(fills)];
		uint8_t *bytes = malloc(size + 2);

		assert_non_null(bytes);
		memset(bytes, fills[i % ARRAY_SIZE(fills)], size);
		bytes[size] = 0x90;
		bytes[size + 1] = 0x00;
		tape_play_spoiled(cur_of(bytes, size + 2), tape);
		free(bytes);
	}
}

static void
test_sizes(void **state)
{
	(void)state;
	for_each_answer(&reference, spoil_sizes);
}

/* M15: status words as they are in use, and others, at each exchange. */
static void
spoil_status(struct tape *tape, struct cursor good)
{
	static const uint8_t seconds[] = { 0x00, 0x10, 0x80, 0x82, 0x86, 0x88, 0xC0, 0xFF };

	(void)good;
	for (unsigned first = 0x60; first <= 0x90; first += first < 0x70 ? 1 : 8)
		for (size_t i = 0; i < ARRAY_SIZE(seconds); i++) {
			const uint8_t sw[2] = { (uint8_t)first, seconds[i] };

			tape_play_spoiled(cur_of(sw, 2), tape);
		}
}

static void
test_status_words(void **state)
{
	(void)state;
	for_each_answer(&reference, spoil_status);
	for_each_answer(&bare, spoil_status);
}

/* M6, M19: games with GET RESPONSE; resets and removals, at each exchange. */
static void
test_trouble(void **state)
{
	static const char *const faults[] = { "endless61", "endless61=200", "pingpong6C", "reset", "remove", "pull" };
	unsigned exchanges = 1;
	char text[64];
	struct rig rig;

	(void)state;
	for (unsigned n = 1; n <= exchanges; n += 3)
		for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
			rig_open(&rig, &token);
			(void)snprintf(text, sizeof(text), "%u:%s", n, faults[i]);
			rig_faults(&rig, text);
			(void)run_scenario(&rig);
			if (rig_exchanges(&rig) > exchanges && exchanges == 1)
				exchanges = 40;
			rig_close(&rig);
		}
}

/* Every allocation fails once. */
static void
test_memory(void **state)
{
	struct tape tape;
	bool fired = true;

	(void)state;
	assert_int_equal(tape_record(&tape, &reference, run_scenario), 0);
	for (unsigned n = 1; fired; n += (unsigned)(n < 200 ? 1 : 7)) {
		fault_arm(n);
		(void)tape_play(&tape);
		fired = fault_fired();
	}
	tape_free(&tape);
}

/* M11: texts and numbers of the objects that are not certificates. S-010. */
static void
test_objects(void **state)
{
	static const struct {
		uint32_t tag;
		const char *bytes;
		size_t len;
	} cases[] = {
		{ PIV_TAG_CHUID, "\x30\x00\x34\x00", 4 },
		{ PIV_TAG_CHUID, "\x34\x0F\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0A\x0B\x0C\x0D\x0E\x0F", 17 },
		{ PIV_TAG_CHUID, "\x34\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 18 },
		{ PIV_TAG_CHUID, "\x34\x82\xFF\xFF", 4 },
		{ PIV_TAG_HISTORY, "\xC1\x01\xFF\xC2\x01\xFF\xF3\x00\xFE\x00", 10 },
		{ PIV_TAG_HISTORY, "\xC1\x00\xC2\x00", 4 },
		{ PIV_TAG_HISTORY, "\xC1\x01\x14\xC2\x01\x01", 6 },
		{ PIV_TAG_HISTORY, "\xF3\x82\x00\x04../\0\xC1\x01\x00\xC2\x01\x00", 14 },
	};
	uint8_t url[8 + 255] = { 0xC1, 0x01, 0x00, 0xC2, 0x01, 0x01, 0xF3, 0xFF };
	struct rig rig;
	size_t len;

	(void)state;
	for (size_t i = 0; i <= ARRAY_SIZE(cases); i++) {
		rig_open(&rig, &reference);
		if (i < ARRAY_SIZE(cases))
			assert_int_equal(vcard_piv_put(rig.card, cases[i].tag, cur_of(cases[i].bytes, cases[i].len)),
					 0);
		else
			/* a URL without its end */
			assert_int_equal(vcard_piv_put(rig.card, PIV_TAG_HISTORY, cur_of(url, sizeof(url))), 0);
		assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_S_SUCCESS);
		assert_int_equal(rig_read(&rig, "mscp", "cmapfile", &len), SCARD_S_SUCCESS);
		assert_int_equal(len, 4 * 86);
		assert_int_equal(rig_read(&rig, NULL, "cardid", &len), SCARD_S_SUCCESS);
		assert_int_equal(len, 16);
		rig_close(&rig);
	}
}

/* M7: what the card says it made is not what was asked for. S-026. */
static void
test_generated(void **state)
{
	static const char *const answers[] = {
		"9000",
		"7F49009000",
		"7F480386010004"
		"9000",
		"7F4906810103820103"
		"9000",
		"7F4905860304AAAA9000",
	};
	char text[96];
	struct rig rig;
	BYTE *challenge;
	DWORD len;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		rig_acquire(&rig, &token);
		/* nobody needs the key when the card's own word for it is bent */
		(void)snprintf(text, sizeof(text), "ins=87@2:sw=9000;ins=47:data=%s", answers[i]);
		rig_faults(&rig, text);
		assert_int_equal(rig.data.pfnCardGetChallengeEx(&rig.data, ROLE_ADMIN, &challenge, &len, 0),
				 SCARD_S_SUCCESS);
		assert_int_equal(len, 8);
		rig.data.pfnCspFree(challenge);
		assert_int_equal(rig.data.pfnCardAuthenticateEx(&rig.data, ROLE_ADMIN, 0, keys_value, 8, NULL, NULL,
								NULL),
				 SCARD_S_SUCCESS);
		assert_int_equal(rig.data.pfnCardCreateContainerEx(&rig.data, PIV_9D, CARD_CREATE_CONTAINER_KEY_GEN,
								   AT_ECDHE_P256, 0, NULL, ROLE_USER),
				 SCARD_E_UNEXPECTED);
		rig_close(&rig);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),	     cmocka_unit_test(test_lengths),   cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_status_words), cmocka_unit_test(test_trouble),   cmocka_unit_test(test_memory),
		cmocka_unit_test(test_objects),	     cmocka_unit_test(test_generated),
	};

	return cmocka_run_group_tests(tests, make_kits, free_kits);
}
