/* SPDX-License-Identifier: BSD-2-Clause */
/* create: a card made from blank, or emptied; reset; admin-key change; and the admin keys that the tool makes. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/adminkey.h"
#include "tool/encode.h"

/* Admin keys --------------------------------------------------------------------------------------------------------------- */

#define ADMIN_KEY_LEN 24u /* 3DES with three keys, what Windows' tools expect */

int
admin_key_new(struct tool *tool, enum tool_secret which, const char *prompt, struct secret *ret_key)
{
	const char *path = tool->options.save_key;
	AUTO_SECRET struct secret text = SECRET_INIT;

	if (path == NULL)
		return tool_ask_key(tool, which, prompt, true, ret_key);
	if (!secret_alloc(ret_key, ADMIN_KEY_LEN) || !secret_alloc(&text, 2 * ADMIN_KEY_LEN + 1) ||
	    !secret_random(ret_key->p, ADMIN_KEY_LEN) ||
	    !encode_hex(cur_of(ret_key->p, ret_key->len), (char *)text.p, text.len))
		return tool_say(TOOL_FAILED, "no key can be made");
	text.p[text.len - 1] = '\n';
	return tool_file_write_secret(path, &text);
}

/* A key in its file that the card has refused for certain is nobody's; after anything else it may be the card's. */
static void
admin_key_drop(const struct tool *tool, DWORD code)
{
	const char *path = tool->options.save_key;

	if (path == NULL)
		return;
	switch (code) {
	case SCARD_W_WRONG_CHV:
	case SCARD_W_CHV_BLOCKED:
	case SCARD_E_INVALID_PARAMETER:
	case SCARD_E_INVALID_VALUE:
	case SCARD_E_UNSUPPORTED_FEATURE:
	case SCARD_E_READ_ONLY_CARD:
	case ERROR_FILE_EXISTS: (void)unlink(path); break;
	default: (void)tool_say(0, "the key in %s may be the card's already; keep it until that is certain", path);
	}
}

int
verb_admin_key_change(struct tool *tool, char **args, int count)
{
	AUTO_SECRET struct secret old_key = SECRET_INIT, new_key = SECRET_INIT;
	uint32_t tries = CSP_UNKNOWN;
	int code = tool_open_card(tool);
	DWORD r;

	(void)args;
	(void)count;
	if (code != TOOL_OK)
		return code;
	if ((code = tool_ask_key(tool, SECRET_ADMIN_KEY, "Admin key (hex)", false, &old_key)) != TOOL_OK ||
	    (code = admin_key_new(tool, SECRET_NEW_ADMIN_KEY, "New admin key (hex)", &new_key)) != TOOL_OK)
		return code;
	tool_progress("Talking to the card");
	r = csp_pin_change(tool->card, CSP_ROLE_ADMIN, cur_of(old_key.p, old_key.len), cur_of(new_key.p, new_key.len),
			   &tries);
	if (r != SCARD_S_SUCCESS) {
		admin_key_drop(tool, r);
		return tool_report_tries(r, tries, "the admin key");
	}
	return tool_say(TOOL_OK, "the admin key has been changed");
}

/* create ------------------------------------------------------------------------------------------------------------------- */

static int
card_id_option(const struct tool *tool, struct csp_create *what)
{
	AUTO_SECRET struct secret id = SECRET_INIT;
	const char *text = tool->options.card_id;

	if (text == NULL)
		return TOOL_OK;
	if (!decode_hex(cur_of(text, strlen(text)), &id) || id.len != CSP_CARD_ID_LEN)
		return tool_say(TOOL_USAGE, "--card-id is %u bytes in hex", CSP_CARD_ID_LEN + 0u);
	what->has_id = true;
	memcpy(what->id, id.p, CSP_CARD_ID_LEN);
	return TOOL_OK;
}

static int
already_made(void)
{
	return tool_say(TOOL_FAILED, "the card has a file system already; --recreate empties it");
}

