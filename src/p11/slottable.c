/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of slots: one for each reader that was ever seen, in the order of their IDs. */
#include <stdlib.h>

#include "p11/instance.h"

size_t
p11_slot_count(void)
{
	struct p11_instance *in = p11_instance();
	size_t count;

	lock_acquire(&in->lock);
	count = in->slot_count;
	lock_release(&in->lock);
	return count;
}

struct p11_slot *
p11_slot_at(size_t index)
{
	struct p11_instance *in = p11_instance();
	struct p11_slot *slot;

	lock_acquire(&in->lock);
	slot = index < in->slot_count ? in->slots[index] : NULL;
	lock_release(&in->lock);
	return slot;
}

struct p11_slot *
p11_slot_find(CK_SLOT_ID id)
{
	return id == 0 ? NULL : p11_slot_at(id - 1);
}

/* A card that is there already when its reader is first listed is an event; one that was there at C_Initialize is not. */
static bool
add_slots(struct p11_instance *in)
{
	while (in->slot_count < csp_reader_count(in->csp) && in->slot_count < LIMIT_READERS) {
		struct p11_slot *slot = calloc(1, sizeof(*slot));

		if (slot == NULL)
			return false;
		slot->reader = csp_reader_at(in->csp, in->slot_count);
		slot->generation = csp_reader_generation(slot->reader);
		slot->reported = slot->generation - csp_reader_present(slot->reader);
		in->slots[in->slot_count++] = slot;
		slot->id = in->slot_count;
	}
	return true;
}

CK_RV
p11_slots_poll(bool add)
{
	struct p11_instance *in = p11_instance();
	DWORD r = csp_poll(in->csp, add);
	bool done = true;
	size_t before, after;

	if (r != SCARD_S_SUCCESS)
		return p11_rv(r, P11_CTX_TOKEN);
	if (add) {
		lock_acquire(&in->lock);
		before = in->slot_count;
		done = add_slots(in);
		after = in->slot_count;
		lock_release(&in->lock);
		/* the card in a new slot is an event, which whoever waits could not know as one */
		if (after > before)
			csp_wake_waits(in->csp);
	}
	return done ? CKR_OK : CKR_HOST_MEMORY;
}

struct p11_slot *
p11_slot_event(void)
{
	struct p11_instance *in = p11_instance();
	struct p11_slot *happened = NULL;

	lock_acquire(&in->lock);
	for (size_t i = 0; i < in->slot_count && happened == NULL; i++) {
		uint32_t now = csp_reader_generation(in->slots[i]->reader);

		if (now != in->slots[i]->reported) {
			in->slots[i]->reported = now;
			happened = in->slots[i];
		}
	}
	lock_release(&in->lock);
	return happened;
}
