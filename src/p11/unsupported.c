/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions that are not offered: they look at the session, change nothing, and say so. */
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

/* Message-based encryption (3.0): no mechanism here has a use for it ------------------------------------------------------ */

CK_RV
C_MessageEncryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return not_supported(handle, __func__);
}

CK_RV
C_EncryptMessage(CK_SESSION_HANDLE handle, void *parameter, CK_ULONG parameter_len, CK_BYTE *associated_data,
		 CK_ULONG associated_data_len, CK_BYTE *plaintext, CK_ULONG plaintext_len, CK_BYTE *ciphertext,
		 CK_ULONG *ciphertext_len)
{
	return not_supported(handle, __func__);
}

CK_RV
C_EncryptMessageBegin(CK_SESSION_HANDLE handle, void *parameter, CK_ULONG parameter_len, CK_BYTE *associated_data,
		      CK_ULONG associated_data_len)
{
	return not_supported(handle, __func__);
}

CK_RV
C_EncryptMessageNext(CK_SESSION_HANDLE handle, void *parameter, CK_ULONG parameter_len, CK_BYTE *plaintext_part,
		     CK_ULONG plaintext_part_len, CK_BYTE *ciphertext_part, CK_ULONG *ciphertext_part_len,
		     CK_FLAGS flags)
{
	return not_supported(handle, __func__);
}

CK_RV
C_MessageEncryptFinal(CK_SESSION_HANDLE handle)
{
	return not_supported(handle, __func__);
}

CK_RV
C_MessageDecryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return not_supported(handle, __func__);
}

CK_RV
C_DecryptMessage(CK_SESSION_HANDLE handle, void *parameter, CK_ULONG parameter_len, CK_BYTE *associated_data,
		 CK_ULONG associated_data_len, CK_BYTE *ciphertext, CK_ULONG ciphertext_len, CK_BYTE *plaintext,
		 CK_ULONG *plaintext_len)
{
	return not_supported(handle, __func__);
}

CK_RV
C_DecryptMessageBegin(CK_SESSION_HANDLE handle, void *parameter, CK_ULONG parameter_len, CK_BYTE *associated_data,
		      CK_ULONG associated_data_len)
{
	return not_supported(handle, __func__);
}

CK_RV
C_DecryptMessageNext(CK_SESSION_HANDLE handle, void *parameter, CK_ULONG parameter_len, CK_BYTE *ciphertext_part,
		     CK_ULONG ciphertext_part_len, CK_BYTE *plaintext_part, CK_ULONG *plaintext_part_len,
		     CK_FLAGS flags)
{
	return not_supported(handle, __func__);
}

CK_RV
C_MessageDecryptFinal(CK_SESSION_HANDLE handle)
{
	return not_supported(handle, __func__);
}
