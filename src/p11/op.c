/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations: their beginning, their phases, their input and their end. */
#include "p11/op.h"

#include <string.h>

#include "p11/memory.h"

#define PKCS1_OVERHEAD 11u

/* Init ------------------------------------------------------------------------------------------------------------ */

void
p11_op_clear(struct p11_op *op)
{
	csp_digest_free(&op->digest);
	buf_free(&op->label);
	buf_free(&op->data);
	buf_free(&op->hashed);
	secret_free(&op->plain);
	*op = (struct p11_op){ .phase = P11_PHASE_IDLE };
}

/* What a key must be good for. */
enum use { NO_KEY, SIGNS, CRYPTS, AGREES };

static const struct {
	CK_FLAGS flag;
	enum use use;
	bool private;
} kinds[P11_OP_ALL_KINDS] = {
	[P11_OP_DIGEST] = { CKF_DIGEST, NO_KEY, false },
	[P11_OP_SIGN] = { CKF_SIGN, SIGNS, true },
	[P11_OP_VERIFY] = { CKF_VERIFY, SIGNS, false },
	[P11_OP_SIGN_RECOVER] = { CKF_SIGN_RECOVER, SIGNS, true },
	[P11_OP_VERIFY_RECOVER] = { CKF_VERIFY_RECOVER, SIGNS, false },
	[P11_OP_MESSAGE_SIGN] = { CKF_MESSAGE_SIGN, SIGNS, true },
	[P11_OP_MESSAGE_VERIFY] = { CKF_MESSAGE_VERIFY, SIGNS, false },
	[P11_OP_ENCRYPT] = { CKF_ENCRYPT, CRYPTS, false },
	[P11_OP_DECRYPT] = { CKF_DECRYPT, CRYPTS, true },
	[P11_OP_WRAP] = { CKF_WRAP, CRYPTS, false },
	[P11_OP_UNWRAP] = { CKF_UNWRAP, CRYPTS, true },
	[P11_OP_DERIVE] = { CKF_DERIVE, AGREES, true },
};

static const struct p11_mech *
find_mechanism(enum p11_op_kind kind, const CK_MECHANISM *mechanism)
{
	const struct p11_mech *mech = p11_mech_find(mechanism->mechanism);

	return mech != NULL && (mech->flags & kinds[kind].flag) != 0 ? mech : NULL;
}

bool
p11_op_is_private(enum p11_op_kind kind)
{
	return kinds[kind].private;
}

CK_FLAGS
p11_op_flag(enum p11_op_kind kind)
{
	return kinds[kind].flag;
}

static bool
permits(const struct csp_key *key, enum use use)
{
	switch (use) {
	case SIGNS: return key->can_sign;
	case CRYPTS: return key->can_decrypt;
	case AGREES: return key->can_derive;
	default: return false;
	}
}

/* Private keys have no handle while nobody is logged in. */
static CK_RV
find_object(const struct p11_slot *slot, CK_OBJECT_HANDLE handle, const struct p11_object **ret_object)
{
	const struct p11_object *o = p11_object_find(slot, handle);

	if (o == NULL || (o->class != CKO_PRIVATE_KEY && o->class != CKO_PUBLIC_KEY && o->class != CKO_SECRET_KEY))
		return CKR_KEY_HANDLE_INVALID;
	*ret_object = o;
	return CKR_OK;
}

static CK_RV
check_key(enum p11_op_kind kind, const struct p11_object *object, const struct csp_key *key,
	  const struct p11_mech *mech)
{
	if (!p11_mech_suits(mech, key->type) ||
	    object->class != (kinds[kind].private ? CKO_PRIVATE_KEY : CKO_PUBLIC_KEY))
		return CKR_KEY_TYPE_INCONSISTENT;
	if (!permits(key, kinds[kind].use))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (!p11_mech_takes_bits(mech, key->type, key->bits))
		return CKR_KEY_SIZE_RANGE;
	return CKR_OK;
}

