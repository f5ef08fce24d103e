/* SPDX-License-Identifier: BSD-2-Clause */
/* The common part in memory, for tests of the front alone. */
#include "lib/fakecsp.h"

#include "base/privkey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct csp {
	int unused;
};

struct csp_reader {
	int unused;
};

struct csp_card {
	int unused;
};

struct csp_digest {
	size_t len;
};

struct fake fake;

static struct csp_reader the_reader;
static struct csp_card the_card;
static struct public_key the_public;
static struct csp_cert the_cert;

struct csp_key *
fake_add_key(uint8_t container, bool exchange)
{
	struct csp_key *key = &fake.keys[fake.key_count++];

	*key = (struct csp_key){
		.id = (uint32_t)fake.key_count,
		.container = container,
		.exchange = exchange,
		.type = KEY_RSA,
		.bits = 2048,
		.can_sign = true,
		.can_decrypt = exchange,
		.role = CSP_ROLE_USER,
		.name = "fake",
	};
	fake.view++;
	return key;
}

void
fake_reset(void)
{
	fake = (struct fake){
		.present = true,
		.read_only = true,
		.login_tries = CSP_UNKNOWN,
		.generation = 1,
		.token = { .label = "Fake",
			   .manufacturer = "test",
			   .model = "fake",
			   .serial = "0123456789abcdef",
			   .login_required = true,
			   .pin_min = 4,
			   .pin_max = 127,
			   .tries_left = 3,
			   .tries_max = 3 },
	};
	the_public = (struct public_key){ .type = KEY_RSA, .bits = 2048, .modulus_len = 256, .exponent_len = 1 };
	memset(the_public.modulus, 0xFF, 256);
	the_public.exponent[0] = 3;
	the_cert = (struct csp_cert){ .parsed = false };
	fake_add_key(0, true);
}

void
csp_config_load(struct csp_options *ret_options, csp_config_report report, void *context)
{
	(void)report;
	(void)context;
	*ret_options = (struct csp_options){ .transaction_timeout_ms = CSP_DEFAULT_TIMEOUT_MS };
}

DWORD
csp_open(const struct csp_options *options, struct csp **ret_csp)
{
	(void)options;
	*ret_csp = calloc(1, sizeof(**ret_csp));
	return *ret_csp != NULL ? SCARD_S_SUCCESS : SCARD_E_NO_MEMORY;
}

void
csp_close(struct csp **csp)
{
	free(*csp);
	*csp = NULL;
}

void
csp_forget(struct csp **csp)
{
	csp_close(csp);
}

DWORD
csp_poll(struct csp *csp, bool add)
{
	(void)csp;
	(void)add;
	return SCARD_S_SUCCESS;
}

size_t
csp_reader_count(const struct csp *csp)
{
	(void)csp;
	return 1;
}

struct csp_reader *
csp_reader_at(struct csp *csp, size_t index)
{
	(void)csp;
	return index == 0 ? &the_reader : NULL;
}

const char *
csp_reader_name(const struct csp_reader *reader)
{
	(void)reader;
	return "Fake Reader";
}

bool
csp_reader_present(const struct csp_reader *reader)
{
	(void)reader;
	return fake.present;
}

uint32_t
csp_reader_generation(const struct csp_reader *reader)
{
	(void)reader;
	return fake.generation;
}

DWORD
csp_wait_since(struct csp *csp, uint32_t changes, uint32_t timeout_ms)
{
	(void)csp;
	(void)changes;
	(void)timeout_ms;
	return SCARD_E_CANCELLED;
}

uint32_t
csp_changes(const struct csp *csp)
{
	(void)csp;
	return fake.generation;
}

void
csp_wake_waits(struct csp *csp)
{
	(void)csp;
}

void
csp_cancel_waits(struct csp *csp)
{
	(void)csp;
}

void
csp_join_waits(struct csp *csp)
{
	(void)csp;
}

void
csp_reader_lock(struct csp_reader *reader)
{
	(void)reader;
}

void
csp_reader_unlock(struct csp_reader *reader)
{
	(void)reader;
}

