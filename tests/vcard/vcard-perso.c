/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vcard-perso: makes virtual cards and personalises them, on the card's file and without any reader. Exit status: 0
 * done, 1 failed (a line on stderr), 2 wrong usage.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/auto.h"
#include "vcard/perso.h"

static const char usage[] =
	"usage: vcard-perso VERB FILE [OPTION...]\n"
	"\n"
	"  create FILE      a blank card: [--quirks strict|applet|NAME,...] [--atr HEX] [--t0] [--ecc] [--puk PUK]\n"
	"                   [--pin-tries N] [--pin-min N] [--pin-max N] [--max-objects N] [--max-files N]\n"
	"                   [--max-value N] [--max-import N] [--terminable]\n"
	"  format FILE      the file system: --pin PIN [--admin-key HEX] [--cardid HEX]\n"
	"  keygen FILE      a new container: --pin PIN --index N --alg ALG [--kind exchange|signature] [--name NAME]\n"
	"                   [--default]; ALG is rsa1024, rsa2048, rsa3072, rsa4096, p256, p384 or p521\n"
	"  import FILE      the same with the private key of a PEM file: --key PEM instead of --alg\n"
	"  pubkey FILE      the container's public key in PEM: --index N\n"
	"  cert FILE        the container's certificate: --pin PIN --index N --der CERT [--plain]\n"
	"  put FILE         a file that everyone reads: --pin PIN --dir D --name N --in FILE (D empty: the root)\n"
	"  apdu FILE HEX... sends commands, prints answers, keeps the card's volatile memory\n"
	"  reset FILE       takes the card out: its volatile memory is lost\n"
	"  info FILE        what the card knows of itself\n"
	"  raw FILE         writes a data object past all rules: --ef HEX --tag HEX --in FILE, or --delete\n"
	"\n"
	"quirks: select-logs-out empty-verify-counts bulk-fails-at-tens bulk-repeats chain-blocks mse-6f00\n"
	"        two-step-delete mse-outlives-logout no-raw-sign no-extended no-bulk ecdsa-der t0 strips-zeros\n"
	"        challenge-lives\n";

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

struct options {
	struct vcard_profile profile;
	struct vcard_perso_container container;
	bool has_index;
	const char *puk;
	const char *pin;
	const char *key;
	const char *dir;
	const char *name;
	const char *in;
	const char *der;
	bool plain;
	bool remove;
	struct buf admin_key;
	struct buf cardid;
	uint16_t ef;
	uint32_t tag;
};

enum { EXIT_USAGE = 2 };

static int __attribute__((format(printf, 1, 2))) complain(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)fputs("vcard-perso: ", stderr);
	(void)vfprintf(stderr, format, ap);
	(void)fputc('\n', stderr);
	va_end(ap);
	return EXIT_FAILURE;
}

/* --- arguments -------------------------------------------------------------------------------------------------- */

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)((at - digits) % 16) : -1;
}

/* Blanks and colons between bytes are left out. */
static bool
parse_hex(const char *text, struct buf *ret_bytes)
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

static bool
parse_number(const char *text, int base, unsigned long max, unsigned long *ret_number)
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

	if (!parse_number(text, 10, 65535, &number))
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

	if (!parse_hex(text, &atr) || atr.len == 0 || atr.len > VCARD_ATR_MAX)
		return false;
	memcpy(profile->atr, atr.p, atr.len);
	profile->atr_len = atr.len;
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
	{ NULL, 0, NULL, 0 },
};

static bool
take_profile_option(struct vcard_profile *p, int option, const char *value)
{
	switch (option) {
	case OPT_QUIRKS: return parse_quirks(value, &p->quirks);
	case OPT_ATR: return parse_atr(value, p);
	case OPT_T0: p->quirks |= VCARD_T0; return true;
	case OPT_PIN_TRIES: return parse_unsigned(value, &p->pin_tries);
	case OPT_PIN_MIN: return parse_unsigned(value, &p->pin_min);
	case OPT_PIN_MAX: return parse_unsigned(value, &p->pin_max);
	case OPT_MAX_OBJECTS: return parse_unsigned(value, &p->max_objects);
	case OPT_MAX_FILES: return parse_unsigned(value, &p->max_files);
	case OPT_MAX_VALUE: return parse_unsigned(value, &p->max_value);
	case OPT_MAX_IMPORT: return parse_unsigned(value, &p->max_import);
	case OPT_ECC: p->ecc = true; return true;
	case OPT_TERMINABLE: p->terminable = true; return true;
	default: return false;
	}
}

