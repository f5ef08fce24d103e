/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one program's login is worth to others on the same card: nothing. A scheduler lets one copy of the module, logged
 * in, take turns with another that is not, and with a program that sends its commands without asking anybody. D3
 */
#define DWORD pcsc_dword
#include <winscard.h>
#undef DWORD

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "module/fixture.h"
#include "vcard/perso_piv.h"

#define STEPS 1000u
#define HOLD "MINIDRIVER_PKCS11_TRANSACTION_TIMEOUT_MS"
#define RSA_BYTES 256u

static unsigned long random_state;

static unsigned
choose(unsigned count)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % count;
}

/* The program without manners ------------------------------------------------------------------------------------------- */

static struct {
	SCARDCONTEXT context;
	SCARDHANDLE card;
} raw;

static void
raw_connect(void)
{
	pcsc_dword protocol;

	assert_int_equal(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &raw.context), SCARD_S_SUCCESS);
	assert_int_equal(SCardConnect(raw.context, MT_READER, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &raw.card,
				      &protocol),
			 SCARD_S_SUCCESS);
}

static void
raw_disconnect(void)
{
	(void)SCardDisconnect(raw.card, SCARD_LEAVE_CARD);
	(void)SCardReleaseContext(raw.context);
}

/* The status word. */
static unsigned
raw_send(const uint8_t *command, size_t len)
{
	uint8_t answer[1024];
	pcsc_dword answer_len = sizeof(answer), protocol;
	LONG rv = SCardTransmit(raw.card, SCARD_PCI_T1, command, len, NULL, answer, &answer_len);

	if (rv == SCARD_W_RESET_CARD) {
		assert_int_equal(SCardReconnect(raw.card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_LEAVE_CARD,
						&protocol),
				 SCARD_S_SUCCESS);
		return 0x6982;
	}
	assert_int_equal(rv, SCARD_S_SUCCESS);
	assert_true(answer_len >= 2);
	return (unsigned)answer[answer_len - 2] << 8 | answer[answer_len - 1];
}

static bool
is_done(unsigned sw)
{
	return sw == 0x9000 || (sw & 0xFF00) == 0x6100;
}

/* The RSA key of GIDS container 0. */
static unsigned
gids_sign(void)
{
	static const uint8_t mse[] = { 0x00, 0x22, 0x41, 0xB6, 0x06, 0x80, 0x01, 0x57, 0x84, 0x01, 0x81 };
	uint8_t pso[5 + 51 + 1] = { 0x00, 0x2A, 0x9E, 0x9A, 51 };
	static const uint8_t info[] = { 0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
					0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20 };

	memcpy(pso + 5, info, sizeof(info));
	(void)raw_send(mse, sizeof(mse));
	return raw_send(pso, sizeof(pso));
}

static unsigned
send_chained(uint8_t ins, uint8_t p1, uint8_t p2, const uint8_t *data, size_t len)
{
	uint8_t first[5 + 255] = { 0x10, ins, p1, p2, 255 }, last[5 + 255 + 1] = { 0x00, ins, p1, p2 };

	memcpy(first + 5, data, 255);
	if (raw_send(first, sizeof(first)) != 0x9000)
		return 0x6982;
	last[4] = (uint8_t)(len - 255);
	memcpy(last + 5, data + 255, len - 255);
	return raw_send(last, 5 + len - 255 + 1);
}

static unsigned
gids_decrypt(void)
{
	static const uint8_t mse[] = { 0x00, 0x22, 0x41, 0xB8, 0x06, 0x80, 0x01, 0x07, 0x84, 0x01, 0x81 };
	static const uint8_t cipher[RSA_BYTES] = { 0x01 };

	(void)raw_send(mse, sizeof(mse));
	return send_chained(0x2A, 0x80, 0x86, cipher, sizeof(cipher));
}

/* The map of containers, which only the user may write. */
static unsigned
gids_write(void)
{
	static const uint8_t put[] = { 0x00, 0xDB, 0xA0, 0x10, 0x05, 0xDF, 0x23, 0x02, 0x01, 0x02 };

	return raw_send(put, sizeof(put));
}

