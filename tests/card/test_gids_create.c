/* SPDX-License-Identifier: BSD-2-Clause */
/* GIDS: containers made by key generation, and removed. RSA keys are few, since they take their time. */
#include <stdio.h>
#include <string.h>

#include "card/gids_card.h"
#include "gids/gids.h"

static struct kit strict, applet, t0;
static const struct kit *const kits[] = { &strict, &applet, &t0 };

static int
make_kits(void **state)
{
	(void)state;
	kit_make(&strict, &(struct vcard_profile){ .quirks = VCARD_STRICT, .ecc = true }, true);
	kit_make(&applet, &(struct vcard_profile){ .quirks = VCARD_APPLET, .ecc = true }, true);
	kit_make(&t0, &(struct vcard_profile){ .quirks = VCARD_APPLET | VCARD_T0 | VCARD_ECDSA_DER, .ecc = true },
		 true);
	return 0;
}

static int
free_kits(void **state)
{
	(void)state;
	kit_free(&strict);
	kit_free(&applet);
	kit_free(&t0);
	return 0;
}

static void
open_user(struct rig *rig, const struct kit *kit)
{
	rig_acquire(rig, kit);
	assert_int_equal(rig_verify(rig, KIT_PIN), SCARD_S_SUCCESS);
}

static DWORD
generate(struct rig *rig, BYTE index, DWORD spec, DWORD size)
{
	return rig->data.pfnCardCreateContainerEx(&rig->data, index, CARD_CREATE_CONTAINER_KEY_GEN, spec, size, NULL,
						  ROLE_USER);
}

static DWORD
info_of(struct rig *rig, BYTE index, CONTAINER_INFO *ret_info)
{
	*ret_info = (CONTAINER_INFO){ .dwVersion = CONTAINER_INFO_CURRENT_VERSION };
	return rig->data.pfnCardGetContainerInfo(&rig->data, index, 0, ret_info);
}

static void
assert_no_key(struct rig *rig, BYTE index)
{
	CONTAINER_INFO info;

	assert_int_equal(info_of(rig, index, &info), SCARD_E_NO_KEY_CONTAINER);
}

static void
assert_signs(struct rig *rig, BYTE index, DWORD spec)
{
	static const BYTE digest[32] = { 1 };
	const BCRYPT_PKCS1_PADDING_INFO pkcs1 = { "SHA256" };
	bool rsa = spec == AT_KEYEXCHANGE || spec == AT_SIGNATURE;
	CARD_SIGNING_INFO info;

	assert_int_equal(rig_sign(rig, index, spec, rsa ? CARD_PADDING_PKCS1 : CARD_PADDING_NONE, rsa ? &pkcs1 : NULL,
				  cur_of(digest, sizeof(digest)), &info),
			 SCARD_S_SUCCESS);
	rig->data.pfnCspFree(info.pbSignedData);
}

/* every kind of key, which works at once and in the next transaction */
static void
test_kinds(void **state)
{
	static const struct {
		DWORD spec, size;
		unsigned bits;
		bool exchange;
	} rows[] = {
		{ AT_ECDSA_P256, 0, 256, false },     { AT_ECDSA_P384, 0, 384, false },
		{ AT_ECDSA_P521, 0, 521, false },     { AT_SIGNATURE, 1024, 1024, false },
		{ AT_KEYEXCHANGE, 1024, 1024, true },
	};
	CONTAINER_INFO info = { 0 }, again;
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		open_user(&rig, kits[k]);
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			const struct public_key *key = rows[i].exchange ? &info.KeyExPublicKey : &info.SigPublicKey;

			assert_int_equal(generate(&rig, (BYTE)(2 + i), rows[i].spec, rows[i].size), SCARD_S_SUCCESS);
			(void)rig_exchanges(&rig);
			assert_int_equal(info_of(&rig, (BYTE)(2 + i), &info), SCARD_S_SUCCESS);
			/* the card has just said */
			assert_int_equal(rig_exchanges(&rig), 0);
			assert_int_equal(key->bits, rows[i].bits);
			assert_signs(&rig, (BYTE)(2 + i), rows[i].spec);
			rig_next(&rig);
			assert_int_equal(info_of(&rig, (BYTE)(2 + i), &again), SCARD_S_SUCCESS);
			assert_true(rig_exchanges(&rig) > 0);
			assert_true(pubkey_equal(&info.SigPublicKey, &again.SigPublicKey));
			assert_true(pubkey_equal(&info.KeyExPublicKey, &again.KeyExPublicKey));
			assert_signs(&rig, (BYTE)(2 + i), rows[i].spec);
		}
		assert_signs(&rig, 0, AT_KEYEXCHANGE);
		rig_close(&rig);
	}
}

