# SPDX-License-Identifier: BSD-2-Clause
# The table of statements: which test shows which. Reads a list (NUMBER|STATEMENT or NUMBER|STATEMENT|left out: REASON),
# then tests; -v prefix=P is what numbers begin with. A number stands in a comment: before a function of a C file it is
# that function's, inside one it is that one's, above the first #include, and in scripts, the whole file's. P-142..P-144
# names three; "P-112's flag" is a remark on one. Writes the table, then on standard error what is wrong with it: nothing, or one line each; -v least=N wants
# so many to be named.

function place(number, function_name,  text)
{
	text = file (function_name == "" ? "" : " " function_name)
	if (index(shown[number] "\n", "\n" text "\n") == 0)
		shown[number] = shown[number] "\n" text
}

# mention(FROM, TO, FUNCTION): numbers that are not in the list are something else, as a curve's name is
function mention(from, to, function_name,  n, number)
{
	for (n = from; n <= to; n++) {
		number = sprintf("%s-%03d", prefix, n)
		if (number in statement)
			place(number, function_name)
	}
}

# collect(LINE, FUNCTION): all numbers and ranges in a line
function collect(line, function_name,  single, first, last)
{
	single = prefix "-[0-9][0-9][0-9]"
	while (match(line, "(^|[^A-Za-z0-9-])" single)) {
		first = last = substr(line, RSTART + RLENGTH - 3, 3) + 0
		line = substr(line, RSTART + RLENGTH)
		if (match(line, "^[.][.](" prefix "-)?[0-9][0-9][0-9]")) {
			last = substr(line, RLENGTH - 2, 3) + 0
			line = substr(line, RLENGTH + 1)
		}
		if (line !~ /^[0-9A-Za-z']/)
			mention(first, last, function_name)
	}
}

function flush_pending(function_name,  i)
{
	for (i = 1; i <= pending; i++)
		collect(waiting[i], function_name)
	pending = 0
}

function numeric(text)
{
	return text ~ "^" prefix "-[0-9][0-9][0-9]$"
}

BEGIN { FS = "|" }

FNR == 1 {
	flush_pending("")	# of the file before
	file = FILENAME
	is_c = FILENAME ~ /\.[ch]$/
	included = 0
	inside = ""
}

NR == FNR {
	if (!numeric($1) || $2 == "" || $1 in statement || NF > 3 || (NF == 3 && $3 !~ /^left out: ./))
		faults[++fault_count] = "the list's line " FNR " is no statement: " $0
	order[++count] = $1
	statement[$1] = $2
	reason[$1] = $3
	next
}

!is_c { collect($0, ""); next }
/^#[ \t]*include/ && !included { included = 1; flush_pending("") }
/^[A-Za-z_][A-Za-z0-9_]*\(/ {
	inside = substr($0, 1, index($0, "(") - 1)
	flush_pending(inside)
}
/^}/ { inside = "" }
index($0, prefix "-") {
	if (inside != "")
		collect($0, inside)
	else
		waiting[++pending] = $0
}

END {
	flush_pending("")
	print "# Statements and the tests that show them"
	print ""
	print "Made by `make statements` from the list beside it and the comments of the tests; not to be edited."
	print ""
	print "| Statement | | Shown by |"
	print "| --- | --- | --- |"
	for (i = 1; i <= count; i++) {
		number = order[i]
		places = substr(shown[number], 2)
		gsub(/\n/, "<br>", places)
		print "| " number " | " statement[number] " | " (places != "" ? places : reason[number]) " |"
		named += places != ""
		left += reason[number] != ""
		if (places == "" && reason[number] == "")
			faults[++fault_count] = number " is neither named by a test nor left out"
		if (places != "" && reason[number] != "")
			faults[++fault_count] = number " is left out and named by " places
	}
	print ""
	print named + 0 " of " count " are named by a test, " left + 0 " are left out."
	if (named < least)
		faults[++fault_count] = named + 0 " are named, and " least " should be"
	for (i = 1; i <= fault_count; i++)
		print faults[i] >"/dev/stderr"
	exit fault_count > 0
}
