"""The server in Python: server.py URL TOPIC

It answers each line of its input with the CPU time that it has used so far, in microseconds.
"""

import resource
import sys
import time

import oslo_messaging
from oslo_config import cfg


class Endpoint:
    def add(self, ctxt, a, b):
        return a + b

    def info(self, ctxt, message):
        message[3] = time.time()
        return message


def main(url, topic):
    cfg.CONF([], project="bench", default_config_files=[])
    transport = oslo_messaging.get_rpc_transport(cfg.CONF, url)
    target = oslo_messaging.Target(topic=topic, server="one")
    server = oslo_messaging.get_rpc_server(transport, target, [Endpoint()])
    server.start()
    print("ready", flush=True)
    for _ in sys.stdin:
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(round((used.ru_utime + used.ru_stime) * 1e6), flush=True)
    server.stop()
    server.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
