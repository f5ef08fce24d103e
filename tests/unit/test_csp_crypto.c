/* SPDX-License-Identifier: BSD-2-Clause */
/* Hashes, verification, encryption against libcrypto's own; and the manners of a guest in somebody's process. */
#include "csp/crypto.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "csp/card.h"
#include "lib/hex.h"
#include "unit/keys_fixture.h"

static struct csp csp;
static EVP_PKEY *rsa, *ec[3];
static const char *const curves[] = { "P-256", "P-384", "P-521" };
static const uint8_t message[LIMIT_RSA_BYTES] = "an example of a message";

static int
setup(void **state)
{
	(void)state;
	assert_int_equal(csp_crypto_open(&csp.crypto), SCARD_S_SUCCESS);
	rsa = keys_rsa(1024);
	for (size_t i = 0; i < ARRAY_SIZE(ec); i++)
		ec[i] = keys_ec(curves[i]);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(rsa);
	for (size_t i = 0; i < ARRAY_SIZE(ec); i++)
		EVP_PKEY_free(ec[i]);
	csp_crypto_close(&csp.crypto);
	assert_null(csp.crypto);
	csp_crypto_close(&csp.crypto);
	return 0;
}

/* Hashes ----------------------------------------------------------------------------------------------------------- */

/* FIPS 180 examples: "abc". */
static const struct {
	enum csp_hash hash;
	const char *name, *abc;
} vectors[] = {
	{ CSP_SHA1, "SHA1", "A9993E364706816ABA3E25717850C26C9CD0D89D" },
	{ CSP_SHA224, "SHA224", "23097D223405D8228642A477BDA255B32AADBCE4BDA0B3F7E36C9DA7" },
	{ CSP_SHA256, "SHA256", "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD" },
	{ CSP_SHA384, "SHA384",
	  "CB00753F45A35E8BB5A03D699AC65007272C32AB0EDED1631A8B605A43FF5BED8086072BA1E7CC2358BAECA134C825A7" },
	{ CSP_SHA512, "SHA512",
	  "DDAF35A193617ABACC417349AE20413112E6FA4E89A97EA20A9EEEE64B55D39A"
	  "2192992A274FC1A836BA3C23A3FEEBBD454D4423643CE80E2A9AC94FA54CA49F" },
};

static void
test_hash_names(void **state)
{
	enum csp_hash hash = CSP_SHA512;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		assert_string_equal(csp_hash_name(vectors[i].hash), vectors[i].name);
		assert_int_equal(csp_hash_len(vectors[i].hash), strlen(vectors[i].abc) / 2);
		assert_true(csp_hash_by_name(vectors[i].name, &hash));
		assert_int_equal(hash, vectors[i].hash);
	}
	assert_false(csp_hash_by_name("MD5", &hash));
	assert_true(csp_hash_by_name(NULL, &hash));
	assert_int_equal(hash, CSP_HASH_NONE);
	assert_null(csp_hash_name(CSP_HASH_NONE));
	assert_int_equal(csp_hash_len(CSP_HASH_NONE), 0);
	assert_int_equal(csp_hash_len((enum csp_hash)99), 0);
}

/* P-145 */
static void
test_digests(void **state)
{
	const struct cursor pieces[] = { cur_of("a", 1), cur_of(NULL, 0), cur_of("bc", 2) };
	struct csp_digest *d = NULL;
	uint8_t value[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		enum csp_hash hash = vectors[i].hash;

		assert_int_equal(csp_crypto_hash(csp.crypto, hash, pieces, 3, value), SCARD_S_SUCCESS);
		assert_true(hex_is(cur_of(value, csp_hash_len(hash)), vectors[i].abc));
		assert_int_equal(csp_digest_new(&csp, hash, &d), SCARD_S_SUCCESS);
		assert_int_equal(csp_digest_update(d, cur_of("ab", 2)), SCARD_S_SUCCESS);
		assert_int_equal(csp_digest_update(d, cur_of("c", 1)), SCARD_S_SUCCESS);
		assert_int_equal(csp_digest_final(d, value), SCARD_S_SUCCESS);
		assert_true(hex_is(cur_of(value, csp_hash_len(hash)), vectors[i].abc));
		csp_digest_free(&d);
		assert_null(d);
		csp_digest_free(&d);
	}
	assert_int_equal(csp_digest_new(&csp, CSP_HASH_NONE, &d), SCARD_E_INVALID_PARAMETER);
	assert_null(d);
}

