/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signatures. The card pads PKCS#1 v1.5 itself if the DigestInfo fits one command; everything else is padded by the
 * caller's callback and goes through the raw signature, or, where a card refuses that, through the raw decipherment of
 * an exchange key, which is the same exponentiation.
 */
#include "gids/gids.h"

#include <string.h>

#include "base/digestinfo.h"
#include "base/log.h"
#include "iso7816/tlv.h"

/* PKCS#1 v1.5: 00 01 FF x 8 00. */
#define PKCS1_OVERHEAD 11u
/* The longest input that one implementation pads in one command; and it must not be chained. */
#define CARD_PADDED_MAX 247u
/* Leading zero bytes that a card may have dropped; more have no chance to be an honest signature. */
#define DROPPED_MAX 8u
#define EC_BYTES_MAX 66u

/* What is to be signed. */
struct request {
	CARD_DATA *card;
	struct gids *g;
	struct gids_key *key;
	CARD_SIGNING_INFO info;
	size_t size; /* bytes of the signature */
};

static DWORD
length_checked(bool good, const struct gids_key *key, size_t got)
{
	if (good)
		return SCARD_S_SUCCESS;
	log_fail(LOG_CARD, SCARD_E_COMM_DATA_LOST, "signature of %zu bytes by key %02X", got, key->reference);
	return SCARD_E_COMM_DATA_LOST;
}

static DWORD
rsa_operation(struct request *q, enum gids_operation operation, struct cursor input, uint8_t *ret_signature,
	      enum gids_refusal *ret_refusal)
{
	AUTO_BUF struct buf output = BUF_INIT;
	DWORD r = gids_key_use(q->g, q->key, operation, input, &output, ret_refusal);

	if (r != SCARD_S_SUCCESS)
		return r;
	return length_checked(cur_number(buf_cur(&output), q->size, DROPPED_MAX, ret_signature), q->key, output.len);
}

static bool
may_try(const struct gids_key *key, enum gids_operation operation)
{
	return (key->refused & GIDS_OPERATION_BIT(operation)) == 0;
}

/* A block that we padded is right, so what is refused is the operation; a caller's own block may be the reason. */
static DWORD
block_code(const struct request *q, DWORD r, enum gids_refusal refusal)
{
	if (refusal != GIDS_REFUSED_DATA)
		return r;
	return q->info.dwPaddingType == CARD_PADDING_NONE ? SCARD_E_INVALID_PARAMETER : SCARD_E_UNSUPPORTED_FEATURE;
}

/* A whole block through the raw operations; which of them a key lacks is remembered when the other one works. */
static DWORD
sign_block(struct request *q, struct cursor block, uint8_t *ret_signature)
{
	enum gids_refusal refusal = GIDS_REFUSED_KEY;
	DWORD r = SCARD_E_UNSUPPORTED_FEATURE;

	if (may_try(q->key, GIDS_SIGN_RAW))
		r = rsa_operation(q, GIDS_SIGN_RAW, block, ret_signature, &refusal);
	if (refusal == GIDS_NOT_REFUSED || !q->key->can_exchange)
		return block_code(q, r, refusal);
	r = rsa_operation(q, GIDS_DECIPHER_RAW, block, ret_signature, &refusal);
	if (r == SCARD_S_SUCCESS)
		q->key->refused |= GIDS_OPERATION_BIT(GIDS_SIGN_RAW);
	return block_code(q, r, refusal);
}

static DWORD
sign_padded(struct request *q, uint8_t *ret_signature)
{
	BYTE *block = NULL;
	DWORD r, len = 0;

	if (q->card->pfnCspPadData == NULL)
		return SCARD_E_UNSUPPORTED_FEATURE;
	r = q->card->pfnCspPadData(q->card, &q->info, (DWORD)(q->size * 8), &len, &block);
	if (r != SCARD_S_SUCCESS)
		return r;
	r = len == q->size ? sign_block(q, cur_of(block, len), ret_signature) : SCARD_E_UNEXPECTED;
	q->card->pfnCspFree(block);
	return r;
}

/* The DigestInfo, or the data as it is when no hash is named. */
static DWORD
put_digestinfo(const CARD_SIGNING_INFO *info, struct buf *text)
{
	const BCRYPT_PKCS1_PADDING_INFO *padding = info->pPaddingInfo;
	const struct digestinfo *digest;

	if (padding->pszAlgId != NULL) {
		if ((digest = digestinfo_find(padding->pszAlgId)) == NULL)
			return SCARD_E_UNSUPPORTED_FEATURE;
		if (info->cbData != digest->hash_len)
			return SCARD_E_INVALID_PARAMETER;
		buf_put(text, digest->prefix, digest->prefix_len);
	}
	buf_put(text, info->pbData, info->cbData);
	return buf_failed(text) ? SCARD_E_NO_MEMORY : SCARD_S_SUCCESS;
}

