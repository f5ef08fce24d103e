/* SPDX-License-Identifier: BSD-2-Clause */
/* The minidriver of a card that is a structure. */
#include "lib/fakecard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "lib/test.h"
#include "registry.h"

#define RECORD 86u

/* Calls -------------------------------------------------------------------------------------------------------------- */

struct fake_io {
	struct io io;
	struct fake_card *card;
};

static struct fake_card *
card_of(const CARD_DATA *data)
{
	return ((struct fake_io *)(void *)data->io)->card;
}

/* Writes a call down; a call outside a transaction, or to a card that has gone, is noticed. */
static DWORD
called(struct fake_card *card, const char *word, const char *what)
{
	size_t len = strlen(card->log);

	(void)snprintf(card->log + len, sizeof(card->log) - len, "%s%s ", word, what);
	if (!card->in_transaction)
		card->outside++;
	return card->gone ? SCARD_W_REMOVED_CARD : SCARD_S_SUCCESS;
}

static DWORD
called_number(struct fake_card *card, const char *word, unsigned number)
{
	char text[12];

	(void)snprintf(text, sizeof(text), "%u", number);
	return called(card, word, text);
}

static DWORD
once(DWORD *code)
{
	DWORD r = *code;

	*code = SCARD_S_SUCCESS;
	return r;
}

const char *
fake_calls(struct fake_card *card)
{
	static char copy[sizeof(card->log)];

	memcpy(copy, card->log, sizeof(copy));
	card->log[0] = '\0';
	return copy;
}

/* Files -------------------------------------------------------------------------------------------------------------- */

static struct fake_file *
find_file(struct fake_card *card, const char *directory, const char *name)
{
	if (directory == NULL)
		directory = "";
	for (size_t i = 0; i < FAKE_FILES; i++) {
		if (card->files[i].name[0] != '\0' && strcasecmp(card->files[i].directory, directory) == 0 &&
		    strcasecmp(card->files[i].name, name) == 0)
			return &card->files[i];
	}
	return NULL;
}

static struct fake_file *
make_file(struct fake_card *card, const char *directory, const char *name)
{
	struct fake_file *f = find_file(card, directory, name);

	for (size_t i = 0; f == NULL && i < FAKE_FILES; i++) {
		if (card->files[i].name[0] == '\0')
			f = &card->files[i];
	}
	assert_non_null(f);
	(void)snprintf(f->directory, sizeof(f->directory), "%s", directory == NULL ? "" : directory);
	(void)snprintf(f->name, sizeof(f->name), "%s", name);
	return f;
}

void
fake_file_set(struct fake_card *card, const char *directory, const char *name, const void *content, size_t len)
{
	struct fake_file *f = make_file(card, directory, name);
	uint8_t *copy = malloc(len == 0 ? 1 : len);

	assert_non_null(copy);
	if (len > 0)
		memcpy(copy, content, len);
	free(f->content);
	f->content = copy;
	f->len = len;
	f->code = SCARD_S_SUCCESS;
}

void
fake_file_fails(struct fake_card *card, const char *directory, const char *name, DWORD code)
{
	make_file(card, directory, name)->code = code;
}

void
fake_file_drop(struct fake_card *card, const char *directory, const char *name)
{
	struct fake_file *f = find_file(card, directory, name);

	assert_non_null(f);
	free(f->content);
	memset(f, 0, sizeof(*f));
}

void
fake_counters(struct fake_card *card, uint8_t pins, uint16_t containers, uint16_t files)
{
	const uint8_t cardcf[] = {
		0, pins, (uint8_t)containers, (uint8_t)(containers >> 8), (uint8_t)files, (uint8_t)(files >> 8)
	};

	fake_file_set(card, NULL, "cardcf", cardcf, sizeof(cardcf));
}

