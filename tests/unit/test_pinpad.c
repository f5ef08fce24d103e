/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PINs entered at the reader: over PC/SC with a virtual reader that has keys, and over connections whose reader says
 * what no reader would.
 */
#define DWORD pcsc_dword
#include "unit/pcsc_fixture.h"
#undef DWORD

#include "transport/transport.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "lib/hex.h"
#include "vcard/io_front.h"
#include "vcard/perso.h"

#define CODE(name) ((DWORD)(name))
#define OK CODE(SCARD_S_SUCCESS)
/* Windows' value, which the transport uses; pcsc-lite's own is another one. */
#define UNSUPPORTED ((DWORD)0x80100022)
#define SELECT "00A4040C09A00000039742544659"
#define PIN "123456"

/* VERIFY and CHANGE REFERENCE DATA as GIDS has them, without blocks, and as PIV has them, with blocks of 8 bytes. */
static const struct io_pin_entry verify_plain = { .header = { 0x00, 0x20, 0x00, 0x80 }, .min = 4, .max = 16 };
static const struct io_pin_entry verify_block = {
	.header = { 0x00, 0x20, 0x00, 0x80 }, .min = 6, .max = 8, .block = 8, .pad = 0xFF
};
static const struct io_pin_entry change_plain = {
	.header = { 0x00, 0x24, 0x00, 0x80 }, .min = 4, .max = 16, .with_old = true
};
static const struct io_pin_entry change_block = {
	.header = { 0x00, 0x24, 0x00, 0x80 }, .min = 6, .max = 8, .block = 8, .pad = 0xFF, .with_old = true
};
static const struct io_pin_entry set_plain = { .header = { 0x00, 0x2C, 0x02, 0x80 }, .min = 4, .max = 16 };

/* --- over PC/SC --------------------------------------------------------------------------------------------------- */

/* A formatted card in a reader with these keys (NULL: none), selected, in a transaction. */
static struct io *
prepared(const char *keys)
{
	static const struct vcard_profile plain = { 0 };
	AUTO_BUF struct buf command = BUF_INIT, answer = BUF_INIT;
	struct io *io = NULL;
	struct vcard *card;
	bool reset;

	assert_int_equal(vcard_create(fixture_path("cards/3"), &plain), 0);
	card = vcard_open(fixture_path("cards/3"));
	assert_non_null(card);
	assert_int_equal(vcard_perso_format(card, PIN, NULL, NULL), 0);
	assert_int_equal(vcard_save(card), 0);
	vcard_close(card);
	pull_card(READER);
	insert_card(READER, 3);
	if (keys != NULL)
		write_file(READER, "pinpad", keys);
	assert_int_equal(io_connect(READER, &io), OK);
	assert_int_equal(io_begin(io, &reset), OK);
	assert_true(hex_put(&command, SELECT));
	assert_int_equal(io_transmit(io, buf_cur(&command), false, &answer), OK);
	write_file(READER, "trace", "");
	return io;
}

static uint16_t
verify(struct io *io, const struct io_pin_entry *entry)
{
	uint16_t sw = 0;

	assert_int_equal(io_verify_pin(io, entry, &sw), OK);
	return sw;
}

static uint16_t
modify(struct io *io, const struct io_pin_entry *entry)
{
	uint16_t sw = 0;

	assert_int_equal(io_modify_pin(io, entry, &sw), OK);
	return sw;
}

static DWORD
verify_code(struct io *io, const struct io_pin_entry *entry)
{
	uint16_t sw = 0x1234;
	DWORD r = io_verify_pin(io, entry, &sw);

	assert_int_equal(sw, 0x1234);
	return r;
}

static DWORD
modify_code(struct io *io, const struct io_pin_entry *entry)
{
	uint16_t sw = 0x1234;
	DWORD r = io_modify_pin(io, entry, &sw);

	assert_int_equal(sw, 0x1234);
	return r;
}

