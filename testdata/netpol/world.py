#!/usr/bin/env python3
"""Fills a server with pods and network policies, and times changes of a policy.

  world.py KUBECONFIG fill PODS POLICIES   pods of the node "here" and policies between them, up to these numbers
  world.py KUBECONFIG changes COUNT        the times from the answer to a change until it is in force

The first two pods are the network namespaces "client" and "server". Needs root of the node's namespace.
"""

import base64
import ctypes
import http.client
import json
import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from urllib.parse import urlsplit

SERVER, PORT = "10.244.0.3", 5432
PODS = "/api/v1/namespaces/default/pods"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
# As long as a connection between two pods of a node takes at the most: a slower one is refused.
PATIENCE = 0.005
# A change that is not in force by then never will be.
LIMIT = 10


class Api:
    """One connection to the server, with the certificate of a kubeconfig."""

    def __init__(self, kubeconfig):
        view = ["kubectl", "config", "view", "--raw", "--minify", "-o", "json", "--kubeconfig", kubeconfig]
        config = json.loads(subprocess.run(view, check=True, capture_output=True).stdout)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        address = urlsplit(cluster["server"])
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=authority)
        with tempfile.NamedTemporaryFile() as file:
            for part in "client-certificate-data", "client-key-data":
                file.write(base64.b64decode(user[part]) + b"\n")
            file.flush()
            context.load_cert_chain(file.name)
        self.connection = http.client.HTTPSConnection(address.hostname, address.port, context=context)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, method, path, body=None):
        data = None if body is None else json.dumps(body)
        self.connection.request(method, path, data, {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {content[:300]}")
        return json.loads(content)


def pod(at):
    spec = {"nodeName": "here", "containers": [{"name": "main", "image": "none"}]}
    return {"metadata": {"name": f"pod-{at}", "labels": {"app": str(at)}}, "spec": spec}


def peers(*apps):
    return [{"podSelector": {"matchLabels": {"app": str(app)}}} for app in apps]


def policy(at, port):
    spec = {
        "podSelector": {"matchLabels": {"app": str(at + 1)}},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": peers(at, at + 2), "ports": [{"port": port}]}],
    }
    return {"metadata": {"name": f"policy-{at}"}, "spec": spec}


def fill(api, pods, policies):
    for at in range(len(api.send("GET", PODS)["items"]), pods):
        made = api.send("POST", PODS, pod(at))
        address = f"10.244.{(at + 2) // 256}.{(at + 2) % 256}"
        made["status"] = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
        api.send("PUT", f"{PODS}/pod-{at}/status", made)
    for at in range(len(api.send("GET", POLICIES)["items"]), policies):
        api.send("POST", POLICIES, policy(at, PORT))


def move_into(namespace):
    libc = ctypes.CDLL(None, use_errno=True)
    file = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    if libc.setns(file, 0) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def connects():
    """Whether a connection is made; one that is dropped is tried twice, as a slow one looks the same."""
    return attempt() or attempt()


def attempt():
    with socket.socket() as client:
        client.settimeout(PATIENCE)
        try:
            client.connect((SERVER, PORT))
        except OSError:
            return False
        return True


def changes(api, count):
    """The policy of the pod "server" admits its client to one port and to another in turn."""
    if count < 4:
        raise SystemExit("at least 4 changes are needed")
    move_into("client")
    took = {True: [], False: []}
    for turn in range(count):
        opens = turn % 2 == 1
        changed = policy(0, PORT if opens else PORT + 1)
        api.send("PUT", f"{POLICIES}/policy-0", changed)
        answered = time.monotonic()
        asked = answered
        while connects() != opens:
            asked = time.monotonic()
            if asked > answered + LIMIT:
                raise SystemExit(f"change {turn} is not in force after {LIMIT} s")
        # when the attempt that shows it ended or, for one that was dropped, began
        took[opens].append((time.monotonic() if opens else asked) - answered)
        time.sleep(0.02)
    for opens, times in took.items():
        times = [1000 * one for one in times]
        print(
            f"a policy that {'opens' if opens else 'shuts'} a port is in force after "
            f"{statistics.median(times):.1f} ms (p50), {statistics.quantiles(times, n=100, method='inclusive')[98]:.1f} ms (p99), "
            f"{max(times):.1f} ms at the most"
        )


if __name__ == "__main__":
    api, what, numbers = Api(sys.argv[1]), sys.argv[2], [int(one) for one in sys.argv[3:]]
    {"fill": fill, "changes": changes}[what](api, *numbers)
