/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of the virtual card: what the ISO 7816-4 dispatcher and the applets owe each other, and the doors that only
 * tests may use. Fronts include vcard.h alone.
 */
#ifndef VCARD_ENGINE_H
#define VCARD_ENGINE_H

#include "base/buf.h"
#include "vcard/key.h"
#include "vcard/vcard.h"

/* ISO 7816-4, 5.1.3, as far as the applets use them. */
enum {
	SW_OK = 0x9000,
	SW_MORE = 0x6100,
	SW_TERMINATED = 0x6285,
	SW_WRONG_PIN = 0x63C0,
	SW_MEMORY = 0x6581,
	SW_LENGTH = 0x6700,
	SW_CHANNEL = 0x6881,
	SW_SECURE_MESSAGING = 0x6882,
	SW_CHAINING = 0x6884,
	SW_FILE_KIND = 0x6981,
	SW_SECURITY = 0x6982,
	SW_BLOCKED = 0x6983,
	SW_CONDITIONS = 0x6985,
	SW_NOT_ALLOWED = 0x6986,
	SW_DATA = 0x6A80,
	SW_FUNCTION = 0x6A81,
	SW_NO_FILE = 0x6A82,
	SW_FULL = 0x6A84,
	SW_P1P2 = 0x6A86,
	SW_NO_DATA = 0x6A88,
	SW_EXISTS = 0x6A89,
	SW_EXACT = 0x6C00,
	SW_INS = 0x6D00,
	SW_CLA = 0x6E00,
	SW_FAULT = 0x6F00,
};

enum {
	INS_VERIFY = 0x20,
	INS_MSE = 0x22,
	INS_CHANGE = 0x24,
	INS_PSO = 0x2A,
	INS_RESET_RETRY = 0x2C,
	INS_ACTIVATE = 0x44,
	INS_GENERATE = 0x47,
	INS_GENERAL_AUTH = 0x87,
	INS_SELECT = 0xA4,
	INS_GET_RESPONSE = 0xC0,
	INS_GET_DATA_EVEN = 0xCA,
	INS_GET_DATA = 0xCB,
	INS_PUT_DATA = 0xDB,
	INS_CREATE = 0xE0,
	INS_DELETE = 0xE4,
	INS_TERMINATE = 0xE6,
};

/* The longest data field that a chain may add up to. */
#define CHAIN_MAX 65535u
/* The longest answer, without status word. */
#define ANSWER_MAX (VCARD_RESPONSE_MAX - 2u)
/* The largest card file. */
#define STATE_MAX (32u * 1024 * 1024)

struct vcard_command {
	uint8_t cla;
	uint8_t ins;
	uint8_t p1;
	uint8_t p2;
	struct cursor data;
	bool has_le;
	bool extended;
	size_t ne; /* bytes the host asks for at most; 0 without Le */
};

/* What a card lends its applets. */
struct vcard_env {
	struct vcard_profile profile;
	struct vcard_crypto crypto;
	bool global_verified; /* volatile: the global PIN, which outlives a change of the application */
};

/*
 * An applet: one application of the card. Status words are returned; data goes into the answer, which counts only with
 * 9000 or a warning. The dispatcher has taken care of class, length, chaining and GET RESPONSE.
 */
struct vcard_applet {
	enum vcard_application application;
	uint8_t id; /* names its section of the card file */
	const uint8_t *aid;
	size_t aid_len;
	/* Over T=1 answers come without Le, too: tools of tokens leave it out and expect them. */
	bool answers_unasked;
	/* A blank application; NULL when out of memory. env outlives it. */
	void *(*create)(struct vcard_env *env);
	void (*destroy)(void *applet);
	/* SELECT by name; again means that the applet was selected already. */
	uint16_t (*select)(void *applet, const struct vcard_command *command, bool again, struct buf *answer);
	uint16_t (*process)(void *applet, const struct vcard_command *command, struct buf *answer);
	/* A part of a chain that is not its last one; its data is all that has come so far. 9000 to go on. */
	uint16_t (*chain)(void *applet, const struct vcard_command *command, bool first);
	/* A command that the dispatcher answered by itself came in between. */
	void (*interrupted)(void *applet);
	/* Another applet was selected, or the card was reset: its volatile memory is lost. */
	void (*reset)(void *applet);
	void (*save)(const void *applet, struct buf *persistent, struct buf *transient);
	/* Into a blank applet. False when the bytes cannot be a state; the applet is destroyed then. */
	bool (*load)(void *applet, struct cursor *persistent, struct cursor *transient);
};

extern const struct vcard_applet vcard_gids_applet;
extern const struct vcard_applet vcard_piv_applet;

#define VCARD_APPLETS 2
#define VCARD_NOT_SELECTED VCARD_APPLETS

struct vcard {
	char *path;
	struct vcard_env env;
	void *applets[VCARD_APPLETS];
	struct buf saved; /* the file's content as read or last written */
	/* volatile */
	unsigned selected; /* index, or VCARD_NOT_SELECTED */
	bool chain_open;
	uint8_t chain_head[3]; /* INS, P1, P2 */
	struct buf chain;
	struct buf pending; /* what GET RESPONSE fetches */
	size_t pending_at;
};

/* The applets in the order in which SELECT looks at them. */
extern const struct vcard_applet *const vcard_applets[VCARD_APPLETS];

/* A card in memory, blank, without a file. NULL with errno. */
struct vcard *vcard_new(const char *path, const struct vcard_profile *profile);
/* Puts the defaults in place of zeros. */
void vcard_profile_fill(struct vcard_profile *profile);
/* False when the members contradict each other or leave the card's own limits. */
bool vcard_profile_good(const struct vcard_profile *profile);
/* state.c: all of the card as bytes, and back. */
void vcard_encode(const struct vcard *card, struct buf *state);
bool vcard_decode(struct vcard *card, struct cursor state);
/* Puts the right checksum under a state that was changed. */
void vcard_seal(struct buf *state);
/* A length and that many bytes, for the card file. */
void vcard_put_block(struct buf *b, struct cursor block);
bool vcard_take_block(struct cursor *c, struct cursor *ret_block);

/* --- doors for tests; no command reaches them ------------------------------------------------------------------- */

/* What a test wants to know about a card without sending it anything. */
struct vcard_info {
	unsigned life; /* ISO 7816-4 table 14: 3 initialisation, 5 operational, 12 terminated */
	bool gids_selected;
	bool pin_verified;
	bool admin_authenticated;
	bool pin_set;
	unsigned pin_tries_left;
	bool puk_set;
	unsigned puk_tries_left;
	unsigned roles_verified; /* 1 << 3 to 1 << 7 */
	unsigned sessions;	 /* 1 << role, of session PINs that are good */
	bool challenge_pending;
	bool chain_open;
	size_t answer_pending; /* bytes */
	unsigned files;
	unsigned keys; /* user keys that are present */
};

void vcard_info(const struct vcard *card, struct vcard_info *ret_info);

/*
 * Writes a data object of the GIDS application past every rule and limit but memory; an empty value leaves an empty
 * object. 0, or -1 with errno (ENOENT: no such file).
 */
int vcard_raw_put(struct vcard *card, uint16_t file, uint32_t tag, struct cursor value);
/* Removes one. 0, or -1 with errno (ENOENT). */
int vcard_raw_delete(struct vcard *card, uint16_t file, uint32_t tag);

#endif
