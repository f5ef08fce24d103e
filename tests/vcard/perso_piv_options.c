/* SPDX-License-Identifier: BSD-2-Clause */
/* The options of vcard-perso that are for PIV cards. */
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "vcard/perso_options.h"

struct named {
	const char *name;
	uint64_t value;
};

static const struct named personalities[] = {
	{ "strict", VCARD_PIV_STRICT }, { "applet", VCARD_PIV_APPLET },		{ "token", VCARD_PIV_TOKEN },
	{ "neo", VCARD_PIV_NEO },	{ "government", VCARD_PIV_GOVERNMENT },
};

static const struct named quirks[] = {
	{ "chunks-255", VCARD_PIV_CHUNKS_255 },
	{ "chain-survives", VCARD_PIV_CHAIN_SURVIVES },
	{ "answer-survives", VCARD_PIV_ANSWER_SURVIVES },
	{ "foreign-drops", VCARD_PIV_FOREIGN_DROPS },
	{ "reselect-lies", VCARD_PIV_RESELECT_LIES },
	{ "reselect-drops", VCARD_PIV_RESELECT_DROPS },
	{ "short-aid", VCARD_PIV_SHORT_AID },
	{ "lists-algorithms", VCARD_PIV_LISTS_ALGORITHMS },
	{ "counts-630x", VCARD_PIV_COUNTS_630X },
	{ "query-denies", VCARD_PIV_QUERY_DENIES },
	{ "no-query", VCARD_PIV_NO_QUERY },
	{ "no-logout", VCARD_PIV_NO_LOGOUT },
	{ "counts-format", VCARD_PIV_COUNTS_FORMAT },
	{ "any-pin", VCARD_PIV_ANY_PIN },
	{ "change-drops", VCARD_PIV_CHANGE_DROPS },
	{ "block-erases", VCARD_PIV_BLOCK_ERASES },
	{ "short-hash", VCARD_PIV_SHORT_HASH },
	{ "needs-82", VCARD_PIV_NEEDS_82 },
	{ "ecdh-all", VCARD_PIV_ECDH_ALL },
	{ "bad-input-6f00", VCARD_PIV_BAD_INPUT_6F00 },
	{ "leaks-absent", VCARD_PIV_LEAKS_ABSENT },
	{ "put-early", VCARD_PIV_PUT_EARLY },
	{ "empty-objects", VCARD_PIV_EMPTY_OBJECTS },
	{ "no-discovery", VCARD_PIV_NO_DISCOVERY },
	{ "bad-discovery", VCARD_PIV_BAD_DISCOVERY },
	{ "global-pin", VCARD_PIV_GLOBAL_PIN },
	{ "global-first", VCARD_PIV_GLOBAL_FIRST },
	{ "no-version", VCARD_PIV_NO_VERSION },
	{ "no-serial", VCARD_PIV_NO_SERIAL },
	{ "zero-serial", VCARD_PIV_ZERO_SERIAL },
	{ "no-metadata", VCARD_PIV_NO_METADATA },
	{ "odd-metadata", VCARD_PIV_ODD_METADATA },
	{ "no-attest", VCARD_PIV_NO_ATTEST },
	{ "no-extensions", VCARD_PIV_NO_EXTENSIONS },
	{ "no-admin", VCARD_PIV_NO_ADMIN },
	{ "tolerant", VCARD_PIV_TOLERANT },
	{ "contactless", VCARD_PIV_CONTACTLESS },
	{ "untouched", VCARD_PIV_UNTOUCHED },
	{ "few-retired", VCARD_PIV_FEW_RETIRED },
	{ "no-p384", VCARD_PIV_NO_P384 },
	{ "no-rsa1024", VCARD_PIV_NO_RSA1024 },
	{ "other-ids", VCARD_PIV_OTHER_IDS },
	{ "pin-is-00", VCARD_PIV_PIN_IS_00 },
	{ "odd-pix", VCARD_PIV_ODD_PIX },
	{ "empty-6a80", VCARD_PIV_EMPTY_6A80 },
	{ "attest-loses", VCARD_PIV_ATTEST_LOSES },
	{ "selected-first", VCARD_PIV_SELECTED_FIRST },
	{ "put-tears", VCARD_PIV_PUT_TEARS },
	{ "admin-6a80", VCARD_PIV_ADMIN_6A80 },
	{ "challenge-once", VCARD_PIV_CHALLENGE_ONCE },
	{ "pads-objects", VCARD_PIV_PADS_OBJECTS },
	{ "fixed-objects", VCARD_PIV_FIXED_OBJECTS },
};

static const struct named applications[] = { { "gids", VCARD_GIDS }, { "piv", VCARD_PIV } };

static const struct named symmetric[] = {
	{ "3des", PIV_ALG_DES3 },
	{ "aes128", PIV_ALG_AES128 },
	{ "aes192", PIV_ALG_AES192 },
	{ "aes256", PIV_ALG_AES256 },
};

static const struct named algorithms[] = {
	{ "rsa1024", PIV_ALG_RSA1024 }, { "rsa2048", PIV_ALG_RSA2048 }, { "rsa3072", PIV_ALG_RSA3072 },
	{ "rsa4096", PIV_ALG_RSA4096 }, { "p256", PIV_ALG_P256 },	{ "p384", PIV_ALG_P384 },
	{ "ed25519", PIV_ALG_ED25519 }, { "x25519", PIV_ALG_X25519 },
};

