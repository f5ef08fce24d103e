/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secret keys agreed with somebody else (PKCS#11 5.18.5, 6.3.16, 6.3.17): ECDH on the card, the key derivation functions
 * of ANSI X9.63 on the host. The curves here have cofactor 1, so that both mechanisms are the same; X25519 has its own rule
 * for the cofactor, and the plain mechanism.
 */
#include <string.h>

#include "base/auto.h"
#include "p11/attr.h"
#include "p11/memory.h"
#include "p11/op.h"

/* The caller's parameter, checked; shared still points to the caller's memory. */
struct agreement {
	enum csp_hash hash; /* CSP_HASH_NONE: no key derivation function */
	struct cursor shared;
	struct public_key peer;
};

static bool
hash_by_kdf(CK_ULONG kdf, enum csp_hash *ret_hash)
{
	switch (kdf) {
	case CKD_NULL: *ret_hash = CSP_HASH_NONE; return true;
	case CKD_SHA1_KDF: *ret_hash = CSP_SHA1; return true;
	case CKD_SHA224_KDF: *ret_hash = CSP_SHA224; return true;
	case CKD_SHA256_KDF: *ret_hash = CSP_SHA256; return true;
	case CKD_SHA384_KDF: *ret_hash = CSP_SHA384; return true;
	case CKD_SHA512_KDF: *ret_hash = CSP_SHA512; return true;
	default: return false;
	}
}

static bool
read_agreement(const CK_MECHANISM *mechanism, const struct public_key *own, struct agreement *ret_agreement)
{
	CK_ECDH1_DERIVE_PARAMS params;
	struct cursor point;

	if (mechanism->pParameter == NULL || mechanism->ulParameterLen != sizeof params)
		return false;
	memcpy(&params, mechanism->pParameter, sizeof params);
	if (!hash_by_kdf(params.kdf, &ret_agreement->hash) ||
	    !p11_op_bytes(params.pSharedData, params.ulSharedDataLen, &ret_agreement->shared) ||
	    !p11_op_bytes(params.pPublicData, params.ulPublicDataLen, &point))
		return false;
	if (ret_agreement->hash == CSP_HASH_NONE && params.ulSharedDataLen != 0)
		return false;
	return p11_attr_take_point(point, own->type, own->bits, &ret_agreement->peer);
}

/* A length that is not given is that of the secret, where nothing else makes it. */
static CK_RV
check_length(const struct agreement *agreement, size_t z_len, struct p11_memory *key)
{
	if (key->len == 0 && (agreement->hash != CSP_HASH_NONE || key->type != CKK_GENERIC_SECRET))
		return CKR_TEMPLATE_INCOMPLETE;
	if (key->len == 0)
		key->len = z_len;
	return agreement->hash == CSP_HASH_NONE && key->len > z_len ? CKR_KEY_SIZE_RANGE : CKR_OK;
}

/* Hash(Z || counter || shared), as much of it as is wanted (X9.63, 5.6.3). */
static DWORD
derive_block(const struct agreement *agreement, const struct secret *z, uint8_t number, uint8_t *ret_block)
{
	const uint8_t counter[4] = { 0, 0, 0, number };
	const struct cursor pieces[] = { cur_of(z->p, z->len), cur_of(counter, sizeof counter), agreement->shared };
	struct csp_digest *digest = NULL;
	DWORD r = csp_digest_new(p11_csp(), agreement->hash, &digest);

	for (size_t i = 0; i < ARRAY_SIZE(pieces) && r == SCARD_S_SUCCESS; i++)
		r = csp_digest_update(digest, pieces[i]);
	if (r == SCARD_S_SUCCESS)
		r = csp_digest_final(digest, ret_block);
	csp_digest_free(&digest);
	return r;
}

static DWORD
derive_value(const struct agreement *agreement, const struct secret *z, struct secret *ret_value)
{
	const size_t hash_len = csp_hash_len(agreement->hash), len = ret_value->len;
	uint8_t block[64], number = 1;
	DWORD r = SCARD_S_SUCCESS;

	if (agreement->hash == CSP_HASH_NONE) {
		memcpy(ret_value->p, z->p + (z->len - len), len);
		return SCARD_S_SUCCESS;
	}
	for (size_t done = 0; done < len && r == SCARD_S_SUCCESS; done += hash_len, number++) {
		r = derive_block(agreement, z, number, block);
		if (r == SCARD_S_SUCCESS)
			memcpy(ret_value->p + done, block, len - done < hash_len ? len - done : hash_len);
	}
	secret_wipe(block, sizeof block);
	return r;
}

static CK_RV
agree(struct p11_session *s, struct p11_op *op, const struct agreement *agreement, struct p11_memory *key)
{
	AUTO_SECRET struct secret z = SECRET_INIT;
	struct csp_card *card;
	CK_RV rv;
	DWORD r;

	if ((rv = p11_op_private(s, op, &card)) != CKR_OK)
		return rv;
	r = csp_agree(card, op->key_id, &agreement->peer, &z);
	if (r == SCARD_E_INVALID_VALUE || r == SCARD_E_INVALID_PARAMETER)
		return CKR_PUBLIC_KEY_INVALID;
	if ((rv = p11_op_private_rv(s, op, r, P11_CTX_SIGN)) != CKR_OK)
		return rv;
	if (z.len < key->len && agreement->hash == CSP_HASH_NONE)
		return CKR_DEVICE_ERROR;
	if (!secret_alloc(&key->secret, key->len))
		return CKR_HOST_MEMORY;
	return p11_rv(derive_value(agreement, &z, &key->secret), P11_CTX_TOKEN);
}

/* A card's own key has been sensitive always and extractable never; what is made of it may go on so (5.18.5). */
static void
inherit(const struct csp_key *from, struct p11_memory *key)
{
	const bool local = from != NULL && from->local;

	key->always_sensitive = local && p11_memory_is(key, CKA_SENSITIVE);
	key->never_extractable = local && !p11_memory_is(key, CKA_EXTRACTABLE);
}

static CK_RV
derive_with(struct p11_session *s, const CK_MECHANISM *mechanism, struct csp_card *card, struct p11_op *op,
	    struct p11_template template, CK_OBJECT_HANDLE *ret_handle)
{
	struct p11_memory *key = NULL;
	struct agreement agreement;
	CK_RV rv;

	if (!read_agreement(mechanism, &op->public, &agreement))
		return CKR_MECHANISM_PARAM_INVALID;
	if ((rv = p11_memory_new(s, template, P11_DERIVED, CK_UNAVAILABLE_INFORMATION, &key)) == CKR_OK &&
	    (rv = check_length(&agreement, pubkey_secret_len(op->public.type, op->public.bits), key)) == CKR_OK) {
		inherit(csp_key_find(card, op->key_id), key);
		rv = agree(s, op, &agreement, key);
	}
	if (rv == CKR_OK)
		rv = p11_memory_add(s->slot, &key, ret_handle);
	p11_memory_free(&key);
	return rv;
}

static CK_RV
derive(struct p11_session *s, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base, struct p11_template template,
       CK_OBJECT_HANDLE *ret_handle)
{
	struct p11_op op = { .phase = P11_PHASE_IDLE };
	struct csp_card *card;
	CK_RV rv;

	if (mechanism == NULL || ret_handle == NULL)
		return CKR_ARGUMENTS_BAD;
	if ((rv = p11_card(s->slot, &card)) != CKR_OK)
		return rv;
	if (!csp_card_agrees(card))
		return CKR_MECHANISM_INVALID;
	if ((rv = p11_op_once(s, P11_OP_DERIVE, mechanism, base, &op)) == CKR_OK)
		rv = derive_with(s, mechanism, card, &op, template, ret_handle);
	p11_op_clear(&op);
	return rv;
}

CK_RV
C_DeriveKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base_key, CK_ATTRIBUTE *template,
	    CK_ULONG count, CK_OBJECT_HANDLE *key)
{
	const struct p11_template t = { template, count };
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv : p11_leave(s, __func__, derive(s, mechanism, base_key, t, key));
}
