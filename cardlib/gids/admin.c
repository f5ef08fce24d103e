/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The administrator's key (GIDS 2.0, GENERAL AUTHENTICATE, PUT KEY): a challenge, the response to it, a new key. Who has the
 * key computes the response; here are only the bytes around it. In the external form the card gives a challenge of its own;
 * in the mutual form the challenge is the clear text R2 || R1 || Z1 || 80 of which one half is ours.
 */
#include "gids/gids.h"

#include <string.h>

#include "base/log.h"
#include "iso7816/tlv.h"

#define MSE_EXTERNAL 0x81u
#define MSE_MUTUAL 0xC1u
#define TEMPLATE_AUTHENTICATION 0xA4u
#define TAG_KEY 0x83u
#define TAG_MECHANISM 0x80u
#define TAG_REFERENCES 0xA5u
#define TAG_FCP 0x62u

#define TAG_DYNAMIC 0x7Cu
#define TAG_CHALLENGE 0x81u
#define TAG_RESPONSE 0x82u

#define TAG_PUT_KEY 0x70u
#define TAG_KEY_REFERENCE 0x84u
#define TAG_KEY_VALUE 0x87u
#define TAG_KEY_CHECK 0x88u

#define RANDOM_LEN 16u
#define CHALLENGE_MAX 128u
#define PAD 0x80u
#define DES_BLOCK 8u
#define AES_BLOCK 16u
#define KCV_LEN 3u

#define SW_SECURITY 0x6982u
#define SW_CONDITIONS 0x6985u

/* Algorithms ---------------------------------------------------------------------------------------------------------- */

static const struct kind {
	CARD_KEY_ALGORITHM algorithm;
	uint8_t nibble;	 /* of mechanisms */
	size_t block, z; /* bytes; z: what each side adds, half of a session key */
} kinds[] = {
	{ CardKey3Des112, 0x01, DES_BLOCK, 5 }, { CardKey3Des, 0x02, DES_BLOCK, 7 },
	{ CardKeyAes128, 0x03, AES_BLOCK, 8 },	{ CardKeyAes192, 0x04, AES_BLOCK, 12 },
	{ CardKeyAes256, 0x05, AES_BLOCK, 16 },
};

static const struct kind *
kind_of(CARD_KEY_ALGORITHM algorithm)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].algorithm == algorithm)
			return &kinds[i];
	return NULL;
}

uint8_t
gids_admin_nibble(CARD_KEY_ALGORITHM algorithm)
{
	const struct kind *kind = kind_of(algorithm);

	return kind != NULL ? kind->nibble : 0;
}

/* The mechanism in the key file's control parameters; 3DES with three keys, which the profile has, when they do not say. */
static CARD_KEY_ALGORITHM
algorithm_in(struct cursor fcp)
{
	struct cursor content, uses, use, value;
	uint8_t mechanism;

	if (!tlv_get(&fcp, TAG_FCP, &content) || !tlv_find(content, TAG_REFERENCES, &uses) ||
	    !tlv_find(uses, TEMPLATE_AUTHENTICATION, &use) || !tlv_find(use, TAG_MECHANISM, &value) ||
	    !cur_u8(&value, &mechanism))
		return CardKey3Des;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].nibble == (mechanism & 0x0F))
			return kinds[i].algorithm;
	return CardKey3Des;
}

DWORD
gids_admin_algorithm(struct gids *g, CARD_KEY_ALGORITHM *ret_algorithm)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, GIDS_INS_SELECT, 0x00, 0x04, APDU_LE_MAX);
	AUTO_BUF struct buf fcp = BUF_INIT;
	uint16_t sw = 0;
	DWORD r;

	if (g->admin_algorithm == CardKeyUnknown) {
		buf_be16(&a.data, GIDS_EF_KEY_BASE | GIDS_KEY_ADMIN);
		if ((r = gids_confirm(g)) != SCARD_S_SUCCESS)
			return r;
		r = gids_exchange(g, &a, &fcp, &sw);
		if (r != SCARD_S_SUCCESS && !gids_refused(sw))
			return r;
		g->admin_algorithm = algorithm_in(buf_cur(&fcp));
	}
	*ret_algorithm = g->admin_algorithm;
	return SCARD_S_SUCCESS;
}

/* Challenge ----------------------------------------------------------------------------------------------------------- */

/* A command that only asks; a card that has no such key, or not here, does not serve the administrator. */
static DWORD
ask(struct gids *g, const struct apdu *a, struct buf *ret_answer)
{
	uint16_t sw = 0;
	DWORD r = gids_exchange(g, a, ret_answer, &sw);

	return gids_refused(sw) ? SCARD_E_UNSUPPORTED_FEATURE : r;
}

static DWORD
choose_key(struct gids *g, bool mutual)
{
	AUTO_APDU struct apdu a =
		apdu_of(0x00, GIDS_INS_MSE, mutual ? MSE_MUTUAL : MSE_EXTERNAL, TEMPLATE_AUTHENTICATION, APDU_LE_NONE);

	tlv_put_u8(&a.data, TAG_KEY, GIDS_KEY_ADMIN);
	return ask(g, &a, NULL);
}

