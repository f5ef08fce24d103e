/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions of 2.40 that are not offered: they look at the session, change nothing, and say so. */
#include "p11/p11.h"

/* Every parameter but the session goes unused here. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

static CK_RV
not_supported(CK_SESSION_HANDLE handle, const char *function)
{
	struct p11_session *session;
	CK_RV rv = p11_enter(handle, &session);

	return rv != CKR_OK ? rv : p11_leave(session, function, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV
C_GetOperationState(CK_SESSION_HANDLE handle, CK_BYTE *operation_state, CK_ULONG *operation_state_len)
{
	return not_supported(handle, __func__);
}

CK_RV
C_SetOperationState(CK_SESSION_HANDLE handle, CK_BYTE *operation_state, CK_ULONG operation_state_len,
		    CK_OBJECT_HANDLE encryption_key, CK_OBJECT_HANDLE authentiation_key)
{
	return not_supported(handle, __func__);
}

CK_RV
C_SignRecoverInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return not_supported(handle, __func__);
}

CK_RV
C_SignRecover(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature, CK_ULONG *signature_len)
{
	return not_supported(handle, __func__);
}

CK_RV
C_VerifyRecoverInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return not_supported(handle, __func__);
}

CK_RV
C_VerifyRecover(CK_SESSION_HANDLE handle, CK_BYTE *signature, CK_ULONG signature_len, CK_BYTE *data, CK_ULONG *data_len)
{
	return not_supported(handle, __func__);
}

CK_RV
C_DigestEncryptUpdate(CK_SESSION_HANDLE handle, CK_BYTE *part, CK_ULONG part_len, CK_BYTE *encrypted_part,
		      CK_ULONG *encrypted_part_len)
{
	return not_supported(handle, __func__);
}

CK_RV
C_DecryptDigestUpdate(CK_SESSION_HANDLE handle, CK_BYTE *encrypted_part, CK_ULONG encrypted_part_len, CK_BYTE *part,
		      CK_ULONG *part_len)
{
	return not_supported(handle, __func__);
}

CK_RV
C_SignEncryptUpdate(CK_SESSION_HANDLE handle, CK_BYTE *part, CK_ULONG part_len, CK_BYTE *encrypted_part,
		    CK_ULONG *encrypted_part_len)
{
	return not_supported(handle, __func__);
}

CK_RV
C_DecryptVerifyUpdate(CK_SESSION_HANDLE handle, CK_BYTE *encrypted_part, CK_ULONG encrypted_part_len, CK_BYTE *part,
		      CK_ULONG *part_len)
{
	return not_supported(handle, __func__);
}

CK_RV
C_GenerateKey(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_ATTRIBUTE *template, CK_ULONG count,
	      CK_OBJECT_HANDLE *key)
{
	return not_supported(handle, __func__);
}

CK_RV
C_GenerateKeyPair(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public_key_templateate,
		  CK_ULONG public_key_attribute_count, CK_ATTRIBUTE *private_key_templateate,
		  CK_ULONG private_key_attribute_count, CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
	return not_supported(handle, __func__);
}

CK_RV
C_WrapKey(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping_key, CK_OBJECT_HANDLE key,
	  CK_BYTE *wrapped_key, CK_ULONG *wrapped_key_len)
{
	return not_supported(handle, __func__);
}

CK_RV
C_UnwrapKey(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE unwrapping_key, CK_BYTE *wrapped_key,
	    CK_ULONG wrapped_key_len, CK_ATTRIBUTE *template, CK_ULONG attribute_count, CK_OBJECT_HANDLE *key)
{
	return not_supported(handle, __func__);
}

CK_RV
C_DeriveKey(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base_key, CK_ATTRIBUTE *template,
	    CK_ULONG attribute_count, CK_OBJECT_HANDLE *key)
{
	return not_supported(handle, __func__);
}
