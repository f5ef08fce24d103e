/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key agreement: the card gives the shared secret at once (SP 800-73-4 part 2, A.5.2), which waits here until the caller
 * derives something of it, and no longer than the transaction.
 */
#include "piv/piv.h"

#include <string.h>

void
piv_agreements_forget(struct piv *p)
{
	for (size_t i = 0; i < PIV_AGREEMENTS; i++)
		secret_free(&p->agreements[i]);
}

static DWORD
free_place(const struct piv *p, BYTE *ret_place)
{
	for (BYTE i = 0; i < PIV_AGREEMENTS; i++)
		if (p->agreements[i].p == NULL) {
			*ret_place = i;
			return SCARD_S_SUCCESS;
		}
	return SCARD_E_NO_MEMORY;
}

static DWORD
agree(struct piv *p, BYTE index, struct piv_key *key, const struct public_key *peer, struct secret *ret_z)
{
	const size_t width = (piv_algorithm_bits(key->algorithm) + 7) / 8;
	AUTO_BUF struct buf result = BUF_INIT;
	DWORD r;

	r = piv_key_use(p, index, key, PIV_TAG_EXPONENTIATION, cur_of(peer->point, peer->point_len), true, &result);
	if (r != SCARD_S_SUCCESS)
		return r;
	if (!secret_alloc(ret_z, width))
		return SCARD_E_NO_MEMORY;
	if (cur_number(buf_cur(&result), width, width, ret_z->p))
		return SCARD_S_SUCCESS;
	secret_free(ret_z);
	return SCARD_E_COMM_DATA_LOST;
}

DWORD
piv_construct_dh_agreement(CARD_DATA *card, CARD_DH_AGREEMENT_INFO *pAgreementInfo)
{
	struct piv *p = piv_context(card);
	const struct public_key *peer;
	struct piv_key *key;
	BYTE place = 0;
	DWORD r;

	if (p == NULL)
		return SCARD_E_INVALID_PARAMETER;
	peer = pAgreementInfo->pPublicKey;
	if ((r = piv_key_find(p, pAgreementInfo->bContainerIndex, &key)) != SCARD_S_SUCCESS)
		return r;
	if (piv_algorithm_is_rsa(key->algorithm) || piv_algorithm_type(key->algorithm) == KEY_ED25519)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if (peer->type != piv_algorithm_type(key->algorithm) || peer->bits != piv_algorithm_bits(key->algorithm))
		return SCARD_E_INVALID_PARAMETER;
	if ((r = free_place(p, &place)) != SCARD_S_SUCCESS)
		return r;
	r = agree(p, pAgreementInfo->bContainerIndex, key, peer, &p->agreements[place]);
	if (r == SCARD_S_SUCCESS)
		pAgreementInfo->bSecretAgreementIndex = place;
	return r;
}

static bool
is_place(const struct piv *p, BYTE place)
{
	return place < PIV_AGREEMENTS && p->agreements[place].p != NULL;
}

DWORD
piv_derive_key(CARD_DATA *card, CARD_DERIVE_KEY *pAgreementInfo)
{
	struct piv *p = piv_context(card);
	const struct secret *z;
	BYTE *copy;

	if (p == NULL || strcmp(pAgreementInfo->pszKDF, BCRYPT_KDF_RAW_SECRET) != 0 ||
	    !is_place(p, pAgreementInfo->bSecretAgreementIndex))
		return SCARD_E_INVALID_PARAMETER;
	z = &p->agreements[pAgreementInfo->bSecretAgreementIndex];
	if ((copy = card->pfnCspAlloc(z->len)) == NULL)
		return ERROR_NOT_ENOUGH_MEMORY;
	memcpy(copy, z->p, z->len);
	pAgreementInfo->pbDerivedKey = copy;
	pAgreementInfo->cbDerivedKey = (DWORD)z->len;
	return SCARD_S_SUCCESS;
}

DWORD
piv_destroy_dh_agreement(CARD_DATA *card, BYTE bSecretAgreementIndex, DWORD dwFlags)
{
	struct piv *p = piv_context(card);

	(void)dwFlags;
	if (p == NULL || !is_place(p, bSecretAgreementIndex))
		return SCARD_E_INVALID_PARAMETER;
	secret_free(&p->agreements[bSecretAgreementIndex]);
	return SCARD_S_SUCCESS;
}
