/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One virtual card: everything between the ATR and the last status word.
 *
 * A card lives in one file. The file holds the card's persistent memory and, in a section of its own, its volatile
 * memory (selected application, authentication state, security environment, pending answer, open chain), so that
 * several processes can use one card one after the other and find it as a real card would be found: still unlocked if
 * nobody locked it. Saving is atomic (write beside, fsync, rename).
 *
 * The engine knows nothing of the fronts. It is written from the standards (ISO 7816-4, GIDS, SP 800-73-4), never from the
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

/* The applications that a card can have. */
enum vcard_application {
	VCARD_GIDS = 1u << 0,
	VCARD_PIV = 1u << 1,
};

/*
 * Where real PIV cards differ from SP 800-73-4 and from the widely used extensions, which a card without any of these
 * has. The first group belongs to the dispatcher.
 */
#define VCARD_PIV_CHUNKS_255 (UINT64_C(1) << 0)	      /* an answer carries 255 bytes at most, and 61xx */
#define VCARD_PIV_CHAIN_SURVIVES (UINT64_C(1) << 1)   /* an open chain outlives other commands */
#define VCARD_PIV_ANSWER_SURVIVES (UINT64_C(1) << 2)  /* what GET RESPONSE has not fetched outlives other commands */
#define VCARD_PIV_FOREIGN_DROPS (UINT64_C(1) << 3)    /* SELECT of an unknown name deselects */
#define VCARD_PIV_RESELECT_LIES (UINT64_C(1) << 4)    /* SELECT again drops the PIN; the status query denies it */
#define VCARD_PIV_RESELECT_DROPS (UINT64_C(1) << 5)   /* SELECT again drops PIN and management key */
#define VCARD_PIV_SHORT_AID (UINT64_C(1) << 6)	      /* 4F of the property template has the PIX alone */
#define VCARD_PIV_LISTS_ALGORITHMS (UINT64_C(1) << 7) /* the property template has label, URL and an AC each */
#define VCARD_PIV_COUNTS_630X (UINT64_C(1) << 8)      /* 630x in place of 63Cx */
#define VCARD_PIV_QUERY_DENIES (UINT64_C(1) << 9)     /* the status query never answers 9000 */
#define VCARD_PIV_NO_QUERY (UINT64_C(1) << 10)	      /* the status query answers 6700 */
#define VCARD_PIV_NO_LOGOUT (UINT64_C(1) << 11)	      /* VERIFY with P1 = FF answers 6A86 */
#define VCARD_PIV_COUNTS_FORMAT (UINT64_C(1) << 12)   /* a PIN of the wrong form is a wrong PIN */
#define VCARD_PIV_ANY_PIN (UINT64_C(1) << 13)	      /* PINs of any characters */
#define VCARD_PIV_CHANGE_DROPS (UINT64_C(1) << 14)    /* after CHANGE REFERENCE DATA the PIN is not verified */
#define VCARD_PIV_BLOCK_ERASES (UINT64_C(1) << 15)    /* the keys are lost when PIN and PUK are blocked */
#define VCARD_PIV_SHORT_HASH (UINT64_C(1) << 16)      /* ECDSA takes hashes shorter than the field */
#define VCARD_PIV_NEEDS_82 (UINT64_C(1) << 17)	      /* a private key operation without the empty 82: 6A80 */
#define VCARD_PIV_ECDH_ALL (UINT64_C(1) << 18)	      /* key agreement with every key */
#define VCARD_PIV_BAD_INPUT_6F00 (UINT64_C(1) << 19)  /* 6F00 for points and blocks that no key can use */
#define VCARD_PIV_LEAKS_ABSENT (UINT64_C(1) << 20)    /* a guarded object that is not there: 6A82 before the PIN */
#define VCARD_PIV_PUT_EARLY (UINT64_C(1) << 21)	      /* a chained PUT DATA is refused at its first part */
#define VCARD_PIV_EMPTY_OBJECTS (UINT64_C(1) << 22)   /* absent objects answer 53 00 */
#define VCARD_PIV_NO_DISCOVERY (UINT64_C(1) << 23)    /* no discovery object */
#define VCARD_PIV_BAD_DISCOVERY (UINT64_C(1) << 24)   /* a useless one */
#define VCARD_PIV_GLOBAL_PIN (UINT64_C(1) << 25)      /* the global PIN satisfies the rules of the PIN, too */
#define VCARD_PIV_GLOBAL_FIRST (UINT64_C(1) << 26)    /* and is the one that hosts should ask for */
#define VCARD_PIV_NO_VERSION (UINT64_C(1) << 27)      /* FD: 6D00 */
#define VCARD_PIV_NO_SERIAL (UINT64_C(1) << 28)	      /* F8: 6D00 */
#define VCARD_PIV_ZERO_SERIAL (UINT64_C(1) << 29)     /* F8: zero */
#define VCARD_PIV_NO_METADATA (UINT64_C(1) << 30)     /* F7: 6D00 */
#define VCARD_PIV_ODD_METADATA (UINT64_C(1) << 31)    /* F7: lengths in long form, an empty slot has policies */
#define VCARD_PIV_NO_ATTEST (UINT64_C(1) << 32)	      /* F9: 6D00 */
#define VCARD_PIV_NO_EXTENSIONS (UINT64_C(1) << 33)   /* FE, FF, FA, FB, F6: 6D00 */
#define VCARD_PIV_NO_ADMIN (UINT64_C(1) << 34)	      /* no management key, hence no management */
#define VCARD_PIV_TOLERANT (UINT64_C(1) << 35)	      /* 9C: other commands may stand between VERIFY and the use */
#define VCARD_PIV_CONTACTLESS (UINT64_C(1) << 36)     /* what the contactless interface allows */
#define VCARD_PIV_UNTOUCHED (UINT64_C(1) << 37)	      /* nobody ever touches: keys with a touch policy answer 6982 */
#define VCARD_PIV_FEW_RETIRED (UINT64_C(1) << 38)     /* of the retired keys only 82 to 8C */
#define VCARD_PIV_NO_P384 (UINT64_C(1) << 39)
#define VCARD_PIV_NO_RSA1024 (UINT64_C(1) << 40)
#define VCARD_PIV_OTHER_IDS (UINT64_C(1) << 41)	     /* Ed25519 and X25519 are 22 and 23 */
#define VCARD_PIV_PIN_IS_00 (UINT64_C(1) << 42)	     /* the reference of the PIN is 00, and 80 is unknown */
#define VCARD_PIV_ODD_PIX (UINT64_C(1) << 43)	     /* the property template names A00000030800100001 */
#define VCARD_PIV_EMPTY_6A80 (UINT64_C(1) << 44)     /* a place without key, or the wrong algorithm: 6A80 */
#define VCARD_PIV_ATTEST_LOSES (UINT64_C(1) << 45)   /* attestation of EC keys lacks the byte at 255 */
#define VCARD_PIV_SELECTED_FIRST (UINT64_C(1) << 46) /* selected after a reset already */
#define VCARD_PIV_PUT_TEARS (UINT64_C(1) << 47)	     /* the first part of a chained PUT DATA deletes what was there */
#define VCARD_PIV_ADMIN_6A80 (UINT64_C(1) << 48)     /* the management key in another algorithm than its own: 6A80 */
#define VCARD_PIV_CHALLENGE_ONCE (UINT64_C(1) << 49) /* 6A80 for a challenge right after another one, which is void */
#define VCARD_PIV_PADS_OBJECTS (UINT64_C(1) << 50)   /* two bytes follow each object that is read */
#define VCARD_PIV_FIXED_OBJECTS (UINT64_C(1) << 51)  /* objects that are not the standard's cannot be written: 6A82 */

