/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the common part share: the instance, its readers, the card in each, and the steps between a call
 * of csp.h and a call of the minidriver.
 *
 * Locks, in the order in which they are taken:
 *   reader   one for each: card, transaction, view, PINs of that reader
 *   monitor  what csp_poll() saw; never held across card traffic
 *   memory   the registry's memory; held for a copy only
 *   waits    the list of waiting threads (pthread)
 *   release  which transactions end when (pthread)
 */
#ifndef CSP_CARD_H
#define CSP_CARD_H

#include <stdatomic.h>

#include "cardmod.h"
#include "csp/manage.h"
#include "csp/turn.h"
#include "registry.h"
#include "transport/transport.h"

struct csp_crypto;

/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t csp_now_ms(void);

/* release.c: the thread that ends held transactions ------------------------------------------------------------------ */

struct csp_release {
	pthread_mutex_t mutex;
	int changed; /* an eventfd, -1 while there is no thread */
	pthread_t thread;
	bool started;		  /* thread is to be joined */
	bool running;		  /* it has not decided to end */
	bool stop;		  /* no new one may start */
	uint64_t until_ms;	  /* when it means to look again */
	struct csp_release *next; /* list of all, for the library's destructor */
};

bool csp_release_init(struct csp *csp);
/* Ends and joins the thread; transactions that it would have ended stay as they are. */
void csp_release_stop(struct csp *csp);
void csp_release_destroy(struct csp *csp);
/* In a forked child. */
void csp_release_forget(struct csp *csp);
/*
 * Has the reader settled again (csp_reader_unlock) at a time; listen: or as soon as somebody asks for the card. Reader
 * locked; it holds until the next lock. False when there can be no thread.
 */
bool csp_release_arm(struct csp_reader *reader, uint64_t deadline_ms, bool listen);
/* The reader has been locked: nothing is due until it is armed again, or disarmed. */
void csp_release_pause(struct csp_reader *reader);
void csp_release_disarm(struct csp_reader *reader);

/* wait.c ------------------------------------------------------------------------------------------------------------- */

struct csp_waiter;

struct csp_waits {
	pthread_mutex_t mutex;
	pthread_cond_t none; /* the list has become empty */
	struct csp_waiter *first;
	bool cancelled;
};

bool csp_waits_init(struct csp_waits *waits);
void csp_waits_destroy(struct csp_waits *waits);

/* Instance ----------------------------------------------------------------------------------------------------------- */

struct csp {
	struct csp_crypto *crypto;
	const struct lock_ops *locks;
	uint32_t hold_ms; /* 0: a transaction ends with the lock */
	uint32_t busy_ms; /* how long to wait for a card that others use; 0: for ever */
	uint32_t rest_ms; /* how long a card stays connected that is not used; 0: for ever */
	struct csp_policy policy;
	bool no_keypads;		    /* PINs are not asked for at readers */
	char cache_directory[CSP_PATH_MAX]; /* empty: nothing is kept on disk */
	char runtime_directory[CSP_PATH_MAX];
	atomic_bool cancelled;	/* nobody waits for anything any more */
	atomic_bool said_cache; /* what is wrong with it was logged */
	char allow[CSP_PATTERNS_MAX], deny[CSP_PATTERNS_MAX];
	_Atomic uint32_t changes; /* of generations */
	atomic_uint last_number;  /* of a key or of a view; never used twice */

	struct lock monitor_lock;
	atomic_bool polling; /* somebody holds it; as csp_reader.busy */
	struct io_monitor *monitor;
	struct io_reader seen[LIMIT_READERS]; /* by the last poll */
	size_t seen_count;
	uint32_t epoch;
	bool polled;

	struct lock memory_lock;
	struct registry_memory memory;

	struct csp_waits waits;
	struct csp_release release;

	struct csp_reader *readers[LIMIT_READERS];
	atomic_size_t reader_count;
};

struct csp_reader {
	struct csp *csp;
	char name[LIMIT_READER_NAME];
	atomic_bool present;
	_Atomic uint32_t generation;
	atomic_bool gone_noticed; /* a card call saw the removal before the poll did */
	atomic_bool busy;	  /* somebody holds the lock; for a forked child that must not touch it */

