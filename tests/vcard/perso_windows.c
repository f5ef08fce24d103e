/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the class minidriver of Windows sends to a GIDS card, exchange by exchange, and what the card answers; its PIN is
 * 12345678, its admin key 24 zero bytes. Windows keeps no file table in memory: it reads it before nearly every access.
 */
#include <string.h>

#include "base/auto.h"
#include "vcard/perso_internal.h"
#include "vcard/tlv.h"

struct exchange {
	const char *command;
	const char *answer; /* "**" is any byte, ".." whatever comes up to the status word */
};

/* clang-format off */
#define TABLE \
	"01" \
	"6D736370000000000000000000000000000000000000000000A00000" \
	"000000000000000000636172646964000000000020DF000012A00000" \
	"000000000000000000636172646170707300000021DF000010A00000" \
	"000000000000000000636172646366000000000022DF000010A00000" \
	"6D7363700000000000636D617066696C6500000023DF000010A00000"
#define TABLE_KXC00 "6D73637000000000006B7863303000000000000024DF000010A00000"
/* 257f0362-2ee7-44f5-9885-36fa490f30c1 */
#define NAME \
	"320035003700660030003300360032002D003200650065003700" \
	"2D0034003400660035002D0039003800380035002D00" \
	"330036006600610034003900300066003300300063003100" \
	"0000000000000000"

#define READ_TABLE { "00CBA000045C02DF1F00", "DF1F818D" TABLE "9000" }
#define READ_TABLE_CERT { "00CBA000045C02DF1F00", "DF1F81A9" TABLE TABLE_KXC00 "9000" }
#define READ_CARDID { "00CBA012045C02DF2000", "DF2010..9000" }
#define READ_CARDCF(value) { "00CBA010045C02DF2200", "DF2206" value "9000" }
#define READ_CMAP { "00CBA010045C02DF2300", "DF23..9000" }
#define WRITE_CARDCF(value) { "00DBA01009DF2206" value, "9000" }
#define WRITE_CMAP(flags) { "00DBA01059DF2356" NAME flags, "9000" }
#define CREATE(fid, put, get) { "00E000000E620C8201398302" fid "8C0303" put get, "9000" }
#define ACTIVATE { "0044000000", "9000" }
#define VERIFY { "00200080083132333435363738", "9000" }
#define LOGOUT { "00200082", "9000" }
#define SELECT "00A4040009A00000039742544659"
#define FCI "61124F0BA00000039742544659020173034001C09000"
/* clang-format on */

/* A card that has a certificate is put in. */
static const struct exchange contact[] = {
	{ "00A404000BA0000003974349445F0100", "6A82" },
	{ "00CA7F6800", "6A88" },
	{ "00A4040009A0000003080000100000", "6A82" },
	{ SELECT "00", FCI },
	{ "00A4040009A0000003080000100000", "6A82" },
	{ "00A4000C023FFF", "9000" },
	{ "00CB2F01025C0000", "4301F447030801**46..9000" },
	{ SELECT "00", FCI },
	{ "00CB3FFF045C027F7300", "6A88" },
	READ_TABLE_CERT,
	READ_CARDID,
	READ_TABLE_CERT,
	READ_CARDCF("000001000500"),
	READ_TABLE_CERT,
	READ_CMAP,
};

/* A blank card is created. */
static const struct exchange format[] = {
	{ SELECT "00", FCI },
	{ "00CBA000045C02DF1F00", "6A82" },
	{ "00240180083132333435363738", "9000" },
	CREATE("A000", "30", "00"),
	ACTIVATE,
	CREATE("A010", "30", "00"),
	ACTIVATE,
	CREATE("A011", "30", "FF"),
	ACTIVATE,
	CREATE("A012", "20", "00"),
	ACTIVATE,
	CREATE("A013", "30", "30"),
	ACTIVATE,
	CREATE("A014", "20", "20"),
	ACTIVATE,
	{ "00E000001C621A8201188302B0808C04870020FFA50BA4098001028301809501C0", "9000" },
	ACTIVATE,
	{ "00DB3FFF267024840180A51F871800000000000000000000000000000000000000000000000088038CA64D", "9000" },
	{ "00DBA00091DF1F818D" TABLE, "9000" },
	{ "00DBA0100BDF21086D73637000000000", "9000" },
	{ "00DBA01009DF2206000000000000", "9000" },
	{ "00DBA01003DF2300", "9000" },
	{ "00DBA01213DF201000000000000000000000000000000001", "9000" },
	{ "00A4000C023FFF", "9000" },
	ACTIVATE,
};

