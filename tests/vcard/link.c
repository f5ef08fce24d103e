/* SPDX-License-Identifier: BSD-2-Clause */
/* One exchange on its way from a front to the engine and back: counted, delayed, spoiled, traced. */
#include "vcard/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void
sleep_ns(uint64_t ns)
{
	struct timespec t = { (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };

	while (ns != 0 && clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR)
		;
}

/* One line in one write, so that lines of several processes do not mix. A trace that cannot be written is not written. */
static void
trace_bytes(const struct link *link, char direction, const uint8_t *bytes, size_t len)
{
	static const char digits[] = "0123456789ABCDEF";
	char *line;
	size_t i, n = 0;

	if (link->trace_fd < 0 || (line = malloc(len * 3 + 2)) == NULL)
		return;
	line[n++] = direction;
	for (i = 0; i < len; i++) {
		line[n++] = ' ';
		line[n++] = digits[bytes[i] >> 4];
		line[n++] = digits[bytes[i] & 15];
	}
	line[n++] = '\n';
	if (write(link->trace_fd, line, n) < 0)
		errno = 0;
	free(line);
}

void
link_note(const struct link *link, const char *text)
{
	char line[LINK_ERROR_MAX + 4] = "# ";
	size_t len = strnlen(text, LINK_ERROR_MAX);

	if (link->trace_fd < 0)
		return;
	memcpy(line + 2, text, len);
	line[len + 2] = '\n';
	if (write(link->trace_fd, line, len + 3) < 0)
		errno = 0;
}

static size_t
put_sw(uint8_t *answer, size_t at, unsigned sw)
{
	answer[at] = (uint8_t)(sw >> 8);
	answer[at + 1] = (uint8_t)sw;
	return at + 2;
}

/* Puts more bytes between the data and the status word; what exceeds the largest answer is left out. */
static size_t
lengthen(uint8_t *answer, size_t len, const uint8_t *more, size_t more_len)
{
	uint8_t sw[2] = { 0x90, 0x00 };
	size_t body = len >= 2 ? len - 2 : 0, room = VCARD_RESPONSE_MAX - 2 - body;

	if (len >= 2)
		memcpy(sw, answer + body, 2);
	if (more_len > room)
		more_len = room;
	if (more != NULL)
		memcpy(answer + body, more, more_len);
	else
		memset(answer + body, 0, more_len);
	memcpy(answer + body + more_len, sw, 2);
	return body + more_len + 2;
}

static size_t
shorten_body(uint8_t *answer, size_t len, size_t body)
{
	if (len < 2 || body >= len - 2)
		return len;
	memmove(answer + body, answer + len - 2, 2);
	return body + 2;
}

/* What becomes of the card's answer. */
static size_t
spoil(const struct link_rule *rule, uint8_t *answer, size_t len)
{
	switch (rule->fault) {
	case LINK_DATA:
		if (rule->len != 0)
			memcpy(answer, rule->bytes, rule->len);
		return rule->len;
	case LINK_CUT: return len < rule->number ? len : rule->number;
	case LINK_BODY: return shorten_body(answer, len, rule->number);
	case LINK_EMPTY: return put_sw(answer, 0, 0x9000);
	case LINK_EXTEND: return lengthen(answer, len, rule->bytes, rule->len);
	case LINK_PAD: return lengthen(answer, len, NULL, rule->number);
	default: return len;
	}
}

/* Faults that keep the command from the card. False: the card is to be asked. */
static bool
intercept(struct link *link, struct vcard *card, const struct link_rule *rule, uint8_t *ret_answer, size_t *ret_len,
	  enum link_outcome *ret_outcome)
{
	*ret_len = 0;
	*ret_outcome = LINK_ANSWERED;
	switch (rule->fault) {
	case LINK_SW: *ret_len = put_sw(ret_answer, 0, rule->number); return true;
	case LINK_ENDLESS_61:
		memset(ret_answer, 0, rule->number);
		*ret_len = put_sw(ret_answer, rule->number, 0x61FF);
		return true;
	case LINK_PINGPONG_6C:
		*ret_len = put_sw(ret_answer, 0, link->faults.progress.turns++ % 2 == 0 ? 0x6C10 : 0x6C20);
		return true;
	case LINK_RESET:
	case LINK_UNSET:
		vcard_reset(card);
		*ret_outcome = rule->fault == LINK_RESET ? LINK_WAS_RESET : LINK_WAS_UNSET;
		return true;
	case LINK_REMOVE: *ret_outcome = LINK_WAS_REMOVED; return true;
	case LINK_PULL: *ret_outcome = LINK_WAS_PULLED; return true;
	case LINK_SILENCE:
		sleep_ns((uint64_t)rule->number * 1000000u);
		*ret_outcome = LINK_SILENT;
		return true;
	default: return false;
	}
}

static void
trace_outcome(const struct link *link, enum link_outcome outcome, const uint8_t *answer, size_t len)
{
	static const char *const notes[] = {
		[LINK_WAS_RESET] = "reset",   [LINK_WAS_UNSET] = "reset late", [LINK_WAS_REMOVED] = "removed",
		[LINK_WAS_PULLED] = "pulled", [LINK_SILENT] = "silence",
	};

	if (outcome == LINK_ANSWERED)
		trace_bytes(link, '<', answer, len);
	else
		link_note(link, notes[outcome]);
}

enum link_outcome
link_exchange(struct link *link, struct vcard *card, const uint8_t *command, size_t len, uint8_t *ret_answer,
	      size_t *ret_len)
{
	const struct link_rule *rule = link_faults_next(&link->faults, command, len);
	enum link_outcome outcome = LINK_ANSWERED;
	size_t n = 0;

	trace_bytes(link, '>', command, len);
	if (rule == NULL || !intercept(link, card, rule, ret_answer, &n, &outcome)) {
		n = vcard_transmit(card, command, len, ret_answer);
		if (rule != NULL)
			n = spoil(rule, ret_answer, n);
	}
	link->stats.exchanges++;
	link->stats.up += len;
	link->stats.down += n;
	sleep_ns((uint64_t)link->latency.exchange_us * 1000u + (uint64_t)link->latency.byte_ns * (len + n));
	trace_outcome(link, outcome, ret_answer, n);
	*ret_len = n;
	return outcome;
}

bool
link_latency_parse(const char *text, struct link_latency *ret_latency)
{
	unsigned long exchange, byte = 0;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	exchange = strtoul(text, &end, 10);
	if (*end == ',' && end[1] >= '0' && end[1] <= '9')
		byte = strtoul(end + 1, &end, 10);
	if (*end != '\0' || errno != 0 || exchange > UINT32_MAX || byte > UINT32_MAX)
		return false;
	*ret_latency = (struct link_latency){ (uint32_t)exchange, (uint32_t)byte };
	return true;
}
