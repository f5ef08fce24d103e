/* SPDX-License-Identifier: BSD-2-Clause */
/* C_WaitForSlotEvent (PKCS#11 3.1, 5.5.4). */
#include <time.h>

#include "p11/p11.h"

/* A change that concerns no listed slot, such as a reader yet to be listed, must not turn the wait into a busy loop. */
static void
pause_between_changes(void)
{
	static const struct timespec pause = { 0, 100000000 };

	nanosleep(&pause, NULL);
}

static CK_RV
wait_for_event(CK_FLAGS flags, CK_SLOT_ID *slot_id)
{
	for (bool woken = false;;) {
		const struct p11_slot *slot;
		CK_RV rv = p11_slots_poll(false);
		/* before the slots are asked: another thread may look at the readers between that and our wait */
		const uint32_t changes = csp_changes(p11_csp());
		DWORD r;

		if (rv != CKR_OK)
			return rv;
		if ((slot = p11_slot_event()) != NULL) {
			*slot_id = slot->id;
			return CKR_OK;
		}
		if ((flags & CKF_DONT_BLOCK) != 0)
			return CKR_NO_EVENT;
		if (woken)
			pause_between_changes();
		r = csp_wait_since(p11_csp(), changes, CSP_WAIT_FOREVER);
		woken = r != SCARD_E_TIMEOUT;
		if (r == SCARD_E_CANCELLED)
			return CKR_CRYPTOKI_NOT_INITIALIZED;
		if (r == SCARD_E_NO_MEMORY)
			return CKR_HOST_MEMORY;
	}
}

CK_RV
C_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID *slot_id, CK_VOID_PTR reserved)
{
	CK_RV rv = p11_begin();

	if (rv != CKR_OK)
		return rv;
	rv = slot_id == NULL || reserved != NULL ? CKR_ARGUMENTS_BAD : wait_for_event(flags, slot_id);
	p11_end();
	return rv;
}
