# SPDX-License-Identifier: BSD-2-Clause
# openvpn.py SOCKET PIN: answers the first question for a password on OpenVPN's management socket, and no other.
import re
import socket
import sys

management = socket.socket(socket.AF_UNIX)
management.connect(sys.argv[1])
answered = False
for line in management.makefile("r"):
    need = re.match(r">PASSWORD:Need '(.*)' password", line)
    if need:
        print("asked", flush=True)
        if not answered:
            management.sendall(('password "%s" "%s"\n' % (need.group(1), sys.argv[2])).encode())
        answered = True
