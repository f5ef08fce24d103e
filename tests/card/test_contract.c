/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every minidriver owes its caller, whatever the card: one list of tests, one row for each kind of card. A new
 * minidriver is one more row.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "card/piv_card.h"

/* Cards --------------------------------------------------------------------------------------------------------------- */

static struct subject {
	const char *name;
	void (*make)(struct kit *kit);
	struct kit kit;
	BYTE rsa, ec; /* containers with keys for the user's PIN */
	DWORD rsa_spec;
	PIN_ID ec_role;
	BYTE no_container; /* an index that the card cannot have */
	bool writable;	   /* the user may make files */
} * subject;

static void
make_strict(struct kit *kit)
{
	kit_make(kit, &(struct vcard_profile){ .quirks = VCARD_STRICT, .ecc = true }, true);
}

static void
make_applet(struct kit *kit)
{
	kit_make(kit, &(struct vcard_profile){ .quirks = VCARD_APPLET, .ecc = true }, true);
}

static void
make_t0(struct kit *kit)
{
	kit_make(kit, &(struct vcard_profile){ .quirks = VCARD_APPLET | VCARD_T0 | VCARD_ECDSA_DER, .ecc = true },
		 true);
}

static void
make_piv(struct kit *kit)
{
	piv_kit_make(kit, VCARD_PIV_STRICT);
}

static void
make_piv_government(struct kit *kit)
{
	piv_kit_make(kit, VCARD_PIV_GOVERNMENT);
}

#define GIDS_KIT                                                                                                       \
	.rsa = 0, .ec = 1, .rsa_spec = AT_KEYEXCHANGE, .ec_role = ROLE_USER, .no_container = 30, .writable = true
#define PIV_KIT .rsa = PIV_9D, .ec = PIV_9C, .rsa_spec = AT_KEYEXCHANGE, .ec_role = PIV_ALWAYS, .no_container = 99

static struct subject subjects[] = {
	{ .name = "GIDS, strict", .make = make_strict, GIDS_KIT },
	{ .name = "GIDS, applet", .make = make_applet, GIDS_KIT },
	{ .name = "GIDS, T=0", .make = make_t0, GIDS_KIT },
	{ .name = "PIV", .make = make_piv, PIV_KIT },
	{ .name = "PIV, government", .make = make_piv_government, PIV_KIT },
};

static int
make(void **state)
{
	(void)state;
	print_message("-- %s\n", subject->name);
	subject->make(&subject->kit);
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	kit_free(&subject->kit);
	return 0;
}

static void
acquire(struct rig *rig)
{
	rig_acquire(rig, &subject->kit);
}

static DWORD
property(struct rig *rig, const char *name, DWORD flags, void *data, size_t size)
{
	DWORD len = 0;
	DWORD r = rig->data.pfnCardGetProperty(&rig->data, name, data, (DWORD)size, &len, flags);

	if (r == SCARD_S_SUCCESS)
		assert_int_equal(len, size);
	return r;
}

static DWORD
verify(struct rig *rig, PIN_ID role, const char *pin, DWORD *ret_tries)
{
	return rig->data.pfnCardAuthenticateEx(&rig->data, role, 0, (const BYTE *)pin, (DWORD)strlen(pin), NULL, NULL,
					       ret_tries);
}

/* as many as there are, or unknown. */
static void
assert_tries(struct rig *rig, DWORD left)
{
	CARD_PIN_TRIES told;

	assert_int_equal(property(rig, CP_CARD_PIN_TRIES, ROLE_USER, &told, sizeof(told)), SCARD_S_SUCCESS);
	assert_true(told.dwLeft == left || told.dwLeft == CARD_DATA_VALUE_UNKNOWN);
}

static DWORD
sign(struct rig *rig, bool rsa)
{
	static const BYTE digest[32] = { 9 };
	const BCRYPT_PKCS1_PADDING_INFO pkcs1 = { "SHA256" };
	CARD_SIGNING_INFO info;
	DWORD r = rig_sign(rig, rsa ? subject->rsa : subject->ec, rsa ? subject->rsa_spec : AT_ECDSA_P256,
			   rsa ? CARD_PADDING_PKCS1 : CARD_PADDING_NONE, rsa ? &pkcs1 : NULL,
			   cur_of(digest, sizeof(digest)), &info);

	if (r == SCARD_S_SUCCESS) {
		assert_true(rsa ? info.cbSignedData % 128 == 0 : info.cbSignedData == 64);
		rig->data.pfnCspFree(info.pbSignedData);
	}
	return r;
}

/* Context ------------------------------------------------------------------------------------------------------------- */

