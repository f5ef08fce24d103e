/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vcard-perso: makes virtual cards and personalises them, on the card's file and without any reader. Exit status: 0
 * done, 1 failed (a line on stderr), 2 wrong usage.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/auto.h"
#include "vcard/perso_piv.h"
#include "vcard/perso_verbs.h"

static const char usage[] =
	"usage: vcard-perso VERB FILE [OPTION...]\n"
	"\n"
	"  create FILE      a blank card: [--quirks strict|applet|NAME,...] [--atr HEX] [--t0] [--ecc] [--puk PUK]\n"
	"                   [--pin-tries N] [--pin-min N] [--pin-max N] [--max-objects N] [--max-files N]\n"
	"                   [--max-value N] [--max-import N] [--terminable]\n"
	"                   [--session-pins] [--role N=PIN]...: more PINs for keys, N from 3 to 7\n"
	"                   [--applications gids|piv|gids,piv] [--piv-quirks "
	"strict|applet|token|neo|government|NAME,...]\n"
	"                   [--piv-version N.N.N] [--puk-tries N] [--max-object N]\n"
	"                   [--management 3des|aes128|aes192|aes256]\n"
	"  format FILE      the file system: --pin PIN [--admin-key HEX] [--cardid HEX]\n"
	"  blank FILE       operational, and no file system yet: --pin PIN [--admin-key HEX]\n"
	"  windows FILE     as Windows leaves it (PIN 12345678), with container 0: [--key PEM] [--der CERT]\n"
	"  keygen FILE      a new container: --pin PIN --index N --alg ALG [--kind exchange|signature] [--name NAME]\n"
	"                   [--default] [--guard N=PIN]\n"
	"                   ALG is rsa1024, rsa2048, rsa3072, rsa4096, p256, p384 or p521\n"
	"  import FILE      the same with the private key of a PEM file: --key PEM instead of --alg\n"
	"  pubkey FILE      the container's public key in PEM: --index N\n"
	"  cert FILE        the container's certificate: --pin PIN --index N --der CERT [--plain]\n"
	"  put FILE         a file that everyone reads: --pin PIN --dir D --name N --in FILE (D empty: the root)\n"
	"  apdu FILE HEX... sends commands, prints answers, keeps the card's volatile memory\n"
	"  reset FILE       takes the card out: its volatile memory is lost\n"
	"  info FILE        what the card knows of itself\n"
	"  raw FILE         writes a data object past all rules: --ef HEX --tag HEX --in FILE, or --delete\n"
	"\n"
	"  piv FILE         PIV as on the reference card, with four keys and certificates: [--guid HEX]\n"
	"  piv-format FILE  CHUID, CCC and key history alone: [--guid HEX]\n"
	"  piv-keygen FILE  a key: --slot HEX --alg ALG [--pin-policy never|once|always]\n"
	"                   [--touch-policy never|always|cached]; ALG also ed25519 and x25519\n"
	"  piv-import FILE  the same with the private key of a PEM file: --key PEM instead of --alg\n"
	"  piv-pubkey FILE  the public key in PEM: --slot HEX\n"
	"  piv-cert FILE    the certificate: --slot HEX --der CERT\n"
	"                   [--packing plain|gzip|gzip-old|gzip-lying|plain-lying|bare]\n"
	"  piv-issue FILE   a certificate made here: --slot HEX --name CN [--usage HEX] [--packing ...]\n"
	"  piv-put FILE     any object: --tag HEX --in FILE, or --delete\n"
	"  piv-raw FILE     the same past all rules; or --slot HEX --delete for a key\n"
	"\n"
	"quirks: select-logs-out empty-verify-counts bulk-fails-at-tens bulk-repeats chain-blocks mse-6f00\n"
	"        two-step-delete mse-outlives-logout no-raw-sign no-extended no-bulk ecdsa-der t0 strips-zeros\n"
	"        challenge-lives\n";

int
perso_wants(const char *what)
{
	(void)perso_complain("%s", what);
	return EXIT_USAGE;
}

