/* SPDX-License-Identifier: BSD-2-Clause */
/* Two programs that use the module: the user, who logs in, and a stranger. Nothing in them fails a test; they report. */
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "module/fixture.h"
#include "module/interleave.h"

#define RSA_MAX 256u

static struct {
	struct stage *stage;
	unsigned process;
	CK_SESSION_HANDLE session;
	bool logged_in;
} own;

/* IDs of the keys that sign, decrypt, and want the PIN each time. */
static CK_BYTE
signing_id(void)
{
	return own.stage->piv ? 1 : 0;
}

static CK_BYTE
decrypting_id(void)
{
	return own.stage->piv ? 3 : 0;
}

#define ALWAYS_ID 2

static void
set_logged_in(bool logged_in)
{
	own.logged_in = logged_in;
	if (own.process == USER)
		own.stage->logged_in = logged_in;
}

static CK_RV
start(void)
{
	CK_RV rv = mt->C_Initialize(NULL);

	set_logged_in(false);
	return rv != CKR_OK ? rv : mt->C_OpenSession(1, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &own.session);
}

static CK_RV
present_pin(CK_USER_TYPE user)
{
	CK_UTF8CHAR pin[] = MT_PIN;

	return mt->C_Login(own.session, user, pin, sizeof(MT_PIN) - 1);
}

static CK_RV
log_in(void)
{
	CK_RV rv = own.logged_in ? CKR_OK : present_pin(CKU_USER);

	set_logged_in(rv == CKR_OK);
	return rv;
}

static CK_RV
log_out(void)
{
	CK_RV rv = own.logged_in ? mt->C_Logout(own.session) : CKR_OK;

	set_logged_in(false);
	return rv;
}

static CK_RV
find(CK_OBJECT_CLASS class, CK_BYTE id, CK_OBJECT_HANDLE *ret_object)
{
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, &id, 1 } };
	CK_ULONG count = 0;
	CK_RV rv = mt->C_FindObjectsInit(own.session, template, 2);

	if (rv != CKR_OK)
		return rv;
	rv = mt->C_FindObjects(own.session, ret_object, 1, &count);
	(void)mt->C_FindObjectsFinal(own.session);
	return rv == CKR_OK && count == 0 ? CKR_KEY_HANDLE_INVALID : rv;
}

