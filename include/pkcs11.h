/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PKCS#11 as this project speaks it: p11-kit's header for 2.40, and what version 3.0 adds, each part only if the
 * installed header does not have it yet (p11-kit has 3.0 since 0.25). Not installed.
 */
#ifndef MINIDRIVER_PKCS11_H
#define MINIDRIVER_PKCS11_H

#include <p11-kit/pkcs11.h>

/* Constants. Headers differ in which of them they know, so each is looked at by itself. ------------------------------- */

#ifndef CKF_INTERFACE_FORK_SAFE
#define CKF_INTERFACE_FORK_SAFE 0x1UL
#endif

#ifndef CKF_MESSAGE_ENCRYPT
#define CKF_MESSAGE_ENCRYPT 0x2UL
#endif
#ifndef CKF_MESSAGE_DECRYPT
#define CKF_MESSAGE_DECRYPT 0x4UL
#endif
#ifndef CKF_MESSAGE_SIGN
#define CKF_MESSAGE_SIGN 0x8UL
#endif
#ifndef CKF_MESSAGE_VERIFY
#define CKF_MESSAGE_VERIFY 0x10UL
#endif
#ifndef CKF_MULTI_MESSAGE
#define CKF_MULTI_MESSAGE 0x20UL
#endif
#ifndef CKF_FIND_OBJECTS
#define CKF_FIND_OBJECTS 0x40UL
#endif

#ifndef CKF_EC_F_2M
#define CKF_EC_F_2M 0x200000UL
#endif
#ifndef CKF_EC_ECPARAMETERS
#define CKF_EC_ECPARAMETERS 0x400000UL
#endif
#ifndef CKF_EC_OID
#define CKF_EC_OID 0x800000UL
#endif
#ifndef CKK_EC_MONTGOMERY
#define CKK_EC_MONTGOMERY 0x41UL
#endif
#ifndef CKM_EC_MONTGOMERY_KEY_PAIR_GEN
#define CKM_EC_MONTGOMERY_KEY_PAIR_GEN 0x1056UL
#endif
#ifndef CKF_EC_CURVENAME
#define CKF_EC_CURVENAME 0x4000000UL
#endif

#ifndef CKF_ERROR_STATE
#define CKF_ERROR_STATE 0x1000000UL
#endif
/* 3.2; known here so that it can be refused */
#ifndef CKF_ASYNC_SESSION
#define CKF_ASYNC_SESSION 0x8UL
#endif

#ifndef CKO_PROFILE
#define CKO_PROFILE 9UL
#endif
#ifndef CKA_UNIQUE_ID
#define CKA_UNIQUE_ID 4UL
#endif
#ifndef CKA_PUBLIC_KEY_INFO
#define CKA_PUBLIC_KEY_INFO 0x129UL
#endif
#ifndef CKA_PROFILE_ID
#define CKA_PROFILE_ID 0x601UL
#endif

#ifndef CKP_INVALID_ID
#define CKP_INVALID_ID 0UL
#endif
#ifndef CKP_BASELINE_PROVIDER
#define CKP_BASELINE_PROVIDER 1UL
#endif
#ifndef CKP_EXTENDED_PROVIDER
#define CKP_EXTENDED_PROVIDER 2UL
#endif
#ifndef CKP_AUTHENTICATION_TOKEN
#define CKP_AUTHENTICATION_TOKEN 3UL
#endif
#ifndef CKP_PUBLIC_CERTIFICATES_TOKEN
#define CKP_PUBLIC_CERTIFICATES_TOKEN 4UL
#endif
#ifndef CKP_COMPLETE_PROVIDER
#define CKP_COMPLETE_PROVIDER 5UL
#endif
#ifndef CKP_HKDF_TLS_TOKEN
#define CKP_HKDF_TLS_TOKEN 6UL
#endif

#ifndef CK_CERTIFICATE_CATEGORY_UNSPECIFIED
#define CK_CERTIFICATE_CATEGORY_UNSPECIFIED 0UL
#endif
#ifndef CK_CERTIFICATE_CATEGORY_TOKEN_USER
#define CK_CERTIFICATE_CATEGORY_TOKEN_USER 1UL
#endif
#ifndef CK_CERTIFICATE_CATEGORY_AUTHORITY
#define CK_CERTIFICATE_CATEGORY_AUTHORITY 2UL
#endif
#ifndef CK_CERTIFICATE_CATEGORY_OTHER_ENTITY
#define CK_CERTIFICATE_CATEGORY_OTHER_ENTITY 3UL
#endif
#ifndef CK_SECURITY_DOMAIN_UNSPECIFIED
#define CK_SECURITY_DOMAIN_UNSPECIFIED 0UL
#define CK_SECURITY_DOMAIN_THIRD_PARTY 3UL
#endif

#ifndef CKR_AEAD_DECRYPT_FAILED
#define CKR_AEAD_DECRYPT_FAILED 0x42UL
#endif
#ifndef CKR_TOKEN_RESOURCE_EXCEEDED
#define CKR_TOKEN_RESOURCE_EXCEEDED 0x201UL
#endif
#ifndef CKR_OPERATION_CANCEL_FAILED
#define CKR_OPERATION_CANCEL_FAILED 0x202UL
#endif

