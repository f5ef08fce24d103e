/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PIV minidriver (SP 800-73-4, with the extensions that tokens of the field have in common): what its files share.
 * A PIV card has no file system: its data objects and keys are shown as the files and containers of the interface.
 *
 * A PIV card has no counter of changes either. What is kept of it as long as the context lives is believed so (for what the
 * cache has beyond that see cache.c):
 *  - within one transaction, everything: nobody else can talk to the card;
 *  - in a later one, only after the CHUID was read again and is the same; another one, or a card that was reset in between,
 *    ends the belief in everything but certificates;
 *  - a certificate, once in each transaction in which somebody asks for it, if the first piece of its object (length,
 *    serial number, issuer, begin of validity) is the same; otherwise it is read again;
 *  - that a slot is empty: for PIV_EMPTY_MS.
 */
#ifndef PIV_PIV_H
#define PIV_PIV_H

#include "cardmod.h"
#include "check.h"
#include "iso7816/apdu.h"

#define PIV_INS_VERIFY 0x20u
#define PIV_INS_CHANGE 0x24u
#define PIV_INS_RESET_RETRY 0x2Cu
#define PIV_INS_GENERATE 0x47u
#define PIV_INS_AUTHENTICATE 0x87u
#define PIV_INS_GET_DATA 0xCBu
#define PIV_INS_PUT_DATA 0xDBu
/* Extensions. */
#define PIV_INS_METADATA 0xF7u
#define PIV_INS_SERIAL 0xF8u
#define PIV_INS_VERSION 0xFDu
#define PIV_INS_ATTEST 0xF9u
#define PIV_INS_SET_RETRIES 0xFAu
#define PIV_INS_RESET 0xFBu
#define PIV_INS_IMPORT 0xFEu
#define PIV_INS_SET_MANAGEMENT_KEY 0xFFu

/* Tags of data objects (SP 800-73-4 part 1, table 3). */
#define PIV_CHUID 0x5FC102u
#define PIV_DISCOVERY 0x7Eu
#define PIV_KEY_HISTORY 0x5FC10Cu
/* Parts of the roots, as one maker's Windows driver has them. */
#define PIV_MSROOTS_FIRST 0x5FFF11u
#define PIV_MSROOTS_COUNT 5u

#define PIV_GUID_LEN 16u
#define PIV_NAME_BYTES 80u /* of a container, in the container map */
/* Where all data objects are files, named by their tags; nobody is told of it by cardapps. */
#define PIV_DIRECTORY "piv"
#define PIV_PIN_MIN 6u
#define PIV_PIN_MAX 8u

/* The roles that Windows' class driver adds. */
#define PIV_ROLE_ALWAYS 3u
#define PIV_ROLE_PUK 4u

#define PIV_REFERENCE_GLOBAL 0x00u
#define PIV_REFERENCE_PIN 0x80u
#define PIV_REFERENCE_PUK 0x81u
#define PIV_REFERENCE_MANAGEMENT 0x9Bu

/* How long a slot without a key is believed to be empty. */
#define PIV_EMPTY_MS 2000u
/*
 * How long the cache is believed which retired slots of a card without key history are empty, and that there are no roots. To
 * ask costs up to twenty exchanges, and few people ever put something there.
 */
#define PIV_RECENT_SECONDS 600u

/* table.c: what the card edge fixes ---------------------------------------------------------------------------------- */

/* Containers: 9A, 9C, 9D, 9E, then the retired keys 82..95. The index is a function of the key reference. */
#define PIV_SLOTS 24u
#define PIV_SLOT_AUTHENTICATION 0u
#define PIV_SLOT_SIGNATURE 1u
#define PIV_SLOT_MANAGEMENT 2u
#define PIV_SLOT_CARD 3u
#define PIV_SLOT_RETIRED 4u
#define PIV_RETIRED 20u

uint8_t piv_slot_reference(BYTE index);
uint32_t piv_slot_certificate(BYTE index);
/* Which of its container's two keys a key is (SP 800-73-4 has no such thing; as Windows shows it). */
bool piv_slot_exchange(BYTE index, enum key_type type);
/* The role of a key whose policy is the card edge's own. */
PIN_ID piv_slot_role(BYTE index);
/* What people call the key: "PIV Authentication", "Retired Key 1". */
void piv_slot_name(BYTE index, char ret_name[32]);

