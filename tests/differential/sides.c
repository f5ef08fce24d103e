/* SPDX-License-Identifier: BSD-2-Clause */
/* The two modules, and the comparison of what they do. */
#include "differential/sides.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SO_PIN "12345678"

struct side sides[SIDES];

static char directory[] = "/tmp/softhsm.XXXXXX";
static void *softhsm;
static unsigned count;

static void
assert_ok(CK_RV rv, const char *what)
{
	if (rv != CKR_OK)
		fail_msg("SoftHSM's %s: 0x%lX", what, rv);
}

static void
write_configuration(void)
{
	char path[64];
	FILE *file;

	assert_non_null(mkdtemp(directory));
	(void)snprintf(path, sizeof(path), "%s/tokens", directory);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/conf", directory);
	assert_non_null(file = fopen(path, "w"));
	(void)fprintf(file, "directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n",
		      directory);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(setenv("SOFTHSM2_CONF", path, 1), 0);
}

static void
make_pair(struct side *side, CK_MECHANISM_TYPE type, CK_ATTRIBUTE *what, CK_OBJECT_HANDLE *ret_public,
	  CK_OBJECT_HANDLE *ret_private)
{
	static CK_BBOOL yes = CK_TRUE;
	CK_MECHANISM mechanism = { type, NULL, 0 };
	bool rsa = type == CKM_RSA_PKCS_KEY_PAIR_GEN;
	CK_ATTRIBUTE public[] = { { CKA_TOKEN, &yes, 1 }, { CKA_VERIFY, &yes, 1 }, *what, { CKA_ENCRYPT, &yes, 1 } };
	CK_ATTRIBUTE private[] = { { CKA_TOKEN, &yes, 1 },
				   { CKA_PRIVATE, &yes, 1 },
				   { CKA_SENSITIVE, &yes, 1 },
				   { CKA_SIGN, &yes, 1 },
				   { CKA_DECRYPT, &yes, 1 } };

	assert_ok(side->p11->C_GenerateKeyPair(side->s, &mechanism, public, rsa ? 4 : 3, private, rsa ? 5 : 4,
					       ret_public, ret_private),
		  "C_GenerateKeyPair");
}

/* A token gets a slot of its own when it is made; the other one is for the next token. */
static void
find_token(struct side *side)
{
	CK_TOKEN_INFO info;
	CK_ULONG slots = 2;
	CK_SLOT_ID ids[2];

	assert_ok(side->p11->C_GetSlotList(CK_TRUE, ids, &slots), "C_GetSlotList");
	for (CK_ULONG i = 0; i < slots; i++) {
		assert_ok(side->p11->C_GetTokenInfo(ids[i], &info), "C_GetTokenInfo");
		if ((info.flags & CKF_TOKEN_INITIALIZED) != 0)
			side->slot = ids[i];
	}
}

static void
make_token(struct side *side)
{
	CK_BYTE p256[] = { 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07 };
	CK_UTF8CHAR label[32], so_pin[] = SO_PIN, pin[] = MT_PIN;
	CK_ULONG bits = 2048, slots = 1;
	CK_ATTRIBUTE size = { CKA_MODULUS_BITS, &bits, sizeof(bits) }, curve = { CKA_EC_PARAMS, p256, sizeof(p256) };

	memset(label, ' ', sizeof(label));
	assert_ok(side->p11->C_Initialize(NULL), "C_Initialize");
	assert_ok(side->p11->C_GetSlotList(CK_TRUE, &side->slot, &slots), "C_GetSlotList");
	assert_ok(side->p11->C_InitToken(side->slot, so_pin, sizeof(SO_PIN) - 1, label), "C_InitToken");
	assert_ok(side->p11->C_Finalize(NULL), "C_Finalize");
	assert_ok(side->p11->C_Initialize(NULL), "C_Initialize");
	find_token(side);
	assert_ok(side->p11->C_OpenSession(side->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &side->s),
		  "C_OpenSession");
	assert_ok(side->p11->C_Login(side->s, CKU_SO, so_pin, sizeof(SO_PIN) - 1), "C_Login");
	assert_ok(side->p11->C_InitPIN(side->s, pin, sizeof(MT_PIN) - 1), "C_InitPIN");
	assert_ok(side->p11->C_Logout(side->s), "C_Logout");
	assert_ok(side->p11->C_Login(side->s, CKU_USER, pin, sizeof(MT_PIN) - 1), "C_Login");
	make_pair(side, CKM_RSA_PKCS_KEY_PAIR_GEN, &size, &side->rsa_public, &side->rsa_private);
	make_pair(side, CKM_EC_KEY_PAIR_GEN, &curve, &side->ec_public, &side->ec_private);
	assert_ok(side->p11->C_Finalize(NULL), "C_Finalize");
}

