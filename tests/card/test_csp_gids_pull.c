/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pulling the card: for each thing that can be done to it, before and after each single exchange. What was there before
 * is there afterwards, the card can be listed, and a check mends what is left over.
 */
#include "card/csp_world.h"
#include "lib/mutate.h"

#define NEW_PIN "888888"

static EVP_PKEY *ec, *rsa, *signer;
static struct private_key ec_private, rsa_private;
static struct buf cert, root; /* of the old key; of somebody */
static const uint8_t new_key[24] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };

static bool rolls_back; /* the card undoes a chain of commands that was broken off */

struct act {
	const char *name;
	DWORD (*run)(void);
	bool loses_old; /* the old key is what it is about */
	bool blank;	/* begins with a blank card */
};

/* The acts ------------------------------------------------------------------------------------------------------------- */

static DWORD
generate(void)
{
	const struct csp_generate p256 = {
		.type = KEY_EC, .bits = 256, .name = "new", .id = { (const uint8_t *)"id", 2 }
	};
	uint32_t id;

	return csp_generate(w.card, &p256, &id);
}

static DWORD
import(void)
{
	const struct csp_import what = { .key = &ec_private, .name = "new" };
	uint32_t id;

	return csp_import(w.card, &what, &id);
}

static DWORD
import_beside(void)
{
	const struct csp_import what = { .key = &rsa_private,
					 .exchange = true,
					 .container_key = csp_key_at(w.card, 0)->id };
	uint32_t id;

	return csp_import(w.card, &what, &id);
}

static DWORD
write_cert(void)
{
	return csp_cert_write(w.card, 0, buf_cur(&cert), NULL);
}

static DWORD
delete_cert(void)
{
	const struct csp_key *key = world_key("second");

	return key == NULL ? SCARD_E_NO_KEY_CONTAINER : csp_cert_delete(w.card, key->id);
}

static DWORD
delete_key(void)
{
	const struct csp_key *key = world_key("second");

	return key == NULL ? SCARD_E_NO_KEY_CONTAINER : csp_key_delete(w.card, key->id);
}

static DWORD
make_default(void)
{
	const struct csp_key *key = world_key("second");

	return key == NULL ? SCARD_E_NO_KEY_CONTAINER : csp_default_set(w.card, key->id);
}

static DWORD
name_key(void)
{
	return csp_key_name(w.card, csp_key_at(w.card, 0)->id, NULL, "what somebody calls it");
}

static DWORD
add_root(void)
{
	return csp_roots_add(w.card, buf_cur(&root));
}

static DWORD
make_data(void)
{
	const struct csp_data_new what = {
		.application = "app", .label = "thing", .private = true, .content = { (const uint8_t *)"text", 4 }
	};
	uint32_t id;

	return csp_data_create(w.card, &what, &id);
}

static DWORD
make_directory(void)
{
	return csp_fs_make(w.card, "dir");
}

static DWORD
remove_directory(void)
{
	return csp_fs_remove(w.card, "empty");
}

static DWORD
write_file(void)
{
	return csp_fs_write(w.card, "mscp", "note", CSP_USER_READS_WRITES, world_text("something"));
}

static DWORD
change_pin(void)
{
	return csp_pin_change(w.card, 1, world_text(PIN), world_text(NEW_PIN), NULL);
}

static DWORD
change_key(void)
{
	return csp_pin_change(w.card, 2, cur_of(world_admin_key, 24), cur_of(new_key, 24), NULL);
}

static DWORD
unblock(void)
{
	return csp_pin_unblock(w.card, 1, 2, cur_of(world_admin_key, 24), world_text(NEW_PIN), 0, NULL);
}

static DWORD
recreate(void)
{
	DWORD r = world_login_admin();

	return r == SCARD_S_SUCCESS ? csp_recreate(w.card, world_text(NEW_PIN)) : r;
}

static DWORD
create(void)
{
	const struct csp_create what = { .user_pin = { (const uint8_t *)PIN, 6 },
					 .admin_key = { world_admin_key, 24 } };

	return csp_create(w.card, &what);
}

static const struct act acts[] = {
	{ "generate", generate, .blank = false },
	{ "import", import, .blank = false },
	{ "import beside", import_beside, .blank = false },
	{ "write certificate", write_cert, .blank = false },
	{ "delete certificate", delete_cert, .blank = false },
	{ "delete key", delete_key, .blank = false },
	{ "default", make_default, .blank = false },
	{ "label", name_key, .blank = false },
	{ "add root", add_root, .blank = false },
	{ "data", make_data, .blank = false },
	{ "make directory", make_directory, .blank = false },
	{ "remove directory", remove_directory, .blank = false },
	{ "write file", write_file, .blank = false },
	{ "change PIN", change_pin, .blank = false },
	{ "change key", change_key, .blank = false },
	{ "unblock", unblock, .blank = false },
	{ "recreate", recreate, .loses_old = true },
	{ "create", create, .blank = true },
};

