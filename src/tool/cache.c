/* SPDX-License-Identifier: BSD-2-Clause */
/* cache: what is kept on disk of cards that were here, and away with it. Needs no card. */
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "tool/encode.h"
#include "tool/out.h"

#define CARDS_MAX (2 * LIMIT_CACHE_CARDS)

static int
read_list(struct tool *tool, struct csp_cached *ret_cards, size_t *ret_count)
{
	DWORD r;

	tool_configure(tool);
	*ret_count = 0;
	if (tool->config.cache_directory[0] == '\0')
		return TOOL_OK;
	r = csp_cached_list(tool->config.cache_directory, ret_cards, CARDS_MAX, ret_count);
	return r == SCARD_S_SUCCESS ? TOOL_OK : tool_report(r, "%s", tool->config.cache_directory);
}

static void
put_time(struct json_object *row, time_t when)
{
	char text[32];
	struct tm tm;

	if (gmtime_r(&when, &tm) != NULL && strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm) > 0)
		out_text(row, "written", text);
}

int
verb_cache_list(struct tool *tool, char **args, int count)
{
	static const struct out_column columns[] = { { "id", "Card" },
						     { "bytes", "Bytes" },
						     { "written", "Written (UTC)" } };
	AUTO_JSON struct json_object *rows = out_array();
	struct csp_cached cards[CARDS_MAX];
	struct json_object *row;
	size_t n = 0;
	int r = read_list(tool, cards, &n);

	(void)args, (void)count;
	if (r != TOOL_OK)
		return r;
	for (size_t i = 0; i < n; i++) {
		row = out_object();
		out_hex(row, "id", cur_of(cards[i].id, sizeof(cards[i].id)));
		out_number(row, "bytes", cards[i].bytes);
		put_time(row, cards[i].written);
		out_add(rows, row);
	}
	out_print_table(tool, rows, columns, ARRAY_SIZE(columns),
			tool->config.cache_directory[0] != '\0' ? "nothing is kept" : "there is no cache");
	return TOOL_OK;
}

static bool
read_id(const char *text, uint8_t ret_id[CSP_CARD_ID_LEN])
{
	AUTO_SECRET struct secret bytes = SECRET_INIT;
	struct cursor c;

	if (!decode_hex(cur_of(text, strlen(text)), &bytes))
		return false;
	c = cur_of(bytes.p, bytes.len);
	return c.left == CSP_CARD_ID_LEN && cur_copy(&c, ret_id, CSP_CARD_ID_LEN);
}

/* Whether a card is meant: by its identifier, or as one of all. */
static bool
is_meant(const struct csp_cached *card, const uint8_t *id)
{
	struct cursor c = cur_of(card->id, sizeof(card->id));

	return id == NULL || cur_equals(&c, id, CSP_CARD_ID_LEN);
}

int
verb_cache_clear(struct tool *tool, char **args, int count)
{
	struct csp_cached cards[CARDS_MAX];
	uint8_t id[CSP_CARD_ID_LEN];
	size_t n = 0, cleared = 0;
	int r;

	if (count > 0 && !read_id(args[0], id))
		return tool_say(TOOL_USAGE, "CARD is %u bytes in hex, as cache list shows them", CSP_CARD_ID_LEN);
	if ((r = read_list(tool, cards, &n)) != TOOL_OK)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (!is_meant(&cards[i], count > 0 ? id : NULL))
			continue;
		if (csp_cached_clear(tool->config.cache_directory, cards[i].id) != SCARD_S_SUCCESS)
			r = tool_say(TOOL_FAILED, "%s: not all could be deleted", tool->config.cache_directory);
		cleared++;
	}
	if (count > 0 && cleared == 0)
		return tool_say(TOOL_FAILED, "nothing is kept of card %s", args[0]);
	return r;
}
