/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GIDS: a whole scenario on a card that lies, stops or goes away, at each exchange. What is asked of the minidriver: a
 * code of carderr.h, nothing written on failure, no block lost, an end, and a good card served as if nothing had been.
 * Spoiled answers come from a tape of a good run, so that thousands of runs need no card.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "card/tape.h"
#include "lib/fault.h"
#include "lib/hex.h"
#include "lib/mutate.h"

static struct kit strict, applet, t0;
static const struct kit *const kits[] = { &strict, &applet, &t0 };

static int
make_kits(void **state)
{
	(void)state;
	kit_make(&strict, &(struct vcard_profile){ .quirks = VCARD_STRICT, .ecc = true }, true);
	kit_make(&applet, &(struct vcard_profile){ .quirks = VCARD_APPLET, .ecc = true }, true);
	kit_make(&t0, &(struct vcard_profile){ .quirks = VCARD_T0, .ecc = true }, true);
	return 0;
}

static int
free_kits(void **state)
{
	(void)state;
	kit_free(&strict);
	kit_free(&applet);
	kit_free(&t0);
	return 0;
}

/* --- the scenario ----------------------------------------------------------------------------------------------- */

static void
known(DWORD r)
{
	assert_string_not_equal(log_code_name(r), "unknown code");
}

/* Steps that have not succeeded. */
static unsigned
run_files(struct rig *rig)
{
	static const struct {
		const char *directory, *name;
	} files[] = {
		{ NULL, "cardid" }, { "mscp", "cmapfile" }, { NULL, "cardcf" }, { "mscp", "kxc00" }, { "mscp", "none" }
	};
	CARD_FILE_INFO info = { .dwVersion = 77 };
	unsigned failures = 0;
	char *names;
	DWORD r, len;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		known(r = rig_read(rig, files[i].directory, files[i].name, NULL));
		failures += r != SCARD_S_SUCCESS;
	}
	known(r = rig->data.pfnCardEnumFiles(&rig->data, "mscp", &names, &len, 0));
	assert_true((r == SCARD_S_SUCCESS) == (names != NULL));
	rig->data.pfnCspFree(names);
	failures += r != SCARD_S_SUCCESS;
	known(r = rig->data.pfnCardGetFileInfo(&rig->data, NULL, "cardapps", &info));
	assert_true((r == SCARD_S_SUCCESS) == (info.dwVersion == 1));
	return failures + (r != SCARD_S_SUCCESS);
}

static unsigned
run_containers(struct rig *rig)
{
	CARD_PIN_TRIES tries;
	CONTAINER_INFO info;
	unsigned failures = 0;
	DWORD r, len;

	for (BYTE i = 0; i < 2; i++) {
		info.dwVersion = 77;
		known(r = rig->data.pfnCardGetContainerInfo(&rig->data, i, 0, &info));
		assert_true((r == SCARD_S_SUCCESS) == (info.dwVersion == 1));
		failures += r != SCARD_S_SUCCESS;
	}
	known(r = rig->data.pfnCardGetProperty(&rig->data, CP_CARD_PIN_TRIES, (BYTE *)&tries, sizeof(tries), &len,
					       ROLE_USER));
	return failures + (r != SCARD_S_SUCCESS);
}

static unsigned
sign(struct rig *rig, BYTE index, DWORD spec, DWORD padding, const void *padding_info)
{
	const BYTE hash[32] = { 1, 2, 3 };
	CARD_SIGNING_INFO info;
	DWORD r = rig_sign(rig, index, spec, padding, padding_info, cur_of(hash, sizeof(hash)), &info);

	known(r);
	assert_true((r == SCARD_S_SUCCESS) == (info.pbSignedData != NULL));
	if (r == SCARD_S_SUCCESS)
		assert_int_equal(info.cbSignedData, spec == AT_KEYEXCHANGE ? 128 : 64);
	rig->data.pfnCspFree(info.pbSignedData);
	return r != SCARD_S_SUCCESS;
}

