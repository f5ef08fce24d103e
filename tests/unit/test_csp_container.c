/* SPDX-License-Identifier: BSD-2-Clause */
/* The view of a card: keys, certificates, public keys, freshness of all of them, and operations' parameters. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/auto.h"
#include "csp/card.h"
#include "lib/fakecard.h"
#include "lib/test.h"

static EVP_PKEY *rsa, *rsa_other, *ec;

static int
make_keys(void **state)
{
	(void)state;
	rsa = EVP_RSA_gen(1024);
	rsa_other = EVP_RSA_gen(1024);
	ec = EVP_EC_gen("P-256");
	return rsa != NULL && rsa_other != NULL && ec != NULL ? 0 : -1;
}

static int
free_keys(void **state)
{
	(void)state;
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(rsa_other);
	EVP_PKEY_free(ec);
	return 0;
}

static int
setup(void **state)
{
	static struct fake_csp f;

	fake_csp_open(&f, 0);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	fake_csp_close(*state);
	return 0;
}

/* Making things ------------------------------------------------------------------------------------------------------ */

static struct public_key
public_of(EVP_PKEY *key)
{
	struct public_key public = { .type = KEY_NONE };
	uint8_t point[LIMIT_EC_POINT], n[LIMIT_RSA_BYTES], e[8];
	BIGNUM *bn = NULL, *be = NULL;
	size_t len = 0;

	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) {
		assert_int_equal(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point),
								 &len),
				 1);
		assert_true(pubkey_set_ec(&public, point, len));
		return public;
	}
	assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &bn), 1);
	assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &be), 1);
	assert_true(pubkey_set_rsa(&public, n, (size_t)BN_bn2bin(bn, n), e, (size_t)BN_bn2bin(be, e)));
	BN_free(bn);
	BN_free(be);
	return public;
}

static void
make_cert(EVP_PKEY *key, struct buf *ret_der)
{
	X509 *x = X509_new();
	X509_NAME *name;
	uint8_t *der = NULL;
	int len;

	assert_non_null(x);
	name = X509_get_subject_name(x);
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"Card holder", -1,
						    -1, 0),
			 1);
	assert_int_equal(X509_set_issuer_name(x, name), 1);
	assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), 7), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), 0));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x), 86400));
	assert_int_equal(X509_set_pubkey(x, key), 1);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	len = i2d_X509(x, &der);
	assert_true(len > 0);
	buf_reset(ret_der);
	buf_put(ret_der, der, (size_t)len);
	OPENSSL_free(der);
	X509_free(x);
}

static void
put_cert(struct fake_csp *f, const char *name, EVP_PKEY *key)
{
	AUTO_BUF struct buf der = BUF_INIT;

	make_cert(key, &der);
	fake_file_set(&f->fake, "mscp", name, der.p, der.len);
}

static uint32_t
refresh(struct fake_csp *f)
{
	uint32_t version = 0;

	fake_lock(f);
	assert_int_equal(csp_refresh(f->card, &version), SCARD_S_SUCCESS);
	fake_unlock(f);
	return version;
}

static struct csp_key
key_at(struct fake_csp *f, size_t index)
{
	struct csp_key key;

	fake_lock(f);
	assert_true(index < csp_key_count(f->card));
	key = *csp_key_at(f->card, index);
	assert_ptr_equal(csp_key_find(f->card, key.id), csp_key_at(f->card, index));
	fake_unlock(f);
	return key;
}

static size_t
count(struct fake_csp *f)
{
	size_t n;

	fake_lock(f);
	n = csp_key_count(f->card);
	fake_unlock(f);
	return n;
}

/* Whose public key: 'r', 'o' (other), 'e', or the code. */
static DWORD
public_key_is(struct fake_csp *f, uint32_t id)
{
	struct public_key a = public_of(rsa), b = public_of(rsa_other), c = public_of(ec);
	const struct public_key *got = NULL;
	DWORD which = 0, r;

	fake_lock(f);
	r = csp_key_public(f->card, id, &got);
	if (r == SCARD_S_SUCCESS)
		which = pubkey_equal(got, &a) ? 'r' : pubkey_equal(got, &b) ? 'o' : pubkey_equal(got, &c) ? 'e' : '?';
	fake_unlock(f);
	return r == SCARD_S_SUCCESS ? which : r;
}

