/* SPDX-License-Identifier: BSD-2-Clause */
/* The cards: PINs without tries, certificates that are over, and what is inconsistent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tool/doctor.h"

#define SOON_DAYS 30
#define DAY_SECONDS 86400

/* PINs --------------------------------------------------------------------------------------------------------------------- */

static void
check_role(const struct csp_role_info *role, struct json_object *rows)
{
	bool admin = role->role == CSP_ROLE_ADMIN;

	if (role->tries_left == 0 && admin)
		doctor_tell(rows, DOCTOR_BAD, "PIN",
			    "whoever made the card may be able to make it anew; its keys go on working",
			    "the admin key is blocked: PINs cannot be unblocked any more");
	else if (role->tries_left == 0)
		doctor_tell(rows, DOCTOR_BAD, "PIN",
			    TOOL_NAME " pin unblock with the admin key, or " TOOL_NAME
				      " challenge with the administrator's help",
			    "the PIN of role %u is blocked", role->role);
	else if (role->tries_left == 1 && role->tries_max != 1)
		doctor_tell(rows, DOCTOR_NOTE, "PIN", TOOL_NAME " pin verify with the right one gives all tries back",
			    "role %u has one try left", role->role);
	else if (role->tries_left != CSP_UNKNOWN)
		doctor_tell(rows, DOCTOR_GOOD, "PIN", NULL, "role %u has %u tries left", role->role, role->tries_left);
}

static void
check_roles(struct csp_card *card, struct json_object *rows)
{
	struct csp_role_info roles[CSP_ROLES];
	size_t count = 0;
	DWORD r = csp_role_list(card, roles, &count);

	if (r != SCARD_S_SUCCESS)
		doctor_tell(rows, DOCTOR_BAD, "PIN", NULL, "the PINs cannot be read: %s", tool_code_text(r));
	for (size_t i = 0; r == SCARD_S_SUCCESS && i < count; i++)
		check_role(&roles[i], rows);
}

/* Certificates --------------------------------------------------------------------------------------------------------------- */

/* YYYYMMDD so many days from now. */
static void
day_from_now(int days, char ret_date[9])
{
	time_t then = time(NULL) + (time_t)days * DAY_SECONDS;
	struct tm tm = { .tm_year = 0 };

	if (gmtime_r(&then, &tm) == NULL || strftime(ret_date, 9, "%Y%m%d", &tm) != 8)
		ret_date[0] = '\0';
}

static void
check_dates(const struct csp_key *key, const struct csp_cert *cert, struct json_object *rows)
{
	char today[9], soon[9];

	day_from_now(0, today);
	day_from_now(SOON_DAYS, soon);
	if (cert->not_after[0] != '\0' && strcmp(cert->not_after, today) < 0)
		doctor_tell(rows, DOCTOR_BAD, "certificate", "have it renewed, then " TOOL_NAME " cert put FILE",
			    "that of \"%s\" was good until %s", key->name, cert->not_after);
	else if (cert->not_after[0] != '\0' && strcmp(cert->not_after, soon) < 0)
		doctor_tell(rows, DOCTOR_NOTE, "certificate", "have it renewed, then " TOOL_NAME " cert put FILE",
			    "that of \"%s\" is good until %s only", key->name, cert->not_after);
	else if (cert->not_before[0] != '\0' && strcmp(cert->not_before, today) > 0)
		doctor_tell(rows, DOCTOR_NOTE, "certificate", "look at the clock of this computer",
			    "that of \"%s\" is not good before %s", key->name, cert->not_before);
	else
		doctor_tell(rows, DOCTOR_GOOD, "certificate", NULL, "that of \"%s\"", key->name);
}

static void
check_certificates(struct csp_card *card, struct json_object *rows)
{
	const struct csp_cert *cert = NULL;
	DWORD r = csp_refresh(card, NULL);

	if (r != SCARD_S_SUCCESS) {
		doctor_tell(rows, DOCTOR_BAD, "container map", TOOL_NAME " check --repair",
			    "the keys cannot be listed: %s", tool_code_text(r));
		return;
	}
	for (size_t i = 0; i < csp_key_count(card); i++) {
		struct csp_key key = *csp_key_at(card, i);

		if (!key.has_cert)
			continue;
		if (csp_key_cert(card, key.id, &cert) == SCARD_S_SUCCESS)
			check_dates(&key, cert, rows);
		else
			doctor_tell(rows, DOCTOR_BAD, "certificate", TOOL_NAME " cert put FILE",
				    "that of \"%s\" cannot be read", key.name);
	}
}

/* The whole card ------------------------------------------------------------------------------------------------------------- */

static void
check_consistency(struct csp_card *card, struct json_object *rows)
{
	struct csp_finding *findings = NULL;
	size_t n = 0;
	DWORD r = csp_check(card, false, &findings, &n);

	if (r != SCARD_S_SUCCESS)
		doctor_tell(rows, DOCTOR_BAD, "card", NULL, "it cannot be checked: %s", tool_code_text(r));
	else if (n == 0)
		doctor_tell(rows, DOCTOR_GOOD, "card", NULL, "it is consistent");
	for (size_t i = 0; r == SCARD_S_SUCCESS && i < n; i++)
		doctor_tell(rows, DOCTOR_BAD, "card", findings[i].repairable ? TOOL_NAME " check --repair" : NULL, "%s",
			    findings[i].text);
	free(findings);
}

static void
check_card(struct csp_reader *reader, struct csp_card *card, struct json_object *rows)
{
	struct csp_card_info info;
	DWORD r = csp_card_info(card, &info);

	if (r != SCARD_S_SUCCESS) {
		doctor_tell(rows, DOCTOR_BAD, "card", TOOL_NAME " check --repair", "in %s: it cannot be read: %s",
			    csp_reader_name(reader), tool_code_text(r));
		return;
	}
	if (info.blank) {
		doctor_tell(rows, DOCTOR_NOTE, "card", TOOL_NAME " create", "in %s: it is blank",
			    csp_reader_name(reader));
		return;
	}
	doctor_tell(rows, DOCTOR_GOOD, "card", NULL, "in %s: served by %s", csp_reader_name(reader), info.minidriver);
	check_roles(card, rows);
	check_certificates(card, rows);
	check_consistency(card, rows);
}

void
doctor_cards(struct tool *tool, struct json_object *rows)
{
	for (size_t i = 0; i < csp_reader_count(tool->csp); i++) {
		struct csp_reader *reader = csp_reader_at(tool->csp, i);
		struct csp_card *card = NULL;
		DWORD r;

		if (!csp_reader_present(reader))
			continue;
		csp_reader_lock(reader);
		r = csp_reader_card(reader, &card);
		if (r == SCARD_S_SUCCESS)
			check_card(reader, card, rows);
		else
			doctor_tell(rows, DOCTOR_BAD, "card", NULL, "in %s: %s", csp_reader_name(reader),
				    tool_code_text(r));
		csp_reader_unlock(reader);
	}
}
