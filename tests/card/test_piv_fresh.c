/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PIV: what is kept of a card that does not tell when it changes, and what is noticed all the same: renewed certificates,
 * new and replaced keys, another card, a reset. Other programs write to the card between two transactions here.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "card/piv_card.h"

static struct kit reference, bare;

static int
make_kits(void **state)
{
	(void)state;
	piv_kit_make(&reference, VCARD_PIV_STRICT);
	piv_kit_make_bare(&bare, VCARD_PIV_STRICT);
	return 0;
}

static int
free_kits(void **state)
{
	(void)state;
	kit_free(&reference);
	kit_free(&bare);
	return 0;
}

static void
read_all(struct rig *rig)
{
	static const char *const files[] = { "cmapfile", "kxc00", "ksc01", "kxc02", "ksc03" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		assert_int_equal(rig_read(rig, "mscp", files[i], NULL), SCARD_S_SUCCESS);
}

/* Unchanged: the CHUID for the transaction, and the first piece of each certificate that somebody wants. */
static void
test_unchanged(void **state)
{
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &reference);
	read_all(&rig);
	(void)rig_exchanges(&rig);
	rig_next(&rig);
	assert_int_equal(rig_read(&rig, "mscp", "cmapfile", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 1);
	assert_int_equal(rig_read(&rig, "mscp", "kxc00", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 1);
	assert_int_equal(rig_read(&rig, "mscp", "kxc00", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 0);
	read_all(&rig);
	assert_int_equal(rig_exchanges(&rig), 3);
	rig_close(&rig);
}

static void
assert_certificate(struct rig *rig, const char *name, const struct buf *der)
{
	AUTO_BUF struct buf content = BUF_INIT;

	assert_int_equal(piv_rig_file(rig, "mscp", name, &content), SCARD_S_SUCCESS);
	assert_int_equal(content.len, der->len);
	assert_memory_equal(content.p, der->p, der->len);
}

/* A renewed certificate under the same key, and nobody touched the CHUID: seen by who reads it in a later transaction. S-008, S-037. */
static void
test_renewed(void **state)
{
	AUTO_BUF struct buf der = BUF_INIT;
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &reference);
	read_all(&rig);
	assert_int_equal(vcard_piv_issue(rig.card, 0x9A, "renewed", 0, VCARD_PIV_PLAIN, &der), 0);
	rig_next(&rig);
	assert_certificate(&rig, "kxc00", &der);
	/* and once more, compressed */
	buf_reset(&der);
	assert_int_equal(vcard_piv_issue(rig.card, 0x9A, "renewed again", 0, VCARD_PIV_GZIP, &der), 0);
	rig_next(&rig);
	assert_certificate(&rig, "kxc00", &der);
	assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "123456", NULL), SCARD_S_SUCCESS);
	assert_int_equal(piv_rig_signs(&rig, &reference, PIV_9A), SCARD_S_SUCCESS);
	rig_close(&rig);
}

/* A key of another kind with its certificate: what was believed of the container does not outlive its use. S-037. */
static void
test_replaced(void **state)
{
	static const struct vcard_piv_slot slot = { .reference = 0x9A, .algorithm = PIV_ALG_P256 };
	CONTAINER_INFO info;
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &reference);
	read_all(&rig);
	assert_int_equal(vcard_piv_keygen(rig.card, &slot), 0);
	rig_next(&rig);
	/* the certificate is still the old one; the card knows better */
	assert_int_equal(piv_rig_verify(&rig, ROLE_USER, "123456", NULL), SCARD_S_SUCCESS);
	assert_int_equal(piv_rig_signs(&rig, &reference, PIV_9A), SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(vcard_piv_issue(rig.card, 0x9A, "another", 0, VCARD_PIV_PLAIN, NULL), 0);
	rig_next(&rig);
	assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, PIV_9A, 0, &info), SCARD_S_SUCCESS);
	assert_int_equal(info.KeyExPublicKey.type, KEY_NONE);
	assert_int_equal(info.SigPublicKey.type, KEY_EC);
	rig_close(&rig);
}

/* A changed CHUID, as one program leaves it after each change on purpose: everything is read again. S-037. */
static void
test_new_chuid(void **state)
{
	AUTO_BUF struct buf before = BUF_INIT, after = BUF_INIT;
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &reference);
	read_all(&rig);
	assert_int_equal(piv_rig_file(&rig, "mscp", "cmapfile", &before), SCARD_S_SUCCESS);
	assert_int_equal(vcard_piv_format(rig.card, NULL), 0);
	rig_next(&rig);
	assert_int_equal(piv_rig_file(&rig, "mscp", "cmapfile", &after), SCARD_S_SUCCESS);
	assert_int_equal(after.len, before.len);
	assert_memory_not_equal(after.p, before.p, before.len);
	(void)rig_exchanges(&rig);
	read_all(&rig);
	assert_int_equal(rig_exchanges(&rig), 0);
	rig_close(&rig);
}

