/* SPDX-License-Identifier: BSD-2-Clause */
/* Entry points, function lists, initialising and finalising, information about the library. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "module/fixture.h"

static CK_UTF8CHAR standard[] = "PKCS 11";

/* P-002: before, between and after */
static void
test_function_list(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		CK_FUNCTION_LIST *list = NULL;

		assert_rv(mt->C_GetFunctionList(NULL), CKR_ARGUMENTS_BAD);
		assert_rv(mt->C_GetFunctionList(&list), CKR_OK);
		assert_ptr_equal(list, mt);
		if (i == 0)
			mt_initialize();
		if (i == 1)
			assert_rv(mt->C_Finalize(NULL), CKR_OK);
	}
}

static void
assert_all_set(void *list, size_t count)
{
	void *members[93];

	/* the version comes first, padded to the size of a pointer */
	memcpy(members, list, (count + 1) * sizeof(void *));
	for (size_t i = 1; i <= count; i++)
		assert_non_null(members[i]);
}

/* P-003 */
static void
test_lists_are_complete(void **state)
{
	(void)state;
	assert_int_equal(mt->version.major, 2);
	assert_int_equal(mt->version.minor, 40);
	assert_int_equal(mt3->version.major, 3);
	assert_int_equal(mt3->version.minor, 0);
	assert_all_set(mt, 68);
	assert_all_set(mt3, 92);
}

