/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * More PINs than the one of GIDS: the minidriver interface has roles 3 to 7, each with a PIN that guards keys and nothing
 * else, and GIDS 2.0 has no place for them. This is the place that they have on a card with the switch "roles"; a card
 * without is not changed by a byte.
 *
 *  - The discretionary template (73) of the FCI holds C1 02 rr ss behind the protocols: rr has the bit 1 << role for each
 *    such PIN, ss is 01 on a card that makes session PINs. The object is there when either is.
 *  - The PIN's reference is 80 | role. VERIFY, CHANGE REFERENCE DATA (P1 = 01 in initialisation, 00 afterwards) and RESET
 *    RETRY COUNTER are as for 80; so are the lengths and the number of tries. A wrong PIN ends its own verification
 *    alone. Logout (82), a reset and the selection of another application end all of them.
 *  - GET DATA with P1 P2 = 3FFF answers 7F71 + role (7F74 to 7F78) as 7F72: 97 tries left, 93 their limit.
 *  - A key file's control parameters may hold a PIN status template C6 { 83 01 reference }: the user condition of the
 *    file's rules (10) then means this PIN, and not the user's. Reference 80 is the user's PIN, as without the template.
 *    CREATE FILE answers 6A80 to a reference that the card does not have, and to C6 in a file that holds no key.
 */
#include "vcard/gids.h"

#include "vcard/tlv.h"

enum { TAG_EXTENSIONS = 0xC1, TAG_GUARD = 0xC6, SESSION_PINS = 0x01 };

unsigned
gids_role_of(const struct gids *g, uint8_t reference, uint8_t high)
{
	unsigned role = reference & 0x0Fu;

	if ((reference & 0xF0) != high)
		return 0;
	if (role == 0)
		return GIDS_ROLE_USER;
	return role < GIDS_ROLES && (g->env->profile.roles & 1u << role) != 0 ? role : 0;
}

struct gids_pin *
gids_role_pin(struct gids *g, unsigned role)
{
	if (role == GIDS_ROLE_USER)
		return &g->pin;
	return role < GIDS_ROLES && (g->env->profile.roles & 1u << role) != 0 ? &g->role_pins[role] : NULL;
}

bool
gids_role_verified(const struct gids *g, unsigned role)
{
	return role == GIDS_ROLE_USER ? g->pin_verified : (g->roles_verified & 1u << role) != 0;
}

unsigned
gids_guard(const struct gids *g, const struct gids_file *file)
{
	struct cursor template;
	uint8_t reference;

	/* who knows nothing of such templates passes over them */
	if (g->env->profile.roles == 0 || !vcard_tlv_find(gids_fcp(file), TAG_GUARD, &template))
		return GIDS_ROLE_USER;
	if (file->kind != GIDS_KIND_KEY || !vcard_tlv_find_u8(template, 0x83, &reference))
		return 0;
	return gids_role_of(g, reference, 0x80);
}

void
gids_put_extensions(const struct gids *g, struct buf *template)
{
	const uint8_t value[] = { (uint8_t)g->env->profile.roles, g->env->profile.session_pins ? SESSION_PINS : 0 };

	if (value[0] != 0 || value[1] != 0)
		vcard_tlv_put(template, TAG_EXTENSIONS, cur_of(value, sizeof(value)));
}