bool
perso_read_file(const char *path, struct buf *ret_content)
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

int
perso_result(int result)
{
	return result == 0 ? EXIT_SUCCESS : perso_complain("%s", vcard_perso_error());
}

static int
do_format(struct vcard *card, struct perso_options *o, char **rest)
{
	(void)rest;
	if (o->pin == NULL)
		return perso_wants("format needs --pin");
	return perso_result(vcard_perso_format(card, o->pin, o->admin_key.p, o->cardid.p));
}

static int
do_blank(struct vcard *card, struct perso_options *o, char **rest)
{
	(void)rest;
	if (o->pin == NULL)
		return perso_wants("blank needs --pin");
	return perso_result(vcard_perso_blank(card, o->pin, o->admin_key.p));
}

static bool
read_rsa_key(const char *path, struct buf *ret_der)
{
	FILE *f = fopen(path, "r");
	EVP_PKEY *pkey = f != NULL ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
	unsigned char *der = NULL;
	int len = pkey != NULL && EVP_PKEY_is_a(pkey, "RSA") == 1 ? i2d_PrivateKey(pkey, &der) : -1;

	if (f != NULL)
		(void)fclose(f);
	EVP_PKEY_free(pkey);
	if (len <= 0)
		return false;
	buf_put(ret_der, der, (size_t)len);
	OPENSSL_clear_free(der, (size_t)len);
	return !buf_failed(ret_der);
}

static int
do_windows(struct vcard *card, struct perso_options *o, char **rest)
{
	AUTO_BUF struct buf key = BUF_INIT, der = BUF_INIT;
	int result;

	(void)rest;
	if (o->key != NULL && !read_rsa_key(o->key, &key))
		return perso_complain("%s: no RSA key", o->key);
	if (o->der != NULL && !perso_read_file(o->der, &der))
		return perso_complain("%s: cannot be read", o->der);
	result = vcard_perso_windows_format(card);
	if (result == 0)
		result = vcard_perso_windows_container(card, buf_cur(&key));
	if (result == 0 && o->der != NULL)
		result = vcard_perso_windows_certificate(card, buf_cur(&der));
	return perso_result(result);
}

static int
do_keygen(struct vcard *card, struct perso_options *o, char **rest)
{
	(void)rest;
	if (o->pin == NULL || !o->has_index || o->container.algorithm == 0)
		return perso_wants("keygen needs --pin, --index and --alg");
	return perso_result(vcard_perso_keygen(card, &o->container));
}

static int
do_import(struct vcard *card, struct perso_options *o, char **rest)
{
	(void)rest;
	if (o->pin == NULL || !o->has_index || o->key == NULL)
		return perso_wants("import needs --pin, --index and --key");
	return perso_result(vcard_perso_import(card, &o->container, o->key));
}

static int
do_pubkey(struct vcard *card, struct perso_options *o, char **rest)
{
	AUTO_BUF struct buf spki = BUF_INIT;
	const unsigned char *at;
	EVP_PKEY *pkey;
	bool written;

	(void)rest;
	if (!o->has_index)
		return perso_wants("pubkey needs --index");
	if (vcard_perso_pubkey(card, o->container.index, &spki) != 0)
		return perso_complain("%s", vcard_perso_error());
	at = spki.p;
	pkey = d2i_PUBKEY(NULL, &at, (long)spki.len);
	written = pkey != NULL && PEM_write_PUBKEY(stdout, pkey) == 1 && fflush(stdout) == 0;
	EVP_PKEY_free(pkey);
	return written ? EXIT_SUCCESS : perso_complain("the public key cannot be written");
}

static int
do_cert(struct vcard *card, struct perso_options *o, char **rest)
{
	AUTO_BUF struct buf der = BUF_INIT;

	(void)rest;
	if (o->pin == NULL || !o->has_index || o->der == NULL)
		return perso_wants("cert needs --pin, --index and --der");
	if (!perso_read_file(o->der, &der))
		return perso_complain("%s: cannot be read", o->der);
	return perso_result(vcard_perso_cert(card, o->pin, o->container.index, buf_cur(&der), o->plain));
}