void
fake_container(struct fake_card *card, unsigned index, const char *name, uint8_t flags, uint16_t signature_bits,
	       uint16_t exchange_bits)
{
	struct fake_file *f = find_file(card, "mscp", "cmapfile");
	size_t len = f == NULL ? 0 : f->len, want = (index + 1) * RECORD;
	uint8_t *map = calloc(1, len > want ? len : want), *record;

	assert_non_null(map);
	if (len > 0)
		memcpy(map, f->content, len);
	record = map + index * RECORD;
	memset(record, 0, RECORD);
	for (size_t i = 0; i < strlen(name) && i < 40; i++)
		record[2 * i] = (uint8_t)name[i];
	record[80] = flags;
	record[82] = (uint8_t)signature_bits;
	record[83] = (uint8_t)(signature_bits >> 8);
	record[84] = (uint8_t)exchange_bits;
	record[85] = (uint8_t)(exchange_bits >> 8);
	fake_file_set(card, "mscp", "cmapfile", map, len > want ? len : want);
	free(map);
}

static DWORD
copy_out(CARD_DATA *data, const void *p, size_t len, void *ret_block, DWORD *ret_len)
{
	BYTE *block = data->pfnCspAlloc(len == 0 ? 1 : len);

	assert_non_null(block);
	if (len > 0)
		memcpy(block, p, len);
	memcpy(ret_block, &block, sizeof(block));
	*ret_len = (DWORD)len;
	return SCARD_S_SUCCESS;
}

static DWORD
read_file(CARD_DATA *data, const char *directory, const char *name, DWORD flags, BYTE **ret_data, DWORD *ret_len)
{
	struct fake_card *card = card_of(data);
	struct fake_file *f = find_file(card, directory, name);
	DWORD r = called(card, "", name);

	assert_int_equal(flags, 0);
	if (r != SCARD_S_SUCCESS)
		return r;
	if (f == NULL)
		return SCARD_E_FILE_NOT_FOUND;
	if (f->code != SCARD_S_SUCCESS)
		return f->code;
	return copy_out(data, f->content, f->len, ret_data, ret_len);
}

static DWORD
enum_files(CARD_DATA *data, const char *directory, char **ret_names, DWORD *ret_len, DWORD flags)
{
	struct fake_card *card = card_of(data);
	struct buf names = BUF_INIT;
	DWORD r = called(card, "list", "");

	assert_int_equal(flags, 0);
	if (r != SCARD_S_SUCCESS)
		return r;
	if (card->cannot_list)
		return SCARD_E_UNSUPPORTED_FEATURE;
	for (size_t i = 0; i < FAKE_FILES; i++) {
		if (card->files[i].name[0] != '\0' && strcmp(card->files[i].directory, directory) == 0)
			buf_put(&names, card->files[i].name, strlen(card->files[i].name) + 1);
	}
	if (names.len == 0)
		return SCARD_E_FILE_NOT_FOUND;
	buf_u8(&names, 0);
	r = copy_out(data, names.p, names.len, ret_names, ret_len);
	buf_free(&names);
	return r;
}

static DWORD
write_file(CARD_DATA *data, const char *directory, const char *name, DWORD flags, const BYTE *content, DWORD len)
{
	struct fake_card *card = card_of(data);
	DWORD r = called(card, "write-", name);

	assert_int_equal(flags, 0);
	if (r != SCARD_S_SUCCESS)
		return r;
	if (!card->roles[ROLE_USER].open && !card->roles[ROLE_ADMIN].open)
		return SCARD_W_SECURITY_VIOLATION;
	if (find_file(card, directory, name) == NULL)
		return SCARD_E_FILE_NOT_FOUND;
	fake_file_set(card, directory, name, content, len);
	return SCARD_S_SUCCESS;
}

static DWORD
delete_file(CARD_DATA *data, const char *directory, const char *name, DWORD flags)
{
	struct fake_card *card = card_of(data);
	DWORD r = called(card, "delete-", name);

	assert_int_equal(flags, 0);
	if (r != SCARD_S_SUCCESS)
		return r;
	if (!card->roles[ROLE_USER].open && !card->roles[ROLE_ADMIN].open)
		return SCARD_W_SECURITY_VIOLATION;
	if (find_file(card, directory, name) == NULL)
		return SCARD_E_FILE_NOT_FOUND;
	fake_file_drop(card, directory, name);
	return SCARD_S_SUCCESS;
}

