/* SPDX-License-Identifier: BSD-2-Clause */
/* minidriver-tool: smart cards managed from the command line. */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "tool/tool.h"

/* What is wanted besides a verb; TOOL_OK when it was that. */
static int
explain(const struct tool_options *options, const struct tool_verb *verb, char **words, int count)
{
	if (options->version) {
		(void)printf(TOOL_NAME " " TOOL_VERSION "\n");
		return TOOL_OK;
	}
	if (verb == NULL) {
		tool_help(count > 0 ? words[0] : NULL, stdout);
		return TOOL_OK;
	}
	tool_verb_usage(verb, stdout);
	(void)printf("\n%s\n\n", verb->help);
	tool_options_help(verb->takes, stdout);
	return TOOL_OK;
}

static int
wrong_verb(char **words, int count)
{
	if (count == 0)
		return tool_say(TOOL_USAGE, "what is to be done? " TOOL_NAME " --help lists the verbs");
	if (count == 1 && tool_is_group(words[0])) {
		tool_help(words[0], stderr);
		return TOOL_USAGE;
	}
	return tool_say(TOOL_USAGE, "\"%s%s%s\" is no verb; " TOOL_NAME " --help lists them", words[0],
			count > 1 ? " " : "", count > 1 ? words[1] : "");
}

static int
run(struct tool *tool, const struct tool_verb *verb, char **args, int count)
{
	const char *surplus = tool_options_surplus(&tool->options, verb->takes);
	int r;

	if (surplus != NULL)
		return tool_say(TOOL_USAGE, "%s%s%s does not take --%s", verb->group != NULL ? verb->group : "",
				verb->group != NULL ? " " : "", verb->name, surplus);
	if (count < verb->min_args || count > verb->max_args) {
		tool_verb_usage(verb, stderr);
		return TOOL_USAGE;
	}
	r = verb->run(tool, args, count);
	tool_progress_end();
	tool_close(tool);
	return r;
}

/* What could not be written to standard output is a failure, too. */
static int
finish(int code)
{
	if ((fflush(stdout) != 0 || ferror(stdout) != 0) && code == TOOL_OK)
		return tool_say(TOOL_FAILED, "standard output: %s", strerror(errno));
	return code;
}

int
main(int argc, char **argv)
{
	const struct tool_verb *verb;
	struct tool tool = { .csp = NULL };
	int at = 0, used = 0, r;

	(void)setlocale(LC_CTYPE, "");
	if (argc > 1 && strcmp(argv[1], "--complete") == 0)
		return finish(tool_complete(argv + 2, argc - 2));
	if (!tool_options_parse(argc, argv, &tool.options, &at))
		return TOOL_USAGE;
	verb = tool_verb_find(argv + at, argc - at, &used);
	if (tool.options.help || tool.options.version)
		r = explain(&tool.options, verb, argv + at, argc - at);
	else if (verb == NULL)
		r = wrong_verb(argv + at, argc - at);
	else
		r = run(&tool, verb, argv + at + used, argc - at - used);
	log_close();
	return finish(r);
}
