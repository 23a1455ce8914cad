"""Asks a quota server as any service in Python would: quota_client.py URL

Nothing here knows that the server is not written in Python.
"""

import sys
import threading

import oslo_messaging
from oslo_config import cfg


class OverQuota(Exception):
    """What the server raises when a project asks for too much."""


class Events:
    """Prints what the server tells everybody."""

    def __init__(self):
        self.seen = threading.Event()

    def warn(self, ctxt, publisher_id, event_type, payload, metadata):
        print(f"{publisher_id} told: {event_type} {payload['project']} {payload['resource']}", flush=True)
        self.seen.set()


def ask(url):
    # The exchange that services of this project share, and the module whose exceptions may be raised here.
    transport = oslo_messaging.get_rpc_transport(cfg.CONF, url, allowed_remote_exmods=["quota_client"])
    target = oslo_messaging.Target(exchange="cinder", topic="quota", namespace="quota", version="1.1")
    client = oslo_messaging.get_rpc_client(transport, target, timeout=5)
    context = {"project_id": "p1"}

    print("left:", client.call(context, "reserve", resource="volumes", amount=7))
    try:
        client.call(context, "reserve", resource="volumes", amount=7)
    except OverQuota as error:
        print("refused:", str(error).splitlines()[0])
    try:
        client.call(context, "reserve", resource="unicorns")
    except KeyError as error:
        print("unknown:", error.args[0].splitlines()[0])

    client.cast(context, "release", resource="volumes", amount=7)
    client.prepare(fanout=True).cast(context, "reset")
    ping = client.prepare(namespace=None, version="1.0").call(context, "oslo_rpc_server_ping")
    print("ping:", ping)
    transport.cleanup()


def main(url):
    cfg.CONF([], project="quota_client", default_config_files=[])
    transport, events = oslo_messaging.get_notification_transport(cfg.CONF, url), Events()
    target = oslo_messaging.Target(exchange="cinder", topic="notifications")
    listener = oslo_messaging.get_notification_listener(transport, [target], [events])
    listener.start()
    ask(url)
    events.seen.wait(10)
    listener.stop()
    listener.wait()


if __name__ == "__main__":
    # Under its own name, by which the server calls its exception.
    import quota_client

    quota_client.main(*sys.argv[1:])