static bool
take_container_option(struct options *o, int option, const char *value)
{
	unsigned long number;

	switch (option) {
	case OPT_INDEX:
		o->has_index = parse_number(value, 10, 255, &number);
		o->container.index = o->has_index ? (uint8_t)number : 0;
		return o->has_index;
	case OPT_ALG: return parse_algorithm(value, &o->container.algorithm);
	case OPT_KIND: return parse_kind(value, &o->container.signature_only);
	case OPT_NAME: o->container.name = o->name = value; return true;
	case OPT_DEFAULT: o->container.make_default = true; return true;
	case OPT_PIN: o->container.pin = o->pin = value; return true;
	default: return take_profile_option(&o->profile, option, value);
	}
}

static bool
take_option(struct options *o, int option, const char *value)
{
	unsigned long number = 0;
	bool good = true;

	switch (option) {
	case OPT_PUK:
		o->puk = value;
		o->profile.puk = true;
		break;
	case OPT_ADMIN_KEY: good = parse_hex(value, &o->admin_key) && o->admin_key.len == VCARD_DES3_LEN; break;
	case OPT_CARDID: good = parse_hex(value, &o->cardid) && o->cardid.len == VCARD_CARDID_LEN; break;
	case OPT_KEY: o->key = value; break;
	case OPT_DER: o->der = value; break;
	case OPT_PLAIN: o->plain = true; break;
	case OPT_DIR: o->dir = value; break;
	case OPT_IN: o->in = value; break;
	case OPT_EF:
		good = parse_number(value, 16, 0xFFFF, &number);
		o->ef = (uint16_t)number;
		break;
	case OPT_TAG:
		good = parse_number(value, 16, 0xFFFFFF, &number);
		o->tag = (uint32_t)number;
		break;
	case OPT_DELETE: o->remove = true; break;
	default: good = take_container_option(o, option, value); break;
	}
	return good;
}

static bool
parse_options(int argc, char **argv, struct options *o)
{
	int option, which = 0;

	while ((option = getopt_long(argc, argv, "", long_options, &which)) != -1) {
		if (option == '?')
			return false;
		if (!take_option(o, option, optarg)) {
			(void)complain("--%s: not understood: %s", long_options[which].name,
				       optarg != NULL ? optarg : "");
			return false;
		}
	}
	return true;
}

static int
wants(const char *what)
{
	(void)complain("%s", what);
	return EXIT_USAGE;
}

static bool
read_file(const char *path, struct buf *ret_content)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	uint8_t piece[4096];
	size_t n = 0;
	bool failed;

	if (f == NULL)
		return false;
	ret_content->max = STATE_MAX / 2;
	do {
		n = fread(piece, 1, sizeof(piece), f);
		buf_put(ret_content, piece, n);
	} while (n == sizeof(piece));
	failed = ferror(f) != 0 || buf_failed(ret_content);
	if (f != stdin)
		(void)fclose(f);
	return !failed;
}

/* --- verbs ------------------------------------------------------------------------------------------------------ */

static int
perso_result(int result)
{
	return result == 0 ? EXIT_SUCCESS : complain("%s", vcard_perso_error());
}

static int
do_format(struct vcard *card, struct options *o, char **rest)
{
	(void)rest;
	if (o->pin == NULL)
		return wants("format needs --pin");
	return perso_result(vcard_perso_format(card, o->pin, o->admin_key.p, o->cardid.p));
}

static int
do_keygen(struct vcard *card, struct options *o, char **rest)
{
	(void)rest;
	if (o->pin == NULL || !o->has_index || o->container.algorithm == 0)
		return wants("keygen needs --pin, --index and --alg");
	return perso_result(vcard_perso_keygen(card, &o->container));
}