DWORD
csp_reader_card(struct csp_reader *reader, struct csp_card **ret_card)
{
	(void)reader;
	if (!fake.present)
		return SCARD_E_NO_SMARTCARD;
	if (fake.card == SCARD_S_SUCCESS)
		*ret_card = &the_card;
	return fake.card;
}

DWORD
csp_token_info(struct csp_card *card, struct csp_token_info *ret_info)
{
	(void)card;
	*ret_info = fake.token;
	return fake.token_code;
}

DWORD
csp_refresh(struct csp_card *card, uint32_t *ret_version)
{
	(void)card;
	fake.refreshes++;
	if (ret_version != NULL)
		*ret_version = fake.view;
	return fake.refresh;
}

DWORD
csp_refresh_number(struct csp_card *card, uint8_t number, bool keys_only, uint32_t *ret_version)
{
	(void)number, (void)keys_only;
	return csp_refresh(card, ret_version);
}

DWORD
csp_data_list(struct csp_card *card)
{
	(void)card;
	return SCARD_S_SUCCESS;
}

size_t
csp_data_count(const struct csp_card *card)
{
	(void)card;
	return fake.file_count;
}

const struct csp_data *
csp_data_at(const struct csp_card *card, size_t index)
{
	(void)card;
	return index < fake.file_count ? &fake.files[index] : NULL;
}

const struct csp_data *
csp_data_find(const struct csp_card *card, uint32_t id)
{
	(void)card;
	for (size_t i = 0; i < fake.file_count; i++)
		if (fake.files[i].id == id)
			return &fake.files[i];
	return NULL;
}

DWORD
csp_data_read(struct csp_card *card, uint32_t id, struct buf *ret_content)
{
	if (csp_data_find(card, id) == NULL)
		return SCARD_E_FILE_NOT_FOUND;
	buf_put(ret_content, "content", 7);
	return SCARD_S_SUCCESS;
}

size_t
csp_key_count(const struct csp_card *card)
{
	(void)card;
	return fake.key_count;
}

const struct csp_key *
csp_key_at(const struct csp_card *card, size_t index)
{
	(void)card;
	return index < fake.key_count ? &fake.keys[index] : NULL;
}

const struct csp_key *
csp_key_find(const struct csp_card *card, uint32_t key_id)
{
	(void)card;
	for (size_t i = 0; i < fake.key_count; i++)
		if (fake.keys[i].id == key_id)
			return &fake.keys[i];
	return NULL;
}

DWORD
csp_key_public(struct csp_card *card, uint32_t key_id, const struct public_key **ret_key)
{
	(void)card;
	(void)key_id;
	fake.publics++;
	*ret_key = &the_public;
	return fake.public;
}

DWORD
csp_key_cert(struct csp_card *card, uint32_t key_id, const struct csp_cert **ret_cert)
{
	(void)card;
	(void)key_id;
	fake.certs++;
	*ret_cert = &the_cert;
	return fake.cert;
}

bool
csp_public_key_valid(struct csp *csp, const struct public_key *key)
{
	(void)csp;
	return key->type != KEY_NONE;
}

DWORD
csp_public_key_spki(struct csp *csp, const struct public_key *key, struct buf *ret_der)
{
	(void)csp;
	(void)key;
	buf_u8(ret_der, 0x30);
	return SCARD_S_SUCCESS;
}

/* Keys show as digits, PINs as they are. */
static void
note_secret(char ret_text[FAKE_SECRET], uint32_t role, struct cursor secret)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;
	uint8_t c;

	memset(ret_text, 0, FAKE_SECRET);
	while (n + 2 < FAKE_SECRET && cur_u8(&secret, &c))
		if (role == CSP_ROLE_ADMIN) {
			ret_text[n++] = digits[c >> 4];
			ret_text[n++] = digits[c & 15];
		} else {
			ret_text[n++] = (char)c;
		}
}

DWORD
csp_login(struct csp_card *card, uint32_t role, const uint8_t *pin, size_t pin_len, uint32_t *ret_tries)
{
	(void)card;
	fake.logins++;
	fake.login_role = role;
	note_secret(fake.old_secret, role, cur_of(pin, pin_len));
	if (ret_tries != NULL)
		*ret_tries = fake.login_tries;
	return fake.login;
}

