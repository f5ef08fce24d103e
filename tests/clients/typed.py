# SPDX-License-Identifier: BSD-2-Clause
# typed.py TEXT COMMAND...: runs a command on a terminal of its own and types TEXT, once, when it asks for a PIN. What the
# command writes to its output is ours; its exit status too.
import os
import pty
import subprocess
import sys
import time

master, slave = pty.openpty()


def own_terminal():
    os.setsid()
    os.close(os.open(os.ttyname(slave), os.O_RDWR))


command = subprocess.Popen(sys.argv[2:], stdin=slave, stderr=slave, preexec_fn=own_terminal)
os.close(slave)
seen = b""
asked = False
while True:
    try:
        piece = os.read(master, 4096)
    except OSError:
        piece = b""
    if not piece:
        break
    seen += piece
    if not asked and b"PIN" in seen:
        asked = True
        time.sleep(0.3)  # what is typed before echoing stops is discarded
        os.write(master, sys.argv[1].encode() + b"\n")
sys.stderr.buffer.write(seen)
sys.exit(command.wait())