/* versions */
static void
test_versions(void **state)
{
	static const DWORD asked[] = { 4, 5, 6, 7, 8, 0xFFFFFFFF };
	struct rig rig;

	(void)state;
	for (DWORD version = 0; version < 4; version++) {
		rig_open(&rig, &subject->kit);
		rig.data.dwVersion = version;
		assert_int_equal(registry_acquire(&rig.data, &rig.memory), ERROR_REVISION_MISMATCH);
		assert_int_equal(rig_exchanges(&rig), 0);
		rig_close(&rig);
	}
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		const DWORD want = asked[i] < 7 ? asked[i] : 7;

		rig_open(&rig, &subject->kit);
		rig.data.dwVersion = asked[i];
		assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_S_SUCCESS);
		assert_int_equal(rig.data.dwVersion, want);
		assert_int_equal(rig_read(&rig, NULL, "cardid", NULL), SCARD_S_SUCCESS);
		assert_int_equal(rig.data.pfnCardAuthenticatePin(&rig.data, CARD_USER_USER, (const BYTE *)KIT_PIN, 6,
								 NULL),
				 SCARD_S_SUCCESS);
		assert_int_equal(sign(&rig, true), SCARD_S_SUCCESS);
		assert_int_equal(rig.data.dwVersion, want);
		assert_true((rig.data.pfnCardAuthenticateEx != NULL) == (want >= 6));
		assert_true((rig.data.pfnCardCreateContainerEx != NULL) == (want >= 7));
		rig_close(&rig);
	}
}

/* what is not acquired */
static void
test_acquire(void **state)
{
	struct rig rig;
	CARD_DATA good;

	(void)state;
	rig_open(&rig, &subject->kit);
	good = rig.data;
#define REFUSED(change, code)                                                                                          \
	do {                                                                                                           \
		rig.data = good;                                                                                       \
		change;                                                                                                \
		assert_int_equal(registry_acquire(&rig.data, &rig.memory), code);                                      \
		assert_null(rig.data.pvVendorSpecific);                                                                \
		assert_null(rig.data.pfnCardReadFile);                                                                 \
	} while (0)
	REFUSED(rig.data.pbAtr = NULL, SCARD_E_INVALID_PARAMETER);
	REFUSED(rig.data.cbAtr = 1, SCARD_E_INVALID_PARAMETER);
	REFUSED(rig.data.cbAtr = 34, SCARD_E_INVALID_PARAMETER);
	REFUSED(rig.data.pfnCspAlloc = NULL, SCARD_E_INVALID_PARAMETER);
	REFUSED(rig.data.pfnCspReAlloc = NULL, SCARD_E_INVALID_PARAMETER);
	REFUSED(rig.data.pfnCspFree = NULL, SCARD_E_INVALID_PARAMETER);
	REFUSED(rig.data.io = NULL, SCARD_E_INVALID_HANDLE);
	assert_int_equal(rig_exchanges(&rig), 0);
	rig_faults(&rig, "ins=A4:sw=6A81");
	REFUSED((void)0, SCARD_E_UNKNOWN_CARD);
	rig.data = good;
	rig_close(&rig);
}

