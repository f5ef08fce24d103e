/* SPDX-License-Identifier: BSD-2-Clause */
/* A GIDS card's life under the common part: made from blank, filled, changed, unblocked, emptied. */
#include <poll.h>

#include "card/csp_world.h"

static EVP_PKEY *rsa, *ec, *signer;

static int
make_keys(void **state)
{
	(void)state;
	rsa = keys_rsa(1024);
	ec = keys_ec("P-256");
	signer = keys_ec("P-256");
	return 0;
}

static int
free_keys(void **state)
{
	(void)state;
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(signer);
	return 0;
}

static int
setup_card(uint32_t quirks)
{
	const struct vcard_perso_container key = { .pin = PIN, .algorithm = VCARD_RSA1024, .name = "old" };

	memset(&w, 0, sizeof(w));
	fixture_formatted(&w.fixture, quirks);
	assert_int_equal(vcard_perso_keygen(w.fixture.card, &key), 0);
	world_open();
	world_lock();
	assert_int_equal(csp_refresh(w.card, NULL), SCARD_S_SUCCESS);
	return 0;
}

static int
setup(void **state)
{
	(void)state;
	return setup_card(VCARD_STRICT);
}

static int
setup_applet(void **state)
{
	(void)state;
	return setup_card(VCARD_APPLET);
}

static int
setup_blank(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	fixture_blank(&w.fixture, VCARD_STRICT);
	world_open();
	world_lock();
	return 0;
}

static int
setup_blank_applet(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	fixture_blank(&w.fixture, VCARD_APPLET);
	world_open();
	world_lock();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	world_unlock();
	world_close();
	return 0;
}

/* A new card ------------------------------------------------------------------------------------------------------------ */

/* from blank to a card with a key */
static void
test_create(void **state)
{
	static const uint8_t counters[6];
	const struct csp_create what = { .has_id = true,
					 .id = { 9, 8, 7 },
					 .user_pin = { (const uint8_t *)"654321", 6 },
					 .admin_key = { world_admin_key, sizeof(world_admin_key) } };
	const struct csp_generate p256 = { .type = KEY_EC, .bits = 256, .name = "first" };
	struct csp_card_info info;
	AUTO_BUF struct buf content = BUF_INIT;
	uint32_t id = 0;

	(void)state;
	assert_int_equal(csp_card_info(w.card, &info), SCARD_S_SUCCESS);
	assert_true(info.blank);
	assert_int_equal(csp_refresh(w.card, NULL), SCARD_S_SUCCESS);
	assert_int_equal(csp_key_count(w.card), 0);
	assert_int_equal(csp_create(w.card, &what), SCARD_S_SUCCESS);
	assert_int_equal(csp_card_info(w.card, &info), SCARD_S_SUCCESS);
	assert_false(info.blank);
	assert_memory_equal(info.id, what.id, 16);
	assert_true(info.counted && info.pins == 0 && info.containers == 0 && info.files == 0);
	assert_true(info.can_generate && info.can_import && !info.read_only);
	assert_int_equal(csp_fs_read(w.card, NULL, "cardapps", &content), SCARD_S_SUCCESS);
	assert_int_equal(content.len, 8);
	assert_memory_equal(content.p, "mscp\0\0\0\0", 8);
	assert_int_equal(csp_fs_read(w.card, NULL, "cardcf", &content), SCARD_S_SUCCESS);
	assert_int_equal(content.len, 6);
	assert_memory_equal(content.p, counters, 6);
	assert_int_equal(csp_fs_read(w.card, "mscp", "cmapfile", &content), SCARD_S_SUCCESS);
	assert_int_equal(content.len, 0);
	assert_int_equal(csp_create(w.card, &what), ERROR_FILE_EXISTS);
	assert_int_equal(world_login("654321"), SCARD_S_SUCCESS);
	assert_int_equal(csp_generate(w.card, &p256, &id), SCARD_S_SUCCESS);
	assert_int_equal(world_login_admin(), SCARD_S_SUCCESS);
	assert_int_equal(world_check(false), 0);
}

static void
test_create_refused(void **state)
{
	struct csp_create what = { .user_pin = { (const uint8_t *)"654321", 6 }, .admin_key = { world_admin_key, 23 } };
	struct csp_card_info info;

	(void)state;
	assert_int_equal(csp_create(w.card, &what), SCARD_E_INVALID_PARAMETER);
	what.admin_key.left = 24;
	what.user_pin.left = 0;
	assert_int_equal(csp_create(w.card, &what), SCARD_E_INVALID_PARAMETER);
	what.user_pin.left = 6;
	assert_int_equal(csp_card_info(w.card, &info), SCARD_S_SUCCESS);
	assert_true(info.blank);
	assert_int_equal(csp_create(w.card, &what), SCARD_S_SUCCESS);
	/* a random identifier */
	assert_int_equal(csp_card_info(w.card, &info), SCARD_S_SUCCESS);
	assert_true(info.id[0] != 0 || info.id[1] != 0 || info.id[15] != 0);
}

