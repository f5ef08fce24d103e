/* SPDX-License-Identifier: BSD-2-Clause */
/* Use of the virtual card's keys, each answer checked by libcrypto with the public key that the card shows. */
#include "unit/vcard_fixture.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "vcard/tlv.h"

#define DIGEST_INFO "3031300D060960864801650304020105000420"
#define HASH "5891B5B522D5DF086D0FF0B110FBD9D21BB4FC7163AF34D08286A2E846F6BE03"

static EVP_PKEY *
public_key(struct fixture *f, uint8_t index)
{
	AUTO_BUF struct buf spki = BUF_INIT;
	const unsigned char *at;
	EVP_PKEY *pkey;

	if (vcard_perso_pubkey(f->card, index, &spki) != 0)
		fail_msg("%s", vcard_perso_error());
	at = spki.p;
	pkey = d2i_PUBKEY(NULL, &at, (long)spki.len);
	assert_non_null(pkey);
	return pkey;
}

static void
choose(struct vcard *card, uint8_t crt, uint8_t mechanism)
{
	const uint8_t command[] = { 0x00, 0x22, 0x41, crt, 0x06, 0x80, 0x01, mechanism, 0x84, 0x01, 0x81 };

	expect(card, VERIFY, "9000");
	assert_int_equal(status_of(transmit_bytes(card, cur_of(command, sizeof(command)))), 0x9000);
}

/* What the public key makes of a number: in and out have its length. */
static void
public_operation(EVP_PKEY *pkey, const uint8_t *in, uint8_t *out, size_t len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
	assert_int_equal(EVP_PKEY_encrypt(ctx, out, &len, in, len), 1);
	EVP_PKEY_CTX_free(ctx);
}

/* --- RSA signatures --------------------------------------------------------------------------------------------- */

static void
test_sign_pkcs1(void **state)
{
	AUTO_BUF struct buf info = BUF_INIT;
	uint8_t block[128];
	struct cursor answer;
	struct fixture f;
	EVP_PKEY *pkey;

	(void)state;
	fixture_keyed(&f, VCARD_STRICT);
	pkey = public_key(&f, 0);
	assert_true(hex_put(&info, DIGEST_INFO HASH));
	choose(f.card, 0xB6, 0x56);
	answer = transmit(f.card, "002A9E9A33" DIGEST_INFO HASH "00");
	assert_int_equal(answer.left, 128 + 2);
	public_operation(pkey, answer.p, block, sizeof(block));
	assert_memory_equal(block, "\x00\x01\xFF\xFF", 4);
	assert_int_equal(block[128 - info.len - 1], 0x00);
	assert_memory_equal(block + 128 - info.len, info.p, info.len);
	/* the choice stays for the next one; data up to k - 11 */
	expect(f.card, "00CBA010045C02DF2300",
	       "DF2356"
	       "6B003100"
	       "0000000000000000000000000000000000000000000000000000000000000000000000000000"
	       "0000000000000000000000000000000000000000000000000000000000000000000000000000"
	       "0300000000049000");
	expect_sw(f.card, "002A9E9A2401020304050607080910111213141516171819202122232425262728293031323334353600",
		  0x9000);
	expect(f.card, "002A9E9A", "6700");
	EVP_PKEY_free(pkey);
	fixture_close(&f);
}

static void
test_sign_block(void **state)
{
	uint8_t block[128], back[128];
	struct cursor answer;
	struct fixture f;
	EVP_PKEY *pkey;
	AUTO_BUF struct buf signature = BUF_INIT;
	size_t i;

	(void)state;
	fixture_keyed(&f, VCARD_STRICT);
	pkey = public_key(&f, 0);
	for (i = 0; i < sizeof(block); i++)
		block[i] = (uint8_t)i;
	choose(f.card, 0xB6, 0x16);
	assert_int_equal(host_send(f.card, "002A9E9A", cur_of(block, 128), &signature), 0x9000);
	public_operation(pkey, signature.p, back, sizeof(back));
	assert_memory_equal(back, block, 128);
	assert_int_equal(host_send(f.card, "002A9E9A", cur_of(block, 127), NULL), 0x6700);
	memset(block, 0xFF, sizeof(block));
	assert_int_equal(host_send(f.card, "002A9E9A", cur_of(block, 128), NULL), 0x6A80);
	answer = transmit(f.card, "002A80860101"
				  "00");
	assert_int_equal(status_of(answer), 0x6985);
	expect(f.card, "002A00000101", "6A86");
	EVP_PKEY_free(pkey);
	fixture_close(&f);
}

