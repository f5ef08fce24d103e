# SPDX-License-Identifier: BSD-2-Clause
# limits.awk RESULTS: what must hold of them; fails when something does not.
#
# A ratio of times hardly depends on the machine, since nearly all of both is the reader's, which is the same; of several
# measurements the one that was disturbed least counts.
BEGIN { FS = "\t" }

function verdict(good, text)
{
	print (good ? "ok - " : "not ok - ") text
	failed += !good
}

$3 == "minidriver-pkcs11" && $6 == "-" { verdict(0, $1 " " $2 " " $4 ", " $5 ": failed") }
# processes, signatures of each, exchanges, bytes up and down, milliseconds until the last and the first was ready, failed
$1 == "crowd" && $2 == "minidriver-pkcs11" { crowd_ms[$3] = $8; crowd_failed[$3] = $10; crowd_max = $3 }
$1 == "crowd" { next }
$1 == "weight" { next }
$1 == "none" { exchanges[$2, $3, $4, $5] = $6; bytes[$2, $3, $4, $5] = $7 + $8; next }
{ seen[$3] }
$9 != "-" && (!(($1, $2, $3, $4, $5) in ms) || $9 < ms[$1, $2, $3, $4, $5]) { ms[$1, $2, $3, $4, $5] = $9 }

# Cold, with the median reader, less than a share of OpenSC's time
function faster(card, act, share, ours, theirs)
{
	ours = ms["median", card, "minidriver-pkcs11", "cold", act]
	theirs = ms["median", card, "OpenSC", "cold", act]
	if (!("OpenSC" in seen))
		print "skipped - " card ", " act ": without OpenSC"
	else
		verdict(ours > 0 && ours * share < theirs,
			sprintf("%s, %s: %d ms, OpenSC %d ms, less than 1/%d", card, act, ours, theirs, share))
}

# What a listing costs is a constant and the bytes of the containers, in answers of 256; part of the constant are ten
# certificate files whose names can be read in two ways, which are compared with the keys.
function grows_with_bytes(n, key, most, worst, worst_n)
{
	for (n = 1; ("gids-" n, "minidriver-pkcs11", "cold", "list") in exchanges; n++) {
		key = "gids-" n SUBSEP "minidriver-pkcs11" SUBSEP "cold" SUBSEP "list"
		most = exchanges[key] - bytes[key] / 256
		if (most > worst) {
			worst = most
			worst_n = n
		}
	}
	verdict(n > 1 && worst <= 12, sprintf("listing 1 to %d containers: at most %.1f exchanges (with %d) beyond their bytes, limit 12",
		n - 1, worst, worst_n))
}

# With a warm cache it does not matter how many containers there are
function stays(act, n, first, good)
{
	first = exchanges["gids-1", "minidriver-pkcs11", "warm", act]
	good = 1
	for (n = 1; ("gids-" n, "minidriver-pkcs11", "warm", act) in exchanges; n++)
		good = good && exchanges["gids-" n, "minidriver-pkcs11", "warm", act] == first
	verdict(good && n > 1, sprintf("%s, warm: %d exchanges among 1 to %d containers", act, first, n - 1))
}

# Processes that share a card take little longer than one that does the work of all
function shared(n)
{
	verdict(crowd_failed[n] == 0 && crowd_ms[n] < 1.5 * n * crowd_ms[1],
		sprintf("%d processes on one card: %d failed, %.2f times as long as one with the work of all, limit 1.5",
			n, crowd_failed[n], crowd_ms[n] / (n * crowd_ms[1])))
}

END {
	faster("gids-bare", "pkcs11-tool", 5)
	faster("gids-bare", "sign", 4)
	faster("gids-1", "pkcs11-tool", 5)
	grows_with_bytes()
	stays("list")
	stays("find")
	for (n = 1; n <= crowd_max; n *= 2)
		shared(n)
	exit failed > 0
}
