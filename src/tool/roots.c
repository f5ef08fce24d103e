/* SPDX-License-Identifier: BSD-2-Clause */
/* roots list, add, remove, export: certificates of authorities that the card carries. */
#include "tool/encode.h"
#include "tool/keyfile.h"
#include "tool/out.h"

#define NAME_MAX_BYTES 512u

static struct json_object *
root_row(size_t number, const struct csp_cert *cert)
{
	struct json_object *row = out_object();
	char name[NAME_MAX_BYTES];

	out_number(row, "number", number);
	encode_name(cert->subject, name, sizeof(name));
	out_text(row, "subject", cert->parsed ? name : "(cannot be read)");
	encode_name(cert->issuer, name, sizeof(name));
	out_text(row, "issuer", name);
	out_hex(row, "serial", encode_integer(cert->serial));
	out_date(row, "notBefore", cert->not_before);
	out_date(row, "notAfter", cert->not_after);
	out_number(row, "bytes", cert->der.len);
	return row;
}

int
verb_roots_list(struct tool *tool, char **args, int count)
{
	static const struct out_column columns[] = { { "number", "NO" },
						     { "notBefore", "FROM" },
						     { "notAfter", "UNTIL" },
						     { "bytes", "BYTES" },
						     { "subject", "SUBJECT" } };
	AUTO_JSON struct json_object *rows = out_array();
	const struct csp_cert *certs = NULL;
	int code = tool_open_card(tool);
	size_t n = 0;
	DWORD r;

	(void)args;
	(void)count;
	if (code != TOOL_OK)
		return code;
	if ((r = csp_roots_list(tool->card, &certs, &n)) != SCARD_S_SUCCESS)
		return tool_report(r, "the roots cannot be listed");
	for (size_t i = 0; i < n; i++)
		out_add(rows, root_row(i + 1, &certs[i]));
	out_print_table(tool, rows, columns, ARRAY_SIZE(columns), "no roots");
	return TOOL_OK;
}

static int
add_all(struct tool *tool, const struct csp_keyfile *file, const char *path)
{
	size_t added = 0;
	DWORD r;
	int code;

	if (file->cert_count == 0)
		return tool_say(TOOL_FAILED, "%s: there is no certificate in it", path);
	if ((code = tool_login_writer(tool)) != TOOL_OK)
		return code;
	for (size_t i = 0; i < file->cert_count; i++) {
		tool_progress("Writing the roots");
		r = csp_roots_add(tool->card, buf_cur(&file->certs[i]));
		if (r == ERROR_FILE_EXISTS)
			continue;
		if (r != SCARD_S_SUCCESS)
			return tool_report(r, "%s", path);
		added++;
	}
	return tool_say(TOOL_OK, "%zu added, %zu there already", added, file->cert_count - added);
}

int
verb_roots_add(struct tool *tool, char **args, int count)
{
	struct csp_keyfile file = { .key = NULL };
	int code;

	(void)count;
	if ((code = tool_open_card(tool)) != TOOL_OK || (code = keyfile_open(tool, args[0], &file)) != TOOL_OK)
		return code;
	code = add_all(tool, &file, args[0]);
	csp_keyfile_free(&file);
	return code;
}

int
verb_roots_remove(struct tool *tool, char **args, int count)
{
	AUTO_BUF struct buf der = BUF_INIT_MAX(LIMIT_CERTIFICATE);
	const struct csp_cert *certs = NULL;
	uint32_t number = 0;
	size_t n = 0;
	int code;
	DWORD r;

	(void)count;
	if (!tool_number(args[0], "the number of a root", UINT16_MAX, &number))
		return TOOL_USAGE;
	if ((code = tool_open_card(tool)) != TOOL_OK)
		return code;
	if ((r = csp_roots_list(tool->card, &certs, &n)) != SCARD_S_SUCCESS)
		return tool_report(r, "the roots cannot be listed");
	if (number == 0 || number > n)
		return tool_say(TOOL_FAILED, "there is no root %u; " TOOL_NAME " roots list numbers them", number);
	/* the list may change while somebody thinks about it */
	buf_put_cur(&der, buf_cur(&certs[number - 1].der));
	if (buf_failed(&der))
		return tool_report(SCARD_E_NO_MEMORY, "root %u", number);
	if (!tool_confirm(tool, "The root will be removed from the card. Go on?"))
		return tool_say(TOOL_USAGE, "the roots were left alone");
	if ((code = tool_login_writer(tool)) != TOOL_OK)
		return code;
	r = csp_roots_remove(tool->card, buf_cur(&der));
	return r == SCARD_S_SUCCESS ? TOOL_OK : tool_report(r, "root %u", number);
}

int
verb_roots_export(struct tool *tool, char **args, int count)
{
	AUTO_BUF struct buf pkcs7 = BUF_INIT, text = BUF_INIT;
	int code = tool_open_card(tool);
	DWORD r;

	if (code != TOOL_OK)
		return code;
	if ((r = csp_roots_export(tool->card, &pkcs7)) != SCARD_S_SUCCESS)
		return tool_report(r, "the roots");
	text.max = 2 * LIMIT_RESPONSE;
	if (tool->options.der)
		buf_put_cur(&text, buf_cur(&pkcs7));
	else
		encode_pem(&text, "PKCS7", buf_cur(&pkcs7));
	if (buf_failed(&text))
		return tool_report(SCARD_E_NO_MEMORY, "the roots");
	return tool_file_write(count > 0 ? args[0] : "-", buf_cur(&text));
}
