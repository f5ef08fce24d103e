# SPDX-License-Identifier: BSD-2-Clause
# firefox.py MODULE PIN DIRECTORY [PROMPTS]: Firefox, without a window, authenticates to a TLS server with the card's keys and
# asks for the PIN so many times (once). In the directory are ca.pem, srv.crt, srv.key and the card's certificates rsa.der
# and ec.der, or one of them.
# firefox.py MODULE - DIRECTORY: Firefox has loaded the module, without being told so here.
import hashlib
import os
import socket
import ssl
import subprocess
import sys
import threading
import time

from marionette import Marionette

MODULE, PIN, W = sys.argv[1:4]
PROMPTS = int(sys.argv[4]) if len(sys.argv) > 4 else 1

PREFERENCES = {
    "marionette.port": 0,
    "security.default_personal_cert": "Ask Every Time",
    "security.osclientcerts.autoload": False,
    "browser.chrome.site_icons": False,
    "network.dns.disableIPv6": True,
    "network.http.speculative-parallel-limit": 0,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "security.OCSP.enabled": 0,
}

# Answers the question for the PIN, as often as it may come; chooses the certificate that is wanted.
OBSERVER = """
let g = Services.wm.getMostRecentBrowserWindow().card = { prompts: [], want: null, tries: args[1], pin: args[0] };
g.observer = { observe(subject, topic) {
  if (topic == "common-dialog-loaded") {
    let a = subject.Dialog.args;
    g.prompts.push(a.promptType + ": " + a.text);
    if (a.promptType == "promptPassword" && g.tries-- > 0) {
      subject.Dialog.ui.password1Textbox.value = g.pin;
      subject.setTimeout(() => { subject.Dialog.ui.button0.disabled = false; subject.Dialog.ui.button0.click(); }, 50);
    } else {
      subject.setTimeout(() => subject.Dialog.ui.button1.click(), 50);
    }
  } else if (topic == "cert-dialog-loaded") {
    let w = subject.ownerDocument.defaultView;
    let i = w.certArray.findIndex(c => c.sha256Fingerprint.replaceAll(":", "").toLowerCase() == g.want);
    w.document.getElementById("nicknames").selectedIndex = i;
    w.document.getElementById("rememberSetting").value = 0;
    let d = w.document.querySelector("dialog");
    w.setTimeout(() => i < 0 ? d.cancelDialog() : d.acceptDialog(), 50);
  }
} };
Services.obs.addObserver(g.observer, "common-dialog-loaded");
Services.obs.addObserver(g.observer, "cert-dialog-loaded");
"""

FORGET = """
let component = Cc["@mozilla.org/psm;1"].getService(Ci.nsINSSComponent);
await new Promise(r => { try { component.clearSSLExternalAndInternalSessionCache(); } catch (e) {} r(); });
try { component.clearTLSCacheAndCancelAllConnections(); } catch (e) {}
try { Cc["@mozilla.org/security/clientAuthRememberService;1"].getService(Ci.nsIClientAuthRememberService).clearRememberedDecisions(); } catch (e) {}
"""

failures = 0


def check(what, good, detail=""):
    global failures
    print("%s - %s%s" % ("ok" if good else "not ok", what, "" if good else ": %r" % (detail,)), flush=True)
    failures += not good


class Server(threading.Thread):
    """Wants a client certificate; answers with the SHA-256 of the one it has verified, and the TLS version."""

    def __init__(self, version):
        super().__init__(daemon=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = self.context.maximum_version = version
        self.context.load_cert_chain(W + "/srv.crt", W + "/srv.key")
        self.context.load_verify_locations(W + "/ca.pem")
        self.context.verify_mode = ssl.CERT_REQUIRED
        if version == ssl.TLSVersion.TLSv1_3:
            self.context.num_tickets = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            with self.context.wrap_socket(connection, server_side=True) as tls:
                while b"\r\n\r\n" not in tls.recv(65536):
                    pass
                text = (hashlib.sha256(tls.getpeercert(True)).hexdigest() + " " + tls.version()).encode()
                tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" %
                            (len(text), text))
        except OSError:
            pass


