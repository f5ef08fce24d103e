/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs: one table, from which they are found, explained and completed. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "tool/tool.h"

/* clang-format off */

#define CARD (TAKES_READER)
#define WRITES (TAKES_READER | TAKES_PIN | TAKES_ADMIN)
#define USES (TAKES_READER | TAKES_PIN)

static const struct tool_verb verbs[] = {
	{ NULL, "list", "", "readers, the cards in them, and who uses them", verb_list, 0, 0, TAKES_JSON },
	{ NULL, "info", "", "the card: identifier, room, PINs and their tries", verb_info, 0, 0, CARD | TAKES_JSON },
	{ NULL, "ls", "[DIRECTORY]", "files on the card", verb_ls, 0, 1, WRITES | TAKES_JSON },
	{ NULL, "cat", "FILE", "print a file of the card; FILE is NAME or DIRECTORY/NAME", verb_cat, 1, 1, WRITES },
	{ NULL, "put", "LOCAL FILE", "write a file to the card; LOCAL - is standard input", verb_put, 2, 2, WRITES | TAKES_ACCESS },
	{ NULL, "rm", "FILE", "delete a file of the card", verb_rm, 1, 1, WRITES | TAKES_YES },
	{ NULL, "mkdir", "DIRECTORY", "make a directory on the card", verb_mkdir, 1, 1, WRITES },
	{ NULL, "rmdir", "DIRECTORY", "delete an empty directory", verb_rmdir, 1, 1, WRITES },
	{ NULL, "create", "", "make the file system, PIN and admin key of a blank card", verb_create, 0, 0,
	  CARD | TAKES_NEW_PIN | TAKES_ADMIN | TAKES_SAVE_KEY | TAKES_TRIES | TAKES_CREATE | TAKES_YES },
	{ NULL, "reset", "", "make a card whose PIN and PUK are blocked as it came from the factory", verb_reset, 0, 0, CARD | TAKES_YES },
	{ "pin", "verify", "", "try a PIN", verb_pin_verify, 0, 0, USES | TAKES_ROLE },
	{ "pin", "change", "", "change a PIN", verb_pin_change, 0, 0, USES | TAKES_NEW_PIN | TAKES_ROLE },
	{ "pin", "unblock", "", "give a blocked PIN new tries and a new value, with the admin key or a PUK", verb_pin_unblock, 0, 0,
	  CARD | TAKES_NEW_PIN | TAKES_ADMIN | TAKES_PUK | TAKES_TRIES | TAKES_ROLE },
	{ "pin", "retries", "PIN PUK", "how many wrong PINs and PUKs block them; both get their factory values", verb_pin_retries, 2, 2,
	  WRITES | TAKES_YES },
	{ NULL, "challenge", "", "unblock a PIN with a response that the administrator reads out", verb_challenge, 0, 0,
	  CARD | TAKES_NEW_PIN | TAKES_RESPONSE | TAKES_TRIES | TAKES_ROLE },
	{ NULL, "respond", "CHALLENGE", "the administrator's side of challenge; needs no card", verb_respond, 1, INT_MAX, TAKES_ADMIN },
	{ "admin-key", "change", "", "change the admin key", verb_admin_key_change, 0, 0,
	  CARD | TAKES_ADMIN | TAKES_NEW_ADMIN | TAKES_SAVE_KEY },
	{ "container", "list", "", "keys and their containers", verb_container_list, 0, 0, CARD | TAKES_JSON },
	{ "container", "create", "[NAME]", "make a key pair on the card", verb_container_create, 0, 1, WRITES | TAKES_KEY },
	{ "container", "import", "FILE", "bring a key pair, and its certificate, from PKCS#12 or PEM", verb_container_import, 1, 1,
	  WRITES | TAKES_PASSWORD | TAKES_IMPORT | TAKES_SLOT | TAKES_YES },
	{ "container", "delete", "KEY", "delete a container with its key and certificate", verb_container_delete, 1, 1,
	  WRITES | TAKES_SLOT | TAKES_YES },
	{ "container", "default", "KEY", "make a key's container the default one", verb_container_default, 1, 1, WRITES | TAKES_SLOT },
	{ "container", "pubkey", "KEY", "print the public key", verb_container_pubkey, 1, 1, CARD | TAKES_SLOT | TAKES_FORM | TAKES_SSH },
	{ "cert", "put", "FILE [KEY]", "write a certificate, for the key that it is of or for KEY", verb_cert_put, 1, 2,
	  WRITES | TAKES_SLOT | TAKES_PASSWORD },
	{ "cert", "get", "KEY [FILE]", "print a certificate, or write it to FILE", verb_cert_get, 1, 2, CARD | TAKES_SLOT | TAKES_FORM },
	{ "cert", "delete", "KEY", "delete a certificate, not its key", verb_cert_delete, 1, 1, WRITES | TAKES_SLOT | TAKES_YES },
	{ "roots", "list", "", "root certificates on the card", verb_roots_list, 0, 0, CARD | TAKES_JSON },
	{ "roots", "add", "FILE", "add the certificates in FILE", verb_roots_add, 1, 1, WRITES | TAKES_PASSWORD },
	{ "roots", "remove", "N", "remove a root certificate by its number", verb_roots_remove, 1, 1, WRITES | TAKES_YES },
	{ "roots", "export", "[FILE]", "all of them, as PKCS#7", verb_roots_export, 0, 1, CARD | TAKES_FORM },
	{ "cache", "list", "", "cards of which public data are kept on disk", verb_cache_list, 0, 0, TAKES_JSON },
	{ "cache", "clear", "[CARD]", "delete what is kept on disk, of all cards or of the one with this identifier", verb_cache_clear, 0, 1, 0 },
	{ NULL, "check", "", "look for what is inconsistent on the card", verb_check, 0, 0, WRITES | TAKES_REPAIR | TAKES_JSON },
	{ NULL, "doctor", "", "look for what is wrong with service, readers, registration and cards", verb_doctor, 0, 0,
	  TAKES_MODULE | TAKES_JSON },
};

