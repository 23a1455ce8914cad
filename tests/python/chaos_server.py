"""A Python server of the service of chaos-server: chaos_server.py URL EXCHANGE TOPIC SERVER LEDGER

It says "ready" when it can be called. At SIGTERM, or the end of its input, it finishes what it has and stops.
"""

import signal
import sys
import threading
import time

import oslo_messaging

import ledger
import peer


class Endpoint:
    """Writes down what it runs."""

    target = oslo_messaging.Target(namespace="chaos", version="1.0")

    def __init__(self, journal):
        self.journal = journal

    def check(self, ctxt, id, work, filler):
        total = ledger.checksum(id, filler)
        self.journal.write("started", id, method="check", sum=f"{total:016x}", attempt=1, message="python")
        if work["sleep"]:
            time.sleep(work["sleep"] / 1_000)
        self.journal.write("ended", id, how="done")
        return total


def drain(server):
    """Stops a server without losing what comes meanwhile.

    By itself it closes a connection that still consumes: what arrives while its queue of fanouts is being deleted is
    acknowledged, and never run. So the consumers are cancelled first, and what had come by then is run.
    """
    server.stop()
    listener = server.listener._poll_style_listener
    listener.conn.reset()
    while listener.incoming:
        server._on_incoming([listener.incoming.pop(0)])
    server.wait()


def main(url, exchange, topic, name, path):
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    target = oslo_messaging.Target(exchange=exchange, topic=topic, server=name)
    endpoints = [Endpoint(ledger.Ledger(path))]
    server = oslo_messaging.get_rpc_server(peer.rpc_transport(url), target, endpoints)
    server.start()
    peer.say("ready")
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    stop.wait()
    drain(server)
    peer.say("stopped")


if __name__ == "__main__":
    main(*sys.argv[1:])