/* The card -------------------------------------------------------------------------------------------------------------- */

/* From now on this is what each act begins with. */
static void
keep_card(void)
{
	csp_close(&w.csp);
	fake_card_remove(w.slot);
	vcard_reset(w.fixture.card);
	assert_int_equal(vcard_save(w.fixture.card), 0);
}

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
prepare(uint32_t quirks)
{
	const struct vcard_perso_container key = { .pin = PIN, .algorithm = VCARD_P256, .name = "old" };
	const struct csp_import second = { .key = &ec_private, .name = "second" };
	const struct public_key *public;
	AUTO_BUF struct buf other = BUF_INIT;
	struct public_key copy;
	uint32_t id = 0;

	fixture_formatted(&w.fixture, quirks);
	assert_int_equal(vcard_perso_keygen(w.fixture.card, &key), 0);
	world_open();
	world_lock();
	assert_int_equal(csp_refresh(w.card, NULL), SCARD_S_SUCCESS);
	assert_int_equal(world_login(PIN), SCARD_S_SUCCESS);
	assert_int_equal(csp_key_public(w.card, csp_key_at(w.card, 0)->id, &public), SCARD_S_SUCCESS);
	copy = *public;
	world_cert(&copy, signer, 300, &cert);
	world_cert(&ec_private.public, signer, 300, &root);
	assert_int_equal(csp_cert_write(w.card, 0, buf_cur(&cert), NULL), SCARD_S_SUCCESS);
	assert_int_equal(csp_import(w.card, &second, &id), SCARD_S_SUCCESS);
	world_cert(&ec_private.public, signer, 0, &other);
	assert_int_equal(csp_cert_write(w.card, id, buf_cur(&other), NULL), SCARD_S_SUCCESS);
	assert_int_equal(csp_roots_add(w.card, buf_cur(&other)), SCARD_S_SUCCESS);
	assert_int_equal(csp_fs_make(w.card, "empty"), SCARD_S_SUCCESS);
	assert_int_equal(world_check(false), 0);
	world_unlock();
	keep_card();
}

static void
prepare_blank(uint32_t quirks)
{
	fixture_blank(&w.fixture, quirks);
	world_open();
	keep_card();
}

/* What follows ---------------------------------------------------------------------------------------------------------- */

/* Whichever of the two it is now; a wrong guess does not block. */
static bool
log_in(void)
{
	return world_login(PIN) == SCARD_S_SUCCESS || world_login(NEW_PIN) == SCARD_S_SUCCESS;
}

static void
assert_signs(const struct csp_key *key)
{
	static const struct csp_scheme ecdsa = { .padding = CSP_PAD_ECDSA };
	static const uint8_t hash[32] = { 1 };
	const struct public_key *public;
	uint8_t signature[LIMIT_RSA_BYTES];
	const uint32_t id = key->id;
	size_t len = 0;
	bool good = false;

	assert_int_equal(csp_sign(w.card, id, &ecdsa, cur_of(hash, 32), signature, sizeof(signature), &len),
			 SCARD_S_SUCCESS);
	assert_int_equal(csp_key_public(w.card, id, &public), SCARD_S_SUCCESS);
	assert_int_equal(csp_verify(w.csp, public, &ecdsa, cur_of(hash, 32), cur_of(signature, len), &good),
			 SCARD_S_SUCCESS);
	assert_true(good);
}

static const struct csp_key *
old_key(void)
{
	for (size_t i = 0; i < csp_key_count(w.card); i++)
		if (strcmp(csp_key_at(w.card, i)->name, "old") == 0 && csp_key_at(w.card, i)->type == KEY_EC)
			return csp_key_at(w.card, i);
	return NULL;
}

/* The old key with its certificate, and the root that was there. */
static void
assert_old_is_there(const char *what)
{
	const struct csp_cert *found = NULL, *roots;
	const struct csp_key *key = old_key();
	size_t count = 0;

	if (key == NULL) {
		fail_msg("%s: the key is lost", what);
		return;
	}
	assert_signs(key);
	key = old_key();
	if (key == NULL || csp_key_cert(w.card, key->id, &found) != SCARD_S_SUCCESS || found->der.len != cert.len)
		fail_msg("%s: the certificate is lost", what);
	/* a card that does not roll back has nothing of a file that was being overwritten */
	if (rolls_back && (csp_roots_list(w.card, &roots, &count) != SCARD_S_SUCCESS || count == 0))
		fail_msg("%s: the roots are lost", what);
}

