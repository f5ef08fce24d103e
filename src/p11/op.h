/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the chapters of cryptographic operations share: Init, the rules of one-shot and multi-part calls, and the input
 * that a scheme wants. A call that fails ends its operation, except when only the size of the output was the matter.
 */
#ifndef P11_OP_H
#define P11_OP_H

#include "p11/p11.h"

/*
 * C_*Init of all kinds; handle is not looked at for digests. A NULL mechanism ends the operation, CKR_OK.
 * CKR_OPERATION_ACTIVE (which goes on), CKR_KEY_HANDLE_INVALID, CKR_MECHANISM_INVALID, CKR_KEY_TYPE_INCONSISTENT,
 * CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_SIZE_RANGE, CKR_MECHANISM_PARAM_INVALID, card errors.
 */
CK_RV p11_op_init(struct p11_session *s, enum p11_op_kind kind, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE handle);

/*
 * The same for kinds that one call begins and ends, into an operation of the caller's (zeroed; p11_op_clear() ends it).
 */
CK_RV p11_op_once(struct p11_session *s, enum p11_op_kind kind, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE handle,
		  struct p11_op *ret_op);
/* The flag of CK_MECHANISM_INFO and C_SessionCancel for a kind, and whether it uses a private key. */
CK_FLAGS p11_op_flag(enum p11_op_kind kind);
bool p11_op_is_private(enum p11_op_kind kind);

/* The caller's bytes; false for NULL with a length. */
bool p11_op_bytes(const void *p, CK_ULONG len, struct cursor *ret_bytes);
/*
 * Enters a one-shot or a multi-part call. CKR_OPERATION_NOT_INITIALIZED; CKR_OPERATION_ACTIVE when the operation has
 * been used the other way.
 */
CK_RV p11_op_step(struct p11_op *op, enum p11_op_phase phase);
/* Ends the operation unless keep, or of an operation with messages the message; returns rv. */
CK_RV p11_op_end(struct p11_op *op, CK_RV rv, bool keep);

/* An Update without output: hashes, or keeps for later; too_long is for more than any single-part mechanism takes. */
CK_RV p11_op_update(struct p11_op *op, const void *in, CK_ULONG in_len, CK_RV too_long);
/* An Update of an operation whose output comes all at the end: *out_len is 0; with a NULL out nothing is taken. */
CK_RV p11_op_update_silent(struct p11_op *op, const void *in, CK_ULONG in_len, const void *out, CK_ULONG *out_len,
			   CK_RV too_long);

/* Makes the output; there is room for p11_op_output_len(). data: all of the input that has not been hashed yet. */
typedef CK_RV (*p11_op_work)(struct p11_session *s, struct p11_op *op, struct cursor data, CK_BYTE *out,
			     CK_ULONG *out_len);
/* One-shot call: arguments, phase, the rule for outputs, work. */
CK_RV p11_op_one_shot(struct p11_session *s, enum p11_op_kind kind, const void *in, CK_ULONG in_len, CK_BYTE *out,
		      CK_ULONG *out_len, p11_op_work work);
/* Final call, likewise. */
CK_RV p11_op_final(struct p11_session *s, enum p11_op_kind kind, CK_BYTE *out, CK_ULONG *out_len, p11_op_work work);
/* Bytes of the output; for decryption the most that there can be. */
CK_ULONG p11_op_output_len(const struct p11_op *op);

/* The work of signatures and of verifications, by whichever call (sign.c, verify.c). */
CK_RV p11_sign(struct p11_session *s, struct p11_op *op, struct cursor data, CK_BYTE *out, CK_ULONG *out_len);
CK_RV p11_verify_once(struct p11_op *op, const CK_BYTE *data, CK_ULONG data_len, const CK_BYTE *signature,
		      CK_ULONG signature_len);
CK_RV p11_verify_final(struct p11_op *op, const CK_BYTE *signature, CK_ULONG signature_len);

/*
 * What the scheme works on: the hash, the data left-filled to the modulus length, or the data as they are, when
 * their length fits. It lies in block or in data. CKR_DATA_LEN_RANGE, CKR_DATA_INVALID.
 */
CK_RV p11_op_input(struct p11_op *op, struct cursor data, uint8_t block[LIMIT_RSA_BYTES], struct cursor *ret_input);
/* Bytes of the longest message that the scheme takes, or that can come out of a decryption. */
size_t p11_op_message_max(const struct p11_op *op);
/* False when the modulus is known and the number in block, of its length, is not below it. */
bool p11_op_below_modulus(const struct p11_op *op, const uint8_t *block);

/*
 * Before a private key is used: what CKA_ALWAYS_AUTHENTICATE wants, and the card. CKR_USER_NOT_LOGGED_IN, card errors.
 */
CK_RV p11_op_private(struct p11_session *s, const struct p11_op *op, struct csp_card **ret_card);
/* After it: what the code means, and the end of a login that has turned out to be lost. The operation may end with it. */
CK_RV p11_op_private_rv(struct p11_session *s, const struct p11_op *op, DWORD code, enum p11_context context);

#endif
