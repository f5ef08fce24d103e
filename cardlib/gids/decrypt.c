/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RSA decryption. The raw operation with the caller's constant-time unpadding comes first; the card's own unpadding is for
 * cards and keys without the raw one. Whatever is wrong with a ciphertext or its padding gives one and the same code.
 */
#include "gids/gids.h"

#include <string.h>

/* What is to be decrypted. */
struct request {
	CARD_DATA *card;
	struct gids *g;
	struct gids_key *key;
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
	copy.pbData = block->p;
	copy.cbData = (DWORD)block->len;
	if ((r = q->card->pfnCspUnpadData(q->card, &copy)) != SCARD_S_SUCCESS)
		return r;
	return give(q, copy.pbData, copy.cbData);
}

static DWORD
decrypt_raw(struct request *q, enum gids_refusal *ret_refusal)
{
	AUTO_BUF struct buf output = BUF_INIT;
	AUTO_SECRET struct secret block = SECRET_INIT;
	DWORD r;

	r = gids_key_use(q->g, q->key, GIDS_DECIPHER_RAW, cur_of(q->info->pbData, q->info->cbData), &output,
			 ret_refusal);
	if (r != SCARD_S_SUCCESS)
		return r;
	if (!secret_alloc(&block, q->size))
		return SCARD_E_NO_MEMORY;
	/* any number of leading zero bytes may be missing: this is somebody's block, not ours */
	if (!cur_number(buf_cur(&output), q->size, q->size, block.p))
		return SCARD_E_COMM_DATA_LOST;
	return unpad(q, &block);
}

static DWORD
decrypt_on_card(struct request *q, enum gids_operation operation, enum gids_refusal *ret_refusal)
{
	AUTO_BUF struct buf output = BUF_INIT;
	DWORD r = gids_key_use(q->g, q->key, operation, cur_of(q->info->pbData, q->info->cbData), &output, ret_refusal);

	if (r != SCARD_S_SUCCESS)
		return r;
	/* no data at all is an answer cut off, or a message not worth the distinction */
	if (output.len == 0)
		return SCARD_E_INVALID_PARAMETER;
	return give(q, output.p, output.len);
}

/* What the card can unpad itself: PKCS#1 v1.5, and OAEP with SHA-1 throughout and no label. */
static bool
card_unpads(const struct request *q, enum gids_operation *ret_operation)
{
	const BCRYPT_OAEP_PADDING_INFO *oaep = q->info->pPaddingInfo;

	if (q->info->dwPaddingType == CARD_PADDING_PKCS1) {
		*ret_operation = GIDS_DECIPHER_PKCS1;
		return true;
	}
	if (q->info->dwPaddingType != CARD_PADDING_OAEP || strcmp(oaep->pszAlgId, BCRYPT_SHA1_ALGORITHM) != 0 ||
	    oaep->cbLabel != 0 || (oaep->pszMgfAlgId != NULL && strcmp(oaep->pszMgfAlgId, BCRYPT_SHA1_ALGORITHM) != 0))
		return false;
	*ret_operation = GIDS_DECIPHER_OAEP;
	return true;
}

static bool
may_try_raw(const struct request *q)
{
	return (q->key->refused & GIDS_OPERATION_BIT(GIDS_DECIPHER_RAW)) == 0 &&
	       (q->info->dwPaddingType == CARD_PADDING_NONE || q->card->pfnCspUnpadData != NULL);
}

/* A refused ciphertext is the ciphertext's fault: the card took the key for this operation. */
static DWORD
final_code(DWORD r, enum gids_refusal refusal)
{
	return refusal == GIDS_REFUSED_DATA ? SCARD_E_INVALID_PARAMETER : r;
}

static DWORD
decrypt(struct request *q)
{
	enum gids_refusal raw = GIDS_NOT_REFUSED, refusal = GIDS_NOT_REFUSED;
	enum gids_operation operation;
	DWORD r = SCARD_E_UNSUPPORTED_FEATURE;

	if (may_try_raw(q)) {
		r = decrypt_raw(q, &raw);
		if (raw == GIDS_NOT_REFUSED)
			return r;
	}
	if (!card_unpads(q, &operation))
		return final_code(r, raw);
	r = decrypt_on_card(q, operation, &refusal);
	if (r == SCARD_S_SUCCESS && raw != GIDS_NOT_REFUSED)
		q->key->refused |= GIDS_OPERATION_BIT(GIDS_DECIPHER_RAW);
	return final_code(r, refusal == GIDS_NOT_REFUSED ? refusal : raw == GIDS_REFUSED_DATA ? raw : refusal);
}

DWORD
gids_rsa_decrypt(CARD_DATA *card, CARD_RSA_DECRYPT_INFO *pInfo)
{
	struct request q = { .card = card, .g = gids_of(card), .info = pInfo };
	DWORD r;

	if (q.g == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = gids_key_of_spec(q.g, pInfo->bContainerIndex, pInfo->dwKeySpec, &q.key)) != SCARD_S_SUCCESS)
		return r;
	q.size = gids_algorithm_bits(q.key->algorithm) / 8;
	if (pInfo->cbData < q.size)
		return SCARD_E_INSUFFICIENT_BUFFER;
	if (pInfo->cbData > q.size)
		return SCARD_E_INVALID_PARAMETER;
	return decrypt(&q);
}