/* The RSA key in 9A: signs and decrypts by the same command. */
static unsigned
piv_use(void)
{
	static const uint8_t template[] = { 0x7C, 0x82, 0x01, 0x06, 0x82, 0x00, 0x81, 0x82, 0x01, 0x00 };
	uint8_t data[sizeof(template) + RSA_BYTES] = { 0 };

	memcpy(data, template, sizeof(template));
	data[sizeof(data) - 1] = 2;
	return send_chained(0x87, 0x07, 0x9A, data, sizeof(data));
}

/* A certificate; the management key was never shown. */
static unsigned
piv_write(void)
{
	static const uint8_t put[] = { 0x00, 0xDB, 0x3F, 0xFF, 0x09, 0x5C, 0x03,
				       0x5F, 0xC1, 0x05, 0x53, 0x02, 0x70, 0x00 };

	return raw_send(put, sizeof(put));
}

static const struct kind {
	unsigned (*use[3])(void);
	uint8_t select[14], select_len;
	uint8_t pin[13], pin_len; /* the command that shows the PIN */
	CK_BYTE id;		  /* of the key */
} gids = { { gids_sign, gids_decrypt, gids_write },
	   { 0x00, 0xA4, 0x04, 0x00, 9, 0xA0, 0x00, 0x00, 0x03, 0x97, 0x42, 0x54, 0x46, 0x59 },
	   14,
	   { 0x00, 0x20, 0x00, 0x80, 6, '1', '2', '3', '4', '5', '6' },
	   11,
	   0 },
  piv = { { piv_use, piv_use, piv_write },
	  { 0x00, 0xA4, 0x04, 0x00, 5, 0xA0, 0x00, 0x00, 0x03, 0x08 },
	  10,
	  { 0x00, 0x20, 0x00, 0x80, 8, '1', '2', '3', '4', '5', '6', 0xFF, 0xFF },
	  13,
	  1 };

/* With the PIN shown the attack works: otherwise the test would show nothing. */
static void
check_attack(const struct kind *kind)
{
	pcsc_dword protocol;

	assert_true(is_done(raw_send(kind->select, kind->select_len)));
	assert_true(is_done(raw_send(kind->pin, kind->pin_len)));
	assert_true(is_done(kind->use[0]()));
	assert_int_equal(SCardReconnect(raw.card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_RESET_CARD, &protocol),
			 SCARD_S_SUCCESS);
}

/* The two copies ---------------------------------------------------------------------------------------------------------- */

struct copy {
	CK_FUNCTION_LIST *list;
	CK_SESSION_HANDLE session;
	CK_BYTE id;
	CK_OBJECT_HANDLE key; /* found while logged in */
	bool logged_in;
};

static CK_RV
sign(const struct copy *c)
{
	CK_MECHANISM mechanism = { CKM_RSA_PKCS, NULL, 0 };
	CK_BYTE data[20] = "some bytes", signature[RSA_BYTES];
	CK_ULONG len = sizeof(signature);
	CK_RV rv = c->list->C_SignInit(c->session, &mechanism, c->key);

	return rv == CKR_OK ? c->list->C_Sign(c->session, data, sizeof(data), signature, &len) : rv;
}

static CK_RV
decrypt(const struct copy *c)
{
	CK_MECHANISM mechanism = { CKM_RSA_X_509, NULL, 0 };
	CK_BYTE cipher[RSA_BYTES] = { 1 }, plain[RSA_BYTES];
	CK_ULONG len = sizeof(plain);
	CK_RV rv = c->list->C_DecryptInit(c->session, &mechanism, c->key);

	return rv == CKR_OK ? c->list->C_Decrypt(c->session, cipher, sizeof(cipher), plain, &len) : rv;
}

static CK_RV
write_object(const struct copy *c)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BBOOL yes = CK_TRUE;
	CK_BYTE value[] = { 1 };
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) },
				    { CKA_TOKEN, &yes, 1 },
				    { CKA_PRIVATE, &yes, 1 },
				    { CKA_VALUE, value, 1 } };
	CK_OBJECT_HANDLE made;

	return c->list->C_CreateObject(c->session, template, 4, &made);
}

