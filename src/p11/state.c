/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Saving and restoring operations (PKCS#11 5.6.5, 5.6.6): digests only. libcrypto does not let the state of a hash out,
 * so what is saved is what has been hashed, up to LIMIT_OPERATION_STATE; clients save to duplicate a hash, of a handshake for
 * one. A saved state is good for every session of this process until C_Finalize.
 *
 * Its bytes: magic, 1 for a digest that has had an Update, mechanism (4, big-endian), the data; then a mark over these
 * that only this instance can make.
 */
#include <string.h>

#include "base/auto.h"
#include "p11/op.h"

#define MARK_LABEL "operation state"
#define MARK_LEN 32u
#define HEADER_LEN 9u

static const uint8_t magic[4] = { 'M', 'D', 'S', 1 };

static CK_RV
mark(struct cursor body, uint8_t ret_mark[MARK_LEN])
{
	return p11_rv(csp_pseudorandom(p11_csp(), MARK_LABEL, body, ret_mark, MARK_LEN), P11_CTX_TOKEN);
}

static CK_RV
encode(const struct p11_op *op, struct buf *ret_state)
{
	uint8_t value[MARK_LEN];
	CK_RV rv;

	buf_put(ret_state, magic, sizeof magic);
	buf_u8(ret_state, op->phase == P11_PHASE_MULTI);
	buf_be32(ret_state, (uint32_t)op->mech->type);
	buf_put_cur(ret_state, buf_cur(&op->hashed));
	if (buf_failed(ret_state))
		return CKR_HOST_MEMORY;
	if ((rv = mark(buf_cur(ret_state), value)) != CKR_OK)
		return rv;
	buf_put(ret_state, value, sizeof value);
	return buf_failed(ret_state) ? CKR_HOST_MEMORY : CKR_OK;
}

/* CKR_STATE_UNSAVEABLE also when a digest is not all that is under way: the rest would be lost without a word. */
static CK_RV
saveable(const struct p11_session *s)
{
	bool others = false;

	for (unsigned kind = 0; kind < P11_OP_KINDS; kind++)
		others = others || (kind != P11_OP_DIGEST && s->ops[kind].phase != P11_PHASE_IDLE);
	if (others)
		return CKR_STATE_UNSAVEABLE;
	if (s->ops[P11_OP_DIGEST].phase == P11_PHASE_IDLE)
		return CKR_OPERATION_NOT_INITIALIZED;
	return s->ops[P11_OP_DIGEST].unsaveable ? CKR_STATE_UNSAVEABLE : CKR_OK;
}

static CK_RV
get_state(const struct p11_session *s, CK_BYTE *out, CK_ULONG *out_len)
{
	AUTO_BUF struct buf state = BUF_INIT_MAX(HEADER_LEN + LIMIT_OPERATION_STATE + MARK_LEN);
	const struct p11_op *op = &s->ops[P11_OP_DIGEST];
	bool stop;
	CK_RV rv;

	if (out_len == NULL)
		return CKR_ARGUMENTS_BAD;
	if ((rv = saveable(s)) != CKR_OK)
		return rv;
	rv = p11_output(HEADER_LEN + op->hashed.len + MARK_LEN, out, out_len, &stop);
	if (rv != CKR_OK || stop || (rv = encode(op, &state)) != CKR_OK)
		return rv;
	memcpy(out, state.p, state.len);
	*out_len = state.len;
	return CKR_OK;
}

/* A state of ours, whole: whether an Update was had, the mechanism, and the data. */
static bool
decode(struct cursor state, uint8_t *ret_multi, uint32_t *ret_type, struct cursor *ret_data)
{
	struct cursor body, head;
	uint8_t value[MARK_LEN];

	if (state.left < HEADER_LEN + MARK_LEN || !cur_take(&state, state.left - MARK_LEN, &body))
		return false;
	if (mark(body, value) != CKR_OK || !secret_bytes_equal(state.p, value, MARK_LEN))
		return false;
	if (!cur_take(&body, sizeof magic, &head) || !cur_equals(&head, magic, sizeof magic) ||
	    !cur_u8(&body, ret_multi) || !cur_be32(&body, ret_type))
		return false;
	*ret_data = body;
	return true;
}

static CK_RV
rebuild(struct p11_session *s, uint8_t multi, uint32_t type, struct cursor data, struct p11_op *ret_op)
{
	CK_MECHANISM mechanism = { type, NULL, 0 };
	CK_RV rv = p11_op_once(s, P11_OP_DIGEST, &mechanism, 0, ret_op);

	if (rv != CKR_OK)
		return rv;
	ret_op->phase = P11_PHASE_READY;
	return multi != 0 ? p11_op_update(ret_op, data.p, data.left, CKR_SAVED_STATE_INVALID) : CKR_OK;
}

static CK_RV
set_state(struct p11_session *s, const CK_BYTE *state, CK_ULONG state_len, bool keys_given)
{
	struct p11_op op = { .phase = P11_PHASE_IDLE };
	struct cursor data;
	uint32_t type;
	uint8_t multi;
	CK_RV rv;

	if (state == NULL)
		return CKR_ARGUMENTS_BAD;
	if (!decode(cur_of(state, state_len), &multi, &type, &data))
		return CKR_SAVED_STATE_INVALID;
	if (keys_given)
		return CKR_KEY_NOT_NEEDED;
	if ((rv = rebuild(s, multi, type, data, &op)) != CKR_OK)
		return rv;
	p11_op_clear(&s->ops[P11_OP_DIGEST]);
	s->ops[P11_OP_DIGEST] = op;
	return CKR_OK;
}

CK_RV
C_GetOperationState(CK_SESSION_HANDLE session, CK_BYTE *state, CK_ULONG *state_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv : p11_leave(s, __func__, get_state(s, state, state_len));
}

CK_RV
C_SetOperationState(CK_SESSION_HANDLE session, CK_BYTE *state, CK_ULONG state_len, CK_OBJECT_HANDLE encryption_key,
		    CK_OBJECT_HANDLE authentication_key)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	if (rv != CKR_OK)
		return rv;
	rv = set_state(s, state, state_len,
		       encryption_key != CK_INVALID_HANDLE || authentication_key != CK_INVALID_HANDLE);
	return p11_leave(s, __func__, rv);
}
