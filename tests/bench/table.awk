# SPDX-License-Identifier: BSD-2-Clause
# table.awk RESULTS: tables in Markdown. With -v model=NAME short ones: exchanges, and milliseconds with this reader.
BEGIN {
	FS = "\t"
	row("slots", "initialise, list slots, slot info")
	row("token", "token info")
	row("list", "listing in a fresh process")
	row("list-4", "listing, four keys and certificates")
	row("list-15", "listing, 15 keys and certificates")
	row("list-again", "listing again after a pause")
	row("sign", "first signature in a fresh process, until the card is locked")
	row("sign-bare", "the same without the certificate on the card")
	row("sign-next", "each further signature")
	row("sign-later", "signature after a pause, until the card is locked")
	row("sign-100", "100 signatures with one login")
	row("pkcs11-tool", "`pkcs11-tool -O`")
	row("pkcs11-tool-bare", "the same without the certificate on the card")
	row("ssh", "ssh login")
	row("tls", "TLS 1.3 handshake")
	card_title["gids-1"] = "A GIDS card with one RSA-2048 key and its certificate"
	card_title["piv"] = "A PIV card with four keys and certificates, of which RSA-2048 signs"
	models = split(model == "" ? "fast median slow" : model, model_at, " ")
}

function row(act, title)
{
	row_at[++rows] = act
	row_title[act] = title
}

# Appends a word to the list NAME, once.
function note(name, word)
{
	if ((name, word) in noted)
		return
	noted[name, word]
	list[name, ++count[name]] = word
}

# Everyday acts: model, card, module, state, act, exchanges, bytes up, bytes down, milliseconds. Those on other GIDS cards
# are rows of their own. Of several measurements the quickest counts, with its own exchanges and bytes.
function take_act(card, act, key)
{
	card = $2
	act = $5
	if (card ~ /^gids-/ && card != "gids-1") {
		act = act substr(card, 5)
		card = "gids-1"
	}
	note("cards", card)
	note("sides of " card, $3 ", " $4)
	measured[card, act]
	key = card SUBSEP $3 ", " $4 SUBSEP act
	if (!(($1, key) in ms) || $9 < ms[$1, key]) {
		exchanges[$1, key] = $6
		bytes[$1, key] = $7 + $8
		ms[$1, key] = $9
	}
}

$1 == "crowd" { crowd[++crowds] = $0; next }
$1 == "weight" { weight[++weights] = $0; next }
$1 == "none" {
	note("growth", $2)
	note("sides of growth", $3 ", " $4 ", " $5)
	exchanges[$2, $3 ", " $4 ", " $5] = $6
	next
}
{ take_act() }

function rounded(n)
{
	return sprintf(n < 10 ? "%.1f" : "%d", n)
}

# What one act cost with each reader, between slashes; a number once where all readers agree
function each(values, key, how, i, value, words, all_same, first)
{
	all_same = 1
	for (i = 1; i <= models; i++) {
		if (!((model_at[i], key) in values))
			continue
		value = values[model_at[i], key]
		if (how == "ms")
			value = rounded(value)
		if (words == "")
			first = value
		else if (value != first)
			all_same = 0
		words = words (words == "" ? "" : " / ") value
	}
	return all_same && how != "ms" ? first : words
}

function cell(key, counts)
{
	counts = each(exchanges, key)
	if (counts == "" || counts == "-")
		return counts == "" ? "" : "–"
	return counts (model == "" ? ", " each(bytes, key) " bytes" : "") ", " each(ms, key, "ms") " ms"
}

function header(first, name, i, rule)
{
	printf "| %s |", first
	for (i = 1; i <= count[name]; i++) {
		printf " %s |", list[name, i]
		rule = rule " --- |"
	}
	print "\n| --- |" rule
}

function print_card(card, i, k)
{
	print card_title[card] "\n"
	header("Act", "sides of " card)
	for (i = 1; i <= rows; i++) {
		if (!((card, row_at[i]) in measured))
			continue
		printf "| %s |", row_title[row_at[i]]
		for (k = 1; k <= count["sides of " card]; k++)
			printf " %s |", cell(card SUBSEP list["sides of " card, k] SUBSEP row_at[i])
		print ""
	}
	print ""
}

function print_growth(i, k, n)
{
	print "Exchanges against containers on a GIDS card\n"
	header("Containers", "sides of growth")
	for (i = 1; i <= count["growth"]; i++) {
		n = substr(list["growth", i], 6)
		if (n != 1 && n % 5 != 0)
			continue
		printf "| %d |", n
		for (k = 1; k <= count["sides of growth"]; k++)
			printf " %s |", exchanges[list["growth", i], list["sides of growth", k]]
		print ""
	}
	print ""
}

function print_crowds(i, f)
{
	print "Processes that sign on one GIDS card at once, each as often\n"
	print "| Module | Processes | Signatures | Exchanges | First ready, ms | Last ready, ms | Failed |"
	print "| --- | --- | --- | --- | --- | --- | --- |"
	for (i = 1; i <= crowds; i++) {
		split(crowd[i], f, "\t")
		printf "| %s | %d | %d | %d | %d | %d | %d |\n", f[2], f[3], f[3] * f[4], f[5], f[9], f[8], f[10]
	}
	print ""
}

function print_weights(i, f)
{
	print "What a process grows by, in kB (of which no file backs), when the module is loaded, and after a listing and a signature on the PIV card\n"
	print "| Module | Step | ms | Resident | Own |"
	print "| --- | --- | --- | --- | --- |"
	for (i = 1; i <= weights; i++) {
		split(weight[i], f, "\t")
		printf "| %s | %s | %s | %d | %d |\n", f[2], f[3], f[4], f[5], f[6]
	}
	print ""
}

END {
	for (c = 1; c <= count["cards"]; c++)
		print_card(list["cards", c])
	if (model != "")
		exit
	print_growth()
	print_crowds()
	print_weights()
}