/* --- RSA decryption --------------------------------------------------------------------------------------------- */

static void
encrypt(EVP_PKEY *pkey, int padding, const char *text, uint8_t out[128])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	size_t len = 128;

	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
	assert_int_equal(EVP_PKEY_encrypt(ctx, out, &len, (const unsigned char *)text, strlen(text)), 1);
	assert_int_equal(len, 128);
	EVP_PKEY_CTX_free(ctx);
}

static void
test_decipher_padded(void **state)
{
	static const struct {
		int padding;
		uint8_t mechanism;
	} modes[] = { { RSA_PKCS1_PADDING, 0x46 }, { RSA_PKCS1_OAEP_PADDING, 0x86 } };
	uint8_t cryptogram[129];
	struct fixture f;
	EVP_PKEY *pkey;
	size_t i;

	(void)state;
	fixture_keyed(&f, VCARD_STRICT);
	pkey = public_key(&f, 0);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		AUTO_BUF struct buf clear = BUF_INIT;

		encrypt(pkey, modes[i].padding, "hello\n", cryptogram);
		choose(f.card, 0xB8, modes[i].mechanism);
		assert_int_equal(host_send(f.card, "002A8086", cur_of(cryptogram, 128), &clear), 0x9000);
		assert_int_equal(clear.len, 6);
		assert_memory_equal(clear.p, "hello\n", 6);
		encrypt(pkey, modes[1 - i].padding, "hello\n", cryptogram);
		assert_int_equal(host_send(f.card, "002A8086", cur_of(cryptogram, 128), NULL), 0x6A80);
		/* no padding indicator, and no other length */
		memmove(cryptogram + 1, cryptogram, 128);
		cryptogram[0] = 0x00;
		assert_int_equal(host_send(f.card, "002A8086", cur_of(cryptogram, 129), NULL), 0x6700);
		assert_int_equal(host_send(f.card, "002A8086", cur_of(cryptogram, 127), NULL), 0x6700);
	}
	EVP_PKEY_free(pkey);
	fixture_close(&f);
}

static void
decipher_raw(uint32_t quirks, size_t expected)
{
	AUTO_BUF struct buf clear = BUF_INIT;
	uint8_t block[128] = { 0 }, cryptogram[128];
	struct fixture f;
	EVP_PKEY *pkey;

	fixture_keyed(&f, quirks);
	pkey = public_key(&f, 0);
	memset(block + 3, 0x5A, sizeof(block) - 3);
	public_operation(pkey, block, cryptogram, sizeof(block));
	choose(f.card, 0xB8, 0x06);
	assert_int_equal(host_send(f.card, "002A8086", cur_of(cryptogram, 128), &clear), 0x9000);
	assert_int_equal(clear.len, expected);
	assert_memory_equal(clear.p, block + 128 - expected, expected);
	EVP_PKEY_free(pkey);
	fixture_close(&f);
}

static void
test_decipher_raw(void **state)
{
	(void)state;
	decipher_raw(VCARD_STRICT, 128);
	decipher_raw(VCARD_STRIPS_ZEROS, 125);
}

/* --- elliptic curves -------------------------------------------------------------------------------------------- */

