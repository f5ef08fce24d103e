/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Encryption with the public keys of the token, in software and without login (PKCS#11 5.8). All mechanisms are
 * single-part: Updates collect, the Final call gives everything.
 */
#include "p11/op.h"

static CK_RV
encrypt(struct p11_session *s, struct p11_op *op, struct cursor data, CK_BYTE *out, CK_ULONG *out_len)
{
	uint8_t block[LIMIT_RSA_BYTES];
	struct cursor input;
	size_t len = 0;
	CK_RV rv;

	(void)s;
	if ((rv = p11_op_input(op, data, block, &input)) == CKR_OK)
		rv = p11_rv(csp_encrypt(p11_csp(), &op->public, &op->scheme, input, out, *out_len, &len),
			    P11_CTX_ENCRYPT);
	secret_wipe(block, sizeof block);
	if (rv == CKR_OK)
		*out_len = len;
	return rv;
}

CK_RV
C_EncryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv : p11_leave(s, __func__, p11_op_init(s, P11_OP_ENCRYPT, mechanism, key));
}

CK_RV
C_Encrypt(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *encrypted, CK_ULONG *encrypted_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv
			    : p11_leave(s, __func__,
					p11_op_one_shot(s, P11_OP_ENCRYPT, data, data_len, encrypted, encrypted_len,
							encrypt));
}

CK_RV
C_EncryptUpdate(CK_SESSION_HANDLE session, CK_BYTE *part, CK_ULONG part_len, CK_BYTE *encrypted,
		CK_ULONG *encrypted_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv
			    : p11_leave(s, __func__,
					p11_op_update_silent(&s->ops[P11_OP_ENCRYPT], part, part_len, encrypted,
							     encrypted_len, CKR_DATA_LEN_RANGE));
}

CK_RV
C_EncryptFinal(CK_SESSION_HANDLE session, CK_BYTE *encrypted, CK_ULONG *encrypted_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK
		       ? rv
		       : p11_leave(s, __func__, p11_op_final(s, P11_OP_ENCRYPT, encrypted, encrypted_len, encrypt));
}
