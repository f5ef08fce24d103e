#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# table.sh PREFIX LEAST LIST [ROOT]: writes the table of statements of a list to standard output, from the tests under
# ROOT/tests (ROOT: here); complains on standard error, and fails, when a statement is neither named nor left out, is
# both, or fewer than LEAST are named.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
prefix=$1
least=$2
list=$(cd "$(dirname "$3")" && pwd)/${3##*/}
cd "${4:-.}"

# the virtual card shows nothing, it is what things are shown with
find tests \( -name statements -o -name vcard -o -name lib \) -prune -o \
	\( -name '*.c' -o -name '*.h' -o -name '*.sh' -o -name '*.java' \) -print | LC_ALL=C sort |
	LC_ALL=C xargs awk -v prefix="$prefix" -v least="$least" -f "$here/table.awk" "$list"
