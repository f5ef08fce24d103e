/* SPDX-License-Identifier: BSD-2-Clause */
/* The common part in memory, for tests of the front alone. */
#include "lib/fakecsp.h"

#include "csp/manage.h"

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
csp_wait(struct csp *csp, uint32_t timeout_ms)
{
	(void)csp;
	(void)timeout_ms;
	return SCARD_E_CANCELLED;
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
csp_data_list(struct csp_card *card)
{
	(void)card;
	return SCARD_S_SUCCESS;
}

size_t
csp_data_count(const struct csp_card *card)
{
	(void)card;
	return 0;
}

const struct csp_data *
csp_data_at(const struct csp_card *card, size_t index)
{
	(void)card;
	(void)index;
	return NULL;
}

const struct csp_data *
csp_data_find(const struct csp_card *card, uint32_t id)
{
	(void)card;
	(void)id;
	return NULL;
}

DWORD
csp_data_read(struct csp_card *card, uint32_t id, struct buf *ret_content)
{
	(void)card;
	(void)id;
	(void)ret_content;
	return SCARD_E_FILE_NOT_FOUND;
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

DWORD
csp_login(struct csp_card *card, uint32_t role, const uint8_t *pin, size_t pin_len, uint32_t *ret_tries)
{
	(void)card;
	(void)pin;
	(void)pin_len;
	(void)ret_tries;
	fake.logins++;
	fake.login_role = role;
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

/* The fake card cannot be changed. */
bool
csp_card_read_only(const struct csp_card *card)
{
	(void)card;
	return true;
}

DWORD
csp_generate(struct csp_card *card, const struct csp_generate *what, uint32_t *ret_key_id)
{
	(void)card;
	(void)what;
	(void)ret_key_id;
	return SCARD_E_READ_ONLY_CARD;
}

DWORD
csp_key_delete(struct csp_card *card, uint32_t key_id)
{
	(void)card;
	(void)key_id;
	return SCARD_E_READ_ONLY_CARD;
}

DWORD
csp_key_name(struct csp_card *card, uint32_t key_id, const struct cursor *id, const char *label)
{
	(void)id;
	(void)label;
	return csp_key_delete(card, key_id);
}

DWORD
csp_cert_delete(struct csp_card *card, uint32_t key_id)
{
	return csp_key_delete(card, key_id);
}