static int
do_put(struct vcard *card, struct perso_options *o, char **rest)
{
	AUTO_BUF struct buf content = BUF_INIT;

	(void)rest;
	if (o->pin == NULL || o->dir == NULL || o->name == NULL || o->in == NULL)
		return perso_wants("put needs --pin, --dir, --name and --in");
	if (!perso_read_file(o->in, &content))
		return perso_complain("%s: cannot be read", o->in);
	return perso_result(vcard_perso_put(card, o->pin, o->dir, o->name, buf_cur(&content)));
}

static void
exchange(struct vcard *card, struct cursor command)
{
	static uint8_t response[VCARD_RESPONSE_MAX];
	size_t len = vcard_transmit(card, command.p, command.left, response), i;

	for (i = 0; i < len; i++)
		(void)printf("%s%02X", i == len - 2 && i > 0 ? " " : "", response[i]);
	(void)printf("\n");
}

static int
do_apdu(struct vcard *card, struct perso_options *o, char **rest)
{
	AUTO_BUF struct buf command = BUF_INIT_MAX(2 * CHAIN_MAX);
	char **at;

	(void)o;
	for (at = rest; *at != NULL; at++) {
		buf_reset(&command);
		if (!perso_parse_hex(*at, &command))
			return perso_wants("a command is given in hex");
	}
	for (at = rest; *at != NULL; at++) {
		buf_reset(&command);
		(void)perso_parse_hex(*at, &command);
		exchange(card, buf_cur(&command));
	}
	return EXIT_SUCCESS;
}

static int
do_reset(struct vcard *card, struct perso_options *o, char **rest)
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

static int
do_info(struct vcard *card, struct perso_options *o, char **rest)
{
	uint8_t atr[VCARD_ATR_MAX];
	size_t atr_len = vcard_atr(card, atr), i;
	struct vcard_info info;

	(void)o;
	(void)rest;
	vcard_info(card, &info);
	if ((card->env.profile.applications & VCARD_GIDS) != 0)
		(void)printf("state: %s\n", life_name(info.life));
	(void)printf("atr: ");
	for (i = 0; i < atr_len; i++)
		(void)printf("%02X", atr[i]);
	(void)printf("\nprotocol: T=%d\n", vcard_is_t0(card) ? 0 : 1);
	perso_print_quirks(card->env.profile.quirks);
	if (vcard_piv(card) != NULL)
		perso_piv_print(card);
	if ((card->env.profile.applications & VCARD_GIDS) == 0)
		return EXIT_SUCCESS;
	(void)printf("selected: %s\n", yes_no(info.gids_selected));
	(void)printf("PIN set: %s\nPIN tries left: %u\n", yes_no(info.pin_set), info.pin_tries_left);
	if (card->env.profile.puk)
		(void)printf("PUK set: %s\nPUK tries left: %u\n", yes_no(info.puk_set), info.puk_tries_left);
	if (card->env.profile.roles != 0)
		(void)printf("roles: %02X, verified %02X\n", card->env.profile.roles, info.roles_verified);
	if (card->env.profile.session_pins)
		(void)printf("session PINs: %02X\n", info.sessions);
	(void)printf("PIN verified: %s\nadmin verified: %s\n", yes_no(info.pin_verified),
		     yes_no(info.admin_authenticated));
	(void)printf("challenge pending: %s\nchain open: %s\nanswer pending: %zu\n", yes_no(info.challenge_pending),
		     yes_no(info.chain_open), info.answer_pending);
	(void)printf("files: %u\nkeys: %u\n", info.files, info.keys);
	return EXIT_SUCCESS;
}

