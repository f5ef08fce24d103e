/* SPDX-License-Identifier: BSD-2-Clause */
/* Fault texts: reading them (grammar in link.h) and deciding which rule applies to a command. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "vcard/link.h"

/* The words of "what", what follows them, and the greatest number allowed. */
enum operand { OPERAND_NONE, OPERAND_NUMBER, OPERAND_NUMBER_OR_NONE, OPERAND_SW, OPERAND_HEX };

static const struct {
	const char *word;
	enum link_fault fault;
	enum operand operand;
	uint32_t max;
} words[] = {
	{ "sw", LINK_SW, OPERAND_SW, 0xFFFF },
	{ "data", LINK_DATA, OPERAND_HEX, VCARD_RESPONSE_MAX },
	{ "cut", LINK_CUT, OPERAND_NUMBER, VCARD_RESPONSE_MAX },
	{ "body", LINK_BODY, OPERAND_NUMBER, VCARD_RESPONSE_MAX },
	{ "empty", LINK_EMPTY, OPERAND_NONE, 0 },
	{ "extend", LINK_EXTEND, OPERAND_HEX, VCARD_RESPONSE_MAX },
	{ "pad", LINK_PAD, OPERAND_NUMBER, VCARD_RESPONSE_MAX },
	{ "reset", LINK_RESET, OPERAND_NONE, 0 },
	{ "unset", LINK_UNSET, OPERAND_NONE, 0 },
	{ "remove", LINK_REMOVE, OPERAND_NONE, 0 },
	{ "pull", LINK_PULL, OPERAND_NONE, 0 },
	{ "silence", LINK_SILENCE, OPERAND_NUMBER, 3600000 },
	{ "endless61", LINK_ENDLESS_61, OPERAND_NUMBER_OR_NONE, VCARD_RESPONSE_MAX - 2 },
	{ "pingpong6C", LINK_PINGPONG_6C, OPERAND_NONE, 0 },
};

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
skip_blanks(struct cursor *c)
{
	uint8_t v;

	while (cur_peek(c, &v) && is_blank(v))
		cur_skip(c, 1);
}

static bool
skip_char(struct cursor *c, char wanted)
{
	uint8_t v;

	return cur_peek(c, &v) && v == (uint8_t)wanted && cur_skip(c, 1);
}

static bool
skip_word(struct cursor *c, const char *word)
{
	struct cursor ahead = *c, part;
	size_t len = strlen(word);

	if (!cur_take(&ahead, len, &part) || !cur_equals(&part, word, len))
		return false;
	*c = ahead;
	return true;
}

static bool
hex_digit(struct cursor *c, uint8_t *ret_digit)
{
	uint8_t v;

	if (!cur_peek(c, &v))
		return false;
	if (v >= '0' && v <= '9')
		*ret_digit = (uint8_t)(v - '0');
	else if ((v >= 'A' && v <= 'F') || (v >= 'a' && v <= 'f'))
		*ret_digit = (uint8_t)((v | 0x20) - 'a' + 10);
	else
		return false;
	return cur_skip(c, 1);
}

static bool
hex_byte(struct cursor *c, uint8_t *ret_byte)
{
	uint8_t high, low;

	if (!hex_digit(c, &high) || !hex_digit(c, &low))
		return false;
	*ret_byte = (uint8_t)(high << 4 | low);
	return true;
}

static bool
decimal(struct cursor *c, uint32_t max, uint32_t *ret_value)
{
	uint64_t value = 0;
	uint8_t v;
	bool any = false;

	for (; cur_peek(c, &v) && v >= '0' && v <= '9'; cur_skip(c, 1)) {
		value = value * 10 + (uint64_t)(v - '0');
		any = true;
		if (value > max)
			return false;
	}
	if (any)
		*ret_value = (uint32_t)value;
	return any;
}

static bool
parse_count(struct cursor *c, struct link_rule *rule)
{
	rule->first = 1;
	rule->last = UINT32_MAX;
	if (skip_char(c, '*'))
		return true;
	if (!decimal(c, UINT32_MAX - 1, &rule->first) || rule->first == 0)
		return false;
	if (skip_char(c, '+'))
		return true;
	rule->last = rule->first;
	if (skip_char(c, '-'))
		return decimal(c, UINT32_MAX - 1, &rule->last) && rule->last >= rule->first;
	return true;
}

static bool
parse_when(struct cursor *c, struct link_rule *rule)
{
	uint8_t ins;

	rule->ins = -1;
	if (!skip_word(c, "ins="))
		return parse_count(c, rule);
	if (!hex_byte(c, &ins))
		return false;
	rule->ins = ins;
	rule->first = 1;
	rule->last = UINT32_MAX;
	return !skip_char(c, '@') || parse_count(c, rule);
}