/* Algorithm identifiers (SP 800-78-4, table 6-2, and what tokens add). */
#define PIV_3DES 0x03u
#define PIV_RSA3072 0x05u
#define PIV_RSA1024 0x06u
#define PIV_RSA2048 0x07u
#define PIV_AES128 0x08u
#define PIV_AES192 0x0Au
#define PIV_AES256 0x0Cu
#define PIV_P256 0x11u
#define PIV_P384 0x14u
#define PIV_RSA4096 0x16u
#define PIV_ED25519 0xE0u
#define PIV_X25519 0xE1u

/* 0 for what is no algorithm of a key pair. */
unsigned piv_algorithm_bits(uint8_t algorithm);
bool piv_algorithm_is_rsa(uint8_t algorithm);
/* KEY_NONE for what is no algorithm of a key pair. */
enum key_type piv_algorithm_type(uint8_t algorithm);
uint8_t piv_algorithm_of(enum key_type type, unsigned bits);

/* session.c: the conversation with the card ----------------------------------------------------------------------------- */

/* What is not asked twice. */
enum piv_known { PIV_NOT_ASKED, PIV_NO, PIV_YES };

struct piv_key {
	enum piv_known used;
	uint8_t algorithm; /* 0: a key, but nobody says which */
	PIN_ID role;
	bool exchange;	   /* it is the key exchange key of its container, otherwise the signature key */
	bool doubted;	   /* the card refused what the role should have allowed */
	bool made_file;	   /* a certificate file was created and not written yet */
	bool unread;	   /* the card told of the key itself; nobody has looked for a certificate yet */
	bool recalled;	   /* likewise, and it was not this card in this context that told, but the cache */
	struct buf object; /* the certificate's object, as the card gave it; empty without one */
	struct public_key public;
	DWORD compared; /* transaction in which the object was read or compared */
};

struct piv_history {
	enum piv_known read; /* PIV_NO: the card has no such object */
	uint8_t on_card, off_card;
	struct buf rest; /* what follows the numbers: where certificates off the card are */
};

/* A shared secret on its way to its owner. */
#define PIV_AGREEMENTS 4u

struct piv {
	CARD_DATA *card; /* whose allocator and callbacks count */
	struct channel ch;
	bool any_pin; /* takes PINs of other characters than digits */

	DWORD transaction;
	bool selected;	    /* in this transaction PIV is the selected application */
	bool chuid_current; /* the CHUID was read in this transaction */
	bool presented;	    /* a PIN was sent since the context was made */
	PIN_SET authenticated;
	struct secret shown_pin; /* as the card got it, when it was right in this transaction */
	uint32_t shown_exchange; /* of the connection, after that */

	bool chuid_known;
	struct buf chuid;	    /* as the card gave it; empty when there is none */
	uint8_t guid[PIV_GUID_LEN]; /* cardid */
	bool guid_known;

	enum piv_known metadata, attestation; /* what the card can */
	enum piv_known curve25519;	      /* likewise: keys of Ed25519 and X25519 */
	uint8_t pin_reference;		      /* 80 or 00 */
	bool pin_reference_known;
	bool pin_reference_recalled; /* by the cache; no PIN was right yet */

	struct piv_key keys[PIV_SLOTS];
	uint32_t kept_exchange; /* keys that stay what they are in this context, whatever their new certificate says */
	uint64_t empty_ms;	/* when empty slots were last asked about; 0 never */
	struct piv_history history;

	enum piv_known roots_read;
	struct buf roots;
	bool made_roots;	     /* created and not written yet */
	enum piv_known holder_roots; /* the holder's, which the card does not get; PIV_NO: he deleted them */
	struct buf simulated_roots;

	uint8_t management_algorithm; /* of the management key, 0 not known */
	bool challenged;	      /* a challenge is outstanding */

	/* what was written and has no place on the card */
	struct buf cardcf;
	bool named[PIV_SLOTS], default_named;
	uint8_t names[PIV_SLOTS][PIV_NAME_BYTES];
	BYTE default_index;