	/* by the last poll; monitor lock */
	bool listed;
	uint32_t events;

	/* release lock */
	uint64_t deadline_ms; /* when it is to be settled again, 0 never */
	bool listening;	      /* or when somebody rings */
	int bell;	      /* the turn's */

	/* reader lock */
	struct lock lock;
	struct csp_turn turn;
	struct csp_card *card;
	DWORD refused; /* why the card of refused_generation is of no use, or SCARD_S_SUCCESS */
	uint32_t refused_generation;
};

/* A number that was never given before, and not 0. */
uint32_t csp_next_number(struct csp *csp);

/* reader.c: raises the generation because a card call found the card gone. */
void csp_reader_removed(struct csp_reader *reader);
/* As csp_reader_lock(), if nobody holds it. */
bool csp_reader_try_lock(struct csp_reader *reader);

/* Card --------------------------------------------------------------------------------------------------------------- */

/* The counters of cardcf (minidriver specification, "Cache freshness"). */
struct csp_freshness {
	uint8_t pins;
	uint16_t containers, files;
};

/* Classes of what is kept of a card. */
#define CSP_PINS 1u
#define CSP_CONTAINERS 2u
#define CSP_FILES 4u
#define CSP_ALL (CSP_PINS | CSP_CONTAINERS | CSP_FILES)

struct csp_role {
	bool info_read;
	PIN_INFO info;
	bool key_read;
	CARD_CHALLENGE_KEY key; /* that answers its challenges */
	bool limits_read;
	CARD_PIN_LIMITS limits;
	bool strength_read;
	DWORD strength; /* CARD_PIN_STRENGTH_* */
	bool tries_read;
	CARD_PIN_TRIES tries;
	bool proven;		  /* the kept PIN was right after the tries were read */
	bool doubted;		  /* the PIN may have been changed since, or a verification ended without an answer */
	bool once;		  /* pin is for the next operation only */
	bool session;		  /* pin is a session PIN, which stands for the PIN until the card loses power */
	bool there;		  /* the PIN was typed at the reader, and can be asked for there again */
	struct masked_secret pin; /* or the key of a role that answers challenges */
	uint64_t given_ms;	  /* when the user gave it */
};

struct csp_entry {
	struct csp_key key; /* what the caller sees */
	bool public_read;
	bool public_hidden; /* neither the certificate nor the card has one that fits */
	struct public_key public;
	char cert_file[9];     /* in mscp; empty when there is none */
	bool proven;	       /* the card has made a signature by the public key */
	bool cert_hidden;      /* damaged, or somebody else's */
	struct csp_cert *cert; /* NULL until read */
};

/* roots.c */
struct csp_roots {
	bool known;
	struct csp_cert *certs; /* as csp_roots_list() gives them */
	size_t count;
};

/* data.c; what is not known any more stays, for the numbers of its files. */
struct csp_files {
	bool known;
	struct csp_data *items;
	size_t count;
};

struct csp_view {
	struct csp_entry *entries;
	size_t count;
};

/* What has been logged of a container, so that it is logged once. */
#define CSP_SAID_SIZE 1u
#define CSP_SAID_CERT 2u
#define CSP_SAID_KEY 4u

/* store.c: what minidrivers keep of a card by the cache callbacks, in memory and on disk. */
enum csp_store_state {
	CSP_STORE_CLOSED,     /* not compared with the card in this transaction, or something was changed since */
	CSP_STORE_COLLECTING, /* nothing is kept yet; what comes belongs to the counters that are read afterwards */
	CSP_STORE_OPEN
};

struct csp_item {
	char tag[LIMIT_CACHE_TAG + 1];
	struct buf content;
};

struct csp_store {
	enum csp_store_state state;
	bool tried;	/* the disk was looked at */
	bool off;	/* nothing is kept of this card: it has no identifier of its own */
	bool dirty;	/* there is more than on disk */
	bool from_disk; /* what an earlier process kept was given out, or what nobody compared */
	uint8_t id[CSP_CARD_ID_LEN];
	struct csp_freshness freshness;
	struct csp_item *items;
	size_t count;
};