static bool
signature_good(EVP_PKEY *pkey, const uint8_t *signature, size_t len, bool der)
{
	AUTO_BUF struct buf hash = BUF_INIT;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	unsigned char *made = NULL;
	bool good;
	int n;

	assert_true(hex_put(&hash, HASH));
	assert_int_equal(ECDSA_SIG_set0(sig, BN_bin2bn(signature, (int)len / 2, NULL),
					BN_bin2bn(signature + len / 2, (int)len / 2, NULL)),
			 1);
	n = i2d_ECDSA_SIG(sig, &made);
	assert_true(n > 0 && EVP_PKEY_verify_init(ctx) == 1);
	good = EVP_PKEY_verify(ctx, der ? signature : made, der ? len : (size_t)n, hash.p, hash.len) == 1;
	OPENSSL_free(made);
	ECDSA_SIG_free(sig);
	EVP_PKEY_CTX_free(ctx);
	return good;
}

static void
sign_on_curve(enum vcard_perso_algorithm algorithm, size_t len, uint32_t quirks)
{
	const struct vcard_perso_container container = { .pin = PIN, .algorithm = algorithm };
	bool der = (quirks & VCARD_ECDSA_DER) != 0;
	struct cursor answer;
	struct fixture f;
	EVP_PKEY *pkey;

	fixture_formatted(&f, quirks);
	assert_int_equal(vcard_perso_keygen(f.card, &container), 0);
	pkey = public_key(&f, 0);
	choose(f.card, 0xB6, (uint8_t)(0x10 | algorithm));
	answer = transmit(f.card, "002A9E9A20" HASH "00");
	assert_int_equal(status_of(answer), 0x9000);
	if (!der)
		assert_int_equal(answer.left, len + 2);
	assert_true(signature_good(pkey, answer.p, answer.left - 2, der));
	expect(f.card, "002A9E9A00", "6700");
	EVP_PKEY_free(pkey);
	fixture_close(&f);
}

static void
test_ecdsa(void **state)
{
	(void)state;
	sign_on_curve(VCARD_P256, 64, VCARD_STRICT);
	sign_on_curve(VCARD_P384, 96, VCARD_STRICT);
	sign_on_curve(VCARD_P521, 132, VCARD_STRICT);
	sign_on_curve(VCARD_P256, 64, VCARD_ECDSA_DER);
}

static void
test_no_curves_without_leave(void **state)
{
	const struct vcard_perso_container container = { .pin = PIN, .algorithm = VCARD_P256 };
	const struct vcard_profile profile = { .ecc = false };
	struct fixture f;

	(void)state;
	fixture_open(&f, &profile);
	assert_int_equal(vcard_perso_format(f.card, PIN, NULL, NULL), 0);
	assert_int_equal(vcard_perso_keygen(f.card, &container), -1);
	assert_non_null(strstr(vcard_perso_error(), "6A81"));
	fixture_close(&f);
}

/* --- MSE and its rules ------------------------------------------------------------------------------------------ */

static void
test_environment(void **state)
{
	struct fixture f;

	(void)state;
	fixture_keyed(&f, VCARD_STRICT);
	expect(f.card, "002241B606800156840181", "6982");
	expect(f.card,
	       "002A9E9A0101"
	       "00",
	       "6985");
	expect(f.card, VERIFY, "9000");
	expect(f.card, "002241B606800156840182", "6A88");
	expect(f.card, "002241B603840181", "6A80");
	expect(f.card, "002241B603800156", "6A80");
	expect(f.card,
	       "002241B609800156840181"
	       "850100",
	       "6A80");
	expect(f.card, "002241B606800157840181", "6A80");
	expect(f.card, "002241B606800146840181", "6A80");
	expect(f.card, "002281B606800156840181", "6A80");
	expect(f.card, "002201B606800156840181", "6A86");
	expect(f.card, "002241AA06800156840181", "6A86");
	expect(f.card, "002241B606800156830181", "9000");
	expect_sw(f.card,
		  "002A9E9A0101"
		  "00",
		  0x9000);
	/* a refused choice leaves none */
	expect(f.card, "002241B606800157840181", "6A80");
	expect(f.card,
	       "002A9E9A0101"
	       "00",
	       "6985");
	expect(f.card, "002241B606800156840181", "9000");
	expect(f.card, "00A4000C023FFF", "9000");
	expect_sw(f.card,
		  "002A9E9A0101"
		  "00",
		  0x9000);
	expect(f.card, LOGOUT, "9000");
	expect(f.card,
	       "002A9E9A0101"
	       "00",
	       "6985");
	fixture_close(&f);
}

