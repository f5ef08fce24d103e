/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The common part, as the PKCS#11 front and the tool see it: readers, the card in each, its keys and certificates, PINs,
 * private-key operations on the card and public-key operations in software. What Base CSP and KSP are on Windows.
 *
 * Locking: every function that takes a reader or a card wants the reader's lock held (csp_reader_lock), but for those
 * marked "any thread". A card transaction is opened when one is first needed under the lock and is held beyond the
 * unlock for the configured time, then ended in the background, leaving the card deauthenticated.
 *
 * Codes are those of carderr.h. Common to all card functions: SCARD_E_NO_SMARTCARD (nothing in the reader),
 * SCARD_W_REMOVED_CARD (the card went away, now or since the last call), SCARD_E_COMM_DATA_LOST, SCARD_E_NO_MEMORY.
 */
#ifndef CSP_CSP_H
#define CSP_CSP_H

#include "base/buf.h"
#include "base/lock.h"
#include "base/pubkey.h"
#include "base/secret.h"
#include "carderr.h"

struct csp;
struct csp_reader;
struct csp_card;
struct csp_digest;

/* Instance ------------------------------------------------------------------------------------------------------- */

/* What is allowed, and what is taken when a caller does not say (minidriver specification, policy settings). */
struct csp_policy {
	uint32_t default_key_bits; /* RSA; 0: CSP_DEFAULT_KEY_BITS */
	bool require_on_card_generation;
	bool import_signature, import_exchange; /* RSA keys */
	bool import_ecdsa, import_ecdhe;
};
#define CSP_DEFAULT_KEY_BITS 2048u

/* Bytes of a list of patterns with its NUL, and of a path. */
#define CSP_PATTERNS_MAX 512
#define CSP_PATH_MAX 512

struct csp_options {
	const struct lock_ops *locks;	 /* NULL: pthread; must outlive the instance */
	bool no_threads;		 /* the application forbids threads, or has its own mutexes: hold time is 0 */
	uint32_t transaction_timeout_ms; /* hold time after the last operation; CSP_DEFAULT_TIMEOUT_MS */
	uint32_t busy_timeout_ms;	 /* wait for a card that others use; 0: for ever */
	uint32_t connection_timeout_ms;	 /* after the last operation the card is let go of; 0: never */
	struct csp_policy policy;
	bool no_keypads; /* PINs are not asked for at the keys of a reader */
	/* readers by name, patterns of fnmatch(3) with a bar between; allow empty: all that deny does not name */
	char allow[CSP_PATTERNS_MAX], deny[CSP_PATTERNS_MAX];
	/* where public data of cards are kept from one process to the next; absolute; empty: nowhere */
	char cache_directory[CSP_PATH_MAX];
	char runtime_directory[CSP_PATH_MAX]; /* where programs of the user meet; empty: nowhere */
	bool no_disk_cache;		      /* of the configuration, which leaves cache_directory empty then */
	int log_level;			      /* enum log_level, 0 for none; for log_open_as() */
	char log_file[CSP_PATH_MAX];
};
#define CSP_DEFAULT_TIMEOUT_MS 1500u
#define CSP_DEFAULT_BUSY_MS 60000u
#define CSP_DEFAULT_CONNECTION_MS 10000u

/* Never fails for a missing service or reader. SCARD_E_NO_MEMORY, SCARD_F_INTERNAL_ERROR (libcrypto). */
DWORD csp_open(const struct csp_options *options, struct csp **ret_csp);
/* Ends transactions (deauthenticating), wipes secrets, joins the helper thread. No other call may be under way. */
void csp_close(struct csp **csp);
/* In a forked child: drops everything without a word to the smart card service and without touching any lock. */
void csp_forget(struct csp **csp);

/* Readers (any thread) ---------------------------------------------------------------------------------------------- */

/*
 * Looks at the readers without waiting and without card traffic. Readers that are new are appended when add is true;
 * a reader never leaves the list, and is found again by name. A missing service is success with nothing present.
 */