/* Containers that can be asked for one by one: those with a bit in csp_card.only. */
#define CSP_ONLY_MAX 32u

struct csp_card {
	struct csp *csp;
	struct csp_reader *reader;
	uint32_t generation;
	struct io *io;
	CARD_DATA data;
	bool acquired;
	bool read_only;
	bool curve25519, curve25519_known; /* csp_card_curve25519() */
	uint8_t agrees;			   /* curves that the card computes shared secrets on, by csp_curve_bit() */
	bool gone;			   /* removed or connection void; freed at the next unlock */

	/* the transaction */
	bool begun;
	bool reconnect;	       /* our own reset: the application has to be selected again */
	bool checked;	       /* freshness was compared in this transaction */
	bool unsure;	       /* an exchange was lost while a role was, or may have been, authenticated */
	PIN_SET authenticated; /* roles believed to be authenticated on the card */
	PIN_SET exposed;       /* roles that may be */
	DWORD challenged;      /* dwTransaction of a challenge that waits for its answer; 0 for none */
	uint64_t used_ms;      /* last card operation */
	uint64_t begun_ms;
	uint32_t begun_exchanges; /* of its connection until then */
	uint64_t looked_ms;	  /* when others was found out */
	bool id_known;		  /* what distinguishes it was read, ever */
	uint8_t id[CSP_CARD_ID_LEN];
	bool resting; /* not connected until the next transaction */
	bool others;  /* programs of which we know nothing may wait for the card */

	/* what is kept of the card */
	bool loaded;
	uint32_t only;	/* containers that the view has been asked for, bits by index; 0: all of them */
	bool keys_only; /* and nobody has asked for the certificates of those */
	bool freshness_known;
	struct csp_freshness freshness;
	bool mode_read;
	DWORD cache_mode;
	struct csp_store store;
	struct csp_view view;
	struct csp_files files;
	struct csp_roots roots;
	uint32_t version;
	bool token_read;
	struct csp_token_info token;
	struct csp_role roles[MAX_PINS];
	bool said_map;
	bool said_freshness;
	uint8_t said[LIMIT_CONTAINERS];
};

/*
 * card.c: connects, opens a transaction (which stays open), acquires the minidriver's context. SCARD_E_NO_SMARTCARD,
 * SCARD_E_UNKNOWN_CARD and others.
 */
DWORD csp_card_connect(struct csp_reader *reader, uint32_t generation, struct csp_card **ret_card);
/* Ends the transaction, wipes, disconnects. Leaves *card NULL; NULL is fine. */
void csp_card_free(struct csp_card **card);
/* In a forked child: without a word to the card. */
void csp_card_forget(struct csp_card **card);
/* The card has gone: nothing secret stays; the memory lives until the lock is released. */
void csp_card_removed(struct csp_card *card);
/* True for codes that say that the card, its reader or the service has gone. */
bool csp_code_is_removal(DWORD code);
/* True for codes of exchanges whose outcome is unknown or that never took place; false for an answer of the card. */
bool csp_code_is_trouble(DWORD code);
/* A property of exactly size bytes. SCARD_E_UNEXPECTED for another size. */
DWORD csp_card_property(struct csp_card *card, const char *name, DWORD flags, void *ret_value, size_t size);

/* The bit of a curve in csp_card.agrees; 0 for a size that is no curve's. */
uint8_t csp_curve_bit(unsigned bits);

/* txn.c -------------------------------------------------------------------------------------------------------------- */

/* Begins a transaction unless one is held; also selects the application again after a reset. */
DWORD csp_txn_begin(struct csp_card *card);
/* Deauthenticates what may be authenticated, and ends it. Harmless when there is none. */
void csp_txn_end(struct csp_card *card);
/* Whether others may wait in PC/SC's way; looked up now and then. */
bool csp_txn_has_others(struct csp_card *card);
/* Outside a transaction: lets go of the card until the next one, if it can be known again and loses nothing by that. */
void csp_txn_rest(struct csp_card *card);
/* Marks now as the time of the last card operation. */
void csp_txn_touch(struct csp_card *card);

