/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The GIDS minidriver (Generic Identity Device Specification 2.0, Microsoft profile): what its files share.
 *
 * What the card answered is kept for one transaction, by the caller's number (CARD_DATA.dwTransaction). Two things live
 * longer: what a card cannot do (a refused bulk read, a refused mechanism), and where keys are, which is believed in a
 * later transaction if cardcf read there is byte for byte what it was.
 */
#ifndef GIDS_GIDS_H
#define GIDS_GIDS_H

#include "cardmod.h"
#include "check.h"
#include "iso7816/apdu.h"

/* Files and data objects of the Microsoft profile. */
#define GIDS_EF_TABLE 0xA000u  /* file table and key map */
#define GIDS_EF_PUBLIC 0xA010u /* everybody reads, the user writes */
#define GIDS_EF_EXECUTE 0xA011u
#define GIDS_EF_CARDID 0xA012u
#define GIDS_EF_USER 0xA013u
#define GIDS_EF_ADMIN 0xA014u
#define GIDS_EF_LAST 0xA0FFu
#define GIDS_EF_WHOLE 0x3FFFu /* the whole application */
#define GIDS_DO_TABLE 0xDF1Fu
#define GIDS_DO_KEYMAP 0xDF20u
#define GIDS_DO_CARDID 0xDF20u
#define GIDS_DO_CARDCF 0xDF22u

#define GIDS_EF_KEY_BASE 0xB000u /* and the key reference: a key file */

#define GIDS_INS_VERIFY 0x20u
#define GIDS_INS_CHANGE 0x24u
#define GIDS_INS_RESET_RETRY 0x2Cu
#define GIDS_INS_AUTHENTICATE 0x87u
#define GIDS_INS_MSE 0x22u
#define GIDS_INS_PSO 0x2Au
#define GIDS_INS_ACTIVATE 0x44u
#define GIDS_INS_GENERATE 0x47u
#define GIDS_INS_SELECT 0xA4u
#define GIDS_INS_GET_DATA 0xCBu
#define GIDS_INS_PUT_DATA 0xDBu
#define GIDS_INS_CREATE 0xE0u
#define GIDS_INS_DELETE 0xE4u

/* What the longest data object may hold: the specification says 16 KB, cards take 32000 bytes. */
#define GIDS_VALUE_MAX 32000u

/* Key references 81..9E; container i has 81 + i, and a second key of a container one that is free. */
#define GIDS_KEYS 30u
#define GIDS_KEY_FIRST 0x81u
#define GIDS_KEY_LAST (GIDS_KEY_FIRST + GIDS_KEYS - 1)
#define GIDS_KEY_ADMIN 0x80u

/*
 * The PUK of a card that has one is a role of its own, which unblocks and does nothing else; unless a PIN that guards keys
 * has its number, on cards that have more PINs than GIDS knows.
 */
#define GIDS_ROLE_PUK 3u
/* References of VERIFY: the user's PIN, and with a role in it one of those more; and of their session PINs. */
#define GIDS_REFERENCE_PIN 0x80u
#define GIDS_REFERENCE_SESSION 0x90u

/* table.c: the file table and the key map as bytes ----------------------------------------------------------------- */

struct gids_record {
	char directory[CHECK_NAME_MAX + 1]; /* lower case; empty: root */
	char name[CHECK_NAME_MAX + 1];	    /* empty: the record is the directory itself */
	uint32_t tag;			    /* 0 for a directory */
	uint16_t ef;
};

/*
 * Looks at the content of the file table. On true *ret_records holds whole records, LIMIT_FILES at most, and *ret_odd
 * says whether anything behind them is left out. False for an unknown version.
 */
bool gids_table_open(struct cursor content, struct cursor *ret_records, bool *ret_odd);
/* The next record that makes sense; others are skipped. False at the end. */
bool gids_table_next(struct cursor *records, struct gids_record *ret_record);
/* Begins a new table with the records of an old one but for the one with these names; others stay as they are. */
void gids_table_without(struct cursor records, const char *directory, const char *name, struct buf *ret_table);
/* Adds a record to a table. */
void gids_table_add(struct buf *table, const struct gids_record *record);