static DWORD
create_file(CARD_DATA *data, const char *directory, const char *name, DWORD len, CARD_FILE_ACCESS_CONDITION access)
{
	struct fake_card *card = card_of(data);
	DWORD r = called(card, "create-", name);

	assert_int_equal(len, 0);
	assert_int_not_equal(access, InvalidAc);
	if (r != SCARD_S_SUCCESS)
		return r;
	if (!card->roles[ROLE_USER].open && !card->roles[ROLE_ADMIN].open)
		return SCARD_W_SECURITY_VIOLATION;
	if (find_file(card, directory, name) != NULL)
		return ERROR_FILE_EXISTS;
	fake_file_set(card, directory, name, NULL, 0);
	return SCARD_S_SUCCESS;
}

/* Properties and containers ------------------------------------------------------------------------------------------ */

static DWORD
put_property(const void *value, size_t size, BYTE *data, DWORD room, DWORD *ret_len)
{
	*ret_len = (DWORD)size;
	if (room < size)
		return ERROR_INSUFFICIENT_BUFFER;
	memcpy(data, value, size);
	return SCARD_S_SUCCESS;
}

static DWORD
get_role_property(struct fake_card *card, const char *name, DWORD role, BYTE *data, DWORD room, DWORD *ret_len)
{
	struct fake_role *s = &card->roles[role];
	CARD_PIN_TRIES tries = { s->tries, s->max };
	static const CARD_PIN_LIMITS limits = { 4, 16 };
	static const CARD_CHALLENGE_KEY key = { CardKey3Des, 24 };
	static const DWORD strength[] = { CARD_PIN_STRENGTH_PLAINTEXT,
					  CARD_PIN_STRENGTH_PLAINTEXT | CARD_PIN_STRENGTH_SESSION_PIN };
	DWORD r;

	if (strcmp(name, CP_CARD_PIN_INFO) == 0) {
		r = called_number(card, "info", role);
		return r != SCARD_S_SUCCESS ? r : put_property(&s->info, sizeof(s->info), data, room, ret_len);
	}
	if (strcmp(name, CP_CARD_PIN_TRIES) == 0) {
		r = called_number(card, "tries", role);
		if (s->tries_hidden)
			tries = (CARD_PIN_TRIES){ CARD_DATA_VALUE_UNKNOWN, CARD_DATA_VALUE_UNKNOWN };
		return r != SCARD_S_SUCCESS ? r : put_property(&tries, sizeof(tries), data, room, ret_len);
	}
	if (strcmp(name, CP_CARD_PIN_STRENGTH_VERIFY) == 0)
		return put_property(&strength[s->has_sessions], sizeof(DWORD), data, room, ret_len);
	if (strcmp(name, CP_CARD_CHALLENGE_KEY) == 0 && s->info.PinType == ChallengeResponsePinType)
		return put_property(&key, sizeof(key), data, room, ret_len);
	if (strcmp(name, CP_CARD_PIN_LIMITS) == 0 && s->info.PinType != ChallengeResponsePinType)
		return put_property(&limits, sizeof(limits), data, room, ret_len);
	return SCARD_E_INVALID_PARAMETER;
}

static DWORD
get_property(CARD_DATA *data, const char *name, BYTE *value, DWORD room, DWORD *ret_len, DWORD flags)
{
	static const char card_name[] = "Fake card with a name that is long";
	static const PIN_SET pins[] = { CREATE_PIN_SET(ROLE_USER) | CREATE_PIN_SET(ROLE_ADMIN),
					CREATE_PIN_SET(ROLE_USER) };
	struct fake_card *card = card_of(data);
	struct fake_file *f;
	DWORD r;

	if (strcmp(name, CP_CARD_CACHE_MODE) == 0)
		return put_property(&card->cache_mode, sizeof(card->cache_mode), value, room, ret_len);
	if (strcmp(name, CP_CARD_NAME) == 0)
		return put_property(card_name, sizeof(card_name), value, room, ret_len);
	if (strcmp(name, CP_CARD_LIST_PINS) == 0)
		return put_property(&pins[card->read_only], sizeof(PIN_SET), value, room, ret_len);
	if (strcmp(name, CP_CARD_READ_ONLY) == 0)
		return put_property(&card->read_only, sizeof(bool), value, room, ret_len);
	if (strcmp(name, CP_CARD_GUID) == 0) {
		if ((r = called(card, "cardid", "")) != SCARD_S_SUCCESS)
			return r;
		f = find_file(card, NULL, "cardid");
		return f == NULL ? SCARD_E_FILE_NOT_FOUND : put_property(f->content, f->len, value, room, ret_len);
	}
	return flags < MAX_PINS ? get_role_property(card, name, flags, value, room, ret_len)
				: SCARD_E_INVALID_PARAMETER;
}

