/* SPDX-License-Identifier: BSD-2-Clause */
/* Which card is meant, and who is let in. */
#define _GNU_SOURCE /* strcasestr */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/log.h"
#include "tool/encode.h"

#define HEX_ID (2 * CSP_CARD_ID_LEN + 1)

bool
tool_number(const char *text, const char *what, uint32_t max, uint32_t *ret_number)
{
	char *end = NULL;
	unsigned long n = 0;

	if (*text >= '0' && *text <= '9')
		n = strtoul(text, &end, 10);
	if (end == NULL || *end != '\0' || strlen(text) > 9 || n > max) {
		(void)tool_say(0, "%s is a number of at most %u", what, max);
		return false;
	}
	*ret_number = (uint32_t)n;
	return true;
}

/* Opening ---------------------------------------------------------------------------------------------------------------- */

static void
bad_line(void *context, const char *file, unsigned line, const char *what)
{
	(void)context;
	if (line > 0)
		(void)tool_say(0, "warning: %s, line %u: %s", file, line, what);
	else
		(void)tool_say(0, "warning: %s: %s", file, what);
}

void
tool_configure(struct tool *tool)
{
	csp_config_load(&tool->config, bad_line, NULL);
	log_open_as(tool->config.log_level, tool->config.log_file);
}

int
tool_open(struct tool *tool)
{
	DWORD r;

	tool_configure(tool);
	tool->config.no_disk_cache = tool->config.no_disk_cache || tool->no_cache;
	r = csp_open(&tool->config, &tool->csp);
	return r == SCARD_S_SUCCESS ? TOOL_OK : tool_report(r, "the start failed");
}

void
tool_close(struct tool *tool)
{
	if (tool->reader != NULL) {
		csp_logout(tool->reader);
		csp_reader_unlock(tool->reader);
	}
	tool->reader = NULL;
	tool->card = NULL;
	if (tool->csp != NULL)
		csp_close(&tool->csp);
}

/* Choosing --------------------------------------------------------------------------------------------------------------- */

/* --reader: the number that list shows, or a part of the name. */
static bool
reader_fits(const struct tool *tool, size_t index)
{
	const char *wanted = tool->options.reader;
	char *end = NULL;
	unsigned long number;

	if (wanted == NULL)
		return true;
	number = strtoul(wanted, &end, 10);
	if (*wanted != '\0' && *end == '\0')
		return number == index + 1;
	return strcasestr(csp_reader_name(csp_reader_at(tool->csp, index)), wanted) != NULL;
}

/* --serial: the beginning of the card's identifier. */
static bool
serial_fits(const struct tool *tool, struct csp_card *card)
{
	const char *wanted = tool->options.serial;
	struct csp_card_info info;
	char id[HEX_ID];

	if (wanted == NULL)
		return true;
	return csp_card_info(card, &info) == SCARD_S_SUCCESS && !info.blank &&
	       encode_hex(cur_of(info.id, sizeof(info.id)), id, sizeof(id)) &&
	       strncasecmp(id, wanted, strlen(wanted)) == 0;
}

struct choice {
	size_t readers; /* that --reader fits */
	size_t present; /* of these, with a card */
	size_t cards;	/* of these, that --serial fits */
	DWORD code;	/* of the last one that could not be used */
	struct csp_reader *reader;
	struct csp_card *card;
};

/* The first card that fits stays locked. */
static void
consider(struct tool *tool, struct csp_reader *reader, struct choice *choice)
{
	struct csp_card *card = NULL;
	DWORD r;

	choice->present++;
	csp_reader_lock(reader);
	r = csp_reader_card(reader, &card);
	if (r == SCARD_S_SUCCESS && serial_fits(tool, card) && ++choice->cards == 1) {
		choice->reader = reader;
		choice->card = card;
		return;
	}
	if (r != SCARD_S_SUCCESS)
		choice->code = r;
	csp_reader_unlock(reader);
}

static void
look(struct tool *tool, struct choice *choice)
{
	*choice = (struct choice){ .code = SCARD_E_NO_SMARTCARD };
	for (size_t i = 0; i < csp_reader_count(tool->csp); i++) {
		struct csp_reader *reader = csp_reader_at(tool->csp, i);

		if (!reader_fits(tool, i))
			continue;
		choice->readers++;
		if (csp_reader_present(reader))
			consider(tool, reader, choice);
	}
}

