/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The management key: external authentication (SP 800-73-4 part 2, A.1), and the key changed (an extension of tokens). The
 * response is made above; here are the challenge and who asks for it in which algorithm. Nothing counts wrong responses.
 */
#include "piv/piv.h"

#include <string.h>

#include "base/log.h"
#include "iso7816/tlv.h"

#define TAG_TEMPLATE 0x7Cu
#define BLOCK_DES 8u
#define BLOCK_AES 16u

#define SW_BAD_DATA 0x6A80u
#define SW_BAD_REFERENCE 0x6A86u

static const struct {
	uint8_t id;
	CARD_KEY_ALGORITHM algorithm;
	DWORD key_len;
	size_t block;
} algorithms[] = {
	{ PIV_3DES, CardKey3Des, 24, BLOCK_DES },
	{ PIV_AES256, CardKeyAes256, 32, BLOCK_AES },
	{ PIV_AES192, CardKeyAes192, 24, BLOCK_AES },
	{ PIV_AES128, CardKeyAes128, 16, BLOCK_AES },
};

static size_t
row_of(uint8_t id)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(algorithms) && algorithms[i].id != id)
		i++;
	return i;
}

/* An exchange with the management key: one object in the template, there and back. */
static DWORD
exchange(struct piv *p, uint8_t id, uint8_t tag, struct cursor value, struct buf *ret_answer, uint16_t *ret_sw)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, PIV_INS_AUTHENTICATE, id, PIV_REFERENCE_MANAGEMENT,
					  ret_answer != NULL ? APDU_LE_MAX : APDU_LE_NONE);
	AUTO_BUF struct buf inner = BUF_INIT;

	*ret_sw = 0;
	tlv_put(&inner, tag, value);
	if (buf_failed(&inner))
		return SCARD_E_NO_MEMORY;
	tlv_put(&a.data, TAG_TEMPLATE, buf_cur(&inner));
	return apdu_exchange(&p->ch, &a, ret_answer, ret_sw);
}

/* A challenge in one of the algorithms; 6A86 says that the key has another one. */
static DWORD
ask_once(struct piv *p, size_t row, struct buf *ret_challenge, uint16_t *ret_sw)
{
	AUTO_BUF struct buf answer = BUF_INIT;
	struct cursor c, template, challenge;
	DWORD r = exchange(p, algorithms[row].id, PIV_TAG_CHALLENGE, cur_of(NULL, 0), &answer, ret_sw);

	if (r != SCARD_S_SUCCESS)
		return r;
	c = buf_cur(&answer);
	if (!tlv_get(&c, TAG_TEMPLATE, &template) || !tlv_find(template, PIV_TAG_CHALLENGE, &challenge) ||
	    challenge.left != algorithms[row].block) {
		log_fail(LOG_CARD, SCARD_E_COMM_DATA_LOST, "a challenge of %zu bytes that is none", answer.len);
		return SCARD_E_COMM_DATA_LOST;
	}
	buf_reset(ret_challenge);
	buf_put_cur(ret_challenge, challenge);
	return buf_failed(ret_challenge) ? SCARD_E_NO_MEMORY : SCARD_S_SUCCESS;
}

/* Some cards give no second challenge before there was a response to the first, and have forgotten the first then. */
static DWORD
ask_challenge(struct piv *p, size_t row, struct buf *ret_challenge, uint16_t *ret_sw)
{
	DWORD r = ask_once(p, row, ret_challenge, ret_sw);

	return *ret_sw == SW_BAD_DATA ? ask_once(p, row, ret_challenge, ret_sw) : r;
}

/*
 * Where the card does not tell, the request that it does not refuse. What a card says of an algorithm that its key is not of
 * differs: with a key object for each of them, most of which are empty, it may be anything. Nothing counts these requests.
 */
static DWORD
try_algorithms(struct piv *p)
{
	AUTO_BUF struct buf challenge = BUF_INIT;
	uint16_t sw;
	DWORD r;

	for (size_t row = 0; row < ARRAY_SIZE(algorithms); row++) {
		r = ask_challenge(p, row, &challenge, &sw);
		if (r == SCARD_S_SUCCESS)
			p->management_algorithm = algorithms[row].id;
		if (r == SCARD_S_SUCCESS || !piv_refused(sw))
			return r;
	}
	return SCARD_E_UNSUPPORTED_FEATURE;
}

static DWORD
find_algorithm(struct piv *p)
{
	struct piv_metadata m;
	DWORD r;

	if ((r = piv_confirm(p)) != SCARD_S_SUCCESS || p->management_algorithm != 0)
		return r;
	r = piv_metadata_read(p, PIV_REFERENCE_MANAGEMENT, &m);
	if (r == SCARD_S_SUCCESS && row_of(m.algorithm) < ARRAY_SIZE(algorithms)) {
		p->management_algorithm = m.algorithm;
		return r;
	}
	return r == SCARD_S_SUCCESS || r == SCARD_E_UNSUPPORTED_FEATURE || r == SCARD_E_NO_KEY_CONTAINER
		       ? try_algorithms(p)
		       : r;
}

