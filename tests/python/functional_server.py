"""A Python server of what oslo.messaging's own functional tests serve: functional_server.py URL TOPIC SERVER

It says "ready" when it can be called, and stops at the end of its input.
"""

import sys
import time

import oslo_messaging

import peer


class Endpoint:
    """A number, a text, and a method that takes its time."""

    def __init__(self):
        self.number = 0
        self.text = ""

    def add(self, ctxt, increment):
        self.number += increment
        return self.number

    def subtract(self, ctxt, increment):
        if increment > self.number:
            raise ValueError("ival can't go negative!")
        return self.add(ctxt, -increment)

    def append(self, ctxt, text):
        self.text += text
        return self.text

    def long_running_task(self, ctxt, seconds):
        time.sleep(seconds)


def main(url, topic, name):
    target = oslo_messaging.Target(topic=topic, server=name)
    server = oslo_messaging.get_rpc_server(peer.rpc_transport(url), target, [Endpoint()])
    server.start()
    peer.say("ready")
    sys.stdin.read()
    server.stop()
    server.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
