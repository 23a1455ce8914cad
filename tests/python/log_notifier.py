"""A Python program whose log is sent as notifications: log_notifier.py URL DRIVER TOPIC

Each line of its input is a JSON object with "level" and "message". It is answered by a line once the record is sent.
"""

import json
import logging
import sys

import oslo_messaging

import peer


def main(url, driver, topic):
    peer.configure()
    log = logging.getLogger("nova.compute")
    log.setLevel(logging.DEBUG)
    log.propagate = False
    log.addHandler(oslo_messaging.LoggingNotificationHandler(url, "compute.host1", driver, topic))
    peer.say("ready")
    for line in sys.stdin:
        record = json.loads(line)
        if record["level"] == "exception":
            try:
                raise ValueError(record["message"])
            except ValueError:
                log.exception(record["message"])
        else:
            getattr(log, record["level"])(record["message"], extra=record.get("extra"))
        peer.say({"ok": None})


if __name__ == "__main__":
    main(*sys.argv[1:])