static void
test_wrong_pin_ends_use(void **state)
{
	struct fixture f;

	(void)state;
	fixture_keyed(&f, VCARD_STRICT);
	choose(f.card, 0xB6, 0x56);
	expect(f.card, "0020008006303030303030", "63C2");
	expect(f.card,
	       "002A9E9A0101"
	       "00",
	       "6985");
	fixture_close(&f);
	fixture_keyed(&f, VCARD_MSE_OUTLIVES_LOGOUT);
	choose(f.card, 0xB6, 0x56);
	expect(f.card, LOGOUT, "9000");
	expect_sw(f.card,
		  "002A9E9A0101"
		  "00",
		  0x9000);
	expect(f.card, "0020008006303030303030", "63C2");
	expect_sw(f.card,
		  "002A9E9A0101"
		  "00",
		  0x9000);
	fixture_close(&f);
}

/* A template may limit how often the key is used for one presentation of the PIN. */
static void
test_usage_counter(void **state)
{
	struct fixture f;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	expect(f.card, VERIFY, "9000");
	expect(f.card,
	       "00E0000023"
	       "6221820118"
	       "8302B081"
	       "8C058F10101000"
	       "A511"
	       "B60F"
	       "800156"
	       "830181"
	       "950140"
	       "A304"
	       "90020001",
	       "9000");
	expect(f.card, "00440000", "9000");
	expect_sw(f.card, "0047000008AC0680010683018100", 0x9000);
	expect(f.card, "002241B606800156840181", "9000");
	expect_sw(f.card,
		  "002A9E9A0101"
		  "00",
		  0x9000);
	expect(f.card,
	       "002A9E9A0101"
	       "00",
	       "6982");
	expect(f.card, VERIFY, "9000");
	expect_sw(f.card,
		  "002A9E9A0101"
		  "00",
		  0x9000);
	fixture_close(&f);
}

static void
test_generation_refused(void **state)
{
	struct fixture f;

	(void)state;
	fixture_keyed(&f, VCARD_STRICT);
	expect(f.card, "0047000008AC0680010683018100", "6982");
	expect(f.card, VERIFY, "9000");
	expect(f.card, "0047010008AC0680010683018100", "6A86");
	expect(f.card, "0047000008AC0680010683018200", "6A88");
	expect(f.card, "0047000008AC0680010A83018100", "6A81");
	expect(f.card, "0047000008AC0680010283018100", "6A81");
	expect(f.card, "0047000008AC0680010783018100", "6A80");
	expect(f.card, "0047000005AC0380010600", "6A80");
	/* a file that is not activated, and one without key */
	expect(f.card,
	       "00E0000028"
	       "6226820118"
	       "8302B083"
	       "8C058F10101000"
	       "A516"
	       "B609800116830183950140"
	       "B609800156830183950140",
	       "9000");
	expect(f.card, "0047000008AC0680010683018300", "6985");
	expect(f.card, "00440000", "9000");
	expect(f.card, "00CB3FFF0A7008840183A5037F498000", "6985");
	expect(f.card, "002241B606800156840183", "6985");
	/* without Le the key waits for GET RESPONSE */
	expect(f.card, "0047000008AC06800106830183", "618C");
	assert_int_equal(transmit(f.card, "00C000008C").left, 0x8C + 2);
	fixture_close(&f);
}

/* --- import ----------------------------------------------------------------------------------------------------- */