static DWORD
get_container_property(CARD_DATA *data, BYTE index, const char *name, BYTE *value, DWORD room, DWORD *ret_len,
		       DWORD flags)
{
	(void)index;
	(void)flags;
	if (strcmp(name, CCP_PIN_IDENTIFIER) != 0)
		return SCARD_E_INVALID_PARAMETER;
	return put_property(&card_of(data)->container_role, sizeof(PIN_ID), value, room, ret_len);
}

static DWORD
get_container_info(CARD_DATA *data, BYTE index, DWORD flags, CONTAINER_INFO *ret_info)
{
	struct fake_card *card = card_of(data);
	DWORD r = called_number(card, "key", index);

	assert_int_equal(flags, 0);
	if (r != SCARD_S_SUCCESS)
		return r;
	if (index >= ARRAY_SIZE(card->infos))
		return SCARD_E_NO_KEY_CONTAINER;
	*ret_info = card->infos[index];
	return SCARD_S_SUCCESS;
}

/* PINs --------------------------------------------------------------------------------------------------------------- */

static DWORD
verify(struct fake_role *s, const BYTE *pin, DWORD len, DWORD *ret_left)
{
	if (s->tries == 0) {
		*ret_left = 0;
		return SCARD_W_CHV_BLOCKED;
	}
	s->open = len == strlen(s->pin) && memcmp(pin, s->pin, len) == 0;
	s->tries = s->open ? s->max : s->tries - 1;
	if (s->open)
		return SCARD_S_SUCCESS;
	*ret_left = s->tries_hidden ? CARD_DATA_VALUE_UNKNOWN : s->tries;
	return SCARD_W_WRONG_CHV;
}

/* The right answer to the one challenge is known beforehand. */
static DWORD
verify_response(struct fake_role *s, const BYTE *response, DWORD len, DWORD *ret_left)
{
	if (!s->challenged)
		return SCARD_E_INVALID_VALUE;
	s->challenged = false;
	s->open = len == 8 && memcmp(response, s->key, 8) == 0;
	*ret_left = CARD_DATA_VALUE_UNKNOWN;
	return s->open ? SCARD_S_SUCCESS : SCARD_W_WRONG_CHV;
}

static DWORD
session_pin(CARD_DATA *data, struct fake_role *s, const BYTE *pin, DWORD len, BYTE **ret_session, DWORD *ret_len,
	    DWORD *ret_left)
{
	DWORD r;

	assert_non_null(ret_session);
	if ((r = verify(s, pin, len, ret_left)) != SCARD_S_SUCCESS)
		return r;
	s->open = false;
	(void)snprintf(s->session, sizeof(s->session), "session");
	return copy_out(data, s->session, strlen(s->session), ret_session, ret_len);
}