DWORD csp_poll(struct csp *csp, bool add);
size_t csp_reader_count(const struct csp *csp);
/* index < csp_reader_count(); the pointer is good until csp_close(). */
struct csp_reader *csp_reader_at(struct csp *csp, size_t index);
const char *csp_reader_name(const struct csp_reader *reader);
/* As of the last poll. */
bool csp_reader_present(const struct csp_reader *reader);
/* Rises with every insertion, removal, and restart of the service. As of the last poll, or of the last card call that noticed. */
uint32_t csp_reader_generation(const struct csp_reader *reader);
/*
 * Waits until the readers differ from what the last csp_poll() saw. SCARD_E_CANCELLED after csp_cancel_waits() (which
 * also ends waits that begin later), SCARD_E_TIMEOUT.
 */
DWORD csp_wait(struct csp *csp, uint32_t timeout_ms);
#define CSP_WAIT_FOREVER UINT32_MAX
/* Ends the waits under way with success, and counts as a change: for what the caller knows and PC/SC does not. */
void csp_wake_waits(struct csp *csp);
/* Rises whenever a generation does. */
uint32_t csp_changes(const struct csp *csp);
/* As csp_wait(), but does not wait when there have been changes since that number was read. */
DWORD csp_wait_since(struct csp *csp, uint32_t changes, uint32_t timeout_ms);
void csp_cancel_waits(struct csp *csp);
/* Waits until no csp_wait() is under way; after csp_cancel_waits(). */
void csp_join_waits(struct csp *csp);

void csp_reader_lock(struct csp_reader *reader);
void csp_reader_unlock(struct csp_reader *reader);

/* Card -------------------------------------------------------------------------------------------------------------- */

/*
 * The card in the reader, connected and recognised on first use. SCARD_E_UNKNOWN_CARD when no minidriver serves it
 * (remembered until the card leaves: asking again costs nothing). The pointer is good until the lock is released; keep
 * the generation and ask again.
 */
DWORD csp_reader_card(struct csp_reader *reader, struct csp_card **ret_card);

#define CSP_UNKNOWN UINT32_MAX

struct csp_token_info {
	char label[33]; /* UTF-8, at most 32 bytes; csp_token_name() */
	char manufacturer[33];
	char model[17];
	char serial[17];     /* 16 hex digits from the card identifier */
	bool login_required; /* some key wants a PIN */
	bool pin_at_reader;  /* the user PIN can be typed at the reader: csp_login() without one */
	bool read_only;
	bool pin_unset;			/* nobody knows the user's PIN: csp_token_name() */
	uint32_t pin_min, pin_max;	/* bytes */
	uint32_t tries_left, tries_max; /* of the user PIN, or CSP_UNKNOWN; as last seen */
};

/* Reads the card at the first call; later calls answer from memory, with the tries that our own attempts left. */
DWORD csp_token_info(struct csp_card *card, struct csp_token_info *ret_info);
/* Whether the card says that it cannot be written; known since it was recognised. */
bool csp_card_read_only(const struct csp_card *card);
/* Whether the card computes shared secrets (ECDH) at all; known since it was recognised. */
bool csp_card_agrees(const struct csp_card *card);
/* Whether the card has keys of Ed25519 and X25519; asks it, once. */
DWORD csp_card_curve25519(struct csp_card *card, bool *ret_has);

/* Keys -------------------------------------------------------------------------------------------------------------- */

/* Bytes of a container name in UTF-8 with its NUL: 39 UTF-16 units. */
#define CSP_NAME_MAX 118
/* Bytes of an identifier that an application gives a key, and of a label with its NUL. */
#define CSP_CKAID_MAX 64
#define CSP_LABEL_MAX 256

