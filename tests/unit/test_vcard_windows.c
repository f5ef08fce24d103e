/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a card with Windows, from blank to the last container's deletion: what its class minidriver was seen to
 * send, with the answers that it got. The same state comes of the personalisation that all other tests start from.
 */
#include "unit/vcard_fixture.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "unit/keys_fixture.h"

#define WINDOWS_VERIFY "00200080083132333435363738"
#define ADMIN "002281A403830180"

static EVP_PKEY *key;

static int
make_key(void **state)
{
	(void)state;
	key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	return key != NULL ? 0 : -1;
}

static int
free_key(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	return 0;
}

static void
must(int result)
{
	if (result != 0)
		fail_msg("%s", vcard_perso_error());
}

static void
private_der(struct buf *ret_der)
{
	unsigned char *der = NULL;
	int len = i2d_PrivateKey(key, &der);

	assert_true(len > 0);
	buf_put(ret_der, der, (size_t)len);
	OPENSSL_free(der);
}

static void
write_pem(const char *path)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(fclose(file), 0);
}

static void
certificate_der(struct buf *ret_der)
{
	X509 *cert = X509_new();
	unsigned char *der = NULL;
	int len;

	assert_non_null(cert);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), 0));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	len = i2d_X509(cert, &der);
	assert_true(len > 0);
	buf_put(ret_der, der, (size_t)len);
	OPENSSL_free(der);
	X509_free(cert);
}

/* A card as Windows leaves it, with container and certificate. */
static void
made_by_windows(struct fixture *f, uint32_t quirks)
{
	AUTO_BUF struct buf der = BUF_INIT, cert = BUF_INIT;

	private_der(&der);
	certificate_der(&cert);
	fixture_blank(f, quirks);
	must(vcard_perso_windows_format(f->card));
	must(vcard_perso_windows_container(f->card, buf_cur(&der)));
	must(vcard_perso_windows_certificate(f->card, buf_cur(&cert)));
}

static const uint32_t personalities[] = { VCARD_STRICT, VCARD_APPLET };

static void
test_life(void **state)
{
	struct fixture f;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(personalities); i++) {
		made_by_windows(&f, personalities[i]);
		assert_int_equal(info_of(f.card).keys, 1);
		assert_false(info_of(f.card).pin_verified);
		vcard_reset(f.card);
		must(vcard_perso_windows_contact(f.card));
		must(vcard_perso_windows_delete(f.card));
		assert_int_equal(info_of(f.card).keys, 0);
		/* the key map is emptied; whether it is there then is the card's affair */
		expect(f.card, "00CBA000045C02DF2000", personalities[i] == VCARD_STRICT ? "6A88" : "DF20009000");
		fixture_close(&f);
	}
}

static void
test_key_made_by_the_card(void **state)
{
	struct fixture f;

	(void)state;
	fixture_blank(&f, VCARD_STRICT);
	must(vcard_perso_windows_format(f.card));
	must(vcard_perso_windows_container(f.card, cur_of(NULL, 0)));
	assert_int_equal(info_of(f.card).keys, 1);
	/* a card is created once, and a container is made where none is */
	assert_int_equal(vcard_perso_windows_format(f.card), -1);
	assert_int_equal(vcard_perso_windows_container(f.card, cur_of(NULL, 0)), -1);
	fixture_close(&f);
}

static void
object_is(struct fixture *one, struct fixture *other, const char *command)
{
	AUTO_BUF struct buf answer = BUF_INIT;
	struct cursor got = transmit(one->card, command);

	assert_int_equal(status_of(got), 0x9000);
	buf_put_cur(&answer, got);
	got = transmit(other->card, command);
	assert_int_equal(got.left, answer.len);
	assert_memory_equal(got.p, answer.p, answer.len);
}

