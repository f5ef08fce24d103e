#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Chromium in a window of a virtual display: TLS client authentication with keys of the card, PIN typed into its window.
# shellcheck source=tests/clients/lib.sh
. "$abs_top_srcdir/tests/clients/lib.sh"
e2e_needs gids-tool pkcs11-tool opensc-tool openssl pcscd chromium Xvfb xdotool modutil certutil curl mount

# choice PORT NAME: how the manual's line becomes one for this port and this certificate
choice() {
	printf '%s' "s|www.example.org|&:$1|;s|{}|{\\\\\"SUBJECT\\\\\":{\\\\\"CN\\\\\":\\\\\"Alice $2\\\\\"}}|"
}

# The choice of the certificate is a policy of the machine; one port for each key.
configure_chromium() {
	mkdir -p "$W/etc/policies/managed" "$W/.pki/nssdb"
	told_file /etc/chromium/policies/managed/card.json "2{h;$(choice 443 rsa);s/\$/,/;p;g;$(choice 444 ec)}"
	mv card.json "$W/etc/policies/managed"
	mount --bind "$W/etc" /etc/chromium
	check "certutil makes a database" told "certutil"
	check "modutil adds the module" told "modutil"
}

display_start() {
	Xvfb -displayfd 3 -screen 0 1024x768x24 -nolisten tcp 3>"$W/display" 2>/dev/null &
	wait_for 10 test -s "$W/display"
	DISPLAY=:$(cat "$W/display")
	export DISPLAY
}

browser_start() {
	local spki
	spki=$(openssl x509 -in "$W/srv.crt" -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64)
	chromium --user-data-dir="$W/profile" --no-sandbox --password-store=basic --disable-gpu --remote-debugging-port=0 \
		--no-first-run --disable-background-networking --disable-component-update --disable-sync --disable-quic \
		--ignore-certificate-errors-spki-list="$spki" about:blank >"$W/chromium.log" 2>&1 &
	BROWSER=$!
	wait_for 30 test -s "$W/profile/DevToolsActivePort"
	DEVTOOLS=$(head -n 1 "$W/profile/DevToolsActivePort")
}

# The PIN is typed once; a window that asks again stays.
type_pin() {
	wait_for 30 xdotool search --onlyvisible --name "Unlock Security Device" || return 1
	sleep 0.5
	xdotool search --onlyvisible --name "Unlock Security Device" windowfocus --sync type "$E2E_PIN"
	xdotool key Return
}

# visit PORT: opens a page of the server
visit() {
	curl -s -X PUT "http://127.0.0.1:$DEVTOOLS/json/new?https://www.example.org:$1/" >/dev/null
}

# verified NAME: openssl's server has verified the certificate
verified() {
	grep -q -i -F "CN = Alice $1" "$W/server.log"
}

chromium_test() {
	local name
	two_keys
	section Chromium
	server_certificate
	configure_chromium
	display_start
	browser_start
	for name in rsa ec; do
		tls_server -tls1_3
		visit "$PORT"
		[ "$name" = ec ] || check "chromium asks for the PIN" type_pin
		check "chromium in TLS 1.3 with the $name key" wait_for 30 verified "$name"
		tls_server_stop
		PORT=$((PORT + 1))
	done
	check "it does not ask again" eval '! xdotool search --onlyvisible --name "Unlock Security Device"'
	kill "$BROWSER"
	wait "$BROWSER" 2>/dev/null
	umount /etc/chromium
	card_remove
}

clients_run chromium_test