/*
 * The public key where it is needed; elsewhere its type and sizes do, which cost no exchange with the card. An operation
 * on the card can do without: it only loses a check that the card makes as well.
 */
static CK_RV
take_public(struct csp_card *card, enum p11_op_kind kind, const struct csp_key *key, struct p11_op *op)
{
	const struct public_key *public = NULL;
	DWORD r;

	op->public = (struct public_key){ .type = key->type, .bits = key->bits };
	if (key->type == KEY_RSA)
		op->public.modulus_len = ((size_t)key->bits + 7) / 8;
	if (kinds[kind].use == AGREES ||
	    (kinds[kind].private && kinds[kind].use == SIGNS && op->mech->padding != CSP_PAD_RAW))
		return CKR_OK;
	r = csp_key_public(card, key->id, &public);
	if (r == SCARD_E_NO_KEY_CONTAINER && kinds[kind].private)
		return CKR_OK;
	if (r != SCARD_S_SUCCESS)
		return p11_rv(r, P11_CTX_VERIFY);
	op->public = *public;
	op->has_public = true;
	return CKR_OK;
}

/* The attribute that lets a public key in memory be used so. */
static CK_ATTRIBUTE_TYPE
usage_of(enum p11_op_kind kind)
{
	switch (kind) {
	case P11_OP_ENCRYPT: return CKA_ENCRYPT;
	case P11_OP_WRAP: return CKA_WRAP;
	case P11_OP_VERIFY_RECOVER: return CKA_VERIFY_RECOVER;
	default: return CKA_VERIFY;
	}
}

/* CKA_ALLOWED_MECHANISMS, when the key was made with one. */
static bool
allows(const struct p11_memory *memory, CK_MECHANISM_TYPE mechanism)
{
	struct cursor list = p11_memory_bytes(memory, CKA_ALLOWED_MECHANISMS);
	bool allowed = p11_memory_value(memory, CKA_ALLOWED_MECHANISMS) == NULL;
	CK_MECHANISM_TYPE one;

	while (!allowed && cur_copy(&list, &one, sizeof(one)))
		allowed = one == mechanism;
	return allowed;
}

/* Keys in memory are public ones, and secret ones that no mechanism here uses. */
static CK_RV
prepare_memory_key(const struct p11_memory *memory, enum p11_op_kind kind, struct p11_op *op)
{
	if (kinds[kind].private || memory->class != CKO_PUBLIC_KEY || memory->public.type != op->mech->key)
		return CKR_KEY_TYPE_INCONSISTENT;
	if (!allows(memory, op->mech->type))
		return CKR_MECHANISM_INVALID;
	if (!p11_memory_is(memory, usage_of(kind)))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (memory->public.bits < op->mech->min_bits || memory->public.bits > op->mech->max_bits)
		return CKR_KEY_SIZE_RANGE;
	op->public = memory->public;
	op->has_public = true;
	op->private_memory = p11_memory_is(memory, CKA_PRIVATE);
	return CKR_OK;
}

static CK_RV
prepare_key(struct p11_session *s, enum p11_op_kind kind, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE handle,
	    struct p11_op *op)
{
	const struct p11_object *object;
	const struct csp_key *found;
	struct csp_card *card;
	struct csp_key key;
	CK_RV rv;

	if ((rv = find_object(s->slot, handle, &object)) != CKR_OK)
		return rv;
	if ((op->mech = find_mechanism(kind, mechanism)) == NULL)
		return CKR_MECHANISM_INVALID;
	if (object->memory != NULL)
		return prepare_memory_key(object->memory, kind, op);
	if ((rv = p11_card(s->slot, &card)) != CKR_OK)
		return rv;
	if ((found = csp_key_find(card, object->key_id)) == NULL)
		return CKR_KEY_HANDLE_INVALID;
	key = *found; /* the view may be read anew below */
	if ((rv = check_key(kind, object, &key, op->mech)) != CKR_OK)
		return rv;
	op->key_id = key.id;
	op->always_authenticate = kinds[kind].private && key.always_authenticate;
	return take_public(card, kind, &key, op);
}

