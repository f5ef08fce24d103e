/* SPDX-License-Identifier: BSD-2-Clause */
/* PIN and PUK of the GIDS application: VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER. */
#include "vcard/gids.h"

#include "base/secret.h"

enum { REF_GLOBAL = 0x00, REF_PIN = 0x80, REF_PUK = 0x81, REF_LOGOUT = 0x82 };

/* The PIN is the global one as well, as 7F71 says. NULL when the card has no such reference. */
static struct gids_pin *
find_pin(struct gids *g, uint8_t reference)
{
	if (reference == REF_PIN || reference == REF_GLOBAL)
		return &g->pin;
	return reference == REF_PUK && g->env->profile.puk ? &g->puk : NULL;
}

/* Keys with a usage counter count from here. */
static void
set_verification(struct gids *g, bool verified)
{
	size_t i;

	g->pin_verified = verified;
	for (i = 0; i < g->file_count; i++)
		g->files[i]->uses = 0;
}

static void
drop_verification(struct gids *g)
{
	set_verification(g, false);
	if (gids_quirk(g, VCARD_MSE_OUTLIVES_LOGOUT))
		return;
	g->signature = (struct gids_environment){ 0, 0 };
	g->confidentiality = (struct gids_environment){ 0, 0 };
}

void
gids_logout(struct gids *g)
{
	drop_verification(g);
	g->admin = false;
	g->challenge.kind = GIDS_NO_CHALLENGE;
	g->authentication = (struct gids_environment){ 0, 0 };
}

static uint16_t
tries_left(const struct gids_pin *pin)
{
	return pin->left == 0 ? SW_BLOCKED : (uint16_t)(SW_WRONG_PIN | pin->left);
}

static bool
good_length(const struct gids *g, size_t len)
{
	return len >= g->env->profile.pin_min && len <= g->env->profile.pin_max;
}

static void
set_pin(struct gids *g, struct gids_pin *pin, struct cursor value)
{
	secret_wipe(pin->value, sizeof(pin->value));
	pin->len = value.left;
	pin->set = cur_copy(&value, pin->value, value.left);
	pin->left = g->env->profile.pin_tries;
}

/* Compares and counts: 9000, 63Cx or 6983. A wrong length is a wrong PIN. */
static uint16_t
compare(struct gids *g, struct gids_pin *pin, struct cursor value)
{
	if (pin->left == 0)
		return SW_BLOCKED;
	if (value.left == pin->len && secret_bytes_equal(value.p, pin->value, pin->len)) {
		pin->left = g->env->profile.pin_tries;
		return SW_OK;
	}
	pin->left--;
	return (uint16_t)(SW_WRONG_PIN | pin->left);
}

/* --- VERIFY ----------------------------------------------------------------------------------------------------- */

static uint16_t
verify_state(const struct gids *g, const struct gids_pin *pin)
{
	if (!pin->set)
		return g->life == GIDS_INITIALISATION ? SW_OK : SW_NO_DATA;
	if (pin == &g->pin && g->pin_verified && !gids_quirk(g, VCARD_EMPTY_VERIFY_COUNTS))
		return SW_OK;
	return tries_left(pin);
}

uint16_t
gids_verify(struct gids *g, const struct vcard_command *command, struct buf *answer)
{
	struct gids_pin *pin = find_pin(g, command->p2);
	uint16_t sw;

	(void)answer;
	if (command->p1 != 0)
		return SW_P1P2;
	if (command->p2 == REF_LOGOUT) {
		if (command->data.left != 0)
			return SW_LENGTH;
		gids_logout(g);
		return SW_OK;
	}
	if (pin == NULL)
		return SW_NO_DATA;
	if (command->data.left == 0)
		return verify_state(g, pin);
	if (pin != &g->pin || !pin->set)
		return SW_NO_DATA;
	sw = compare(g, pin, command->data);
	if (sw != SW_OK)
		drop_verification(g);
	else
		set_verification(g, true);
	return sw;
}

/* --- CHANGE REFERENCE DATA -------------------------------------------------------------------------------------- */

static uint16_t
set_reference(struct gids *g, struct gids_pin *pin, struct cursor value)
{
	if (g->life != GIDS_INITIALISATION)
		return SW_CONDITIONS;
	if (!good_length(g, value.left))
		return SW_LENGTH;
	set_pin(g, pin, value);
	return SW_OK;
}

/* Old and new follow each other without a mark; the card knows the old one's length. */
static uint16_t
change_reference(struct gids *g, struct gids_pin *pin, struct cursor both)
{
	struct cursor old = both;
	uint16_t sw;

	if (!pin->set)
		return SW_NO_DATA;
	(void)cur_take(&both, pin->len, &old);
	sw = compare(g, pin, old);
	if (pin == &g->pin && sw != SW_OK)
		drop_verification(g);
	if (sw != SW_OK)
		return sw;
	if (pin == &g->pin)
		set_verification(g, true);
	if (!good_length(g, both.left))
		return SW_LENGTH;
	set_pin(g, pin, both);
	return SW_OK;
}

uint16_t
gids_change_reference_data(struct gids *g, const struct vcard_command *command, struct buf *answer)
{
	struct gids_pin *pin = find_pin(g, command->p2);

	(void)answer;
	if (command->p1 > 1)
		return SW_P1P2;
	if (pin == NULL)
		return SW_NO_DATA;
	if (command->p1 == 1)
		return set_reference(g, pin, command->data);
	return change_reference(g, pin, command->data);
}

/* --- RESET RETRY COUNTER ---------------------------------------------------------------------------------------- */

static uint16_t
unblock_by_admin(struct gids *g, struct cursor value)
{
	if (!g->admin)
		return SW_SECURITY;
	if (!good_length(g, value.left))
		return SW_LENGTH;
	set_pin(g, &g->pin, value);
	gids_logout(g);
	return SW_OK;
}

/* PUK and new PIN; the security status stays as it is. */
static uint16_t
unblock_by_puk(struct gids *g, struct cursor both)
{
	struct cursor puk = both;
	uint16_t sw;

	if (!g->puk.set)
		return SW_NO_DATA;
	(void)cur_take(&both, g->puk.len, &puk);
	sw = compare(g, &g->puk, puk);
	if (sw != SW_OK)
		return sw;
	if (!good_length(g, both.left))
		return SW_LENGTH;
	set_pin(g, &g->pin, both);
	return SW_OK;
}

/* A card has either a PUK (P1 = 00) or unblocking by the admin (P1 = 02), never both. */
uint16_t
gids_reset_retry_counter(struct gids *g, const struct vcard_command *command, struct buf *answer)
{
	(void)answer;
	if (command->p1 != (g->env->profile.puk ? 0x00 : 0x02))
		return SW_P1P2;
	if (find_pin(g, command->p2) != &g->pin)
		return SW_NO_DATA;
	return g->env->profile.puk ? unblock_by_puk(g, command->data) : unblock_by_admin(g, command->data);
}
