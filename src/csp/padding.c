/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS#1 v1.5, PSS and OAEP (RFC 8017). */
#include "csp/padding.h"

#include <string.h>

#include "base/digestinfo.h"

#define PKCS1_MIN_FILL 8u
#define PKCS1_OVERHEAD (PKCS1_MIN_FILL + 3)

/* MGF1 (B.2.1) over p. The hash is the one named for the mask. */
static DWORD
mgf1_xor(struct csp_crypto *crypto, enum csp_hash hash, struct cursor seed, uint8_t *p, size_t len)
{
	const size_t hash_len = csp_hash_len(hash);
	uint8_t counter[4] = { 0, 0, 0, 0 }, mask[DIGESTINFO_HASH_LEN];
	const struct cursor pieces[] = { seed, cur_of(counter, sizeof counter) };
	DWORD r = hash_len == 0 ? SCARD_E_INVALID_PARAMETER : SCARD_S_SUCCESS;

	/* LIMIT_RSA_BYTES take fewer than 256 rounds of the shortest hash */
	for (size_t done = 0; r == SCARD_S_SUCCESS && done < len; done += hash_len, counter[3]++) {
		if ((r = csp_crypto_hash(crypto, hash, pieces, ARRAY_SIZE(pieces), mask)) != SCARD_S_SUCCESS)
			break;
		for (size_t i = 0; i < hash_len && done + i < len; i++)
			p[done + i] ^= mask[i];
	}
	secret_wipe(mask, sizeof mask);
	return r;
}

/* Signatures ----------------------------------------------------------------------------------------------------- */

DWORD
csp_pad_pkcs1(enum csp_hash hash, struct cursor data, uint8_t *ret_block, size_t block_len)
{
	const struct digestinfo *info = digestinfo_find(csp_hash_name(hash));
	size_t prefix_len = info == NULL ? 0 : info->prefix_len;
	uint8_t *p;

	if (info != NULL ? data.left != info->hash_len : hash != CSP_HASH_NONE)
		return SCARD_E_INVALID_PARAMETER;
	if (block_len < PKCS1_OVERHEAD + prefix_len || data.left > block_len - PKCS1_OVERHEAD - prefix_len)
		return SCARD_E_INVALID_PARAMETER;
	memset(ret_block, 0xFF, block_len);
	ret_block[0] = 0x00;
	ret_block[1] = 0x01;
	p = ret_block + block_len - data.left - prefix_len;
	p[-1] = 0x00;
	if (info != NULL)
		memcpy(p, info->prefix, prefix_len);
	if (data.left > 0)
		memcpy(p + prefix_len, data.p, data.left);
	return SCARD_S_SUCCESS;
}

/* H = Hash(eight zeros || hash value || salt) */
static DWORD
pss_hash(struct csp_crypto *crypto, const struct csp_scheme *scheme, struct cursor hash_value, const uint8_t *salt,
	 uint8_t *ret_h)
{
	static const uint8_t zeros[8];
	const struct cursor pieces[] = { cur_of(zeros, sizeof zeros), hash_value, cur_of(salt, scheme->salt_len) };

	return csp_crypto_hash(crypto, scheme->hash, pieces, ARRAY_SIZE(pieces), ret_h);
}