/* Types and functions of 3.0 ------------------------------------------------------------------------------------------- */

#if CRYPTOKI_VERSION_MAJOR < 3

typedef struct CK_INTERFACE {
	char *pInterfaceName;
	void *pFunctionList;
	CK_FLAGS flags;
} CK_INTERFACE;

#define MINIDRIVER_DECLARE(name, args)                                                                                 \
	typedef CK_RV(*CK_##name) args;                                                                                \
	CK_RV name args

MINIDRIVER_DECLARE(C_GetInterfaceList, (CK_INTERFACE * interfaces, CK_ULONG *count));
MINIDRIVER_DECLARE(C_GetInterface, (CK_UTF8CHAR * name, CK_VERSION *version, CK_INTERFACE **interface, CK_FLAGS flags));
MINIDRIVER_DECLARE(C_LoginUser, (CK_SESSION_HANDLE session, CK_USER_TYPE user_type, CK_UTF8CHAR *pin, CK_ULONG pin_len,
				 CK_UTF8CHAR *username, CK_ULONG username_len));
MINIDRIVER_DECLARE(C_SessionCancel, (CK_SESSION_HANDLE session, CK_FLAGS flags));

MINIDRIVER_DECLARE(C_MessageEncryptInit, (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key));
MINIDRIVER_DECLARE(C_EncryptMessage, (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
				      CK_BYTE *associated_data, CK_ULONG associated_data_len, CK_BYTE *plaintext,
				      CK_ULONG plaintext_len, CK_BYTE *ciphertext, CK_ULONG *ciphertext_len));
MINIDRIVER_DECLARE(C_EncryptMessageBegin, (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
					   CK_BYTE *associated_data, CK_ULONG associated_data_len));
MINIDRIVER_DECLARE(C_EncryptMessageNext, (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
					  CK_BYTE *plaintext_part, CK_ULONG plaintext_part_len,
					  CK_BYTE *ciphertext_part, CK_ULONG *ciphertext_part_len, CK_FLAGS flags));
MINIDRIVER_DECLARE(C_MessageEncryptFinal, (CK_SESSION_HANDLE session));

MINIDRIVER_DECLARE(C_MessageDecryptInit, (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key));
MINIDRIVER_DECLARE(C_DecryptMessage, (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
				      CK_BYTE *associated_data, CK_ULONG associated_data_len, CK_BYTE *ciphertext,
				      CK_ULONG ciphertext_len, CK_BYTE *plaintext, CK_ULONG *plaintext_len));
MINIDRIVER_DECLARE(C_DecryptMessageBegin, (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
					   CK_BYTE *associated_data, CK_ULONG associated_data_len));
MINIDRIVER_DECLARE(C_DecryptMessageNext, (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
					  CK_BYTE *ciphertext_part, CK_ULONG ciphertext_part_len,
					  CK_BYTE *plaintext_part, CK_ULONG *plaintext_part_len, CK_FLAGS flags));
MINIDRIVER_DECLARE(C_MessageDecryptFinal, (CK_SESSION_HANDLE session));

MINIDRIVER_DECLARE(C_MessageSignInit, (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key));
MINIDRIVER_DECLARE(C_SignMessage, (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, CK_BYTE *data,
				   CK_ULONG data_len, CK_BYTE *signature, CK_ULONG *signature_len));
MINIDRIVER_DECLARE(C_SignMessageBegin, (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len));
MINIDRIVER_DECLARE(C_SignMessageNext, (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
				       CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature, CK_ULONG *signature_len));
MINIDRIVER_DECLARE(C_MessageSignFinal, (CK_SESSION_HANDLE session));

MINIDRIVER_DECLARE(C_MessageVerifyInit, (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key));
MINIDRIVER_DECLARE(C_VerifyMessage, (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, CK_BYTE *data,
				     CK_ULONG data_len, CK_BYTE *signature, CK_ULONG signature_len));
MINIDRIVER_DECLARE(C_VerifyMessageBegin, (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len));
MINIDRIVER_DECLARE(C_VerifyMessageNext, (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
					 CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature, CK_ULONG signature_len));
MINIDRIVER_DECLARE(C_MessageVerifyFinal, (CK_SESSION_HANDLE session));

#undef MINIDRIVER_DECLARE

/* The 68 members of 2.40 in their order, and 24 more (PKCS#11 3.0, 5.4.6). */
typedef struct CK_FUNCTION_LIST_3_0 {
	CK_VERSION version;
	CK_C_Initialize C_Initialize;
	CK_C_Finalize C_Finalize;
	CK_C_GetInfo C_GetInfo;
	CK_C_GetFunctionList C_GetFunctionList;
	CK_C_GetSlotList C_GetSlotList;
	CK_C_GetSlotInfo C_GetSlotInfo;
	CK_C_GetTokenInfo C_GetTokenInfo;
	CK_C_GetMechanismList C_GetMechanismList;
	CK_C_GetMechanismInfo C_GetMechanismInfo;
	CK_C_InitToken C_InitToken;
	CK_C_InitPIN C_InitPIN;
	CK_C_SetPIN C_SetPIN;
	CK_C_OpenSession C_OpenSession;
	CK_C_CloseSession C_CloseSession;
	CK_C_CloseAllSessions C_CloseAllSessions;
	CK_C_GetSessionInfo C_GetSessionInfo;
	CK_C_GetOperationState C_GetOperationState;
	CK_C_SetOperationState C_SetOperationState;
	CK_C_Login C_Login;
	CK_C_Logout C_Logout;
	CK_C_CreateObject C_CreateObject;
	CK_C_CopyObject C_CopyObject;
	CK_C_DestroyObject C_DestroyObject;
	CK_C_GetObjectSize C_GetObjectSize;
	CK_C_GetAttributeValue C_GetAttributeValue;
	CK_C_SetAttributeValue C_SetAttributeValue;
	CK_C_FindObjectsInit C_FindObjectsInit;
	CK_C_FindObjects C_FindObjects;
	CK_C_FindObjectsFinal C_FindObjectsFinal;
	CK_C_EncryptInit C_EncryptInit;
	CK_C_Encrypt C_Encrypt;
	CK_C_EncryptUpdate C_EncryptUpdate;
	CK_C_EncryptFinal C_EncryptFinal;
	CK_C_DecryptInit C_DecryptInit;
	CK_C_Decrypt C_Decrypt;
	CK_C_DecryptUpdate C_DecryptUpdate;
	CK_C_DecryptFinal C_DecryptFinal;
	CK_C_DigestInit C_DigestInit;
	CK_C_Digest C_Digest;
	CK_C_DigestUpdate C_DigestUpdate;
	CK_C_DigestKey C_DigestKey;
	CK_C_DigestFinal C_DigestFinal;
	CK_C_SignInit C_SignInit;
	CK_C_Sign C_Sign;
	CK_C_SignUpdate C_SignUpdate;
	CK_C_SignFinal C_SignFinal;
	CK_C_SignRecoverInit C_SignRecoverInit;
	CK_C_SignRecover C_SignRecover;
	CK_C_VerifyInit C_VerifyInit;
	CK_C_Verify C_Verify;
	CK_C_VerifyUpdate C_VerifyUpdate;
	CK_C_VerifyFinal C_VerifyFinal;
	CK_C_VerifyRecoverInit C_VerifyRecoverInit;
	CK_C_VerifyRecover C_VerifyRecover;
	CK_C_DigestEncryptUpdate C_DigestEncryptUpdate;
	CK_C_DecryptDigestUpdate C_DecryptDigestUpdate;
	CK_C_SignEncryptUpdate C_SignEncryptUpdate;
	CK_C_DecryptVerifyUpdate C_DecryptVerifyUpdate;
	CK_C_GenerateKey C_GenerateKey;
	CK_C_GenerateKeyPair C_GenerateKeyPair;
	CK_C_WrapKey C_WrapKey;
	CK_C_UnwrapKey C_UnwrapKey;
	CK_C_DeriveKey C_DeriveKey;
	CK_C_SeedRandom C_SeedRandom;
	CK_C_GenerateRandom C_GenerateRandom;
	CK_C_GetFunctionStatus C_GetFunctionStatus;
	CK_C_CancelFunction C_CancelFunction;
	CK_C_WaitForSlotEvent C_WaitForSlotEvent;
	CK_C_GetInterfaceList C_GetInterfaceList;
	CK_C_GetInterface C_GetInterface;
	CK_C_LoginUser C_LoginUser;
	CK_C_SessionCancel C_SessionCancel;
	CK_C_MessageEncryptInit C_MessageEncryptInit;
	CK_C_EncryptMessage C_EncryptMessage;
	CK_C_EncryptMessageBegin C_EncryptMessageBegin;
	CK_C_EncryptMessageNext C_EncryptMessageNext;
	CK_C_MessageEncryptFinal C_MessageEncryptFinal;
	CK_C_MessageDecryptInit C_MessageDecryptInit;
	CK_C_DecryptMessage C_DecryptMessage;
	CK_C_DecryptMessageBegin C_DecryptMessageBegin;
	CK_C_DecryptMessageNext C_DecryptMessageNext;
	CK_C_MessageDecryptFinal C_MessageDecryptFinal;
	CK_C_MessageSignInit C_MessageSignInit;
	CK_C_SignMessage C_SignMessage;
	CK_C_SignMessageBegin C_SignMessageBegin;
	CK_C_SignMessageNext C_SignMessageNext;
	CK_C_MessageSignFinal C_MessageSignFinal;
	CK_C_MessageVerifyInit C_MessageVerifyInit;
	CK_C_VerifyMessage C_VerifyMessage;
	CK_C_VerifyMessageBegin C_VerifyMessageBegin;
	CK_C_VerifyMessageNext C_VerifyMessageNext;
	CK_C_MessageVerifyFinal C_MessageVerifyFinal;
} CK_FUNCTION_LIST_3_0;

#endif /* CRYPTOKI_VERSION_MAJOR */

#endif