static DWORD
check_proof(CARD_DATA *data, PIN_ID role, DWORD flags, const BYTE *pin, DWORD len, BYTE **session, DWORD *session_len,
	    DWORD *ret_left)
{
	struct fake_role *s = &card_of(data)->roles[role];

	if (s->info.PinType == ChallengeResponsePinType)
		return verify_response(s, pin, len, ret_left);
	if (flags == CARD_AUTHENTICATE_GENERATE_SESSION_PIN)
		return session_pin(data, s, pin, len, session, session_len, ret_left);
	if (flags == CARD_AUTHENTICATE_SESSION_PIN) {
		s->open = s->session[0] != '\0' && len == strlen(s->session) && memcmp(pin, s->session, len) == 0;
		*ret_left = 99;
		return s->open ? SCARD_S_SUCCESS : SCARD_W_WRONG_CHV;
	}
	if (pin != NULL)
		return verify(s, pin, len, ret_left);
	if (s->typed[0] == '\0')
		return SCARD_W_CANCELLED_BY_USER;
	return verify(s, (const BYTE *)s->typed, (DWORD)strlen(s->typed), ret_left);
}

static DWORD
authenticate_ex(CARD_DATA *data, PIN_ID role, DWORD flags, const BYTE *pin, DWORD len, BYTE **session,
		DWORD *session_len, DWORD *ret_left)
{
	struct fake_card *card = card_of(data);
	const char *word = flags == 0 ? "verify" : flags == CARD_AUTHENTICATE_SESSION_PIN ? "session" : "generate";
	DWORD r;

	assert_true(pin != NULL || card->roles[role].info.PinType == ExternalPinType);
	if (pin != NULL && (len < 4 || len > 16))
		return SCARD_E_INVALID_PARAMETER;
	if ((r = called_number(card, word, role)) != SCARD_S_SUCCESS)
		return r;
	if (card->fail_auth != SCARD_S_SUCCESS && !card->auth_lost)
		return once(&card->fail_auth);
	r = check_proof(data, role, flags, pin, len, session, session_len, ret_left);
	card->auth_lost = false;
	return card->fail_auth != SCARD_S_SUCCESS ? once(&card->fail_auth) : r;
}

static DWORD
get_challenge_ex(CARD_DATA *data, PIN_ID role, BYTE **ret_challenge, DWORD *ret_len, DWORD flags)
{
	static const BYTE challenge[] = { 0xA8, 0x92, 0xD7, 0x56, 0x01, 0x61, 0x7C, 0x5D };
	struct fake_card *card = card_of(data);
	DWORD r = called_number(card, "challenge", role);

	assert_int_equal(flags, 0);
	if (r != SCARD_S_SUCCESS)
		return r;
	card->roles[role].open = false;
	card->roles[role].challenged = true;
	return copy_out(data, challenge, sizeof(challenge), ret_challenge, ret_len);
}

static void
set_secret(struct fake_role *s, const BYTE *secret, DWORD len)
{
	if (s->info.PinType == ChallengeResponsePinType) {
		for (DWORD i = 0; i < len && 2 * i + 2 < sizeof(s->new_pin); i++)
			(void)snprintf(s->new_pin + 2 * i, 3, "%02x", secret[i]);
		return;
	}
	(void)snprintf(s->new_pin, sizeof(s->new_pin), "%.*s", (int)len, (const char *)secret);
	(void)snprintf(s->pin, sizeof(s->pin), "%.*s", (int)len, (const char *)secret);
	s->session[0] = '\0';
}

static DWORD
change_authenticator_ex(CARD_DATA *data, DWORD flags, PIN_ID authority, const BYTE *auth, DWORD auth_len, PIN_ID target,
			const BYTE *pin, DWORD len, DWORD retries, DWORD *ret_left)
{
	struct fake_card *card = card_of(data);
	struct fake_role *s = &card->roles[target];
	const bool unblock = flags == PIN_CHANGE_FLAG_UNBLOCK;
	DWORD r = called_number(card, unblock ? "unblock" : "change", target);

	assert_true(unblock ? authority != target : flags == PIN_CHANGE_FLAG_CHANGEPIN && authority == target);
	if (r == SCARD_S_SUCCESS)
		r = once(&card->fail_change);
	if (r == SCARD_S_SUCCESS)
		r = check_proof(data, authority, 0, auth, auth_len, NULL, NULL, ret_left);
	if (r == SCARD_S_SUCCESS && pin != NULL && len == 5)
		r = SCARD_E_INVALID_CHV;
	if (r != SCARD_S_SUCCESS)
		return r;
	if (pin == NULL)
		set_secret(s, (const BYTE *)s->typed, (DWORD)strlen(s->typed));
	else
		set_secret(s, pin, len);
	if (retries != 0)
		s->max = retries;
	s->tries = s->max;
	for (size_t i = 0; unblock && i < MAX_PINS; i++)
		card->roles[i].open = false;
	return SCARD_S_SUCCESS;
}

