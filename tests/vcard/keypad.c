/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of a virtual reader: what it says of itself, what it checks, what is typed into a command. */
#include "vcard/keypad.h"

#include <stdio.h>
#include <string.h>

#include "base/auto.h"

#define LAYOUT 0x0210u /* two lines of sixteen characters */

/* 2.5.2 and 2.5.3: the reader's own status words. */
enum {
	SW_TIMEOUT = 0x6400,
	SW_CANCELLED = 0x6401,
	SW_NOT_CONFIRMED = 0x6402,
	SW_PIN_LENGTH = 0x6403,
	SW_STRUCTURE = 0x6B80,
};

enum { CONFIRM_NEW = 1, ASK_FOR_OLD = 2 };
enum { UNTIL_MAX = 1, UNTIL_KEY = 2 };

#define HEADER_LEN 4u
#define PIN_MAX 15u
#define COMMAND_MAX 260u

/* --- the text ----------------------------------------------------------------------------------------------------- */

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == ',';
}

static bool
next_word(struct cursor *text, struct cursor *ret_word)
{
	struct cursor at;
	uint8_t c;
	size_t n = 0;

	while (cur_peek(text, &c) && is_blank(c))
		(void)cur_skip(text, 1);
	at = *text;
	while (cur_u8(&at, &c) && !is_blank(c))
		n++;
	return n > 0 && cur_take(text, n, ret_word);
}

static bool
word_is(struct cursor word, const char *text)
{
	return word.left == strlen(text) && cur_equals(&word, text, word.left);
}

static bool
read_number(struct cursor word, uint8_t *ret_number)
{
	unsigned number = 0;
	uint8_t c;

	if (word.left == 0 || word.left > 2)
		return false;
	while (cur_u8(&word, &c)) {
		if (c < '0' || c > '9')
			return false;
		number = number * 10 + (c - '0');
	}
	*ret_number = (uint8_t)number;
	return true;
}

static bool
read_limit(struct cursor word, const char *name, uint8_t *ret_number)
{
	struct cursor start;

	return cur_take(&word, strlen(name), &start) && word_is(start, name) && read_number(word, ret_number);
}

/* Whether a word says what the reader is. */
static bool
take_setting(struct keypad *k, struct cursor word)
{
	if (word_is(word, "verify-only"))
		k->modifies = false;
	else if (word_is(word, "blind"))
		k->blind = true;
	else
		return read_limit(word, "min=", &k->min) || read_limit(word, "max=", &k->max);
	return true;
}

static bool
is_typing(struct cursor word)
{
	uint8_t c;

	if (word_is(word, "cancel") || word_is(word, "timeout"))
		return true;
	while (cur_u8(&word, &c)) {
		if (c < '0' || c > '9')
			return false;
	}
	return true;
}

bool
keypad_parse(struct cursor text, struct keypad *ret_keypad)
{
	struct keypad k = { .modifies = true, .min = 4, .max = 12 };
	struct cursor word;

	k.words = text;
	while (next_word(&text, &word) && take_setting(&k, word))
		k.words = text;
	text = k.words;
	while (next_word(&text, &word)) {
		if (!is_typing(word))
			return false;
	}
	*ret_keypad = k;
	return k.min > 0 && k.min <= k.max && k.max <= PIN_MAX;
}

void
keypad_put_text(const struct keypad *k, struct buf *text)
{
	struct cursor words = k->words, word;
	char settings[64];

	(void)snprintf(settings, sizeof(settings), "%s%smin=%u max=%u", k->modifies ? "" : "verify-only ",
		       k->blind ? "blind " : "", k->min, k->max);
	buf_put(text, settings, strlen(settings));
	while (next_word(&words, &word)) {
		buf_u8(text, ' ');
		buf_put_cur(text, word);
	}
	buf_u8(text, '\n');
}

/* --- what the reader says of itself ------------------------------------------------------------------------------- */