/* Handles of private objects end with the login, so the key is looked for anew. */
static void
log_in(struct copy *c)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, &c->id, 1 } };
	CK_UTF8CHAR pin[] = MT_PIN;
	CK_ULONG count = 0;

	if (c->logged_in)
		return;
	assert_rv(c->list->C_Login(c->session, CKU_USER, pin, sizeof(MT_PIN) - 1), CKR_OK);
	assert_rv(c->list->C_FindObjectsInit(c->session, template, 2), CKR_OK);
	assert_rv(c->list->C_FindObjects(c->session, &c->key, 1, &count), CKR_OK);
	assert_rv(c->list->C_FindObjectsFinal(c->session), CKR_OK);
	assert_int_equal(count, 1);
	c->logged_in = true;
}

static CK_RV
log_out(struct copy *c)
{
	c->logged_in = false;
	return c->list->C_Logout(c->session);
}

static void
open_copy(struct copy *c, CK_FUNCTION_LIST *list, CK_BYTE id)
{
	*c = (struct copy){ .list = list, .id = id };
	assert_rv(list->C_Initialize(NULL), CKR_OK);
	assert_rv(list->C_OpenSession(1, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &c->session), CKR_OK);
	log_in(c);
}

/* The scheduler ----------------------------------------------------------------------------------------------------------- */

static void
user_step(struct copy *user)
{
	log_in(user);
	switch (choose(5)) {
	case 0: assert_rv(log_out(user), CKR_OK); break;
	case 1: assert_rv(decrypt(user), CKR_OK); break;
	default: assert_rv(sign(user), CKR_OK); break;
	}
}

static void
nobody_step(const struct copy *nobody)
{
	CK_TOKEN_INFO token;

	switch (choose(4)) {
	case 0: assert_true(sign(nobody) != CKR_OK); break;
	case 1: assert_true(decrypt(nobody) != CKR_OK); break;
	case 2: assert_true(write_object(nobody) != CKR_OK); break;
	default: assert_rv(nobody->list->C_GetTokenInfo(1, &token), CKR_OK); break;
	}
}

static void
raw_step(const struct kind *kind)
{
	assert_false(is_done(kind->use[choose(3)]()));
}

static void
rest(void)
{
	const struct timespec t = { 0, (long)choose(2000000) };

	if (choose(4) == 0)
		(void)nanosleep(&t, NULL);
}

static void
interleave(const struct kind *kind, CK_FUNCTION_LIST *other, const char *hold, unsigned steps)
{
	struct copy user, nobody;

	assert_int_equal(setenv(HOLD, hold, 1), 0);
	open_copy(&user, mt, kind->id);
	open_copy(&nobody, other, kind->id);
	assert_rv(log_out(&nobody), CKR_OK);
	for (unsigned i = 0; i < steps; i++) {
		switch (choose(4)) {
		case 0:
		case 1: user_step(&user); break;
		case 2: nobody_step(&nobody); break;
		default: raw_step(kind); break;
		}
		rest();
	}
	assert_rv(other->C_Finalize(NULL), CKR_OK);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	assert_int_equal(unsetenv(HOLD), 0);
}

static void
run(const struct kind *kind)
{
	static const char *const holds[] = { "0", "1", "2", "5" };
	CK_FUNCTION_LIST *other;
	void *handle;

	random_state = 20;
	other = mt_load_copy(&handle);
	raw_connect();
	check_attack(kind);
	for (unsigned i = 0; i < 4; i++)
		interleave(kind, other, holds[i], mt_times(STEPS) / 4);
	raw_disconnect();
	assert_int_equal(dlclose(handle), 0);
}

static void
test_gids(void **state)
{
	(void)state;
	run(&gids);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

static void
test_piv(void **state)
{
	const struct vcard_profile profile = { .applications = VCARD_PIV, .piv = { .quirks = VCARD_PIV_APPLET } };
	const char *path = mt_path("cards/piv");
	struct vcard *card;

	(void)state;
	mt_remove(MT_READER);
	assert_int_equal(vcard_create(path, &profile), 0);
	assert_non_null(card = vcard_open(path));
	assert_int_equal(vcard_piv_reference(card, NULL), 0);
	assert_int_equal(vcard_save(card), 0);
	vcard_close(card);
	assert_int_equal(symlink(mt_path("cards/piv"), mt_path("readers/%s/card", MT_READER)), 0);
	run(&piv);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_gids, mt_set_up, mt_tear_down),
		cmocka_unit_test_setup_teardown(test_piv, mt_set_up, mt_tear_down),
	};

	return cmocka_run_group_tests_name("sharing a login", tests, mt_load, mt_unload);
}
