/* SPDX-License-Identifier: BSD-2-Clause */
/* PIN, PUK and global PIN of the PIV application: VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER (part 2, 3.2). */
#include "vcard/piv.h"

#include "base/secret.h"

#define PIN_MIN 6
#define PAD 0xFF
#define P1_DROP 0xFF

bool
piv_on_contact(const struct piv *p)
{
	return !piv_quirk(p, VCARD_PIV_CONTACTLESS);
}

static bool
has_global(const struct piv *p)
{
	return piv_quirk(p, VCARD_PIV_GLOBAL_PIN);
}

bool
piv_user_verified(const struct piv *p)
{
	return (p->pin_verified && !p->lies) || (has_global(p) && p->env->global_verified);
}

/* --- values ----------------------------------------------------------------------------------------------------- */

/* Six to eight digits, filled up with FF (part 2, 2.4.3); tokens take any characters. */
static bool
good_pin(const struct piv *p, struct cursor value)
{
	bool any = piv_quirk(p, VCARD_PIV_ANY_PIN), padded = false;
	size_t n = 0;
	uint8_t c;

	if (value.left != PIV_PIN_LEN)
		return false;
	while (cur_u8(&value, &c)) {
		padded |= c == PAD;
		if (padded ? c != PAD : !any && (c < '0' || c > '9'))
			return false;
		n += padded ? 0 : 1;
	}
	return n >= PIN_MIN;
}

static uint16_t
tries_left(const struct piv *p, const struct piv_pin *pin)
{
	uint16_t sw = piv_quirk(p, VCARD_PIV_COUNTS_630X) ? SW_WRONG_PIN & 0xFF00 : SW_WRONG_PIN;

	return (uint16_t)(sw | (pin->left > 15 ? 15 : pin->left));
}

static void
erase_when_blocked(struct piv *p)
{
	unsigned i;

	if (!piv_quirk(p, VCARD_PIV_BLOCK_ERASES) || p->pin.left > 0 || p->puk.left > 0)
		return;
	for (i = 0; i < PIV_KEYS; i++)
		piv_clear_key(&p->keys[i]);
}

/* Compares and counts: 9000, 63Cx or 6983. */
static uint16_t
compare(struct piv *p, struct piv_pin *pin, struct cursor value)
{
	if (pin->left == 0)
		return SW_BLOCKED;
	if (value.left == PIV_PIN_LEN && secret_bytes_equal(value.p, pin->value, PIV_PIN_LEN)) {
		pin->left = pin->tries;
		return SW_OK;
	}
	pin->left--;
	erase_when_blocked(p);
	return tries_left(p, pin);
}

static void
set_pin(struct piv_pin *pin, struct cursor value)
{
	(void)cur_copy(&value, pin->value, PIV_PIN_LEN);
	pin->left = pin->tries;
	pin->is_default = false;
}

static void
set_verified(struct piv *p, const struct piv_pin *pin, bool verified)
{
	if (pin == &p->global)
		p->env->global_verified = verified;
	if (pin == &p->pin) {
		p->pin_verified = verified;
		p->lies = false;
	}
	p->pin_fresh = verified;
}

/* --- VERIFY (3.2.1) --------------------------------------------------------------------------------------------- */

static uint8_t
pin_reference(const struct piv *p)
{
	return piv_quirk(p, VCARD_PIV_PIN_IS_00) ? PIV_REF_GLOBAL : PIV_REF_PIN;
}

static struct piv_pin *
find_pin(struct piv *p, uint8_t reference)
{
	if (reference == pin_reference(p))
		return &p->pin;
	return reference == PIV_REF_GLOBAL && has_global(p) ? &p->global : NULL;
}

static uint16_t
verify_state(struct piv *p, const struct piv_pin *pin)
{
	bool verified = pin == &p->pin ? p->pin_verified : p->env->global_verified;

	if (piv_quirk(p, VCARD_PIV_NO_QUERY))
		return SW_LENGTH;
	if (verified && !piv_quirk(p, VCARD_PIV_QUERY_DENIES))
		return SW_OK;
	return pin->left == 0 ? SW_BLOCKED : tries_left(p, pin);
}

