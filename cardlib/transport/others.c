/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the smart card service has other clients than this copy of the code: /proc/net/unix lists the service's ends
 * of all connections, of every user's programs.
 */
#include <stdio.h>
#include <string.h>

#include "transport/pcsc.h"

#define SOCKETS "/proc/net/unix"
#define SERVICE "/pcscd.comm"
#define STATE_FIELD 5
#define CONNECTED "03"

/* "Num RefCount Protocol Flags Type St Inode Path" (unix(7)) */
static bool
is_connection(const char *line, bool *ret_service)
{
	const char *end = strchr(line, '\n');
	const size_t len = end != NULL ? (size_t)(end - line) : strlen(line);
	const char *field = line;

	if (len < sizeof(SERVICE) || strncmp(line + len - (sizeof(SERVICE) - 1), SERVICE, sizeof(SERVICE) - 1) != 0)
		return false;
	*ret_service = true;
	for (unsigned i = 0; i < STATE_FIELD; i++) {
		field += strcspn(field, " ");
		field += strspn(field, " ");
	}
	return strncmp(field, CONNECTED " ", sizeof(CONNECTED)) == 0;
}

bool
pcsc_has_others(unsigned own)
{
	FILE *sockets = fopen(SOCKETS, "re");
	bool service = false;
	unsigned count = 0;
	char line[512];

	if (sockets == NULL)
		return true;
	while (fgets(line, sizeof(line), sockets) != NULL)
		count += is_connection(line, &service);
	(void)fclose(sockets);
	/* a service that is somewhere else has clients that cannot be seen */
	return !service || count > own;
}
