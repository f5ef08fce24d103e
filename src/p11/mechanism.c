/* SPDX-License-Identifier: BSD-2-Clause */
/* Which mechanisms the token in a slot offers (PKCS#11 3.1, 5.5.5 and 5.5.6). */
#include "p11/p11.h"

/* Flags of mechanism infos that 2.40 does not know: their functions are not in its list. */
#define FLAGS_OF_3_0 (CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY | CKF_MULTI_MESSAGE)

/* What the card alone can do is offered where it can (P-044). */
static bool
is_offered(const struct csp_card *card, const struct p11_mech *mech)
{
	return (mech->flags & CKF_DERIVE) == 0 || csp_card_agrees(card);
}

static size_t
count_offered(const struct csp_card *card)
{
	size_t count = 0;

	for (size_t i = 0; i < p11_mech_count(); i++)
		count += is_offered(card, p11_mech_at(i));
	return count;
}

static CK_RV
mechanism_list(struct p11_slot *slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
	struct csp_card *card;
	size_t n = 0;
	bool stop;
	CK_RV rv;

	if (count == NULL)
		return CKR_ARGUMENTS_BAD;
	if ((rv = p11_card(slot, &card)) != CKR_OK)
		return rv;
	rv = p11_output(count_offered(card), list, count, &stop);
	if (rv != CKR_OK || stop)
		return rv;
	for (size_t i = 0; i < p11_mech_count(); i++)
		if (is_offered(card, p11_mech_at(i)))
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
	struct csp_card *card;
	CK_RV rv;

	if (info == NULL)
		return CKR_ARGUMENTS_BAD;
	if ((rv = p11_card(slot, &card)) != CKR_OK)
		return rv;
	if (mech == NULL || !is_offered(card, mech))
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