static DWORD
sign_pkcs1(struct request *q, uint8_t *ret_signature)
{
	AUTO_BUF struct buf text = BUF_INIT;
	enum gids_refusal refusal = GIDS_NOT_REFUSED;
	DWORD r;

	if (q->info.cbData > q->size - PKCS1_OVERHEAD)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = put_digestinfo(&q->info, &text)) != SCARD_S_SUCCESS)
		return r;
	if (text.len > q->size - PKCS1_OVERHEAD)
		return SCARD_E_INVALID_PARAMETER;
	if (text.len <= CARD_PADDED_MAX && may_try(q->key, GIDS_SIGN_PKCS1)) {
		r = rsa_operation(q, GIDS_SIGN_PKCS1, buf_cur(&text), ret_signature, &refusal);
		if (refusal == GIDS_NOT_REFUSED)
			return r;
	}
	r = sign_padded(q, ret_signature);
	if (r == SCARD_S_SUCCESS && refusal != GIDS_NOT_REFUSED)
		q->key->refused |= GIDS_OPERATION_BIT(GIDS_SIGN_PKCS1);
	return r;
}

static DWORD
sign_rsa(struct request *q, uint8_t *ret_signature)
{
	switch (q->info.dwPaddingType) {
	case CARD_PADDING_PKCS1: return sign_pkcs1(q, ret_signature);
	case CARD_PADDING_PSS: return sign_padded(q, ret_signature);
	default: break;
	}
	if (q->info.cbData != q->size)
		return SCARD_E_INVALID_PARAMETER;
	return sign_block(q, cur_of(q->info.pbData, q->info.cbData), ret_signature);
}

/* r || s as it is, or out of its DER: the specification leaves it open, the length decides. */
static bool
fixed_width(struct cursor output, size_t size, uint8_t *ret_signature)
{
	if (output.left == size)
		return cur_copy(&output, ret_signature, size);
	return tlv_ecdsa_signature(output, size, ret_signature);
}

/* FIPS 186-5, 6.4.1: the leftmost bits of the hash; no hash is longer than 521 bits. */
static DWORD
sign_ecdsa(struct request *q, uint8_t *ret_signature)
{
	AUTO_BUF struct buf output = BUF_INIT;
	enum gids_refusal refusal;
	struct cursor hash = cur_of(q->info.pbData, q->info.cbData), head = hash;
	DWORD r;

	if (hash.left > q->size / 2)
		(void)cur_take(&hash, q->size / 2, &head);
	r = gids_key_use(q->g, q->key, GIDS_SIGN_RAW, head, &output, &refusal);
	if (r != SCARD_S_SUCCESS)
		return r;
	return length_checked(fixed_width(buf_cur(&output), q->size, ret_signature), q->key, output.len);
}

static size_t
signature_size(uint8_t algorithm)
{
	size_t bytes = (gids_algorithm_bits(algorithm) + 7) / 8;

	return gids_algorithm_is_rsa(algorithm) ? bytes : 2 * bytes;
}

static DWORD
sign(struct request *q)
{
	uint8_t signature[LIMIT_RSA_BYTES];
	BYTE *copy;
	DWORD r;

	_Static_assert(sizeof(signature) >= 2 * EC_BYTES_MAX, "room for every curve");
	if (gids_algorithm_is_rsa(q->key->algorithm))
		r = sign_rsa(q, signature);
	else
		r = sign_ecdsa(q, signature);
	if (r != SCARD_S_SUCCESS)
		return r;
	if ((copy = q->card->pfnCspAlloc(q->size)) == NULL)
		return ERROR_NOT_ENOUGH_MEMORY;
	memcpy(copy, signature, q->size);
	q->info.pbSignedData = copy;
	return SCARD_S_SUCCESS;
}

DWORD
gids_sign_data(CARD_DATA *card, CARD_SIGNING_INFO *pInfo)
{
	struct request q = { .card = card, .g = gids_of(card) };
	DWORD r;

	if (q.g == NULL)
		return SCARD_E_INVALID_PARAMETER;
	q.info = *pInfo;
	if ((r = gids_key_of_spec(q.g, q.info.bContainerIndex, q.info.dwKeySpec, &q.key)) != SCARD_S_SUCCESS)
		return r;
	q.size = signature_size(q.key->algorithm);
	q.info.pbSignedData = NULL;
	if ((q.info.dwSigningFlags & CARD_BUFFER_SIZE_ONLY) == 0 && (r = sign(&q)) != SCARD_S_SUCCESS)
		return r;
	pInfo->pbSignedData = q.info.pbSignedData;
	pInfo->cbSignedData = (DWORD)q.size;
	return SCARD_S_SUCCESS;
}
