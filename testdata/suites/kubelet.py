#!/usr/bin/env python3
"""Reports node-1 and every pod as ready, like a kubelet, until it is stopped. It runs no containers.

Takes the server and the identity from KUBECONFIG.
"""

import base64
import http.client
import json
import ssl
import subprocess
import tempfile
import urllib.parse

TRUE = [{"type": kind, "status": "True"} for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")]
NOW = "2020-01-01T00:00:00Z"


def connect():
    """A function that makes connections to the server."""
    view = ["kubectl", "config", "view", "--raw", "--minify", "--flatten", "--output=json"]
    config = json.loads(subprocess.check_output(view))
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    with tempfile.NamedTemporaryFile() as identity:
        for part in ("client-certificate-data", "client-key-data"):
            identity.write(base64.b64decode(user[part]) + b"\n")
        identity.flush()
        context.load_cert_chain(identity.name)
    server = urllib.parse.urlsplit(cluster["server"])
    return lambda: http.client.HTTPSConnection(server.hostname, server.port, context=context, timeout=600)


def running(pod):
    """The status that a kubelet writes for a pod with running containers."""
    containers = [
        {"name": container["name"], "image": container["image"], "imageID": "", "ready": True, "restartCount": 0,
         "started": True, "state": {"running": {"startedAt": NOW}}, "lastState": {}}
        for container in pod["spec"]["containers"]
    ]
    return {"phase": "Running", "conditions": TRUE, "startTime": NOW, "containerStatuses": containers,
            "podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}]}


NODE = {
    "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": ""}],
    "nodeInfo": dict.fromkeys(
        ("architecture", "bootID", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion", "kubeletVersion",
         "machineID", "operatingSystem", "osImage", "systemUUID"), "linux"),
}


def tell(new_connection, path, status):
    """Writes a status, unless the object has been deleted meanwhile."""
    connection = new_connection()
    connection.request("PATCH", path, json.dumps({"status": status}), {"Content-Type": "application/merge-patch+json"})
    connection.getresponse().read()
    connection.close()


def main():
    new_connection = connect()
    tell(new_connection, "/api/v1/nodes/node-1/status", NODE)
    while True:
        reader = new_connection()
        reader.request("GET", "/api/v1/pods?watch=true&timeoutSeconds=300&fieldSelector=status.phase%3DPending")
        for line in reader.getresponse():
            event = json.loads(line)
            if event["type"] in ("ADDED", "MODIFIED"):
                pod = event["object"]
                path = "/api/v1/namespaces/{namespace}/pods/{name}/status".format(**pod["metadata"])
                tell(new_connection, path, running(pod))


main()