static CK_RV
begin_signature(CK_BYTE id)
{
	CK_MECHANISM mechanism = { id == ALWAYS_ID ? CKM_ECDSA_SHA256 : CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_OBJECT_HANDLE key;
	CK_RV rv = find(CKO_PRIVATE_KEY, id, &key);

	return rv == CKR_OK ? mt->C_SignInit(own.session, &mechanism, key) : rv;
}

static CK_RV
verify(CK_BYTE id, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature, CK_ULONG len)
{
	CK_MECHANISM mechanism = { id == ALWAYS_ID ? CKM_ECDSA_SHA256 : CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_OBJECT_HANDLE key;
	CK_RV rv = find(CKO_PUBLIC_KEY, id, &key);

	if (rv == CKR_OK)
		rv = mt->C_VerifyInit(own.session, &mechanism, key);
	return rv == CKR_OK ? mt->C_Verify(own.session, data, data_len, signature, len) : rv;
}

static CK_RV
sign(CK_BYTE id)
{
	CK_BYTE data[] = "whole", signature[RSA_MAX];
	CK_ULONG len = sizeof(signature);
	CK_RV rv = begin_signature(id);

	if (rv == CKR_OK && id == ALWAYS_ID)
		rv = present_pin(CKU_CONTEXT_SPECIFIC);
	if (rv == CKR_OK)
		rv = mt->C_Sign(own.session, data, sizeof(data), signature, &len);
	return rv == CKR_OK ? verify(id, data, sizeof(data), signature, len) : rv;
}

static CK_RV
sign_in_parts(void)
{
	CK_BYTE data[] = "in parts", signature[RSA_MAX];
	CK_ULONG len = sizeof(signature);
	CK_RV rv = begin_signature(signing_id());

	for (size_t i = 0; i < sizeof(data) && rv == CKR_OK; i += 3) {
		gate_pass(GATE_STEP);
		rv = mt->C_SignUpdate(own.session, data + i, 3);
	}
	if (rv == CKR_OK)
		rv = mt->C_SignFinal(own.session, signature, &len);
	return rv == CKR_OK ? verify(signing_id(), data, sizeof(data), signature, len) : rv;
}
_Static_assert(sizeof("in parts") % 3 == 0, "parts are of one size");

static CK_RV
encrypt(CK_BYTE *data, CK_ULONG data_len, CK_BYTE ret_cipher[RSA_MAX], CK_ULONG *ret_len)
{
	CK_MECHANISM mechanism = { CKM_RSA_PKCS, NULL, 0 };
	CK_OBJECT_HANDLE key;
	CK_RV rv = find(CKO_PUBLIC_KEY, decrypting_id(), &key);

	*ret_len = RSA_MAX;
	if (rv == CKR_OK)
		rv = mt->C_EncryptInit(own.session, &mechanism, key);
	return rv == CKR_OK ? mt->C_Encrypt(own.session, data, data_len, ret_cipher, ret_len) : rv;
}

static CK_RV
decrypt(void)
{
	CK_MECHANISM mechanism = { CKM_RSA_PKCS, NULL, 0 };
	CK_BYTE data[] = "a message", cipher[RSA_MAX], plain[RSA_MAX];
	CK_ULONG cipher_len, len = sizeof(plain);
	CK_OBJECT_HANDLE key;
	CK_RV rv = encrypt(data, sizeof(data), cipher, &cipher_len);

	if (rv == CKR_OK)
		rv = find(CKO_PRIVATE_KEY, decrypting_id(), &key);
	if (rv == CKR_OK)
		rv = mt->C_DecryptInit(own.session, &mechanism, key);
	if (rv == CKR_OK)
		rv = mt->C_Decrypt(own.session, cipher, cipher_len, plain, &len);
	if (rv == CKR_OK && (len != sizeof(data) || memcmp(plain, data, len) != 0))
		rv = CKR_ENCRYPTED_DATA_INVALID;
	return rv;
}

static CK_RV
create(CK_OBJECT_HANDLE *ret_object)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BBOOL yes = CK_TRUE;
	CK_BYTE value[] = "something to keep";
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) },
				    { CKA_TOKEN, &yes, 1 },
				    { CKA_VALUE, value, sizeof(value) } };

	return mt->C_CreateObject(own.session, template, 3, ret_object);
}

static CK_RV
write_and_remove(void)
{
	CK_OBJECT_HANDLE object;
	CK_RV rv = create(&object);

	if (rv != CKR_OK)
		return rv;
	gate_pass(GATE_STEP);
	return mt->C_DestroyObject(own.session, object);
}

static CK_RV
start_anew(void)
{
	CK_RV rv = mt->C_Finalize(NULL);

	return rv == CKR_OK ? start() : rv;
}

static CK_RV
work(unsigned what)
{
	CK_RV rv = log_in();

	if (rv != CKR_OK)
		return rv;
	switch (what) {
	case USER_SIGNS: return sign(signing_id());
	case USER_SIGNS_IN_PARTS: return sign_in_parts();
	case USER_DECRYPTS: return decrypt();
	case USER_WRITES: return own.stage->piv ? sign(signing_id()) : write_and_remove();
	default: return sign(own.stage->piv ? ALWAYS_ID : signing_id());
	}
}

static CK_RV
act_as_user(unsigned what)
{
	switch (what) {
	case USER_STARTS_ANEW: return start_anew();
	case USER_LOGS_OUT: return log_out();
	default: return work(what);
	}
}

/* Stranger ---------------------------------------------------------------------------------------------------------------- */

