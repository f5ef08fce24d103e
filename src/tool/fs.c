/* SPDX-License-Identifier: BSD-2-Clause */
/* ls, cat, put, rm, mkdir, rmdir: the card's file system. */
#include <stdlib.h>
#include <string.h>

#include "tool/out.h"

static const struct {
	const char *name, *shown;
} accesses[] = {
	[CSP_ALL_READ_USER_WRITES] = { "user-writes", "all read, user writes" },
	[CSP_USER_EXECUTES] = { "user-executes", "user executes" },
	[CSP_ALL_READ_ADMIN_WRITES] = { "admin-writes", "all read, admin writes" },
	[CSP_USER_READS_WRITES] = { "user-only", "user reads, writes" },
	[CSP_ADMIN_READS_WRITES] = { "admin-only", "admin reads, writes" },
};

/* A path of the card: NAME or DIRECTORY/NAME. */
struct path {
	char directory[CSP_FILE_NAME_MAX], name[CSP_FILE_NAME_MAX];
};

static const char *
directory_of(const struct path *path)
{
	return path->directory[0] != '\0' ? path->directory : NULL;
}

static int
split_path(const char *text, struct path *ret_path)
{
	const char *slash = strchr(text, '/'), *name = slash != NULL ? slash + 1 : text;
	size_t len = slash != NULL ? (size_t)(slash - text) : 0;

	if (*name == '\0' || strchr(name, '/') != NULL || (slash != NULL && len == 0))
		return tool_say(TOOL_USAGE, "%s: a file of the card is NAME or DIRECTORY/NAME", text);
	if (len >= sizeof(ret_path->directory) || strlen(name) >= sizeof(ret_path->name))
		return tool_say(TOOL_USAGE, "%s: names on the card have at most %u characters", text,
				CSP_FILE_NAME_MAX - 1u);
	*ret_path = (struct path){ .name = "" };
	memcpy(ret_path->directory, text, len);
	memcpy(ret_path->name, name, strlen(name));
	return TOOL_OK;
}

static bool
is_denied(DWORD code)
{
	return code == SCARD_W_SECURITY_VIOLATION || code == SCARD_W_CARD_NOT_AUTHENTICATED;
}

/* Somebody who was named on the command line is let in at once, anybody else when the card asks for it. */
static int
open_for_reading(struct tool *tool, bool *ret_let_in)
{
	int code = tool_open_card(tool);

	*ret_let_in = tool_wants_admin(tool) || tool_has_source(tool, SECRET_PIN);
	if (code == TOOL_OK && *ret_let_in)
		code = tool_login_writer(tool);
	return code;
}

static int
open_for_writing(struct tool *tool)
{
	int code = tool_open_card(tool);

	return code == TOOL_OK ? tool_login_writer(tool) : code;
}

/* ls --------------------------------------------------------------------------------------------------------------------- */

static struct json_object *
file_row(const struct csp_file *file)
{
	struct json_object *row = out_object();

	out_bytes(row, "name", file->name, strnlen(file->name, sizeof(file->name)));
	out_text(row, "kind", file->directory ? "directory" : "file");
	if (file->known && !file->directory)
		out_number(row, "size", file->size);
	else
		out_null(row, "size");
	if (file->known && (size_t)file->access < ARRAY_SIZE(accesses))
		out_text(row, "access", accesses[file->access].shown);
	else
		out_null(row, "access");
	return row;
}

int
verb_ls(struct tool *tool, char **args, int count)
{
	static const struct out_column columns[] = {
		{ "name", "NAME" }, { "kind", "KIND" }, { "size", "SIZE" }, { "access", "ACCESS" }
	};
	const char *directory = count > 0 && *args[0] != '\0' ? args[0] : NULL;
	AUTO_JSON struct json_object *rows = out_array();
	struct csp_file *files = NULL;
	bool let_in = false;
	size_t n = 0;
	int code;
	DWORD r;

	if (directory != NULL && strlen(directory) >= CSP_FILE_NAME_MAX)
		return tool_say(TOOL_USAGE, "%s: names on the card have at most %u characters", directory,
				CSP_FILE_NAME_MAX - 1u);
	if ((code = open_for_reading(tool, &let_in)) != TOOL_OK)
		return code;
	if ((r = csp_fs_list(tool->card, directory, &files, &n)) != SCARD_S_SUCCESS)
		return tool_report(r, "%s", directory != NULL ? directory : "the card's files");
	for (size_t i = 0; i < n; i++)
		out_add(rows, file_row(&files[i]));
	free(files);
	out_print_table(tool, rows, columns, ARRAY_SIZE(columns), "no files");
	return TOOL_OK;
}