	struct secret agreements[PIV_AGREEMENTS];
};

/* The context of a card, brought to the caller's transaction. NULL when there is none. */
struct piv *piv_context(CARD_DATA *card);
/* SELECT. Keys, certificates and identity are doubted afterwards, authentication is lost. SCARD_E_UNKNOWN_CARD. */
DWORD piv_select(struct piv *p);
/* After a reset: nothing is believed but what can be compared with the card. */
void piv_doubt(struct piv *p);
/* Forgets all that was read. */
void piv_forget_card(struct piv *p);
/* What was read of objects is read again. */
void piv_forget_objects(struct piv *p);
/*
 * Makes sure that PIV is selected; in a later transaction also that this is the card that was read: everything is forgotten
 * when its CHUID is another one. One exchange for each transaction, none in the first.
 */
DWORD piv_confirm(struct piv *p);
/* The same, and that the CHUID was read in this transaction. */
DWORD piv_know(struct piv *p);
/* True when the card itself said no, as against trouble on the way and success. */
bool piv_refused(uint16_t sw);
/* True for an instruction that the card does not have. */
bool piv_unknown_instruction(uint16_t sw);

/* object.c: data objects, and what is in them --------------------------------------------------------------------------- */

/*
 * A data object whole, with tag and length. SCARD_E_FILE_NOT_FOUND for none and for an empty one,
 * SCARD_W_SECURITY_VIOLATION, SCARD_E_UNEXPECTED for damage and other refusals.
 */
DWORD piv_object_read(struct piv *p, uint32_t tag, struct buf *ret_object);
/* Whether the card still has this object, by its first piece. Codes as above. */
DWORD piv_object_compare(struct piv *p, uint32_t tag, struct cursor object, bool *ret_same);
/* The content of an object. */
bool piv_object_content(struct cursor object, uint32_t tag, struct cursor *ret_content);
/*
 * Writes an object; no content deletes it. SCARD_W_SECURITY_VIOLATION, SCARD_E_WRITE_TOO_MANY, SCARD_E_UNSUPPORTED_FEATURE for an
 * object that the card does not have.
 */
DWORD piv_object_write(struct piv *p, uint32_t tag, struct cursor content);

/* cardid: the GUID of the CHUID, or what else tells cards apart. */
DWORD piv_identity(struct piv *p, uint8_t ret_guid[PIV_GUID_LEN]);
/* The serial number that tokens have; empty when there is none. */
DWORD piv_serial_read(struct piv *p, struct buf *ret_serial);
/* Which of the PIN references counts; asks the card once. */
DWORD piv_pin_reference(struct piv *p, uint8_t *ret_reference);
/* The same, as the cache has it if it does: for a VERIFY, which tells whether that was right. */
DWORD piv_pin_reference_recall(struct piv *p, uint8_t *ret_reference);
/* What the key history says, read once. */
DWORD piv_history_read(struct piv *p);

/* Makes the history, if there is one, count a retired key. */
DWORD piv_history_count(struct piv *p, BYTE index);

/* cert.c: certificates as bytes -------------------------------------------------------------------------------------------- */

/* DER of the certificate in a certificate object, inflated if need be. False when it is damaged. */
bool piv_cert_der(struct cursor object, struct buf *ret_der);
/* Content of a certificate object for a DER certificate. */
void piv_cert_object(struct cursor der, struct buf *ret_content);

struct piv_cert {
	struct public_key key; /* KEY_NONE for one of a kind that the project does not know */
	bool has_usage;
	bool agrees; /* key usage says key agreement */
};

/* False when it is no certificate (RFC 5280, 4.1). */
bool piv_cert_parse(struct cursor der, struct piv_cert *ret_cert);

/* metadata.c: what tokens tell of a key beyond the standard ------------------------------------------------------------------ */

struct piv_metadata {
	uint8_t algorithm;  /* 0: no key */
	uint8_t pin_policy; /* 0 the slot's own, 1 never, 2 once, 3 always */
	bool has_public;
	struct public_key public;
};

