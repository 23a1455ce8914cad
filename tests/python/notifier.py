"""A Python notifier that does what it is told: notifier.py URL DRIVER PUBLISHER TOPIC

Each line of its input is a JSON object with "priority", "event_type", "payload" and "context". It is answered by a line
once the event is sent.
"""

import json
import sys

import oslo_messaging

import peer


class Context(dict):
    """A context that says what of it may be told to everybody. A plain dict is emptied."""

    def redacted_copy(self):
        return {key: value for key, value in self.items() if key != "auth_token"}


def main(url, driver, publisher, topic):
    transport = peer.notification_transport(url)
    notifier = oslo_messaging.Notifier(transport, publisher, driver=driver, topics=[topic])
    peer.say("ready")
    for line in sys.stdin:
        event = json.loads(line)
        emit = getattr(notifier, event["priority"])
        emit(Context(event.get("context", {})), event["event_type"], event["payload"])
        peer.say({"ok": None})
    transport.cleanup()


if __name__ == "__main__":
    main(*sys.argv[1:])
