/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The built module as a program sees it, over the virtual card's PC/SC library: a directory of readers for each test,
 * cards with keys, and short words for what tests do with PKCS#11. A helper that fails fails the test.
 *
 * The module is the file named by $MODULE; tests/lib/run.sh has put libpcsc-vcard in the place of libpcsclite.
 */
#ifndef MODULE_FIXTURE_H
#define MODULE_FIXTURE_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/test.h"
#include "pkcs11.h"

#define MT_PIN "123456"
#define MT_WRONG_PIN "000000"
#define MT_PIN_TRIES 3u
#define MT_READER "First Reader 00 00"
#define MT_OTHER_READER "Second Reader 01 00"

/*
 * Alice's containers (RSA keys sign and decrypt unless noted):
 *	0 "Alice RSA"		RSA-2048, certificate CN=Alice RSA
 *	1 "Alice Signature"	RSA-1024, signs only, no certificate
 *	2 "Alice EC"		P-256, certificate CN=Alice EC, stored plain
 *	3 "Alice P-384"		P-384, no certificate
 *	4 "Alice P-521"		P-521, no certificate
 *	5 "Alice damaged"	RSA-1024, its certificate file is rubbish
 * Bob's: 0 "Bob RSA", RSA-1024, certificate CN=Bob RSA. An empty card is formatted and has no keys; a blank one is not
 * formatted; a foreign one, besides, has an ATR that says nothing.
 *
 * Three cards have the largest keys: 0 RSA-4096, 1 RSA-3072, 2 P-521. They talk T=1 with extended lengths, T=1 with
 * chains of short commands, and T=0.
 */
enum mt_card { MT_ALICE, MT_BOB, MT_EMPTY, MT_BLANK, MT_FOREIGN, MT_BIG, MT_BIG_CHAINS, MT_BIG_T0, MT_CARDS };

/* The module's two function lists. */
extern CK_FUNCTION_LIST *mt;
extern CK_FUNCTION_LIST_3_0 *mt3;

/* For cmocka groups: loads the module once; and takes it out of memory. */
int mt_load(void **state);
int mt_unload(void **state);
/* For each test: a new world with MT_READER, Alice's card in it. Afterwards finalises if need be and clears up. */
int mt_set_up(void **state);
int mt_tear_down(void **state);
/* A second copy of the module, with a state of its own; handle for dlclose(). */
CK_FUNCTION_LIST *mt_load_copy(void **ret_handle);

/* World -------------------------------------------------------------------------------------------------------------- */

/* Paths of the running test's world: "readers", "cards/0". Lives until the next call but three. */
const char *mt_path(const char *format, ...) __attribute__((format(printf, 1, 2)));
void mt_add_reader(const char *reader);
void mt_remove_reader(const char *reader);
/* A card keeps what happened to it in this test; the same card can be in one reader after the other. */
void mt_insert(const char *reader, enum mt_card card);
void mt_remove(const char *reader);
/* Another program resets the card. */
void mt_reset(const char *reader);
void mt_stop_service(void);
/* Same readers and cards, but nothing of what the service knew before. */
void mt_start_service(void);
/* A text of tests/vcard/link.h for the next exchange with the reader, such as "*:sw=6A82". */
void mt_arm(const char *reader, const char *faults);
/* Exchanges with the reader since the test began. */
unsigned long mt_exchanges(const char *reader);
/* What the card knows of itself now: whether it would serve anybody without a PIN, and the tries left. */
bool mt_is_verified(enum mt_card card);
unsigned mt_tries(enum mt_card card);

/* PKCS#11 -------------------------------------------------------------------------------------------------------------- */

#define assert_rv(call, expected) assert_int_equal((call), (expected))

/* C_Initialize(NULL). */
void mt_initialize(void);
/* A session on slot 1; flags beside CKF_SERIAL_SESSION. */
CK_SESSION_HANDLE mt_open(CK_FLAGS flags);
/* All of these: initialised, read-only session, and in the second case logged in. */
CK_SESSION_HANDLE mt_start(void);
CK_SESSION_HANDLE mt_start_user(void);
CK_RV mt_login(CK_SESSION_HANDLE session, const char *pin);
CK_FLAGS mt_token_flags(CK_SLOT_ID slot);

/* Handles of what a template finds; at most max, which must be enough. */
size_t mt_find(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *ret_found,
	       size_t max);
/* How many objects of a class there are. */
size_t mt_count(CK_SESSION_HANDLE session, CK_OBJECT_CLASS class);
/* The one object of a class with this container's CKA_ID. */
CK_OBJECT_HANDLE mt_object(CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, CK_BYTE container);
/* One attribute by size query and call; returns its length, which must be at most room. */
size_t mt_get(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *ret_value, size_t room);
CK_ULONG mt_get_ulong(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
bool mt_get_bool(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
/* What C_GetAttributeValue says of one attribute without a buffer. */
CK_RV mt_ask(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
/* Signs some bytes with container 0's key, CKM_SHA256_RSA_PKCS, all the way from the search. */
CK_RV mt_sign(CK_SESSION_HANDLE session);

/* Time and processes --------------------------------------------------------------------------------------------------- */

void mt_sleep_ms(unsigned ms);
unsigned long mt_now_ms(void);
/* Neither sanitizers nor a tool around the test, which make everything slow. */
bool mt_plain(void);
/* How often a test repeats something: so many times, or a fortieth of it when not plain. */
unsigned mt_times(unsigned full);
/* Runs body in a forked process and gives its exit status; a crash fails the test. */
int mt_in_child(int (*body)(void));

#endif
