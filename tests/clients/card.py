# SPDX-License-Identifier: BSD-2-Clause
# card.py MODULE PIN DIRECTORY ID: what a Python program does with a token that has an RSA key and its certificate under
# this CKA_ID.
import sys
import threading

import PyKCS11
from PyKCS11 import LowLevel as low


def checked(what, good):
    print("checked" if good else "WRONG", what)
    if not good:
        sys.exit(1)


def refused(what, code, call):
    try:
        call()
    except PyKCS11.PyKCS11Error as error:
        checked("%s: %s" % (what, error), error.value == code)
    else:
        checked(what + ": not refused", False)


def main(module, pin, directory, identifier):
    lib = PyKCS11.PyKCS11Lib()
    lib.load(module)
    slot = lib.getSlotList(tokenPresent=True)[0]
    refused("unknown slot", low.CKR_SLOT_ID_INVALID, lambda: lib.openSession(4711))
    refused("nothing happens", low.CKR_NO_EVENT, lambda: [lib.waitForSlotEvent(flags=low.CKF_DONT_BLOCK) for _ in range(9)])
    session = lib.openSession(slot, low.CKF_SERIAL_SESSION)
    checked("no private key before login", not session.findObjects([(low.CKA_CLASS, low.CKO_PRIVATE_KEY)]))
    cert = session.findObjects([(low.CKA_CLASS, low.CKO_CERTIFICATE), (low.CKA_ID, bytes.fromhex(identifier))])[0]
    for name in (low.CKA_SUBJECT, low.CKA_ISSUER, low.CKA_SERIAL_NUMBER, low.CKA_VALUE):
        value = session.getAttributeValue(cert, [name])[0]
        found = session.findObjects([(low.CKA_CLASS, low.CKO_CERTIFICATE), (name, value)])
        checked("a certificate is found by attribute %#x" % name, cert.value() in [o.value() for o in found])
    session.login(pin)
    refused("second login", low.CKR_USER_ALREADY_LOGGED_IN, lambda: session.login(pin))
    key = session.findObjects([(low.CKA_CLASS, low.CKO_PRIVATE_KEY), (low.CKA_ID, bytes.fromhex(identifier))])[0]
    rsa = PyKCS11.Mechanism(low.CKM_RSA_PKCS, None)
    refused("too much data", low.CKR_DATA_LEN_RANGE, lambda: session.sign(key, bytes(250), rsa))
    refused("another key type", low.CKR_KEY_TYPE_INCONSISTENT,
            lambda: session.sign(key, bytes(32), PyKCS11.Mechanism(low.CKM_ECDSA, None)))
    refused("a key that is none", low.CKR_KEY_HANDLE_INVALID,
            lambda: session.sign(cert, bytes(32), rsa))

    def sign(name):
        data = name.encode() * 100
        own = lib.openSession(slot, low.CKF_SERIAL_SESSION)
        signature = own.sign(key, data, PyKCS11.Mechanism(low.CKM_SHA256_RSA_PKCS, None))
        with open("%s/%s.data" % (directory, name), "wb") as file:
            file.write(data)
        with open("%s/%s.sig" % (directory, name), "wb") as file:
            file.write(bytes(signature))

    threads = [threading.Thread(target=sign, args=("rsa%d" % i,)) for i in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    session.logout()
    refused("after logout", low.CKR_USER_NOT_LOGGED_IN, session.logout)
    lib.closeAllSessions(slot)
    session = lib.openSession(slot, low.CKF_SERIAL_SESSION)
    checked("closing the last session logs out", not session.findObjects([(low.CKA_CLASS, low.CKO_PRIVATE_KEY)]))


main(*sys.argv[1:])