/* clang-format on */

const struct tool_verb *
tool_verb_find(char **words, int count, int *ret_used)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		const struct tool_verb *v = &verbs[i];

		if (count > 0 && v->group == NULL && strcmp(words[0], v->name) == 0) {
			*ret_used = 1;
			return v;
		}
		if (count > 1 && v->group != NULL && strcmp(words[0], v->group) == 0 &&
		    strcmp(words[1], v->name) == 0) {
			*ret_used = 2;
			return v;
		}
	}
	return NULL;
}

/* Help ----------------------------------------------------------------------------------------------------------------- */

static void
call_text(const struct tool_verb *verb, char *ret_text, size_t room)
{
	(void)snprintf(ret_text, room, "%s%s%s%s%s", verb->group != NULL ? verb->group : "",
		       verb->group != NULL ? " " : "", verb->name, *verb->args != '\0' ? " " : "", verb->args);
}

void
tool_verb_usage(const struct tool_verb *verb, FILE *to)
{
	char call[96];

	call_text(verb, call, sizeof(call));
	(void)fprintf(to, "usage: " TOOL_NAME " [OPTION...] %s\n", call);
}

bool
tool_is_group(const char *group)
{
	for (size_t i = 0; group != NULL && i < ARRAY_SIZE(verbs); i++) {
		if (verbs[i].group != NULL && strcmp(verbs[i].group, group) == 0)
			return true;
	}
	return false;
}

void
tool_help(const char *group, FILE *to)
{
	char call[96];
	bool some = tool_is_group(group);

	(void)fprintf(to, "usage: " TOOL_NAME " [OPTION...] VERB [ARGUMENT...]\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (some && (verbs[i].group == NULL || strcmp(verbs[i].group, group) != 0))
			continue;
		call_text(&verbs[i], call, sizeof(call));
		(void)fprintf(to, "  %-24s %s\n", call, verbs[i].help);
	}
	(void)fprintf(to, "\n" TOOL_NAME " VERB --help tells the options of a verb.\n"
			  "Exit status: 0 done, 1 failed, 2 wrong usage, 3 no card, 4 PIN or key wrong or missing,\n"
			  "5 check or doctor found something.\n");
}

/* Completion ------------------------------------------------------------------------------------------------------------ */

static bool
group_seen_before(size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (verbs[i].group != NULL && strcmp(verbs[i].group, verbs[index].group) == 0)
			return true;
	}
	return false;
}

static void
list_first_words(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (verbs[i].group == NULL)
			(void)printf("%s\n", verbs[i].name);
		else if (!group_seen_before(i))
			(void)printf("%s\n", verbs[i].group);
	}
}

static void
list_second_words(const char *group)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (verbs[i].group != NULL && strcmp(verbs[i].group, group) == 0)
			(void)printf("%s\n", verbs[i].name);
	}
}

int
tool_complete(char **words, int count)
{
	const struct tool_verb *verb;
	char *plain[2] = { NULL, NULL };
	int found = 0, used = 0;

	for (int i = 0; i < count; i++) {
		if (tool_option_wants_value(words[i])) {
			/* its value is the shell's affair */
			if (++i == count)
				return TOOL_OK;
		} else if (words[i][0] != '-' && found < 2) {
			plain[found++] = words[i];
		}
	}
	verb = tool_verb_find(plain, found, &used);
	if (found == 0)
		list_first_words();
	else if (found == 1 && verb == NULL)
		list_second_words(plain[0]);
	tool_options_list(verb != NULL ? verb->takes : 0);
	return TOOL_OK;
}
