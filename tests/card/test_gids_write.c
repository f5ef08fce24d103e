/* SPDX-License-Identifier: BSD-2-Clause */
/* GIDS: files and directories made, written and deleted; what is refused, and what is left when the card is pulled. */
#include <stdio.h>
#include <string.h>

#include "card/gids_card.h"
#include "gids/gids.h"

static struct kit strict, applet, t0;
static const struct kit *const kits[] = { &strict, &applet, &t0 };

static int
make_kits(void **state)
{
	(void)state;
	kit_make(&strict, &(struct vcard_profile){ .quirks = VCARD_STRICT, .ecc = true }, true);
	kit_make(&applet, &(struct vcard_profile){ .quirks = VCARD_APPLET, .ecc = true }, true);
	kit_make(&t0, &(struct vcard_profile){ .quirks = VCARD_APPLET | VCARD_T0, .ecc = true }, true);
	return 0;
}

static int
free_kits(void **state)
{
	(void)state;
	kit_free(&strict);
	kit_free(&applet);
	kit_free(&t0);
	return 0;
}

static DWORD
create(struct rig *rig, const char *directory, const char *name, DWORD size)
{
	return rig->data.pfnCardCreateFile(&rig->data, directory, name, size, EveryoneReadUserWriteAc);
}

static DWORD
write_file(struct rig *rig, const char *directory, const char *name, struct cursor content)
{
	return rig->data.pfnCardWriteFile(&rig->data, directory, name, 0, content.p, (DWORD)content.left);
}

static DWORD
delete_file(struct rig *rig, const char *directory, const char *name)
{
	return rig->data.pfnCardDeleteFile(&rig->data, directory, name, 0);
}

/* In this transaction, and from the card in the next. */
static void
assert_content(struct rig *rig, const char *directory, const char *name, struct cursor content)
{
	BYTE *data = NULL;
	DWORD len;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(rig->data.pfnCardReadFile(&rig->data, directory, name, 0, &data, &len),
				 SCARD_S_SUCCESS);
		assert_true(cur_equals(&content, data, len));
		rig->data.pfnCspFree(data);
		rig_next(rig);
	}
}

static void
open_user(struct rig *rig, const struct kit *kit)
{
	rig_acquire(rig, kit);
	assert_int_equal(rig_verify(rig, KIT_PIN), SCARD_S_SUCCESS);
}

static const BYTE long_content[700] = { 1, 2, 3 };

/* a file grows, shrinks and is emptied; longer contents take several commands */
static void
test_life_of_a_file(void **state)
{
	static const size_t sizes[] = { 1, 250, 251, 252, 256, 700, 3, 0, 0, 5 };
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		open_user(&rig, kits[k]);
		assert_int_equal(create(&rig, "mscp", "KXC01", 0), SCARD_S_SUCCESS);
		assert_content(&rig, "mscp", "kxc01", cur_of(NULL, 0));
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			struct cursor content = cur_of(long_content, sizes[i]);

			assert_int_equal(write_file(&rig, "mscp", "kxc01", content), SCARD_S_SUCCESS);
			assert_content(&rig, "mscp", "kxc01", content);
		}
		assert_int_equal(delete_file(&rig, "mscp", "kxc01"), SCARD_S_SUCCESS);
		assert_int_equal(rig_read(&rig, "mscp", "kxc01", NULL), SCARD_E_FILE_NOT_FOUND);
		rig_next(&rig);
		assert_int_equal(rig_read(&rig, "mscp", "kxc01", NULL), SCARD_E_FILE_NOT_FOUND);
		assert_int_equal(delete_file(&rig, "mscp", "kxc01"), SCARD_E_FILE_NOT_FOUND);
		/* the place is used again, whatever the card still has there */
		assert_int_equal(create(&rig, "mscp", "other", 0), SCARD_S_SUCCESS);
		assert_content(&rig, "mscp", "other", cur_of(NULL, 0));
		assert_content(&rig, "mscp", "kxc00", kit_certificate());
		rig_close(&rig);
	}
}

/* A file is made with zero bytes. */
static void
test_initial_size(void **state)
{
	static const BYTE zeros[300];
	struct rig rig;

	(void)state;
	open_user(&rig, &strict);
	assert_int_equal(create(&rig, NULL, "zeros", 300), SCARD_S_SUCCESS);
	assert_content(&rig, NULL, "zeros", cur_of(zeros, sizeof(zeros)));
	assert_int_equal(create(&rig, NULL, "more", GIDS_VALUE_MAX + 1), SCARD_E_INVALID_PARAMETER);
	rig_close(&rig);
}

