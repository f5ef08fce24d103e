/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of vcard-perso. */
#include "vcard/perso_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

static const struct {
	const char *name;
	uint32_t bits;
} quirk_names[] = {
	{ "strict", VCARD_STRICT },
	{ "applet", VCARD_APPLET },
	{ "select-logs-out", VCARD_SELECT_LOGS_OUT },
	{ "empty-verify-counts", VCARD_EMPTY_VERIFY_COUNTS },
	{ "bulk-fails-at-tens", VCARD_BULK_FAILS_AT_TENS },
	{ "bulk-repeats", VCARD_BULK_REPEATS },
	{ "chain-blocks", VCARD_CHAIN_BLOCKS },
	{ "mse-6f00", VCARD_MSE_6F00 },
	{ "two-step-delete", VCARD_TWO_STEP_DELETE },
	{ "mse-outlives-logout", VCARD_MSE_OUTLIVES_LOGOUT },
	{ "no-raw-sign", VCARD_NO_RAW_SIGN },
	{ "no-extended", VCARD_NO_EXTENDED },
	{ "no-bulk", VCARD_NO_BULK },
	{ "ecdsa-der", VCARD_ECDSA_DER },
	{ "t0", VCARD_T0 },
	{ "strips-zeros", VCARD_STRIPS_ZEROS },
	{ "challenge-lives", VCARD_CHALLENGE_LIVES },
};

static const struct {
	const char *name;
	enum vcard_perso_algorithm algorithm;
} algorithm_names[] = {
	{ "rsa1024", VCARD_RSA1024 }, { "rsa2048", VCARD_RSA2048 }, { "rsa3072", VCARD_RSA3072 },
	{ "rsa4096", VCARD_RSA4096 }, { "p256", VCARD_P256 },	    { "p384", VCARD_P384 },
	{ "p521", VCARD_P521 },
};

int
perso_complain(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)fputs("vcard-perso: ", stderr);
	(void)vfprintf(stderr, format, ap);
	(void)fputc('\n', stderr);
	va_end(ap);
	return EXIT_FAILURE;
}

void
perso_print_quirks(uint32_t quirks)
{
	size_t i;

	(void)printf("quirks:");
	for (i = 2; i < ARRAY_SIZE(quirk_names); i++) {
		if ((quirks & quirk_names[i].bits) != 0)
			(void)printf(" %s", quirk_names[i].name);
	}
	(void)printf("\n");
}

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)((at - digits) % 16) : -1;
}

bool
perso_parse_hex(const char *text, struct buf *ret_bytes)
{
	int high, low;

	while (*text != '\0') {
		if (*text == ' ' || *text == ':' || *text == '\n') {
			text++;
			continue;
		}
		high = hex_digit(text[0]);
		low = high >= 0 ? hex_digit(text[1]) : -1;
		if (low < 0)
			return false;
		buf_u8(ret_bytes, (uint8_t)(high << 4 | low));
		text += 2;
	}
	return !buf_failed(ret_bytes);
}

bool
perso_parse_number(const char *text, int base, unsigned long max, unsigned long *ret_number)
{
	char *end = NULL;

	errno = 0;
	*ret_number = strtoul(text, &end, base);
	return errno == 0 && end != text && *end == '\0' && text[0] != '-' && *ret_number <= max;
}

static bool
parse_unsigned(const char *text, unsigned *ret_number)
{
	unsigned long number;

	if (!perso_parse_number(text, 10, 65535, &number))
		return false;
	*ret_number = (unsigned)number;
	return true;
}

static bool
parse_quirk(const char *name, size_t len, uint32_t *quirks)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(quirk_names); i++) {
		if (strlen(quirk_names[i].name) == len && strncmp(quirk_names[i].name, name, len) == 0) {
			*quirks |= quirk_names[i].bits;
			return true;
		}
	}
	return false;
}

static bool
parse_quirks(const char *list, uint32_t *quirks)
{
	size_t len;

	for (; *list != '\0'; list += len + (list[len] == ',' ? 1 : 0)) {
		len = strcspn(list, ",");
		if (!parse_quirk(list, len, quirks))
			return false;
	}
	return true;
}

static bool
parse_algorithm(const char *name, enum vcard_perso_algorithm *ret_algorithm)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(algorithm_names); i++) {
		if (strcmp(algorithm_names[i].name, name) == 0) {
			*ret_algorithm = algorithm_names[i].algorithm;
			return true;
		}
	}
	return false;
}

static bool
parse_atr(const char *text, struct vcard_profile *profile)
{
	AUTO_BUF struct buf atr = BUF_INIT;

	if (!perso_parse_hex(text, &atr) || atr.len == 0 || atr.len > VCARD_ATR_MAX)
		return false;
	memcpy(profile->atr, atr.p, atr.len);
	profile->atr_len = atr.len;
	return true;
}

