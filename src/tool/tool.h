/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * minidriver-tool: what its verbs share. A verb gets the words behind its name and returns an exit code; whatever went
 * wrong has been told on stderr by then.
 */
#ifndef TOOL_TOOL_H
#define TOOL_TOOL_H

#include <stdio.h>

#include "base/auto.h"
#include "csp/csp.h"
#include "csp/manage.h"

#define TOOL_NAME "minidriver-tool"

/* Exit codes; minidriver-tool(1) has them too. */
enum tool_exit {
	TOOL_OK = 0,
	TOOL_FAILED = 1,
	TOOL_USAGE = 2,
	TOOL_NO_CARD = 3, /* no service, no reader, no card, or one that is not served */
	TOOL_DENIED = 4,  /* a PIN or key is wrong, blocked, or missing */
	TOOL_FOUND = 5	  /* check or doctor found something that has not been mended */
};

/* What can be asked, and where it comes from when not from the terminal. */
enum tool_secret {
	SECRET_PIN,
	SECRET_NEW_PIN,
	SECRET_ADMIN_KEY,
	SECRET_NEW_ADMIN_KEY,
	SECRET_PUK,
	SECRET_RESPONSE,
	SECRET_PASSWORD,
	SECRET_COUNT
};

struct secret_source {
	const char *file, *variable;
	const char *fd; /* a number, checked when it was read */
};

/* Texts point into the arguments and are NULL when they were not given. */
struct tool_options {
	struct secret_source secrets[SECRET_COUNT];
	const char *reader, *serial, *wait;
	const char *role, *tries, *type, *slot, *into, *name, *id, *access, *card_id, *save_key, *module;
	bool json, yes, admin, ssh, der, repair, recreate, signature, replace;
	bool help, version;
};

struct tool {
	struct tool_options options;
	struct csp_options config; /* of tool_open() */
	bool no_cache;		   /* only what the card itself says counts; before tool_open() */
	struct csp *csp;
	struct csp_reader *reader; /* locked */
	struct csp_card *card;
};

typedef int (*tool_run)(struct tool *tool, char **args, int count);

/* Verbs and options (verbs.c, options.c) ----------------------------------------------------------------------------- */

/* Which options a verb takes, besides --help. */
#define TAKES_READER 0x0001u
#define TAKES_JSON 0x0002u
#define TAKES_YES 0x0004u
#define TAKES_PIN 0x0008u
#define TAKES_NEW_PIN 0x0010u
#define TAKES_ADMIN 0x0020u
#define TAKES_NEW_ADMIN 0x0040u
#define TAKES_PUK 0x0080u
#define TAKES_RESPONSE 0x0100u
#define TAKES_PASSWORD 0x0200u
#define TAKES_ROLE 0x0400u
#define TAKES_TRIES 0x0800u
#define TAKES_KEY 0x1000u    /* a new key: type, use, identifier */
#define TAKES_SLOT 0x2000u   /* which key of a container */
#define TAKES_IMPORT 0x4000u /* name, container to go into */
#define TAKES_FORM 0x8000u   /* DER in place of text */
#define TAKES_SSH 0x10000u
#define TAKES_ACCESS 0x20000u
#define TAKES_CREATE 0x40000u
#define TAKES_SAVE_KEY 0x80000u
#define TAKES_REPAIR 0x100000u
#define TAKES_MODULE 0x200000u

struct tool_verb {
	const char *group; /* first word, NULL when the verb is one word */
	const char *name;
	const char *args; /* as the help shows them */
	const char *help;
	tool_run run;
	int min_args, max_args;
	uint32_t takes;
};

/* The verb that words begin with, and how many of them are its name; NULL when there is none. */
const struct tool_verb *tool_verb_find(char **words, int count, int *ret_used);
/* A line on how a verb is called. */
void tool_verb_usage(const struct tool_verb *verb, FILE *to);
/* Whether there are verbs of two words that begin so. */
bool tool_is_group(const char *word);
/* All verbs, or those of a group. */
void tool_help(const char *group, FILE *to);
/* What may stand after words: a candidate in each line. */
int tool_complete(char **words, int count);

/* Sorts argv: options are read, the words left behind them; *ret_words is where those begin. False for a wrong option, which has been told. */
bool tool_options_parse(int argc, char **argv, struct tool_options *ret_options, int *ret_words);
/* The options of a verb with their explanations. */
void tool_options_help(uint32_t takes, FILE *to);
/* The first option that was given and that a verb does not take; NULL when there is none. */
const char *tool_options_surplus(const struct tool_options *options, uint32_t takes);
/* As --name, one in each line. */
void tool_options_list(uint32_t takes);
/* Whether word is an option whose argument is the next word. */
bool tool_option_wants_value(const char *word);

/* Messages (report.c) -------------------------------------------------------------------------------------------------- */