static int
do_raw(struct vcard *card, struct perso_options *o, char **rest)
{
	AUTO_BUF struct buf content = BUF_INIT;
	int result;

	(void)rest;
	if (o->ef == 0 || o->tag == 0 || (o->in == NULL && !o->remove))
		return perso_wants("raw needs --ef, --tag, and --in or --delete");
	if (!o->remove && !perso_read_file(o->in, &content))
		return perso_complain("%s: cannot be read", o->in);
	result = o->remove ? vcard_raw_delete(card, o->ef, o->tag)
			   : vcard_raw_put(card, o->ef, o->tag, buf_cur(&content));
	return result == 0 ? EXIT_SUCCESS
			   : perso_complain("%04X/%04X: %s", (unsigned)o->ef, (unsigned)o->tag, strerror(errno));
}

static const struct perso_verb verbs[] = {
	{ "format", do_format, false }, { "blank", do_blank, false },	{ "windows", do_windows, false },
	{ "keygen", do_keygen, false }, { "import", do_import, false }, { "pubkey", do_pubkey, false },
	{ "cert", do_cert, false },	{ "put", do_put, false },	{ "apdu", do_apdu, true },
	{ "reset", do_reset, false },	{ "info", do_info, false },	{ "raw", do_raw, false },
};

static const struct perso_verb *
find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	}
	for (i = 0; i < PERSO_PIV_VERBS; i++) {
		if (strcmp(perso_piv_verbs[i].name, name) == 0)
			return &perso_piv_verbs[i];
	}
	return NULL;
}

static int
run_on_card(const struct perso_verb *verb, const char *path, struct perso_options *o, char **rest)
{
	struct vcard *card = vcard_open(path);
	int result;

	if (card == NULL)
		return perso_complain("%s: %s", path, errno == EBADMSG ? "damaged card file" : strerror(errno));
	result = verb->run(card, o, rest);
	/* what a failed command changed on the card, a spent PIN try for one, stays as on a real card */
	if (result != EXIT_USAGE && vcard_save(card) != 0)
		result = perso_complain("%s: %s", path, strerror(errno));
	vcard_close(card);
	return result;
}

static int
set_references(struct vcard *card, const struct perso_options *o)
{
	int result = o->puk != NULL ? vcard_perso_set_puk(card, o->puk) : 0;
	unsigned role;

	for (role = 0; role < ARRAY_SIZE(o->role_pins) && result == 0; role++) {
		if (o->role_pins[role] != NULL)
			result = vcard_perso_set_role(card, role, o->role_pins[role]);
	}
	return result;
}

static int
run_create(const char *path, struct perso_options *o)
{
	struct vcard *card;
	int result;

	if (vcard_create(path, &o->profile) != 0)
		return perso_complain("%s: %s", path, strerror(errno));
	if (o->puk == NULL && o->profile.roles == 0)
		return EXIT_SUCCESS;
	card = vcard_open(path);
	if (card == NULL)
		return perso_complain("%s: %s", path, strerror(errno));
	result = perso_result(set_references(card, o));
	vcard_reset(card);
	if (vcard_save(card) != 0)
		result = perso_complain("%s: %s", path, strerror(errno));
	vcard_close(card);
	return result;
}

int
main(int argc, char **argv)
{
	struct perso_options o = { .admin_key = BUF_INIT };
	const struct perso_verb *verb;
	bool create;
	int result = EXIT_USAGE;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		(void)fputs(usage, stdout);
		perso_piv_print_quirks(UINT64_MAX);
		return EXIT_SUCCESS;
	}
	/* getopt_long moves what is no option behind the options */
	if (perso_options_parse(argc, argv, &o) && argc - optind >= 2) {
		verb = find_verb(argv[optind]);
		create = strcmp(argv[optind], "create") == 0;
		if (create && argc - optind == 2)
			result = run_create(argv[optind + 1], &o);
		else if (verb != NULL && (verb->arguments || argc - optind == 2))
			result = run_on_card(verb, argv[optind + 1], &o, argv + optind + 2);
	}
	perso_options_free(&o);
	if (result == EXIT_USAGE)
		(void)fputs(usage, stderr);
	return result;
}
