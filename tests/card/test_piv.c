/* SPDX-License-Identifier: BSD-2-Clause */
/* PIV: contexts, files, containers, and what they cost. */
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "card/piv_card.h"

static struct kit reference, applet, token, government, neo, padding;
static struct kit *const kits[] = { &reference, &applet, &token, &government, &neo, &padding };
static const uint64_t quirks[] = { VCARD_PIV_STRICT,	 VCARD_PIV_APPLET, VCARD_PIV_TOKEN,
				   VCARD_PIV_GOVERNMENT, VCARD_PIV_NEO,	   VCARD_PIV_PADS_OBJECTS };

static int
make_kits(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kits); i++)
		piv_kit_make(kits[i], quirks[i]);
	return 0;
}

static int
free_kits(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kits); i++)
		kit_free(kits[i]);
	return 0;
}

/* V2: one SELECT, whatever the form of the answer; the registry remembers the card. S-001. */
static void
test_acquire(void **state)
{
	struct rig rig;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kits); i++) {
		rig_open(&rig, kits[i]);
		assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_S_SUCCESS);
		assert_string_equal(rig.data.pszCardName, "PIV");
		assert_int_equal(rig_exchanges(&rig), 1);
		rig_close(&rig);
	}
}

/* The card's identity is the CHUID's GUID; it costs one command in a transaction. S-007. */
static void
test_cardid(void **state)
{
	AUTO_BUF struct buf content = BUF_INIT;
	BYTE guid[16];
	struct rig rig;
	DWORD len;

	(void)state;
	rig_acquire(&rig, &reference);
	assert_int_equal(piv_rig_file(&rig, NULL, "cardid", &content), SCARD_S_SUCCESS);
	assert_int_equal(content.len, 16);
	assert_memory_equal(content.p, piv_kit_guid, 16);
	assert_int_equal(rig.data.pfnCardGetProperty(&rig.data, CP_CARD_GUID, guid, 16, &len, 0), SCARD_S_SUCCESS);
	assert_memory_equal(guid, piv_kit_guid, 16);
	assert_int_equal(rig_exchanges(&rig), 1);
	rig_next(&rig);
	assert_int_equal(piv_rig_file(&rig, NULL, "cardid", &content), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 1);
	rig_close(&rig);
}

static const struct {
	const char *name;
	bool exchange;
	unsigned bits;
	PIN_ID role;
	const char *usual;
} expected[PIV_KIT_KEYS] = {
	{ "7944556c-917a-5d11-c333-0ebd005fc105", true, 2048, ROLE_USER, "PIV Authentication" },
	{ "7944556c-917a-5d11-c333-0ebd005fc10a", false, 256, PIV_ALWAYS, "Digital Signature" },
	{ "7944556c-917a-5d11-c333-0ebd005fc10b", true, 2048, ROLE_USER, "Key Management" },
	{ "7944556c-917a-5d11-c333-0ebd005fc101", false, 256, ROLE_EVERYONE, "Card Authentication" },
};

static void
assert_record(struct cursor *map, size_t i)
{
	struct cursor name;
	uint8_t flags = 0, reserved = 0;
	uint16_t sign = 0, exchange = 0, unit;

	assert_true(cur_take(map, 80, &name));
	for (const char *c = expected[i].name; *c != '\0'; c++) {
		assert_true(cur_le16(&name, &unit));
		assert_int_equal(unit, *c);
	}
	assert_true(cur_le16(&name, &unit));
	assert_int_equal(unit, 0);
	assert_true(cur_u8(map, &flags) && cur_u8(map, &reserved) && cur_le16(map, &sign) && cur_le16(map, &exchange));
	assert_int_equal(flags, i == 0 ? 3 : 1);
	assert_int_equal(reserved, 0);
	assert_int_equal(sign, expected[i].exchange ? 0 : expected[i].bits);
	assert_int_equal(exchange, expected[i].exchange ? expected[i].bits : 0);
}

/* The container map: Windows' names, one key in each record, its size in the place of its kind. R-147. S-032, S-034. */
static void
test_cmapfile(void **state)
{
	AUTO_BUF struct buf content = BUF_INIT;
	struct cursor map;
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
		assert_int_equal(piv_rig_file(&rig, "mscp", "cmapfile", &content), SCARD_S_SUCCESS);
		map = buf_cur(&content);
		for (size_t i = 0; i < PIV_KIT_KEYS; i++)
			assert_record(&map, i);
		assert_true(cur_at_end(&map));
		rig_close(&rig);
	}
}