DWORD
piv_challenge_key(struct piv *p, CARD_CHALLENGE_KEY *ret_key)
{
	DWORD r = find_algorithm(p);
	size_t row = row_of(p->management_algorithm);

	if (r != SCARD_S_SUCCESS || row == ARRAY_SIZE(algorithms))
		return r != SCARD_S_SUCCESS ? r : SCARD_E_UNSUPPORTED_FEATURE;
	*ret_key = (CARD_CHALLENGE_KEY){ algorithms[row].algorithm, algorithms[row].key_len };
	return SCARD_S_SUCCESS;
}

DWORD
piv_get_challenge_ex(CARD_DATA *card, PIN_ID PinId, BYTE **ppbChallenge, DWORD *pcbChallenge, DWORD dwFlags)
{
	AUTO_BUF struct buf challenge = BUF_INIT;
	struct piv *p = piv_context(card);
	BYTE *copy;
	uint16_t sw;
	DWORD r;

	(void)PinId, (void)dwFlags;
	if (p == NULL)
		return SCARD_E_INVALID_PARAMETER;
	p->challenged = false;
	if ((r = find_algorithm(p)) != SCARD_S_SUCCESS)
		return r;
	p->authenticated &= ~CREATE_PIN_SET(ROLE_ADMIN);
	r = ask_challenge(p, row_of(p->management_algorithm), &challenge, &sw);
	if (sw == SW_BAD_REFERENCE || sw == SW_BAD_DATA) {
		/* somebody changed the key, and its algorithm with it */
		p->management_algorithm = 0;
		if ((r = find_algorithm(p)) == SCARD_S_SUCCESS)
			r = ask_challenge(p, row_of(p->management_algorithm), &challenge, &sw);
	}
	if (r != SCARD_S_SUCCESS)
		return piv_refused(sw) ? SCARD_E_UNSUPPORTED_FEATURE : r;
	if ((copy = card->pfnCspAlloc(challenge.len)) == NULL)
		return ERROR_NOT_ENOUGH_MEMORY;
	memcpy(copy, challenge.p, challenge.len);
	p->challenged = true;
	*ppbChallenge = copy;
	*pcbChallenge = (DWORD)challenge.len;
	return SCARD_S_SUCCESS;
}

/* Right after the challenge: not even the selection is looked after. */
DWORD
piv_respond(struct piv *p, const BYTE *response, DWORD len)
{
	const size_t row = row_of(p->management_algorithm);
	uint16_t sw;
	DWORD r;

	if (!p->challenged || row == ARRAY_SIZE(algorithms))
		return SCARD_E_INVALID_VALUE;
	p->challenged = false;
	p->authenticated &= ~CREATE_PIN_SET(ROLE_ADMIN);
	if (len != algorithms[row].block)
		return SCARD_E_INVALID_PARAMETER;
	r = exchange(p, algorithms[row].id, PIV_TAG_RESPONSE, cur_of(response, len), NULL, &sw);
	if (piv_refused(sw))
		return SCARD_W_WRONG_CHV;
	if (r == SCARD_S_SUCCESS)
		p->authenticated |= CREATE_PIN_SET(ROLE_ADMIN);
	return r;
}

/* SET MANAGEMENT KEY: algorithm, reference, length, key. */
DWORD
piv_management_key_set(struct piv *p, CARD_KEY_ALGORITHM algorithm, const BYTE *key, DWORD len)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, PIV_INS_SET_MANAGEMENT_KEY, 0xFF, 0xFF, APDU_LE_NONE);
	AUTO_SECRET struct secret secret = SECRET_INIT;
	size_t row = row_of(p->management_algorithm);
	uint16_t sw = 0;
	DWORD r;

	for (size_t i = 0; algorithm != CardKeyUnknown && i < ARRAY_SIZE(algorithms); i++)
		if (algorithms[i].algorithm == algorithm)
			row = i;
	if (row == ARRAY_SIZE(algorithms) || algorithms[row].key_len != len)
		return SCARD_E_INVALID_CHV;
	if (!secret_set(&secret, key, len))
		return ERROR_NOT_ENOUGH_MEMORY;
	buf_u8(&a.data, algorithms[row].id);
	buf_u8(&a.data, PIV_REFERENCE_MANAGEMENT);
	buf_u8(&a.data, (uint8_t)len);
	apdu_put_secret(&a, &secret);
	r = apdu_exchange(&p->ch, &a, NULL, &sw);
	if (r == SCARD_S_SUCCESS)
		p->management_algorithm = algorithms[row].id;
	/* a weak key, or an algorithm that the card does not have */
	if (sw == SW_BAD_DATA || sw == SW_BAD_REFERENCE)
		return SCARD_E_INVALID_CHV;
	return piv_unknown_instruction(sw) ? SCARD_E_UNSUPPORTED_FEATURE : r;
}