/* Other tests' cards are cards as Windows makes them. */
static void
test_same_as_personalised(void **state)
{
	static const uint8_t cardid[VCARD_CARDID_LEN] = { [15] = 1 };
	static const char *const objects[] = {
		"00CBA000045C02DF1F00", "00CBA000045C02DF2000", "00CBA012045C02DF2000", "00CBA010045C02DF2100",
		"00CBA010045C02DF2200", "00CBA010045C02DF2300", "00A4000402B08100",	"00A4000402B08000",
	};
	const struct vcard_perso_container container = { .pin = "12345678",
							 .name = "257f0362-2ee7-44f5-9885-36fa490f30c1" };
	AUTO_BUF struct buf der = BUF_INIT;
	struct fixture windows, ours;
	char pem[64];
	size_t i;

	(void)state;
	private_der(&der);
	fixture_blank(&windows, VCARD_STRICT);
	must(vcard_perso_windows_format(windows.card));
	must(vcard_perso_windows_container(windows.card, buf_cur(&der)));
	fixture_blank(&ours, VCARD_STRICT);
	must(vcard_perso_format(ours.card, "12345678", NULL, cardid));
	(void)snprintf(pem, sizeof(pem), "%s/key.pem", ours.dir);
	write_pem(pem);
	must(vcard_perso_import(ours.card, &container, pem));
	assert_int_equal(unlink(pem), 0);
	for (i = 0; i < ARRAY_SIZE(objects); i++)
		object_is(&windows, &ours, objects[i]);
	fixture_close(&windows);
	fixture_close(&ours);
}

/* --- using the key ------------------------------------------------------------------------------------------------ */

/* From DigestInfo or whatever Windows has padded by the card; the whole block is compared. */
static void
signs(struct vcard *card, const char *input)
{
	AUTO_BUF struct buf command = BUF_INIT, expected = BUF_INIT;
	uint8_t signature[256], block[256];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t len = sizeof(block);
	struct cursor answer;

	assert_true(hex_put(&expected, input));
	assert_true(hex_put(&command, "002A9E9A"));
	buf_u8(&command, (uint8_t)expected.len);
	buf_put_cur(&command, buf_cur(&expected));
	buf_u8(&command, 0);
	expect(card, "002241B606800157840181", "9000");
	answer = transmit_bytes(card, buf_cur(&command));
	assert_int_equal(answer.left, sizeof(signature) + 2);
	assert_int_equal(status_of(answer), 0x9000);
	memcpy(signature, answer.p, sizeof(signature));
	assert_int_equal(EVP_PKEY_verify_recover_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING), 1);
	assert_int_equal(EVP_PKEY_verify_recover(ctx, block, &len, signature, sizeof(signature)), 1);
	assert_int_equal(len, expected.len);
	assert_memory_equal(block, expected.p, len);
	EVP_PKEY_CTX_free(ctx);
}

#define HASH16 "000102030405060708090A0B0C0D0E0F"

static void
test_sign(void **state)
{
	struct fixture f;

	(void)state;
	made_by_windows(&f, VCARD_APPLET);
	expect(f.card, SELECT, FCI "9000");
	expect(f.card, WINDOWS_VERIFY, "9000");
	signs(f.card, "3031300D060960864801650304020105000420" HASH16 HASH16);
	signs(f.card, "3021300906052B0E03021A05000414" HASH16 "10111213");
	signs(f.card, HASH16 HASH16 "20212223");
	expect(f.card, LOGOUT, "9000");
	fixture_close(&f);
}

/* 240 bytes of the cryptogram, and the rest; no padding indicator. */
static void
test_decrypt(void **state)
{
	AUTO_BUF struct buf first = BUF_INIT, last = BUF_INIT;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	uint8_t cryptogram[256];
	size_t len = sizeof(cryptogram);
	struct fixture f;

	(void)state;
	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING), 1);
	assert_int_equal(EVP_PKEY_encrypt(ctx, cryptogram, &len, (const uint8_t *)"test", 4), 1);
	EVP_PKEY_CTX_free(ctx);
	assert_true(hex_put(&first, "102A8086F0") && hex_put(&last, "002A808610"));
	buf_put(&first, cryptogram, 240);
	buf_put(&last, cryptogram + 240, 16);
	buf_u8(&last, 0);
	made_by_windows(&f, VCARD_APPLET);
	expect(f.card, SELECT, FCI "9000");
	expect(f.card, WINDOWS_VERIFY, "9000");
	expect(f.card, "002241B806800147840181", "9000");
	assert_int_equal(status_of(transmit_bytes(f.card, buf_cur(&first))), 0x9000);
	assert_true(hex_is(transmit_bytes(f.card, buf_cur(&last)), "746573749000"));
	expect(f.card, LOGOUT, "9000");
	fixture_close(&f);
}

