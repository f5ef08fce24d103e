/* SPDX-License-Identifier: BSD-2-Clause */
/* Words for tests of those who manage a token: logins of both kinds, PINs, a new token, templates. */
#ifndef MODULE_MANAGE_H
#define MODULE_MANAGE_H

#include <string.h>

#include "module/ops.h"

/* The administrator's key that cards of the fixture have, and another. */
#define MG_KEY "000000000000000000000000000000000000000000000000"
#define MG_OTHER_KEY "000102030405060708090A0B0C0D0E0Fa1a2a3a4a5a6a7a8"
#define MG_NEW_PIN "87654321"

#define MG_ULONG(type, variable)                                                                                       \
	{                                                                                                              \
		(type), &(variable), sizeof(variable)                                                                  \
	}
#define MG_BOOL(type, variable)                                                                                        \
	{                                                                                                              \
		(type), &(variable), sizeof(variable)                                                                  \
	}
#define MG_TEXT(type, text)                                                                                            \
	{                                                                                                              \
		(type), (void *)(uintptr_t)(text), sizeof(text) - 1                                                    \
	}

static inline CK_UTF8CHAR *
mg_bytes(const char *text)
{
	static CK_UTF8CHAR copies[4][300];
	static unsigned turn;
	CK_UTF8CHAR *copy = copies[turn++ % 4];

	assert_true(strlen(text) < sizeof(copies[0]));
	memcpy(copy, text, strlen(text) + 1);
	return copy;
}

static inline CK_RV
mg_login_so(CK_SESSION_HANDLE session, const char *key)
{
	return mt->C_Login(session, CKU_SO, mg_bytes(key), strlen(key));
}

static inline CK_RV
mg_init_pin(CK_SESSION_HANDLE session, const char *pin)
{
	return mt->C_InitPIN(session, mg_bytes(pin), strlen(pin));
}

static inline CK_RV
mg_set_pin(CK_SESSION_HANDLE session, const char *old, const char *new)
{
	return mt->C_SetPIN(session, mg_bytes(old), strlen(old), mg_bytes(new), strlen(new));
}

static inline CK_RV
mg_init_token(const char *key, const char *label)
{
	CK_UTF8CHAR padded[32];

	memset(padded, ' ', sizeof(padded));
	for (size_t i = 0; label[i] != '\0'; i++)
		padded[i] = (CK_UTF8CHAR)label[i];
	return mt->C_InitToken(1, mg_bytes(key), strlen(key), padded);
}

static inline CK_STATE
mg_state(CK_SESSION_HANDLE session)
{
	CK_SESSION_INFO info;

	assert_rv(mt->C_GetSessionInfo(session, &info), CKR_OK);
	return info.state;
}

/* Another card than Alice's in the reader, and a session that writes. */
static inline CK_SESSION_HANDLE
mg_start(enum mt_card card)
{
	if (card != MT_ALICE) {
		mt_remove(MT_READER);
		mt_insert(MT_READER, card);
	}
	mt_initialize();
	return mt_open(CKF_RW_SESSION);
}

/* The same card, for a program that begins now; nothing of what was known before is left. */
static inline CK_SESSION_HANDLE
mg_again(void)
{
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	mt_initialize();
	return mt_open(CKF_RW_SESSION);
}

static inline void
mg_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, const void *expected, size_t len)
{
	static CK_BYTE value[70000];

	assert_int_equal(mt_get(session, object, type, value, sizeof(value)), len);
	assert_memory_equal(value, expected, len);
}

#endif