/* N=PIN; a role from 3 to 7. */
static bool
parse_role(const char *text, unsigned *ret_role, const char **ret_pin)
{
	if (text[0] < '3' || text[0] > '7' || text[1] != '=' || text[2] == '\0')
		return false;
	*ret_role = (unsigned)(text[0] - '0');
	*ret_pin = text + 2;
	return true;
}

static bool
parse_kind(const char *text, bool *ret_signature_only)
{
	*ret_signature_only = strcmp(text, "signature") == 0;
	return *ret_signature_only || strcmp(text, "exchange") == 0;
}

enum {
	OPT_QUIRKS = 1,
	OPT_ATR,
	OPT_T0,
	OPT_PIN_TRIES,
	OPT_PIN_MIN,
	OPT_PIN_MAX,
	OPT_MAX_OBJECTS,
	OPT_MAX_FILES,
	OPT_MAX_VALUE,
	OPT_MAX_IMPORT,
	OPT_ECC,
	OPT_PUK,
	OPT_TERMINABLE,
	OPT_ROLE,
	OPT_SESSION_PINS,
	OPT_GUARD,
	OPT_PIN,
	OPT_ADMIN_KEY,
	OPT_CARDID,
	OPT_INDEX,
	OPT_ALG,
	OPT_KIND,
	OPT_NAME,
	OPT_DEFAULT,
	OPT_KEY,
	OPT_DER,
	OPT_PLAIN,
	OPT_DIR,
	OPT_IN,
	OPT_EF,
	OPT_TAG,
	OPT_DELETE,
};

static const struct option long_options[] = {
	{ "quirks", required_argument, NULL, OPT_QUIRKS },
	{ "atr", required_argument, NULL, OPT_ATR },
	{ "t0", no_argument, NULL, OPT_T0 },
	{ "pin-tries", required_argument, NULL, OPT_PIN_TRIES },
	{ "pin-min", required_argument, NULL, OPT_PIN_MIN },
	{ "pin-max", required_argument, NULL, OPT_PIN_MAX },
	{ "max-objects", required_argument, NULL, OPT_MAX_OBJECTS },
	{ "max-files", required_argument, NULL, OPT_MAX_FILES },
	{ "max-value", required_argument, NULL, OPT_MAX_VALUE },
	{ "max-import", required_argument, NULL, OPT_MAX_IMPORT },
	{ "ecc", no_argument, NULL, OPT_ECC },
	{ "puk", required_argument, NULL, OPT_PUK },
	{ "terminable", no_argument, NULL, OPT_TERMINABLE },
	{ "role", required_argument, NULL, OPT_ROLE },
	{ "session-pins", no_argument, NULL, OPT_SESSION_PINS },
	{ "guard", required_argument, NULL, OPT_GUARD },
	{ "pin", required_argument, NULL, OPT_PIN },
	{ "admin-key", required_argument, NULL, OPT_ADMIN_KEY },
	{ "cardid", required_argument, NULL, OPT_CARDID },
	{ "index", required_argument, NULL, OPT_INDEX },
	{ "alg", required_argument, NULL, OPT_ALG },
	{ "kind", required_argument, NULL, OPT_KIND },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "default", no_argument, NULL, OPT_DEFAULT },
	{ "key", required_argument, NULL, OPT_KEY },
	{ "der", required_argument, NULL, OPT_DER },
	{ "plain", no_argument, NULL, OPT_PLAIN },
	{ "dir", required_argument, NULL, OPT_DIR },
	{ "in", required_argument, NULL, OPT_IN },
	{ "ef", required_argument, NULL, OPT_EF },
	{ "tag", required_argument, NULL, OPT_TAG },
	{ "delete", no_argument, NULL, OPT_DELETE },
	{ "applications", required_argument, NULL, PERSO_PIV_APPLICATIONS },
	{ "piv-quirks", required_argument, NULL, PERSO_PIV_QUIRKS },
	{ "piv-version", required_argument, NULL, PERSO_PIV_VERSION },
	{ "puk-tries", required_argument, NULL, PERSO_PIV_PUK_TRIES },
	{ "max-object", required_argument, NULL, PERSO_PIV_MAX_OBJECT },
	{ "management", required_argument, NULL, PERSO_PIV_MANAGEMENT },
	{ "slot", required_argument, NULL, PERSO_PIV_SLOT },
	{ "guid", required_argument, NULL, PERSO_PIV_GUID },
	{ "pin-policy", required_argument, NULL, PERSO_PIV_PIN_POLICY },
	{ "touch-policy", required_argument, NULL, PERSO_PIV_TOUCH_POLICY },
	{ "packing", required_argument, NULL, PERSO_PIV_PACKING },
	{ "usage", required_argument, NULL, PERSO_PIV_USAGE },
	{ NULL, 0, NULL, 0 },
};

