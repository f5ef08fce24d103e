/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PIV application of the virtual card (SP 800-73-4 part 2 and the widely used extensions), split by noun:
 * piv.c application, selection, dispatch; piv_store.c memory, card file, factory state; piv_data.c data objects;
 * piv_pin.c PIN, PUK, global PIN; piv_key.c keys and their algorithms; piv_auth.c operations with private keys;
 * piv_admin.c the management key; piv_manage.c what is done with it beyond the standard; piv_info.c version, serial
 * number, metadata; piv_attest.c attestation.
 */
#ifndef VCARD_PIV_H
#define VCARD_PIV_H

#include "vcard/engine.h"

#define PIV_PIN_LEN 8
#define PIV_ADMIN_KEY_MAX 32
#define PIV_BLOCK_MAX 16

enum {
	PIV_INS_METADATA = 0xF7,
	PIV_INS_MOVE = 0xF6,
	PIV_INS_SERIAL = 0xF8,
	PIV_INS_ATTEST = 0xF9,
	PIV_INS_SET_TRIES = 0xFA,
	PIV_INS_RESET = 0xFB,
	PIV_INS_VERSION = 0xFD,
	PIV_INS_IMPORT = 0xFE,
	PIV_INS_SET_ADMIN = 0xFF,
};

/* Key references of part 1, table 4b. */
enum {
	PIV_REF_GLOBAL = 0x00,
	PIV_REF_PIN = 0x80,
	PIV_REF_PUK = 0x81,
	PIV_REF_AUTHENTICATION = 0x9A,
	PIV_REF_ADMIN = 0x9B,
	PIV_REF_SIGNATURE = 0x9C,
	PIV_REF_KEY_MANAGEMENT = 0x9D,
	PIV_REF_CARD = 0x9E,
	PIV_REF_RETIRED = 0x82,
	PIV_REF_RETIRED_LAST = 0x95,
	PIV_REF_ATTESTATION = 0xF9,
};

/* SP 800-78-4 table 6-2, and what tokens added. */
enum {
	PIV_ALG_DEFAULT = 0x00,
	PIV_ALG_DES3 = 0x03,
	PIV_ALG_RSA3072 = 0x05,
	PIV_ALG_RSA1024 = 0x06,
	PIV_ALG_RSA2048 = 0x07,
	PIV_ALG_AES128 = 0x08,
	PIV_ALG_AES192 = 0x0A,
	PIV_ALG_AES256 = 0x0C,
	PIV_ALG_P256 = 0x11,
	PIV_ALG_P384 = 0x14,
	PIV_ALG_RSA4096 = 0x16,
	PIV_ALG_OTHER_ED25519 = 0x22, /* VCARD_PIV_OTHER_IDS */
	PIV_ALG_OTHER_X25519 = 0x23,
	PIV_ALG_ED25519 = 0xE0,
	PIV_ALG_X25519 = 0xE1,
};

enum {
	PIV_TAG_DISCOVERY = 0x7E,
	PIV_TAG_BITGT = 0x7F61,
	PIV_TAG_CARD_CERT = 0x5FC101,
	PIV_TAG_CHUID = 0x5FC102,
	PIV_TAG_FINGERPRINTS = 0x5FC103,
	PIV_TAG_AUTH_CERT = 0x5FC105,
	PIV_TAG_SECURITY = 0x5FC106,
	PIV_TAG_CCC = 0x5FC107,
	PIV_TAG_FACE = 0x5FC108,
	PIV_TAG_PRINTED = 0x5FC109,
	PIV_TAG_SIGN_CERT = 0x5FC10A,
	PIV_TAG_KM_CERT = 0x5FC10B,
	PIV_TAG_HISTORY = 0x5FC10C,
	PIV_TAG_RETIRED = 0x5FC10D,
	PIV_TAG_IRIS = 0x5FC121,
	PIV_TAG_SM_SIGNER = 0x5FC122,
	PIV_TAG_PAIRING = 0x5FC123,
	PIV_TAG_LAST = 0x5FC123,
	PIV_TAG_VENDOR = 0x5FFF00,
	PIV_TAG_ATTESTATION = 0x5FFF01,
	PIV_TAG_VENDOR_LAST = 0x5FFF15,
};

