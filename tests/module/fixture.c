/* SPDX-License-Identifier: BSD-2-Clause */
/* The module loaded as a program loads it, the directory of readers, and words for PKCS#11 calls. */
#define _GNU_SOURCE /* nftw */
#include "module/fixture.h"

#include <dirent.h>
#include <dlfcn.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <winscard.h>

#include "module/cards.h"

CK_FUNCTION_LIST *mt;
CK_FUNCTION_LIST_3_0 *mt3;

static void *library;
static char root[64];

/* Loading ------------------------------------------------------------------------------------------------------------ */

static void *
symbol(void *handle, const char *name)
{
	void *found = dlsym(handle, name);

	if (found == NULL)
		fail_msg("the module has no %s", name);
	return found;
}

static CK_FUNCTION_LIST *
function_list(void *handle)
{
	CK_C_GetFunctionList get = (CK_C_GetFunctionList)symbol(handle, "C_GetFunctionList");
	CK_FUNCTION_LIST *list = NULL;

	assert_rv(get(&list), CKR_OK);
	return list;
}

static const char *
module_path(void)
{
	const char *path = getenv("MODULE");

	if (path == NULL)
		fail_msg("MODULE names no file");
	return path;
}

int
mt_load(void **state)
{
	static CK_UTF8CHAR name[] = "PKCS 11";
	CK_VERSION version = { 3, 0 };
	CK_INTERFACE *interface = NULL;
	CK_C_GetInterface get;

	(void)state;
	if ((library = dlopen(module_path(), RTLD_NOW | RTLD_LOCAL)) == NULL) {
		(void)fprintf(stderr, "%s\n", dlerror());
		return -1;
	}
	mt = function_list(library);
	get = (CK_C_GetInterface)symbol(library, "C_GetInterface");
	assert_rv(get(name, &version, &interface, 0), CKR_OK);
	mt3 = interface->pFunctionList;
	return 0;
}

int
mt_unload(void **state)
{
	(void)state;
	return dlclose(library);
}

static void
copy_file(const char *from, const char *to)
{
	FILE *in = fopen(from, "re"), *out = fopen(to, "we");
	char bytes[65536];
	size_t n;

	assert_non_null(in);
	assert_non_null(out);
	while ((n = fread(bytes, 1, sizeof(bytes), in)) > 0)
		assert_int_equal(fwrite(bytes, 1, n, out), n);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(fclose(in), 0);
}

CK_FUNCTION_LIST *
mt_load_copy(void **ret_handle)
{
	const char *path = mt_path("copy.so");

	copy_file(module_path(), path);
	*ret_handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (*ret_handle == NULL)
		fail_msg("%s", dlerror());
	return function_list(*ret_handle);
}

/* World -------------------------------------------------------------------------------------------------------------- */

const char *
mt_path(const char *format, ...)
{
	static char paths[4][512];
	static unsigned turn;
	char *path = paths[turn++ % 4];
	va_list args;
	int n = snprintf(path, sizeof(paths[0]), "%s/", root);

	va_start(args, format);
	n += vsnprintf(path + n, sizeof(paths[0]) - (size_t)n, format, args);
	va_end(args);
	assert_true(n > 0 && (size_t)n < sizeof(paths[0]));
	return path;
}

