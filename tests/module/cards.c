/* SPDX-License-Identifier: BSD-2-Clause */
/* Making of the card files: keys by the card itself or from files, certificates by a throw-away authority. */
#include "module/cards.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/auto.h"
#include "vcard/engine.h"
#include "vcard/perso.h"

struct key_plan {
	uint8_t container;
	enum vcard_perso_algorithm algorithm;
	bool signature_only;
	const char *name;
	enum { NO_CERT, CERT, PLAIN_CERT, RUBBISH } cert;
	const char *file; /* NULL: the card makes the key */
};

/* The largest RSA keys take too long to be made. */
#define BIG_KEYS                                                                                                       \
	{                                                                                                              \
		{ 0, VCARD_RSA4096, false, "Big RSA", NO_CERT, "rsa4096.pem" },                                        \
			{ 1, VCARD_RSA3072, false, "Medium RSA", NO_CERT, "rsa3072.pem" },                             \
			{ 2, VCARD_P521, true, "Big EC", NO_CERT, NULL },                                              \
	}

static const struct card_plan {
	const char *name;
	bool formatted;
	uint8_t cardid; /* repeated */
	struct key_plan keys[6];
	size_t key_count;
	uint32_t quirks;
} plans[MT_CARDS] = {
	[MT_ALICE] = { "alice",
		       true,
		       0xA1,
		       { { 0, VCARD_RSA2048, false, "Alice RSA", CERT, NULL },
			 { 1, VCARD_RSA1024, true, "Alice Signature", NO_CERT, NULL },
			 { 2, VCARD_P256, true, "Alice EC", PLAIN_CERT, NULL },
			 { 3, VCARD_P384, true, "Alice P-384", NO_CERT, NULL },
			 { 4, VCARD_P521, true, "Alice P-521", NO_CERT, NULL },
			 { 5, VCARD_RSA1024, false, "Alice damaged", RUBBISH, NULL } },
		       6,
		       0 },
	[MT_BOB] = { "bob", true, 0xB0, { { 0, VCARD_RSA1024, false, "Bob RSA", CERT, NULL } }, 1, 0 },
	[MT_EMPTY] = { "empty", true, 0xE0, { { 0 } }, 0, 0 },
	[MT_BLANK] = { "blank", false, 0, { { 0 } }, 0, 0 },
	[MT_FOREIGN] = { "foreign", false, 0, { { 0 } }, 0, 0 },
	[MT_BIG] = { "big", true, 0xB1, BIG_KEYS, 3, 0 },
	[MT_BIG_CHAINS] = { "chains", true, 0xB2, BIG_KEYS, 3, VCARD_NO_EXTENDED },
	[MT_BIG_T0] = { "t0", true, 0xB3, BIG_KEYS, 3, VCARD_T0 },
};

static const uint8_t foreign_atr[] = { 0x3B, 0x80, 0x80, 0x01, 0x01 };

static void
perso_ok(int result)
{
	if (result != 0)
		fail_msg("%s", vcard_perso_error());
}

static EVP_PKEY *
public_key(struct vcard *card, uint8_t container)
{
	AUTO_BUF struct buf spki = BUF_INIT;
	const unsigned char *p;
	EVP_PKEY *key;

	perso_ok(vcard_perso_pubkey(card, container, &spki));
	p = spki.p;
	key = d2i_PUBKEY(NULL, &p, (long)spki.len);
	assert_non_null(key);
	return key;
}

static void
set_name(X509_NAME *name, const char *text)
{
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0),
			 1);
}

/* Valid from 2025-01-01 to 2049-12-31, so that dates can be compared. */
static void
make_cert(EVP_PKEY *subject_key, const char *subject, struct buf *ret_der)
{
	EVP_PKEY *authority = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	unsigned char *der = NULL;
	int len;

	assert_non_null(authority);
	assert_non_null(x);
	assert_int_equal(X509_set_version(x, 2), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), 0x1234), 1);
	assert_int_equal(ASN1_TIME_set_string(X509_getm_notBefore(x), "250101000000Z"), 1);
	assert_int_equal(ASN1_TIME_set_string(X509_getm_notAfter(x), "491231235959Z"), 1);
	set_name(X509_get_subject_name(x), subject);
	set_name(X509_get_issuer_name(x), "Test Authority");
	assert_int_equal(X509_set_pubkey(x, subject_key), 1);
	assert_true(X509_sign(x, authority, EVP_sha256()) > 0);
	len = i2d_X509(x, &der);
	assert_true(len > 0);
	buf_put(ret_der, der, (size_t)len);
	OPENSSL_free(der);
	X509_free(x);
	EVP_PKEY_free(authority);
}