/* SELECT was before; CHUID, key history, and each certificate once (in pieces of 256 bytes); everything else is known then. S-005, S-039. */
static void
test_listing_costs(void **state)
{
	AUTO_BUF struct buf content = BUF_INIT;
	static const char *const files[] = { "kxc00", "ksc01", "kxc02", "ksc03" };
	CONTAINER_INFO info;
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &reference);
	assert_int_equal(piv_rig_file(&rig, "mscp", "cmapfile", &content), SCARD_S_SUCCESS);
	assert_in_range(rig_exchanges(&rig), 1, 16);
	for (unsigned i = 0; i < PIV_KIT_KEYS; i++) {
		assert_int_equal(piv_rig_file(&rig, "mscp", files[i], &content), SCARD_S_SUCCESS);
		assert_int_equal(rig.data.pfnCardGetContainerInfo(&rig.data, (BYTE)i, 0, &info), SCARD_S_SUCCESS);
	}
	assert_int_equal(piv_rig_file(&rig, NULL, "cardcf", &content), SCARD_S_SUCCESS);
	assert_int_equal(content.len, 6);
	assert_int_equal(piv_rig_file(&rig, NULL, "cardapps", &content), SCARD_S_SUCCESS);
	assert_int_equal(content.len, 8);
	assert_memory_equal(content.p, "mscp\0\0\0\0", 8);
	assert_int_equal(rig_exchanges(&rig), 0);
	rig_close(&rig);
}