/* One key of a container. A container with an exchange and a signature key gives two. */
struct csp_key {
	uint32_t id;	      /* never 0, not reused; the same as long as container, slot, name and size are */
	uint8_t container;    /* index in the container map */
	bool exchange;	      /* exchange slot (sign and decrypt), otherwise signature slot */
	bool other_slot_used; /* the container has a key in the other slot as well */
	bool is_default;
	enum key_type type;
	unsigned bits;
	bool can_sign, can_decrypt, can_derive;
	uint32_t role;		  /* PIN role that guards it; CSP_ROLE_EVERYONE: none */
	bool always_authenticate; /* the role's PIN is wanted for every operation */
	bool has_cert;		  /* a certificate file exists; whether it can be read is another matter */
	bool local;		  /* made on this card by csp_generate(); known as long as the card stays */
	char name[CSP_NAME_MAX];
	uint8_t number;		      /* what everybody calls a key of this container; 0: nothing */
	char usual_name[32];	      /* likewise, as in "certificate for ..."; empty: nothing */
	uint8_t ckaid[CSP_CKAID_MAX]; /* what an application calls it: csp_key_name() */
	size_t ckaid_len;	      /* 0: nothing */
	char label[CSP_LABEL_MAX];    /* likewise; empty: nothing */
};

/*
 * Brings the view of the card up to date: one exchange when the freshness counters have not moved and a transaction has
 * to be begun, none while one is held. Damage to the container map hides what it damages and is logged once.
 * *ret_version (may be NULL) changes when anything in the view may have changed; no two cards ever have the same.
 */
DWORD csp_refresh(struct csp_card *card, uint32_t *ret_version);
/*
 * The same for who wants the key that everybody calls by a number (csp_key.number): where a card would have to be asked for
 * each of its keys the others are left out of the view until csp_refresh() is called, and the key has no name yet. keys_only:
 * the certificate is not wanted, so that has_cert says what is usual until somebody asks (csp_key_cert).
 */
DWORD csp_refresh_number(struct csp_card *card, uint8_t number, bool keys_only, uint32_t *ret_version);
/*
 * The view as of the last refresh; no card traffic. Pointers are good until the next refresh, which every other function
 * that needs the card may be: csp_key_public(), csp_key_cert(), csp_login_once(), csp_sign(), csp_decrypt(). It is none
 * while the lock is held since a refresh, unless the card is reset or removed.
 */
size_t csp_key_count(const struct csp_card *card);
const struct csp_key *csp_key_at(const struct csp_card *card, size_t index);
/* NULL when there is no such key (any more). */
const struct csp_key *csp_key_find(const struct csp_card *card, uint32_t key_id);

/*
 * The public key: from the certificate when there is one that fits the container, else read from the card, once. The
 * pointer is good until the next refresh. SCARD_E_NO_KEY_CONTAINER when the key is gone or cannot be read.
 */
DWORD csp_key_public(struct csp_card *card, uint32_t key_id, const struct public_key **ret_key);

struct csp_cert {
	struct buf der;
	bool parsed;			       /* false: only der counts */
	struct cursor subject, issuer, serial; /* DER, inside der */
	struct cursor spki;		       /* DER SubjectPublicKeyInfo, inside der */
	char not_before[9], not_after[9];      /* YYYYMMDD or empty */
	bool is_ca;
	struct public_key key; /* type KEY_NONE when unknown */
};

/*
 * The certificate, uncompressed; read once. SCARD_E_FILE_NOT_FOUND when there is none or it is damaged (logged once).
 * The pointer is good until the next refresh.
 */
DWORD csp_key_cert(struct csp_card *card, uint32_t key_id, const struct csp_cert **ret_cert);

/* Bits of an RSA key when nobody says (any thread). */
uint32_t csp_default_key_bits(const struct csp *csp);

/* Keys made and removed ----------------------------------------------------------------------------------------------- */

struct csp_generate {
	enum key_type type;
	unsigned bits;	  /* 0 for RSA: as configured */
	bool exchange;	  /* a key that decrypts or agrees as well, otherwise one that only signs */
	const char *name; /* of the container, UTF-8; NULL or empty: a random one; the key's label when it is taken */
	struct cursor id; /* the application's identifier; empty for none */
};

