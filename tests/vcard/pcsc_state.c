/* SPDX-License-Identifier: BSD-2-Clause */
/* The file "state" of a reader: one line of numbers, rewritten under flock. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vcard/pcsc_world.h"

#define STATE_MAX 1024
#define STATE_HEAD "vcard-reader 1"

static const size_t members[] = {
	offsetof(struct reader_state, events),	     offsetof(struct reader_state, removals),
	offsetof(struct reader_state, resets),	     offsetof(struct reader_state, reset_removals),
	offsetof(struct reader_state, card_dev),     offsetof(struct reader_state, card_ino),
	offsetof(struct reader_state, card_time),    offsetof(struct reader_state, present),
	offsetof(struct reader_state, mute),	     offsetof(struct reader_state, powered),
	offsetof(struct reader_state, unpowered),    offsetof(struct reader_state, protocol),
	offsetof(struct reader_state, saves),	     offsetof(struct reader_state, holder),
	offsetof(struct reader_state, holder_stamp), offsetof(struct reader_state, armed),
};

static bool
next_number(const char **text, uint64_t *ret_value)
{
	char *end;

	if (**text != ' ')
		return false;
	*ret_value = strtoull(*text, &end, 10);
	if (end == *text)
		return false;
	*text = end;
	return true;
}

static bool
next_u32(const char **text, uint32_t *ret_value)
{
	uint64_t value;

	if (!next_number(text, &value) || value > UINT32_MAX)
		return false;
	*ret_value = (uint32_t)value;
	return true;
}

static bool
parse_progress(const char **text, struct link_progress *progress)
{
	size_t i;

	for (i = 0; i < LINK_RULES_MAX; i++)
		if (!next_u32(text, &progress->hits[i]))
			return false;
	return next_u32(text, &progress->latched) && next_u32(text, &progress->turns);
}

static bool
parse(const char *text, struct reader_state *state)
{
	uint64_t value;
	uint32_t byte;
	size_t i;

	if (strncmp(text, STATE_HEAD, strlen(STATE_HEAD)) != 0)
		return false;
	text += strlen(STATE_HEAD);
	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (!next_number(&text, &value))
			return false;
		memcpy((char *)state + members[i], &value, sizeof(value));
	}
	if (!parse_progress(&text, &state->progress) || !next_number(&text, &value) || value > VCARD_ATR_MAX)
		return false;
	state->atr_len = value;
	for (i = 0; i < state->atr_len; i++) {
		if (!next_u32(&text, &byte) || byte > 0xFF)
			return false;
		state->atr[i] = (uint8_t)byte;
	}
	return *text == '\n';
}

bool
state_read(int fd, struct reader_state *ret_state)
{
	char text[STATE_MAX + 1] = "";
	struct reader_state state = { 0 };

	if (pread(fd, text, STATE_MAX, 0) <= 0 || !parse(text, &state)) {
		*ret_state = (struct reader_state){ 0 };
		return false;
	}
	*ret_state = state;
	return true;
}

void
state_write(int fd, const struct reader_state *state)
{
	char *text = NULL;
	size_t len = 0, i;
	uint64_t value;
	int failed = 0;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return;
	(void)fputs(STATE_HEAD, f);
	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		memcpy(&value, (const char *)state + members[i], sizeof(value));
		(void)fprintf(f, " %" PRIu64, value);
	}
	for (i = 0; i < LINK_RULES_MAX; i++)
		(void)fprintf(f, " %" PRIu32, state->progress.hits[i]);
	(void)fprintf(f, " %" PRIu32 " %" PRIu32 " %" PRIu64, state->progress.latched, state->progress.turns,
		      state->atr_len);
	for (i = 0; i < state->atr_len; i++)
		(void)fprintf(f, " %u", (unsigned)state->atr[i]);
	(void)fputc('\n', f);
	if (fclose(f) == 0 && pwrite(fd, text, len, 0) != (ssize_t)len)
		failed = ftruncate(fd, 0);
	(void)failed; /* what is left then is refused when it is read */
	free(text);
}
