"""What the Python programs of the tests share: oslo.messaging as a program without a configuration file has it."""

import json
import logging
import sys

import oslo_messaging
from oslo_config import cfg


def rpc_transport(url, modules=()):
    """A transport for RPC. The query of the URL sets the driver's options; exceptions of the modules are rebuilt."""
    configure()
    return oslo_messaging.get_rpc_transport(cfg.CONF, url, allowed_remote_exmods=list(modules))


def notification_transport(url):
    """A transport for notifications, likewise."""
    configure()
    return oslo_messaging.get_notification_transport(cfg.CONF, url)


def configure():
    # What tests provoke is logged as errors.
    logging.basicConfig(level=logging.CRITICAL, stream=sys.stderr)
    # The global object, on which oslo.messaging registers its own options.
    cfg.CONF([], project="peer", default_config_files=[])


def say(value):
    """One line of JSON for whoever started this program."""
    print(json.dumps(value), flush=True)