/* */
static void
test_directories(void **state)
{
	struct rig rig;
	CARD_DATA *d = &rig.data;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		open_user(&rig, kits[k]);
		assert_int_equal(create(&rig, "p11", "file", 0), SCARD_E_DIR_NOT_FOUND);
		assert_int_equal(d->pfnCardCreateDirectory(d, "P11", UserCreateDeleteDirAc), SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardCreateDirectory(d, "p11", UserCreateDeleteDirAc), ERROR_FILE_EXISTS);
		assert_int_equal(d->pfnCardCreateDirectory(d, "cardid", UserCreateDeleteDirAc), ERROR_FILE_EXISTS);
		assert_int_equal(d->pfnCardCreateDirectory(d, "admin", AdminCreateDeleteDirAc),
				 SCARD_E_UNSUPPORTED_FEATURE);
		assert_int_equal(create(&rig, NULL, "p11", 0), ERROR_FILE_EXISTS);
		rig_next(&rig);
		assert_int_equal(create(&rig, "p11", "file", 0), SCARD_S_SUCCESS);
		assert_int_equal(create(&rig, "p11", "FILE", 0), ERROR_FILE_EXISTS);
		assert_int_equal(d->pfnCardDeleteDirectory(d, "p11"), ERROR_DIR_NOT_EMPTY);
		assert_int_equal(delete_file(&rig, "p11", "file"), SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardDeleteDirectory(d, "p11"), SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardDeleteDirectory(d, "p11"), SCARD_E_DIR_NOT_FOUND);
		rig_next(&rig);
		assert_int_equal(delete_file(&rig, "p11", "file"), SCARD_E_DIR_NOT_FOUND);
		assert_int_equal(write_file(&rig, "mscp", "none", kit_certificate()), SCARD_E_FILE_NOT_FOUND);
		rig_close(&rig);
	}
}

/* before anything is sent */
static void
test_parameters(void **state)
{
	BYTE byte = 0;
	struct rig rig;
	CARD_DATA *d = &rig.data;

	(void)state;
	rig_acquire(&rig, &strict);
#define INVALID(call) assert_int_equal(call, SCARD_E_INVALID_PARAMETER)
	INVALID(d->pfnCardCreateDirectory(d, NULL, UserCreateDeleteDirAc));
	INVALID(d->pfnCardCreateDirectory(d, "", UserCreateDeleteDirAc));
	INVALID(d->pfnCardCreateDirectory(d, "ninechars", UserCreateDeleteDirAc));
	INVALID(d->pfnCardCreateDirectory(d, "dir", InvalidDirAc));
	INVALID(d->pfnCardDeleteDirectory(d, NULL));
	INVALID(d->pfnCardDeleteDirectory(d, ""));
	INVALID(d->pfnCardCreateFile(d, NULL, NULL, 0, EveryoneReadUserWriteAc));
	INVALID(d->pfnCardCreateFile(d, NULL, "", 0, EveryoneReadUserWriteAc));
	INVALID(d->pfnCardCreateFile(d, NULL, "file", 0, InvalidAc));
	INVALID(d->pfnCardCreateFile(d, NULL, "file", 0, UnknownAc));
	INVALID(d->pfnCardWriteFile(d, NULL, "file", 0, NULL, 1));
	INVALID(d->pfnCardWriteFile(d, NULL, "file", 1, &byte, 1));
	INVALID(d->pfnCardWriteFile(d, "a/b", "file", 0, &byte, 1));
	INVALID(d->pfnCardDeleteFile(d, NULL, "file", 1));
	INVALID(d->pfnCardDeleteFile(d, NULL, NULL, 0));
	INVALID(d->pfnCardWriteFile(NULL, NULL, "file", 0, &byte, 1));
	assert_int_equal(rig_exchanges(&rig), 0);
	rig_close(&rig);
}

/* nobody, and the user where only the administrator may; nothing has changed afterwards */
static void
test_rights(void **state)
{
	static const BYTE byte = 1;
	struct rig rig;
	size_t before, after;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
		assert_int_equal(write_file(&rig, NULL, "cardcf", cur_of(&byte, 1)), SCARD_W_SECURITY_VIOLATION);
		assert_int_equal(create(&rig, NULL, "file", 0), SCARD_W_SECURITY_VIOLATION);
		assert_int_equal(delete_file(&rig, "mscp", "kxc00"), SCARD_W_SECURITY_VIOLATION);
		assert_int_equal(rig.data.pfnCardCreateDirectory(&rig.data, "p11", UserCreateDeleteDirAc),
				 SCARD_W_SECURITY_VIOLATION);
		assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
		assert_int_equal(write_file(&rig, NULL, "cardid", cur_of("another sixteen.", 16)),
				 SCARD_W_SECURITY_VIOLATION);
		assert_int_equal(delete_file(&rig, NULL, "cardid"), SCARD_W_SECURITY_VIOLATION);
		rig_next(&rig);
		assert_content(&rig, NULL, "cardid", cur_of("sixteen bytes id", 16));
		assert_content(&rig, "mscp", "kxc00", kit_certificate());
		assert_int_equal(rig_read(&rig, NULL, "cardcf", &before), SCARD_S_SUCCESS);
		assert_int_equal(before, 6);
		assert_int_equal(rig_read(&rig, "mscp", "cmapfile", &after), SCARD_S_SUCCESS);
		assert_int_equal(after, 2 * 86);
		rig_close(&rig);
	}
}

