/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls that make, change, wrap and derive objects and keys, and those of 3.0's messages. */
#include "base/auto.h"
#include "fuzz/calls/calls.h"

CK_RV
call_object(void)
{
	uint8_t which = next();
	CK_SESSION_HANDLE s = session_arg();
	CK_OBJECT_HANDLE object = object_arg(), *made = new_object_arg();
	struct template t = { NULL, 0 };

	if (which % 6 < 4)
		t = template_arg();
	switch (which % 6) {
	case 0: return keep_object(made, p11->C_CreateObject(s, t.p, t.count, made));
	case 1: return keep_object(made, p11->C_CopyObject(s, object, t.p, t.count, made));
	case 2: return p11->C_SetAttributeValue(s, object, t.p, t.count);
	case 3: return keep_object(made, p11->C_GenerateKey(s, mechanism_arg(), t.p, t.count, made));
	case 4: return p11->C_GetObjectSize(s, object, made);
	default: return p11->C_DestroyObject(s, object);
	}
}

CK_RV
call_key_pair(void)
{
	CK_SESSION_HANDLE s = session_arg();
	CK_MECHANISM *m = mechanism_arg();
	struct template public = template_arg(), private = template_arg();
	CK_OBJECT_HANDLE *made_public = new_object_arg(), *made_private = new_object_arg();
	CK_RV rv = p11->C_GenerateKeyPair(s, m, public.p, public.count, private.p, private.count, made_public,
					  made_private);

	(void)keep_object(made_public, rv);
	return keep_object(made_private, rv);
}

CK_RV
call_wrap(void)
{
	CK_SESSION_HANDLE s = session_arg();
	CK_MECHANISM *m = mechanism_arg();
	CK_OBJECT_HANDLE wrapping = object_arg(), key = object_arg();
	struct output out = output_arg();

	return check_output(&out, p11->C_WrapKey(s, m, wrapping, key, out.p, out.len));
}

CK_RV
call_unwrap(void)
{
	CK_SESSION_HANDLE s = session_arg();
	CK_MECHANISM *m = mechanism_arg();
	CK_OBJECT_HANDLE unwrapping = object_arg();
	struct bytes wrapped = bytes_arg();
	struct template t = template_arg();
	CK_OBJECT_HANDLE *made = new_object_arg();

	return keep_object(made, p11->C_UnwrapKey(s, m, unwrapping, wrapped.p, wrapped.len, t.p, t.count, made));
}

CK_RV
call_derive(void)
{
	CK_SESSION_HANDLE s = session_arg();
	CK_MECHANISM *m = mechanism_arg();
	CK_OBJECT_HANDLE base = object_arg();
	struct template t = template_arg();
	CK_OBJECT_HANDLE *made = new_object_arg();

	return keep_object(made, p11->C_DeriveKey(s, m, base, t.p, t.count, made));
}

CK_RV
call_message(void)
{
	uint8_t which = next();
	CK_SESSION_HANDLE s = session_arg();
	struct bytes parameter = { NULL, 0 }, data = bytes_arg(), other = { NULL, 0 };
	struct output out = { NULL, NULL, 0 };

	if ((which & 0x80) != 0)
		parameter = bytes_arg();
	if (which % 6 < 2)
		out = output_arg();
	else if (which % 6 < 4)
		other = bytes_arg();
	switch (which % 6) {
	case 0:
		return check_output(&out, p11->C_SignMessage(s, parameter.p, parameter.len, data.p, data.len, out.p,
							     out.len));
	case 1:
		return check_output(&out, p11->C_SignMessageNext(s, parameter.p, parameter.len, data.p, data.len, out.p,
								 out.len));
	case 2: return p11->C_VerifyMessage(s, parameter.p, parameter.len, data.p, data.len, other.p, other.len);
	case 3: return p11->C_VerifyMessageNext(s, parameter.p, parameter.len, data.p, data.len, other.p, other.len);
	case 4: return p11->C_SignMessageBegin(s, parameter.p, parameter.len);
	default: return p11->C_VerifyMessageBegin(s, parameter.p, parameter.len);
	}
}

CK_RV
call_set_state(void)
{
	CK_SESSION_HANDLE s = session_arg();
	struct bytes state = bytes_arg();
	CK_OBJECT_HANDLE first = next() < 0xC0 ? CK_INVALID_HANDLE : object_arg();

	return p11->C_SetOperationState(s, state.p, state.len, first, next() < 0xC0 ? CK_INVALID_HANDLE : object_arg());
}