DWORD
csp_pad_pss(struct csp_crypto *crypto, const struct csp_scheme *scheme, struct cursor hash_value, unsigned modulus_bits,
	    uint8_t *ret_block)
{
	const size_t hash_len = csp_hash_len(scheme->hash);
	const size_t block_len = ((size_t)modulus_bits + 7) / 8, em_len = ((size_t)modulus_bits + 6) / 8;
	uint8_t *em = ret_block + (block_len - em_len), *salt, *h;
	DWORD r;

	if (hash_len == 0 || hash_value.left != hash_len || modulus_bits > LIMIT_RSA_MAX_BITS ||
	    scheme->salt_len > LIMIT_RSA_BYTES || em_len < hash_len + scheme->salt_len + 2)
		return SCARD_E_INVALID_PARAMETER;
	memset(ret_block, 0, block_len);
	h = em + em_len - 1 - hash_len;
	salt = h - scheme->salt_len;
	if (!secret_random(salt, scheme->salt_len))
		return SCARD_F_INTERNAL_ERROR;
	salt[-1] = 0x01;
	if ((r = pss_hash(crypto, scheme, hash_value, salt, h)) != SCARD_S_SUCCESS ||
	    (r = mgf1_xor(crypto, scheme->mgf, cur_of(h, hash_len), em, (size_t)(h - em))) != SCARD_S_SUCCESS)
		return r;
	em[0] &= (uint8_t)(0xFF >> (8 * em_len - (modulus_bits - 1)));
	em[em_len - 1] = 0xBC;
	return SCARD_S_SUCCESS;
}

/* Encryption ----------------------------------------------------------------------------------------------------- */

static bool
random_nonzero(uint8_t *p, size_t len)
{
	if (!secret_random(p, len))
		return false;
	for (size_t i = 0; i < len; i++)
		while (p[i] == 0)
			if (!secret_random(&p[i], 1))
				return false;
	return true;
}

static DWORD
encrypt_pkcs1(struct cursor data, uint8_t *ret_block, size_t block_len)
{
	size_t fill;

	if (block_len < PKCS1_OVERHEAD || data.left > block_len - PKCS1_OVERHEAD)
		return SCARD_E_INVALID_PARAMETER;
	fill = block_len - 3 - data.left;
	ret_block[0] = 0x00;
	ret_block[1] = 0x02;
	if (!random_nonzero(ret_block + 2, fill))
		return SCARD_F_INTERNAL_ERROR;
	ret_block[2 + fill] = 0x00;
	if (data.left > 0)
		memcpy(ret_block + 3 + fill, data.p, data.left);
	return SCARD_S_SUCCESS;
}

static DWORD
encrypt_oaep(struct csp_crypto *crypto, const struct csp_scheme *scheme, struct cursor data, uint8_t *ret_block,
	     size_t block_len)
{
	const size_t hash_len = csp_hash_len(scheme->hash);
	uint8_t *seed = ret_block + 1, *db = ret_block + 1 + hash_len;
	const size_t db_len = block_len - 1 - hash_len;
	DWORD r;

	if (hash_len == 0 || block_len > LIMIT_RSA_BYTES || block_len < 2 * hash_len + 2 ||
	    data.left > block_len - 2 * hash_len - 2)
		return SCARD_E_INVALID_PARAMETER;
	memset(ret_block, 0, block_len);
	if (!secret_random(seed, hash_len))
		return SCARD_F_INTERNAL_ERROR;
	if ((r = csp_crypto_hash(crypto, scheme->hash, &scheme->label, 1, db)) != SCARD_S_SUCCESS)
		return r;
	db[db_len - data.left - 1] = 0x01;
	if (data.left > 0)
		memcpy(db + db_len - data.left, data.p, data.left);
	if ((r = mgf1_xor(crypto, scheme->mgf, cur_of(seed, hash_len), db, db_len)) != SCARD_S_SUCCESS)
		return r;
	return mgf1_xor(crypto, scheme->mgf, cur_of(db, db_len), seed, hash_len);
}

DWORD
csp_pad_encryption(struct csp_crypto *crypto, const struct csp_scheme *scheme, struct cursor data, uint8_t *ret_block,
		   size_t block_len)
{
	switch (scheme->padding) {
	case CSP_PAD_RAW:
		if (data.left != block_len)
			return SCARD_E_INVALID_PARAMETER;
		memcpy(ret_block, data.p, block_len);
		return SCARD_S_SUCCESS;
	case CSP_PAD_PKCS1: return encrypt_pkcs1(data, ret_block, block_len);
	case CSP_PAD_OAEP: return encrypt_oaep(crypto, scheme, data, ret_block, block_len);
	default: return SCARD_E_INVALID_PARAMETER;
	}
}

/* Decryption: the same steps whatever the block holds -------------------------------------------------------------- */