/* GENERAL AUTHENTICATE with 7C { tag, value }, and what the answer has under the same tag. */
static void
put_dynamic(struct apdu *a, uint32_t tag, struct cursor value)
{
	AUTO_BUF struct buf content = BUF_INIT;

	tlv_put(&content, tag, value);
	tlv_put(&a->data, TAG_DYNAMIC, buf_cur(&content));
	a->data.failed = a->data.failed || buf_failed(&content);
}

static bool
get_dynamic(struct cursor answer, uint32_t tag, struct cursor *ret_value)
{
	struct cursor content;

	return tlv_get(&answer, TAG_DYNAMIC, &content) && cur_at_end(&answer) && tlv_get(&content, tag, ret_value) &&
	       cur_at_end(&content);
}

/* Sends our random number, or none, and gives the card's. */
static DWORD
card_random(struct gids *g, struct cursor ours, struct buf *answer, struct cursor *ret_random)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, GIDS_INS_AUTHENTICATE, 0x00, 0x00, APDU_LE_MAX);
	DWORD r;

	put_dynamic(&a, TAG_CHALLENGE, ours);
	if (buf_failed(&a.data))
		return SCARD_E_NO_MEMORY;
	if ((r = ask(g, &a, answer)) != SCARD_S_SUCCESS)
		return r;
	if (!get_dynamic(buf_cur(answer), TAG_CHALLENGE, ret_random) || ret_random->left == 0 ||
	    ret_random->left > CHALLENGE_MAX || ret_random->left % DES_BLOCK != 0) {
		log_fail(LOG_CARD, SCARD_E_COMM_DATA_LOST, "challenge for the administrator");
		return SCARD_E_COMM_DATA_LOST;
	}
	return SCARD_S_SUCCESS;
}

static DWORD
external_challenge(struct gids *g, struct buf *challenge)
{
	AUTO_BUF struct buf answer = BUF_INIT;
	struct cursor random;
	DWORD r = card_random(g, cur_of(NULL, 0), &answer, &random);

	if (r == SCARD_S_SUCCESS)
		buf_put_cur(challenge, random);
	return r;
}

/* R2 || R1 || Z1 || 80 and zeros to the end of a block. */
static DWORD
mutual_challenge(struct gids *g, const struct kind *kind, struct buf *challenge)
{
	AUTO_BUF struct buf answer = BUF_INIT;
	struct cursor random;
	uint8_t ours[RANDOM_LEN + 32];
	DWORD r;

	if (!secret_random(ours, sizeof(ours)))
		return SCARD_E_UNEXPECTED;
	if ((r = card_random(g, cur_of(ours, RANDOM_LEN), &answer, &random)) != SCARD_S_SUCCESS)
		return r;
	if (random.left != RANDOM_LEN)
		return SCARD_E_COMM_DATA_LOST;
	buf_put_cur(challenge, random);
	buf_put(challenge, ours, RANDOM_LEN + kind->z);
	buf_u8(challenge, PAD);
	buf_zeros(challenge, (kind->block - challenge->len % kind->block) % kind->block);
	secret_wipe(ours, sizeof(ours));
	return SCARD_S_SUCCESS;
}

static DWORD
challenge_of(struct gids *g, struct buf *challenge)
{
	const bool mutual = (g->protocols & GIDS_PROTOCOL_EXTERNAL) == 0;
	CARD_KEY_ALGORITHM algorithm = CardKeyUnknown;
	DWORD r;

	if (mutual && (r = gids_admin_algorithm(g, &algorithm)) != SCARD_S_SUCCESS)
		return r;
	if ((r = gids_confirm(g)) != SCARD_S_SUCCESS || (r = choose_key(g, mutual)) != SCARD_S_SUCCESS)
		return r;
	r = mutual ? mutual_challenge(g, kind_of(algorithm), challenge) : external_challenge(g, challenge);
	if (r != SCARD_S_SUCCESS)
		return r;
	if (buf_failed(challenge))
		return SCARD_E_NO_MEMORY;
	g->challenge = mutual ? GIDS_CHALLENGE_MUTUAL : GIDS_CHALLENGE_EXTERNAL;
	g->challenge_len = challenge->len;
	return SCARD_S_SUCCESS;
}

DWORD
gids_get_challenge_ex(CARD_DATA *card, PIN_ID PinId, BYTE **ppbChallenge, DWORD *pcbChallenge, DWORD dwFlags)
{
	AUTO_BUF struct buf challenge = BUF_INIT;
	struct gids *g = gids_of(card);
	BYTE *copy;
	DWORD r;

	(void)PinId, (void)dwFlags;
	if (g == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = challenge_of(g, &challenge)) != SCARD_S_SUCCESS)
		return r;
	if ((copy = card->pfnCspAlloc(challenge.len)) == NULL) {
		g->challenge = GIDS_CHALLENGE_NONE;
		return ERROR_NOT_ENOUGH_MEMORY;
	}
	memcpy(copy, challenge.p, challenge.len);
	*ppbChallenge = copy;
	*pcbChallenge = (DWORD)challenge.len;
	return SCARD_S_SUCCESS;
}

