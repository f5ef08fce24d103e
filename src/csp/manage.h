/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The common part for those who manage a card: its state and its PIN roles, PINs changed and unblocked, the
 * administrator's challenge and response, keys and certificates brought to the card, roots, files, a card made from
 * blank, and what is inconsistent on one. What csp.h says of locks and of codes holds here too.
 *
 * Common to everything that changes the card: SCARD_W_CARD_NOT_AUTHENTICATED (no PIN or key of the role that may do it
 * is kept), SCARD_E_READ_ONLY_CARD, SCARD_E_WRITE_TOO_MANY (no room), SCARD_E_UNSUPPORTED_FEATURE (this card cannot).
 */
#ifndef CSP_MANAGE_H
#define CSP_MANAGE_H

#include <time.h>

#include "csp/csp.h"

/* The card ---------------------------------------------------------------------------------------------------------- */

#define CSP_CARD_ID_LEN 16

enum csp_cache_mode { CSP_CACHE_GLOBAL = 1, CSP_CACHE_SESSION = 2, CSP_CACHE_NONE = 3 };

struct csp_card_info {
	char minidriver[32];
	uint8_t atr[LIMIT_ATR];
	size_t atr_len;
	bool blank;		     /* no file system yet: csp_create() makes one */
	uint8_t id[CSP_CARD_ID_LEN]; /* cardid; zero when blank */
	bool counted;		     /* the card has freshness counters, which follow */
	uint8_t pins;
	uint16_t containers, files;
	enum csp_cache_mode cache_mode;
	bool read_only;
	bool can_generate, can_import;
	uint32_t bytes_free, containers_free, containers_max; /* or CSP_UNKNOWN */
};

/* Reads what it tells. */
DWORD csp_card_info(struct csp_card *card, struct csp_card_info *ret_info);

/*
 * Keeps on the card what its token is called (csp_token_info), UTF-8 of at most 32 bytes, NULL for as before, and whether
 * nobody knows the user's PIN, as on a card that was made with one at random. The first time for the administrator.
 * SCARD_E_INVALID_VALUE for no such text.
 */
DWORD csp_token_name(struct csp_card *card, const char *label, bool pin_unset);

/* PIN roles ---------------------------------------------------------------------------------------------------------- */

#define CSP_ROLES 8u
#define CSP_ROLE_BIT(role) (1u << (role))

enum csp_pin_type { CSP_PIN_TYPED, CSP_PIN_EXTERNAL, CSP_PIN_CHALLENGE, CSP_PIN_EMPTY };
enum csp_pin_purpose {
	CSP_PURPOSE_AUTHENTICATION,
	CSP_PURPOSE_SIGNATURE,
	CSP_PURPOSE_ENCRYPTION,
	CSP_PURPOSE_NON_REPUDIATION,
	CSP_PURPOSE_ADMINISTRATOR,
	CSP_PURPOSE_PRIMARY,
	CSP_PURPOSE_UNBLOCK
};
enum csp_pin_policy { CSP_POLICY_NORMAL, CSP_POLICY_TIMED, CSP_POLICY_NONE, CSP_POLICY_ALWAYS_PROMPT };

struct csp_role_info {
	uint32_t role;
	enum csp_pin_type type;
	enum csp_pin_purpose purpose;
	uint32_t change_roles, unblock_roles; /* CSP_ROLE_BIT()s of those who may */
	enum csp_pin_policy policy;
	uint32_t policy_seconds; /* of CSP_POLICY_TIMED */
	bool session_pins;
	uint32_t pin_min, pin_max;	/* bytes */
	uint32_t tries_left, tries_max; /* or CSP_UNKNOWN */
};

/* The roles that the card has, by number; at most CSP_ROLES. Costs no try. */
DWORD csp_role_list(struct csp_card *card, struct csp_role_info ret_roles[CSP_ROLES], size_t *ret_count);

/*
 * csp_login() of a role whose secret answers a challenge takes that secret, the key itself: it is kept as a PIN is, and
 * the card gets the response only. Codes as there; SCARD_E_INVALID_PARAMETER for a key of a length that the card's is not.
 *
 * Gives a role another PIN, or the administrator another key, with the old one. A wrong old one costs a try. The new one
 * is what is kept afterwards. SCARD_W_WRONG_CHV and SCARD_W_CHV_BLOCKED with *ret_tries (may be NULL),
 * SCARD_E_INVALID_PARAMETER (the old one cannot be right), SCARD_E_INVALID_VALUE (the new one is none for this card);
 * neither of the last two costs a try. Both PINs NULL when they are typed at the reader.
 */
DWORD csp_pin_change(struct csp_card *card, uint32_t role, struct cursor old_pin, struct cursor new_pin,
		     uint32_t *ret_tries);
/*
 * Unblocks a role and gives it a new PIN, on the authority of another: its secret, or empty for what csp_login() keeps
 * of it. retries: the tries from now on, 0 for as many as before. Nobody is authenticated afterwards, and what the
 * application gave before is forgotten but for the authority's secret. Codes as csp_pin_change(), of the authority.
 */
