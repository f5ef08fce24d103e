/* SPDX-License-Identifier: BSD-2-Clause */
/* Signatures that give back what was signed (PKCS#11 5.14, 5.16): by the card, and out of them again in software. */
#include <string.h>

#include "p11/op.h"

/* What comes out is known only afterwards, and costs no card: a size query computes it as well. */
static CK_RV
recover(struct p11_op *op, const CK_BYTE *signature, CK_ULONG signature_len, CK_BYTE *out, CK_ULONG *out_len)
{
	uint8_t data[LIMIT_RSA_BYTES];
	CK_RV rv = CKR_ARGUMENTS_BAD;
	bool stop = false;
	size_t len = 0;

	if (out_len == NULL || signature == NULL || (rv = p11_op_step(op, P11_PHASE_ONE_SHOT)) != CKR_OK)
		return p11_op_end(op, rv, false);
	rv = p11_rv(csp_recover(p11_csp(), &op->public, &op->scheme, cur_of(signature, signature_len), data,
				sizeof data, &len),
		    P11_CTX_VERIFY);
	if (rv == CKR_OK && (rv = p11_output(len, out, out_len, &stop)) == CKR_OK && !stop) {
		if (len > 0)
			memcpy(out, data, len);
		*out_len = len;
	}
	return p11_op_end(op, rv, stop);
}

CK_RV
C_SignRecoverInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv : p11_leave(s, __func__, p11_op_init(s, P11_OP_SIGN_RECOVER, mechanism, key));
}

CK_RV
C_SignRecover(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature, CK_ULONG *signature_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv
			    : p11_leave(s, __func__,
					p11_op_one_shot(s, P11_OP_SIGN_RECOVER, data, data_len, signature,
							signature_len, p11_sign));
}

CK_RV
C_VerifyRecoverInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv : p11_leave(s, __func__, p11_op_init(s, P11_OP_VERIFY_RECOVER, mechanism, key));
}

CK_RV
C_VerifyRecover(CK_SESSION_HANDLE session, CK_BYTE *signature, CK_ULONG signature_len, CK_BYTE *data,
		CK_ULONG *data_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK
		       ? rv
		       : p11_leave(s, __func__,
				   recover(&s->ops[P11_OP_VERIFY_RECOVER], signature, signature_len, data, data_len));
}