static DWORD
cert_code(struct fake_csp *f, uint32_t id)
{
	const struct csp_cert *cert = NULL;
	DWORD r;

	fake_lock(f);
	r = csp_key_cert(f->card, id, &cert);
	if (r == SCARD_S_SUCCESS)
		assert_true(cert->der.len > 0);
	fake_unlock(f);
	return r;
}

static void
calls_are(struct fake_csp *f, const char *calls)
{
	assert_string_equal(fake_calls(&f->fake), calls);
}

/* Keys --------------------------------------------------------------------------------------------------------------- */

static void
test_slots(void **state)
{
	struct fake_csp *f = *state;
	struct csp_key key;

	fake_container(&f->fake, 0, "both", 3, 1024, 2048);
	fake_container(&f->fake, 2, "curve", 1, 256, 0);
	fake_container(&f->fake, 3, "dh", 1, 0, 384);
	fake_container(&f->fake, 4, "absurd", 1, 77, 1024);
	(void)refresh(f);
	assert_int_equal(count(f), 5);
	key = key_at(f, 0);
	assert_int_equal(key.container, 0);
	assert_true(key.exchange && key.other_slot_used && key.is_default && key.can_sign && key.can_decrypt);
	assert_false(key.can_derive || key.has_cert || key.always_authenticate);
	assert_int_equal(key.type, KEY_RSA);
	assert_int_equal(key.bits, 2048);
	assert_int_equal(key.role, ROLE_USER);
	assert_string_equal(key.name, "both");
	key = key_at(f, 1);
	assert_true(!key.exchange && key.other_slot_used && key.can_sign && !key.can_decrypt);
	assert_int_equal(key.bits, 1024);
	key = key_at(f, 2);
	assert_true(key.container == 2 && key.type == KEY_EC && key.bits == 256 && key.can_sign && !key.can_derive);
	assert_false(key.is_default || key.other_slot_used);
	key = key_at(f, 3);
	assert_true(key.type == KEY_EC && !key.can_sign && key.can_derive && !key.can_decrypt);
	/* the absurd size hides its own key only */
	key = key_at(f, 4);
	assert_true(key.container == 4 && key.exchange && !key.other_slot_used);
}

static void
test_no_map(void **state)
{
	struct fake_csp *f = *state;

	fake_file_drop(&f->fake, "mscp", "cmapfile");
	(void)refresh(f);
	assert_int_equal(count(f), 0);
	fake_counters(&f->fake, 0, 1, 0);
	fake_file_fails(&f->fake, "mscp", "cmapfile", SCARD_E_DIR_NOT_FOUND);
	(void)refresh(f);
	assert_int_equal(count(f), 0);
	fake_counters(&f->fake, 0, 2, 0);
	fake_file_fails(&f->fake, "mscp", "cmapfile", SCARD_E_COMM_DATA_LOST);
	fake_lock(f);
	assert_int_equal(csp_refresh(f->card, NULL), SCARD_E_COMM_DATA_LOST);
	fake_unlock(f);
	/* not believed before it was read */
	fake_container(&f->fake, 0, "k", 1, 0, 1024);
	(void)refresh(f);
	assert_int_equal(count(f), 1);
}

/* Damage is logged once and hides what it hides (the partial record, here). */
static void
test_damaged_map(void **state)
{
	struct fake_csp *f = *state;
	uint8_t map[86 + 30] = { 'k', [80] = 1, [84] = 0, [85] = 4, [86] = 'x' };

	fake_file_set(&f->fake, "mscp", "cmapfile", map, sizeof(map));
	(void)refresh(f);
	assert_int_equal(count(f), 1);
	fake_lock(f);
	assert_true(f->card->said_map);
	fake_unlock(f);
}

