/* SPDX-License-Identifier: BSD-2-Clause */
/* cert put, get, delete. */
#include "tool/encode.h"
#include "tool/keyfile.h"

static int
put(struct tool *tool, const struct csp_keyfile *file, const char *path, uint32_t key_id)
{
	uint32_t written = 0;
	int code;
	DWORD r;

	if (file->cert_count == 0)
		return tool_say(TOOL_FAILED, "%s: there is no certificate in it", path);
	if ((code = tool_login_writer(tool)) != TOOL_OK)
		return code;
	tool_progress("Writing the certificate");
	r = csp_cert_write(tool->card, key_id, buf_cur(&file->certs[0]), &written);
	if (r == SCARD_E_NO_KEY_CONTAINER)
		return tool_say(TOOL_FAILED, "%s: no key on the card belongs to this certificate", path);
	if (r == SCARD_E_INVALID_VALUE)
		return tool_say(TOOL_FAILED, "%s: it is the certificate of another key", path);
	return r == SCARD_S_SUCCESS ? TOOL_OK : tool_report(r, "%s", path);
}

int
verb_cert_put(struct tool *tool, char **args, int count)
{
	struct csp_keyfile file = { .key = NULL };
	struct csp_key key = { .id = 0 };
	int code;

	if ((code = tool_open_card(tool)) != TOOL_OK ||
	    (count > 1 && (code = tool_find_key(tool, args[1], &key)) != TOOL_OK) ||
	    (code = keyfile_open(tool, args[0], &file)) != TOOL_OK)
		return code;
	code = put(tool, &file, args[0], key.id);
	csp_keyfile_free(&file);
	return code;
}

int
verb_cert_get(struct tool *tool, char **args, int count)
{
	AUTO_BUF struct buf text = BUF_INIT;
	const struct csp_cert *cert = NULL;
	struct csp_key key;
	int code;
	DWORD r;

	if ((code = tool_open_card(tool)) != TOOL_OK || (code = tool_find_key(tool, args[0], &key)) != TOOL_OK)
		return code;
	if ((r = csp_key_cert(tool->card, key.id, &cert)) != SCARD_S_SUCCESS)
		return tool_report(r, "the certificate of %s", args[0]);
	text.max = 2 * LIMIT_CERTIFICATE;
	if (tool->options.der)
		buf_put_cur(&text, buf_cur(&cert->der));
	else
		encode_pem(&text, "CERTIFICATE", buf_cur(&cert->der));
	if (buf_failed(&text))
		return tool_report(SCARD_E_NO_MEMORY, "the certificate of %s", args[0]);
	return tool_file_write(count > 1 ? args[1] : "-", buf_cur(&text));
}

int
verb_cert_delete(struct tool *tool, char **args, int count)
{
	struct csp_key key;
	int code;
	DWORD r;

	(void)count;
	if ((code = tool_open_card(tool)) != TOOL_OK || (code = tool_find_key(tool, args[0], &key)) != TOOL_OK)
		return code;
	if (!tool_confirm(tool, "The certificate will be deleted. Go on?"))
		return tool_say(TOOL_USAGE, "the certificate was left alone");
	if ((code = tool_login_writer(tool)) != TOOL_OK)
		return code;
	r = csp_cert_delete(tool->card, key.id);
	return r == SCARD_S_SUCCESS ? TOOL_OK : tool_report(r, "the certificate of %s", args[0]);
}
