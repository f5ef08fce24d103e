/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration: minidriver-pkcs11.conf of the system, then of the user, then the environment; later ones win. A setting
 * of Windows (minidriver specification, policy settings) is known by its name there, too: upper and lower case and
 * underscores do not count. Nothing that is not understood is passed over in silence.
 */
#define _GNU_SOURCE /* secure_getenv */
#include <ctype.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/log.h"
#include "csp/manage.h"

#ifndef MD_SYSCONFDIR
#define MD_SYSCONFDIR "/etc"
#endif

#define FILE_NAME "minidriver-pkcs11.conf"
#define CACHE_NAME "minidriver-pkcs11"
#define FILE_MAX 65536u
#define LINE_MAX_LEN 1024u
#define ENVIRONMENT "MINIDRIVER_PKCS11_"
#define ENVIRONMENT_FILE ENVIRONMENT "CONF"
#define TIMEOUT_MAX_MS 600000u
#define NAME_MAX_LEN 64u

struct reading {
	struct csp_options *options;
	csp_config_report report;
	void *context;
	const char *file; /* or the variable's name */
	unsigned line;	  /* 0: none */
};

static void
complain(struct reading *r, const char *what, const char *about)
{
	char text[160];

	(void)snprintf(text, sizeof(text), "%s%s%.80s", what, about[0] != '\0' ? ": " : "", about);
	if (r->line > 0)
		log_warn(LOG_CSP, "%s, line %u: %s", r->file, r->line, text);
	else
		log_warn(LOG_CSP, "%s: %s", r->file, text);
	if (r->report != NULL)
		r->report(r->context, r->file, r->line, text);
}

/* Values --------------------------------------------------------------------------------------------------------------- */

static bool
read_number(const char *text, uint32_t min, uint32_t max, uint32_t *ret_value)
{
	char *end = NULL;
	unsigned long value;

	if (!isdigit((unsigned char)text[0]))
		return false;
	/* as in the registry: hexadecimal with 0x, never octal */
	value = strtoul(text, &end, strncasecmp(text, "0x", 2) == 0 ? 16 : 10);
	if (*end != '\0' || value < min || value > max)
		return false;
	*ret_value = (uint32_t)value;
	return true;
}

/* Any number that is not zero is yes, as in the registry. */
static bool
read_bool(const char *text, bool *ret_value)
{
	static const char *const yes[] = { "yes", "true", "on" }, *const no[] = { "no", "false", "off" };
	uint32_t number;

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
			*ret_value = strcasecmp(text, yes[i]) == 0;
			return true;
		}
	if (!read_number(text, 0, UINT32_MAX, &number))
		return false;
	*ret_value = number != 0;
	return true;
}

static bool
read_text(const char *text, size_t room, char *ret_text)
{
	if (strlen(text) >= room)
		return false;
	memset(ret_text, 0, room);
	memcpy(ret_text, text, strlen(text) + 1);
	return true;
}

static bool
set_key_bits(struct csp_options *o, const char *value)
{
	uint32_t bits;

	if (!read_number(value, LIMIT_RSA_MIN_BITS, LIMIT_RSA_MAX_BITS, &bits) || bits % 8 != 0)
		return false;
	o->policy.default_key_bits = bits;
	return true;
}

static bool
set_on_card(struct csp_options *o, const char *value)
{
	return read_bool(value, &o->policy.require_on_card_generation);
}

static bool
set_import_signature(struct csp_options *o, const char *value)
{
	return read_bool(value, &o->policy.import_signature);
}

static bool
set_import_exchange(struct csp_options *o, const char *value)
{
	return read_bool(value, &o->policy.import_exchange);
}

static bool
set_import_ecdsa(struct csp_options *o, const char *value)
{
	return read_bool(value, &o->policy.import_ecdsa);
}

static bool
set_import_ecdhe(struct csp_options *o, const char *value)
{
	return read_bool(value, &o->policy.import_ecdhe);
}

static bool
set_timeout(struct csp_options *o, const char *value)
{
	return read_number(value, 0, TIMEOUT_MAX_MS, &o->transaction_timeout_ms);
}

static bool
set_busy_timeout(struct csp_options *o, const char *value)
{
	return read_number(value, 0, TIMEOUT_MAX_MS, &o->busy_timeout_ms);
}

static bool
set_connection_timeout(struct csp_options *o, const char *value)
{
	return read_number(value, 0, TIMEOUT_MAX_MS, &o->connection_timeout_ms);
}

static bool
set_allow(struct csp_options *o, const char *value)
{
	return read_text(value, sizeof(o->allow), o->allow);
}

static bool
set_deny(struct csp_options *o, const char *value)
{
	return read_text(value, sizeof(o->deny), o->deny);
}