typedef DWORD (*csp_work)(struct csp_card *card, void *arg);
/*
 * Does card work in a transaction, once more if the card turns out to have been reset by somebody, and draws the
 * conclusions from its code: removal drops the card, a lost exchange makes the state of authentication unsure.
 */
DWORD csp_txn_run(struct csp_card *card, csp_work work, void *arg);

/* file.c ------------------------------------------------------------------------------------------------------------- */

/* Whole file; directory NULL is the root. Codes as pfnCardReadFile; SCARD_E_COMM_DATA_LOST when it is over LIMIT_RESPONSE. */
DWORD csp_file_read(struct csp_card *card, const char *directory, const char *name, struct buf *ret_content);
/* Names, each with its NUL; empty when there are none. */
DWORD csp_file_list(struct csp_card *card, const char *directory, struct buf *ret_names);
/* Writes, makes and deletes a file; codes as the minidriver's functions. A new file is one that the user may write. */
DWORD csp_file_write(struct csp_card *card, const char *directory, const char *name, struct cursor content);
DWORD csp_file_create(struct csp_card *card, const char *directory, const char *name);
DWORD csp_file_delete(struct csp_card *card, const char *directory, const char *name);
/* Writes a file, which is made when it is not there. */
DWORD csp_file_put(struct csp_card *card, const char *directory, const char *name, CARD_FILE_ACCESS_CONDITION access,
		   struct cursor content);
/* The next name of a list; false at its end, which is an empty name or the end of the bytes. */
bool csp_file_next(struct cursor *names, struct cursor *ret_name);
/* True when name is in a list; upper and lower case are the same. */
bool csp_file_listed(struct cursor names, const char *name);

/* cache.c ------------------------------------------------------------------------------------------------------------ */

/* Inside a transaction: compares the freshness counters if that was not done in it, and reads what is stale. */
DWORD csp_cache_check(struct csp_card *card);
/*
 * Of a card without counters, what is kept is found from here on in this transaction; nothing for others. A part of
 * csp_cache_check(), for what comes before it.
 */
DWORD csp_cache_open(struct csp_card *card);
/* The same if anything was kept on disk, and nothing otherwise: before a file is read that the rest does not need. */
DWORD csp_cache_use(struct csp_card *card);
/* What was kept on disk is not this card's: all goes, and the next transaction reads the card. */
void csp_cache_distrust(struct csp_card *card);
/* Decodes cardcf; false when it is too short. */
bool csp_freshness_decode(struct cursor content, struct csp_freshness *ret_freshness);

/* store.c ------------------------------------------------------------------------------------------------------------ */

/* The callbacks and their context, if anything is to be kept on disk. */
void csp_store_install(struct csp_card *card);
/* False for identifiers that many cards may have: zeros and the like. */
bool csp_store_is_own_id(const uint8_t id[CSP_CARD_ID_LEN]);
/*
 * Inside a transaction, before anything is read: looks at the disk. *ret_some: something is there, and the counters are
 * to be read and given to csp_store_compare() first. Otherwise they may as well be read afterwards.
 */
DWORD csp_store_start(struct csp_card *card, bool *ret_some);
/* The counters as they are on the card in this transaction; NULL: it has none. */
void csp_store_compare(struct csp_card *card, const struct csp_freshness *now);
/*
 * Instead of both, for a card without counters, whose minidriver compares what it finds: everything that is kept under the
 * card's identifier is found.
 */
DWORD csp_store_open(struct csp_card *card);
/* Another transaction: nothing is found before the counters are compared again. */
void csp_store_close(struct csp_card *card);
/* Something is being changed, or what was kept turns out to be wrong: all of it goes, on disk, too. */
void csp_store_drop(struct csp_card *card);
/* Writes what is new to disk. */
void csp_store_save(struct csp_card *card);
void csp_store_free(struct csp_store *store);

/* create.c ----------------------------------------------------------------------------------------------------------- */

/* Who may change something; sets of roles. */
#define CSP_BY_USER CREATE_PIN_SET(ROLE_USER)
#define CSP_BY_ADMIN CREATE_PIN_SET(ROLE_ADMIN)
#define CSP_BY_EITHER (CSP_BY_USER | CSP_BY_ADMIN)