enum gids_key_state {
	GIDS_KEY_EMPTY,
	GIDS_KEY_USED,
	GIDS_KEY_UNKNOWN /* the key map does not say; the card has to be asked */
};

struct gids_key {
	enum gids_key_state state;
	uint8_t reference;
	uint8_t algorithm;  /* 06..09 RSA, 0C..0E ECC; 0 unknown */
	bool can_exchange;  /* the key may decrypt, or nobody knows */
	bool can_sign_slot; /* it lies in the signature slot, or nobody knows */
	uint8_t refused;    /* operations that the card refused where another did the same: GIDS_OPERATION_BIT */
};

/*
 * The keys of a container, one for each slot. The Microsoft profile describes one; of a record's last four bytes, which are
 * FFFF 0000 wherever they were seen, this minidriver makes reference, algorithm and kind of a second one. Other programs
 * find the first key and leave the second alone.
 */
#define GIDS_SLOTS 2u
struct gids_container {
	struct gids_key keys[GIDS_SLOTS]; /* the second is GIDS_KEY_EMPTY or GIDS_KEY_USED */
};

/*
 * Decodes the key map; an empty map, a foreign version and what lies behind its end leave GIDS_KEY_UNKNOWN. False for
 * a foreign version.
 */
bool gids_keymap_decode(struct cursor content, struct gids_container ret_containers[GIDS_KEYS]);

/*
 * Begins a new key map with the records of an old one (which may be empty), one of them changed. A container without
 * a key that is GIDS_KEY_USED is an empty record. Records that are missing before it are made empty. False for a
 * foreign version.
 */
bool gids_keymap_change(struct cursor content, size_t index, const struct gids_container *container,
			struct buf *ret_map);

/* Bits of a key algorithm identifier, 0 for an unknown one; the other way round, 0 for an unknown size. */
unsigned gids_algorithm_bits(uint8_t algorithm);
bool gids_algorithm_is_rsa(uint8_t algorithm);
uint8_t gids_algorithm_of(enum key_type type, unsigned bits);

/* session.c: the conversation with the card, and what is known of it in this transaction ----------------------------- */

/* Data objects read from one file in this transaction, one after the other as the card gave them. */
struct gids_bag {
	struct buf objects;
	bool whole;   /* read with an empty tag list: all there are */
	bool refused; /* the card does not read this file so; for the life of the context */
	bool cached;  /* some of it is from the caller's cache */
};

struct gids_place {
	uint16_t ef;
	uint32_t tag;
};

/* What MANAGE SECURITY ENVIRONMENT set last; set is false when nothing is known. */
struct gids_environment {
	bool set;
	uint8_t template, mechanism, reference;
};

enum gids_tries_source { GIDS_TRIES_LOCAL, GIDS_TRIES_GLOBAL, GIDS_TRIES_VERIFY, GIDS_TRIES_NONE };

/* Whether the card has a PUK: it is asked only when somebody wants to know. */
enum gids_puk { GIDS_PUK_UNKNOWN, GIDS_PUK_NONE, GIDS_PUK_THERE };

/* The challenge that the card gave last, if nothing was sent since: it is good for one response. */
enum gids_challenge_kind { GIDS_CHALLENGE_NONE, GIDS_CHALLENGE_EXTERNAL, GIDS_CHALLENGE_MUTUAL };

/* Tag 40 in the answer to SELECT. */
#define GIDS_PROTOCOL_MUTUAL 0x80u
#define GIDS_PROTOCOL_EXTERNAL 0x40u
#define GIDS_PROTOCOLS_DEFAULT 0xA0u

enum gids_keys_state {
	GIDS_KEYS_NONE,
	GIDS_KEYS_KEPT, /* from an earlier transaction, when cardcf was kept_cardcf */
	GIDS_KEYS_LOADED
};

struct gids {
	struct channel ch;
	CARD_DATA *card; /* of the call under way */
	bool by_name;	 /* selected by AID; false: a registered card that hides it */

	DWORD transaction;
	bool confirmed; /* in this transaction GIDS is the selected application */
	struct gids_bag table, public, cardid;
	struct gids_environment environment;
	bool changing;		/* nothing is taken from the cache any more */
	PIN_SET verified;	/* by this context, and nothing has happened that ends it */
	uint8_t made_reference; /* the key that was generated last in this transaction, 0 none */
	struct public_key made;

