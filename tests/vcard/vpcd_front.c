/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Program vcard: a virtual card in the virtual reader that the vpcd driver gives a real pcscd. The driver listens, the
 * card connects. A message is its length in two bytes, big-endian, and that many bytes; one byte alone is a control,
 * all else a command APDU. Only the ATR's control and commands are answered. This way leaves no room for errors of
 * transmission: the faults reset and silence answer 6F00 in the end, an answer of no bytes is a removal.
 */
#define _GNU_SOURCE /* ppoll */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "vcard/link.h"

enum { CONTROL_OFF, CONTROL_ON, CONTROL_RESET, CONTROL_ATR = 4 };
enum { EXIT_USAGE = 2, EXIT_CARD = 3, EXIT_CONNECT = 4, EXIT_LOST = 5 };

#define MESSAGE_MAX 65535
#define RETRY_MS 20

static const char usage[] =
	"Usage: vcard --card FILE [options]\n"
	"Connects a virtual card to the vpcd driver of pcscd and serves it until SIGTERM or SIGINT.\n"
	"\n"
	"  --card FILE         the card (see vcard-perso)\n"
	"  --host HOST         where pcscd is (127.0.0.1)\n"
	"  --port PORT         where the vpcd driver listens (35963; a second slot is at 35964)\n"
	"  --wait SECONDS      try to connect for so long (0: once)\n"
	"  --latency US[,NS]   each exchange takes US microseconds and NS nanoseconds per byte longer\n"
	"  --faults TEXT       faults to inject, for example '5:sw=6F00;ins=2A:empty;7:reset'\n"
	"  --faults-file FILE  the same from a file, read again upon SIGHUP\n"
	"  --stats FILE        add exchanges and bytes to the counters in FILE, after each exchange\n"
	"  --trace FILE        append APDUs to FILE\n"
	"  --help\n"
	"\n"
	"SIGTERM, SIGINT: the card is pulled out, its state saved. SIGUSR1: write the counters even if nothing was\n"
	"exchanged. Exit status: 0 pulled out or removed by a fault, 2 usage, 3 the card cannot be read or saved,\n"
	"4 no connection, 5 the connection broke.\n";

struct options {
	const char *card, *host, *port, *faults, *faults_file, *stats, *trace;
	struct link_latency latency;
	unsigned long wait_s;
};

static volatile sig_atomic_t pulled, stats_wanted, faults_wanted;

static void
on_signal(int number)
{
	if (number == SIGUSR1)
		stats_wanted = 1;
	else if (number == SIGHUP)
		faults_wanted = 1;
	else
		pulled = 1;
}

/* Signals arrive only while the program waits; ret_waiting is the mask for that. */
static void
catch_signals(sigset_t *ret_waiting)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGUSR1, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t blocked;
	size_t i;

	(void)sigemptyset(&blocked);
	(void)sigemptyset(&action.sa_mask);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		(void)sigaddset(&blocked, numbers[i]);
		(void)sigaction(numbers[i], &action, NULL);
	}
	(void)sigprocmask(SIG_BLOCK, &blocked, ret_waiting);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		(void)sigdelset(ret_waiting, numbers[i]);
}

/* --- the connection --------------------------------------------------------------------------------------------- */

static int
connect_once(const struct options *o)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM }, *found = NULL, *a;
	int fd = -1, on = 1;

	if (getaddrinfo(o->host, o->port, &hints, &found) != 0)
		return -1;
	for (a = found; a != NULL; a = a->ai_next) {
		fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
		if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0)
			break;
		if (fd >= 0)
			(void)close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	if (fd >= 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static int
connect_patiently(const struct options *o, const sigset_t *waiting)
{
	struct timespec pause = { 0, RETRY_MS * 1000000L }, now, end;
	int fd;

	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += (time_t)o->wait_s;
	for (;;) {
		fd = connect_once(o);
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		if (fd >= 0 || now.tv_sec > end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec >= end.tv_nsec))
			return fd;
		(void)ppoll(NULL, 0, &pause, waiting);
		if (pulled)
			return -1;
	}
}

/*
 * Exactly len bytes. The kernel falls back to delayed acknowledgements by itself, and then the driver, which sends
 * with Nagle's algorithm, waits 40 ms for one; so quick ones are asked for again before each read.
 */
static bool
receive(int fd, uint8_t *ret_bytes, size_t len)
{
	int on = 1;
	ssize_t n;

	while (len > 0) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
		n = recv(fd, ret_bytes, len, 0);
		if (n == 0 || (n < 0 && errno != EINTR))
			return false;
		if (n > 0) {
			ret_bytes += n;
			len -= (size_t)n;
		}
	}
	return true;
}

