#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Layout of the C sources, by .clang-format, and shellcheck over the scripts. `format.sh --fix FILE...` rewrites sources.
set -eu

if [ "${1-}" = --fix ]; then
	shift
	exec clang-format -i "$@"
fi

for tool in clang-format shellcheck; do
	command -v "$tool" >/dev/null || { echo "format: $tool is not installed" >&2; exit 1; }
done

cd "$abs_top_srcdir"
status=0
sources=$(find include cardlib src tests -name '*.[ch]' | sort)
# shellcheck disable=SC2086 # lists of files without blanks
clang-format --dry-run -Werror --ferror-limit=5 $sources || status=1

scripts=$(find tests -name '*.sh' | sort)
[ ! -f .ci/run ] || scripts="$scripts .ci/run"
# shellcheck disable=SC2086
shellcheck bootstrap $scripts || status=1
exit $status