/* Emptied: nothing is left but the secrets. */
static void
test_recreate(void **state)
{
	const struct csp_data_new data = { .application = "app",
					   .label = "thing",
					   .content = { (const uint8_t *)"x", 1 } };
	AUTO_BUF struct buf der = BUF_INIT, map = BUF_INIT;
	struct public_key public = keys_public(ec);
	struct csp_card_info info;
	const struct csp_cert *certs;
	uint32_t id = 0;
	size_t count = 7;

	(void)state;
	assert_int_equal(world_login(PIN), SCARD_S_SUCCESS);
	assert_int_equal(csp_data_create(w.card, &data, &id), SCARD_S_SUCCESS);
	world_cert(&public, signer, 0, &der);
	assert_int_equal(csp_roots_add(w.card, buf_cur(&der)), SCARD_S_SUCCESS);
	assert_int_equal(csp_recreate(w.card, cur_of(NULL, 0)), SCARD_W_CARD_NOT_AUTHENTICATED);
	assert_int_equal(world_login_admin(), SCARD_S_SUCCESS);
	assert_int_equal(csp_recreate(w.card, world_text("777777")), SCARD_S_SUCCESS);
	assert_int_equal(csp_refresh(w.card, NULL), SCARD_S_SUCCESS);
	assert_int_equal(csp_key_count(w.card), 0);
	assert_int_equal(csp_data_list(w.card), SCARD_S_SUCCESS);
	assert_int_equal(csp_data_count(w.card), 0);
	assert_int_equal(csp_roots_list(w.card, &certs, &count), SCARD_S_SUCCESS);
	assert_int_equal(count, 0);
	assert_int_equal(csp_card_info(w.card, &info), SCARD_S_SUCCESS);
	assert_int_equal(info.containers_free, info.containers_max);
	assert_int_equal(world_login(PIN), SCARD_W_WRONG_CHV);
	assert_int_equal(world_login("777777"), SCARD_S_SUCCESS);
	/* the map and the card's own list of keys are as long as each other, for the sake of OpenSC */
	assert_int_equal(csp_fs_read(w.card, "mscp", "cmapfile", &map), SCARD_S_SUCCESS);
	assert_int_equal(map.len, 86);
	expect(w.fixture.card, "00CBA000045C02DF2000", "DF200D01000000000000FFFFFFFF00009000");
	assert_int_equal(world_check(false), 0);
}

/* Keys brought --------------------------------------------------------------------------------------------------------- */

static DWORD
import_key(const EVP_PKEY *pkey, const struct csp_import *how, uint32_t *ret_id)
{
	struct csp_import what = *how;
	struct private_key key;
	DWORD r;

	world_private(pkey, &key);
	what.key = &key;
	r = csp_import(w.card, &what, ret_id);
	privkey_free(&key);
	return r;
}

static bool
is_key(uint32_t id, const EVP_PKEY *pkey)
{
	const struct public_key *public;
	struct public_key wanted = keys_public(pkey);

	return csp_key_public(w.card, id, &public) == SCARD_S_SUCCESS && pubkey_equal(public, &wanted);
}

/* It is really there: it signs. R-017: what its public key says of that costs no exchange. */
static void
assert_signs(uint32_t id)
{
	static const struct csp_scheme pkcs1 = { .padding = CSP_PAD_PKCS1, .hash = CSP_SHA256 };
	static const struct csp_scheme ecdsa = { .padding = CSP_PAD_ECDSA };
	static const uint8_t hash[32] = { 1 };
	const bool is_ec = csp_key_find(w.card, id)->type == KEY_EC;
	unsigned before;
	const struct public_key *public;
	uint8_t signature[LIMIT_RSA_BYTES];
	size_t len = 0;
	bool good = false;

	assert_int_equal(csp_sign(w.card, id, is_ec ? &ecdsa : &pkcs1, cur_of(hash, 32), signature, sizeof(signature),
				  &len),
			 SCARD_S_SUCCESS);
	assert_int_equal(csp_key_public(w.card, id, &public), SCARD_S_SUCCESS);
	before = world_exchanges();
	assert_int_equal(csp_key_public(w.card, id, &public), SCARD_S_SUCCESS);
	assert_int_equal(csp_verify(w.csp, public, is_ec ? &ecdsa : &pkcs1, cur_of(hash, 32), cur_of(signature, len),
				    &good),
			 SCARD_S_SUCCESS);
	assert_true(good);
	assert_int_equal(world_exchanges(), before);
}

static void
test_import(void **state)
{
	const struct csp_import as_ec = { .name = "ec", .id = { (const uint8_t *)"\1\2", 2 } };
	const struct csp_import as_rsa = { .name = "ec", .exchange = true };
	uint32_t first = 0, second = 0;

	(void)state;
	assert_int_equal(import_key(ec, &as_ec, &first), SCARD_W_CARD_NOT_AUTHENTICATED);
	assert_int_equal(world_login(PIN), SCARD_S_SUCCESS);
	assert_int_equal(import_key(ec, &as_ec, &first), SCARD_S_SUCCESS);
	assert_true(is_key(first, ec));
	assert_false(csp_key_find(w.card, first)->local);
	assert_int_equal(csp_key_find(w.card, first)->ckaid_len, 2);
	assert_signs(first);
	/* the name is taken, and stays whose it was */
	assert_int_equal(import_key(rsa, &as_rsa, &second), SCARD_S_SUCCESS);
	assert_true(is_key(second, rsa));
	assert_string_equal(csp_key_find(w.card, first)->name, "ec");
	assert_string_not_equal(csp_key_find(w.card, second)->name, "ec");
	assert_string_equal(csp_key_find(w.card, second)->label, "ec");
	assert_true(csp_key_find(w.card, second)->can_decrypt);
	assert_signs(second);
	assert_int_equal(csp_key_count(w.card), 3);
	assert_int_equal(world_check(false), 0);
}