/* contexts do not know each other, and one is deleted when its card is gone */
static void
test_contexts(void **state)
{
	struct rig one, other;

	(void)state;
	acquire(&one);
	acquire(&other);
	assert_int_equal(verify(&one, ROLE_USER, KIT_PIN, NULL), SCARD_S_SUCCESS);
	assert_int_equal(sign(&other, true), SCARD_W_SECURITY_VIOLATION);
	vcard_io_remove(one.io);
	assert_int_equal(sign(&one, true), SCARD_W_REMOVED_CARD);
	assert_int_equal(one.data.pfnCardDeleteContext(&one.data), SCARD_S_SUCCESS);
	assert_int_equal(one.data.pfnCardDeleteContext(NULL), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(verify(&other, ROLE_USER, KIT_PIN, NULL), SCARD_S_SUCCESS);
	assert_int_equal(sign(&other, true), SCARD_S_SUCCESS);
	assert_int_equal(other.data.pfnCardDeleteContext(&other.data), SCARD_S_SUCCESS);
	rig_close(&one);
	rig_close(&other);
}

/* the n-th allocation fails: so does the call, and nothing is left; every block goes back */
static void
test_memory(void **state)
{
	BYTE *data = NULL;
	char *names = NULL;
	DWORD len, r;
	struct rig rig;
	CARD_DATA *d = &rig.data;

	(void)state;
	for (unsigned n = 1; n < 8; n++) {
		rig_open(&rig, &subject->kit);
		rig_fail_alloc(n);
		r = registry_acquire(d, &rig.memory);
		rig_fail_alloc(0);
		assert_true(r == SCARD_S_SUCCESS || r == ERROR_NOT_ENOUGH_MEMORY);
		if (r != SCARD_S_SUCCESS)
			assert_int_equal(rig_blocks(), 0);
		rig_close(&rig);
	}
	acquire(&rig);
	assert_int_equal(verify(&rig, ROLE_USER, KIT_PIN, NULL), SCARD_S_SUCCESS);
	rig_fail_alloc(1);
	assert_int_equal(d->pfnCardReadFile(d, NULL, "cardid", 0, &data, &len), ERROR_NOT_ENOUGH_MEMORY);
	rig_fail_alloc(1);
	assert_int_equal(d->pfnCardEnumFiles(d, NULL, &names, &len, 0), ERROR_NOT_ENOUGH_MEMORY);
	rig_fail_alloc(1);
	/* which may be the padding callback's */
	r = sign(&rig, true);
	assert_true(r == ERROR_NOT_ENOUGH_MEMORY || r == SCARD_E_NO_MEMORY);
	assert_null(data);
	assert_null(names);
	rig_fail_alloc(0);
	assert_int_equal(rig_read(&rig, NULL, "cardid", NULL), SCARD_S_SUCCESS);
	rig_close(&rig);
}

/* Information --------------------------------------------------------------------------------------------------------- */

/* every property answers with its type and size, or says that the card has none */
static void
test_properties(void **state)
{
	static const struct {
		const char *name;
		DWORD flags;
		size_t size; /* 0: none, or any */
	} rows[] = {
		{ CP_CARD_FREE_SPACE, 0, sizeof(CARD_FREE_SPACE_INFO) },
		{ CP_CARD_CAPABILITIES, 0, sizeof(CARD_CAPABILITIES) },
		{ CP_CARD_KEYSIZES, AT_KEYEXCHANGE, sizeof(CARD_KEY_SIZES) },
		{ CP_CARD_READ_ONLY, 0, sizeof(bool) },
		{ CP_CARD_CACHE_MODE, 0, sizeof(DWORD) },
		{ CP_SUPPORTS_WIN_X509_ENROLLMENT, 0, sizeof(bool) },
		{ CP_CARD_GUID, 0, CARD_ID_LEN },
		{ CP_CARD_SERIAL_NO, 0, 0 },
		{ CP_CARD_PIN_INFO, ROLE_USER, sizeof(PIN_INFO) },
		{ CP_CARD_LIST_PINS, 0, sizeof(PIN_SET) },
		{ CP_CARD_AUTHENTICATED_STATE, 0, 0 },
		{ CP_CARD_PIN_STRENGTH_VERIFY, ROLE_USER, sizeof(DWORD) },
		{ CP_CARD_PIN_STRENGTH_CHANGE, ROLE_USER, 0 },
		{ CP_KEY_IMPORT_SUPPORT, 0, sizeof(DWORD) },
		{ CP_ENUM_ALGORITHMS, 0, 0 },
		{ CP_PADDING_SCHEMES, 0, sizeof(DWORD) },
		{ CP_CHAINING_MODES, 0, 0 },
		{ CP_CARD_PIN_TRIES, ROLE_USER, sizeof(CARD_PIN_TRIES) },
		{ CP_CARD_PIN_LIMITS, ROLE_USER, sizeof(CARD_PIN_LIMITS) },
		{ CP_CARD_NAME, 0, 0 },
	};
	BYTE buffer[256];
	struct rig rig;
	CARD_DATA *d = &rig.data;
	DWORD len, r;

	(void)state;
	acquire(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		len = 0;
		r = d->pfnCardGetProperty(d, rows[i].name, buffer, sizeof(buffer), &len, rows[i].flags);
		if (rows[i].size == 0) {
			assert_true(r == SCARD_S_SUCCESS || r == SCARD_E_UNSUPPORTED_FEATURE);
			continue;
		}
		assert_int_equal(r, SCARD_S_SUCCESS);
		assert_int_equal(len, rows[i].size);
		len = 0;
		assert_int_equal(d->pfnCardGetProperty(d, rows[i].name, buffer, (DWORD)rows[i].size - 1, &len,
						       rows[i].flags),
				 ERROR_INSUFFICIENT_BUFFER);
		assert_int_equal(len, rows[i].size);
		assert_int_equal(d->pfnCardGetProperty(d, rows[i].name, NULL, 0, &len, rows[i].flags),
				 ERROR_INSUFFICIENT_BUFFER);
	}
	/* */
	assert_int_equal(property(&rig, CP_KEY_IMPORT_SUPPORT, 0, &len, sizeof(len)), SCARD_S_SUCCESS);
	assert_int_equal(len, 0);
	rig_close(&rig);
}

/* roles, and what is told of them */
static void
test_roles(void **state)
{
	PIN_SET pins = 0;
	PIN_INFO info;
	struct rig rig;

	(void)state;
	acquire(&rig);
	assert_int_equal(property(&rig, CP_CARD_LIST_PINS, 0, &pins, sizeof(pins)), SCARD_S_SUCCESS);
	assert_true(IS_PIN_SET(pins, ROLE_USER));
	assert_int_equal(pins & ~PIN_SET_ALL_ROLES, 0);
	for (PIN_ID role = ROLE_USER; role < MAX_PINS; role++) {
		if (!IS_PIN_SET(pins, role))
			continue;
		assert_int_equal(property(&rig, CP_CARD_PIN_INFO, role, &info, sizeof(info)), SCARD_S_SUCCESS);
		assert_int_equal(info.dwVersion, PIN_INFO_CURRENT_VERSION);
		assert_true(info.PinType <= EmptyPinType && info.PinPurpose <= UnblockOnlyPin);
		assert_int_equal((info.dwChangePermission | info.dwUnblockPermission) & ~PIN_SET_ALL_ROLES, 0);
	}
	assert_int_equal(property(&rig, CP_CARD_PIN_INFO, ROLE_USER, &info, sizeof(info)), SCARD_S_SUCCESS);
	assert_int_equal(info.PinPurpose, PrimaryCardPin);
	assert_true(IS_PIN_SET(info.dwChangePermission, ROLE_USER));
	if (IS_PIN_SET(pins, ROLE_ADMIN)) {
		assert_int_equal(property(&rig, CP_CARD_PIN_INFO, ROLE_ADMIN, &info, sizeof(info)), SCARD_S_SUCCESS);
		assert_int_equal(info.dwUnblockPermission, 0);
		assert_int_equal(info.PinType, ChallengeResponsePinType);
	}
	rig_close(&rig);
}

/* version 0 of a structure is version 1; R-135: sizes by key specification */
static void
test_structures(void **state)
{
	CARD_CAPABILITIES capabilities = { .dwVersion = 0 };
	CARD_FREE_SPACE_INFO space = { .dwVersion = 0 };
	CARD_KEY_SIZES sizes = { .dwVersion = 0 };
	CARD_FILE_INFO file = { .dwVersion = 0 };
	struct rig rig;
	CARD_DATA *d = &rig.data;
	DWORD r;

	(void)state;
	acquire(&rig);
	assert_int_equal(d->pfnCardQueryCapabilities(d, &capabilities), SCARD_S_SUCCESS);
	assert_int_equal(capabilities.dwVersion, 1);
	assert_int_equal(d->pfnCardQueryFreeSpace(d, 0, &space), SCARD_S_SUCCESS);
	assert_int_equal(space.dwVersion, 1);
	assert_int_equal(d->pfnCardGetFileInfo(d, NULL, "cardid", &file), SCARD_S_SUCCESS);
	assert_int_equal(file.dwVersion, 1);
	assert_int_equal(file.cbFileSize, 16);
	for (DWORD spec = AT_KEYEXCHANGE; spec <= AT_ECDHE_P521; spec++) {
		sizes.dwVersion = 0;
		r = d->pfnCardQueryKeySizes(d, spec, 0, &sizes);
		assert_true(r == SCARD_S_SUCCESS || r == SCARD_E_UNSUPPORTED_FEATURE);
		if (r != SCARD_S_SUCCESS)
			continue;
		assert_int_equal(sizes.dwVersion, 1);
		assert_true(sizes.dwMinimumBitlen <= sizes.dwDefaultBitlen &&
			    sizes.dwDefaultBitlen <= sizes.dwMaximumBitlen);
		if (spec >= AT_ECDSA_P256)
			assert_int_equal(sizes.dwMinimumBitlen, sizes.dwMaximumBitlen);
	}
	rig_close(&rig);
}

/* Authentication ------------------------------------------------------------------------------------------------------ */

/* the last wrong try says 0, later ones that the PIN is blocked */
static void
test_tries(void **state)
{
	struct rig rig;
	DWORD tries;

	(void)state;
	acquire(&rig);
	assert_tries(&rig, 3);
	assert_int_equal(verify(&rig, ROLE_USER, "111111", &tries), SCARD_W_WRONG_CHV);
	assert_int_equal(tries, 2);
	assert_int_equal(verify(&rig, ROLE_USER, KIT_PIN, NULL), SCARD_S_SUCCESS);
	assert_int_equal(sign(&rig, true), SCARD_S_SUCCESS);
	for (DWORD left = 3; left-- > 0;) {
		assert_int_equal(verify(&rig, ROLE_USER, "111111", &tries), SCARD_W_WRONG_CHV);
		assert_int_equal(tries, left);
		assert_int_equal(sign(&rig, true), SCARD_W_SECURITY_VIOLATION);
	}
	assert_int_equal(verify(&rig, ROLE_USER, KIT_PIN, &tries), SCARD_W_CHV_BLOCKED);
	assert_int_equal(tries, 0);
	assert_tries(&rig, 0);
	rig_close(&rig);
}

/*
 * Nothing but a PIN that a caller gives costs a try: everything else is done with one try left, by nobody, by the user,
 * and on a card that was reset behind our back.
 */
static void
test_tries_are_safe(void **state)
{
	static const BYTE bytes[64];
	struct rig rig;
	CARD_DATA *d = &rig.data;
	CONTAINER_INFO info;
	BYTE *out = NULL;
	PIN_INFO pin;
	DWORD len, tries;

	(void)state;
	acquire(&rig);
	assert_int_equal(verify(&rig, ROLE_USER, "111111", &tries), SCARD_W_WRONG_CHV);
	assert_int_equal(verify(&rig, ROLE_USER, "111111", &tries), SCARD_W_WRONG_CHV);
	assert_int_equal(tries, 1);
	for (unsigned round = 0; round < 3; round++) {
		if (round == 1)
			vcard_reset(rig.card);
		if (round == 2)
			rig_next(&rig);
		(void)rig_read(&rig, NULL, "cardid", NULL);
		(void)sign(&rig, true);
		(void)sign(&rig, false);
		info.dwVersion = 1;
		(void)d->pfnCardGetContainerInfo(d, subject->rsa, 0, &info);
		(void)property(&rig, CP_CARD_PIN_INFO, ROLE_USER, &pin, sizeof(pin));
		(void)d->pfnCardWriteFile(d, "mscp", "cmapfile", 0, bytes, 8);
		(void)d->pfnCardCreateFile(d, NULL, "file", 8, EveryoneReadUserWriteAc);
		(void)d->pfnCardDeleteFile(d, "mscp", "kxc00", 0);
		(void)d->pfnCardCreateContainerEx(d, 9, 1, AT_ECDSA_P256, 0, NULL, ROLE_USER);
		(void)d->pfnCardDeleteContainer(d, subject->ec, 0);
		(void)d->pfnCardSetProperty(d, CP_CARD_GUID, bytes, 16, 0);
		if (d->pfnCardGetChallengeEx(d, ROLE_ADMIN, &out, &len, 0) == SCARD_S_SUCCESS) {
			assert_true(len <= sizeof(bytes));
			(void)d->pfnCardAuthenticateEx(d, ROLE_ADMIN, 0, bytes, len, NULL, NULL, NULL);
			d->pfnCspFree(out);
		}
		out = NULL;
		(void)d->pfnCardChangeAuthenticatorEx(d, PIN_CHANGE_FLAG_UNBLOCK, ROLE_ADMIN, bytes, 8, ROLE_USER,
						      bytes, 8, 0, NULL);
		(void)d->pfnCardAuthenticateEx(d, ROLE_USER, CARD_AUTHENTICATE_SESSION_PIN, bytes, 8, NULL, NULL, NULL);
		(void)d->pfnCardAuthenticateEx(d, ROLE_USER, 0, NULL, 0, NULL, NULL, NULL);
		(void)d->pfnCardReconnect(d);
		(void)d->pfnCardDeauthenticateEx(d, 0xFF, 0);
		assert_tries(&rig, 1);
	}
	/* the card's own word */
	assert_int_equal(verify(&rig, ROLE_USER, "111111", &tries), SCARD_W_WRONG_CHV);
	assert_int_equal(tries, 0);
	rig_close(&rig);
}

/* roles are dropped together; the bit of everybody means nothing */
static void
test_deauthenticate(void **state)
{
	static const PIN_SET sets[] = { 0x02, 0x06, 0xFF };
	struct rig rig;
	CARD_DATA *d = &rig.data;
	DWORD r;

	(void)state;
	acquire(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		assert_int_equal(verify(&rig, ROLE_USER, KIT_PIN, NULL), SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardDeauthenticateEx(d, 0x01, 0), SCARD_S_SUCCESS);
		assert_int_equal(sign(&rig, true), SCARD_S_SUCCESS);
		r = d->pfnCardDeauthenticateEx(d, sets[i], 0);
		assert_true(r == SCARD_S_SUCCESS || r == SCARD_E_UNSUPPORTED_FEATURE);
		if (r != SCARD_S_SUCCESS)
			vcard_reset(rig.card), assert_int_equal(d->pfnCardReconnect(d), SCARD_S_SUCCESS);
		assert_int_equal(sign(&rig, true), SCARD_W_SECURITY_VIOLATION);
	}
	rig_close(&rig);
}

/* a card without session PINs says so, and is not unlocked */
static void
test_no_session_pins(void **state)
{
	BYTE *session = NULL;
	struct rig rig;
	CARD_DATA *d = &rig.data;
	DWORD len = 0, strength;

	(void)state;
	acquire(&rig);
	/* */
	assert_int_equal(property(&rig, CP_CARD_PIN_STRENGTH_VERIFY, ROLE_USER, &strength, sizeof(strength)),
			 SCARD_S_SUCCESS);
	assert_int_equal(strength, CARD_PIN_STRENGTH_PLAINTEXT);
	assert_int_equal(d->pfnCardAuthenticateEx(d, ROLE_USER, CARD_AUTHENTICATE_GENERATE_SESSION_PIN,
						  (const BYTE *)KIT_PIN, 6, &session, &len, NULL),
			 SCARD_E_UNSUPPORTED_FEATURE);
	assert_null(session);
	assert_int_equal(d->pfnCardAuthenticateEx(d, ROLE_USER, CARD_AUTHENTICATE_SESSION_PIN, (const BYTE *)KIT_PIN, 6,
						  NULL, NULL, NULL),
			 SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(sign(&rig, true), SCARD_W_SECURITY_VIOLATION);
	rig_close(&rig);
}

/* Files --------------------------------------------------------------------------------------------------------------- */

/* the files that every card has, or seems to have */
static void
test_files(void **state)
{
	static const char *const root[] = { "cardid", "cardcf", "cardapps" };
	BYTE guid[CARD_ID_LEN], *data = NULL;
	char *names = NULL, *name;
	struct rig rig;
	CARD_DATA *d = &rig.data;
	DWORD len;
	size_t n;

	(void)state;
	acquire(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(root); i++)
		assert_int_equal(rig_read(&rig, NULL, root[i], NULL), SCARD_S_SUCCESS);
	assert_int_equal(rig_read(&rig, "mscp", "cmapfile", &n), SCARD_S_SUCCESS);
	assert_int_equal(n % 86, 0);
	/* */
	assert_int_equal(d->pfnCardReadFile(d, NULL, "CARDID", 0, &data, &len), SCARD_S_SUCCESS);
	assert_int_equal(len, CARD_ID_LEN);
	assert_int_equal(property(&rig, CP_CARD_GUID, 0, guid, sizeof(guid)), SCARD_S_SUCCESS);
	assert_memory_equal(data, guid, len);
	d->pfnCspFree(data);
	/* */
	assert_int_equal(d->pfnCardEnumFiles(d, "mscp", &names, &len, 0), SCARD_S_SUCCESS);
	assert_true(len > 2 && names[len - 1] == '\0' && names[len - 2] == '\0');
	for (name = names, n = 0; *name != '\0'; name += strlen(name) + 1) {
		assert_int_equal(rig_read(&rig, "mscp", name, NULL), SCARD_S_SUCCESS);
		n++;
	}
	assert_true(n > 0);
	d->pfnCspFree(names);
	/* */
	assert_int_equal(rig_read(&rig, NULL, "nothing", NULL), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(rig_read(&rig, "nowhere", "cardid", NULL), SCARD_E_DIR_NOT_FOUND);
	assert_int_equal(d->pfnCardEnumFiles(d, "nowhere", &names, &len, 0), SCARD_E_DIR_NOT_FOUND);
	assert_null(names);
	rig_close(&rig);
}

/* files made, written, grown and deleted */
static void
test_writing(void **state)
{
	static BYTE content[2000];
	struct rig rig;
	CARD_DATA *d = &rig.data;
	char *names = NULL;
	DWORD len;
	size_t n;

	(void)state;
	if (!subject->writable)
		return;
	memset(content, 0x5A, sizeof(content));
	acquire(&rig);
	assert_int_equal(d->pfnCardCreateDirectory(d, "app", UserCreateDeleteDirAc), SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(verify(&rig, ROLE_USER, KIT_PIN, NULL), SCARD_S_SUCCESS);
	assert_int_equal(d->pfnCardCreateDirectory(d, "app", UserCreateDeleteDirAc), SCARD_S_SUCCESS);
	assert_int_equal(d->pfnCardCreateDirectory(d, "APP", UserCreateDeleteDirAc), ERROR_FILE_EXISTS);
	assert_int_equal(d->pfnCardCreateDirectory(d, "cardid", UserCreateDeleteDirAc), ERROR_FILE_EXISTS);
	assert_int_equal(d->pfnCardEnumFiles(d, "app", &names, &len, 0), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(d->pfnCardCreateFile(d, "app", "file", 10, EveryoneReadUserWriteAc), SCARD_S_SUCCESS);
	assert_int_equal(d->pfnCardCreateFile(d, "app", "FILE", 10, EveryoneReadUserWriteAc), ERROR_FILE_EXISTS);
	assert_int_equal(d->pfnCardCreateFile(d, "nowhere", "file", 10, EveryoneReadUserWriteAc),
			 SCARD_E_DIR_NOT_FOUND);
	assert_int_equal(rig_read(&rig, "app", "file", &n), SCARD_S_SUCCESS);
	assert_int_equal(n, 10);
	for (size_t size = sizeof(content) + 1; size-- > 0; size = size > 700 ? size - 690 : size) {
		assert_int_equal(d->pfnCardWriteFile(d, "app", "file", 0, content, (DWORD)size), SCARD_S_SUCCESS);
		rig_next(&rig);
		assert_int_equal(rig_read(&rig, "app", "file", &n), SCARD_S_SUCCESS);
		assert_int_equal(n, size);
		assert_int_equal(verify(&rig, ROLE_USER, KIT_PIN, NULL), SCARD_S_SUCCESS);
		if (size < 700)
			break;
	}
	assert_int_equal(d->pfnCardWriteFile(d, "app", "other", 0, content, 1), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(d->pfnCardWriteFile(d, "nowhere", "file", 0, content, 1), SCARD_E_DIR_NOT_FOUND);
	assert_int_equal(d->pfnCardWriteFile(d, "app", "file", 0, content, 0), SCARD_S_SUCCESS);
	assert_int_equal(rig_read(&rig, "app", "file", &n), SCARD_S_SUCCESS);
	assert_int_equal(n, 0);
	assert_int_equal(d->pfnCardDeleteDirectory(d, "app"), ERROR_DIR_NOT_EMPTY);
	assert_int_equal(d->pfnCardDeleteDirectory(d, "nowhere"), SCARD_E_DIR_NOT_FOUND);
	assert_int_equal(d->pfnCardDeleteFile(d, "app", "file", 0), SCARD_S_SUCCESS);
	assert_int_equal(d->pfnCardDeleteFile(d, "app", "file", 0), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(d->pfnCardDeleteDirectory(d, "app"), SCARD_S_SUCCESS);
	assert_int_equal(d->pfnCardDeleteDirectory(d, "app"), SCARD_E_DIR_NOT_FOUND);
	rig_close(&rig);
}

/* Keys ---------------------------------------------------------------------------------------------------------------- */

/* public keys for everybody, nothing of private ones, and codes for what is not there */
static void
test_containers(void **state)
{
	CONTAINER_INFO info = { .dwVersion = 1 };
	PIN_ID role = 0;
	struct rig rig;
	CARD_DATA *d = &rig.data;
	DWORD len;

	(void)state;
	acquire(&rig);
	assert_int_equal(d->pfnCardGetContainerInfo(d, subject->rsa, 0, &info), SCARD_S_SUCCESS);
	assert_int_equal(info.KeyExPublicKey.type, KEY_RSA);
	assert_int_equal(info.SigPublicKey.type, KEY_NONE);
	assert_int_equal(d->pfnCardGetContainerInfo(d, subject->ec, 0, &info), SCARD_S_SUCCESS);
	assert_int_equal(info.SigPublicKey.type, KEY_EC);
	assert_int_equal(d->pfnCardGetContainerInfo(d, subject->no_container, 0, &info), SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(d->pfnCardGetContainerInfo(d, 255, 0, &info), SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(d->pfnCardGetContainerProperty(d, subject->ec, CCP_PIN_IDENTIFIER, (BYTE *)&role, sizeof(role),
							&len, 0),
			 SCARD_S_SUCCESS);
	/* */
	assert_int_equal(role, subject->ec_role);
	assert_int_equal(d->pfnCardGetContainerProperty(d, subject->rsa, CCP_CONTAINER_INFO, NULL, 0, &len, 0),
			 ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(len, sizeof(CONTAINER_INFO));
	rig_close(&rig);
}

/* signatures and decryption for who is authenticated */
static void
test_keys(void **state)
{
	BYTE block[512];
	CARD_RSA_DECRYPT_INFO decrypt = { .dwVersion = 2, .dwKeySpec = AT_KEYEXCHANGE, .pbData = block, .cbData = 100 };
	static const BYTE digest[32] = { 9 };
	CARD_SIGNING_INFO info;
	struct rig rig;
	CARD_DATA *d = &rig.data;

	(void)state;
	memset(block, 1, sizeof(block));
	acquire(&rig);
	decrypt.bContainerIndex = subject->rsa;
	decrypt.dwPaddingType = CARD_PADDING_PKCS1;
	assert_int_equal(d->pfnCardRSADecrypt(d, &decrypt), SCARD_E_INSUFFICIENT_BUFFER);
	assert_int_equal(sign(&rig, true), SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(sign(&rig, false), SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(verify(&rig, ROLE_USER, KIT_PIN, NULL), SCARD_S_SUCCESS);
	assert_int_equal(sign(&rig, true), SCARD_S_SUCCESS);
	assert_int_equal(verify(&rig, subject->ec_role, KIT_PIN, NULL), SCARD_S_SUCCESS);
	assert_int_equal(sign(&rig, false), SCARD_S_SUCCESS);
	assert_int_equal(rig_sign(&rig, subject->ec, AT_SIGNATURE, CARD_PADDING_NONE, NULL,
				  cur_of(digest, sizeof(digest)), &info),
			 SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(rig_sign(&rig, subject->no_container, AT_SIGNATURE, CARD_PADDING_NONE, NULL,
				  cur_of(digest, sizeof(digest)), &info),
			 SCARD_E_NO_KEY_CONTAINER);
	rig_close(&rig);
}

/* an unusual order of calls is as good as the usual one */
static void
test_any_order(void **state)
{
	struct rig rig;
	CARD_DATA *d = &rig.data;

	(void)state;
	acquire(&rig);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(verify(&rig, ROLE_USER, KIT_PIN, NULL), SCARD_S_SUCCESS);
		assert_int_equal(verify(&rig, ROLE_USER, KIT_PIN, NULL), SCARD_S_SUCCESS);
		assert_int_equal(sign(&rig, true), SCARD_S_SUCCESS);
		assert_int_equal(rig_read(&rig, "mscp", "cmapfile", NULL), SCARD_S_SUCCESS);
		assert_tries(&rig, 3);
		/* the next transaction begins with whatever it likes */
		assert_int_equal(sign(&rig, true), SCARD_S_SUCCESS);
		(void)d->pfnCardDeauthenticateEx(d, 0xFF, 0);
		rig_next(&rig);
		assert_int_equal(rig_read(&rig, NULL, "cardcf", NULL), SCARD_S_SUCCESS);
		/* */
		assert_int_equal(d->pfnCardAuthenticateChallenge(d, (const BYTE *)"12345678", 8, NULL) ==
					 SCARD_S_SUCCESS,
				 false);
		vcard_reset(rig.card);
		assert_int_equal(d->pfnCardReconnect(d), SCARD_S_SUCCESS);
	}
	rig_close(&rig);
}

/* a connection that fails is told as that, in every call, and the next call works */
static void
test_transport(void **state)
{
	static const struct {
		const char *fault;
		DWORD expected;
	} rows[] = { { "*:remove", SCARD_W_REMOVED_CARD },
		     { "*:cut=1", SCARD_E_COMM_DATA_LOST },
		     { "*:data=", SCARD_E_COMM_DATA_LOST },
		     { "*:reset", SCARD_W_RESET_CARD } };
	struct rig rig;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		acquire(&rig);
		rig_faults(&rig, rows[i].fault);
		assert_int_equal(rig_read(&rig, "mscp", "cmapfile", NULL), rows[i].expected);
		assert_int_equal(verify(&rig, ROLE_USER, KIT_PIN, NULL), rows[i].expected);
		assert_int_equal(sign(&rig, true), rows[i].expected);
		rig_faults(&rig, "");
		rig_insert_again(&rig);
		assert_int_equal(verify(&rig, ROLE_USER, KIT_PIN, NULL), SCARD_S_SUCCESS);
		assert_int_equal(sign(&rig, true), SCARD_S_SUCCESS);
		rig_close(&rig);
	}
}

/* the whole list for each kind of card */
int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_acquire),
		cmocka_unit_test(test_contexts),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_properties),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_structures),
		cmocka_unit_test(test_tries),
		cmocka_unit_test(test_tries_are_safe),
		cmocka_unit_test(test_deauthenticate),
		cmocka_unit_test(test_no_session_pins),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_writing),
		cmocka_unit_test(test_containers),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_transport),
	};
	int failed = 0;

	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		subject = &subjects[i];
		failed += cmocka_run_group_tests_name(subject->name, tests, make, unmake);
	}
	return failed == 0 ? 0 : 1;
}
