"""Clients that people use, against the fixture."""

import asyncio
import json
import subprocess
import sys

import kr8s
import kubernetes
import lightkube
import pytest
from kr8s.objects import ConfigMap as Kr8sConfigMap
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap

WIDGETS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}
MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"k": "v"}}


def test_the_official_client(portcullis):
    core = kubernetes.client.CoreV1Api(portcullis.api_client())
    core.create_namespaced_config_map("default", MAP)
    assert core.read_namespaced_config_map("m", "default").data == {"k": "v"}
    watch = kubernetes.watch.Watch()
    seen = [event["object"].metadata.name for event in watch.stream(core.list_namespace, timeout_seconds=1)]
    assert "default" in seen


def test_somebody_else_may_nothing_until_bound(portcullis):
    alice = kubernetes.client.CoreV1Api(portcullis.api_client(portcullis.kubeconfig_for("alice", "people")))
    with pytest.raises(kubernetes.client.ApiException) as refused:
        alice.list_namespaced_pod("default")
    assert refused.value.status == 403
    assert 'User "alice" cannot list' in json.loads(refused.value.body)["message"]
    rbac = kubernetes.client.RbacAuthorizationV1Api(portcullis.api_client())
    rbac.create_namespaced_role_binding(
        "default",
        {
            "metadata": {"name": "people"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "people"}],
        },
    )
    assert alice.list_namespaced_pod("default").items == []


def test_kr8s(portcullis):
    api = kr8s.api(kubeconfig=portcullis.kubeconfig)
    Kr8sConfigMap(MAP | {"metadata": {"name": "m", "namespace": "default"}}, api=api).create()
    assert Kr8sConfigMap.get("m", namespace="default", api=api).data.k == "v"
    assert {namespace.name for namespace in api.get("namespaces")} >= {"default", "kube-system"}


def test_lightkube(portcullis):
    config = lightkube.KubeConfig.from_file(portcullis.kubeconfig)
    client = lightkube.Client(config=config, namespace="default")
    client.create(ConfigMap(metadata=ObjectMeta(name="m"), data={"k": "v"}))
    assert client.get(ConfigMap, "m").data == {"k": "v"}
    client.apply(ConfigMap(metadata=ObjectMeta(name="m"), data={"k": "w"}), field_manager="tests", force=True)
    assert client.get(ConfigMap, "m").data == {"k": "w"}


OPERATOR = '''
import kopf

@kopf.on.create("example.com", "v1", "widgets")
def made(spec, patch, **_):
    patch.status["size"] = spec["size"]
'''


def test_an_operator_of_kopf(portcullis, tmp_path):
    client = portcullis.api_client()
    kubernetes.client.ApiextensionsV1Api(client).create_custom_resource_definition(WIDGETS)
    handler = tmp_path / "operator.py"
    handler.write_text(OPERATOR)
    command = [sys.executable, "-m", "kopf", "run", "--standalone", "--namespace=default", str(handler)]
    environment = {"KUBECONFIG": portcullis.kubeconfig, "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    custom = kubernetes.client.CustomObjectsApi(client)
    widgets = ("example.com", "v1", "default", "widgets")
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as operator:
        try:
            widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 7}}
            custom.create_namespaced_custom_object(*widgets, widget)
            asyncio.run(_eventually(lambda: custom.get_namespaced_custom_object(*widgets, "w").get("status", {}).get("size")))
        finally:
            operator.terminate()
    found = custom.get_namespaced_custom_object(*widgets, "w")
    assert found["status"]["size"] == 7


async def _eventually(wanted, seconds=30):
    for _ in range(seconds * 20):
        if wanted():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the operator does nothing")
