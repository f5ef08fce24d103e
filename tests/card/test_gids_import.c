/* SPDX-License-Identifier: BSD-2-Clause */
/* GIDS: keys brought to the card, and cards that take them badly. */
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "card/gids_keys.h"
#include "gids/gids.h"
#include "vcard/engine.h"

static struct kit strict, applet, t0;
static const struct kit *const kits[] = { &strict, &applet, &t0 };

/* Keys of libcrypto, and what the seam makes of them. */
enum { RSA1024, RSA2048, P256, P384, P521, KEYS };
static struct source {
	EVP_PKEY *pkey;
	struct private_key key;
	DWORD spec;
} sources[KEYS];

static void
put_number(const EVP_PKEY *pkey, const char *name, size_t len, struct secret *ret_number)
{
	BIGNUM *number = NULL;

	assert_int_equal(EVP_PKEY_get_bn_param(pkey, name, &number), 1);
	assert_true(secret_alloc(ret_number, len));
	assert_int_equal(BN_bn2binpad(number, ret_number->p, (int)len), len);
	BN_clear_free(number);
}

static void
make_rsa(struct source *s, size_t bits, DWORD spec)
{
	const size_t len = bits / 8;
	struct secret n = SECRET_INIT;
	const uint8_t e[] = { 1, 0, 1 };

	s->spec = spec;
	s->pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits);
	assert_non_null(s->pkey);
	put_number(s->pkey, OSSL_PKEY_PARAM_RSA_N, len, &n);
	assert_true(pubkey_set_rsa(&s->key.public, n.p, n.len, e, sizeof(e)));
	secret_free(&n);
	put_number(s->pkey, OSSL_PKEY_PARAM_RSA_D, len, &s->key.d);
	put_number(s->pkey, OSSL_PKEY_PARAM_RSA_FACTOR1, len / 2, &s->key.p);
	put_number(s->pkey, OSSL_PKEY_PARAM_RSA_FACTOR2, len / 2, &s->key.q);
	put_number(s->pkey, OSSL_PKEY_PARAM_RSA_EXPONENT1, len / 2, &s->key.dp);
	put_number(s->pkey, OSSL_PKEY_PARAM_RSA_EXPONENT2, len / 2, &s->key.dq);
	put_number(s->pkey, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, len / 2, &s->key.qinv);
}

static void
make_ec(struct source *s, const char *curve, DWORD spec)
{
	uint8_t point[LIMIT_EC_POINT];
	size_t len;

	s->spec = spec;
	s->pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);
	assert_non_null(s->pkey);
	assert_int_equal(EVP_PKEY_get_octet_string_param(s->pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len),
			 1);
	assert_true(pubkey_set_ec(&s->key.public, point, len));
	put_number(s->pkey, OSSL_PKEY_PARAM_PRIV_KEY, pubkey_ec_bytes(s->key.public.bits), &s->key.d);
}

static int
make_all(void **state)
{
	(void)state;
	kit_make(&strict, &(struct vcard_profile){ .quirks = VCARD_STRICT, .ecc = true }, true);
	kit_make(&applet, &(struct vcard_profile){ .quirks = VCARD_APPLET, .ecc = true }, true);
	kit_make(&t0, &(struct vcard_profile){ .quirks = VCARD_APPLET | VCARD_T0, .ecc = true }, true);
	make_rsa(&sources[RSA1024], 1024, AT_SIGNATURE);
	make_rsa(&sources[RSA2048], 2048, AT_KEYEXCHANGE);
	make_ec(&sources[P256], "P-256", AT_ECDSA_P256);
	make_ec(&sources[P384], "P-384", AT_ECDSA_P384);
	make_ec(&sources[P521], "P-521", AT_ECDSA_P521);
	return 0;
}

static int
free_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < KEYS; i++) {
		EVP_PKEY_free(sources[i].pkey);
		privkey_free(&sources[i].key);
	}
	for (size_t i = 0; i < ARRAY_SIZE(kits); i++)
		kit_free((struct kit *)(uintptr_t)kits[i]);
	return 0;
}

static DWORD
bring(struct rig *rig, BYTE index, DWORD spec, const struct private_key *key)
{
	return rig->data.pfnCardCreateContainerEx(&rig->data, index, CARD_CREATE_CONTAINER_KEY_IMPORT, spec, 0, key,
						  ROLE_USER);
}

static DWORD
info_of(struct rig *rig, BYTE index, CONTAINER_INFO *ret_info)
{
	*ret_info = (CONTAINER_INFO){ .dwVersion = CONTAINER_INFO_CURRENT_VERSION };
	return rig->data.pfnCardGetContainerInfo(&rig->data, index, 0, ret_info);
}