/* Length and message in one piece. message has two bytes of room in front of it for the length. */
static bool
send_message(int fd, uint8_t *framed, size_t len)
{
	ssize_t n;
	size_t left = len + 2;

	framed[0] = (uint8_t)(len >> 8);
	framed[1] = (uint8_t)len;
	while (left > 0) {
		n = send(fd, framed, left, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			framed += n;
			left -= (size_t)n;
		}
	}
	return true;
}

/* --- serving ---------------------------------------------------------------------------------------------------- */

struct session {
	struct options options;
	struct vcard *card;
	struct link link;
	int fd;
	int status; /* exit status, once the session is over */
	bool over;
	uint8_t command[MESSAGE_MAX];
	uint8_t framed[2 + VCARD_RESPONSE_MAX];
};

static void
end_session(struct session *s, int status)
{
	s->over = true;
	s->status = status;
}

static bool
write_stats(struct session *s)
{
	struct link_stats stats = s->link.stats;

	s->link.stats = (struct link_stats){ 0 };
	if (s->options.stats == NULL || link_stats_add(AT_FDCWD, s->options.stats, &stats) == 0)
		return true;
	(void)fprintf(stderr, "vcard: %s: %s\n", s->options.stats, strerror(errno));
	return false;
}

static bool
arm(struct link *link, const char *text, size_t len)
{
	char error[LINK_ERROR_MAX];

	if (link_arm(link, text, len, error))
		return true;
	(void)fprintf(stderr, "vcard: %s\n", error);
	return false;
}

static bool
arm_file(struct link *link, const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = malloc(LINK_TEXT_MAX + 1);
	bool armed = false;

	if (f == NULL || text == NULL)
		(void)fprintf(stderr, "vcard: %s: %s\n", path, strerror(errno));
	else
		armed = arm(link, text, fread(text, 1, LINK_TEXT_MAX + 1, f));
	if (f != NULL)
		(void)fclose(f);
	free(text);
	return armed;
}

static bool
save(struct session *s)
{
	if (vcard_save(s->card) == 0)
		return true;
	(void)fprintf(stderr, "vcard: %s: %s\n", s->options.card, strerror(errno));
	end_session(s, EXIT_CARD);
	return false;
}

static void
power(struct session *s, const char *note)
{
	link_note(&s->link, note);
	vcard_reset(s->card);
	(void)save(s);
}

static void
answer(struct session *s, size_t len)
{
	if (len > MESSAGE_MAX) /* the driver's length has 16 bits */
		len = MESSAGE_MAX;
	if (!send_message(s->fd, s->framed, len))
		end_session(s, EXIT_LOST);
}

/* Counters and card file are written before the answer is sent, so whoever has the answer finds them up to date. */
static void
exchange(struct session *s, size_t command_len)
{
	size_t len = 0;
	enum link_outcome outcome = link_exchange(&s->link, s->card, s->command, command_len, s->framed + 2, &len);

	if (!write_stats(s) || !save(s)) {
		end_session(s, EXIT_CARD);
		return;
	}
	switch (outcome) {
	case LINK_ANSWERED:
		if (len == 0)
			end_session(s, EXIT_SUCCESS); /* the driver takes an empty answer for a removal as well */
		else
			answer(s, len);
		break;
	case LINK_WAS_UNSET:
	case LINK_WAS_RESET: /* a reader cannot tell of it; the card has forgotten all, which shows */
	case LINK_SILENT:
		s->framed[2] = 0x6F;
		s->framed[3] = 0x00;
		answer(s, 2);
		break;
	case LINK_WAS_REMOVED:
	case LINK_WAS_PULLED: end_session(s, EXIT_SUCCESS); break;
	}
}

static void
control(struct session *s, uint8_t code)
{
	switch (code) {
	case CONTROL_OFF: power(s, "power down"); break;
	case CONTROL_ON: power(s, "power up"); break;
	case CONTROL_RESET: power(s, "reset"); break;
	case CONTROL_ATR: answer(s, vcard_atr(s->card, s->framed + 2)); break;
	default: break;
	}
}

static void
serve_message(struct session *s)
{
	uint8_t header[2];
	size_t len;

	if (!receive(s->fd, header, 2)) {
		end_session(s, EXIT_LOST);
		return;
	}
	len = (size_t)header[0] << 8 | header[1];
	if (!receive(s->fd, s->command, len))
		end_session(s, EXIT_LOST);
	else if (len == 1)
		control(s, s->command[0]);
	else
		exchange(s, len);
}

