/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Command APDUs and their way to the card and back (ISO 7816-3, 7816-4). The caller fills one struct apdu;
 * apdu_exchange() chooses short or extended form, chains what is too long, fetches long answers and corrects Le.
 */
#ifndef ISO7816_APDU_H
#define ISO7816_APDU_H

#include "base/auto.h"
#include "iso7816/sw.h"
#include "transport/transport.h"

#define APDU_LE_NONE 0u	   /* no answer data expected: case 1 or 3 */
#define APDU_LE_MAX 65536u /* as much as there is */

struct apdu {
	uint8_t cla, ins, p1, p2;
	struct buf data; /* command data, any length up to LIMIT_COMMAND */
	size_t le;	 /* APDU_LE_NONE, APDU_LE_MAX or a length */
	bool secret;	 /* command and answer data never reach a log, and the encoded command is wiped */
	bool bulk;	 /* nothing but an answer that may be long is asked for: in one piece where that goes */
	bool head;	 /* the first piece of a long answer is enough; the status word is 61xx when there is more */
};

#define AUTO_APDU __attribute__((cleanup(apdu_free)))

/* A command without data. */
struct apdu apdu_of(uint8_t cla, uint8_t ins, uint8_t p1, uint8_t p2, size_t le);
void apdu_free(struct apdu *a);
/* Appends the secret to the command data and marks the command as secret. */
void apdu_put_secret(struct apdu *a, const struct secret *s);

/* The card's side of the conversation. */
struct channel {
	struct io *io;
	bool extended;		   /* card and reader take extended length (EF.ATR says so) */
	bool long_answers;	   /* they should, for bulk commands; false again once the card refused that */
	size_t chain_part;	   /* bytes per chained part; 0 means 255 */
	const struct sw_row *rows; /* the card's own status words, tried before the common ones; may be NULL */
	size_t row_count;
};

/*
 * Sends the command and gives the answer's data (may be NULL when none is wanted) and status word (may be NULL).
 * A failure of the transport is returned as it is; otherwise the status word decides through sw_code(). On any error
 * the answer is empty, but *ret_sw holds the card's last word (0 if it said none). Bounds: LIMIT_RESPONSE,
 * LIMIT_RESPONSE_ROUNDS, one correction of Le; a card beyond them gives SCARD_E_COMM_DATA_LOST.
 */
DWORD apdu_exchange(struct channel *ch, const struct apdu *a, struct buf *ret_answer, uint16_t *ret_sw);

/* Encodes one command in short or extended form. False when data or le do not fit the form. */
bool apdu_encode(const struct apdu *a, struct cursor data, bool last_part, bool extended, bool t0,
		 struct buf *ret_bytes);

/* Whether an ATR announces extended length. */
bool apdu_atr_extended(struct cursor atr);

/* SELECT by DF name (ISO 7816-4, 11.1.1); ret_fci may be NULL, then no answer is asked for (P2 = 0C). */
DWORD apdu_select_name(struct channel *ch, const uint8_t *name, size_t name_len, struct buf *ret_fci, uint16_t *ret_sw);

#endif
