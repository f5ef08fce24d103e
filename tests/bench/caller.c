/* SPDX-License-Identifier: BSD-2-Clause */
/* What an application does with a PKCS#11 module, in the steps that the benchmark measures. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "bench/caller.h"
#include "bench/meter.h"

static void
must(CK_RV rv, const char *what)
{
	if (rv != CKR_OK)
		die(what, rv);
}

void
caller_load(struct caller *c, const char *module)
{
	void *lib = dlopen(module, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = lib != NULL ? (CK_C_GetFunctionList)dlsym(lib, "C_GetFunctionList") : NULL;

	if (get == NULL)
		die(module, 0);
	must(get(&c->p11), "C_GetFunctionList");
}

void
caller_initialize(struct caller *c)
{
	CK_SLOT_ID slots[16];
	CK_ULONG n = 0;
	CK_SLOT_INFO info;

	must(c->p11->C_Initialize(NULL), "C_Initialize");
	must(c->p11->C_GetSlotList(CK_TRUE, NULL, &n), "C_GetSlotList");
	n = 16;
	must(c->p11->C_GetSlotList(CK_TRUE, slots, &n), "C_GetSlotList");
	if (n == 0)
		die("no token", 0);
	c->slot = slots[0];
	must(c->p11->C_GetSlotInfo(c->slot, &info), "C_GetSlotInfo");
}

void
caller_token_info(struct caller *c)
{
	CK_TOKEN_INFO info;

	must(c->p11->C_GetTokenInfo(c->slot, &info), "C_GetTokenInfo");
}

void
caller_open(struct caller *c)
{
	must(c->p11->C_OpenSession(c->slot, CKF_SERIAL_SESSION, NULL, NULL, &c->session), "C_OpenSession");
}

/* Up to max objects that match. */
static CK_ULONG
find(struct caller *c, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *objects, CK_ULONG max)
{
	CK_ULONG n = 0;

	must(c->p11->C_FindObjectsInit(c->session, template, count), "C_FindObjectsInit");
	must(c->p11->C_FindObjects(c->session, objects, max, &n), "C_FindObjects");
	must(c->p11->C_FindObjectsFinal(c->session), "C_FindObjectsFinal");
	return n;
}

static CK_BYTE
wanted_id(const struct caller *c)
{
	return (CK_BYTE)strtoul(c->id, NULL, 16);
}

void
caller_list(struct caller *c)
{
	static const CK_ATTRIBUTE_TYPE types[] = { CKA_CLASS, CKA_ID,	   CKA_LABEL,		CKA_KEY_TYPE,
						   CKA_VALUE, CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_SUBJECT };
	CK_OBJECT_HANDLE objects[256];
	CK_BYTE value[8192] = { 0 };
	CK_ULONG n = find(c, NULL, 0, objects, 256), i;
	size_t k;

	for (i = 0; i < n; i++) {
		for (k = 0; k < sizeof(types) / sizeof(types[0]); k++) {
			CK_ATTRIBUTE a = { types[k], value, sizeof(value) };

			/* not every object has each of them */
			(void)c->p11->C_GetAttributeValue(c->session, objects[i], &a, 1);
		}
	}
}

void
caller_find(struct caller *c)
{
	CK_BYTE id = wanted_id(c);
	CK_ATTRIBUTE template = { CKA_ID, &id, 1 };
	CK_OBJECT_HANDLE objects[8];

	if (find(c, &template, 1, objects, 8) == 0)
		die("no object has the identifier", id);
}

void
caller_login(struct caller *c)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_BYTE id = wanted_id(c);
	CK_ATTRIBUTE template[2] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, &id, 1 } };
	CK_ULONG count = strcmp(c->id, "-") == 0 ? 1 : 2;

	caller_initialize(c);
	caller_open(c);
	must(c->p11->C_Login(c->session, CKU_USER, (CK_UTF8CHAR *)c->pin, (CK_ULONG)strlen(c->pin)), "C_Login");
	if (find(c, template, count, &c->key, 1) == 0)
		die("no private key", 0);
}

void
caller_sign(struct caller *c)
{
	CK_MECHANISM mechanism = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_BYTE data[] = "hello", signature[512];
	CK_ULONG n = sizeof(signature);

	must(c->p11->C_SignInit(c->session, &mechanism, c->key), "C_SignInit");
	must(c->p11->C_Sign(c->session, data, sizeof(data) - 1, signature, &n), "C_Sign");
}

void
caller_finalize(struct caller *c)
{
	must(c->p11->C_Finalize(NULL), "C_Finalize");
}
