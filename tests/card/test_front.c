/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands in front of every minidriver, over one that only counts: parameters, versions, roles, read-only cards, calls
 * that a minidriver does not have. Nothing here has a card.
 */
#include "front.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/test.h"

#define INVALID(call) assert_int_equal(call, SCARD_E_INVALID_PARAMETER)
#define UNSUPPORTED(call) assert_int_equal(call, SCARD_E_UNSUPPORTED_FEATURE)
#define GOOD(call) assert_int_equal(call, SCARD_S_SUCCESS)

/* The minidriver ------------------------------------------------------------------------------------------------------ */

static unsigned calls; /* that came through */
static PIN_INFO roles[MAX_PINS];
static bool no_roles;
static DWORD last_flags;
static PIN_ID last_role;
static PIN_SET last_set;
static const char *last_directory;
static char last_name[16];
static DWORD change_code;

static DWORD
get_property(CARD_DATA *card, const char *pszProperty, BYTE *pbData, DWORD cbData, DWORD *pdwDataLen, DWORD dwFlags)
{
	(void)card;
	if (strcmp(pszProperty, CP_CARD_PIN_INFO) != 0) {
		calls++;
		return SCARD_S_SUCCESS;
	}
	if (no_roles)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if (roles[dwFlags].dwVersion == 0)
		return SCARD_E_INVALID_PARAMETER;
	assert_true(cbData >= sizeof(PIN_INFO));
	memcpy(pbData, &roles[dwFlags], sizeof(PIN_INFO));
	*pdwDataLen = sizeof(PIN_INFO);
	return SCARD_S_SUCCESS;
}

static DWORD
set_property(CARD_DATA *card, const char *pszProperty, const BYTE *pbData, DWORD cbData, DWORD dwFlags)
{
	(void)card, (void)pszProperty, (void)pbData, (void)cbData, (void)dwFlags;
	calls++;
	return SCARD_S_SUCCESS;
}

static DWORD
authenticate(CARD_DATA *card, PIN_ID PinId, DWORD dwFlags, const BYTE *pbPinData, DWORD cbPinData, BYTE **ppbSessionPin,
	     DWORD *pcbSessionPin, DWORD *pcAttemptsRemaining)
{
	(void)card, (void)pbPinData, (void)cbPinData, (void)pcbSessionPin, (void)pcAttemptsRemaining;
	if (ppbSessionPin != NULL)
		assert_null(*ppbSessionPin);
	calls++;
	last_role = PinId;
	last_flags = dwFlags;
	return SCARD_S_SUCCESS;
}

static DWORD
deauthenticate(CARD_DATA *card, PIN_SET PinId, DWORD dwFlags)
{
	(void)card, (void)dwFlags;
	calls++;
	last_set = PinId;
	return SCARD_S_SUCCESS;
}

static DWORD
change(CARD_DATA *card, DWORD dwFlags, PIN_ID AuthPinId, const BYTE *pbAuthData, DWORD cbAuthData, PIN_ID TargetPinId,
       const BYTE *pbTargetData, DWORD cbTargetData, DWORD cRetryCount, DWORD *pcAttemptsRemaining)
{
	(void)card, (void)pbAuthData, (void)cbAuthData, (void)TargetPinId, (void)pbTargetData, (void)cbTargetData;
	(void)cRetryCount, (void)pcAttemptsRemaining;
	calls++;
	last_role = AuthPinId;
	last_flags = dwFlags;
	return AuthPinId == ROLE_ADMIN ? change_code : SCARD_S_SUCCESS;
}

static DWORD
write_file(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD dwFlags, const BYTE *pbData,
	   DWORD cbData)
{
	(void)card, (void)dwFlags, (void)pbData, (void)cbData;
	calls++;
	last_directory = pszDirectory;
	strncpy(last_name, pszFile, sizeof(last_name) - 1);
	return SCARD_S_SUCCESS;
}

static DWORD
create_container(CARD_DATA *card, BYTE bContainerIndex, DWORD dwFlags, DWORD dwKeySpec, DWORD dwKeySize,
		 const struct private_key *pKeyData, PIN_ID PinId)
{
	(void)card, (void)bContainerIndex, (void)dwFlags, (void)dwKeySpec, (void)dwKeySize, (void)pKeyData;
	calls++;
	last_role = PinId;
	return SCARD_S_SUCCESS;
}

static DWORD
set_container_property(CARD_DATA *card, BYTE bContainerIndex, const char *pszProperty, const BYTE *pbData, DWORD cbData,
		       DWORD dwFlags)
{
	(void)card, (void)bContainerIndex, (void)pszProperty, (void)pbData, (void)cbData, (void)dwFlags;
	calls++;
	return SCARD_S_SUCCESS;
}

static DWORD
delete_context(CARD_DATA *card)
{
	(void)card;
	calls++;
	return SCARD_S_SUCCESS;
}

static long blocks;

static void *
count_alloc(size_t size)
{
	blocks++;
	return calloc(1, size);
}

static void *
no_alloc(size_t size)
{
	(void)size;
	return NULL;
}

static void
count_free(void *block)
{
	blocks -= block != NULL;
	free(block);
}

static void
set_role(PIN_ID role, SECRET_TYPE type, SECRET_PURPOSE purpose, PIN_SET may_change, PIN_SET may_unblock)
{
	roles[role] = (PIN_INFO){ PIN_INFO_CURRENT_VERSION, type, purpose, may_change, may_unblock, { 0 }, 0 };
}

