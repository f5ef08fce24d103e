/* SPDX-License-Identifier: BSD-2-Clause */
/* Personalisation of the virtual PIV card, its card file, and that no bytes make it fall over. */
#include "unit/vcard_piv_fixture.h"

#include <errno.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

static const uint8_t guid[VCARD_GUID_LEN] = { 0x6C, 0x55, 0x44, 0x79, 0x7A, 0x91, 0x11, 0x5D,
					      0xC3, 0x33, 0x0E, 0xBD, 0x00, 0x38, 0x51, 0xD2 };

static void
perso_ok(int result)
{
	if (result != 0)
		fail_msg("%s", vcard_perso_error());
}

/* Four keys that fit their four certificates; each instance has its own GUID, unless told. */
static void
test_reference(void **state)
{
	static const uint8_t references[] = { 0x9A, 0x9C, 0x9D, 0x9E };
	static const size_t lengths[] = { 797, 594, 796, 594 };
	struct fixture f;
	size_t i;

	(void)state;
	piv_blank(&f, VCARD_PIV_STRICT);
	perso_ok(vcard_piv_reference(f.card, guid));
	assert_false(piv_info(f.card).selected || piv_info(f.card).admin_authenticated);
	expect_sw(f.card, PIV_SELECT, SW_OK);
	expect(f.card, "00CB3FFF055C035FC10200",
	       "533B3019D4E739DA739CED39CE739D836858210842108421C84210C3EB34106C5544797A91115DC3330EBD003851D2350832303"
	       "439"
	       "313233313E00FE009000");
	for (i = 0; i < ARRAY_SIZE(references); i++) {
		struct cursor der = vcard_piv_reference_certificate(references[i]);
		const unsigned char *at = der.p;
		EVP_PKEY *pkey = piv_public(f.card, references[i]);
		X509 *x = d2i_X509(NULL, &at, (long)der.left);

		assert_int_equal(der.left, lengths[i]);
		assert_non_null(x);
		assert_int_equal(EVP_PKEY_eq(pkey, X509_get0_pubkey(x)), 1);
		X509_free(x);
		EVP_PKEY_free(pkey);
	}
	assert_int_equal(vcard_piv_reference_certificate(0x82).left, 0);
	fixture_close(&f);
}

static void
test_every_personality(void **state)
{
	static const uint64_t personalities[] = { VCARD_PIV_STRICT,	VCARD_PIV_APPLET,
						  VCARD_PIV_TOKEN,	VCARD_PIV_NEO,
						  VCARD_PIV_GOVERNMENT, VCARD_PIV_GOVERNMENT | VCARD_PIV_CONTACTLESS };
	static const uint32_t protocols[] = { 0, VCARD_T0, VCARD_NO_EXTENDED };
	struct fixture f;
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(personalities); i++) {
		for (j = 0; j < ARRAY_SIZE(protocols); j++) {
			const struct vcard_profile profile = { .quirks = protocols[j],
							       .applications = VCARD_PIV,
							       .piv = { .quirks = personalities[i] } };

			fixture_open(&f, &profile);
			perso_ok(vcard_piv_reference(f.card, NULL));
			assert_int_equal(piv_info(f.card).keys, 4);
			assert_true(f.card->env.profile.piv.quirks == personalities[i]);
			fixture_reopen(&f);
			assert_int_equal(piv_info(f.card).keys, 4);
			fixture_close(&f);
		}
	}
}

/* A bad profile makes no card; a card without the application has none of its doors. */
static void
test_profiles(void **state)
{
	const struct vcard_profile bad[] = {
		{ .applications = 4 },
		{ .applications = VCARD_PIV, .piv = { .pin_tries = 256 } },
		{ .applications = VCARD_PIV, .piv = { .admin_algorithm = 0x11 } },
		{ .applications = VCARD_PIV, .piv = { .max_object = 65536 } },
		{ .applications = VCARD_PIV, .piv = { .version = 0x1000000 } },
	};
	char dir[] = "/tmp/vcard.XXXXXX", path[64];
	struct fixture f;
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/card", dir);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(vcard_create(path, &bad[i]), -1);
	(void)rmdir(dir);
	fixture_formatted(&f, VCARD_STRICT);
	expect(f.card, PIV_SELECT, "6A82");
	assert_int_equal(vcard_piv_reference(f.card, NULL), -1);
	assert_int_equal(vcard_piv_raw_put(f.card, 0x5FC102, cur_of("x", 1)), -1);
	assert_int_equal(piv_info(f.card).version, 0);
	fixture_close(&f);
	piv_blank(&f, VCARD_PIV_STRICT);
	expect(f.card, SELECT, "6A82");
	fixture_close(&f);
}