static unsigned
decrypt(struct rig *rig, DWORD padding)
{
	BYTE block[128] = { [127] = 2 };
	CARD_RSA_DECRYPT_INFO info = {
		.dwVersion = 2, .dwKeySpec = AT_KEYEXCHANGE, .pbData = block, .cbData = 128, .dwPaddingType = padding
	};
	DWORD r;

	known(r = rig->data.pfnCardRSADecrypt(&rig->data, &info));
	assert_in_range(info.cbData, 0, 128);
	if (r != SCARD_S_SUCCESS)
		assert_true(info.cbData == 128 && block[127] == 2);
	/* a good card gives the block; that there is no padding in it is not told (implicit rejection) */
	return r != SCARD_S_SUCCESS;
}

static unsigned
run_keys(struct rig *rig)
{
	const BCRYPT_PKCS1_PADDING_INFO pkcs1 = { "SHA256" };
	const BCRYPT_PSS_PADDING_INFO pss = { "SHA256", 20, NULL };
	unsigned failures = 0;
	DWORD r;

	known(r = rig_verify(rig, KIT_PIN));
	failures += r != SCARD_S_SUCCESS;
	failures += sign(rig, 0, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &pkcs1);
	failures += sign(rig, 0, AT_KEYEXCHANGE, CARD_PADDING_PSS, &pss);
	failures += sign(rig, 1, AT_ECDSA_P256, 0, NULL);
	failures += decrypt(rig, CARD_PADDING_NONE);
	failures += decrypt(rig, CARD_PADDING_PKCS1);
	known(r = rig->data.pfnCardCreateContainerEx(&rig->data, 2, CARD_CREATE_CONTAINER_KEY_GEN, AT_ECDSA_P256, 0,
						     NULL, ROLE_USER));
	failures += r != SCARD_S_SUCCESS;
	known(r = rig->data.pfnCardDeleteContainer(&rig->data, 2, 0));
	failures += r != SCARD_S_SUCCESS;
	known(r = rig_logout(rig));
	return failures + (r != SCARD_S_SUCCESS);
}

/* A good card fails in one step: the file that is not there. */
#define GOOD 1u

static unsigned
run_scenario(struct rig *rig)
{
	DWORD r = registry_acquire(&rig->data, &rig->memory);

	known(r);
	if (r != SCARD_S_SUCCESS) {
		assert_null(rig->data.pvVendorSpecific);
		return 99;
	}
	return run_files(rig) + run_containers(rig) + run_keys(rig);
}

/* --- the card lies ---------------------------------------------------------------------------------------------- */

/* Where the scenario's exchanges begin and how good they are is looked at before they are spoiled. */
static void
test_tape(void **state)
{
	struct tape tape;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		assert_int_equal(tape_record(&tape, kits[k], run_scenario), GOOD);
		assert_int_equal(tape_play(&tape), GOOD);
		assert_int_equal(tape.at, tape.count);
		tape_free(&tape);
	}
}

/* M1: every answer at every length. */
static void
test_cut(void **state)
{
	struct tape tape;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		assert_int_equal(tape_record(&tape, kits[k], run_scenario), GOOD);
		for (tape.spoiled = 0; tape.spoiled < tape.count; tape.spoiled++)
			mutate_cut(buf_cur(&tape.answers[tape.spoiled]), tape_play_spoiled, &tape);
		tape_free(&tape);
	}
}

static void
test_cut_body(void **state)
{
	AUTO_BUF struct buf bad = BUF_INIT;
	struct cursor good, head;
	struct tape tape;

	(void)state;
	assert_int_equal(tape_record(&tape, &strict, run_scenario), GOOD);
	for (tape.spoiled = 0; tape.spoiled < tape.count; tape.spoiled++)
		for (size_t len = 0; len + 2 < tape.answers[tape.spoiled].len; len += mutate_stride()) {
			uint8_t *heap;

			good = buf_cur(&tape.answers[tape.spoiled]);
			assert_true(cur_take(&good, len, &head));
			buf_reset(&bad);
			buf_put_cur(&bad, head);
			buf_be16(&bad, 0x9000);
			assert_non_null(heap = hex_heap(buf_cur(&bad)));
			tape_play_spoiled(cur_of(heap, bad.len), &tape);
			free(heap);
		}
	tape_free(&tape);
}