static void
open_with(CARD_DATA *card, DWORD version, bool functions)
{
	CARD_DATA before;

	memset(card, 0, sizeof(*card));
	memset(roles, 0, sizeof(roles));
	no_roles = false;
	change_code = SCARD_S_SUCCESS;
	set_role(ROLE_USER, AlphaNumericPinType, PrimaryCardPin, 0x02, 0x04);
	set_role(ROLE_ADMIN, ChallengeResponsePinType, AdministratorPin, 0x04, 0);
	card->dwVersion = version;
	card->pfnCspAlloc = count_alloc;
	card->pfnCspFree = count_free;
	before = *card;
	if (functions) {
		card->pfnCardDeleteContext = delete_context;
		card->pfnCardGetProperty = get_property;
		card->pfnCardSetProperty = set_property;
		card->pfnCardAuthenticateEx = authenticate;
		card->pfnCardDeauthenticateEx = deauthenticate;
		card->pfnCardChangeAuthenticatorEx = change;
		card->pfnCardWriteFile = write_file;
		card->pfnCardCreateContainerEx = create_container;
		card->pfnCardSetContainerProperty = set_container_property;
	}
	GOOD(front_install(card, &before));
	calls = 0;
}

static void
close_card(CARD_DATA *card)
{
	(void)card->pfnCardDeleteContext(card);
	assert_int_equal(blocks, 0);
}

/* Tests --------------------------------------------------------------------------------------------------------------- */

/* Every entry of the table, in one array. */
static size_t
entries(const CARD_DATA *card, void (*ret_entries[64])(void))
{
	const size_t first = offsetof(CARD_DATA, pfnCardDeleteContext);
	const size_t end = offsetof(CARD_DATA, pfnCardCreateCard) + sizeof(card->pfnCardCreateCard);
	const size_t count = (end - first) / sizeof(ret_entries[0]);

	assert_true(count <= 64);
	memcpy(ret_entries, (const char *)card + first, count * sizeof(ret_entries[0]));
	return count;
}

/* 44 functions of the specification beside CardAcquireContext, two more, and none is NULL */
static void
test_complete(void **state)
{
	void (*list[64])(void);
	CARD_DATA card;
	size_t count;

	(void)state;
	open_with(&card, CARD_DATA_CURRENT_VERSION, false);
	count = entries(&card, list);
	assert_int_equal(count, 44 + 2);
	for (size_t i = 0; i < count; i++)
		assert_non_null(list[i]);
	close_card(&card);
}