static void
test_id_stability(void **state)
{
	struct fake_csp *f = *state;
	struct csp_key a, b, now;
	uint32_t version;

	fake_container(&f->fake, 0, "a", 3, 0, 1024);
	fake_container(&f->fake, 1, "b", 1, 0, 1024);
	version = refresh(f);
	assert_int_equal(refresh(f), version);
	a = key_at(f, 0);
	b = key_at(f, 1);
	assert_true(a.id != 0 && b.id != 0 && a.id != b.id);
	/* another container comes before them in the map's order of slots; these stay */
	fake_container(&f->fake, 2, "c", 1, 1024, 1024);
	fake_counters(&f->fake, 0, 1, 0);
	assert_int_not_equal(refresh(f), version);
	assert_int_equal(key_at(f, 0).id, a.id);
	assert_int_equal(key_at(f, 1).id, b.id);
	/* another name, another size, another slot: another key */
	fake_container(&f->fake, 0, "A", 3, 0, 1024);
	fake_container(&f->fake, 1, "b", 1, 0, 2048);
	fake_counters(&f->fake, 0, 2, 0);
	(void)refresh(f);
	assert_int_not_equal(key_at(f, 0).id, a.id);
	assert_int_not_equal(key_at(f, 1).id, b.id);
	now = key_at(f, 1);
	fake_container(&f->fake, 1, "b", 1, 2048, 0);
	fake_counters(&f->fake, 0, 3, 0);
	(void)refresh(f);
	assert_int_not_equal(key_at(f, 1).id, now.id);
	/* gone, and the number with it */
	fake_container(&f->fake, 0, "", 0, 0, 0);
	fake_counters(&f->fake, 0, 4, 0);
	(void)refresh(f);
	fake_container(&f->fake, 0, "a", 3, 0, 1024);
	fake_counters(&f->fake, 0, 5, 0);
	(void)refresh(f);
	assert_int_not_equal(key_at(f, 0).id, a.id);
	fake_lock(f);
	assert_null(csp_key_find(f->card, a.id));
	fake_unlock(f);
	assert_int_equal(public_key_is(f, a.id), SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(cert_code(f, a.id), SCARD_E_FILE_NOT_FOUND);
}

/* Freshness ---------------------------------------------------------------------------------------------------------- */

/* at the start of each transaction; only what changed is read again. R-064: PIN_INFO is such a thing. */
static void
test_counter_classes(void **state)
{
	struct fake_csp *f = *state;
	struct csp_token_info info;
	uint32_t id;

	fake_container(&f->fake, 0, "a", 3, 0, 1024);
	put_cert(f, "kxc00", rsa);
	fake_lock(f);
	assert_int_equal(csp_token_info(f->card, &info), SCARD_S_SUCCESS);
	assert_int_equal(csp_refresh(f->card, NULL), SCARD_S_SUCCESS);
	fake_unlock(f);
	id = key_at(f, 0).id;
	assert_int_equal(cert_code(f, id), SCARD_S_SUCCESS);
	assert_int_equal(public_key_is(f, id), 'r');
	calls_are(f, "acquire cardid info1 tries1 cmapfile list attrs cardcf cardcf kxc00 cardcf ");
	(void)refresh(f);
	calls_are(f, "cardcf ");
	fake_counters(&f->fake, 1, 0, 0);
	(void)refresh(f);
	calls_are(f, "cardcf info1 ");
	fake_lock(f);
	assert_int_equal(csp_token_info(f->card, &info), SCARD_S_SUCCESS);
	fake_unlock(f);
	calls_are(f, "tries1 ");
	fake_counters(&f->fake, 1, 1, 0);
	(void)refresh(f);
	assert_int_equal(cert_code(f, id), SCARD_S_SUCCESS);
	calls_are(f, "cardcf cmapfile list attrs ");
	assert_int_equal(public_key_is(f, id), 'r');
	calls_are(f, "cardcf ");
	put_cert(f, "kxc00", rsa_other);
	fake_counters(&f->fake, 1, 1, 1);
	(void)refresh(f);
	calls_are(f, "cardcf cmapfile list attrs ");
	assert_int_equal(public_key_is(f, id), 'o');
	calls_are(f, "cardcf kxc00 ");
	fake_lock(f);
	assert_int_equal(csp_token_info(f->card, &info), SCARD_S_SUCCESS);
	fake_unlock(f);
	calls_are(f, "cardid ");
	calls_are(f, "");
}

/* Counters wrap and may go backwards: different is different. */
static void
test_counters_wrap(void **state)
{
	struct fake_csp *f = *state;
	static const uint16_t values[] = { 65535, 0, 65535, 65534, 1 };
	uint32_t before = refresh(f), version;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		fake_counters(&f->fake, 0, values[i], 0);
		assert_int_not_equal(version = refresh(f), before);
		fake_counters(&f->fake, 0, values[i], (uint16_t)(values[i] + 7));
		assert_int_not_equal(before = refresh(f), version);
		assert_int_equal(refresh(f), before);
	}
	fake_counters(&f->fake, 255, 1, 1);
	(void)refresh(f);
	(void)fake_calls(&f->fake);
	fake_counters(&f->fake, 0, 1, 1);
	(void)refresh(f);
	calls_are(f, "cardcf ");
}

