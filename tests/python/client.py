"""A Python client that does what it is told: client.py URL [MODULE...]

Each line of its input is a JSON object with "op" (call, cast or fanout), "topic" and "method"; "args", "context",
"server", "exchange", "namespace", "version", "timeout" (10 s) and "monitor" may stand beside them. Each is answered by
a line: {"ok": result}, or {"error": what was raised}. Exceptions of the modules are rebuilt.
"""

import json
import sys

import oslo_messaging

import peer


def perform(transport, request):
    parts = {key: request.get(key) for key in ("topic", "server", "exchange", "namespace", "version")}
    target = oslo_messaging.Target(fanout=request["op"] == "fanout", **parts)
    client = oslo_messaging.get_rpc_client(
        transport, target, timeout=request.get("timeout", 10), call_monitor_timeout=request.get("monitor")
    )
    context, method, arguments = request.get("context", {}), request["method"], request.get("args", {})
    if request.get("strange"):
        arguments = {"value": [float("nan"), float("-inf"), "\ud800x", 2**70]}
    if request["op"] == "call":
        return client.call(context, method, **arguments)
    return client.cast(context, method, **arguments)


def main(url, *modules):
    transport = peer.rpc_transport(url, modules)
    peer.say("ready")
    for line in sys.stdin:
        try:
            peer.say({"ok": perform(transport, json.loads(line))})
        except Exception as error:
            facts = {"class": type(error).__name__, "module": type(error).__module__, "message": str(error)}
            if isinstance(error, oslo_messaging.RemoteError):
                facts.update(remote=error.exc_type, value=error.value, traceback=error.traceback)
            peer.say({"error": facts})
    transport.cleanup()


if __name__ == "__main__":
    main(*sys.argv[1:])
