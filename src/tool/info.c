/* SPDX-License-Identifier: BSD-2-Clause */
/* info: what there is to know of a card without a PIN. */
#include "tool/out.h"

static const char *const types[] = {
	[CSP_PIN_TYPED] = "PIN",
	[CSP_PIN_EXTERNAL] = "at the reader",
	[CSP_PIN_CHALLENGE] = "challenge",
	[CSP_PIN_EMPTY] = "none needed",
};
static const char *const purposes[] = {
	[CSP_PURPOSE_AUTHENTICATION] = "authentication", [CSP_PURPOSE_SIGNATURE] = "signature",
	[CSP_PURPOSE_ENCRYPTION] = "encryption",	 [CSP_PURPOSE_NON_REPUDIATION] = "non-repudiation",
	[CSP_PURPOSE_ADMINISTRATOR] = "administrator",	 [CSP_PURPOSE_PRIMARY] = "primary",
	[CSP_PURPOSE_UNBLOCK] = "unblocking only",
};
static const char *const policies[] = {
	[CSP_POLICY_NORMAL] = "normal",
	[CSP_POLICY_TIMED] = "timed",
	[CSP_POLICY_NONE] = "none",
	[CSP_POLICY_ALWAYS_PROMPT] = "always prompt",
};
static const char *const cache_modes[] = {
	[CSP_CACHE_GLOBAL] = "global",
	[CSP_CACHE_SESSION] = "session",
	[CSP_CACHE_NONE] = "none",
};

static const char *
name_of(const char *const *names, size_t count, size_t value)
{
	return value < count && names[value] != NULL ? names[value] : "unknown";
}

#define NAME_OF(names, value) name_of(names, ARRAY_SIZE(names), (size_t)(value))

static struct json_object *
roles_of(uint32_t mask)
{
	struct json_object *roles = out_array();

	for (uint32_t i = 0; i < CSP_ROLES; i++) {
		if ((mask & CSP_ROLE_BIT(i)) != 0)
			out_add(roles, json_object_new_int((int)i));
	}
	return roles;
}

static struct json_object *
role_row(const struct csp_role_info *role)
{
	struct json_object *row = out_object();

	out_number(row, "role", role->role);
	out_text(row, "type", NAME_OF(types, role->type));
	out_text(row, "purpose", NAME_OF(purposes, role->purpose));
	out_count(row, "triesLeft", role->tries_left);
	out_count(row, "triesMax", role->tries_max);
	if (role->type == CSP_PIN_TYPED || role->type == CSP_PIN_EXTERNAL) {
		out_number(row, "minLength", role->pin_min);
		out_number(row, "maxLength", role->pin_max);
	}
	out_text(row, "cachePolicy", NAME_OF(policies, role->policy));
	if (role->policy == CSP_POLICY_TIMED)
		out_number(row, "cacheSeconds", role->policy_seconds);
	out_flag(row, "sessionPins", role->session_pins);
	out_put(row, "changedBy", roles_of(role->change_roles));
	out_put(row, "unblockedBy", roles_of(role->unblock_roles));
	return row;
}

static DWORD
put_roles(struct tool *tool, struct json_object *info)
{
	struct csp_role_info roles[CSP_ROLES];
	struct json_object *rows;
	size_t count = 0;
	DWORD r = csp_role_list(tool->card, roles, &count);

	if (r != SCARD_S_SUCCESS)
		return r;
	rows = out_array();
	for (size_t i = 0; i < count; i++)
		out_add(rows, role_row(&roles[i]));
	out_put(info, "pins", rows);
	return r;
}

