"""A Python listener: listener.py URL OPTIONS

OPTIONS is a JSON object with "topics", and perhaps "pool", and "batch" with a size and a time in seconds. Each line of its
input asks for the next event, or for the next batch of payloads, and is answered by a line with it. A line "rest" is
answered by what has come since, without a wait, and so is the end of the input.
"""

import json
import queue
import sys

import oslo_messaging

import peer

PRIORITIES = ("audit", "debug", "info", "warn", "error", "critical", "sample")


class Endpoint:
    """Takes events of every priority."""

    def __init__(self, taken):
        for priority in PRIORITIES:
            setattr(self, priority, self.take(priority, taken))

    def take(self, priority, taken):
        def method(ctxt, publisher_id, event_type, payload, metadata):
            taken.put(
                {
                    "context": ctxt,
                    "publisher_id": publisher_id,
                    "event_type": event_type,
                    "payload": payload,
                    "priority": priority,
                    **metadata,
                }
            )

        return method


class BatchEndpoint(Endpoint):
    """Takes batches of every priority."""

    def take(self, priority, taken):
        return lambda messages: taken.put([message["payload"] for message in messages])


def listen(url, taken, topics, pool=None, batch=None):
    transport = peer.notification_transport(url)
    targets = [oslo_messaging.Target(topic=topic) for topic in topics]
    if batch is None:
        return oslo_messaging.get_notification_listener(transport, targets, [Endpoint(taken)], pool=pool)
    size, timeout = batch
    return oslo_messaging.get_batch_notification_listener(
        transport, targets, [BatchEndpoint(taken)], pool=pool, batch_size=size, batch_timeout=timeout
    )


def rest(taken):
    return [taken.get_nowait() for _ in range(taken.qsize())]


def main(url, options):
    taken = queue.Queue()
    listener = listen(url, taken, **json.loads(options))
    listener.start()
    peer.say("ready")
    for line in sys.stdin:
        try:
            if json.loads(line) == "rest":
                peer.say({"ok": rest(taken)})
            else:
                peer.say({"ok": taken.get(timeout=10)})
        except queue.Empty:
            peer.say({"error": "no event came"})
    listener.stop()
    listener.wait()
    peer.say(rest(taken))


if __name__ == "__main__":
    main(*sys.argv[1:])