/* a key in the place of another one, of another kind; the other slot stays as it is, and both keys work */
static void
test_replace(void **state)
{
	CONTAINER_INFO before, info;
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		open_user(&rig, kits[k]);
		assert_int_equal(info_of(&rig, 0, &before), SCARD_S_SUCCESS);
		for (DWORD spec = AT_ECDSA_P384; spec >= AT_ECDSA_P256; spec--) {
			assert_int_equal(generate(&rig, 0, spec, 0), SCARD_S_SUCCESS);
			assert_signs(&rig, 0, spec);
			assert_signs(&rig, 0, AT_KEYEXCHANGE);
			rig_next(&rig);
			assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
			assert_int_equal(info_of(&rig, 0, &info), SCARD_S_SUCCESS);
			assert_int_equal(info.SigPublicKey.bits, spec == AT_ECDSA_P384 ? 384 : 256);
			assert_true(pubkey_equal(&info.KeyExPublicKey, &before.KeyExPublicKey));
		}
		/* and the exchange key in its own place */
		assert_int_equal(generate(&rig, 0, AT_KEYEXCHANGE, 1024), SCARD_S_SUCCESS);
		rig_next(&rig);
		before = info;
		assert_int_equal(info_of(&rig, 0, &info), SCARD_S_SUCCESS);
		assert_true(pubkey_equal(&info.SigPublicKey, &before.SigPublicKey));
		assert_false(pubkey_equal(&info.KeyExPublicKey, &before.KeyExPublicKey));
		assert_signs(&rig, 0, AT_ECDSA_P256);
		assert_signs(&rig, 0, AT_KEYEXCHANGE);
		assert_signs(&rig, 1, AT_ECDSA_P256);
		/* both go together */
		assert_int_equal(rig.data.pfnCardDeleteContainer(&rig.data, 0, 0), SCARD_S_SUCCESS);
		assert_no_key(&rig, 0);
		rig_next(&rig);
		assert_no_key(&rig, 0);
		rig_close(&rig);
	}
}

/* under the administrator alone no key is made, and the one that was there stays */
static void
test_admin_alone(void **state)
{
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
		assert_int_equal(rig_admin(&rig), SCARD_S_SUCCESS);
		assert_int_equal(generate(&rig, 1, AT_ECDSA_P256, 0), SCARD_W_SECURITY_VIOLATION);
		assert_int_equal(generate(&rig, 2, AT_ECDSA_P256, 0), SCARD_W_SECURITY_VIOLATION);
		assert_no_key(&rig, 2);
		assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
		assert_signs(&rig, 1, AT_ECDSA_P256);
		/* deleting is the administrator's as well */
		assert_int_equal(rig_logout(&rig), SCARD_S_SUCCESS);
		assert_int_equal(rig_admin(&rig), SCARD_S_SUCCESS);
		assert_int_equal(rig.data.pfnCardDeleteContainer(&rig.data, 1, 0), SCARD_S_SUCCESS);
		assert_no_key(&rig, 1);
		rig_close(&rig);
	}
}

/* and the other container stays */
static void
test_delete(void **state)
{
	CARD_FREE_SPACE_INFO space = { .dwVersion = 1 };
	struct rig rig;
	CARD_DATA *d = &rig.data;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		open_user(&rig, kits[k]);
		assert_int_equal(d->pfnCardQueryFreeSpace(d, 0, &space), SCARD_S_SUCCESS);
		assert_int_equal(space.dwKeyContainersAvailable, 28);
		assert_int_equal(d->pfnCardDeleteContainer(d, 0, 0), SCARD_S_SUCCESS);
		assert_no_key(&rig, 0);
		assert_int_equal(d->pfnCardQueryFreeSpace(d, 0, &space), SCARD_S_SUCCESS);
		assert_int_equal(space.dwKeyContainersAvailable, 29);
		rig_next(&rig);
		assert_no_key(&rig, 0);
		assert_int_equal(d->pfnCardDeleteContainer(d, 0, 0), SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardDeleteContainer(d, 29, 0), SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardDeleteContainer(d, 30, 0), SCARD_E_NO_KEY_CONTAINER);
		assert_signs(&rig, 1, AT_ECDSA_P256);
		/* files are not its affair */
		assert_int_equal(rig_read(&rig, "mscp", "kxc00", NULL), SCARD_S_SUCCESS);
		assert_int_equal(generate(&rig, 0, AT_ECDSA_P256, 0), SCARD_S_SUCCESS);
		assert_signs(&rig, 0, AT_ECDSA_P256);
		rig_close(&rig);
	}
}