enum piv_pin_policy { PIV_PIN_DEFAULT, PIV_PIN_NEVER, PIV_PIN_ONCE, PIV_PIN_ALWAYS };
enum piv_touch_policy { PIV_TOUCH_DEFAULT, PIV_TOUCH_NEVER, PIV_TOUCH_ALWAYS, PIV_TOUCH_CACHED };
enum piv_origin { PIV_GENERATED = 1, PIV_IMPORTED = 2 };

struct piv_algorithm {
	uint8_t id;
	enum vcard_key_type type;
	unsigned bits;
	bool late; /* came with version 5.7 */
};

struct piv_pin {
	uint8_t value[PIV_PIN_LEN];
	uint8_t left;
	uint8_t tries;
	bool is_default;
};

/* One place for a private key; empty when the key's type is VCARD_KEY_NONE. */
struct piv_key {
	struct vcard_key key;
	uint8_t algorithm;
	uint8_t pin_policy; /* never PIV_PIN_DEFAULT, nor is the other */
	uint8_t touch_policy;
	uint8_t origin;
};

/* 9A 9C 9D 9E, 82 to 95, F9. */
#define PIV_KEYS 25
#define PIV_KEY_ATTESTATION 24

struct piv_object {
	uint32_t tag;
	struct buf value; /* within the 53, 7E or 7F61 */
};

struct piv_admin_key {
	uint8_t algorithm;
	uint8_t touch_policy;
	uint8_t len;
	uint8_t value[PIV_ADMIN_KEY_MAX];
};

enum piv_challenge_kind { PIV_NO_CHALLENGE, PIV_CHALLENGE, PIV_WITNESS };

struct piv {
	struct vcard_env *env;
	uint32_t serial;
	struct piv_pin pin;
	struct piv_pin puk;
	struct piv_pin global;
	struct piv_admin_key admin_key;
	struct piv_key keys[PIV_KEYS];
	struct piv_object *objects;
	size_t object_count;
	/* volatile */
	bool pin_verified;
	bool pin_fresh; /* the last command was a VERIFY that succeeded */
	bool lies;	/* VCARD_PIV_RESELECT_LIES: verified no more, but says so */
	bool admin;
	enum piv_challenge_kind challenge;
	uint8_t challenge_bytes[PIV_BLOCK_MAX]; /* in clear */
};

typedef uint16_t piv_handler(struct piv *p, const struct vcard_command *command, struct buf *answer);

bool piv_quirk(const struct piv *p, uint64_t quirk);
bool piv_version_at_least(const struct piv *p, uint32_t version);

/* --- piv.c ------------------------------------------------------------------------------------------------------ */

extern const uint8_t piv_aid[11];

/* --- piv_store.c ------------------------------------------------------------------------------------------------ */

/* In factory state when the card's profile has the application; blank otherwise. NULL when out of memory. */
struct piv *piv_new(struct vcard_env *env);
void piv_free(struct piv *p);
/* Factory state: no keys, no objects but the discovery object, PINs and management key as every tool knows them. */
bool piv_factory(struct piv *p);
/* The PINs and their counters as they were made. */
void piv_factory_pins(struct piv *p);
void piv_save(const struct piv *p, struct buf *persistent, struct buf *transient);
bool piv_load(struct piv *p, struct cursor *persistent, struct cursor *transient);
void piv_forget(struct piv *p); /* the volatile members */

/* NULL when there is none. */
struct piv_object *piv_find_object(const struct piv *p, uint32_t tag);
/* Adds or replaces. False when out of memory; nothing has changed then. */
bool piv_set_object(struct piv *p, uint32_t tag, struct cursor value);
void piv_remove_object(struct piv *p, uint32_t tag);

