/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The card management key 9B (SP 800-73-4 part 2, 3.2.4 and appendix A.1): external authentication, where the host
 * encrypts the card's challenge, and mutual, where it decrypts the card's witness and sends a challenge of its own. One
 * block of 3DES or AES, no chaining. A wrong answer costs no try.
 */
#include "vcard/piv.h"

#include "base/secret.h"

enum { TAG_WITNESS = 0x80, TAG_CHALLENGE = 0x81, TAG_RESPONSE = 0x82 };
enum { P2_NO_TOUCH = 0xFF, P2_TOUCH = 0xFE };

size_t
piv_admin_key_len(uint8_t algorithm)
{
	switch (algorithm) {
	case PIV_ALG_DES3:
	case PIV_ALG_AES192: return 24;
	case PIV_ALG_AES128: return 16;
	case PIV_ALG_AES256: return 32;
	default: return 0;
	}
}

void
piv_default_admin_key(struct piv_admin_key *ret_key, uint8_t algorithm)
{
	struct piv_admin_key key = { .algorithm = algorithm, .touch_policy = PIV_TOUCH_NEVER };
	uint8_t i;

	key.len = (uint8_t)piv_admin_key_len(algorithm);
	for (i = 0; i < key.len; i++)
		key.value[i] = (uint8_t)(i % 8 + 1);
	*ret_key = key;
}

static size_t
block_len(const struct piv_admin_key *key)
{
	return key->algorithm == PIV_ALG_DES3 ? 8 : 16;
}

/* Of one block CBC with a zero IV is ECB. */
static bool
crypt_block(struct piv *p, bool encrypt, const uint8_t *in, uint8_t ret_out[PIV_BLOCK_MAX])
{
	struct cursor key = cur_of(p->admin_key.value, p->admin_key.len);

	if (p->admin_key.algorithm == PIV_ALG_DES3)
		return vcard_des3_cbc(&p->env->crypto, key, encrypt, in, 8, ret_out);
	return vcard_aes_block(&p->env->crypto, key, encrypt, in, ret_out);
}

static uint16_t
start(struct piv *p, enum piv_challenge_kind kind, struct buf *answer)
{
	size_t len = block_len(&p->admin_key);
	uint8_t clear[PIV_BLOCK_MAX] = { 0 }, hidden[PIV_BLOCK_MAX];

	p->admin = false;
	if (!vcard_random(clear, len) || (kind == PIV_WITNESS && !crypt_block(p, true, clear, hidden)))
		return SW_FAULT;
	if (kind == PIV_WITNESS)
		piv_put_dynamic(answer, TAG_WITNESS, cur_of(hidden, len));
	else
		piv_put_dynamic(answer, TAG_CHALLENGE, cur_of(clear, len));
	(void)cur_copy(&(struct cursor){ clear, sizeof(clear) }, p->challenge_bytes, sizeof(clear));
	p->challenge = kind;
	return SW_OK;
}

/* 82 = E(challenge). */
static uint16_t
finish_external(struct piv *p, struct cursor response)
{
	uint8_t expected[PIV_BLOCK_MAX];

	if (response.left != block_len(&p->admin_key))
		return SW_DATA;
	if (!crypt_block(p, true, p->challenge_bytes, expected))
		return SW_FAULT;
	if (!secret_bytes_equal(expected, response.p, response.left))
		return SW_DATA;
	p->admin = true;
	return SW_OK;
}

/* 80 = the witness in clear, 81 = the host's challenge; with or without an empty 82. */
static uint16_t
finish_mutual(struct piv *p, const struct piv_dynamic *d, struct buf *answer)
{
	size_t len = block_len(&p->admin_key);
	uint8_t proof[PIV_BLOCK_MAX];

	if (d->witness.left != len || !d->has_challenge || d->challenge.left != len || d->response.left != 0)
		return SW_DATA;
	if (!secret_bytes_equal(p->challenge_bytes, d->witness.p, len))
		return SW_DATA;
	if (!crypt_block(p, true, d->challenge.p, proof))
		return SW_FAULT;
	piv_put_dynamic(answer, TAG_RESPONSE, cur_of(proof, len));
	p->admin = true;
	return SW_OK;
}

/* A challenge is good for one answer, and for the next command. */
static uint16_t
finish(struct piv *p, enum piv_challenge_kind asked, const struct piv_dynamic *d, struct buf *answer)
{
	p->admin = false;
	if (d->witness.left > 0 && asked == PIV_WITNESS)
		return finish_mutual(p, d, answer);
	if (d->response.left > 0 && asked == PIV_CHALLENGE && !d->has_witness && !d->has_challenge)
		return finish_external(p, d->response);
	return SW_DATA;
}

uint16_t
piv_authenticate_admin(struct piv *p, uint8_t algorithm, const struct piv_dynamic *d, struct buf *answer)
{
	enum piv_challenge_kind asked = p->challenge;

	p->challenge = PIV_NO_CHALLENGE;
	if (!piv_on_contact(p))
		return SW_FUNCTION;
	if (algorithm == PIV_ALG_DEFAULT)
		algorithm = PIV_ALG_DES3;
	if (!piv_quirk(p, VCARD_PIV_NO_ADMIN) && algorithm != p->admin_key.algorithm)
		return piv_quirk(p, VCARD_PIV_ADMIN_6A80) ? SW_DATA : SW_P1P2;
	if (piv_quirk(p, VCARD_PIV_NO_ADMIN))
		return SW_P1P2;
	if (d->has_exponentiation)
		return SW_DATA;
	if (p->admin_key.touch_policy >= PIV_TOUCH_ALWAYS && piv_quirk(p, VCARD_PIV_UNTOUCHED))
		return SW_SECURITY;
	if (d->has_challenge && d->challenge.left == 0 && asked == PIV_CHALLENGE &&
	    piv_quirk(p, VCARD_PIV_CHALLENGE_ONCE))
		return SW_DATA;
	if (d->witness.left == 0 && d->challenge.left == 0 && d->response.left == 0 &&
	    d->has_witness != d->has_challenge)
		return start(p, d->has_witness ? PIV_WITNESS : PIV_CHALLENGE, answer);
	return finish(p, asked, d, answer);
}

/* SET MANAGEMENT KEY: algorithm, 9B, length, key. */
uint16_t
piv_set_admin_key(struct piv *p, const struct vcard_command *command, struct buf *answer)
{
	struct piv_admin_key key = { .touch_policy = PIV_TOUCH_NEVER };
	struct cursor c = command->data;
	uint8_t reference;

	(void)answer;
	if (!p->admin)
		return SW_SECURITY;
	if (command->p1 != 0xFF || (command->p2 != P2_NO_TOUCH && command->p2 != P2_TOUCH))
		return SW_P1P2;
	if (!cur_u8(&c, &key.algorithm) || !cur_u8(&c, &reference) || !cur_u8(&c, &key.len) ||
	    reference != PIV_REF_ADMIN || key.len == 0 || key.len != piv_admin_key_len(key.algorithm) ||
	    !cur_copy(&c, key.value, key.len) || !cur_at_end(&c))
		return SW_DATA;
	if (command->p2 == P2_TOUCH)
		key.touch_policy = PIV_TOUCH_ALWAYS;
	p->admin_key = key;
	return SW_OK;
}
