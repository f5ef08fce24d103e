/* SPDX-License-Identifier: BSD-2-Clause */
/* list: readers, what is in them, and which programs use the smart card service. */
#include "tool/holders.h"
#include "tool/out.h"

static void
put_card(struct json_object *row, struct csp_card *card)
{
	struct csp_card_info info = { .blank = true };
	struct csp_token_info token;
	DWORD r = csp_card_info(card, &info);

	if (r != SCARD_S_SUCCESS) {
		out_text(row, "state", tool_code_text(r));
		return;
	}
	out_text(row, "minidriver", info.minidriver);
	if (info.blank) {
		out_text(row, "state", "blank");
		return;
	}
	out_hex(row, "id", cur_of(info.id, sizeof(info.id)));
	r = csp_token_info(card, &token);
	if (r == SCARD_S_SUCCESS)
		out_text(row, "label", token.label);
	out_text(row, "state", r == SCARD_S_SUCCESS ? "ready" : tool_code_text(r));
}

static void
put_reader(struct json_object *row, struct csp_reader *reader)
{
	struct csp_card *card = NULL;
	DWORD r;

	csp_reader_lock(reader);
	r = csp_reader_card(reader, &card);
	if (r == SCARD_S_SUCCESS)
		put_card(row, card);
	else
		out_text(row, "state", r == SCARD_E_NO_SMARTCARD ? "empty" : tool_code_text(r));
	csp_reader_unlock(reader);
}

static struct json_object *
readers_of(struct tool *tool)
{
	struct json_object *rows = out_array(), *row;

	for (size_t i = 0; i < csp_reader_count(tool->csp); i++) {
		struct csp_reader *reader = csp_reader_at(tool->csp, i);

		row = out_object();
		out_number(row, "number", i + 1);
		out_text(row, "reader", csp_reader_name(reader));
		put_reader(row, reader);
		out_add(rows, row);
	}
	return rows;
}

static void
print(const struct json_object *list)
{
	static const struct out_column readers[] = {
		{ "number", "NO" },  { "reader", "READER" }, { "state", "STATE" }, { "minidriver", "MINIDRIVER" },
		{ "label", "CARD" }, { "id", "IDENTIFIER" },
	};
	static const struct out_column programs[] = { { "pid", "PID" }, { "name", "PROGRAM" } };
	struct json_object *rows = NULL;

	(void)json_object_object_get_ex(list, "readers", &rows);
	if (json_object_array_length(rows) == 0)
		out_line("no readers; " TOOL_NAME " doctor tells why");
	else
		out_table(rows, readers, ARRAY_SIZE(readers));
	(void)json_object_object_get_ex(list, "programs", &rows);
	if (json_object_array_length(rows) == 0)
		return;
	out_gap();
	out_line("Connected with the smart card service:");
	out_table(rows, programs, ARRAY_SIZE(programs));
}

int
verb_list(struct tool *tool, char **args, int count)
{
	AUTO_JSON struct json_object *list = out_object();
	int code = tool_open(tool);
	DWORD r;

	(void)args;
	(void)count;
	if (code != TOOL_OK)
		return code;
	tool_progress("Looking at the readers");
	if ((r = csp_poll(tool->csp, true)) != SCARD_S_SUCCESS)
		return tool_report(r, "the readers cannot be listed");
	out_put(list, "readers", readers_of(tool));
	out_put(list, "programs", holders_list());
	if (tool->options.json)
		out_json(list);
	else
		print(list);
	return TOOL_OK;
}