/* --- PINs --------------------------------------------------------------------------------------------------------- */

static void
test_pin_change(void **state)
{
	struct fixture f;

	(void)state;
	fixture_blank(&f, VCARD_STRICT);
	must(vcard_perso_windows_format(f.card));
	expect(f.card, WINDOWS_VERIFY, "9000");
	expect(f.card, "002400801031323334353637383837363534333231", "9000");
	expect(f.card, LOGOUT, "9000");
	expect(f.card, WINDOWS_VERIFY, "63C2");
	expect(f.card, "00200080083837363534333231", "9000");
	fixture_close(&f);
}

static void
test_unblock(void **state)
{
	static const uint8_t zeros[VCARD_DES3_LEN];
	AUTO_BUF struct buf command = BUF_INIT;
	struct vcard_crypto crypto = { NULL };
	uint8_t challenge[8], response[8];
	struct cursor answer;
	struct fixture f;

	(void)state;
	fixture_blank(&f, VCARD_STRICT);
	must(vcard_perso_windows_format(f.card));
	expect(f.card, "0020008006303030303030", "63C2");
	expect(f.card, "0020008006303030303030", "63C1");
	expect(f.card, "0020008006303030303030", "63C0");
	expect(f.card, WINDOWS_VERIFY, "6983");
	expect(f.card, ADMIN, "9000");
	answer = transmit(f.card, "00870000047C02810000");
	assert_int_equal(answer.left, 14);
	memcpy(challenge, answer.p + 4, sizeof(challenge));
	assert_true(vcard_des3_cbc(&crypto, cur_of(zeros, sizeof(zeros)), true, challenge, 8, response));
	vcard_crypto_free(&crypto);
	assert_true(hex_put(&command, "008700000C7C0A8208"));
	buf_put(&command, response, sizeof(response));
	assert_int_equal(status_of(transmit_bytes(f.card, buf_cur(&command))), 0x9000);
	expect(f.card, "002C0280083837363534333231", "9000");
	/* which drops all authentication */
	assert_false(info_of(f.card).admin_authenticated);
	assert_false(info_of(f.card).pin_verified);
	expect(f.card, "00200080083837363534333231", "9000");
	fixture_close(&f);
}

/* --- a card from its manufacturer --------------------------------------------------------------------------------- */

/* Operational, with the profile's files and their rules, and without a file system. */
static void
test_blank(void **state)
{
	struct fixture f;

	(void)state;
	fixture_blank(&f, VCARD_STRICT);
	must(vcard_perso_blank(f.card, PIN, NULL));
	assert_int_equal(info_of(f.card).life, 5);
	expect(f.card, SELECT, FCI "9000");
	expect(f.card, "00CBA000045C02DF1F00", "6A88");
	expect(f.card, "00CBA012045C02DF2000", "6A88");
	expect(f.card, "00CB3FFF045C027F7200", "7F72069701039301039000");
	/* every rule can be read off its file */
	expect(f.card, "00A4000402A00000", "620C8201398302A0008C030330009000");
	expect(f.card, "00A4000402A01000", "620C8201398302A0108C030330009000");
	expect(f.card, "00A4000402A01100", "620C8201398302A0118C030330FF9000");
	expect(f.card, "00A4000402A01200", "620C8201398302A0128C030320009000");
	expect(f.card, "00A4000402A01300", "620C8201398302A0138C030330309000");
	expect(f.card, "00A4000402A01400", "620C8201398302A0148C030320209000");
	expect(f.card, "00A4000402B08000", "621A8201188302B0808C04870020FFA50BA4098001028301809501C09000");
	expect(f.card, "00DBA00003DF1F00", "6982");
	expect(f.card, VERIFY, "9000");
	expect(f.card, "00DBA00004DF1F0101", "9000");
	/* the card identifier is the admin's */
	expect(f.card, "00DBA01213DF201000000000000000000000000000000001", "6982");
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_key_made_by_the_card),
		cmocka_unit_test(test_same_as_personalised),
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_decrypt),
		cmocka_unit_test(test_pin_change),
		cmocka_unit_test(test_unblock),
		cmocka_unit_test(test_blank),
	};

	return cmocka_run_group_tests_name("/vcard/windows", tests, make_key, free_key);
}