DWORD
csp_login_once(struct csp_card *card, uint32_t role, const uint8_t *pin, size_t pin_len, uint32_t *ret_tries)
{
	(void)card;
	(void)pin;
	(void)pin_len;
	(void)ret_tries;
	fake.logins_once++;
	fake.login_role = role;
	return fake.login_once;
}

DWORD
csp_login_with_users(struct csp_card *card, uint32_t role)
{
	(void)card;
	(void)role;
	return SCARD_W_CARD_NOT_AUTHENTICATED;
}

void
csp_logout(struct csp_reader *reader)
{
	(void)reader;
	fake.logouts++;
}

size_t
csp_hash_len(enum csp_hash hash)
{
	static const size_t len[] = { 0, 20, 28, 32, 48, 64 };

	return len[hash];
}

DWORD
csp_sign(struct csp_card *card, uint32_t key_id, const struct csp_scheme *scheme, struct cursor data,
	 uint8_t *ret_signature, size_t room, size_t *ret_len)
{
	(void)card;
	(void)scheme;
	(void)data;
	fake.signs++;
	fake.signed_key = key_id;
	if (fake.sign != SCARD_S_SUCCESS)
		return fake.sign;
	memset(ret_signature, 0, room < 256 ? room : 256);
	*ret_len = 256;
	return SCARD_S_SUCCESS;
}

DWORD
csp_decrypt(struct csp_card *card, uint32_t key_id, const struct csp_scheme *scheme, struct cursor ciphertext,
	    struct secret *ret_plain)
{
	(void)card;
	(void)key_id;
	(void)scheme;
	(void)ciphertext;
	fake.decrypts++;
	if (fake.decrypt != SCARD_S_SUCCESS)
		return fake.decrypt;
	return secret_set(ret_plain, "plain", 5) ? SCARD_S_SUCCESS : SCARD_E_NO_MEMORY;
}

DWORD
csp_card_curve25519(struct csp_card *card, bool *ret_has)
{
	(void)card;
	*ret_has = fake.curve25519;
	return SCARD_S_SUCCESS;
}

bool
csp_card_agrees(const struct csp_card *card)
{
	(void)card;
	return fake.agrees;
}

/* The "shared secret" is the other party's x coordinate. */
DWORD
csp_agree(struct csp_card *card, uint32_t key_id, const struct public_key *peer, struct secret *ret_z)
{
	(void)card;
	(void)key_id;
	fake.agreements++;
	if (fake.agree != SCARD_S_SUCCESS)
		return fake.agree;
	return secret_set(ret_z, peer->point + 1, (peer->point_len - 1) / 2) ? SCARD_S_SUCCESS : SCARD_E_NO_MEMORY;
}

DWORD
csp_decrypt_exactly(struct csp_card *card, uint32_t key_id, struct cursor ciphertext, size_t len,
		    struct secret *ret_plain)
{
	(void)card;
	(void)key_id;
	(void)ciphertext;
	fake.decrypts++;
	if (fake.decrypt != SCARD_S_SUCCESS)
		return fake.decrypt;
	return secret_alloc(ret_plain, len) ? SCARD_S_SUCCESS : SCARD_E_NO_MEMORY;
}

DWORD
csp_verify(struct csp *csp, const struct public_key *key, const struct csp_scheme *scheme, struct cursor data,
	   struct cursor signature, bool *ret_good)
{
	(void)csp;
	(void)key;
	(void)scheme;
	(void)data;
	(void)signature;
	*ret_good = true;
	return SCARD_S_SUCCESS;
}

DWORD
csp_recover(struct csp *csp, const struct public_key *key, const struct csp_scheme *scheme, struct cursor signature,
	    uint8_t *ret_data, size_t room, size_t *ret_len)
{
	(void)csp;
	(void)key;
	(void)scheme;
	(void)signature;
	memset(ret_data, 0, room);
	*ret_len = 5;
	return SCARD_S_SUCCESS;
}

DWORD
csp_encrypt(struct csp *csp, const struct public_key *key, const struct csp_scheme *scheme, struct cursor plain,
	    uint8_t *ret_cipher, size_t room, size_t *ret_len)
{
	(void)csp;
	(void)key;
	(void)scheme;
	(void)plain;
	memset(ret_cipher, 0, room);
	*ret_len = room;
	return SCARD_S_SUCCESS;
}

