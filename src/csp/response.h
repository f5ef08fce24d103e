/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers to a card's challenge. */
#ifndef CSP_RESPONSE_H
#define CSP_RESPONSE_H

#include "cardmod.h"
#include "csp/crypto.h"
#include "csp/manage.h"

/*
 * As csp_respond(). With CardKeyUnknown the lengths decide: a key of 24 bytes is one for 3DES, 32 bytes AES, and 16 bytes
 * AES if the challenge consists of its blocks.
 */
DWORD csp_response(struct csp_crypto *crypto, CARD_KEY_ALGORITHM algorithm, struct cursor key, struct cursor challenge,
		   struct buf *ret_response);
/* Whether a card's cryptogram shows that the card has the key as well (cardmod.h, pfnCardAuthenticateEx). */
bool csp_response_mutual(struct csp_crypto *crypto, CARD_KEY_ALGORITHM algorithm, struct cursor key,
			 struct cursor challenge, struct cursor cryptogram);
/* What a key of this length is for unless somebody says more; CardKeyUnknown for a length that no key has. */
CARD_KEY_ALGORITHM csp_key_algorithm(size_t key_len);
/* The callback. card->pvCspContext is the struct csp_crypto. */
DWORD csp_key_check_value(CARD_DATA *card, CARD_KEY_ALGORITHM algorithm, const BYTE *pbKey, DWORD cbKey,
			  BYTE ret_value[3]);

#endif