/*
 * Makes a key pair on the card, in a container of its own, and brings the view up to date; the card's first container
 * becomes its default. Nothing is left behind by a failure, but for what a card that was pulled could not be told to
 * drop: that is not seen by anybody and is used again.
 * SCARD_W_CARD_NOT_AUTHENTICATED as csp_sign(), SCARD_E_READ_ONLY_CARD, SCARD_E_WRITE_TOO_MANY (no room),
 * SCARD_E_UNSUPPORTED_FEATURE (not such a key on this card), SCARD_E_INVALID_PARAMETER (no such size),
 * SCARD_E_INVALID_VALUE (the name is none: no UTF-8, more than 39 UTF-16 units, a backslash, a control character),
 * SCARD_E_UNEXPECTED (the card made something else), SCARD_E_COMM_DATA_LOST also for a damaged container map, which may
 * hide keys.
 */
DWORD csp_generate(struct csp_card *card, const struct csp_generate *what, uint32_t *ret_key_id);
/*
 * Deletes a container: certificate, key, record; another container becomes the default one if need be. A card that is
 * pulled meanwhile may show the key without its certificate, or without working; it can be deleted again.
 * SCARD_E_NO_KEY_CONTAINER, SCARD_E_UNSUPPORTED_FEATURE (its other slot has a key as well), else as csp_generate().
 */
DWORD csp_key_delete(struct csp_card *card, uint32_t key_id);
/* Deletes the certificate alone. SCARD_E_FILE_NOT_FOUND when there is none. */
DWORD csp_cert_delete(struct csp_card *card, uint32_t key_id);

/*
 * Keeps on the card what an application calls a key: an identifier of 1 to CSP_CKAID_MAX bytes, a label in UTF-8; NULL
 * leaves what there is, an empty label is the container's name again. SCARD_E_INVALID_VALUE (length),
 * SCARD_E_NO_KEY_CONTAINER, else as csp_generate().
 */
DWORD csp_key_name(struct csp_card *card, uint32_t key_id, const struct cursor *id, const char *label);

/* Files of applications ------------------------------------------------------------------------------------------------- */

/* Bytes of the name of a directory or a file on the card, ASCII, with its NUL. */
#define CSP_FILE_NAME_MAX 9

/* A file in a directory of the card that an application has for itself. */
struct csp_data {
	uint32_t id; /* as csp_key.id, and never that of a key */
	char directory[CSP_FILE_NAME_MAX], name[CSP_FILE_NAME_MAX];
	bool private; /* the user's PIN is wanted for reading */
	/* what applications call it: what they have said, or what directory and file are called */
	char application[CSP_LABEL_MAX], label[CSP_LABEL_MAX];
	uint8_t object_id[CSP_CKAID_MAX]; /* DER */
	size_t object_id_len;
};

/*
 * Reads which files there are, unless that is known since they last changed; after csp_refresh() with the lock held, no
 * more than that is read. Files that only an administrator can read are left out.
 */
DWORD csp_data_list(struct csp_card *card);
/* As of the last csp_data_list(); pointers are good until the next. */
size_t csp_data_count(const struct csp_card *card);
const struct csp_data *csp_data_at(const struct csp_card *card, size_t index);
/* NULL when there is no such file. */
const struct csp_data *csp_data_find(const struct csp_card *card, uint32_t id);
/*
 * The content; LIMIT_RESPONSE at most. SCARD_E_FILE_NOT_FOUND (it has gone), SCARD_W_CARD_NOT_AUTHENTICATED as
 * csp_sign(), SCARD_E_NO_ACCESS (not even with the PIN), SCARD_W_SECURITY_VIOLATION (it is not for everybody any more).
 */
DWORD csp_data_read(struct csp_card *card, uint32_t id, struct buf *ret_content);

/* False for an RSA key that libcrypto refuses and for a point that is not on its curve (any thread, no card). */
bool csp_public_key_valid(struct csp *csp, const struct public_key *key);
/* Encodes DER SubjectPublicKeyInfo. */
DWORD csp_public_key_spki(struct csp *csp, const struct public_key *key, struct buf *ret_der);