/* M2: every byte that may be a length, with lengths that lie. */
static void
test_lengths(void **state)
{
	struct tape tape;

	(void)state;
	assert_int_equal(tape_record(&tape, &strict, run_scenario), GOOD);
	for (tape.spoiled = 0; tape.spoiled < tape.count; tape.spoiled++)
		mutate_lengths(buf_cur(&tape.answers[tape.spoiled]), tape_play_spoiled, &tape);
	tape_free(&tape);
}

/* M3, M5: nothing, too much, far too much. */
static void
test_sizes(void **state)
{
	static const size_t sizes[] = { 0, 1, 255, 256, 257, 511, 65536 };
	static const uint8_t fills[] = { 0x00, 0x30, 0xDF, 0xFF };
	struct tape tape;

	(void)state;
	assert_int_equal(tape_record(&tape, &strict, run_scenario), GOOD);
	for (tape.spoiled = 0; tape.spoiled < tape.count; tape.spoiled++)
		for (size_t i = 0; i < ARRAY_SIZE(sizes) * ARRAY_SIZE(fills); i++) {
			size_t size = sizes[i / ARRAY_SIZE(fills)];
			uint8_t *bytes = malloc(size + 2);

			assert_non_null(bytes);
			memset(bytes, fills[i % ARRAY_SIZE(fills)], size);
			bytes[size] = 0x90;
			bytes[size + 1] = 0x00;
			tape_play_spoiled(cur_of(bytes, size + 2), &tape);
			free(bytes);
		}
	tape_free(&tape);
}

/* M15: every first byte of a status word with some second ones, at each exchange. */
static void
test_status_words(void **state)
{
	static const uint8_t seconds[] = {
		0x00, 0x01, 0x10, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x88, 0xC0, 0xFF
	};
	struct tape tape;

	(void)state;
	assert_int_equal(tape_record(&tape, &strict, run_scenario), GOOD);
	for (tape.spoiled = 0; tape.spoiled < tape.count; tape.spoiled++)
		for (size_t i = 0; i < 256 * ARRAY_SIZE(seconds); i += mutate_stride()) {
			const uint8_t sw[2] = { (uint8_t)(i / ARRAY_SIZE(seconds)), seconds[i % ARRAY_SIZE(seconds)] };

			/* as they are in use: 6xxx and 9xxx, and a few that no card should say */
			if (sw[0] >= 0x60 || sw[0] % 0x20 == 0)
				tape_play_spoiled(cur_of(sw, 2), &tape);
		}
	tape_free(&tape);
}

/* --- the card fails --------------------------------------------------------------------------------------------- */

/* A good run on the same card, from power-up on. */
static void
assert_good_again(struct vcard *card)
{
	struct rig rig;
	struct io *io;

	assert_int_equal(vcard_io_wrap(card, &io), SCARD_S_SUCCESS);
	rig_over(&rig, io);
	assert_int_equal(run_scenario(&rig), GOOD);
	rig_close(&rig);
}

static unsigned
count_exchanges(const struct kit *kit)
{
	struct rig rig;
	unsigned n;

	rig_open(&rig, kit);
	assert_int_equal(run_scenario(&rig), GOOD);
	n = rig_exchanges(&rig);
	rig_close(&rig);
	return n;
}

/* Each exchange fails once in each way; after it the rest of the scenario, then the card anew. */
static void
test_each_exchange(void **state)
{
	static const char *const faults[] = { "silence=0", "reset",   "remove",	       "pull",	     "empty",
					      "sw=6F00",   "sw=6581", "sw=6884",       "sw=6986",    "endless61",
					      "sw=6982",   "body=1",  "endless61=200", "pingpong6C", "extend=00" };
	char text[64];
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		unsigned exchanges = count_exchanges(kits[k]);

		for (size_t f = 0; f < ARRAY_SIZE(faults); f += mutate_stride())
			for (unsigned n = 1; n <= exchanges; n++) {
				rig_open(&rig, kits[k]);
				snprintf(text, sizeof(text), "%u:%s", n, faults[f]);
				rig_faults(&rig, text);
				(void)run_scenario(&rig);
				if (rig.data.pvVendorSpecific != NULL)
					rig.data.pfnCardDeleteContext(&rig.data);
				rig.data.pfnCardDeleteContext = NULL;
				assert_good_again(rig.card);
				rig_close(&rig);
			}
	}
}