/* What is kept of Updates that nothing hashes: one byte more than is taken, to notice more. */
static size_t
buffer_max(const struct p11_op *op)
{
	return op->mech->padding == CSP_PAD_EDDSA ? LIMIT_EDDSA_INPUT + 1 : LIMIT_SINGLE_PART;
}

/* For the operation, and for each message of one that has several. */
static CK_RV
begin(struct p11_op *op)
{
	op->data.max = buffer_max(op);
	op->hashed.max = LIMIT_OPERATION_STATE;
	if (op->mech->hash == CSP_HASH_NONE)
		return CKR_OK;
	return p11_rv(csp_digest_new(p11_csp(), op->mech->hash, &op->digest), P11_CTX_TOKEN);
}

static CK_RV
prepare(struct p11_session *s, enum p11_op_kind kind, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE handle,
	struct p11_op *op)
{
	CK_RV rv = CKR_OK;

	if (kind != P11_OP_DIGEST)
		rv = prepare_key(s, kind, mechanism, handle, op);
	else if ((op->mech = find_mechanism(kind, mechanism)) == NULL)
		rv = CKR_MECHANISM_INVALID;
	if (rv != CKR_OK)
		return rv;
	if ((rv = p11_mech_scheme(op->mech, mechanism, &op->public, &op->scheme, &op->label)) != CKR_OK)
		return rv;
	return begin(op);
}

CK_RV
p11_op_init(struct p11_session *s, enum p11_op_kind kind, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE handle)
{
	struct p11_op *op = &s->ops[kind];
	CK_RV rv;

	if (mechanism == NULL) {
		p11_op_clear(op);
		return CKR_OK;
	}
	if (op->phase != P11_PHASE_IDLE)
		return CKR_OPERATION_ACTIVE;
	if ((rv = prepare(s, kind, mechanism, handle, op)) != CKR_OK)
		return p11_op_end(op, rv, false);
	op->phase = P11_PHASE_READY;
	op->messages = kind == P11_OP_MESSAGE_SIGN || kind == P11_OP_MESSAGE_VERIFY;
	return CKR_OK;
}

CK_RV
p11_op_once(struct p11_session *s, enum p11_op_kind kind, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE handle,
	    struct p11_op *ret_op)
{
	CK_RV rv = prepare(s, kind, mechanism, handle, ret_op);

	return p11_op_end(ret_op, rv, rv == CKR_OK);
}

/* Phases ---------------------------------------------------------------------------------------------------------- */

bool
p11_op_bytes(const void *p, CK_ULONG len, struct cursor *ret_bytes)
{
	if (p == NULL && len > 0)
		return false;
	*ret_bytes = cur_of(p, len);
	return true;
}

CK_RV
p11_op_step(struct p11_op *op, enum p11_op_phase phase)
{
	if (op->phase == P11_PHASE_IDLE)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (op->phase != P11_PHASE_READY && op->phase != phase)
		return CKR_OPERATION_ACTIVE;
	op->phase = phase;
	return CKR_OK;
}

/* The next message needs a PIN of its own where the key wants one for each use. */
static void
end_message(struct p11_op *op)
{
	csp_digest_free(&op->digest);
	buf_free(&op->data);
	op->context_login = false;
	op->phase = P11_PHASE_READY;
	if (begin(op) != CKR_OK)
		p11_op_clear(op);
}

CK_RV
p11_op_end(struct p11_op *op, CK_RV rv, bool keep)
{
	if (keep)
		return rv;
	if (op->messages)
		end_message(op);
	else
		p11_op_clear(op);
	return rv;
}

