/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The GIDS application of the virtual card (Generic Identity Device Specification 2.0), split by noun:
 * gids.c application, selection, dispatch; gids_store.c memory and card file; gids_file.c files and access rules;
 * gids_data.c data objects; gids_pin.c PIN and PUK; gids_role.c more PINs and gids_session.c session PINs, for cards that
 * are more than GIDS; gids_key.c keys; gids_crypto.c security environment and
 * operations; gids_admin.c authentication with the admin key.
 */
#ifndef VCARD_GIDS_H
#define VCARD_GIDS_H

#include "vcard/engine.h"

#define GIDS_PIN_MAX 127
#define GIDS_FID_APPLICATION 0x3FFF
#define GIDS_FID_EF_ATR 0x2F01
#define GIDS_FID_EF_DIR 0x2F00
#define GIDS_R_LEN 16 /* random numbers of mutual authentication */

/* Roles of PINs: the user's, and 3 to 7 on cards that have such; a PIN's reference is 80, or 80 | role. */
#define GIDS_ROLES 8
#define GIDS_ROLE_USER 1
#define GIDS_SESSION_LEN 16 /* bytes of a session PIN */
#define GIDS_D_LEN 32	    /* of a private number on P-256 */

/* File descriptor byte. */
enum { GIDS_KIND_DATA = 0x39, GIDS_KIND_KEY = 0x18 };

/* ISO 7816-4 table 14. */
enum gids_life { GIDS_INITIALISATION = 0x03, GIDS_OPERATIONAL = 0x05, GIDS_TERMINATED = 0x0C };

/* Bits of an access mode byte. */
enum gids_access {
	GIDS_TERMINATE_DF = 0x20,
	GIDS_CREATE_EF = 0x02,
	GIDS_DELETE_CHILD = 0x01,
	GIDS_PUT = 0x02,
	GIDS_GET = 0x01,
	GIDS_KEY_GENERATE = 0x08,
	GIDS_KEY_USE = 0x04,
	GIDS_KEY_PUT = 0x02,
	GIDS_KEY_GET_PUBLIC = 0x01,
};

/* Control reference templates. */
enum { CRT_AUTHENTICATION = 0xA4, CRT_SIGNATURE = 0xB6, CRT_CONFIDENTIALITY = 0xB8 };

struct gids_object {
	uint32_t tag;
	struct buf value;
};

struct gids_objects {
	struct gids_object *list;
	size_t count;
};

struct gids_file {
	uint16_t fid;
	uint8_t kind;
	bool active;
	struct buf fcp; /* the 62 template as CREATE FILE brought it */
	struct gids_objects objects;
	struct gids_objects ghosts; /* VCARD_BULK_REPEATS: what a bulk read shows again */
	struct vcard_key key;
	unsigned uses; /* volatile: since the PIN was presented */
};

struct gids_pin {
	bool set;
	uint8_t value[GIDS_PIN_MAX];
	size_t len;
	unsigned left; /* tries */
};

struct gids_session {
	bool set;
	uint8_t value[GIDS_SESSION_LEN];
	unsigned left; /* tries */
};

/* The card's half of a key agreement, good for the next command. */
struct gids_agreement {
	unsigned role; /* 0: none */
	uint8_t d[GIDS_D_LEN];
};

enum gids_challenge_kind { GIDS_NO_CHALLENGE, GIDS_EXTERNAL, GIDS_MUTUAL };

struct gids_challenge {
	enum gids_challenge_kind kind;
	uint8_t host[GIDS_R_LEN]; /* R1, mutual only */
	uint8_t card[GIDS_R_LEN]; /* R2; 8 bytes when external */
};

/* One entry of the security environment. */
struct gids_environment {
	uint16_t fid; /* of the key's file; 0 = nothing chosen */
	uint8_t mechanism;
};

struct gids {
	struct vcard_env *env;
	enum gids_life life;
	struct gids_pin pin;
	struct gids_pin puk;
	struct gids_pin role_pins[GIDS_ROLES]; /* from 3 on */
	struct gids_file **files;
	size_t file_count;
	/* volatile */
	uint16_t current; /* FID; 0 = the application itself */
	bool pin_verified;
	bool admin;
	unsigned roles_verified; /* 1 << 3 to 1 << 7 */
	struct gids_agreement agreement;
	struct gids_session sessions[GIDS_ROLES]; /* outlives selection and logout */
	struct gids_challenge challenge;
	struct gids_environment authentication;
	struct gids_environment signature;
	struct gids_environment confidentiality;
};

typedef uint16_t gids_handler(struct gids *g, const struct vcard_command *command, struct buf *answer);

bool gids_quirk(const struct gids *g, enum vcard_quirk quirk);

/* --- gids_store.c ----------------------------------------------------------------------------------------------- */