/* Certificates are plain DER, in the file of their key's kind and in no other. */
static void
test_certificates(void **state)
{
	static const uint8_t references[] = { 0x9A, 0x9C, 0x9D, 0x9E };
	AUTO_BUF struct buf content = BUF_INIT;
	struct cursor der;
	char name[9];
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &applet);
	for (unsigned i = 0; i < PIV_KIT_KEYS; i++) {
		snprintf(name, sizeof(name), expected[i].exchange ? "kxc%02x" : "ksc%02x", i);
		assert_int_equal(piv_rig_file(&rig, "mscp", name, &content), SCARD_S_SUCCESS);
		der = vcard_piv_reference_certificate(references[i]);
		assert_int_equal(content.len, der.left);
		assert_memory_equal(content.p, der.p, der.left);
		snprintf(name, sizeof(name), expected[i].exchange ? "ksc%02x" : "kxc%02x", i);
		assert_int_equal(piv_rig_file(&rig, "mscp", name, &content), SCARD_E_FILE_NOT_FOUND);
	}
	assert_int_equal(piv_rig_file(&rig, "mscp", "kxc17", &content), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(piv_rig_file(&rig, "mscp", "kxc18", &content), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(piv_rig_file(&rig, "mscp", "msroots", &content), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(piv_rig_file(&rig, "other", "kxc00", &content), SCARD_E_DIR_NOT_FOUND);
	rig_close(&rig);
}

/* Who may use a key, and what people call it. S-034. */
static void
test_container_properties(void **state)
{
	CARD_KEY_NAMES names;
	CONTAINER_INFO info;
	struct rig rig;
	PIN_ID role;
	DWORD len;
	BYTE associated;

	(void)state;
	rig_acquire(&rig, &reference);
#define GET(index, name, value)                                                                                        \
	rig.data.pfnCardGetContainerProperty(&rig.data, index, name, (BYTE *)&(value), sizeof(value), &len, 0)
	for (unsigned i = 0; i < PIV_KIT_KEYS; i++) {
		assert_int_equal(GET((BYTE)i, CCP_PIN_IDENTIFIER, role), SCARD_S_SUCCESS);
		assert_int_equal(role, expected[i].role);
		assert_int_equal(GET((BYTE)i, CCP_KEY_NAMES, names), SCARD_S_SUCCESS);
		assert_int_equal(names.bNumber, i + 1);
		assert_string_equal(names.szName, expected[i].usual);
		assert_int_equal(GET((BYTE)i, CCP_CONTAINER_INFO, info), SCARD_S_SUCCESS);
		assert_int_equal(info.KeyExPublicKey.type, expected[i].exchange ? KEY_RSA : KEY_NONE);
		assert_int_equal(info.SigPublicKey.type, expected[i].exchange ? KEY_NONE : KEY_EC);
	}
	assert_int_equal(GET(24, CCP_KEY_NAMES, names), SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(GET(24, CCP_PIN_IDENTIFIER, role), SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(GET(PIV_9A, CCP_ASSOCIATED_ECDH_KEY, associated), SCARD_E_UNSUPPORTED_FEATURE);
	/* 9D is an RSA key: nobody agrees for the certificate of 9E */
	assert_int_equal(GET(PIV_9E, CCP_ASSOCIATED_ECDH_KEY, associated), SCARD_E_UNSUPPORTED_FEATURE);
#undef GET
	rig_close(&rig);
}

static bool
listed(const char *names, DWORD len, const char *name)
{
	for (DWORD at = 0; at + 1 < len; at += (DWORD)strlen(names + at) + 1)
		if (strcmp(names + at, name) == 0)
			return true;
	return false;
}

/* the files that there are, and no others; each can be asked about. S-035. */
static void
test_enumerate(void **state)
{
	static const char *const root[] = { "cardid", "cardapps", "cardcf" };
	static const char *const mscp[] = { "cmapfile", "kxc00", "ksc01", "kxc02", "ksc03" };
	CARD_FILE_INFO info = { 0 };
	struct rig rig;
	char *names;
	DWORD len;

	(void)state;
	rig_acquire(&rig, &reference);
	assert_int_equal(rig.data.pfnCardEnumFiles(&rig.data, NULL, &names, &len, 0), SCARD_S_SUCCESS);
	for (size_t i = 0; i < ARRAY_SIZE(root); i++) {
		assert_true(listed(names, len, root[i]));
		assert_int_equal(rig.data.pfnCardGetFileInfo(&rig.data, NULL, root[i], &info), SCARD_S_SUCCESS);
		assert_int_equal(info.AccessCondition, EveryoneReadAdminWriteAc);
	}
	rig.data.pfnCspFree(names);
	assert_int_equal(rig.data.pfnCardEnumFiles(&rig.data, "MSCP", &names, &len, 0), SCARD_S_SUCCESS);
	for (size_t i = 0; i < ARRAY_SIZE(mscp); i++) {
		assert_true(listed(names, len, mscp[i]));
		assert_int_equal(rig.data.pfnCardGetFileInfo(&rig.data, "mscp", mscp[i], &info), SCARD_S_SUCCESS);
		assert_true(info.cbFileSize > 100);
	}
	assert_false(listed(names, len, "kxc04"));
	rig.data.pfnCspFree(names);
	assert_int_equal(rig.data.pfnCardEnumFiles(&rig.data, "p11", &names, &len, 0), SCARD_E_DIR_NOT_FOUND);
	rig_close(&rig);
}

/* what a card says that nobody writes to. S-036. */
static void
test_read_only(void **state)
{
	CARD_FREE_SPACE_INFO space = { 0 };
	struct rig rig;
	CARD_DATA *d = &rig.data;
	bool flag;
	DWORD len, mode;

	(void)state;
	rig_acquire(&rig, &reference);
#define GET(name, value) d->pfnCardGetProperty(d, name, (BYTE *)&(value), sizeof(value), &len, 0)
	assert_int_equal(GET(CP_CARD_READ_ONLY, flag), SCARD_S_SUCCESS);
	assert_true(flag);
	assert_int_equal(GET(CP_SUPPORTS_WIN_X509_ENROLLMENT, flag), SCARD_S_SUCCESS);
	assert_false(flag);
	assert_int_equal(GET(CP_CARD_CACHE_MODE, mode), SCARD_S_SUCCESS);
	assert_int_equal(mode, CARD_CACHE_MODE_NONE);
	assert_int_equal(GET(CP_CARD_FREE_SPACE, space), SCARD_S_SUCCESS);
	assert_int_equal(space.dwBytesAvailable, 0);
	assert_int_equal(space.dwKeyContainersAvailable, 0);
	assert_int_equal(space.dwMaxKeyContainers, 24);
#undef GET
	assert_int_equal(d->pfnCardCreateDirectory(d, "dir", UserCreateDeleteDirAc), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(d->pfnCardDeleteDirectory(d, "mscp"), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(d->pfnCardCreateFile(d, NULL, "file", 0, EveryoneReadUserWriteAc),
			 SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(d->pfnCardWriteFile(d, NULL, "cardcf", 0, (const BYTE *)"012345", 6),
			 SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(d->pfnCardDeleteFile(d, "mscp", "kxc00", 0), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(d->pfnCardCreateContainer(d, 0, CARD_CREATE_CONTAINER_KEY_GEN, AT_KEYEXCHANGE, 2048, NULL),
			 SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(d->pfnCardDeleteContainer(d, 0, 0), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(rig_exchanges(&rig), 0);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_acquire),	     cmocka_unit_test(test_cardid),
		cmocka_unit_test(test_cmapfile),     cmocka_unit_test(test_listing_costs),
		cmocka_unit_test(test_certificates), cmocka_unit_test(test_container_properties),
		cmocka_unit_test(test_enumerate),    cmocka_unit_test(test_read_only),
	};

	return cmocka_run_group_tests(tests, make_kits, free_kits);
}