/* before anything is sent */
static void
test_parameters(void **state)
{
	const struct private_key key = PRIVKEY_INIT;
	struct rig rig;
	CARD_DATA *d = &rig.data;

	(void)state;
	rig_acquire(&rig, &strict);
#define CREATE(index, flags, spec, size, role) d->pfnCardCreateContainerEx(d, index, flags, spec, size, NULL, role)
	assert_int_equal(CREATE(2, 0, AT_SIGNATURE, 2048, ROLE_USER), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(CREATE(2, 3, AT_SIGNATURE, 2048, ROLE_USER), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(CREATE(2, 1, 0, 2048, ROLE_USER), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(CREATE(2, 1, 9, 2048, ROLE_USER), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(CREATE(2, 1, AT_SIGNATURE, 0, ROLE_USER), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(CREATE(2, 1, AT_SIGNATURE, 1536, ROLE_USER), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(CREATE(2, 1, AT_ECDSA_P256, 256, ROLE_USER), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(CREATE(2, 1, AT_ECDHE_P256, 0, ROLE_USER), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(CREATE(2, 2, AT_SIGNATURE, 2048, ROLE_USER), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(CREATE(30, 1, AT_SIGNATURE, 2048, ROLE_USER), SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(CREATE(255, 1, AT_SIGNATURE, 2048, ROLE_USER), SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(CREATE(2, 1, AT_SIGNATURE, 2048, ROLE_ADMIN), SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(CREATE(2, 1, AT_SIGNATURE, 2048, ROLE_EVERYONE), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(CREATE(2, 1, AT_SIGNATURE, 2048, 3), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(d->pfnCardCreateContainerEx(d, 2, 1, AT_SIGNATURE, 2048, &key, ROLE_USER),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(d->pfnCardCreateContainerEx(NULL, 2, 1, AT_SIGNATURE, 2048, NULL, ROLE_USER),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(d->pfnCardDeleteContainer(d, 2, 1), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig_exchanges(&rig), 0);
	/* nobody is authenticated */
	assert_int_equal(generate(&rig, 2, AT_ECDSA_P256, 0), SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(d->pfnCardDeleteContainer(d, 0, 0), SCARD_W_SECURITY_VIOLATION);
	rig_next(&rig);
	assert_no_key(&rig, 2);
	rig_close(&rig);
}

/*
 * M7: wrong template, no exponent, other size, other kind of key, nothing; and the card that refuses. Nothing is left, and
 * the place is good for the next key.
 */
static void
test_bad_answers(void **state)
{
	static const struct {
		const char *fault;
		DWORD expected;
	} rows[] = {
		{ "ins=47:empty", SCARD_E_UNEXPECTED },
		{ "ins=47:cut=10", SCARD_E_UNEXPECTED },
		{ "ins=47:body=20", SCARD_E_UNEXPECTED },
		{ "ins=47:data=7F499000", SCARD_E_UNEXPECTED },
		{ "ins=47:data=7F480786058400000000009000", SCARD_E_UNEXPECTED },
		{ "ins=47:data=7F49078605040102030400009000", SCARD_E_UNEXPECTED },
		{ "ins=47:data=7F4906810103820103"
		  "9000",
		  SCARD_E_UNEXPECTED },
		{ "ins=47:extend=00", SCARD_E_UNEXPECTED },
		{ "ins=47:sw=6A81", SCARD_E_UNSUPPORTED_FEATURE },
		{ "ins=47:sw=6A84", SCARD_E_WRITE_TOO_MANY },
		{ "ins=44:sw=6985", SCARD_E_UNEXPECTED },
		{ "ins=E0:sw=6A84", SCARD_E_WRITE_TOO_MANY },
		{ "ins=E0:sw=6A80", SCARD_E_INVALID_PARAMETER },
		{ "ins=DB:sw=6A84", SCARD_E_WRITE_TOO_MANY },
	};
	CONTAINER_INFO info;
	struct rig rig;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		open_user(&rig, kits[i % 2]);
		rig_faults(&rig, rows[i / 2].fault);
		assert_int_equal(generate(&rig, 2, AT_ECDSA_P256, 0), rows[i / 2].expected);
		rig_faults(&rig, "");
		assert_no_key(&rig, 2);
		rig_next(&rig);
		assert_no_key(&rig, 2);
		assert_int_equal(generate(&rig, 2, AT_ECDSA_P384, 0), SCARD_S_SUCCESS);
		assert_signs(&rig, 2, AT_ECDSA_P384);
		assert_int_equal(info_of(&rig, 0, &info), SCARD_S_SUCCESS);
		rig_close(&rig);
	}
	/* a good key of another curve than was asked for */
	open_user(&rig, &strict);
	rig_faults(&rig,
		   "ins=47:data="
		   "7F494386410404C75C4592071F09DCB66BA7A0C2A59A9E5843564068B8766555519B107800A658DA330E4C24F2569F"
		   "ACC3FA0248DA0663C0C35FE53F05F1FC194E638E84A33B60"
		   "9000");
	assert_int_equal(generate(&rig, 2, AT_ECDSA_P384, 0), SCARD_E_UNEXPECTED);
	assert_no_key(&rig, 2);
	rig_close(&rig);
}

/* M19: pulled at every exchange; what was there works, and the place can be used. */
static void
test_pulled(void **state)
{
	static const char *const how[] = { "remove", "pull" };
	char fault[32];
	struct rig rig;
	CARD_DATA *d = &rig.data;
	CONTAINER_INFO info;
	DWORD r;

	(void)state;
	for (size_t k = 0; k < 2 * ARRAY_SIZE(how); k++) {
		unsigned n = 0;

		do {
			open_user(&rig, kits[k % 2]);
			snprintf(fault, sizeof(fault), "%u:%s", ++n, how[k / 2]);
			rig_faults(&rig, fault);
			r = generate(&rig, 2, AT_ECDSA_P256, 0);
			if (r == SCARD_S_SUCCESS)
				r = d->pfnCardDeleteContainer(d, 1, 0);
			rig_insert_again(&rig);
			assert_int_equal(info_of(&rig, 0, &info), SCARD_S_SUCCESS);
			assert_int_equal(info.KeyExPublicKey.bits, 1024);
			assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
			assert_signs(&rig, 0, AT_KEYEXCHANGE);
			/* whatever is in these places */
			assert_int_equal(d->pfnCardDeleteContainer(d, 1, 0), SCARD_S_SUCCESS);
			assert_no_key(&rig, 1);
			assert_int_equal(generate(&rig, 2, AT_ECDSA_P521, 0), SCARD_S_SUCCESS);
			assert_signs(&rig, 2, AT_ECDSA_P521);
			rig_close(&rig);
		} while (r != SCARD_S_SUCCESS && n < 40);
		assert_true(n > 8);
		assert_int_equal(r, SCARD_S_SUCCESS);
	}
}

/* one slot of 30 each, until the card says that it is full */
static void
test_full(void **state)
{
	struct rig rig;
	BYTE i;
	DWORD r = SCARD_S_SUCCESS;

	(void)state;
	open_user(&rig, &strict);
	for (i = 2; i < GIDS_KEYS && r == SCARD_S_SUCCESS; i++)
		r = generate(&rig, i, AT_ECDSA_P256, 0);
	assert_true(r == SCARD_S_SUCCESS || r == SCARD_E_WRITE_TOO_MANY);
	assert_true(i > 20);
	assert_signs(&rig, 20, AT_ECDSA_P256);
	assert_signs(&rig, 1, AT_ECDSA_P256);
	rig_close(&rig);
}

/* File, activation, key, key map (which was read); file selected, deleted, key map. */
static void
test_costs(void **state)
{
	CONTAINER_INFO info;
	struct rig rig;

	(void)state;
	open_user(&rig, &strict);
	assert_int_equal(info_of(&rig, 1, &info), SCARD_S_SUCCESS);
	(void)rig_exchanges(&rig);
	assert_int_equal(generate(&rig, 2, AT_ECDSA_P256, 0), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 4);
	assert_int_equal(rig.data.pfnCardDeleteContainer(&rig.data, 2, 0), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 3);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),	    cmocka_unit_test(test_replace),
		cmocka_unit_test(test_delete),	    cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_bad_answers), cmocka_unit_test(test_pulled),
		cmocka_unit_test(test_full),	    cmocka_unit_test(test_costs),
		cmocka_unit_test(test_admin_alone),
	};

	return cmocka_run_group_tests(tests, make_kits, free_kits);
}
