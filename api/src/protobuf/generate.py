#!/usr/bin/env python3
"""Generates schema.txt from the protobuf schemas and Go types of Kubernetes.

    generate.py CHECKOUTS > schema.txt

CHECKOUTS contains git repositories of kubernetes/{api,apimachinery,kube-aggregator} (as <name>, or kubernetes+<name>/repo). The
protobuf schemas have numbers and types; the structs have JSON names, and which fields are pointers or inlined. Only
messages that a request body can contain are written: kinds with metadata, DeleteOptions, and their parts.
"""
import os, re, subprocess, sys

LAST_WITH_PSP = "v0.24.17"
STABLE = """core/v1 admissionregistration/v1 apps/v1 authentication/v1 authorization/v1 autoscaling/v1 autoscaling/v2
batch/v1 certificates/v1 coordination/v1 discovery/v1 events/v1 flowcontrol/v1 networking/v1 node/v1 policy/v1 rbac/v1
resource/v1 scheduling/v1 storage/v1 storagemigration/v1""".split()
# package, repository, directory, revision, kinds to include (if empty, all that have metadata)
PACKAGES = [("meta/v1", "apimachinery", "pkg/apis/meta/v1", "HEAD", ["DeleteOptions"])]
PACKAGES += [(p, "api", p, "HEAD", []) for p in STABLE]
# batch/v1 uses messages of scheduling/v1alpha3, of which no kind is included
PACKAGES += [("scheduling/v1alpha3", "api", "scheduling/v1alpha3", "HEAD", ["-"]),
             ("apps/v1beta1", "api", "apps/v1beta1", LAST_WITH_PSP, ["Deployment", "StatefulSet"]),
             ("apps/v1beta2", "api", "apps/v1beta2", LAST_WITH_PSP, ["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]),
             ("policy/v1beta1", "api", "policy/v1beta1", LAST_WITH_PSP, ["Eviction", "PodDisruptionBudget", "PodSecurityPolicy"]),
             ("autoscaling/v2beta1", "api", "autoscaling/v2beta1", LAST_WITH_PSP, ["HorizontalPodAutoscaler"]),
             ("autoscaling/v2beta2", "api", "autoscaling/v2beta2", LAST_WITH_PSP, ["HorizontalPodAutoscaler"]),
             ("batch/v1beta1", "api", "batch/v1beta1", LAST_WITH_PSP, ["CronJob"]),
             ("coordination/v1beta1", "api", "coordination/v1beta1", LAST_WITH_PSP, ["Lease"]),
             ("discovery/v1beta1", "api", "discovery/v1beta1", LAST_WITH_PSP, ["EndpointSlice"]),
             ("events/v1beta1", "api", "events/v1beta1", LAST_WITH_PSP, ["Event"]),
             ("flowcontrol/v1beta1", "api", "flowcontrol/v1beta1", LAST_WITH_PSP, []),
             ("flowcontrol/v1beta2", "api", "flowcontrol/v1beta2", LAST_WITH_PSP, []),
             ("flowcontrol/v1beta3", "api", "flowcontrol/v1beta3", "HEAD", []),
             ("networking/v1beta1", "api", "networking/v1beta1", LAST_WITH_PSP, ["Ingress", "IngressClass"]),
             ("node/v1beta1", "api", "node/v1beta1", LAST_WITH_PSP, ["RuntimeClass"]),
             ("rbac/v1beta1", "api", "rbac/v1beta1", LAST_WITH_PSP, []),
             ("scheduling/v1beta1", "api", "scheduling/v1beta1", LAST_WITH_PSP, ["PriorityClass"]),
             ("storage/v1beta1", "api", "storage/v1beta1", LAST_WITH_PSP,
              ["CSIDriver", "CSINode", "CSIStorageCapacity", "StorageClass", "VolumeAttachment"]),
             ("extensions/v1beta1", "api", "extensions/v1beta1", LAST_WITH_PSP,
              ["DaemonSet", "Deployment", "Ingress", "NetworkPolicy", "PodSecurityPolicy", "ReplicaSet"]),
             ("apiregistration/v1", "kube-aggregator", "pkg/apis/apiregistration/v1", "HEAD", [])]
SPECIAL = {"meta/v1.Time": "time", "meta/v1.MicroTime": "microtime", "meta/v1.FieldsV1": "json",
           "runtime.RawExtension": "json", "resource.Quantity": "quantity", "intstr.IntOrString": "intorstring"}
SCALARS = {"string", "bytes", "bool", "int32", "int64"}
PREFIXES = [("k8s.io.kube_aggregator.pkg.apis.", ""), ("k8s.io.apimachinery.pkg.api.", ""), ("k8s.io.apimachinery.pkg.apis.", ""),
            ("k8s.io.apimachinery.pkg.util.", ""), ("k8s.io.apimachinery.pkg.", ""), ("k8s.io.api.", "")]
FIELD = re.compile(r"(optional|repeated|map<string,) *([\w.]+)>? (\w+) = (\d+);")
TAGGED = re.compile(r'(?:\w+\s+)?(\*?)\S+\s+`json:"([^"]*)".*protobuf:"\w+,(\d+),')


def show(repo, revision, path):
    return subprocess.run(["git", "-C", repo, "show", f"{revision}:{path}"], capture_output=True, text=True).stdout


def repository(root, name):
    found = [p for p in (f"{root}/{name}", f"{root}/kubernetes+{name}/repo") if os.path.isdir(p)]
    return found[0] if found else sys.exit(f"no repository {name} in {root}")


def blocks(text, start):
    """The bodies of `start NAME { … }`, by name."""
    return {m[1]: m[2] for m in re.finditer(start + r" \{\n(.*?)^\}", text, re.M | re.S)}


def qualified(package, name):
    if "." not in name:
        return f"{package}.{name}"
    name = name.removeprefix(".")
    for prefix, new in PREFIXES:
        if name.startswith(prefix):
            path, message = (new + name.removeprefix(prefix)).rsplit(".", 1)
            return path.replace(".", "/") + "." + message
    sys.exit(f"what is {name}?")


def structs(repo, revision, folder):
    files = show(repo, revision, folder).split("\n")
    text = "".join(show(repo, revision, f"{folder}/{f}") for f in files if re.fullmatch(r"(types.*|group_version)\.go", f))
    found = {}
    for name, body in blocks(text, r"^type (\w+) struct").items():
        tags = [TAGGED.match(line.strip()) for line in body.split("\n") if not line.strip().startswith("//")]
        found[name] = {m[3]: (m[1], m[2]) for m in tags if m}
    return found


def fields(package, body, struct):
    """The fields of a message: JSON name, number, how often (or whether a pointer), type."""
    for repetition, ty, _, number in FIELD.findall(body):
        pointer, tag = struct[number]
        # as Go does, an embedded struct without a name of its own is inlined
        name = tag.split(",")[0] or "."
        ty = ty if ty in SCALARS else SPECIAL.get(qualified(package, ty), qualified(package, ty))
        mark = {"repeated": "[]", "map<string,": "map ", "optional": pointer}[repetition]
        if name != "-":
            yield name, number, mark, ty


def main(root):
    messages, roots, versions = {}, [], {}
    for package, name, folder, revision, wanted in PACKAGES:
        repo = repository(root, name)
        group = re.search(r'GroupName = "(.*?)"', show(repo, revision, f"{folder}/register.go"))[1]
        versions[package] = "/".join(filter(None, [group, package.split("/")[1]]))
        go = structs(repo, revision, folder)
        for message, body in blocks(show(repo, revision, f"{folder}/generated.proto"), r"^message (\w+)").items():
            # a list type in Go, which is a message with one field in protobuf
            wraps = message not in go and re.search(r"repeated string items = 1;", body)
            if wraps:
                SPECIAL[f"{package}.{message}"] = "strings"
            elif message in go:
                messages[f"{package}.{message}"] = (package, body, go[message])
            if message in wanted or (not wanted and ".ObjectMeta metadata" in body):
                roots.append(f"{package}.{message}")
    # resolved last, when all messages that represent lists are known
    reached, queue = {}, roots
    while queue:
        message = queue.pop()
        if message not in reached:
            reached[message] = list(fields(*messages[message]))
            queue += [f[3] for f in reached[message] if "." in f[3]]
    write(reached, versions)


def write(reached, versions):
    for package, version in versions.items():
        print(f"package {package} {version}")
        for message in sorted(m for m in reached if m.startswith(package + ".")):
            line = [f"{name} {number} {mark}{ty.removeprefix(package + '.')}" for name, number, mark, ty in reached[message]]
            print(message.removeprefix(package + "."), ", ".join(line), sep=": ")


main(*sys.argv[1:])
