/* SPDX-License-Identifier: BSD-2-Clause */
/* Digests, in software; no card and no login (PKCS#11 5.12). */
#include "p11/op.h"
#include "p11/memory.h"

static CK_RV
digest(struct p11_session *s, struct p11_op *op, struct cursor data, CK_BYTE *out, CK_ULONG *out_len)
{
	DWORD r = csp_digest_update(op->digest, data);

	(void)s;
	if (r == SCARD_S_SUCCESS)
		r = csp_digest_final(op->digest, out);
	if (r == SCARD_S_SUCCESS)
		*out_len = p11_op_output_len(op);
	return p11_rv(r, P11_CTX_TOKEN);
}

/* No key of a card can be hashed. A secret key can, sensitive or not; its bytes must not come out in a saved state. */
static CK_RV
hash_key(struct p11_op *op, const struct p11_object *object)
{
	if (object == NULL)
		return CKR_KEY_HANDLE_INVALID;
	if (object->class != CKO_SECRET_KEY)
		return CKR_KEY_INDIGESTIBLE;
	op->unsaveable = true;
	buf_free(&op->hashed);
	return p11_rv(csp_digest_update(op->digest, cur_of(object->memory->secret.p, object->memory->secret.len)),
		      P11_CTX_TOKEN);
}

static CK_RV
digest_key(struct p11_session *s, CK_OBJECT_HANDLE key)
{
	struct p11_op *op = &s->ops[P11_OP_DIGEST];
	CK_RV rv = p11_op_step(op, P11_PHASE_MULTI);

	if (rv == CKR_OK)
		rv = hash_key(op, p11_object_find(s->slot, key));
	return p11_op_end(op, rv, rv == CKR_OK);
}

CK_RV
C_DigestInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv : p11_leave(s, __func__, p11_op_init(s, P11_OP_DIGEST, mechanism, 0));
}

CK_RV
C_Digest(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *value, CK_ULONG *value_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv
			    : p11_leave(s, __func__,
					p11_op_one_shot(s, P11_OP_DIGEST, data, data_len, value, value_len, digest));
}

CK_RV
C_DigestUpdate(CK_SESSION_HANDLE session, CK_BYTE *part, CK_ULONG part_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv
			    : p11_leave(s, __func__,
					p11_op_update(&s->ops[P11_OP_DIGEST], part, part_len, CKR_DATA_LEN_RANGE));
}

CK_RV
C_DigestKey(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv : p11_leave(s, __func__, digest_key(s, key));
}

CK_RV
C_DigestFinal(CK_SESSION_HANDLE session, CK_BYTE *value, CK_ULONG *value_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv : p11_leave(s, __func__, p11_op_final(s, P11_OP_DIGEST, value, value_len, digest));
}