static void
drop(struct choice *choice)
{
	if (choice->reader != NULL)
		csp_reader_unlock(choice->reader);
	choice->reader = NULL;
	choice->cards = 0;
}

/* Looks again until a card fits or the time is over. */
static DWORD
wait_for_card(struct tool *tool, uint32_t seconds, struct choice *choice)
{
	time_t end = time(NULL) + (time_t)seconds;
	DWORD r = csp_poll(tool->csp, true);

	look(tool, choice);
	while (r == SCARD_S_SUCCESS && choice->cards == 0 && time(NULL) < end) {
		tool_progress("Waiting for a card");
		(void)csp_wait(tool->csp, 1000);
		r = csp_poll(tool->csp, true);
		look(tool, choice);
	}
	tool_progress_end();
	return r;
}

static int
no_card(const struct tool *tool, const struct choice *choice)
{
	if (choice->readers == 0 && tool->options.reader == NULL)
		return tool_report(SCARD_E_NO_READERS_AVAILABLE, "no card");
	if (choice->readers == 0)
		return tool_say(TOOL_NO_CARD, "no reader is called \"%s\"; " TOOL_NAME " list shows them",
				tool->options.reader);
	if (tool->options.serial != NULL && choice->present > 0)
		return tool_say(TOOL_NO_CARD, "no card's identifier begins with \"%s\"; " TOOL_NAME " list shows them",
				tool->options.serial);
	return tool_report(choice->code, "no card");
}

int
tool_open_any_card(struct tool *tool)
{
	struct choice choice;
	uint32_t seconds = 0;
	DWORD r;
	int code;

	if (tool->options.wait != NULL && !tool_number(tool->options.wait, "--wait", 86400, &seconds))
		return TOOL_USAGE;
	if ((code = tool_open(tool)) != TOOL_OK)
		return code;
	if ((r = wait_for_card(tool, seconds, &choice)) != SCARD_S_SUCCESS) {
		drop(&choice);
		return tool_report(r, "the readers cannot be listed");
	}
	if (choice.cards > 1) {
		drop(&choice);
		return tool_say(TOOL_USAGE, "there are several cards; choose one with --reader or --serial, " TOOL_NAME
					    " list shows them");
	}
	if (choice.cards == 0)
		return no_card(tool, &choice);
	tool->reader = choice.reader;
	tool->card = choice.card;
	tool_progress("Reading the card");
	return TOOL_OK;
}

int
tool_open_card(struct tool *tool)
{
	int code = tool_open_any_card(tool);
	struct csp_card_info info;
	DWORD r;

	if (code != TOOL_OK)
		return code;
	if ((r = csp_card_info(tool->card, &info)) != SCARD_S_SUCCESS)
		return tool_report(r, "the card cannot be read");
	return info.blank ? tool_say(TOOL_FAILED, "the card is blank; " TOOL_NAME " create makes its file system")
			  : TOOL_OK;
}

/* Roles ------------------------------------------------------------------------------------------------------------------ */

int
tool_role_option(const struct tool *tool, uint32_t fallback, uint32_t *ret_role)
{
	uint32_t role = fallback;

	if (tool->options.role != NULL &&
	    (!tool_number(tool->options.role, "--role", CSP_ROLES - 1, &role) || role == 0)) {
		(void)tool_say(0, "roles are 1 to %u; " TOOL_NAME " info shows them", CSP_ROLES - 1);
		return TOOL_USAGE;
	}
	*ret_role = role;
	return TOOL_OK;
}

int
tool_role(struct tool *tool, uint32_t role, struct csp_role_info *ret_info)
{
	struct csp_role_info roles[CSP_ROLES];
	size_t count = 0;
	DWORD r = csp_role_list(tool->card, roles, &count);

	if (r != SCARD_S_SUCCESS)
		return tool_report(r, "the PINs of the card cannot be read");
	for (size_t i = 0; i < count; i++) {
		if (roles[i].role == role) {
			*ret_info = roles[i];
			return TOOL_OK;
		}
	}
	return tool_say(TOOL_FAILED, "the card has no PIN of role %u; " TOOL_NAME " info shows those it has", role);
}

