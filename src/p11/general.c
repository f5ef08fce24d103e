/* SPDX-License-Identifier: BSD-2-Clause */
/* General-purpose functions (PKCS#11 3.1, 5.4): initialise, finalise, information about the library. */
#include <string.h>

#include "p11/p11.h"

#define VERSION_MAJOR 0
#define VERSION_MINOR 1

/* All four callbacks or none. */
static CK_RV
read_locks(const CK_C_INITIALIZE_ARGS *args, struct lock_ops *ret_locks, bool *ret_given)
{
	int given = (args->CreateMutex != NULL) + (args->DestroyMutex != NULL) + (args->LockMutex != NULL) +
		    (args->UnlockMutex != NULL);

	if (given != 0 && given != 4)
		return CKR_ARGUMENTS_BAD;
	*ret_given = given == 4;
	*ret_locks = (struct lock_ops){
		.create = args->CreateMutex,
		.destroy = args->DestroyMutex,
		.lock = args->LockMutex,
		.unlock = args->UnlockMutex,
	};
	return CKR_OK;
}

/*
 * Locks always, also for a caller who promises to use one thread: many do and then do not keep to it. The caller's own
 * mutexes are only used when native ones are not allowed; with them, and where threads are forbidden, no helper thread
 * runs.
 */
CK_RV
C_Initialize(CK_VOID_PTR init_args)
{
	const CK_C_INITIALIZE_ARGS *args = init_args;
	struct lock_ops locks;
	bool given = false;
	CK_RV rv;

	if (args == NULL)
		return p11_module_open(NULL, false);
	if (args->pReserved != NULL)
		return CKR_ARGUMENTS_BAD;
	if ((rv = read_locks(args, &locks, &given)) != CKR_OK)
		return rv;
	if (given && (args->flags & CKF_OS_LOCKING_OK) == 0)
		return p11_module_open(&locks, true);
	return p11_module_open(NULL, (args->flags & CKF_LIBRARY_CANT_CREATE_OS_THREADS) != 0);
}

CK_RV
C_Finalize(CK_VOID_PTR reserved)
{
	CK_RV rv = p11_begin();

	if (rv != CKR_OK)
		return rv;
	p11_end();
	return reserved != NULL ? CKR_ARGUMENTS_BAD : p11_module_close();
}

static CK_RV
get_info(CK_INFO *info, CK_BYTE major, CK_BYTE minor)
{
	CK_RV rv = p11_begin();

	if (rv != CKR_OK)
		return rv;
	p11_end();
	if (info == NULL)
		return CKR_ARGUMENTS_BAD;
	memset(info, 0, sizeof(*info));
	info->cryptokiVersion = (CK_VERSION){ major, minor };
	p11_pad(info->manufacturerID, sizeof(info->manufacturerID), P11_MANUFACTURER);
	p11_pad(info->libraryDescription, sizeof(info->libraryDescription), "Smart card minidrivers");
	info->libraryVersion = (CK_VERSION){ VERSION_MAJOR, VERSION_MINOR };
	return CKR_OK;
}

CK_RV
C_GetInfo(CK_INFO *info)
{
	return get_info(info, 2, 40);
}

CK_RV
p11_get_info_3(CK_INFO *info)
{
	return get_info(info, 3, 0);
}