static const char *const rsa_numbers[] = {
	OSSL_PKEY_PARAM_RSA_N,	       OSSL_PKEY_PARAM_RSA_E,
	OSSL_PKEY_PARAM_RSA_D,	       OSSL_PKEY_PARAM_RSA_FACTOR1,
	OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
	OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};

/* RSAPrivateKey, its integers with or without sign byte; spoil is added to one of them. */
static void
private_key(EVP_PKEY *pkey, bool sign_bytes, int spoil, struct buf *ret_value)
{
	AUTO_BUF struct buf body = BUF_INIT;
	int i;

	vcard_tlv_put_u8(&body, 0x02, 0);
	for (i = 0; i < (int)ARRAY_SIZE(rsa_numbers); i++) {
		AUTO_BUF struct buf integer = BUF_INIT;
		BIGNUM *number = NULL;
		uint8_t bytes[512];

		assert_int_equal(EVP_PKEY_get_bn_param(pkey, rsa_numbers[i], &number), 1);
		if (i == spoil)
			assert_int_equal(BN_add_word(number, 2), 1);
		if (sign_bytes && BN_num_bits(number) % 8 == 0)
			buf_u8(&integer, 0x00);
		buf_put(&integer, bytes, (size_t)BN_bn2bin(number, bytes));
		vcard_tlv_put(&body, 0x02, buf_cur(&integer));
		BN_free(number);
	}
	vcard_tlv_put(ret_value, 0x30, buf_cur(&body));
}

static uint16_t
import(struct vcard *card, uint8_t type, struct cursor value)
{
	AUTO_BUF struct buf content = BUF_INIT, template = BUF_INIT, object = BUF_INIT;

	vcard_tlv_put_u8(&content, 0x83, type);
	vcard_tlv_put_u8(&content, 0x84, 0x00);
	vcard_tlv_put(&content, 0x87, value);
	vcard_tlv_put_u8(&template, 0x84, 0x83);
	vcard_tlv_put(&template, 0xA5, buf_cur(&content));
	vcard_tlv_put(&object, 0x70, buf_cur(&template));
	return host_send(card, "00DB3FFF", buf_cur(&object), NULL);
}

/* The captured file of a signature key 83, for the size that the low nibble means. */
static void
make_file(struct vcard *card, const char *crts)
{
	expect(card, VERIFY, "9000");
	expect(card, crts, "9000");
	expect(card, "00440000", "9000");
}

#define SIGNATURE_FILE "00E0000028622682011883 02B0838C058F10101000A516B609800117830183950140B609800157830183950140"

static void
test_import_rsa(void **state)
{
	EVP_PKEY *pkey = EVP_RSA_gen(2048);
	struct fixture f;
	EVP_PKEY *shown;
	int i;

	(void)state;
	assert_non_null(pkey);
	fixture_formatted(&f, VCARD_STRICT);
	make_file(f.card, SIGNATURE_FILE);
	for (i = 0; i < 2; i++) {
		AUTO_BUF struct buf value = BUF_INIT;

		private_key(pkey, i == 0, -1, &value);
		expect(f.card, VERIFY, "9000");
		assert_int_equal(import(f.card, 2, buf_cur(&value)), 0x9000);
		shown = public_key(&f, 2);
		assert_int_equal(EVP_PKEY_eq(shown, pkey), 1);
		EVP_PKEY_free(shown);
	}
	expect(f.card,
	       "00DB3FFF07"
	       "7005840183A500",
	       "6982");
	expect(f.card, VERIFY, "9000");
	expect(f.card,
	       "00DB3FFF07"
	       "7005840183A500",
	       "9000");
	expect(f.card, "00CB3FFF0A7008840183A5037F498000", "6985");
	EVP_PKEY_free(pkey);
	fixture_close(&f);
}

