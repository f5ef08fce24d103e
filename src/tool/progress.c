/* SPDX-License-Identifier: BSD-2-Clause */
/* A line on the terminal for what takes longer than a second: what it is, and for how long it has been going on. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "tool/tool.h"

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	pthread_t thread;
	const char *what;
	bool running, stop;
} progress = { .mutex = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER };

/* Waits a second or until it is over; true when it is over. */
static bool
wait_second(struct timespec *at)
{
	int r = 0;

	at->tv_sec++;
	while (!progress.stop && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&progress.wake, &progress.mutex, at);
	return progress.stop;
}

static void *
show(void *arg)
{
	struct timespec at;
	unsigned seconds = 0;

	(void)arg;
	(void)clock_gettime(CLOCK_REALTIME, &at);
	(void)pthread_mutex_lock(&progress.mutex);
	while (!wait_second(&at)) {
		(void)fprintf(stderr, "\r%s ... %u s", progress.what, ++seconds);
		(void)fflush(stderr);
	}
	if (seconds > 0)
		(void)fprintf(stderr, "\r\033[K");
	(void)pthread_mutex_unlock(&progress.mutex);
	return NULL;
}

void
tool_progress(const char *what)
{
	tool_progress_end();
	if (isatty(STDERR_FILENO) == 0)
		return;
	progress.what = what;
	progress.stop = false;
	progress.running = pthread_create(&progress.thread, NULL, show, NULL) == 0;
}

void
tool_progress_end(void)
{
	if (!progress.running)
		return;
	(void)pthread_mutex_lock(&progress.mutex);
	progress.stop = true;
	(void)pthread_cond_signal(&progress.wake);
	(void)pthread_mutex_unlock(&progress.mutex);
	(void)pthread_join(progress.thread, NULL);
	progress.running = false;
}
