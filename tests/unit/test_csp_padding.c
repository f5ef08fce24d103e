/* SPDX-License-Identifier: BSD-2-Clause */
/* Paddings against libcrypto's own, and every kind of bad padding. */
#include "csp/padding.h"

#include <stdlib.h>
#include <string.h>

#include "base/digestinfo.h"
#include "unit/keys_fixture.h"

#if defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#endif
#endif
#ifndef VALGRIND_MAKE_MEM_UNDEFINED
#define VALGRIND_MAKE_MEM_UNDEFINED(p, len) ((void)(p), (void)(len))
#define VALGRIND_MAKE_MEM_DEFINED(p, len) ((void)(p), (void)(len))
#endif

static struct csp_crypto *crypto;
static EVP_PKEY *rsa1024, *rsa1025, *rsa2048;
static const enum csp_hash hashes[] = { CSP_SHA1, CSP_SHA224, CSP_SHA256, CSP_SHA384, CSP_SHA512 };
static const uint8_t message[LIMIT_RSA_BYTES] = "an example of a message";

static int
setup(void **state)
{
	(void)state;
	assert_int_equal(csp_crypto_open(&crypto), SCARD_S_SUCCESS);
	rsa1024 = keys_rsa(1024);
	rsa1025 = keys_rsa(1025);
	rsa2048 = keys_rsa(2048);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(rsa1024);
	EVP_PKEY_free(rsa1025);
	EVP_PKEY_free(rsa2048);
	csp_crypto_close(&crypto);
	return 0;
}

/* Signatures ----------------------------------------------------------------------------------------------------- */

static bool
pss_verifies(EVP_PKEY *pkey, enum csp_hash hash, enum csp_hash mgf, size_t salt_len)
{
	const struct csp_scheme scheme = { .padding = CSP_PAD_PSS, .hash = hash, .mgf = mgf, .salt_len = salt_len };
	uint8_t block[LIMIT_RSA_BYTES], signature[LIMIT_RSA_BYTES];
	const size_t hash_len = csp_hash_len(hash);

	assert_int_equal(csp_pad_pss(crypto, &scheme, cur_of(message, hash_len), (unsigned)EVP_PKEY_get_bits(pkey),
				     block),
			 SCARD_S_SUCCESS);
	keys_rsa_private(pkey, block, signature);
	return keys_verify(pkey, RSA_PKCS1_PSS_PADDING, csp_hash_name(hash), csp_hash_name(mgf), (int)salt_len, message,
			   hash_len, signature, (size_t)EVP_PKEY_get_size(pkey));
}

static void
test_pss_hashes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(hashes); j++)
			assert_true(pss_verifies(rsa2048, hashes[i], hashes[j], csp_hash_len(hashes[i])));
		assert_true(pss_verifies(rsa2048, hashes[i], hashes[i], 0));
		assert_true(pss_verifies(rsa2048, hashes[i], hashes[i], 256 - 2 - csp_hash_len(hashes[i])));
	}
}

/* P-128 */
static void
test_pss_all_salt_lengths(void **state)
{
	struct csp_scheme scheme = { .padding = CSP_PAD_PSS, .hash = CSP_SHA256, .mgf = CSP_SHA256 };
	uint8_t block[LIMIT_RSA_BYTES];

	(void)state;
	for (size_t salt_len = 0; salt_len <= 128 - 32 - 2; salt_len++)
		assert_true(pss_verifies(rsa1024, CSP_SHA256, CSP_SHA256, salt_len));
	scheme.salt_len = 128 - 32 - 1;
	assert_int_equal(csp_pad_pss(crypto, &scheme, cur_of(message, 32), 1024, block), SCARD_E_INVALID_PARAMETER);
	scheme.salt_len = SIZE_MAX;
	assert_int_equal(csp_pad_pss(crypto, &scheme, cur_of(message, 32), 1024, block), SCARD_E_INVALID_PARAMETER);
}