/* No cardcf, or too little of it: nothing is kept from one transaction to the next. More of it is fine. */
static void
test_cardcf_damaged(void **state)
{
	static const uint8_t cardcf[10] = { 0 };
	struct fake_csp *f = *state;

	(void)refresh(f);
	(void)fake_calls(&f->fake);
	fake_file_set(&f->fake, NULL, "cardcf", cardcf, 5);
	(void)refresh(f);
	calls_are(f, "cardcf cmapfile ");
	(void)refresh(f);
	calls_are(f, "cardcf cmapfile ");
	fake_file_drop(&f->fake, NULL, "cardcf");
	(void)refresh(f);
	calls_are(f, "cardcf cmapfile ");
	fake_file_set(&f->fake, NULL, "cardcf", cardcf, sizeof(cardcf));
	(void)refresh(f);
	calls_are(f, "cardcf cmapfile ");
	(void)refresh(f);
	calls_are(f, "cardcf ");
}

/* until removal, whatever cardcf says. */
static void
test_session_mode(void **state)
{
	struct fake_csp *f = *state;

	f->fake.cache_mode = CARD_CACHE_MODE_SESSION;
	(void)refresh(f);
	calls_are(f, "acquire cmapfile ");
	fake_counters(&f->fake, 1, 1, 1);
	(void)refresh(f);
	calls_are(f, "");
	fake_card_pull(f->slot, &f->fake);
	fake_card_put(f->slot, &f->fake);
	assert_int_equal(csp_poll(f->csp, false), SCARD_S_SUCCESS);
	(void)refresh(f);
	calls_are(f, "acquire cmapfile ");
}

/* each transaction goes to the card. */
static void
test_no_cache(void **state)
{
	struct fake_csp *f = *state;
	uint32_t id;

	f->fake.cache_mode = CARD_CACHE_MODE_NONE;
	fake_container(&f->fake, 0, "a", 3, 0, 1024);
	(void)refresh(f);
	calls_are(f, "acquire cmapfile list info1 attrs ");
	id = key_at(f, 0).id;
	(void)refresh(f);
	calls_are(f, "cmapfile list info1 attrs ");
	assert_int_equal(key_at(f, 0).id, id);
}

/* Certificates and public keys --------------------------------------------------------------------------------------- */

static void
test_public_from_card(void **state)
{
	struct fake_csp *f = *state;
	uint32_t exchange, signature;

	f->fake.infos[0].KeyExPublicKey = public_of(rsa);
	f->fake.infos[0].SigPublicKey = public_of(ec);
	fake_container(&f->fake, 0, "a", 3, 256, 1024);
	(void)refresh(f);
	exchange = key_at(f, 0).id;
	signature = key_at(f, 1).id;
	(void)fake_calls(&f->fake);
	/* one question brings both, once */
	assert_int_equal(public_key_is(f, exchange), 'r');
	assert_int_equal(public_key_is(f, signature), 'e');
	assert_int_equal(public_key_is(f, exchange), 'r');
	calls_are(f, "cardcf key0 ");
	assert_int_equal(cert_code(f, exchange), SCARD_E_FILE_NOT_FOUND);
	calls_are(f, "");
}

