/* SPDX-License-Identifier: BSD-2-Clause */
/* Verification with the public keys of the token, in software and without login (PKCS#11 5.15). */
#include "p11/op.h"

#include <string.h>

/*
 * ECDSA signatures may come shorter, as two halves of equal length; they are filled up in ret_full.
 * CKR_SIGNATURE_LEN_RANGE.
 */
static CK_RV
full_signature(const struct p11_op *op, struct cursor *signature, uint8_t ret_full[LIMIT_RSA_BYTES])
{
	const size_t full = p11_op_output_len(op), half = full / 2, given = signature->left / 2;

	if (signature->left == full)
		return CKR_OK;
	if (op->public.type != KEY_EC || given == 0 || signature->left % 2 != 0 || signature->left > full)
		return CKR_SIGNATURE_LEN_RANGE;
	memset(ret_full, 0, full);
	(void)cur_copy(signature, ret_full + half - given, given);
	(void)cur_copy(signature, ret_full + full - given, given);
	*signature = cur_of(ret_full, full);
	return CKR_OK;
}

static CK_RV
check(struct p11_op *op, struct cursor data, struct cursor signature)
{
	uint8_t block[LIMIT_RSA_BYTES], full[LIMIT_RSA_BYTES];
	struct cursor input;
	bool good = false;
	CK_RV rv;

	if ((rv = p11_op_input(op, data, block, &input)) != CKR_OK ||
	    (rv = full_signature(op, &signature, full)) != CKR_OK)
		return rv;
	rv = p11_rv(csp_verify(p11_csp(), &op->public, &op->scheme, input, signature, &good), P11_CTX_VERIFY);
	return rv != CKR_OK || good ? rv : CKR_SIGNATURE_INVALID;
}

CK_RV
p11_verify_once(struct p11_op *op, const CK_BYTE *data, CK_ULONG data_len, const CK_BYTE *signature,
		CK_ULONG signature_len)
{
	CK_RV rv = CKR_ARGUMENTS_BAD;
	struct cursor bytes;

	if (p11_op_bytes(data, data_len, &bytes) && signature != NULL &&
	    (rv = p11_op_step(op, P11_PHASE_ONE_SHOT)) == CKR_OK)
		rv = check(op, bytes, cur_of(signature, signature_len));
	return p11_op_end(op, rv, false);
}

CK_RV
p11_verify_final(struct p11_op *op, const CK_BYTE *signature, CK_ULONG signature_len)
{
	CK_RV rv = CKR_ARGUMENTS_BAD;

	if (signature != NULL && (rv = p11_op_step(op, P11_PHASE_MULTI)) == CKR_OK)
		rv = check(op, buf_cur(&op->data), cur_of(signature, signature_len));
	return p11_op_end(op, rv, false);
}

CK_RV
C_VerifyInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv : p11_leave(s, __func__, p11_op_init(s, P11_OP_VERIFY, mechanism, key));
}

CK_RV
C_Verify(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature, CK_ULONG signature_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK
		       ? rv
		       : p11_leave(s, __func__,
				   p11_verify_once(&s->ops[P11_OP_VERIFY], data, data_len, signature, signature_len));
}

CK_RV
C_VerifyUpdate(CK_SESSION_HANDLE session, CK_BYTE *part, CK_ULONG part_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv
			    : p11_leave(s, __func__,
					p11_op_update(&s->ops[P11_OP_VERIFY], part, part_len, CKR_DATA_LEN_RANGE));
}

CK_RV
C_VerifyFinal(CK_SESSION_HANDLE session, CK_BYTE *signature, CK_ULONG signature_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK
		       ? rv
		       : p11_leave(s, __func__, p11_verify_final(&s->ops[P11_OP_VERIFY], signature, signature_len));
}
