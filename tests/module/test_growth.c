/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is asked costs what it weighs: a listing of n containers a constant and their bytes, in answers of 256; one object among thirty what it costs alone, when it is known already. From 1 to 30 containers of
 * a GIDS card, which fill up one file of its file system after the other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "module/cards.h"
#include "module/disk.h"
#include "vcard/engine.h"
#include "vcard/perso.h"

#define CARD "cards/growing"
#define CONTAINERS 30u
/* SELECT, cardid and cardcf, the directories, container map */
#define CONSTANT 6u
#define ANSWER 256u
/* Names of certificate files from kxc10 to kxc19 can be read in two ways once there are so many containers; the key settles it. */
#define AMBIGUOUS 10u
#define FIRST_AMBIGUOUS 17u

struct transport {
	const char *name;
	uint32_t quirks;
	unsigned exchanges; /* of one command with a short answer */
	unsigned warm;	    /* of a listing that the cache knows: SELECT, cardid, cardcf */
};

static const struct transport t1 = { "T=1", VCARD_STRICT, 1, 3 };
static const struct transport t1_short = { "T=1, short commands", VCARD_NO_EXTENDED, 1, 3 };
static const struct transport t0 = { "T=0", VCARD_T0, 2, 7 };

static int
set_up(void **state)
{
	if (mt_set_up(state) != 0)
		return -1;
	mt_remove(MT_READER);
	return disk_set_up();
}

static void
make_card(const struct transport *transport)
{
	const struct vcard_profile profile = { .quirks = transport->quirks, .ecc = true };
	static const uint8_t id[VCARD_CARDID_LEN] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
	struct vcard *card;

	assert_int_equal(vcard_create(mt_path(CARD), &profile), 0);
	assert_non_null(card = vcard_open(mt_path(CARD)));
	assert_int_equal(vcard_perso_format(card, MT_PIN, NULL, id), 0);
	assert_int_equal(vcard_save(card), 0);
	vcard_close(card);
	assert_int_equal(symlink(mt_path(CARD), mt_path("readers/%s/card", MT_READER)), 0);
}

static void
add_container(uint8_t index)
{
	char name[] = "container 00";
	const struct vcard_perso_container container = {
		.pin = MT_PIN, .index = index, .algorithm = VCARD_P256, .signature_only = true, .name = name
	};
	struct vcard *card = vcard_open(mt_path(CARD));

	name[10] = (char)('0' + index / 10);
	name[11] = (char)('0' + index % 10);
	assert_non_null(card);
	assert_int_equal(vcard_perso_keygen(card, &container), 0);
	mt_card_certify(card, index, name, true);
	assert_int_equal(vcard_save(card), 0);
	vcard_close(card);
}

/* Bytes that the card has sent. */
static unsigned long
received(void)
{
	FILE *f = fopen(mt_path("readers/%s/stats", MT_READER), "re");
	unsigned long down = 0;
	char line[64];

	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "down ", 5) == 0)
			down = strtoul(line + 5, NULL, 10);
	(void)fclose(f);
	return down;
}

static unsigned long
find_one(CK_BYTE container)
{
	const unsigned long before = mt_exchanges(MT_READER);
	CK_BYTE value[4096];
	CK_SESSION_HANDLE s = mt_start();

	assert_true(mt_get(s, mt_object(s, CKO_CERTIFICATE, container), CKA_VALUE, value, sizeof(value)) > 0);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	return mt_exchanges(MT_READER) - before;
}

/* Certificates among n that are compared with their keys. */
static unsigned
ambiguous(unsigned n)
{
	const unsigned so_far = n < FIRST_AMBIGUOUS ? 0 : n - FIRST_AMBIGUOUS + 1;

	return so_far < AMBIGUOUS ? so_far : AMBIGUOUS;
}

static void
grow(const struct transport *transport, unsigned step)
{
	unsigned long exchanges, bytes, most;

	make_card(transport);
	for (unsigned n = 1; n <= CONTAINERS; n++) {
		add_container((uint8_t)(n - 1));
		if (n % step != 0)
			continue;
		bytes = received();
		exchanges = disk_list(NULL);
		bytes = received() - bytes;
		most = transport->exchanges * (CONSTANT + ambiguous(n)) + bytes / ANSWER;
		print_message("%s, %2u containers: %3lu exchanges, %5lu bytes\n", transport->name, n, exchanges, bytes);
		if (exchanges > most)
			fail_msg("%lu exchanges are more than %lu", exchanges, most);
		assert_int_equal(disk_list(NULL), transport->warm);
		assert_int_equal(find_one(0), transport->warm);
		assert_int_equal(find_one((CK_BYTE)(n - 1)), transport->warm);
	}
}

static void
test_t1(void **state)
{
	(void)state;
	grow(&t1, mt_plain() ? 1 : 10);
}

static void
test_t1_short(void **state)
{
	(void)state;
	grow(&t1_short, 15);
}

static void
test_t0(void **state)
{
	(void)state;
	grow(&t0, 15);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_t1, set_up, disk_tear_down),
		cmocka_unit_test_setup_teardown(test_t1_short, set_up, disk_tear_down),
		cmocka_unit_test_setup_teardown(test_t0, set_up, disk_tear_down),
	};

	return cmocka_run_group_tests(tests, mt_load, mt_unload);
}