static const struct named pin_policies[] = {
	{ "default", PIV_PIN_DEFAULT },
	{ "never", PIV_PIN_NEVER },
	{ "once", PIV_PIN_ONCE },
	{ "always", PIV_PIN_ALWAYS },
};

static const struct named touch_policies[] = {
	{ "default", PIV_TOUCH_DEFAULT },
	{ "never", PIV_TOUCH_NEVER },
	{ "always", PIV_TOUCH_ALWAYS },
	{ "cached", PIV_TOUCH_CACHED },
};

static const struct named packings[] = {
	{ "plain", VCARD_PIV_PLAIN },
	{ "gzip", VCARD_PIV_GZIP },
	{ "gzip-old", VCARD_PIV_GZIP_OLD },
	{ "gzip-lying", VCARD_PIV_GZIP_LYING },
	{ "plain-lying", VCARD_PIV_PLAIN_LYING },
	{ "bare", VCARD_PIV_BARE },
};

static bool
find(const struct named *list, size_t count, const char *name, size_t len, uint64_t *ret_value)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (strlen(list[i].name) == len && strncmp(list[i].name, name, len) == 0) {
			*ret_value = list[i].value;
			return true;
		}
	}
	return false;
}

#define FIND(list, name, len, ret) find(list, ARRAY_SIZE(list), name, len, ret)

static bool
parse_name(const struct named *list, size_t count, const char *name, uint8_t *ret_value)
{
	uint64_t value = 0;

	if (!find(list, count, name, strlen(name), &value))
		return false;
	*ret_value = (uint8_t)value;
	return true;
}

#define PARSE(list, name, ret) parse_name(list, ARRAY_SIZE(list), name, ret)

bool
perso_piv_parse_algorithm(const char *name, uint8_t *ret_algorithm)
{
	return PARSE(algorithms, name, ret_algorithm);
}

static bool
parse_quirks(const char *list, uint64_t *ret_quirks)
{
	uint64_t value;
	size_t len;

	for (; *list != '\0'; list += len + (list[len] == ',' ? 1 : 0)) {
		len = strcspn(list, ",");
		if (!FIND(quirks, list, len, &value) && !FIND(personalities, list, len, &value))
			return false;
		*ret_quirks |= value;
	}
	return true;
}

static bool
parse_applications(const char *list, unsigned *ret_applications)
{
	uint64_t value;
	size_t len;

	*ret_applications = 0;
	for (; *list != '\0'; list += len + (list[len] == ',' ? 1 : 0)) {
		len = strcspn(list, ",");
		if (!FIND(applications, list, len, &value))
			return false;
		*ret_applications |= (unsigned)value;
	}
	return *ret_applications != 0;
}

static bool
parse_version(const char *text, uint32_t *ret_version)
{
	unsigned a, b, c;
	char end;

	/* NOLINTNEXTLINE(cert-err34-c): numbers above 255 are refused, longer ones wrap and are nobody's version */
	if (sscanf(text, "%3u.%3u.%3u%c", &a, &b, &c, &end) != 3 || a > 255 || b > 255 || c > 255)
		return false;
	*ret_version = a << 16 | b << 8 | c;
	return true;
}

static bool
parse_byte(const char *text, uint8_t *ret_byte)
{
	unsigned long number;

	if (!perso_parse_number(text, 16, 0xFF, &number))
		return false;
	*ret_byte = (uint8_t)number;
	return true;
}

static bool
parse_count(const char *text, unsigned *ret_count)
{
	unsigned long number;

	if (!perso_parse_number(text, 10, 65535, &number))
		return false;
	*ret_count = (unsigned)number;
	return true;
}

static bool
take_profile_option(struct vcard_profile *profile, int option, const char *value)
{
	switch ((enum perso_piv_option)option) {
	case PERSO_PIV_APPLICATIONS: return parse_applications(value, &profile->applications);
	case PERSO_PIV_QUIRKS: return parse_quirks(value, &profile->piv.quirks);
	case PERSO_PIV_VERSION: return parse_version(value, &profile->piv.version);
	case PERSO_PIV_PUK_TRIES: return parse_count(value, &profile->piv.puk_tries);
	case PERSO_PIV_MAX_OBJECT: return parse_count(value, &profile->piv.max_object);
	case PERSO_PIV_MANAGEMENT: return PARSE(symmetric, value, &profile->piv.admin_algorithm);
	default: return false;
	}
}

bool
perso_piv_take_option(struct perso_options *o, int option, const char *value)
{
	uint8_t packing = 0;
	bool good;

	switch ((enum perso_piv_option)option) {
	case PERSO_PIV_SLOT: return parse_byte(value, &o->slot.reference);
	case PERSO_PIV_GUID: return perso_parse_hex(value, &o->guid) && o->guid.len == VCARD_GUID_LEN;
	case PERSO_PIV_PIN_POLICY: return PARSE(pin_policies, value, &o->slot.pin_policy);
	case PERSO_PIV_TOUCH_POLICY: return PARSE(touch_policies, value, &o->slot.touch_policy);
	case PERSO_PIV_USAGE: return parse_byte(value, &o->usage);
	case PERSO_PIV_PACKING:
		good = PARSE(packings, value, &packing);
		o->packing = (enum vcard_piv_packing)packing;
		return good;
	default: return take_profile_option(&o->profile, option, value);
	}
}

void
perso_piv_print_quirks(uint64_t set)
{
	size_t i;

	(void)printf("PIV quirks:");
	for (i = 0; i < ARRAY_SIZE(quirks); i++) {
		if ((set & quirks[i].value) != 0)
			(void)printf(" %s", quirks[i].name);
	}
	(void)printf("\n");
}