static void
test_import_refused(void **state)
{
	EVP_PKEY *pkey = EVP_RSA_gen(2048), *small = EVP_RSA_gen(1024);
	AUTO_BUF struct buf other = BUF_INIT;
	struct fixture f;
	int i;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	make_file(f.card, SIGNATURE_FILE);
	for (i = 0; i < (int)ARRAY_SIZE(rsa_numbers); i++) {
		AUTO_BUF struct buf value = BUF_INIT;

		private_key(pkey, true, i, &value);
		assert_int_equal(import(f.card, 2, buf_cur(&value)), 0x6A80);
	}
	private_key(small, true, -1, &other);
	assert_int_equal(import(f.card, 2, buf_cur(&other)), 0x6A80);
	assert_int_equal(import(f.card, 4, buf_cur(&other)), 0x6A81);
	expect(f.card,
	       "00DB3FFF0D"
	       "700B840183A506"
	       "830102840101",
	       "6A81");
	expect(f.card,
	       "00DB3FFF0D"
	       "700B840182A506"
	       "830102840100",
	       "6A88");
	expect(f.card,
	       "00DB3FFF0D"
	       "700B840183A506"
	       "830102840100",
	       "6A80");
	expect(f.card,
	       "10DB3FFF05"
	       "7082FFFF84",
	       "6A84");
	EVP_PKEY_free(pkey);
	EVP_PKEY_free(small);
	fixture_close(&f);
}

static void
test_import_ec(void **state)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256"), *shown;
	AUTO_BUF struct buf body = BUF_INIT, value = BUF_INIT;
	uint8_t d[32], point[65];
	BIGNUM *number = NULL;
	struct fixture f;
	size_t len;

	(void)state;
	fixture_formatted(&f, VCARD_STRICT);
	make_file(f.card, "00E000001D621B8201188302B0838C058F10101000A50BB60980011C830183950140");
	assert_int_equal(EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &number), 1);
	assert_int_equal(BN_bn2binpad(number, d, sizeof(d)), sizeof(d));
	assert_int_equal(EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len), 1);
	vcard_tlv_put_u8(&body, 0x02, 1);
	vcard_tlv_put(&body, 0x04, cur_of(d, sizeof(d)));
	vcard_tlv_put(&body, 0x04, cur_of(point, len));
	vcard_tlv_put(&value, 0x30, buf_cur(&body));
	assert_int_equal(import(f.card, 3, buf_cur(&value)), 0x9000);
	shown = public_key(&f, 2);
	assert_int_equal(EVP_PKEY_eq(shown, pkey), 1);
	expect(f.card, VERIFY, "9000");
	value.p[value.len - 1] ^= 1;
	assert_int_equal(import(f.card, 3, buf_cur(&value)), 0x6A80);
	BN_free(number);
	EVP_PKEY_free(shown);
	EVP_PKEY_free(pkey);
	fixture_close(&f);
}

/* A key read from the card file signs as it did before. */
static void
test_keys_persist(void **state)
{
	struct fixture f;
	EVP_PKEY *before, *after;

	(void)state;
	fixture_keyed(&f, VCARD_STRICT);
	before = public_key(&f, 0);
	fixture_reopen(&f);
	after = public_key(&f, 0);
	assert_int_equal(EVP_PKEY_eq(before, after), 1);
	choose(f.card, 0xB6, 0x56);
	expect_sw(f.card,
		  "002A9E9A0101"
		  "00",
		  0x9000);
	EVP_PKEY_free(before);
	EVP_PKEY_free(after);
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sign_pkcs1),	cmocka_unit_test(test_sign_block),
		cmocka_unit_test(test_decipher_padded), cmocka_unit_test(test_decipher_raw),
		cmocka_unit_test(test_ecdsa),		cmocka_unit_test(test_no_curves_without_leave),
		cmocka_unit_test(test_environment),	cmocka_unit_test(test_wrong_pin_ends_use),
		cmocka_unit_test(test_usage_counter),	cmocka_unit_test(test_generation_refused),
		cmocka_unit_test(test_import_rsa),	cmocka_unit_test(test_import_refused),
		cmocka_unit_test(test_import_ec),	cmocka_unit_test(test_keys_persist),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
