/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hostile callers: the input is a program of PKCS#11 calls over a virtual card with an RSA and an EC key. After the
 * byte that says how to begin, each call is the byte of a function and one or more for each argument; bytes that are
 * not there are 0. Whatever the calls are, nothing is read or written outside the blocks that they name (each is a heap
 * block of its own), inputs stay as they were, and what comes back is plausible. Catalogue C1, C2, C3,
 * C5, C6, C9
 */
#include "base/auto.h"
#include "fuzz/calls/calls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CALLS_MAX 100

enum {
	BEGIN_APPLET = 1,      /* the card is the applet with its quirks, not the strict one */
	BEGIN_BARE = 2,	       /* not initialised, no session, nobody logged in */
	BEGIN_OWN_MUTEXES = 4, /* locks are the caller's */
	BEGIN_WRITING = 8,     /* sessions that may write */
	BEGIN_OFFICER = 16,    /* such sessions, and the security officer logged in */
};

CK_FUNCTION_LIST_3_0 *p11;

static CK_C_INITIALIZE_ARGS no_threads = { .flags = CKF_OS_LOCKING_OK | CKF_LIBRARY_CANT_CREATE_OS_THREADS };
static long mutexes;

struct mutex {
	bool held;
};

static CK_RV
mutex_create(void **ret_mutex)
{
	struct mutex *m = calloc(1, sizeof(*m));

	mutexes++;
	*ret_mutex = m;
	return m != NULL ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV
mutex_destroy(void *mutex)
{
	require(!((struct mutex *)mutex)->held);
	mutexes--;
	free(mutex);
	return CKR_OK;
}

/* There is one thread: what is held already would be waited for in vain. */
static CK_RV
mutex_lock(void *mutex)
{
	require(!((struct mutex *)mutex)->held);
	((struct mutex *)mutex)->held = true;
	return CKR_OK;
}

static CK_RV
mutex_unlock(void *mutex)
{
	require(((struct mutex *)mutex)->held);
	((struct mutex *)mutex)->held = false;
	return CKR_OK;
}

static CK_C_INITIALIZE_ARGS own_mutexes = { mutex_create, mutex_destroy, mutex_lock, mutex_unlock, 0, NULL };

static CK_RV
call_initialize(void)
{
	CK_C_INITIALIZE_ARGS args = (next() & 1) != 0 ? own_mutexes : no_threads;
	uint8_t b = next();

	if (b == 1)
		args.pReserved = &no_threads;
	if (b == 2)
		args.CreateMutex = args.CreateMutex == NULL ? mutex_create : NULL;
	return p11->C_Initialize(input(&args, sizeof(args)));
}

static CK_RV
call_finalize(void)
{
	return p11->C_Finalize(next() == 1 ? &no_threads : NULL);
}

static CK_RV
call_general(void)
{
	uint8_t b = next();
	CK_INTERFACE *interface;
	CK_VERSION version = { (CK_BYTE)(b % 5), (CK_BYTE)(b >> 4) };
	struct output o;

	if (b % 3 == 0)
		return p11->C_GetInfo(b == 3 ? NULL : block(sizeof(CK_INFO)));
	if (b % 3 == 1)
		return p11->C_GetInterface(b < 0x80 ? NULL : input("PKCS 11", 8), input(&version, sizeof(version)),
					   &interface, next());
	o = output_arg();
	if (o.len != NULL)
		*o.len = o.room / sizeof(CK_INTERFACE);
	return p11->C_GetInterfaceList((CK_INTERFACE *)(void *)o.p, o.len);
}

static CK_RV
call_slot(void)
{
	uint8_t b = next();
	CK_SLOT_ID slot = slot_arg();

	switch (b % 5) {
	case 0: return p11->C_GetSlotInfo(slot, b >= 0x80 ? NULL : block(sizeof(CK_SLOT_INFO)));
	case 1: return p11->C_GetTokenInfo(slot, b >= 0x80 ? NULL : block(sizeof(CK_TOKEN_INFO)));
	case 2:
		return p11->C_GetMechanismInfo(slot, mechanism_type(next()),
					       b >= 0x80 ? NULL : block(sizeof(CK_MECHANISM_INFO)));
	case 3: return p11->C_CloseAllSessions(slot);
	default: return p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, b >= 0x80 ? NULL : block(sizeof(slot)), NULL);
	}
}

