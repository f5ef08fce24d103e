/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A minidriver and its card made of a structure that a test fills, for tests of the common part without APDUs. It
 * defines registry_acquire() in place of the registry. Every call of the minidriver is written down as a word, so that
 * a test says which calls an act may cost, and in which order.
 */
#ifndef LIB_FAKECARD_H
#define LIB_FAKECARD_H

#include "cardmod.h"
#include "csp/csp.h"
#include "lib/faketransport.h"

#define FAKE_FILES 16

struct fake_file {
	char directory[9], name[9];
	uint8_t *content;
	size_t len;
	DWORD code; /* what reading it answers when not SCARD_S_SUCCESS */
};

struct fake_role {
	PIN_INFO info;
	char pin[32];
	DWORD tries, max; /* tries_known false: the card never tells */
	bool tries_hidden;
	bool open;	    /* authenticated on the card */
	char typed[32];	    /* what somebody types at the reader; empty: cancelled */
	bool has_sessions;  /* the card makes session PINs */
	char session[16];   /* the one that is good; empty: none */
	const uint8_t *key; /* of a role that answers challenges: the one answer that is right, 8 bytes */
	bool challenged;    /* a challenge waits for its answer */
	char new_pin[64];   /* as the last change brought it, in hex for a key */
};

struct fake_card {
	/* what the card is */
	struct fake_file files[FAKE_FILES];
	struct fake_role roles[MAX_PINS];
	CONTAINER_INFO infos[32];
	PIN_ID container_role;
	DWORD cache_mode;
	bool cannot_list;
	bool read_only;
	bool cannot_agree;
	bool unknown; /* no minidriver serves it */

	/* what happens to it; each is over after it has happened */
	bool reset; /* by another program; seen by the next begin */
	DWORD fail_begin, fail_auth, fail_sign, fail_reconnect, fail_change;
	bool auth_lost; /* a PIN is verified, but the answer does not arrive (fail_auth) */
	bool forgets;	/* the card is locked behind our back before the next signature */
	/* this stays */
	DWORD fail_deauth;
	bool gone; /* taken out: everything answers SCARD_W_REMOVED_CARD */

	/* what was seen */
	char log[1024]; /* words for calls, each with a blank behind */
	bool in_transaction;
	unsigned outside; /* calls without a transaction */
	unsigned begins, ends, resets, contexts;
	CARD_SIGNING_INFO signing; /* the last one; pointers are stale */
	char signing_hash[8], signing_mgf[8];
	uint8_t signed_data[512];
	DWORD signature_len;	/* 0: what the key's public part says */
	struct public_key peer; /* of the last agreement */
	int agreements;		/* not destroyed yet */
	DWORD secret_len;	/* 0: what it is without leading zeros */
	struct io *io;
};

/* A card with PIN 1234 for the user and three tries, counters zero, no containers. */
void fake_card_init(struct fake_card *card);
void fake_card_free(struct fake_card *card);
/* Puts it into a reader. */
void fake_card_put(struct fake_reader *reader, struct fake_card *card);
/* Pulls it. */
void fake_card_pull(struct fake_reader *reader, struct fake_card *card);

/* Makes or replaces a file. */
void fake_file_set(struct fake_card *card, const char *directory, const char *name, const void *content, size_t len);
void fake_file_fails(struct fake_card *card, const char *directory, const char *name, DWORD code);
void fake_file_drop(struct fake_card *card, const char *directory, const char *name);
void fake_counters(struct fake_card *card, uint8_t pins, uint16_t containers, uint16_t files);
/* Appends or replaces a record of the container map. flags 0 makes it free. */
void fake_container(struct fake_card *card, unsigned index, const char *name, uint8_t flags, uint16_t signature_bits,
		    uint16_t exchange_bits);
/* The calls since the last time, as one text. */
const char *fake_calls(struct fake_card *card);

/* The common part over one reader "A" with a card in it. */
struct fake_csp {
	struct csp *csp;
	struct fake_reader *slot;
	struct csp_reader *reader;
	struct csp_card *card; /* while locked */
	struct fake_card fake;
};
void fake_csp_open(struct fake_csp *f, uint32_t hold_ms);
void fake_csp_close(struct fake_csp *f);
/* Locks and gets the card, which must be there. */
void fake_lock(struct fake_csp *f);
void fake_unlock(struct fake_csp *f);

#endif