static void
test_doors(void **state)
{
	struct fixture f;

	(void)state;
	piv_reference(&f, VCARD_PIV_STRICT);
	assert_int_equal(vcard_piv_raw_put(f.card, 0x5FC10C, cur_of("\x01\x02", 2)), 0);
	expect(f.card, "00CB3FFF055C035FC10C00", "530201029000");
	assert_int_equal(vcard_piv_raw_delete(f.card, 0x5FC10C), 0);
	expect(f.card, "00CB3FFF055C035FC10C00", "6A82");
	assert_int_equal(vcard_piv_raw_delete(f.card, 0x5FC10C), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(vcard_piv_raw_delete_key(f.card, 0x9A), 0);
	assert_int_equal(vcard_piv_raw_delete_key(f.card, 0x9A), -1);
	assert_int_equal(vcard_piv_raw_delete_key(f.card, 0x9B), -1);
	assert_int_equal(piv_info(f.card).keys, 3);
	assert_int_equal(vcard_piv_put(f.card, 0x7F61, cur_of("\x02\x01\x00", 3)), 0);
	assert_int_equal(vcard_piv_put(f.card, 0x5FC999, cur_of("\x02\x01\x00", 3)), -1);
	fixture_close(&f);
}

/* Certificates as they lie on cards: compressed or not, marked or not. */
static void
test_packings(void **state)
{
	static const struct {
		enum vcard_piv_packing packing;
		const char *start, *end;
	} packings[] = {
		{ VCARD_PIV_PLAIN, "3082", "710100FE00" },	 { VCARD_PIV_GZIP, "1F8B", "710101FE00" },
		{ VCARD_PIV_GZIP_OLD, "1F8B", "710180FE00" },	 { VCARD_PIV_GZIP_LYING, "1F8B", "710100FE00" },
		{ VCARD_PIV_PLAIN_LYING, "3082", "710101FE00" }, { VCARD_PIV_BARE, "3082", "" },
	};
	struct cursor c, object, value, start;
	AUTO_BUF struct buf answer = BUF_INIT;
	struct fixture f;
	size_t i;

	(void)state;
	piv_reference(&f, VCARD_PIV_STRICT);
	for (i = 0; i < ARRAY_SIZE(packings); i++) {
		perso_ok(vcard_piv_cert(f.card, 0x95, vcard_piv_reference_certificate(0x9C), packings[i].packing));
		expect_sw(f.card, PIV_SELECT, SW_OK);
		buf_reset(&answer);
		assert_int_equal(piv_send(f.card, "00CB3FFF", "5C035FC120", &answer), SW_OK);
		c = buf_cur(&answer);
		assert_true(vcard_tlv_expect(&c, 0x53, &object) && vcard_tlv_expect(&object, 0x70, &value));
		assert_true(hex_is(object, packings[i].end));
		assert_true(cur_take(&value, 2, &start) && hex_is(start, packings[i].start));
	}
	assert_int_equal(vcard_piv_cert(f.card, 0x9B, vcard_piv_reference_certificate(0x9C), VCARD_PIV_PLAIN), -1);
	fixture_close(&f);
}

static void
test_issue(void **state)
{
	static const struct vcard_piv_slot slots[] = {
		{ .reference = 0x82, .algorithm = PIV_ALG_RSA1024 },
		{ .reference = 0x9A, .algorithm = PIV_ALG_P384 },
		{ .reference = 0x9D, .algorithm = PIV_ALG_X25519 },
		{ .reference = 0x95, .algorithm = PIV_ALG_ED25519, .pin_policy = PIV_PIN_NEVER },
	};
	AUTO_BUF struct buf der = BUF_INIT;
	struct fixture f;
	size_t i;

	(void)state;
	piv_blank(&f, VCARD_PIV_GOVERNMENT);
	for (i = 0; i < ARRAY_SIZE(slots); i++) {
		const unsigned char *at;
		EVP_PKEY *pkey;
		X509 *x;

		buf_reset(&der);
		assert_int_equal(vcard_piv_issue(f.card, slots[i].reference, "Nobody", 0x80, VCARD_PIV_PLAIN, NULL),
				 -1);
		perso_ok(vcard_piv_keygen(f.card, &slots[i]));
		perso_ok(vcard_piv_issue(f.card, slots[i].reference, "Somebody", 0xC0, VCARD_PIV_PLAIN, &der));
		at = der.p;
		x = d2i_X509(NULL, &at, (long)der.len);
		pkey = piv_public(f.card, slots[i].reference);
		assert_non_null(x);
		assert_int_equal(X509_get_key_usage(x), KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION);
		assert_int_equal(EVP_PKEY_eq(pkey, X509_get0_pubkey(x)), 1);
		X509_free(x);
		EVP_PKEY_free(pkey);
	}
	fixture_close(&f);
}

static void
write_pem(const char *path, EVP_PKEY *pkey)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL), 1);
	(void)fclose(f);
}

