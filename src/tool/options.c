/* SPDX-License-Identifier: BSD-2-Clause */
/* The options: one table, from which they are read, explained and completed. */
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/tool.h"

#define TAKES_ALWAYS 0u

enum option_kind { KIND_FLAG, KIND_TEXT };

struct option_row {
	const char *name;
	char letter; /* 0: none */
	enum option_kind kind;
	size_t at; /* in struct tool_options */
	uint32_t group;
	const char *arg, *help;
};

/* clang-format off */

#define FLAG(member) KIND_FLAG, offsetof(struct tool_options, member)
#define TEXT(member) KIND_TEXT, offsetof(struct tool_options, member)
#define SECRET(which, group, name, what) \
	{ name "-file", 0, TEXT(secrets[which].file), group, "FILE", what " is the first line of FILE" }, \
	{ name "-fd", 0, TEXT(secrets[which].fd), group, "N", what " is the next line of descriptor N" }, \
	{ name "-env", 0, TEXT(secrets[which].variable), group, "NAME", what " is in variable NAME, where others may see it" }

static const struct option_row rows[] = {
	{ "reader", 'r', TEXT(reader), TAKES_READER, "READER", "the card in this reader: its number or a part of its name" },
	{ "serial", 's', TEXT(serial), TAKES_READER, "HEX", "the card whose identifier begins so" },
	{ "wait", 'w', TEXT(wait), TAKES_READER, "SECONDS", "wait for the card to be inserted" },
	{ "json", 'j', FLAG(json), TAKES_JSON, NULL, "print JSON" },
	{ "yes", 'y', FLAG(yes), TAKES_YES, NULL, "do not ask whether to go on" },
	SECRET(SECRET_PIN, TAKES_PIN, "pin", "the PIN"),
	SECRET(SECRET_NEW_PIN, TAKES_NEW_PIN, "new-pin", "the new PIN"),
	{ "admin", 0, FLAG(admin), TAKES_ADMIN, NULL, "as the administrator: the admin key is asked for" },
	SECRET(SECRET_ADMIN_KEY, TAKES_ADMIN, "admin-key", "the admin key in hex"),
	SECRET(SECRET_NEW_ADMIN_KEY, TAKES_NEW_ADMIN, "new-admin-key", "the new admin key in hex"),
	{ "save-admin-key", 0, TEXT(save_key), TAKES_SAVE_KEY, "FILE", "make a random admin key and write it to the new file FILE" },
	SECRET(SECRET_PUK, TAKES_PUK, "puk", "the PUK"),
	SECRET(SECRET_RESPONSE, TAKES_RESPONSE, "response", "the response in hex"),
	SECRET(SECRET_PASSWORD, TAKES_PASSWORD, "password", "the password of the key file"),
	{ "role", 0, TEXT(role), TAKES_ROLE, "N", "the PIN of role N instead of the user's; see info" },
	{ "tries", 0, TEXT(tries), TAKES_TRIES, "N", "wrong PINs until the card blocks it" },
	{ "type", 't', TEXT(type), TAKES_KEY, "TYPE", "rsa2048 (default), rsa1024, rsa3072, rsa4096, p256, p384, p521, ed25519, x25519" },
	{ "signature", 0, FLAG(signature), TAKES_KEY | TAKES_IMPORT, NULL, "a key that only signs, in the container's signature slot" },
	{ "id", 0, TEXT(id), TAKES_KEY | TAKES_IMPORT, "HEX", "CKA_ID of the key" },
	{ "name", 'n', TEXT(name), TAKES_IMPORT, "NAME", "name of the container, if not the file's own" },
	{ "into", 0, TEXT(into), TAKES_IMPORT, "KEY", "into the other slot of this key's container" },
	{ "replace", 0, FLAG(replace), TAKES_IMPORT, NULL, "in place of the key that --into names" },
	{ "slot", 0, TEXT(slot), TAKES_SLOT, "SLOT", "exchange or signature, in a container with two keys" },
	{ "der", 0, FLAG(der), TAKES_FORM, NULL, "DER instead of PEM" },
	{ "ssh", 0, FLAG(ssh), TAKES_SSH, NULL, "a line for OpenSSH's authorized_keys" },
	{ "access", 0, TEXT(access), TAKES_ACCESS, "WHO", "of a new file: user-writes (default), admin-writes, user-only, admin-only, user-executes" },
	{ "card-id", 0, TEXT(card_id), TAKES_CREATE, "HEX", "identifier of the card, 16 bytes, instead of a random one" },
	{ "recreate", 0, FLAG(recreate), TAKES_CREATE, NULL, "empty a card that has been used; everything on it is lost" },
	{ "repair", 0, FLAG(repair), TAKES_REPAIR, NULL, "mend what can be mended without loss" },
	{ "module", 0, TEXT(module), TAKES_MODULE, "FILE", "the PKCS#11 module, if it is not where it is installed" },
	{ "help", 'h', FLAG(help), TAKES_ALWAYS, NULL, "explain a verb, or all of them" },
	{ "version", 'V', FLAG(version), TAKES_ALWAYS, NULL, "print the version" },
};

