/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of readers. It only grows; presence and generation are read without a lock. What csp_poll() finds never
 * waits for a reader that somebody works with.
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "csp/card.h"

/*
 * A transaction that another process of ours waits for. To change hands costs four or five exchanges: look whether the
 * card was changed, show the PIN, and forget it. So a turn is worth that many of them, which makes it one part in seven
 * at most; and when its owner pauses, it is kept for as long as it would take to get another one.
 */
#define TURN_EXCHANGES 32u
#define TURN_MS CSP_DEFAULT_TIMEOUT_MS
#define CHANGE_EXCHANGES 4u
#define LINGER_MIN_MS 4u
#define LINGER_MAX_MS 50u

size_t
csp_reader_count(const struct csp *csp)
{
	return atomic_load_explicit(&csp->reader_count, memory_order_acquire);
}

struct csp_reader *
csp_reader_at(struct csp *csp, size_t index)
{
	return index < csp_reader_count(csp) ? csp->readers[index] : NULL;
}

const char *
csp_reader_name(const struct csp_reader *reader)
{
	return reader->name;
}

bool
csp_reader_present(const struct csp_reader *reader)
{
	return atomic_load(&reader->present);
}

uint32_t
csp_reader_generation(const struct csp_reader *reader)
{
	return atomic_load(&reader->generation);
}

uint32_t
csp_changes(const struct csp *csp)
{
	return atomic_load(&csp->changes);
}

static void
raise_generation(struct csp_reader *reader)
{
	atomic_fetch_add(&reader->generation, 1);
	atomic_fetch_add(&reader->csp->changes, 1);
}

void
csp_reader_removed(struct csp_reader *reader)
{
	atomic_store(&reader->gone_noticed, true);
	atomic_store(&reader->present, false);
	raise_generation(reader);
}

/* Polling ------------------------------------------------------------------------------------------------------------ */

static const struct io_reader *
find_seen(const struct csp *csp, const char *name)
{
	for (size_t i = 0; i < csp->seen_count; i++) {
		if (strcmp(csp->seen[i].name, name) == 0)
			return &csp->seen[i];
	}
	return NULL;
}

/* Takes over what was seen of a reader; NULL when it is not there. */
static void
update(struct csp_reader *reader, const struct io_reader *seen, bool restarted)
{
	static const struct io_reader nothing;
	bool was_present = atomic_load(&reader->present);
	bool listed = seen != NULL, changed;

	if (!listed)
		seen = &nothing;
	changed = restarted || seen->present != was_present;
	/* insertions and removals are counted anew when a reader comes back */
	if (listed && reader->listed && seen->events != reader->events)
		changed = true;
	if (listed != reader->listed && (seen->present || was_present))
		changed = true;
	if (atomic_exchange(&reader->gone_noticed, false) && !seen->present && !restarted)
		changed = false;
	reader->listed = listed;
	reader->events = seen->events;
	atomic_store(&reader->present, seen->present);
	if (changed)
		raise_generation(reader);
}

static bool
is_known(const struct csp *csp, const char *name)
{
	for (size_t i = 0; i < csp_reader_count(csp); i++) {
		if (strcmp(csp->readers[i]->name, name) == 0)
			return true;
	}
	return false;
}

/* Whether one of the patterns, with bars between, fits. */
static bool
is_listed(const char *patterns, const char *name)
{
	char copy[CSP_PATTERNS_MAX], *rest = copy, *pattern;

	memcpy(copy, patterns, sizeof(copy));
	while ((pattern = strsep(&rest, "|")) != NULL) {
		size_t len;

		pattern += strspn(pattern, " \t");
		len = strlen(pattern);
		while (len > 0 && (pattern[len - 1] == ' ' || pattern[len - 1] == '\t'))
			pattern[--len] = '\0';
		if (len > 0 && fnmatch(pattern, name, 0) == 0)
			return true;
	}
	return false;
}

static bool
is_wanted(const struct csp *csp, const char *name)
{
	return (csp->allow[0] == '\0' || is_listed(csp->allow, name)) && !is_listed(csp->deny, name);
}

static DWORD
append(struct csp *csp, const struct io_reader *seen)
{
	size_t count = csp_reader_count(csp);
	struct csp_reader *reader;

	if (count == LIMIT_READERS) {
		log_warn(LOG_CSP, "more than %u readers; \"%s\" is left out", LIMIT_READERS, seen->name);
		return SCARD_S_SUCCESS;
	}
	if ((reader = calloc(1, sizeof(*reader))) == NULL)
		return SCARD_E_NO_MEMORY;
	if (!lock_init(&reader->lock, csp->locks)) {
		free(reader);
		return SCARD_E_NO_MEMORY;
	}
	reader->csp = csp;
	reader->bell = -1;
	memcpy(reader->name, seen->name, sizeof(reader->name));
	reader->name[sizeof(reader->name) - 1] = '\0';
	csp_turn_init(&reader->turn, csp->runtime_directory, reader->name, csp->busy_ms, &csp->cancelled);
	reader->listed = true;
	reader->events = seen->events;
	atomic_store(&reader->present, seen->present);
	atomic_store(&reader->generation, 1);
	csp->readers[count] = reader;
	atomic_store_explicit(&csp->reader_count, count + 1, memory_order_release);
	return SCARD_S_SUCCESS;
}

