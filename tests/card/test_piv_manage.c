/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PIV managed: PIN and PUK, the management key in each algorithm, keys made and brought, certificates, roots and other objects
 * written; and what a card does that knows nothing of all that.
 */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "card/piv_card.h"
#include "csp/response.h"

static struct kit strict, applet, government;
static struct kit *const kits[] = { &strict, &applet };

static int
make_kits(void **state)
{
	(void)state;
	piv_kit_make(&strict, VCARD_PIV_STRICT);
	piv_kit_make(&applet, VCARD_PIV_APPLET);
	piv_kit_make(&government, VCARD_PIV_GOVERNMENT);
	return 0;
}

static int
free_kits(void **state)
{
	(void)state;
	kit_free(&strict);
	kit_free(&applet);
	kit_free(&government);
	return 0;
}

static const BYTE factory_key[32] = { 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8,
				      1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8 };

static DWORD
respond(struct rig *rig, const BYTE *key, struct buf *ret_response)
{
	CARD_CHALLENGE_KEY kind;
	BYTE *challenge;
	DWORD len, r;

	r = rig->data.pfnCardGetProperty(&rig->data, CP_CARD_CHALLENGE_KEY, (BYTE *)&kind, sizeof(kind), &len,
					 ROLE_ADMIN);
	if (r != SCARD_S_SUCCESS)
		return r;
	if ((r = rig->data.pfnCardGetChallengeEx(&rig->data, ROLE_ADMIN, &challenge, &len, 0)) != SCARD_S_SUCCESS)
		return r;
	assert_int_equal(csp_response(rig->data.pvCspContext, kind.Algorithm, cur_of(key, kind.cbKey),
				      cur_of(challenge, len), ret_response),
			 SCARD_S_SUCCESS);
	rig->data.pfnCspFree(challenge);
	return r;
}

static DWORD
authenticate(struct rig *rig, const BYTE *key)
{
	AUTO_BUF struct buf response = BUF_INIT;
	DWORD r = respond(rig, key, &response);

	if (r != SCARD_S_SUCCESS)
		return r;
	return rig->data.pfnCardAuthenticateEx(&rig->data, ROLE_ADMIN, 0, response.p, (DWORD)response.len, NULL, NULL,
					       NULL);
}

static DWORD
change(struct rig *rig, DWORD flag, PIN_ID authority, const char *old, PIN_ID target, const char *new, DWORD *ret_tries)
{
	return rig->data.pfnCardChangeAuthenticatorEx(&rig->data, flag, authority, (const BYTE *)old,
						      (DWORD)strlen(old), target, (const BYTE *)new, (DWORD)strlen(new),
						      0, ret_tries);
}