/* A card that is gone says so, at whichever exchange it goes (R-024: and never that a file is missing). */
static void
test_removed(void **state)
{
	char text[64];
	unsigned exchanges = count_exchanges(&strict);
	struct rig rig;

	(void)state;
	for (unsigned n = 2; n <= exchanges; n++) {
		rig_open(&rig, &strict);
		snprintf(text, sizeof(text), "%u:remove", n);
		rig_faults(&rig, text);
		(void)run_scenario(&rig);
		rig_next(&rig);
		assert_int_equal(rig_read(&rig, NULL, "cardid", NULL), SCARD_W_REMOVED_CARD);
		assert_int_equal(rig_read(&rig, "mscp", "cmapfile", NULL), SCARD_W_REMOVED_CARD);
		assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_W_REMOVED_CARD);
		assert_int_equal(rig_logout(&rig), SCARD_W_REMOVED_CARD);
		rig_close(&rig);
	}
}

/* the caller's allocator fails at each call; the step that wanted it says so, nothing is lost. */
static void
test_allocations(void **state)
{
	struct rig rig;
	unsigned n, failures;

	(void)state;
	for (n = 1, failures = GOOD + 1; failures > GOOD; n++) {
		rig_open(&rig, &strict);
		rig_fail_alloc(n);
		failures = run_scenario(&rig);
		rig_fail_alloc(0);
		if (rig.data.pvVendorSpecific == NULL)
			rig.data.pfnCardDeleteContext = NULL;
		rig_close(&rig);
	}
	assert_in_range(n, 8, 100);
}

/* Memory runs out at each allocation of the program's own, one after the other. */
static void
test_memory(void **state)
{
	struct tape tape;
	unsigned n = 0;

	(void)state;
	assert_int_equal(tape_record(&tape, &strict, run_scenario), GOOD);
	assert_int_equal(tape_play(&tape), GOOD);
	do {
		fault_arm(++n);
		(void)tape_play(&tape);
	} while (fault_fired());
	assert_in_range(n, 50, 2000);
	assert_int_equal(tape_play(&tape), GOOD);
	tape_free(&tape);
}

/* M18: cardcf changes in the middle of a transaction, or is not what it was: the snapshot stays one picture. */
static void
test_cardcf_changes(void **state)
{
	const BYTE other[6] = { 0, 0, 7, 0, 7, 0 };
	struct rig rig;
	BYTE *data;
	DWORD len;

	(void)state;
	rig_acquire(&rig, &strict);
	assert_int_equal(rig_read(&rig, "mscp", "cmapfile", NULL), SCARD_S_SUCCESS);
	assert_int_equal(vcard_perso_put(rig.card, KIT_PIN, "", "cardcf", cur_of(other, 6)), 0);
	assert_int_equal(rig.data.pfnCardReadFile(&rig.data, NULL, "cardcf", 0, &data, &len), SCARD_S_SUCCESS);
	assert_memory_not_equal(data, other, 6);
	rig.data.pfnCspFree(data);
	rig_next(&rig);
	assert_int_equal(rig.data.pfnCardReadFile(&rig.data, NULL, "cardcf", 0, &data, &len), SCARD_S_SUCCESS);
	assert_memory_equal(data, other, 6);
	rig.data.pfnCspFree(data);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tape),	       cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_body),       cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_sizes),	       cmocka_unit_test(test_status_words),
		cmocka_unit_test(test_each_exchange),  cmocka_unit_test(test_removed),
		cmocka_unit_test(test_memory),	       cmocka_unit_test(test_allocations),
		cmocka_unit_test(test_cardcf_changes),
	};

	return cmocka_run_group_tests_name("gids/hostile", tests, make_kits, free_kits);
}
