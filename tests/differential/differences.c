/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the two may differ, and why (sections are those of PKCS#11 3.1; SoftHSM is 2.6.1, as Debian 12 has it). A row that
 * no step uses is stale, and fails the test.
 */
#include "differential/sides.h"

#define TOO_LONG "5.1.6: the length has a code of its own"

struct difference differences[] = {
	{ "RSA_PKCS sign ", CKR_GENERAL_ERROR, CKR_DATA_LEN_RANGE, TOO_LONG, 0 },
	{ "RSA_PKCS_PSS sign ", CKR_GENERAL_ERROR, CKR_DATA_LEN_RANGE, TOO_LONG, 0 },
	{ "RSA_PKCS encrypt ", CKR_GENERAL_ERROR, CKR_DATA_LEN_RANGE, TOO_LONG, 0 },
	{ "OAEP encrypt ", CKR_GENERAL_ERROR, CKR_DATA_LEN_RANGE, TOO_LONG, 0 },
	{ "RSA_PKCS decrypt-wrong-length", CKR_GENERAL_ERROR, CKR_ENCRYPTED_DATA_LEN_RANGE, TOO_LONG, 0 },
	{ "RSA_X_509 decrypt-wrong-length", CKR_GENERAL_ERROR, CKR_ENCRYPTED_DATA_LEN_RANGE, TOO_LONG, 0 },
	{ "OAEP decrypt-wrong-length", CKR_GENERAL_ERROR, CKR_ENCRYPTED_DATA_LEN_RANGE, TOO_LONG, 0 },
	{ "ECDSA sign ", CKR_OK, CKR_DATA_LEN_RANGE, "no hash is longer than 64 bytes; 6.3.12 leaves the limit open",
	  0 },
	{ "mixed sign", CKR_OPERATION_NOT_INITIALIZED, CKR_OPERATION_ACTIVE, "5.2: the operation is there, and ends",
	  0 },
	{ "digest-mixed", CKR_OK, CKR_OPERATION_ACTIVE, "5.12.2: not after a part", 0 },
	{ "sign-init no such key", CKR_OBJECT_HANDLE_INVALID, CKR_KEY_HANDLE_INVALID, "5.13.1: it is a key's handle",
	  0 },
	{ "sign-init logged out", CKR_OBJECT_HANDLE_INVALID, CKR_KEY_HANDLE_INVALID, "5.13.1: it is a key's handle",
	  0 },
	{ "sign-init with a public key", CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_TYPE_INCONSISTENT,
	  "5.1.6: both hold, and this one goes before", 0 },
	{ "logout again", CKR_OK, CKR_USER_NOT_LOGGED_IN, "5.6.10", 0 },
	{ "EC private attribute 181", CKR_ATTRIBUTE_TYPE_INVALID, CKR_OK,
	  "shown beyond the standard, for those who ask", 0 },
};

const size_t difference_count = ARRAY_SIZE(differences);