/* One PIN for both roles; the PUK is changed by itself and unblocks. S-023. */
static void
test_pins(void **state)
{
	struct rig rig;
	DWORD tries;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
		assert_int_equal(change(&rig, PIN_CHANGE_FLAG_CHANGEPIN, ROLE_USER, "000000", ROLE_USER, "111111",
					&tries),
				 SCARD_W_WRONG_CHV);
		assert_int_equal(tries, 2);
		assert_int_equal(change(&rig, PIN_CHANGE_FLAG_CHANGEPIN, ROLE_USER, "123456", ROLE_USER, "11111",
					&tries),
				 SCARD_E_INVALID_CHV);
		assert_int_equal(change(&rig, PIN_CHANGE_FLAG_CHANGEPIN, ROLE_USER, "1234", ROLE_USER, "111111",
					&tries),
				 SCARD_E_INVALID_PARAMETER);
		assert_int_equal(change(&rig, PIN_CHANGE_FLAG_CHANGEPIN, ROLE_USER, "123456", ROLE_USER, "111111",
					NULL),
				 SCARD_S_SUCCESS);
		assert_int_equal(change(&rig, PIN_CHANGE_FLAG_CHANGEPIN, ROLE_USER, "111111", PIV_ALWAYS, "22222222",
					NULL),
				 SCARD_S_SUCCESS);
		assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "22222222", NULL), SCARD_S_SUCCESS);
		assert_int_equal(change(&rig, PIN_CHANGE_FLAG_CHANGEPIN, PIV_PUK, "12345678", PIV_PUK, "87654321",
					NULL),
				 SCARD_S_SUCCESS);
		for (unsigned i = 0; i < 3; i++)
			(void)piv_rig_verify(&rig, ROLE_USER, "000000", NULL);
		assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "22222222", NULL), SCARD_W_CHV_BLOCKED);
		assert_int_equal(change(&rig, PIN_CHANGE_FLAG_UNBLOCK, PIV_PUK, "12345678", ROLE_USER, "123456",
					&tries),
				 SCARD_W_WRONG_CHV);
		assert_int_equal(tries, 2);
		assert_int_equal(change(&rig, PIN_CHANGE_FLAG_UNBLOCK, PIV_PUK, "87654321", ROLE_USER, "123456", NULL),
				 SCARD_S_SUCCESS);
		assert_int_equal(piv_rig_signs(&rig, kits[k], PIV_9A), SCARD_W_SECURITY_VIOLATION);
		assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "123456", NULL), SCARD_S_SUCCESS);
		assert_int_equal(change(&rig, PIN_CHANGE_FLAG_UNBLOCK, ROLE_ADMIN, "12345678", ROLE_USER, "123456",
					&tries),
				 SCARD_E_INVALID_PARAMETER);
		rig_close(&rig);
	}
}

/* The key in all its algorithms, found out by the metadata or by trial; a wrong response costs nothing. R-096. S-018. */
static void
test_management_key(void **state)
{
	static const struct {
		uint64_t quirks;
		uint8_t algorithm;
		CARD_KEY_ALGORITHM expected;
	} cases[] = {
		{ VCARD_PIV_STRICT, PIV_ALG_DES3, CardKey3Des },
		{ VCARD_PIV_STRICT, PIV_ALG_AES192, CardKeyAes192 },
		{ VCARD_PIV_NO_METADATA, PIV_ALG_DES3, CardKey3Des },
		{ VCARD_PIV_NO_METADATA, PIV_ALG_AES128, CardKeyAes128 },
		{ VCARD_PIV_NO_METADATA, PIV_ALG_AES256, CardKeyAes256 },
		{ VCARD_PIV_NO_METADATA | VCARD_PIV_ADMIN_6A80, PIV_ALG_AES128, CardKeyAes128 },
		{ VCARD_PIV_NO_METADATA | VCARD_PIV_CHALLENGE_ONCE, PIV_ALG_AES256, CardKeyAes256 },
		{ VCARD_PIV_NO_METADATA | VCARD_PIV_ADMIN_6A80 | VCARD_PIV_CHALLENGE_ONCE, PIV_ALG_AES192,
		  CardKeyAes192 },
	};
	struct kit kit;
	struct rig rig;
	CARD_CHALLENGE_KEY key;
	BYTE wrong[32] = { 9 };
	DWORD len;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		piv_kit_make_with(&kit, cases[k].quirks, cases[k].algorithm);
		rig_acquire(&rig, &kit);
		assert_int_equal(rig.data.pfnCardGetProperty(&rig.data, CP_CARD_CHALLENGE_KEY, (BYTE *)&key,
							     sizeof(key), &len, ROLE_ADMIN),
				 SCARD_S_SUCCESS);
		assert_int_equal(key.Algorithm, cases[k].expected);
		assert_int_equal(authenticate(&rig, wrong), SCARD_W_WRONG_CHV);
		assert_int_equal(authenticate(&rig, factory_key), SCARD_S_SUCCESS);
		/* a response without a challenge */
		assert_int_equal(rig.data.pfnCardAuthenticateEx(&rig.data, ROLE_ADMIN, 0, wrong, 8, NULL, NULL, NULL),
				 SCARD_E_INVALID_VALUE);
		/* what it allows only a reset takes back */
		assert_int_equal(rig.data.pfnCardDeauthenticateEx(&rig.data, CREATE_PIN_SET(ROLE_ADMIN), 0),
				 SCARD_E_UNSUPPORTED_FEATURE);
		rig_close(&rig);
		kit_free(&kit);
	}
}