/* A mask is all ones for true and zero for false. */
typedef uint32_t mask;

/* Keeps the compiler from seeing that a mask has two values only, and from making a branch of it. */
static inline mask
opaque(mask m)
{
	__asm__("" : "+r"(m));
	return m;
}

static inline mask
mask_zero(uint32_t v)
{
	return opaque(0u - ((~v & (v - 1u)) >> 31));
}

static inline mask
mask_equal(uint32_t a, uint32_t b)
{
	return mask_zero(a ^ b);
}

/* For numbers below 2^31. */
static inline mask
mask_below(uint32_t a, uint32_t b)
{
	return opaque(0u - ((a - b) >> 31));
}

static inline uint32_t
mask_select(mask m, uint32_t if_true, uint32_t if_false)
{
	return (opaque(m) & if_true) | (~opaque(m) & if_false);
}

/* Moves what starts at start to the front and fills up with zeros, in steps of powers of two. */
static void
move_to_front(uint8_t *block, uint32_t len, uint32_t start)
{
	for (uint32_t step = 1; step <= len; step <<= 1) {
		mask skip = mask_zero(start & step);

		for (uint32_t i = 0; i < len; i++) {
			uint32_t moved = len - i > step ? block[i + step] : 0u;

			block[i] = (uint8_t)mask_select(skip, block[i], moved);
		}
	}
}

/* 00 02, at least eight bytes that are not 00, 00, message. The start is that of the message, or len when all is bad. */
static mask
find_pkcs1(const uint8_t *block, uint32_t len, uint32_t *ret_start)
{
	mask good = mask_zero(block[0]) & mask_equal(block[1], 0x02), found = 0;
	uint32_t zero = 0;

	for (uint32_t i = 2; i < len; i++) {
		mask is_zero = mask_zero(block[i]);

		zero = mask_select(is_zero & ~found, i, zero);
		found |= is_zero;
	}
	good &= found & ~mask_below(zero, 2 + PKCS1_MIN_FILL);
	*ret_start = mask_select(good, zero + 1, len);
	return good;
}

/* The length of a message that is none: of so many candidates, each good with a chance over one half, one will do. */
#define LENGTH_CANDIDATES 128u

/* A length between 0 and max; the last candidate that is not above it. */
static uint32_t
choose_length(const uint8_t candidates[2 * LENGTH_CANDIDATES], uint32_t max)
{
	uint32_t bits = max, length = 0;

	for (uint32_t shift = 1; shift < 16; shift <<= 1)
		bits |= bits >> shift;
	for (uint32_t i = 0; i < LENGTH_CANDIDATES; i++) {
		uint32_t candidate = ((uint32_t)candidates[2 * i] << 8 | candidates[2 * i + 1]) & bits;

		length = mask_select(mask_below(candidate, max + 1), candidate, length);
	}
	return length;
}

/*
 * Puts another block in the place of a bad one, whose message is its end. The block stands for the ciphertext, of which
 * there is exactly one for each.
 */
static DWORD
reject_implicitly(struct csp_crypto *crypto, uint8_t *block, uint32_t len, mask good, uint32_t *start)
{
	uint8_t other[LIMIT_RSA_BYTES], candidates[2 * LENGTH_CANDIDATES];
	uint32_t length;
	DWORD r;

	if ((r = csp_crypto_prf(crypto, "message", cur_of(block, len), other, len)) != SCARD_S_SUCCESS ||
	    (r = csp_crypto_prf(crypto, "length", cur_of(block, len), candidates, sizeof candidates)) !=
		    SCARD_S_SUCCESS)
		return r;
	length = choose_length(candidates, len - PKCS1_OVERHEAD);
	for (uint32_t i = 0; i < len; i++)
		block[i] = (uint8_t)mask_select(good, block[i], other[i]);
	*start = mask_select(good, *start, len - length);
	secret_wipe(other, sizeof other);
	secret_wipe(candidates, sizeof candidates);
	return SCARD_S_SUCCESS;
}

