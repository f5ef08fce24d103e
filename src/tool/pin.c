/* SPDX-License-Identifier: BSD-2-Clause */
/* pin verify, change, unblock, retries. */
#include "tool/tool.h"

static int
open_role(struct tool *tool, struct csp_role_info *ret_info)
{
	uint32_t role = CSP_ROLE_USER;
	int code = tool_role_option(tool, CSP_ROLE_USER, &role);

	if (code == TOOL_OK)
		code = tool_open_card(tool);
	if (code == TOOL_OK)
		code = tool_role(tool, role, ret_info);
	return code;
}

int
verb_pin_verify(struct tool *tool, char **args, int count)
{
	struct csp_role_info info = { .role = 0 };
	int code = open_role(tool, &info);

	(void)args;
	(void)count;
	if (code != TOOL_OK)
		return code;
	if (info.type == CSP_PIN_EMPTY)
		return tool_say(TOOL_OK, "role %u has no PIN", info.role);
	if ((code = tool_login(tool, info.role)) != TOOL_OK)
		return code;
	return tool_say(TOOL_OK, "the PIN is right");
}

/* change ------------------------------------------------------------------------------------------------------------------- */

static int
ask_old_and_new(struct tool *tool, struct secret *ret_old, struct secret *ret_new)
{
	int code = tool_ask(tool, SECRET_PIN, "PIN", ret_old);

	return code == TOOL_OK ? tool_ask_new(tool, SECRET_NEW_PIN, "New PIN", ret_new) : code;
}

int
verb_pin_change(struct tool *tool, char **args, int count)
{
	AUTO_SECRET struct secret old_pin = SECRET_INIT, new_pin = SECRET_INIT;
	uint32_t tries = CSP_UNKNOWN;
	struct csp_role_info info = { .role = 0 };
	int code = open_role(tool, &info);
	DWORD r;

	(void)args;
	(void)count;
	if (code != TOOL_OK)
		return code;
	if (info.tries_left == 0)
		return tool_report(SCARD_W_CHV_BLOCKED, "the PIN");
	if (info.type == CSP_PIN_CHALLENGE)
		return tool_say(TOOL_USAGE, "role %u has a key; see " TOOL_NAME " admin-key change", info.role);
	code = info.type == CSP_PIN_EXTERNAL && !tool_has_source(tool, SECRET_PIN)
		       ? tool_say(TOOL_OK, "enter the old PIN and twice the new one at the reader")
		       : ask_old_and_new(tool, &old_pin, &new_pin);
	if (code != TOOL_OK)
		return code;
	tool_progress("Talking to the card");
	r = csp_pin_change(tool->card, info.role, cur_of(old_pin.p, old_pin.len), cur_of(new_pin.p, new_pin.len),
			   &tries);
	if (r == SCARD_E_INVALID_VALUE)
		return tool_say(TOOL_DENIED, "the card does not take the new PIN; it wants %u to %u bytes",
				info.pin_min, info.pin_max);
	if (r != SCARD_S_SUCCESS)
		return tool_report_tries(r, tries, "the PIN");
	return tool_say(TOOL_OK, "the PIN has been changed");
}

/* unblock ------------------------------------------------------------------------------------------------------------------ */

/* The role whose secret unblocks: the administrator, or with a PUK the first other one that may. */
static int
find_authority(const struct tool *tool, const struct csp_role_info *info, uint32_t *ret_authority)
{
	bool puk = tool_has_source(tool, SECRET_PUK) ||
		   (!tool_wants_admin(tool) && (info->unblock_roles & CSP_ROLE_BIT(CSP_ROLE_ADMIN)) == 0);

	for (uint32_t i = 1; i < CSP_ROLES; i++) {
		if ((info->unblock_roles & CSP_ROLE_BIT(i)) != 0 && (i != CSP_ROLE_ADMIN) == puk) {
			*ret_authority = i;
			return TOOL_OK;
		}
	}
	return tool_say(TOOL_FAILED, "%s does not unblock role %u on this card", puk ? "a PUK" : "the admin key",
			info->role);
}

static int
ask_authority(struct tool *tool, uint32_t authority, struct secret *ret_secret)
{
	struct csp_role_info info = { .role = 0 };
	int code = tool_role(tool, authority, &info);

	if (code != TOOL_OK)
		return code;
	if (info.type == CSP_PIN_CHALLENGE)
		return tool_ask_key(tool, SECRET_ADMIN_KEY, "Admin key (hex)", false, ret_secret);
	return tool_ask(tool, SECRET_PUK, "PUK", ret_secret);
}

int
verb_pin_unblock(struct tool *tool, char **args, int count)
{
	AUTO_SECRET struct secret secret = SECRET_INIT, pin = SECRET_INIT;
	uint32_t authority = 0, retries = 0, tries = CSP_UNKNOWN;
	struct csp_role_info info = { .role = 0 };
	int code = open_role(tool, &info);
	DWORD r;

	(void)args;
	(void)count;
	if (code != TOOL_OK)
		return code;
	if (tool->options.tries != NULL && !tool_number(tool->options.tries, "--tries", 255, &retries))
		return TOOL_USAGE;
	if ((code = find_authority(tool, &info, &authority)) != TOOL_OK ||
	    (code = ask_authority(tool, authority, &secret)) != TOOL_OK ||
	    (code = tool_ask_new(tool, SECRET_NEW_PIN, "New PIN", &pin)) != TOOL_OK)
		return code;
	tool_progress("Talking to the card");
	r = csp_pin_unblock(tool->card, info.role, authority, cur_of(secret.p, secret.len), cur_of(pin.p, pin.len),
			    retries, &tries);
	if (r != SCARD_S_SUCCESS)
		return tool_report_tries(r, tries, authority == CSP_ROLE_ADMIN ? "the admin key" : "the PUK");
	return tool_say(TOOL_OK, "the PIN has been set");
}

/* retries ------------------------------------------------------------------------------------------------------------------ */

int
verb_pin_retries(struct tool *tool, char **args, int count)
{
	uint32_t pin = 0, puk = 0;
	int code;
	DWORD r;

	(void)count;
	if (!tool_number(args[0], "PIN", 255, &pin) || !tool_number(args[1], "PUK", 255, &puk))
		return TOOL_USAGE;
	if (pin == 0 || puk == 0)
		return tool_say(TOOL_USAGE, "one try is the least");
	if ((code = tool_open_card(tool)) != TOOL_OK)
		return code;
	if (!tool_confirm(tool, "PIN and PUK will have the values that the card came with. Go on?"))
		return tool_say(TOOL_USAGE, "the card was left alone");
	if ((code = tool_login(tool, CSP_ROLE_ADMIN)) != TOOL_OK || (code = tool_login(tool, CSP_ROLE_USER)) != TOOL_OK)
		return code;
	tool_progress("Talking to the card");
	r = csp_pin_retries(tool->card, pin, puk);
	if (r != SCARD_S_SUCCESS)
		return tool_report(r, "the tries were not set");
	return tool_say(TOOL_OK, "the tries have been set; change PIN and PUK now");
}