static void
test_random(void **state)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 };

	(void)state;
	assert_int_equal(csp_random(&csp, a, sizeof a), SCARD_S_SUCCESS);
	assert_int_equal(csp_random(&csp, b, sizeof b), SCARD_S_SUCCESS);
	assert_memory_not_equal(a, b, sizeof a);
	assert_int_equal(csp_random(&csp, NULL, 0), SCARD_S_SUCCESS);
}

/* Public keys ------------------------------------------------------------------------------------------------------- */

static void
assert_spki(EVP_PKEY *pkey)
{
	const struct public_key key = keys_public(pkey);
	struct buf der = BUF_INIT;
	unsigned char *expected = NULL;
	int len = i2d_PUBKEY(pkey, &expected);

	assert_int_equal(csp_public_key_spki(&csp, &key, &der), SCARD_S_SUCCESS);
	assert_int_equal(der.len, len);
	assert_memory_equal(der.p, expected, der.len);
	OPENSSL_free(expected);
	buf_free(&der);
}

/* P-099 */
static void
test_spki(void **state)
{
	const struct public_key none = { .type = KEY_NONE };
	struct buf der = BUF_INIT;

	(void)state;
	assert_spki(rsa);
	for (size_t i = 0; i < ARRAY_SIZE(ec); i++)
		assert_spki(ec[i]);
	assert_int_equal(csp_public_key_spki(&csp, &none, &der), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(der.len, 0);
}

static void
test_points(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ec); i++) {
		struct public_key key = keys_public(ec[i]);

		assert_true(csp_crypto_key_valid(csp.crypto, &key));
		key.point[key.point_len - 1] ^= 1;
		assert_false(csp_crypto_key_valid(csp.crypto, &key));
	}
}

/* Verification ------------------------------------------------------------------------------------------------------ */

/* Good as it is; wrong with another bit in the signature or in the data. */
static void
assert_verifies(const struct public_key *key, const struct csp_scheme *scheme, struct cursor data,
		struct cursor signature)
{
	uint8_t *bad_data = hex_heap(data), *bad_signature = hex_heap(signature);
	bool good = false;

	assert_int_equal(csp_verify(&csp, key, scheme, data, signature, &good), SCARD_S_SUCCESS);
	assert_true(good);
	bad_data[0] ^= 1;
	assert_int_equal(csp_verify(&csp, key, scheme, cur_of(bad_data, data.left), signature, &good), SCARD_S_SUCCESS);
	assert_false(good);
	bad_signature[signature.left - 1] ^= 1;
	good = true;
	assert_int_equal(csp_verify(&csp, key, scheme, data, cur_of(bad_signature, signature.left), &good),
			 SCARD_S_SUCCESS);
	assert_false(good);
	memset(bad_signature, 0, signature.left);
	good = true;
	assert_int_equal(csp_verify(&csp, key, scheme, data, cur_of(bad_signature, signature.left), &good),
			 SCARD_S_SUCCESS);
	assert_false(good);
	memset(bad_signature, 0xFF, signature.left);
	good = true;
	assert_int_equal(csp_verify(&csp, key, scheme, data, cur_of(bad_signature, signature.left), &good),
			 SCARD_S_SUCCESS);
	assert_false(good);
	assert_int_equal(csp_verify(&csp, key, scheme, data, cur_of(signature.p, signature.left - 1), &good),
			 SCARD_E_INVALID_PARAMETER);
	free(bad_data);
	free(bad_signature);
}