/* A change to the card under way. */
struct csp_change {
	bool counted; /* the card has counters */
	struct csp_freshness after;
	unsigned kept; /* classes of what is known and will still be true; all, unless set otherwise */
};

/*
 * Inside a transaction, before anything is changed: authenticates one of the roles and raises the counters of these
 * classes, so that nobody else takes what they know for fresh, whatever becomes of the change. SCARD_E_READ_ONLY_CARD,
 * SCARD_W_CARD_NOT_AUTHENTICATED, SCARD_E_WRITE_TOO_MANY.
 */
DWORD csp_change_begin(struct csp_card *card, PIN_SET who, unsigned classes, struct csp_change *ret_change);
/* Afterwards: brings the view up to date, or forgets it when the change failed with code. Returns what counts. */
DWORD csp_change_end(struct csp_card *card, const struct csp_change *change, DWORD code);
/* Raises counters only, whoever is authenticated. */
DWORD csp_change_announce(struct csp_card *card, unsigned classes, struct csp_change *ret_change);
/* csp_txn_run() of work that changes the card; a PIN that was given for one operation has had it. */
DWORD csp_change_run(struct csp_card *card, csp_work work, void *arg);

/* apps.c ------------------------------------------------------------------------------------------------------------- */

/* In the root: names of the directories of applications, each in so many bytes. */
#define CSP_APPLICATIONS "cardapps"
#define CSP_APPLICATION_SIZE 8u

/* Inside a change: enters a directory into cardapps, or takes it out. Success when there is nothing to do. */
DWORD csp_app_enter(struct csp_card *card, const char *directory);
DWORD csp_app_remove(struct csp_card *card, const char *directory);
/* Whether two names are the same. */
bool csp_app_is(const char *name, const char *other);
/* Inside a change: enters a directory and makes it, unless it is there. */
DWORD csp_app_make(struct csp_card *card, const char *directory);

/* cmap.c ------------------------------------------------------------------------------------------------------------- */

struct csp_container {
	uint8_t index;
	bool is_default;
	uint16_t signature_bits, exchange_bits;
	char name[CSP_NAME_MAX];
};

struct csp_cmap {
	struct csp_container containers[LIMIT_CONTAINERS]; /* those in use */
	size_t count;
	size_t records; /* also unused ones */
	bool damaged;	/* a partial record, too many records, or flags that make no sense */
	bool cut;	/* a partial record and nothing else, as a card leaves it that was pulled */
};

void csp_cmap_decode(struct cursor content, struct csp_cmap *ret_map);
/*
 * Begins a new map: the old one with one record changed; container NULL clears it. Records missing before it are added empty.
 * The default is container's if it says so or nobody's else, otherwise that of the old map or its first container. False
 * when the name is no container's or the map is too long.
 */
bool csp_cmap_change(struct cursor content, uint8_t index, const struct csp_container *container, struct buf *ret_map);
/* The first index that no container uses. */
size_t csp_cmap_free(const struct csp_cmap *map);
/* Changes a record of the map on the card (create.c); container NULL clears it. */
DWORD csp_cmap_write(struct csp_card *card, uint8_t index, const struct csp_container *container);
/* Appends a record that no container uses. */
void csp_cmap_clear(struct buf *map);
/* The map with whole records only, the flags that make sense, and a default container. */
bool csp_cmap_mend(struct cursor content, struct buf *ret_map);
/* Makes a container of the map the default one. */
DWORD csp_cmap_default(struct csp_card *card, uint8_t index);
/* What a key of this many bits is in that slot of a container; KEY_NONE for sizes that no key has. */
enum key_type csp_key_type_of(uint16_t bits, bool exchange);

/* check.c ------------------------------------------------------------------------------------------------------------ */

/* Inside a change: makes the map whole again by what the card says of its keys. */
DWORD csp_map_mend(struct csp_card *card);

/* keygen.c ----------------------------------------------------------------------------------------------------------- */

/* A name for a container that nobody named. */
DWORD csp_random_name(struct csp *csp, char ret_name[CSP_NAME_MAX]);

/* certfile.c --------------------------------------------------------------------------------------------------------- */