/* An answer to the question for metadata. False when it is that of an empty slot. */
bool piv_metadata_decode(struct cursor answer, struct piv_metadata *ret_metadata);
/* SCARD_E_NO_KEY_CONTAINER for an empty slot, SCARD_E_UNSUPPORTED_FEATURE when the card does not tell (remembered). */
DWORD piv_metadata_read(struct piv *p, uint8_t reference, struct piv_metadata *ret_metadata);
/* The public key by the card's own certificate of it; codes as piv_metadata_read(). */
DWORD piv_attestation_read(struct piv *p, uint8_t reference, struct public_key *ret_public);
/* Whether the card is a token that has keys of Ed25519 and X25519: by its version, asked for once. */
DWORD piv_curve25519_known(struct piv *p, bool *ret_has);
/*
 * Public key data objects (SP 800-73-4 part 2, table 11), as metadata and key generation have them. What is in them depends
 * on the algorithm; false for another key.
 */
bool piv_public_decode(struct cursor parts, uint8_t algorithm, struct public_key *ret_public);

/* cache.c: what is kept beyond the context, which is nothing with a caller that has no cache --------------------------------- */

/*
 * What the card said once under this CHUID: objects whole, metadata, the reference of the PIN. Nobody asks the card whether it
 * still does: that is the caller's affair. False when nothing is kept.
 */
bool piv_cache_object(const struct piv *p, uint32_t object, struct buf *ret_object);
bool piv_cache_metadata(const struct piv *p, uint8_t reference, struct piv_metadata *ret_metadata);
bool piv_cache_pin_reference(const struct piv *p, uint8_t *ret_reference);
/* Keeps an answer in place of an older one; no bytes: forgets it. */
void piv_cache_keep_object(const struct piv *p, uint32_t object, struct cursor content);
void piv_cache_keep_metadata(const struct piv *p, uint8_t reference, struct cursor answer);
void piv_cache_keep_pin_reference(const struct piv *p, uint8_t reference);
void piv_cache_forget_pin_reference(const struct piv *p);
/* For PIV_RECENT_SECONDS since it was kept: retired slots, bits by index, that were empty; that there were no roots. */
bool piv_cache_empty(const struct piv *p, uint32_t *ret_slots);
bool piv_cache_no_roots(const struct piv *p);
/* They have just been asked for. */
void piv_cache_keep_empty(const struct piv *p, uint32_t slots);
void piv_cache_keep_no_roots(const struct piv *p);
/* Somebody has written to the card: both go. */
void piv_cache_forget_recent(const struct piv *p);

/* slot.c ----------------------------------------------------------------------------------------------------------------------- */

/* Whether a code says that the card answered, as against trouble on the way. */
bool piv_is_answer(DWORD code);
/* The card has something else than what was believed of the key. */
void piv_key_forget(struct piv_key *key);
/* What the slot has, by its certificate if there is one. key is one that was forgotten. SCARD_E_NO_KEY_CONTAINER and others. */
DWORD piv_slot_ask(struct piv *p, BYTE index, struct piv_key *key);
/*
 * The key without its certificate, which takes more exchanges. SCARD_E_UNSUPPORTED_FEATURE: only piv_slot_ask() can tell,
 * as it is with retired keys, whose certificates tell what they are for, and which are few of many places.
 */
DWORD piv_slot_ask_key(struct piv *p, BYTE index, struct piv_key *key);
/* The certificate, and the key by it. SCARD_E_FILE_NOT_FOUND. */
DWORD piv_slot_certificate_read(struct piv *p, BYTE index, struct piv_key *key);
/*
 * The key by what the cache has of it, without a question to the card; key->recalled then. Good for its use, which shows
 * whether it is so, and for nothing that is shown. False when nothing is kept.
 */
bool piv_slot_recall(struct piv *p, BYTE index, struct piv_key *key);
/* The rule for the PIN, which a key's maker may have chosen, after it turned out to be another one than was believed. */
DWORD piv_slot_ask_role(struct piv *p, BYTE index, struct piv_key *key);

/* known.c ---------------------------------------------------------------------------------------------------------------------- */