/* P-137 */
static void
test_verify_rsa(void **state)
{
	const struct public_key key = keys_public(rsa);
	uint8_t sig[LIMIT_RSA_BYTES], raw[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		const enum csp_hash hash = vectors[i].hash;
		const struct cursor data = cur_of(message, csp_hash_len(hash));
		struct csp_scheme scheme = { .padding = CSP_PAD_PKCS1, .hash = hash };

		keys_sign(rsa, RSA_PKCS1_PADDING, vectors[i].name, NULL, 0, data.p, data.left, sig, sizeof sig);
		assert_verifies(&key, &scheme, data, cur_of(sig, 128));
		scheme = (struct csp_scheme){ .padding = CSP_PAD_PSS, .hash = hash, .mgf = CSP_SHA1, .salt_len = 17 };
		keys_sign(rsa, RSA_PKCS1_PSS_PADDING, vectors[i].name, "SHA1", 17, data.p, data.left, sig, sizeof sig);
		assert_verifies(&key, &scheme, data, cur_of(sig, 128));
	}
	keys_sign(rsa, RSA_PKCS1_PADDING, NULL, NULL, 0, message, 40, sig, sizeof sig);
	assert_verifies(&key, &(struct csp_scheme){ .padding = CSP_PAD_PKCS1 }, cur_of(message, 40), cur_of(sig, 128));
	memcpy(raw, message, sizeof raw);
	raw[0] = 0;
	keys_rsa_private(rsa, raw, sig);
	assert_verifies(&key, &(struct csp_scheme){ .padding = CSP_PAD_RAW }, cur_of(raw, 128), cur_of(sig, 128));
}

static void
test_verify_wrong_lengths(void **state)
{
	const struct public_key key = keys_public(rsa), point = keys_public(ec[0]), none = { .type = KEY_NONE };
	struct csp_scheme scheme = { .padding = CSP_PAD_PSS, .hash = CSP_SHA256, .mgf = CSP_SHA256, .salt_len = 129 };
	const struct cursor sig = cur_of(message, 128);
	bool good = false;

	(void)state;
	assert_int_equal(csp_verify(&csp, &key, &scheme, cur_of(message, 32), sig, &good), SCARD_E_INVALID_PARAMETER);
	scheme.salt_len = 0;
	assert_int_equal(csp_verify(&csp, &key, &scheme, cur_of(message, 31), sig, &good), SCARD_E_INVALID_PARAMETER);
	scheme.padding = CSP_PAD_PKCS1;
	assert_int_equal(csp_verify(&csp, &key, &scheme, cur_of(message, 33), sig, &good), SCARD_E_INVALID_PARAMETER);
	scheme.padding = CSP_PAD_RAW;
	assert_int_equal(csp_verify(&csp, &key, &scheme, cur_of(message, 127), sig, &good), SCARD_E_INVALID_PARAMETER);
	scheme.padding = CSP_PAD_OAEP;
	assert_int_equal(csp_verify(&csp, &key, &scheme, cur_of(message, 32), sig, &good), SCARD_E_INVALID_PARAMETER);
	scheme.padding = CSP_PAD_ECDSA;
	assert_int_equal(csp_verify(&csp, &key, &scheme, cur_of(message, 32), sig, &good), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(csp_verify(&csp, &point, &scheme, cur_of(message, 0), cur_of(message, 64), &good),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(csp_verify(&csp, &point, &scheme, cur_of(message, LIMIT_ECDSA_INPUT + 1), cur_of(message, 64),
				    &good),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(csp_verify(&csp, &none, &scheme, cur_of(message, 32), cur_of(message, 0), &good),
			 SCARD_E_INVALID_PARAMETER);
	assert_false(good);
}

static size_t
ecdsa_fixed(EVP_PKEY *pkey, struct cursor data, uint8_t *ret_signature)
{
	const size_t width = pubkey_ec_bytes((unsigned)EVP_PKEY_get_bits(pkey));
	uint8_t der[160];
	const unsigned char *at = der;
	size_t len = keys_sign(pkey, 0, NULL, NULL, 0, data.p, data.left, der, sizeof der);
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)len);

	assert_non_null(sig);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret_signature, (int)width), width);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret_signature + width, (int)width), width);
	ECDSA_SIG_free(sig);
	return 2 * width;
}

