"""QEMU's machine protocol: keys on the emulated keyboard, pictures of the emulated screen."""

import json
import socket
import time

CONNECT_S = 60
ANSWER_S = 60
KEY_HOLD_MS = 40


class Refused(Exception):
    """What QEMU says against it."""


class Monitor:
    """A connection to the socket that arguments() has QEMU listen at."""

    def __init__(self, path):
        self.line = socket.socket(socket.AF_UNIX)
        self.line.settimeout(ANSWER_S)
        self.connect(path)
        self.heard = self.line.makefile("r", encoding="utf-8")
        self.heard.readline()           # the greeting
        self.command("qmp_capabilities")

    def connect(self, path):
        deadline = time.monotonic() + CONNECT_S
        while True:
            try:
                return self.line.connect(str(path))
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def command(self, name, **arguments):
        order = {"execute": name, "arguments": arguments} if arguments else {"execute": name}
        self.line.sendall(json.dumps(order).encode() + b"\n")
        for line in self.heard:
            answer = json.loads(line)
            if "error" in answer:
                raise Refused(answer["error"]["desc"])
            if "return" in answer:      # else an event
                return answer["return"]
        raise Refused("QEMU has ended")

    def press(self, *keys):
        """All @keys together, by QEMU's names: "n", "ret", "left"."""
        self.command("send-key", keys=[{"type": "qcode", "data": key} for key in keys],
                     **{"hold-time": KEY_HOLD_MS})

    def picture(self, path):
        """The screen as it is, to a file of PPM."""
        self.command("screendump", filename=str(path))

    def close(self):
        self.heard.close()
        self.line.close()


def arguments(path):
    return ["-qmp", f"unix:{path},server,nowait"]
