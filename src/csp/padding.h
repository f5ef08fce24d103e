/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RSA paddings (RFC 8017): what libcrypto could only do with a private key of its own, and what it would do with random
 * numbers of its own (see crypto.h). The callbacks of cardmod.h stand on the rest.
 *
 * A block is as long as the modulus. Encoders answer SCARD_E_INVALID_PARAMETER when the data does not fit; decoders take
 * the same steps and the same accesses to memory whatever is in the block, good padding or bad.
 */
#ifndef CSP_PADDING_H
#define CSP_PADDING_H

#include "cardmod.h"
#include "csp/crypto.h"

/* EMSA-PKCS1-v1_5 (9.2) with the DigestInfo of hash, or of the bare data with CSP_HASH_NONE. */
DWORD csp_pad_pkcs1(enum csp_hash hash, struct cursor data, uint8_t *ret_block, size_t block_len);
/* EMSA-PSS (9.1.1) of a hash value for a modulus of so many bits; 8m+1 bits give a block with a zero byte in front. */
DWORD csp_pad_pss(struct csp_crypto *crypto, const struct csp_scheme *scheme, struct cursor hash_value,
		  unsigned modulus_bits, uint8_t *ret_block);
/* RSAES-PKCS1-v1_5 (7.2.1), RSAES-OAEP (7.1.1), or the bare block of data, by scheme->padding. */
DWORD csp_pad_encryption(struct csp_crypto *crypto, const struct csp_scheme *scheme, struct cursor data,
			 uint8_t *ret_block, size_t block_len);

/*
 * Undo the above for CSP_PAD_PKCS1 and CSP_PAD_OAEP, in place: the message is at the start of the block, zeros behind it.
 * Bad PKCS#1 padding gives a message, too: of random look and length, which depend on the block and on a key of this
 * instance (implicit rejection, draft-irtf-cfrg-rsa-guidance). Bad OAEP padding is SCARD_E_INVALID_VALUE and no message.
 */
DWORD csp_unpad_encryption(struct csp_crypto *crypto, const struct csp_scheme *scheme, uint8_t *block, size_t block_len,
			   size_t *ret_len);

/*
 * A message where another length would tell of bad padding: its bytes when it has `wanted` of them, otherwise `other`. All
 * three have room for wanted bytes. The same steps in both cases.
 */
void csp_choose_message(const uint8_t *message, size_t len, const uint8_t *other, size_t wanted, uint8_t *ret_chosen);

/* The callbacks. card->pvCspContext is the struct csp_crypto. */
DWORD csp_pad_data(CARD_DATA *card, const CARD_SIGNING_INFO *info, DWORD modulus_bits, DWORD *ret_len,
		   BYTE **ret_block);
DWORD csp_unpad_data(CARD_DATA *card, CARD_RSA_DECRYPT_INFO *info);

#endif