static bool
take_profile_option(struct vcard_profile *p, int option, const char *value)
{
	switch (option) {
	case OPT_QUIRKS: return parse_quirks(value, &p->quirks);
	case OPT_ATR: return parse_atr(value, p);
	case OPT_T0: p->quirks |= VCARD_T0; return true;
	case OPT_PIN_TRIES: return parse_unsigned(value, &p->pin_tries) && parse_unsigned(value, &p->piv.pin_tries);
	case OPT_PIN_MIN: return parse_unsigned(value, &p->pin_min);
	case OPT_PIN_MAX: return parse_unsigned(value, &p->pin_max);
	case OPT_MAX_OBJECTS: return parse_unsigned(value, &p->max_objects);
	case OPT_MAX_FILES: return parse_unsigned(value, &p->max_files);
	case OPT_MAX_VALUE: return parse_unsigned(value, &p->max_value);
	case OPT_MAX_IMPORT: return parse_unsigned(value, &p->max_import);
	case OPT_ECC: p->ecc = true; return true;
	case OPT_TERMINABLE: p->terminable = true; return true;
	case OPT_SESSION_PINS: p->session_pins = true; return true;
	default: return false;
	}
}

static bool
take_container_option(struct perso_options *o, int option, const char *value)
{
	unsigned long number;
	bool known;

	switch (option) {
	case OPT_INDEX:
		o->has_index = perso_parse_number(value, 10, 255, &number);
		o->container.index = o->has_index ? (uint8_t)number : 0;
		return o->has_index;
	case OPT_ALG:
		/* PIV and GIDS have not all algorithms in common */
		known = perso_piv_parse_algorithm(value, &o->slot.algorithm);
		return parse_algorithm(value, &o->container.algorithm) || known;
	case OPT_KIND: return parse_kind(value, &o->container.signature_only);
	case OPT_NAME: o->container.name = o->name = value; return true;
	case OPT_DEFAULT: o->container.make_default = true; return true;
	case OPT_GUARD: return parse_role(value, &o->container.guard, &o->container.guard_pin);
	case OPT_PIN: o->container.pin = o->pin = value; return true;
	default: return take_profile_option(&o->profile, option, value);
	}
}

static bool
take_role(struct perso_options *o, const char *value)
{
	const char *pin;
	unsigned role;

	if (!parse_role(value, &role, &pin))
		return false;
	o->role_pins[role] = pin;
	o->profile.roles |= 1u << role;
	return true;
}

static bool
take_option(struct perso_options *o, int option, const char *value)
{
	unsigned long number = 0;
	bool good = true;

	if (option >= PERSO_PIV_OPTIONS)
		return perso_piv_take_option(o, option, value);
	switch (option) {
	case OPT_PUK:
		o->puk = value;
		o->profile.puk = true;
		break;
	case OPT_ROLE: good = take_role(o, value); break;
	case OPT_ADMIN_KEY: good = perso_parse_hex(value, &o->admin_key) && o->admin_key.len == VCARD_DES3_LEN; break;
	case OPT_CARDID: good = perso_parse_hex(value, &o->cardid) && o->cardid.len == VCARD_CARDID_LEN; break;
	case OPT_KEY: o->key = value; break;
	case OPT_DER: o->der = value; break;
	case OPT_PLAIN: o->plain = true; break;
	case OPT_DIR: o->dir = value; break;
	case OPT_IN: o->in = value; break;
	case OPT_EF:
		good = perso_parse_number(value, 16, 0xFFFF, &number);
		o->ef = (uint16_t)number;
		break;
	case OPT_TAG:
		good = perso_parse_number(value, 16, 0xFFFFFF, &number);
		o->tag = (uint32_t)number;
		break;
	case OPT_DELETE: o->remove = true; break;
	default: good = take_container_option(o, option, value); break;
	}
	return good;
}

bool
perso_options_parse(int argc, char **argv, struct perso_options *o)
{
	int option, which = 0;

	while ((option = getopt_long(argc, argv, "", long_options, &which)) != -1) {
		if (option == '?')
			return false;
		if (!take_option(o, option, optarg)) {
			(void)perso_complain("--%s: not understood: %s", long_options[which].name,
					     optarg != NULL ? optarg : "");
			return false;
		}
	}
	return true;
}

void
perso_options_free(struct perso_options *options)
{
	buf_free(&options->admin_key);
	buf_free(&options->cardid);
	buf_free(&options->guid);
}
