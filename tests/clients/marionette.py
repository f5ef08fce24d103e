# SPDX-License-Identifier: BSD-2-Clause
# Firefox's remote protocol, as little of it as its test needs: messages "<length>:<json>" over TCP.
import json
import socket
import time


class Marionette:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 90)
        self.rest, self.number = b"", 0
        self.message()  # the greeting
        self.command("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {}}})
        self.command("WebDriver:SetTimeouts", {"script": 60000, "pageLoad": 60000})

    def message(self):
        while True:
            length, colon, rest = self.rest.partition(b":")
            if colon and len(rest) >= int(length):
                self.rest = rest[int(length):]
                return json.loads(rest[:int(length)])
            piece = self.socket.recv(65536)
            if not piece:
                raise EOFError("Firefox has gone")
            self.rest += piece

    def command(self, name, parameters=None):
        self.number += 1
        text = json.dumps([0, self.number, name, parameters or {}]).encode()
        self.socket.sendall(b"%d:%s" % (len(text), text))
        while True:
            answer = self.message()
            if answer[:2] == [1, self.number]:
                if answer[2]:
                    raise RuntimeError(answer[2]["error"] + ": " + answer[2]["message"])
                return answer[3]

    def run(self, where, body, *arguments):
        """Runs the body of an async function, in 'chrome' or in 'content'; returns what it returns."""
        self.command("Marionette:SetContext", {"value": where})
        script = ("let args = Array.from(arguments), done = args.pop(); (async () => {" + body + "})()"
                  ".then(v => done([0, v === undefined ? null : v]), e => done([1, String(e)]));")
        answer = self.command("WebDriver:ExecuteAsyncScript", {
            "script": script, "args": list(arguments), "newSandbox": False, "sandbox": "default"})["value"]
        if answer is None:
            raise RuntimeError("a dialog was in the way")
        if answer[0]:
            raise RuntimeError(answer[1])
        return answer[1]

    def visit(self, url, seconds=30):
        """The text of a page; empty when it did not come."""
        self.command("Marionette:SetContext", {"value": "content"})
        try:
            self.command("WebDriver:Navigate", {"url": url})
        except RuntimeError:
            pass  # a dialog, or an error page
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                text = self.run("content", "return location.href == args[0] && document.readyState == 'complete' ? "
                                "document.body.textContent : null", url)
                if text is not None:
                    return text
                if self.run("content", "return document.documentURI.startsWith('about:neterror')"):
                    return ""
            except RuntimeError:
                pass
            time.sleep(0.1)
        return ""
