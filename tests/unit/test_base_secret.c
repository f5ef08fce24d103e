/* SPDX-License-Identifier: BSD-2-Clause */
/* Secrets: their memory, comparison, masking, and that they are gone in a forked child and a core dump. */
#include "base/auto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fault.h"
#include "lib/test.h"

static void
test_set_and_compare(void **state)
{
	AUTO_SECRET struct secret a = SECRET_INIT, b = SECRET_INIT, empty = SECRET_INIT;

	(void)state;
	assert_true(secret_set(&a, "123456", 6));
	assert_true(secret_copy(&b, &a));
	assert_ptr_not_equal(a.p, b.p);
	assert_true(secret_equal(&a, &b));
	b.p[5] ^= 1;
	assert_false(secret_equal(&a, &b));
	secret_truncate(&b, 5);
	assert_int_equal(b.p[5], 0);
	assert_false(secret_equal(&a, &b));
	secret_truncate(&b, 6);
	assert_int_equal(b.len, 5);
	assert_true(secret_set(&a, NULL, 0));
	assert_null(a.p);
	assert_true(secret_equal(&a, &empty));
	assert_true(secret_copy(&a, &a));
	secret_free(NULL);
}

/* The new bytes may lie in the old ones. */
static void
test_set_from_itself(void **state)
{
	AUTO_SECRET struct secret s = SECRET_INIT;

	(void)state;
	assert_true(secret_set(&s, "0123456789", 10));
	assert_true(secret_set(&s, s.p + 4, 3));
	assert_int_equal(s.len, 3);
	assert_memory_equal(s.p, "456", 3);
}

static void
test_alloc(void **state)
{
	AUTO_SECRET struct secret s = SECRET_INIT;

	(void)state;
	assert_true(secret_alloc(&s, 10000));
	assert_true(s.room >= s.len);
	for (size_t i = 0; i < s.len; i++)
		assert_int_equal(s.p[i], 0);
	memset(s.p, 0xFF, s.len);
	assert_true(secret_alloc(&s, 1));
	assert_int_equal(s.p[0], 0);
	assert_false(secret_alloc(&s, SIZE_MAX));
	assert_null(s.p);
}

static void
test_bytes(void **state)
{
	uint8_t bytes[4] = { 1, 2, 3, 4 };

	(void)state;
	assert_true(secret_bytes_equal("abc", "abc", 3));
	assert_false(secret_bytes_equal("abc", "abd", 3));
	assert_true(secret_bytes_equal("abc", "xyz", 0));
	secret_wipe(bytes, 3);
	assert_memory_equal(bytes, "\0\0\0\4", 4);
	secret_wipe(NULL, 0);
}

static void
test_masked(void **state)
{
	struct masked_secret m = { SECRET_INIT, SECRET_INIT };
	AUTO_SECRET struct secret clear = SECRET_INIT;

	(void)state;
	assert_false(masked_is_set(&m));
	assert_false(masked_get(&m, &clear));
	assert_true(masked_set(&m, "a long enough secret", 20));
	assert_true(masked_is_set(&m));
	assert_memory_not_equal(m.data.p, "a long enough secret", 20);
	assert_true(masked_get(&m, &clear));
	assert_int_equal(clear.len, 20);
	assert_memory_equal(clear.p, "a long enough secret", 20);
	assert_true(masked_set(&m, "another", 7));
	assert_true(masked_get(&m, &clear));
	assert_memory_equal(clear.p, "another", 7);
	assert_true(masked_set(&m, NULL, 0));
	assert_false(masked_is_set(&m));
	masked_free(&m);
	masked_free(NULL);
}

/* A failed change leaves no old secret behind that somebody could take for the new one. */
static void
test_no_memory(void **state)
{
	struct masked_secret m = { SECRET_INIT, SECRET_INIT };
	AUTO_SECRET struct secret s = SECRET_INIT;
	bool ok;
	unsigned n;

	(void)state;
	fault_arm(1);
	assert_false(secret_set(&s, "x", 1));
	assert_true(fault_fired());
	assert_null(s.p);
	for (n = 1;; n++) {
		assert_true(masked_set(&m, "old", 3));
		fault_arm(n);
		ok = masked_set(&m, "new", 3) && masked_get(&m, &s);
		if (!fault_fired())
			break;
		assert_false(ok);
		secret_free(&s);
	}
	assert_true(ok);
	assert_int_equal(n, 4);
	masked_free(&m);
}

/* True when this line of /proc/self/smaps begins a mapping with this address in it. */
static bool
begins_mapping(const char *line, uintptr_t address)
{
	char *dash;
	const unsigned long from = strtoul(line, &dash, 16), to = *dash == '-' ? strtoul(dash + 1, NULL, 16) : 0;

	return from <= address && address < to;
}

/* True when the kernel's flags of the mapping with this address have this word. */
static bool
mapping_has_flag(const void *p, const char *flag)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	char line[512];
	bool inside = false, found = false;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (begins_mapping(line, (uintptr_t)p))
			inside = true;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0) {
			found = strstr(line, flag) != NULL;
			break;
		}
	}
	fclose(f);
	return found;
}

static void
test_out_of_core_dump_and_child(void **state)
{
	AUTO_SECRET struct secret s = SECRET_INIT;
	int status = 0;
	pid_t child;

	(void)state;
	assert_true(secret_set(&s, "123456", 6));
	assert_true(mapping_has_flag(s.p, " dd"));
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(secret_bytes_equal(s.p, "\0\0\0\0\0\0", 6) ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_memory_equal(s.p, "123456", 6);
}

static void
test_random(void **state)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 };

	(void)state;
	assert_true(secret_random(a, sizeof(a)));
	assert_true(secret_random(b, sizeof(b)));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_true(secret_random(a, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_and_compare),
		cmocka_unit_test(test_set_from_itself),
		cmocka_unit_test(test_alloc),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_masked),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_out_of_core_dump_and_child),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("/base/secret", tests, NULL, NULL);
}
