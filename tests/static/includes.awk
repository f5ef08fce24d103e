# SPDX-License-Identifier: BSD-2-Clause
# Reads "file:line:#include ..." and the table of includes.sh (variable table); prints what the table does not allow.
# Own headers and guarded system headers are words of the table's middle and last columns.
function load(  line, f, n, i, column)
{
	while ((getline line <table) > 0) {
		n = split(line, f, /[ \t]+/)
		rows++
		pattern[rows] = f[1]
		gsub(/\./, "\\.", pattern[rows])
		gsub(/\*/, ".*", pattern[rows])
		# own headers end where the last run of two or more spaces begins
		match(line, /^[^ ]+ +/)
		column = substr(line, RLENGTH + 1)
		i = match(column, /   *[^ ].*$/)
		own[rows] = substr(column, 1, i - 1)
		guarded[rows] = substr(column, i)
	}
}

function allowed(name, list,  f, n, i)
{
	n = split(list, f, /[ \t]+/)
	for (i = 1; i <= n; i++)
		if (f[i] == name || (f[i] ~ /\/$/ && index(name, f[i]) == 1))
			return 1
	return 0
}

function row_of(file,  i)
{
	for (i = 1; i <= rows; i++)
		if (file ~ ("^" pattern[i] "$"))
			return i
	return 0
}

function is_guarded(name)
{
	return name ~ /^(openssl|p11-kit|PCSC)\// ||
		name ~ /^(winscard|wintypes|reader|pcsclite|ifdhandler|zlib|ini|INIReader|cmocka|json)\.h$/
}

BEGIN {
	load()
}

{
	split($0, part, ":")
	where = part[1] ":" part[2]
	what = $0
	sub(/^[^#]*#[ \t]*include[ \t]*/, "", what)
	close_at = match(substr(what, 2), /[">]/)
	what = substr(what, 1, close_at + 1)
	name = substr(what, 2, length(what) - 2)
	row = row_of(part[1])
	if (what ~ /^"/)
		ok = row && name !~ /\.\./ && allowed(name, own[row])
	else if (what ~ /^</)
		ok = !is_guarded(name) || (row && allowed(name, guarded[row]))
	else
		ok = 0
	if (!ok)
		print where ": " what
}