	enum gids_challenge_kind challenge; /* outlives transactions */
	size_t challenge_len;
	uint8_t protocols;		    /* tag 40 of the answer to SELECT */
	PIN_SET roles;			    /* the same answer: 3 to 7, of a card that has more PINs than GIDS knows */
	bool session_pins;		    /* the same answer: the card makes them */
	CARD_KEY_ALGORITHM admin_algorithm; /* CardKeyUnknown: not asked yet */
	enum gids_puk puk;

	struct gids_container containers[GIDS_KEYS];
	enum gids_keys_state keys_state;
	struct buf kept_cardcf;
	struct gids_place cardcf_place, cardid_place; /* as the table said when it was last read */

	enum gids_tries_source tries_source;
	bool table_logged;
};

/* The context of a card, brought to the caller's transaction. NULL when there is none. */
struct gids *gids_of(CARD_DATA *card);
/* Forgets what the transaction or the card's reset ended. */
void gids_forget_session(struct gids *g);
/* The first SELECT of a context; registered: "not found" is an answer of a card that hides its AID. As gids_select(). */
DWORD gids_discover(struct gids *g, bool registered);
/* SELECT by AID; authentication counts as lost. SCARD_E_UNKNOWN_CARD when the application is not there. */
DWORD gids_select(struct gids *g);
/* Makes sure that GIDS is selected before a command that another application could take for its own. */
DWORD gids_confirm(struct gids *g);
/* True when the answer says, or may say, that GIDS is not selected or that somebody left a chain open. */
bool gids_selection_lost(const struct gids *g, uint16_t sw);
/* One exchange, as apdu_exchange(). Every command but the response to it makes a challenge void. */
DWORD gids_send(struct gids *g, const struct apdu *a, struct buf *ret_answer, uint16_t *ret_sw);
/* An exchange that needs no authentication: selects the application and repeats once when the selection was lost. */
DWORD gids_exchange(struct gids *g, const struct apdu *a, struct buf *ret_answer, uint16_t *ret_sw);
/* True when the card itself said no, as against trouble on the way and success. */
bool gids_refused(uint16_t sw);

/*
 * The value of one data object, in the bag or in scratch (which must be empty and outlive the use). bulk: read the
 * whole file at once if that is not known to fail. SCARD_E_FILE_NOT_FOUND when the card says that there is no such
 * object, SCARD_E_DIR_NOT_FOUND no such file (EF), SCARD_W_SECURITY_VIOLATION, SCARD_E_COMM_DATA_LOST for damage.
 */
DWORD gids_object(struct gids *g, struct gids_place place, bool bulk, struct buf *scratch, struct cursor *ret_value);

/* What is now known of a data object that was written; NULL: nothing, the card has to be asked. */
void gids_object_known(struct gids *g, struct gids_place place, const struct cursor *value);

/* Forgets what was read of a file. */
void gids_bag_forget(struct gids_bag *bag);

/* cache.c ----------------------------------------------------------------------------------------------------------- */

/* Fills a bag with what is kept of its file; true when there was something. Not for cardid and cardcf. */
bool gids_cache_fill(struct gids *g, struct gids_bag *bag, struct gids_place place);
/* Keeps an answer of the card: one object, or with tag 0 all of a file. */
void gids_cache_keep(struct gids *g, struct gids_place place, struct cursor objects);
/* Whether a file is one that the card does not read at once. */
bool gids_cache_refused(const struct gids *g, uint16_t ef);
void gids_cache_keep_refusal(const struct gids *g, uint16_t ef);
bool gids_cache_key(const struct gids *g, uint8_t reference, struct public_key *ret_key);
void gids_cache_keep_key(const struct gids *g, uint8_t reference, struct cursor answer);
/* gids_of() for what changes the card: what is known by the cache only is forgotten first. */
struct gids *gids_of_change(CARD_DATA *card);

/* fs.c -------------------------------------------------------------------------------------------------------------- */

/*
 * The content of a file; names are folded, directory "" is the root. As gids_object(), but SCARD_E_FILE_NOT_FOUND and
 * SCARD_E_DIR_NOT_FOUND speak of the minidriver's file system; a file without its object is empty.
 */