/* Digests give zeros; what the last one was made of is kept. */
DWORD
csp_digest_new(struct csp *csp, enum csp_hash hash, struct csp_digest **ret_digest)
{
	(void)csp;
	fake.hashed_len = 0;
	if ((*ret_digest = calloc(1, sizeof(**ret_digest))) == NULL)
		return SCARD_E_NO_MEMORY;
	(*ret_digest)->len = csp_hash_len(hash);
	return SCARD_S_SUCCESS;
}

DWORD
csp_digest_update(struct csp_digest *digest, struct cursor data)
{
	(void)digest;
	if (data.left > 0 && data.left <= sizeof(fake.hashed) - fake.hashed_len) {
		memcpy(fake.hashed + fake.hashed_len, data.p, data.left);
		fake.hashed_len += data.left;
	}
	return SCARD_S_SUCCESS;
}

DWORD
csp_digest_final(struct csp_digest *digest, uint8_t *ret_value)
{
	memset(ret_value, 0, digest->len);
	return SCARD_S_SUCCESS;
}

void
csp_digest_free(struct csp_digest **digest)
{
	free(*digest);
	*digest = NULL;
}

DWORD
csp_random(struct csp *csp, void *ret_bytes, size_t len)
{
	(void)csp;
	memset(ret_bytes, 7, len);
	return SCARD_S_SUCCESS;
}

DWORD
csp_pseudorandom(struct csp *csp, const char *label, struct cursor data, uint8_t *ret_bytes, size_t len)
{
	(void)csp;
	(void)label;
	(void)data;
	memset(ret_bytes, 9, len);
	return SCARD_S_SUCCESS;
}

DWORD
csp_aes_check_value(struct csp *csp, const struct secret *key, uint8_t ret_value[CSP_CHECK_VALUE_LEN])
{
	(void)csp;
	memset(ret_value, (int)key->len, CSP_CHECK_VALUE_LEN);
	return SCARD_S_SUCCESS;
}

/* Changes ------------------------------------------------------------------------------------------------------------- */

void
fake_writable(void)
{
	fake.read_only = false;
	fake.roles[0] = (struct csp_role_info){ .role = CSP_ROLE_USER,
						.unblock_roles = CSP_ROLE_BIT(CSP_ROLE_ADMIN),
						.pin_min = 4,
						.pin_max = 127,
						.tries_left = 3,
						.tries_max = 3 };
	fake.roles[1] = (struct csp_role_info){
		.role = CSP_ROLE_ADMIN, .type = CSP_PIN_CHALLENGE, .tries_left = CSP_UNKNOWN, .tries_max = CSP_UNKNOWN
	};
	fake.role_count = 2;
}

static DWORD
change(DWORD code)
{
	if (fake.read_only)
		return SCARD_E_READ_ONLY_CARD;
	if (code == SCARD_S_SUCCESS)
		fake.view++;
	return code;
}

bool
csp_card_read_only(const struct csp_card *card)
{
	(void)card;
	return fake.read_only;
}

DWORD
csp_card_info(struct csp_card *card, struct csp_card_info *ret_info)
{
	(void)card;
	*ret_info = fake.info;
	return SCARD_S_SUCCESS;
}

DWORD
csp_role_list(struct csp_card *card, struct csp_role_info ret_roles[CSP_ROLES], size_t *ret_count)
{
	(void)card;
	memcpy(ret_roles, fake.roles, sizeof(fake.roles));
	*ret_count = fake.role_count;
	return SCARD_S_SUCCESS;
}

DWORD
csp_pin_change(struct csp_card *card, uint32_t role, struct cursor old_pin, struct cursor new_pin, uint32_t *ret_tries)
{
	(void)card;
	(void)ret_tries;
	fake.pin_changes++;
	fake.pin_role = role;
	note_secret(fake.old_secret, role, old_pin);
	note_secret(fake.new_secret, role, new_pin);
	return fake.pin_change;
}

