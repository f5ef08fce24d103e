/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys of a virtual class 2 reader, and the hands of the person at them (PC/SC part 10: PIN_VERIFY, PIN_MODIFY and
 * what the reader says of itself). A text tells both; words are separated by blanks and line ends:
 *
 *	verify-only	the reader cannot modify PINs
 *	min=N max=N	digits that it takes (4, 12)
 *	blind		it has no display, and takes no messages
 *	DIGITS		these keys and then OK, at the next prompt
 *	cancel		the cancel key at the next prompt
 *	timeout		no key at all
 *
 * Words that say what the reader is come first. Each prompt (PIN; or old PIN, new PIN, new PIN again) uses up one of the
 * others, but for the last one, which serves again and again. Without any, nobody is at the reader: timeout.
 *
 * Structures are checked strictly, also where real readers look away: whatever this reader takes, every reader takes.
 */
#ifndef VCARD_KEYPAD_H
#define VCARD_KEYPAD_H

#include "base/buf.h"

#define KEYPAD_TEXT_MAX 4096u

struct keypad {
	bool modifies;
	bool blind;
	uint8_t min, max;
	struct cursor words; /* of the text, which must live as long */
};

/* False when the text is none. */
bool keypad_parse(struct cursor text, struct keypad *ret_keypad);

/* Appends the list of features; code numbers are those of the CCID driver. */
void keypad_put_features(const struct keypad *k, struct buf *answer);
/* Appends what FEATURE_IFD_PIN_PROPERTIES, or FEATURE_GET_TLV_PROPERTIES, answers. */
void keypad_put_properties(const struct keypad *k, struct buf *answer);
void keypad_put_tlv_properties(const struct keypad *k, struct buf *answer);

enum keypad_result {
	KEYPAD_COMMAND, /* the command is complete, and to be sent to the card */
	KEYPAD_STATUS,	/* the reader itself answers with *ret_sw */
	KEYPAD_BROKEN,	/* lengths contradict each other */
};

/*
 * Lets the person type into a structure. ret_why is a text for whoever looks for the mistake, NULL when there is none.
 * k->words is then what is left to be typed.
 */
enum keypad_result keypad_verify(struct keypad *k, struct cursor structure, struct buf *ret_command, uint16_t *ret_sw,
				 const char **ret_why);
enum keypad_result keypad_modify(struct keypad *k, struct cursor structure, struct buf *ret_command, uint16_t *ret_sw,
				 const char **ret_why);
/* The text of the same reader with what is left to be typed. */
void keypad_put_text(const struct keypad *k, struct buf *text);

#endif
