/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of libpcsc-vcard.so, the PC/SC client library without a daemon. What pcscd keeps in its memory is kept in
 * the file system here, so that all processes agree on it.
 *
 * $VCARD_READERS names a directory; every real subdirectory (no leading dot, name shorter than MAX_READERNAME) is a
 * reader of that name, at most PCSCLITE_MAX_READERS_CONTEXTS of them, in the order of their names. No directory, no
 * service. A context belongs to the directory it was made with: when the path leads to another one later, the service
 * counts as restarted. A reader's directory holds
 *
 *	card	symbolic link to the card's file (vcard.h): a card is in the reader. A link that leads nowhere or to
 *		something else is a mute card. Making it inserts, unlinking it removes; the link's inode and time tell
 *		insertions apart.
 *	state	this library's own (pcsc_state.c), under flock while it is read and written
 *	lock	flock: somebody has a transaction or an exchange under way. Unlinked on removal, which ends both.
 *	users	flock: shared by each shared handle, alone by the exclusive one
 *	stats	counters of all exchanges (link.h); remove the file to begin again from 0
 *	trace	if it is there, exchanges are appended to it (link.h)
 *	faults	if it is there, the next exchange of anybody arms it (grammar in link.h), counting itself as the first;
 *		the file is renamed to faults.armed, or to faults.bad when it does not parse (with a line "# why" in the
 *		trace). An empty file disarms. Put it there by rename when exchanges may be under way.
 *	pinpad	if it is there, the reader has keys for PINs and somebody at them (grammar in keypad.h). What is typed is
 *		taken out of it; why a structure was refused is a line "# why" in the trace.
 *
 * $VCARD_PINPAD is what this process's first control of each reader finds in pinpad when that file is not there.
 * $VCARD_LATENCY ("EXCHANGE_US,BYTE_NS") slows this process's exchanges; $VCARD_FAULTS is what this process's first
 * exchange with each reader finds in faults when that file is not there. A value that does not parse makes
 * SCardEstablishContext answer SCARD_E_INVALID_VALUE.
 *
 * The first handle of all powers the card up, the last one down; a process that died counts as disconnected, and the
 * card is reset when it held a transaction, as soon as somebody takes the lock next (in pcscd: at once).
 */
#ifndef VCARD_PCSC_WORLD_H
#define VCARD_PCSC_WORLD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define PCSC_API __attribute__((visibility("default")))
#include <winscard.h>

#include "vcard/link.h"

#define WORLD_READERS_MAX PCSCLITE_MAX_READERS_CONTEXTS

/* --- pcsc_state.c: what all processes know of one reader ------------------------------------------------------- */

enum { POWER_BY_CONNECT = 1, POWER_BY_RESET = 2 };

struct reader_state {
	uint64_t events; /* insertions and removals seen */
	uint64_t removals;
	uint64_t resets;
	uint64_t reset_removals; /* removals at the time of the last reset: which of the two came later */
	uint64_t card_dev, card_ino, card_time; /* identity of the entry "card"; all 0: none */
	uint64_t present;
	uint64_t mute;		       /* does not answer to reset */
	uint64_t powered;	       /* the volatile memory is alive */
	uint64_t unpowered;	       /* by SCARD_UNPOWER_CARD: what gives it power again, or 0 */
	uint64_t protocol;	       /* SCARD_PROTOCOL_*, 0 before the first connection after a reset */
	uint64_t saves;		       /* of the card's file by anybody */
	uint64_t holder;	       /* process in a transaction, 0: none */
	uint64_t holder_stamp;	       /* removals + resets when it began */
	uint64_t armed;		       /* number of fault texts armed so far */
	struct link_progress progress; /* of the last one */
	uint64_t atr_len;
	uint8_t atr[40]; /* VCARD_ATR_MAX, and no padding: states are compared as bytes */
};

_Static_assert(sizeof(((struct reader_state *)0)->atr) >= VCARD_ATR_MAX, "an ATR fits");

/* Reads the state from an open file; zeros when there is none worth the name. True when there was one. */
bool state_read(int fd, struct reader_state *ret_state);
/* Writes it. What fails is lost. */
void state_write(int fd, const struct reader_state *state);

/* --- pcsc_reader.c: one reader, as this process has it ----------------------------------------------------------- */

struct reader {
	struct reader *next;
	unsigned refs; /* guarded by the world's mutex */
	char name[MAX_READERNAME];
	char *path;
	int dir;
	dev_t dev;
	ino_t ino;

	pthread_mutex_t mutex; /* with the flock on state: everything down to card_mutex */
	int state_fd;
	int pin_fd; /* holds the link "card", so that its inode cannot return as another */
	struct stat pin;
	struct reader_state state, stored;

	pthread_mutex_t card_mutex; /* after mutex; everything below. Changed only by who has the flock on lock */
	struct vcard *card;
	char *card_path;
	uint64_t card_saves, card_events; /* the state's, when the card was read or written last */
	struct stat card_stat;
	struct link link;
	uint64_t link_armed;
	bool faults_offered; /* $VCARD_FAULTS has been */
	bool pinpad_offered; /* and $VCARD_PINPAD */
};

struct reader *reader_new(const char *root, const char *name);
void reader_free(struct reader *r);
/* After a fork, in the child: gives up the files without unlocking what is the parent's. */
void reader_abandon(struct reader *r);

/* False when the directory is no longer the reader of its name. */
bool reader_alive(const struct reader *r);

/*
 * Between these two the state is the common one, up to date with the entry "card"; false (and not entered) when the
 * reader is gone. Leaving writes what has changed.
 */
bool reader_enter(struct reader *r);
void reader_leave(struct reader *r);