/* The key of a container, and its certificate; asks the card unless that was done. SCARD_E_NO_KEY_CONTAINER. */
DWORD piv_key_find(struct piv *p, BYTE index, struct piv_key **ret_key);
/* The key alone: a card that tells of its keys is not asked for the certificate, which is longer. */
DWORD piv_key_find_only(struct piv *p, BYTE index, struct piv_key **ret_key);
/* The same for the key that a key specification means. */
DWORD piv_key_of_spec(struct piv *p, BYTE index, DWORD key_spec, struct piv_key **ret_key);
/* The key as far as it is known, or was kept, without a question to the card but which one it is. SCARD_E_NO_KEY_CONTAINER. */
DWORD piv_key_recall(struct piv *p, BYTE index, struct piv_key **ret_key);
/* Finds out about all of them. */
DWORD piv_keys_load(struct piv *p);
/* The object is the one that the card has in this transaction, or is read again; a key without one is asked about again. */
DWORD piv_key_freshen(struct piv *p, BYTE index, struct piv_key *key);
/* The certificate, of the card as it is in this transaction. SCARD_E_FILE_NOT_FOUND. */
DWORD piv_certificate(struct piv *p, BYTE index, struct buf *ret_der);

/* cmap.c ----------------------------------------------------------------------------------------------------------------------- */

/* The container map (mscp\cmapfile). */
DWORD piv_cmap(struct piv *p, struct buf *ret_map);

/* container.c ------------------------------------------------------------------------------------------------------------------ */

DWORD piv_get_container_info(CARD_DATA *card, BYTE bContainerIndex, DWORD dwFlags, CONTAINER_INFO *pContainerInfo);
DWORD piv_get_container_property(CARD_DATA *card, BYTE bContainerIndex, const char *pszProperty, BYTE *pbData,
				 DWORD cbData, DWORD *pdwDataLen, DWORD dwFlags);

/* fs.c ------------------------------------------------------------------------------------------------------------------------- */

DWORD piv_read_file(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD dwFlags, BYTE **ppbData,
		    DWORD *pcbData);
DWORD piv_enum_files(CARD_DATA *card, const char *pszDirectory, char **pmszFiles, DWORD *pcbFiles, DWORD dwFlags);
DWORD piv_get_file_info(CARD_DATA *card, const char *pszDirectory, const char *pszFile, CARD_FILE_INFO *pInfo);

/* The slot of kxcNN and kscNN, in lower case. */
bool piv_certificate_index(const char *name, bool *ret_exchange, BYTE *ret_index);
/* The tag that a name in PIV_DIRECTORY spells. */
bool piv_object_of_name(const char *name, uint32_t *ret_tag);
/* Reads the roots unless that was done; none is no error. */
DWORD piv_roots_load(struct piv *p);
/* Whether there are any, on the card or as the holder left them. */
bool piv_roots_exist(const struct piv *p);

/* write.c ---------------------------------------------------------------------------------------------------------------------- */

DWORD piv_file_create(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD cbInitial,
		      CARD_FILE_ACCESS_CONDITION ac);
DWORD piv_file_write(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD dwFlags, const BYTE *pbData,
		     DWORD cbData);
DWORD piv_file_delete(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD dwFlags);

/* create.c --------------------------------------------------------------------------------------------------------------------- */

DWORD piv_create_container_ex(CARD_DATA *card, BYTE bContainerIndex, DWORD dwFlags, DWORD dwKeySpec, DWORD dwKeySize,
			      const struct private_key *pKeyData, PIN_ID PinId);
DWORD piv_delete_container(CARD_DATA *card, BYTE bContainerIndex, DWORD dwReserved);

/* admin.c ---------------------------------------------------------------------------------------------------------------------- */

/* What kind of key the management key is; SCARD_E_UNSUPPORTED_FEATURE for a card that has none. */
DWORD piv_challenge_key(struct piv *p, CARD_CHALLENGE_KEY *ret_key);
DWORD piv_get_challenge_ex(CARD_DATA *card, PIN_ID PinId, BYTE **ppbChallenge, DWORD *pcbChallenge, DWORD dwFlags);
/* SCARD_W_WRONG_CHV; SCARD_E_INVALID_VALUE when there is no challenge. */
DWORD piv_respond(struct piv *p, const BYTE *response, DWORD len);
/* CardKeyUnknown: the algorithm stays. SCARD_E_INVALID_CHV for a key that the card does not take. */
DWORD piv_management_key_set(struct piv *p, CARD_KEY_ALGORITHM algorithm, const BYTE *key, DWORD len);