static void
put_card(struct json_object *object, const struct csp_card_info *info)
{
	struct json_object *counters;

	out_text(object, "minidriver", info->minidriver);
	out_hex(object, "atr", cur_of(info->atr, info->atr_len));
	out_flag(object, "blank", info->blank);
	out_flag(object, "readOnly", info->read_only);
	out_flag(object, "generatesKeys", info->can_generate);
	out_flag(object, "importsKeys", info->can_import);
	if (info->blank)
		return;
	out_hex(object, "id", cur_of(info->id, sizeof(info->id)));
	out_count(object, "bytesFree", info->bytes_free);
	out_count(object, "containersFree", info->containers_free);
	out_count(object, "containersMax", info->containers_max);
	out_text(object, "cacheMode", NAME_OF(cache_modes, info->cache_mode));
	if (!info->counted)
		return;
	counters = out_object();
	out_number(counters, "pins", info->pins);
	out_number(counters, "containers", info->containers);
	out_number(counters, "files", info->files);
	out_put(object, "counters", counters);
}

/* Keys and label; a card whose map is damaged still has the rest to tell. */
static void
put_content(struct tool *tool, struct json_object *object)
{
	struct csp_token_info token;
	size_t certs = 0;

	if (csp_token_info(tool->card, &token) == SCARD_S_SUCCESS) {
		out_text(object, "label", token.label);
		out_text(object, "serial", token.serial);
	}
	if (csp_refresh(tool->card, NULL) != SCARD_S_SUCCESS)
		return;
	for (size_t i = 0; i < csp_key_count(tool->card); i++)
		certs += csp_key_at(tool->card, i)->has_cert ? 1 : 0;
	out_number(object, "keys", csp_key_count(tool->card));
	out_number(object, "certificates", certs);
}

static void
print(const struct json_object *info)
{
	static const struct out_column lines[] = {
		{ "reader", "Reader" },
		{ "minidriver", "Minidriver" },
		{ "atr", "ATR" },
		{ "label", "Label" },
		{ "id", "Card identifier" },
		{ "serial", "Serial number" },
		{ "blank", "Blank" },
		{ "readOnly", "Read-only" },
		{ "generatesKeys", "Generates keys" },
		{ "importsKeys", "Imports keys" },
		{ "keys", "Keys" },
		{ "certificates", "Certificates" },
		{ "containersFree", "Containers free" },
		{ "containersMax", "Containers at most" },
		{ "bytesFree", "Bytes free" },
		{ "cacheMode", "Cache mode" },
	};
	static const struct out_column counters[] = {
		{ "pins", "PINs changed" },
		{ "containers", "Containers changed" },
		{ "files", "Files changed" },
	};
	static const struct out_column pins[] = {
		{ "role", "ROLE" },
		{ "purpose", "PURPOSE" },
		{ "type", "TYPE" },
		{ "triesLeft", "TRIES LEFT" },
		{ "triesMax", "OF" },
		{ "minLength", "MIN" },
		{ "maxLength", "MAX" },
		{ "cachePolicy", "CACHED" },
		{ "changedBy", "CHANGED BY" },
		{ "unblockedBy", "UNBLOCKED BY" },
	};
	struct json_object *part = NULL;

	out_record(info, lines, ARRAY_SIZE(lines));
	if (json_object_object_get_ex(info, "counters", &part))
		out_record(part, counters, ARRAY_SIZE(counters));
	if (json_object_object_get_ex(info, "pins", &part)) {
		out_gap();
		out_table(part, pins, ARRAY_SIZE(pins));
	}
}

int
verb_info(struct tool *tool, char **args, int count)
{
	AUTO_JSON struct json_object *object = out_object();
	int code = tool_open_any_card(tool);
	struct csp_card_info info;
	DWORD r;

	(void)args;
	(void)count;
	if (code != TOOL_OK)
		return code;
	if ((r = csp_card_info(tool->card, &info)) != SCARD_S_SUCCESS)
		return tool_report(r, "the card cannot be read");
	out_text(object, "reader", csp_reader_name(tool->reader));
	put_card(object, &info);
	if (!info.blank) {
		put_content(tool, object);
		if ((r = put_roles(tool, object)) != SCARD_S_SUCCESS)
			return tool_report(r, "the PINs of the card cannot be read");
	}
	if (tool->options.json)
		out_json(object);
	else
		print(object);
	return TOOL_OK;
}