#define VCARD_PIV_STRICT UINT64_C(0)
/* A widely used applet for Java cards. */
#define VCARD_PIV_APPLET                                                                                               \
	(VCARD_PIV_CHUNKS_255 | VCARD_PIV_CHAIN_SURVIVES | VCARD_PIV_ANSWER_SURVIVES | VCARD_PIV_RESELECT_LIES |       \
	 VCARD_PIV_LISTS_ALGORITHMS | VCARD_PIV_COUNTS_FORMAT | VCARD_PIV_CHANGE_DROPS | VCARD_PIV_BLOCK_ERASES |      \
	 VCARD_PIV_SHORT_HASH | VCARD_PIV_NEEDS_82 | VCARD_PIV_ECDH_ALL | VCARD_PIV_BAD_INPUT_6F00 |                   \
	 VCARD_PIV_LEAKS_ABSENT | VCARD_PIV_PUT_EARLY | VCARD_PIV_ODD_METADATA | VCARD_PIV_FEW_RETIRED)
/* A token with firmware 4 or 5. */
#define VCARD_PIV_TOKEN                                                                                                \
	(VCARD_PIV_SHORT_AID | VCARD_PIV_ANY_PIN | VCARD_PIV_ECDH_ALL | VCARD_PIV_LEAKS_ABSENT |                       \
	 VCARD_PIV_SHORT_HASH | VCARD_PIV_TOLERANT)