/* what a minidriver does not have is unsupported when it is asked rightly, and invalid otherwise */
static void
test_unsupported(void **state)
{
	CARD_CAPABILITIES capabilities;
	CARD_FREE_SPACE_INFO space;
	CARD_KEY_SIZES sizes;
	CARD_FILE_INFO file;
	CONTAINER_INFO container;
	CARD_SIGNING_INFO sign = { .dwKeySpec = AT_SIGNATURE, .dwSigningFlags = CARD_BUFFER_SIZE_ONLY };
	CARD_RSA_DECRYPT_INFO decrypt = { 2, 0, AT_KEYEXCHANGE, NULL, 1, NULL, CARD_PADDING_NONE };
	const struct public_key peer = { .type = KEY_NONE };
	CARD_DH_AGREEMENT_INFO agreement = { .dwVersion = 2, .pPublicKey = &peer };
	CARD_DERIVE_KEY derive = { .dwVersion = 2, .pszKDF = BCRYPT_KDF_RAW_SECRET };
	CARD_CREATE_INFO create = { .dwVersion = 1, .AdminAlgorithm = CardKey3Des, .cbAdminKey = 24, .cbUserPin = 1 };
	BYTE byte[32] = { 0 }, *bytes;
	CARD_ENCRYPTED_DATA data = { byte, 1 }, *items;
	CARD_KEY_HANDLE key;
	CARD_DATA card, *d = &card;
	char *names;
	DWORD n;

	(void)state;
	decrypt.pbData = byte;
	create.pbUserPin = create.pbAdminKey = byte;
	open_with(d, CARD_DATA_CURRENT_VERSION, false);
	UNSUPPORTED(d->pfnCardQueryCapabilities(d, &capabilities));
	INVALID(d->pfnCardQueryCapabilities(d, NULL));
	INVALID(d->pfnCardQueryCapabilities(NULL, &capabilities));
	UNSUPPORTED(d->pfnCardDeleteContainer(d, 0, 0));
	INVALID(d->pfnCardDeleteContainer(d, 0, 1));
	UNSUPPORTED(d->pfnCardGetContainerInfo(d, 0, 0, &container));
	INVALID(d->pfnCardGetContainerInfo(d, 0, 1, &container));
	INVALID(d->pfnCardGetContainerInfo(d, 0, 0, NULL));
	UNSUPPORTED(d->pfnCardReadFile(d, NULL, "cardid", 0, &bytes, &n));
	INVALID(d->pfnCardReadFile(d, NULL, NULL, 0, &bytes, &n));
	INVALID(d->pfnCardReadFile(d, NULL, "cardid", 1, &bytes, &n));
	INVALID(d->pfnCardReadFile(d, NULL, "cardid", 0, NULL, &n));
	INVALID(d->pfnCardReadFile(d, NULL, "cardid", 0, &bytes, NULL));
	UNSUPPORTED(d->pfnCardEnumFiles(d, NULL, &names, &n, 0));
	INVALID(d->pfnCardEnumFiles(d, NULL, NULL, &n, 0));
	INVALID(d->pfnCardEnumFiles(d, NULL, &names, NULL, 0));
	INVALID(d->pfnCardEnumFiles(d, NULL, &names, &n, 1));
	UNSUPPORTED(d->pfnCardGetFileInfo(d, NULL, "cardid", &file));
	INVALID(d->pfnCardGetFileInfo(d, NULL, "cardid", NULL));
	UNSUPPORTED(d->pfnCardCreateDirectory(d, "dir", UserCreateDeleteDirAc));
	INVALID(d->pfnCardCreateDirectory(d, NULL, UserCreateDeleteDirAc));
	INVALID(d->pfnCardCreateDirectory(d, "dir", InvalidDirAc));
	UNSUPPORTED(d->pfnCardDeleteDirectory(d, "dir"));
	INVALID(d->pfnCardDeleteDirectory(d, NULL));
	UNSUPPORTED(d->pfnCardCreateFile(d, NULL, "file", 0, UserReadWriteAc));
	INVALID(d->pfnCardCreateFile(d, NULL, "file", 0, InvalidAc));
	INVALID(d->pfnCardCreateFile(d, NULL, "file", 0, UnknownAc));
	INVALID(d->pfnCardCreateFile(d, NULL, "file", 0, (CARD_FILE_ACCESS_CONDITION)7));
	UNSUPPORTED(d->pfnCardWriteFile(d, NULL, "file", 0, NULL, 0));
	INVALID(d->pfnCardWriteFile(d, NULL, "file", 0, NULL, 1));
	INVALID(d->pfnCardWriteFile(d, NULL, "file", 1, byte, 1));
	UNSUPPORTED(d->pfnCardDeleteFile(d, NULL, "file", 0));
	INVALID(d->pfnCardDeleteFile(d, NULL, "file", 1));
	UNSUPPORTED(d->pfnCardQueryFreeSpace(d, 0, &space));
	INVALID(d->pfnCardQueryFreeSpace(d, 1, &space));
	INVALID(d->pfnCardQueryFreeSpace(d, 0, NULL));
	UNSUPPORTED(d->pfnCardQueryKeySizes(d, AT_SIGNATURE, 0, &sizes));
	INVALID(d->pfnCardQueryKeySizes(d, 0, 0, &sizes));
	INVALID(d->pfnCardQueryKeySizes(d, 9, 0, &sizes));
	INVALID(d->pfnCardQueryKeySizes(d, AT_SIGNATURE, 1, &sizes));
	UNSUPPORTED(d->pfnCardSignData(d, &sign));
	INVALID(d->pfnCardSignData(d, NULL));
	UNSUPPORTED(d->pfnCardRSADecrypt(d, &decrypt));
	INVALID(d->pfnCardRSADecrypt(d, NULL));
	UNSUPPORTED(d->pfnCardConstructDHAgreement(d, &agreement));
	INVALID(d->pfnCardConstructDHAgreement(d, NULL));
	UNSUPPORTED(d->pfnCardDeriveKey(d, &derive));
	INVALID(d->pfnCardDeriveKey(d, NULL));
	UNSUPPORTED(d->pfnCardDestroyDHAgreement(d, 0, 0));
	INVALID(d->pfnCardDestroyDHAgreement(d, 0, 1));
	UNSUPPORTED(d->pfnCardGetContainerProperty(d, 0, CCP_CONTAINER_INFO, byte, 1, &n, 0));
	INVALID(d->pfnCardGetContainerProperty(d, 0, "nothing", byte, 1, &n, 0));
	INVALID(d->pfnCardGetContainerProperty(d, 0, CCP_CONTAINER_INFO, byte, 1, NULL, 0));
	UNSUPPORTED(d->pfnCardGetProperty(d, CP_CARD_GUID, byte, 1, &n, 0));
	INVALID(d->pfnCardGetProperty(d, CP_CARD_GUID, byte, 1, &n, 1));
	UNSUPPORTED(d->pfnCardCreateCard(d, &create));
	INVALID(d->pfnCardCreateCard(d, NULL));
	UNSUPPORTED(d->pfnCardReconnect(d));
	INVALID(d->pfnCardReconnect(NULL));
	UNSUPPORTED(d->pfnMDImportSessionKey(d, "KeyDataBlob", "AES", &key, byte, 1));
	INVALID(d->pfnMDImportSessionKey(d, NULL, "AES", &key, byte, 1));
	INVALID(d->pfnMDImportSessionKey(d, "KeyDataBlob", "AES", NULL, byte, 1));
	UNSUPPORTED(d->pfnMDEncryptData(d, 1, "Authenticate", byte, 1, 0, &items, &n));
	INVALID(d->pfnMDEncryptData(d, 1, "Authenticate", byte, 1, 2, &items, &n));
	UNSUPPORTED(d->pfnCardImportSessionKey(d, 0, NULL, "KeyDataBlob", "AES", &key, byte, 1, CARD_PADDING_PKCS1));
	/* exactly one padding */
	INVALID(d->pfnCardImportSessionKey(d, 0, NULL, "KeyDataBlob", "AES", &key, byte, 1, 0));
	INVALID(d->pfnCardImportSessionKey(d, 0, NULL, "KeyDataBlob", "AES", &key, byte, 1, 3));
	UNSUPPORTED(d->pfnCardGetSharedKeyHandle(d, byte, 1, NULL, NULL, &key));
	INVALID(d->pfnCardGetSharedKeyHandle(d, byte, 1, &bytes, NULL, &key));
	UNSUPPORTED(d->pfnCardGetAlgorithmProperty(d, "AES", "Key Sizes", byte, 1, &n, 0));
	INVALID(d->pfnCardGetAlgorithmProperty(d, NULL, "Key Sizes", byte, 1, &n, 0));
	UNSUPPORTED(d->pfnCardGetKeyProperty(d, 1, "IV", byte, 1, &n, 0));
	INVALID(d->pfnCardGetKeyProperty(d, 1, "IV", byte, 1, &n, 1));
	UNSUPPORTED(d->pfnCardSetKeyProperty(d, 1, "IV", byte, 1, 0));
	INVALID(d->pfnCardSetKeyProperty(d, 1, "IV", NULL, 0, 0));
	UNSUPPORTED(d->pfnCardDestroyKey(d, 1));
	INVALID(d->pfnCardDestroyKey(NULL, 1));
	UNSUPPORTED(d->pfnCardProcessEncryptedData(d, 1, "Authenticate", &data, 1, NULL, 0, &n, 0));
	INVALID(d->pfnCardProcessEncryptedData(d, 1, "Authenticate", NULL, 1, NULL, 0, &n, 0));
	close_card(d);
	/* and nothing works in a context that is gone */
	INVALID(d->pfnCardReadFile(d, NULL, "cardid", 0, &bytes, &n));
	INVALID(d->pfnCardAuthenticatePin(d, "user", byte, 1, NULL));
	GOOD(d->pfnCardDeleteContext(d));
}