static bool
set_pinpad(struct csp_options *o, const char *value)
{
	if (strcasecmp(value, "auto") != 0 && strcasecmp(value, "off") != 0)
		return false;
	o->no_keypads = strcasecmp(value, "off") == 0;
	return true;
}

static bool
set_disk_cache(struct csp_options *o, const char *value)
{
	bool wanted;

	if (!read_bool(value, &wanted))
		return false;
	o->no_disk_cache = !wanted;
	return true;
}

static bool
set_cache_directory(struct csp_options *o, const char *value)
{
	return value[0] == '/' && read_text(value, sizeof(o->cache_directory), o->cache_directory);
}

static bool
set_log_level(struct csp_options *o, const char *value)
{
	static const char *const names[] = { "off", "error", "warning", "info", "apdu" };
	uint32_t level;

	if (read_number(value, 0, LOG_APDU, &level)) {
		o->log_level = (int)level;
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcasecmp(value, names[i]) == 0) {
			o->log_level = (int)i;
			return true;
		}
	return false;
}

static bool
set_log_file(struct csp_options *o, const char *value)
{
	return read_text(value, sizeof(o->log_file), o->log_file);
}

/* clang-format off */
static const struct {
	const char *name;
	const char *windows; /* its name in the registry, or NULL */
	const char *variable; /* the environment variable, if it is not named after the setting */
	bool (*set)(struct csp_options *options, const char *value);
} settings[] = {
	{ "default_private_key_len_bits",       NULL,                             NULL,    set_key_bits },
	{ "require_on_card_private_key_gen",    NULL,                             NULL,    set_on_card },
	{ "transaction_timeout_ms",             "TransactionTimeoutMilliseconds", NULL,    set_timeout },
	{ "busy_timeout_ms",                    NULL,                             NULL,    set_busy_timeout },
	{ "connection_timeout_ms",              NULL,                             NULL,    set_connection_timeout },
	{ "allow_private_signature_key_import", NULL,                             NULL,    set_import_signature },
	{ "allow_private_exchange_key_import",  NULL,                             NULL,    set_import_exchange },
	{ "allow_private_ecdsa_key_import",     NULL,                             NULL,    set_import_ecdsa },
	{ "allow_private_ecdhe_key_import",     "AllocPrivateECDHEKeyImport",     NULL,    set_import_ecdhe },
	{ "reader_allow",                       NULL,                             NULL,    set_allow },
	{ "reader_deny",                        NULL,                             NULL,    set_deny },
	{ "pinpad",                             NULL,                             NULL,    set_pinpad },
	{ "disk_cache",                         NULL,                             NULL,    set_disk_cache },
	{ "cache_directory",                    NULL,                             NULL,    set_cache_directory },
	{ "log_level",                          NULL,                             "DEBUG", set_log_level },
	{ "log_file",                           NULL,                             "LOG",   set_log_file },
};
/* clang-format on */

static bool
is_same_name(const char *a, const char *b)
{
	for (;;) {
		a += strspn(a, "_");
		b += strspn(b, "_");
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
		if (*a == '\0')
			return true;
		a++, b++;
	}
}

static int
take_setting(void *arg, const char *section, const char *name, const char *value)
{
	struct reading *r = arg;

	if (section[0] != '\0') {
		complain(r, "there are no sections", section);
		return 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		if (!is_same_name(settings[i].name, name) &&
		    (settings[i].windows == NULL || !is_same_name(settings[i].windows, name)))
			continue;
		if (!settings[i].set(r->options, value))
			complain(r, "a value that makes no sense", name);
		return 1;
	}
	complain(r, "unknown setting", name);
	return 1;
}

/* Files ---------------------------------------------------------------------------------------------------------------- */

/* One at a time, so that each line that is wrong is told. */
static void
take_line(struct reading *r, const char *line)
{
	const char *text = line + strspn(line, " \t\r");

	r->line++;
	if (text[0] == '[')
		complain(r, "there are no sections", text);
	else if (ini_parse_string(line, take_setting, r) != 0)
		complain(r, "not of the form name = value", text);
}

static void
take_content(struct reading *r, struct cursor content)
{
	char line[LINE_MAX_LEN];
	size_t len = 0;
	bool too_long = false;
	uint8_t c = '\n';

	while (cur_u8(&content, &c) || len > 0) {
		const bool end = c == '\n' || cur_at_end(&content);

		if (c != '\n' && c != '\0' && len + 1 < sizeof(line))
			line[len++] = (char)c;
		else if (c != '\n')
			too_long = true;
		if (!end)
			continue;
		line[len] = '\0';
		if (too_long) {
			r->line++;
			complain(r, "the line is too long, or no text", "");
		} else {
			take_line(r, line);
		}
		len = 0;
		too_long = false;
		c = '\n';
	}
}