/* P-132, P-133: any length of input. */
static void
test_verify_ecdsa(void **state)
{
	const struct csp_scheme scheme = { .padding = CSP_PAD_ECDSA };
	uint8_t sig[132];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ec); i++) {
		const struct public_key key = keys_public(ec[i]);

		for (size_t len = 1; len <= LIMIT_ECDSA_INPUT; len += len < 20 ? 19 : 4) {
			const struct cursor data = cur_of(message, len);
			size_t sig_len = ecdsa_fixed(ec[i], data, sig);

			assert_verifies(&key, &scheme, data, cur_of(sig, sig_len));
		}
	}
}

/* P-137 */
static void
test_encrypt(void **state)
{
	const struct public_key key = keys_public(rsa), point = keys_public(ec[0]);
	struct csp_scheme scheme = { .padding = CSP_PAD_PKCS1 };
	uint8_t cipher[128], plain[LIMIT_RSA_BYTES];
	size_t len = 0;

	(void)state;
	assert_int_equal(csp_encrypt(&csp, &key, &scheme, cur_of(message, 117), cipher, 128, &len), SCARD_S_SUCCESS);
	assert_int_equal(len, 128);
	assert_int_equal(keys_decrypt(rsa, NULL, NULL, NULL, 0, cipher, plain), 117);
	assert_memory_equal(plain, message, 117);
	assert_int_equal(csp_encrypt(&csp, &key, &scheme, cur_of(message, 118), cipher, 128, &len),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(csp_encrypt(&csp, &key, &scheme, cur_of(message, 1), cipher, 127, &len),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(csp_encrypt(&csp, &point, &scheme, cur_of(message, 1), cipher, 128, &len),
			 SCARD_E_INVALID_PARAMETER);
	scheme = (struct csp_scheme){ CSP_PAD_OAEP, CSP_SHA256, CSP_SHA1, 0, cur_of("L", 1) };
	assert_int_equal(csp_encrypt(&csp, &key, &scheme, cur_of(NULL, 0), cipher, 128, &len), SCARD_S_SUCCESS);
	assert_int_equal(keys_decrypt(rsa, "SHA256", "SHA1", "L", 1, cipher, plain), 0);
	scheme = (struct csp_scheme){ .padding = CSP_PAD_RAW };
	memset(plain, 0xFF, 128); /* not below the modulus */
	assert_int_equal(csp_encrypt(&csp, &key, &scheme, cur_of(plain, 128), cipher, 128, &len),
			 SCARD_E_INVALID_PARAMETER);
	plain[0] = 0;
	assert_int_equal(csp_encrypt(&csp, &key, &scheme, cur_of(plain, 128), cipher, 128, &len), SCARD_S_SUCCESS);
}

/* A guest ----------------------------------------------------------------------------------------------------------- */

/* The host finds its own errors, and no others. */
static void
test_error_queue(void **state)
{
	struct public_key key = keys_public(ec[0]);
	struct csp_crypto *other = NULL;
	bool good;

	(void)state;
	ERR_clear_error();
	key.point[1] ^= 1;
	for (int round = 0; round < 2; round++) {
		assert_false(csp_crypto_key_valid(csp.crypto, &key));
		assert_int_equal(csp_verify(&csp, &key, &(struct csp_scheme){ .padding = CSP_PAD_ECDSA },
					    cur_of(message, 32), cur_of(message, 64), &good),
				 SCARD_E_INVALID_PARAMETER);
		assert_int_equal(csp_crypto_open(&other), SCARD_S_SUCCESS);
		csp_crypto_close(&other);
		if (round == 0) {
			assert_int_equal(ERR_peek_error(), 0);
			ERR_raise(ERR_LIB_USER, 42);
		}
	}
	assert_int_equal(ERR_GET_REASON(ERR_get_error()), 42);
	assert_int_equal(ERR_get_error(), 0);
}

static void
in_child(void (*act)(void))
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		act();
		/* not by exit(): what libcrypto has can no longer be freed, and is no leak to look for */
		(void)execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void
expect(bool true_thing)
{
	if (!true_thing)
		_exit(1);
}

/* Programs finalise the module after OpenSSL has ended itself. */
static void
after_shutdown(void)
{
	static const struct cursor abc = { (const uint8_t *)"abc", 3 };
	const struct public_key key = keys_public(rsa);
	struct csp_crypto *other = NULL;
	struct csp_digest *d = NULL;
	uint8_t value[64];
	bool good;

	expect(csp_digest_new(&csp, CSP_SHA256, &d) == SCARD_S_SUCCESS);
	OPENSSL_cleanup();
	expect(csp_digest_update(d, abc) == SCARD_F_INTERNAL_ERROR);
	expect(csp_digest_final(d, value) == SCARD_F_INTERNAL_ERROR);
	csp_digest_free(&d);
	expect(csp_crypto_hash(csp.crypto, CSP_SHA256, &abc, 1, value) == SCARD_F_INTERNAL_ERROR);
	expect(!csp_crypto_key_valid(csp.crypto, &key));
	expect(csp_verify(&csp, &key, &(struct csp_scheme){ .padding = CSP_PAD_RAW }, cur_of(message, 128),
			  cur_of(message, 128), &good) == SCARD_F_INTERNAL_ERROR);
	expect(csp_crypto_library(csp.crypto) == NULL);
	expect(csp_crypto_open(&other) == SCARD_F_INTERNAL_ERROR);
	csp_crypto_close(&csp.crypto);
	expect(csp.crypto == NULL);
}

static void
test_after_shutdown(void **state)
{
	(void)state;
	in_child(after_shutdown);
}

static void
forget_in_child(void)
{
	csp_crypto_forget(&csp.crypto);
	expect(csp.crypto == NULL);
	csp_crypto_forget(&csp.crypto);
}

static void
test_forget(void **state)
{
	(void)state;
	in_child(forget_in_child);
}

/* A configuration that leaves the default context without algorithms. */
static void
with_configuration(const char *path)
{
	char program[1024] = { 0 };

	if (readlink("/proc/self/exe", program, sizeof program - 1) > 0 && setenv("OPENSSL_CONF", path, 1) == 0)
		(void)execl(program, program, "configured", (char *)NULL);
	_exit(2);
}

static void
test_no_configuration(void **state)
{
	char path[] = "/tmp/csp_crypto.XXXXXX";
	int fd = mkstemp(path), status = 0;
	FILE *f = fdopen(fd, "w");
	pid_t pid;

	(void)state;
	assert_non_null(f);
	(void)fputs("openssl_conf = all\n[all]\nalg_section = alg\n[alg]\ndefault_properties = nothing=here\n", f);
	assert_int_equal(fclose(f), 0);
	assert_true((pid = fork()) >= 0);
	if (pid == 0)
		with_configuration(path);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
	(void)unlink(path);
}

/* In the program started again: the default context is useless, ours is not. */
static int
configured(void)
{
	EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);
	struct csp_crypto *crypto = NULL;

	if (md != NULL || csp_crypto_open(&crypto) != SCARD_S_SUCCESS)
		return 1;
	csp_crypto_close(&crypto);
	return 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash_names),
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_spki),
		cmocka_unit_test(test_points),
		cmocka_unit_test(test_verify_rsa),
		cmocka_unit_test(test_verify_wrong_lengths),
		cmocka_unit_test(test_verify_ecdsa),
		cmocka_unit_test(test_encrypt),
		cmocka_unit_test(test_error_queue),
		cmocka_unit_test(test_after_shutdown),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_no_configuration),
	};

	if (argc > 1 && strcmp(argv[1], "configured") == 0)
		return configured();
	return cmocka_run_group_tests_name("/csp/crypto", tests, setup, teardown);
}
