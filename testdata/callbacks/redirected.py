#!/usr/bin/env python3
"""Rewrites manifests so that what they call is the stand-in.

    redirected.py PORT CA-FILE <OBJECTS.json >LIST.json

Reads objects as kubectl prints them, one after the other, keeps definitions, webhook configurations and API services,
points each service that these name at the port, and adds the namespaces and services that they name.
"""

import base64
import json
import sys

KEPT = {"APIService", "CustomResourceDefinition", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}


def objects(text):
    text = text.strip()
    while text:
        document, end = json.JSONDecoder().raw_decode(text)
        yield from document["items"] if document["kind"] == "List" else [document]
        text = text[end:].lstrip()


def main():
    port = int(sys.argv[1])
    with open(sys.argv[2], "rb") as file:
        bundle = base64.b64encode(file.read()).decode()
    items, services = [], set()

    def redirect(service):
        services.add((service["namespace"], service["name"]))
        service["port"] = port

    for item in objects(sys.stdin.read()):
        if item["kind"] not in KEPT:
            continue
        for webhook in item.get("webhooks", []):
            redirect(webhook["clientConfig"]["service"])
            webhook["clientConfig"]["caBundle"] = bundle
            # as slow as this machine is
            webhook["timeoutSeconds"] = 30
        if item["kind"] == "APIService" and item["spec"].get("service"):
            redirect(item["spec"]["service"])
        items.append(item)
    for namespace, name in services:
        items.append({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": namespace, "name": name},
                      "spec": {"type": "ExternalName", "externalName": "localhost"}})
    for namespace in {namespace for namespace, _ in services}:
        items.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    order = ["Namespace", "Service", "CustomResourceDefinition", "APIService"]
    items.sort(key=lambda item: order.index(item["kind"]) if item["kind"] in order else len(order))
    json.dump({"apiVersion": "v1", "kind": "List", "items": items}, sys.stdout)


if __name__ == "__main__":
    main()