/* --- piv_data.c ------------------------------------------------------------------------------------------------- */

piv_handler piv_get_data, piv_put_data;
/* A part of a chained PUT DATA. */
uint16_t piv_put_data_part(struct piv *p, const struct vcard_command *command);
/* The discovery object as this card has it. */
void piv_put_discovery(const struct piv *p, struct buf *b);

/* --- piv_pin.c -------------------------------------------------------------------------------------------------- */

piv_handler piv_verify, piv_change_reference_data, piv_reset_retry_counter;
/* The PIN, or the global one where it counts as much, has been verified and still is. */
bool piv_user_verified(const struct piv *p);
/* False when the interface at hand does not allow management and PIN commands. */
bool piv_on_contact(const struct piv *p);

/* --- piv_key.c -------------------------------------------------------------------------------------------------- */

piv_handler piv_generate, piv_import, piv_move;
/* NULL for a reference that this card has no key for. */
struct piv_key *piv_find_key(struct piv *p, uint8_t reference);
uint8_t piv_key_reference(unsigned index);
/* NULL for an id that the card does not know. */
const struct piv_algorithm *piv_find_algorithm(const struct piv *p, uint8_t id);
/* The rule of a place without key. */
uint8_t piv_default_pin_policy(uint8_t reference);
/* 81 and 82, or 86: what stands in a 7F49. */
bool piv_put_public(struct piv *p, struct vcard_key *key, struct buf *b);
void piv_clear_key(struct piv_key *key);

/* --- piv_auth.c, piv_admin.c ------------------------------------------------------------------------------------ */

/* What a 7C template may hold. */
struct piv_dynamic {
	bool has_witness, has_challenge, has_response, has_exponentiation;
	struct cursor witness, challenge, response, exponentiation;
};

piv_handler piv_general_authenticate, piv_set_admin_key;
uint16_t piv_authenticate_admin(struct piv *p, uint8_t algorithm, const struct piv_dynamic *d, struct buf *answer);
void piv_put_dynamic(struct buf *answer, uint8_t tag, struct cursor value);
/* Key length of a symmetric algorithm; 0 for others. */
size_t piv_admin_key_len(uint8_t algorithm);
/* 0102..08, again and again. */
void piv_default_admin_key(struct piv_admin_key *ret_key, uint8_t algorithm);

/* --- piv_manage.c, piv_info.c, piv_attest.c --------------------------------------------------------------------- */

piv_handler piv_set_tries, piv_reset, piv_version, piv_serial, piv_metadata, piv_attest;
/* Makes the attestation key and its certificate when there are none yet. */
bool piv_prepare_attestation(struct piv *p);

/* --- doors for tests -------------------------------------------------------------------------------------------- */

struct vcard_piv_info {
	bool selected;
	bool pin_verified; /* what counts, not what the card says */
	bool global_verified;
	bool admin_authenticated;
	bool challenge_pending;
	unsigned pin_tries_left;
	unsigned puk_tries_left;
	unsigned global_tries_left;
	unsigned objects;
	unsigned keys; /* without the attestation key */
	uint32_t serial;
	uint32_t version;
};

/* All zero when the card has no PIV application. */
void vcard_piv_info(const struct vcard *card, struct vcard_piv_info *ret_info);
/* Writes the content of a data object (without 53, 7E or 7F61) past every rule but memory. 0, or -1 with errno. */
int vcard_piv_raw_put(struct vcard *card, uint32_t tag, struct cursor value);
/* 0, or -1 with errno (ENOENT). */
int vcard_piv_raw_delete(struct vcard *card, uint32_t tag);
/* Removes a private key, as if it had never been made. 0, or -1 with errno (ENOENT). */
int vcard_piv_raw_delete_key(struct vcard *card, uint8_t reference);
/* The application of a card, for what no other door opens; NULL when it has none. */
struct piv *vcard_piv(struct vcard *card);

#endif