/* The first token. */
#define VCARD_PIV_NEO                                                                                                  \
	(VCARD_PIV_TOKEN | VCARD_PIV_COUNTS_630X | VCARD_PIV_QUERY_DENIES | VCARD_PIV_RESELECT_DROPS |                 \
	 VCARD_PIV_FOREIGN_DROPS | VCARD_PIV_NO_LOGOUT | VCARD_PIV_NO_P384 | VCARD_PIV_NO_SERIAL |                     \
	 VCARD_PIV_NO_METADATA | VCARD_PIV_NO_ATTEST)
/* A card of an administration: nothing but the standard, and management for those who issued it. */
#define VCARD_PIV_GOVERNMENT                                                                                           \
	(VCARD_PIV_NO_VERSION | VCARD_PIV_NO_SERIAL | VCARD_PIV_NO_METADATA | VCARD_PIV_NO_ATTEST |                    \
	 VCARD_PIV_NO_EXTENSIONS | VCARD_PIV_NO_ADMIN)

/* The PIV application of a blank card. Zeroed members mean the default named. */
struct vcard_piv_profile {
	uint64_t quirks;	 /* VCARD_PIV_STRICT */
	uint32_t version;	 /* 050700: what the card can follows from it as well */
	unsigned pin_tries;	 /* 3 */
	unsigned puk_tries;	 /* 3 */
	unsigned max_object;	 /* 16000 bytes */
	uint8_t admin_algorithm; /* 03, 08, 0A or 0C; 03. The key is 0102..08, again and again */
};

/* What a blank card is made with. Zeroed members mean the default named. */
struct vcard_profile {
	uint32_t quirks;	    /* VCARD_STRICT */
	uint8_t atr[VCARD_ATR_MAX]; /* see vcard_default_atr(); with PIV on the card one that names no application */
	size_t atr_len;
	unsigned pin_tries;    /* 3 */
	unsigned max_objects;  /* 100 data objects per file */
	unsigned max_files;    /* 40 files */
	unsigned pin_min;      /* 4 bytes; the specification's 8 would refuse what tools send */
	unsigned pin_max;      /* 16 bytes; at most 127 */
	unsigned max_value;    /* 32000 bytes in one data object */
	unsigned max_import;   /* 4096 bytes in one PUT KEY */
	bool ecc;	       /* key generation and import of P-256, P-384, P-521 */
	bool puk;	       /* has a PUK (then no admin unblock) */
	bool terminable;       /* the application's rule lets the admin terminate it; otherwise nobody may */
	unsigned roles;	       /* more PINs than GIDS knows, 1 << 3 to 1 << 7 (gids_role.c) */
	bool session_pins;     /* makes session PINs, which GIDS does not know either (gids_session.c) */
	unsigned applications; /* VCARD_GIDS */
	struct vcard_piv_profile piv;
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