/* what a version does not have stays as the caller left it */
static void
test_versions(void **state)
{
	void (*list[64])(void), (*given[64])(void);
	CARD_DATA card, before;
	size_t count, cut;

	(void)state;
	for (DWORD version = CARD_DATA_VERSION_FOUR; version <= CARD_DATA_VERSION_SEVEN; version++) {
		memset(&card, 0, sizeof(card));
		/* guard: every member points somewhere */
		for (size_t i = offsetof(CARD_DATA, pfnCardDeleteContext) / sizeof(void *);
		     i <= offsetof(CARD_DATA, pfnCardCreateCard) / sizeof(void *); i++)
			((void **)(void *)&card)[i] = &calls;
		card.dwVersion = version;
		card.pfnCspAlloc = count_alloc;
		card.pfnCspFree = count_free;
		before = card;
		card.pfnCardDeleteContext = delete_context;
		count = entries(&before, given);
		GOOD(front_install(&card, &before));
		assert_int_equal(card.dwVersion, version);
		assert_int_equal(entries(&card, list), count);
		cut = 0;
		for (size_t i = 0; i < count; i++)
			cut += list[i] == given[i];
		/* 24 with the context's functions in v4, then 2, 8 and 10 more */
		assert_int_equal(cut, version == 4 ? 20 : version == 5 ? 18 : version == 6 ? 10 : 0);
		GOOD(card.pfnCardDeleteContext(&card));
		assert_int_equal(blocks, 0);
	}
}

/* no memory for the front */
static void
test_no_memory(void **state)
{
	CARD_DATA card = { .dwVersion = 7, .pfnCspAlloc = no_alloc, .pfnCspFree = count_free }, before = card;

	(void)state;
	calls = 0;
	card.pfnCardDeleteContext = delete_context;
	assert_int_equal(front_install(&card, &before), ERROR_NOT_ENOUGH_MEMORY);
	assert_int_equal(calls, 1);
	assert_null(card.pfnCardDeleteContext);
	assert_null(card.pfnCardReadFile);
}

/* a card that cannot change: what would change it is refused, the rest works */
static void
test_read_only(void **state)
{
	const PIN_ID role = ROLE_USER;
	const uintptr_t window = 0;
	BYTE byte[36] = { 0 };
	CARD_DATA card, *d = &card;

	(void)state;
	open_with(d, CARD_DATA_CURRENT_VERSION, true);
	d->fReadOnly = true;
	UNSUPPORTED(d->pfnCardCreateDirectory(d, "dir", UserCreateDeleteDirAc));
	UNSUPPORTED(d->pfnCardDeleteDirectory(d, "dir"));
	UNSUPPORTED(d->pfnCardCreateFile(d, NULL, "file", 0, UserReadWriteAc));
	UNSUPPORTED(d->pfnCardWriteFile(d, NULL, "file", 0, byte, 1));
	UNSUPPORTED(d->pfnCardDeleteFile(d, NULL, "file", 0));
	UNSUPPORTED(d->pfnCardCreateContainer(d, 0, 1, AT_SIGNATURE, 2048, NULL));
	UNSUPPORTED(d->pfnCardCreateContainerEx(d, 0, 1, AT_SIGNATURE, 2048, NULL, ROLE_USER));
	UNSUPPORTED(d->pfnCardDeleteContainer(d, 0, 0));
	UNSUPPORTED(d->pfnCardSetContainerProperty(d, 0, CCP_PIN_IDENTIFIER, (const BYTE *)&role, 4, 0));
	UNSUPPORTED(d->pfnCardSetProperty(d, CP_CARD_GUID, byte, 16, 0));
	UNSUPPORTED(d->pfnCardSetProperty(d, CP_CARD_READ_ONLY, byte, sizeof(bool), 0));
	/* wrong calls are still wrong */
	INVALID(d->pfnCardWriteFile(d, NULL, "file", 0, NULL, 1));
	INVALID(d->pfnCardSetProperty(d, CP_CARD_GUID, byte, 15, 0));
	assert_int_equal(calls, 0);
	/* without key of the administrator's there is nothing to get */
	UNSUPPORTED(d->pfnCardGetChallengeEx(d, ROLE_ADMIN, &(BYTE *){ NULL }, &(DWORD){ 0 }, 0));
	/* these two are for everybody */
	GOOD(d->pfnCardSetProperty(d, CP_PARENT_WINDOW, (const BYTE *)&window, sizeof(window), 0));
	GOOD(d->pfnCardSetProperty(d, CP_PIN_CONTEXT_STRING, (const BYTE *)"Sign", 5, 0));
	GOOD(d->pfnCardSetProperty(d, CP_PIN_CONTEXT_STRING, NULL, 0, 0));
	GOOD(d->pfnCardAuthenticateEx(d, ROLE_USER, 0, byte, 4, NULL, NULL, NULL));
	GOOD(d->pfnCardDeauthenticateEx(d, 0x02, 0));
	close_card(d);
}