/* PINs -------------------------------------------------------------------------------------------------------------- */

#define CSP_ROLE_EVERYONE 0u
#define CSP_ROLE_USER 1u
#define CSP_ROLE_ADMIN 2u

/*
 * Verifies a PIN that the user has just given, and keeps it as the role's cache policy says, so that later transactions
 * can present it again. *ret_tries (may be NULL) gets the tries left or CSP_UNKNOWN.
 * pin NULL with length 0: the reader asks for it (pin_at_reader); SCARD_W_CANCELLED_BY_USER, SCARD_E_TIMEOUT then.
 * SCARD_W_WRONG_CHV, SCARD_W_CHV_BLOCKED, SCARD_E_INVALID_PARAMETER (no PIN of this card can look like that; no try spent),
 * SCARD_E_UNSUPPORTED_FEATURE (no such role, one that only unblocks, or one whose PIN is typed at the reader only).
 * A wrong PIN also forgets a kept one.
 */
DWORD csp_login(struct csp_card *card, uint32_t role, const uint8_t *pin, size_t pin_len, uint32_t *ret_tries);
/*
 * For keys with always_authenticate: verifies the PIN for the one operation that follows, in the same transaction.
 * Should that end before, the operation presents the PIN once more; then it is forgotten. Codes as csp_login().
 */
DWORD csp_login_once(struct csp_card *card, uint32_t role, const uint8_t *pin, size_t pin_len, uint32_t *ret_tries);
/*
 * The same with the user's PIN, for an application that has just given that and nothing since, where it is this role's PIN
 * as well. SCARD_W_CARD_NOT_AUTHENTICATED when it is another, or not kept.
 */
DWORD csp_login_with_users(struct csp_card *card, uint32_t role);
/* Forgets the PINs of all roles, deauthenticates the card if it is authenticated, ends the transaction. */
void csp_logout(struct csp_reader *reader);

/* Operations -------------------------------------------------------------------------------------------------------- */

enum csp_hash { CSP_HASH_NONE, CSP_SHA1, CSP_SHA224, CSP_SHA256, CSP_SHA384, CSP_SHA512 };
enum csp_padding { CSP_PAD_RAW, CSP_PAD_PKCS1, CSP_PAD_PSS, CSP_PAD_OAEP, CSP_PAD_ECDSA, CSP_PAD_EDDSA };

/* Bytes of a digest; 0 for CSP_HASH_NONE. */
size_t csp_hash_len(enum csp_hash hash);

struct csp_scheme {
	enum csp_padding padding;
	enum csp_hash hash;  /* PKCS1: DigestInfo to put before the data, NONE for none; PSS, OAEP: the hash */
	enum csp_hash mgf;   /* PSS, OAEP: hash of MGF1 */
	size_t salt_len;     /* PSS */
	struct cursor label; /* OAEP; not owned */
};

/*
 * Signs on the card. data: RAW: a block of modulus length; PKCS1: what is to be padded; PSS: the hash; ECDSA: the hash,
 * cut or not; EDDSA: the message, of 1 to LIMIT_EDDSA_INPUT bytes. ret_signature needs pubkey_signature_len() bytes of
 * room; ECDSA gives r || s, EDDSA the 64 bytes of RFC 8032.
 * SCARD_W_CARD_NOT_AUTHENTICATED: no PIN is kept for the key's role, or the kept one has become wrong (it is forgotten
 * then and never sent again), or would cost the last try. SCARD_E_NO_KEY_CONTAINER, SCARD_E_INVALID_PARAMETER (data length),
 * SCARD_E_UNSUPPORTED_FEATURE (this card cannot do this scheme with this key).
 */
DWORD csp_sign(struct csp_card *card, uint32_t key_id, const struct csp_scheme *scheme, struct cursor data,
	       uint8_t *ret_signature, size_t room, size_t *ret_len);
