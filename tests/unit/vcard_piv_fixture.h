/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtual PIV card for a test of its engine, and libcrypto's side of what it does. */
#ifndef UNIT_VCARD_PIV_FIXTURE_H
#define UNIT_VCARD_PIV_FIXTURE_H

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "unit/vcard_fixture.h"
#include "vcard/perso_piv.h"
#include "vcard/tlv.h"

#define PIV_SELECT "00A404000BA00000030800001000010000"
#define PIV_VERIFY "0020008008313233343536FFFF"
#define APT "61164F0BA00000030800001000010079074F05A000000308"
#define HASH "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"

/* Factory state. */
static inline void
piv_blank(struct fixture *f, uint64_t quirks)
{
	const struct vcard_profile profile = { .applications = VCARD_PIV, .piv = { .quirks = quirks } };

	fixture_open(f, &profile);
}

/* The reference card with PIV selected. */
static inline void
piv_reference(struct fixture *f, uint64_t quirks)
{
	piv_blank(f, quirks);
	if (vcard_piv_reference(f->card, NULL) != 0)
		fail_msg("%s", vcard_perso_error());
	expect_sw(f->card, PIV_SELECT, SW_OK);
}

/* A GIDS application beside it; nothing is selected. */
static inline void
piv_reference_both(struct fixture *f, uint64_t quirks)
{
	const struct vcard_profile profile = { .applications = VCARD_PIV | VCARD_GIDS, .piv = { .quirks = quirks } };

	fixture_open(f, &profile);
	if (vcard_perso_format(f->card, PIN, NULL, NULL) != 0 || vcard_piv_reference(f->card, NULL) != 0)
		fail_msg("%s", vcard_perso_error());
}

static inline struct vcard_piv_info
piv_info(const struct vcard *card)
{
	struct vcard_piv_info info;

	vcard_piv_info(card, &info);
	return info;
}

/* Sends a template given in hex as a host does. Returns the status word; answer may be NULL. */
static inline uint16_t
piv_send(struct vcard *card, const char *header, const char *data, struct buf *answer)
{
	AUTO_BUF struct buf bytes = BUF_INIT;

	assert_true(hex_put(&bytes, data));
	return host_send(card, header, buf_cur(&bytes), answer);
}

/* The 82 of a 7C template and nothing else. */
static inline bool
piv_result(struct cursor answer, struct cursor *ret_result)
{
	struct cursor template;

	return vcard_tlv_expect(&answer, 0x7C, &template) && cur_at_end(&answer) &&
	       vcard_tlv_expect(&template, 0x82, ret_result) && cur_at_end(&template);
}

/* Authenticates the factory's 3DES management key by its witness (mutual authentication). */
static inline void
piv_admin(struct vcard *card)
{
	AUTO_BUF struct buf answer = BUF_INIT, data = BUF_INIT;
	static const uint8_t key[] = { 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8 };
	struct vcard_crypto crypto = { NULL };
	struct cursor c, template, witness = { NULL, 0 };
	uint8_t clear[8] = { 0 };

	assert_int_equal(piv_send(card, "0087039B", "7C028000", &answer), SW_OK);
	c = buf_cur(&answer);
	assert_true(vcard_tlv_expect(&c, 0x7C, &template) && vcard_tlv_expect(&template, 0x80, &witness));
	assert_true(vcard_des3_cbc(&crypto, cur_of(key, sizeof(key)), false, witness.p, 8, clear));
	vcard_crypto_free(&crypto);
	assert_true(hex_put(&data, "7C148008"));
	buf_put(&data, clear, sizeof(clear));
	assert_true(hex_put(&data, "81081122334455667788"));
	assert_int_equal(host_send(card, "0087039B", buf_cur(&data), NULL), SW_OK);
	assert_true(piv_info(card).admin_authenticated);
}

static inline EVP_PKEY *
piv_public(struct vcard *card, uint8_t reference)
{
	AUTO_BUF struct buf spki = BUF_INIT;
	const unsigned char *at;
	EVP_PKEY *pkey;

	assert_int_equal(vcard_piv_pubkey(card, reference, &spki), 0);
	at = spki.p;
	pkey = d2i_PUBKEY(NULL, &at, (long)spki.len);
	assert_non_null(pkey);
	return pkey;
}

/* The answer to GENERAL AUTHENTICATE is an ECDSA signature over the hash given in hex. */
static inline void
piv_assert_ecdsa(struct vcard *card, uint8_t reference, const char *hash, const struct buf *answer)
{
	EVP_PKEY *pkey = piv_public(card, reference);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	AUTO_BUF struct buf bytes = BUF_INIT;
	struct cursor signature = { NULL, 0 };

	assert_true(hex_put(&bytes, hash) && piv_result(buf_cur(answer), &signature));
	assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
	assert_int_equal(EVP_PKEY_verify(ctx, signature.p, signature.left, bytes.p, bytes.len), 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
}

/* 7C 82 81 with a block of one byte again and again. */
static inline void
piv_rsa_template(struct buf *data, size_t block, uint8_t fill)
{
	AUTO_BUF struct buf content = BUF_INIT, bytes = BUF_INIT;
	size_t i;

	for (i = 0; i < block; i++)
		buf_u8(&bytes, fill);
	vcard_tlv_put_header(&content, 0x82, 0);
	vcard_tlv_put(&content, 0x81, buf_cur(&bytes));
	vcard_tlv_put(data, 0x7C, buf_cur(&content));
}

/* The public key makes of the result the block that was sent. */
static inline void
piv_assert_rsa(struct vcard *card, uint8_t reference, uint8_t fill, struct cursor result)
{
	EVP_PKEY *pkey = piv_public(card, reference);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	uint8_t block[VCARD_RSA_MAX] = { 0 };
	size_t len = sizeof(block), i;

	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
	assert_int_equal(EVP_PKEY_encrypt(ctx, block, &len, result.p, result.left), 1);
	for (i = 0; i < len; i++)
		assert_int_equal(block[i], fill);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
}

#endif