/* Lists of numbers: *len counts them. */
static CK_RV
call_list(void)
{
	uint8_t b = next();
	struct output o = output_arg();
	CK_ULONG room = o.room / sizeof(CK_ULONG);
	CK_ULONG *list = (CK_ULONG *)(void *)o.p;
	CK_RV rv;

	if (o.len != NULL)
		*o.len = room;
	rv = b % 3 < 2 ? p11->C_GetSlotList(b % 3 == 0, list, o.len) : p11->C_GetMechanismList(slot_arg(), list, o.len);
	require(rv != CKR_OK || (o.len != NULL && (list == NULL || *o.len <= room)));
	return rv;
}

static CK_RV
call_init_token(void)
{
	CK_SLOT_ID slot = slot_arg();
	struct bytes pin = bytes_arg();
	CK_UTF8CHAR label[32] = "label";

	return p11->C_InitToken(slot, pin.p, pin.len, next() == 1 ? NULL : input(label, sizeof(label)));
}

static CK_RV
call_open_session(void)
{
	CK_SLOT_ID slot = slot_arg();
	CK_FLAGS flags = next() ^ CKF_SERIAL_SESSION;
	CK_SESSION_HANDLE *handle = next() == 1 ? NULL : block(sizeof(*handle));
	CK_RV rv = p11->C_OpenSession(slot, flags, NULL, NULL, handle);

	require(rv != CKR_OK || (handle != NULL && *handle != CK_INVALID_HANDLE));
	if (rv == CKR_OK && handle != NULL)
		sessions[opened++ % ARRAY_SIZE(sessions)] = *handle;
	return rv;
}

static CK_RV
call_session_info(void)
{
	CK_SESSION_HANDLE s = session_arg();

	return p11->C_GetSessionInfo(s, next() == 1 ? NULL : block(sizeof(CK_SESSION_INFO)));
}

static CK_RV
call_session_only(void)
{
	CK_RV(*const functions[])
	(CK_SESSION_HANDLE) = { p11->C_CloseSession,	   p11->C_Logout,
				p11->C_FindObjectsFinal,   p11->C_GetFunctionStatus,
				p11->C_CancelFunction,	   p11->C_MessageSignFinal,
				p11->C_MessageVerifyFinal, p11->C_MessageEncryptFinal,
				p11->C_MessageDecryptFinal };
	uint8_t which = next();

	return functions[which % ARRAY_SIZE(functions)](session_arg());
}

static CK_RV
call_cancel(void)
{
	CK_SESSION_HANDLE s = session_arg();
	CK_FLAGS flags = (CK_FLAGS)next() << 8;

	return p11->C_SessionCancel(s, next() == 1 ? HUGE_COUNT : flags);
}

static CK_RV
call_login(void)
{
	CK_SESSION_HANDLE s = session_arg();
	CK_USER_TYPE user = next() ^ CKU_USER;
	struct bytes pin = bytes_arg(), name = { NULL, 0 };

	if (next() != 1)
		return p11->C_Login(s, user, pin.p, pin.len);
	name = bytes_arg();
	return p11->C_LoginUser(s, user, pin.p, pin.len, name.p, name.len);
}

static CK_RV
call_set_pin(void)
{
	CK_SESSION_HANDLE s = session_arg();
	struct bytes old_pin = bytes_arg(), new_pin = bytes_arg();

	return p11->C_SetPIN(s, old_pin.p, old_pin.len, new_pin.p, new_pin.len);
}

static CK_RV
call_find_init(void)
{
	CK_SESSION_HANDLE s = session_arg();
	struct template t = template_arg();

	return p11->C_FindObjectsInit(s, t.p, t.count);
}

static CK_RV
call_find(void)
{
	CK_SESSION_HANDLE s = session_arg();
	uint8_t b = next();
	CK_ULONG max = b % (ARRAY_SIZE(objects) + 1), *count = b >= 0xF0 ? NULL : block(sizeof(*count));
	CK_OBJECT_HANDLE *found = b >= 0xE0 && b < 0xF0 ? NULL : block(max * sizeof(*found));
	CK_RV rv = p11->C_FindObjects(s, found, max, count);

	require(rv != CKR_OK || (count != NULL && *count <= max && (found != NULL || max == 0)));
	for (CK_ULONG i = 0; rv == CKR_OK && found != NULL && i < *count; i++)
		require((objects[i] = found[i]) != CK_INVALID_HANDLE);
	return rv;
}

