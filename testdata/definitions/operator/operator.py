"""An operator as people write them: it makes a config map for each garden, says so in the status, and holds the
garden by a finalizer until it has cleaned up."""

import kopf
import kubernetes

api = None


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_):
    global api
    kubernetes.config.load_kube_config()
    api = kubernetes.client.CoreV1Api()
    settings.peering.name = "gardeners"
    settings.peering.mandatory = True
    settings.persistence.finalizer = "example.com/gardener"


def plan(name, flowers):
    return {"metadata": {"name": f"plan-{name}"}, "data": {"flowers": str(flowers)}}


@kopf.on.create("example.com", "v1", "gardens")
def plant(spec, name, namespace, patch, **_):
    body = plan(name, spec["flowers"])
    kopf.adopt(body)
    api.create_namespaced_config_map(namespace, body)
    patch.status["planted"] = f"{spec['flowers']} flowers"


@kopf.on.update("example.com", "v1", "gardens", field="spec.flowers")
def replant(new, name, namespace, patch, **_):
    api.patch_namespaced_config_map(f"plan-{name}", namespace, plan(name, new))
    patch.status["planted"] = f"{new} flowers"


@kopf.on.delete("example.com", "v1", "gardens")
def clear(name, namespace, **_):
    body = {"metadata": {"name": f"cleared-{name}"}}
    api.create_namespaced_config_map(namespace, body)
