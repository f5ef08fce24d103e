/* SPDX-License-Identifier: BSD-2-Clause */
/* Below the module: the smart card service, who may use it, drivers, readers. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool/doctor.h"
#include "tool/holders.h"

#define POLKIT_ACTION "org.debian.pcsc-lite.access_pcsc"
#define POLKIT_FILE "/usr/share/polkit-1/actions/org.debian.pcsc-lite.policy"

/* Service ------------------------------------------------------------------------------------------------------------------ */

/* 0, or the reason why nobody answers there. */
static int
connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, error = 0;

	if (strlen(path) >= sizeof(address.sun_path))
		return ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		return errno;
	/* the interface is untyped in C */
	if (connect(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)) != 0)
		error = errno;
	(void)close(fd);
	return error;
}

/* True when there is somebody to ask for readers. */
static bool
check_service(const struct tool *tool, struct json_object *rows)
{
	const char *path = holders_service_path();
	int error = connect_to(path);

	if (error == 0)
		doctor_tell(rows, DOCTOR_GOOD, "service", NULL, "pcscd listens at %s", path);
	else if (csp_reader_count(tool->csp) > 0)
		doctor_tell(rows, DOCTOR_NOTE, "service", NULL, "no pcscd at %s, but another library shows readers",
			    path);
	else if (error == ENOENT)
		doctor_tell(rows, DOCTOR_BAD, "service", "apt install pcscd; systemctl enable --now pcscd.socket",
			    "pcscd does not run: there is no %s", path);
	else if (error == EACCES || error == EPERM)
		doctor_tell(rows, DOCTOR_BAD, "service",
			    "in a sandbox (snap, flatpak, container) give it access to pcscd's socket",
			    "%s may not be used: %s", path, strerror(error));
	else
		doctor_tell(rows, DOCTOR_BAD, "service", "systemctl restart pcscd.socket pcscd",
			    "pcscd does not answer at %s: %s", path, strerror(error));
	return error == 0;
}

/* Polkit ------------------------------------------------------------------------------------------------------------------- */

/* The exit status of a program that says nothing, or -1. */
static int
run_quietly(char *const *argv)
{
	static char *const environment[] = { (char *)(uintptr_t) "PATH=/usr/bin:/bin", NULL };
	posix_spawn_file_actions_t actions;
	int status = -1;
	pid_t pid;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -1;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		(void)posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
	if (posix_spawn(&pid, argv[0], &actions, NULL, argv, environment) != 0 || waitpid(pid, &status, 0) != pid)
		status = -1;
	(void)posix_spawn_file_actions_destroy(&actions);
	return status != -1 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* pkcheck(1): 0 allowed, 1 not, 2 and 3 after a password that a session without an agent cannot ask for. */
static void
check_polkit(struct json_object *rows)
{
	char program[] = "/usr/bin/pkcheck", action[] = "--action-id", name[] = POLKIT_ACTION, process[] = "--process",
	     pid[32];
	char *argv[] = { program, action, name, process, pid, NULL };
	int status;

	if (geteuid() == 0 || access(POLKIT_FILE, F_OK) != 0 || access(program, X_OK) != 0)
		return;
	(void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	status = run_quietly(argv);
	if (status == 0)
		doctor_tell(rows, DOCTOR_GOOD, "polkit", NULL, "you may use pcscd");
	else if (status >= 1 && status <= 3)
		doctor_tell(rows, DOCTOR_BAD, "polkit",
			    "log in at the machine itself, or allow " POLKIT_ACTION
			    " and org.debian.pcsc-lite.access_card for you "
			    "in a file in /etc/polkit-1/rules.d",
			    "polkit does not let you use pcscd from this session");
	else
		doctor_tell(rows, DOCTOR_NOTE, "polkit", NULL, "pkcheck does not tell whether you may use pcscd");
}

/* Drivers and readers -------------------------------------------------------------------------------------------------------- */

static size_t
count_paths(const char *pattern)
{
	glob_t found = { .gl_pathc = 0 };
	size_t n = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;

	globfree(&found);
	return n;
}

static void
check_driver(struct json_object *rows)
{
	size_t usb = count_paths(TOOL_PCSC_DRIVERS "/*.bundle"), other = count_paths("/etc/reader.conf.d/*");

	if (usb + other == 0)
		doctor_tell(rows, DOCTOR_BAD, "driver", "apt install libccid",
			    "pcscd has no reader driver in " TOOL_PCSC_DRIVERS);
	else
		doctor_tell(rows, DOCTOR_GOOD, "driver", NULL, "%zu for USB readers, %zu for others", usb, other);
}

/* Class 0B is "smart card" (USB, Defined Class Codes). */
static size_t
count_usb_readers(void)
{
	glob_t found = { .gl_pathc = 0 };
	char class[4] = "";
	size_t n = 0;
	FILE *file;

	if (glob("/sys/bus/usb/devices/*/bInterfaceClass", 0, NULL, &found) != 0) {
		globfree(&found);
		return 0;
	}
	for (size_t i = 0; i < found.gl_pathc; i++) {
		if ((file = fopen(found.gl_pathv[i], "re")) == NULL)
			continue;
		if (fgets(class, sizeof(class), file) != NULL && strncmp(class, "0b", 2) == 0)
			n++;
		(void)fclose(file);
	}
	globfree(&found);
	return n;
}

static void
check_readers(const struct tool *tool, bool service, struct json_object *rows)
{
	size_t n = csp_reader_count(tool->csp), usb;

	for (size_t i = 0; i < n; i++) {
		const struct csp_reader *reader = csp_reader_at(tool->csp, i);

		doctor_tell(rows, DOCTOR_GOOD, "reader", NULL, "%s, %s", csp_reader_name(reader),
			    csp_reader_present(reader) ? "with a card" : "empty");
	}
	if (n > 0 || !service)
		return;
	if ((usb = count_usb_readers()) > 0)
		doctor_tell(
			rows, DOCTOR_BAD, "reader",
			"apt install libccid; if it is there, journalctl -u pcscd tells why the reader is not taken",
			"%zu readers are on USB, but pcscd shows none", usb);
	else
		doctor_tell(rows, DOCTOR_NOTE, "reader", "plug a reader in", "there is none");
}

void
doctor_host(struct tool *tool, struct json_object *rows)
{
	DWORD r = csp_poll(tool->csp, true);
	bool service;

	if (r != SCARD_S_SUCCESS)
		doctor_tell(rows, DOCTOR_BAD, "service", NULL, "the readers cannot be listed: %s", tool_code_text(r));
	service = check_service(tool, rows);
	if (service) {
		check_polkit(rows);
		check_driver(rows);
	}
	check_readers(tool, service, rows);
}