/* The feature's number (PC/SC part 10, 2.3) is the end of its code here. */
static void
put_feature(uint32_t code, struct buf *answer)
{
	buf_u8(answer, (uint8_t)code);
	buf_u8(answer, 4);
	buf_be32(answer, code);
}

static void
put_features(const struct keypad *k, struct buf *answer)
{
	put_feature(KEYPAD_VERIFY, answer);
	if (k->modifies)
		put_feature(KEYPAD_MODIFY, answer);
	put_feature(KEYPAD_PROPERTIES, answer);
	put_feature(KEYPAD_TLV_PROPERTIES, answer);
}

static uint16_t
layout(const struct keypad *k)
{
	return k->blind ? 0 : LAYOUT;
}

static void
put_properties(const struct keypad *k, struct buf *answer)
{
	buf_le16(answer, layout(k));
	buf_u8(answer, UNTIL_KEY | UNTIL_MAX);
	buf_u8(answer, 0); /* one timeout for all keys */
}

static void
put_tlv_properties(const struct keypad *k, struct buf *answer)
{
	static const uint8_t largest[] = { 0x0A, 4, 0x00, 0x00, 0x01, 0x00 }; /* dwMaxAPDUDataSize: 65536 */

	buf_u8(answer, 0x01); /* wLcdLayout */
	buf_u8(answer, 2);
	buf_le16(answer, layout(k));
	buf_put(answer, (const uint8_t[]){ 0x02, 1, UNTIL_KEY | UNTIL_MAX }, 3);
	buf_put(answer, (const uint8_t[]){ 0x03, 1, 0 }, 3);
	buf_put(answer, (const uint8_t[]){ 0x06, 1, k->min }, 3);
	buf_put(answer, (const uint8_t[]){ 0x07, 1, k->max }, 3);
	buf_put(answer, largest, sizeof(largest));
}

/* --- structures --------------------------------------------------------------------------------------------------- */

/* Both structures, a verification as the special case without a second PIN. */
struct entry {
	uint8_t format, block_format, length_format;
	uint8_t old_at, new_at; /* in the command's data field */
	uint8_t min, max;
	uint8_t confirm, until, messages;
	uint8_t message[3];
	uint8_t prologue[3];
	struct cursor command;
	/* what follows from these */
	uint8_t block;
	bool verify;
};

static bool
take_start(struct cursor *c, struct entry *e)
{
	/* the reader's patience is the person's affair here */
	return cur_skip(c, 2) && cur_u8(c, &e->format) && cur_u8(c, &e->block_format) && cur_u8(c, &e->length_format);
}

static bool
take_end(struct cursor *c, struct entry *e)
{
	uint32_t len;

	return cur_copy(c, e->prologue, sizeof(e->prologue)) && cur_le32(c, &len) && len == c->left &&
	       cur_take(c, len, &e->command);
}

static bool
take_verify(struct cursor c, struct entry *e)
{
	e->verify = true;
	return take_start(&c, e) && cur_u8(&c, &e->max) && cur_u8(&c, &e->min) && cur_u8(&c, &e->until) &&
	       cur_u8(&c, &e->messages) && cur_skip(&c, 2) && cur_u8(&c, &e->message[0]) && take_end(&c, e);
}

static bool
take_modify(struct cursor c, struct entry *e)
{
	return take_start(&c, e) && cur_u8(&c, &e->old_at) && cur_u8(&c, &e->new_at) && cur_u8(&c, &e->max) &&
	       cur_u8(&c, &e->min) && cur_u8(&c, &e->confirm) && cur_u8(&c, &e->until) && cur_u8(&c, &e->messages) &&
	       cur_skip(&c, 2) && cur_copy(&c, e->message, sizeof(e->message)) && take_end(&c, e);
}

static unsigned
prompts(const struct entry *e)
{
	return 1u + ((e->confirm & CONFIRM_NEW) != 0 ? 1 : 0) + ((e->confirm & ASK_FOR_OLD) != 0 ? 1 : 0);
}