int
mt_set_up(void **state)
{
	const char *where = getenv("TEST_DIRECTORY");

	(void)state;
	(void)snprintf(root, sizeof(root), "%.32s/minidriver-test-XXXXXX", where != NULL ? where : "/tmp");
	if (mkdtemp(root) == NULL || mkdir(mt_path("readers"), 0777) != 0 || mkdir(mt_path("cards"), 0777) != 0)
		return -1;
	(void)unsetenv("VCARD_FAULTS");
	(void)unsetenv("VCARD_LATENCY");
	mt_add_reader(MT_READER);
	mt_insert(MT_READER, MT_ALICE);
	return setenv("VCARD_READERS", mt_path("readers"), 1);
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static void
remove_tree(const char *path)
{
	assert_int_equal(nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

int
mt_tear_down(void **state)
{
	(void)state;
	(void)mt->C_Finalize(NULL);
	remove_tree(root);
	return 0;
}

void
mt_add_reader(const char *reader)
{
	assert_int_equal(mkdir(mt_path("readers/%s", reader), 0777), 0);
}

void
mt_remove_reader(const char *reader)
{
	remove_tree(mt_path("readers/%s", reader));
}

void
mt_insert(const char *reader, enum mt_card card)
{
	const char *path = mt_path("cards/%d", card);

	if (access(path, F_OK) != 0)
		copy_file(mt_card_file(card), path);
	assert_int_equal(symlink(path, mt_path("readers/%s/card", reader)), 0);
}

void
mt_remove(const char *reader)
{
	assert_int_equal(unlink(mt_path("readers/%s/card", reader)), 0);
}

void
mt_reset(const char *reader)
{
	SCARDCONTEXT context;
	SCARDHANDLE handle;
	DWORD protocol;

	assert_int_equal(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context), SCARD_S_SUCCESS);
	assert_int_equal(SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &handle, &protocol),
			 SCARD_S_SUCCESS);
	assert_int_equal(SCardDisconnect(handle, SCARD_RESET_CARD), SCARD_S_SUCCESS);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

void
mt_stop_service(void)
{
	assert_int_equal(rename(mt_path("readers"), mt_path("stopped")), 0);
}

/* A new directory, into which the readers move without what the service had written there. */
void
mt_start_service(void)
{
	DIR *dir = opendir(mt_path("stopped"));
	const struct dirent *entry;

	assert_non_null(dir);
	assert_int_equal(mkdir(mt_path("readers"), 0777), 0);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.') {
			(void)unlink(mt_path("stopped/%s/state", entry->d_name));
			assert_int_equal(rename(mt_path("stopped/%s", entry->d_name),
						mt_path("readers/%s", entry->d_name)),
					 0);
		}
	(void)closedir(dir);
	assert_int_equal(rmdir(mt_path("stopped")), 0);
}

void
mt_arm(const char *reader, const char *faults)
{
	FILE *f = fopen(mt_path("faults"), "we");

	assert_non_null(f);
	assert_true(fputs(faults, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rename(mt_path("faults"), mt_path("readers/%s/faults", reader)), 0);
}

unsigned long
mt_exchanges(const char *reader)
{
	FILE *f = fopen(mt_path("readers/%s/stats", reader), "re");
	unsigned long count = 0;
	char line[64];

	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "exchanges ", 10) == 0)
			count = strtoul(line + 10, NULL, 10);
	(void)fclose(f);
	return count;
}

/* PKCS#11 -------------------------------------------------------------------------------------------------------------- */

void
mt_initialize(void)
{
	assert_rv(mt->C_Initialize(NULL), CKR_OK);
}

CK_SESSION_HANDLE
mt_open(CK_FLAGS flags)
{
	CK_SESSION_HANDLE session = CK_INVALID_HANDLE;

	assert_rv(mt->C_OpenSession(1, CKF_SERIAL_SESSION | flags, NULL, NULL, &session), CKR_OK);
	assert_true(session != CK_INVALID_HANDLE);
	return session;
}

CK_SESSION_HANDLE
mt_start(void)
{
	mt_initialize();
	return mt_open(0);
}

CK_SESSION_HANDLE
mt_start_user(void)
{
	CK_SESSION_HANDLE session = mt_start();

	assert_rv(mt_login(session, MT_PIN), CKR_OK);
	return session;
}

CK_RV
mt_login(CK_SESSION_HANDLE session, const char *pin)
{
	CK_UTF8CHAR bytes[256];
	size_t len = 0;

	for (; pin[len] != '\0'; len++) {
		assert_true(len < sizeof(bytes));
		bytes[len] = (CK_UTF8CHAR)pin[len];
	}
	return mt->C_Login(session, CKU_USER, bytes, len);
}