/* What a saved state would hold; more of it than that cannot be saved any more. */
static void
remember(struct p11_op *op, struct cursor data)
{
	if (op->mech->key != KEY_NONE || op->unsaveable)
		return;
	buf_put_cur(&op->hashed, data);
	op->unsaveable = buf_failed(&op->hashed);
	if (op->unsaveable)
		buf_free(&op->hashed);
}

static CK_RV
feed(struct p11_op *op, struct cursor data, CK_RV too_long)
{
	if (op->digest != NULL) {
		remember(op, data);
		return p11_rv(csp_digest_update(op->digest, data), P11_CTX_TOKEN);
	}
	secret_free(&op->plain); /* belonged to less than this */
	if (data.left > buffer_max(op) - op->data.len)
		return too_long;
	buf_put_cur(&op->data, data);
	return buf_failed(&op->data) ? CKR_HOST_MEMORY : CKR_OK;
}

CK_RV
p11_op_update(struct p11_op *op, const void *in, CK_ULONG in_len, CK_RV too_long)
{
	CK_RV rv = CKR_ARGUMENTS_BAD;
	struct cursor data;

	if (p11_op_bytes(in, in_len, &data) && (rv = p11_op_step(op, P11_PHASE_MULTI)) == CKR_OK)
		rv = feed(op, data, too_long);
	return p11_op_end(op, rv, rv == CKR_OK);
}

CK_RV
p11_op_update_silent(struct p11_op *op, const void *in, CK_ULONG in_len, const void *out, CK_ULONG *out_len,
		     CK_RV too_long)
{
	struct cursor nothing = cur_of(NULL, 0);
	CK_RV rv;

	if (out_len == NULL)
		return p11_op_end(op, CKR_ARGUMENTS_BAD, false);
	rv = out != NULL ? p11_op_update(op, in, in_len, too_long)
			 : p11_op_update(op, nothing.p, nothing.left, too_long);
	if (rv == CKR_OK)
		*out_len = 0;
	return rv;
}

CK_ULONG
p11_op_output_len(const struct p11_op *op)
{
	if (op->mech == NULL)
		return 0;
	return op->mech->key == KEY_NONE ? csp_hash_len(op->mech->hash) : pubkey_signature_len(&op->public);
}

static CK_RV
run(struct p11_session *s, struct p11_op *op, struct cursor data, CK_BYTE *out, CK_ULONG *out_len, p11_op_work work)
{
	bool stop = false;
	CK_RV rv = p11_output(p11_op_output_len(op), out, out_len, &stop);

	if (rv == CKR_OK && !stop)
		rv = work(s, op, data, out, out_len);
	return p11_op_end(op, rv, stop);
}

CK_RV
p11_op_one_shot(struct p11_session *s, enum p11_op_kind kind, const void *in, CK_ULONG in_len, CK_BYTE *out,
		CK_ULONG *out_len, p11_op_work work)
{
	struct p11_op *op = &s->ops[kind];
	CK_RV rv = CKR_ARGUMENTS_BAD;
	struct cursor data;

	if (out_len == NULL || !p11_op_bytes(in, in_len, &data) || (rv = p11_op_step(op, P11_PHASE_ONE_SHOT)) != CKR_OK)
		return p11_op_end(op, rv, false);
	return run(s, op, data, out, out_len, work);
}

CK_RV
p11_op_final(struct p11_session *s, enum p11_op_kind kind, CK_BYTE *out, CK_ULONG *out_len, p11_op_work work)
{
	struct p11_op *op = &s->ops[kind];
	CK_RV rv = CKR_ARGUMENTS_BAD;

	if (out_len == NULL || (rv = p11_op_step(op, P11_PHASE_MULTI)) != CKR_OK)
		return p11_op_end(op, rv, false);
	return run(s, op, buf_cur(&op->data), out, out_len, work);
}

/* Input ----------------------------------------------------------------------------------------------------------- */

