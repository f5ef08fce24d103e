/* SPDX-License-Identifier: BSD-2-Clause */
/* The instance: what csp_open() makes, csp_close() ends, and csp_forget() drops in a forked child. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "csp/card.h"
#include "csp/crypto.h"

uint32_t
csp_next_number(struct csp *csp)
{
	uint32_t n = 0;

	while (n == 0)
		n = atomic_fetch_add(&csp->last_number, 1) + 1;
	return n;
}

static void
set_hold(struct csp *csp, const struct csp_options *options)
{
	/* ending a transaction later takes a thread, and a lock that can be tried */
	if (options->no_threads || options->locks != NULL)
		csp->hold_ms = 0;
	else
		csp->hold_ms = options->transaction_timeout_ms;
}

static void
set_policy(struct csp *csp, const struct csp_options *options)
{
	csp->policy = options->policy;
	csp->busy_ms = options->busy_timeout_ms;
	csp->rest_ms = options->connection_timeout_ms;
	if (csp->policy.default_key_bits == 0)
		csp->policy.default_key_bits = CSP_DEFAULT_KEY_BITS;
	csp->no_keypads = options->no_keypads;
	if (!options->no_disk_cache)
		memcpy(csp->cache_directory, options->cache_directory, sizeof(csp->cache_directory) - 1);
	memcpy(csp->runtime_directory, options->runtime_directory, sizeof(csp->runtime_directory) - 1);
	memcpy(csp->allow, options->allow, sizeof(csp->allow) - 1);
	memcpy(csp->deny, options->deny, sizeof(csp->deny) - 1);
}

uint32_t
csp_default_key_bits(const struct csp *csp)
{
	return csp->policy.default_key_bits;
}

/* On failure the caller frees the memory; nothing else is left. */
static DWORD
init_locks(struct csp *csp)
{
	if (!lock_init(&csp->monitor_lock, csp->locks))
		return SCARD_E_NO_MEMORY;
	if (!lock_init(&csp->memory_lock, csp->locks))
		goto no_memory_lock;
	if (!csp_waits_init(&csp->waits))
		goto no_waits;
	if (csp_release_init(csp))
		return SCARD_S_SUCCESS;
	csp_waits_destroy(&csp->waits);
no_waits:
	lock_destroy(&csp->memory_lock);
no_memory_lock:
	lock_destroy(&csp->monitor_lock);
	return SCARD_E_NO_MEMORY;
}

DWORD
csp_open(const struct csp_options *options, struct csp **ret_csp)
{
	struct csp *csp = calloc(1, sizeof(*csp));
	DWORD r;

	if (csp == NULL)
		return SCARD_E_NO_MEMORY;
	csp->locks = options->locks;
	set_hold(csp, options);
	set_policy(csp, options);
	if ((r = init_locks(csp)) != SCARD_S_SUCCESS) {
		free(csp);
		return r;
	}
	if ((r = csp_crypto_open(&csp->crypto)) != SCARD_S_SUCCESS ||
	    (r = io_monitor_open(&csp->monitor)) != SCARD_S_SUCCESS) {
		csp_close(&csp);
		return r;
	}
	*ret_csp = csp;
	return SCARD_S_SUCCESS;
}

static void
reader_free(struct csp_reader *reader)
{
	csp_card_free(&reader->card);
	csp_turn_close(&reader->turn);
	lock_destroy(&reader->lock);
	free(reader);
}

void
csp_close(struct csp **csp)
{
	struct csp *c = *csp;

	if (c == NULL)
		return;
	csp_cancel_waits(c);
	csp_join_waits(c);
	csp_release_stop(c);
	for (size_t i = 0; i < csp_reader_count(c); i++)
		reader_free(c->readers[i]);
	io_monitor_close(&c->monitor);
	csp_crypto_close(&c->crypto);
	csp_release_destroy(c);
	csp_waits_destroy(&c->waits);
	lock_destroy(&c->memory_lock);
	lock_destroy(&c->monitor_lock);
	free(c);
	*csp = NULL;
}

void
csp_forget(struct csp **csp)
{
	struct csp *c = *csp;
	struct csp_reader *reader;

	if (c == NULL)
		return;
	for (size_t i = 0; i < csp_reader_count(c); i++) {
		reader = c->readers[i];
		csp_turn_forget(&reader->turn);
		/* half-done work of a thread that this process does not have is left as it is; secrets are wiped pages */
		if (atomic_load(&reader->busy))
			continue;
		csp_card_forget(&reader->card);
		free(reader);
	}
	if (!atomic_load(&c->polling))
		io_monitor_forget(&c->monitor);
	csp_release_forget(c);
	csp_crypto_forget(&c->crypto);
	free(c);
	*csp = NULL;
}