/* ppoll() lets no signal in when a message waits already, which in busy times is always. */
static void
heed_signals(struct session *s, const sigset_t *waiting)
{
	sigset_t blocked;

	(void)sigprocmask(SIG_SETMASK, waiting, &blocked);
	(void)sigprocmask(SIG_SETMASK, &blocked, NULL);
	if (stats_wanted)
		(void)write_stats(s);
	if (faults_wanted && s->options.faults_file != NULL)
		(void)arm_file(&s->link, s->options.faults_file);
	stats_wanted = faults_wanted = 0;
	if (pulled)
		end_session(s, EXIT_SUCCESS);
}

static void
serve(struct session *s, const sigset_t *waiting)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	int n;

	link_note(&s->link, "inserted");
	while (!s->over) {
		n = ppoll(&p, 1, NULL, waiting);
		if (n < 0 && errno != EINTR)
			end_session(s, EXIT_LOST);
		heed_signals(s, waiting);
		if (n > 0 && !s->over)
			serve_message(s);
	}
	link_note(&s->link, "removed");
	vcard_reset(s->card); /* pulled out, it has no power */
	(void)save(s);
}

/* --- the program ------------------------------------------------------------------------------------------------ */

static int
complain(const char *option, const char *value)
{
	(void)fprintf(stderr, "vcard: %s %s: not understood\n", option, value);
	return -1;
}

static int
parse_options(int argc, char *argv[], struct options *ret_options)
{
	static const struct option names[] = {
		{ "card", required_argument, NULL, 'c' },
		{ "host", required_argument, NULL, 'h' },
		{ "port", required_argument, NULL, 'p' },
		{ "wait", required_argument, NULL, 'w' },
		{ "latency", required_argument, NULL, 'l' },
		{ "faults", required_argument, NULL, 'f' },
		{ "faults-file", required_argument, NULL, 'F' },
		{ "stats", required_argument, NULL, 's' },
		{ "trace", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, '?' + 256 },
		{ NULL, 0, NULL, 0 },
	};
	struct options o = { .host = "127.0.0.1", .port = "35963" };
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
		switch (c) {
		case 'c': o.card = optarg; break;
		case 'h': o.host = optarg; break;
		case 'p': o.port = optarg; break;
		case 'f': o.faults = optarg; break;
		case 'F': o.faults_file = optarg; break;
		case 's': o.stats = optarg; break;
		case 't': o.trace = optarg; break;
		case 'w':
			o.wait_s = strtoul(optarg, &end, 10);
			if (*optarg < '0' || *optarg > '9' || *end != '\0' || o.wait_s > 86400)
				return complain("--wait", optarg);
			break;
		case 'l':
			if (!link_latency_parse(optarg, &o.latency))
				return complain("--latency", optarg);
			break;
		case '?' + 256: (void)fputs(usage, stdout); exit(EXIT_SUCCESS);
		default: return -1;
		}
	if (o.card == NULL || optind != argc)
		return -1;
	*ret_options = o;
	return 0;
}

static bool
prepare(struct session *s)
{
	const struct options *o = &s->options;

	s->link.latency = o->latency;
	if (o->trace != NULL) {
		s->link.trace_fd = open(o->trace, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
		if (s->link.trace_fd < 0) {
			(void)fprintf(stderr, "vcard: %s: %s\n", o->trace, strerror(errno));
			s->status = EXIT_USAGE;
			return false;
		}
	}
	if ((o->faults != NULL && !arm(&s->link, o->faults, strlen(o->faults))) ||
	    (o->faults_file != NULL && !arm_file(&s->link, o->faults_file))) {
		s->status = EXIT_USAGE;
		return false;
	}
	s->card = vcard_open(o->card);
	if (s->card == NULL) {
		(void)fprintf(stderr, "vcard: %s: %s\n", o->card, strerror(errno));
		s->status = EXIT_CARD;
		return false;
	}
	vcard_reset(s->card);
	return true;
}

int
main(int argc, char *argv[])
{
	static struct session s = { .link = LINK_INIT, .fd = -1 };
	sigset_t waiting;

	if (parse_options(argc, argv, &s.options) != 0) {
		(void)fputs(usage, stderr);
		return EXIT_USAGE;
	}
	catch_signals(&waiting);
	if (prepare(&s)) {
		s.fd = connect_patiently(&s.options, &waiting);
		if (s.fd >= 0) {
			serve(&s, &waiting);
		} else if (!pulled) {
			(void)fprintf(stderr, "vcard: no connection to %s port %s\n", s.options.host, s.options.port);
			s.status = EXIT_CONNECT;
		}
	}
	if (s.fd >= 0)
		(void)close(s.fd);
	if (s.link.trace_fd >= 0)
		(void)close(s.link.trace_fd);
	link_faults_free(&s.link.faults);
	vcard_close(s.card);
	return s.status;
}
