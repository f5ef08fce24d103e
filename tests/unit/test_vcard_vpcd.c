/* SPDX-License-Identifier: BSD-2-Clause */
/* Program vcard, with the test in the place of pcscd's vpcd driver. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/test.h"
#include "vcard/vcard.h"

enum { POWER_OFF, POWER_ON, RESET, GET_ATR = 4 };
#define ARGS_MAX 16

static const uint8_t probe[] = { 0x00, 0xCA, 0xDF, 0x30, 0x05 };
static const uint8_t select_application[] = { 0x00, 0xA4, 0x04, 0x0C, 0x09, 0xA0, 0x00,
					      0x00, 0x03, 0x97, 0x42, 0x54, 0x46, 0x59 };

static char directory[64], card[96], stats[96], faults[96], port[8];
static int listener = -1, driver = -1;
static pid_t program;

/* --- the driver's side ---------------------------------------------------------------------------------------------- */

static int
listen_somewhere(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval patience = { 10, 0 };
	socklen_t len = sizeof(address);
	void *any = &address;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, any, len) != 0 || listen(listener, 1) != 0 ||
	    getsockname(listener, any, &len) != 0)
		return -1;
	(void)snprintf(port, sizeof(port), "%u", (unsigned)ntohs(address.sin_port));
	return setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