/* After a reset only certificates are believed, and only if their first piece is what it was. S-037. */
static void
test_reset(void **state)
{
	static const struct vcard_piv_slot retired = { .reference = 0x82, .algorithm = PIV_ALG_P256 };
	static const uint8_t history[] = { 0xC1, 0x01, 0x01, 0xC2, 0x01, 0x00, 0xFE, 0x00 };
	struct rig rig;
	size_t len;

	(void)state;
	rig_acquire(&rig, &reference);
	read_all(&rig);
	assert_int_equal(vcard_piv_keygen(rig.card, &retired), 0);
	assert_int_equal(vcard_piv_issue(rig.card, 0x82, "retired", 0, VCARD_PIV_PLAIN, NULL), 0);
	assert_int_equal(vcard_piv_put(rig.card, PIV_TAG_HISTORY, cur_of(history, sizeof(history))), 0);
	rig_next(&rig);
	assert_int_equal(rig.data.pfnCardReconnect(&rig.data), SCARD_S_SUCCESS);
	assert_int_equal(rig_read(&rig, "mscp", "cmapfile", &len), SCARD_S_SUCCESS);
	assert_int_equal(len, 5 * 86);
	(void)rig_exchanges(&rig);
	read_all(&rig);
	assert_int_equal(rig_exchanges(&rig), 4);
	rig_close(&rig);
}

/* What was empty is asked about again after two seconds. S-037. */
static void
test_new_key(void **state)
{
	struct kit kit;
	struct rig rig;
	size_t len;

	(void)state;
	piv_kit_make(&kit, VCARD_PIV_STRICT);
	rig_open(&rig, &kit);
	assert_int_equal(vcard_piv_put(rig.card, PIV_TAG_CARD_CERT, cur_of(NULL, 0)), 0);
	assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_S_SUCCESS);
	rig_faults(&rig, "ins=F7@1:sw=6A88");
	assert_int_equal(rig_read(&rig, "mscp", "cmapfile", &len), SCARD_S_SUCCESS);
	assert_int_equal(len, 3 * 86);
	rig_next(&rig);
	assert_int_equal(rig_read(&rig, "mscp", "cmapfile", &len), SCARD_S_SUCCESS);
	assert_int_equal(len, 3 * 86);
	usleep(2100000);
	rig_next(&rig);
	assert_int_equal(rig_read(&rig, "mscp", "cmapfile", &len), SCARD_S_SUCCESS);
	assert_int_equal(len, 4 * 86);
	rig_close(&rig);
	kit_free(&kit);
}

/* Keys without certificates: the card's metadata tells, else its attestation, else a harmless trial of the free key. S-009. */
static void
test_without_certificates(void **state)
{
	static const struct {
		uint64_t quirks;
		size_t records;
		unsigned keys; /* by public key */
	} cases[] = {
		{ VCARD_PIV_STRICT, 4, 4 },
		{ VCARD_PIV_ODD_METADATA, 4, 4 },
		/* imported keys are not attested */
		{ VCARD_PIV_NO_METADATA, 4, 0 },
		{ VCARD_PIV_NO_METADATA | VCARD_PIV_NO_ATTEST, 4, 0 },
	};
	CONTAINER_INFO info;
	struct kit kit;
	struct rig rig;
	unsigned keys;
	size_t len;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		piv_kit_make_bare(&kit, cases[k].quirks);
		rig_acquire(&rig, &kit);
		assert_int_equal(rig_read(&rig, "mscp", "cmapfile", &len), SCARD_S_SUCCESS);
		keys = 0;
		for (unsigned i = 0; i < PIV_KIT_KEYS; i++)
			if (rig.data.pfnCardGetContainerInfo(&rig.data, (BYTE)i, 0, &info) == SCARD_S_SUCCESS &&
			    (info.KeyExPublicKey.type != KEY_NONE || info.SigPublicKey.type != KEY_NONE))
				keys++;
		assert_int_equal(len, 86 * cases[k].records);
		assert_int_equal(keys, cases[k].keys);
		assert_int_equal(piv_rig_signs(&rig, &kit, PIV_9E), SCARD_S_SUCCESS);
		rig_close(&rig);
		kit_free(&kit);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unchanged),
		cmocka_unit_test(test_renewed),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_new_chuid),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_new_key),
		cmocka_unit_test(test_without_certificates),
	};

	return cmocka_run_group_tests(tests, make_kits, free_kits);
}