static CK_RV
call_get_attributes(void)
{
	CK_SESSION_HANDLE s = session_arg();
	CK_OBJECT_HANDLE object = object_arg();
	uint8_t b = next();
	CK_ULONG count = b % (ATTRIBUTES_MAX + 1u), room[ATTRIBUTES_MAX];
	CK_ATTRIBUTE *t = block(count * sizeof(*t)), before[ATTRIBUTES_MAX];
	CK_RV rv;

	for (CK_ULONG i = 0; i < count; i++) {
		struct output o;

		t[i].type = attribute_type(next());
		o = output_arg();
		t[i].pValue = o.p;
		t[i].ulValueLen = room[i] = o.room;
		before[i] = t[i];
	}
	if (b >= 0xF0)
		return p11->C_GetAttributeValue(s, object, b == 0xF0 ? NULL : t, b == 0xF1 ? HUGE_COUNT : 1025);
	rv = p11->C_GetAttributeValue(s, object, t, count);
	for (CK_ULONG i = 0; i < count; i++) {
		require(t[i].type == before[i].type && t[i].pValue == before[i].pValue);
		if (rv == CKR_OK)
			require(t[i].ulValueLen <= (t[i].pValue != NULL ? room[i] : 65536));
	}
	return rv;
}

static CK_RV
call_init(void)
{
	CK_RV(*const functions[])
	(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE) = { p11->C_SignInit,	  p11->C_DecryptInit,
								  p11->C_VerifyInit,	  p11->C_EncryptInit,
								  p11->C_SignRecoverInit, p11->C_VerifyRecoverInit,
								  p11->C_MessageSignInit, p11->C_MessageVerifyInit };
	uint8_t which = next();
	CK_SESSION_HANDLE s = session_arg();
	CK_OBJECT_HANDLE key = object_arg();

	return functions[which % ARRAY_SIZE(functions)](s, mechanism_arg(), key);
}

static CK_RV
call_digest_init(void)
{
	CK_SESSION_HANDLE s = session_arg();

	return p11->C_DigestInit(s, mechanism_arg());
}

static CK_RV
call_one_shot(void)
{
	CK_RV(*const functions[])
	(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *,
	 CK_ULONG *) = { p11->C_Sign,	     p11->C_Decrypt,	   p11->C_Encrypt,
			 p11->C_Digest,	     p11->C_DecryptUpdate, p11->C_EncryptUpdate,
			 p11->C_SignRecover, p11->C_VerifyRecover, p11->C_DigestEncryptUpdate };
	uint8_t which = next();
	CK_SESSION_HANDLE s = session_arg();
	struct bytes in = bytes_arg();
	struct output out = output_arg();

	return check_output(&out, functions[which % ARRAY_SIZE(functions)](s, in.p, in.len, out.p, out.len));
}

static CK_RV
call_verify(void)
{
	CK_SESSION_HANDLE s = session_arg();
	struct bytes data = bytes_arg(), signature = bytes_arg();

	return p11->C_Verify(s, data.p, data.len, signature.p, signature.len);
}

static CK_RV
call_update(void)
{
	CK_RV(*const functions[])
	(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG) = { p11->C_SignUpdate,	 p11->C_DigestUpdate, p11->C_VerifyUpdate,
						     p11->C_VerifyFinal, p11->C_SeedRandom,   p11->C_InitPIN };
	uint8_t which = next();
	CK_SESSION_HANDLE s = session_arg();
	struct bytes in = bytes_arg();

	return functions[which % ARRAY_SIZE(functions)](s, in.p, in.len);
}

static CK_RV
call_final(void)
{
	CK_RV(*const functions[])
	(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG *) = { p11->C_SignFinal, p11->C_DigestFinal, p11->C_DecryptFinal,
						       p11->C_EncryptFinal, p11->C_GetOperationState };
	uint8_t which = next();
	CK_SESSION_HANDLE s = session_arg();
	struct output out = output_arg();

	return check_output(&out, functions[which % ARRAY_SIZE(functions)](s, out.p, out.len));
}

