/* SPDX-License-Identifier: BSD-2-Clause */
/* Initialising, slots, sessions and login. */
#include "differential/sides.h"

/* Slots, sessions, login --------------------------------------------------------------------------------------------- */

STEP(open_session)
{
	CK_SESSION_HANDLE s;
	CK_RV rv = side->p11->C_OpenSession(side->slot, about->flags, NULL, NULL, &s);

	if (rv == CKR_OK)
		assert_rv(side->p11->C_CloseSession(s), CKR_OK);
	return ONLY_CODE(rv);
}

STEP(open_session_on_no_slot)
{
	CK_SESSION_HANDLE s;

	return ONLY_CODE(side->p11->C_OpenSession(88888, about->flags, NULL, NULL, &s));
}

STEP(open_session_for_nobody)
{
	return ONLY_CODE(side->p11->C_OpenSession(side->slot, about->flags, NULL, NULL, NULL));
}

STEP(login)
{
	const size_t len = about->pin != NULL ? strlen(about->pin) : 0;
	CK_UTF8CHAR pin[64];

	if (about->pin != NULL)
		memcpy(pin, about->pin, len + 1);
	return ONLY_CODE(
		side->p11->C_Login(side->s, (CK_USER_TYPE)about->handle, about->pin != NULL ? pin : NULL, len));
}

STEP(logout)
{
	(void)about;
	return ONLY_CODE(side->p11->C_Logout(side->s));
}

STEP(session_state)
{
	CK_SESSION_INFO info;
	CK_RV rv = side->p11->C_GetSessionInfo(side->s, &info);

	(void)about;
	return (struct outcome){ rv, info.state };
}

STEP(close_session)
{
	return ONLY_CODE(side->p11->C_CloseSession(about->handle != 0 ? about->handle : side->s));
}

STEP(close_all)
{
	return ONLY_CODE(side->p11->C_CloseAllSessions(about->handle != 0 ? about->handle : side->slot));
}

STEP(function_status)
{
	return ONLY_CODE(side->p11->C_GetFunctionStatus(about->handle != 0 ? about->handle : side->s));
}

STEP(cancel_function)
{
	return ONLY_CODE(side->p11->C_CancelFunction(about->handle != 0 ? about->handle : side->s));
}

STEP(init_pin)
{
	CK_UTF8CHAR pin[] = MT_PIN;

	(void)about;
	return ONLY_CODE(side->p11->C_InitPIN(side->s, pin, sizeof(MT_PIN) - 1));
}

void
test_sessions(void **state)
{
	struct about a = { .flags = CKF_RW_SESSION };

	(void)state;
	(void)SAME(open_session, &a, "open without serial");
	a.flags = 0;
	(void)SAME(open_session, &a, "open without serial");
	a.flags = CKF_SERIAL_SESSION;
	(void)SAME(open_session, &a, "open");
	(void)SAME(open_session_on_no_slot, &a, "open on no slot");
	(void)SAME(open_session_for_nobody, &a, "open for nobody");
	(void)SAME(session_state, &a, "state");
	(void)SAME(function_status, &a, "parallel functions");
	(void)SAME(cancel_function, &a, "parallel functions");
	a.handle = 99999;
	(void)SAME(function_status, &a, "parallel functions");
	(void)SAME(cancel_function, &a, "parallel functions");
	(void)SAME(close_session, &a, "close no session");
	(void)SAME(close_all, &a, "close on no slot");
	a.handle = 0;
	(void)SAME(close_session, &a, "close");
	(void)SAME(close_session, &a, "close again");
	(void)SAME(session_state, &a, "state of a closed one");
	(void)SAME(close_all, &a, "close all");
	(void)SAME(close_all, &a, "close all");
}