static void
test_reader_without_keys(void **state)
{
	struct io *io = prepared(NULL);

	(void)state;
	assert_false(io_pinpad(io, IO_PINPAD_VERIFY));
	assert_false(io_pinpad(io, IO_PINPAD_MODIFY));
	assert_int_equal(verify_code(io, &verify_plain), UNSUPPORTED);
	assert_int_equal(modify_code(io, &change_plain), UNSUPPORTED);
	assert_string_equal(read_file(READER, "trace"), "");
	io_close(&io);
}

/* The PIN goes from the reader to the card, and its answer comes back. */
static void
test_verify(void **state)
{
	struct io *io = prepared(PIN " 111111 " PIN);

	(void)state;
	assert_true(io_pinpad(io, IO_PINPAD_VERIFY));
	assert_true(io_pinpad(io, IO_PINPAD_MODIFY));
	assert_string_equal(read_file(READER, "trace"), "");
	assert_int_equal(verify(io, &verify_plain), 0x9000);
	assert_non_null(strstr(read_file(READER, "trace"), "> 00 20 00 80 06 31 32 33 34 35 36\n< 90 00\n"));
	assert_int_equal(verify(io, &verify_plain), 0x63C2);
	assert_int_equal(verify(io, &verify_plain), 0x9000);
	assert_int_equal(verify(io, &verify_plain), 0x9000);
	io_close(&io);
}

static void
test_verify_with_blocks(void **state)
{
	struct io *io = prepared(PIN);

	(void)state;
	(void)verify(io, &verify_block);
	assert_non_null(strstr(read_file(READER, "trace"), "> 00 20 00 80 08 31 32 33 34 35 36 FF FF\n"));
	io_close(&io);
}

static void
test_modify(void **state)
{
	struct io *io = prepared(PIN " 87654321 87654321 87654321");

	(void)state;
	assert_int_equal(modify(io, &change_plain), 0x9000);
	assert_non_null(
		strstr(read_file(READER, "trace"), "> 00 24 00 80 0E 31 32 33 34 35 36 38 37 36 35 34 33 32 31\n"));
	assert_int_equal(verify(io, &verify_plain), 0x9000);
	write_file(READER, "pinpad", "87654321 654321 654321");
	(void)modify(io, &change_block);
	assert_non_null(strstr(read_file(READER, "trace"),
			       "> 00 24 00 80 10 38 37 36 35 34 33 32 31 36 35 34 33 32 31 FF FF\n"));
	write_file(READER, "pinpad", "222222");
	/* nobody is the admin here */
	assert_int_equal(modify(io, &set_plain), 0x6982);
	assert_non_null(strstr(read_file(READER, "trace"), "> 00 2C 02 80 06 32 32 32 32 32 32\n"));
	io_close(&io);
}

/* What people do that is no PIN costs no try, and does not reach the card. */
static void
test_no_pin(void **state)
{
	struct io *io = prepared("cancel timeout 123 1234567890123");

	(void)state;
	assert_int_equal(verify_code(io, &verify_plain), CODE(SCARD_W_CANCELLED_BY_USER));
	assert_int_equal(verify_code(io, &verify_plain), CODE(SCARD_E_TIMEOUT));
	assert_int_equal(verify_code(io, &verify_plain), CODE(SCARD_E_INVALID_PARAMETER));
	assert_int_equal(verify_code(io, &verify_plain), CODE(SCARD_E_INVALID_PARAMETER));
	write_file(READER, "pinpad", PIN " 111111 222222");
	assert_int_equal(modify_code(io, &change_plain), CODE(SCARD_E_INVALID_CHV));
	write_file(READER, "pinpad", PIN " 111111 cancel");
	assert_int_equal(modify_code(io, &change_plain), CODE(SCARD_W_CANCELLED_BY_USER));
	assert_string_equal(read_file(READER, "trace"), "");
	io_close(&io);
}