DWORD csp_pin_unblock(struct csp_card *card, uint32_t role, uint32_t authority, struct cursor secret,
		      struct cursor new_pin, uint32_t retries, uint32_t *ret_tries);

/*
 * How many wrong PINs and PUKs block them (1..255), on cards that let somebody choose. Administrator and user have logged in; PIN
 * and PUK have their factory values afterwards, and only the administrator is still authenticated. SCARD_E_INVALID_PARAMETER.
 */
DWORD csp_pin_retries(struct csp_card *card, uint32_t pin, uint32_t puk);

/*
 * The two sides of unblocking off-line. The card's: a challenge; the transaction ends without another command, so that it
 * stays good until somebody, this process or another, talks to the card again. The administrator's, without a card (any
 * thread): the response made of key and challenge; SCARD_E_INVALID_PARAMETER for a key or a challenge of a length that none has.
 * The card's again: a response that is refused costs a try of the authority; one to a challenge that is not outstanding
 * any more is SCARD_E_INVALID_VALUE, and costs nothing.
 */
DWORD csp_challenge(struct csp_card *card, uint32_t authority, struct buf *ret_challenge);
DWORD csp_respond(struct csp *csp, struct cursor key, struct cursor challenge, struct buf *ret_response);
DWORD csp_pin_unblock_response(struct csp_card *card, uint32_t role, uint32_t authority, struct cursor response,
			       struct cursor new_pin, uint32_t retries, uint32_t *ret_tries);

/* A new card --------------------------------------------------------------------------------------------------------- */

struct csp_create {
	bool has_id; /* otherwise a random one */
	uint8_t id[CSP_CARD_ID_LEN];
	struct cursor user_pin;
	uint32_t user_tries; /* 0: the card's own number */
	struct cursor admin_key;
};

/*
 * Makes the file system and the secrets on a blank card; on one that was emptied or left half made, what is missing of
 * it. SCARD_E_INVALID_PARAMETER for a PIN or a key that the card does not take, ERROR_FILE_EXISTS for a card that has a
 * file system.
 */
DWORD csp_create(struct csp_card *card, const struct csp_create *what);
/*
 * Deletes containers, certificates, and files of applications, and begins the container map anew; PINs and keys of the
 * administrator stay, but for the user's PIN, which becomes user_pin (empty: stays). For the administrator.
 */
DWORD csp_recreate(struct csp_card *card, struct cursor user_pin);
/*
 * Makes a card as it came from the factory, where it lets somebody do so: keys, certificates and other content are gone, and PIN, PUK
 * and the administrator's key are the maker's. SCARD_W_SECURITY_VIOLATION when it wants PIN and PUK blocked before.
 */
DWORD csp_reset(struct csp_card *card);

/* Keys and certificates brought ------------------------------------------------------------------------------------------ */

struct private_key; /* base/pubkey.h */

struct csp_import {
	const struct private_key *key;
	bool exchange;
	bool replace;		/* the key in the same slot of container_key's container */
	uint32_t container_key; /* 0, or a key whose container takes this one into its other slot */
	const char *name;	/* as csp_generate.name */
	struct cursor id;
};

/*
 * Puts a key pair on the card, unless the configuration forbids this kind: SCARD_E_NO_ACCESS. SCARD_E_INVALID_PARAMETER
 * for a key that is none. Otherwise as csp_generate().
 */
DWORD csp_import(struct csp_card *card, const struct csp_import *what, uint32_t *ret_key_id);
/*
 * Finds the point of an elliptic-curve key of which only curve and private number are known (any thread, no card).
 * SCARD_E_INVALID_PARAMETER for a number that is none of the curve's keys.
 */
DWORD csp_private_key_point(struct private_key *key);
/* As csp_key_delete(), and the key in the container's other slot with it. */
DWORD csp_container_delete(struct csp_card *card, uint32_t key_id);
/* Makes a key's container the default one. */
DWORD csp_default_set(struct csp_card *card, uint32_t key_id);
/*
 * Writes a certificate, DER, compressed if that is shorter. key_id 0: of whichever key it is;
 * SCARD_E_NO_KEY_CONTAINER when the card has no such key. SCARD_E_INVALID_VALUE when it is no certificate or of another key.
 */
DWORD csp_cert_write(struct csp_card *card, uint32_t key_id, struct cursor der, uint32_t *ret_key_id);

/*
 * Keys and certificates as people have them, PEM, DER or PKCS#12 (any thread, no card). The password is asked only if it
 * is needed: SCARD_W_WRONG_CHV when an empty or this one does not open it. SCARD_E_INVALID_VALUE for anything else.
 */
struct csp_keyfile {
	struct private_key *key; /* NULL: none in it */
	struct buf *certs;	 /* DER; the key's own first */
	size_t cert_count;
	char *name; /* friendly name in UTF-8, or NULL */
};

DWORD csp_keyfile_read(struct csp *csp, struct cursor content, struct cursor password, struct csp_keyfile *ret_file);
void csp_keyfile_free(struct csp_keyfile *file);

/* Whether a certificate, DER, is an authority's (any thread, no card). SCARD_E_INVALID_VALUE for what is none. */
DWORD csp_cert_is_ca(struct csp *csp, struct cursor der, bool *ret_is_ca);