/* Response ------------------------------------------------------------------------------------------------------------ */

/* The card has no counter for this key, mostly; a word of one is believed. */
static DWORD
response_code(struct gids *g, DWORD r, uint16_t sw, DWORD *ret_tries)
{
	unsigned tries;

	if (r == SCARD_S_SUCCESS || !gids_refused(sw))
		return r;
	if (sw_tries_left(sw, &tries)) {
		*ret_tries = tries == SW_TRIES_UNKNOWN ? CARD_DATA_VALUE_UNKNOWN : tries;
		return r;
	}
	if (sw == SW_SECURITY)
		return SCARD_W_WRONG_CHV;
	if (gids_selection_lost(g, sw))
		g->confirmed = false;
	return SCARD_E_INVALID_VALUE;
}

static DWORD
take_proof(struct cursor answer, size_t len, struct buf *ret_proof)
{
	struct cursor proof;

	if (!get_dynamic(answer, TAG_RESPONSE, &proof) || proof.left != len) {
		log_fail(LOG_CARD, SCARD_E_COMM_DATA_LOST, "the card does not prove that it has the key");
		return SCARD_E_COMM_DATA_LOST;
	}
	if (ret_proof != NULL)
		buf_put_cur(ret_proof, proof);
	return SCARD_S_SUCCESS;
}

/*
 * Nothing may go to the card before it, not even the question whether GIDS is still selected: the challenge would be
 * void. Another application has no use for the response.
 */
DWORD
gids_respond(struct gids *g, const BYTE *response, DWORD len, struct buf *ret_proof, DWORD *ret_tries)
{
	const bool mutual = g->challenge == GIDS_CHALLENGE_MUTUAL;
	AUTO_APDU struct apdu a = apdu_of(0x00, GIDS_INS_AUTHENTICATE, 0x00, 0x00, mutual ? APDU_LE_MAX : APDU_LE_NONE);
	AUTO_BUF struct buf answer = BUF_INIT;
	uint16_t sw = 0;
	DWORD r;

	*ret_tries = CARD_DATA_VALUE_UNKNOWN;
	if (g->challenge == GIDS_CHALLENGE_NONE)
		return SCARD_E_INVALID_VALUE;
	if (len != g->challenge_len)
		return SCARD_E_INVALID_PARAMETER;
	a.secret = true;
	put_dynamic(&a, TAG_RESPONSE, cur_of(response, len));
	if (buf_failed(&a.data))
		return SCARD_E_NO_MEMORY;
	r = gids_send(g, &a, mutual ? &answer : NULL, &sw);
	if ((r = response_code(g, r, sw, ret_tries)) != SCARD_S_SUCCESS)
		return r;
	g->confirmed = true;
	return mutual ? take_proof(buf_cur(&answer), len, ret_proof) : SCARD_S_SUCCESS;
}

/* A new key ----------------------------------------------------------------------------------------------------------- */

static DWORD
put_check_value(CARD_DATA *card, CARD_KEY_ALGORITHM algorithm, const BYTE *key, DWORD len, struct buf *content)
{
	BYTE value[KCV_LEN];
	DWORD r;

	if (card->pfnCspKeyCheckValue == NULL)
		return SCARD_S_SUCCESS;
	if ((r = card->pfnCspKeyCheckValue(card, algorithm, key, len, value)) == SCARD_S_SUCCESS)
		tlv_put(content, TAG_KEY_CHECK, cur_of(value, sizeof(value)));
	return r;
}

/* 70 { 84 reference, A5 { 87 value, 88 check value } }, a symmetric key in the clear: this is what the card edge has. */
DWORD
gids_admin_key_write(CARD_DATA *card, struct gids *g, CARD_KEY_ALGORITHM algorithm, const BYTE *key, DWORD len)
{
	AUTO_APDU struct apdu a =
		apdu_of(0x00, GIDS_INS_PUT_DATA, GIDS_EF_WHOLE >> 8, GIDS_EF_WHOLE & 0xFF, APDU_LE_NONE);
	AUTO_BUF struct buf content = BUF_INIT, template = BUF_INIT;
	uint16_t sw = 0;
	DWORD r;

	tlv_put(&content, TAG_KEY_VALUE, cur_of(key, len));
	if ((r = put_check_value(card, algorithm, key, len, &content)) != SCARD_S_SUCCESS)
		return r;
	tlv_put_u8(&template, TAG_KEY_REFERENCE, GIDS_KEY_ADMIN);
	tlv_put(&template, TAG_REFERENCES, buf_cur(&content));
	tlv_put(&a.data, TAG_PUT_KEY, buf_cur(&template));
	a.secret = true;
	if (buf_failed(&content) || buf_failed(&template) || buf_failed(&a.data))
		return SCARD_E_NO_MEMORY;
	r = gids_change(g, &a, NULL, &sw);
	return gids_refused(sw) && r != SCARD_W_SECURITY_VIOLATION ? SCARD_E_INVALID_CHV : r;
}