/* The content of a certificate file, plain or compressed, as DER. False when it is damaged. */
bool csp_certfile_decode(struct cursor content, struct buf *ret_der);
/* The other way: compressed if that is shorter. False when it is too long or out of memory. */
bool csp_certfile_encode(struct cursor der, struct buf *ret_content);
/* Name of a certificate file: prefix and two digits, hexadecimal or decimal. */
void csp_certfile_name(bool exchange, uint8_t index, bool decimal, char ret_name[9]);

/* view.c, container.c ------------------------------------------------------------------------------------------------ */

/* Directory of the map and of certificates. */
#define CSP_DIRECTORY "mscp"

/* Inside a transaction: reads the map and builds the view anew. kept: classes that have not changed. */
DWORD csp_view_load(struct csp_card *card, unsigned kept);
/* What everybody calls a key of a container, on cards whose containers have fixed meanings; any other code: nothing. */
DWORD csp_container_names(struct csp_card *card, uint8_t index, CARD_KEY_NAMES *ret_names);
/* Inside a transaction: brings what the view says about PINs up to date. */
DWORD csp_view_roles(struct csp_card *card);
void csp_view_free(struct csp_view *view);
/* SCARD_W_REMOVED_CARD, SCARD_E_NO_KEY_CONTAINER. */
DWORD csp_entry_find(const struct csp_card *card, uint32_t key_id, struct csp_entry **ret_entry);
/* Inside a transaction: makes sure that the entry's public key is there; as the key itself has it if from_card. */
DWORD csp_entry_public(struct csp_card *card, struct csp_entry *entry, bool from_card);
/* Inside a transaction: what the minidriver knows without asking the card (CCP_KNOWN_INFO). False: nothing. */
bool csp_container_known(struct csp_card *card, uint8_t index, CONTAINER_INFO *ret_info);
bool csp_entry_known(struct csp_card *card, const struct csp_entry *entry, struct public_key *ret_key);
/* Inside a transaction: finds out which of the files that could be the entry's certificate is, by its public key. */
DWORD csp_entry_settle_cert(struct csp_card *card, struct csp_entry *entry, struct cursor names);
/* True the first time that something (CSP_SAID_*) is to be logged of a container. */
bool csp_card_says(struct csp_card *card, uint8_t container, uint8_t what);
/* AT_* of a key. */
DWORD csp_key_spec(const struct csp_key *key);

/* role.c -------------------------------------------------------------------------------------------------------------- */

/* PIN_INFO of a role, read once. */
DWORD csp_role_info(struct csp_card *card, uint32_t role, const PIN_INFO **ret_info);
/* Tries of a role, read unless known. Unknown values when the card does not tell. */
DWORD csp_role_tries(struct csp_card *card, uint32_t role, CARD_PIN_TRIES *ret_tries);
/* Lengths of a role's PIN, read once; 0 to LIMIT_PIN when the card does not tell. */
DWORD csp_role_limits(struct csp_card *card, uint32_t role, CARD_PIN_LIMITS *ret_limits);
/* Which key answers the role's challenges, read once; unknown when the card does not tell. */
DWORD csp_role_key(struct csp_card *card, uint32_t role, CARD_CHALLENGE_KEY *ret_key);
/* Whether the card makes session PINs of a role's PIN, read once. */
DWORD csp_role_has_sessions(struct csp_card *card, uint32_t role, bool *ret_has);
/* The roles that the card has; those that only unblock may be missing. */
DWORD csp_role_set(struct csp_card *card, PIN_SET *ret_roles);

/* pin.c -------------------------------------------------------------------------------------------------------------- */

/*
 * Makes sure, inside a transaction, that the role is authenticated, with the kept PIN if that is needed and safe.
 * SCARD_W_CARD_NOT_AUTHENTICATED when only the user can help.
 */
DWORD csp_role_authenticate(struct csp_card *card, uint32_t role);
/* The same for one of several roles, preferably one that is authenticated already. */
DWORD csp_role_any(struct csp_card *card, PIN_SET roles, uint32_t *ret_role);
/* After an operation: a PIN given for one operation has had it. */
void csp_role_used(struct csp_card *card, uint32_t role);
/* Doubts every kept PIN that was not verified in this transaction. */
void csp_roles_doubt(struct csp_card *card);
/* Drops what was read about PINs, and doubts them. */
void csp_roles_stale(struct csp_card *card);
/* Wipes every PIN. */
void csp_roles_wipe(struct csp_card *card);

