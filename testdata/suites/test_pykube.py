"""pykube-ng against a server: the verbs of its objects and queries, a watch, and what it raises."""

import os
import time

import pykube
import pytest


@pytest.fixture(scope="module")
def api():
    return pykube.HTTPClient(pykube.KubeConfig.from_file(os.environ["KUBECONFIG"]))


@pytest.fixture
def namespace(api):
    made = pykube.Namespace(api, {"metadata": {"generateName": "pykube-"}})
    made.create()
    yield made.name
    made.delete()


def config_map(api, namespace, name, labels=None, **data):
    metadata = {"name": name, "namespace": namespace, "labels": labels or {}}
    return pykube.ConfigMap(api, {"metadata": metadata, "data": data})


def deployment(api, namespace, replicas):
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "web"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return pykube.Deployment(api, {"metadata": {"name": "web", "namespace": namespace}, "spec": spec})


def test_version(api):
    assert api.version >= ("1", "24")


def test_resource_list(api):
    assert "pods" in [resource["name"] for resource in api.resource_list("v1")["resources"]]


def test_create_exists_get_delete(api, namespace):
    made = config_map(api, namespace, "a", colour="red")
    assert not made.exists()
    made.create()
    assert made.exists()
    maps = pykube.ConfigMap.objects(api, namespace=namespace)
    assert maps.get(name="a").obj["data"] == {"colour": "red"}
    made.delete()
    assert maps.get_or_none(name="a") is None
    with pytest.raises(pykube.exceptions.ObjectDoesNotExist):
        maps.get_by_name("a")


def test_a_conflict_and_a_bad_name_are_raised(api, namespace):
    config_map(api, namespace, "a").create()
    with pytest.raises(pykube.exceptions.HTTPError) as conflict:
        config_map(api, namespace, "a").create()
    assert conflict.value.code == 409
    with pytest.raises(pykube.exceptions.HTTPError) as bad:
        config_map(api, namespace, "A_b").create()
    assert bad.value.code == 422


def test_update_sends_what_changed(api, namespace):
    made = config_map(api, namespace, "a", colour="red", shape="round")
    made.create()
    made.obj["data"] = {"colour": "blue"}
    made.labels["tier"] = "front"
    made.update()
    made.reload()
    assert made.obj["data"]["colour"] == "blue"
    assert made.labels == {"tier": "front"}


def test_patches(api, namespace):
    made = config_map(api, namespace, "a", colour="red")
    made.create()
    made.patch({"data": {"colour": None, "shape": "round"}})
    assert made.obj["data"] == {"shape": "round"}


def test_selectors(api, namespace):
    for name, tier in (("a", "front"), ("b", "back"), ("c", "back")):
        config_map(api, namespace, name, {"tier": tier}).create()
    maps = pykube.ConfigMap.objects(api, namespace=namespace)

    def names(**criteria):
        return sorted(found.name for found in maps.filter(**criteria))

    assert names(selector={"tier": "back"}) == ["b", "c"]
    assert names(selector={"tier__in": {"front", "middle"}}) == ["a"]
    assert names(selector="tier!=back,tier") == ["a"]
    assert names(field_selector={"metadata.name": "c"}) == ["c"]


def test_all_namespaces(api, namespace):
    config_map(api, namespace, "a").create()
    found = pykube.ConfigMap.objects(api).filter(namespace=pykube.all)
    assert (namespace, "a") in [(made.namespace, made.name) for made in found]


def test_watch(api, namespace):
    before = pykube.ConfigMap.objects(api, namespace=namespace)
    watch = before.watch(since=before.response["metadata"]["resourceVersion"], params={"timeoutSeconds": 20})
    made = config_map(api, namespace, "seen")
    made.create()
    made.patch({"data": {"colour": "red"}})
    made.delete()
    seen = []
    for event in watch:
        if event.object.name == "seen":
            seen.append(event.type)
        if event.type == "DELETED":
            break
    assert seen == ["ADDED", "MODIFIED", "DELETED"]


def test_scale(api, namespace):
    made = deployment(api, namespace, 1)
    made.create()
    made.set_replicas(3) if hasattr(made, "set_replicas") else made.patch({"spec": {"replicas": 3}})
    made.reload()
    assert made.replicas == 3


def test_deletion_by_a_policy(api, namespace):
    made = deployment(api, namespace, 1)
    made.create()
    made.delete(propagation_policy="Foreground")
    ends = time.monotonic() + 30
    while made.exists() and time.monotonic() < ends:
        time.sleep(0.2)
    assert not made.exists()


def test_an_object_of_a_kind_found_by_discovery(api, namespace):
    lease = pykube.object_factory(api, "coordination.k8s.io/v1", "Lease")
    made = lease(api, {"metadata": {"name": "a", "namespace": namespace}, "spec": {"holderIdentity": "me"}})
    made.create()
    assert lease.objects(api, namespace=namespace).get(name="a").obj["spec"]["holderIdentity"] == "me"
