/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Message-based signing and verification (PKCS#11 3.1, 5.13.6 to 5.13.11, 5.15.6 to 5.15.11): one Init, many messages. An
 * error ends the message, not the series. A key that wants its PIN for each use wants it for each message.
 */
#include "p11/op.h"

/* No mechanism here has a parameter for each message. */
static bool
no_parameter(const void *parameter, CK_ULONG parameter_len)
{
	return parameter == NULL && parameter_len == 0;
}

/* A Begin: the next message comes in parts. One that is under way goes on. */
static CK_RV
begin(struct p11_op *op, bool arguments_good)
{
	CK_RV rv;

	if (op->phase == P11_PHASE_IDLE)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (op->phase == P11_PHASE_MULTI)
		return CKR_OPERATION_ACTIVE;
	if (!arguments_good)
		return CKR_ARGUMENTS_BAD;
	rv = p11_op_step(op, P11_PHASE_MULTI);
	return p11_op_end(op, rv, rv == CKR_OK);
}

/* What every Next looks at first. */
static CK_RV
check_next(struct p11_op *op, bool arguments_good)
{
	if (op->phase == P11_PHASE_IDLE || op->phase == P11_PHASE_READY)
		return CKR_OPERATION_NOT_INITIALIZED;
	return arguments_good ? CKR_OK : p11_op_end(op, CKR_ARGUMENTS_BAD, false);
}

/* The end of all messages, and of one that is under way. */
static CK_RV
finish(struct p11_op *op)
{
	CK_RV rv = op->phase == P11_PHASE_IDLE ? CKR_OPERATION_NOT_INITIALIZED : CKR_OK;

	p11_op_clear(op);
	return rv;
}

static CK_RV
sign_message(struct p11_session *s, bool arguments_good, const CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature,
	     CK_ULONG *signature_len)
{
	struct p11_op *op = &s->ops[P11_OP_MESSAGE_SIGN];

	if (!arguments_good && op->phase != P11_PHASE_IDLE)
		return p11_op_end(op, CKR_ARGUMENTS_BAD, false);
	return p11_op_one_shot(s, P11_OP_MESSAGE_SIGN, data, data_len, signature, signature_len, p11_sign);
}

/* The last part is told by a place for the signature's length; a question for that length takes no data. */
static CK_RV
sign_next(struct p11_session *s, bool arguments_good, const CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature,
	  CK_ULONG *signature_len)
{
	struct p11_op *op = &s->ops[P11_OP_MESSAGE_SIGN];
	CK_RV rv = check_next(op, arguments_good);
	bool stop;

	if (rv != CKR_OK)
		return rv;
	if (signature_len == NULL)
		return p11_op_update(op, data, data_len, CKR_DATA_LEN_RANGE);
	rv = p11_output(p11_op_output_len(op), signature, signature_len, &stop);
	if (rv != CKR_OK || stop || (rv = p11_op_update(op, data, data_len, CKR_DATA_LEN_RANGE)) != CKR_OK)
		return rv;
	return p11_op_final(s, P11_OP_MESSAGE_SIGN, signature, signature_len, p11_sign);
}

static CK_RV
verify_message(struct p11_session *s, bool arguments_good, const CK_BYTE *data, CK_ULONG data_len,
	       const CK_BYTE *signature, CK_ULONG signature_len)
{
	struct p11_op *op = &s->ops[P11_OP_MESSAGE_VERIFY];

	if (!arguments_good && op->phase != P11_PHASE_IDLE)
		return p11_op_end(op, CKR_ARGUMENTS_BAD, false);
	return p11_verify_once(op, data, data_len, signature, signature_len);
}

/* The last part comes with the signature. */
static CK_RV
verify_next(struct p11_session *s, bool arguments_good, const CK_BYTE *data, CK_ULONG data_len,
	    const CK_BYTE *signature, CK_ULONG signature_len)
{
	struct p11_op *op = &s->ops[P11_OP_MESSAGE_VERIFY];
	CK_RV rv = check_next(op, arguments_good && (signature != NULL || signature_len == 0));

	if (rv != CKR_OK || (rv = p11_op_update(op, data, data_len, CKR_DATA_LEN_RANGE)) != CKR_OK)
		return rv;
	return signature == NULL ? CKR_OK : p11_verify_final(op, signature, signature_len);
}

CK_RV
C_MessageSignInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv : p11_leave(s, __func__, p11_op_init(s, P11_OP_MESSAGE_SIGN, mechanism, key));
}

CK_RV
C_SignMessage(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, CK_BYTE *data, CK_ULONG data_len,
	      CK_BYTE *signature, CK_ULONG *signature_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv
			    : p11_leave(s, __func__,
					sign_message(s, no_parameter(parameter, parameter_len), data, data_len,
						     signature, signature_len));
}

CK_RV
C_SignMessageBegin(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv
			    : p11_leave(s, __func__,
					begin(&s->ops[P11_OP_MESSAGE_SIGN], no_parameter(parameter, parameter_len)));
}

CK_RV
C_SignMessageNext(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, CK_BYTE *data, CK_ULONG data_len,
		  CK_BYTE *signature, CK_ULONG *signature_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv
			    : p11_leave(s, __func__,
					sign_next(s, no_parameter(parameter, parameter_len), data, data_len, signature,
						  signature_len));
}

CK_RV
C_MessageSignFinal(CK_SESSION_HANDLE session)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv : p11_leave(s, __func__, finish(&s->ops[P11_OP_MESSAGE_SIGN]));
}

CK_RV
C_MessageVerifyInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv : p11_leave(s, __func__, p11_op_init(s, P11_OP_MESSAGE_VERIFY, mechanism, key));
}

CK_RV
C_VerifyMessage(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, CK_BYTE *data, CK_ULONG data_len,
		CK_BYTE *signature, CK_ULONG signature_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv
			    : p11_leave(s, __func__,
					verify_message(s, no_parameter(parameter, parameter_len), data, data_len,
						       signature, signature_len));
}

CK_RV
C_VerifyMessageBegin(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv
			    : p11_leave(s, __func__,
					begin(&s->ops[P11_OP_MESSAGE_VERIFY], no_parameter(parameter, parameter_len)));
}

CK_RV
C_VerifyMessageNext(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, CK_BYTE *data,
		    CK_ULONG data_len, CK_BYTE *signature, CK_ULONG signature_len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv
			    : p11_leave(s, __func__,
					verify_next(s, no_parameter(parameter, parameter_len), data, data_len,
						    signature, signature_len));
}

CK_RV
C_MessageVerifyFinal(CK_SESSION_HANDLE session)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv : p11_leave(s, __func__, finish(&s->ops[P11_OP_MESSAGE_VERIFY]));
}