static CK_RV
call_random(void)
{
	CK_SESSION_HANDLE s = session_arg();
	struct output out = output_arg();

	return p11->C_GenerateRandom(s, out.p, out.room);
}

static CK_RV
call_digest_key(void)
{
	CK_SESSION_HANDLE s = session_arg();

	return p11->C_DigestKey(s, object_arg());
}

static CK_RV (*const calls[])(void) = {
	call_initialize,     call_finalize,	call_general,  call_slot,   call_list,	    call_open_session,
	call_session_info,   call_session_only, call_cancel,   call_login,  call_find_init, call_find,
	call_get_attributes, call_init,		call_one_shot, call_update, call_final,	    call_verify,
	call_digest_init,    call_digest_key,	call_random,   call_object, call_hand,	    call_set_pin,
	call_init_token,     call_key_pair,	call_wrap,     call_unwrap, call_derive,    call_message,
	call_set_state,
};

/* Running ---------------------------------------------------------------------------------------------------------- */

/* The virtual card's key of its administrator is zeros. */
static void
log_in(bool officer)
{
	CK_UTF8CHAR pin[] = PIN, zeros[48];

	memset(zeros, '0', sizeof(zeros));
	if (officer)
		require(p11->C_Login(sessions[0], CKU_SO, zeros, sizeof(zeros)) == CKR_OK);
	else
		require(p11->C_Login(sessions[0], CKU_USER, pin, 6) == CKR_OK);
}

/* The usual start, so that most programs get somewhere. */
static void
begin(uint8_t how)
{
	CK_FLAGS flags =
		(how & (BEGIN_WRITING | BEGIN_OFFICER)) != 0 ? CKF_SERIAL_SESSION | CKF_RW_SESSION : CKF_SERIAL_SESSION;
	CK_ULONG count;

	arguments_reset();
	if ((how & BEGIN_BARE) != 0)
		return;
	require(p11->C_Initialize((how & BEGIN_OWN_MUTEXES) != 0 ? &own_mutexes : &no_threads) == CKR_OK);
	for (size_t i = 0; i < 2; i++)
		require(p11->C_OpenSession(1, flags, NULL, NULL, &sessions[i]) == CKR_OK);
	opened = 2;
	log_in((how & BEGIN_OFFICER) != 0);
	require(p11->C_FindObjectsInit(sessions[0], NULL, 0) == CKR_OK);
	require(p11->C_FindObjects(sessions[0], objects, ARRAY_SIZE(objects), &count) == CKR_OK && count >= 4);
	require(p11->C_FindObjectsFinal(sessions[0]) == CKR_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CK_INTERFACE *interface;
	uint8_t how;

	if (p11 == NULL) {
		/* nothing of the tester's own settings, and all that can be allowed */
		(void)setenv("MINIDRIVER_PKCS11_CONF", "/dev/null", 1);
		(void)setenv("MINIDRIVER_PKCS11_ALLOW_PRIVATE_EXCHANGE_KEY_IMPORT", "yes", 1);
		(void)setenv("MINIDRIVER_PKCS11_ALLOW_PRIVATE_SIGNATURE_KEY_IMPORT", "yes", 1);
		(void)setenv("MINIDRIVER_PKCS11_ALLOW_PRIVATE_ECDSA_KEY_IMPORT", "yes", 1);
		require(C_GetInterface(NULL, NULL, &interface, 0) == CKR_OK);
		p11 = interface->pFunctionList;
	}
	program_start(data, size);
	how = next();
	insert_new_card((how & BEGIN_APPLET) != 0);
	begin(how);
	for (unsigned i = 0; i < CALLS_MAX && !program_ended(); i++) {
		CK_RV rv = calls[next() % ARRAY_SIZE(calls)]();

		/* there is memory enough, and every code has a reason */
		require(rv < 0x210 && rv != CKR_GENERAL_ERROR && rv != CKR_HOST_MEMORY);
		release_blocks();
	}
	(void)p11->C_Finalize(NULL);
	require(mutexes == 0);
	discard_card();
	return 0;
}