DWORD gids_file(struct gids *g, const char *directory, const char *name, struct buf *scratch,
		struct cursor *ret_content);

/* The records of the file table, none on a card without one (it is blank). In the bag or in scratch, as gids_object(). */
DWORD gids_records(struct gids *g, struct buf *scratch, struct cursor *ret_records);
bool gids_record_find(struct cursor records, const char *directory, const char *name, struct gids_record *ret_record);
/* A directory is there if it has a record or a file; the root always is. */
bool gids_directory_exists(struct cursor records, const char *directory);
/* Where a file is; codes as gids_file(). */
DWORD gids_locate(struct gids *g, const char *directory, const char *name, struct gids_place *ret_place);
/* The interface's name of a directory as it is here: the root, NULL, is "". */
const char *gids_directory(const char *directory);

DWORD gids_read_file(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD dwFlags, BYTE **ppbData,
		     DWORD *pcbData);
DWORD gids_enum_files(CARD_DATA *card, const char *pszDirectory, char **pmszFiles, DWORD *pcbFiles, DWORD dwFlags);
DWORD gids_get_file_info(CARD_DATA *card, const char *pszDirectory, const char *pszFile, CARD_FILE_INFO *pInfo);

/* write.c ----------------------------------------------------------------------------------------------------------- */

/*
 * A command that changes the card. SCARD_W_SECURITY_VIOLATION when the card wants authentication, or has lost the
 * selection and with it what was authenticated; otherwise the code of the status word. ret_answer may be NULL.
 */
DWORD gids_change(struct gids *g, const struct apdu *a, struct buf *ret_answer, uint16_t *ret_sw);
/* Writes a data object. What no content does is up to the card. */
DWORD gids_object_write(struct gids *g, struct gids_place place, struct cursor content);
/* The same, but no content makes an object that is there and empty. */
DWORD gids_content_write(struct gids *g, struct gids_place place, struct cursor content);
/* A new file with its first content; names are folded, directory "" is the root. As pfnCardCreateFile. */
DWORD gids_file_make(struct gids *g, const char *directory, const char *name, struct cursor initial, uint16_t ef);

DWORD gids_directory_create(CARD_DATA *card, const char *pszDirectory, CARD_DIRECTORY_ACCESS_CONDITION ac);
DWORD gids_directory_delete(CARD_DATA *card, const char *pszDirectory);
DWORD gids_file_create(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD cbInitial,
		       CARD_FILE_ACCESS_CONDITION ac);
DWORD gids_file_write(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD dwFlags, const BYTE *pbData,
		      DWORD cbData);
DWORD gids_file_delete(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD dwFlags);

/* create.c ---------------------------------------------------------------------------------------------------------- */

DWORD gids_create_container_ex(CARD_DATA *card, BYTE bContainerIndex, DWORD dwFlags, DWORD dwKeySpec, DWORD dwKeySize,
			       const struct private_key *pKeyData, PIN_ID PinId);
DWORD gids_delete_container(CARD_DATA *card, BYTE bContainerIndex, DWORD dwReserved);

/* pin.c ------------------------------------------------------------------------------------------------------------- */

DWORD gids_authenticate_ex(CARD_DATA *card, PIN_ID PinId, DWORD dwFlags, const BYTE *pbPinData, DWORD cbPinData,
			   BYTE **ppbSessionPin, DWORD *pcbSessionPin, DWORD *pcAttemptsRemaining);
DWORD gids_deauthenticate_ex(CARD_DATA *card, PIN_SET PinId, DWORD dwFlags);
DWORD gids_change_authenticator_ex(CARD_DATA *card, DWORD dwFlags, PIN_ID AuthPinId, const BYTE *pbAuthData,
				   DWORD cbAuthData, PIN_ID TargetPinId, const BYTE *pbTargetData, DWORD cbTargetData,
				   DWORD cRetryCount, DWORD *pcAttemptsRemaining);