static void
lock_card(struct fake_card *card)
{
	for (size_t i = 0; i < MAX_PINS; i++)
		card->roles[i].open = false;
}

static DWORD
deauthenticate_ex(CARD_DATA *data, PIN_SET set, DWORD flags)
{
	struct fake_card *card = card_of(data);
	DWORD r = called_number(card, "lock", set);

	assert_int_equal(flags, 0);
	if (r == SCARD_S_SUCCESS)
		r = card->fail_deauth;
	if (r == SCARD_S_SUCCESS)
		lock_card(card);
	return r;
}

/* Keys --------------------------------------------------------------------------------------------------------------- */

static DWORD
use_key(struct fake_card *card, const char *word, BYTE index)
{
	struct fake_role *s = &card->roles[card->container_role];
	DWORD r = called_number(card, word, index);

	if (r == SCARD_S_SUCCESS)
		r = once(&card->fail_sign);
	if (card->forgets)
		lock_card(card);
	card->forgets = false;
	if (r == SCARD_W_RESET_CARD)
		lock_card(card);
	if (r == SCARD_S_SUCCESS && !s->open && s->info.PinType != EmptyPinType)
		r = SCARD_W_SECURITY_VIOLATION;
	return r;
}

static DWORD
sign_data(CARD_DATA *data, CARD_SIGNING_INFO *info)
{
	struct fake_card *card = card_of(data);
	CONTAINER_INFO *c = &card->infos[info->bContainerIndex];
	bool exchange = info->dwKeySpec == AT_KEYEXCHANGE;
	uint8_t signature[512];
	size_t len = card->signature_len != 0 ? card->signature_len
					      : pubkey_signature_len(exchange ? &c->KeyExPublicKey : &c->SigPublicKey);
	DWORD r = use_key(card, "sign", info->bContainerIndex);

	card->signing = *info;
	memcpy(card->signed_data, info->pbData, info->cbData);
	if (info->dwPaddingType == CARD_PADDING_PSS) {
		const BCRYPT_PSS_PADDING_INFO *pss = info->pPaddingInfo;

		(void)snprintf(card->signing_hash, sizeof(card->signing_hash), "%s", pss->pszAlgId);
		(void)snprintf(card->signing_mgf, sizeof(card->signing_mgf), "%s", pss->pszMgfAlgId);
	}
	if (r != SCARD_S_SUCCESS)
		return r;
	memset(signature, 0x5A, sizeof(signature));
	return copy_out(data, signature, len, &info->pbSignedData, &info->cbSignedData);
}

/* The "plaintext" is the ciphertext without its first byte; a first byte FF is bad padding. */
static DWORD
rsa_decrypt(CARD_DATA *data, CARD_RSA_DECRYPT_INFO *info)
{
	struct fake_card *card = card_of(data);
	DWORD r = use_key(card, "decrypt", info->bContainerIndex);

	if (r != SCARD_S_SUCCESS)
		return r;
	if (info->pbData[0] == 0xFF)
		return SCARD_E_INVALID_PARAMETER;
	memmove(info->pbData, info->pbData + 1, info->cbData - 1);
	info->cbData--;
	return SCARD_S_SUCCESS;
}

/* The "shared secret" is the other party's x coordinate, without the leading zeros. */
static DWORD
construct_agreement(CARD_DATA *data, CARD_DH_AGREEMENT_INFO *info)
{
	struct fake_card *card = card_of(data);
	DWORD r = use_key(card, "agree", info->bContainerIndex);

	assert_int_equal(info->dwVersion, 2);
	assert_int_equal(info->dwFlags, 0);
	if (r != SCARD_S_SUCCESS)
		return r;
	card->peer = *info->pPublicKey;
	info->bSecretAgreementIndex = 7;
	card->agreements++;
	return SCARD_S_SUCCESS;
}

