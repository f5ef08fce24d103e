/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signatures: raw RSA on a block that the caller's callback padded, ECDSA on a hash (SP 800-73-4 part 2, 3.2.4), and, on some
 * tokens, Ed25519 on a whole message.
 */
#include "piv/piv.h"

#include <string.h>

#include "base/log.h"
#include "iso7816/tlv.h"

/* Leading zero bytes that a card may have dropped; more have no chance to be an honest signature. */
#define DROPPED_MAX 8u

/* What is to be signed. */
struct request {
	struct piv *p;
	struct piv_key *key;
	CARD_SIGNING_INFO info;
	size_t size; /* bytes of the signature */
};

static DWORD
checked(bool good, const struct request *q, size_t got)
{
	if (good)
		return SCARD_S_SUCCESS;
	log_fail(LOG_CARD, SCARD_E_COMM_DATA_LOST, "signature of %zu bytes by key %02X", got,
		 piv_slot_reference(q->info.bContainerIndex));
	return SCARD_E_COMM_DATA_LOST;
}

static DWORD
sign_block(struct request *q, struct cursor block, uint8_t *ret_signature)
{
	AUTO_BUF struct buf result = BUF_INIT;
	DWORD r = piv_key_use(q->p, q->info.bContainerIndex, q->key, PIV_TAG_CHALLENGE, block, false, &result);

	if (r != SCARD_S_SUCCESS)
		return r;
	return checked(cur_number(buf_cur(&result), q->size, DROPPED_MAX, ret_signature), q, result.len);
}

static DWORD
sign_rsa(struct request *q, uint8_t *ret_signature)
{
	CARD_DATA *card = q->p->card;
	BYTE *block = NULL;
	DWORD r, len = 0;

	if (q->info.dwPaddingType == CARD_PADDING_NONE) {
		if (q->info.cbData != q->size)
			return SCARD_E_INVALID_PARAMETER;
		return sign_block(q, cur_of(q->info.pbData, q->info.cbData), ret_signature);
	}
	if (card->pfnCspPadData == NULL)
		return SCARD_E_UNSUPPORTED_FEATURE;
	r = card->pfnCspPadData(card, &q->info, (DWORD)(q->size * 8), &len, &block);
	if (r != SCARD_S_SUCCESS)
		return r;
	r = len == q->size ? sign_block(q, cur_of(block, len), ret_signature) : SCARD_E_UNEXPECTED;
	card->pfnCspFree(block);
	return r;
}

/* Exactly as many bytes as the curve's field: the leftmost of a longer hash, zeros before a shorter one. */
static DWORD
sign_ecdsa(struct request *q, uint8_t *ret_signature)
{
	AUTO_BUF struct buf result = BUF_INIT;
	uint8_t field[LIMIT_EC_POINT];
	const size_t width = q->size / 2;
	struct cursor hash = cur_of(q->info.pbData, q->info.cbData), head = hash;
	DWORD r;

	if (hash.left > width)
		(void)cur_take(&hash, width, &head);
	if (!cur_number(head, width, width, field))
		return SCARD_E_INVALID_PARAMETER;
	r = piv_key_use(q->p, q->info.bContainerIndex, q->key, PIV_TAG_CHALLENGE, cur_of(field, width), false, &result);
	if (r != SCARD_S_SUCCESS)
		return r;
	return checked(tlv_ecdsa_signature(buf_cur(&result), q->size, ret_signature), q, result.len);
}

/* An empty 81 would ask for a challenge. */
static DWORD
sign_eddsa(struct request *q, uint8_t *ret_signature)
{
	AUTO_BUF struct buf result = BUF_INIT;
	struct cursor message = cur_of(q->info.pbData, q->info.cbData), signature;
	DWORD r;

	if (message.left == 0 || message.left > LIMIT_EDDSA_INPUT)
		return SCARD_E_INVALID_PARAMETER;
	r = piv_key_use(q->p, q->info.bContainerIndex, q->key, PIV_TAG_CHALLENGE, message, false, &result);
	if (r != SCARD_S_SUCCESS)
		return r;
	signature = buf_cur(&result);
	return checked(signature.left == q->size && cur_copy(&signature, ret_signature, q->size), q, result.len);
}

static size_t
signature_size(uint8_t algorithm)
{
	const size_t bytes = (piv_algorithm_bits(algorithm) + 7) / 8;

	return piv_algorithm_is_rsa(algorithm) ? bytes : 2 * bytes;
}

static DWORD
sign(struct request *q)
{
	CARD_DATA *card = q->p->card;
	uint8_t signature[LIMIT_RSA_BYTES];
	BYTE *copy;
	DWORD r;

	switch (piv_algorithm_type(q->key->algorithm)) {
	case KEY_RSA: r = sign_rsa(q, signature); break;
	case KEY_EC: r = sign_ecdsa(q, signature); break;
	case KEY_ED25519: r = sign_eddsa(q, signature); break;
	default: r = SCARD_E_UNSUPPORTED_FEATURE; break;
	}
	if (r != SCARD_S_SUCCESS)
		return r;
	if ((copy = card->pfnCspAlloc(q->size)) == NULL)
		return ERROR_NOT_ENOUGH_MEMORY;
	memcpy(copy, signature, q->size);
	q->info.pbSignedData = copy;
	return SCARD_S_SUCCESS;
}

DWORD
piv_sign_data(CARD_DATA *card, CARD_SIGNING_INFO *pInfo)
{
	struct request q = { .p = piv_context(card) };
	DWORD r;

	if (q.p == NULL)
		return SCARD_E_INVALID_PARAMETER;
	q.info = *pInfo;
	if ((r = piv_key_of_spec(q.p, q.info.bContainerIndex, q.info.dwKeySpec, &q.key)) != SCARD_S_SUCCESS)
		return r;
	q.size = signature_size(q.key->algorithm);
	q.info.pbSignedData = NULL;
	if ((q.info.dwSigningFlags & CARD_BUFFER_SIZE_ONLY) == 0 && (r = sign(&q)) != SCARD_S_SUCCESS)
		return r;
	pInfo->pbSignedData = q.info.pbSignedData;
	pInfo->cbSignedData = (DWORD)q.size;
	return SCARD_S_SUCCESS;
}
