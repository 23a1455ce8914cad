"""A Python client of the service of chaos-server: chaos_client.py URL EXCHANGE TOPIC LEDGER

Each line of its input has the form "calls count=250 callers=16 deadline=30 sleep=0": so many calls, so many at a time, each
of at most so many seconds, with a handler that sleeps so many milliseconds. It is answered by a line, once all have ended, with how many answers nobody waited for.
"""

import concurrent.futures
import logging
import sys
import uuid

import oslo_messaging

import ledger
import peer

WORK = {"sleep": 0, "block": 0, "held": False, "panic": False, "nested": False}


class Orphans(logging.Handler):
    """Counts the answers that nobody waits for, which oslo.messaging only logs."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def emit(self, record):
        self.count += record.getMessage().startswith("No calling threads waiting")


def call(client, deadline, work, journal):
    identity = uuid.uuid4().hex
    total = f"{ledger.checksum(identity, ledger.FILLER):016x}"
    journal.write("invoked", identity, kind="call", deadline=deadline * 1_000, nowhere="false", sum=total)
    outcome = {}
    try:
        answer = client.call({}, "check", id=identity, work=work, filler=ledger.FILLER)
        outcome = {"outcome": "ok", "executed": "executed", "answer": f"{answer:016x}"}
    except oslo_messaging.MessagingTimeout:
        outcome = {"outcome": "deadline_exceeded", "executed": "unknown"}
    except Exception as error:
        outcome = {"outcome": type(error).__name__, "executed": "unknown"}
    journal.write("resolved", identity, **outcome)


def main(url, exchange, topic, path):
    transport, journal, orphans = peer.rpc_transport(url), ledger.Ledger(path), Orphans()
    waiters = logging.getLogger("oslo_messaging._drivers.amqpdriver")
    waiters.setLevel(logging.INFO)
    waiters.addHandler(orphans)
    target = oslo_messaging.Target(exchange=exchange, topic=topic, namespace="chaos", version="1.0")
    peer.say("ready")
    for line in sys.stdin:
        words = dict(word.split("=") for word in line.split()[1:])
        count, callers, deadline, sleep = (int(words[name]) for name in ("count", "callers", "deadline", "sleep"))
        work = {**WORK, "sleep": sleep}
        client = oslo_messaging.get_rpc_client(transport, target, timeout=deadline)
        with concurrent.futures.ThreadPoolExecutor(callers) as pool:
            calls = [pool.submit(call, client, deadline, work, journal) for _ in range(count)]
            for ended in calls:
                ended.result()
        print(f"orphans={orphans.count}", flush=True)
    transport.cleanup()


if __name__ == "__main__":
    main(*sys.argv[1:])