/* which roles there are */
static void
test_roles(void **state)
{
	BYTE byte[4] = { 0 }, *session = byte;
	CARD_DATA card, *d = &card;
	DWORD n = 1;

	(void)state;
	open_with(d, CARD_DATA_CURRENT_VERSION, true);
#define AUTHENTICATE(role, flags, len) d->pfnCardAuthenticateEx(d, role, flags, byte, len, NULL, NULL, NULL)
	INVALID(AUTHENTICATE(ROLE_EVERYONE, 0, 4));
	INVALID(AUTHENTICATE(3, 0, 4));
	INVALID(AUTHENTICATE(MAX_PINS, 0, 4));
	INVALID(AUTHENTICATE(0xFFFFFFFF, 0, 4));
	INVALID(AUTHENTICATE(ROLE_USER, 1, 4));
	INVALID(AUTHENTICATE(ROLE_USER, 0, 0));
	/* who wants a session PIN has a place for it */
	INVALID(AUTHENTICATE(ROLE_USER, CARD_AUTHENTICATE_GENERATE_SESSION_PIN, 4));
	INVALID(d->pfnCardAuthenticateEx(d, ROLE_USER, CARD_AUTHENTICATE_GENERATE_SESSION_PIN, byte, 4, &session, NULL,
					 NULL));
	INVALID(d->pfnCardAuthenticateEx(d, ROLE_USER, 0, NULL, 0, NULL, NULL, NULL));
	assert_int_equal(calls, 0);
	GOOD(d->pfnCardAuthenticateEx(d, ROLE_USER, CARD_AUTHENTICATE_GENERATE_SESSION_PIN, byte, 4, &session, &n,
				      NULL));
	assert_null(session);
	assert_int_equal(n, 0);
	GOOD(AUTHENTICATE(ROLE_USER, CARD_PIN_SILENT_CONTEXT, 4));
	/* */
	set_role(3, AlphaNumericPinType, UnblockOnlyPin, 0x08, 0);
	UNSUPPORTED(AUTHENTICATE(3, 0, 4));
	/* nobody presents an empty PIN */
	set_role(4, EmptyPinType, AuthenticationPin, 0, 0);
	INVALID(AUTHENTICATE(4, 0, 4));
	/* a card that says nothing of its PINs has the usual ones */
	no_roles = true;
	GOOD(AUTHENTICATE(5, 0, 4));
	assert_int_equal(last_role, 5);
	no_roles = false;

	GOOD(d->pfnCardDeauthenticateEx(d, 0xFF, 0));
	assert_int_equal(last_set, 0xFE);
	GOOD(d->pfnCardDeauthenticateEx(d, 0x06, 0));
	assert_int_equal(last_set, 0x06);
	GOOD(d->pfnCardDeauthenticateEx(d, 0x01, 0));
	assert_int_equal(last_set, 0);
	INVALID(d->pfnCardDeauthenticateEx(d, 0x100, 0));
	INVALID(d->pfnCardDeauthenticateEx(d, 0x02, 1));
	close_card(d);
}

/* PINs that are typed at the reader */
static void
test_external(void **state)
{
	BYTE byte[4] = { 0 };
	CARD_DATA card, *d = &card;

	(void)state;
	open_with(d, CARD_DATA_CURRENT_VERSION, true);
	set_role(ROLE_USER, ExternalPinType, PrimaryCardPin, 0x02, 0x04);
#define AT_READER(flags) d->pfnCardAuthenticateEx(d, ROLE_USER, flags, NULL, 0, NULL, NULL, NULL)
	INVALID(AT_READER(CARD_PIN_SILENT_CONTEXT));
	assert_int_equal(calls, 0);
	GOOD(AT_READER(0));
	GOOD(AUTHENTICATE(ROLE_USER, 0, 4));
	roles[ROLE_USER].dwFlags = PIN_INFO_REQUIRE_SECURE_ENTRY;
	INVALID(AUTHENTICATE(ROLE_USER, 0, 4));
	GOOD(AT_READER(0));
	GOOD(AUTHENTICATE(ROLE_USER, CARD_AUTHENTICATE_SESSION_PIN | CARD_PIN_SILENT_CONTEXT, 4));
	/* */
	INVALID(d->pfnCardAuthenticatePin(d, CARD_USER_USER, byte, 4, NULL));
	close_card(d);
}

/* who may change and unblock the card says, and everybody's right is nobody's */
static void
test_permissions(void **state)
{
	static const struct {
		DWORD flags;
		PIN_ID authority, target;
		bool allowed;
	} rows[] = {
		{ PIN_CHANGE_FLAG_CHANGEPIN, 1, 1, true },
		{ PIN_CHANGE_FLAG_CHANGEPIN | CARD_PIN_SILENT_CONTEXT, 1, 1, true },
		{ PIN_CHANGE_FLAG_CHANGEPIN, 2, 2, true },
		{ PIN_CHANGE_FLAG_CHANGEPIN, 2, 1, false },
		{ PIN_CHANGE_FLAG_CHANGEPIN, 0, 3, false },
		{ PIN_CHANGE_FLAG_CHANGEPIN, 3, 3, false },
		{ PIN_CHANGE_FLAG_CHANGEPIN, 1, 3, true },
		{ PIN_CHANGE_FLAG_UNBLOCK, 2, 1, true },
		{ PIN_CHANGE_FLAG_UNBLOCK, 1, 1, false },
		{ PIN_CHANGE_FLAG_UNBLOCK, 1, 2, false },
		{ PIN_CHANGE_FLAG_UNBLOCK, 0, 1, false },
		{ PIN_CHANGE_FLAG_UNBLOCK, 3, 3, false },
		{ PIN_CHANGE_FLAG_UNBLOCK, 1, 3, true },
		{ PIN_CHANGE_FLAG_UNBLOCK, 4, 1, false },
		{ PIN_CHANGE_FLAG_UNBLOCK, 8, 1, false },
		{ PIN_CHANGE_FLAG_UNBLOCK | PIN_CHANGE_FLAG_CHANGEPIN, 2, 1, false },
		{ 0, 1, 1, false },
		{ 0x1000, 1, 1, false },
	};
	BYTE byte[32] = { 0 };
	CARD_DATA card, *d = &card;

	(void)state;
	open_with(d, CARD_DATA_CURRENT_VERSION, true);
	/* the user's for both, its own bit and everybody's as well */
	set_role(3, AlphaNumericPinType, DigitalSignaturePin, 0x03, 0x0B);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		calls = 0;
		assert_int_equal(d->pfnCardChangeAuthenticatorEx(d, rows[i].flags, rows[i].authority, byte, 8,
								 rows[i].target, byte, 8, 0, NULL),
				 rows[i].allowed ? SCARD_S_SUCCESS : SCARD_E_INVALID_PARAMETER);
		assert_int_equal(calls, rows[i].allowed);
	}
	/* a key's algorithm decides its length */
#define NEW_KEY(algorithm, len)                                                                                        \
	d->pfnCardChangeAuthenticatorEx(d, PIN_CHANGE_FLAG_CHANGEPIN | PIN_CHANGE_KEY_ALGORITHM(algorithm), 2, byte,   \
					8, 2, byte, len, 0, NULL)
	GOOD(NEW_KEY(CardKeyAes256, 32));
	GOOD(NEW_KEY(CardKey3Des112, 16));
	INVALID(NEW_KEY(CardKeyAes192, 16));
	INVALID(NEW_KEY(9, 16));
	close_card(d);
}