/* Another key, and another algorithm with it. S-028. */
static void
test_change_key(void **state)
{
	AUTO_BUF struct buf response = BUF_INIT;
	const BYTE fresh[32] = "thirty-two bytes of another key";
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &strict);
	assert_int_equal(respond(&rig, factory_key, &response), SCARD_S_SUCCESS);
	assert_int_equal(rig.data.pfnCardChangeAuthenticatorEx(
				 &rig.data, PIN_CHANGE_FLAG_CHANGEPIN | PIN_CHANGE_KEY_ALGORITHM(CardKeyAes256),
				 ROLE_ADMIN, response.p, (DWORD)response.len, ROLE_ADMIN, fresh, 32, 0, NULL),
			 SCARD_S_SUCCESS);
	assert_int_equal(authenticate(&rig, factory_key), SCARD_W_WRONG_CHV);
	assert_int_equal(authenticate(&rig, fresh), SCARD_S_SUCCESS);
	rig_close(&rig);
}

/* M14: no challenge is like another. */
static void
test_challenges(void **state)
{
	BYTE seen[300][8], *challenge;
	struct rig rig;
	DWORD len;

	(void)state;
	rig_acquire(&rig, &strict);
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++) {
		assert_int_equal(rig.data.pfnCardGetChallengeEx(&rig.data, ROLE_ADMIN, &challenge, &len, 0),
				 SCARD_S_SUCCESS);
		assert_int_equal(len, 8);
		memcpy(seen[i], challenge, 8);
		rig.data.pfnCspFree(challenge);
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(seen[i], seen[j], 8);
	}
	rig_close(&rig);
}

static DWORD
generate(struct rig *rig, BYTE index, DWORD spec, DWORD size, PIN_ID role)
{
	return rig->data.pfnCardCreateContainerEx(&rig->data, index, CARD_CREATE_CONTAINER_KEY_GEN, spec, size, NULL,
						  role);
}