static bool
read_regular(int fd, struct buf *ret_content)
{
	uint8_t step[4096];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	while ((n = read(fd, step, sizeof(step))) > 0)
		buf_put(ret_content, step, (size_t)n);
	return n == 0 && !buf_failed(ret_content);
}

static void
take_file(struct reading *r, const char *path)
{
	struct buf content = BUF_INIT_MAX(FILE_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return;
	r->file = path;
	r->line = 0;
	if (read_regular(fd, &content))
		take_content(r, buf_cur(&content));
	else
		complain(r, "cannot be read", "");
	(void)close(fd);
	buf_free(&content);
}

static void
take_user_file(struct reading *r)
{
	const char *directory = secure_getenv("XDG_CONFIG_HOME"), *home = secure_getenv("HOME");
	char path[CSP_PATH_MAX];
	int len = -1;

	/* relative ones are to be ignored (XDG Base Directory Specification) */
	if (directory != NULL && directory[0] == '/')
		len = snprintf(path, sizeof(path), "%s/%s", directory, FILE_NAME);
	else if (home != NULL && home[0] == '/')
		len = snprintf(path, sizeof(path), "%s/.config/%s", home, FILE_NAME);
	if (len > 0 && (size_t)len < sizeof(path))
		take_file(r, path);
	r->file = NULL;
}

/* The environment ------------------------------------------------------------------------------------------------------- */

static void
take_variable(struct reading *r, const char *setting, const char *name, bool (*set)(struct csp_options *, const char *))
{
	char variable[sizeof(ENVIRONMENT) + NAME_MAX_LEN] = ENVIRONMENT;
	size_t len = sizeof(ENVIRONMENT) - 1;
	const char *value;

	for (const char *p = name != NULL ? name : setting; *p != '\0' && len + 1 < sizeof(variable); p++)
		variable[len++] = (char)toupper((unsigned char)*p);
	variable[len] = '\0';
	if ((value = secure_getenv(variable)) == NULL || value[0] == '\0')
		return;
	r->file = variable;
	r->line = 0;
	if (!set(r->options, value))
		complain(r, "a value that makes no sense", "");
	r->file = NULL;
}

/* Where the cache is unless somebody says otherwise; a program with privileges that its caller has not got has none. */
static void
settle_cache(struct csp_options *o)
{
	const char *directory = secure_getenv("XDG_CACHE_HOME"), *home = secure_getenv("HOME");
	int len = -1;

	if (!o->no_disk_cache && o->cache_directory[0] != '\0' && getauxval(AT_SECURE) == 0)
		return;
	memset(o->cache_directory, 0, sizeof(o->cache_directory));
	if (o->no_disk_cache)
		return;
	if (directory != NULL && directory[0] == '/')
		len = snprintf(o->cache_directory, sizeof(o->cache_directory), "%s/%s", directory, CACHE_NAME);
	else if (home != NULL && home[0] == '/')
		len = snprintf(o->cache_directory, sizeof(o->cache_directory), "%s/.cache/%s", home, CACHE_NAME);
	if (len < 0 || (size_t)len >= sizeof(o->cache_directory))
		memset(o->cache_directory, 0, sizeof(o->cache_directory));
}

/* Where processes meet: systemd's place for that when nobody says another one. */
static void
settle_runtime(struct csp_options *o)
{
	const char *directory = secure_getenv("XDG_RUNTIME_DIR");
	int len;

	if (directory != NULL && directory[0] == '/')
		len = snprintf(o->runtime_directory, sizeof(o->runtime_directory), "%s", directory);
	else
		len = snprintf(o->runtime_directory, sizeof(o->runtime_directory), "/run/user/%lu",
			       (unsigned long)geteuid());
	if (len < 0 || (size_t)len >= sizeof(o->runtime_directory))
		memset(o->runtime_directory, 0, sizeof(o->runtime_directory));
}

void
csp_config_load(struct csp_options *ret_options, csp_config_report report, void *context)
{
	struct csp_options options = { .transaction_timeout_ms = CSP_DEFAULT_TIMEOUT_MS,
				       .busy_timeout_ms = CSP_DEFAULT_BUSY_MS,
				       .connection_timeout_ms = CSP_DEFAULT_CONNECTION_MS,
				       .policy = { .default_key_bits = CSP_DEFAULT_KEY_BITS } };
	struct reading r = { .options = &options, .report = report, .context = context };
	const char *instead = secure_getenv(ENVIRONMENT_FILE);

	if (instead != NULL && instead[0] != '\0') {
		take_file(&r, instead);
	} else {
		take_file(&r, MD_SYSCONFDIR "/" FILE_NAME);
		take_user_file(&r);
	}
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		take_variable(&r, settings[i].name, settings[i].variable, settings[i].set);
	settle_cache(&options);
	settle_runtime(&options);
	*ret_options = options;
}