static int
ask_for_role(struct tool *tool, const struct csp_role_info *info, struct secret *ret_secret)
{
	switch (info->type) {
	case CSP_PIN_TYPED: return tool_ask(tool, SECRET_PIN, "PIN", ret_secret);
	case CSP_PIN_CHALLENGE: return tool_ask_key(tool, SECRET_ADMIN_KEY, "Admin key (hex)", false, ret_secret);
	case CSP_PIN_EXTERNAL:
		return tool_has_source(tool, SECRET_PIN) ? tool_ask(tool, SECRET_PIN, "PIN", ret_secret)
							 : tool_say(TOOL_OK, "enter the PIN at the reader");
	default: return TOOL_OK;
	}
}

int
tool_login(struct tool *tool, uint32_t role)
{
	AUTO_SECRET struct secret secret = SECRET_INIT;
	uint32_t tries = CSP_UNKNOWN;
	struct csp_role_info info = { .role = 0 };
	int code;
	DWORD r;

	if ((code = tool_role(tool, role, &info)) != TOOL_OK)
		return code;
	if (info.type == CSP_PIN_EMPTY)
		return TOOL_OK;
	if (info.tries_left == 0)
		return tool_report(SCARD_W_CHV_BLOCKED, role == CSP_ROLE_ADMIN ? "the admin key" : "the PIN");
	if ((code = ask_for_role(tool, &info, &secret)) != TOOL_OK)
		return code;
	r = csp_login(tool->card, role, secret.p, secret.len, &tries);
	if (r != SCARD_S_SUCCESS)
		return tool_report_tries(r, tries, role == CSP_ROLE_ADMIN ? "the admin key" : "the PIN");
	tool_progress("Talking to the card");
	return TOOL_OK;
}

bool
tool_wants_admin(const struct tool *tool)
{
	return tool->options.admin || tool_has_source(tool, SECRET_ADMIN_KEY);
}

int
tool_login_writer(struct tool *tool)
{
	int r = TOOL_OK;

	if (tool_wants_admin(tool) && (r = tool_login(tool, CSP_ROLE_ADMIN)) != TOOL_OK)
		return r;
	if (!tool_wants_admin(tool) || tool_has_source(tool, SECRET_PIN))
		r = tool_login(tool, CSP_ROLE_USER);
	return r;
}

/* Keys ------------------------------------------------------------------------------------------------------------------- */

static bool
slot_fits(const struct tool *tool, const struct csp_key *key)
{
	const char *slot = tool->options.slot;

	return slot == NULL || strcmp(slot, key->exchange ? "exchange" : "signature") == 0;
}

static bool
word_fits(const char *word, bool by_index, const struct csp_key *key)
{
	char *end = NULL;
	unsigned long index;

	if (!by_index)
		return strcmp(word, key->name) == 0;
	index = strtoul(word, &end, 10);
	return *word >= '0' && *word <= '9' && *end == '\0' && index == key->container;
}

static size_t
count_keys(struct tool *tool, const char *word, bool by_index, struct csp_key *ret_key)
{
	size_t found = 0;

	for (size_t i = 0; i < csp_key_count(tool->card); i++) {
		const struct csp_key *key = csp_key_at(tool->card, i);

		if (word_fits(word, by_index, key) && slot_fits(tool, key) && found++ == 0)
			*ret_key = *key;
	}
	return found;
}

int
tool_find_key(struct tool *tool, const char *word, struct csp_key *ret_key)
{
	const char *slot = tool->options.slot;
	size_t found;
	DWORD r;

	if (slot != NULL && strcmp(slot, "exchange") != 0 && strcmp(slot, "signature") != 0)
		return tool_say(TOOL_USAGE, "--slot is exchange or signature");
	if ((r = csp_refresh(tool->card, NULL)) != SCARD_S_SUCCESS)
		return tool_report(r, "the keys cannot be listed");
	found = count_keys(tool, word, false, ret_key);
	if (found == 0)
		found = count_keys(tool, word, true, ret_key);
	if (found == 0)
		return tool_report(SCARD_E_NO_KEY_CONTAINER, "%s", word);
	if (found > 1)
		return tool_say(TOOL_USAGE,
				"%s is more than one key; choose with --slot exchange or signature, or by the "
				"container's number",
				word);
	return TOOL_OK;
}