/* Keys made where they can be, each of its slot's kind; nobody else's affair. M7 is in test_piv_hostile. */
static void
test_generate(void **state)
{
	AUTO_BUF struct buf history = BUF_INIT;
	CONTAINER_INFO info;
	CARD_SIGNING_INFO sign;
	PIN_ID role;
	struct rig rig;
	DWORD len;

	(void)state;
	rig_acquire(&rig, &strict);
	assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "123456", NULL), SCARD_S_SUCCESS);
	assert_int_equal(generate(&rig, 4, AT_ECDHE_P256, 0, ROLE_USER), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(authenticate(&rig, factory_key), SCARD_S_SUCCESS);
	assert_int_equal(generate(&rig, 24, AT_ECDSA_P256, 0, ROLE_USER), SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(generate(&rig, PIV_9C, AT_KEYEXCHANGE, 2048, ROLE_USER), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(generate(&rig, PIV_9A, AT_ECDSA_P521, 0, ROLE_USER), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(generate(&rig, PIV_9A, AT_KEYEXCHANGE, 1536, ROLE_USER), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(generate(&rig, PIV_9D, AT_ECDHE_P384, 0, ROLE_USER), SCARD_S_SUCCESS);
	assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, PIV_9D, 0, &info), SCARD_S_SUCCESS);
	assert_int_equal(info.KeyExPublicKey.bits, 384);
	assert_int_equal(info.SigPublicKey.type, KEY_NONE);
	assert_int_equal(generate(&rig, 5, AT_ECDHE_P256, 0, PIV_ALWAYS), SCARD_S_SUCCESS);
	assert_int_equal(rig.data.pfnCardGetContainerProperty(&rig.data, 5, CCP_PIN_IDENTIFIER, (BYTE *)&role,
							      sizeof(role), &len, 0),
			 SCARD_S_SUCCESS);
	assert_int_equal(role, PIV_ALWAYS);
	/* who puts the card in next finds it, too */
	assert_int_equal(piv_rig_file(&rig, "piv", "5fc10c", &history), SCARD_S_SUCCESS);
	assert_true(history.len >= 3);
	assert_memory_equal(history.p, "\xC1\x01\x02", 3);
	assert_int_equal(generate(&rig, PIV_9A, AT_ECDSA_P256, 0, ROLE_USER), SCARD_S_SUCCESS);
	assert_int_equal(rig_sign(&rig, PIV_9A, AT_ECDSA_P256, 0, NULL, cur_of(keys_value, 32), &sign),
			 SCARD_S_SUCCESS);
	rig.data.pfnCspFree(sign.pbSignedData);
	/* the old certificate is still there, and is not the new key's: it is for the caller to drop */
	assert_int_equal(rig_read(&rig, "mscp", "ksc00", NULL), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(rig.data.pfnCardDeleteContainer(&rig.data, 5, 0), SCARD_S_SUCCESS);
	assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, 5, 0, &info), SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(rig.data.pfnCardDeleteContainer(&rig.data, 5, 0), SCARD_S_SUCCESS);
	rig_close(&rig);
}

static void
number(EVP_PKEY *key, const char *name, size_t width, struct secret *ret_number)
{
	BIGNUM *bn = NULL;

	assert_int_equal(EVP_PKEY_get_bn_param(key, name, &bn), 1);
	assert_true(secret_alloc(ret_number, width));
	assert_int_equal(BN_bn2binpad(bn, ret_number->p, (int)width), (int)width);
	BN_free(bn);
}

/* Keys brought to the card work there. S-027. */
static void
test_import(void **state)
{
	struct private_key ec = PRIVKEY_INIT, rsa = PRIVKEY_INIT;
	EVP_PKEY *p384 = EVP_EC_gen("P-384"), *rsa1024 = EVP_RSA_gen(1024);
	struct secret n = SECRET_INIT, e = SECRET_INIT;
	unsigned char point[97];
	CARD_SIGNING_INFO sign;
	CONTAINER_INFO info;
	size_t len;
	struct rig rig;

	(void)state;
	assert_int_equal(EVP_PKEY_get_octet_string_param(p384, "pub", point, sizeof(point), &len), 1);
	assert_true(pubkey_set_ec(&ec.public, point, len));
	number(p384, OSSL_PKEY_PARAM_PRIV_KEY, 48, &ec.d);
	number(rsa1024, OSSL_PKEY_PARAM_RSA_N, 128, &n);
	number(rsa1024, OSSL_PKEY_PARAM_RSA_E, 3, &e);
	assert_true(pubkey_set_rsa(&rsa.public, n.p, n.len, e.p, e.len));
	number(rsa1024, OSSL_PKEY_PARAM_RSA_D, 128, &rsa.d);
	number(rsa1024, OSSL_PKEY_PARAM_RSA_FACTOR1, 64, &rsa.p);
	number(rsa1024, OSSL_PKEY_PARAM_RSA_FACTOR2, 64, &rsa.q);
	number(rsa1024, OSSL_PKEY_PARAM_RSA_EXPONENT1, 64, &rsa.dp);
	number(rsa1024, OSSL_PKEY_PARAM_RSA_EXPONENT2, 64, &rsa.dq);
	number(rsa1024, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, 64, &rsa.qinv);
	rig_acquire(&rig, &strict);
	assert_int_equal(authenticate(&rig, factory_key), SCARD_S_SUCCESS);
#define IMPORT(index, spec, key)                                                                                       \
	rig.data.pfnCardCreateContainerEx(&rig.data, index, CARD_CREATE_CONTAINER_KEY_IMPORT, spec, 0, key, ROLE_USER)
	assert_int_equal(IMPORT(4, AT_ECDHE_P384, &ec), SCARD_S_SUCCESS);
	assert_int_equal(IMPORT(5, AT_KEYEXCHANGE, &rsa), SCARD_S_SUCCESS);
#undef IMPORT
	assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "123456", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, 4, 0, &info), SCARD_S_SUCCESS);
	assert_true(pubkey_equal(&info.KeyExPublicKey, &ec.public));
	assert_int_equal(rig_sign(&rig, 4, AT_ECDSA_P384, 0, NULL, cur_of(keys_value, 48), &sign), SCARD_S_SUCCESS);
	rig.data.pfnCspFree(sign.pbSignedData);
	assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, 5, 0, &info), SCARD_S_SUCCESS);
	assert_true(pubkey_equal(&info.KeyExPublicKey, &rsa.public));
	rig_close(&rig);
	privkey_free(&ec);
	privkey_free(&rsa);
	secret_free(&n);
	secret_free(&e);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(rsa1024);
}

