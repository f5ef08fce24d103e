/* SPDX-License-Identifier: BSD-2-Clause */
/* container import: a key pair that was made elsewhere, with its certificate. */
#include <string.h>

#include "base/privkey.h"
#include "tool/encode.h"
#include "tool/keyfile.h"

int
keyfile_open(struct tool *tool, const char *path, struct csp_keyfile *ret_file)
{
	AUTO_SECRET struct secret password = SECRET_INIT;
	AUTO_BUF struct buf content = BUF_INIT;
	int code = tool_file_read(path, &content);
	DWORD r;

	if (code != TOOL_OK)
		return code;
	r = csp_keyfile_read(tool->csp, buf_cur(&content), cur_of(NULL, 0), ret_file);
	if (r == SCARD_W_WRONG_CHV) {
		if ((code = tool_ask(tool, SECRET_PASSWORD, "Password of the file", &password)) != TOOL_OK)
			return code;
		r = csp_keyfile_read(tool->csp, buf_cur(&content), cur_of(password.p, password.len), ret_file);
	}
	if (r == SCARD_W_WRONG_CHV)
		return tool_say(TOOL_DENIED, "%s: the password does not open it", path);
	if (r == SCARD_E_INVALID_VALUE)
		return tool_say(TOOL_FAILED, "%s: no key and no certificate in PEM, DER or PKCS#12", path);
	return r == SCARD_S_SUCCESS ? TOOL_OK : tool_report(r, "%s", path);
}

static int
into_option(struct tool *tool, struct csp_import *what)
{
	struct csp_key key;
	int code;

	if (tool->options.into == NULL)
		return tool->options.replace ? tool_say(TOOL_USAGE, "--replace needs --into") : TOOL_OK;
	if ((code = tool_find_key(tool, tool->options.into, &key)) != TOOL_OK)
		return code;
	what->container_key = key.id;
	what->replace = tool->options.replace;
	if (what->replace)
		what->exchange = key.exchange;
	else if (!tool->options.signature)
		what->exchange = !key.exchange;
	return TOOL_OK;
}

/* What allows it (the names of Windows' policies). */
static const char *
policy_name(const struct csp_import *what)
{
	if (what->key->public.type == KEY_EC)
		return what->exchange ? "allow_private_ecdhe_key_import" : "allow_private_ecdsa_key_import";
	return what->exchange ? "allow_private_exchange_key_import" : "allow_private_signature_key_import";
}

static int
import_failed(DWORD r, const struct csp_import *what, const char *path)
{
	if (r == SCARD_E_NO_ACCESS)
		return tool_say(TOOL_DENIED,
				"%s: the configuration does not allow keys of this kind to be imported; "
				"%s = yes in minidriver-pkcs11.conf does",
				path, policy_name(what));
	if (r == SCARD_E_UNSUPPORTED_FEATURE || r == SCARD_E_INVALID_PARAMETER)
		return tool_say(TOOL_FAILED, "%s: the card does not take a key of this kind", path);
	return tool_report(r, "%s", path);
}

static int
write_own_certificate(struct tool *tool, const struct csp_keyfile *file, uint32_t key_id)
{
	uint32_t written = 0;
	DWORD r;

	if (file->cert_count == 0)
		return TOOL_OK;
	r = csp_cert_write(tool->card, key_id, buf_cur(&file->certs[0]), &written);
	/* what is first in a file of loose certificates need not be the key's */
	if (r == SCARD_E_INVALID_VALUE)
		return tool_say(TOOL_OK, "the certificate in the file is not of this key and was left out");
	if (r != SCARD_S_SUCCESS)
		return tool_report(r, "the key is on the card, its certificate is not");
	if (file->cert_count > 1)
		(void)tool_say(0, "%zu more certificates were left out; " TOOL_NAME " roots add takes them",
			       file->cert_count - 1);
	return TOOL_OK;
}

static int
import(struct tool *tool, const struct csp_keyfile *file, const char *path)
{
	AUTO_SECRET struct secret id = SECRET_INIT;
	const char *name = tool->options.name != NULL ? tool->options.name : file->name;
	struct csp_import what = { .key = file->key, .exchange = !tool->options.signature, .name = name };
	const struct csp_key *key;
	uint32_t key_id = 0;
	int code;
	DWORD r;

	if ((code = tool_id_option(tool, &id)) != TOOL_OK || (code = into_option(tool, &what)) != TOOL_OK)
		return code;
	if (what.replace && !tool_confirm(tool, "The key that is there will be lost for ever. Replace it?"))
		return tool_say(TOOL_USAGE, "the key was left alone");
	if ((code = tool_login_writer(tool)) != TOOL_OK)
		return code;
	what.id = cur_of(id.p, id.len);
	tool_progress("Writing the key");
	r = csp_import(tool->card, &what, &key_id);
	/* many cards have keys on curves that sign, and no others */
	if (r == SCARD_E_UNSUPPORTED_FEATURE && file->key->public.type == KEY_EC && what.exchange &&
	    what.container_key == 0) {
		what.exchange = false;
		r = csp_import(tool->card, &what, &key_id);
	}
	if (r != SCARD_S_SUCCESS)
		return import_failed(r, &what, path);
	if ((key = csp_key_find(tool->card, key_id)) != NULL)
		(void)tool_say(0, "key imported, into container %u, \"%s\"", key->container, key->name);
	return write_own_certificate(tool, file, key_id);
}

int
verb_container_import(struct tool *tool, char **args, int count)
{
	struct csp_keyfile file = { .key = NULL };
	int code;

	(void)count;
	if ((code = tool_open_card(tool)) != TOOL_OK || (code = keyfile_open(tool, args[0], &file)) != TOOL_OK)
		return code;
	code = file.key != NULL ? import(tool, &file, args[0])
				: tool_say(TOOL_FAILED, "%s: there is no private key in it", args[0]);
	csp_keyfile_free(&file);
	return code;
}