/* P-130: the encoded message is one byte shorter than the modulus. */
static void
test_pss_modulus_of_8m_1_bits(void **state)
{
	struct csp_scheme scheme = { .padding = CSP_PAD_PSS, .hash = CSP_SHA1, .mgf = CSP_SHA1, .salt_len = 128 - 21 };
	uint8_t block[LIMIT_RSA_BYTES];

	(void)state;
	assert_true(pss_verifies(rsa1025, CSP_SHA1, CSP_SHA1, 0));
	assert_true(pss_verifies(rsa1025, CSP_SHA256, CSP_SHA256, 32));
	assert_true(pss_verifies(rsa1025, CSP_SHA1, CSP_SHA1, 128 - 22));
	assert_int_equal(csp_pad_pss(crypto, &scheme, cur_of(message, 20), 1025, block), SCARD_E_INVALID_PARAMETER);
	scheme.salt_len = 20;
	assert_int_equal(csp_pad_pss(crypto, &scheme, cur_of(message, 20), 1025, block), SCARD_S_SUCCESS);
	assert_int_equal(block[0], 0);
	assert_int_equal(block[128], 0xBC);
}

static void
test_pss_wrong_hash_length(void **state)
{
	struct csp_scheme scheme = { .padding = CSP_PAD_PSS, .hash = CSP_SHA256, .mgf = CSP_SHA256 };
	uint8_t block[LIMIT_RSA_BYTES];

	(void)state;
	assert_int_equal(csp_pad_pss(crypto, &scheme, cur_of(message, 31), 1024, block), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(csp_pad_pss(crypto, &scheme, cur_of(message, 33), 1024, block), SCARD_E_INVALID_PARAMETER);
	scheme.mgf = CSP_HASH_NONE;
	assert_int_equal(csp_pad_pss(crypto, &scheme, cur_of(message, 32), 1024, block), SCARD_E_INVALID_PARAMETER);
	scheme.hash = CSP_HASH_NONE;
	assert_int_equal(csp_pad_pss(crypto, &scheme, cur_of(message, 0), 1024, block), SCARD_E_INVALID_PARAMETER);
}

static void
pkcs1_equals(const char *hash_name, enum csp_hash hash, size_t data_len)
{
	uint8_t block[LIMIT_RSA_BYTES], ours[LIMIT_RSA_BYTES], theirs[LIMIT_RSA_BYTES];

	assert_int_equal(csp_pad_pkcs1(hash, cur_of(message, data_len), block, 128), SCARD_S_SUCCESS);
	keys_rsa_private(rsa1024, block, ours);
	keys_sign(rsa1024, RSA_PKCS1_PADDING, hash_name, NULL, 0, message, data_len, theirs, sizeof theirs);
	assert_memory_equal(ours, theirs, 128);
}

/* P-125, P-126 */
static void
test_pkcs1_signature(void **state)
{
	uint8_t block[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
		pkcs1_equals(csp_hash_name(hashes[i]), hashes[i], csp_hash_len(hashes[i]));
		assert_int_equal(csp_pad_pkcs1(hashes[i], cur_of(message, 19), block, 128), SCARD_E_INVALID_PARAMETER);
	}
	for (size_t len = 0; len <= 128 - 11; len++)
		pkcs1_equals(NULL, CSP_HASH_NONE, len);
	assert_int_equal(csp_pad_pkcs1(CSP_HASH_NONE, cur_of(message, 118), block, 128), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(csp_pad_pkcs1(CSP_HASH_NONE, cur_of(message, 0), block, 10), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(csp_pad_pkcs1(CSP_SHA512, cur_of(message, 64), block, 64 + 19 + 10),
			 SCARD_E_INVALID_PARAMETER);
}

/* Decryption ------------------------------------------------------------------------------------------------------- */

static bool
is_zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != 0)
			return false;
	return true;
}

/* Unpads a copy in a block of exactly its size and looks at all of the result. */
static DWORD
unpad(const struct csp_scheme *scheme, const uint8_t *block, size_t block_len, size_t expected_len)
{
	uint8_t *copy = malloc(block_len);
	size_t len = SIZE_MAX;
	DWORD r;

	assert_non_null(copy);
	memcpy(copy, block, block_len);
	r = csp_unpad_encryption(crypto, scheme, copy, block_len, &len);
	if (r == SCARD_S_SUCCESS) {
		assert_int_equal(len, expected_len);
		assert_memory_equal(copy, message, len);
		assert_true(is_zero(copy + len, block_len - len));
	} else if (r == SCARD_E_INVALID_VALUE) {
		assert_int_equal(len, 0);
		assert_true(is_zero(copy, block_len));
	}
	free(copy);
	return r;
}

static const struct csp_scheme pkcs1 = { .padding = CSP_PAD_PKCS1 };

/* Unpads a bad block twice: both times the same message, one that is not in the block. Returns its length. */
static size_t
unpad_bad_pkcs1(const uint8_t *block, size_t block_len)
{
	uint8_t *copies[2] = { malloc(block_len), malloc(block_len) };
	size_t len[2] = { SIZE_MAX, SIZE_MAX };

	for (int i = 0; i < 2; i++) {
		assert_non_null(copies[i]);
		memcpy(copies[i], block, block_len);
		assert_int_equal(csp_unpad_encryption(crypto, &pkcs1, copies[i], block_len, &len[i]), SCARD_S_SUCCESS);
	}
	assert_int_equal(len[0], len[1]);
	assert_memory_equal(copies[0], copies[1], block_len);
	assert_true(len[0] <= block_len - 11);
	assert_true(is_zero(copies[0] + len[0], block_len - len[0]));
	if (len[0] >= 8)
		assert_memory_not_equal(copies[0], block + block_len - len[0], len[0]);
	free(copies[0]);
	free(copies[1]);
	return len[0];
}

static void
test_pkcs1_decryption(void **state)
{
	uint8_t cipher[LIMIT_RSA_BYTES], block[LIMIT_RSA_BYTES];

	(void)state;
	for (size_t len = 0; len <= 128 - 11; len++) {
		keys_encrypt(rsa1024, NULL, NULL, NULL, 0, message, len, cipher);
		keys_rsa_private(rsa1024, cipher, block);
		assert_int_equal(unpad(&pkcs1, block, 128, len), SCARD_S_SUCCESS);
	}
	keys_encrypt(rsa2048, NULL, NULL, NULL, 0, message, 48, cipher);
	keys_rsa_private(rsa2048, cipher, block);
	assert_int_equal(unpad(&pkcs1, block, 256, 48), SCARD_S_SUCCESS);
	keys_encrypt(rsa1025, NULL, NULL, NULL, 0, message, 7, cipher);
	keys_rsa_private(rsa1025, cipher, block);
	assert_int_equal(unpad(&pkcs1, block, 129, 7), SCARD_S_SUCCESS);
}

/* P-136: nothing is refused, whatever is wrong. */
static void
test_pkcs1_bad(void **state)
{
	uint8_t good[128], block[128];

	(void)state;
	assert_int_equal(csp_pad_encryption(crypto, &pkcs1, cur_of(message, 20), good, sizeof good), SCARD_S_SUCCESS);
	assert_int_equal(unpad(&pkcs1, good, sizeof good, 20), SCARD_S_SUCCESS);
	for (unsigned v = 0; v < 256; v += v < 4 ? 1 : 28) {
		memcpy(block, good, sizeof block);
		block[0] = (uint8_t)v;
		if (v != 0)
			unpad_bad_pkcs1(block, sizeof block);
		memcpy(block, good, sizeof block);
		block[1] = (uint8_t)v;
		if (v != 2)
			unpad_bad_pkcs1(block, sizeof block);
	}
	for (size_t i = 2; i < 10; i++) {
		memcpy(block, good, sizeof block);
		block[i] = 0;
		unpad_bad_pkcs1(block, sizeof block);
	}
	memset(block, 0xA5, sizeof block);
	block[0] = 0;
	block[1] = 2;
	unpad_bad_pkcs1(block, sizeof block);
	block[127] = 0; /* the shortest message */
	assert_int_equal(unpad(&pkcs1, block, sizeof block, 0), SCARD_S_SUCCESS);
	memset(block, 0, sizeof block);
	unpad_bad_pkcs1(block, sizeof block);
}

/* P-136: all lengths turn up among the messages of bad blocks, and another instance gives others. */
static void
test_pkcs1_rejection(void **state)
{
	uint8_t block[128] = { 0 }, copy[128], other[128];
	struct csp_crypto *second = NULL;
	size_t shortest = SIZE_MAX, longest = 0, differ = 0, len, other_len;

	(void)state;
	assert_int_equal(csp_crypto_open(&second), SCARD_S_SUCCESS);
	for (unsigned i = 0; i < 200; i++) {
		block[126] = (uint8_t)(i >> 8);
		block[127] = (uint8_t)i;
		memcpy(copy, block, sizeof copy);
		memcpy(other, block, sizeof other);
		assert_int_equal(csp_unpad_encryption(crypto, &pkcs1, copy, sizeof copy, &len), SCARD_S_SUCCESS);
		assert_int_equal(csp_unpad_encryption(second, &pkcs1, other, sizeof other, &other_len),
				 SCARD_S_SUCCESS);
		shortest = len < shortest ? len : shortest;
		longest = len > longest ? len : longest;
		differ += len != other_len;
	}
	csp_crypto_close(&second);
	assert_true(shortest < 18);
	assert_in_range(longest, 100, 117);
	assert_true(differ > 150);
}

static void
test_unpad_lengths(void **state)
{
	static const uint8_t long_block[LIMIT_RSA_BYTES + 1];
	const struct csp_scheme oaep = { .padding = CSP_PAD_OAEP, .hash = CSP_SHA1, .mgf = CSP_SHA1 };
	const struct csp_scheme raw = { .padding = CSP_PAD_RAW };

	(void)state;
	assert_int_equal(unpad(&pkcs1, message, 10, 0), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(unpad_bad_pkcs1(message, 11), 0);
	assert_int_equal(unpad(&pkcs1, long_block, sizeof long_block, 0), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(unpad(&oaep, message, 41, 0), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(unpad(&oaep, message, 42, 0), SCARD_E_INVALID_VALUE);
	assert_int_equal(unpad(&raw, message, 128, 0), SCARD_E_INVALID_PARAMETER);
}

static void
oaep_round(EVP_PKEY *pkey, enum csp_hash hash, enum csp_hash mgf, size_t label_len, size_t len)
{
	const struct csp_scheme scheme = {
		.padding = CSP_PAD_OAEP, .hash = hash, .mgf = mgf, .label = cur_of("label", label_len)
	};
	uint8_t cipher[LIMIT_RSA_BYTES], block[LIMIT_RSA_BYTES];
	const size_t k = (size_t)EVP_PKEY_get_size(pkey);

	keys_encrypt(pkey, csp_hash_name(hash), csp_hash_name(mgf), "label", label_len, message, len, cipher);
	keys_rsa_private(pkey, cipher, block);
	assert_int_equal(unpad(&scheme, block, k, len), SCARD_S_SUCCESS);

	/* and the other way round */
	assert_int_equal(csp_pad_encryption(crypto, &scheme, cur_of(message, len), block, k), SCARD_S_SUCCESS);
	assert_int_equal(unpad(&scheme, block, k, len), SCARD_S_SUCCESS);
}

/* P-131 */
static void
test_oaep_decryption(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++)
		for (size_t j = 0; j < ARRAY_SIZE(hashes); j++) {
			oaep_round(rsa2048, hashes[i], hashes[j], 0, 16);
			oaep_round(rsa2048, hashes[i], hashes[j], 5, 256 - 2 * csp_hash_len(hashes[i]) - 2);
		}
	for (size_t len = 0; len <= 128 - 2 * 20 - 2; len++)
		oaep_round(rsa1024, CSP_SHA1, CSP_SHA1, len % 2 * 5, len);
	oaep_round(rsa1025, CSP_SHA256, CSP_SHA256, 0, 129 - 66);
}

static void
test_oaep_too_long(void **state)
{
	const struct csp_scheme sha1 = { .padding = CSP_PAD_OAEP, .hash = CSP_SHA1, .mgf = CSP_SHA1 };
	const struct csp_scheme sha512 = { .padding = CSP_PAD_OAEP, .hash = CSP_SHA512, .mgf = CSP_SHA512 };
	uint8_t block[128];

	(void)state;
	assert_int_equal(csp_pad_encryption(crypto, &sha1, cur_of(message, 87), block, 128), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(csp_pad_encryption(crypto, &sha512, cur_of(message, 0), block, 128),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(csp_pad_encryption(crypto, &pkcs1, cur_of(message, 118), block, 128),
			 SCARD_E_INVALID_PARAMETER);
}

/* MGF1 with SHA-1 over block[from..], of the seed in block[seed..]. */
static void
mask_sha1(uint8_t *p, size_t len, const uint8_t *seed, size_t seed_len)
{
	uint8_t input[LIMIT_RSA_BYTES + 4] = { 0 }, hash[20];
	unsigned hash_len;

	memcpy(input, seed, seed_len);
	for (size_t i = 0; i < len; i++) {
		input[seed_len + 3] = (uint8_t)(i / 20);
		assert_int_equal(EVP_Digest(input, seed_len + 4, hash, &hash_len, EVP_sha1(), NULL), 1);
		p[i] ^= hash[i % 20];
	}
}

/* Unpads what a sender would have sent with this in clear: 00, seed, hash of the label, rest. */
static DWORD
unpad_clear(const uint8_t clear[128])
{
	const struct csp_scheme oaep = { .padding = CSP_PAD_OAEP, .hash = CSP_SHA1, .mgf = CSP_SHA1 };
	uint8_t block[128];

	memcpy(block, clear, sizeof block);
	mask_sha1(block + 21, 107, block + 1, 20);
	mask_sha1(block + 1, 20, block + 21, 107);
	return unpad(&oaep, block, sizeof block, 7);
}

/* P-136: also what Manger's attack looks at, the first byte. */
static void
test_oaep_bad(void **state)
{
	uint8_t clear[128] = { 0 }, bad[128];
	unsigned len;

	(void)state;
	assert_int_equal(EVP_Digest("", 0, clear + 21, &len, EVP_sha1(), NULL), 1);
	clear[120] = 0x01;
	memcpy(clear + 121, message, 7);
	assert_int_equal(unpad_clear(clear), SCARD_S_SUCCESS);
	for (size_t i = 0; i < 121; i++) {
		if (i >= 1 && i < 21)
			continue; /* the seed may be anything */
		memcpy(bad, clear, sizeof bad);
		bad[i] ^= 0x02; /* at 120: neither 00 nor 01 */
		assert_int_equal(unpad_clear(bad), SCARD_E_INVALID_VALUE);
	}
	memset(clear + 120, 0, 8); /* no 01 at all */
	assert_int_equal(unpad_clear(clear), SCARD_E_INVALID_VALUE);
}

static void
test_oaep_other_label_or_hash(void **state)
{
	const struct csp_scheme good = { .padding = CSP_PAD_OAEP, .hash = CSP_SHA256, .mgf = CSP_SHA256 };
	struct csp_scheme other = good;
	uint8_t block[128];

	(void)state;
	assert_int_equal(csp_pad_encryption(crypto, &good, cur_of(message, 9), block, 128), SCARD_S_SUCCESS);
	other.label = cur_of("x", 1);
	assert_int_equal(unpad(&other, block, 128, 0), SCARD_E_INVALID_VALUE);
	other = good;
	other.mgf = CSP_SHA1;
	assert_int_equal(unpad(&other, block, 128, 0), SCARD_E_INVALID_VALUE);
	other = good;
	other.hash = CSP_SHA1;
	assert_int_equal(unpad(&other, block, 128, 0), SCARD_E_INVALID_VALUE);
	other.mgf = CSP_HASH_NONE;
	assert_int_equal(unpad(&other, block, 128, 0), SCARD_E_INVALID_PARAMETER);
	for (size_t i = 0; i < 128; i++) {
		block[i] ^= 0x80;
		assert_int_equal(unpad(&good, block, 128, 0), SCARD_E_INVALID_VALUE);
		block[i] ^= 0x80;
	}
}

/*
 * P-136: under valgrind the block counts as uninitialised, so that a branch or an access to memory which depends on it is
 * reported. The result has to be declared known before it can be looked at.
 */
static void
unpad_unknown(const struct csp_scheme *scheme, uint8_t *block, size_t block_len, DWORD expected)
{
	size_t len = 0;
	DWORD r;

	VALGRIND_MAKE_MEM_UNDEFINED(block, block_len);
	r = csp_unpad_encryption(crypto, scheme, block, block_len, &len);
	VALGRIND_MAKE_MEM_DEFINED(&r, sizeof r);
	VALGRIND_MAKE_MEM_DEFINED(&len, sizeof len);
	VALGRIND_MAKE_MEM_DEFINED(block, block_len);
	assert_int_equal(r, expected);
}

static void
test_no_branch_on_the_block(void **state)
{
	const struct csp_scheme oaep = { .padding = CSP_PAD_OAEP, .hash = CSP_SHA256, .mgf = CSP_SHA256 };
	uint8_t block[128];

	(void)state;
	assert_int_equal(csp_pad_encryption(crypto, &pkcs1, cur_of(message, 5), block, 128), SCARD_S_SUCCESS);
	unpad_unknown(&pkcs1, block, 128, SCARD_S_SUCCESS);
	unpad_unknown(&pkcs1, block, 128, SCARD_S_SUCCESS); /* no padding any more */
	assert_int_equal(csp_pad_encryption(crypto, &oaep, cur_of(message, 5), block, 128), SCARD_S_SUCCESS);
	unpad_unknown(&oaep, block, 128, SCARD_S_SUCCESS);
	unpad_unknown(&oaep, block, 128, SCARD_E_INVALID_VALUE);
}

/* Encryption that libcrypto can read --------------------------------------------------------------------------------- */

static void
test_encryption(void **state)
{
	struct csp_scheme oaep = { .padding = CSP_PAD_OAEP, .mgf = CSP_SHA1, .label = cur_of("tag", 3) };
	uint8_t block[LIMIT_RSA_BYTES], cipher[LIMIT_RSA_BYTES], plain[LIMIT_RSA_BYTES];
	const struct csp_scheme raw = { .padding = CSP_PAD_RAW };
	EVP_PKEY_CTX *ctx;
	size_t len = 256;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		const struct csp_scheme *scheme = i == 5 ? &pkcs1 : &oaep;

		oaep.hash = i == 5 ? CSP_HASH_NONE : hashes[i];
		assert_int_equal(csp_pad_encryption(crypto, scheme, cur_of(message, 100), block, 256), SCARD_S_SUCCESS);
		ctx = EVP_PKEY_CTX_new(rsa2048, NULL);
		assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
		assert_int_equal(EVP_PKEY_encrypt(ctx, cipher, &len, block, 256), 1);
		EVP_PKEY_CTX_free(ctx);
		assert_int_equal(keys_decrypt(rsa2048, csp_hash_name(oaep.hash), "SHA1", "tag", 3, cipher, plain), 100);
		assert_memory_equal(plain, message, 100);
	}
	assert_int_equal(csp_pad_encryption(crypto, &raw, cur_of(message, 256), block, 256), SCARD_S_SUCCESS);
	assert_memory_equal(block, message, 256);
	assert_int_equal(csp_pad_encryption(crypto, &raw, cur_of(message, 255), block, 256), SCARD_E_INVALID_PARAMETER);
}

/* Callbacks ---------------------------------------------------------------------------------------------------------- */

static CARD_DATA
callback_card(void)
{
	return (CARD_DATA){ .pfnCspAlloc = malloc, .pfnCspFree = free, .pvCspContext = crypto };
}

static void
test_pad_callback(void **state)
{
	BCRYPT_PKCS1_PADDING_INFO pkcs1_info = { BCRYPT_SHA256_ALGORITHM };
	BCRYPT_PSS_PADDING_INFO pss_info = { BCRYPT_SHA256_ALGORITHM, 32, NULL };
	CARD_SIGNING_INFO info = {
		.pbData = message, .cbData = 32, .pPaddingInfo = &pkcs1_info, .dwPaddingType = CARD_PADDING_PKCS1
	};
	CARD_DATA card = callback_card();
	uint8_t expected[128];
	BYTE *block = NULL;
	DWORD len = 0;

	(void)state;
	assert_int_equal(csp_pad_data(&card, &info, 1024, &len, &block), SCARD_S_SUCCESS);
	assert_int_equal(csp_pad_pkcs1(CSP_SHA256, cur_of(message, 32), expected, 128), SCARD_S_SUCCESS);
	assert_int_equal(len, 128);
	assert_memory_equal(block, expected, 128);
	free(block);
	info.dwPaddingType = CARD_PADDING_PSS;
	info.pPaddingInfo = &pss_info;
	assert_int_equal(csp_pad_data(&card, &info, 1025, &len, &block), SCARD_S_SUCCESS);
	assert_int_equal(len, 129);
	assert_int_equal(block[128], 0xBC);
	free(block);

	info.cbData = 31;
	assert_int_equal(csp_pad_data(&card, &info, 1024, &len, &block), SCARD_E_INVALID_PARAMETER);
	pss_info.pszMgfAlgId = "MD5";
	assert_int_equal(csp_pad_data(&card, &info, 1024, &len, &block), SCARD_E_UNSUPPORTED_FEATURE);
	info.dwPaddingType = CARD_PADDING_OAEP;
	assert_int_equal(csp_pad_data(&card, &info, 1024, &len, &block), SCARD_E_UNSUPPORTED_FEATURE);
	info.pPaddingInfo = NULL;
	assert_int_equal(csp_pad_data(&card, &info, 1024, &len, &block), SCARD_E_INVALID_PARAMETER);
}

static void
test_unpad_callback(void **state)
{
	const struct csp_scheme scheme = {
		.padding = CSP_PAD_OAEP, .hash = CSP_SHA256, .mgf = CSP_SHA1, .label = cur_of("L", 1)
	};
	BCRYPT_OAEP_PADDING_INFO oaep_info = { BCRYPT_SHA256_ALGORITHM, (const BYTE *)"L", 1, BCRYPT_SHA1_ALGORITHM };
	uint8_t block[128];
	CARD_RSA_DECRYPT_INFO info = {
		.pbData = block, .cbData = 128, .pPaddingInfo = &oaep_info, .dwPaddingType = CARD_PADDING_OAEP
	};
	CARD_DATA card = callback_card();

	(void)state;
	assert_int_equal(csp_pad_encryption(crypto, &scheme, cur_of(message, 20), block, 128), SCARD_S_SUCCESS);
	assert_int_equal(csp_unpad_data(&card, &info), SCARD_S_SUCCESS);
	assert_int_equal(info.cbData, 20);
	assert_memory_equal(block, message, 20);

	info.cbData = 128;
	assert_int_equal(csp_unpad_data(&card, &info), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(csp_pad_encryption(crypto, &pkcs1, cur_of(message, 20), block, 128), SCARD_S_SUCCESS);
	info.dwPaddingType = CARD_PADDING_PKCS1;
	info.pPaddingInfo = NULL;
	assert_int_equal(csp_unpad_data(&card, &info), SCARD_S_SUCCESS);
	assert_int_equal(info.cbData, 20);
	info.dwPaddingType = CARD_PADDING_NONE;
	assert_int_equal(csp_unpad_data(&card, &info), SCARD_E_UNSUPPORTED_FEATURE);
	info.dwPaddingType = CARD_PADDING_OAEP;
	assert_int_equal(csp_unpad_data(&card, &info), SCARD_E_INVALID_PARAMETER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pss_hashes),
		cmocka_unit_test(test_pss_all_salt_lengths),
		cmocka_unit_test(test_pss_modulus_of_8m_1_bits),
		cmocka_unit_test(test_pss_wrong_hash_length),
		cmocka_unit_test(test_pkcs1_signature),
		cmocka_unit_test(test_pkcs1_decryption),
		cmocka_unit_test(test_pkcs1_bad),
		cmocka_unit_test(test_pkcs1_rejection),
		cmocka_unit_test(test_unpad_lengths),
		cmocka_unit_test(test_oaep_decryption),
		cmocka_unit_test(test_oaep_too_long),
		cmocka_unit_test(test_oaep_bad),
		cmocka_unit_test(test_oaep_other_label_or_hash),
		cmocka_unit_test(test_no_branch_on_the_block),
		cmocka_unit_test(test_encryption),
		cmocka_unit_test(test_pad_callback),
		cmocka_unit_test(test_unpad_callback),
	};

	return cmocka_run_group_tests_name("/csp/padding", tests, setup, teardown);
}