static void
assert_consistent(const struct act *act, const char *what)
{
	if (csp_refresh(w.card, NULL) != SCARD_S_SUCCESS)
		fail_msg("%s: cannot be listed", what);
	if (!log_in())
		fail_msg("%s: nobody can log in", what);
	if (!act->loses_old)
		assert_old_is_there(what);
	if (world_check(true) != 0)
		fail_msg("%s: cannot be mended", what);
	if (world_check(false) != 0)
		fail_msg("%s: is not mended", what);
	if (!act->loses_old)
		assert_old_is_there(what);
}

/* A card half made is made by doing it again. */
static void
assert_can_be_made(const char *what)
{
	DWORD r = create();

	if (r != SCARD_S_SUCCESS && r != ERROR_FILE_EXISTS)
		fail_msg("%s: cannot be made any more (%08x)", what, r);
	assert_int_equal(csp_refresh(w.card, NULL), SCARD_S_SUCCESS);
	if (!log_in())
		fail_msg("%s: nobody can log in", what);
	assert_int_equal(world_login_admin(), SCARD_S_SUCCESS);
	if (world_check(true) != 0 || world_check(false) != 0)
		fail_msg("%s: is not mended", what);
	assert_int_equal(generate(), SCARD_S_SUCCESS);
}

/* Pulls it at the n-th exchange; false when the act needs fewer. */
static bool
pull(const struct act *act, unsigned n, const char *how)
{
	char faults[40], what[80];
	bool fewer;
	DWORD r;

	(void)snprintf(faults, sizeof(faults), "%u:%s", n, how);
	(void)snprintf(what, sizeof(what), "%s, pulled at %u", act->name, n);
	w.faults = faults;
	restore_card();
	csp_reader_lock(w.reader);
	r = csp_reader_card(w.reader, &w.card);
	if (r == SCARD_S_SUCCESS)
		r = csp_refresh(w.card, NULL);
	if (r == SCARD_S_SUCCESS && !act->blank)
		r = world_login(PIN);
	if (r == SCARD_S_SUCCESS)
		r = act->run();
	fewer = r == SCARD_S_SUCCESS && world_exchanges() < n;
	if (r != SCARD_S_SUCCESS && r != SCARD_W_REMOVED_CARD && r != SCARD_E_COMM_DATA_LOST)
		fail_msg("%s: %08x", what, r);
	w.faults = NULL;
	world_unlock();
	world_insert(false);
	world_lock();
	if (act->blank)
		assert_can_be_made(what);
	else
		assert_consistent(act, what);
	world_unlock();
	csp_close(&w.csp);
	return !fewer;
}

static void
pull_everywhere(const struct act *act)
{
	unsigned n = 1;

	while (pull(act, n, "remove") && n < 400)
		n += (unsigned)mutate_stride();
	assert_in_range(n, 2, 399);
}

static void
pull_all(uint32_t quirks)
{
	memset(&w, 0, sizeof(w));
	rolls_back = (quirks & VCARD_CHAIN_BLOCKS) == 0;
	prepare(quirks);
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++)
		if (!acts[i].blank)
			pull_everywhere(&acts[i]);
	fixture_close(&w.fixture);
}

static void
pull_blank(uint32_t quirks)
{
	memset(&w, 0, sizeof(w));
	prepare_blank(quirks);
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++)
		if (acts[i].blank)
			pull_everywhere(&acts[i]);
	fixture_close(&w.fixture);
}

static void
test_strict(void **state)
{
	(void)state;
	pull_all(VCARD_STRICT);
}

static void
test_applet(void **state)
{
	(void)state;
	pull_all(VCARD_APPLET);
}

static void
test_blank_strict(void **state)
{
	(void)state;
	pull_blank(VCARD_STRICT);
}

static void
test_blank_applet(void **state)
{
	(void)state;
	pull_blank(VCARD_APPLET);
}

static int
make_keys(void **state)
{
	(void)state;
	ec = keys_ec("P-256");
	signer = keys_ec("P-256");
	rsa = keys_rsa(1024);
	world_private(ec, &ec_private);
	world_private(rsa, &rsa_private);
	return 0;
}

static int
free_keys(void **state)
{
	(void)state;
	privkey_free(&ec_private);
	privkey_free(&rsa_private);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(signer);
	buf_free(&cert);
	buf_free(&root);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_applet),
		cmocka_unit_test(test_blank_strict),
		cmocka_unit_test(test_blank_applet),
	};

	return cmocka_run_group_tests_name("gids cards pulled", tests, make_keys, free_keys);
}
