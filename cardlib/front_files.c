/* SPDX-License-Identifier: BSD-2-Clause */
/* The front's functions on directories and files. */
#include "front.h"

#include "check.h"

/* Names in lower case; the root is NULL. */
struct path {
	char directory[CHECK_NAME_MAX + 1], file[CHECK_NAME_MAX + 1];
	const char *where;
};

static bool
path_directory(struct path *path, const char *directory)
{
	path->where = NULL;
	if (directory == NULL || directory[0] == '\0')
		return true;
	path->where = path->directory;
	return check_name(directory, path->directory);
}

static bool
path_set(struct path *path, const char *directory, const char *file)
{
	return path_directory(path, directory) && check_name(file, path->file);
}

static DWORD
create_directory(CARD_DATA *card, const char *pszDirectory, CARD_DIRECTORY_ACCESS_CONDITION ac)
{
	CARD_DATA *own = front_own(card);
	struct path path;

	if (own == NULL || !check_name(pszDirectory, path.directory) ||
	    (ac != UserCreateDeleteDirAc && ac != AdminCreateDeleteDirAc))
		return SCARD_E_INVALID_PARAMETER;
	if (front_may_change(card) != SCARD_S_SUCCESS)
		return SCARD_E_UNSUPPORTED_FEATURE;
	return FRONT_CALL(own, pfnCardCreateDirectory, card, path.directory, ac);
}

static DWORD
delete_directory(CARD_DATA *card, const char *pszDirectory)
{
	CARD_DATA *own = front_own(card);
	struct path path;

	if (own == NULL || !check_name(pszDirectory, path.directory))
		return SCARD_E_INVALID_PARAMETER;
	if (front_may_change(card) != SCARD_S_SUCCESS)
		return SCARD_E_UNSUPPORTED_FEATURE;
	return FRONT_CALL(own, pfnCardDeleteDirectory, card, path.directory);
}

/* The conditions that a file can have; the others are answers only. */
static bool
condition_fits(CARD_FILE_ACCESS_CONDITION ac)
{
	return ac > InvalidAc && ac <= AdminReadWriteAc && ac != UnknownAc;
}

static DWORD
create_file(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD cbInitial,
	    CARD_FILE_ACCESS_CONDITION ac)
{
	CARD_DATA *own = front_own(card);
	struct path path;

	if (own == NULL || !path_set(&path, pszDirectory, pszFile) || !condition_fits(ac))
		return SCARD_E_INVALID_PARAMETER;
	if (front_may_change(card) != SCARD_S_SUCCESS)
		return SCARD_E_UNSUPPORTED_FEATURE;
	return FRONT_CALL(own, pfnCardCreateFile, card, path.where, path.file, cbInitial, ac);
}

static DWORD
read_file(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD dwFlags, BYTE **ppbData, DWORD *pcbData)
{
	CARD_DATA *own = front_own(card);
	struct path path;

	if (own == NULL || dwFlags != 0 || ppbData == NULL || pcbData == NULL ||
	    !path_set(&path, pszDirectory, pszFile))
		return SCARD_E_INVALID_PARAMETER;
	return FRONT_CALL(own, pfnCardReadFile, card, path.where, path.file, dwFlags, ppbData, pcbData);
}

static DWORD
write_file(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD dwFlags, const BYTE *pbData,
	   DWORD cbData)
{
	CARD_DATA *own = front_own(card);
	struct path path;

	if (own == NULL || dwFlags != 0 || (pbData == NULL && cbData != 0) || !path_set(&path, pszDirectory, pszFile))
		return SCARD_E_INVALID_PARAMETER;
	if (front_may_change(card) != SCARD_S_SUCCESS)
		return SCARD_E_UNSUPPORTED_FEATURE;
	return FRONT_CALL(own, pfnCardWriteFile, card, path.where, path.file, dwFlags, pbData, cbData);
}

static DWORD
delete_file(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD dwFlags)
{
	CARD_DATA *own = front_own(card);
	struct path path;

	if (own == NULL || dwFlags != 0 || !path_set(&path, pszDirectory, pszFile))
		return SCARD_E_INVALID_PARAMETER;
	if (front_may_change(card) != SCARD_S_SUCCESS)
		return SCARD_E_UNSUPPORTED_FEATURE;
	return FRONT_CALL(own, pfnCardDeleteFile, card, path.where, path.file, dwFlags);
}

static DWORD
enum_files(CARD_DATA *card, const char *pszDirectory, char **pmszFiles, DWORD *pcbFiles, DWORD dwFlags)
{
	CARD_DATA *own = front_own(card);
	struct path path;

	if (pmszFiles != NULL)
		*pmszFiles = NULL;
	if (own == NULL || pmszFiles == NULL || pcbFiles == NULL || dwFlags != 0 ||
	    !path_directory(&path, pszDirectory))
		return SCARD_E_INVALID_PARAMETER;
	return FRONT_CALL(own, pfnCardEnumFiles, card, path.where, pmszFiles, pcbFiles, dwFlags);
}

static DWORD
get_file_info(CARD_DATA *card, const char *pszDirectory, const char *pszFile, CARD_FILE_INFO *pInfo)
{
	CARD_DATA *own = front_own(card);
	struct path path;

	if (own == NULL || pInfo == NULL || !path_set(&path, pszDirectory, pszFile))
		return SCARD_E_INVALID_PARAMETER;
	return FRONT_CALL(own, pfnCardGetFileInfo, card, path.where, path.file, pInfo);
}

void
front_files(CARD_DATA *card)
{
	card->pfnCardCreateDirectory = create_directory;
	card->pfnCardDeleteDirectory = delete_directory;
	card->pfnCardCreateFile = create_file;
	card->pfnCardReadFile = read_file;
	card->pfnCardWriteFile = write_file;
	card->pfnCardDeleteFile = delete_file;
	card->pfnCardEnumFiles = enum_files;
	card->pfnCardGetFileInfo = get_file_info;
}
