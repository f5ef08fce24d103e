/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seam: the Smart Card Minidriver interface (specification v7.07) between the common part (src/csp, the role of
 * Windows' Base CSP and KSP) and one minidriver per card family (cardlib/gids, ...). Names are the specification's.
 *
 * Differences from Windows:
 *  1.  DWORD is 32 bits (base/types.h); status values are those of carderr.h, not of pcsc-lite.
 *  2.  hSCardCtx and hScard are one struct io: the connection, whose transactions the caller begins and ends.
 *  3.  Names of files, directories, properties, algorithms and cards are plain C strings, not UTF-16.
 *  4.  RSA integers are big-endian everywhere: signatures, ciphertexts, blocks handed to the padding callbacks.
 *  5.  Public keys are struct public_key instead of CAPI and BCRYPT blobs.
 *      Private keys to import are struct private_key, a pointer in place of blob and length.
 *  6.  Buffers that the callee returns are allocated with pfnCspAlloc as in the original and freed by the caller with
 *      pfnCspFree. CardRSADecrypt's in-place buffer holds secrets and is the caller's to wipe.
 *  7.  CARD_DATA ends with dwTransaction, the caller's number for the transaction it holds: a minidriver may reuse an
 *      answer of the card as long as the number is the same, and must forget it when the number changes.
 *  8.  BCRYPT_PSS_PADDING_INFO and BCRYPT_OAEP_PADDING_INFO carry the MGF1 hash as well (pszMgfAlgId; NULL means the
 *      same as pszAlgId), which PKCS#11 lets callers choose.
 *  9.  CardGetProperty(CP_CARD_PIN_TRIES) is added: attempts left for the PIN in dwFlags, as the specification returns
 *      them only from a failed authentication. 0xFFFFFFFF when the card cannot tell.
 *      CP_CARD_PIN_LIMITS, CP_CARD_CHALLENGE_KEY, CP_CARD_NAME, CP_CARD_PIN_RETRIES, CP_CARD_RESET, CCP_KEY_NAMES and
 *      CCP_KNOWN_INFO are added as well.
 * 10.  A minidriver leaves members that it does not serve NULL. The registry puts one set of functions in front of it,
 *      the same for every card: they check parameters, versions and what a read-only card does not do, call the
 *      minidriver, and answer SCARD_E_UNSUPPORTED_FEATURE where it has nothing. Callers never test for NULL.
 * 11.  The padding callbacks get the CARD_DATA first, and CARD_DATA ends with pvCspContext, which belongs to them: Windows
 *      has its cryptography at hand in every process, here it comes with the caller's own library context. A
 *      minidriver passes the CARD_DATA on and never looks at pvCspContext.
 * 12.  The v4 calls that v6 and v7 replace (CardAuthenticatePin, CardGetChallenge, CardAuthenticateChallenge,
 *      CardDeauthenticate, CardUnblockPin, CardChangeAuthenticator, CardCreateContainer) are the registry's, made of the
 *      later forms; a minidriver has the later forms only. The user names are "user" and "admin".
 * 13.  pfnCardReconnect is added: the caller found that the card was reset, or that another program used it, and still
 *      has the same card. The minidriver selects its application again (one exchange) and forgets what the card forgot:
 *      authentication, security environment, answers. Without a reset no call is needed; a minidriver notices by itself
 *      when its application is not selected any more, and then answers SCARD_W_SECURITY_VIOLATION to the use of a key.
 * 14.  The structure always has all members. With a version below 7 the registry leaves those alone that the version
 *      does not have.
 * 15.  CardDeriveKey knows the KDF BCRYPT_KDF_RAW_SECRET, which gives the agreed secret itself, a field element big-endian in
 *      all of its bytes; the caller derives keys of it. CARD_DERIVE_KEY has no parameter list and no key handle.
 * 16.  pfnCardCreateCard is added: secrets, access rules and an empty file system for a card that has none. Windows leaves
 *      the card's own part of that to the card's vendor.
 * 17.  A response authenticates in both forms, external and mutual; which one the card has shows in the challenge's length
 *      only. The response is the challenge encrypted by the role's key (CP_CARD_CHALLENGE_KEY), in CBC mode with a zero
 *      IV and without padding, whatever the length. The caller computes it; a key never crosses the seam but as the new
 *      value of a change or of a new card.
 * 18.  pfnCspKeyCheckValue is added, since some card edges want three bytes of a block encrypted by a new key beside it.
 * 19.  There is no pfnCspGetDHAgreement: there are no secrets of the host's. What the cache callbacks keep is kept on
 *      disk, under the card identifier and the counters of cardcf: only what everybody may read goes there. The counters
 *      are compared before anything is found in a transaction; nothing is after the first change in it.
 *      Nor is there a no-card mode: CARD_SECURE_KEY_INJECTION_NO_CARD_MODE is SCARD_E_UNSUPPORTED_FEATURE.
 * 20.  A PIN of external type may be given as bytes as well, by callers that do not want the reader to ask for it;
 *      unless PIN_INFO_REQUIRE_SECURE_ENTRY is set.
 * 21.  pfnCspAgree is added, for card edges that negotiate a session PIN so that the PIN itself does not travel.
 * 22.  AT_EDDSA_25519 and AT_ECDHE_25519 are added, with 255 bits in the container map: an Ed25519 key is always a signature
 *      key there and an X25519 key always an exchange key, which tells them apart. CardSignData with the first takes the
 *      whole message instead of a hash (pure Ed25519, RFC 8032), without padding, and gives R || S; a message that is
 *      longer than the card takes is SCARD_E_INVALID_PARAMETER. The secret that the second agrees on is 32 bytes as
 *      RFC 7748 has them. Such keys are made, and not brought to a card.
 *
 * Every function assumes that the caller holds a transaction, but for pfnCardDeleteContext. Every function answers
 * SCARD_E_INVALID_PARAMETER for a NULL mandatory pointer or an undefined flag, and passes on SCARD_W_REMOVED_CARD,
 * SCARD_W_RESET_CARD and SCARD_E_COMM_DATA_LOST from the transport.
 */
#ifndef CARDMOD_H
#define CARDMOD_H

#include <stdint.h>

#include "base/privkey.h"
#include "base/pubkey.h"
#include "carderr.h"

struct io;

#define CARD_DATA_VERSION_FOUR 4u
#define CARD_DATA_VERSION_FIVE 5u
#define CARD_DATA_VERSION_SIX 6u
#define CARD_DATA_VERSION_SEVEN 7u
#define CARD_DATA_CURRENT_VERSION CARD_DATA_VERSION_SEVEN
#define CARD_DATA_VALUE_UNKNOWN ((DWORD)0xFFFFFFFF)

/* Flag of PFN_CARD_ACQUIRE_CONTEXT. */
#define CARD_SECURE_KEY_INJECTION_NO_CARD_MODE 1u

/* Names of the v4 calls. */
#define CARD_USER_USER "user"
#define CARD_USER_ADMIN "admin"

/* Roles (specification, "PIN operations"): a role is a PIN identifier; sets have the bit 1 << role. */
typedef DWORD PIN_ID;
typedef DWORD PIN_SET;
#define ROLE_EVERYONE 0u
#define ROLE_USER 1u
#define ROLE_ADMIN 2u
#define MAX_PINS 8u
#define CREATE_PIN_SET(id) ((PIN_SET)1 << (id))
#define PIN_SET_ALL_ROLES 0xFFu
#define IS_PIN_SET(set, id) ((CREATE_PIN_SET(id) & (set)) != 0)

typedef enum { AlphaNumericPinType, ExternalPinType, ChallengeResponsePinType, EmptyPinType } SECRET_TYPE;
typedef enum {
	AuthenticationPin,
	DigitalSignaturePin,
	EncryptionPin,
	NonRepudiationPin,
	AdministratorPin,
	PrimaryCardPin,
	UnblockOnlyPin
} SECRET_PURPOSE;
typedef enum { PinCacheNormal, PinCacheTimed, PinCacheNone, PinCacheAlwaysPrompt } PIN_CACHE_POLICY_TYPE;

#define PIN_INFO_CURRENT_VERSION 6u
#define PIN_INFO_REQUIRE_SECURE_ENTRY 1u

typedef struct {
	DWORD dwVersion;
	PIN_CACHE_POLICY_TYPE PinCachePolicyType;
	DWORD dwPinCachePolicyInfo; /* seconds, for PinCacheTimed */
} PIN_CACHE_POLICY;

typedef struct {
	DWORD dwVersion;
	SECRET_TYPE PinType;
	SECRET_PURPOSE PinPurpose;
	PIN_SET dwChangePermission;
	PIN_SET dwUnblockPermission;
	PIN_CACHE_POLICY PinCachePolicy;
	DWORD dwFlags;
} PIN_INFO;

/* Flags of pfnCardAuthenticateEx. */
#define CARD_PIN_SILENT_CONTEXT 0x40u
#define CARD_AUTHENTICATE_GENERATE_SESSION_PIN 0x10000000u
#define CARD_AUTHENTICATE_SESSION_PIN 0x20000000u

/* Flags of the v4 pfnCardUnblockPin and pfnCardChangeAuthenticator. */
#define CARD_AUTHENTICATE_PIN_CHALLENGE_RESPONSE 1u
#define CARD_AUTHENTICATE_PIN_PIN 2u

/* Flags of pfnCardChangeAuthenticatorEx: one of the first two; CARD_PIN_SILENT_CONTEXT as well. */
#define PIN_CHANGE_FLAG_UNBLOCK 1u
#define PIN_CHANGE_FLAG_CHANGEPIN 2u
/* The new key's algorithm, for a target that answers challenges; 0: as before. Not in the specification. */
#define PIN_CHANGE_KEY_ALGORITHM(algorithm) ((DWORD)(algorithm) << 8)
#define PIN_CHANGE_KEY_ALGORITHM_MASK 0xF00u

/* Keys that answer challenges. */
typedef enum {
	CardKeyUnknown,
	CardKey3Des112, /* 16 bytes */
	CardKey3Des,	/* 24 bytes */
	CardKeyAes128,
	CardKeyAes192,
	CardKeyAes256
} CARD_KEY_ALGORITHM;

/* Key specifications. */
#define AT_KEYEXCHANGE 1u
#define AT_SIGNATURE 2u
#define AT_ECDSA_P256 3u
#define AT_ECDSA_P384 4u
#define AT_ECDSA_P521 5u
#define AT_ECDHE_P256 6u
#define AT_ECDHE_P384 7u
#define AT_ECDHE_P521 8u
/* Not in the specification, and beyond what it will have. */
#define AT_EDDSA_25519 0x101u
#define AT_ECDHE_25519 0x102u

#define CARD_PADDING_NONE 1u
#define CARD_PADDING_PKCS1 2u
#define CARD_PADDING_PSS 4u
#define CARD_PADDING_OAEP 8u

#define CARD_BUFFER_SIZE_ONLY 0x20000000u
#define CARD_PADDING_INFO_PRESENT 0x40000000u

/* Hash names of the padding infos. */
#define BCRYPT_SHA1_ALGORITHM "SHA1"
#define BCRYPT_SHA224_ALGORITHM "SHA224"
#define BCRYPT_SHA256_ALGORITHM "SHA256"
#define BCRYPT_SHA384_ALGORITHM "SHA384"
#define BCRYPT_SHA512_ALGORITHM "SHA512"

typedef struct {
	const char *pszAlgId; /* NULL: the data is padded as it is, no DigestInfo */
} BCRYPT_PKCS1_PADDING_INFO;

typedef struct {
	const char *pszAlgId;
	DWORD cbSalt;
	const char *pszMgfAlgId;
} BCRYPT_PSS_PADDING_INFO;

typedef struct {
	const char *pszAlgId;
	const BYTE *pbLabel;
	DWORD cbLabel;
	const char *pszMgfAlgId;
} BCRYPT_OAEP_PADDING_INFO;

#define CARD_SIGNING_INFO_CURRENT_VERSION 2u
typedef struct {
	DWORD dwVersion;
	BYTE bContainerIndex;
	DWORD dwKeySpec;
	DWORD dwSigningFlags; /* CARD_PADDING_INFO_PRESENT, CARD_BUFFER_SIZE_ONLY */
	const BYTE *pbData;   /* a hash, or a whole block with CARD_PADDING_NONE */
	DWORD cbData;
	BYTE *pbSignedData; /* out: allocated; RSA: modulus length; ECDSA: r || s of fixed width */
	DWORD cbSignedData;
	const void *pPaddingInfo; /* by dwPaddingType; ignored for ECDSA */
	DWORD dwPaddingType;
} CARD_SIGNING_INFO;

#define CARD_RSA_DECRYPT_INFO_CURRENT_VERSION 2u
typedef struct {
	DWORD dwVersion;
	BYTE bContainerIndex;
	DWORD dwKeySpec;
	BYTE *pbData; /* in and out */
	DWORD cbData; /* in: modulus length; out: length of the result */
	const void *pPaddingInfo;
	DWORD dwPaddingType; /* CARD_PADDING_NONE gives the whole block */
} CARD_RSA_DECRYPT_INFO;

#define CARD_DH_AGREEMENT_INFO_VERSION 2u
typedef struct {
	DWORD dwVersion;
	BYTE bContainerIndex;
	DWORD dwFlags;			     /* 0 */
	const struct public_key *pPublicKey; /* of the other party, on the container's curve */
	BYTE bSecretAgreementIndex;	     /* out; good until destroyed or until the card is reset */
} CARD_DH_AGREEMENT_INFO;

#define BCRYPT_KDF_RAW_SECRET "TRUNCATE"

#define CARD_DERIVE_KEY_CURRENT_VERSION 2u
typedef struct {
	DWORD dwVersion;
	DWORD dwFlags; /* 0 */
	const char *pszKDF;
	BYTE bSecretAgreementIndex;
	BYTE *pbDerivedKey; /* out: allocated */
	DWORD cbDerivedKey;
} CARD_DERIVE_KEY;

/* Flags of pfnCardCreateContainerEx. */
#define CARD_CREATE_CONTAINER_KEY_GEN 1u
#define CARD_CREATE_CONTAINER_KEY_IMPORT 2u

/* Secure key injection: no minidriver serves it yet. */
typedef uintptr_t CARD_KEY_HANDLE;
typedef struct {
	BYTE *pbEncryptedData;
	DWORD cbEncryptedData;
} CARD_ENCRYPTED_DATA;

#define CONTAINER_INFO_CURRENT_VERSION 1u
typedef struct {
	DWORD dwVersion;
	struct public_key SigPublicKey; /* type KEY_NONE when the slot is empty */
	struct public_key KeyExPublicKey;
} CONTAINER_INFO;

typedef enum { InvalidDirAc, UserCreateDeleteDirAc, AdminCreateDeleteDirAc } CARD_DIRECTORY_ACCESS_CONDITION;
typedef enum {
	InvalidAc,
	EveryoneReadUserWriteAc,
	UserWriteExecuteAc,
	EveryoneReadAdminWriteAc,
	UnknownAc,
	UserReadWriteAc,
	AdminReadWriteAc
} CARD_FILE_ACCESS_CONDITION;

typedef struct {
	DWORD dwVersion;
	DWORD cbFileSize;
	CARD_FILE_ACCESS_CONDITION AccessCondition;
} CARD_FILE_INFO;

typedef struct {
	DWORD dwVersion;
	bool fCertificateCompression; /* the minidriver (de)compresses certificates itself */
	bool fKeyGen;
} CARD_CAPABILITIES;

typedef struct {
	DWORD dwVersion;
	DWORD dwBytesAvailable;
	DWORD dwKeyContainersAvailable;
	DWORD dwMaxKeyContainers;
} CARD_FREE_SPACE_INFO;

typedef struct {
	DWORD dwVersion;
	DWORD dwMinimumBitlen;
	DWORD dwDefaultBitlen;
	DWORD dwMaximumBitlen;
	DWORD dwIncrementalBitlen;
} CARD_KEY_SIZES;

/*
 * A new card. The key's algorithm decides its length; a card that does not know it answers SCARD_E_UNSUPPORTED_FEATURE.
 */
#define CARD_ID_LEN 16u
#define CARD_CREATE_INFO_CURRENT_VERSION 1u
typedef struct {
	DWORD dwVersion;
	BYTE bCardId[CARD_ID_LEN];
	const BYTE *pbUserPin;
	DWORD cbUserPin;
	DWORD cUserTries; /* 0: the card's own number */
	CARD_KEY_ALGORITHM AdminAlgorithm;
	const BYTE *pbAdminKey;
	DWORD cbAdminKey;
	const BYTE *pbPuk; /* NULL: none */
	DWORD cbPuk;
} CARD_CREATE_INFO;

#define CARD_CACHE_MODE_GLOBAL 1u
#define CARD_CACHE_MODE_SESSION 2u
#define CARD_CACHE_MODE_NONE 3u

/*
 * Properties of the card: name, type of the value, meaning of dwFlags. CP_CARD_GUID may be set by the administrator,
 * CP_PARENT_WINDOW and CP_PIN_CONTEXT_STRING by everybody.
 *
 * CP_CARD_LIST_PINS and CP_CARD_PIN_INFO of ROLE_USER answer from what is known without asking the card; a role that is
 * there for unblocking only may be found by asking for its own CP_CARD_PIN_INFO (SCARD_E_INVALID_PARAMETER: not there).
 */
#define CP_CARD_FREE_SPACE "Free Space"			    /* CARD_FREE_SPACE_INFO, 0 */
#define CP_CARD_CAPABILITIES "Capabilities"		    /* CARD_CAPABILITIES, 0 */
#define CP_CARD_KEYSIZES "Key Sizes"			    /* CARD_KEY_SIZES, key specification */
#define CP_CARD_READ_ONLY "Read Only Mode"		    /* bool, 0 */
#define CP_CARD_CACHE_MODE "Cache Mode"			    /* DWORD, 0 */
#define CP_CARD_GUID "Card Identifier"			    /* BYTE[16], 0 */
#define CP_CARD_SERIAL_NO "Card Serial Number"		    /* BYTE[], 0; optional */
#define CP_CARD_PIN_INFO "PIN Information"		    /* PIN_INFO, role */
#define CP_CARD_LIST_PINS "PIN List"			    /* PIN_SET, 0 */
#define CP_CARD_AUTHENTICATED_STATE "Authenticated State"   /* PIN_SET, 0; optional */
#define CP_CARD_PIN_STRENGTH_VERIFY "PIN Strength Verify"   /* DWORD, role */
#define CP_CARD_PIN_STRENGTH_CHANGE "PIN Strength Change"   /* not to be used */
#define CP_CARD_PIN_STRENGTH_UNBLOCK "PIN Strength Unblock" /* not to be used */
#define CP_PARENT_WINDOW "Parent Window"		    /* uintptr_t; can only be set */
#define CP_PIN_CONTEXT_STRING "PIN Context String"	    /* char[] or NULL; can only be set */
#define CP_ENUM_ALGORITHMS "Algorithms"			    /* of key injection, as the next */
#define CP_CHAINING_MODES "Chaining Modes"
#define CP_SUPPORTS_WIN_X509_ENROLLMENT "Supports Windows x.509 Enrollment" /* bool, 0 */
#define CP_PADDING_SCHEMES                                                                                             \
	"Padding Schemes" /* DWORD mask of CARD_PADDING_* that CardSignData and CardRSADecrypt serve, 0 */
#define CP_KEY_IMPORT_SUPPORT "Key Import Support" /* DWORD, 0 */
#define CP_CARD_PIN_TRIES "PIN Tries Left"	   /* CARD_PIN_TRIES, role; not in the specification */
#define CP_CARD_PIN_LIMITS "PIN Limits"		   /* CARD_PIN_LIMITS, role; not in the specification */
#define CP_CARD_NAME "Card Name"		   /* char[], with NUL, 0: model for people; not in the specification */
#define CP_CARD_CHALLENGE_KEY "Challenge Key"	   /* CARD_CHALLENGE_KEY, role; not in the specification */
/*
 * What only some cards have; can only be set. The first wants both administrator and user authenticated, and gives PIN and
 * PUK their factory values; the second makes the whole card as it came from the factory, where it is in the state for it
 * (SCARD_W_SECURITY_VIOLATION: it is not).
 */
#define CP_CARD_PIN_RETRIES "PIN Retries" /* CARD_PIN_RETRIES, 0; not in the specification */
#define CP_CARD_RESET "Reset"		  /* nothing, 0; not in the specification */
#define CARD_PIN_STRENGTH_PLAINTEXT 1u
#define CARD_PIN_STRENGTH_SESSION_PIN 2u

typedef struct {
	DWORD dwLeft; /* CARD_DATA_VALUE_UNKNOWN when the card does not tell */
	DWORD dwMax;  /* likewise */
} CARD_PIN_TRIES;

typedef struct {
	DWORD dwPin, dwPuk; /* wrong ones until it is blocked, 1..255 */
} CARD_PIN_RETRIES;

typedef struct {
	DWORD dwMinLength; /* bytes */
	DWORD dwMaxLength;
} CARD_PIN_LIMITS;

typedef struct {
	CARD_KEY_ALGORITHM Algorithm;
	DWORD cbKey;
} CARD_CHALLENGE_KEY;

/* Properties of a container. */
#define CCP_CONTAINER_INFO "Container Info"	      /* CONTAINER_INFO */
#define CCP_PIN_IDENTIFIER "PIN Identifier"	      /* PIN_ID; may be set */
#define CCP_ASSOCIATED_ECDH_KEY "Associated ECDH Key" /* BYTE, a container; may be set */
#define CCP_KEY_NAMES "Key Names"		      /* CARD_KEY_NAMES; optional; not in the specification */

/*
 * CONTAINER_INFO as the minidriver knows it, or has it from the cache, without a question to the card: for the use of a key, which
 * shows whether it is so; what is shown to anybody is CCP_CONTAINER_INFO. SCARD_E_NO_KEY_CONTAINER when it knows
 * nothing. Optional; not in the specification.
 */
#define CCP_KNOWN_INFO "Known Container Info"

/* What everybody calls the key, on cards whose containers have fixed meanings. */
typedef struct {
	BYTE bNumber;
	char szName[32]; /* as in "certificate for ...", with its NUL */
} CARD_KEY_NAMES;

typedef struct card_data CARD_DATA;

typedef void *(*PFN_CSP_ALLOC)(size_t size);
typedef void *(*PFN_CSP_REALLOC)(void *block, size_t size);
typedef void (*PFN_CSP_FREE)(void *block);
/*
 * Pads the data of a CARD_SIGNING_INFO with PKCS#1 v1.5 or PSS (dwPaddingType) to a block of cbMaxWidth bytes, the
 * modulus length; modulus_bits is the exact size, which PSS needs. The block is allocated, the minidriver frees it.
 * SCARD_E_INVALID_PARAMETER when the data does not fit, SCARD_E_UNSUPPORTED_FEATURE for an unknown hash or padding.
 */
typedef DWORD (*PFN_CSP_PAD_DATA)(CARD_DATA *card, const CARD_SIGNING_INFO *pSigningInfo, DWORD modulus_bits,
				  DWORD *pcbPaddedBuffer, BYTE **ppbPaddedBuffer);
/* The first three bytes of a block of zeros (AES: of ones, 01) encrypted by the key. May be NULL; the check value is then left out. */
typedef DWORD (*PFN_CSP_KEY_CHECK_VALUE)(CARD_DATA *card, CARD_KEY_ALGORITHM algorithm, const BYTE *pbKey, DWORD cbKey,
					 BYTE ret_value[3]);
/*
 * Removes PKCS#1 v1.5 or OAEP padding from the raw block in a CARD_RSA_DECRYPT_INFO, in place, in constant time but
 * for the result. Every kind of bad OAEP padding is SCARD_E_INVALID_PARAMETER; bad PKCS#1 v1.5 padding gives a message
 * that looks random (implicit rejection).
 */
typedef DWORD (*PFN_CSP_UNPAD_DATA)(CARD_DATA *card, CARD_RSA_DECRYPT_INFO *pDecryptInfo);
/*
 * The cache: may be NULL, and are not called in CardAcquireContext nor to read cardid and cardcf. Tags are a driver's own,
 * of at most LIMIT_CACHE_TAG characters. Adding copies, and replaces; looking up gives an allocated copy, or
 * SCARD_W_CACHE_ITEM_NOT_FOUND. SCARD_W_CACHE_ITEM_TOO_BIG. dwFlags: 0. What fails changes nothing but what it costs.
 * What is found was true for the card's identifier and counters; of a card without counters (CARD_CACHE_MODE_NONE), for its
 * identifier at some time, and the minidriver compares it with the card before it shows it to anybody.
 */
typedef DWORD (*PFN_CSP_CACHE_ADD_FILE)(void *pvCacheContext, const char *pszTag, DWORD dwFlags, const BYTE *pbData,
					DWORD cbData);
typedef DWORD (*PFN_CSP_CACHE_LOOKUP_FILE)(void *pvCacheContext, const char *pszTag, DWORD dwFlags, BYTE **ppbData,
					   DWORD *pcbData);
typedef DWORD (*PFN_CSP_CACHE_DELETE_FILE)(void *pvCacheContext, const char *pszTag, DWORD dwFlags);

/*
 * The host's half of a key agreement on P-256, made for this once: ret_own is its point, ret_stream gets cbStream bytes (64
 * at most) that only the card can make as well (ANSI X9.63 with SHA-256 over the card's point, then ours), which are
 * secret. Points are 04 || X || Y. SCARD_E_INVALID_PARAMETER for a point of the card's that is not on the curve. May be
 * NULL; there are no session PINs then where a card wants this.
 */
#define CARD_AGREE_POINT 65u
typedef DWORD (*PFN_CSP_AGREE)(CARD_DATA *card, const BYTE pbPeer[CARD_AGREE_POINT], BYTE ret_own[CARD_AGREE_POINT],
			       BYTE *ret_stream, DWORD cbStream);

struct card_data {
	DWORD dwVersion;
	const BYTE *pbAtr;
	DWORD cbAtr;
	const char *pszCardName;
	PFN_CSP_ALLOC pfnCspAlloc;
	PFN_CSP_REALLOC pfnCspReAlloc;
	PFN_CSP_FREE pfnCspFree;
	PFN_CSP_PAD_DATA pfnCspPadData;
	PFN_CSP_UNPAD_DATA pfnCspUnpadData;
	PFN_CSP_KEY_CHECK_VALUE pfnCspKeyCheckValue;
	PFN_CSP_AGREE pfnCspAgree;
	PFN_CSP_CACHE_ADD_FILE pfnCspCacheAddFile;
	PFN_CSP_CACHE_LOOKUP_FILE pfnCspCacheLookupFile;
	PFN_CSP_CACHE_DELETE_FILE pfnCspCacheDeleteFile;
	void *pvCacheContext;
	struct io *io;
	void *pvVendorSpecific;

	/* clang-format off */
	/* Version 4. ------------------------------------------------------------------------------------------------ */
	DWORD (*pfnCardDeleteContext)(CARD_DATA *card);
	DWORD (*pfnCardQueryCapabilities)(CARD_DATA *card, CARD_CAPABILITIES *pCapabilities);
	/* The keys only: certificate files and the container map are the caller's. Success for an empty container. */
	DWORD (*pfnCardDeleteContainer)(CARD_DATA *card, BYTE bContainerIndex, DWORD dwReserved);
	DWORD (*pfnCardCreateContainer)(CARD_DATA *card, BYTE bContainerIndex, DWORD dwFlags, DWORD dwKeySpec,
					DWORD dwKeySize, const struct private_key *pKeyData);
	DWORD (*pfnCardGetContainerInfo)(CARD_DATA *card, BYTE bContainerIndex, DWORD dwFlags,
					 CONTAINER_INFO *pContainerInfo);
	DWORD (*pfnCardAuthenticatePin)(CARD_DATA *card, const char *pszUserId, const BYTE *pbPin, DWORD cbPin,
					DWORD *pcAttemptsRemaining);
	DWORD (*pfnCardGetChallenge)(CARD_DATA *card, BYTE **ppbChallenge, DWORD *pcbChallenge);
	DWORD (*pfnCardAuthenticateChallenge)(CARD_DATA *card, const BYTE *pbResponse, DWORD cbResponse,
					      DWORD *pcAttemptsRemaining);
	DWORD (*pfnCardUnblockPin)(CARD_DATA *card, const char *pszUserId, const BYTE *pbAuthenticationData,
				   DWORD cbAuthenticationData, const BYTE *pbNewPin, DWORD cbNewPin,
				   DWORD cRetryCount, DWORD dwFlags);
	DWORD (*pfnCardChangeAuthenticator)(CARD_DATA *card, const char *pszUserId, const BYTE *pbCurrent,
					    DWORD cbCurrent, const BYTE *pbNew, DWORD cbNew, DWORD cRetryCount,
					    DWORD dwFlags, DWORD *pcAttemptsRemaining);
	DWORD (*pfnCardDeauthenticate)(CARD_DATA *card, const char *pszUserId, DWORD dwFlags);
	/*
	 * Directories and files. SCARD_W_SECURITY_VIOLATION: the role that may do it is not authenticated.
	 * SCARD_E_WRITE_TOO_MANY: no room.
	 */
	/* ERROR_FILE_EXISTS, also for a file of that name in the root; SCARD_E_UNSUPPORTED_FEATURE for an access condition. */
	DWORD (*pfnCardCreateDirectory)(CARD_DATA *card, const char *pszDirectory, CARD_DIRECTORY_ACCESS_CONDITION ac);
	/* SCARD_E_DIR_NOT_FOUND, ERROR_DIR_NOT_EMPTY. */
	DWORD (*pfnCardDeleteDirectory)(CARD_DATA *card, const char *pszDirectory);
	/* A file of cbInitial zero bytes. ERROR_FILE_EXISTS, SCARD_E_DIR_NOT_FOUND. */
	DWORD (*pfnCardCreateFile)(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD cbInitial,
				   CARD_FILE_ACCESS_CONDITION ac);
	/* Whole content, allocated; *pcbData 0 with a non-NULL *ppbData for an empty file. pszDirectory NULL is the root. */
	DWORD (*pfnCardReadFile)(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD dwFlags,
				 BYTE **ppbData, DWORD *pcbData);
	/* Replaces the content of a file that exists. SCARD_E_FILE_NOT_FOUND, SCARD_E_DIR_NOT_FOUND; the next one too. */
	DWORD (*pfnCardWriteFile)(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD dwFlags,
				  const BYTE *pbData, DWORD cbData);
	DWORD (*pfnCardDeleteFile)(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD dwFlags);
	/* Names of a directory, each with its NUL, and one more NUL; SCARD_E_FILE_NOT_FOUND when there is none. */
	DWORD (*pfnCardEnumFiles)(CARD_DATA *card, const char *pszDirectory, char **pmszFiles, DWORD *pcbFiles,
				  DWORD dwFlags);
	DWORD (*pfnCardGetFileInfo)(CARD_DATA *card, const char *pszDirectory, const char *pszFile,
				    CARD_FILE_INFO *pInfo);
	DWORD (*pfnCardQueryFreeSpace)(CARD_DATA *card, DWORD dwFlags, CARD_FREE_SPACE_INFO *pInfo);
	DWORD (*pfnCardQueryKeySizes)(CARD_DATA *card, DWORD dwKeySpec, DWORD dwFlags, CARD_KEY_SIZES *pKeySizes);
	DWORD (*pfnCardSignData)(CARD_DATA *card, CARD_SIGNING_INFO *pInfo);
	DWORD (*pfnCardRSADecrypt)(CARD_DATA *card, CARD_RSA_DECRYPT_INFO *pInfo);
	/*
	 * SCARD_E_INVALID_PARAMETER for another curve or a KDF that is not known, SCARD_E_NO_KEY_CONTAINER,
	 * SCARD_W_SECURITY_VIOLATION.
	 */
	DWORD (*pfnCardConstructDHAgreement)(CARD_DATA *card, CARD_DH_AGREEMENT_INFO *pAgreementInfo);

	/* Version 5. ------------------------------------------------------------------------------------------------ */
	DWORD (*pfnCardDeriveKey)(CARD_DATA *card, CARD_DERIVE_KEY *pAgreementInfo);
	DWORD (*pfnCardDestroyDHAgreement)(CARD_DATA *card, BYTE bSecretAgreementIndex, DWORD dwFlags);

	/* Version 6. ------------------------------------------------------------------------------------------------ */
	/*
	 * A challenge of the card for a role whose PIN is of that type, allocated; SCARD_E_INVALID_PARAMETER for
	 * another type. It stays good for one response and until the card gets any other command, over the end of a
	 * transaction, too, if the caller ends it without a command.
	 */
	DWORD (*pfnCardGetChallengeEx)(CARD_DATA *card, PIN_ID PinId, BYTE **ppbChallenge, DWORD *pcbChallenge,
				       DWORD dwFlags);
	/*
	 * SCARD_W_WRONG_CHV with the attempts left in *pcAttemptsRemaining (CARD_DATA_VALUE_UNKNOWN when the card does
	 * not tell), SCARD_W_CHV_BLOCKED with 0, SCARD_E_INVALID_PARAMETER for a PIN that this card cannot have (too
	 * short, too long, empty): the card is not asked then.
	 * pbPinData NULL with 0 bytes for a PIN of external type: the reader asks for it. SCARD_W_CANCELLED_BY_USER,
	 * SCARD_E_TIMEOUT, and SCARD_E_INVALID_PARAMETER with CARD_PIN_SILENT_CONTEXT.
	 * For a role that answers challenges the data are the response; SCARD_E_INVALID_VALUE when no challenge is
	 * outstanding any more, which costs nothing. When the authentication was mutual, *ppbSessionPin (may be NULL)
	 * gets the card's own cryptogram, allocated: what it decrypts to begins with the second block of 16 bytes of
	 * the challenge, then the first, so that a caller with the key can tell that the card has it, too. Otherwise it
	 * becomes NULL.
	 */
	DWORD (*pfnCardAuthenticateEx)(CARD_DATA *card, PIN_ID PinId, DWORD dwFlags, const BYTE *pbPinData,
				       DWORD cbPinData, BYTE **ppbSessionPin, DWORD *pcbSessionPin,
				       DWORD *pcAttemptsRemaining);
	/*
	 * PIN_CHANGE_FLAG_CHANGEPIN: AuthPinId is TargetPinId, pbAuthData the old PIN, or the response to an outstanding
	 * challenge for a role that has a key; the role is authenticated afterwards, and not if it fails. PIN_CHANGE_FLAG_UNBLOCK: pbAuthData
	 * is the PIN of AuthPinId, or its response; nobody is authenticated afterwards, whatever the outcome. Both data
	 * NULL for a PIN of external type that is changed at the reader. cRetryCount 0 or CARD_DATA_VALUE_UNKNOWN: as
	 * many tries as before; SCARD_E_INVALID_PARAMETER for another number on a card that cannot set it.
	 * Codes as pfnCardAuthenticateEx, of AuthPinId; SCARD_E_INVALID_CHV when the card does not take the new value,
	 * which it may find out only after the old one was right.
	 */
	DWORD (*pfnCardChangeAuthenticatorEx)(CARD_DATA *card, DWORD dwFlags, PIN_ID AuthPinId, const BYTE *pbAuthData,
					      DWORD cbAuthData, PIN_ID TargetPinId, const BYTE *pbTargetData,
					      DWORD cbTargetData, DWORD cRetryCount, DWORD *pcAttemptsRemaining);
	DWORD (*pfnCardDeauthenticateEx)(CARD_DATA *card, PIN_SET PinId, DWORD dwFlags);
	DWORD (*pfnCardGetContainerProperty)(CARD_DATA *card, BYTE bContainerIndex, const char *pszProperty,
					     BYTE *pbData, DWORD cbData, DWORD *pdwDataLen, DWORD dwFlags);
	/* CCP_PIN_IDENTIFIER: SCARD_W_SECURITY_VIOLATION for ROLE_ADMIN, which can never guard a key. */
	DWORD (*pfnCardSetContainerProperty)(CARD_DATA *card, BYTE bContainerIndex, const char *pszProperty,
					     const BYTE *pbData, DWORD cbData, DWORD dwFlags);
	DWORD (*pfnCardGetProperty)(CARD_DATA *card, const char *pszProperty, BYTE *pbData, DWORD cbData,
				    DWORD *pdwDataLen, DWORD dwFlags);
	/*
	 * SCARD_E_UNSUPPORTED_FEATURE for what cannot be set on this card, SCARD_W_SECURITY_VIOLATION,
	 * SCARD_E_INVALID_PARAMETER for a wrong size or an unknown name.
	 */
	DWORD (*pfnCardSetProperty)(CARD_DATA *card, const char *pszProperty, const BYTE *pbData, DWORD cbData,
				    DWORD dwFlags);

	/* Version 7. ------------------------------------------------------------------------------------------------ */
	DWORD (*pfnMDImportSessionKey)(CARD_DATA *card, const char *pszBlobType, const char *pszAlgId,
				       CARD_KEY_HANDLE *phKey, const BYTE *pbInput, DWORD cbInput);
	DWORD (*pfnMDEncryptData)(CARD_DATA *card, CARD_KEY_HANDLE hKey, const char *pszSecureFunction,
				  const BYTE *pbInput, DWORD cbInput, DWORD dwFlags,
				  CARD_ENCRYPTED_DATA **ppEncryptedData, DWORD *pcEncryptedData);
	DWORD (*pfnCardImportSessionKey)(CARD_DATA *card, BYTE bContainerIndex, const void *pPaddingInfo,
					 const char *pszBlobType, const char *pszAlgId, CARD_KEY_HANDLE *phKey,
					 const BYTE *pbInput, DWORD cbInput, DWORD dwFlags);
	DWORD (*pfnCardGetSharedKeyHandle)(CARD_DATA *card, const BYTE *pbInput, DWORD cbInput, BYTE **ppbOutput,
					   DWORD *pcbOutput, CARD_KEY_HANDLE *phKey);
	DWORD (*pfnCardGetAlgorithmProperty)(CARD_DATA *card, const char *pszAlgId, const char *pszProperty,
					     BYTE *pbData, DWORD cbData, DWORD *pdwDataLen, DWORD dwFlags);
	DWORD (*pfnCardGetKeyProperty)(CARD_DATA *card, CARD_KEY_HANDLE hKey, const char *pszProperty, BYTE *pbData,
				       DWORD cbData, DWORD *pdwDataLen, DWORD dwFlags);
	DWORD (*pfnCardSetKeyProperty)(CARD_DATA *card, CARD_KEY_HANDLE hKey, const char *pszProperty,
				       const BYTE *pbData, DWORD cbData, DWORD dwFlags);
	DWORD (*pfnCardDestroyKey)(CARD_DATA *card, CARD_KEY_HANDLE hKey);
	DWORD (*pfnCardProcessEncryptedData)(CARD_DATA *card, CARD_KEY_HANDLE hKey, const char *pszSecureFunction,
					     const CARD_ENCRYPTED_DATA *pEncryptedData, DWORD cEncryptedData,
					     BYTE *pbOutput, DWORD cbOutput, DWORD *pdwOutputLen, DWORD dwFlags);
	/*
	 * dwFlags: exactly one of CARD_CREATE_CONTAINER_*; an existing key in the slot is replaced, and the other slot of
	 * the container stays as it is. dwKeySize: bits of an RSA key; 0 for elliptic curves, whose size is in the key
	 * specification; 0 for an import, too, if the caller does not care. pKeyData: NULL unless imported.
	 * SCARD_E_NO_KEY_CONTAINER for an index that the card does not have, SCARD_E_UNSUPPORTED_FEATURE,
	 * SCARD_E_UNEXPECTED for a key that is not what was asked for; nothing of it stays then.
	 */
	DWORD (*pfnCardCreateContainerEx)(CARD_DATA *card, BYTE bContainerIndex, DWORD dwFlags, DWORD dwKeySpec,
					  DWORD dwKeySize, const struct private_key *pKeyData, PIN_ID PinId);

	/* Not in the specification. --------------------------------------------------------------------------------- */
	/* SCARD_E_UNKNOWN_CARD when the application is not there any more. */
	DWORD (*pfnCardReconnect)(CARD_DATA *card);
	/*
	 * A card that was never set up gets PINs, keys of the administrator, access rules, and the file system of a new
	 * card (cardid, cardcf, cardapps, mscp, mscp\cmapfile), and nobody is authenticated afterwards; one whose secrets
	 * are set, but without a file system, gets only this, by the administrator, who is authenticated already
	 * (otherwise SCARD_W_SECURITY_VIOLATION), and nothing but the card identifier is looked at. A card left half made
	 * is completed by the same call. ERROR_FILE_EXISTS for one with a file system: such a card is emptied with the
	 * calls for containers and files, and keeps its secrets and access rules. SCARD_E_INVALID_PARAMETER for a PIN or
	 * key that the card does not take.
	 */
	DWORD (*pfnCardCreateCard)(CARD_DATA *card, const CARD_CREATE_INFO *pInfo);

	bool fReadOnly;		/* the minidriver's word, when the context is acquired: nothing on the card can change */
	DWORD dwTransaction;
	void *pvCspContext;	/* the callbacks' own */
	void *pvRegistry;	/* the registry's own */
	/* clang-format on */
};

/*
 * What a minidriver offers to the registry. Fills the function table and pvVendorSpecific, selects the application.
 * SCARD_E_UNKNOWN_CARD when the card is not one of its own; SCARD_E_INVALID_PARAMETER, ERROR_REVISION_MISMATCH.
 */
typedef DWORD (*PFN_CARD_ACQUIRE_CONTEXT)(CARD_DATA *card, DWORD dwFlags);

#endif