/*
 * Decrypts on the card: RAW gives the whole block, PKCS1 and OAEP the message. Bad PKCS1 padding gives a message all the
 * same, one that looks random and is always the same for a ciphertext (implicit rejection), but where the card unpads;
 * there, and with OAEP, every kind of bad padding is SCARD_E_INVALID_VALUE. All this after the same time. ciphertext has
 * the modulus length. Other codes as csp_sign().
 */
DWORD csp_decrypt(struct csp_card *card, uint32_t key_id, const struct csp_scheme *scheme, struct cursor ciphertext,
		  struct secret *ret_plain);

/*
 * As csp_decrypt() with PKCS1, of a message that must have len bytes (at least 1): bad padding, wherever it is found, and
 * any other length give len pseudo-random bytes, always the same for a ciphertext, and nothing tells of it.
 */
DWORD csp_decrypt_exactly(struct csp_card *card, uint32_t key_id, struct cursor ciphertext, size_t len,
			  struct secret *ret_plain);
/*
 * The secret shared with the owner of another public key (ECDH, SP 800-56A 5.7.1.2): the x coordinate in all of its
 * bytes, or the 32 bytes of X25519 (RFC 7748). SCARD_E_INVALID_PARAMETER for a key on another curve, SCARD_E_INVALID_VALUE for a point on none; neither gets
 * to the card. Other codes as csp_sign().
 */
DWORD csp_agree(struct csp_card *card, uint32_t key_id, const struct public_key *peer, struct secret *ret_z);

/* Public-key operations in software (any thread, no card). */

/* *ret_good tells whether the signature is right. SCARD_E_INVALID_PARAMETER for lengths that cannot be. ECDSA: r || s; EDDSA: data is
 * the message, which may be empty. */
DWORD csp_verify(struct csp *csp, const struct public_key *key, const struct csp_scheme *scheme, struct cursor data,
		 struct cursor signature, bool *ret_good);
/*
 * What an RSA signature was made of, PKCS1 without hash or RAW: the data under the padding, or the whole block. ret_data
 * needs the modulus length of room. SCARD_E_INVALID_VALUE when nothing is under it, SCARD_E_INVALID_PARAMETER for a
 * signature of another length, SCARD_E_UNSUPPORTED_FEATURE for other schemes.
 */
DWORD csp_recover(struct csp *csp, const struct public_key *key, const struct csp_scheme *scheme,
		  struct cursor signature, uint8_t *ret_data, size_t room, size_t *ret_len);
/* RAW, PKCS1, OAEP; ret_cipher needs the modulus length. SCARD_E_INVALID_PARAMETER when the data is too long or, raw, not below the modulus. */
DWORD csp_encrypt(struct csp *csp, const struct public_key *key, const struct csp_scheme *scheme, struct cursor plain,
		  uint8_t *ret_cipher, size_t room, size_t *ret_len);

DWORD csp_digest_new(struct csp *csp, enum csp_hash hash, struct csp_digest **ret_digest);
DWORD csp_digest_update(struct csp_digest *digest, struct cursor data);
/* ret_value needs csp_hash_len() bytes; the digest cannot be used further, only freed. */
DWORD csp_digest_final(struct csp_digest *digest, uint8_t *ret_value);
void csp_digest_free(struct csp_digest **digest);

DWORD csp_random(struct csp *csp, void *ret_bytes, size_t len);
/*
 * At most LIMIT_RSA_BYTES that only this instance can make of label and data, the same each time: what marks our own
 * bytes when they come back, and what stands in for a message that is none.
 */
DWORD csp_pseudorandom(struct csp *csp, const char *label, struct cursor data, uint8_t *ret_bytes, size_t len);

/* What tells one AES key from another without showing it (CKA_CHECK_VALUE): the beginning of a block of zeros, encrypted. */
#define CSP_CHECK_VALUE_LEN 3u
/* SCARD_E_INVALID_PARAMETER unless the key has 16, 24 or 32 bytes, SCARD_F_INTERNAL_ERROR. */
DWORD csp_aes_check_value(struct csp *csp, const struct secret *key, uint8_t ret_value[CSP_CHECK_VALUE_LEN]);

#endif
