/* SPDX-License-Identifier: BSD-2-Clause */
/* The PC/SC client API: contexts, lists, memory. Return codes and their order are those of pcsc-lite 1.9.9. */
#include <stdlib.h>
#include <string.h>

#include "vcard/pcsc_world.h"
#include "vcard/pcsc_front.h"

PCSC_API const SCARD_IO_REQUEST g_rgSCardT0Pci = { SCARD_PROTOCOL_T0, sizeof(SCARD_IO_REQUEST) };
PCSC_API const SCARD_IO_REQUEST g_rgSCardT1Pci = { SCARD_PROTOCOL_T1, sizeof(SCARD_IO_REQUEST) };
PCSC_API const SCARD_IO_REQUEST g_rgSCardRawPci = { SCARD_PROTOCOL_RAW, sizeof(SCARD_IO_REQUEST) };

LONG
front_give(const void *value, DWORD len, void *out, DWORD *io_len)
{
	DWORD room = *io_len;
	void *copy;

	*io_len = len;
	if (room == SCARD_AUTOALLOCATE) {
		if (out == NULL)
			return SCARD_E_INVALID_PARAMETER;
		if ((copy = malloc(len > 0 ? len : 1)) == NULL)
			return SCARD_E_NO_MEMORY;
		memcpy(copy, value, len);
		memcpy(out, &copy, sizeof(copy));
		/* cppcheck-suppress memleak ; the caller has it now */
		return SCARD_S_SUCCESS;
	}
	if (out == NULL)
		return SCARD_S_SUCCESS;
	if (room < len)
		return SCARD_E_INSUFFICIENT_BUFFER;
	memcpy(out, value, len);
	return SCARD_S_SUCCESS;
}

/* The environment is read again for each reader; what it says must be right from the start. */
static bool
environment_is_valid(void)
{
	const char *latency = getenv("VCARD_LATENCY"), *text = getenv("VCARD_FAULTS");
	struct link_latency parsed;
	struct link_faults faults;
	char error[LINK_ERROR_MAX];

	if (latency != NULL && !link_latency_parse(latency, &parsed))
		return false;
	if (text == NULL)
		return true;
	if (!link_faults_parse(text, strlen(text), &faults, error))
		return false;
	link_faults_free(&faults);
	return true;
}

LONG
SCardEstablishContext(DWORD dwScope, LPCVOID pvReserved1, LPCVOID pvReserved2, LPSCARDCONTEXT phContext)
{
	(void)pvReserved1;
	(void)pvReserved2;
	if (!world_available())
		return SCARD_E_NO_SERVICE;
	if (phContext == NULL)
		return SCARD_E_INVALID_PARAMETER;
	*phContext = 0;
	if (dwScope > SCARD_SCOPE_GLOBAL || !environment_is_valid())
		return SCARD_E_INVALID_VALUE;
	return context_new(phContext);
}

LONG
SCardReleaseContext(SCARDCONTEXT hContext)
{
	struct context *c = context_enter(hContext);
	LONG rv;

	if (c == NULL)
		return SCARD_E_INVALID_HANDLE;
	rv = context_check(c);
	while (c->handles != NULL)
		front_abandon(c, c->handles);
	context_release(c);
	context_leave(c);
	return rv;
}

LONG
SCardIsValidContext(SCARDCONTEXT hContext)
{
	struct context *c = context_find(hContext);

	if (c == NULL)
		return SCARD_E_INVALID_HANDLE;
	context_unref(c);
	return SCARD_S_SUCCESS;
}

LONG
SCardFreeMemory(SCARDCONTEXT hContext, LPCVOID pvMem)
{
	void *memory;

	if (SCardIsValidContext(hContext) != SCARD_S_SUCCESS)
		return SCARD_E_INVALID_HANDLE;
	memcpy(&memory, &pvMem, sizeof(memory)); /* the API takes a pointer to const */
	free(memory);
	return SCARD_S_SUCCESS;
}

/* All names, each with its NUL, and one NUL more. */
static size_t
collect_names(const struct context *c, char ret_names[WORLD_READERS_MAX * MAX_READERNAME + 1])
{
	struct reader *readers[WORLD_READERS_MAX];
	size_t count = world_readers(c, readers), len = 0, n, i;

	for (i = 0; i < count; i++) {
		n = strlen(readers[i]->name) + 1;
		memcpy(ret_names + len, readers[i]->name, n);
		len += n;
		reader_unref(readers[i]);
	}
	ret_names[len] = '\0';
	return len + 1;
}

LONG
SCardListReaders(SCARDCONTEXT hContext, LPCSTR mszGroups, LPSTR mszReaders, LPDWORD pcchReaders)
{
	char names[WORLD_READERS_MAX * MAX_READERNAME + 1];
	struct context *c;
	size_t len = 0;
	LONG rv;

	(void)mszGroups;
	if (pcchReaders == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if ((c = context_enter(hContext)) == NULL)
		return SCARD_E_INVALID_HANDLE;
	rv = context_check(c);
	if (rv == SCARD_S_SUCCESS)
		len = collect_names(c, names);
	context_leave(c);
	if (len <= 1) {
		*pcchReaders = len;
		return rv != SCARD_S_SUCCESS ? rv : SCARD_E_NO_READERS_AVAILABLE;
	}
	return front_give(names, len, mszReaders, pcchReaders);
}

LONG
SCardListReaderGroups(SCARDCONTEXT hContext, LPSTR mszGroups, LPDWORD pcchGroups)
{
	static const char groups[] = "SCard$DefaultReaders\0";
	struct context *c = context_enter(hContext);

	if (c == NULL)
		return SCARD_E_INVALID_HANDLE;
	context_leave(c);
	if (pcchGroups == NULL)
		return SCARD_E_INVALID_PARAMETER;
	return front_give(groups, sizeof(groups), mszGroups, pcchGroups);
}
