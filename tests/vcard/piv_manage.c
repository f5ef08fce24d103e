/* SPDX-License-Identifier: BSD-2-Clause */
/* The number of tries, and the way back to factory state: what tokens added to the standard. */
#include "vcard/piv.h"

/* P1 tries of the PIN, P2 of the PUK; both are as they came from the factory afterwards. */
uint16_t
piv_set_tries(struct piv *p, const struct vcard_command *command, struct buf *answer)
{
	(void)answer;
	if (!p->admin || !piv_user_verified(p))
		return SW_SECURITY;
	if (command->p1 == 0 || command->p2 == 0)
		return SW_P1P2;
	if (command->data.left != 0)
		return SW_LENGTH;
	piv_factory_pins(p);
	p->pin.tries = p->pin.left = command->p1;
	p->puk.tries = p->puk.left = command->p2;
	p->pin_verified = false;
	return SW_OK;
}

/* Only for those who have locked themselves out. */
uint16_t
piv_reset(struct piv *p, const struct vcard_command *command, struct buf *answer)
{
	(void)answer;
	if (command->p1 != 0 || command->p2 != 0)
		return SW_P1P2;
	if (p->pin.left > 0 || p->puk.left > 0)
		return SW_SECURITY;
	return piv_factory(p) ? SW_OK : SW_MEMORY;
}