static bool
parse_hex(struct cursor *c, size_t max, struct link_rule *rule)
{
	struct cursor ahead = *c;
	size_t len = 0, i;
	uint8_t v;

	while (hex_byte(&ahead, &v))
		len++;
	if (len > max || (rule->bytes = malloc(len + 1)) == NULL)
		return false;
	for (i = 0; i < len; i++)
		if (!hex_byte(c, &rule->bytes[i]))
			return false;
	rule->len = len;
	return true;
}

static bool
parse_operand(struct cursor *c, enum operand operand, uint32_t max, struct link_rule *rule)
{
	uint8_t high, low;

	if (operand == OPERAND_NONE)
		return true;
	if (!skip_char(c, '='))
		return operand == OPERAND_NUMBER_OR_NONE;
	if (operand == OPERAND_HEX)
		return parse_hex(c, max, rule);
	if (operand != OPERAND_SW)
		return decimal(c, max, &rule->number);
	if (!hex_byte(c, &high) || !hex_byte(c, &low))
		return false;
	rule->number = (uint32_t)high << 8 | low;
	return true;
}

static bool
parse_what(struct cursor *c, struct link_rule *rule)
{
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (skip_word(c, words[i].word)) {
			rule->fault = words[i].fault;
			return parse_operand(c, words[i].operand, words[i].max, rule);
		}
	return false;
}

/* NULL, or what was expected where the cursor stands. */
static const char *
parse_rule(struct cursor *c, struct link_rule *rule)
{
	if (!parse_when(c, rule))
		return "expected N, N+, N-M, * or ins=HH";
	if (!skip_char(c, ':'))
		return "expected ':'";
	if (!parse_what(c, rule))
		return "expected a fault and its operand";
	skip_blanks(c);
	if (!cur_at_end(c) && !skip_char(c, ';'))
		return "expected ';' or the end";
	return NULL;
}

static const char *
parse_rules(struct cursor *c, struct link_faults *faults)
{
	const char *error;

	for (skip_blanks(c); !cur_at_end(c); skip_blanks(c)) {
		if (faults->count == LINK_RULES_MAX)
			return "too many rules";
		error = parse_rule(c, &faults->rules[faults->count++]);
		if (error != NULL)
			return error;
	}
	return NULL;
}

bool
link_faults_parse(const char *text, size_t len, struct link_faults *ret_faults, char *ret_error)
{
	struct link_faults faults = { 0 };
	struct cursor c = cur_of(text, len);
	const char *error = len <= LINK_TEXT_MAX ? parse_rules(&c, &faults) : "text too long";

	if (error != NULL) {
		(void)snprintf(ret_error, LINK_ERROR_MAX, "faults, character %zu: %s", len - c.left + 1, error);
		link_faults_free(&faults);
		return false;
	}
	*ret_faults = faults;
	return true;
}

void
link_faults_free(struct link_faults *faults)
{
	size_t i;

	for (i = 0; i < LINK_RULES_MAX; i++)
		free(faults->rules[i].bytes);
	*faults = (struct link_faults){ 0 };
}

bool
link_arm(struct link *link, const char *text, size_t len, char *ret_error)
{
	struct link_faults faults;

	if (!link_faults_parse(text, len, &faults, ret_error))
		return false;
	link_faults_free(&link->faults);
	link->faults = faults;
	return true;
}

/* Counts the command for one rule; true when the rule applies to it. */
static bool
rule_applies(const struct link_rule *rule, size_t index, struct link_progress *progress, int ins)
{
	uint32_t bit = UINT32_C(1) << index;

	if ((progress->latched & bit) != 0)
		return true;
	if (rule->ins >= 0 && rule->ins != ins)
		return false;
	if (progress->hits[index] < UINT32_MAX)
		progress->hits[index]++;
	if (progress->hits[index] < rule->first || progress->hits[index] > rule->last)
		return false;
	if (rule->fault == LINK_ENDLESS_61 || rule->fault == LINK_PINGPONG_6C)
		progress->latched |= bit;
	return true;
}

const struct link_rule *
link_faults_next(struct link_faults *faults, const uint8_t *command, size_t len)
{
	const struct link_rule *found = NULL;
	int ins = len >= 2 ? command[1] : -1;
	size_t i;

	for (i = 0; i < faults->count; i++)
		if (rule_applies(&faults->rules[i], i, &faults->progress, ins) && found == NULL)
			found = &faults->rules[i];
	return found;
}