void
mt_card_certify(struct vcard *card, uint8_t container, const char *subject, bool plain)
{
	AUTO_BUF struct buf der = BUF_INIT;
	EVP_PKEY *key = public_key(card, container);

	make_cert(key, subject, &der);
	perso_ok(vcard_perso_cert(card, MT_PIN, container, buf_cur(&der), plain));
	EVP_PKEY_free(key);
}

static void
store_cert(struct vcard *card, const struct key_plan *plan)
{
	static const uint8_t rubbish[] = "this is no certificate at all";

	if (plan->cert == NO_CERT)
		return;
	if (plan->cert == RUBBISH) {
		perso_ok(vcard_perso_put(card, MT_PIN, "mscp", "kxc05", cur_of(rubbish, sizeof(rubbish))));
		return;
	}
	mt_card_certify(card, plan->container, plan->name, plan->cert == PLAIN_CERT);
}

static void
store_key(struct vcard *card, const struct key_plan *key)
{
	const struct vcard_perso_container container = {
		.pin = MT_PIN,
		.index = key->container,
		.algorithm = key->algorithm,
		.signature_only = key->signature_only,
		.name = key->name,
	};
	const char *source = getenv("abs_top_srcdir");
	char file[512];

	if (key->file == NULL) {
		perso_ok(vcard_perso_keygen(card, &container));
		return;
	}
	assert_non_null(source);
	(void)snprintf(file, sizeof(file), "%s/tests/module/keys/%s", source, key->file);
	perso_ok(vcard_perso_import(card, &container, file));
}

static void
make_card(const struct card_plan *plan, const char *path)
{
	struct vcard_profile profile = { .quirks = plan->quirks, .ecc = true };
	uint8_t cardid[VCARD_CARDID_LEN];
	struct vcard *card;

	memset(cardid, plan->cardid, sizeof(cardid));
	if (plan == &plans[MT_FOREIGN]) {
		profile.atr_len = sizeof(foreign_atr);
		memcpy(profile.atr, foreign_atr, sizeof(foreign_atr));
	}
	(void)unlink(path);
	assert_int_equal(vcard_create(path, &profile), 0);
	card = vcard_open(path);
	assert_non_null(card);
	if (plan->formatted)
		perso_ok(vcard_perso_format(card, MT_PIN, NULL, cardid));
	for (size_t i = 0; i < plan->key_count; i++) {
		store_key(card, &plan->keys[i]);
		store_cert(card, &plan->keys[i]);
	}
	vcard_reset(card);
	assert_int_equal(vcard_save(card), 0);
	vcard_close(card);
}

static bool
is_newer(const char *path, const char *than)
{
	struct stat a, b;

	return stat(path, &a) == 0 && (stat(than, &b) != 0 || a.st_mtime > b.st_mtime);
}

const char *
mt_card_file(enum mt_card card)
{
	static char path[512];
	const char *build = getenv("abs_top_builddir"), *pcsc = getenv("PCSC_VCARD_DIR");
	char engine[512], fresh[600];

	assert_non_null(build);
	assert_non_null(pcsc);
	(void)snprintf(path, sizeof(path), "%s/tests/module/cards/%s", build, plans[card].name);
	(void)snprintf(engine, sizeof(engine), "%s/libpcsclite.so.1", pcsc);
	if (is_newer(path, engine))
		return path;
	(void)snprintf(fresh, sizeof(fresh), "%s/tests/module/cards", build);
	(void)mkdir(fresh, 0777);
	/* tests that run at the same time each make their own, and one of them stays */
	(void)snprintf(fresh, sizeof(fresh), "%s.%ld", path, (long)getpid());
	make_card(&plans[card], fresh);
	assert_int_equal(rename(fresh, path), 0);
	return path;
}

static struct vcard_info
card_info(enum mt_card card)
{
	struct vcard *open = vcard_open(mt_path("cards/%d", card));
	struct vcard_info info;

	assert_non_null(open);
	vcard_info(open, &info);
	vcard_close(open);
	return info;
}

bool
mt_is_verified(enum mt_card card)
{
	return card_info(card).pin_verified;
}

unsigned
mt_tries(enum mt_card card)
{
	return card_info(card).pin_tries_left;
}