static DWORD
poll_locked(struct csp *csp, bool add)
{
	size_t known = csp_reader_count(csp), count = 0;
	uint32_t epoch = csp->epoch;
	bool restarted;
	DWORD r;

	r = io_monitor_poll(csp->monitor, csp->seen, LIMIT_READERS, &count, &epoch);
	csp->seen_count = count;
	if (r == SCARD_E_NO_MEMORY)
		return r;
	restarted = csp->polled && epoch != csp->epoch;
	csp->epoch = epoch;
	csp->polled = true;
	for (size_t i = 0; i < known; i++)
		update(csp->readers[i], find_seen(csp, csp->readers[i]->name), restarted);
	r = SCARD_S_SUCCESS;
	for (size_t i = 0; add && i < csp->seen_count && r == SCARD_S_SUCCESS; i++) {
		if (!is_known(csp, csp->seen[i].name) && is_wanted(csp, csp->seen[i].name))
			r = append(csp, &csp->seen[i]);
	}
	return r;
}

/* Drops the card that is no longer the one in the reader, unless somebody works with it and will notice. */
static void
drop_stale(struct csp_reader *reader)
{
	if (!csp_reader_try_lock(reader))
		return;
	if (reader->card != NULL && reader->card->generation != csp_reader_generation(reader))
		csp_card_free(&reader->card);
	csp_reader_unlock(reader);
}

DWORD
csp_poll(struct csp *csp, bool add)
{
	DWORD r;

	lock_acquire(&csp->monitor_lock);
	atomic_store(&csp->polling, true);
	r = poll_locked(csp, add);
	atomic_store(&csp->polling, false);
	lock_release(&csp->monitor_lock);
	for (size_t i = 0; i < csp_reader_count(csp); i++)
		drop_stale(csp->readers[i]);
	return r;
}

/* Lock and card ------------------------------------------------------------------------------------------------------ */

static void
note_locked(struct csp_reader *reader)
{
	atomic_store(&reader->busy, true);
	csp_release_pause(reader);
}

void
csp_reader_lock(struct csp_reader *reader)
{
	lock_acquire(&reader->lock);
	note_locked(reader);
}

bool
csp_reader_try_lock(struct csp_reader *reader)
{
	if (!lock_try(&reader->lock))
		return false;
	note_locked(reader);
	return true;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The time of a change of hands, by what exchanges took until now. */
static uint64_t
linger_of(const struct csp_card *card)
{
	const uint64_t count = (uint32_t)(card->io->exchanges - card->begun_exchanges);
	const uint64_t ms = CHANGE_EXCHANGES * (card->used_ms - card->begun_ms) / (count + 1);

	return least(ms > LINGER_MIN_MS ? ms : LINGER_MIN_MS, LINGER_MAX_MS);
}

/*
 * When the held transaction is to end. Others of ours that wait get it soon, though not in the middle of a quick
 * sequence. Others of whom we know nothing get it when its time is over.
 */
static uint64_t
deadline_of(struct csp_card *card, bool wanted, uint64_t now)
{
	const uint32_t hold = card->csp->hold_ms;

	if (wanted && card->io->exchanges - card->begun_exchanges >= TURN_EXCHANGES)
		return now;
	if (wanted)
		return least(card->used_ms + linger_of(card), card->begun_ms + least(hold, TURN_MS));
	return (csp_txn_has_others(card) ? card->begun_ms : card->used_ms) + hold;
}

/* Ends the transaction now, or arranges for it, which is true. */
static bool
settle_transaction(struct csp_card *card)
{
	const struct csp_turn *turn = &card->reader->turn;
	const uint64_t now = csp_now_ms();
	uint64_t deadline;
	bool wanted;

	csp_turn_hush(turn->bell);
	wanted = csp_turn_wanted(turn);
	deadline = deadline_of(card, wanted, now);
	if (deadline > now && csp_release_arm(card->reader, deadline, !wanted))
		return true;
	csp_txn_end(card);
	return false;
}

/* The same for the connection, when there is no transaction. */
static bool
settle_connection(struct csp_card *card)
{
	const uint64_t deadline = card->used_ms + card->csp->rest_ms;

	if (card->csp->rest_ms == 0 || card->resting)
		return false;
	if (csp_now_ms() < deadline)
		return csp_release_arm(card->reader, deadline, false);
	csp_txn_rest(card);
	return false;
}

static bool
settle(struct csp_card *card)
{
	return (card->begun && settle_transaction(card)) || settle_connection(card);
}

void
csp_reader_unlock(struct csp_reader *reader)
{
	if (reader->card != NULL && reader->card->gone)
		csp_card_free(&reader->card);
	if (reader->card == NULL || !settle(reader->card))
		csp_release_disarm(reader);
	atomic_store(&reader->busy, false);
	lock_release(&reader->lock);
}

static bool
is_lasting(DWORD code)
{
	return code == SCARD_E_UNKNOWN_CARD || code == SCARD_W_UNSUPPORTED_CARD || code == SCARD_W_UNRESPONSIVE_CARD;
}

DWORD
csp_reader_card(struct csp_reader *reader, struct csp_card **ret_card)
{
	uint32_t generation;
	DWORD r = SCARD_S_SUCCESS;

	if (!csp_reader_present(reader))
		r = csp_poll(reader->csp, false);
	if (r != SCARD_S_SUCCESS)
		return r;
	generation = csp_reader_generation(reader);
	if (reader->card != NULL && (reader->card->gone || reader->card->generation != generation))
		csp_card_free(&reader->card);
	if (!csp_reader_present(reader))
		return SCARD_E_NO_SMARTCARD;
	if (reader->refused != SCARD_S_SUCCESS && reader->refused_generation == generation)
		return reader->refused;
	if (reader->card == NULL) {
		r = csp_card_connect(reader, generation, &reader->card);
		reader->refused = is_lasting(r) ? r : SCARD_S_SUCCESS;
		reader->refused_generation = generation;
	}
	if (r == SCARD_S_SUCCESS)
		*ret_card = reader->card;
	return r;
}