/* pin.c ------------------------------------------------------------------------------------------------------------------------ */

DWORD piv_authenticate_ex(CARD_DATA *card, PIN_ID PinId, DWORD dwFlags, const BYTE *pbPinData, DWORD cbPinData,
			  BYTE **ppbSessionPin, DWORD *pcbSessionPin, DWORD *pcAttemptsRemaining);
DWORD piv_deauthenticate_ex(CARD_DATA *card, PIN_SET PinId, DWORD dwFlags);
/* True when PINs can be typed at the reader. */
bool piv_pin_external(struct piv *p);
DWORD piv_change_authenticator_ex(CARD_DATA *card, DWORD dwFlags, PIN_ID AuthPinId, const BYTE *pbAuthData,
				  DWORD cbAuthData, PIN_ID TargetPinId, const BYTE *pbTargetData, DWORD cbTargetData,
				  DWORD cRetryCount, DWORD *pcAttemptsRemaining);
/* Tries left; the card is asked only if a PIN was presented before, since before that nothing depends on it. */
DWORD piv_pin_tries(struct piv *p, PIN_ID role, CARD_PIN_TRIES *ret_tries);

/* factory.c -------------------------------------------------------------------------------------------------------------------- */

DWORD piv_set_property(CARD_DATA *card, const char *pszProperty, const BYTE *pbData, DWORD cbData, DWORD dwFlags);

/* key.c: a private key at work --------------------------------------------------------------------------------------------------- */

#define PIV_TAG_CHALLENGE 0x81u
#define PIV_TAG_RESPONSE 0x82u
#define PIV_TAG_EXPONENTIATION 0x85u

/*
 * GENERAL AUTHENTICATE, one command, with nothing between an earlier VERIFY and it. SCARD_W_SECURITY_VIOLATION when the
 * PIN is wanted (again), SCARD_E_NO_KEY_CONTAINER when the key is not the one that was believed (it is forgotten),
 * SCARD_E_INVALID_PARAMETER for refused data, SCARD_E_COMM_DATA_LOST for an answer that is none.
 */
DWORD piv_key_use(struct piv *p, BYTE index, struct piv_key *key, uint8_t tag, struct cursor input, bool secret,
		  struct buf *ret_result);

/* sign.c, decrypt.c, agree.c ------------------------------------------------------------------------------------------------------- */

DWORD piv_sign_data(CARD_DATA *card, CARD_SIGNING_INFO *pInfo);
DWORD piv_rsa_decrypt(CARD_DATA *card, CARD_RSA_DECRYPT_INFO *pInfo);
DWORD piv_construct_dh_agreement(CARD_DATA *card, CARD_DH_AGREEMENT_INFO *pAgreementInfo);
DWORD piv_derive_key(CARD_DATA *card, CARD_DERIVE_KEY *pAgreementInfo);
DWORD piv_destroy_dh_agreement(CARD_DATA *card, BYTE bSecretAgreementIndex, DWORD dwFlags);
void piv_agreements_forget(struct piv *p);

/* property.c --------------------------------------------------------------------------------------------------------------------- */

DWORD piv_query_capabilities(CARD_DATA *card, CARD_CAPABILITIES *pCapabilities);
DWORD piv_query_free_space(CARD_DATA *card, DWORD dwFlags, CARD_FREE_SPACE_INFO *pInfo);
DWORD piv_query_key_sizes(CARD_DATA *card, DWORD dwKeySpec, DWORD dwFlags, CARD_KEY_SIZES *pKeySizes);
DWORD piv_get_property(CARD_DATA *card, const char *pszProperty, BYTE *pbData, DWORD cbData, DWORD *pdwDataLen,
		       DWORD dwFlags);

/* acquire.c ---------------------------------------------------------------------------------------------------------------------- */

/* PIV only if the card answers to the AID. */
DWORD piv_acquire(CARD_DATA *card, DWORD dwFlags);

#endif
