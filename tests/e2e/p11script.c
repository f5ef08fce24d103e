/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PKCS#11 program that does what it is told, line by line on standard input, and answers each line with a return
 * value: shell tests use it to hold a module open while the world around it changes. Usage: p11script MODULE
 *
 *   init | finalize | open | close | logout      one call each
 *   login PIN                                    C_Login(CKU_USER); "login -" passes an empty PIN
 *   slots                                        number of slots, and of those with a token
 *   token                                        C_GetTokenInfo of the first slot: flags in hex
 *   session                                      C_GetSessionInfo: state
 *   size                                         C_SignInit and C_Sign without a buffer
 *   sign                                         SHA256_RSA_PKCS with the first private key, verified with its public key
 *   signs N                                      that, so many times, until one fails; how many did not
 *   list                                         number of objects
 *   event                                        C_WaitForSlotEvent without blocking
 *   wait                                         C_WaitForSlotEvent, blocking
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkcs11.h"

static CK_FUNCTION_LIST *p11;
static CK_SESSION_HANDLE session;

static void
answer(const char *command, CK_RV rv, const char *detail)
{
	printf("%s 0x%lX%s%s\n", command, rv, detail[0] ? " " : "", detail);
	fflush(stdout);
}

static CK_RV
first_slot(CK_SLOT_ID *ret_slot)
{
	CK_SLOT_ID slots[16];
	CK_ULONG n = 0;
	CK_RV rv = p11->C_GetSlotList(CK_FALSE, NULL, &n);

	n = 16;
	if (rv == CKR_OK)
		rv = p11->C_GetSlotList(CK_FALSE, slots, &n);
	if (rv == CKR_OK && n == 0)
		rv = CKR_SLOT_ID_INVALID;
	if (rv == CKR_OK)
		*ret_slot = slots[0];
	return rv;
}

static CK_RV
find(CK_OBJECT_CLASS class, const CK_BYTE *id, CK_ULONG id_len, CK_OBJECT_HANDLE *ret_object)
{
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, NULL, id_len } };
	CK_BYTE copy[64];
	CK_ULONG n = 0;
	CK_RV rv;

	if (id != NULL)
		memcpy(copy, id, id_len);
	template[1].pValue = copy;
	rv = p11->C_FindObjectsInit(session, template, id != NULL ? 2 : 1);
	if (rv == CKR_OK)
		rv = p11->C_FindObjects(session, ret_object, 1, &n);
	if (rv == CKR_OK)
		rv = p11->C_FindObjectsFinal(session);
	return rv == CKR_OK && n == 0 ? CKR_KEY_HANDLE_INVALID : rv;
}

static CK_RV
sign_init(CK_OBJECT_HANDLE *ret_key)
{
	CK_MECHANISM mechanism = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_RV rv = find(CKO_PRIVATE_KEY, NULL, 0, ret_key);

	return rv == CKR_OK ? p11->C_SignInit(session, &mechanism, *ret_key) : rv;
}

static CK_RV
size(void)
{
	CK_OBJECT_HANDLE key;
	CK_BYTE data[] = "hello";
	CK_ULONG n = 0;
	CK_RV rv = sign_init(&key);

	return rv == CKR_OK ? p11->C_Sign(session, data, 5, NULL, &n) : rv;
}

static CK_RV
sign(void)
{
	CK_MECHANISM mechanism = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_OBJECT_HANDLE key;
	CK_BYTE data[] = "hello", signature[512], id[64];
	CK_ATTRIBUTE attribute = { CKA_ID, id, sizeof(id) };
	CK_ULONG n = sizeof(signature);
	CK_RV rv = sign_init(&key);

	if (rv == CKR_OK)
		rv = p11->C_Sign(session, data, 5, signature, &n);
	if (rv == CKR_OK)
		rv = p11->C_GetAttributeValue(session, key, &attribute, 1);
	if (rv == CKR_OK)
		rv = find(CKO_PUBLIC_KEY, id, attribute.ulValueLen, &key);
	if (rv == CKR_OK)
		rv = p11->C_VerifyInit(session, &mechanism, key);
	if (rv == CKR_OK)
		rv = p11->C_Verify(session, data, 5, signature, n);
	return rv;
}

