/* SPDX-License-Identifier: BSD-2-Clause */
/* Which mechanisms the token in a slot offers (PKCS#11 3.1, 5.5.5 and 5.5.6). */
#include "p11/p11.h"

/* Flags of mechanism infos that 2.40 does not know: their functions are not in its list. */
#define FLAGS_OF_3_0 (CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY | CKF_MULTI_MESSAGE)

/* What the card can, as far as mechanisms depend on it. */
struct abilities {
	bool agrees, curve25519;
};

static CK_RV
learn_abilities(struct csp_card *card, struct abilities *ret_can)
{
	ret_can->agrees = csp_card_agrees(card);
	return p11_rv(csp_card_curve25519(card, &ret_can->curve25519), P11_CTX_TOKEN);
}

/* What the card alone can do is offered where it can (P-044). */
static bool
is_offered(const struct abilities *can, const struct p11_mech *mech)
{
	if (pubkey_is_25519(mech->key))
		return can->curve25519;
	return (mech->flags & CKF_DERIVE) == 0 || can->agrees;
}

static size_t
count_offered(const struct abilities *can)
{
	size_t count = 0;

	for (size_t i = 0; i < p11_mech_count(); i++)
		count += is_offered(can, p11_mech_at(i));
	return count;
}

static CK_RV
mechanism_list(struct p11_slot *slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
	struct csp_card *card;
	struct abilities can;
	size_t n = 0;
	bool stop;
	CK_RV rv;

	if (count == NULL)
		return CKR_ARGUMENTS_BAD;
	if ((rv = p11_card(slot, &card)) != CKR_OK || (rv = learn_abilities(card, &can)) != CKR_OK)
		return rv;
	rv = p11_output(count_offered(&can), list, count, &stop);
	if (rv != CKR_OK || stop)
		return rv;
	for (size_t i = 0; i < p11_mech_count(); i++)
		if (is_offered(&can, p11_mech_at(i)))
			list[n++] = p11_mech_at(i)->type;
	*count = n;
	return CKR_OK;
}

CK_RV
C_GetMechanismList(CK_SLOT_ID id, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
	struct p11_slot *slot;
	CK_RV rv = p11_enter_slot(id, &slot);

	return rv != CKR_OK ? rv : p11_leave_slot(slot, __func__, mechanism_list(slot, list, count));
}

static CK_RV
mechanism_info(struct p11_slot *slot, CK_MECHANISM_TYPE type, CK_FLAGS hidden, CK_MECHANISM_INFO *info)
{
	const struct p11_mech *mech = p11_mech_find(type);
	struct abilities can;
	struct csp_card *card;
	CK_RV rv;

	if (info == NULL)
		return CKR_ARGUMENTS_BAD;
	if ((rv = p11_card(slot, &card)) != CKR_OK || (rv = learn_abilities(card, &can)) != CKR_OK)
		return rv;
	if (mech == NULL || !is_offered(&can, mech))
		return CKR_MECHANISM_INVALID;
	p11_mech_info(mech, info);
	info->flags &= ~hidden;
	return CKR_OK;
}

CK_RV
C_GetMechanismInfo(CK_SLOT_ID id, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	struct p11_slot *slot;
	CK_RV rv = p11_enter_slot(id, &slot);

	return rv != CKR_OK ? rv : p11_leave_slot(slot, __func__, mechanism_info(slot, type, FLAGS_OF_3_0, info));
}

CK_RV
p11_get_mechanism_info_3(CK_SLOT_ID id, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	struct p11_slot *slot;
	CK_RV rv = p11_enter_slot(id, &slot);

	return rv != CKR_OK ? rv : p11_leave_slot(slot, __func__, mechanism_info(slot, type, 0, info));
}
