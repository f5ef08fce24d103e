/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slots (PKCS#11 3.1, 5.5.1 and 5.5.2): one per reader, IDs from 1, never fewer until C_Finalize. Nothing here waits for a
 * card or for another call that uses one.
 */
#include <string.h>

#include "p11/p11.h"

static CK_RV
slot_list(CK_BBOOL token_present, CK_SLOT_ID *list, CK_ULONG *count)
{
	CK_ULONG room, found = 0;
	CK_RV rv;

	if (count == NULL)
		return CKR_ARGUMENTS_BAD;
	/* the set of slots may only change when the caller asks how many there are */
	if ((rv = p11_slots_poll(list == NULL)) != CKR_OK)
		return rv;
	room = list != NULL ? *count : 0; /* otherwise nobody need have set it */
	for (size_t i = 0, n = p11_slot_count(); i < n; i++) {
		const struct p11_slot *slot = p11_slot_at(i);

		if (token_present && !csp_reader_present(slot->reader))
			continue;
		if (list != NULL && found < room)
			list[found] = slot->id;
		found++;
	}
	*count = found;
	return list != NULL && found > room ? CKR_BUFFER_TOO_SMALL : CKR_OK;
}

CK_RV
C_GetSlotList(CK_BBOOL token_present, CK_SLOT_ID *list, CK_ULONG *count)
{
	CK_RV rv = p11_begin();

	if (rv != CKR_OK)
		return rv;
	rv = slot_list(token_present, list, count);
	p11_end();
	return rv;
}

static CK_RV
slot_info(CK_SLOT_ID id, CK_SLOT_INFO *info)
{
	const struct p11_slot *slot = p11_slot_find(id);
	CK_RV rv;

	if (slot == NULL)
		return CKR_SLOT_ID_INVALID;
	if (info == NULL)
		return CKR_ARGUMENTS_BAD;
	if ((rv = p11_slots_poll(false)) != CKR_OK)
		return rv;
	memset(info, 0, sizeof(*info));
	p11_pad(info->slotDescription, sizeof(info->slotDescription), csp_reader_name(slot->reader));
	p11_pad(info->manufacturerID, sizeof(info->manufacturerID), P11_MANUFACTURER);
	info->flags = CKF_REMOVABLE_DEVICE | CKF_HW_SLOT;
	if (csp_reader_present(slot->reader))
		info->flags |= CKF_TOKEN_PRESENT;
	return CKR_OK;
}

CK_RV
C_GetSlotInfo(CK_SLOT_ID id, CK_SLOT_INFO *info)
{
	CK_RV rv = p11_begin();

	if (rv != CKR_OK)
		return rv;
	rv = slot_info(id, info);
	p11_end();
	return rv;
}