void
test_login(void **state)
{
	struct about a = { .handle = CKU_USER, .pin = MT_PIN };

	(void)state;
	(void)SAME(login, &a, "login again");
	a.pin = MT_WRONG_PIN;
	(void)SAME(login, &a, "login again");
	a.handle = CKU_CONTEXT_SPECIFIC;
	(void)SAME(login, &a, "login for no operation");
	a.handle = 7;
	(void)SAME(login, &a, "login as nobody");
	a.handle = CKU_SO;
	(void)SAME(login, &a, "login as another");
	(void)SAME(init_pin, &a, "init-pin");
	(void)SAME(logout, &a, "logout");
	(void)SAME(session_state, &a, "state");
	(void)SAME(step_sign_init, &(struct about){ .mechanism = PLAIN(CKM_SHA256_RSA_PKCS) }, "sign-init logged out");
	(void)SAME(step_private_attribute, &(struct about){ .attribute = CKA_CLASS }, "private attribute logged out");
	(void)SAME(step_public_attribute, &(struct about){ .attribute = CKA_CLASS }, "public attribute logged out");
	(void)SAME(logout, &a, "logout again");
	(void)SAME(init_pin, &a, "init-pin");
	a.handle = CKU_USER;
	a.pin = NULL;
	(void)SAME(login, &a, "login without PIN");
	a.pin = MT_WRONG_PIN;
	(void)SAME(login, &a, "login with a wrong PIN");
	a.pin = "1";
	(void)SAME(login, &a, "login with a short PIN");
	a.pin = "";
	(void)SAME(login, &a, "login with an empty PIN");
	(void)SAME(session_state, &a, "state");
	a.pin = MT_PIN;
	(void)SAME(login, &a, "login");
	(void)SAME(session_state, &a, "state");
}

/* Initialising ------------------------------------------------------------------------------------------------------- */

STEP(initialize)
{
	CK_C_INITIALIZE_ARGS args = { .flags = about->flags, .pReserved = about->room != 0 ? ops_message : NULL };

	return ONLY_CODE(side->p11->C_Initialize(&args));
}

STEP(finalize)
{
	return ONLY_CODE(side->p11->C_Finalize(about->room != 0 ? ops_message : NULL));
}

STEP(slot_count_without_place)
{
	(void)about;
	return ONLY_CODE(side->p11->C_GetSlotList(CK_TRUE, NULL, NULL));
}

STEP(info_without_place)
{
	(void)about;
	return ONLY_CODE(side->p11->C_GetInfo(NULL));
}

STEP(slot_info)
{
	CK_SLOT_INFO info;

	return ONLY_CODE(side->p11->C_GetSlotInfo(about->handle != 0 ? about->handle : side->slot, &info));
}

STEP(token_info)
{
	CK_TOKEN_INFO info;

	return ONLY_CODE(side->p11->C_GetTokenInfo(about->handle != 0 ? about->handle : side->slot, &info));
}

STEP(mechanism_info)
{
	CK_MECHANISM_INFO info;

	return ONLY_CODE(side->p11->C_GetMechanismInfo(about->handle != 0 ? about->handle : side->slot,
						       about->mechanism.mechanism, &info));
}

STEP(random_bytes)
{
	CK_BYTE bytes[32];

	return ONLY_CODE(side->p11->C_GenerateRandom(side->s, bytes, about->len));
}

void
test_general(void **state)
{
	struct about a = { .flags = CKF_OS_LOCKING_OK };

	(void)state;
	(void)SAME(initialize, &a, "initialize again");
	(void)SAME(slot_count_without_place, &a, "slot list without place");
	(void)SAME(info_without_place, &a, "info without place");
	(void)SAME(slot_info, &a, "slot info");
	(void)SAME(token_info, &a, "token info");
	a.len = 32;
	(void)SAME(random_bytes, &a, "random");
	a.mechanism.mechanism = CKM_RSA_PKCS;
	(void)SAME(mechanism_info, &a, "mechanism info");
	a.mechanism.mechanism = CKM_VENDOR_DEFINED + 1;
	(void)SAME(mechanism_info, &a, "mechanism info of none");
	a.handle = 88888;
	(void)SAME(slot_info, &a, "slot info of none");
	(void)SAME(token_info, &a, "token info of none");
	(void)SAME(mechanism_info, &a, "mechanism info of no slot");
	a.room = 1;
	(void)SAME(finalize, &a, "finalize with argument");
	a.room = a.handle = 0;
	(void)SAME(finalize, &a, "finalize");
	(void)SAME(finalize, &a, "finalize again");
	(void)SAME(slot_info, &a, "not initialized");
	(void)SAME(token_info, &a, "not initialized");
	(void)SAME(session_state, &a, "not initialized");
	(void)SAME(step_sign, &a, "not initialized");
	(void)SAME(step_digest, &a, "not initialized");
	(void)SAME(step_find, &a, "not initialized");
	(void)SAME(random_bytes, &a, "not initialized");
	a.room = 1;
	(void)SAME(initialize, &a, "initialize with reserved");
	a.room = 0;
	a.flags = CKF_OS_LOCKING_OK | 0x40000000;
	(void)SAME(initialize, &a, "initialize with unknown flags");
}