/* the forms of version 4 */
static void
test_old_forms(void **state)
{
	BYTE byte[32] = { 0 };
	CARD_DATA card, *d = &card;

	(void)state;
	open_with(d, CARD_DATA_VERSION_FOUR, true);
	GOOD(d->pfnCardAuthenticatePin(d, CARD_USER_USER, byte, 4, NULL));
	assert_int_equal(last_role, ROLE_USER);
	INVALID(d->pfnCardAuthenticatePin(d, CARD_USER_ADMIN, byte, 4, NULL));
	GOOD(d->pfnCardAuthenticateChallenge(d, byte, 8, NULL));
	assert_int_equal(last_role, ROLE_ADMIN);
	GOOD(d->pfnCardDeauthenticate(d, CARD_USER_ADMIN, 0));
	assert_int_equal(last_set, 0x04);
	UNSUPPORTED(d->pfnCardGetChallenge(d, &(BYTE *){ NULL }, &(DWORD){ 0 }));
	GOOD(d->pfnCardCreateContainer(d, 0, CARD_CREATE_CONTAINER_KEY_GEN, AT_SIGNATURE, 2048, NULL));
	assert_int_equal(last_role, ROLE_USER);
	GOOD(d->pfnCardUnblockPin(d, CARD_USER_USER, byte, 8, byte, 4, 0, 1));
	assert_int_equal(last_role, ROLE_ADMIN);
	assert_int_equal(last_flags, PIN_CHANGE_FLAG_UNBLOCK);
	INVALID(d->pfnCardUnblockPin(d, CARD_USER_USER, byte, 8, byte, 4, 0, 2));
	/* with a PUK on the card the flag tells nothing */
	set_role(5, AlphaNumericPinType, UnblockOnlyPin, 0x20, 0);
	roles[ROLE_USER].dwUnblockPermission |= 0x20;
	GOOD(d->pfnCardUnblockPin(d, CARD_USER_USER, byte, 8, byte, 4, 0, 2));
	assert_int_equal(last_role, 5);
	change_code = SCARD_E_INVALID_VALUE;
	GOOD(d->pfnCardUnblockPin(d, CARD_USER_USER, byte, 8, byte, 4, 0, 1));
	assert_int_equal(last_role, 5);
	GOOD(d->pfnCardChangeAuthenticator(d, CARD_USER_USER, byte, 8, byte, 4, 0, 2, NULL));
	assert_int_equal(last_flags, PIN_CHANGE_FLAG_CHANGEPIN);
	INVALID(d->pfnCardChangeAuthenticator(d, CARD_USER_USER, byte, 8, byte, 4, 0, 1, NULL));
	INVALID(d->pfnCardChangeAuthenticator(d, CARD_USER_USER, NULL, 0, byte, 4, 0, 2, NULL));
	close_card(d);
}

/* names come to the minidriver in lower case, the root as NULL */
static void
test_names(void **state)
{
	static const char *const bad[] = { "",	 "ninechars", "a/b", "a\\b", "a:b",  "*",   "?",
					   "\"", "<",	      ">",   "|",    "a\tb", "\x80" };
	CARD_DATA card, *d = &card;

	(void)state;
	open_with(d, CARD_DATA_CURRENT_VERSION, true);
	GOOD(d->pfnCardWriteFile(d, "", "CMapFile", 0, NULL, 0));
	assert_null(last_directory);
	assert_string_equal(last_name, "cmapfile");
	GOOD(d->pfnCardWriteFile(d, "MSCP", "kxc 0A", 0, NULL, 0));
	assert_non_null(last_directory);
	assert_string_equal(last_name, "kxc 0a");
	calls = 0;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		INVALID(d->pfnCardWriteFile(d, NULL, bad[i], 0, NULL, 0));
		if (i > 0)
			INVALID(d->pfnCardWriteFile(d, bad[i], "file", 0, NULL, 0));
		INVALID(d->pfnCardCreateDirectory(d, bad[i], UserCreateDeleteDirAc));
	}
	assert_int_equal(calls, 0);
	close_card(d);
}

/* keys made and keys' PINs */
static void
test_containers(void **state)
{
	static const struct {
		DWORD flags, spec, size;
		PIN_ID role;
		DWORD expected;
	} rows[] = {
		{ 1, AT_SIGNATURE, 2048, ROLE_USER, SCARD_S_SUCCESS },
		{ 1, AT_ECDSA_P256, 0, 3, SCARD_S_SUCCESS },
		{ 1, AT_SIGNATURE, 0, ROLE_USER, SCARD_E_INVALID_PARAMETER },
		{ 1, AT_ECDSA_P256, 256, ROLE_USER, SCARD_E_INVALID_PARAMETER },
		{ 1, 0, 2048, ROLE_USER, SCARD_E_INVALID_PARAMETER },
		{ 1, 9, 2048, ROLE_USER, SCARD_E_INVALID_PARAMETER },
		{ 0, AT_SIGNATURE, 2048, ROLE_USER, SCARD_E_INVALID_PARAMETER },
		{ 2, AT_SIGNATURE, 2048, ROLE_USER, SCARD_E_INVALID_PARAMETER },
		{ 3, AT_SIGNATURE, 2048, ROLE_USER, SCARD_E_INVALID_PARAMETER },
		{ 1, AT_SIGNATURE, 2048, ROLE_EVERYONE, SCARD_E_INVALID_PARAMETER },
		{ 1, AT_SIGNATURE, 2048, MAX_PINS, SCARD_E_INVALID_PARAMETER },
		{ 1, AT_SIGNATURE, 2048, ROLE_ADMIN, SCARD_W_SECURITY_VIOLATION },
	};
	PIN_ID role = ROLE_USER;
	CARD_DATA card, *d = &card;

	(void)state;
	open_with(d, CARD_DATA_CURRENT_VERSION, true);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		calls = 0;
		assert_int_equal(d->pfnCardCreateContainerEx(d, 0, rows[i].flags, rows[i].spec, rows[i].size, NULL,
							     rows[i].role),
				 rows[i].expected);
		assert_int_equal(calls, rows[i].expected == SCARD_S_SUCCESS);
	}