static int
do_import(struct vcard *card, struct options *o, char **rest)
{
	(void)rest;
	if (o->pin == NULL || !o->has_index || o->key == NULL)
		return wants("import needs --pin, --index and --key");
	return perso_result(vcard_perso_import(card, &o->container, o->key));
}

static int
do_pubkey(struct vcard *card, struct options *o, char **rest)
{
	AUTO_BUF struct buf spki = BUF_INIT;
	const unsigned char *at;
	EVP_PKEY *pkey;
	bool written;

	(void)rest;
	if (!o->has_index)
		return wants("pubkey needs --index");
	if (vcard_perso_pubkey(card, o->container.index, &spki) != 0)
		return complain("%s", vcard_perso_error());
	at = spki.p;
	pkey = d2i_PUBKEY(NULL, &at, (long)spki.len);
	written = pkey != NULL && PEM_write_PUBKEY(stdout, pkey) == 1 && fflush(stdout) == 0;
	EVP_PKEY_free(pkey);
	return written ? EXIT_SUCCESS : complain("the public key cannot be written");
}

static int
do_cert(struct vcard *card, struct options *o, char **rest)
{
	AUTO_BUF struct buf der = BUF_INIT;

	(void)rest;
	if (o->pin == NULL || !o->has_index || o->der == NULL)
		return wants("cert needs --pin, --index and --der");
	if (!read_file(o->der, &der))
		return complain("%s: cannot be read", o->der);
	return perso_result(vcard_perso_cert(card, o->pin, o->container.index, buf_cur(&der), o->plain));
}

static int
do_put(struct vcard *card, struct options *o, char **rest)
{
	AUTO_BUF struct buf content = BUF_INIT;

	(void)rest;
	if (o->pin == NULL || o->dir == NULL || o->name == NULL || o->in == NULL)
		return wants("put needs --pin, --dir, --name and --in");
	if (!read_file(o->in, &content))
		return complain("%s: cannot be read", o->in);
	return perso_result(vcard_perso_put(card, o->pin, o->dir, o->name, buf_cur(&content)));
}

static int
do_apdu(struct vcard *card, struct options *o, char **rest)
{
	static uint8_t response[VCARD_RESPONSE_MAX];
	AUTO_BUF struct buf command = BUF_INIT_MAX(2 * CHAIN_MAX);
	size_t len, i;

	(void)o;
	for (; *rest != NULL; rest++) {
		buf_reset(&command);
		if (!parse_hex(*rest, &command))
			return wants("a command is given in hex");
		len = vcard_transmit(card, command.p, command.len, response);
		for (i = 0; i < len; i++)
			(void)printf("%s%02X", i == len - 2 && i > 0 ? " " : "", response[i]);
		(void)printf("\n");
	}
	return EXIT_SUCCESS;
}

static int
do_reset(struct vcard *card, struct options *o, char **rest)
{
	(void)o;
	(void)rest;
	vcard_reset(card);
	return EXIT_SUCCESS;
}

static const char *
life_name(unsigned life)
{
	switch (life) {
	case 3: return "uninitialised";
	case 5: return "operational";
	default: return "terminated";
	}
}

static const char *
yes_no(bool b)
{
	return b ? "yes" : "no";
}

static void
print_quirks(uint32_t quirks)
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
do_info(struct vcard *card, struct options *o, char **rest)
{
	uint8_t atr[VCARD_ATR_MAX];
	size_t atr_len = vcard_atr(card, atr), i;
	struct vcard_info info;

	(void)o;
	(void)rest;
	vcard_info(card, &info);
	(void)printf("state: %s\natr: ", life_name(info.life));
	for (i = 0; i < atr_len; i++)
		(void)printf("%02X", atr[i]);
	(void)printf("\nprotocol: T=%d\n", vcard_is_t0(card) ? 0 : 1);
	print_quirks(card->env.profile.quirks);
	(void)printf("selected: %s\n", yes_no(info.gids_selected));
	(void)printf("PIN set: %s\nPIN tries left: %u\n", yes_no(info.pin_set), info.pin_tries_left);
	if (card->env.profile.puk)
		(void)printf("PUK set: %s\nPUK tries left: %u\n", yes_no(info.puk_set), info.puk_tries_left);
	(void)printf("PIN verified: %s\nadmin verified: %s\n", yes_no(info.pin_verified),
		     yes_no(info.admin_authenticated));
	(void)printf("challenge pending: %s\nchain open: %s\nanswer pending: %zu\n", yes_no(info.challenge_pending),
		     yes_no(info.chain_open), info.answer_pending);
	(void)printf("files: %u\nkeys: %u\n", info.files, info.keys);
	return EXIT_SUCCESS;
}

