/* SPDX-License-Identifier: BSD-2-Clause */
/* Personalisation of virtual cards: what it writes is what hosts expect, on every kind of card. */
#include "unit/vcard_fixture.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/inflate.h"
#include "vcard/tlv.h"

#define CMAP_RECORD 86

static void
must(int result)
{
	if (result != 0)
		fail_msg("%s", vcard_perso_error());
}

static void
read_object(struct vcard *card, const char *header, uint32_t tag, struct buf *ret_value)
{
	const uint8_t request[] = { 0x5C, 0x02, (uint8_t)(tag >> 8), (uint8_t)tag };
	AUTO_BUF struct buf answer = BUF_INIT;
	struct cursor c, value;

	assert_int_equal(host_send(card, header, cur_of(request, sizeof(request)), &answer), 0x9000);
	c = buf_cur(&answer);
	assert_true(vcard_tlv_expect(&c, tag, &value));
	buf_reset(ret_value);
	buf_put_cur(ret_value, value);
}

static void
write_pem(const char *path, EVP_PKEY *pkey)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(PEM_write_PrivateKey(file, pkey, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(fclose(file), 0);
}

static void
expect_same_key(struct vcard *card, uint8_t index, const EVP_PKEY *pkey)
{
	AUTO_BUF struct buf spki = BUF_INIT;
	const unsigned char *at;
	EVP_PKEY *shown;

	must(vcard_perso_pubkey(card, index, &spki));
	at = spki.p;
	shown = d2i_PUBKEY(NULL, &at, (long)spki.len);
	assert_int_equal(EVP_PKEY_eq(shown, pkey), 1);
	EVP_PKEY_free(shown);
}

static void
test_format_once(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	assert_int_equal(vcard_perso_format(f.card, PIN, NULL, NULL), -1);
	assert_non_null(strstr(vcard_perso_error(), "6985"));
	assert_int_equal(vcard_perso_format(f.card, "", NULL, NULL), -1);
	assert_int_equal(info_of(f.card).pin_tries_left, 3);
	fixture_close(&f);
}

static void
test_cardid_is_random(void **state)
{
	AUTO_BUF struct buf one = BUF_INIT, two = BUF_INIT;
	struct fixture f;

	(void)state;
	fixture_blank(&f, VCARD_STRICT);
	must(vcard_perso_format(f.card, PIN, NULL, NULL));
	read_object(f.card, "00CBA012", 0xDF20, &one);
	fixture_close(&f);
	fixture_blank(&f, VCARD_STRICT);
	must(vcard_perso_format(f.card, PIN, NULL, NULL));
	read_object(f.card, "00CBA012", 0xDF20, &two);
	fixture_close(&f);
	assert_int_equal(one.len, 16);
	assert_int_equal(two.len, 16);
	assert_memory_not_equal(one.p, two.p, 16);
}

/* Containers 2 and 0, in this order: maps of equal length, one default, which moves when asked. */
static void
test_maps(void **state)
{
	struct vcard_perso_container container = { .pin = PIN, .index = 2, .algorithm = VCARD_P256, .name = "two" };
	AUTO_BUF struct buf cmap = BUF_INIT, map = BUF_INIT;
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	must(vcard_perso_keygen(f.card, &container));
	container = (struct vcard_perso_container){ .pin = PIN, .algorithm = VCARD_RSA1024, .signature_only = true };
	must(vcard_perso_keygen(f.card, &container));
	read_object(f.card, "00CBA010", 0xDF23, &cmap);
	read_object(f.card, "00CBA000", 0xDF20, &map);
	assert_int_equal(cmap.len, 3 * CMAP_RECORD);
	assert_int_equal(map.len, 1 + 3 * 12);
	/* signature keys: 1024 bits and P-256, the second of which was first and is the default */
	assert_memory_equal(cmap.p + 80, "\x01\x00\x00\x04\x00\x00", 6);
	assert_memory_equal(cmap.p + 2 * CMAP_RECORD, "t\0w\0o\0\0\0", 8);
	assert_memory_equal(cmap.p + 2 * CMAP_RECORD + 80, "\x03\x00\x00\x01\x00\x00", 6);
	assert_int_equal(cmap.p[CMAP_RECORD + 80], 0);
	assert_memory_equal(map.p + 1, "\x01\x00\x00\x00\x06\x9C\x81\xB0\xFF\xFF\x00\x00", 12);
	assert_memory_equal(map.p + 25, "\x01\x00\x00\x00\x0C\x9C\x83\xB0\xFF\xFF\x00\x00", 12);
	container =
		(struct vcard_perso_container){ .pin = PIN, .index = 1, .algorithm = VCARD_P384, .make_default = true };
	must(vcard_perso_keygen(f.card, &container));
	read_object(f.card, "00CBA010", 0xDF23, &cmap);
	assert_int_equal(cmap.p[80], 1);
	assert_int_equal(cmap.p[CMAP_RECORD + 80], 3);
	assert_int_equal(cmap.p[2 * CMAP_RECORD + 80], 1);
	fixture_close(&f);
}

static void
test_bad_containers(void **state)
{
	struct vcard_perso_container container = { .pin = PIN, .index = 30, .algorithm = VCARD_P256 };
	AUTO_BUF struct buf cmap = BUF_INIT;
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	assert_int_equal(vcard_perso_keygen(f.card, &container), -1);
	container.index = 0;
	container.name = "a name of forty characters is far too long";
	assert_int_equal(vcard_perso_keygen(f.card, &container), -1);
	container.name = "\xFF";
	assert_int_equal(vcard_perso_keygen(f.card, &container), -1);
	container.name = "good";
	must(vcard_perso_keygen(f.card, &container));
	assert_int_equal(vcard_perso_keygen(f.card, &container), -1);
	assert_non_null(strstr(vcard_perso_error(), "exists"));
	/* one that came to nothing leaves nothing */
	container.index = 1;
	container.algorithm = VCARD_RSA2048;
	container.pin = "000000";
	assert_int_equal(vcard_perso_keygen(f.card, &container), -1);
	container.pin = PIN;
	expect(f.card, VERIFY, "9000");
	expect(f.card,
	       "00E0000016621482011883"
	       "02B0828C058F10101000A504B4020000",
	       "6A80");
	expect(f.card, "00E000001D621B8201188302B0828C058F10101000A50BB60980011C830182950140", "9000");
	assert_int_equal(vcard_perso_keygen(f.card, &container), -1);
	assert_non_null(strstr(vcard_perso_error(), "6A89"));
	expect(f.card, "00A4000C02B082", "6A82");
	read_object(f.card, "00CBA010", 0xDF23, &cmap);
	assert_int_equal(cmap.p[CMAP_RECORD + 80], 0);
	must(vcard_perso_keygen(f.card, &container));
	fixture_close(&f);
}

static void
test_import(void **state)
{
	EVP_PKEY *keys[] = { EVP_RSA_gen(2048), EVP_EC_gen("P-384"), EVP_RSA_gen(1536),
			     EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") };
	struct vcard_perso_container container = { .pin = PIN };
	struct fixture f;
	char path[sizeof(f.path) + 8];
	size_t i;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	(void)snprintf(path, sizeof(path), "%s.pem", f.path);
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		write_pem(path, keys[i]);
		container.index = (uint8_t)i;
		if (i < 2) {
			must(vcard_perso_import(f.card, &container, path));
			expect_same_key(f.card, (uint8_t)i, keys[i]);
		} else {
			assert_int_equal(vcard_perso_import(f.card, &container, path), -1);
		}
		EVP_PKEY_free(keys[i]);
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(vcard_perso_import(f.card, &container, path), -1);
	assert_false(info_of(f.card).pin_verified);
	fixture_close(&f);
}

static void
test_certificate_files(void **state)
{
	struct vcard_perso_container container = { .pin = PIN, .index = 10, .algorithm = VCARD_P256 };
	AUTO_BUF struct buf object = BUF_INIT, table = BUF_INIT, der = BUF_INIT;
	uint8_t content[700];
	struct cursor c;
	struct fixture f;
	uint16_t size;

	(void)state;
	memset(content, 0x30, sizeof(content));
	fixture_keyed(&f, VCARD_STRICT);
	must(vcard_perso_keygen(f.card, &container));
	must(vcard_perso_cert(f.card, PIN, 0, cur_of(content, sizeof(content)), false));
	must(vcard_perso_cert(f.card, PIN, 10, cur_of(content, sizeof(content)), true));
	assert_int_equal(vcard_perso_cert(f.card, PIN, 5, cur_of(content, sizeof(content)), true), -1);
	read_object(f.card, "00CBA000", 0xDF1F, &table);
	assert_int_equal(table.len, 1 + 7 * 28);
	assert_memory_equal(table.p + 1 + 5 * 28 + 9, "kxc00\0\0\0\0\0\0\x24\xDF\0\0\x10\xA0\0\0", 19);
	assert_memory_equal(table.p + 1 + 6 * 28 + 9, "ksc0a\0\0\0\0\0\0\x25\xDF\0\0\x10\xA0\0\0", 19);
	read_object(f.card, "00CBA010", 0xDF24, &object);
	c = buf_cur(&object);
	assert_true(cur_be16(&c, &size) && size == 0x0100 && cur_le16(&c, &size) && size == sizeof(content));
	assert_true(inflate_stream(INFLATE_ZLIB, c, size, 4096, &der));
	assert_memory_equal(der.p, content, sizeof(content));
	read_object(f.card, "00CBA010", 0xDF25, &object);
	assert_int_equal(object.len, sizeof(content));
	/* again: the same object */
	must(vcard_perso_cert(f.card, PIN, 0, cur_of(content, 10), true));
	read_object(f.card, "00CBA000", 0xDF1F, &table);
	assert_int_equal(table.len, 1 + 7 * 28);
	fixture_close(&f);
}

static void
test_files(void **state)
{
	AUTO_BUF struct buf value = BUF_INIT;
	struct fixture f;
	char name[9];
	unsigned i;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	assert_int_equal(vcard_perso_put(f.card, PIN, "mscp", "ninechars", cur_of("x", 1)), -1);
	assert_int_equal(vcard_perso_put(f.card, PIN, "mscp", "", cur_of("x", 1)), -1);
	/* a directory of its own, and so many files that tags get three bytes */
	for (i = 0; i < 95; i++) {
		(void)snprintf(name, sizeof(name), "f%u", i);
		must(vcard_perso_put(f.card, PIN, "p11", name, cur_of("x", 1)));
	}
	read_object(f.card, "00CBA000", 0xDF1F, &value);
	assert_int_equal(value.len, 1 + (5 + 1 + 95) * 28);
	assert_memory_equal(value.p + 1 + 5 * 28, "p11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xA0\0\0", 28);
	expect(f.card, "00CBA010055C03DF810200", "DF810201789000");
	expect(f.card, "00CBA010055C03DF810400", "6A88");
	fixture_close(&f);
}

/* The same steps on cards of every kind. */
static void
test_every_personality(void **state)
{
	static const uint32_t kinds[] = { VCARD_STRICT, VCARD_APPLET, VCARD_T0, VCARD_T0 | VCARD_APPLET,
					  VCARD_NO_BULK };
	struct fixture f;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		fixture_keyed(&f, kinds[i]);
		must(vcard_perso_cert(f.card, PIN, 0, cur_of("\x30\x03\x02\x01\x05", 5), false));
		must(vcard_perso_put(f.card, PIN, "mscp", "msroots", cur_of("", 0)));
		must(vcard_perso_put(f.card, PIN, "mscp", "msroots", cur_of("x", 1)));
		must(vcard_perso_put(f.card, PIN, "mscp", "msroots", cur_of("", 0)));
		fixture_reopen(&f);
		assert_false(info_of(f.card).pin_verified);
		assert_int_equal(info_of(f.card).keys, 1);
		fixture_close(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format_once), cmocka_unit_test(test_cardid_is_random),
		cmocka_unit_test(test_maps),	    cmocka_unit_test(test_bad_containers),
		cmocka_unit_test(test_import),	    cmocka_unit_test(test_certificate_files),
		cmocka_unit_test(test_files),	    cmocka_unit_test(test_every_personality),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