static void
test_import(void **state)
{
	static const struct {
		const char *type, *curve;
		int result;
	} kinds[] = {
		{ "RSA", NULL, 0 },    { "EC", "P-256", 0 },  { "EC", "P-384", 0 },  { "ED25519", NULL, 0 },
		{ "X25519", NULL, 0 }, { "EC", "P-521", -1 }, { "ED448", NULL, -1 },
	};
	const struct vcard_piv_slot slot = { .reference = 0x9D };
	struct fixture f;
	char path[80];
	size_t i;

	(void)state;
	piv_blank(&f, VCARD_PIV_STRICT);
	(void)snprintf(path, sizeof(path), "%s/pem", f.dir);
	assert_int_equal(vcard_piv_import(f.card, &slot, path), -1);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		EVP_PKEY *pkey, *other;

		if (strcmp(kinds[i].type, "RSA") == 0)
			pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
		else if (kinds[i].curve != NULL)
			pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", kinds[i].curve);
		else
			pkey = EVP_PKEY_Q_keygen(NULL, NULL, kinds[i].type);
		write_pem(path, pkey);
		assert_int_equal(vcard_piv_import(f.card, &slot, path), kinds[i].result);
		if (kinds[i].result == 0) {
			other = piv_public(f.card, 0x9D);
			assert_int_equal(EVP_PKEY_eq(pkey, other), 1);
			EVP_PKEY_free(other);
		}
		EVP_PKEY_free(pkey);
	}
	(void)unlink(path);
	fixture_close(&f);
}

/* Everything volatile is in the card file as well. */
static void
test_file_keeps_everything(void **state)
{
	struct fixture f;

	(void)state;
	piv_reference_both(&f, VCARD_PIV_GLOBAL_PIN | VCARD_PIV_RESELECT_LIES);
	expect_sw(f.card, PIV_SELECT, SW_OK);
	piv_admin(f.card);
	expect(f.card, PIV_VERIFY, "9000");
	fixture_reopen(&f);
	assert_true(piv_info(f.card).selected && piv_info(f.card).pin_verified && piv_info(f.card).admin_authenticated);
	assert_false(info_of(f.card).gids_selected);
	/* the PIN is as fresh as it was */
	expect_sw(f.card, "0087119C267C2482008120" HASH "00", SW_OK);
	expect_sw(f.card, "00CB3FFF055C035FC10500", 0x6100);
	fixture_reopen(&f);
	expect_sw(f.card, "00C0000000", 0x6100);
	expect_sw(f.card, PIV_SELECT, SW_OK);
	fixture_reopen(&f);
	expect(f.card, "00200080", "9000");
	assert_false(piv_info(f.card).pin_verified);
	expect_sw(f.card, "0087039B047C02810000", SW_OK);
	fixture_reopen(&f);
	assert_true(piv_info(f.card).challenge_pending);
	fixture_close(&f);
}

