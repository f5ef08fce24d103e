/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the two may differ, and why (sections are those of PKCS#11 3.1; SoftHSM is 2.6.1, as Debian 12 has it). A row that
 * no step uses is stale, and fails the test.
 */
#include "differential/sides.h"

#define TOO_LONG "5.1.6: the length has a code of its own"
#define NO_SUCH_VALUE "4.1.1: the length of a value is wrong, whatever else is missing"
#define NOT_HERE "4.1.1: a value that the standard knows, or might, and the token does not support"
#define NOT_EMPTY                                                                                                      \
	"5.7.7: an empty value matches nothing but an empty one; SoftHSM matches all, and what it failed to make"
#define OPEN_KEYS "4.10: the token chooses the default of a secret key's secrecy"
#define UNUSED "4.10: the token chooses; no mechanism here uses the key so"
#define MAY_CHANGE "4.1.2, 5.7.6: a token may let more be changed"
#define ONE_WAY "4.4, 4.10: what was allowed can be taken back, and taking it back twice changes nothing"
#define BOTH "5.1.6: both hold, and none goes before the other"

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
	{ "create class of another size", CKR_TEMPLATE_INCOMPLETE, CKR_ATTRIBUTE_VALUE_INVALID, NO_SUCH_VALUE, 0 },
	{ "create certificate with a short type", CKR_TEMPLATE_INCOMPLETE, CKR_ATTRIBUTE_VALUE_INVALID, NO_SUCH_VALUE,
	  0 },
	{ "create unknown class", CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT, NOT_HERE, 0 },
	{ "create profile", CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT, NOT_HERE, 0 },
	{ "create public key of no type", CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT, NOT_HERE, 0 },
	{ "create RSA key with a point", CKR_ATTRIBUTE_TYPE_INVALID, CKR_TEMPLATE_INCONSISTENT,
	  "4.1.1: the example of what is inconsistent", 0 },
	{ "create certificate with an untrue check value", CKR_GENERAL_ERROR, CKR_ATTRIBUTE_VALUE_INVALID, "4.10.2",
	  0 },
	{ "create AES key of 15", CKR_OK, CKR_ATTRIBUTE_VALUE_INVALID, "6.13.2: 16, 24 or 32 bytes", 0 },
	{ "created data with an empty ", CKR_OK, CKR_OK, NOT_EMPTY, 0 },
	{ "created certificate not trusted: found", CKR_OK, CKR_OK, NOT_EMPTY, 0 },
	{ "created certificate with an empty date: found", CKR_OK, CKR_OK, NOT_EMPTY, 0 },
	{ "created sensitive AES key: found", CKR_OK, CKR_OK, "5.7.7: what is hidden does not match", 0 },
	{ "created kept AES key: found", CKR_OK, CKR_OK, "5.7.7: what is hidden does not match", 0 },
	{ "number in attribute 2 of data", CKR_OK, CKR_OK, "4.4: the token chooses the default", 0 },
	{ "number in attribute 104 of EC key", CKR_OK, CKR_OK, "4.8: it cannot encrypt", 0 },
	{ "number in attribute 106 of EC key", CKR_OK, CKR_OK, "4.8: it cannot wrap", 0 },
	{ "number in attribute 10B of EC key", CKR_OK, CKR_OK, "4.8: it cannot recover", 0 },
	{ "size of attribute 11 of secret key", CKR_ATTRIBUTE_SENSITIVE, CKR_OK, OPEN_KEYS, 0 },
	{ "attribute 11 of secret key", CKR_ATTRIBUTE_SENSITIVE, CKR_OK, OPEN_KEYS, 0 },
	{ "number in attribute 11 of secret key", CKR_ATTRIBUTE_SENSITIVE, CKR_BUFFER_TOO_SMALL, OPEN_KEYS, 0 },
	{ "number in attribute 162 of ", CKR_OK, CKR_OK, OPEN_KEYS, 0 },
	{ "number in attribute 104 of ", CKR_OK, CKR_OK, UNUSED, 0 },
	{ "number in attribute 105 of ", CKR_OK, CKR_OK, UNUSED, 0 },
	{ "number in attribute 106 of ", CKR_OK, CKR_OK, UNUSED, 0 },
	{ "number in attribute 107 of ", CKR_OK, CKR_OK, UNUSED, 0 },
	{ "number in attribute 108 of ", CKR_OK, CKR_OK, UNUSED, 0 },
	{ "number in attribute 10A of ", CKR_OK, CKR_OK, UNUSED, 0 },
	{ "copy with private no of data", CKR_TEMPLATE_INCONSISTENT, CKR_OK, "4.4: it is not private to begin with",
	  0 },
	{ "copy with modifiable no of ", CKR_ATTRIBUTE_READ_ONLY, CKR_OK, "4.4: copying may change it", 0 },
	{ "copy with copyable ", CKR_ATTRIBUTE_READ_ONLY, CKR_OK, ONE_WAY, 0 },
	{ "copy with value of ", CKR_ATTRIBUTE_READ_ONLY, CKR_OK, MAY_CHANGE, 0 },
	{ "copy with application of ", CKR_ATTRIBUTE_READ_ONLY, CKR_OK, MAY_CHANGE, 0 },
	{ "copy with bad date of certificate", CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_VALUE_INVALID, BOTH, 0 },
	{ "copy with modulus of EC key", CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_READ_ONLY, BOTH, 0 },
	{ "copy with sensitive yes of ", CKR_ATTRIBUTE_READ_ONLY, CKR_OK, ONE_WAY, 0 },
	{ "copy with extractable yes of ", CKR_ATTRIBUTE_READ_ONLY, CKR_OK, OPEN_KEYS, 0 },
	{ "copy with extractable no of ", CKR_ATTRIBUTE_READ_ONLY, CKR_OK, ONE_WAY, 0 },
	{ "copy with wrap with trusted of ", CKR_ATTRIBUTE_READ_ONLY, CKR_OK, ONE_WAY, 0 },
	{ "set copyable ", CKR_ATTRIBUTE_READ_ONLY, CKR_OK, ONE_WAY, 0 },
	{ "set value of ", CKR_ATTRIBUTE_READ_ONLY, CKR_OK, MAY_CHANGE, 0 },
	{ "set application of ", CKR_ATTRIBUTE_READ_ONLY, CKR_OK, MAY_CHANGE, 0 },
	{ "set bad date of certificate", CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_VALUE_INVALID, BOTH, 0 },
	{ "set modulus of EC key", CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_READ_ONLY, BOTH, 0 },
	{ "set sensitive yes of ", CKR_ATTRIBUTE_READ_ONLY, CKR_OK, ONE_WAY, 0 },
	{ "set extractable yes of ", CKR_ATTRIBUTE_READ_ONLY, CKR_OK, OPEN_KEYS, 0 },
	{ "set extractable no of ", CKR_ATTRIBUTE_READ_ONLY, CKR_OK, ONE_WAY, 0 },
	{ "set wrap with trusted of ", CKR_ATTRIBUTE_READ_ONLY, CKR_OK, ONE_WAY, 0 },
	{ "label after label and class of ", CKR_OK, CKR_OK, "5.7.6: a call that fails changes nothing", 0 },
	{ "generate AES of 15", CKR_ATTRIBUTE_VALUE_INVALID, CKR_KEY_SIZE_RANGE, "5.18.1: a size has a code of its own",
	  0 },
	{ "generate AES of none", CKR_TEMPLATE_INCOMPLETE, CKR_ATTRIBUTE_VALUE_INVALID,
	  "4.1.1: there is a length, and a bad one", 0 },
	{ "generate AES that is data", CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT, NOT_HERE, 0 },
	{ "unwrap data", CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT, NOT_HERE, 0 },
	{ "unwrap AES with length", CKR_ATTRIBUTE_READ_ONLY, CKR_OK,
	  "5.18.4: NSS says the length, and it must be right", 0 },
	{ "unwrap-short data", CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT, NOT_HERE, 0 },
	{ "unwrap-short a value", CKR_GENERAL_ERROR, CKR_ATTRIBUTE_READ_ONLY, BOTH, 0 },
	{ "unwrap-short an unknown attribute", CKR_GENERAL_ERROR, CKR_ATTRIBUTE_TYPE_INVALID, BOTH, 0 },
	{ "unwrap-short ", CKR_GENERAL_ERROR, CKR_WRAPPED_KEY_LEN_RANGE, TOO_LONG, 0 },
	{ "derive without a parameter", CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_MECHANISM_INVALID,
	  "5.18.5: a GIDS card agrees on nothing", 0 },
	{ "EC private attribute 181", CKR_ATTRIBUTE_TYPE_INVALID, CKR_OK,
	  "shown beyond the standard, for those who ask", 0 },
};

const size_t difference_count = ARRAY_SIZE(differences);
