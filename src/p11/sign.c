/* SPDX-License-Identifier: BSD-2-Clause */
/* Signatures by the card's private keys (PKCS#11 5.13). */
#include "p11/op.h"

CK_RV
p11_sign(struct p11_session *s, struct p11_op *op, struct cursor data, CK_BYTE *out, CK_ULONG *out_len)
{
	uint8_t block[LIMIT_RSA_BYTES];
	struct cursor input;
	struct csp_card *card;
	size_t len = 0;
	CK_RV rv;

	if ((rv = p11_op_input(op, data, block, &input)) == CKR_OK && (rv = p11_op_private(s, op, &card)) == CKR_OK)
		rv = p11_op_private_rv(s, op, csp_sign(card, op->key_id, &op->scheme, input, out, *out_len, &len),
				       P11_CTX_SIGN);
	secret_wipe(block, sizeof block);
	if (rv == CKR_OK)
		*out_len = len;
	return rv;
}

CK_RV
C_SignInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv : p11_leave(s, __func__, p11_op_init(s, P11_OP_SIGN, mechanism, key));
}

CK_RV
C_Sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature, CK_ULONG *signature_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK
		       ? rv
		       : p11_leave(s, __func__,
				   p11_op_one_shot(s, P11_OP_SIGN, data, data_len, signature, signature_len, p11_sign));
}

CK_RV
C_SignUpdate(CK_SESSION_HANDLE session, CK_BYTE *part, CK_ULONG part_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv
			    : p11_leave(s, __func__,
					p11_op_update(&s->ops[P11_OP_SIGN], part, part_len, CKR_DATA_LEN_RANGE));
}

CK_RV
C_SignFinal(CK_SESSION_HANDLE session, CK_BYTE *signature, CK_ULONG *signature_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv
			    : p11_leave(s, __func__, p11_op_final(s, P11_OP_SIGN, signature, signature_len, p11_sign));
}