/* --- noise ------------------------------------------------------------------------------------------------------ */

static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void
assert_keepable(const struct vcard *card)
{
	static const struct vcard_profile blank;
	AUTO_BUF struct buf first = BUF_INIT_MAX(STATE_MAX), second = BUF_INIT_MAX(STATE_MAX);
	struct vcard *again = vcard_new("", &blank);
	struct cursor c;

	vcard_encode(card, &first);
	assert_true(vcard_decode(again, buf_cur(&first)));
	vcard_encode(again, &second);
	c = buf_cur(&first);
	assert_true(c.left == second.len && cur_equals(&c, second.p, second.len));
	vcard_close(again);
}

/* Cut and changed commands; what remains is a card that can be kept. */
static void
test_noise(void **state)
{
	static const char *const good[] = {
		PIV_SELECT,
		"00CB3FFF055C035FC10500",
		PIV_VERIFY,
		"0087119C267C2482008120" HASH "00",
		"0087039B047C02800000",
		"0087039B167C1480081122334455667788810811223344556677"
		"8800",
		"00DB3FFF0F5C035FC10C5308C10100C20100FE0000",
		"0047009E08AC06800111AA010100",
		"00FE1183250620" HASH "AA0101",
		"00FFFFFF13089B1000112233445566778899AABBCCDDEEFF",
		"00F7009A00",
		"00F6829A",
		"00FA0303",
	};
	AUTO_BUF struct buf bytes = BUF_INIT;
	uint32_t seed = 7;
	struct fixture f;
	size_t i, j, n;

	(void)state;
	piv_reference(&f, VCARD_PIV_STRICT);
	piv_admin(f.card);
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		buf_reset(&bytes);
		assert_true(hex_put(&bytes, good[i]) && bytes.len >= 4);
		for (n = 0; n < bytes.len; n++)
			(void)transmit_bytes(f.card, cur_of(bytes.p, n));
		for (j = 0; j < 40 && bytes.len > 0; j++) {
			size_t at = next_random(&seed) % bytes.len;
			uint8_t old = bytes.p[at];

			bytes.p[at] = (uint8_t)next_random(&seed);
			/* RSA keys would take all the time there is */
			if (bytes.p[1] != INS_GENERATE || bytes.p[at] == old || at != 9)
				(void)transmit_bytes(f.card, buf_cur(&bytes));
			bytes.p[at] = old;
		}
		assert_keepable(f.card);
	}
	fixture_close(&f);
}

/* A damaged section of the card file is no card. */
static void
test_damage(void **state)
{
	static const struct vcard_profile blank;
	AUTO_BUF struct buf encoded = BUF_INIT_MAX(STATE_MAX);
	struct vcard *card;
	struct fixture f;
	size_t at;

	(void)state;
	piv_reference(&f, VCARD_PIV_STRICT);
	vcard_encode(f.card, &encoded);
	for (at = 16; at < encoded.len - 8; at += 37) {
		AUTO_BUF struct buf changed = BUF_INIT_MAX(STATE_MAX);

		buf_put_cur(&changed, buf_cur(&encoded));
		changed.p[at] ^= 0x81;
		vcard_seal(&changed);
		card = vcard_new("", &blank);
		if (vcard_decode(card, buf_cur(&changed)))
			(void)transmit(card, "00CB3FFF035C017E00");
		vcard_close(card);
	}
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference), cmocka_unit_test(test_every_personality),
		cmocka_unit_test(test_profiles),  cmocka_unit_test(test_doors),
		cmocka_unit_test(test_packings),  cmocka_unit_test(test_issue),
		cmocka_unit_test(test_import),	  cmocka_unit_test(test_file_keeps_everything),
		cmocka_unit_test(test_noise),	  cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
