/* SPDX-License-Identifier: BSD-2-Clause */
/* container list, create, delete, default, pubkey. */
#include <stdio.h>
#include <string.h>

#include "tool/encode.h"
#include "tool/out.h"

static const struct {
	const char *name;
	enum key_type type;
	unsigned bits;
} types[] = {
	{ "rsa2048", KEY_RSA, 2048 },
	{ "rsa1024", KEY_RSA, 1024 },
	{ "rsa3072", KEY_RSA, 3072 },
	{ "rsa4096", KEY_RSA, 4096 },
	{ "p256", KEY_EC, 256 },
	{ "p384", KEY_EC, 384 },
	{ "p521", KEY_EC, 521 },
	{ "ed25519", KEY_ED25519, PUBKEY_25519_BITS },
	{ "x25519", KEY_X25519, PUBKEY_25519_BITS },
};

/* list ----------------------------------------------------------------------------------------------------------------------- */

static const char *
type_text(const struct csp_key *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (types[i].type == key->type && types[i].bits == key->bits)
			return types[i].name;
	}
	return "other";
}

static struct json_object *
uses_of(const struct csp_key *key)
{
	struct json_object *uses = out_array();

	if (key->can_sign)
		out_add_text(uses, "sign");
	if (key->can_decrypt)
		out_add_text(uses, "decrypt");
	if (key->can_derive)
		out_add_text(uses, "derive");
	return uses;
}

static struct json_object *
key_row(const struct csp_key *key)
{
	struct json_object *row = out_object();

	out_number(row, "container", key->container);
	out_text(row, "name", key->name);
	out_text(row, "slot", key->exchange ? "exchange" : "signature");
	out_text(row, "type", type_text(key));
	out_put(row, "uses", uses_of(key));
	out_flag(row, "default", key->is_default);
	out_flag(row, "certificate", key->has_cert);
	out_number(row, "role", key->role);
	if (key->ckaid_len > 0)
		out_hex(row, "id", cur_of(key->ckaid, key->ckaid_len));
	else
		out_hex(row, "id", cur_of(key->number != 0 ? &key->number : &key->container, 1));
	if (key->label[0] != '\0')
		out_text(row, "label", key->label);
	return row;
}

int
verb_container_list(struct tool *tool, char **args, int count)
{
	static const struct out_column columns[] = {
		{ "container", "NO" },
		{ "name", "NAME" },
		{ "slot", "SLOT" },
		{ "type", "TYPE" },
		{ "uses", "USES" },
		{ "default", "DEFAULT" },
		{ "certificate", "CERTIFICATE" },
		{ "role", "PIN ROLE" },
		{ "id", "ID" },
	};
	AUTO_JSON struct json_object *rows = out_array();
	int code = tool_open_card(tool);
	DWORD r;

	(void)args;
	(void)count;
	if (code != TOOL_OK)
		return code;
	if ((r = csp_refresh(tool->card, NULL)) != SCARD_S_SUCCESS)
		return tool_report(r, "the keys cannot be listed");
	for (size_t i = 0; i < csp_key_count(tool->card); i++)
		out_add(rows, key_row(csp_key_at(tool->card, i)));
	out_print_table(tool, rows, columns, ARRAY_SIZE(columns), "no keys");
	return TOOL_OK;
}

/* create --------------------------------------------------------------------------------------------------------------------- */

static int
type_option(const struct tool *tool, struct csp_generate *what)
{
	const char *wanted = tool->options.type;

	if (wanted == NULL) {
		what->type = KEY_RSA;
		what->bits = tool->config.policy.default_key_bits;
		return TOOL_OK;
	}
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (strcmp(wanted, types[i].name) == 0) {
			what->type = types[i].type;
			what->bits = types[i].bits;
			return TOOL_OK;
		}
	}
	return tool_say(TOOL_USAGE,
			"--type is rsa1024, rsa2048, rsa3072, rsa4096, p256, p384, p521, ed25519 or x25519");
}

int
tool_id_option(const struct tool *tool, struct secret *ret_id)
{
	const char *text = tool->options.id;

	if (text == NULL)
		return TOOL_OK;
	if (decode_hex(cur_of(text, strlen(text)), ret_id) && ret_id->len <= CSP_CKAID_MAX)
		return TOOL_OK;
	return tool_say(TOOL_USAGE, "--id is 1 to %u bytes in hex", CSP_CKAID_MAX + 0u);
}

static int
generate_failed(const struct tool *tool, const struct csp_generate *what, DWORD r)
{
	if (r == SCARD_E_UNSUPPORTED_FEATURE || r == SCARD_E_INVALID_PARAMETER)
		return tool_say(TOOL_FAILED, "the card makes no %s keys of %u bits%s; try another --type",
				what->type == KEY_RSA ? "RSA" : "EC", what->bits,
				tool_wants_admin(tool) ? "" : ", or wants the administrator for it (--admin)");
	if (r == SCARD_E_INVALID_VALUE)
		return tool_say(TOOL_USAGE, "a container's name has at most 39 characters, none of them a backslash or "
					    "a control character");
	return tool_report(r, "no key was made");
}