/* Tries of a PIN, or of the PUK; unknown values where the card does not tell. */
DWORD gids_pin_tries(struct gids *g, PIN_ID role, CARD_PIN_TRIES *ret_tries);
/* Whether a role is a PIN that guards keys, the user's or one of those more. */
bool gids_guards_keys(const struct gids *g, PIN_ID role);
/* Whether the card has a PUK; asks it once. */
DWORD gids_puk(struct gids *g, bool *ret_there);
/* Whether the PIN may be typed at the reader. */
bool gids_pin_external(struct gids *g);
/* Forgets who is authenticated, on the card. */
DWORD gids_deauthenticate(struct gids *g);

/* What came of a VERIFY, and what follows from it for the context. The tries are told when they were counted. */
DWORD gids_verify_code(DWORD r, uint16_t sw, DWORD *ret_tries);
DWORD gids_verify_done(struct gids *g, PIN_ID role, DWORD r, uint16_t sw, DWORD *ret_tries);

/* The longest PIN of the specification. */
#define GIDS_PIN_MAX 127u

/* sessionpin.c ------------------------------------------------------------------------------------------------------ */

/*
 * A session PIN for a PIN, which never travels in the clear; nothing is unlocked. Allocated. Codes as
 * pfnCardAuthenticateEx; SCARD_E_UNSUPPORTED_FEATURE on a card without.
 */
DWORD gids_session_make(CARD_DATA *card, struct gids *g, PIN_ID role, const BYTE *pin, DWORD len, BYTE **ppbSessionPin,
			DWORD *pcbSessionPin, DWORD *ret_tries);
/* For the PIN that is verified now, wherever it was entered. */
DWORD gids_session_ask(CARD_DATA *card, struct gids *g, PIN_ID role, BYTE **ppbSessionPin, DWORD *pcbSessionPin);
/* In place of the PIN, whose tries are left alone. SCARD_W_WRONG_CHV also when it is not good any more. */
DWORD gids_session_present(struct gids *g, PIN_ID role, const BYTE *session, DWORD len);

/* admin.c ----------------------------------------------------------------------------------------------------------- */

/*
 * The response to the challenge that is outstanding; ret_proof (may be NULL) gets the card's cryptogram of a mutual
 * authentication. SCARD_E_INVALID_VALUE: there is no challenge to respond to; SCARD_E_INVALID_PARAMETER for another
 * length; SCARD_W_WRONG_CHV.
 */
DWORD gids_respond(struct gids *g, const BYTE *response, DWORD len, struct buf *ret_proof, DWORD *ret_tries);
/* The algorithm of the administrator's key, asked for once. */
DWORD gids_admin_algorithm(struct gids *g, CARD_KEY_ALGORITHM *ret_algorithm);
/* The administrator's new key; who is not the administrator gets SCARD_W_SECURITY_VIOLATION. */
DWORD gids_admin_key_write(CARD_DATA *card, struct gids *g, CARD_KEY_ALGORITHM algorithm, const BYTE *key, DWORD len);
/* The low nibble of the mechanisms of an algorithm; 0: not on this card edge. */
uint8_t gids_admin_nibble(CARD_KEY_ALGORITHM algorithm);
DWORD gids_get_challenge_ex(CARD_DATA *card, PIN_ID PinId, BYTE **ppbChallenge, DWORD *pcbChallenge, DWORD dwFlags);

/* blank.c ----------------------------------------------------------------------------------------------------------- */

DWORD gids_create_card(CARD_DATA *card, const CARD_CREATE_INFO *pInfo);

/* container.c ------------------------------------------------------------------------------------------------------- */

/* A key of a container, state GIDS_KEY_USED and algorithm known. SCARD_E_NO_KEY_CONTAINER: none in this place. */
DWORD gids_key_find(struct gids *g, BYTE index, size_t slot, struct gids_key **ret_key);
/* The public key of a key file. SCARD_E_NO_KEY_CONTAINER. */
DWORD gids_public_key(struct gids *g, uint8_t reference, struct public_key *ret_key);
/* Reads the key map, or takes over what is known of it. */
DWORD gids_keys_load(struct gids *g);
/* The key map's content, empty when there is none; as gids_object(). */
DWORD gids_keymap_read(struct gids *g, struct buf *scratch, struct cursor *ret_content);
DWORD gids_set_container_property(CARD_DATA *card, BYTE bContainerIndex, const char *pszProperty, const BYTE *pbData,
				  DWORD cbData, DWORD dwFlags);