#define BIND(name, len) d->pfnCardSetContainerProperty(d, 0, name, (const BYTE *)&role, len, 0)
	GOOD(BIND(CCP_PIN_IDENTIFIER, 4));
	INVALID(BIND(CCP_PIN_IDENTIFIER, 3));
	INVALID(BIND("nothing", 4));
	UNSUPPORTED(BIND(CCP_CONTAINER_INFO, 4));
	GOOD(BIND(CCP_ASSOCIATED_ECDH_KEY, 1));
	INVALID(BIND(CCP_ASSOCIATED_ECDH_KEY, 2));
	role = ROLE_ADMIN;
	assert_int_equal(BIND(CCP_PIN_IDENTIFIER, 4), SCARD_W_SECURITY_VIOLATION);
	role = ROLE_EVERYONE;
	INVALID(BIND(CCP_PIN_IDENTIFIER, 4));
	close_card(d);
}

/* names, what they are asked of, what may be set */
static void
test_properties(void **state)
{
	static const char *const never[] = { CP_CARD_FREE_SPACE, CP_CARD_CAPABILITIES, CP_CARD_SERIAL_NO,
					     CP_CARD_LIST_PINS,	 CP_PADDING_SCHEMES,   CP_KEY_IMPORT_SUPPORT };
	BYTE byte[64] = { 0 };
	CARD_DATA card, *d = &card;
	DWORD n;

	(void)state;
	open_with(d, CARD_DATA_CURRENT_VERSION, true);
	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		UNSUPPORTED(d->pfnCardSetProperty(d, never[i], byte, 4, 0));
	UNSUPPORTED(d->pfnCardGetProperty(d, CP_PARENT_WINDOW, byte, 64, &n, 0));
	UNSUPPORTED(d->pfnCardGetProperty(d, CP_PIN_CONTEXT_STRING, byte, 64, &n, 0));
	INVALID(d->pfnCardGetProperty(d, "free space", byte, 64, &n, 0));
	INVALID(d->pfnCardSetProperty(d, "Nothing", byte, 4, 0));
	INVALID(d->pfnCardSetProperty(d, NULL, byte, 4, 0));
	INVALID(d->pfnCardGetProperty(d, CP_CARD_PIN_TRIES, byte, 64, &n, 0));
	INVALID(d->pfnCardGetProperty(d, CP_CARD_PIN_TRIES, byte, 64, &n, 8));
	INVALID(d->pfnCardGetProperty(d, CP_CARD_KEYSIZES, byte, 64, &n, 0));
	INVALID(d->pfnCardGetProperty(d, CP_CARD_KEYSIZES, byte, 64, &n, 9));
	INVALID(d->pfnCardGetProperty(d, CP_CARD_READ_ONLY, byte, 64, &n, 1));
	assert_int_equal(calls, 0);
	GOOD(d->pfnCardGetProperty(d, CP_CARD_PIN_TRIES, byte, 64, &n, 7));
	GOOD(d->pfnCardGetProperty(d, CP_CARD_KEYSIZES, byte, 64, &n, 8));
	GOOD(d->pfnCardGetProperty(d, CP_PADDING_SCHEMES, byte, 64, &n, 2));
	GOOD(d->pfnCardSetProperty(d, CP_CARD_CACHE_MODE, byte, 4, 0));
	INVALID(d->pfnCardSetProperty(d, CP_CARD_CACHE_MODE, byte, 5, 0));
	assert_int_equal(calls, 4);
	close_card(d);
}

/* structures of keys at work */
static void
test_structures(void **state)
{
	BYTE byte[8] = { 0 };
	const BCRYPT_PKCS1_PADDING_INFO pkcs1 = { "SHA256" };
	const BCRYPT_OAEP_PADDING_INFO oaep = { .pszAlgId = NULL };
	CARD_SIGNING_INFO sign = { .dwVersion = 2, .dwKeySpec = AT_SIGNATURE, .pbData = byte, .cbData = 8 }, s;
	CARD_RSA_DECRYPT_INFO decrypt = { 2, 0, AT_KEYEXCHANGE, NULL, 8, NULL, CARD_PADDING_NONE }, r;
	const struct public_key peer = { .type = KEY_NONE };
	CARD_DH_AGREEMENT_INFO agree = { .dwVersion = 2, .pPublicKey = &peer };
	CARD_DATA card, *d = &card;

	(void)state;
	decrypt.pbData = byte;
	/* this minidriver signs nothing: a call that passed is unsupported */
	open_with(d, CARD_DATA_CURRENT_VERSION, true);
#define SIGN(change, code) (s = sign, change, assert_int_equal(d->pfnCardSignData(d, &s), code))
	SIGN((void)0, SCARD_E_UNSUPPORTED_FEATURE);
	SIGN(s.dwVersion = 1, SCARD_E_UNSUPPORTED_FEATURE);
	SIGN(s.dwVersion = 0, SCARD_E_UNSUPPORTED_FEATURE);
	SIGN(s.dwSigningFlags = 1, SCARD_E_INVALID_PARAMETER);
	SIGN(s.pbData = NULL, SCARD_E_INVALID_PARAMETER);
	SIGN(s.dwKeySpec = 0, SCARD_E_INVALID_PARAMETER);
	SIGN(s.dwKeySpec = 9, SCARD_E_INVALID_PARAMETER);
	s.dwSigningFlags = CARD_PADDING_INFO_PRESENT;
	sign.dwSigningFlags = CARD_PADDING_INFO_PRESENT;
	SIGN(s.dwPaddingType = 16, SCARD_E_INVALID_PARAMETER);
	SIGN(s.dwPaddingType = CARD_PADDING_PKCS1, SCARD_E_INVALID_PARAMETER);
	SIGN((s.dwPaddingType = CARD_PADDING_PKCS1, s.pPaddingInfo = &pkcs1), SCARD_E_UNSUPPORTED_FEATURE);
	SIGN((s.dwPaddingType = CARD_PADDING_NONE, s.dwVersion = 1), ERROR_REVISION_MISMATCH);
	SIGN((s.dwPaddingType = CARD_PADDING_NONE, s.dwVersion = 0), ERROR_REVISION_MISMATCH);
	/* padding is not of elliptic curves */
	SIGN((s.dwKeySpec = AT_ECDSA_P256, s.dwPaddingType = 99), SCARD_E_UNSUPPORTED_FEATURE);
#define DECRYPT(change, code) (r = decrypt, change, assert_int_equal(d->pfnCardRSADecrypt(d, &r), code))
	DECRYPT((void)0, SCARD_E_UNSUPPORTED_FEATURE);
	DECRYPT(r.dwVersion = 1, ERROR_REVISION_MISMATCH);
	DECRYPT(r.dwVersion = 0, ERROR_REVISION_MISMATCH);
	DECRYPT(r.pbData = NULL, SCARD_E_INVALID_PARAMETER);
	DECRYPT(r.dwPaddingType = CARD_PADDING_PSS, SCARD_E_INVALID_PARAMETER);
	DECRYPT(r.dwPaddingType = CARD_PADDING_OAEP, SCARD_E_INVALID_PARAMETER);
	DECRYPT((r.dwPaddingType = CARD_PADDING_OAEP, r.pPaddingInfo = &oaep), SCARD_E_INVALID_PARAMETER);
	DECRYPT(r.dwKeySpec = AT_ECDSA_P256, SCARD_E_UNSUPPORTED_FEATURE);
	DECRYPT(r.dwKeySpec = 9, SCARD_E_INVALID_PARAMETER);
	agree.dwVersion = 1;
	assert_int_equal(d->pfnCardConstructDHAgreement(d, &agree), ERROR_REVISION_MISMATCH);
	agree.dwVersion = 2;
	agree.dwFlags = 1;
	INVALID(d->pfnCardConstructDHAgreement(d, &agree));
	close_card(d);
}

