/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decryption by the card's private keys (PKCS#11 5.10). The caller may bring room for the message only, which nobody
 * knows before the card has decrypted: a result that does not fit is kept for the next call, and its length is not
 * told.
 */
#include "p11/op.h"

#include <string.h>

/* Decrypts on the card into op->plain, and keeps the ciphertext to know it again. */
static CK_RV
decrypt_on_card(struct p11_session *s, struct p11_op *op, struct cursor data)
{
	struct csp_card *card;
	CK_RV rv;

	if (data.left != op->public.modulus_len)
		return CKR_ENCRYPTED_DATA_LEN_RANGE;
	if (!p11_op_below_modulus(op, data.p))
		return CKR_ENCRYPTED_DATA_INVALID;
	if ((rv = p11_op_private(s, op, &card)) != CKR_OK)
		return rv;
	rv = p11_op_private_rv(s, op, csp_decrypt(card, op->key_id, &op->scheme, data, &op->plain), P11_CTX_DECRYPT);
	if (rv == CKR_OK && op->phase == P11_PHASE_ONE_SHOT) {
		buf_reset(&op->data);
		buf_put_cur(&op->data, data);
		rv = buf_failed(&op->data) ? CKR_HOST_MEMORY : CKR_OK;
	}
	return rv;
}

/* True when the card has already answered for this ciphertext. */
static bool
is_kept(const struct p11_op *op, struct cursor data)
{
	return op->plain.p != NULL && cur_equals(&data, op->data.p, op->data.len);
}

static CK_RV
decrypt(struct p11_session *s, struct p11_op *op, struct cursor data, CK_BYTE *out, CK_ULONG *out_len)
{
	CK_RV rv;

	if (out == NULL) {
		*out_len = p11_op_output_len(op);
		return p11_op_end(op, CKR_OK, true);
	}
	if (!is_kept(op, data)) {
		secret_free(&op->plain);
		if ((rv = decrypt_on_card(s, op, data)) != CKR_OK)
			return p11_op_end(op, rv, false);
	}
	if (op->plain.len > *out_len) {
		*out_len = p11_op_output_len(op);
		return p11_op_end(op, CKR_BUFFER_TOO_SMALL, true);
	}
	if (op->plain.len > 0)
		memcpy(out, op->plain.p, op->plain.len);
	*out_len = op->plain.len;
	return p11_op_end(op, CKR_OK, false);
}

static CK_RV
decrypt_once(struct p11_session *s, const CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
	struct p11_op *op = &s->ops[P11_OP_DECRYPT];
	CK_RV rv = CKR_ARGUMENTS_BAD;
	struct cursor data;

	if (out_len == NULL || !p11_op_bytes(in, in_len, &data) || (rv = p11_op_step(op, P11_PHASE_ONE_SHOT)) != CKR_OK)
		return p11_op_end(op, rv, false);
	return decrypt(s, op, data, out, out_len);
}

static CK_RV
decrypt_final(struct p11_session *s, CK_BYTE *out, CK_ULONG *out_len)
{
	struct p11_op *op = &s->ops[P11_OP_DECRYPT];
	CK_RV rv = CKR_ARGUMENTS_BAD;

	if (out_len == NULL || (rv = p11_op_step(op, P11_PHASE_MULTI)) != CKR_OK)
		return p11_op_end(op, rv, false);
	return decrypt(s, op, buf_cur(&op->data), out, out_len);
}

CK_RV
C_DecryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv : p11_leave(s, __func__, p11_op_init(s, P11_OP_DECRYPT, mechanism, key));
}

CK_RV
C_Decrypt(CK_SESSION_HANDLE session, CK_BYTE *encrypted, CK_ULONG encrypted_len, CK_BYTE *data, CK_ULONG *data_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv : p11_leave(s, __func__, decrypt_once(s, encrypted, encrypted_len, data, data_len));
}

CK_RV
C_DecryptUpdate(CK_SESSION_HANDLE session, CK_BYTE *encrypted, CK_ULONG encrypted_len, CK_BYTE *part,
		CK_ULONG *part_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv
			    : p11_leave(s, __func__,
					p11_op_update_silent(&s->ops[P11_OP_DECRYPT], encrypted, encrypted_len, part,
							     part_len, CKR_ENCRYPTED_DATA_LEN_RANGE));
}

CK_RV
C_DecryptFinal(CK_SESSION_HANDLE session, CK_BYTE *part, CK_ULONG *part_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv : p11_leave(s, __func__, decrypt_final(s, part, part_len));
}
