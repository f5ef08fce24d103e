/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RSA decryption: the card gives the whole block, the caller's callback removes the padding in constant time. Every PIV key
 * is raw, so the card has no part in the padding and nothing to tell about it.
 */
#include "piv/piv.h"

#include <string.h>

struct request {
	struct piv *p;
	struct piv_key *key;
	CARD_RSA_DECRYPT_INFO *info;
	size_t size; /* bytes of the modulus */
};

/* The plain text to the caller, who gave a buffer of the modulus' size. */
static DWORD
give(struct request *q, const uint8_t *text, size_t len)
{
	if (len > q->size)
		return SCARD_E_COMM_DATA_LOST;
	memcpy(q->info->pbData, text, len);
	q->info->cbData = (DWORD)len;
	return SCARD_S_SUCCESS;
}

/* Unpads a copy, so that a failure leaves no secret in the caller's buffer. */
static DWORD
unpad(struct request *q, const struct secret *block)
{
	CARD_RSA_DECRYPT_INFO copy = *q->info;
	DWORD r;

	if (q->info->dwPaddingType == CARD_PADDING_NONE)
		return give(q, block->p, block->len);
	if (q->p->card->pfnCspUnpadData == NULL)
		return SCARD_E_UNSUPPORTED_FEATURE;
	copy.pbData = block->p;
	copy.cbData = (DWORD)block->len;
	if ((r = q->p->card->pfnCspUnpadData(q->p->card, &copy)) != SCARD_S_SUCCESS)
		return r;
	return give(q, copy.pbData, copy.cbData);
}

static DWORD
decrypt(struct request *q)
{
	AUTO_BUF struct buf result = BUF_INIT;
	AUTO_SECRET struct secret block = SECRET_INIT;
	DWORD r;

	r = piv_key_use(q->p, q->info->bContainerIndex, q->key, PIV_TAG_CHALLENGE,
			cur_of(q->info->pbData, q->info->cbData), true, &result);
	if (r != SCARD_S_SUCCESS)
		return r;
	if (!secret_alloc(&block, q->size))
		return SCARD_E_NO_MEMORY;
	/* any number of leading zero bytes may be missing: this is somebody's block, not ours */
	if (!cur_number(buf_cur(&result), q->size, q->size, block.p))
		return SCARD_E_COMM_DATA_LOST;
	return unpad(q, &block);
}

DWORD
piv_rsa_decrypt(CARD_DATA *card, CARD_RSA_DECRYPT_INFO *pInfo)
{
	struct request q = { .p = piv_context(card), .info = pInfo };
	DWORD r;

	if (q.p == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = piv_key_of_spec(q.p, pInfo->bContainerIndex, pInfo->dwKeySpec, &q.key)) != SCARD_S_SUCCESS)
		return r;
	q.size = piv_algorithm_bits(q.key->algorithm) / 8;
	if (pInfo->cbData < q.size)
		return SCARD_E_INSUFFICIENT_BUFFER;
	if (pInfo->cbData > q.size)
		return SCARD_E_INVALID_PARAMETER;
	return decrypt(&q);
}