/* The card is full: said as such, and what was there stays. */
static void
test_full(void **state)
{
	struct rig rig;

	(void)state;
	open_user(&rig, &strict);
	rig_faults(&rig, "ins=DB:sw=6A84");
	assert_int_equal(create(&rig, NULL, "file", 10), SCARD_E_WRITE_TOO_MANY);
	assert_int_equal(write_file(&rig, "mscp", "kxc00", cur_of(long_content, 700)), SCARD_E_WRITE_TOO_MANY);
	rig_faults(&rig, "");
	assert_int_equal(rig_read(&rig, NULL, "file", NULL), SCARD_E_FILE_NOT_FOUND);
	assert_content(&rig, "mscp", "kxc00", kit_certificate());
	assert_int_equal(write_file(&rig, "mscp", "kxc00", cur_of(long_content, GIDS_VALUE_MAX + 1)),
			 SCARD_E_WRITE_TOO_MANY);
	rig_close(&rig);
}

/* What is done to a card that is pulled in the midst of it. */
static DWORD
change(struct rig *rig)
{
	DWORD r;

	if ((r = create(rig, "mscp", "kxc01", 0)) != SCARD_S_SUCCESS ||
	    (r = write_file(rig, "mscp", "kxc01", cur_of(long_content, 200))) != SCARD_S_SUCCESS ||
	    (r = write_file(rig, NULL, "cardcf", cur_of("\0\0\1\0\1\0", 6))) != SCARD_S_SUCCESS)
		return r;
	return delete_file(rig, "mscp", "kxc00");
}

/* M19: at every exchange; what was there before is whole or gone, and the change can be made again. */
static void
test_pulled(void **state)
{
	static const char *const how[] = { "remove", "pull" };
	char fault[32];
	struct rig rig;
	DWORD r;

	(void)state;
	for (size_t k = 0; k < 2 * ARRAY_SIZE(how); k++) {
		const struct kit *kit = k % 2 == 0 ? &strict : &applet;
		unsigned n = 0;

		do {
			open_user(&rig, kit);
			snprintf(fault, sizeof(fault), "%u:%s", ++n, how[k / 2]);
			rig_faults(&rig, fault);
			r = change(&rig);
			rig_insert_again(&rig);
			assert_content(&rig, NULL, "cardid", cur_of("sixteen bytes id", 16));
			assert_int_equal(rig_read(&rig, "mscp", "cmapfile", NULL), SCARD_S_SUCCESS);
			assert_int_equal(rig_read(&rig, NULL, "cardcf", NULL), SCARD_S_SUCCESS);
			if (rig_read(&rig, "mscp", "kxc01", NULL) == SCARD_S_SUCCESS) {
				assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
				assert_int_equal(delete_file(&rig, "mscp", "kxc01"), SCARD_S_SUCCESS);
			}
			rig_next(&rig);
			assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
			assert_int_equal(create(&rig, "mscp", "kxc01", 0), SCARD_S_SUCCESS);
			assert_content(&rig, "mscp", "kxc01", cur_of(NULL, 0));
			rig_close(&rig);
		} while (r != SCARD_S_SUCCESS && n < 40);
		assert_true(n > 5);
		assert_int_equal(r, SCARD_S_SUCCESS);
	}
}

/* Whatever was written in a transaction is known in it without asking. */
static void
test_costs(void **state)
{
	struct rig rig;

	(void)state;
	open_user(&rig, &strict);
	assert_int_equal(rig_read(&rig, NULL, "cardcf", NULL), SCARD_S_SUCCESS);
	(void)rig_exchanges(&rig);
	assert_int_equal(write_file(&rig, NULL, "cardcf", cur_of("\0\0\1\0\1\0", 6)), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 1);
	assert_int_equal(rig_read(&rig, NULL, "cardcf", NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 0);
	/* table; object missing, made, looked at; table */
	assert_int_equal(create(&rig, "mscp", "kxc01", 0), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 5);
	assert_int_equal(write_file(&rig, "mscp", "kxc01", cur_of("x", 1)), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 1);
	/* object deleted, looked for; table */
	assert_int_equal(delete_file(&rig, "mscp", "kxc01"), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 3);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life_of_a_file), cmocka_unit_test(test_initial_size),
		cmocka_unit_test(test_directories),    cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_rights),	       cmocka_unit_test(test_full),
		cmocka_unit_test(test_pulled),	       cmocka_unit_test(test_costs),
	};

	return cmocka_run_group_tests(tests, make_kits, free_kits);
}