/* Both keys of one container, and one of them replaced. */
static void
test_import_beside(void **state)
{
	struct csp_import how = { .exchange = false };
	uint32_t old = csp_key_at(w.card, 0)->id, other = 0;
	AUTO_BUF struct buf der = BUF_INIT;
	struct public_key public = keys_public(rsa);
	EVP_PKEY *third;

	(void)state;
	assert_int_equal(world_login(PIN), SCARD_S_SUCCESS);
	how.container_key = old;
	assert_int_equal(import_key(rsa, &how, &other), SCARD_S_SUCCESS);
	assert_int_equal(csp_key_find(w.card, other)->container, csp_key_find(w.card, old)->container);
	assert_true(csp_key_find(w.card, old)->other_slot_used);
	assert_true(is_key(other, rsa));
	assert_signs(other);
	assert_signs(old);
	/* not over a key without being told so */
	assert_int_equal(import_key(rsa, &how, &other), SCARD_E_INVALID_PARAMETER);
	world_cert(&public, signer, 0, &der);
	assert_int_equal(csp_cert_write(w.card, 0, buf_cur(&der), NULL), SCARD_S_SUCCESS);
	assert_true(csp_key_find(w.card, other)->has_cert);
	how.container_key = other;
	how.replace = true;
	third = keys_rsa(1024);
	assert_int_equal(import_key(third, &how, &other), SCARD_S_SUCCESS);
	assert_true(is_key(other, third));
	assert_false(csp_key_find(w.card, other)->has_cert);
	assert_signs(other);
	EVP_PKEY_free(third);
	assert_int_equal(world_check(false), 0);
}

/* each kind of key by a setting of its own; and none where keys have to be made on the card */
static void
test_import_policy(void **state)
{
	struct csp_policy *p = &w.csp->policy;
	struct csp_import how = { .exchange = false };
	uint32_t id = 0;

	(void)state;
	assert_int_equal(world_login(PIN), SCARD_S_SUCCESS);
	for (int i = 0; i < 4; i++) {
		*p = (struct csp_policy){ .import_signature = i != 0,
					  .import_exchange = i != 1,
					  .import_ecdsa = i != 2,
					  .import_ecdhe = i != 3 };
		how.exchange = i == 1 || i == 3;
		assert_int_equal(import_key(i < 2 ? rsa : ec, &how, &id), SCARD_E_NO_ACCESS);
	}
	*p = (struct csp_policy){ .require_on_card_generation = true, .import_signature = true };
	how.exchange = false;
	assert_int_equal(import_key(rsa, &how, &id), SCARD_E_NO_ACCESS);
	assert_int_equal(csp_key_count(w.card), 1);
}

/* ten and more containers, places that are used again, one default */
static void
test_many(void **state)
{
	struct csp_import how = { .exchange = false };
	uint32_t ids[12] = { 0 };
	size_t defaults = 0;

	(void)state;
	assert_int_equal(world_login(PIN), SCARD_S_SUCCESS);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		assert_int_equal(import_key(ec, &how, &ids[i]), SCARD_S_SUCCESS);
	assert_int_equal(csp_key_find(w.card, ids[11])->container, 12);
	assert_int_equal(csp_default_set(w.card, ids[5]), SCARD_S_SUCCESS);
	assert_int_equal(csp_default_set(w.card, ids[5]), SCARD_S_SUCCESS);
	for (size_t i = 0; i < csp_key_count(w.card); i++)
		defaults += csp_key_at(w.card, i)->is_default;
	assert_int_equal(defaults, 1);
	assert_true(csp_key_find(w.card, ids[5])->is_default);
	assert_int_equal(csp_key_delete(w.card, ids[5]), SCARD_S_SUCCESS);
	assert_int_equal(csp_key_delete(w.card, ids[3]), SCARD_S_SUCCESS);
	assert_int_equal(import_key(ec, &how, &ids[3]), SCARD_S_SUCCESS);
	assert_int_equal(csp_key_find(w.card, ids[3])->container, 4);
	defaults = 0;
	for (size_t i = 0; i < csp_key_count(w.card); i++)
		defaults += csp_key_at(w.card, i)->is_default;
	assert_int_equal(defaults, 1);
	assert_int_equal(world_check(false), 0);
}

/* Certificates, roots, data ------------------------------------------------------------------------------------------- */