/* P-004, P-005 */
static void
test_interface_list(void **state)
{
	CK_INTERFACE found[3];
	CK_ULONG count = 0;

	(void)state;
	assert_rv(mt3->C_GetInterfaceList(NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(mt3->C_GetInterfaceList(NULL, &count), CKR_OK);
	assert_int_equal(count, 2);
	count = 1;
	assert_rv(mt3->C_GetInterfaceList(found, &count), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(count, 2);
	count = 3;
	assert_rv(mt3->C_GetInterfaceList(found, &count), CKR_OK);
	assert_int_equal(count, 2);
	assert_string_equal(found[0].pInterfaceName, "PKCS 11");
	assert_ptr_equal(found[0].pFunctionList, mt3);
	assert_int_equal(found[0].flags, 0);
	assert_string_equal(found[1].pInterfaceName, "PKCS 11");
	assert_ptr_equal(found[1].pFunctionList, mt);
	assert_int_equal(found[1].flags, 0);
}

static void
assert_interface(CK_UTF8CHAR *name, CK_BYTE major, CK_BYTE minor, const void *list)
{
	CK_VERSION version = { major, minor };
	CK_INTERFACE *interface = NULL;

	assert_rv(mt3->C_GetInterface(name, major == 0 ? NULL : &version, &interface, 0), CKR_OK);
	assert_ptr_equal(interface->pFunctionList, list);
}

/* P-006 */
static void
test_interfaces_by_name_and_version(void **state)
{
	(void)state;
	assert_interface(NULL, 0, 0, mt3);
	assert_interface(standard, 0, 0, mt3);
	assert_interface(standard, 3, 0, mt3);
	assert_interface(standard, 2, 40, mt);
	assert_interface(NULL, 2, 40, mt);
}

/* P-007, P-008 */
static void
test_interfaces_that_are_not_there(void **state)
{
	static CK_UTF8CHAR vendor[] = "Vendor NSS FIPS Interface";
	static const CK_VERSION absent[] = { { 4, 50 }, { 3, 1 }, { 3, 2 }, { 2, 20 } };
	CK_INTERFACE *interface = NULL;

	(void)state;
	assert_rv(mt3->C_GetInterface(vendor, NULL, &interface, 0), CKR_ARGUMENTS_BAD);
	for (size_t i = 0; i < 4; i++) {
		CK_VERSION version = absent[i];

		assert_rv(mt3->C_GetInterface(standard, &version, &interface, 0), CKR_ARGUMENTS_BAD);
	}
	assert_rv(mt3->C_GetInterface(standard, NULL, &interface, CKF_INTERFACE_FORK_SAFE), CKR_ARGUMENTS_BAD);
	assert_rv(mt3->C_GetInterface(standard, NULL, &interface, 2), CKR_ARGUMENTS_BAD);
	assert_rv(mt3->C_GetInterface(standard, NULL, NULL, 0), CKR_ARGUMENTS_BAD);
	assert_rv(mt3->C_GetInterface(standard, NULL, &interface, 0), CKR_OK);
}

static void
assert_text(const CK_UTF8CHAR *field, size_t size)
{
	for (size_t i = 0; i < size; i++)
		assert_true(field[i] >= ' ');
}

/* P-009, P-010 */
static void
test_info(void **state)
{
	CK_INFO info;

	(void)state;
	mt_initialize();
	assert_rv(mt->C_GetInfo(NULL), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_GetInfo(&info), CKR_OK);
	assert_int_equal(info.cryptokiVersion.major, 2);
	assert_int_equal(info.cryptokiVersion.minor, 40);
	assert_rv(mt3->C_GetInfo(&info), CKR_OK);
	assert_int_equal(info.cryptokiVersion.major, 3);
	assert_int_equal(info.cryptokiVersion.minor, 0);
	assert_int_equal(info.flags, 0);
	assert_text(info.manufacturerID, sizeof(info.manufacturerID));
	assert_text(info.libraryDescription, sizeof(info.libraryDescription));
}

/* P-011: with bad arguments, too, so that nothing is looked at */
static void
assert_not_initialised(void)
{
	CK_ULONG n = 0;

	assert_rv(mt->C_GetInfo(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_rv(mt->C_GetSlotList(CK_FALSE, NULL, &n), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_rv(mt->C_GetSlotInfo(1, NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_rv(mt->C_GetTokenInfo(1, NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_rv(mt->C_GetMechanismList(1, NULL, &n), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_rv(mt->C_GetMechanismInfo(1, 0, NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_rv(mt->C_InitToken(1, NULL, 0, NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_rv(mt->C_OpenSession(1, 0, NULL, NULL, NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_rv(mt->C_CloseAllSessions(1), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_rv(mt->C_GetSessionInfo(1, NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_rv(mt->C_Login(1, CKU_USER, NULL, 0), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_rv(mt->C_FindObjectsInit(1, NULL, 0), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_rv(mt->C_GetAttributeValue(1, 1, NULL, 0), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_rv(mt->C_SignInit(1, NULL, 0), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_rv(mt->C_Sign(1, NULL, 0, NULL, NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_rv(mt->C_GenerateRandom(1, NULL, 0), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_rv(mt->C_WaitForSlotEvent(CKF_DONT_BLOCK, NULL, NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_rv(mt3->C_SessionCancel(1, 0), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_rv(mt3->C_MessageSignInit(1, NULL, 0), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_rv(mt->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void
test_nothing_works_uninitialised(void **state)
{
	(void)state;
	assert_not_initialised();
	mt_initialize();
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	assert_not_initialised();
}

static unsigned long mutexes, locked;

static CK_RV
create_mutex(void **ret_mutex)
{
	*ret_mutex = malloc(1);
	mutexes++;
	return *ret_mutex != NULL ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV
destroy_mutex(void *mutex)
{
	free(mutex);
	mutexes--;
	return CKR_OK;
}

static CK_RV
lock_mutex(void *mutex)
{
	(void)mutex;
	locked++;
	return CKR_OK;
}

static CK_RV
unlock_mutex(void *mutex)
{
	(void)mutex;
	return CKR_OK;
}

#define CALLBACKS create_mutex, destroy_mutex, lock_mutex, unlock_mutex

/* P-012, P-014: what real programs pass */
static void
test_initialise_arguments(void **state)
{
	CK_C_INITIALIZE_ARGS accepted[] = {
		{ .flags = 0 },
		{ CALLBACKS, 0, NULL },
		{ .flags = CKF_OS_LOCKING_OK },
		{ CALLBACKS, CKF_OS_LOCKING_OK, NULL },
		{ .flags = CKF_OS_LOCKING_OK | CKF_LIBRARY_CANT_CREATE_OS_THREADS },
		{ CALLBACKS, CKF_OS_LOCKING_OK | CKF_LIBRARY_CANT_CREATE_OS_THREADS, NULL },
		{ .flags = 0x1000 }, /* unknown */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
		locked = 0;
		assert_rv(mt->C_Initialize(&accepted[i]), CKR_OK);
		assert_true((locked > 0) == (i == 1));
		assert_rv(mt_login(mt_open(0), MT_PIN), CKR_OK);
		assert_rv(mt->C_Finalize(NULL), CKR_OK);
		assert_int_equal(mutexes, 0);
	}
}

/* P-013 */
static void
test_initialise_refuses(void **state)
{
	CK_C_INITIALIZE_ARGS refused[] = {
		{ .CreateMutex = create_mutex },
		{ .CreateMutex = create_mutex, .DestroyMutex = destroy_mutex },
		{ create_mutex, destroy_mutex, lock_mutex, NULL, CKF_OS_LOCKING_OK, NULL },
		{ .flags = CKF_OS_LOCKING_OK, .pReserved = standard },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		assert_rv(mt->C_Initialize(&refused[i]), CKR_ARGUMENTS_BAD);
		assert_rv(mt->C_GetInfo(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	}
}

/* P-015, P-016 */
static void
test_twice(void **state)
{
	CK_SESSION_HANDLE session = mt_start();
	CK_SESSION_INFO info;
	int something = 0;

	(void)state;
	assert_rv(mt->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
	assert_rv(mt->C_Finalize(&something), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_GetSessionInfo(session, &info), CKR_OK);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	assert_rv(mt->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}

static size_t
entries(const char *path)
{
	DIR *dir = opendir(path);
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	(void)closedir(dir);
	return count;
}

static unsigned mutexes_left; /* that can still be made */

static CK_RV
create_few(void **ret_mutex)
{
	return mutexes_left-- == 0 ? CKR_HOST_MEMORY : create_mutex(ret_mutex);
}

/* P-017: likewise when initialising fails, at each mutex of the application's */
static void
test_failure_leaves_nothing(void **state)
{
	CK_C_INITIALIZE_ARGS args = { create_few, destroy_mutex, lock_mutex, unlock_mutex, 0, NULL };
	const size_t files = entries("/proc/self/fd");
	CK_RV rv = CKR_GENERAL_ERROR;

	(void)state;
	assert_int_equal(setenv("MINIDRIVER_PKCS11_DEBUG", "1", 1), 0);
	assert_int_equal(setenv("MINIDRIVER_PKCS11_LOG", mt_path("log"), 1), 0);
	for (unsigned few = 0; rv != CKR_OK; few++) {
		assert_in_range(few, 0, 50);
		mutexes_left = few;
		rv = mt->C_Initialize(&args);
		if (rv == CKR_OK)
			assert_rv(mt->C_Finalize(NULL), CKR_OK);
		assert_int_equal(mutexes, 0);
		assert_int_equal(entries("/proc/self/fd"), files);
	}
	assert_int_equal(unsetenv("MINIDRIVER_PKCS11_DEBUG"), 0);
	assert_int_equal(unsetenv("MINIDRIVER_PKCS11_LOG"), 0);
}

/* P-017: what leaks in memory the sanitizer tells */
static void
test_cycles_leave_nothing(void **state)
{
	size_t files = 0, threads = 0;

	(void)state;
	for (unsigned i = 0; i < mt_times(1000); i++) {
		if (i == 5) {
			files = entries("/proc/self/fd");
			threads = entries("/proc/self/task");
		}
		mt_initialize();
		if (i % 20 == 0)
			assert_rv(mt_login(mt_open(0), MT_PIN), CKR_OK);
		assert_rv(mt->C_Finalize(NULL), CKR_OK);
	}
	assert_int_equal(entries("/proc/self/fd"), files);
	assert_int_equal(entries("/proc/self/task"), threads);
}

static int
nothing(void)
{
	return 0;
}

/* P-018; what forks run of the module goes with it */
static void
test_unloading(void **state)
{
	CK_SESSION_HANDLE session;
	CK_FUNCTION_LIST *copy;
	CK_UTF8CHAR pin[] = MT_PIN;
	void *handle;

	(void)state;
	copy = mt_load_copy(&handle);
	assert_rv(copy->C_Initialize(NULL), CKR_OK);
	assert_rv(copy->C_Finalize(NULL), CKR_OK);
	assert_int_equal(dlclose(handle), 0);
	copy = mt_load_copy(&handle);
	assert_rv(copy->C_Initialize(NULL), CKR_OK);
	assert_rv(copy->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_OK);
	assert_rv(copy->C_Login(session, CKU_USER, pin, strlen(MT_PIN)), CKR_OK);
	assert_rv(copy->C_Finalize(NULL), CKR_OK);
	assert_int_equal(dlclose(handle), 0);
	assert_false(mt_is_verified(MT_ALICE));
	assert_int_equal(mt_in_child(nothing), 0);
}

/* P-148 */
static void
test_unsupported(void **state)
{
	CK_SESSION_HANDLE session = mt_start();
	CK_ULONG n = 0;

	(void)state;
	assert_rv(mt->C_DigestEncryptUpdate(session, NULL, 0, NULL, &n), CKR_FUNCTION_NOT_SUPPORTED);
	assert_rv(mt->C_DecryptDigestUpdate(session, NULL, 0, NULL, &n), CKR_FUNCTION_NOT_SUPPORTED);
	assert_rv(mt->C_SignEncryptUpdate(session, NULL, 0, NULL, &n), CKR_FUNCTION_NOT_SUPPORTED);
	assert_rv(mt->C_DecryptVerifyUpdate(session, NULL, 0, NULL, &n), CKR_FUNCTION_NOT_SUPPORTED);
	assert_rv(mt->C_GenerateKeyPair(session, NULL, NULL, 0, NULL, 0, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_DeriveKey(99999, NULL, 0, NULL, 0, NULL), CKR_SESSION_HANDLE_INVALID);
}

/* P-148: the functions for messages that are encrypted */
static void
test_unsupported_messages(void **state)
{
	CK_SESSION_HANDLE s = mt_start();
	CK_ULONG n = 0;

	(void)state;
	assert_rv(mt3->C_MessageEncryptInit(s, NULL, 0), CKR_FUNCTION_NOT_SUPPORTED);
	assert_rv(mt3->C_EncryptMessage(s, NULL, 0, NULL, 0, NULL, 0, NULL, &n), CKR_FUNCTION_NOT_SUPPORTED);
	assert_rv(mt3->C_EncryptMessageBegin(s, NULL, 0, NULL, 0), CKR_FUNCTION_NOT_SUPPORTED);
	assert_rv(mt3->C_EncryptMessageNext(s, NULL, 0, NULL, 0, NULL, &n, 0), CKR_FUNCTION_NOT_SUPPORTED);
	assert_rv(mt3->C_MessageEncryptFinal(s), CKR_FUNCTION_NOT_SUPPORTED);
	assert_rv(mt3->C_MessageDecryptInit(s, NULL, 0), CKR_FUNCTION_NOT_SUPPORTED);
	assert_rv(mt3->C_DecryptMessage(s, NULL, 0, NULL, 0, NULL, 0, NULL, &n), CKR_FUNCTION_NOT_SUPPORTED);
	assert_rv(mt3->C_DecryptMessageBegin(s, NULL, 0, NULL, 0), CKR_FUNCTION_NOT_SUPPORTED);
	assert_rv(mt3->C_DecryptMessageNext(s, NULL, 0, NULL, 0, NULL, &n, 0), CKR_FUNCTION_NOT_SUPPORTED);
	assert_rv(mt3->C_MessageDecryptFinal(s), CKR_FUNCTION_NOT_SUPPORTED);
	assert_rv(mt3->C_MessageVerifyFinal(99999), CKR_SESSION_HANDLE_INVALID);
}

/* P-021, R-015 */
static void
test_no_service(void **state)
{
	CK_ULONG count = 5;

	(void)state;
	mt_stop_service();
	mt_initialize();
	assert_rv(mt->C_GetSlotList(CK_FALSE, NULL, &count), CKR_OK);
	assert_int_equal(count, 0);
	mt_start_service();
	assert_rv(mt->C_GetSlotList(CK_FALSE, NULL, &count), CKR_OK);
	assert_int_equal(count, 1);
	assert_rv(mt_login(mt_open(0), MT_PIN), CKR_OK);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_function_list),
		cmocka_unit_test(test_lists_are_complete),
		cmocka_unit_test(test_interface_list),
		cmocka_unit_test(test_interfaces_by_name_and_version),
		cmocka_unit_test(test_interfaces_that_are_not_there),
		TEST(test_info),
		TEST(test_nothing_works_uninitialised),
		TEST(test_initialise_arguments),
		TEST(test_initialise_refuses),
		TEST(test_twice),
		TEST(test_failure_leaves_nothing),
		TEST(test_cycles_leave_nothing),
		TEST(test_unloading),
		TEST(test_unsupported),
		TEST(test_unsupported_messages),
		TEST(test_no_service),
	};

	return cmocka_run_group_tests_name("general", tests, mt_load, mt_unload);
}
