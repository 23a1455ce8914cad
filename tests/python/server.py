"""A Python server of the test service: server.py URL TOPIC SERVER [EXCHANGE]

It says "ready" when it can be called, and stops at the end of its input.
"""

import sys
import time

import oslo_messaging

import peer


class Locked(Exception):
    """An error of the service's own, with more than a message."""

    def __init__(self, message, node=None):
        super().__init__(message)
        self.kwargs = {"node": node}


class Endpoint:
    """Small methods that show one property of the wire each."""

    target = oslo_messaging.Target(version="1.5")

    def __init__(self, name):
        self.name = name
        self.log = []

    def add(self, ctxt, a, b):
        return a + b

    def echo(self, ctxt, value):
        return value

    def whoami(self, ctxt):
        return self.name

    def fail(self, ctxt, kind, message):
        if kind == "Locked":
            raise Locked(message, node=7)
        raise {"ValueError": ValueError, "KeyError": KeyError}[kind](message)

    def context(self, ctxt):
        return {key: value for key, value in ctxt.items() if key != "client_timeout"}

    def sleep(self, ctxt, seconds):
        time.sleep(seconds)
        return seconds

    def strange(self, ctxt):
        """What Python takes for JSON."""
        return [float("nan"), float("-inf"), "\ud800x", 2**70]

    def large(self, ctxt, length):
        return "x" * length

    def append(self, ctxt, text):
        self.log.append(text)

    def seen(self, ctxt):
        return self.log


class Extra:
    """The same server under a namespace."""

    target = oslo_messaging.Target(namespace="extra", version="2.3")

    def __init__(self, name):
        self.name = name

    def whoami(self, ctxt):
        return self.name


def main(url, topic, name, exchange=None):
    target = oslo_messaging.Target(topic=topic, server=name, exchange=exchange)
    endpoints = [Endpoint(name), Extra(name)]
    server = oslo_messaging.get_rpc_server(peer.rpc_transport(url), target, endpoints)
    server.start()
    peer.say("ready")
    sys.stdin.read()
    server.stop()
    server.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