static DWORD
put(struct rig *rig, const char *directory, const char *name, struct cursor content)
{
	return rig->data.pfnCardWriteFile(&rig->data, directory, name, 0, content.p, (DWORD)content.left);
}

static DWORD
create(struct rig *rig, const char *directory, const char *name)
{
	return rig->data.pfnCardCreateFile(&rig->data, directory, name, 0, EveryoneReadUserWriteAc);
}

/* Certificates and roots are the card's; what it has no place for is remembered. R-106. S-025. */
static void
test_files(void **state)
{
	AUTO_BUF struct buf content = BUF_INIT, map = BUF_INIT, big = BUF_INIT;
	const struct cursor other = vcard_piv_reference_certificate(0x9D);
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
		assert_int_equal(put(&rig, "mscp", "kxc00", other), SCARD_E_UNSUPPORTED_FEATURE);
		assert_int_equal(authenticate(&rig, factory_key), SCARD_S_SUCCESS);
		assert_int_equal(create(&rig, "mscp", "kxc00"), ERROR_FILE_EXISTS);
		assert_int_equal(put(&rig, "mscp", "kxc00", other), SCARD_S_SUCCESS);
		assert_int_equal(piv_rig_file(&rig, "mscp", "kxc00", &content), SCARD_S_SUCCESS);
		assert_int_equal(content.len, other.left);
		assert_memory_equal(content.p, other.p, other.left);
		assert_int_equal(put(&rig, "mscp", "ksc00", other), SCARD_E_FILE_NOT_FOUND);
		assert_int_equal(rig.data.pfnCardDeleteFile(&rig.data, "mscp", "kxc00", 0), SCARD_S_SUCCESS);
		assert_int_equal(piv_rig_file(&rig, "mscp", "kxc00", &content), SCARD_E_FILE_NOT_FOUND);
		assert_int_equal(put(&rig, "mscp", "kxc00", other), SCARD_E_FILE_NOT_FOUND);
		assert_int_equal(create(&rig, "mscp", "kxc00"), SCARD_S_SUCCESS);
		assert_int_equal(put(&rig, "mscp", "kxc00", other), SCARD_S_SUCCESS);
		buf_zeros(&big, 6000);
		assert_int_equal(create(&rig, "mscp", "msroots"), SCARD_S_SUCCESS);
		assert_int_equal(put(&rig, "mscp", "msroots", buf_cur(&big)), SCARD_S_SUCCESS);
		assert_int_equal(piv_rig_file(&rig, "mscp", "msroots", &content), SCARD_S_SUCCESS);
		assert_int_equal(content.len, 6000);
		buf_zeros(&big, 7000);
		assert_int_equal(put(&rig, "mscp", "msroots", buf_cur(&big)), SCARD_E_WRITE_TOO_MANY);
		assert_int_equal(rig.data.pfnCardDeleteFile(&rig.data, "mscp", "msroots", 0), SCARD_S_SUCCESS);
		assert_int_equal(piv_rig_file(&rig, "mscp", "msroots", &content), SCARD_E_FILE_NOT_FOUND);
		assert_int_equal(put(&rig, NULL, "cardcf", cur_of("\x01\x02\x03\x04\x05\x06", 6)), SCARD_S_SUCCESS);
		rig_next(&rig);
		assert_int_equal(piv_rig_file(&rig, NULL, "cardcf", &content), SCARD_S_SUCCESS);
		assert_memory_equal(content.p, "\x01\x02\x03\x04\x05\x06", 6);
		assert_int_equal(authenticate(&rig, factory_key), SCARD_S_SUCCESS);
		assert_int_equal(piv_rig_file(&rig, "mscp", "cmapfile", &map), SCARD_S_SUCCESS);
		map.p[0] = 'X';
		assert_int_equal(put(&rig, "mscp", "cmapfile", buf_cur(&map)), SCARD_S_SUCCESS);
		assert_int_equal(piv_rig_file(&rig, "mscp", "cmapfile", &content), SCARD_S_SUCCESS);
		assert_int_equal(content.p[0], 'X');
		assert_int_equal(create(&rig, NULL, "other"), SCARD_E_UNSUPPORTED_FEATURE);
		assert_int_equal(put(&rig, NULL, "cardid", cur_of(factory_key, 16)), SCARD_E_UNSUPPORTED_FEATURE);
		rig_close(&rig);
		buf_reset(&big);
	}
}