DWORD
csp_pin_unblock(struct csp_card *card, uint32_t role, uint32_t authority, struct cursor secret, struct cursor new_pin,
		uint32_t retries, uint32_t *ret_tries)
{
	(void)card;
	(void)retries;
	(void)ret_tries;
	fake.pin_unblocks++;
	fake.pin_role = role;
	fake.authority = authority;
	note_secret(fake.old_secret, authority, secret);
	note_secret(fake.new_secret, role, new_pin);
	if (fake.pin_unblock == SCARD_S_SUCCESS)
		fake.token.tries_left = fake.token.tries_max;
	return fake.pin_unblock;
}

DWORD
csp_create(struct csp_card *card, const struct csp_create *what)
{
	(void)card;
	if (!fake.info.blank && fake.create == SCARD_S_SUCCESS)
		return ERROR_FILE_EXISTS;
	fake.creates++;
	note_secret(fake.old_secret, CSP_ROLE_ADMIN, what->admin_key);
	note_secret(fake.new_secret, CSP_ROLE_USER, what->user_pin);
	return change(fake.create);
}

DWORD
csp_recreate(struct csp_card *card, struct cursor user_pin)
{
	(void)card;
	fake.recreates++;
	note_secret(fake.new_secret, CSP_ROLE_USER, user_pin);
	if (fake.recreate == SCARD_S_SUCCESS)
		fake.key_count = fake.root_count = fake.file_count = 0;
	return change(fake.recreate);
}

DWORD
csp_token_name(struct csp_card *card, const char *label, bool pin_unset)
{
	(void)card;
	fake.namings++;
	if (label != NULL)
		(void)snprintf(fake.token_name, sizeof(fake.token_name), "%s", label);
	fake.token.pin_unset = pin_unset;
	return change(fake.name);
}

DWORD
csp_generate(struct csp_card *card, const struct csp_generate *what, uint32_t *ret_key_id)
{
	DWORD r = change(fake.generate);

	(void)card;
	if (r == SCARD_S_SUCCESS)
		*ret_key_id = fake_add_key((uint8_t)fake.key_count, what->exchange)->id;
	return r;
}

DWORD
csp_private_key_point(struct private_key *key)
{
	uint8_t point[65] = { 0x04 };

	return pubkey_set_ec(&key->public, point, sizeof(point)) ? SCARD_S_SUCCESS : SCARD_E_INVALID_PARAMETER;
}

DWORD
csp_import(struct csp_card *card, const struct csp_import *what, uint32_t *ret_key_id)
{
	DWORD r = change(fake.import);

	(void)card;
	fake.imports++;
	fake.imported_exchange = what->exchange;
	if (r == SCARD_S_SUCCESS)
		*ret_key_id = fake_add_key((uint8_t)fake.key_count, what->exchange)->id;
	return r;
}

DWORD
csp_key_delete(struct csp_card *card, uint32_t key_id)
{
	DWORD r = change(fake.delete);

	(void)card;
	if (r == SCARD_S_SUCCESS && fake.keys[fake.key_count - 1].id == key_id)
		fake.key_count--;
	return r;
}

DWORD
csp_cert_delete(struct csp_card *card, uint32_t key_id)
{
	DWORD r = change(fake.delete);

	(void)card;
	for (size_t i = 0; r == SCARD_S_SUCCESS && i < fake.key_count; i++)
		if (fake.keys[i].id == key_id)
			fake.keys[i].has_cert = false;
	return r;
}

DWORD
csp_key_name(struct csp_card *card, uint32_t key_id, const struct cursor *id, const char *label)
{
	DWORD r = change(fake.name);

	(void)card;
	for (size_t i = 0; r == SCARD_S_SUCCESS && i < fake.key_count; i++) {
		if (fake.keys[i].id != key_id)
			continue;
		if (id != NULL) {
			memcpy(fake.keys[i].ckaid, id->p, id->left);
			fake.keys[i].ckaid_len = id->left;
		}
		if (label != NULL)
			(void)snprintf(fake.keys[i].label, sizeof(fake.keys[i].label), "%s", label);
	}
	return r;
}