/* What the card signs libcrypto verifies with its own key. */
static void
assert_signs(struct rig *rig, BYTE index, const struct source *s)
{
	static const BYTE digest[32] = { 7 };
	const BCRYPT_PKCS1_PADDING_INFO pkcs1 = { "SHA256" };
	const bool rsa = s->key.public.type == KEY_RSA;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(s->pkey, NULL);
	CARD_SIGNING_INFO info;
	unsigned char *der = NULL;
	ECDSA_SIG *numbers;
	int len;

	assert_int_equal(rig_sign(rig, index, s->spec, rsa ? CARD_PADDING_PKCS1 : CARD_PADDING_NONE,
				  rsa ? &pkcs1 : NULL, cur_of(digest, sizeof(digest)), &info),
			 SCARD_S_SUCCESS);
	assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
	if (rsa) {
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING), 1);
		assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()), 1);
		assert_int_equal(EVP_PKEY_verify(ctx, info.pbSignedData, info.cbSignedData, digest, sizeof(digest)), 1);
	} else {
		const int half = (int)info.cbSignedData / 2;

		numbers = ECDSA_SIG_new();
		assert_int_equal(ECDSA_SIG_set0(numbers, BN_bin2bn(info.pbSignedData, half, NULL),
						BN_bin2bn(info.pbSignedData + half, half, NULL)),
				 1);
		len = i2d_ECDSA_SIG(numbers, &der);
		assert_true(len > 0);
		assert_int_equal(EVP_PKEY_verify(ctx, der, (size_t)len, digest, sizeof(digest)), 1);
		OPENSSL_free(der);
		ECDSA_SIG_free(numbers);
	}
	EVP_PKEY_CTX_free(ctx);
	rig->data.pfnCspFree(info.pbSignedData);
}

/* every kind of key arrives whole, also in the next transaction and in the other slot of a container */
static void
test_kinds(void **state)
{
	CONTAINER_INFO info;
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
		assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
		for (BYTE i = 0; i < (BYTE)KEYS; i++) {
			const struct source *s = &sources[i];

			assert_int_equal(bring(&rig, (BYTE)(2 + i), s->spec, &s->key), SCARD_S_SUCCESS);
			assert_signs(&rig, (BYTE)(2 + i), s);
			assert_int_equal(info_of(&rig, (BYTE)(2 + i), &info), SCARD_S_SUCCESS);
			assert_true(pubkey_equal(s->spec == AT_KEYEXCHANGE ? &info.KeyExPublicKey : &info.SigPublicKey,
						 &s->key.public));
		}
		/* beside the key that was there */
		assert_int_equal(bring(&rig, 2 + RSA2048, AT_ECDSA_P256, &sources[P256].key), SCARD_S_SUCCESS);
		rig_next(&rig);
		assert_int_equal(info_of(&rig, 2 + RSA2048, &info), SCARD_S_SUCCESS);
		assert_true(pubkey_equal(&info.KeyExPublicKey, &sources[RSA2048].key.public));
		assert_true(pubkey_equal(&info.SigPublicKey, &sources[P256].key.public));
		assert_signs(&rig, 2 + RSA2048, &sources[RSA2048]);
		assert_signs(&rig, 2 + RSA2048, &sources[P256]);
		rig_close(&rig);
	}
}