struct gids *gids_new(struct vcard_env *env);
void gids_free(struct gids *g);
void gids_save(const struct gids *g, struct buf *persistent, struct buf *transient);
bool gids_load(struct gids *g, struct cursor *persistent, struct cursor *transient);
void gids_forget(struct gids *g); /* the volatile members but for session PINs */

/* NULL when there is none. */
struct gids_file *gids_find_file(const struct gids *g, uint16_t fid);
/* An empty file at the end of the list; NULL when out of memory. */
struct gids_file *gids_add_file(struct gids *g, uint16_t fid, uint8_t kind, struct cursor fcp);
void gids_remove_file(struct gids *g, struct gids_file *file);

struct gids_object *gids_find_object(const struct gids_objects *objects, uint32_t tag);
/* Adds or replaces. False when out of memory; nothing has changed then. */
bool gids_set_object(struct gids_objects *objects, uint32_t tag, struct cursor value);
void gids_remove_object(struct gids_objects *objects, struct gids_object *object);
void gids_clear_objects(struct gids_objects *objects);

/* --- gids_file.c ------------------------------------------------------------------------------------------------ */

/* 9000, 6985 (file not activated) or 6982 for an operation on a file. */
uint16_t gids_check_file(const struct gids *g, const struct gids_file *file, enum gids_access operation);
/* The application's own file control parameters, as in its FCP. */
void gids_application_fcp(const struct gids *g, struct buf *answer);
/* The FCP template's content. */
struct cursor gids_fcp(const struct gids_file *file);
/* The CRT of this tag and mechanism (any mechanism when 0) in a key file's FCP that allows every bit of usage. */
bool gids_find_crt(const struct gids_file *file, uint8_t crt, uint8_t mechanism, uint8_t usage, struct cursor *ret_crt);

gids_handler gids_select_file, gids_create_file, gids_activate_file, gids_delete_file, gids_terminate;

/* --- gids_data.c ------------------------------------------------------------------------------------------------ */

gids_handler gids_get_data, gids_put_data;
/* A part of a chained PUT DATA. */
uint16_t gids_put_data_part(struct gids *g, const struct vcard_command *command);

/* --- gids_pin.c ------------------------------------------------------------------------------------------------- */

gids_handler gids_verify, gids_change_reference_data, gids_reset_retry_counter;
/* Drops PINs, admin and what hangs on them. */
void gids_logout(struct gids *g);
/* Compares and counts: 9000, 63Cx or 6983. A wrong length is a wrong PIN. */
uint16_t gids_compare_pin(const struct gids *g, struct gids_pin *pin, struct cursor value);
/* The PIN of this role is verified, or is not any more; with it go keys' counters, and the keys chosen by it. */
void gids_set_verified(struct gids *g, unsigned role, bool verified);

/* --- gids_role.c ------------------------------------------------------------------------------------------------ */

/* The role of a reference (80 or 83 to 87, with this high nibble); 0 when the card has no such PIN. */
unsigned gids_role_of(const struct gids *g, uint8_t reference, uint8_t high);
struct gids_pin *gids_role_pin(struct gids *g, unsigned role);
bool gids_role_verified(const struct gids *g, unsigned role);
/* The role whose PIN the rules of a file mean; 0 when its control parameters make no sense on this card. */
unsigned gids_guard(const struct gids *g, const struct gids_file *file);
/* What the discretionary template of the FCI has more than GIDS wants. */
void gids_put_extensions(const struct gids *g, struct buf *template);

/* --- gids_session.c --------------------------------------------------------------------------------------------- */

/* GENERAL AUTHENTICATE with a PIN reference: makes a session PIN. */
gids_handler gids_make_session;
/* VERIFY with a session PIN's reference. */
uint16_t gids_verify_session(struct gids *g, const struct vcard_command *command);
/* The PIN has changed: what was made of it is void. */
void gids_end_session(struct gids *g, unsigned role);
void gids_end_sessions(struct gids *g);

/* --- gids_key.c ------------------------------------------------------------------------------------------------- */

gids_handler gids_generate;
/* The low nibble of the mechanisms that fit a key; 0 for none. */
uint8_t gids_key_nibble(const struct vcard_key *key);
/* The key file of a key reference; NULL when there is none. */
struct gids_file *gids_key_file(const struct gids *g, uint8_t reference);
uint16_t gids_put_key(struct gids *g, struct cursor template);
uint16_t gids_get_public_key(struct gids *g, struct cursor template, struct buf *answer);

/* --- gids_crypto.c, gids_admin.c -------------------------------------------------------------------------------- */

gids_handler gids_manage_environment, gids_security_operation, gids_general_authenticate;
/* Forgets every choice of this key. */
void gids_forget_key(struct gids *g, uint16_t fid);

#endif