/* Without a key's number the certificate is the first key's, or nobody's when its text says so. */
DWORD
csp_cert_write(struct csp_card *card, uint32_t key_id, struct cursor der, uint32_t *ret_key_id)
{
	DWORD r = change(fake.cert_write);

	(void)card;
	fake.cert_writes++;
	fake.cert_key = key_id;
	if (r != SCARD_S_SUCCESS)
		return r;
	if (cur_equals(&der, "nobody", 6))
		return key_id != 0 ? SCARD_E_INVALID_VALUE : SCARD_E_NO_KEY_CONTAINER;
	for (size_t i = 0; i < fake.key_count; i++)
		if (key_id == 0 || fake.keys[i].id == key_id) {
			fake.keys[i].has_cert = true;
			*ret_key_id = fake.keys[i].id;
			return SCARD_S_SUCCESS;
		}
	return SCARD_E_NO_KEY_CONTAINER;
}

DWORD
csp_cert_is_ca(struct csp *csp, struct cursor der, bool *ret_is_ca)
{
	(void)csp;
	(void)der;
	*ret_is_ca = fake.is_ca;
	return SCARD_S_SUCCESS;
}

DWORD
csp_roots_list(struct csp_card *card, const struct csp_cert **ret_certs, size_t *ret_count)
{
	static struct csp_cert certs[FAKE_ROOTS];

	(void)card;
	for (size_t i = 0; i < fake.root_count; i++) {
		buf_free(&certs[i].der);
		buf_put(&certs[i].der, fake.roots[i], strlen(fake.roots[i]));
	}
	*ret_certs = certs;
	*ret_count = fake.root_count;
	return SCARD_S_SUCCESS;
}

DWORD
csp_roots_add(struct csp_card *card, struct cursor der)
{
	static char added[64];
	DWORD r = change(fake.root);

	(void)card;
	if (r != SCARD_S_SUCCESS)
		return r;
	memset(added, 0, sizeof(added));
	(void)cur_copy(&der, added, der.left < sizeof(added) ? der.left : sizeof(added) - 1);
	fake.roots[fake.root_count++] = added;
	return SCARD_S_SUCCESS;
}

DWORD
csp_roots_remove(struct csp_card *card, struct cursor der)
{
	DWORD r = change(fake.root);
	size_t index = 0;

	(void)card;
	while (index < fake.root_count && !cur_equals(&der, fake.roots[index], strlen(fake.roots[index])))
		index++;
	if (r == SCARD_S_SUCCESS && index == fake.root_count)
		return SCARD_E_FILE_NOT_FOUND;
	for (size_t i = index; r == SCARD_S_SUCCESS && i + 1 < fake.root_count; i++)
		fake.roots[i] = fake.roots[i + 1];
	fake.root_count -= r == SCARD_S_SUCCESS;
	return r;
}

DWORD
csp_data_create(struct csp_card *card, const struct csp_data_new *what, uint32_t *ret_id)
{
	DWORD r = change(fake.data);
	struct csp_data *file;

	(void)card;
	if (r != SCARD_S_SUCCESS)
		return r;
	file = &fake.files[fake.file_count++];
	*file = (struct csp_data){ .id = 1000 + (uint32_t)fake.file_count, .private = what->private };
	(void)snprintf(file->directory, sizeof(file->directory), "app");
	(void)snprintf(file->name, sizeof(file->name), "file%zu", fake.file_count % 100);
	*ret_id = file->id;
	return SCARD_S_SUCCESS;
}

DWORD
csp_data_write(struct csp_card *card, uint32_t id, struct cursor content)
{
	(void)content;
	return csp_data_find(card, id) != NULL ? change(fake.data) : SCARD_E_FILE_NOT_FOUND;
}

DWORD
csp_data_name(struct csp_card *card, uint32_t id, const char *application, const char *label,
	      const struct cursor *object_id)
{
	(void)application;
	(void)label;
	(void)object_id;
	return csp_data_find(card, id) != NULL ? change(fake.name) : SCARD_E_FILE_NOT_FOUND;
}

DWORD
csp_data_delete(struct csp_card *card, uint32_t id)
{
	DWORD r = change(fake.data);

	(void)card;
	if (r == SCARD_S_SUCCESS && fake.file_count > 0 && fake.files[fake.file_count - 1].id == id)
		fake.file_count--;
	return r;
}