/* Container 0, up to its key. */
static const struct exchange reserve[] = {
	{ SELECT "00", FCI },
	VERIFY,
	READ_TABLE,
	READ_CARDCF("000000000000"),
	WRITE_CARDCF("000000000100"),
	READ_TABLE,
	WRITE_CMAP("010000000000"),
	WRITE_CARDCF("000000000200"),
	READ_TABLE,
	WRITE_CMAP("030000000000"),
	WRITE_CARDCF("000001000200"),
	{ "00CBA000045C02DF2000", "6A88" },
	{ "00E00000496247820118"
	  "8302B0818C058F10101000"
	  "A537B809800107830181950140B809800187830181950140B809800147830181950140"
	  "B609800117830181950140B609800157830181950140",
	  "9000" },
	{ "00440000", "9000" },
};

static const struct exchange generate[] = {
	{ "0047000008AC0680010783018100", "7F4982010981820100..610E" },
	{ "00C000000E", "..82030100019000" },
};

/* Container 0 from its key on; the answer to the last but two is the public key. */
static const struct exchange settle[] = {
	{ "00DBA00010DF200D01010000"
	  "00079A81B0FFFF0000",
	  "9000" },
	WRITE_CARDCF("000001000300"),
	READ_TABLE,
	WRITE_CMAP("030000000008"),
	{ "00CB3FFF0A7008840181A5037F498000", "7F4982010981820100..610E" },
	{ "00C000000E", "..82030100019000" },
	LOGOUT,
};

/* Its certificate; the content follows in parts. */
static const struct exchange enrol[] = {
	{ SELECT "00", FCI },
	VERIFY,
	READ_TABLE,
	READ_CARDCF("000001000300"),
	WRITE_CARDCF("000001000400"),
	{ "00DBA000ADDF1F81A9" TABLE TABLE_KXC00, "9000" },
	READ_TABLE_CERT,
	WRITE_CARDCF("000001000500"),
};

static const struct exchange leave[] = { LOGOUT };

/* The container, which was the last one, is deleted; its certificate stays. */
static const struct exchange delete[] = {
	{ SELECT "00", FCI },
	VERIFY,
	{ "00A4000C023FFF", "9000" },
	{ "00A4000C02B081", "9000" },
	{ "00E40000", "9000" },
	{ "00DBA00003DF2000", "9000" },
	READ_TABLE_CERT,
	READ_CARDCF("000001000500"),
	WRITE_CARDCF("000002000600"),
	READ_TABLE_CERT,
	{ "00DBA01059DF2356"
	  "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	  "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
	  "9000" },
	LOGOUT,
};

/* --- comparison --------------------------------------------------------------------------------------------------- */

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool
hex_byte(const char *text, uint8_t *ret_byte)
{
	int high = digit(text[0]), low = high >= 0 ? digit(text[1]) : -1;

	if (low < 0)
		return false;
	*ret_byte = (uint8_t)(high << 4 | low);
	return true;
}

static bool
put_hex(const char *text, struct buf *b)
{
	uint8_t byte;

	for (; *text != '\0'; text += 2) {
		if (!hex_byte(text, &byte))
			return false;
		buf_u8(b, byte);
	}
	return !buf_failed(b);
}

static bool
is_like(struct cursor answer, const char *pattern)
{
	uint8_t byte, wanted;
	size_t rest;

	for (; *pattern != '\0'; pattern += 2) {
		if (pattern[0] == '.') {
			rest = strlen(pattern + 2) / 2;
			if (answer.left < rest || !cur_skip(&answer, answer.left - rest))
				return false;
			continue;
		}
		if (!cur_u8(&answer, &byte) || (pattern[0] != '*' && (!hex_byte(pattern, &wanted) || byte != wanted)))
			return false;
	}
	return cur_at_end(&answer);
}

