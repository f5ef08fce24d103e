/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * challenge and respond: unblocking with the administrator somewhere else. Challenge and response are read out and typed;
 * the key stays with the administrator. The challenge is good until anything else is said to the card, so the same process
 * shows the challenge and takes the response.
 */
#include <stdio.h>
#include <string.h>

#include "tool/encode.h"
#include "tool/out.h"

#define GROUPS_MAX 256u

static int
show(struct cursor challenge)
{
	char text[GROUPS_MAX];

	if (!encode_hex_groups(challenge, text, sizeof(text)))
		return tool_report(SCARD_E_UNEXPECTED, "the challenge");
	out_line("Challenge        %s", text);
	(void)fflush(stdout);
	return TOOL_OK;
}

/* Before the challenge is asked for: this is the last that is said to the card until the response. */
static int
show_card(struct tool *tool)
{
	struct csp_card_info info;
	char id[2 * CSP_CARD_ID_LEN + 1];
	DWORD r = csp_card_info(tool->card, &info);

	if (r != SCARD_S_SUCCESS)
		return tool_report(r, "the card cannot be read");
	if (info.blank)
		return tool_say(TOOL_FAILED, "the card is blank: nothing on it is blocked");
	if (encode_hex(cur_of(info.id, sizeof(info.id)), id, sizeof(id)))
		out_line("Card identifier  %s", id);
	return TOOL_OK;
}

static int
ask_response(struct tool *tool, struct secret *ret_response)
{
	AUTO_SECRET struct secret line = SECRET_INIT;
	int code = tool_ask_line(tool, SECRET_RESPONSE, "Response", &line);

	if (code != TOOL_OK)
		return code;
	if (!decode_hex(cur_of(line.p, line.len), ret_response))
		return tool_say(TOOL_USAGE, "the response is hexadecimal digits; ask for another challenge");
	return TOOL_OK;
}

static int
unblock(struct tool *tool, uint32_t role, uint32_t retries)
{
	AUTO_SECRET struct secret response = SECRET_INIT, pin = SECRET_INIT;
	AUTO_BUF struct buf challenge = BUF_INIT;
	uint32_t tries = CSP_UNKNOWN;
	DWORD r = csp_challenge(tool->card, CSP_ROLE_ADMIN, &challenge);
	int code;

	if (r != SCARD_S_SUCCESS)
		return tool_report(r, "the card gives no challenge");
	if ((code = show(buf_cur(&challenge))) != TOOL_OK || (code = ask_response(tool, &response)) != TOOL_OK ||
	    (code = tool_ask_new(tool, SECRET_NEW_PIN, "New PIN", &pin)) != TOOL_OK)
		return code;
	tool_progress("Talking to the card");
	r = csp_pin_unblock_response(tool->card, role, CSP_ROLE_ADMIN, cur_of(response.p, response.len),
				     cur_of(pin.p, pin.len), retries, &tries);
	if (r == SCARD_E_INVALID_VALUE)
		return tool_say(TOOL_FAILED, "the challenge is not good any more, since somebody talked to the card; "
					     "no try was lost: begin again");
	if (r != SCARD_S_SUCCESS)
		return tool_report_tries(r, tries, "the response");
	return tool_say(TOOL_OK, "the PIN has been set");
}

int
verb_challenge(struct tool *tool, char **args, int count)
{
	struct csp_role_info info = { .role = 0 };
	uint32_t role = CSP_ROLE_USER, retries = 0;
	int code = tool_role_option(tool, CSP_ROLE_USER, &role);

	(void)args;
	(void)count;
	if (code != TOOL_OK)
		return code;
	if (tool->options.tries != NULL && !tool_number(tool->options.tries, "--tries", 255, &retries))
		return TOOL_USAGE;
	if ((code = tool_open_card(tool)) != TOOL_OK || (code = tool_role(tool, role, &info)) != TOOL_OK)
		return code;
	if ((info.unblock_roles & CSP_ROLE_BIT(CSP_ROLE_ADMIN)) == 0)
		return tool_say(TOOL_FAILED,
				"the admin key does not unblock role %u on this card; see " TOOL_NAME " info", role);
	if ((code = show_card(tool)) != TOOL_OK)
		return code;
	return unblock(tool, role, retries);
}

/* respond -------------------------------------------------------------------------------------------------------------------- */

/* The challenge may have been typed with blanks, which are words to the shell. */
static bool
join_words(char **args, int count, struct secret *ret_challenge)
{
	AUTO_BUF struct buf text = BUF_INIT;

	for (int i = 0; i < count; i++)
		buf_put(&text, args[i], strlen(args[i]));
	return !buf_failed(&text) && decode_hex(buf_cur(&text), ret_challenge);
}

int
verb_respond(struct tool *tool, char **args, int count)
{
	AUTO_SECRET struct secret challenge = SECRET_INIT, key = SECRET_INIT;
	AUTO_BUF struct buf response = BUF_INIT;
	char text[GROUPS_MAX];
	int code;
	DWORD r;

	if (!join_words(args, count, &challenge))
		return tool_say(TOOL_USAGE, "the challenge is hexadecimal digits, two for each byte");
	if ((code = tool_open(tool)) != TOOL_OK ||
	    (code = tool_ask_key(tool, SECRET_ADMIN_KEY, "Admin key (hex)", false, &key)) != TOOL_OK)
		return code;
	r = csp_respond(tool->csp, cur_of(key.p, key.len), cur_of(challenge.p, challenge.len), &response);
	if (r == SCARD_E_INVALID_PARAMETER)
		return tool_say(TOOL_USAGE, "no card has a key of %zu bytes and a challenge of %zu", key.len,
				challenge.len);
	if (r != SCARD_S_SUCCESS)
		return tool_report(r, "no response can be made");
	if (!encode_hex_groups(buf_cur(&response), text, sizeof(text)))
		return tool_report(SCARD_E_UNEXPECTED, "the response");
	out_line("Response  %s", text);
	return TOOL_OK;
}