CK_FLAGS
mt_token_flags(CK_SLOT_ID slot)
{
	CK_TOKEN_INFO info;

	assert_rv(mt->C_GetTokenInfo(slot, &info), CKR_OK);
	return info.flags;
}

size_t
mt_find(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *ret_found, size_t max)
{
	CK_OBJECT_HANDLE more;
	CK_ULONG found = 0, left = 0;

	assert_rv(mt->C_FindObjectsInit(session, template, count), CKR_OK);
	assert_rv(mt->C_FindObjects(session, ret_found, max, &found), CKR_OK);
	assert_rv(mt->C_FindObjects(session, &more, 1, &left), CKR_OK);
	assert_int_equal(left, 0);
	assert_rv(mt->C_FindObjectsFinal(session), CKR_OK);
	return found;
}

size_t
mt_count(CK_SESSION_HANDLE session, CK_OBJECT_CLASS class)
{
	CK_ATTRIBUTE template = { CKA_CLASS, &class, sizeof(class) };
	CK_OBJECT_HANDLE found[64];

	return mt_find(session, &template, 1, found, 64);
}

CK_OBJECT_HANDLE
mt_object(CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, CK_BYTE container)
{
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, &container, 1 } };
	CK_OBJECT_HANDLE found[2];

	assert_int_equal(mt_find(session, template, 2, found, 2), 1);
	return found[0];
}

size_t
mt_get(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *ret_value, size_t room)
{
	CK_ATTRIBUTE attribute = { type, NULL, 0 };

	assert_rv(mt->C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
	assert_true(attribute.ulValueLen <= room);
	attribute.pValue = ret_value;
	assert_rv(mt->C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
	return attribute.ulValueLen;
}

CK_ULONG
mt_get_ulong(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_ULONG value;

	assert_int_equal(mt_get(session, object, type, &value, sizeof(value)), sizeof(value));
	return value;
}

bool
mt_get_bool(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value;

	assert_int_equal(mt_get(session, object, type, &value, sizeof(value)), sizeof(value));
	assert_true(value == CK_TRUE || value == CK_FALSE);
	return value == CK_TRUE;
}

CK_RV
mt_ask(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_ATTRIBUTE attribute = { type, NULL, 0 };

	return mt->C_GetAttributeValue(session, object, &attribute, 1);
}

CK_RV
mt_sign(CK_SESSION_HANDLE session)
{
	CK_MECHANISM mechanism = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_BYTE data[] = "to be signed", signature[256];
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_BYTE id = 0;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, &id, 1 } };
	CK_ULONG found = 0, len = sizeof(signature);
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	CK_RV rv;

	if ((rv = mt->C_FindObjectsInit(session, template, 2)) != CKR_OK)
		return rv;
	rv = mt->C_FindObjects(session, &key, 1, &found);
	(void)mt->C_FindObjectsFinal(session);
	if (rv == CKR_OK && found == 0)
		rv = CKR_KEY_HANDLE_INVALID;
	if (rv == CKR_OK)
		rv = mt->C_SignInit(session, &mechanism, key);
	return rv == CKR_OK ? mt->C_Sign(session, data, sizeof(data) - 1, signature, &len) : rv;
}

/* Time and processes --------------------------------------------------------------------------------------------------- */

void
mt_sleep_ms(unsigned ms)
{
	struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&t, NULL);
}

unsigned long
mt_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned long)t.tv_sec * 1000 + (unsigned long)t.tv_nsec / 1000000;
}

int
mt_in_child(int (*body)(void))
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status))
		fail_msg("the child ended with status 0x%x", (unsigned)status);
	return WEXITSTATUS(status);
}

bool
mt_plain(void)
{
	const char *sanitizers = getenv("INSTRUMENTED");

	return (sanitizers == NULL || strcmp(sanitizers, "no") == 0) && getenv("TEST_WRAPPER") == NULL;
}

unsigned
mt_times(unsigned full)
{
	return mt_plain() ? full : full / 40;
}