static int
do_raw(struct vcard *card, struct options *o, char **rest)
{
	AUTO_BUF struct buf content = BUF_INIT;
	int result;

	(void)rest;
	if (o->ef == 0 || o->tag == 0 || (o->in == NULL && !o->remove))
		return wants("raw needs --ef, --tag, and --in or --delete");
	if (!o->remove && !read_file(o->in, &content))
		return complain("%s: cannot be read", o->in);
	result = o->remove ? vcard_raw_delete(card, o->ef, o->tag)
			   : vcard_raw_put(card, o->ef, o->tag, buf_cur(&content));
	return result == 0 ? EXIT_SUCCESS
			   : complain("%04X/%04X: %s", (unsigned)o->ef, (unsigned)o->tag, strerror(errno));
}

static const struct verb {
	const char *name;
	int (*run)(struct vcard *card, struct options *o, char **rest);
	bool arguments;
} verbs[] = {
	{ "format", do_format, false }, { "keygen", do_keygen, false }, { "import", do_import, false },
	{ "pubkey", do_pubkey, false }, { "cert", do_cert, false },	{ "put", do_put, false },
	{ "apdu", do_apdu, true },	{ "reset", do_reset, false },	{ "info", do_info, false },
	{ "raw", do_raw, false },
};

static const struct verb *
find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	}
	return NULL;
}

static int
run_on_card(const struct verb *verb, const char *path, struct options *o, char **rest)
{
	struct vcard *card = vcard_open(path);
	int result;

	if (card == NULL)
		return complain("%s: %s", path, errno == EBADMSG ? "damaged card file" : strerror(errno));
	result = verb->run(card, o, rest);
	/* what a failed command changed on the card, a spent PIN try for one, stays as on a real card */
	if (result != EXIT_USAGE && vcard_save(card) != 0)
		result = complain("%s: %s", path, strerror(errno));
	vcard_close(card);
	return result;
}

static int
run_create(const char *path, struct options *o)
{
	struct vcard *card;
	int result;

	if (vcard_create(path, &o->profile) != 0)
		return complain("%s: %s", path, strerror(errno));
	if (o->puk == NULL)
		return EXIT_SUCCESS;
	card = vcard_open(path);
	if (card == NULL)
		return complain("%s: %s", path, strerror(errno));
	result = perso_result(vcard_perso_set_puk(card, o->puk));
	vcard_reset(card);
	if (vcard_save(card) != 0)
		result = complain("%s: %s", path, strerror(errno));
	vcard_close(card);
	return result;
}

int
main(int argc, char **argv)
{
	struct options o = { .admin_key = BUF_INIT };
	const struct verb *verb;
	bool create;
	int result = EXIT_USAGE;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		(void)fputs(usage, stdout);
		return EXIT_SUCCESS;
	}
	/* getopt_long moves what is no option behind the options */
	if (parse_options(argc, argv, &o) && argc - optind >= 2) {
		verb = find_verb(argv[optind]);
		create = strcmp(argv[optind], "create") == 0;
		if (create && argc - optind == 2)
			result = run_create(argv[optind + 1], &o);
		else if (verb != NULL && (verb->arguments || argc - optind == 2))
			result = run_on_card(verb, argv[optind + 1], &o, argv + optind + 2);
	}
	buf_free(&o.admin_key);
	buf_free(&o.cardid);
	if (result == EXIT_USAGE)
		(void)fputs(usage, stderr);
	return result;
}
