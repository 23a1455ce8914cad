"""A Python listener: listener.py URL TOPIC [POOL]

Each line of its input asks for the next event, and is answered by a line with it.
"""

import queue
import sys

import oslo_messaging

import peer


class Endpoint:
    """Takes events of every priority."""

    def __init__(self):
        self.events = queue.Queue()

    def take(self, priority):
        def method(ctxt, publisher_id, event_type, payload, metadata):
            self.events.put(
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


def main(url, topic, pool=None):
    endpoint = Endpoint()
    for priority in ("audit", "debug", "info", "warn", "error", "critical", "sample"):
        setattr(endpoint, priority, endpoint.take(priority))
    listener = oslo_messaging.get_notification_listener(
        peer.notification_transport(url), [oslo_messaging.Target(topic=topic)], [endpoint], pool=pool
    )
    listener.start()
    peer.say("ready")
    for _ in sys.stdin:
        try:
            peer.say({"ok": endpoint.events.get(timeout=10)})
        except queue.Empty:
            peer.say({"error": "no event came"})
    listener.stop()
    listener.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
