# SPDX-License-Identifier: BSD-2-Clause
# What minidriver-pkcs11-clients(7) tells in a section, out of the page's source.
#   awk -v section=NAME -f told.awk PAGE               its commands, a line each
#   awk -v section=NAME -v names=1 -f told.awk PAGE    the names of its files, a line each
#   awk -v section=NAME -v file=NAME -f told.awk PAGE  the contents of a file
# Both stand in literal blocks: commands begin with "$ ", a file is named by the last .Pa before its block.
function plain(text)
{
	gsub(/\\e/, "\\", text)
	gsub(/\\&/, "", text)
	gsub(/\\\(aq/, "'", text)
	gsub(/\\\(ti/, "~", text)
	return text
}

# command LINE: a command that goes on in the next line ends with a backslash
function command(line,	more)
{
	sub(/^(\$|>) +/, "", line)
	more = sub(/\\$/, "", line)
	printf "%s%s", line, more ? "" : "\n"
}

/^\.S[hs] / { inside = substr($0, 5) == section }
!inside { next }
/^\.Pa / { name = $2 }
/^\.Bd / { first = 1; next }
/^\.Ed/ { kind = ""; next }
first {
	kind = /^\$ / ? "commands" : "file"
	first = 0
	if (names && kind == "file")
		print name
}
kind == "commands" && !names && !file { command(plain($0)) }
kind == "file" && name == file { print plain($0) }