/* 00, seed, then in clear: hash of the label, zeros, 01, message. */
static mask
find_oaep(const uint8_t *block, uint32_t len, const uint8_t *label_hash, uint32_t hash_len, uint32_t *ret_start)
{
	mask good = mask_zero(block[0]), found = 0;
	uint32_t i, one = 0, different = 0;

	for (i = 0; i < hash_len; i++)
		different |= (uint32_t)(block[1 + hash_len + i] ^ label_hash[i]);
	good &= mask_zero(different);
	for (i = 1 + 2 * hash_len; i < len; i++) {
		mask is_one = mask_equal(block[i], 0x01);

		one = mask_select(is_one & ~found, i, one);
		good &= found | is_one | mask_zero(block[i]);
		found |= is_one;
	}
	good &= found;
	*ret_start = mask_select(good, one + 1, len);
	return good;
}

/* RFC 8017 7.1.2 step 3; the label's hash is the last thing computed, so that nothing depends on the block. */
static DWORD
unmask_oaep(struct csp_crypto *crypto, const struct csp_scheme *scheme, uint8_t *block, size_t block_len,
	    uint8_t *ret_label_hash)
{
	const size_t hash_len = csp_hash_len(scheme->hash);
	uint8_t *seed = block + 1, *db = block + 1 + hash_len;
	const size_t db_len = block_len - 1 - hash_len;
	DWORD r;

	if (hash_len == 0 || block_len < 2 * hash_len + 2)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = mgf1_xor(crypto, scheme->mgf, cur_of(db, db_len), seed, hash_len)) != SCARD_S_SUCCESS ||
	    (r = mgf1_xor(crypto, scheme->mgf, cur_of(seed, hash_len), db, db_len)) != SCARD_S_SUCCESS)
		return r;
	return csp_crypto_hash(crypto, scheme->hash, &scheme->label, 1, ret_label_hash);
}

DWORD
csp_unpad_encryption(struct csp_crypto *crypto, const struct csp_scheme *scheme, uint8_t *block, size_t block_len,
		     size_t *ret_len)
{
	uint8_t label_hash[DIGESTINFO_HASH_LEN];
	uint32_t len = (uint32_t)block_len, start;
	mask good;
	DWORD r;

	if (block_len < PKCS1_OVERHEAD || block_len > LIMIT_RSA_BYTES)
		return SCARD_E_INVALID_PARAMETER;
	if (scheme->padding == CSP_PAD_PKCS1) {
		good = find_pkcs1(block, len, &start);
		if ((r = reject_implicitly(crypto, block, len, good, &start)) != SCARD_S_SUCCESS)
			return r;
		good = opaque(~0u);
	} else if (scheme->padding == CSP_PAD_OAEP) {
		if ((r = unmask_oaep(crypto, scheme, block, block_len, label_hash)) != SCARD_S_SUCCESS)
			return r;
		good = find_oaep(block, len, label_hash, (uint32_t)csp_hash_len(scheme->hash), &start);
	} else {
		return SCARD_E_INVALID_PARAMETER;
	}
	/* a start of len leaves nothing but zeros */
	move_to_front(block, len, start);
	*ret_len = len - start;
	return mask_select(good, SCARD_S_SUCCESS, SCARD_E_INVALID_VALUE);
}

void
csp_choose_message(const uint8_t *message, size_t len, const uint8_t *other, size_t wanted, uint8_t *ret_chosen)
{
	mask good = mask_equal((uint32_t)len, (uint32_t)wanted);

	for (size_t i = 0; i < wanted; i++)
		ret_chosen[i] = (uint8_t)mask_select(good, message[i], other[i]);
}

/* Callbacks ------------------------------------------------------------------------------------------------------ */

/* Hashes of a padding info; the mask's is the other one unless it is named. */
static bool
hashes_by_name(const char *name, const char *mgf_name, struct csp_scheme *ret_scheme)
{
	return csp_hash_by_name(name, &ret_scheme->hash) &&
	       csp_hash_by_name(mgf_name != NULL ? mgf_name : name, &ret_scheme->mgf);
}