/* The lengths asked for are those that card and reader have in common. */
static void
test_reader_limits(void **state)
{
	struct io *io = prepared("verify-only blind min=5 max=8 1234 12345");
	struct io_pin_entry entry = verify_plain;

	(void)state;
	assert_true(io_pinpad(io, IO_PINPAD_VERIFY));
	assert_false(io_pinpad(io, IO_PINPAD_MODIFY));
	assert_int_equal(modify_code(io, &change_plain), UNSUPPORTED);
	assert_int_equal(verify_code(io, &verify_plain), CODE(SCARD_E_INVALID_PARAMETER));
	assert_int_equal(verify(io, &verify_plain), 0x63C2);
	entry.min = 9;
	assert_int_equal(verify_code(io, &entry), UNSUPPORTED);
	entry = (struct io_pin_entry){ .header = { 0x00, 0x20, 0x00, 0x80 }, .min = 1, .max = 4 };
	assert_int_equal(verify_code(io, &entry), UNSUPPORTED);
	entry = (struct io_pin_entry){ .header = { 0x00, 0x20, 0x00, 0x80 }, .min = 4, .max = 16, .block = 16 };
	assert_int_equal(verify_code(io, &entry), UNSUPPORTED);
	io_close(&io);
}

static void
test_environment(void **state)
{
	struct io *io;

	(void)state;
	assert_int_equal(setenv("VCARD_PINPAD", PIN, 1), 0);
	io = prepared(NULL);
	assert_int_equal(verify(io, &verify_plain), 0x9000);
	io_close(&io);
	assert_int_equal(unsetenv("VCARD_PINPAD"), 0);
}

static void
test_card_gone(void **state)
{
	struct io *io = prepared(PIN);

	(void)state;
	assert_true(io_pinpad(io, IO_PINPAD_VERIFY));
	pull_card(READER);
	assert_int_equal(verify_code(io, &verify_plain), CODE(SCARD_W_REMOVED_CARD));
	io_close(&io);
	io = NULL;
}

static void
test_card_pulled_meanwhile(void **state)
{
	struct io *io = prepared(PIN);

	(void)state;
	write_file(READER, "faults", "1:pull");
	assert_int_equal(verify_code(io, &verify_plain), CODE(SCARD_E_COMM_DATA_LOST));
	assert_int_equal(verify_code(io, &verify_plain), CODE(SCARD_W_REMOVED_CARD));
	io_close(&io);
}

static int
hold_transaction(void)
{
	SCARDCONTEXT context = establish();
	SCARDHANDLE handle = connect_shared(context, READER);

	if (SCardBeginTransaction(handle) != SCARD_S_SUCCESS)
		return 1;
	signal_event("held");
	await_event("asked");
	return 0;
}

/* A reader that is not to be asked now has said nothing of itself. */
static void
test_asked_in_vain(void **state)
{
	struct io *io = NULL;
	pid_t pid;

	(void)state;
	write_file(READER, "pinpad", PIN);
	assert_int_equal(io_connect(READER, &io), OK);
	pid = spawn(hold_transaction);
	await_event("held");
	assert_false(io_pinpad(io, IO_PINPAD_VERIFY));
	signal_event("asked");
	assert_int_equal(wait_for(pid), 0);
	assert_true(io_pinpad(io, IO_PINPAD_VERIFY));
	io_close(&io);
}

/* --- other readers ------------------------------------------------------------------------------------------------ */

/* A reader that answers each control with bytes of the test's. */
struct odd_io {
	struct io io;
	const char *features, *pin_properties, *tlv_properties, *answer;
	DWORD code;
	unsigned asked;
	uint8_t sent[64];
	size_t sent_len;
};

static DWORD
odd_control(struct io *io, uint32_t code, struct cursor in, struct buf *response)
{
	struct odd_io *o = (struct odd_io *)(void *)io;
	const char *hex = o->answer;

	o->asked++;
	if (o->code != OK)
		return o->code;
	if (code == 0x42000D48)
		hex = o->features;
	else if (code == 0x4233000A)
		hex = o->pin_properties;
	else if (code == 0x42330012)
		hex = o->tlv_properties;
	else if (in.left <= sizeof(o->sent) && (o->sent_len = in.left) > 0)
		memcpy(o->sent, in.p, in.left);
	if (hex == NULL)
		return UNSUPPORTED;
	assert_true(hex_put(response, hex));
	return OK;
}

