"""The client: client.py URL

Each line of its input is "TOPIC METHOD COUNT": so many calls, made by 16 threads. It is answered by how many seconds they took.
"""

import concurrent.futures
import sys
import time

import oslo_messaging
from oslo_config import cfg

CARGO = "x" * 2_450


def add(client, number):
    assert client.call({}, "add", a=number, b=1) == number + 1


def info(client, number):
    answer = client.call({}, "info", message=[number, CARGO, time.time(), 0, 0])
    assert answer[:2] == [number, CARGO] and answer[3] > 0


def main(url):
    cfg.CONF([], project="bench", default_config_files=[])
    transport = oslo_messaging.get_rpc_transport(cfg.CONF, url)
    print("ready", flush=True)
    with concurrent.futures.ThreadPoolExecutor(16) as callers:
        for line in sys.stdin:
            topic, method, count = line.split()
            client = oslo_messaging.get_rpc_client(transport, oslo_messaging.Target(topic=topic), timeout=30)
            call = {"add": add, "info": info}[method]
            started = time.monotonic()
            list(callers.map(lambda number: call(client, number), range(int(count))))
            print(time.monotonic() - started, flush=True)
    transport.cleanup()


if __name__ == "__main__":
    main(*sys.argv[1:])