def start():
    port = W + "/profile/MarionetteActivePort"
    if os.path.exists(port):
        os.remove(port)
    log = open(W + "/firefox.log", "ab")
    process = subprocess.Popen(["firefox-esr", "--headless", "--no-remote", "--profile", W + "/profile", "--marionette",
                                "--remote-allow-system-access", "about:blank"], stdout=log, stderr=log)
    for _ in range(600):
        if os.path.exists(port) and os.path.getsize(port) > 0:
            break
        time.sleep(0.1)
    with open(port) as file:
        return process, Marionette(int(file.read()))


def prepare():
    os.makedirs(W + "/profile", exist_ok=True)
    with open(W + "/profile/user.js", "w") as file:
        for name, value in PREFERENCES.items():
            text = {True: "true", False: "false"}.get(value) if isinstance(value, bool) else \
                str(value) if isinstance(value, int) else '"%s"' % value
            file.write('user_pref("%s", %s);\n' % (name, text))


def trust(firefox):
    with open(W + "/ca.pem") as file:
        pem = file.read()
    firefox.run("chrome", 'Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB)'
                '.addCertFromBase64(args[0], "CT,C,C");', "".join(pem.split("-----")[2].split()))


def modules(firefox):
    return firefox.run("chrome", 'let db = Cc["@mozilla.org/security/pkcs11moduledb;1"].getService(Ci.nsIPKCS11ModuleDB);'
                       "return (await db.listModules()).map(m => m.libName);")


def prompts(firefox):
    return firefox.run("chrome", "return Services.wm.getMostRecentBrowserWindow().card.prompts")


def connect(firefox, name, fingerprint, server, version):
    firefox.run("chrome", "Services.wm.getMostRecentBrowserWindow().card.want = args[0];" + FORGET, fingerprint)
    page = firefox.visit("https://localhost:%d/%s" % (server.port, name))
    check("%s in %s" % (name, version), page == fingerprint + " " + version, page)


def quit_firefox(process, firefox, what):
    firefox.command("Marionette:SetContext", {"value": "chrome"})
    firefox.command("Marionette:Quit", {"flags": ["eForceQuit"]})
    check(what, process.wait(40) == 0)


def by_others():
    prepare()
    process, firefox = start()
    end = time.monotonic() + 20
    while MODULE not in modules(firefox) and time.monotonic() < end:
        time.sleep(0.1)
    check("the module is loaded", MODULE in modules(firefox), modules(firefox))
    quit_firefox(process, firefox, "Firefox ends")


def by_hand():
    prepare()
    process, firefox = start()
    trust(firefox)
    firefox.run("chrome", OBSERVER, PIN, PROMPTS)
    firefox.run("chrome", 'let db = Cc["@mozilla.org/security/pkcs11moduledb;1"].getService(Ci.nsIPKCS11ModuleDB);'
                'await db.addModule("Smart card", args[0], 0, 0);', MODULE)
    check("the module is loaded", MODULE in modules(firefox), modules(firefox))
    servers = {"TLSv1.3": Server(ssl.TLSVersion.TLSv1_3), "TLSv1.2": Server(ssl.TLSVersion.TLSv1_2)}
    for name in [name for name in ("rsa", "ec") if os.path.exists("%s/%s.der" % (W, name))]:
        with open("%s/%s.der" % (W, name), "rb") as file:
            fingerprint = hashlib.sha256(file.read()).hexdigest()
        for version, server in servers.items():
            connect(firefox, name, fingerprint, server, version)
    asked = [p for p in prompts(firefox) if p.startswith("promptPassword")]
    check("the PIN was asked %d times" % PROMPTS, len(asked) == PROMPTS, prompts(firefox))

    firefox.run("chrome", "Services.wm.getMostRecentBrowserWindow().card.want = args[0];" + FORGET, "none")
    page = firefox.visit("https://localhost:%d/nobody" % servers["TLSv1.3"].port, 5)
    check("without a certificate there is no page", page == "", page)

    quit_firefox(process, firefox, "Firefox ends")
    process, firefox = start()
    check("the module is still there after a restart", MODULE in modules(firefox), modules(firefox))
    quit_firefox(process, firefox, "Firefox ends again")


if PIN == "-":
    by_others()
else:
    by_hand()
sys.exit(1 if failures else 0)
