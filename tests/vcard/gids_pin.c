/* SPDX-License-Identifier: BSD-2-Clause */
/* PIN and PUK of the GIDS application: VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER. */
#include "vcard/gids.h"

#include "base/secret.h"

enum { REF_GLOBAL = 0x00, REF_PIN = 0x80, REF_PUK = 0x81, REF_LOGOUT = 0x82, REF_SESSION = 0x90 };

/* The PIN is the global one as well, as 7F71 says. NULL when the card has no such reference. */
static struct gids_pin *
find_pin(struct gids *g, uint8_t reference)
{
	if (reference == REF_GLOBAL)
		return &g->pin;
	if (reference == REF_PUK)
		return g->env->profile.puk ? &g->puk : NULL;
	return gids_role_pin(g, gids_role_of(g, reference, REF_PIN));
}

/* The role of a PIN; 0: a PUK, which is none. */
static unsigned
role_of(struct gids *g, const struct gids_pin *pin)
{
	unsigned role;

	for (role = GIDS_ROLE_USER; role < GIDS_ROLES; role++) {
		if (gids_role_pin(g, role) == pin)
			return role;
	}
	return 0;
}

static void
drop_choice(const struct gids *g, struct gids_environment *environment, unsigned role)
{
	const struct gids_file *file = environment->fid != 0 ? gids_find_file(g, environment->fid) : NULL;

	if (file == NULL || gids_guard(g, file) == role)
		*environment = (struct gids_environment){ 0, 0 };
}

void
gids_set_verified(struct gids *g, unsigned role, bool verified)
{
	size_t i;

	if (role == GIDS_ROLE_USER)
		g->pin_verified = verified;
	else
		g->roles_verified = (g->roles_verified & ~(1u << role)) | (verified ? 1u << role : 0);
	/* keys with a usage counter count from here */
	for (i = 0; i < g->file_count; i++) {
		if (gids_guard(g, g->files[i]) == role)
			g->files[i]->uses = 0;
	}
	if (verified || gids_quirk(g, VCARD_MSE_OUTLIVES_LOGOUT))
		return;
	drop_choice(g, &g->signature, role);
	drop_choice(g, &g->confidentiality, role);
}

void
gids_logout(struct gids *g)
{
	unsigned role;

	for (role = GIDS_ROLE_USER; role < GIDS_ROLES; role++) {
		if (gids_role_pin(g, role) != NULL)
			gids_set_verified(g, role, false);
	}
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
	gids_end_session(g, role_of(g, pin));
}

uint16_t
gids_compare_pin(const struct gids *g, struct gids_pin *pin, struct cursor value)
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
verify_state(const struct gids *g, const struct gids_pin *pin, unsigned role)
{
	if (!pin->set)
		return g->life == GIDS_INITIALISATION ? SW_OK : SW_NO_DATA;
	if (gids_role_verified(g, role) && !gids_quirk(g, VCARD_EMPTY_VERIFY_COUNTS))
		return SW_OK;
	return tries_left(pin);
}

uint16_t
gids_verify(struct gids *g, const struct vcard_command *command, struct buf *answer)
{
	struct gids_pin *pin = find_pin(g, command->p2);
	unsigned role;
	uint16_t sw;

	(void)answer;
	if (command->p1 != 0)
		return SW_P1P2;
	if (gids_role_of(g, command->p2, REF_SESSION) != 0 && g->env->profile.session_pins)
		return gids_verify_session(g, command);
	if (command->p2 == REF_LOGOUT) {
		if (command->data.left != 0)
			return SW_LENGTH;
		gids_logout(g);
		return SW_OK;
	}
	if (pin == NULL)
		return SW_NO_DATA;
	role = role_of(g, pin);
	if (command->data.left == 0)
		return verify_state(g, pin, role);
	if (role == 0 || !pin->set)
		return SW_NO_DATA;
	sw = gids_compare_pin(g, pin, command->data);
	gids_set_verified(g, role, sw == SW_OK);
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
	const unsigned role = role_of(g, pin);
	struct cursor old = both;
	uint16_t sw;

	if (!pin->set)
		return SW_NO_DATA;
	(void)cur_take(&both, pin->len, &old);
	sw = gids_compare_pin(g, pin, old);
	if (role != 0)
		gids_set_verified(g, role, sw == SW_OK);
	if (sw != SW_OK)
		return sw;
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
unblock_by_admin(struct gids *g, struct gids_pin *pin, struct cursor value)
{
	if (!g->admin)
		return SW_SECURITY;
	if (!good_length(g, value.left))
		return SW_LENGTH;
	set_pin(g, pin, value);
	gids_logout(g);
	return SW_OK;
}

/* PUK and new PIN; the security status stays as it is. */
static uint16_t
unblock_by_puk(struct gids *g, struct gids_pin *pin, struct cursor both)
{
	struct cursor puk = both;
	uint16_t sw;

	if (!g->puk.set)
		return SW_NO_DATA;
	(void)cur_take(&both, g->puk.len, &puk);
	sw = gids_compare_pin(g, &g->puk, puk);
	if (sw != SW_OK)
		return sw;
	if (!good_length(g, both.left))
		return SW_LENGTH;
	set_pin(g, pin, both);
	return SW_OK;
}

/* A card has either a PUK (P1 = 00) or unblocking by the admin (P1 = 02), never both. */
uint16_t
gids_reset_retry_counter(struct gids *g, const struct vcard_command *command, struct buf *answer)
{
	struct gids_pin *pin = find_pin(g, command->p2);

	(void)answer;
	if (command->p1 != (g->env->profile.puk ? 0x00 : 0x02))
		return SW_P1P2;
	if (pin == NULL || pin == &g->puk)
		return SW_NO_DATA;
	return g->env->profile.puk ? unblock_by_puk(g, pin, command->data) : unblock_by_admin(g, pin, command->data);
}
