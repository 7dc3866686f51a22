#!/usr/bin/env python3
"""Stands in for the servers of other projects: metrics-server's API, and admission webhooks.

    stand_in.py CERTIFICATE KEY LOG

Prints the port that it listens on. Each admission review is allowed and is a line of LOG: the path, the
operation, the kind and the object. What is sent to a path that ends in `mutate` gets an annotation.
"""

import base64
import http.server
import json
import ssl
import sys

GROUP = "metrics.k8s.io/v1beta1"
ROOT = "/apis/" + GROUP
USAGE = {"cpu": "250m", "memory": "64Mi"}
WHEN = {"timestamp": "2026-01-01T00:00:00Z", "window": "30s"}


def item(name, namespace=None):
    metadata = {"name": name}
    if namespace is None:
        return {"metadata": metadata, "usage": {"cpu": "1500m", "memory": "2Gi"}, **WHEN}
    metadata["namespace"] = namespace
    return {"metadata": metadata, "containers": [{"name": "main", "usage": USAGE}], **WHEN}


def listed(kind, items):
    return {"kind": kind + "List", "apiVersion": GROUP, "metadata": {}, "items": items}


def resource(name, kind, namespaced):
    return {"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["get", "list"]}


def schema(kind):
    return {
        "type": "object",
        "description": f"{kind} as the stand-in measures them.",
        "properties": {
            "timestamp": {"type": "string", "description": "When this was measured."},
            "window": {"type": "string", "description": "Over how long this was measured."},
        },
        "x-kubernetes-group-version-kind": [{"group": "metrics.k8s.io", "version": "v1beta1", "kind": kind}],
    }


def operation(kind, version):
    name = "io.k8s.metrics." + kind
    reference = {"$ref": "#/definitions/" + name} if version == 2 else {"$ref": "#/components/schemas/" + name}
    answer = {"schema": reference} if version == 2 else {"content": {"application/json": {"schema": reference}}}
    return {
        "responses": {"200": {"description": "OK", **answer}},
        "x-kubernetes-action": "list",
        "x-kubernetes-group-version-kind": {"group": "metrics.k8s.io", "version": "v1beta1", "kind": kind},
    }


def documents():
    kinds = {"NodeMetrics": "/nodes", "PodMetrics": "/namespaces/{namespace}/pods"}
    info = {"title": "stand-in", "version": "1"}
    schemas = {"io.k8s.metrics." + kind: schema(kind) for kind in kinds}
    paths = [{ROOT + path: {"get": operation(kind, v)} for kind, path in kinds.items()} for v in (2, 3)]
    return {
        "/openapi/v2": {"swagger": "2.0", "info": info, "paths": paths[0], "definitions": schemas},
        "/openapi/v3": {"paths": {ROOT[1:]: {"serverRelativeURL": f"/openapi/v3{ROOT}?hash=1"}}},
        "/openapi/v3" + ROOT: {
            "openapi": "3.0.0", "info": info, "paths": paths[1], "components": {"schemas": schemas},
        },
        ROOT: {
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": GROUP,
            "resources": [resource("nodes", "NodeMetrics", False), resource("pods", "PodMetrics", True)],
        },
        ROOT + "/nodes": listed("NodeMetrics", [item("node-1")]),
        ROOT + "/pods": listed("PodMetrics", [item("web", "default"), item("db", "shop")]),
        ROOT + "/namespaces/default/pods": listed("PodMetrics", [item("web", "default")]),
    }


DOCUMENTS = documents()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    log = None

    def answer(self, code, document):
        body = json.dumps(document).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        document = DOCUMENTS.get(self.path.split("?")[0])
        self.answer(404 if document is None else 200, document)

    def do_POST(self):
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        request, path = review["request"], self.path.split("?")[0]
        response = {"uid": request["uid"], "allowed": True}
        if path.endswith("mutate") and request["object"]:
            held = request["object"]["metadata"].get("annotations", {})
            patch = [{"op": "add", "path": "/metadata/annotations", "value": {**held, "stand-in": "mutated"}}]
            response["patchType"] = "JSONPatch"
            response["patch"] = base64.b64encode(json.dumps(patch).encode()).decode()
        place = "/".join(filter(None, [request.get("namespace"), request.get("name")]))
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(f"{path} {request['operation']} {request['kind']['kind']} {place}\n")
        self.answer(200, {"kind": "AdmissionReview", "apiVersion": review["apiVersion"], "response": response})

    def log_message(self, *_):
        pass


def main():
    certificate, key, Handler.log = sys.argv[1:]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    # each connection shakes hands in its own thread
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