static const char *
check_format(struct entry *e)
{
	uint8_t position = e->format >> 3 & 0x0F;

	e->block = e->block_format & 0x0F;
	if ((e->format & 0x03) != 0x02)
		return "the PIN is not ASCII";
	if ((e->format & 0x04) != 0)
		return "the PIN is not at the left";
	if (position != 0 && (e->format & 0x80) == 0)
		return "the position is in bits";
	if (!e->verify && position != 0)
		return "a position besides insertion offsets";
	if ((e->block_format & 0xF0) != 0 || (e->length_format & 0x0F) != 0 || (e->length_format & 0xE0) != 0)
		return "a length in the block";
	if (e->verify)
		e->old_at = position;
	return NULL;
}

static const char *
check_lengths(const struct keypad *k, const struct entry *e)
{
	if (e->min == 0 || e->min > e->max)
		return "minimum and maximum contradict each other";
	if (e->min < k->min || e->max > k->max)
		return "lengths that the reader does not take";
	if (e->block != 0 && e->max > e->block)
		return "the longest PIN is longer than the block";
	if ((e->until & ~(UNTIL_KEY | UNTIL_MAX)) != 0 || e->until == 0)
		return "entry validation condition";
	if (e->until == UNTIL_MAX && e->min != e->max)
		return "no way to end a shorter PIN";
	return NULL;
}

static const char *
check_messages(const struct keypad *k, const struct entry *e)
{
	static const uint8_t no_prologue[3];
	unsigned i;

	if (memcmp(e->prologue, no_prologue, sizeof(no_prologue)) != 0)
		return "prologue";
	if (k->blind && e->messages != 0)
		return "messages, and no display";
	if (!k->blind && e->messages != 0xFF && e->messages != prompts(e))
		return "number of messages";
	for (i = 0; i < 3; i++) {
		if (e->message[i] > 2 || (i >= e->messages && !k->blind && e->message[i] != 0))
			return "message index";
	}
	return NULL;
}

static bool
overlap(unsigned a, unsigned b, unsigned len)
{
	return a < b + len && b < a + len;
}

static const char *
check_offsets(const struct entry *e, size_t lc)
{
	bool old = e->verify || (e->confirm & ASK_FOR_OLD) != 0;

	if (e->block == 0)
		return e->old_at != 0 || e->new_at != 0 ? "an offset in a command without blocks" : NULL;
	if (old && (size_t)e->old_at + e->block > lc)
		return "the block ends behind the command";
	if (e->verify)
		return NULL;
	if ((size_t)e->new_at + e->block > lc)
		return "the new block ends behind the command";
	return old && overlap(e->old_at, e->new_at, e->block) ? "the blocks overlap" : NULL;
}

static const char *
check_command(const struct entry *e)
{
	struct cursor c = e->command;
	uint8_t lc;

	if ((e->confirm & ~(CONFIRM_NEW | ASK_FOR_OLD)) != 0)
		return "confirmation";
	if (!cur_skip(&c, HEADER_LEN))
		return "no command";
	/* a command that ends here has its length put in, like one with a zero */
	if (!cur_u8(&c, &lc))
		return e->block == 0 ? check_offsets(e, 0) : "no length";
	if (lc != c.left)
		return "Lc and the data contradict each other";
	if (e->block == 0 && lc != 0)
		return "data, and no block in it";
	return check_offsets(e, lc);
}

static const char *
check(const struct keypad *k, struct entry *e)
{
	const char *why = check_format(e);

	if (why == NULL)
		why = check_lengths(k, e);
	if (why == NULL)
		why = check_messages(k, e);
	return why == NULL ? check_command(e) : why;
}

/* --- typing ------------------------------------------------------------------------------------------------------- */

static bool
is_last(struct cursor text)
{
	struct cursor word;

	return !next_word(&text, &word);
}