/* clang-format on */

#define LETTERS_MAX (2 * ARRAY_SIZE(rows) + 1)

static const struct option_row *
row_of_letter(int letter)
{
	for (size_t i = 0; letter > 0 && i < ARRAY_SIZE(rows); i++) {
		if (rows[i].letter == letter)
			return &rows[i];
	}
	return NULL;
}

static void
fill_getopt(char *letters, struct option *options)
{
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		options[i] = (struct option){ rows[i].name, rows[i].kind == KIND_TEXT ? required_argument : no_argument,
					      NULL, 0 };
		if (rows[i].letter == 0)
			continue;
		letters[at++] = rows[i].letter;
		if (rows[i].kind == KIND_TEXT)
			letters[at++] = ':';
	}
	letters[at] = '\0';
}

static void
set(struct tool_options *options, const struct option_row *row, const char *value)
{
	char *at = (char *)options + row->at;

	if (row->kind == KIND_FLAG)
		*(bool *)(void *)at = true;
	else
		*(const char **)(void *)at = value;
}

bool
tool_options_parse(int argc, char **argv, struct tool_options *ret_options, int *ret_words)
{
	struct option options[ARRAY_SIZE(rows) + 1] = { { NULL, 0, NULL, 0 } };
	const struct option_row *row;
	char letters[LETTERS_MAX];
	int c, index = 0;

	fill_getopt(letters, options);
	*ret_options = (struct tool_options){ .help = false };
	while ((c = getopt_long(argc, argv, letters, options, &index)) != -1) {
		if (c == '?')
			return false;
		row = c == 0 ? &rows[index] : row_of_letter(c);
		if (row == NULL)
			return false;
		set(ret_options, row, optarg);
	}
	*ret_words = optind;
	return true;
}

const char *
tool_options_surplus(const struct tool_options *options, uint32_t takes)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *at = (const char *)options + rows[i].at;
		bool given = rows[i].kind == KIND_FLAG ? *(const bool *)(const void *)at
						       : *(const char *const *)(const void *)at != NULL;

		if (given && rows[i].group != TAKES_ALWAYS && (rows[i].group & takes) == 0)
			return rows[i].name;
	}
	return NULL;
}

static bool
row_shown(const struct option_row *row, uint32_t takes)
{
	return row->group == TAKES_ALWAYS || (row->group & takes) != 0;
}

void
tool_options_help(uint32_t takes, FILE *to)
{
	char text[64];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!row_shown(&rows[i], takes))
			continue;
		(void)snprintf(text, sizeof(text), "--%s%s%s", rows[i].name, rows[i].arg != NULL ? " " : "",
			       rows[i].arg != NULL ? rows[i].arg : "");
		if (rows[i].letter != 0)
			(void)fprintf(to, "  -%c, %-26s %s\n", rows[i].letter, text, rows[i].help);
		else
			(void)fprintf(to, "      %-26s %s\n", text, rows[i].help);
	}
}

void
tool_options_list(uint32_t takes)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (row_shown(&rows[i], takes))
			(void)printf("--%s\n", rows[i].name);
	}
}

bool
tool_option_wants_value(const char *word)
{
	if (word[0] != '-')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool is_long = strncmp(word, "--", 2) == 0 && strcmp(word + 2, rows[i].name) == 0;
		bool is_letter = word[1] != '\0' && word[1] == rows[i].letter && word[2] == '\0';

		if (is_long || is_letter)
			return rows[i].kind == KIND_TEXT;
	}
	return false;
}