/* cat, put, rm ----------------------------------------------------------------------------------------------------------- */

int
verb_cat(struct tool *tool, char **args, int count)
{
	AUTO_BUF struct buf content = BUF_INIT;
	bool let_in = false;
	struct path path = { .name = "" };
	int code;
	DWORD r;

	(void)count;
	if ((code = split_path(args[0], &path)) != TOOL_OK || (code = open_for_reading(tool, &let_in)) != TOOL_OK)
		return code;
	r = csp_fs_read(tool->card, directory_of(&path), path.name, &content);
	if (is_denied(r) && !let_in) {
		if ((code = tool_login(tool, CSP_ROLE_USER)) != TOOL_OK)
			return code;
		r = csp_fs_read(tool->card, directory_of(&path), path.name, &content);
	}
	if (r != SCARD_S_SUCCESS)
		return tool_report(r, "%s", args[0]);
	return tool_file_write("-", buf_cur(&content));
}

static int
access_option(const struct tool *tool, enum csp_file_access *ret_access)
{
	const char *wanted = tool->options.access;

	*ret_access = CSP_ALL_READ_USER_WRITES;
	if (wanted == NULL)
		return TOOL_OK;
	for (size_t i = 0; i < ARRAY_SIZE(accesses); i++) {
		if (strcmp(wanted, accesses[i].name) == 0) {
			*ret_access = (enum csp_file_access)i;
			return TOOL_OK;
		}
	}
	return tool_say(TOOL_USAGE, "--access is user-writes, admin-writes, user-only, admin-only or user-executes");
}

int
verb_put(struct tool *tool, char **args, int count)
{
	AUTO_BUF struct buf content = BUF_INIT;
	enum csp_file_access access;
	struct path path = { .name = "" };
	int code;
	DWORD r;

	(void)count;
	if ((code = split_path(args[1], &path)) != TOOL_OK || (code = access_option(tool, &access)) != TOOL_OK ||
	    (code = tool_file_read(args[0], &content)) != TOOL_OK || (code = open_for_writing(tool)) != TOOL_OK)
		return code;
	tool_progress("Writing the file");
	r = csp_fs_write(tool->card, directory_of(&path), path.name, access, buf_cur(&content));
	return r == SCARD_S_SUCCESS ? TOOL_OK : tool_report(r, "%s", args[1]);
}

/* Files without which the card is none any more for Windows. */
static bool
is_vital(const struct path *path)
{
	static const char *const root[] = { "cardid", "cardcf", "cardapps" };

	if (strcmp(path->directory, "mscp") == 0 && strcmp(path->name, "cmapfile") == 0)
		return true;
	for (size_t i = 0; path->directory[0] == '\0' && i < ARRAY_SIZE(root); i++) {
		if (strcmp(path->name, root[i]) == 0)
			return true;
	}
	return false;
}

int
verb_rm(struct tool *tool, char **args, int count)
{
	struct path path = { .name = "" };
	int code;
	DWORD r;

	(void)count;
	if ((code = split_path(args[0], &path)) != TOOL_OK)
		return code;
	if (is_vital(&path) && !tool_confirm(tool, "Without this file the card cannot be used. Delete it?"))
		return tool_say(TOOL_USAGE, "%s was left alone", args[0]);
	if ((code = open_for_writing(tool)) != TOOL_OK)
		return code;
	r = csp_fs_delete(tool->card, directory_of(&path), path.name);
	return r == SCARD_S_SUCCESS ? TOOL_OK : tool_report(r, "%s", args[0]);
}

/* mkdir, rmdir ----------------------------------------------------------------------------------------------------------- */

static int
change_directory(struct tool *tool, const char *name, DWORD (*change)(struct csp_card *card, const char *directory))
{
	int code;
	DWORD r;

	if (*name == '\0' || strlen(name) >= CSP_FILE_NAME_MAX || strchr(name, '/') != NULL)
		return tool_say(TOOL_USAGE, "%s: a directory's name has 1 to %u characters", name,
				CSP_FILE_NAME_MAX - 1u);
	if ((code = open_for_writing(tool)) != TOOL_OK)
		return code;
	r = change(tool->card, name);
	return r == SCARD_S_SUCCESS ? TOOL_OK : tool_report(r, "%s", name);
}

int
verb_mkdir(struct tool *tool, char **args, int count)
{
	(void)count;
	return change_directory(tool, args[0], csp_fs_make);
}

int
verb_rmdir(struct tool *tool, char **args, int count)
{
	(void)count;
	return change_directory(tool, args[0], csp_fs_remove);
}