/* One line on stderr; not for texts of the card (out_safe()). Returns code. */
int tool_say(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "What: why" and what can be done about it. Returns the exit code that fits. */
int tool_report(DWORD code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* As tool_report() for a PIN or a key, with the tries that are left (CSP_UNKNOWN: not told). */
int tool_report_tries(DWORD code, uint32_t tries, const char *what);
/* Text for a code, for tables. */
const char *tool_code_text(DWORD code);

/* The card (card.c) ---------------------------------------------------------------------------------------------------- */

/* The configuration only. */
void tool_configure(struct tool *tool);
/* The common part without a card. */
int tool_open(struct tool *tool);
/*
 * The card that --reader and --serial choose, or the only one. Its reader is locked until tool_close(). A blank card is
 * refused, but for those who ask for any card.
 */
int tool_open_card(struct tool *tool);
int tool_open_any_card(struct tool *tool);
void tool_close(struct tool *tool);
/* Asks for what a role wants, and gives it to the card. */
int tool_login(struct tool *tool, uint32_t role);
/* The administrator if an admin key was given or --admin, otherwise the user. */
int tool_login_writer(struct tool *tool);
bool tool_wants_admin(const struct tool *tool);
/* What the card says of a role. */
int tool_role(struct tool *tool, uint32_t role, struct csp_role_info *ret_info);
/* --role as a number, or fallback. */
int tool_role_option(const struct tool *tool, uint32_t fallback, uint32_t *ret_role);
/* A decimal number of at most max, told as wrong by its name otherwise. */
bool tool_number(const char *text, const char *what, uint32_t max, uint32_t *ret_number);
/*
 * The key that a word of the user names: container name, else index of the container, with --slot when the container
 * has two keys.
 */
int tool_find_key(struct tool *tool, const char *word, struct csp_key *ret_key);

/* --id in bytes; empty when it was not given. */
int tool_id_option(const struct tool *tool, struct secret *ret_id);

/* Secrets (ask.c) ------------------------------------------------------------------------------------------------------ */

/* TOOL_OK and the secret, never empty; its source when one was given, otherwise the terminal, without echo. */
int tool_ask(struct tool *tool, enum tool_secret which, const char *prompt, struct secret *ret_secret);
/* The same, twice when typed. */
int tool_ask_new(struct tool *tool, enum tool_secret which, const char *prompt, struct secret *ret_secret);
/* A key in hex, as bytes; twice when typed and again is true. */
int tool_ask_key(struct tool *tool, enum tool_secret which, const char *prompt, bool again, struct secret *ret_key);
/* With echo: what is no secret. */
int tool_ask_line(struct tool *tool, enum tool_secret which, const char *prompt, struct secret *ret_line);
bool tool_has_source(const struct tool *tool, enum tool_secret which);
/* True with --yes, or when somebody at the terminal says so. */
bool tool_confirm(const struct tool *tool, const char *question);

/* Progress (progress.c) -------------------------------------------------------------------------------------------------- */

/* Shows what is going on, once it has taken a second, on a terminal only. */
void tool_progress(const char *what);
void tool_progress_end(void);

/* Files (file.c) --------------------------------------------------------------------------------------------------------- */

/* "-" is standard input or output. TOOL_OK, or TOOL_FAILED which has been told. Content is wiped with its buffer. */
int tool_file_read(const char *path, struct buf *ret_content);
int tool_file_write(const char *path, struct cursor content);
/* A file that was not there, for its owner alone. */
int tool_file_write_secret(const char *path, const struct secret *content);

/* Verbs ------------------------------------------------------------------------------------------------------------------ */

int verb_list(struct tool *tool, char **args, int count);
int verb_info(struct tool *tool, char **args, int count);
int verb_ls(struct tool *tool, char **args, int count);
int verb_cat(struct tool *tool, char **args, int count);
int verb_put(struct tool *tool, char **args, int count);
int verb_rm(struct tool *tool, char **args, int count);
int verb_mkdir(struct tool *tool, char **args, int count);
int verb_rmdir(struct tool *tool, char **args, int count);
int verb_create(struct tool *tool, char **args, int count);
int verb_reset(struct tool *tool, char **args, int count);
int verb_pin_verify(struct tool *tool, char **args, int count);
int verb_pin_change(struct tool *tool, char **args, int count);
int verb_pin_unblock(struct tool *tool, char **args, int count);
int verb_pin_retries(struct tool *tool, char **args, int count);
int verb_challenge(struct tool *tool, char **args, int count);
int verb_respond(struct tool *tool, char **args, int count);
int verb_admin_key_change(struct tool *tool, char **args, int count);
int verb_container_list(struct tool *tool, char **args, int count);
int verb_container_create(struct tool *tool, char **args, int count);
int verb_container_import(struct tool *tool, char **args, int count);
int verb_container_delete(struct tool *tool, char **args, int count);
int verb_container_default(struct tool *tool, char **args, int count);
int verb_container_pubkey(struct tool *tool, char **args, int count);
int verb_cert_put(struct tool *tool, char **args, int count);
int verb_cert_get(struct tool *tool, char **args, int count);
int verb_cert_delete(struct tool *tool, char **args, int count);
int verb_cache_list(struct tool *tool, char **args, int count);
int verb_cache_clear(struct tool *tool, char **args, int count);
int verb_roots_list(struct tool *tool, char **args, int count);
int verb_roots_add(struct tool *tool, char **args, int count);
int verb_roots_remove(struct tool *tool, char **args, int count);
int verb_roots_export(struct tool *tool, char **args, int count);
int verb_check(struct tool *tool, char **args, int count);
int verb_doctor(struct tool *tool, char **args, int count);

#endif
