/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lies between a front and the engine: counting, a model of latency, faults on demand, a trace. Every front sends
 * its exchanges through here, so a fault is spelled the same for a unit test, for libpcsc-vcard.so and for vcard.
 *
 * Grammar of a fault text (ASCII; blanks and newlines around rules are skipped; an empty text means no faults):
 *
 *	text  = rule { ";" rule }
 *	rule  = when ":" what
 *	when  = count | "ins=" HH [ "@" count ]		HH: instruction byte; without "@" each such command
 *	count = N | N "+" | N "-" M | "*"		the N-th, from the N-th on, N-th to M-th, each; the first is 1
 *	what  = "sw=" HHHH		the card is not reached, the answer is this status word
 *	      | "data=" HEX		the card executes, the answer is these bytes (none: an answer of no bytes)
 *	      | "cut=" K		the card executes, of the whole answer the first K bytes arrive
 *	      | "body=" K		the card executes, of the data K bytes arrive, then the status word
 *	      | "empty"			the card executes, the answer is 9000
 *	      | "extend=" HEX		the card executes, these bytes follow the data, then the status word
 *	      | "pad=" K		the same with K bytes 00
 *	      | "reset"			the card is reset instead, and the client learns so
 *	      | "unset"			likewise, but the client learns only that the protocol is not what it was
 *	      | "remove"		the card is gone before the exchange, and the client learns so
 *	      | "pull"			the card is pulled during the exchange: a transmission error, then removed
 *	      | "silence=" MS		nothing for MS milliseconds, then a transmission error; the card is not reached
 *	      | "endless61" [ "=" K ]	from here on each answer is K bytes (0) and 61FF, whatever is sent
 *	      | "pingpong6C"		from here on the answers are 6C10 and 6C20 in turn, whatever is sent
 *
 * Every rule counts for itself the commands it looks at, from the moment it is armed. When several apply to one
 * exchange the first in the text wins. N, M, K and MS are decimal; HEX has an even number of digits.
 */
#ifndef VCARD_LINK_H
#define VCARD_LINK_H

#include "vcard/vcard.h"

#define LINK_RULES_MAX 16
#define LINK_TEXT_MAX (256u * 1024)
#define LINK_ERROR_MAX 128

enum link_fault {
	LINK_SW,
	LINK_DATA,
	LINK_CUT,
	LINK_BODY,
	LINK_EMPTY,
	LINK_EXTEND,
	LINK_PAD,
	LINK_RESET,
	LINK_UNSET,
	LINK_REMOVE,
	LINK_PULL,
	LINK_SILENCE,
	LINK_ENDLESS_61,
	LINK_PINGPONG_6C,
};

struct link_rule {
	int ins;	      /* -1: any command */
	uint32_t first, last; /* of the commands looked at, from 1 */
	enum link_fault fault;
	uint32_t number; /* status word, length or milliseconds */
	uint8_t *bytes;
	size_t len;
};

/* How far an armed text has come. Plain numbers, so that processes can hand it on. */
struct link_progress {
	uint32_t hits[LINK_RULES_MAX]; /* commands each rule has looked at */
	uint32_t latched;	       /* bit n: rule n applies to everything from now on */
	uint32_t turns;		       /* answers of pingpong6C so far */
};

struct link_faults {
	struct link_rule rules[LINK_RULES_MAX];
	size_t count;
	struct link_progress progress;
};

/* Microseconds per exchange and nanoseconds per byte, both directions together. */
struct link_latency {
	uint32_t exchange_us;
	uint32_t byte_ns;
};

struct link_stats {
	uint64_t exchanges;
	uint64_t up;   /* bytes to the card */
	uint64_t down; /* bytes from the card, status words included */
};

/* {0} with trace_fd = -1 is a link that only counts; LINK_INIT says so. */
struct link {
	struct link_latency latency;
	struct link_faults faults;
	struct link_stats stats;
	int trace_fd; /* borrowed; lines "> 00 A4 ..", "< 90 00", "# reset"; -1: none */
};

#define LINK_INIT                                                                                                      \
	{                                                                                                              \
		.trace_fd = -1                                                                                         \
	}

enum link_outcome {
	LINK_ANSWERED,	  /* there is an answer, of any length and sense */
	LINK_WAS_RESET,	  /* the card has been reset (the engine already was) */
	LINK_WAS_UNSET,	  /* likewise, by a client whose reset the service has told of long before it was over */
	LINK_WAS_REMOVED, /* the front shall take the card out and say so */
	LINK_WAS_PULLED,  /* the front shall take the card out and answer with a transmission error */
	LINK_SILENT,	  /* transmission error */
};

/*
 * One exchange. ret_answer has room for VCARD_RESPONSE_MAX bytes; *ret_len is 0 unless LINK_ANSWERED. Sleeps as the
 * latency says. Not thread-safe for one link.
 */
enum link_outcome link_exchange(struct link *link, struct vcard *card, const uint8_t *command, size_t len,
				uint8_t *ret_answer, size_t *ret_len);

/* Adds a line "# text" to the trace. */
void link_note(const struct link *link, const char *text);

/*
 * Reads a fault text; the text may be anything. On failure ret_error (LINK_ERROR_MAX bytes) says what is wrong and
 * where. On success ret_faults is to be freed with link_faults_free and counting begins with the next exchange.
 */
bool link_faults_parse(const char *text, size_t len, struct link_faults *ret_faults, char *ret_error);
/* Parses and arms in place of what was armed. Leaves the old faults on failure. */
bool link_arm(struct link *link, const char *text, size_t len, char *ret_error);
/* Frees; faults are empty afterwards. */
void link_faults_free(struct link_faults *faults);

/* Counts a command and returns the rule that applies to it, or NULL. */
const struct link_rule *link_faults_next(struct link_faults *faults, const uint8_t *command, size_t len);

/* "EXCHANGE_US,BYTE_NS"; the second may be left out. False when it is anything else. */
bool link_latency_parse(const char *text, struct link_latency *ret_latency);

/*
 * Adds to the counters in a file (lines "exchanges N", "up N", "down N"), which is made if need be; one that is not
 * such a file counts as zeros. Callers keep each other off. dir may be AT_FDCWD. 0, or -1 with errno.
 */
int link_stats_add(int dir, const char *name, const struct link_stats *more);

#endif