static DWORD
derive_key(CARD_DATA *data, CARD_DERIVE_KEY *info)
{
	struct fake_card *card = card_of(data);
	struct cursor x = cur_of(card->peer.point + 1, (card->peer.point_len - 1) / 2);
	DWORD r = called_number(card, "derive", info->bSecretAgreementIndex);

	assert_string_equal(info->pszKDF, BCRYPT_KDF_RAW_SECRET);
	while (x.left > 0 && *x.p == 0)
		(void)cur_skip(&x, 1);
	if (card->secret_len != 0)
		x = cur_of(card->peer.point, card->secret_len);
	return r != SCARD_S_SUCCESS ? r : copy_out(data, x.p, x.left, &info->pbDerivedKey, &info->cbDerivedKey);
}

static DWORD
destroy_agreement(CARD_DATA *data, BYTE index, DWORD flags)
{
	struct fake_card *card = card_of(data);

	assert_int_equal(flags, 0);
	card->agreements--;
	return called_number(card, "destroy", index);
}

/* Key sizes of a card that has every kind of key. */
static DWORD
query_key_sizes(CARD_DATA *data, DWORD spec, DWORD flags, CARD_KEY_SIZES *sizes)
{
	(void)data;
	(void)spec;
	assert_int_equal(flags, 0);
	assert_int_equal(sizes->dwVersion, 1);
	return card_of(data)->cannot_agree ? SCARD_E_UNSUPPORTED_FEATURE : SCARD_S_SUCCESS;
}

/* Context ------------------------------------------------------------------------------------------------------------ */

static DWORD
delete_context(CARD_DATA *data)
{
	card_of(data)->contexts--;
	return SCARD_S_SUCCESS;
}

static DWORD
reconnect(CARD_DATA *data)
{
	struct fake_card *card = card_of(data);
	DWORD r = called(card, "reconnect", "");

	return r != SCARD_S_SUCCESS ? r : once(&card->fail_reconnect);
}

DWORD
registry_acquire(CARD_DATA *data, struct registry_memory *memory)
{
	struct fake_card *card = card_of(data);
	DWORD r = called(card, "acquire", "");

	(void)memory;
	if (r != SCARD_S_SUCCESS)
		return r;
	if (card->unknown)
		return SCARD_E_UNKNOWN_CARD;
	card->contexts++;
	data->pfnCardDeleteContext = delete_context;
	data->pfnCardReconnect = reconnect;
	data->pfnCardReadFile = read_file;
	data->pfnCardEnumFiles = enum_files;
	data->pfnCardGetProperty = get_property;
	data->pfnCardGetContainerProperty = get_container_property;
	data->pfnCardGetContainerInfo = get_container_info;
	data->pfnCardAuthenticateEx = authenticate_ex;
	data->pfnCardDeauthenticateEx = deauthenticate_ex;
	data->pfnCardGetChallengeEx = get_challenge_ex;
	data->pfnCardChangeAuthenticatorEx = change_authenticator_ex;
	data->pfnCardWriteFile = write_file;
	data->pfnCardDeleteFile = delete_file;
	data->pfnCardCreateFile = create_file;
	data->pfnCardSignData = sign_data;
	data->pfnCardRSADecrypt = rsa_decrypt;
	data->pfnCardQueryKeySizes = query_key_sizes;
	data->pfnCardConstructDHAgreement = construct_agreement;
	data->pfnCardDeriveKey = derive_key;
	data->pfnCardDestroyDHAgreement = destroy_agreement;
	return SCARD_S_SUCCESS;
}

/* Connection --------------------------------------------------------------------------------------------------------- */

static DWORD
fake_begin(struct io *io, bool *ret_reset)
{
	struct fake_card *card = ((struct fake_io *)(void *)io)->card;

	if (card->gone)
		return SCARD_W_REMOVED_CARD;
	if (card->fail_begin != SCARD_S_SUCCESS)
		return once(&card->fail_begin);
	assert_false(card->in_transaction);
	card->in_transaction = true;
	card->begins++;
	*ret_reset = card->reset;
	if (card->reset)
		lock_card(card);
	card->reset = false;
	return SCARD_S_SUCCESS;
}