static void
accept_card(void)
{
	struct timeval patience = { 10, 0 };

	driver = accept(listener, NULL, NULL);
	assert_true(driver >= 0);
	assert_int_equal(setsockopt(driver, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
}

static void
send_message(const uint8_t *bytes, size_t len)
{
	const uint8_t header[2] = { (uint8_t)(len >> 8), (uint8_t)len };

	assert_int_equal(send(driver, header, 2, MSG_NOSIGNAL | MSG_MORE), 2);
	assert_int_equal(send(driver, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void
send_control(uint8_t code)
{
	send_message(&code, 1);
}

/* The length of the message; 0 when the card is gone. */
static size_t
receive_message(uint8_t answer[65536])
{
	uint8_t header[2];
	size_t len;

	if (recv(driver, header, 2, MSG_WAITALL) != 2)
		return 0;
	len = (size_t)header[0] << 8 | header[1];
	assert_int_equal(recv(driver, answer, len, MSG_WAITALL), (ssize_t)len);
	return len;
}

static unsigned
exchange(const uint8_t *command, size_t len)
{
	static uint8_t answer[65536];
	size_t n;

	send_message(command, len);
	n = receive_message(answer);
	return n >= 2 ? (unsigned)answer[n - 2] << 8 | answer[n - 1] : 0;
}

static bool
selected(void)
{
	return exchange(probe, sizeof(probe)) != 0x6986;
}

/* --- the program ------------------------------------------------------------------------------------------------------- */

/* Starts vcard with the options given, up to NULL. */
static void
start(const char *const *options)
{
	static char name[] = "vcard";
	const char *path = getenv("VCARD");
	char *args[ARGS_MAX] = { name };
	size_t i;

	if (path == NULL) {
		skip();
		return;
	}
	for (i = 0; i < ARGS_MAX - 2 && options[i] != NULL; i++)
		memcpy(&args[i + 1], &options[i], sizeof(args[0])); /* execv promises not to write there */
	program = fork();
	assert_true(program >= 0);
	if (program == 0) {
		(void)execv(path, args);
		_exit(127);
	}
}

static void
start_serving(const char *option, const char *value)
{
	const char *options[] = {
		"--port", port, "--card", card, "--stats", stats, "--wait", "5", option, value, NULL
	};

	start(options);
	accept_card();
	send_control(POWER_ON);
}

static int
finish(void)
{
	int status = 0;

	assert_int_equal(waitpid(program, &status, 0), program);
	program = 0;
	assert_true(WIFEXITED(status));
	if (driver >= 0)
		(void)close(driver);
	driver = -1;
	return WEXITSTATUS(status);
}

static int
pull(void)
{
	assert_int_equal(kill(program, SIGTERM), 0);
	return finish();
}

static const char *
file_text(const char *path)
{
	static char text[256];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;

	if (fd >= 0)
		(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int
set_up(void **state)
{
	static const struct vcard_profile plain;

	(void)state;
	(void)snprintf(directory, sizeof(directory), "/tmp/vcard-vpcd-XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	(void)snprintf(card, sizeof(card), "%s/card", directory);
	(void)snprintf(stats, sizeof(stats), "%s/stats", directory);
	(void)snprintf(faults, sizeof(faults), "%s/faults", directory);
	return vcard_create(card, &plain) != 0 ? -1 : listen_somewhere();
}

static int
tear_down(void **state)
{
	(void)state;
	if (program > 0) {
		(void)kill(program, SIGKILL);
		(void)waitpid(program, NULL, 0);
		program = 0;
	}
	(void)close(listener);
	(void)unlink(card);
	(void)unlink(stats);
	(void)unlink(faults);
	return rmdir(directory);
}

/* --- tests --------------------------------------------------------------------------------------------------------------- */

static void
test_serving(void **state)
{
	struct vcard *opened = vcard_open(card);
	uint8_t atr[VCARD_ATR_MAX], answer[65536];
	size_t atr_len;

	(void)state;
	assert_non_null(opened);
	atr_len = vcard_atr(opened, atr);
	vcard_close(opened);
	start_serving(NULL, NULL);
	send_control(GET_ATR);
	assert_int_equal(receive_message(answer), atr_len);
	assert_memory_equal(answer, atr, atr_len);
	assert_false(selected());
	assert_int_equal(exchange(select_application, sizeof(select_application)), 0x9000);
	assert_true(selected());
	send_control(RESET);
	assert_false(selected());
	assert_string_equal(file_text(stats), "exchanges 4\nup 29\ndown 8\n");
	send_control(POWER_OFF);
	assert_int_equal(pull(), 0);
}

static void
test_faults(void **state)
{
	(void)state;
	start_serving("--faults", "1:sw=6F01;2:reset;3:silence=1;4:remove");
	assert_int_equal(exchange(probe, sizeof(probe)), 0x6F01);
	assert_int_equal(exchange(probe, sizeof(probe)), 0x6F00);
	assert_int_equal(exchange(probe, sizeof(probe)), 0x6F00);
	assert_int_equal(exchange(probe, sizeof(probe)), 0);
	assert_int_equal(finish(), 0);
}

static void
test_signals(void **state)
{
	unsigned i;

	(void)state;
	write_text(faults, "1:sw=6F01");
	start_serving("--faults-file", faults);
	assert_int_equal(exchange(probe, sizeof(probe)), 0x6F01);
	assert_int_equal(exchange(probe, sizeof(probe)), 0x6986);
	write_text(faults, "*:sw=6F02");
	assert_int_equal(kill(program, SIGHUP), 0);
	for (i = 0; i < 1000 && exchange(probe, sizeof(probe)) != 0x6F02; i++)
		;
	assert_true(i < 1000);
	assert_int_equal(unlink(stats), 0);
	assert_int_equal(kill(program, SIGUSR1), 0);
	for (i = 0; i < 1000 && access(stats, F_OK) != 0; i++)
		(void)poll(NULL, 0, 5);
	assert_true(i < 1000);
	assert_int_equal(pull(), 0);
}

static unsigned long
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned long)t.tv_sec * 1000 + (unsigned long)t.tv_nsec / 1000000;
}

static void
test_latency(void **state)
{
	unsigned long begun;

	(void)state;
	start_serving("--latency", "20000,1000000");
	begun = now_ms();
	assert_int_equal(exchange(probe, sizeof(probe)), 0x6986);
	assert_true(now_ms() - begun >= 27);
	assert_int_equal(pull(), 0);
}

/* Nothing waits for a delayed acknowledgement, which would cost 40 ms each time. */
static void
test_speed(void **state)
{
	unsigned long begun;
	unsigned i;

	(void)state;
	start_serving(NULL, NULL);
	begun = now_ms();
	for (i = 0; i < 100; i++)
		assert_int_equal(exchange(probe, sizeof(probe)), 0x6986);
	assert_true(now_ms() - begun < 2000);
	assert_int_equal(pull(), 0);
}

static void
test_connection_breaks(void **state)
{
	(void)state;
	start_serving(NULL, NULL);
	assert_int_equal(exchange(select_application, sizeof(select_application)), 0x9000);
	(void)shutdown(driver, SHUT_RDWR);
	assert_int_equal(finish(), 5);
}

static void
test_exit_codes(void **state)
{
	static const char *const no_card[] = { "--port", "1", NULL };
	static const char *const bad_option[] = { "--card", "x", "--latency", "slow", NULL };
	static const char *const help[] = { "--help", NULL };
	const char *const bad_faults[] = { "--card", card, "--faults", "1:explode", NULL };
	const char *const missing_card[] = { "--card", faults, NULL };
	const char *const nobody[] = { "--card", card, "--port", "1", NULL };

	(void)state;
	start(no_card);
	assert_int_equal(finish(), 2);
	start(bad_option);
	assert_int_equal(finish(), 2);
	start(bad_faults);
	assert_int_equal(finish(), 2);
	start(missing_card);
	assert_int_equal(finish(), 3);
	start(nobody);
	assert_int_equal(finish(), 4);
	start(help);
	assert_int_equal(finish(), 0);
}

#define card_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		card_test(test_serving),    card_test(test_faults), card_test(test_signals),
		card_test(test_latency),    card_test(test_speed),  card_test(test_connection_breaks),
		card_test(test_exit_codes),
	};

	return cmocka_run_group_tests_name("vcard/vpcd", tests, NULL, NULL);
}