static CK_RV
signs(const char *times, char *detail, size_t room)
{
	const unsigned long wanted = strtoul(times, NULL, 10);
	unsigned long done = 0;
	CK_RV rv = CKR_OK;

	while (done < wanted && (rv = sign()) == CKR_OK)
		done++;
	snprintf(detail, room, "%lu", done);
	return rv;
}

static CK_RV
list(char *detail, size_t room)
{
	CK_OBJECT_HANDLE objects[64];
	CK_ULONG n = 0;
	CK_RV rv = p11->C_FindObjectsInit(session, NULL, 0);

	if (rv == CKR_OK)
		rv = p11->C_FindObjects(session, objects, 64, &n);
	if (rv == CKR_OK)
		rv = p11->C_FindObjectsFinal(session);
	snprintf(detail, room, "%lu", n);
	return rv;
}

static CK_RV
slots(char *detail, size_t room)
{
	CK_ULONG all = 0, present = 0;
	CK_RV rv = p11->C_GetSlotList(CK_FALSE, NULL, &all);

	if (rv == CKR_OK)
		rv = p11->C_GetSlotList(CK_TRUE, NULL, &present);
	snprintf(detail, room, "%lu %lu", all, present);
	return rv;
}

static CK_RV
token(char *detail, size_t room)
{
	CK_TOKEN_INFO info;
	CK_SLOT_ID slot;
	CK_RV rv = first_slot(&slot);

	if (rv == CKR_OK)
		rv = p11->C_GetTokenInfo(slot, &info);
	if (rv == CKR_OK)
		snprintf(detail, room, "%lX", info.flags);
	return rv;
}

static CK_RV
open_session(void)
{
	CK_SLOT_ID slot;
	CK_RV rv = first_slot(&slot);

	return rv == CKR_OK ? p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) : rv;
}

static CK_RV
session_info(char *detail, size_t room)
{
	CK_SESSION_INFO info;
	CK_RV rv = p11->C_GetSessionInfo(session, &info);

	if (rv == CKR_OK)
		snprintf(detail, room, "%lu", info.state);
	return rv;
}

static CK_RV
login(char *pin)
{
	CK_UTF8CHAR empty[1] = { 0 };

	if (strcmp(pin, "-") == 0)
		return p11->C_Login(session, CKU_USER, empty, 0);
	return p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)pin, (CK_ULONG)strlen(pin));
}

static CK_RV
run(const char *command, char *argument, char *detail, size_t room)
{
	CK_SLOT_ID slot;

	if (strcmp(command, "init") == 0)
		return p11->C_Initialize(NULL);
	if (strcmp(command, "finalize") == 0)
		return p11->C_Finalize(NULL);
	if (strcmp(command, "open") == 0)
		return open_session();
	if (strcmp(command, "close") == 0)
		return p11->C_CloseSession(session);
	if (strcmp(command, "login") == 0)
		return login(argument);
	if (strcmp(command, "logout") == 0)
		return p11->C_Logout(session);
	if (strcmp(command, "slots") == 0)
		return slots(detail, room);
	if (strcmp(command, "token") == 0)
		return token(detail, room);
	if (strcmp(command, "session") == 0)
		return session_info(detail, room);
	if (strcmp(command, "size") == 0)
		return size();
	if (strcmp(command, "sign") == 0)
		return sign();
	if (strcmp(command, "signs") == 0)
		return signs(argument, detail, room);
	if (strcmp(command, "list") == 0)
		return list(detail, room);
	if (strcmp(command, "event") == 0)
		return p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL);
	if (strcmp(command, "wait") == 0)
		return p11->C_WaitForSlotEvent(0, &slot, NULL);
	return CKR_ARGUMENTS_BAD;
}

int
main(int argc, char **argv)
{
	CK_C_GetFunctionList get_list = NULL;
	char line[256], detail[64];
	void *module;

	module = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
	if (module != NULL)
		get_list = (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList");
	if (get_list == NULL || get_list(&p11) != CKR_OK) {
		fprintf(stderr, "p11script: cannot load %s\n", argc == 2 ? argv[1] : "a module: give its path");
		return 2;
	}
	while (fgets(line, sizeof(line), stdin) != NULL) {
		char *argument;

		line[strcspn(line, "\n")] = '\0';
		argument = line + strcspn(line, " ");
		if (*argument != '\0')
			*argument++ = '\0';
		detail[0] = '\0';
		answer(line, run(line, argument, detail, sizeof(detail)), detail);
	}
	return 0;
}