/* Roots: mscp\msroots ----------------------------------------------------------------------------------------------------- */

/* Certificates that the card carries as roots, at most LIMIT_ROOTS. Read when they have changed. Not an error: none. */
DWORD csp_roots_list(struct csp_card *card, const struct csp_cert **ret_certs, size_t *ret_count);
/* SCARD_E_INVALID_VALUE for no certificate, ERROR_FILE_EXISTS for one that is there. */
DWORD csp_roots_add(struct csp_card *card, struct cursor der);
/* That very one, wherever it stands by now; der may point into the list. SCARD_E_FILE_NOT_FOUND. */
DWORD csp_roots_remove(struct csp_card *card, struct cursor der);
/* All of them as the card has them: PKCS#7, certificates only, DER. */
DWORD csp_roots_export(struct csp_card *card, struct buf *ret_pkcs7);

/* Data of applications ------------------------------------------------------------------------------------------------- */

struct csp_data_new {
	const char *application, *label; /* UTF-8, may be NULL */
	struct cursor object_id;	 /* DER, may be empty */
	bool private;
	struct cursor content;
};

/* Makes a file for it, in the directory that application names if it can be one, otherwise in our own. */
DWORD csp_data_create(struct csp_card *card, const struct csp_data_new *what, uint32_t *ret_id);
DWORD csp_data_write(struct csp_card *card, uint32_t id, struct cursor content);
/* What it is called from now on; NULL leaves what there is. SCARD_E_INVALID_VALUE for no UTF-8, and for what is too long. */
DWORD csp_data_name(struct csp_card *card, uint32_t id, const char *application, const char *label,
		    const struct cursor *object_id);
DWORD csp_data_delete(struct csp_card *card, uint32_t id);

/* The card's file system ------------------------------------------------------------------------------------------------- */

enum csp_file_access {
	CSP_ALL_READ_USER_WRITES,
	CSP_USER_EXECUTES,
	CSP_ALL_READ_ADMIN_WRITES,
	CSP_USER_READS_WRITES,
	CSP_ADMIN_READS_WRITES,
	CSP_ACCESS_UNKNOWN
};

struct csp_file {
	char name[CSP_FILE_NAME_MAX];
	bool directory;
	bool known; /* size and access could be read */
	uint32_t size;
	enum csp_file_access access;
};

/*
 * What is in a directory, or in the root (NULL), which also has the directories; *ret_files is freed with free().
 * SCARD_E_DIR_NOT_FOUND, SCARD_E_FILE_NOT_FOUND, SCARD_E_INVALID_PARAMETER (no name at all), SCARD_W_SECURITY_VIOLATION
 * (not even the roles that are authenticated may) in all of these.
 */
DWORD csp_fs_list(struct csp_card *card, const char *directory, struct csp_file **ret_files, size_t *ret_count);
DWORD csp_fs_read(struct csp_card *card, const char *directory, const char *name, struct buf *ret_content);
/* Makes the file when it is not there. */
DWORD csp_fs_write(struct csp_card *card, const char *directory, const char *name, enum csp_file_access access,
		   struct cursor content);
DWORD csp_fs_delete(struct csp_card *card, const char *directory, const char *name);
/* Directories are entered into cardapps and taken out of it. ERROR_FILE_EXISTS, ERROR_DIR_NOT_EMPTY. */
DWORD csp_fs_make(struct csp_card *card, const char *directory);
DWORD csp_fs_remove(struct csp_card *card, const char *directory);

/* What is inconsistent ------------------------------------------------------------------------------------------------------ */

struct csp_finding {
	bool repairable, repaired;
	char text[160];
};

/*
 * Compares container map, keys, certificates, files, counters with each other. With repair set mends what can be mended
 * without loss. *ret_findings is freed with free().
 */
DWORD csp_check(struct csp_card *card, bool repair, struct csp_finding **ret_findings, size_t *ret_count);

/* The cache on disk ----------------------------------------------------------------------------------------------------- */

struct csp_cached {
	uint8_t id[CSP_CARD_ID_LEN];
	uint64_t bytes;
	time_t written; /* last */
};

/* What is kept in a directory (csp_options.cache_directory), at most room cards; none when it is not there. SCARD_E_NO_ACCESS. */
DWORD csp_cached_list(const char *directory, struct csp_cached *ret_cards, size_t room, size_t *ret_count);
/* Forgets a card. SCARD_E_FILE_NOT_FOUND, SCARD_E_NO_ACCESS. */
DWORD csp_cached_clear(const char *directory, const uint8_t id[CSP_CARD_ID_LEN]);

/* Configuration --------------------------------------------------------------------------------------------------------- */

/*
 * Reads the configuration: the system's file, the user's, then the environment (any thread). Every line that is not
 * understood is logged, with file and number, and given to report, which may be NULL. A file that is not there is none.
 */
typedef void (*csp_config_report)(void *context, const char *file, unsigned line, const char *what);
void csp_config_load(struct csp_options *ret_options, csp_config_report report, void *context);

#endif