int
verb_container_create(struct tool *tool, char **args, int count)
{
	struct csp_generate what = { .exchange = !tool->options.signature, .name = count > 0 ? args[0] : NULL };
	AUTO_SECRET struct secret id = SECRET_INIT;
	const struct csp_key *key;
	uint32_t key_id = 0;
	int code;
	DWORD r;

	if ((code = tool_id_option(tool, &id)) != TOOL_OK || (code = tool_open_card(tool)) != TOOL_OK ||
	    (code = type_option(tool, &what)) != TOOL_OK || (code = tool_login_writer(tool)) != TOOL_OK)
		return code;
	what.id = cur_of(id.p, id.len);
	if (pubkey_is_25519(what.type))
		what.exchange = what.type == KEY_X25519;
	tool_progress("The card makes a key");
	r = csp_generate(tool->card, &what, &key_id);
	/* many cards have keys on curves that sign, and no others */
	if (r == SCARD_E_UNSUPPORTED_FEATURE && what.type == KEY_EC && what.exchange) {
		what.exchange = false;
		r = csp_generate(tool->card, &what, &key_id);
	}
	if (r != SCARD_S_SUCCESS)
		return generate_failed(tool, &what, r);
	tool_progress_end();
	if ((key = csp_key_find(tool->card, key_id)) != NULL)
		(void)tool_say(0, "key %s made, in container %u, \"%s\"", type_text(key), key->container, key->name);
	return TOOL_OK;
}

/* delete, default, pubkey ---------------------------------------------------------------------------------------------------- */

int
verb_container_delete(struct tool *tool, char **args, int count)
{
	char question[CSP_NAME_MAX * 3 + 128], name[CSP_NAME_MAX * 3];
	struct csp_key key;
	int code;
	DWORD r;

	(void)count;
	if ((code = tool_open_card(tool)) != TOOL_OK || (code = tool_find_key(tool, args[0], &key)) != TOOL_OK)
		return code;
	out_safe(key.name, strlen(key.name), name, sizeof(name));
	(void)snprintf(question, sizeof(question),
		       key.other_slot_used ? "Both keys in container %u, \"%s\", will be lost for ever. Delete them?"
					   : "The key in container %u, \"%s\", will be lost for ever. Delete it?",
		       key.container, name);
	if (!tool_confirm(tool, question))
		return tool_say(TOOL_USAGE, "the key was left alone");
	if ((code = tool_login_writer(tool)) != TOOL_OK)
		return code;
	tool_progress("Deleting the container");
	r = csp_container_delete(tool->card, key.id);
	return r == SCARD_S_SUCCESS ? TOOL_OK : tool_report(r, "%s", args[0]);
}

int
verb_container_default(struct tool *tool, char **args, int count)
{
	struct csp_key key;
	int code;
	DWORD r;

	(void)count;
	if ((code = tool_open_card(tool)) != TOOL_OK || (code = tool_find_key(tool, args[0], &key)) != TOOL_OK ||
	    (code = tool_login_writer(tool)) != TOOL_OK)
		return code;
	r = csp_default_set(tool->card, key.id);
	return r == SCARD_S_SUCCESS ? TOOL_OK : tool_report(r, "%s", args[0]);
}

static DWORD
encode_key(struct tool *tool, const struct csp_key *key, const struct public_key *public, struct buf *text)
{
	AUTO_BUF struct buf der = BUF_INIT;
	DWORD r;

	if (tool->options.ssh)
		return encode_ssh(text, public, key->name) ? SCARD_S_SUCCESS : SCARD_E_UNSUPPORTED_FEATURE;
	if ((r = csp_public_key_spki(tool->csp, public, &der)) != SCARD_S_SUCCESS)
		return r;
	if (tool->options.der)
		buf_put_cur(text, buf_cur(&der));
	else
		encode_pem(text, "PUBLIC KEY", buf_cur(&der));
	return buf_failed(text) ? SCARD_E_NO_MEMORY : SCARD_S_SUCCESS;
}

int
verb_container_pubkey(struct tool *tool, char **args, int count)
{
	const struct public_key *public = NULL;
	AUTO_BUF struct buf text = BUF_INIT;
	struct csp_key key;
	int code;
	DWORD r;

	(void)count;
	if ((code = tool_open_card(tool)) != TOOL_OK || (code = tool_find_key(tool, args[0], &key)) != TOOL_OK)
		return code;
	r = csp_key_public(tool->card, key.id, &public);
	if (r == SCARD_S_SUCCESS)
		r = encode_key(tool, &key, public, &text);
	if (r != SCARD_S_SUCCESS)
		return tool_report(r, "the public key of %s", args[0]);
	return tool_file_write("-", buf_cur(&text));
}