/* a key that is none, or another one than the key specification says; nothing is sent */
static void
test_parameters(void **state)
{
	struct private_key broken = sources[P256].key;
	struct rig rig;
	CARD_DATA *d = &rig.data;

	(void)state;
	rig_acquire(&rig, &strict);
	assert_int_equal(bring(&rig, 2, AT_SIGNATURE, NULL), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(bring(&rig, 2, AT_SIGNATURE, &sources[P256].key), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(bring(&rig, 2, AT_ECDSA_P384, &sources[P256].key), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(bring(&rig, 2, AT_ECDSA_P256, &sources[RSA1024].key), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(bring(&rig, 2, AT_ECDHE_P256, &sources[P256].key), SCARD_E_UNSUPPORTED_FEATURE);
	broken.d.len--;
	assert_int_equal(bring(&rig, 2, AT_ECDSA_P256, &broken), SCARD_E_INVALID_PARAMETER);
	broken = sources[RSA1024].key;
	broken.qinv.len--;
	assert_int_equal(bring(&rig, 2, AT_SIGNATURE, &broken), SCARD_E_INVALID_PARAMETER);
	broken = sources[RSA1024].key;
	broken.public.type = KEY_NONE;
	assert_int_equal(bring(&rig, 2, AT_SIGNATURE, &broken), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(bring(&rig, GIDS_KEYS, AT_SIGNATURE, &sources[RSA1024].key), SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(d->pfnCardCreateContainer(d, 2, CARD_CREATE_CONTAINER_KEY_IMPORT, AT_SIGNATURE, 2048,
						   &sources[RSA1024].key),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig_exchanges(&rig), 0);
	/* the old form, with the right size */
	assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
	assert_int_equal(d->pfnCardCreateContainer(d, 2, CARD_CREATE_CONTAINER_KEY_IMPORT, AT_SIGNATURE, 1024,
						   &sources[RSA1024].key),
			 SCARD_S_SUCCESS);
	assert_signs(&rig, 2, &sources[RSA1024]);
	rig_close(&rig);
}

/* M7: the card takes the key and has another one afterwards, or refuses it; nothing stays behind */
static void
test_bad_cards(void **state)
{
	static const struct {
		const char *fault;
		DWORD expected;
	} rows[] = {
		{ "ins=DB@1:sw=6A81", SCARD_E_UNSUPPORTED_FEATURE }, { "ins=DB@1:sw=6A84", SCARD_E_WRITE_TOO_MANY },
		{ "ins=DB@1:sw=6982", SCARD_W_SECURITY_VIOLATION },  { "ins=DB@1:sw=9000", SCARD_E_UNEXPECTED },
		{ "ins=DB@2:sw=6A84", SCARD_E_WRITE_TOO_MANY },	     { "ins=CB@2:empty", SCARD_E_COMM_DATA_LOST },
		{ "ins=CB@2:sw=6A88", SCARD_E_UNEXPECTED },
	};
	CONTAINER_INFO info;
	struct rig rig;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		rig_acquire(&rig, &strict);
		assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
		rig_faults(&rig, rows[i].fault);
		assert_int_equal(bring(&rig, 2, AT_ECDSA_P256, &sources[P256].key), rows[i].expected);
		rig_faults(&rig, "");
		assert_int_equal(info_of(&rig, 2, &info), SCARD_E_NO_KEY_CONTAINER);
		rig_next(&rig);
		assert_int_equal(info_of(&rig, 2, &info), SCARD_E_NO_KEY_CONTAINER);
		assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
		assert_int_equal(bring(&rig, 2, AT_ECDSA_P256, &sources[P256].key), SCARD_S_SUCCESS);
		assert_signs(&rig, 2, &sources[P256]);
		rig_close(&rig);
	}
}

/* M19: pulled at every exchange of a second key and of a first one; what was there works, and the place can be used */
static void
test_pulled(void **state)
{
	static const char *const how[] = { "remove", "pull", "sw=6F00" };
	char fault[32];
	CONTAINER_INFO before, info;
	struct rig rig;
	DWORD r;

	(void)state;
	for (size_t k = 0; k < 2 * ARRAY_SIZE(how); k++) {
		unsigned n = 0;

		do {
			rig_acquire(&rig, kits[k % 2]);
			assert_int_equal(info_of(&rig, 0, &before), SCARD_S_SUCCESS);
			assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
			snprintf(fault, sizeof(fault), "%u:%s", ++n, how[k / 2]);
			rig_faults(&rig, fault);
			r = bring(&rig, 0, AT_ECDSA_P256, &sources[P256].key);
			if (r == SCARD_S_SUCCESS)
				r = bring(&rig, 5, AT_SIGNATURE, &sources[RSA1024].key);
			rig_faults(&rig, "");
			rig_insert_again(&rig);
			assert_int_equal(info_of(&rig, 0, &info), SCARD_S_SUCCESS);
			assert_true(pubkey_equal(&info.KeyExPublicKey, &before.KeyExPublicKey));
			assert_true(info.SigPublicKey.type == KEY_NONE ||
				    pubkey_equal(&info.SigPublicKey, &sources[P256].key.public));
			assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
			assert_int_equal(bring(&rig, 0, AT_ECDSA_P384, &sources[P384].key), SCARD_S_SUCCESS);
			assert_signs(&rig, 0, &sources[P384]);
			assert_int_equal(bring(&rig, 5, AT_ECDSA_P256, &sources[P256].key), SCARD_S_SUCCESS);
			assert_signs(&rig, 5, &sources[P256]);
			rig_close(&rig);
		} while (r != SCARD_S_SUCCESS && n < 40);
		assert_true(n > 10);
		assert_int_equal(r, SCARD_S_SUCCESS);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_bad_cards),
		cmocka_unit_test(test_pulled),
	};

	return cmocka_run_group_tests_name("gids/import", tests, make_all, free_all);
}
