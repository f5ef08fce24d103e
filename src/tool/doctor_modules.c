/* SPDX-License-Identifier: BSD-2-Clause */
/* Above the card: the PKCS#11 module, and who knows of it: p11-kit, NSS. */
#include <dlfcn.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/doctor.h"

#define MODULE_NAME "minidriver-pkcs11.so"
#define PATH_MAX_BYTES 512u
#define LINE_MAX_BYTES 1024u

static const char *
module_path(const struct tool *tool)
{
	return tool->options.module != NULL ? tool->options.module : TOOL_MODULE;
}

static const char *
home(void)
{
	const char *path = getenv("HOME");

	return path != NULL && *path == '/' ? path : "/nonexistent";
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* The module itself -------------------------------------------------------------------------------------------------------- */

/* Loads it as an application would; NULL, or why it cannot be used. */
static const char *
load(const char *path)
{
	typedef unsigned long (*get_list)(void **ret_list);
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL), *list = NULL, *symbol;
	const char *why = NULL;
	get_list get = NULL;

	if (handle == NULL)
		return dlerror();
	symbol = dlsym(handle, "C_GetFunctionList");
	/* POSIX has the conversion that C has not */
	memcpy(&get, &symbol, sizeof(get));
	if (get == NULL)
		why = "it has no C_GetFunctionList";
	else if (get(&list) != 0 || list == NULL)
		why = "C_GetFunctionList fails";
	(void)dlclose(handle);
	return why;
}

static bool
check_module(const char *path, struct json_object *rows)
{
	const char *why;

	if (access(path, F_OK) != 0) {
		doctor_tell(rows, DOCTOR_BAD, "module", "make install, or say with --module where it is",
			    "%s is not there", path);
		return false;
	}
	if ((why = load(path)) != NULL) {
		doctor_tell(rows, DOCTOR_BAD, "module", "install it again, and the libraries that it needs",
			    "%s does not load: %s", path, why);
		return false;
	}
	doctor_tell(rows, DOCTOR_GOOD, "module", NULL, "%s loads", path);
	return true;
}

/* p11-kit ------------------------------------------------------------------------------------------------------------------ */

struct registration {
	size_t ours, others;
	char file[PATH_MAX_BYTES];   /* of ours */
	char module[PATH_MAX_BYTES]; /* what it names */
	char other[PATH_MAX_BYTES];
};

/* The value of a line "key: value" or "key=value", without blanks around it; false for other lines. */
static bool
line_value(char *line, const char *key, char separator, const char **ret_value)
{
	char *value;
	size_t len;

	line += strspn(line, " \t");
	if (strncmp(line, key, strlen(key)) != 0)
		return false;
	value = line + strlen(key);
	value += strspn(value, " \t");
	if (*value++ != separator)
		return false;
	value += strspn(value, " \t");
	for (len = strlen(value); len > 0 && strchr(" \t\r\n", value[len - 1]) != NULL; len--)
		value[len - 1] = '\0';
	*ret_value = value;
	return true;
}

static void
full_path(const char *module, char *ret_path, size_t room)
{
	(void)snprintf(ret_path, room, "%s%s", *module == '/' ? "" : TOOL_P11_KIT_PATH "/", module);
}

static void
read_registration(const char *path, struct registration *found)
{
	FILE *file = fopen(path, "re");
	char line[LINE_MAX_BYTES];
	const char *module;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (!line_value(line, "module", ':', &module))
			continue;
		if (strcmp(base_name(module), MODULE_NAME) == 0) {
			found->ours++;
			(void)snprintf(found->file, sizeof(found->file), "%s", path);
			full_path(module, found->module, sizeof(found->module));
		} else if (strcmp(base_name(module), "opensc-pkcs11.so") == 0) {
			found->others++;
			(void)snprintf(found->other, sizeof(found->other), "%s", path);
		}
	}
	if (file != NULL)
		(void)fclose(file);
}

static void
search_registrations(const char *directory, struct registration *found)
{
	char pattern[PATH_MAX_BYTES];
	glob_t files = { .gl_pathc = 0 };

	(void)snprintf(pattern, sizeof(pattern), "%s/*.module", directory);
	if (glob(pattern, 0, NULL, &files) == 0) {
		for (size_t i = 0; i < files.gl_pathc; i++)
			read_registration(files.gl_pathv[i], found);
	}
	globfree(&files);
}

/* Where p11-kit looks (pkcs11.conf(5)): the packages' directory, the system's, the user's. */
static void
find_registrations(struct registration *found)
{
	char directory[PATH_MAX_BYTES];

	if (*TOOL_P11_KIT_MODULES != '\0')
		search_registrations(TOOL_P11_KIT_MODULES, found);
	search_registrations("/etc/pkcs11/modules", found);
	(void)snprintf(directory, sizeof(directory), "%s/.config/pkcs11/modules", home());
	search_registrations(directory, found);
}