/* A certificate of another type or size says nothing about the key, and is shown all the same. */
static void
test_cert_of_other_key(void **state)
{
	struct fake_csp *f = *state;
	uint32_t id;

	f->fake.infos[0].KeyExPublicKey = public_of(rsa);
	fake_container(&f->fake, 0, "a", 3, 0, 1024);
	put_cert(f, "kxc00", ec);
	(void)refresh(f);
	id = key_at(f, 0).id;
	assert_true(key_at(f, 0).has_cert);
	(void)fake_calls(&f->fake);
	assert_int_equal(public_key_is(f, id), 'r');
	calls_are(f, "cardcf kxc00 key0 ");
	assert_int_equal(cert_code(f, id), SCARD_S_SUCCESS);
}

static void
test_damaged_cert(void **state)
{
	struct fake_csp *f = *state;
	uint32_t id;

	f->fake.infos[0].KeyExPublicKey = public_of(rsa);
	fake_container(&f->fake, 0, "a", 3, 0, 1024);
	fake_file_set(&f->fake, "mscp", "kxc00", "\x01\x00\xFF\xFFzlib", 8);
	(void)refresh(f);
	id = key_at(f, 0).id;
	assert_int_equal(cert_code(f, id), SCARD_E_FILE_NOT_FOUND);
	(void)fake_calls(&f->fake);
	/* looked at once */
	assert_int_equal(cert_code(f, id), SCARD_E_FILE_NOT_FOUND);
	calls_are(f, "");
	assert_int_equal(public_key_is(f, id), 'r');
	calls_are(f, "cardcf key0 ");
	/* a lost exchange is no damage */
	put_cert(f, "kxc00", rsa);
	fake_counters(&f->fake, 0, 0, 1);
	(void)refresh(f);
	fake_file_fails(&f->fake, "mscp", "kxc00", SCARD_E_COMM_DATA_LOST);
	assert_int_equal(cert_code(f, id), SCARD_E_COMM_DATA_LOST);
	put_cert(f, "kxc00", rsa);
	assert_int_equal(cert_code(f, id), SCARD_S_SUCCESS);
}