/* Every data object is a file for who asks for it by its tag. */
static void
test_objects(void **state)
{
	static const BYTE printed[] = { 0x01, 0x05, 'A', 'l', 'i', 'c', 'e', 0xFE, 0x00 };
	AUTO_BUF struct buf content = BUF_INIT;
	struct rig rig;
	char *names;
	DWORD len;

	(void)state;
	rig_acquire(&rig, &strict);
	assert_int_equal(piv_rig_file(&rig, "piv", "5fc102", &content), SCARD_S_SUCCESS);
	assert_true(content.len > 16);
	assert_int_equal(piv_rig_file(&rig, "piv", "7e", &content), SCARD_S_SUCCESS);
	assert_int_equal(piv_rig_file(&rig, "piv", "5fc109", &content), SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(piv_rig_file(&rig, "piv", "5fc103a", &content), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(piv_rig_file(&rig, "piv", "0x5fc1", &content), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(put(&rig, "piv", "5fc109", cur_of(printed, sizeof(printed))), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(authenticate(&rig, factory_key), SCARD_S_SUCCESS);
	assert_int_equal(put(&rig, "piv", "5fc109", cur_of(printed, sizeof(printed))), SCARD_S_SUCCESS);
	assert_int_equal(put(&rig, "piv", "7e", cur_of(printed, sizeof(printed))), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "123456", NULL), SCARD_S_SUCCESS);
	assert_int_equal(piv_rig_file(&rig, "piv", "5fc109", &content), SCARD_S_SUCCESS);
	assert_int_equal(content.len, sizeof(printed));
	assert_int_equal(rig.data.pfnCardEnumFiles(&rig.data, "piv", &names, &len, 0), SCARD_S_SUCCESS);
	rig.data.pfnCspFree(names);
	assert_int_equal(rig.data.pfnCardDeleteFile(&rig.data, "piv", "5fc109", 0), SCARD_S_SUCCESS);
	assert_int_equal(piv_rig_file(&rig, "piv", "5fc109", &content), SCARD_E_FILE_NOT_FOUND);
	rig_close(&rig);
}

/* The holder's roots are his own until the card leaves; nobody else sees them. R-106. */
static void
test_simulated_roots(void **state)
{
	AUTO_BUF struct buf content = BUF_INIT;
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &strict);
	assert_int_equal(create(&rig, "mscp", "msroots"), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "123456", NULL), SCARD_S_SUCCESS);
	assert_int_equal(put(&rig, "mscp", "msroots", cur_of(factory_key, 5)), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(create(&rig, "mscp", "msroots"), SCARD_S_SUCCESS);
	assert_int_equal(create(&rig, "mscp", "msroots"), ERROR_FILE_EXISTS);
	assert_int_equal(put(&rig, "mscp", "msroots", cur_of(factory_key, 5)), SCARD_S_SUCCESS);
	assert_int_equal(put(&rig, "mscp", "cmapfile", cur_of(factory_key, 5)), SCARD_E_UNSUPPORTED_FEATURE);
	rig_next(&rig);
	assert_int_equal(piv_rig_file(&rig, "mscp", "msroots", &content), SCARD_S_SUCCESS);
	assert_int_equal(content.len, 5);
	assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "123456", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig.data.pfnCardDeleteFile(&rig.data, "mscp", "msroots", 0), SCARD_S_SUCCESS);
	assert_int_equal(piv_rig_file(&rig, "mscp", "msroots", &content), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(create(&rig, "mscp", "msroots"), SCARD_S_SUCCESS);
	/* who may write to the card does so */
	assert_int_equal(authenticate(&rig, factory_key), SCARD_S_SUCCESS);
	assert_int_equal(create(&rig, "mscp", "msroots"), SCARD_S_SUCCESS);
	assert_int_equal(put(&rig, "mscp", "msroots", cur_of(factory_key, 7)), SCARD_S_SUCCESS);
	assert_int_equal(piv_rig_file(&rig, "mscp", "msroots", &content), SCARD_S_SUCCESS);
	assert_int_equal(content.len, 7);
	rig_close(&rig);
}

static DWORD
set_retries(struct rig *rig, DWORD pin, DWORD puk)
{
	const CARD_PIN_RETRIES retries = { pin, puk };

	return rig->data.pfnCardSetProperty(&rig->data, CP_CARD_PIN_RETRIES, (const BYTE *)&retries, sizeof(retries),
					    0);
}

static DWORD
reset_card(struct rig *rig)
{
	return rig->data.pfnCardSetProperty(&rig->data, CP_CARD_RESET, NULL, 0, 0);
}

/* The number of tries, for administrator and user together; then both blocked, and a card as it came from the factory. S-029, S-030. */
static void
test_factory(void **state)
{
	BYTE before[16], after[16];
	struct rig rig;
	DWORD tries, len;

	(void)state;
	rig_acquire(&rig, &applet);
	assert_int_equal(rig.data.pfnCardGetProperty(&rig.data, CP_CARD_GUID, before, 16, &len, 0), SCARD_S_SUCCESS);
	assert_int_equal(piv_rig_signs(&rig, &applet, PIV_9E), SCARD_S_SUCCESS);
	assert_int_equal(set_retries(&rig, 4, 2), SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(authenticate(&rig, factory_key), SCARD_S_SUCCESS);
	assert_int_equal(set_retries(&rig, 4, 2), SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "123456", NULL), SCARD_S_SUCCESS);
	assert_int_equal(set_retries(&rig, 0, 2), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(set_retries(&rig, 4, 256), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(set_retries(&rig, 4, 2), SCARD_S_SUCCESS);
	assert_int_equal(set_retries(&rig, 4, 2), SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(reset_card(&rig), SCARD_W_SECURITY_VIOLATION);
	for (DWORD left = 4; left-- > 0;) {
		assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "999999", &tries), SCARD_W_WRONG_CHV);
		assert_int_equal(tries, left);
	}
	for (DWORD left = 2; left-- > 0;)
		assert_int_equal(change(&rig, PIN_CHANGE_FLAG_UNBLOCK, PIV_PUK, "99999999", ROLE_USER, "123456",
					&tries),
				 SCARD_W_WRONG_CHV);
	assert_int_equal(reset_card(&rig), SCARD_S_SUCCESS);
	assert_int_equal(piv_rig_signs(&rig, &applet, PIV_9E), SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(rig.data.pfnCardGetProperty(&rig.data, CP_CARD_GUID, after, 16, &len, 0), SCARD_S_SUCCESS);
	assert_memory_not_equal(before, after, 16);
	assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "123456", NULL), SCARD_S_SUCCESS);
	rig_close(&rig);
	rig_acquire(&rig, &government);
	assert_int_equal(reset_card(&rig), SCARD_E_UNSUPPORTED_FEATURE);
	rig_close(&rig);
}

/* At a reader with keys: typed there, given as bytes all the same, and changed there. */
static void
test_keypad(void **state)
{
	PIN_INFO info;
	struct rig rig;
	DWORD len;

	(void)state;
	rig_open(&rig, &strict);
	vcard_io_keypad(rig.io, "cancel 111111 123456 123456 123456 22222222 22222222");
	assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_S_SUCCESS);
	assert_int_equal(rig.data.pfnCardGetProperty(&rig.data, CP_CARD_PIN_INFO, (BYTE *)&info, sizeof(info), &len,
						     ROLE_USER),
			 SCARD_S_SUCCESS);
	assert_int_equal(info.PinType, ExternalPinType);
#define VERIFY(role) rig.data.pfnCardAuthenticateEx(&rig.data, role, 0, NULL, 0, NULL, NULL, NULL)
	assert_int_equal(VERIFY(ROLE_USER), SCARD_W_CANCELLED_BY_USER);
	assert_int_equal(VERIFY(ROLE_USER), SCARD_W_WRONG_CHV);
	assert_int_equal(VERIFY(ROLE_USER), SCARD_S_SUCCESS);
	assert_int_equal(piv_rig_signs(&rig, &strict, PIV_9A), SCARD_S_SUCCESS);
	/* right before the signature */
	assert_int_equal(VERIFY(PIV_ALWAYS), SCARD_S_SUCCESS);
#undef VERIFY
	assert_int_equal(piv_rig_signs(&rig, &strict, PIV_9C), SCARD_S_SUCCESS);
	assert_int_equal(rig.data.pfnCardChangeAuthenticatorEx(&rig.data, PIN_CHANGE_FLAG_CHANGEPIN, ROLE_USER, NULL, 0,
							       ROLE_USER, NULL, 0, 0, NULL),
			 SCARD_S_SUCCESS);
	assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "22222222", NULL), SCARD_S_SUCCESS);
	rig_close(&rig);
}