size_t
p11_op_message_max(const struct p11_op *op)
{
	const size_t modulus_len = op->public.modulus_len, hash_len = csp_hash_len(op->scheme.hash);

	switch (op->scheme.padding) {
	case CSP_PAD_RAW: return modulus_len;
	case CSP_PAD_PKCS1: return modulus_len - PKCS1_OVERHEAD;
	case CSP_PAD_PSS: return hash_len;
	case CSP_PAD_OAEP: /* Init has seen that the hashes fit */ return modulus_len - 2 * hash_len - 2;
	case CSP_PAD_ECDSA: return LIMIT_ECDSA_INPUT;
	case CSP_PAD_EDDSA: return LIMIT_EDDSA_INPUT;
	}
	return 0;
}

static bool
length_fits(const struct p11_op *op, size_t len)
{
	const size_t max = p11_op_message_max(op);

	if (op->scheme.padding == CSP_PAD_PSS)
		return len == max;
	return len <= max && (len > 0 || op->scheme.padding != CSP_PAD_ECDSA);
}

/* Without a branch on what is compared: in an encryption it is the message. */
bool
p11_op_below_modulus(const struct p11_op *op, const uint8_t *block)
{
	unsigned borrow = 0;

	if (!op->has_public)
		return true;
	for (size_t i = op->public.modulus_len; i > 0; i--)
		borrow = ((unsigned)block[i - 1] - op->public.modulus[i - 1] - borrow) >> 31;
	return borrow != 0;
}

static CK_RV
fill_left(const struct p11_op *op, struct cursor data, uint8_t *ret_block, struct cursor *ret_input)
{
	const size_t len = op->public.modulus_len;

	memset(ret_block, 0, len);
	if (data.left > 0)
		memcpy(ret_block + (len - data.left), data.p, data.left);
	*ret_input = cur_of(ret_block, len);
	return p11_op_below_modulus(op, ret_block) ? CKR_OK : CKR_DATA_INVALID;
}

CK_RV
p11_op_input(struct p11_op *op, struct cursor data, uint8_t block[LIMIT_RSA_BYTES], struct cursor *ret_input)
{
	DWORD r;

	if (op->digest != NULL) {
		r = csp_digest_update(op->digest, data);
		if (r == SCARD_S_SUCCESS)
			r = csp_digest_final(op->digest, block);
		*ret_input = cur_of(block, csp_hash_len(op->mech->hash));
		return p11_rv(r, P11_CTX_TOKEN);
	}
	if (!length_fits(op, data.left))
		return CKR_DATA_LEN_RANGE;
	if (op->scheme.padding == CSP_PAD_RAW)
		return fill_left(op, data, block, ret_input);
	*ret_input = data;
	return CKR_OK;
}

/* A login that nothing has used yet is one for this operation, too; what the card says to that the operation will tell. */
static void
use_fresh_login(struct csp_card *card, const struct p11_op *op)
{
	const struct csp_key *key = csp_key_find(card, op->key_id);

	if (key != NULL)
		(void)csp_login_with_users(card, key->role);
}

CK_RV
p11_op_private(struct p11_session *s, const struct p11_op *op, struct csp_card **ret_card)
{
	bool authenticated = !op->always_authenticate || op->context_login || s->slot->fresh_login;
	CK_RV rv;

	if (!authenticated)
		return CKR_USER_NOT_LOGGED_IN;
	if ((rv = p11_card(s->slot, ret_card)) != CKR_OK)
		return rv;
	if (op->always_authenticate && !op->context_login)
		use_fresh_login(*ret_card, op);
	s->slot->fresh_login = false;
	return CKR_OK;
}

/*
 * A kept PIN that has become wrong ends the login, so that the application can log in again. Where the PIN is wanted for
 * each operation nothing was kept, and the login stays.
 */
CK_RV
p11_op_private_rv(struct p11_session *s, const struct p11_op *op, DWORD code, enum p11_context context)
{
	if (code == SCARD_W_CARD_NOT_AUTHENTICATED && !op->always_authenticate && s->slot->login == P11_USER)
		p11_logout(s->slot);
	return p11_rv(code, context);
}
