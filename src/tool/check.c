/* SPDX-License-Identifier: BSD-2-Clause */
/* check: what is inconsistent on a card. */
#include <stdlib.h>
#include <string.h>

#include "tool/out.h"

static const char *
state_of(const struct csp_finding *finding)
{
	if (finding->repaired)
		return "mended";
	return finding->repairable ? "can be mended" : "cannot be mended";
}

static struct json_object *
finding_row(const struct csp_finding *finding)
{
	struct json_object *row = out_object();

	out_text(row, "state", state_of(finding));
	out_flag(row, "repairable", finding->repairable);
	out_flag(row, "repaired", finding->repaired);
	out_bytes(row, "text", finding->text, strnlen(finding->text, sizeof(finding->text)));
	return row;
}

/* What is left decides. */
static int
print(const struct tool *tool, const struct csp_finding *findings, size_t n)
{
	static const struct out_column columns[] = { { "state", "STATE" }, { "text", "WHAT" } };
	AUTO_JSON struct json_object *rows = out_array();
	bool repairable = false;
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		out_add(rows, finding_row(&findings[i]));
		left += findings[i].repaired ? 0 : 1;
		repairable = repairable || (findings[i].repairable && !findings[i].repaired);
	}
	out_print_table(tool, rows, columns, ARRAY_SIZE(columns), "the card is consistent");
	if (repairable && !tool->options.repair)
		(void)tool_say(0, TOOL_NAME " check --repair mends it");
	return left == 0 ? TOOL_OK : TOOL_FOUND;
}

int
verb_check(struct tool *tool, char **args, int count)
{
	struct csp_finding *findings = NULL;
	size_t n = 0;
	int code;
	DWORD r;

	(void)args;
	(void)count;
	tool->no_cache = true;
	code = tool_open_card(tool);
	if (code == TOOL_OK && (tool->options.repair || tool_wants_admin(tool) || tool_has_source(tool, SECRET_PIN)))
		code = tool_login_writer(tool);
	if (code != TOOL_OK)
		return code;
	tool_progress("Looking at the card");
	r = csp_check(tool->card, tool->options.repair, &findings, &n);
	tool_progress_end();
	if (r != SCARD_S_SUCCESS)
		return tool_report(r, "the card cannot be checked");
	code = print(tool, findings, n);
	free(findings);
	return code;
}