enum sharing { SHARING_NONE, SHARING_SHARED, SHARING_EXCLUSIVE };
/* Entered. Who is connected. */
enum sharing reader_sharing(struct reader *r);

/* SCARD_PRESENT and so on, as pcscd's readerState. Entered. */
DWORD reader_bits(const struct reader_state *s);

/* --- pcsc_card.c: the card in it --------------------------------------------------------------------------------- */

/*
 * All entered, and with the flock on lock. Reset answers false when the card does not answer to reset; it then is
 * mute.
 */
bool reader_reset(struct reader *r);
void reader_power_down(struct reader *r);
/* Power up if the card has no power. True: it has now. */
bool reader_power_up(struct reader *r);

/*
 * One exchange, with the flock on lock and not entered. SCARD_S_SUCCESS with 0 to VCARD_RESPONSE_MAX bytes in ret_answer;
 * SCARD_W_RESET_CARD, SCARD_W_REMOVED_CARD, SCARD_E_NOT_TRANSACTED, SCARD_E_READER_UNAVAILABLE.
 */
LONG reader_exchange(struct reader *r, const uint8_t *command, size_t len, uint8_t *ret_answer, size_t *ret_len);

/* A line in the trace, if there is one. */
void reader_note(struct reader *r, const char *note);

/* A whole file of the reader's directory, or NULL; at most LINK_TEXT_MAX + 1 bytes, one more than can be right. */
char *reader_read_text(const struct reader *r, const char *name, size_t *ret_len);
/* Once per process and reader: what the environment says as if somebody had put it there, unless somebody has put another. */
void reader_offer(const struct reader *r, const char *variable, const char *name, bool *offered);

/* Protocols an ATR offers, as pcsc-lite reads it; 0 when it cannot be read. */
DWORD atr_protocols(const uint8_t *atr, size_t len);

/* --- pcsc_handle.c: contexts and handles -------------------------------------------------------------------------- */

struct handle {
	struct handle *next;
	SCARDHANDLE value;
	struct reader *reader;
	int users_fd, lock_fd;
	unsigned transactions; /* pcscd's LockCount, if this is the holder */
	uint64_t transaction_removals;
	uint64_t removals, resets; /* as the client knows them */
	bool exclusive;
};

struct context {
	struct context *next;
	SCARDCONTEXT value;
	unsigned refs; /* guarded by the world's mutex */
	char *root;
	int root_fd;		/* holds the directory, so that its inode cannot return as another */
	struct handle *handles; /* the list is guarded by the world's mutex */

	pthread_mutex_t mutex; /* one call at a time, as in pcsc-lite */
	bool released;

	pthread_mutex_t wait_mutex;
	pthread_cond_t wait_cond;
	bool waiting, cancelled;
};

/* SCARD_E_NO_SERVICE without a directory, SCARD_E_NO_MEMORY. */
LONG context_new(SCARDCONTEXT *ret_value);
/* Found and locked, or NULL. */
struct context *context_enter(SCARDCONTEXT value);
void context_leave(struct context *c);
/* Entered: no call finds it any more; its handles are to be closed before. */
void context_release(struct context *c);
/* Found without waiting for the call under way. To be given back with context_unref. */
struct context *context_find(SCARDCONTEXT value);
void context_unref(struct context *c);
/* SCARD_S_SUCCESS, or SCARD_E_NO_SERVICE when the directory is another now, or none. */
LONG context_check(const struct context *c);
bool world_available(void);

/* Finds a handle and enters its context. False: no such handle. */
bool handle_enter(SCARDHANDLE value, struct context **ret_context, struct handle **ret_handle);
/* Context entered. NULL when there is no memory. The handle takes over the reference to the reader on success. */
struct handle *handle_new(struct context *c, struct reader *r);
/* Context entered. Closes what it has open; frees. */
void handle_free(struct context *c, struct handle *h);

/* The readers there are now: at most WORLD_READERS_MAX, each with a reference for reader_unref. */
size_t world_readers(const struct context *c, struct reader *ret_readers[WORLD_READERS_MAX]);
/* One of them by name, referenced, or NULL. */
struct reader *world_reader(const struct context *c, const char *name);
void reader_unref(struct reader *r);

/* --- pcsc_share.c: who may use the card now ------------------------------------------------------------------------ */

enum lock_result {
	LOCK_TAKEN, /* this handle has the flock; reader_unlock gives it back unless a transaction is open */
	LOCK_BUSY,  /* somebody's exchange is under way */
	LOCK_OTHER, /* somebody else is in a transaction */
};

/* Entered. Takes the lock without waiting; finds out whether a transaction of this handle was ended by a removal. */
enum lock_result handle_lock(struct handle *h);
/* Entered or not. Gives the lock back unless the handle is in a transaction. */
void handle_unlock(struct handle *h);
/* Entered, locked: one transaction deeper, one less, or out of all. Unlocking comes after. */
void handle_begin(struct handle *h);
void handle_end(struct handle *h);
void handle_end_all(struct handle *h);
/* Entered. SCARD_S_SUCCESS, SCARD_W_RESET_CARD or SCARD_W_REMOVED_CARD: what has happened since the last connect. */
LONG handle_event(const struct handle *h);
/* Entered. The client knows of everything up to now. */
void handle_acknowledge(struct handle *h);
/* Entered. Registers as a user; SCARD_E_SHARING_VIOLATION. */
LONG handle_join(struct handle *h, bool exclusive);
/* Entered. From exclusive to shared or the other way round. */
LONG handle_change_sharing(struct handle *h, bool exclusive);
/* Entered. No longer a user. True: nobody is. */
bool handle_part(struct handle *h);
/* Closes without a word, for a reader that is gone. */
void handle_close_files(struct handle *h);

/* A short sleep between two tries. */
void world_pause(void);

#endif
