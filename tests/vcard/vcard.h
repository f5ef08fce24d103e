/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One virtual card: everything between the ATR and the last status word.
 *
 * A card lives in one file. The file holds the card's persistent memory and, in a section of its own, its volatile
 * memory (selected application, authentication state, security environment, pending answer, open chain), so that
 * several processes can use one card one after the other and find it as a real card would be found: still unlocked if
 * nobody locked it. Saving is atomic (write beside, fsync, rename).
 *
 * The engine knows nothing of the fronts. It is written from the standards (ISO 7816-4, GIDS), never from the
 * module under test, and shares only cardlib/base with it.
 */
#ifndef VCARD_VCARD_H
#define VCARD_VCARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VCARD_ATR_MAX 33
#define VCARD_RESPONSE_MAX (65536 + 2)

struct vcard;

/* Where real cards differ; each switch stands for one deviation. Two sets of them have names, strict and applet. */
enum vcard_quirk {
	VCARD_SELECT_LOGS_OUT = 1u << 0,     /* SELECT by AID drops PIN, admin and MSE */
	VCARD_EMPTY_VERIFY_COUNTS = 1u << 1, /* empty VERIFY answers 63Cx even when verified */
	VCARD_BULK_FAILS_AT_TENS = 1u << 2,  /* 5C00 answers 6F00 with exactly 10, 20 or 30 objects in the file */
	VCARD_BULK_REPEATS = 1u << 3,	     /* 5C00 repeats stale objects after a deletion */
	VCARD_CHAIN_BLOCKS = 1u << 4,	     /* an open chain answers 6884 to everything else, and is not rolled back */
	VCARD_MSE_6F00 = 1u << 5,	 /* mechanism not in the CRT: 6F00; key file without key: MSE 9000, PSO 6F00 */
	VCARD_TWO_STEP_DELETE = 1u << 6, /* zero-length PUT empties first and deletes only the second time */
	VCARD_MSE_OUTLIVES_LOGOUT = 1u << 7, /* a key chosen by MSE still signs after logout or a wrong PIN */
	VCARD_NO_RAW_SIGN = 1u << 8,	     /* RSA mechanism 1x always answers 6F00 */
	VCARD_NO_EXTENDED = 1u << 9,	     /* extended length answers 6700 and is not announced */
	VCARD_NO_BULK = 1u << 10,	     /* 5C00 answers 6A80 */
	VCARD_ECDSA_DER = 1u << 11,	     /* ECDSA answers DER instead of r||s */
	VCARD_T0 = 1u << 12,		     /* only T=0: case 4 without Le, 61xx, 6Cxx */
	VCARD_STRIPS_ZEROS = 1u << 13,	     /* raw decipher strips leading zero bytes */
	VCARD_CHALLENGE_LIVES = 1u << 14,    /* the admin challenge survives other commands in between */
};

#define VCARD_STRICT 0u
#define VCARD_APPLET                                                                                                   \
	(VCARD_SELECT_LOGS_OUT | VCARD_EMPTY_VERIFY_COUNTS | VCARD_BULK_FAILS_AT_TENS | VCARD_BULK_REPEATS |           \
	 VCARD_CHAIN_BLOCKS | VCARD_MSE_6F00 | VCARD_TWO_STEP_DELETE | VCARD_MSE_OUTLIVES_LOGOUT | VCARD_NO_RAW_SIGN | \
	 VCARD_NO_EXTENDED | VCARD_CHALLENGE_LIVES)

/* What a blank card is made with. Zeroed members mean the default named. */
struct vcard_profile {
	uint32_t quirks;	    /* VCARD_STRICT */
	uint8_t atr[VCARD_ATR_MAX]; /* the GIDS application's ATR, see vcard_default_atr() */
	size_t atr_len;
	unsigned pin_tries;   /* 3 */
	unsigned max_objects; /* 100 data objects per file */
	unsigned max_files;   /* 40 files */
	unsigned pin_min;     /* 4 bytes; the specification's 8 would refuse what tools send */
	unsigned pin_max;     /* 16 bytes; at most 127 */
	unsigned max_value;   /* 32000 bytes in one data object */
	unsigned max_import;  /* 4096 bytes in one PUT KEY */
	bool ecc;	      /* key generation and import of P-256, P-384, P-521 */
	bool puk;	      /* has a PUK (then no admin unblock) */
	bool terminable;      /* the application's rule lets the admin terminate it; otherwise nobody may */
};

/* The ATR of a card with these quirks: the GIDS application's AID in the historical bytes. Returns its length. */
size_t vcard_default_atr(uint32_t quirks, uint8_t ret_atr[VCARD_ATR_MAX]);

/* Makes a blank (uninitialised) card in the file, which must not exist. 0, or -1 with errno. */
int vcard_create(const char *path, const struct vcard_profile *profile);

/* Opens a card from its file, volatile memory included. NULL with errno (EBADMSG when the file is damaged). */
struct vcard *vcard_open(const char *path);

/* Frees; does not save. NULL is fine. */
void vcard_close(struct vcard *card);

/* Writes the file if anything, volatile memory included, has changed since it was read. 0, or -1 with errno. */
int vcard_save(struct vcard *card);

/* Cold or warm reset: forgets the volatile memory. */
void vcard_reset(struct vcard *card);

/* The ATR; returns its length. */
size_t vcard_atr(const struct vcard *card, uint8_t ret_atr[VCARD_ATR_MAX]);

/* True when the card only speaks T=0. */
bool vcard_is_t0(const struct vcard *card);

/*
 * One exchange. command may have any length and content; the answer is 2 to VCARD_RESPONSE_MAX bytes in a buffer of
 * that size, its last two bytes the status word. Returns the answer's length, never fails.
 */
size_t vcard_transmit(struct vcard *card, const uint8_t *command, size_t command_len, uint8_t *ret_response);

#endif
