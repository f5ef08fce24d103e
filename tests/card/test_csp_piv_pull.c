/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pulling a PIV card: for each thing that can be done to it in more than one command, before and after each single exchange. Keys
 * and certificates that it is not about are there afterwards, the card can be listed, and doing it again succeeds.
 */
#include "card/csp_world.h"
#include "lib/mutate.h"
#include "vcard/perso_piv.h"

#define NEW_PIN "888888"

static const uint8_t admin_key[24] = { 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8 };
static const uint8_t new_key[24] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

static EVP_PKEY *ec, *signer;
static struct private_key ec_private;
static struct buf renewed; /* a certificate of the key in 9A */
static size_t old_len;	   /* of the one it has */

struct act {
	const char *name;
	DWORD (*run)(void);
	uint8_t about; /* the number of the key that it is about, 0 for none of those that the card had */
	bool no_again; /* doing it again is another thing */
};

/* By the number that everybody knows it by. */
static const struct csp_key *
numbered(uint8_t number)
{
	for (size_t i = 0; i < csp_key_count(w.card); i++)
		if (csp_key_at(w.card, i)->number == number)
			return csp_key_at(w.card, i);
	return NULL;
}

/* The acts ------------------------------------------------------------------------------------------------------------- */

static const uint8_t retired[] = { 5 };

/* A number names a place, in which there may be what a broken attempt has left. */
static DWORD
clear_place(void)
{
	const struct csp_key *key = numbered(retired[0]);

	return key != NULL ? csp_key_delete(w.card, key->id) : SCARD_S_SUCCESS;
}

static DWORD
generate(void)
{
	const struct csp_generate p256 = {
		.type = KEY_EC, .bits = 256, .exchange = true, .id = { retired, sizeof(retired) }
	};
	DWORD r = clear_place();
	uint32_t id;

	return r == SCARD_S_SUCCESS ? csp_generate(w.card, &p256, &id) : r;
}

static DWORD
import(void)
{
	const struct csp_import what = { .key = &ec_private, .exchange = true, .id = { retired, sizeof(retired) } };
	DWORD r = clear_place();
	uint32_t id;

	return r == SCARD_S_SUCCESS ? csp_import(w.card, &what, &id) : r;
}

static DWORD
write_cert(void)
{
	const struct csp_key *key = numbered(1);

	return key == NULL ? SCARD_E_NO_KEY_CONTAINER : csp_cert_write(w.card, key->id, buf_cur(&renewed), NULL);
}

static DWORD
delete_cert(void)
{
	const struct csp_key *key = numbered(3);
	DWORD r = key == NULL ? SCARD_E_NO_KEY_CONTAINER : csp_cert_delete(w.card, key->id);

	return r == SCARD_E_FILE_NOT_FOUND ? SCARD_S_SUCCESS : r;
}

static DWORD
delete_key(void)
{
	const struct csp_key *key = numbered(3);

	return key == NULL ? SCARD_S_SUCCESS : csp_key_delete(w.card, key->id);
}

static DWORD
add_root(void)
{
	DWORD r = csp_roots_add(w.card, buf_cur(&renewed));

	return r == ERROR_FILE_EXISTS ? SCARD_S_SUCCESS : r;
}

static DWORD
write_object(void)
{
	static const uint8_t printed[600] = { 0x01, 0x00, 0xFE, 0x00 };

	return csp_fs_write(w.card, "piv", "5fc109", CSP_ALL_READ_ADMIN_WRITES, cur_of(printed, sizeof(printed)));
}

static DWORD
change_pin(void)
{
	return csp_pin_change(w.card, CSP_ROLE_USER, world_text(PIN), world_text(NEW_PIN), NULL);
}

static DWORD
unblock(void)
{
	return csp_pin_unblock(w.card, CSP_ROLE_USER, 4, world_text("12345678"), world_text(NEW_PIN), 0, NULL);
}

static DWORD
change_key(void)
{
	return csp_pin_change(w.card, CSP_ROLE_ADMIN, cur_of(admin_key, 24), cur_of(new_key, 24), NULL);
}

static const struct act acts[] = {
	{ "generate", generate, .about = 5 },
	{ "import", import, .about = 5 },
	{ "write certificate", write_cert, .about = 1 },
	{ "delete certificate", delete_cert, .about = 3 },
	{ "delete key", delete_key, .about = 3 },
	{ "add root", add_root, .about = 0 },
	{ "write object", write_object, .about = 0 },
	{ "change PIN", change_pin, .no_again = true },
	{ "unblock", unblock, .no_again = true },
	{ "change key", change_key, .no_again = true },
};

/* The card -------------------------------------------------------------------------------------------------------------- */

static DWORD
log_in_admin(void)
{
	DWORD r = csp_login(w.card, CSP_ROLE_ADMIN, admin_key, sizeof(admin_key), NULL);

	return r == SCARD_W_WRONG_CHV ? csp_login(w.card, CSP_ROLE_ADMIN, new_key, sizeof(new_key), NULL) : r;
}

/* What each act begins with is in the file. */
static void
restore_card(void)
{
	vcard_close(w.fixture.card);
	assert_non_null(w.fixture.card = vcard_open(w.fixture.path));
	fake_card_remove(w.slot);
	fake_card_insert(w.slot, world_connect, NULL);
	world_open_csp();
}