static void
check_p11_kit(const char *module, struct json_object *rows)
{
	struct registration found = { .ours = 0 };
	char fix[PATH_MAX_BYTES + 128];

	find_registrations(&found);
	(void)snprintf(fix, sizeof(fix),
		       "write the line \"module: %s\" to ~/.config/pkcs11/modules/minidriver-pkcs11.module", module);
	if (found.ours == 0)
		doctor_tell(rows, DOCTOR_BAD, "p11-kit", fix, "p11-kit does not know the module");
	else if (access(found.module, F_OK) != 0)
		doctor_tell(rows, DOCTOR_BAD, "p11-kit", fix, "%s names %s, which is not there", found.file,
			    found.module);
	else
		doctor_tell(rows, DOCTOR_GOOD, "p11-kit", NULL, "%s names %s", found.file, found.module);
	if (found.others > 0)
		doctor_tell(rows, DOCTOR_NOTE, "p11-kit",
			    "use one of them: \"enable-in:\" with no program in a file of the same name in "
			    "/etc/pkcs11/modules turns the other off",
			    "%s registers OpenSC for the same cards, so each shows twice", found.other);
}

/* NSS ---------------------------------------------------------------------------------------------------------------------- */

/* Whether a database loads the module, itself or by p11-kit; *ret_broken when it names a file that is not there. */
static bool
nss_has_module(const char *path, char *ret_broken, size_t room)
{
	FILE *file = fopen(path, "re");
	char line[LINE_MAX_BYTES];
	const char *library;
	bool found = false;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (!line_value(line, "library", '=', &library))
			continue;
		if (strcmp(base_name(library), "p11-kit-proxy.so") == 0)
			found = true;
		if (strcmp(base_name(library), MODULE_NAME) != 0)
			continue;
		found = true;
		if (*library == '/' && access(library, F_OK) != 0)
			(void)snprintf(ret_broken, room, "%s", library);
	}
	if (file != NULL)
		(void)fclose(file);
	return found;
}

static void
check_database(const char *list, const char *module, struct json_object *rows)
{
	char directory[PATH_MAX_BYTES], fix[2 * PATH_MAX_BYTES + 128], broken[PATH_MAX_BYTES] = "";
	bool found = nss_has_module(list, broken, sizeof(broken));

	(void)snprintf(directory, sizeof(directory), "%.*s", (int)(base_name(list) - list) - 1, list);
	(void)snprintf(fix, sizeof(fix), "with the browser closed: modutil -dbdir 'sql:%s' -force %s", directory,
		       *broken != '\0' ? "-delete minidriver-pkcs11, then " : "");
	(void)snprintf(fix + strlen(fix), sizeof(fix) - strlen(fix), "-add minidriver-pkcs11 -libfile %s", module);
	if (*broken != '\0')
		doctor_tell(rows, DOCTOR_BAD, "NSS", fix, "%s names %s, which is not there", directory, broken);
	else if (found)
		doctor_tell(rows, DOCTOR_GOOD, "NSS", NULL, "%s has the module", directory);
	else
		doctor_tell(rows, DOCTOR_NOTE, "NSS", fix,
			    "%s does not have the module: browsers and mail programs that use it see "
			    "no card",
			    directory);
}

static void
check_nss(const char *module, struct json_object *rows)
{
	static const char *const places[] = {
		"/.pki/nssdb/pkcs11.txt",
		"/.mozilla/firefox/*/pkcs11.txt",
		"/snap/firefox/common/.mozilla/firefox/*/pkcs11.txt",
		"/.var/app/org.mozilla.firefox/.mozilla/firefox/*/pkcs11.txt",
		"/.thunderbird/*/pkcs11.txt",
	};
	char pattern[PATH_MAX_BYTES];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		glob_t lists = { .gl_pathc = 0 };

		(void)snprintf(pattern, sizeof(pattern), "%s%s", home(), places[i]);
		if (glob(pattern, 0, NULL, &lists) == 0) {
			for (size_t k = 0; k < lists.gl_pathc; k++, n++)
				check_database(lists.gl_pathv[k], module, rows);
		}
		globfree(&lists);
	}
	if (n == 0)
		doctor_tell(rows, DOCTOR_NOTE, "NSS", NULL,
			    "you have no database in ~/.pki/nssdb and no Firefox profile");
}

void
doctor_modules(const struct tool *tool, struct json_object *rows)
{
	const char *path = module_path(tool);

	(void)check_module(path, rows);
	check_p11_kit(path, rows);
	check_nss(path, rows);
}
