# SPDX-License-Identifier: BSD-2-Clause
# The cards of the benchmark, in $work/cards: gids-bare with one RSA-2048 key and no certificate, gids-1 ... gids-30 with
# as many RSA-2048 keys and certificates, and piv, the reference PIV card.
# shellcheck shell=bash

authority() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/ca.key" -out "$work/ca.pem" -days 2 -subj "/CN=Test CA" 2>/dev/null
}

# certify PUBLIC-KEY NAME: $work/NAME.der, of the authority
certify() {
	openssl x509 -new -force_pubkey "$1" -subj "/CN=Alice $2" -CA "$work/ca.pem" -CAkey "$work/ca.key" -days 2 \
		-outform DER -out "$work/$2.der" 2>/dev/null
}

# key CARD INDEX: one more container
key() {
	"$VCARD_PERSO" keygen "$1" --pin "$pin" --index "$2" --alg rsa2048 --kind exchange --name "key$2"
}

# certificate CARD INDEX: for this container
certificate() {
	"$VCARD_PERSO" pubkey "$1" --index "$2" >"$work/key.pem"
	certify "$work/key.pem" "key$2"
	"$VCARD_PERSO" cert "$1" --pin "$pin" --index "$2" --der "$work/key$2.der"
}

make_gids_cards() {
	local n
	"$VCARD_PERSO" create "$work/growing"
	"$VCARD_PERSO" format "$work/growing" --pin "$pin"
	for ((n = 1; n <= CONTAINERS_MAX; n++)); do
		key "$work/growing" $((n - 1))
		[ $n -gt 1 ] || cp "$work/growing" "$work/cards/gids-bare"
		certificate "$work/growing" $((n - 1))
		cp "$work/growing" "$work/cards/gids-$n"
	done
}

make_piv_card() {
	"$VCARD_PERSO" create "$work/cards/piv" --applications piv --piv-quirks applet
	"$VCARD_PERSO" piv "$work/cards/piv"
}

make_cards() {
	mkdir -p "$work/cards"
	authority
	make_gids_cards
	make_piv_card
}

# public_key CARD: of the key that the benchmark signs with, in PEM
public_key() {
	case $1 in
	gids-*) "$VCARD_PERSO" pubkey "$work/cards/$1" --index 0 ;;
	piv) "$VCARD_PERSO" piv-pubkey "$work/cards/piv" --slot 9A ;;
	esac
}

# key_id CARD: its CKA_ID; all modules agree on PIV cards
key_id() {
	case $1 in
	gids-*) echo - ;;
	piv) echo 01 ;;
	esac
}