int
sides_load(void **state)
{
	CK_C_GetFunctionList get;
	void *symbol;

	if (mt_load(state) != 0)
		return -1;
	sides[OURS].p11 = mt;
	sides[OURS].slot = 1;
	write_configuration();
	if ((softhsm = dlopen(SOFTHSM_PATH, RTLD_NOW | RTLD_LOCAL)) == NULL)
		return -1;
	symbol = dlsym(softhsm, "C_GetFunctionList");
	memcpy(&get, &symbol, sizeof(get));
	if (symbol == NULL || get(&sides[SOFTHSM].p11) != CKR_OK)
		return -1;
	make_token(&sides[SOFTHSM]);
	return 0;
}

static int
remove_directory(void)
{
	(void)execlp("rm", "rm", "-rf", directory, (char *)NULL);
	return 1;
}

/* SoftHSM itself stays in memory: what it leaves there is its own affair. */
int
sides_unload(void **state)
{
	return mt_in_child(remove_directory) == 0 ? mt_unload(state) : -1;
}

static CK_OBJECT_HANDLE
find_key(struct side *side, CK_OBJECT_CLASS class, CK_KEY_TYPE type)
{
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) } };
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	CK_ULONG found = 0;

	assert_rv(side->p11->C_FindObjectsInit(side->s, template, 2), CKR_OK);
	assert_rv(side->p11->C_FindObjects(side->s, &key, 1, &found), CKR_OK);
	assert_rv(side->p11->C_FindObjectsFinal(side->s), CKR_OK);
	assert_int_equal(found, 1);
	return key;
}

int
sides_set_up(void **state)
{
	CK_UTF8CHAR pin[] = MT_PIN;

	if (mt_set_up(state) != 0)
		return -1;
	for (int i = 0; i < SIDES; i++) {
		struct side *side = &sides[i];

		assert_rv(side->p11->C_Initialize(NULL), CKR_OK);
		assert_rv(side->p11->C_OpenSession(side->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
						   &side->s),
			  CKR_OK);
		assert_rv(side->p11->C_Login(side->s, CKU_USER, pin, sizeof(MT_PIN) - 1), CKR_OK);
		side->rsa_private = find_key(side, CKO_PRIVATE_KEY, CKK_RSA);
		side->rsa_public = find_key(side, CKO_PUBLIC_KEY, CKK_RSA);
		side->ec_private = find_key(side, CKO_PRIVATE_KEY, CKK_EC);
		side->ec_public = find_key(side, CKO_PUBLIC_KEY, CKK_EC);
		side->output_len = 0;
	}
	return 0;
}

int
sides_tear_down(void **state)
{
	(void)sides[SOFTHSM].p11->C_Finalize(NULL);
	return mt_tear_down(state);
}

/* Comparison --------------------------------------------------------------------------------------------------------- */

const char *
step_name(const char *format, ...)
{
	static char text[120];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return text;
}

static bool
alike(struct outcome a, struct outcome b)
{
	return a.rv == b.rv && ((a.rv != CKR_OK && a.rv != CKR_BUFFER_TOO_SMALL) || a.len == b.len);
}

static bool
may_differ(const char *name, struct outcome ours, struct outcome theirs)
{
	for (size_t i = 0; i < difference_count; i++) {
		struct difference *d = &differences[i];

		if (strncmp(name, d->step, strlen(d->step)) == 0 && d->ours == ours.rv && d->softhsm == theirs.rv) {
			d->used++;
			return true;
		}
	}
	return false;
}

CK_RV
same(const char *name, step run, const struct about *about)
{
	struct outcome ours = run(&sides[OURS], about), theirs = run(&sides[SOFTHSM], about);

	count++;
	if (!alike(ours, theirs) && !may_differ(name, ours, theirs))
		fail_msg("%s: ours 0x%lX (%lu bytes), SoftHSM's 0x%lX (%lu bytes)", name, ours.rv, ours.len, theirs.rv,
			 theirs.len);
	return ours.rv == CKR_OK ? theirs.rv : ours.rv;
}

unsigned
compared(void)
{
	return count;
}
