/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secret keys under RSA keys (PKCS#11 5.18.3, 5.18.4): wrapped by the host with a public key, unwrapped by the card. What an
 * unwrapping with PKCS#1 v1.5 gives for bad padding, or for a key of another length than wanted, is a random key.
 */
#include <string.h>

#include "base/auto.h"
#include "p11/op.h"
#include "p11/memory.h"

/* What a key is when its length cannot be known and its bytes are no key. */
#define ANY_KEY_LEN 32u

/* Codes of encryption and decryption in the words of these two calls. */
struct words {
	CK_RV from, to;
};

static CK_RV
translate(CK_RV rv, const struct words *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (words[i].from == rv)
			return words[i].to;
	return rv;
}

/* Wrapping ------------------------------------------------------------------------------------------------------------ */

/* The value of a key that may leave the token. */
static CK_RV
find_wrapped(const struct p11_slot *slot, CK_OBJECT_HANDLE handle, struct cursor *ret_value)
{
	const struct p11_object *object = p11_object_find(slot, handle);

	if (object == NULL || object->class == CKO_CERTIFICATE || object->class == CKO_PROFILE ||
	    object->class == CKO_DATA)
		return CKR_KEY_HANDLE_INVALID;
	if (object->class == CKO_PRIVATE_KEY)
		return CKR_KEY_UNEXTRACTABLE;
	if (object->memory == NULL || object->class != CKO_SECRET_KEY)
		return CKR_KEY_NOT_WRAPPABLE;
	if (!p11_memory_is(object->memory, CKA_EXTRACTABLE))
		return CKR_KEY_UNEXTRACTABLE;
	if (p11_memory_is(object->memory, CKA_WRAP_WITH_TRUSTED)) /* no key is trusted */
		return CKR_KEY_NOT_WRAPPABLE;
	*ret_value = cur_of(object->memory->secret.p, object->memory->secret.len);
	return CKR_OK;
}

static CK_RV
encrypt(struct p11_op *op, struct cursor value, CK_BYTE *out, CK_ULONG *out_len)
{
	static const struct words words[] = { { CKR_DATA_LEN_RANGE, CKR_KEY_SIZE_RANGE },
					      { CKR_DATA_INVALID, CKR_KEY_SIZE_RANGE } };
	uint8_t block[LIMIT_RSA_BYTES];
	struct cursor input;
	bool stop = false;
	size_t len = 0;
	CK_RV rv = p11_op_input(op, value, block, &input);

	if (rv == CKR_OK)
		rv = p11_output(p11_op_output_len(op), out, out_len, &stop);
	if (rv == CKR_OK && !stop) {
		rv = p11_rv(csp_encrypt(p11_csp(), &op->public, &op->scheme, input, out, *out_len, &len),
			    P11_CTX_ENCRYPT);
		*out_len = rv == CKR_OK ? len : *out_len;
	}
	secret_wipe(block, sizeof block);
	return translate(rv, words, ARRAY_SIZE(words));
}

static CK_RV
wrap(struct p11_session *s, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE handle,
     CK_BYTE *out, CK_ULONG *out_len)
{
	static const struct words words[] = { { CKR_KEY_HANDLE_INVALID, CKR_WRAPPING_KEY_HANDLE_INVALID },
					      { CKR_KEY_TYPE_INCONSISTENT, CKR_WRAPPING_KEY_TYPE_INCONSISTENT },
					      { CKR_KEY_SIZE_RANGE, CKR_WRAPPING_KEY_SIZE_RANGE } };
	struct p11_op op = { .phase = P11_PHASE_IDLE };
	struct cursor value;
	CK_RV rv;

	if (mechanism == NULL || out_len == NULL)
		return CKR_ARGUMENTS_BAD;
	if ((rv = p11_op_once(s, P11_OP_WRAP, mechanism, wrapping, &op)) != CKR_OK)
		return translate(rv, words, ARRAY_SIZE(words));
	if ((rv = find_wrapped(s->slot, handle, &value)) == CKR_OK)
		rv = encrypt(&op, value, out, out_len);
	p11_op_clear(&op);
	return rv;
}

/* Unwrapping ---------------------------------------------------------------------------------------------------------- */

/* PKCS#1 v1.5 without a length: the message's own; one that no such key has is as good as bad padding. */
static CK_RV
take_any(struct cursor wrapped, struct p11_memory *key)
{
	if (p11_memory_fits(key->type, key->secret.len))
		return CKR_OK;
	if (!secret_alloc(&key->secret, ANY_KEY_LEN))
		return CKR_HOST_MEMORY;
	return p11_rv(csp_pseudorandom(p11_csp(), "no key", wrapped, key->secret.p, key->secret.len), P11_CTX_TOKEN);
}

/* Elsewhere the length is compared, but for a raw block, whose end it is. */
static CK_RV
take_fixed(const struct p11_op *op, struct p11_memory *key)
{
	struct secret *value = &key->secret;

	if (op->scheme.padding == CSP_PAD_RAW) {
		if (value->len < key->len)
			return CKR_DEVICE_ERROR;
		return secret_set(value, value->p + (value->len - key->len), key->len) ? CKR_OK : CKR_HOST_MEMORY;
	}
	if (!p11_memory_fits(key->type, value->len) || (key->len != 0 && key->len != value->len))
		return CKR_WRAPPED_KEY_LEN_RANGE;
	return CKR_OK;
}

static DWORD
decrypt(struct csp_card *card, const struct p11_op *op, struct cursor wrapped, struct p11_memory *key)
{
	if (op->scheme.padding == CSP_PAD_PKCS1 && key->len != 0)
		return csp_decrypt_exactly(card, op->key_id, wrapped, key->len, &key->secret);
	return csp_decrypt(card, op->key_id, &op->scheme, wrapped, &key->secret);
}

/* What is wrong whatever the card would say. */
static CK_RV
check_wrapped(const struct p11_op *op, struct cursor wrapped, const struct p11_memory *key)
{
	if (wrapped.left != op->public.modulus_len || key->len > p11_op_message_max(op))
		return CKR_WRAPPED_KEY_LEN_RANGE;
	if (!p11_op_below_modulus(op, wrapped.p))
		return CKR_WRAPPED_KEY_INVALID;
	return op->scheme.padding == CSP_PAD_RAW && key->len == 0 ? CKR_TEMPLATE_INCOMPLETE : CKR_OK;
}

static CK_RV
unwrap_value(struct p11_session *s, struct p11_op *op, struct cursor wrapped, struct p11_memory *key)
{
	static const struct words words[] = { { CKR_ENCRYPTED_DATA_INVALID, CKR_WRAPPED_KEY_INVALID },
					      { CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_WRAPPED_KEY_LEN_RANGE },
					      { CKR_KEY_HANDLE_INVALID, CKR_UNWRAPPING_KEY_HANDLE_INVALID } };
	struct csp_card *card;
	CK_RV rv;

	if ((rv = check_wrapped(op, wrapped, key)) != CKR_OK || (rv = p11_op_private(s, op, &card)) != CKR_OK)
		return rv;
	rv = p11_op_private_rv(s, op, decrypt(card, op, wrapped, key), P11_CTX_DECRYPT);
	if (rv != CKR_OK)
		return translate(rv, words, ARRAY_SIZE(words));
	if (op->scheme.padding != CSP_PAD_PKCS1)
		return take_fixed(op, key);
	return key->len == 0 ? take_any(wrapped, key) : CKR_OK;
}

static CK_RV
unwrap(struct p11_session *s, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE unwrapping, struct cursor wrapped,
       struct p11_template template, CK_OBJECT_HANDLE *ret_handle)
{
	static const struct words words[] = { { CKR_KEY_HANDLE_INVALID, CKR_UNWRAPPING_KEY_HANDLE_INVALID },
					      { CKR_KEY_TYPE_INCONSISTENT, CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT },
					      { CKR_KEY_SIZE_RANGE, CKR_UNWRAPPING_KEY_SIZE_RANGE } };
	struct p11_op op = { .phase = P11_PHASE_IDLE };
	struct p11_memory *key = NULL;
	CK_RV rv;

	if (mechanism == NULL || wrapped.p == NULL || ret_handle == NULL)
		return CKR_ARGUMENTS_BAD;
	if ((rv = p11_op_once(s, P11_OP_UNWRAP, mechanism, unwrapping, &op)) != CKR_OK)
		return translate(rv, words, ARRAY_SIZE(words));
	if ((rv = p11_memory_new(s, template, P11_UNWRAPPED, CK_UNAVAILABLE_INFORMATION, &key)) == CKR_OK &&
	    (rv = unwrap_value(s, &op, wrapped, key)) == CKR_OK)
		rv = p11_memory_add(s->slot, &key, ret_handle);
	p11_memory_free(&key);
	p11_op_clear(&op);
	return rv;
}

CK_RV
C_WrapKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping_key, CK_OBJECT_HANDLE key,
	  CK_BYTE *wrapped_key, CK_ULONG *wrapped_key_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK
		       ? rv
		       : p11_leave(s, __func__, wrap(s, mechanism, wrapping_key, key, wrapped_key, wrapped_key_len));
}

CK_RV
C_UnwrapKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE unwrapping_key, CK_BYTE *wrapped_key,
	    CK_ULONG wrapped_key_len, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *key)
{
	const struct p11_template t = { template, count };
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK
		       ? rv
		       : p11_leave(s, __func__,
				   unwrap(s, mechanism, unwrapping_key, cur_of(wrapped_key, wrapped_key_len), t, key));
}