/* compressed if that is shorter; by the key that it is of */
static void
test_cert(void **state)
{
	AUTO_BUF struct buf der = BUF_INIT, content = BUF_INIT;
	const struct public_key *public;
	const struct csp_cert *cert;
	uint32_t key = csp_key_at(w.card, 0)->id, found = 0;
	struct public_key copy, other = keys_public(ec);

	(void)state;
	assert_int_equal(csp_key_public(w.card, key, &public), SCARD_S_SUCCESS);
	copy = *public;
	world_cert(&copy, signer, 0, &der);
	assert_int_equal(csp_cert_write(w.card, 0, buf_cur(&der), &found), SCARD_W_CARD_NOT_AUTHENTICATED);
	assert_int_equal(world_login(PIN), SCARD_S_SUCCESS);
	assert_int_equal(csp_cert_write(w.card, 0, buf_cur(&der), &found), SCARD_S_SUCCESS);
	assert_int_equal(found, key);
	assert_int_equal(csp_key_cert(w.card, key, &cert), SCARD_S_SUCCESS);
	assert_memory_equal(cert->der.p, der.p, der.len);
	assert_int_equal(csp_fs_read(w.card, "mscp", "kxc00", &content), SCARD_S_SUCCESS);
	assert_true(content.len < der.len && content.p[0] == 1 && content.p[1] == 0);
	/* another one in its place, of 10 KB that cannot be compressed */
	world_cert(&copy, signer, 10000, &der);
	assert_int_equal(csp_cert_write(w.card, key, buf_cur(&der), NULL), SCARD_S_SUCCESS);
	assert_int_equal(csp_key_cert(w.card, key, &cert), SCARD_S_SUCCESS);
	assert_int_equal(cert->der.len, der.len);
	/* in a new process, too */
	world_unlock();
	world_insert(true);
	world_lock();
	assert_int_equal(csp_refresh(w.card, NULL), SCARD_S_SUCCESS);
	key = csp_key_at(w.card, 0)->id;
	assert_int_equal(csp_key_cert(w.card, key, &cert), SCARD_S_SUCCESS);
	assert_memory_equal(cert->der.p, der.p, der.len);
	/* somebody else's */
	assert_int_equal(world_login(PIN), SCARD_S_SUCCESS);
	world_cert(&other, signer, 0, &der);
	assert_int_equal(csp_cert_write(w.card, 0, buf_cur(&der), NULL), SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(csp_cert_write(w.card, key, buf_cur(&der), NULL), SCARD_E_INVALID_VALUE);
	assert_int_equal(csp_cert_write(w.card, key, world_text("no certificate"), NULL), SCARD_E_INVALID_VALUE);
	assert_int_equal(csp_cert_delete(w.card, key), SCARD_S_SUCCESS);
	assert_int_equal(world_check(false), 0);
}

/* */
static void
test_roots(void **state)
{
	AUTO_BUF struct buf first = BUF_INIT, second = BUF_INIT, pkcs7 = BUF_INIT;
	struct public_key one = keys_public(ec), two = keys_public(signer);
	const struct csp_cert *certs;
	size_t count = 7;

	(void)state;
	world_cert(&one, signer, 0, &first);
	world_cert(&two, signer, 0, &second);
	assert_int_equal(csp_roots_list(w.card, &certs, &count), SCARD_S_SUCCESS);
	assert_int_equal(count, 0);
	assert_int_equal(csp_roots_add(w.card, buf_cur(&first)), SCARD_W_CARD_NOT_AUTHENTICATED);
	/* the administrator does as well */
	assert_int_equal(world_login_admin(), SCARD_S_SUCCESS);
	assert_int_equal(csp_roots_add(w.card, buf_cur(&first)), SCARD_S_SUCCESS);
	assert_int_equal(csp_roots_add(w.card, buf_cur(&second)), SCARD_S_SUCCESS);
	assert_int_equal(csp_roots_add(w.card, buf_cur(&first)), ERROR_FILE_EXISTS);
	assert_int_equal(csp_roots_add(w.card, world_text("none")), SCARD_E_INVALID_VALUE);
	assert_int_equal(csp_roots_list(w.card, &certs, &count), SCARD_S_SUCCESS);
	assert_int_equal(count, 2);
	assert_int_equal(csp_roots_export(w.card, &pkcs7), SCARD_S_SUCCESS);
	assert_int_equal(pkcs7.p[0], 0x30);
	assert_int_equal(world_check(false), 0);
	assert_int_equal(csp_roots_remove(w.card, world_text("none")), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(csp_roots_remove(w.card, buf_cur(&certs[0].der)), SCARD_S_SUCCESS);
	assert_int_equal(csp_roots_remove(w.card, buf_cur(&first)), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(csp_roots_list(w.card, &certs, &count), SCARD_S_SUCCESS);
	assert_int_equal(count, 1);
	assert_true(cur_equals(&(struct cursor){ second.p, second.len }, certs[0].der.p, certs[0].der.len));
	assert_int_equal(csp_roots_remove(w.card, buf_cur(&second)), SCARD_S_SUCCESS);
	assert_int_equal(csp_roots_list(w.card, &certs, &count), SCARD_S_SUCCESS);
	assert_int_equal(count, 0);
	/* compressed as certificates are, or rubbish */
	assert_int_equal(world_login(PIN), SCARD_S_SUCCESS);
	assert_true(csp_certfile_encode(buf_cur(&pkcs7), &first));
	assert_int_equal(first.p[0], 1);
	assert_int_equal(csp_fs_write(w.card, "mscp", "msroots", CSP_ALL_READ_USER_WRITES, buf_cur(&first)),
			 SCARD_S_SUCCESS);
	assert_int_equal(csp_roots_list(w.card, &certs, &count), SCARD_S_SUCCESS);
	assert_int_equal(count, 2);
	assert_int_equal(csp_fs_write(w.card, "mscp", "msroots", CSP_ALL_READ_USER_WRITES, world_text("0rubbish")),
			 SCARD_S_SUCCESS);
	assert_int_equal(csp_roots_list(w.card, &certs, &count), SCARD_E_COMM_DATA_LOST);
	assert_int_equal(world_check(true), 0);
	assert_int_equal(csp_roots_list(w.card, &certs, &count), SCARD_S_SUCCESS);
	assert_int_equal(count, 0);
	/* cut in the second of two */
	assert_int_equal(csp_fs_write(w.card, "mscp", "msroots", CSP_ALL_READ_USER_WRITES,
				      cur_of(pkcs7.p, pkcs7.len - 30)),
			 SCARD_S_SUCCESS);
	assert_int_equal(world_check(true), 0);
	assert_int_equal(csp_roots_list(w.card, &certs, &count), SCARD_S_SUCCESS);
	assert_int_equal(count, 1);
	assert_int_equal(world_check(false), 0);
}

static void
test_data(void **state)
{
	const struct csp_data_new open = { .application = "App",
					   .label = "Thing",
					   .content = { (const uint8_t *)"x", 1 } };
	const struct csp_data_new closed = { .application = "a name that is too long",
					     .label = "thing",
					     .private = true,
					     .content = { (const uint8_t *)"secret", 6 } };
	AUTO_BUF struct buf content = BUF_INIT;
	uint32_t one = 0, two = 0, three = 0;

	(void)state;
	assert_int_equal(world_login(PIN), SCARD_S_SUCCESS);
	assert_int_equal(csp_data_create(w.card, &open, &one), SCARD_S_SUCCESS);
	assert_string_equal(csp_data_find(w.card, one)->directory, "app");
	assert_string_equal(csp_data_find(w.card, one)->name, "thing");
	assert_int_equal(csp_data_create(w.card, &open, &two), SCARD_S_SUCCESS);
	assert_string_equal(csp_data_find(w.card, two)->name, "data000");
	assert_int_equal(csp_data_create(w.card, &closed, &three), SCARD_S_SUCCESS);
	assert_string_equal(csp_data_find(w.card, three)->directory, "p11");
	assert_true(csp_data_find(w.card, three)->private);
	assert_int_equal(csp_data_write(w.card, two, world_text("more of it")), SCARD_S_SUCCESS);
	assert_int_equal(csp_data_list(w.card), SCARD_S_SUCCESS);
	assert_int_equal(csp_data_read(w.card, two, &content), SCARD_S_SUCCESS);
	assert_int_equal(content.len, 10);
	assert_int_equal(csp_data_read(w.card, three, &content), SCARD_S_SUCCESS);
	assert_memory_equal(content.p, "secret", 6);
	assert_int_equal(csp_data_delete(w.card, two), SCARD_S_SUCCESS);
	assert_int_equal(csp_data_list(w.card), SCARD_S_SUCCESS);
	assert_null(csp_data_find(w.card, two));
	assert_non_null(csp_data_find(w.card, one));
	assert_int_equal(csp_data_delete(w.card, two), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(csp_data_delete(w.card, 0), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(world_check(false), 0);
}

static const struct csp_file *
file_of(const struct csp_file *files, size_t count, const char *name)
{
	static const struct csp_file none = { .name = "" };

	for (size_t i = 0; i < count; i++)
		if (strcmp(files[i].name, name) == 0)
			return &files[i];
	return &none;
}

/* as people see them; R-073: what the PIN had opened is closed with it */
static void
test_files(void **state)
{
	AUTO_BUF struct buf content = BUF_INIT;
	struct csp_file *files = NULL;
	const struct csp_file *file;
	size_t count = 0;

	(void)state;
	assert_int_equal(world_login(PIN), SCARD_S_SUCCESS);
	assert_int_equal(csp_fs_make(w.card, "Dir"), SCARD_S_SUCCESS);
	assert_int_equal(csp_fs_make(w.card, "dir"), ERROR_FILE_EXISTS);
	assert_int_equal(csp_fs_write(w.card, "dir", "a", CSP_USER_READS_WRITES, world_text("12345")), SCARD_S_SUCCESS);
	assert_int_equal(csp_fs_write(w.card, "dir", "b", CSP_ADMIN_READS_WRITES, world_text("1")),
			 SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(csp_fs_write(w.card, "dir", "b", CSP_ACCESS_UNKNOWN, world_text("1")),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(csp_fs_write(w.card, "dir", "a name too long", CSP_USER_READS_WRITES, world_text("1")),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(csp_fs_write(w.card, "none", "a", CSP_USER_READS_WRITES, world_text("1")),
			 SCARD_E_DIR_NOT_FOUND);
	assert_int_equal(csp_fs_remove(w.card, "dir"), ERROR_DIR_NOT_EMPTY);
	assert_int_equal(csp_fs_list(w.card, NULL, &files, &count), SCARD_S_SUCCESS);
	file = file_of(files, count, "dir");
	assert_true(file->directory);
	file = file_of(files, count, "cardid");
	assert_true(file->known && file->size == 16 && file->access == CSP_ALL_READ_ADMIN_WRITES);
	free(files);
	assert_int_equal(csp_fs_list(w.card, "dir", &files, &count), SCARD_S_SUCCESS);
	file = file_of(files, count, "a");
	assert_true(file->known && file->size == 5 && file->access == CSP_USER_READS_WRITES);
	free(files);
	assert_int_equal(csp_fs_list(w.card, "nothing", &files, &count), SCARD_E_DIR_NOT_FOUND);
	/* nobody logged in */
	csp_logout(w.reader);
	assert_int_equal(csp_fs_read(w.card, "dir", "a", &content), SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(csp_fs_write(w.card, "dir", "a", CSP_USER_READS_WRITES, world_text("1")),
			 SCARD_W_CARD_NOT_AUTHENTICATED);
	/* the administrator */
	assert_int_equal(world_login_admin(), SCARD_S_SUCCESS);
	assert_int_equal(csp_fs_read(w.card, "dir", "a", &content), SCARD_S_SUCCESS);
	assert_int_equal(content.len, 5);
	assert_int_equal(csp_fs_write(w.card, "dir", "b", CSP_ADMIN_READS_WRITES, world_text("1")), SCARD_S_SUCCESS);
	assert_int_equal(csp_fs_delete(w.card, "dir", "a"), SCARD_S_SUCCESS);
	assert_int_equal(csp_fs_delete(w.card, "dir", "a"), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(csp_fs_delete(w.card, "dir", "b"), SCARD_S_SUCCESS);
	assert_int_equal(csp_fs_remove(w.card, "dir"), SCARD_S_SUCCESS);
	assert_int_equal(csp_fs_remove(w.card, "dir"), SCARD_E_DIR_NOT_FOUND);
	assert_int_equal(world_check(false), 0);
}

/* PINs ----------------------------------------------------------------------------------------------------------------- */

static void
test_pins(void **state)
{
	static const uint8_t new_key[24] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	uint32_t tries = 77;

	(void)state;
	assert_int_equal(csp_pin_change(w.card, 1, world_text("999999"), world_text("888888"), &tries),
			 SCARD_W_WRONG_CHV);
	assert_int_equal(tries, 2);
	assert_int_equal(csp_pin_change(w.card, 1, world_text(PIN), world_text("888888"), NULL), SCARD_S_SUCCESS);
	assert_signs(csp_key_at(w.card, 0)->id);
	csp_txn_end(w.card);
	assert_signs(csp_key_at(w.card, 0)->id);
	csp_logout(w.reader);
	while (world_login(PIN) == SCARD_W_WRONG_CHV)
		continue;
	assert_int_equal(world_login("888888"), SCARD_W_CHV_BLOCKED);
	assert_int_equal(csp_pin_unblock(w.card, 1, 2, cur_of(new_key, 24), world_text("777777"), 0, NULL),
			 SCARD_W_WRONG_CHV);
	assert_int_equal(csp_pin_unblock(w.card, 1, 2, cur_of(world_admin_key, 24), world_text("777777"), 0, NULL),
			 SCARD_S_SUCCESS);
	assert_int_equal(world_login("777777"), SCARD_S_SUCCESS);
	assert_signs(csp_key_at(w.card, 0)->id);
	/* the administrator's key */
	assert_int_equal(csp_pin_change(w.card, 2, cur_of(world_admin_key, 24), cur_of(new_key, 24), NULL),
			 SCARD_S_SUCCESS);
	assert_int_equal(world_login_admin(), SCARD_W_WRONG_CHV);
	assert_int_equal(csp_login(w.card, 2, new_key, 24, NULL), SCARD_S_SUCCESS);
	assert_int_equal(world_check(false), 0);
}

/* two sides that share two texts */
static void
test_off_line(void **state)
{
	AUTO_BUF struct buf challenge = BUF_INIT, again = BUF_INIT, response = BUF_INIT;
	uint8_t id[CSP_CARD_ID_LEN];

	(void)state;
	while (world_login("999999") == SCARD_W_WRONG_CHV)
		continue;
	assert_int_equal(csp_challenge(w.card, 2, &challenge), SCARD_S_SUCCESS);
	assert_int_equal(csp_challenge(w.card, 2, &again), SCARD_S_SUCCESS);
	assert_true(challenge.len == again.len && memcmp(challenge.p, again.p, again.len) != 0);
	assert_int_equal(csp_respond(w.csp, cur_of(world_admin_key, 24), buf_cur(&challenge), &response),
			 SCARD_S_SUCCESS);
	/* to the challenge before */
	assert_int_equal(csp_pin_unblock_response(w.card, 1, 2, buf_cur(&response), world_text("777777"), 0, NULL),
			 SCARD_W_WRONG_CHV);
	/* to none any more */
	assert_int_equal(csp_respond(w.csp, cur_of(world_admin_key, 24), buf_cur(&again), &response), SCARD_S_SUCCESS);
	assert_int_equal(csp_pin_unblock_response(w.card, 1, 2, buf_cur(&response), world_text("777777"), 0, NULL),
			 SCARD_E_INVALID_VALUE);
	/* which may take longer than a card that is not used stays connected */
	assert_int_equal(csp_card_property(w.card, CP_CARD_GUID, 0, id, sizeof(id)), SCARD_S_SUCCESS);
	w.csp->rest_ms = 1;
	assert_int_equal(csp_challenge(w.card, 2, &challenge), SCARD_S_SUCCESS);
	world_unlock();
	(void)poll(NULL, 0, 30);
	assert_int_equal(csp_respond(w.csp, cur_of(world_admin_key, 24), buf_cur(&challenge), &response),
			 SCARD_S_SUCCESS);
	world_lock();
	assert_int_equal(csp_pin_unblock_response(w.card, 1, 2, buf_cur(&response), world_text("777777"), 0, NULL),
			 SCARD_S_SUCCESS);
	assert_int_equal(world_login("777777"), SCARD_S_SUCCESS);
}

/* Whatever is to be done, with one try left: nothing but a PIN that the user has just given may spend it. */
static void
test_last_try(void **state)
{
	const struct csp_generate p256 = { .type = KEY_EC, .bits = 256 };
	const struct csp_data_new data = { .label = "thing" };
	struct csp_import how = { .exchange = false };
	AUTO_BUF struct buf der = BUF_INIT, content = BUF_INIT;
	struct csp_finding *findings;
	struct csp_file *files;
	size_t count;
	const struct public_key *public;
	struct public_key copy;
	uint32_t id = 0;

	(void)state;
	assert_int_equal(csp_key_public(w.card, csp_key_at(w.card, 0)->id, &public), SCARD_S_SUCCESS);
	copy = *public;
	world_cert(&copy, signer, 0, &der);
	assert_int_equal(world_login(PIN), SCARD_S_SUCCESS);
	csp_txn_end(w.card);
	/* somebody else changes the PIN and tries twice in vain */
	(void)transmit(w.fixture.card, SELECT);
	expect_sw(w.fixture.card, "002400800C" PIN_HEX "313131313131", 0x9000);
	expect_sw(w.fixture.card, "0020008006323232323232", 0x63C2);
	expect_sw(w.fixture.card, "0020008006323232323232", 0x63C1);
	expect_sw(w.fixture.card, "00DBA01009DF2206000700000000", 0x6982);
	csp_roles_stale(w.card); /* as its counter would have it */
	for (int i = 0; i < 16; i++) {
		const uint32_t key = csp_key_at(w.card, 0)->id;
		DWORD r = SCARD_W_CARD_NOT_AUTHENTICATED;

		switch (i) {
		case 0: r = csp_generate(w.card, &p256, &id); break;
		case 1: r = import_key(ec, &how, &id); break;
		case 2: r = csp_key_delete(w.card, key); break;
		case 3: r = csp_cert_write(w.card, key, buf_cur(&der), NULL); break;
		case 4: r = csp_roots_add(w.card, buf_cur(&der)); break;
		case 5: r = csp_data_create(w.card, &data, &id); break;
		case 6: r = csp_fs_write(w.card, "mscp", "x", CSP_ALL_READ_USER_WRITES, world_text("1")); break;
		case 7: r = csp_fs_make(w.card, "x"); break;
		case 8: r = csp_recreate(w.card, world_text("777777")); break;
		case 9: r = csp_pin_unblock(w.card, 1, 2, cur_of(NULL, 0), world_text("777777"), 0, NULL); break;
		case 10: r = csp_key_name(w.card, key, NULL, "label"); break;
		case 11:
			if (csp_check(w.card, true, &findings, &count) == SCARD_S_SUCCESS)
				free(findings);
			break;
		case 12:
			if (csp_fs_list(w.card, NULL, &files, &count) == SCARD_S_SUCCESS)
				free(files);
			break;
		case 13: (void)csp_fs_read(w.card, NULL, "cardcf", &content); break;
		case 14: (void)csp_refresh(w.card, NULL); break;
		default: r = csp_cert_delete(w.card, key); break;
		}
		if (r != SCARD_W_CARD_NOT_AUTHENTICATED)
			fail_msg("%d: %08x", i, r);
		assert_int_equal(status_of(transmit(w.fixture.card, "00200080")), 0x63C1);
	}
	assert_int_equal(world_login("111111"), SCARD_S_SUCCESS);
	assert_signs(csp_key_at(w.card, 0)->id);
}

/* Accidents and others ------------------------------------------------------------------------------------------------- */

static void
put(const char *directory, const char *name, const void *content, size_t len)
{
	csp_close(&w.csp);
	assert_int_equal(vcard_perso_put(w.fixture.card, PIN, directory, name, cur_of(content, len)), 0);
	world_open_csp();
	world_lock();
	assert_int_equal(csp_refresh(w.card, NULL), SCARD_S_SUCCESS);
	assert_int_equal(world_login(PIN), SCARD_S_SUCCESS);
}

/* Each kind of damage is found, mended, and gone then; the key is there all the time. */
static void
test_check(void **state)
{
	static const struct {
		const char *directory, *name;
		const char *content;
		size_t len;
	} damages[] = {
		{ "mscp", "kxc00", "", 0 },
		{ "mscp", "kxc00", "\1\0\2\0rubbish", 11 },
		{ "mscp", "kxc05", "no key there", 12 },
		{ "mscp", "ksc00", "no key in this slot", 19 },
		{ "mscp", "msroots", "", 0 },
		{ "", "cardcf", "\0\0", 2 },
		{ "", "cardapps", "mscp\0\0\0\0gone\0\0\0\0", 16 },
		{ "mscp", "cmapfile", "", 0 },
	};
	uint8_t map[2 * 86 + 1] = { 'n' };

	(void)state;
	world_unlock();
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		put(damages[i].directory, damages[i].name, damages[i].content, damages[i].len);
		if (world_check(false) != 1)
			fail_msg("%zu: not found", i);
		assert_int_equal(world_check(true), 0);
		assert_int_equal(world_check(false), 0);
		assert_int_equal(csp_refresh(w.card, NULL), SCARD_S_SUCCESS);
		assert_int_equal(csp_key_count(w.card), 1);
		assert_signs(csp_key_at(w.card, 0)->id);
		world_unlock();
	}
	/* a record of wrong size, one without a key, a part of one; no default */
	map[80] = 1;
	map[83] = 4;
	map[86] = 'm';
	map[86 + 80] = 5;
	put("mscp", "cmapfile", map, sizeof(map));
	assert_true(world_check(false) >= 3);
	assert_int_equal(world_check(true), 0);
	assert_int_equal(world_check(false), 0);
	assert_int_equal(csp_key_count(w.card), 1);
	assert_true(csp_key_at(w.card, 0)->is_default && csp_key_at(w.card, 0)->exchange);
	assert_string_equal(csp_key_at(w.card, 0)->name, "n");
	assert_signs(csp_key_at(w.card, 0)->id);
}

/* A map that was cut when the card was pulled is made good by the next who makes a key; names come back as well. */
static void
test_cut_map(void **state)
{
	const struct csp_import named[] = { { .name = "two", .id = { (const uint8_t *)"2", 1 } },
					    { .name = "three", .id = { (const uint8_t *)"3", 1 } } };
	const struct csp_generate p256 = { .type = KEY_EC, .bits = 256, .name = "four" };
	const struct csp_key *two, *three;
	AUTO_BUF struct buf map = BUF_INIT;
	uint32_t id = 0;

	(void)state;
	assert_int_equal(world_login(PIN), SCARD_S_SUCCESS);
	for (size_t i = 0; i < ARRAY_SIZE(named); i++)
		assert_int_equal(import_key(i == 0 ? ec : signer, &named[i], &id), SCARD_S_SUCCESS);
	assert_int_equal(csp_fs_read(w.card, "mscp", "cmapfile", &map), SCARD_S_SUCCESS);
	assert_int_equal(map.len, 3 * 86);
	world_unlock();
	put("mscp", "cmapfile", map.p, 100);
	assert_int_equal(csp_key_count(w.card), 1);
	assert_int_equal(csp_generate(w.card, &p256, &id), SCARD_S_SUCCESS);
	assert_int_equal(csp_key_find(w.card, id)->container, 3);
	assert_int_equal(csp_key_count(w.card), 4);
	two = world_key("two");
	three = world_key("three");
	if (two == NULL || three == NULL) {
		fail_msg("names are lost");
		return;
	}
	assert_int_equal(three->ckaid_len, 1);
	assert_true(is_key(two->id, ec) && is_key(three->id, signer));
	assert_int_equal(world_check(false), 0);
}

#define TEST(name, prepare) cmocka_unit_test_setup_teardown(name, prepare, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create, setup_blank),
		TEST(test_create, setup_blank_applet),
		TEST(test_create_refused, setup_blank),
		TEST(test_recreate, setup),
		TEST(test_recreate, setup_applet),
		TEST(test_import, setup),
		TEST(test_import, setup_applet),
		TEST(test_import_beside, setup),
		TEST(test_import_policy, setup),
		TEST(test_many, setup),
		TEST(test_cert, setup),
		TEST(test_cert, setup_applet),
		TEST(test_roots, setup),
		TEST(test_roots, setup_applet),
		TEST(test_data, setup),
		TEST(test_files, setup),
		TEST(test_files, setup_applet),
		TEST(test_pins, setup),
		TEST(test_pins, setup_applet),
		TEST(test_off_line, setup),
		TEST(test_last_try, setup),
		TEST(test_check, setup),
		TEST(test_check, setup_applet),
		TEST(test_cut_map, setup),
		TEST(test_cut_map, setup_applet),
	};

	return cmocka_run_group_tests_name("csp managing gids", tests, make_keys, free_keys);
}
