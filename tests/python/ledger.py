"""What processes of a test write down, in the lines of tests/src/ledger.rs, and what every call computes."""

import os
import time

FILLER = list(b"confidential-payload")


class Ledger:
    """A file that many append to, a line with each write."""

    def __init__(self, path):
        self.file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o644)

    def write(self, event, subject, **details):
        words = [str(time.time_ns() // 1_000), str(os.getpid()), event, subject]
        words += [f"{name}={value}" for name, value in details.items()]
        os.write(self.file, (" ".join(words) + "\n").encode())


def checksum(identity, filler):
    """FNV-1a, as the function `sum` of tests/src/chaos.rs."""
    total = 0xCBF29CE484222325
    for byte in identity.encode() + bytes(filler):
        total = (total ^ byte) * 0x100000001B3 % 2**64
    return total