/* Inside a transaction: one presentation of a PIN or key; nothing is kept of it. Codes and tries as csp_login(). */
DWORD csp_role_present(struct csp_card *card, uint32_t role, struct cursor secret, DWORD *ret_left);
/*
 * What authenticates a role: its PIN, or the answer to a challenge, which is asked for; ret_challenge (may be NULL) gets it.
 * Empty when secret is: the reader asks then.
 */
DWORD csp_role_proof(struct csp_card *card, uint32_t role, struct cursor secret, struct buf *ret_challenge,
		     struct secret *ret_proof);
/* The kept PIN or key of a role, if presenting it is safe. SCARD_W_CARD_NOT_AUTHENTICATED. */
DWORD csp_role_kept(struct csp_card *card, uint32_t role, struct secret *ret_secret);
/* What follows from an answer of the card about a role's PIN. */
void csp_role_verified(struct csp_card *card, uint32_t role);
void csp_role_refused(struct csp_card *card, uint32_t role, DWORD left);
void csp_role_forget(struct csp_card *card, uint32_t role);
/* Inside a transaction: keeps what has just been right, as the role's policy says; as a session PIN if the card has them. */
DWORD csp_role_keep(struct csp_card *card, uint32_t role, struct cursor secret);

/* attrs.c ------------------------------------------------------------------------------------------------------------ */

#define CSP_ATTRS_DIRECTORY "p11"
#define CSP_ATTRS_FILE "attrs"

/* Inside a transaction: fills in what applications call the keys of a view. Damage is as good as nothing. */
DWORD csp_attrs_load(struct csp_card *card, struct csp_view *view);
/* Inside a transaction: the name that a container had when somebody named a key in it; empty when nobody knows. */
DWORD csp_attrs_name(struct csp_card *card, uint8_t index, char ret_name[CSP_NAME_MAX]);
/*
 * Inside a change: writes what applications call the keys of the view, with one of them, which may be not in it yet, as
 * it is given, or without it.
 */
DWORD csp_attrs_write(struct csp_card *card, const struct csp_key *changed, bool keep);

/* label.c ------------------------------------------------------------------------------------------------------------ */

#define CSP_LABEL_FILE "token"

/* Inside a transaction: fills in what applications call the token with this identifier. Damage is as good as nothing. */
DWORD csp_label_load(struct csp_card *card, const BYTE id[CSP_CARD_ID_LEN], struct csp_token_info *token);

/* Inside a change: writes a file of our own directory, which is made if need be. */
DWORD csp_note_write(struct csp_card *card, const char *name, struct cursor content);

/* dataname.c --------------------------------------------------------------------------------------------------------- */

#define CSP_NAMES_FILE "names"

/* What data are called when nobody has said anything. */
void csp_names_default(struct csp_data *file);
/* Gives a file other names, NULL for as before; false when they are none, and nothing is changed. */
bool csp_names_set(struct csp_data *file, const char *application, const char *label, const struct cursor *object_id);
/* Inside a transaction: fills in what applications call the data in a list. Damage is as good as nothing. */
DWORD csp_names_load(struct csp_card *card, struct csp_files *files);
/* Inside a change: keeps the names of one file with those of the others that card->files lists, or drops them. */
DWORD csp_names_write(struct csp_card *card, const struct csp_data *changed, bool keep);

/* data.c ------------------------------------------------------------------------------------------------------------- */

void csp_files_free(struct csp_files *files);

/* roots.c ------------------------------------------------------------------------------------------------------------ */

void csp_roots_free(struct csp_roots *roots);
/* Inside a change: writes what is legible of a damaged file anew, or deletes it when that is nothing. */
DWORD csp_roots_mend(struct csp_card *card);

/* callbacks.c -------------------------------------------------------------------------------------------------------- */

/* Memory that crosses the seam; wiped when freed. */
void *csp_block_alloc(size_t size);
void *csp_block_realloc(void *block, size_t size);
void csp_block_free(void *block);

#endif