/* One prompt: 9000 and the digits, or why there are none. */
static uint16_t
prompt(struct keypad *k, const struct entry *e, struct cursor *ret_pin)
{
	struct cursor rest = k->words, word;

	if (!next_word(&rest, &word))
		return SW_TIMEOUT;
	if (!is_last(rest))
		k->words = rest;
	if (word_is(word, "timeout"))
		return SW_TIMEOUT;
	if (word_is(word, "cancel"))
		return SW_CANCELLED;
	/* the last key that fits ends the entry: the reader does not see what comes after */
	if (word.left > e->max && (e->until & UNTIL_MAX) != 0)
		word.left = e->max;
	if (word.left < e->min || word.left > e->max)
		return SW_PIN_LENGTH;
	*ret_pin = word;
	return 0x9000;
}

static bool
same(struct cursor a, struct cursor b)
{
	return a.left == b.left && cur_equals(&a, b.p, b.left);
}

static uint16_t
prompt_all(struct keypad *k, const struct entry *e, struct cursor *ret_old, struct cursor *ret_new)
{
	struct cursor again;
	uint16_t sw = 0x9000;

	if (e->verify || (e->confirm & ASK_FOR_OLD) != 0)
		sw = prompt(k, e, ret_old);
	if (sw != 0x9000 || e->verify)
		return sw;
	sw = prompt(k, e, ret_new);
	if (sw != 0x9000 || (e->confirm & CONFIRM_NEW) == 0)
		return sw;
	sw = prompt(k, e, &again);
	return sw == 0x9000 && !same(*ret_new, again) ? (uint16_t)SW_NOT_CONFIRMED : sw;
}

/* A PIN over what stands in its place; the rest of the block stays. */
static void
put_over(struct buf *command, size_t at, struct cursor pin)
{
	if (at + pin.left <= command->len && pin.left > 0)
		memcpy(command->p + at, pin.p, pin.left);
}

static void
complete(const struct entry *e, struct cursor old, struct cursor new, struct buf *command)
{
	struct cursor header = e->command;

	if (e->block != 0) {
		buf_put_cur(command, e->command);
		put_over(command, HEADER_LEN + 1 + (size_t)e->old_at, old);
		put_over(command, HEADER_LEN + 1 + (size_t)e->new_at, new);
		return;
	}
	header.left = HEADER_LEN;
	buf_put_cur(command, header);
	buf_u8(command, (uint8_t)(old.left + new.left));
	buf_put_cur(command, old);
	buf_put_cur(command, new);
}

static enum keypad_result
enter(struct keypad *k, struct entry *e, struct buf *answer, struct buf *command, const char **ret_why)
{
	struct cursor old = { NULL, 0 }, new = { NULL, 0 };
	uint16_t sw = SW_STRUCTURE;

	*ret_why = check(k, e);
	if (*ret_why == NULL)
		sw = prompt_all(k, e, &old, &new);
	if (sw != 0x9000) {
		buf_be16(answer, sw);
		return KEYPAD_ANSWER;
	}
	command->max = COMMAND_MAX;
	complete(e, old, new, command);
	return KEYPAD_COMMAND;
}

bool
keypad_is_entry(const struct keypad *k, uint32_t code)
{
	return code == KEYPAD_VERIFY || (code == KEYPAD_MODIFY && k->modifies);
}

enum keypad_result
keypad_control(struct keypad *k, uint32_t code, struct cursor in, struct buf *answer, struct buf *command,
	       const char **ret_why)
{
	struct entry e = { 0 };

	*ret_why = NULL;
	if (keypad_is_entry(k, code)) {
		if (code == KEYPAD_VERIFY ? take_verify(in, &e) : take_modify(in, &e))
			return enter(k, &e, answer, command, ret_why);
		*ret_why = "the structure and its lengths";
		return KEYPAD_BROKEN;
	}
	switch (code) {
	case KEYPAD_FEATURES: put_features(k, answer); return KEYPAD_ANSWER;
	case KEYPAD_PROPERTIES: put_properties(k, answer); return KEYPAD_ANSWER;
	case KEYPAD_TLV_PROPERTIES: put_tlv_properties(k, answer); return KEYPAD_ANSWER;
	default: return KEYPAD_UNKNOWN;
	}
}