/* The map says one size, the card another: no public key, asked for once. */
static void
test_public_does_not_fit(void **state)
{
	struct fake_csp *f = *state;
	uint32_t id;

	f->fake.infos[0].KeyExPublicKey = public_of(rsa);
	fake_container(&f->fake, 0, "a", 3, 0, 2048);
	(void)refresh(f);
	id = key_at(f, 0).id;
	(void)fake_calls(&f->fake);
	assert_int_equal(public_key_is(f, id), SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(public_key_is(f, id), SCARD_E_NO_KEY_CONTAINER);
	calls_are(f, "cardcf key0 cardcf ");
}

/* R-115; container 12 has kxc0c in hexadecimal, kxc12 in decimal, and kxc12 is what container 18 calls its own. */
static void
test_digits(void **state)
{
	struct fake_csp *f = *state;

	f->fake.infos[12].KeyExPublicKey = public_of(rsa);
	f->fake.infos[18].KeyExPublicKey = public_of(rsa_other);
	fake_container(&f->fake, 12, "a", 3, 0, 1024);
	fake_container(&f->fake, 18, "b", 1, 0, 1024);
	put_cert(f, "KXC0C", rsa);
	put_cert(f, "kxc12", rsa_other);
	(void)refresh(f);
	assert_int_equal(cert_code(f, key_at(f, 0).id), SCARD_S_SUCCESS);
	assert_int_equal(public_key_is(f, key_at(f, 0).id), 'r');
	assert_int_equal(public_key_is(f, key_at(f, 1).id), 'o');
	assert_true(key_at(f, 1).has_cert);
	/* decimal, and its own */
	fake_file_drop(&f->fake, "mscp", "KXC0C");
	put_cert(f, "kxc12", rsa);
	fake_counters(&f->fake, 0, 1, 1);
	(void)refresh(f);
	assert_true(key_at(f, 0).has_cert);
	assert_int_equal(cert_code(f, key_at(f, 0).id), SCARD_S_SUCCESS);
	/* decimal by its name, but of another key */
	put_cert(f, "kxc12", rsa_other);
	fake_counters(&f->fake, 0, 2, 2);
	(void)refresh(f);
	assert_false(key_at(f, 0).has_cert);
	assert_int_equal(cert_code(f, key_at(f, 0).id), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(public_key_is(f, key_at(f, 0).id), 'r');
	assert_true(key_at(f, 1).has_cert);
	/* below ten there is nothing to tell apart */
	fake_file_drop(&f->fake, "mscp", "kxc12");
}

/* A minidriver that cannot list: files are tried. */
static void
test_no_listing(void **state)
{
	struct fake_csp *f = *state;

	f->fake.cannot_list = true;
	f->fake.infos[1].KeyExPublicKey = public_of(rsa_other);
	fake_container(&f->fake, 0, "a", 3, 0, 1024);
	fake_container(&f->fake, 1, "b", 1, 0, 1024);
	put_cert(f, "kxc00", rsa);
	(void)refresh(f);
	assert_int_equal(cert_code(f, key_at(f, 0).id), SCARD_S_SUCCESS);
	assert_int_equal(cert_code(f, key_at(f, 1).id), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(public_key_is(f, key_at(f, 1).id), 'o');
}

/* Token -------------------------------------------------------------------------------------------------------------- */

/* the serial number comes from cardid. */
static void
test_token_info(void **state)
{
	struct fake_csp *f = *state;
	struct csp_token_info info;

	fake_lock(f);
	assert_int_equal(csp_token_info(f->card, &info), SCARD_S_SUCCESS);
	assert_string_equal(info.serial, "8899aabbccddeeff");
	assert_string_equal(info.label, "Fake card with a name t ccddeeff");
	assert_string_equal(info.model, "Fake card with a");
	assert_string_equal(info.manufacturer, "minidriver-pkcs11");
	assert_true(info.login_required);
	assert_false(info.read_only);
	assert_int_equal(info.pin_min, 4);
	assert_int_equal(info.pin_max, 16);
	assert_int_equal(info.tries_left, 3);
	assert_int_equal(info.tries_max, 3);
	assert_int_equal(csp_login(f->card, CSP_ROLE_USER, (const uint8_t *)"9999", 4, NULL), SCARD_W_WRONG_CHV);
	assert_int_equal(csp_token_info(f->card, &info), SCARD_S_SUCCESS);
	assert_int_equal(info.tries_left, 2);
	assert_int_equal(csp_login(f->card, CSP_ROLE_USER, (const uint8_t *)"1234", 4, NULL), SCARD_S_SUCCESS);
	assert_int_equal(csp_token_info(f->card, &info), SCARD_S_SUCCESS);
	assert_int_equal(info.tries_left, 3);
	calls_are(f, "acquire cardid info1 tries1 verify1 verify1 ");
	fake_unlock(f);
}

static void
test_blank_token(void **state)
{
	struct fake_csp *f = *state;
	struct csp_token_info info;

	fake_file_drop(&f->fake, NULL, "cardid");
	f->fake.roles[ROLE_USER].info.PinType = EmptyPinType;
	f->fake.roles[ROLE_USER].tries_hidden = true;
	fake_lock(f);
	assert_int_equal(csp_token_info(f->card, &info), SCARD_S_SUCCESS);
	fake_unlock(f);
	assert_string_equal(info.serial, "");
	assert_string_equal(info.label, "Fake card with a name that is lo");
	assert_false(info.login_required);
	assert_int_equal(info.tries_left, CSP_UNKNOWN);
	assert_int_equal(info.tries_max, CSP_UNKNOWN);
}

/* Operations --------------------------------------------------------------------------------------------------------- */

struct signing {
	struct csp_scheme scheme;
	size_t len;
	DWORD code;
};

static DWORD
sign_with(struct fake_csp *f, size_t index, const struct csp_scheme *scheme, size_t len, size_t room)
{
	static const uint8_t data[600] = { 1, 2, 3 };
	uint8_t signature[512];
	size_t got = 0;
	DWORD r;

	fake_lock(f);
	r = csp_sign(f->card, csp_key_at(f->card, index)->id, scheme, cur_of(data, len), signature, room, &got);
	fake_unlock(f);
	return r;
}

static void
open_keys(struct fake_csp *f)
{
	f->fake.infos[0].KeyExPublicKey = public_of(rsa);
	f->fake.infos[0].SigPublicKey = public_of(ec);
	fake_container(&f->fake, 0, "a", 3, 256, 1024);
	(void)refresh(f);
	fake_lock(f);
	assert_int_equal(csp_login(f->card, CSP_ROLE_USER, (const uint8_t *)"1234", 4, NULL), SCARD_S_SUCCESS);
	fake_unlock(f);
	(void)fake_calls(&f->fake);
}

/* What cannot work costs nothing: no transaction, no PIN. */
static void
test_sign_checks(void **state)
{
	static const struct signing bad[] = {
		{ { .padding = CSP_PAD_RAW }, 127, SCARD_E_INVALID_PARAMETER },
		{ { .padding = CSP_PAD_RAW }, 129, SCARD_E_INVALID_PARAMETER },
		{ { .padding = CSP_PAD_PKCS1 }, 118, SCARD_E_INVALID_PARAMETER },
		{ { .padding = CSP_PAD_PKCS1, .hash = CSP_SHA256 }, 31, SCARD_E_INVALID_PARAMETER },
		{ { .padding = CSP_PAD_PSS, .hash = CSP_SHA256, .mgf = CSP_SHA256, .salt_len = 32 },
		  33,
		  SCARD_E_INVALID_PARAMETER },
		{ { .padding = CSP_PAD_PSS, .hash = CSP_SHA256, .mgf = CSP_SHA256, .salt_len = 95 },
		  32,
		  SCARD_E_INVALID_PARAMETER },
		{ { .padding = CSP_PAD_PSS, .hash = CSP_SHA256, .mgf = CSP_SHA256, .salt_len = SIZE_MAX },
		  32,
		  SCARD_E_INVALID_PARAMETER },
		{ { .padding = CSP_PAD_PSS, .hash = CSP_HASH_NONE }, 0, SCARD_E_INVALID_PARAMETER },
		{ { .padding = CSP_PAD_OAEP }, 32, SCARD_E_UNSUPPORTED_FEATURE },
		{ { .padding = CSP_PAD_ECDSA }, 32, SCARD_E_UNSUPPORTED_FEATURE },
	};
	static const struct csp_scheme pkcs1 = { .padding = CSP_PAD_PKCS1 }, ecdsa = { .padding = CSP_PAD_ECDSA };
	struct fake_csp *f = *state;

	open_keys(f);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(sign_with(f, 0, &bad[i].scheme, bad[i].len, 512), bad[i].code);
	assert_int_equal(sign_with(f, 1, &pkcs1, 32, 512), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(sign_with(f, 1, &ecdsa, 0, 512), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(sign_with(f, 0, &pkcs1, 32, 127), SCARD_E_INSUFFICIENT_BUFFER);
	assert_int_equal(sign_with(f, 1, &ecdsa, 32, 63), SCARD_E_INSUFFICIENT_BUFFER);
	calls_are(f, "");
}

static void
test_sign_parameters(void **state)
{
	static const struct csp_scheme raw = { .padding = CSP_PAD_RAW }, ecdsa = { .padding = CSP_PAD_ECDSA },
				       pkcs1 = { .padding = CSP_PAD_PKCS1, .hash = CSP_SHA1 },
				       pss = { .padding = CSP_PAD_PSS,
					       .hash = CSP_SHA256,
					       .mgf = CSP_SHA1,
					       .salt_len = 20 };
	struct fake_csp *f = *state;
	const CARD_SIGNING_INFO *info = &f->fake.signing;

	open_keys(f);
	assert_int_equal(sign_with(f, 0, &raw, 128, 128), SCARD_S_SUCCESS);
	assert_true(info->dwPaddingType == CARD_PADDING_NONE && info->cbData == 128 && info->dwVersion == 2);
	assert_int_equal(info->dwKeySpec, AT_KEYEXCHANGE);
	assert_int_equal(sign_with(f, 0, &pkcs1, 20, 128), SCARD_S_SUCCESS);
	assert_true(info->dwPaddingType == CARD_PADDING_PKCS1 && info->cbData == 20);
	assert_int_equal(info->dwSigningFlags, CARD_PADDING_INFO_PRESENT);
	assert_int_equal(sign_with(f, 0, &pss, 32, 128), SCARD_S_SUCCESS);
	assert_int_equal(info->dwPaddingType, CARD_PADDING_PSS);
	assert_string_equal(f->fake.signing_hash, "SHA256");
	assert_string_equal(f->fake.signing_mgf, "SHA1");
	/* the leftmost bytes of a longer hash */
	assert_int_equal(sign_with(f, 1, &ecdsa, 64, 64), SCARD_S_SUCCESS);
	assert_true(info->cbData == 32 && info->dwKeySpec == AT_ECDSA_P256);
	assert_int_equal(f->fake.signed_data[0], 1);
	assert_int_equal(sign_with(f, 1, &ecdsa, 20, 64), SCARD_S_SUCCESS);
	assert_int_equal(info->cbData, 20);
}

/* A signature of another length is none. */
static void
test_signature_length(void **state)
{
	static const struct csp_scheme pkcs1 = { .padding = CSP_PAD_PKCS1 };
	static const DWORD lengths[] = { 1, 127, 129, 512 };
	struct fake_csp *f = *state;

	open_keys(f);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		f->fake.signature_len = lengths[i];
		assert_int_equal(sign_with(f, 0, &pkcs1, 32, 512), SCARD_E_UNEXPECTED);
	}
}

static void
test_decrypt(void **state)
{
	static const struct csp_scheme pkcs1 = { .padding = CSP_PAD_PKCS1 }, pss = { .padding = CSP_PAD_PSS },
				       eddsa = { .padding = CSP_PAD_EDDSA };
	AUTO_SECRET struct secret plain = SECRET_INIT;
	struct fake_csp *f = *state;
	uint8_t block[128] = { 0, 'h', 'i' };
	uint32_t id, ec_id;

	open_keys(f);
	id = key_at(f, 0).id;
	ec_id = key_at(f, 1).id;
	fake_lock(f);
	assert_int_equal(csp_decrypt(f->card, id, &pkcs1, cur_of(block, 128), &plain), SCARD_S_SUCCESS);
	assert_int_equal(plain.len, 127);
	assert_memory_equal(plain.p, "hi", 2);
	/* every kind of bad padding looks the same, and leaves the output alone */
	block[0] = 0xFF;
	assert_int_equal(csp_decrypt(f->card, id, &pkcs1, cur_of(block, 128), &plain), SCARD_E_INVALID_VALUE);
	assert_int_equal(plain.len, 127);
	(void)fake_calls(&f->fake);
	assert_int_equal(csp_decrypt(f->card, id, &pkcs1, cur_of(block, 127), &plain), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(csp_decrypt(f->card, id, &pss, cur_of(block, 128), &plain), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(csp_decrypt(f->card, id, &eddsa, cur_of(block, 128), &plain), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(csp_decrypt(f->card, ec_id, &pkcs1, cur_of(block, 64), &plain), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(csp_decrypt(f->card, 0, &pkcs1, cur_of(block, 128), &plain), SCARD_E_NO_KEY_CONTAINER);
	calls_are(f, "");
	/* tried again with the block as it was */
	block[0] = 0;
	f->fake.forgets = true;
	assert_int_equal(csp_decrypt(f->card, id, &pkcs1, cur_of(block, 128), &plain), SCARD_S_SUCCESS);
	assert_memory_equal(plain.p, "hi", 2);
	calls_are(f, "decrypt0 verify1 decrypt0 ");
	fake_unlock(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_slots),
		TEST(test_no_map),
		TEST(test_damaged_map),
		TEST(test_id_stability),
		TEST(test_counter_classes),
		TEST(test_counters_wrap),
		TEST(test_cardcf_damaged),
		TEST(test_session_mode),
		TEST(test_no_cache),
		TEST(test_public_from_card),
		TEST(test_cert_of_other_key),
		TEST(test_damaged_cert),
		TEST(test_public_does_not_fit),
		TEST(test_digits),
		TEST(test_no_listing),
		TEST(test_token_info),
		TEST(test_blank_token),
		TEST(test_sign_checks),
		TEST(test_sign_parameters),
		TEST(test_signature_length),
		TEST(test_decrypt),
	};

	return cmocka_run_group_tests_name("csp container", tests, make_keys, free_keys);
}