static CARD_SIGNING_INFO signed_last;
static CARD_RSA_DECRYPT_INFO decrypted_last;

static DWORD
sign_data(CARD_DATA *card, CARD_SIGNING_INFO *pInfo)
{
	(void)card;
	signed_last = *pInfo;
	pInfo->pbSignedData = NULL;
	pInfo->cbSignedData = 256;
	return pInfo->bContainerIndex == 0 ? SCARD_S_SUCCESS : SCARD_E_NO_KEY_CONTAINER;
}

static DWORD
rsa_decrypt(CARD_DATA *card, CARD_RSA_DECRYPT_INFO *pInfo)
{
	(void)card;
	decrypted_last = *pInfo;
	pInfo->cbData = 3;
	return pInfo->bContainerIndex == 0 ? SCARD_S_SUCCESS : SCARD_E_NO_KEY_CONTAINER;
}

/* a minidriver sees one form of each structure, and a caller's is as it was when nothing came of it */
static void
test_spelled_out(void **state)
{
	BYTE byte[8] = { 0 };
	const BCRYPT_PSS_PADDING_INFO pss = { "SHA256", 32, NULL };
	const BCRYPT_PKCS1_PADDING_INFO *padding;
	CARD_SIGNING_INFO sign = { .dwVersion = 1, .dwKeySpec = AT_SIGNATURE, .pbData = byte, .cbData = 8 };
	CARD_RSA_DECRYPT_INFO decrypt = { 1, 1, AT_KEYEXCHANGE, byte, 8, &pss, CARD_PADDING_PKCS1 };
	CARD_DATA card;

	(void)state;
	open_with(&card, CARD_DATA_VERSION_SIX, true);
	front_own(&card)->pfnCardSignData = sign_data;
	front_own(&card)->pfnCardRSADecrypt = rsa_decrypt;
	GOOD(card.pfnCardSignData(&card, &sign));
	padding = signed_last.pPaddingInfo;
	assert_int_equal(signed_last.dwVersion, CARD_SIGNING_INFO_CURRENT_VERSION);
	assert_int_equal(signed_last.dwSigningFlags, CARD_PADDING_INFO_PRESENT);
	assert_int_equal(signed_last.dwPaddingType, CARD_PADDING_PKCS1);
	assert_true(padding != NULL && padding->pszAlgId == NULL);
	assert_true(sign.cbSignedData == 256 && sign.dwVersion == 1 && sign.dwSigningFlags == 0);
	sign = (CARD_SIGNING_INFO){ 2,	  1, AT_SIGNATURE, CARD_PADDING_INFO_PRESENT, byte, 8,
				    NULL, 0, &pss,	   CARD_PADDING_PSS };
	assert_int_equal(card.pfnCardSignData(&card, &sign), SCARD_E_NO_KEY_CONTAINER);
	assert_true(signed_last.dwPaddingType == CARD_PADDING_PSS && signed_last.pPaddingInfo == &pss);
	assert_int_equal(sign.cbSignedData, 0);
	assert_int_equal(card.pfnCardRSADecrypt(&card, &decrypt), SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(decrypted_last.dwVersion, CARD_RSA_DECRYPT_INFO_CURRENT_VERSION);
	assert_int_equal(decrypted_last.dwPaddingType, CARD_PADDING_NONE);
	assert_int_equal(decrypt.cbData, 8);
	decrypt.bContainerIndex = 0;
	GOOD(card.pfnCardRSADecrypt(&card, &decrypt));
	assert_int_equal(decrypt.cbData, 3);
	close_card(&card);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_complete),   cmocka_unit_test(test_unsupported),
		cmocka_unit_test(test_versions),   cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_read_only),  cmocka_unit_test(test_roles),
		cmocka_unit_test(test_external),   cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_old_forms),  cmocka_unit_test(test_names),
		cmocka_unit_test(test_containers), cmocka_unit_test(test_properties),
		cmocka_unit_test(test_structures), cmocka_unit_test(test_spelled_out),
	};

	return cmocka_run_group_tests_name("card/front", tests, NULL, NULL);
}
