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

/* Control codes: the list of features, and the numbers that the CCID driver gives to its own. */
#define KEYPAD_FEATURES 0x42000D48u
#define KEYPAD_VERIFY 0x42330006u
#define KEYPAD_MODIFY 0x42330007u
#define KEYPAD_PROPERTIES 0x4233000Au
#define KEYPAD_TLV_PROPERTIES 0x42330012u

enum keypad_result {
	KEYPAD_ANSWER,	/* the reader itself answers; it may be one of its status words */
	KEYPAD_COMMAND, /* the command is complete, and to be sent to the card, whose answer is the reader's */
	KEYPAD_UNKNOWN, /* not a control of this reader */
	KEYPAD_BROKEN,	/* lengths contradict each other */
};

/*
 * One control; the person types if it is an entry, and k->words is then what is left to be typed. ret_why is a text for
 * whoever looks for the mistake in a structure, NULL when there is none.
 */
enum keypad_result keypad_control(struct keypad *k, uint32_t code, struct cursor in, struct buf *answer,
				  struct buf *command, const char **ret_why);
/* Whether it needs a card. */
bool keypad_is_entry(const struct keypad *k, uint32_t code);
/* The text of the same reader with what is left to be typed. */
void keypad_put_text(const struct keypad *k, struct buf *text);

#endif