static bool
play_one(struct vcard *card, const struct exchange *e)
{
	static _Thread_local uint8_t response[VCARD_RESPONSE_MAX];
	AUTO_BUF struct buf command = BUF_INIT_MAX(CHAIN_MAX);
	size_t len;

	if (!put_hex(e->command, &command))
		return perso_fail("%s: no command", e->command);
	len = vcard_transmit(card, command.p, command.len, response);
	if (is_like(cur_of(response, len), e->answer))
		return true;
	return perso_fail("%.60s: %zu bytes, status %02X%02X", e->command, len, response[len - 2], response[len - 1]);
}

static bool
play(struct vcard *card, const struct exchange *list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (!play_one(card, &list[i]))
			return false;
	}
	return true;
}

/* --- what is not the same each time ------------------------------------------------------------------------------- */

/* 70 { 84 81, A5 { 83 02, 84 00, 87 RSAPrivateKey } } in parts of 240 bytes. */
static bool
load(struct vcard *card, struct cursor rsa_key)
{
	static const uint8_t header[4] = { 0x00, INS_PUT_DATA, 0x3F, 0xFF };
	AUTO_BUF struct buf content = BUF_INIT, template = BUF_INIT, object = BUF_INIT;

	vcard_tlv_put_u8(&content, 0x83, 0x02);
	vcard_tlv_put_u8(&content, 0x84, 0x00);
	vcard_tlv_put(&content, 0x87, rsa_key);
	vcard_tlv_put_u8(&template, 0x84, 0x81);
	vcard_tlv_put(&template, 0xA5, buf_cur(&content));
	vcard_tlv_put(&object, 0x70, buf_cur(&template));
	return perso_command(card, "load key", header, buf_cur(&object), false, NULL);
}

/* Written in parts of 240 bytes, and read back in pieces of 256. */
static bool
write_certificate(struct vcard *card, struct cursor der)
{
	static const uint8_t put[4] = { 0x00, INS_PUT_DATA, 0xA0, 0x10 };
	static const uint8_t get[4] = { 0x00, INS_GET_DATA, 0xA0, 0x10 };
	static const uint8_t tag[] = { 0x5C, 0x02, 0xDF, 0x24 };
	AUTO_BUF struct buf content = BUF_INIT, object = BUF_INIT, back = BUF_INIT;

	if (!perso_compress(der, &content))
		return false;
	vcard_tlv_put(&object, PERSO_FIRST_FREE, buf_cur(&content));
	if (!perso_command(card, "write certificate", put, buf_cur(&object), false, NULL) ||
	    !perso_command(card, "read certificate", get, cur_of(tag, sizeof(tag)), true, &back))
		return false;
	if (back.len != object.len || memcmp(back.p, object.p, back.len) != 0)
		return perso_fail("the certificate that is read is another one");
	return true;
}

/* --- parts -------------------------------------------------------------------------------------------------------- */

#define PLAY(card, list) play(card, list, ARRAY_SIZE(list))

int
vcard_perso_windows_contact(struct vcard *card)
{
	return PLAY(card, contact) ? 0 : -1;
}

int
vcard_perso_windows_format(struct vcard *card)
{
	return PLAY(card, format) ? 0 : -1;
}

int
vcard_perso_windows_container(struct vcard *card, struct cursor rsa_key)
{
	if (!PLAY(card, reserve))
		return -1;
	if (!(cur_at_end(&rsa_key) ? PLAY(card, generate) : load(card, rsa_key)))
		return -1;
	return PLAY(card, settle) ? 0 : -1;
}

int
vcard_perso_windows_certificate(struct vcard *card, struct cursor der)
{
	return PLAY(card, enrol) && write_certificate(card, der) && PLAY(card, leave) ? 0 : -1;
}

int
vcard_perso_windows_delete(struct vcard *card)
{
	return PLAY(card, delete) ? 0 : -1;
}