/* Handles are small numbers, so a program may guess one. */
static CK_RV
sign_by_guessing(void)
{
	CK_MECHANISM mechanism = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_BYTE data[] = "whole", signature[RSA_MAX];
	CK_RV rv = CKR_KEY_HANDLE_INVALID;

	for (CK_OBJECT_HANDLE key = 1; key < 10 && rv != CKR_OK; key++) {
		CK_ULONG len = sizeof(signature);

		rv = mt->C_SignInit(own.session, &mechanism, key);
		if (rv == CKR_OK)
			rv = mt->C_Sign(own.session, data, sizeof(data), signature, &len);
	}
	return rv;
}

static CK_RV
try_to_sign(void)
{
	CK_RV rv = sign(signing_id());

	return rv == CKR_OK ? rv : sign_by_guessing();
}

static CK_RV
try_to_destroy(void)
{
	CK_OBJECT_HANDLE object;
	CK_RV rv = find(CKO_CERTIFICATE, signing_id(), &object);

	return rv == CKR_OK ? mt->C_DestroyObject(own.session, object) : rv;
}

static CK_RV
try_to_generate(void)
{
	CK_MECHANISM mechanism = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_BYTE p256[] = { 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07 }, id = 4;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE public[] = { { CKA_EC_PARAMS, p256, sizeof(p256) }, { CKA_TOKEN, &yes, 1 } };
	CK_ATTRIBUTE private[] = { { CKA_TOKEN, &yes, 1 }, { CKA_ID, &id, 1 } };
	CK_OBJECT_HANDLE made[2];

	return mt->C_GenerateKeyPair(own.session, &mechanism, public, 2, private, 2, &made[0], &made[1]);
}

/* A login of the stranger's own, which has ended before the card is asked. */
static CK_RV
sign_late(void)
{
	CK_BYTE data[] = "whole", signature[RSA_MAX];
	CK_ULONG len = sizeof(signature);
	CK_RV rv = log_in();

	if (rv == CKR_OK)
		rv = begin_signature(signing_id());
	if (rv != CKR_OK || log_out() != CKR_OK)
		return CKR_OK; /* this much must go well */
	gate_pass(GATE_STEP);
	return mt->C_Sign(own.session, data, sizeof(data), signature, &len);
}

/* Here success is what is wanted, so it is told as a failure and the other way round. */
static CK_RV
read_public(void)
{
	CK_TOKEN_INFO info;
	CK_OBJECT_HANDLE key;
	CK_RV rv = mt->C_GetTokenInfo(1, &info);

	if (rv == CKR_OK)
		rv = find(CKO_PUBLIC_KEY, decrypting_id(), &key);
	return rv == CKR_OK ? CKR_USER_NOT_LOGGED_IN : CKR_OK;
}

static CK_RV
act_as_stranger(unsigned what)
{
	CK_OBJECT_HANDLE object;

	switch (what) {
	case STRANGER_SIGNS: return try_to_sign();
	case STRANGER_DECRYPTS: return decrypt();
	case STRANGER_CREATES: return create(&object);
	case STRANGER_DESTROYS: return try_to_destroy();
	case STRANGER_GENERATES: return try_to_generate();
	case STRANGER_SIGNS_LATE: return sign_late();
	default: return read_public();
	}
}

/* Either ------------------------------------------------------------------------------------------------------------------ */

static void
run(struct stage *stage, unsigned process, CK_RV (*act)(unsigned what))
{
	struct script *script = &stage->scripts[process];
	CK_RV rv;

	own.stage = stage;
	own.process = process;
	gate_join(process);
	rv = start();
	for (gate_pass(GATE_READY); !stage->over && rv == CKR_OK; gate_pass(GATE_READY)) {
		for (unsigned i = 0; i < script->count; i++) {
			gate_pass(GATE_STEP);
			script->results[i] = act(script->acts[i]);
		}
	}
	gate_leave();
	if (rv == CKR_OK)
		rv = mt->C_Finalize(NULL);
	_exit(rv == CKR_OK ? 0 : 1);
}

void
user_run(struct stage *stage)
{
	run(stage, USER, act_as_user);
}

void
stranger_run(struct stage *stage)
{
	run(stage, STRANGER, act_as_stranger);
}