static const struct io_ops odd_ops = { .control = odd_control };
static const struct io_ops no_ops = { .control = NULL };

#define BOTH "060442330006070442330007"

static void
sent_is(const struct odd_io *o, const char *hex)
{
	assert_true(hex_is(cur_of(o->sent, o->sent_len), hex));
}

static void
test_structures(void **state)
{
	struct odd_io o = { .io.ops = &odd_ops, .features = BOTH, .answer = "9000" };

	(void)state;
	assert_int_equal(verify(&o.io, &verify_plain), 0x9000);
	sent_is(&o, "1E1E82000010040201090400000000"
		    "05000000"
		    "0020008000");
	assert_int_equal(verify(&o.io, &verify_block), 0x9000);
	sent_is(&o, "1E1E82080008060201090400000000"
		    "0D000000"
		    "0020008008FFFFFFFFFFFFFFFF");
	assert_int_equal(modify(&o.io, &change_block), 0x9000);
	sent_is(&o, "1E1E8208000008080603020309040001020000"
		    "0015000000"
		    "0024008010FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF");
	assert_int_equal(modify(&o.io, &set_plain), 0x9000);
	sent_is(&o, "1E1E8200000000100401020209040102000000"
		    "0005000000"
		    "002C028000");
	/* asked once, and what is not offered is not asked for */
	assert_int_equal(o.asked, 5);
}

/* A PIN of one length ends without a key as well; a reader without display is sent no messages. */
static void
test_structures_for_a_simple_reader(void **state)
{
	struct odd_io o = {
		.io.ops = &odd_ops, .features = BOTH "0A044233000A", .pin_properties = "00000700", .answer = "9000"
	};
	const struct io_pin_entry six = { .header = { 0x00, 0x20, 0x00, 0x80 }, .min = 6, .max = 6 };

	(void)state;
	assert_int_equal(verify(&o.io, &six), 0x9000);
	sent_is(&o, "1E1E82000006060300090400000000"
		    "05000000"
		    "0020008000");
	assert_int_equal(modify(&o.io, &change_plain), 0x9000);
	sent_is(&o, "1E1E8200000000100403020009040001020000"
		    "0005000000"
		    "0024008000");
}