static void
fake_end(struct io *io, bool reset_card)
{
	struct fake_card *card = ((struct fake_io *)(void *)io)->card;

	assert_true(card->in_transaction);
	card->in_transaction = false;
	card->ends++;
	if (!reset_card)
		return;
	card->resets++;
	lock_card(card);
}

static void
fake_close(struct io *io)
{
	free(io);
}

static DWORD
connect_card(struct fake_reader *reader, void *arg, struct io **ret_io)
{
	static const struct io_ops ops = { .begin = fake_begin, .end = fake_end, .close = fake_close };
	struct fake_io *fake = calloc(1, sizeof(*fake));

	(void)reader;
	assert_non_null(fake);
	fake->card = arg;
	fake->card->gone = false;
	fake->card->in_transaction = false;
	fake->io.ops = &ops;
	fake->io.atr_len = 2;
	fake->io.atr[0] = 0x3B;
	*ret_io = &fake->io;
	return SCARD_S_SUCCESS;
}

void
fake_card_init(struct fake_card *card)
{
	static const uint8_t cardid[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF };

	memset(card, 0, sizeof(*card));
	card->cache_mode = CARD_CACHE_MODE_GLOBAL;
	card->container_role = ROLE_USER;
	for (size_t i = 0; i < MAX_PINS; i++) {
		card->roles[i].info.dwVersion = PIN_INFO_CURRENT_VERSION;
		(void)snprintf(card->roles[i].pin, sizeof(card->roles[i].pin), "1234");
		card->roles[i].tries = card->roles[i].max = 3;
	}
	fake_file_set(card, NULL, "cardid", cardid, sizeof(cardid));
	fake_counters(card, 0, 0, 0);
	fake_file_set(card, "mscp", "cmapfile", NULL, 0);
}

void
fake_card_free(struct fake_card *card)
{
	for (size_t i = 0; i < FAKE_FILES; i++)
		free(card->files[i].content);
	memset(card, 0, sizeof(*card));
}

void
fake_card_put(struct fake_reader *reader, struct fake_card *card)
{
	lock_card(card);
	fake_card_insert(reader, connect_card, card);
}

void
fake_card_pull(struct fake_reader *reader, struct fake_card *card)
{
	card->gone = true;
	lock_card(card);
	fake_card_remove(reader);
}

/* Everything together ------------------------------------------------------------------------------------------------ */

void
fake_csp_open(struct fake_csp *f, uint32_t hold_ms)
{
	struct csp_options options = { .transaction_timeout_ms = hold_ms };

	memset(f, 0, sizeof(*f));
	fake_world_reset();
	fake_card_init(&f->fake);
	f->slot = fake_reader_add("A");
	fake_card_put(f->slot, &f->fake);
	assert_int_equal(csp_open(&options, &f->csp), SCARD_S_SUCCESS);
	assert_int_equal(csp_poll(f->csp, true), SCARD_S_SUCCESS);
	assert_int_equal(csp_reader_count(f->csp), 1);
	f->reader = csp_reader_at(f->csp, 0);
}

void
fake_csp_close(struct fake_csp *f)
{
	csp_close(&f->csp);
	assert_int_equal(f->fake.contexts, 0);
	assert_int_equal(f->fake.outside, 0);
	assert_int_equal(f->fake.begins, f->fake.ends);
	for (size_t i = 0; i < MAX_PINS; i++)
		assert_false(f->fake.roles[i].open);
	fake_card_free(&f->fake);
}

void
fake_lock(struct fake_csp *f)
{
	csp_reader_lock(f->reader);
	assert_int_equal(csp_reader_card(f->reader, &f->card), SCARD_S_SUCCESS);
}

void
fake_unlock(struct fake_csp *f)
{
	f->card = NULL;
	csp_reader_unlock(f->reader);
}