static void
prepare(uint64_t quirks)
{
	const struct vcard_profile profile = { .applications = VCARD_PIV, .piv = { .quirks = quirks } };
	const struct public_key *public;
	const struct csp_cert *cert;
	struct public_key copy;

	memset(&w, 0, sizeof(w));
	fixture_open(&w.fixture, &profile);
	assert_int_equal(vcard_piv_reference(w.fixture.card, NULL), 0);
	world_open();
	world_lock();
	assert_int_equal(csp_refresh(w.card, NULL), SCARD_S_SUCCESS);
	assert_int_equal(csp_key_public(w.card, numbered(1)->id, &public), SCARD_S_SUCCESS);
	copy = *public;
	assert_int_equal(csp_key_cert(w.card, numbered(1)->id, &cert), SCARD_S_SUCCESS);
	old_len = cert->der.len;
	buf_reset(&renewed);
	world_cert(&copy, signer, 300, &renewed);
	world_unlock();
	csp_close(&w.csp);
	fake_card_remove(w.slot);
	vcard_reset(w.fixture.card);
	assert_int_equal(vcard_save(w.fixture.card), 0);
}

/* What follows ---------------------------------------------------------------------------------------------------------- */

static void
assert_signs(uint8_t number, const char *what)
{
	static const struct csp_scheme ecdsa = { .padding = CSP_PAD_ECDSA }, rsa = { .padding = CSP_PAD_PKCS1 };
	static const uint8_t hash[32] = { 1 };
	const struct csp_key *key = numbered(number);
	const struct csp_scheme *scheme;
	uint8_t signature[LIMIT_RSA_BYTES];
	size_t len = 0;
	DWORD r;

	if (key == NULL) {
		fail_msg("%s: key %u is lost", what, number);
		return;
	}
	scheme = key->type == KEY_EC ? &ecdsa : &rsa;
	/* csp verifies it with the key that it shows */
	r = csp_sign(w.card, key->id, scheme, cur_of(hash, 32), signature, sizeof(signature), &len);
	if (r != SCARD_S_SUCCESS)
		fail_msg("%s: key %u does not sign (%08x)", what, number, r);
}

/* The old certificate or the new one, and whole. */
static void
assert_certificate(const struct act *act, const char *what)
{
	const struct csp_cert *cert;
	const struct csp_key *key = numbered(1);
	DWORD r = key != NULL ? csp_key_cert(w.card, key->id, &cert) : SCARD_E_NO_KEY_CONTAINER;

	if (r != SCARD_S_SUCCESS || (cert->der.len != old_len && (act->about != 1 || cert->der.len != renewed.len)))
		fail_msg("%s: the certificate is lost", what);
}

static void
assert_good(const struct act *act, const char *what)
{
	DWORD r;

	if (csp_refresh(w.card, NULL) != SCARD_S_SUCCESS)
		fail_msg("%s: cannot be listed", what);
	if (world_login(PIN) != SCARD_S_SUCCESS && world_login(NEW_PIN) != SCARD_S_SUCCESS)
		fail_msg("%s: nobody can log in", what);
	assert_signs(1, what);
	assert_signs(4, what);
	assert_certificate(act, what);
	if (log_in_admin() != SCARD_S_SUCCESS)
		fail_msg("%s: the administrator cannot log in", what);
	if (act->no_again)
		return;
	if ((r = act->run()) != SCARD_S_SUCCESS)
		fail_msg("%s: cannot be done again (%08x)", what, r);
	if (world_check(true) != 0 || world_check(false) != 0)
		fail_msg("%s: is not mended", what);
	assert_signs(4, what);
}

/* Pulls it at the n-th exchange; false when the act needs fewer. */
static bool
pull(const struct act *act, unsigned n)
{
	char faults[40], what[80];
	bool fewer;
	DWORD r;

	(void)snprintf(faults, sizeof(faults), "%u:remove", n);
	(void)snprintf(what, sizeof(what), "%s, pulled at %u", act->name, n);
	w.faults = faults;
	restore_card();
	csp_reader_lock(w.reader);
	r = csp_reader_card(w.reader, &w.card);
	if (r == SCARD_S_SUCCESS)
		r = csp_refresh(w.card, NULL);
	if (r == SCARD_S_SUCCESS)
		r = log_in_admin();
	if (r == SCARD_S_SUCCESS)
		r = act->run();
	fewer = r == SCARD_S_SUCCESS && world_exchanges() < n;
	if (r != SCARD_S_SUCCESS && r != SCARD_W_REMOVED_CARD && r != SCARD_E_COMM_DATA_LOST)
		fail_msg("%s: %08x", what, r);
	w.faults = NULL;
	world_unlock();
	world_insert(false);
	world_lock();
	assert_good(act, what);
	world_unlock();
	csp_close(&w.csp);
	return !fewer;
}

static void
pull_all(uint64_t quirks)
{
	prepare(quirks);
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
		unsigned n = 17; /* before that it is listed */

		while (pull(&acts[i], n) && n < 400)
			n += (unsigned)mutate_stride();
		assert_in_range(n, 18, 399);
	}
	fixture_close(&w.fixture);
}

static void
test_applet(void **state)
{
	(void)state;
	pull_all(VCARD_PIV_APPLET);
}

static void
test_token(void **state)
{
	(void)state;
	pull_all(VCARD_PIV_TOKEN);
}

static int
make_keys(void **state)
{
	(void)state;
	ec = keys_ec("P-256");
	signer = keys_ec("P-256");
	world_private(ec, &ec_private);
	return 0;
}

static int
free_keys(void **state)
{
	(void)state;
	privkey_free(&ec_private);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(signer);
	buf_free(&renewed);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_applet),
		cmocka_unit_test(test_token),
	};

	return cmocka_run_group_tests_name("piv cards pulled", tests, make_keys, free_keys);
}