/* A card with a file system in which nothing is amiss needs no questions. */
static bool
is_complete(struct tool *tool)
{
	struct csp_finding *findings = NULL;
	struct csp_card_info info;
	size_t n = 0;
	bool complete = csp_card_info(tool->card, &info) == SCARD_S_SUCCESS && !info.blank &&
			csp_check(tool->card, false, &findings, &n) == SCARD_S_SUCCESS && n == 0;

	free(findings);
	return complete;
}

static int
create_blank(struct tool *tool)
{
	AUTO_SECRET struct secret pin = SECRET_INIT, key = SECRET_INIT;
	struct csp_create what = { .has_id = false };
	int code = card_id_option(tool, &what);
	DWORD r;

	if (code != TOOL_OK)
		return code;
	if (tool->options.tries != NULL && !tool_number(tool->options.tries, "--tries", 255, &what.user_tries))
		return TOOL_USAGE;
	if ((code = tool_ask_new(tool, SECRET_NEW_PIN, "New PIN", &pin)) != TOOL_OK ||
	    (code = admin_key_new(tool, SECRET_ADMIN_KEY, "Admin key for the card (hex)", &key)) != TOOL_OK)
		return code;
	what.user_pin = cur_of(pin.p, pin.len);
	what.admin_key = cur_of(key.p, key.len);
	tool_progress("Making the card's file system");
	r = csp_create(tool->card, &what);
	if (r != SCARD_S_SUCCESS)
		admin_key_drop(tool, r);
	if (r == ERROR_FILE_EXISTS)
		return already_made();
	if (r == SCARD_E_INVALID_PARAMETER)
		return tool_say(TOOL_FAILED, "the card does not take this PIN or this admin key%s",
				what.user_tries != 0 ? ", or no number of tries" : "");
	if (r != SCARD_S_SUCCESS)
		return tool_report(r, "the card was not made");
	return tool_say(TOOL_OK, "the card is ready; keep the admin key in a safe place");
}

static int
create_again(struct tool *tool)
{
	AUTO_SECRET struct secret pin = SECRET_INIT;
	int code;
	DWORD r;

	if (!tool_confirm(tool, "All keys, certificates and files of this card will be lost. Go on?"))
		return tool_say(TOOL_USAGE, "the card was left alone");
	if (tool_has_source(tool, SECRET_NEW_PIN) &&
	    (code = tool_ask_new(tool, SECRET_NEW_PIN, "New PIN", &pin)) != TOOL_OK)
		return code;
	if ((code = tool_login(tool, CSP_ROLE_ADMIN)) != TOOL_OK)
		return code;
	tool_progress("Emptying the card");
	r = csp_recreate(tool->card, cur_of(pin.p, pin.len));
	if (r != SCARD_S_SUCCESS)
		return tool_report(r, "the card was not emptied");
	return tool_say(TOOL_OK, "the card is empty");
}

int
verb_create(struct tool *tool, char **args, int count)
{
	int code;

	(void)args;
	(void)count;
	tool->no_cache = true;
	code = tool_open_any_card(tool);
	if (code != TOOL_OK)
		return code;
	if (tool->options.recreate)
		return create_again(tool);
	return is_complete(tool) ? already_made() : create_blank(tool);
}

/* reset -------------------------------------------------------------------------------------------------------------------- */

int
verb_reset(struct tool *tool, char **args, int count)
{
	int code = tool_open_card(tool);
	DWORD r;

	(void)args;
	(void)count;
	if (code != TOOL_OK)
		return code;
	if (!tool_confirm(tool, "All keys and certificates of this card will be lost. Go on?"))
		return tool_say(TOOL_USAGE, "the card was left alone");
	tool_progress("Resetting the card");
	r = csp_reset(tool->card);
	if (r == SCARD_W_SECURITY_VIOLATION)
		return tool_say(TOOL_DENIED, "the card resets itself only when both PIN and PUK are blocked");
	if (r != SCARD_S_SUCCESS)
		return tool_report(r, "the card was not reset");
	return tool_say(TOOL_OK, "the card is as it came from the factory; change PIN, PUK and admin key now");
}