/* Scheme of a signature. SCARD_E_UNSUPPORTED_FEATURE for a padding that is no signature's, and for unknown hashes. */
static DWORD
signing_scheme(const CARD_SIGNING_INFO *info, struct csp_scheme *ret_scheme)
{
	const BCRYPT_PKCS1_PADDING_INFO *pkcs1 = info->pPaddingInfo;
	const BCRYPT_PSS_PADDING_INFO *pss = info->pPaddingInfo;
	struct csp_scheme scheme = { .padding = CSP_PAD_PKCS1 };
	bool known = false;

	if (info->dwPaddingType == CARD_PADDING_PKCS1) {
		known = hashes_by_name(pkcs1->pszAlgId, NULL, &scheme);
	} else if (info->dwPaddingType == CARD_PADDING_PSS) {
		scheme.padding = CSP_PAD_PSS;
		scheme.salt_len = pss->cbSalt;
		known = hashes_by_name(pss->pszAlgId, pss->pszMgfAlgId, &scheme);
	}
	*ret_scheme = scheme;
	return known ? SCARD_S_SUCCESS : SCARD_E_UNSUPPORTED_FEATURE;
}

DWORD
csp_pad_data(CARD_DATA *card, const CARD_SIGNING_INFO *info, DWORD modulus_bits, DWORD *ret_len, BYTE **ret_block)
{
	struct csp_scheme scheme;
	struct cursor data;
	size_t block_len;
	BYTE *block;
	DWORD r;

	if (card == NULL || info == NULL || info->pPaddingInfo == NULL || ret_len == NULL || ret_block == NULL ||
	    (info->pbData == NULL && info->cbData > 0) || modulus_bits < 16 || modulus_bits > LIMIT_RSA_MAX_BITS)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = signing_scheme(info, &scheme)) != SCARD_S_SUCCESS)
		return r;
	data = cur_of(info->pbData, info->cbData);
	block_len = (modulus_bits + 7) / 8;
	if ((block = card->pfnCspAlloc(block_len)) == NULL)
		return SCARD_E_NO_MEMORY;
	r = scheme.padding == CSP_PAD_PSS ? csp_pad_pss(card->pvCspContext, &scheme, data, modulus_bits, block)
					  : csp_pad_pkcs1(scheme.hash, data, block, block_len);
	if (r != SCARD_S_SUCCESS) {
		card->pfnCspFree(block);
		return r;
	}
	*ret_block = block;
	*ret_len = (DWORD)block_len;
	return SCARD_S_SUCCESS;
}

DWORD
csp_unpad_data(CARD_DATA *card, CARD_RSA_DECRYPT_INFO *info)
{
	struct csp_scheme scheme = { .padding = CSP_PAD_PKCS1 };
	const BCRYPT_OAEP_PADDING_INFO *oaep;
	size_t len = 0;
	DWORD r;

	if (card == NULL || info == NULL || info->pbData == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (info->dwPaddingType == CARD_PADDING_OAEP) {
		if ((oaep = info->pPaddingInfo) == NULL || (oaep->pbLabel == NULL && oaep->cbLabel > 0))
			return SCARD_E_INVALID_PARAMETER;
		scheme.padding = CSP_PAD_OAEP;
		scheme.label = cur_of(oaep->pbLabel, oaep->cbLabel);
		if (!hashes_by_name(oaep->pszAlgId, oaep->pszMgfAlgId, &scheme))
			return SCARD_E_UNSUPPORTED_FEATURE;
	} else if (info->dwPaddingType != CARD_PADDING_PKCS1) {
		return SCARD_E_UNSUPPORTED_FEATURE;
	}
	r = csp_unpad_encryption(card->pvCspContext, &scheme, info->pbData, info->cbData, &len);
	if (r == SCARD_S_SUCCESS)
		info->cbData = (DWORD)len;
	return r == SCARD_E_INVALID_VALUE ? SCARD_E_INVALID_PARAMETER : r;
}
