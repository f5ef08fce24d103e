/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way in (PKCS#11 3.1, 5.4.4 to 5.4.6): the three exported functions, both function lists and the list of
 * interfaces. The lists name functions of this module directly, never the exported symbols, which another library in
 * the process could stand in front of.
 */
#include <string.h>

#include "p11/p11.h"

#define EXPORT __attribute__((visibility("default")))

/* clang-format off */

/* What both lists share: 2.40 without those that are told apart or exported. */
#define COMMON_FUNCTIONS \
	ENTRY(C_Initialize) ENTRY(C_Finalize) ENTRY(C_GetSlotList) ENTRY(C_GetSlotInfo) ENTRY(C_GetTokenInfo) \
	ENTRY(C_GetMechanismList) ENTRY(C_InitToken) ENTRY(C_InitPIN) \
	ENTRY(C_SetPIN) ENTRY(C_OpenSession) ENTRY(C_CloseSession) ENTRY(C_CloseAllSessions) \
	ENTRY(C_GetSessionInfo) ENTRY(C_GetOperationState) ENTRY(C_SetOperationState) ENTRY(C_Login) \
	ENTRY(C_Logout) ENTRY(C_CreateObject) ENTRY(C_CopyObject) ENTRY(C_DestroyObject) \
	ENTRY(C_GetObjectSize) ENTRY(C_GetAttributeValue) ENTRY(C_SetAttributeValue) ENTRY(C_FindObjectsInit) \
	ENTRY(C_FindObjects) ENTRY(C_FindObjectsFinal) ENTRY(C_EncryptInit) ENTRY(C_Encrypt) \
	ENTRY(C_EncryptUpdate) ENTRY(C_EncryptFinal) ENTRY(C_DecryptInit) ENTRY(C_Decrypt) \
	ENTRY(C_DecryptUpdate) ENTRY(C_DecryptFinal) ENTRY(C_DigestInit) ENTRY(C_Digest) ENTRY(C_DigestUpdate) \
	ENTRY(C_DigestKey) ENTRY(C_DigestFinal) ENTRY(C_SignInit) ENTRY(C_Sign) ENTRY(C_SignUpdate) \
	ENTRY(C_SignFinal) ENTRY(C_SignRecoverInit) ENTRY(C_SignRecover) ENTRY(C_VerifyInit) ENTRY(C_Verify) \
	ENTRY(C_VerifyUpdate) ENTRY(C_VerifyFinal) ENTRY(C_VerifyRecoverInit) ENTRY(C_VerifyRecover) \
	ENTRY(C_DigestEncryptUpdate) ENTRY(C_DecryptDigestUpdate) ENTRY(C_SignEncryptUpdate) \
	ENTRY(C_DecryptVerifyUpdate) ENTRY(C_GenerateKey) ENTRY(C_GenerateKeyPair) ENTRY(C_WrapKey) \
	ENTRY(C_UnwrapKey) ENTRY(C_DeriveKey) ENTRY(C_SeedRandom) ENTRY(C_GenerateRandom) \
	ENTRY(C_GetFunctionStatus) ENTRY(C_CancelFunction) ENTRY(C_WaitForSlotEvent)

#define FUNCTIONS_OF_3_0 \
	ENTRY(C_LoginUser) ENTRY(C_SessionCancel) ENTRY(C_MessageEncryptInit) ENTRY(C_EncryptMessage) \
	ENTRY(C_EncryptMessageBegin) ENTRY(C_EncryptMessageNext) ENTRY(C_MessageEncryptFinal) \
	ENTRY(C_MessageDecryptInit) ENTRY(C_DecryptMessage) ENTRY(C_DecryptMessageBegin) \
	ENTRY(C_DecryptMessageNext) ENTRY(C_MessageDecryptFinal) ENTRY(C_MessageSignInit) ENTRY(C_SignMessage) \
	ENTRY(C_SignMessageBegin) ENTRY(C_SignMessageNext) ENTRY(C_MessageSignFinal) \
	ENTRY(C_MessageVerifyInit) ENTRY(C_VerifyMessage) ENTRY(C_VerifyMessageBegin) \
	ENTRY(C_VerifyMessageNext) ENTRY(C_MessageVerifyFinal)

#define ENTRY(name) .name = name,

static CK_RV get_function_list(CK_FUNCTION_LIST **list);
static CK_RV get_interface_list(CK_INTERFACE *interfaces, CK_ULONG *count);
static CK_RV get_interface(CK_UTF8CHAR *name, CK_VERSION *version, CK_INTERFACE **interface, CK_FLAGS flags);

static CK_FUNCTION_LIST list_2_40 = {
	.version = { 2, 40 },
	.C_GetInfo = C_GetInfo,
	.C_GetMechanismInfo = C_GetMechanismInfo,
	.C_GetFunctionList = get_function_list,
	COMMON_FUNCTIONS
};

static CK_FUNCTION_LIST_3_0 list_3_0 = {
	.version = { 3, 0 },
	.C_GetInfo = p11_get_info_3,
	.C_GetMechanismInfo = p11_get_mechanism_info_3,
	.C_GetFunctionList = get_function_list,
	COMMON_FUNCTIONS
	.C_GetInterfaceList = get_interface_list,
	.C_GetInterface = get_interface,
	FUNCTIONS_OF_3_0
};

/* clang-format on */

static char standard_name[] = "PKCS 11";

/* The default is the first. */
static CK_INTERFACE interfaces[] = {
	{ standard_name, &list_3_0, 0 },
	{ standard_name, &list_2_40, 0 },
};

static CK_RV
get_function_list(CK_FUNCTION_LIST **list)
{
	if (list == NULL)
		return CKR_ARGUMENTS_BAD;
	*list = &list_2_40;
	return CKR_OK;
}

static CK_RV
get_interface_list(CK_INTERFACE *ret_interfaces, CK_ULONG *count)
{
	CK_ULONG room;

	if (count == NULL)
		return CKR_ARGUMENTS_BAD;
	room = *count;
	*count = ARRAY_SIZE(interfaces);
	if (ret_interfaces == NULL)
		return CKR_OK;
	if (room < ARRAY_SIZE(interfaces))
		return CKR_BUFFER_TOO_SMALL;
	memcpy(ret_interfaces, interfaces, sizeof(interfaces));
	return CKR_OK;
}

static bool
interface_fits(const CK_INTERFACE *interface, const CK_UTF8CHAR *name, const CK_VERSION *version, CK_FLAGS flags)
{
	const CK_VERSION *own = interface->pFunctionList; /* every function list begins with it */

	if (name != NULL && strcmp((const char *)name, interface->pInterfaceName) != 0)
		return false;
	if (version != NULL && (version->major != own->major || version->minor != own->minor))
		return false;
	return (flags & ~interface->flags) == 0;
}

static CK_RV
get_interface(CK_UTF8CHAR *name, CK_VERSION *version, CK_INTERFACE **interface, CK_FLAGS flags)
{
	if (interface == NULL)
		return CKR_ARGUMENTS_BAD;
	for (size_t i = 0; i < ARRAY_SIZE(interfaces); i++)
		if (interface_fits(&interfaces[i], name, version, flags)) {
			*interface = &interfaces[i];
			return CKR_OK;
		}
	return CKR_ARGUMENTS_BAD;
}

EXPORT CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	return get_function_list(list);
}

EXPORT CK_RV
C_GetInterfaceList(CK_INTERFACE *ret_interfaces, CK_ULONG *count)
{
	return get_interface_list(ret_interfaces, count);
}

EXPORT CK_RV
C_GetInterface(CK_UTF8CHAR *name, CK_VERSION *version, CK_INTERFACE **interface, CK_FLAGS flags)
{
	return get_interface(name, version, interface, flags);
}