static uint16_t
verify_value(struct piv *p, struct piv_pin *pin, struct cursor value)
{
	uint16_t sw;

	if (value.left != PIV_PIN_LEN)
		return SW_DATA;
	if (!good_pin(p, value) && !piv_quirk(p, VCARD_PIV_COUNTS_FORMAT))
		return SW_DATA;
	sw = compare(p, pin, value);
	set_verified(p, pin, sw == SW_OK);
	return sw;
}

static uint16_t
drop(struct piv *p, const struct piv_pin *pin, struct cursor data)
{
	if (piv_quirk(p, VCARD_PIV_NO_LOGOUT))
		return SW_P1P2;
	if (data.left != 0)
		return SW_DATA;
	set_verified(p, pin, false);
	return SW_OK;
}

uint16_t
piv_verify(struct piv *p, const struct vcard_command *command, struct buf *answer)
{
	struct piv_pin *pin = find_pin(p, command->p2);

	(void)answer;
	if (command->p1 != 0 && command->p1 != P1_DROP)
		return SW_P1P2;
	if (pin == NULL)
		return SW_NO_DATA;
	if (!piv_on_contact(p))
		return SW_FUNCTION;
	/* a VERIFY of any kind ends what an earlier one allowed once */
	p->pin_fresh = false;
	if (command->p1 == P1_DROP)
		return drop(p, pin, command->data);
	return command->data.left == 0 ? verify_state(p, pin) : verify_value(p, pin, command->data);
}

/* --- CHANGE REFERENCE DATA (3.2.2) ------------------------------------------------------------------------------ */

static uint16_t
change(struct piv *p, struct piv_pin *pin, struct cursor both)
{
	struct cursor old;
	uint16_t sw;

	if (both.left != 2 * PIV_PIN_LEN || !cur_take(&both, PIV_PIN_LEN, &old))
		return SW_DATA;
	/* eight bytes of any value are a PUK */
	if (pin != &p->puk && !good_pin(p, both))
		return SW_DATA;
	if (pin != &p->puk && !good_pin(p, old) && !piv_quirk(p, VCARD_PIV_COUNTS_FORMAT))
		return SW_DATA;
	sw = compare(p, pin, old);
	if (pin != &p->puk && (sw != SW_OK || piv_quirk(p, VCARD_PIV_CHANGE_DROPS)))
		set_verified(p, pin, false);
	if (sw != SW_OK)
		return sw;
	set_pin(pin, both);
	if (pin != &p->puk && !piv_quirk(p, VCARD_PIV_CHANGE_DROPS))
		set_verified(p, pin, true);
	/* it was no VERIFY */
	p->pin_fresh = false;
	return SW_OK;
}

uint16_t
piv_change_reference_data(struct piv *p, const struct vcard_command *command, struct buf *answer)
{
	struct piv_pin *pin = command->p2 == PIV_REF_PUK ? &p->puk : find_pin(p, command->p2);

	(void)answer;
	if (command->p1 != 0)
		return SW_P1P2;
	if (pin == NULL)
		return SW_NO_DATA;
	if (!piv_on_contact(p))
		return SW_FUNCTION;
	return change(p, pin, command->data);
}

/* --- RESET RETRY COUNTER (3.2.3) -------------------------------------------------------------------------------- */

/* PUK and new PIN; the security status stays as it is. */
uint16_t
piv_reset_retry_counter(struct piv *p, const struct vcard_command *command, struct buf *answer)
{
	struct cursor both = command->data, puk;
	uint16_t sw;

	(void)answer;
	if (command->p1 != 0)
		return SW_P1P2;
	if (command->p2 != pin_reference(p))
		return SW_NO_DATA;
	if (!piv_on_contact(p))
		return SW_FUNCTION;
	if (both.left != 2 * PIV_PIN_LEN || !cur_take(&both, PIV_PIN_LEN, &puk) || !good_pin(p, both))
		return SW_DATA;
	sw = compare(p, &p->puk, puk);
	if (sw == SW_OK)
		set_pin(&p->pin, both);
	return sw;
}