/* A card that nobody here can manage says so, and stays of use. S-031. */
static void
test_unmanaged(void **state)
{
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &government);
	assert_int_equal(authenticate(&rig, factory_key), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(piv_rig_signs(&rig, &government, PIV_9E), SCARD_S_SUCCESS);
	rig_close(&rig);
}

/* A retired key that the card does not have is room that is not there. */
static void
test_few_retired(void **state)
{
	struct kit kit;
	struct rig rig;

	(void)state;
	piv_kit_make(&kit, VCARD_PIV_FEW_RETIRED);
	rig_acquire(&rig, &kit);
	assert_int_equal(authenticate(&rig, factory_key), SCARD_S_SUCCESS);
	assert_int_equal(generate(&rig, 23, AT_ECDHE_P256, 0, ROLE_USER), SCARD_E_WRITE_TOO_MANY);
	assert_int_equal(generate(&rig, 4, AT_ECDHE_P256, 0, ROLE_USER), SCARD_S_SUCCESS);
	rig_close(&rig);
	kit_free(&kit);
}

/* A card that has the standard's objects and no place for others says so; what it cannot have is deleted already. */
static void
test_fixed_objects(void **state)
{
	const struct cursor roots = vcard_piv_reference_certificate(0x9D);
	struct kit kit;
	struct rig rig;

	(void)state;
	piv_kit_make(&kit, VCARD_PIV_FIXED_OBJECTS);
	rig_acquire(&rig, &kit);
	assert_int_equal(authenticate(&rig, factory_key), SCARD_S_SUCCESS);
	assert_int_equal(put(&rig, "mscp", "kxc00", roots), SCARD_S_SUCCESS);
	assert_int_equal(create(&rig, "mscp", "msroots"), SCARD_S_SUCCESS);
	assert_int_equal(put(&rig, "mscp", "msroots", roots), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(rig.data.pfnCardDeleteFile(&rig.data, "mscp", "msroots", 0), SCARD_S_SUCCESS);
	rig_close(&rig);
	kit_free(&kit);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_management_key),
		cmocka_unit_test(test_change_key),
		cmocka_unit_test(test_challenges),
		cmocka_unit_test(test_generate),
		cmocka_unit_test(test_import),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_few_retired),
		cmocka_unit_test(test_fixed_objects),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_simulated_roots),
		cmocka_unit_test(test_factory),
		cmocka_unit_test(test_unmanaged),
		cmocka_unit_test(test_keypad),
	};

	return cmocka_run_group_tests(tests, make_kits, free_kits);
}
