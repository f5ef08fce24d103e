# SPDX-License-Identifier: BSD-2-Clause
# chart.awk RESULTS: everyday acts with the median reader as bars, containers and processes as lines, in one SVG picture.
BEGIN {
	FS = "\t"
	sides = split("minidriver-pkcs11 warm;minidriver-pkcs11 cold;OpenSC cold;ykcs11 cold", side_at, ";")
	split("minidriver-pkcs11, card seen before;minidriver-pkcs11, first time;OpenSC;ykcs11", legend, ";")
	split("10;235;415;490", legend_x, ";")
	acts = split("token;list;sign;pkcs11-tool;ssh;tls", act_at, ";")
	split("token info;listing;first signature;pkcs11-tool -O;ssh login;TLS 1.3 handshake", act_title, ";")
	WIDTH = 720
	LEFT = 130	# of the bars
	BAR = 11
}

function shown(act, i)
{
	for (i = 1; i <= acts; i++)
		if (act_at[i] == act)
			return 1
	return 0
}

# A point of the lines in a panel
function point(panel, side, x, y, n)
{
	n = ++points[panel, side]
	at_x[panel, side, n] = x
	at_y[panel, side, n] = y
	if (x > max_x[panel])
		max_x[panel] = x
	if (y > max_y[panel])
		max_y[panel] = y
}

$1 == "median" && $9 != "-" && shown($5) && (!(($2, $3 " " $4, $5) in ms) || $9 < ms[$2, $3 " " $4, $5]) {
	ms[$2, $3 " " $4, $5] = $9
}
$1 == "none" && $5 == "list" { point("containers", $3 " " $4, substr($2, 6) + 0, $6) }
# of crowd.c: processes, signatures of each, exchanges, bytes up and down, milliseconds
$1 == "crowd" { point("processes", $2 " cold", $3 + 0, $8 / ($3 * $4)) }

# Into the picture's body, since its height is known last
function put(element)
{
	body = body element "\n"
}

function text(x, y, what, class)
{
	put(sprintf("<text x=\"%.1f\" y=\"%.1f\"%s>%s</text>", x, y, class == "" ? "" : " class=\"" class "\"", what))
}

function print_picture(height)
{
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\">\n", WIDTH, height
	print "<title>What everyday acts cost with a smart card</title>"
	print "<style>"
	print "text { font: 11px sans-serif; fill: #24292f } .head { font-weight: bold } .end { text-anchor: end }"
	print "rect.s1 { fill: #54aeff } rect.s2 { fill: #0969da } rect.s3 { fill: #bc4c00 } rect.s4 { fill: #6e7781 }"
	print "polyline { fill: none; stroke-width: 2; stroke: #8c959f }"
	print "polyline.s1 { stroke: #54aeff } polyline.s2 { stroke: #0969da } polyline.s3 { stroke: #bc4c00 }"
	print "polyline.axis { stroke-width: 1 }"
	print "@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } rect.s3 { fill: #f0883e } polyline.s3 { stroke: #f0883e } }"
	print "</style>"
	printf "%s</svg>\n", body
}

function put_legend(i)
{
	for (i = 1; i <= sides; i++) {
		put(sprintf("<rect class=\"s%d\" x=\"%d\" y=\"8\" width=\"10\" height=\"10\"/>", i, legend_x[i]))
		text(legend_x[i] + 14, 17, legend[i])
	}
}

function put_bar(class, value, y, length_of)
{
	length_of = value / longest * (WIDTH - LEFT - 60)
	put(sprintf("<rect class=\"s%d\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>", class, LEFT, y,
		length_of < 1 ? 1 : length_of, BAR))
	text(LEFT + length_of + 4, y + BAR - 1, sprintf("%d ms", value))
}

# The bars of a card from y on; returns where they end. A gap is an act that failed.
function put_bars(card, heading, y, i, k, first)
{
	text(10, y + 11, heading, "head")
	y += 20
	for (i = 1; i <= acts; i++) {
		text(LEFT - 8, y + BAR - 1, act_title[i], "end")
		for (k = 1; k <= sides; k++) {
			if ((card, side_at[k], act_at[i]) in ms)
				put_bar(k, ms[card, side_at[k], act_at[i]], y)
			else if (!((card, side_at[k]) in served))
				continue
			else
				text(LEFT, y + BAR - 1, legend[k] ": fails")
			y += BAR + 1
		}
		y += 7
	}
	return y + 8
}

# Lines in a box at x, y; w and h are its axes'
function put_lines(panel, heading, x, y, w, h, i, k, path)
{
	text(x, y + 11, heading, "head")
	x += 30
	y += 24
	put(sprintf("<polyline class=\"axis\" points=\"%d,%d %d,%d %d,%d\"/>", x, y, x, y + h, x + w, y + h))
	text(x - 4, y + 8, sprintf("%d", max_y[panel]), "end")
	text(x - 4, y + h, "0", "end")
	text(x + w / max_x[panel], y + h + 14, "1")
	text(x + w, y + h + 14, max_x[panel] " " panel, "end")
	for (k = 1; k <= sides; k++) {
		path = ""
		for (i = 1; i <= points[panel, side_at[k]]; i++)
			path = path sprintf("%.1f,%.1f ", x + at_x[panel, side_at[k], i] / max_x[panel] * w,
				y + h - at_y[panel, side_at[k], i] / max_y[panel] * h)
		if (path != "")
			put(sprintf("<polyline class=\"s%d\" points=\"%s\"/>", k, path))
	}
}

END {
	for (key in ms) {
		split(key, part, SUBSEP)
		served[part[1], part[2]]
		if (ms[key] > longest)
			longest = ms[key]
	}
	put_legend()
	y = put_bars("gids-1", "GIDS card with one key; 20 ms an exchange, 344 kbit/s", 28)
	y = put_bars("piv", "PIV card with four keys; the same reader", y)
	put_lines("containers", "Exchanges of a listing", 10, y, 300, 140)
	put_lines("processes", "Milliseconds a signature, several processes at once", 380, y, 300, 140)
	print_picture(y + 190)
}