static void
test_odd_features(void **state)
{
	static const struct {
		const char *features;
		bool verify, modify;
	} readers[] = {
		{ "", false, false },
		{ "06", false, false },
		{ "0604423300", false, false },
		{ "0603423300", false, false },
		{ "060042330006", false, false },
		{ "06044233000607", true, false },
		{ "0103AABBCC" BOTH "13FF", true, true },
		{ "060400000000", false, false },
		{ "06044233000612", true, false },
		/* properties that are refused are no reason to do without */
		{ BOTH "0A044233000A120442330012", true, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		struct odd_io o = { .io.ops = &odd_ops, .features = readers[i].features };

		assert_int_equal(io_pinpad(&o.io, IO_PINPAD_VERIFY), readers[i].verify);
		assert_int_equal(io_pinpad(&o.io, IO_PINPAD_MODIFY), readers[i].modify);
	}
}

static void
test_odd_properties(void **state)
{
	static const struct {
		const char *text;
		uint8_t min, max;
		bool blind;
	} readers[] = {
		{ "", 0, 0, false },
		{ "0601", 0, 0, false },
		{ "06010507010A", 5, 10, false },
		{ "0602050007020A00", 5, 10, false },
		{ "06020501", 0, 0, false },
		{ "01020000060105", 5, 0, true },
		{ "01021002060105", 5, 0, false },
		{ "0806414243444546"
		  "070108",
		  0, 8, false },
		{ "0600", 0, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		struct odd_io o = { .io.ops = &odd_ops,
				    .features = BOTH "120442330012",
				    .tlv_properties = readers[i].text };

		assert_true(io_pinpad(&o.io, IO_PINPAD_VERIFY));
		assert_int_equal(o.io.keypad.min, readers[i].min);
		assert_int_equal(o.io.keypad.max, readers[i].max);
		assert_int_equal(o.io.keypad.blind, readers[i].blind);
	}
}

static void
test_odd_answers(void **state)
{
	static const struct {
		const char *answer;
		DWORD code;
	} answers[] = {
		{ "", (DWORD)0x8010002F },     { "90", (DWORD)0x8010002F },   { "900000", (DWORD)0x8010002F },
		{ "6400", (DWORD)0x8010000A }, { "6401", (DWORD)0x8010006E }, { "6402", (DWORD)0x8010002A },
		{ "6403", (DWORD)0x80100004 }, { "6B80", UNSUPPORTED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct odd_io o = { .io.ops = &odd_ops, .features = BOTH, .answer = answers[i].answer };

		assert_int_equal(verify_code(&o.io, &verify_plain), answers[i].code);
		assert_int_equal(modify_code(&o.io, &change_plain), answers[i].code);
	}
}

static void
test_no_reader(void **state)
{
	struct odd_io o = { .io.ops = &odd_ops, .code = UNSUPPORTED };
	struct io none = { .ops = &no_ops };

	(void)state;
	assert_false(io_pinpad(&o.io, IO_PINPAD_VERIFY));
	assert_false(io_pinpad(&o.io, IO_PINPAD_VERIFY));
	assert_int_equal(o.asked, 1);
	assert_false(io_pinpad(&none, IO_PINPAD_MODIFY));
}

/* The virtual card without PC/SC has such a reader, too, and a connection that is logged asks it. */
static void
test_in_process(void **state)
{
	static const struct vcard_profile plain = { 0 };
	AUTO_BUF struct buf command = BUF_INIT, answer = BUF_INIT;
	struct io *io = NULL, *logged = NULL;
	struct vcard *card;

	(void)state;
	assert_int_equal(vcard_create(fixture_path("cards/4"), &plain), 0);
	card = vcard_open(fixture_path("cards/4"));
	assert_non_null(card);
	assert_int_equal(vcard_perso_format(card, PIN, NULL, NULL), 0);
	assert_int_equal(vcard_io_wrap(card, &io), OK);
	vcard_io_keypad(io, "cancel 111111 " PIN);
	assert_int_equal(io_trace(io, &logged), OK);
	assert_true(hex_put(&command, SELECT));
	assert_int_equal(io_transmit(logged, buf_cur(&command), false, &answer), OK);
	assert_int_equal(verify_code(logged, &verify_plain), CODE(SCARD_W_CANCELLED_BY_USER));
	assert_int_equal(verify(logged, &verify_plain), 0x63C2);
	assert_int_equal(verify(logged, &verify_plain), 0x9000);
	assert_int_equal(vcard_io_controls(io), 6);
	assert_null(vcard_io_refusal(io));
	vcard_io_remove(io);
	assert_int_equal(verify_code(logged, &verify_plain), CODE(SCARD_W_REMOVED_CARD));
	io_close(&logged);
	vcard_close(card);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_set_up, fixture_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reader_without_keys),
		TEST(test_verify),
		TEST(test_verify_with_blocks),
		TEST(test_modify),
		TEST(test_no_pin),
		TEST(test_reader_limits),
		TEST(test_environment),
		TEST(test_card_gone),
		TEST(test_card_pulled_meanwhile),
		TEST(test_asked_in_vain),
		cmocka_unit_test(test_structures),
		cmocka_unit_test(test_structures_for_a_simple_reader),
		cmocka_unit_test(test_odd_features),
		cmocka_unit_test(test_odd_properties),
		cmocka_unit_test(test_odd_answers),
		cmocka_unit_test(test_no_reader),
		TEST(test_in_process),
	};

	return cmocka_run_group_tests_name("/transport/pinpad", tests, NULL, NULL);
}