/* Decodes what GET PUBLIC KEY and GENERATE answer: 7F49 and nothing behind it. */
bool gids_public_key_decode(struct cursor answer, struct public_key *ret_key);
/* At the end of a transaction: decides whether keys[] may be believed later. */
void gids_keys_keep(struct gids *g);

DWORD gids_get_container_info(CARD_DATA *card, BYTE bContainerIndex, DWORD dwFlags, CONTAINER_INFO *pContainerInfo);
DWORD gids_get_container_property(CARD_DATA *card, BYTE bContainerIndex, const char *pszProperty, BYTE *pbData,
				  DWORD cbData, DWORD *pdwDataLen, DWORD dwFlags);

/* key.c: a private key at work --------------------------------------------------------------------------------------- */

/* What a key does: the control reference template and the high nibble of the mechanism (GIDS 2.0, table of mechanisms). */
enum gids_operation {
	GIDS_SIGN_RAW,	     /* B6, 1x: RSA without padding, ECDSA on a hash */
	GIDS_SIGN_PKCS1,     /* B6, 5x */
	GIDS_DECIPHER_RAW,   /* B8, 0x */
	GIDS_DECIPHER_PKCS1, /* B8, 4x */
	GIDS_DECIPHER_OAEP   /* B8, 8x: SHA-1, no label */
};
#define GIDS_OPERATION_BIT(operation) ((uint8_t)(1u << (operation)))

enum gids_refusal {
	GIDS_NOT_REFUSED, /* done, or failed in a way that another operation would share */
	GIDS_REFUSED_KEY, /* the environment cannot be set: not with this key, never */
	GIDS_REFUSED_DATA /* the operation was refused: not so, or not with this input */
};

/*
 * Selects the key unless it is, and works on the input. SCARD_W_SECURITY_VIOLATION when the PIN has to be presented
 * (again). When *ret_refusal says so the card understood and refused, and another operation may do the same; the code
 * is then SCARD_E_NO_KEY_CONTAINER, SCARD_E_UNSUPPORTED_FEATURE, SCARD_E_INVALID_PARAMETER or SCARD_E_UNEXPECTED.
 */
DWORD gids_key_use(struct gids *g, const struct gids_key *key, enum gids_operation operation, struct cursor input,
		   struct buf *ret_output, enum gids_refusal *ret_refusal);
/*
 * The key of a container in the slot that a key specification means, which is not of key agreement.
 * SCARD_E_NO_KEY_CONTAINER for an empty slot.
 */
DWORD gids_key_of_spec(struct gids *g, BYTE index, DWORD key_spec, struct gids_key **ret_key);

/* sign.c, decrypt.c --------------------------------------------------------------------------------------------------- */

DWORD gids_sign_data(CARD_DATA *card, CARD_SIGNING_INFO *pInfo);
DWORD gids_rsa_decrypt(CARD_DATA *card, CARD_RSA_DECRYPT_INFO *pInfo);

/* property.c -------------------------------------------------------------------------------------------------------- */

DWORD gids_query_capabilities(CARD_DATA *card, CARD_CAPABILITIES *pCapabilities);
DWORD gids_query_free_space(CARD_DATA *card, DWORD dwFlags, CARD_FREE_SPACE_INFO *pInfo);
DWORD gids_query_key_sizes(CARD_DATA *card, DWORD dwKeySpec, DWORD dwFlags, CARD_KEY_SIZES *pKeySizes);
DWORD gids_set_property(CARD_DATA *card, const char *pszProperty, const BYTE *pbData, DWORD cbData, DWORD dwFlags);
DWORD gids_get_property(CARD_DATA *card, const char *pszProperty, BYTE *pbData, DWORD cbData, DWORD *pdwDataLen,
			DWORD dwFlags);

/* acquire.c --------------------------------------------------------------------------------------------------------- */

/* For any card: GIDS only if it answers to the AID. */
DWORD gids_acquire(CARD_DATA *card, DWORD dwFlags);
/* For a card whose registered ATR says GIDS: an unknown AID means that the application is selected by default. */
DWORD gids_acquire_registered(CARD_DATA *card, DWORD dwFlags);

#endif
