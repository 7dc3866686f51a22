#!/usr/bin/env python3
"""Generates table.rs from the Go types of Kubernetes.

    generate.py CHECKOUTS K8S_OPENAPI > table.rs

K8S_OPENAPI is the directory of a version in the k8s-openapi crate's sources, which lists the types.
CHECKOUTS contains git repositories of kubernetes/{api,apimachinery,apiextensions-apiserver,kube-aggregator}
(as <name>, or kubernetes+<name>/repo), whose HEAD is the version of k8s-openapi (v1.37). Which empty values
are written follows the version that this server reports, v0.24.17, for every field that it has.
"""
import os, re, subprocess, sys

REPORTED = "v0.24.17"
STABLE = """admissionregistration/v1 apps/v1 authentication/v1 authorization/v1 autoscaling/v1
autoscaling/v2 batch/v1 certificates/v1 coordination/v1 core/v1 discovery/v1 events/v1
flowcontrol/v1 networking/v1 node/v1 policy/v1 rbac/v1 resource/v1 scheduling/v1 storage/v1
storagemigration/v1""".split()
PACKAGES = [("api", p) for p in STABLE] + [
    ("apimachinery", "pkg/apis/meta/v1"),
    ("apimachinery", "pkg/version"),
    ("apiextensions-apiserver", "pkg/apis/apiextensions/v1"),
    ("kube-aggregator", "pkg/apis/apiregistration/v1"),
]
# Go types that are a single JSON value, and the JSON of their zero value.
OPAQUE = {"Time": "null", "MicroTime": "null", "Duration": '"0s"', "Quantity": '"0"', "IntOrString": "0",
          "RawExtension": "null", "FieldsV1": "{}", "JSON": "null", "JSONSchemaPropsOrBool": "null",
          "JSONSchemaPropsOrArray": "null", "JSONSchemaPropsOrStringArray": "null", "Verbs": "null"}
PSP = """PodSecurityPolicy PodSecurityPolicySpec HostPortRange IDRange SELinuxStrategyOptions
RunAsUserStrategyOptions RunAsGroupStrategyOptions FSGroupStrategyOptions SupplementalGroupsStrategyOptions
AllowedHostPath AllowedFlexVolume AllowedCSIDriver RuntimeClassStrategyOptions""".split()


# Of several types of the same name, the one that determines which unset fields are written: the stored kind.
PREFERRED = {}

# Types with their own entry beside another type of the same name; `type_name` in type_metadata.rs has the same names
# of kinds.
BETA = "autoscaling/v2beta2"
APART = {
    **{(path, f"HorizontalPodAutoscaler{part}"): f"HorizontalPodAutoscaler{part} ({path[12:]})"
       for path in ("autoscaling/v2", BETA) for part in ("", "Status")},
    ("events/v1", "Event"): "Event (events)",
    ("authentication/v1", "TokenRequest"): "TokenRequest (authentication)",
    ("resource/v1", "ResourceClaim"): "ResourceClaim (resource)",
}


def defined(sources):
    """The types of the crate, as (package, struct)."""
    names = set()
    for folder, _, files in os.walk(sources):
        for file in files:
            text = open(os.path.join(folder, file)).read()
            names |= set(re.findall(r'"io\.k8s\.([\w.-]+)"\.into', text))
    types = set()
    for name in names:
        path, struct = name.rsplit(".", 1)
        path = path.replace("api.", "", 1) if path.startswith("api.") else path.split(".", 1)[1]
        types.add((path.replace(".", "/"), struct))
    return types | {("policy/v1beta1", name) for name in PSP} | {key for key in APART if key[0] == BETA}


def repository(root, name):
    for path in (f"{root}/{name}", f"{root}/kubernetes+{name}/repo"):
        if os.path.isdir(path):
            return path
    sys.exit(f"no repository {name} in {root}")


def git(repo, *args):
    done = subprocess.run(["git", "-C", repo, *args], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""


class Package:
    """The structs and other types of a Go package."""

    def __init__(self, repo, revision, path):
        self.structs, self.others, self.struct_markers = {}, {}, {}
        for file in git(repo, "ls-tree", "--name-only", f"{revision}:{path}").split():
            if file.endswith("types.go") or file.startswith(("micro_time", "duration", "group_version", "types_")):
                self.parse(git(repo, "show", f"{revision}:{path}/{file}"))

    def parse(self, text):
        markers, struct, fields = [], None, []
        for line in text.split("\n"):
            line = line.strip()
            if line.startswith("//"):
                if line[2:].strip().startswith("+"):
                    markers.append(line[2:].strip()[1:])
                continue
            opened = re.match(r"type (\w+) struct \{(\})?", line)
            other = re.match(r"type (\w+) =? ?(.+)$", line)
            if opened:
                struct, fields = opened[1], []
                self.structs[struct] = fields
                self.struct_markers[struct] = markers
                if opened[2]:
                    struct = None
            elif other:
                self.others[other[1]] = other[2].split("//")[0].strip()
            elif struct and line == "}":
                struct = None
            elif struct and "json:" in line:
                declared, tags = line.split("`", 2)[:2]
                tags = dict(re.findall(r'(\w+):"([^"]*)"', tags))
                words = declared.split()
                name, *options = tags["json"].split(",")
                fields.append((words[0] if len(words) > 1 else None, words[-1], name, options, tags, markers))
            if line:
                markers = []


class World:
    """All packages of a version."""

    def __init__(self, root, revision):
        self.revision = revision
        self.packages = {}
        for name, path in PACKAGES:
            # the beta of a group that was not yet stable has the same fields
            package = Package(repository(root, name), revision, path)
            self.packages[path] = package
        for path in ("policy/v1beta1", BETA):
            self.packages[path] = Package(repository(root, "api"), REPORTED, path)

    def resolve(self, path, type_name):
        """A type as (shape, struct or None, package): shape is scalar, slice, map, struct or opaque."""
        if type_name.startswith("*"):
            return self.resolve(path, type_name[1:])
        if type_name.startswith("[]"):
            _, struct, home = self.resolve(path, type_name[2:])
            return ("slice", struct, home)
        if type_name.startswith("map["):
            _, struct, home = self.resolve(path, type_name.split("]", 1)[1])
            return ("map", struct, home)
        home = path
        if "." in type_name:
            prefix, type_name = type_name.split(".", 1)
            home = {"v1": "core/v1", "corev1": "core/v1", "core": "core/v1", "metav1": "pkg/apis/meta/v1"}.get(prefix)
            if path == "pkg/apis/apiextensions/v1" and prefix == "v1":
                home = "pkg/apis/meta/v1"
            if prefix == "authenticationv1":
                home = "authentication/v1"
        if type_name in OPAQUE:
            return ("opaque:" + OPAQUE[type_name], None, None)
        if home not in self.packages:
            return ("scalar", None, None)
        package = self.packages[home]
        if type_name in package.structs:
            return ("struct", type_name, home)
        if type_name in package.others:
            return self.resolve(home, package.others[type_name])
        return ("scalar", None, None)

    def fields(self, path, struct):
        """The fields as JSON has them, embedded structs flattened."""
        for name, type_name, json, options, tags, markers in self.packages[path].structs[struct]:
            if json == "-":
                continue
            if name is None and (not json or "inline" in options):
                shape, inner, home = self.resolve(path, type_name)
                if shape == "struct" and inner != "TypeMeta":
                    yield from self.fields(home, inner)
                continue
            yield path, type_name, json, options, tags, markers

    def zero(self, path, struct):
        """The JSON that Go writes for a struct without any field set."""
        parts = []
        for home, type_name, json, options, _, _ in self.fields(path, struct):
            always = self.always(home, type_name, options)
            if always:
                parts.append(f'"{json}":{always}')
        return "{" + ",".join(parts) + "}"

    def always(self, path, type_name, options):
        """The JSON that Go writes for an unset field, or None if it omits the field."""
        if "omitzero" in options:
            return None
        shape, struct, home = self.resolve(path, type_name)
        pointer = type_name.startswith("*")
        if not pointer and shape == "struct":
            return self.zero(home, struct)
        if not pointer and shape.startswith("opaque:"):
            return shape[7:]
        if "omitempty" in options:
            return None
        if pointer or shape in ("slice", "map"):
            return "null"
        base = type_name.split(".")[-1]
        others = self.packages[path].others
        while base in others:
            base = others[base]
        if base.startswith(("int", "uint", "float")):
            return "0"
        return "false" if base == "bool" else '""'


def metadata(now, then, types):
    """{struct: [(package, {field: metadata}) for each type of that name]}"""
    table = {}
    for path, package in now.packages.items():
        for struct in package.structs:
            if (path, struct) not in types:
                continue
            old = {}
            if path in then.packages and struct in then.packages[path].structs:
                old = {f[2]: f for f in then.fields(path, struct)}
            entry = {}
            for home, type_name, json, options, tags, markers in now.fields(path, struct):
                shape, child, child_home = now.resolve(home, type_name)
                world, like = (then, old[json]) if json in old else (now, (home, type_name, json, options))
                entry[json] = field_metadata(now, world, like, shape, child, child_home, tags, markers)
                if old and json not in old:
                    entry[json]["always"] = None  # which the reported release does not write
            table.setdefault(APART.get((path, struct), struct), []).append((path, entry))
    return table


def field_metadata(now, world, like, shape, child, child_home, tags, markers):
    home, type_name, _, options = like[:4]
    always = world.always(home, type_name, options)
    base_shape = world.resolve(home, type_name)[0]
    keeps = type_name.startswith("*") and base_shape not in ("struct", "opaque:null", 'opaque:"0"')
    marks = [m.split("=", 1) for m in markers if "=" in m]
    of_type = now.packages[child_home].struct_markers[child] if child else []
    child = APART.get((child_home, child), child)
    if type_name.endswith("RawExtension"):
        shape, child = "struct", "RawExtension"  # its JSON is one value for server-side apply
    kind = next((v for k, v in marks if k == "listType"), "")
    return {
        "child": child or "",
        "shape": shape.split(":")[0],
        "always": always,
        "keeps": keeps,
        "list": kind,
        "keys": [v for k, v in marks if k == "listMapKey"],
        "patch": tags.get("patchStrategy", ""),
        "merge_key": tags.get("patchMergeKey", ""),
        "atomic": any(m in ("structType=atomic", "mapType=atomic") for m in markers + of_type)
        if shape in ("struct", "map") else False,
    }


def union(struct, entries):
    """One entry for all types of the same name; a field is always written only if all agree."""
    merged = {}
    preferred = dict(entries).get(PREFERRED.get(struct), {})
    for path, entry in entries:
        for json, one in entry.items():
            if json not in merged:
                merged[json] = dict(one, seen=1)
                continue
            both = merged[json]
            both["seen"] += 1
            if both["always"] != one["always"]:
                both["keeps"] = both["keeps"] or one["keeps"] or bool(both["always"] or one["always"])
                both["always"] = None
            both["keeps"] = both["keeps"] or one["keeps"]
            for key in ("child", "shape", "list", "keys", "patch", "merge_key", "atomic"):
                if both[key] != one[key]:
                    print(f"{struct}.{json}: {key} {both[key]!r} or {one[key]!r} ({path})", file=sys.stderr)
                    both[key] = both[key] or one[key]
    for json, both in merged.items():
        if json in preferred:
            both["always"] = preferred[json]["always"]
            continue
        if both.pop("seen", 1) < len(entries) and both["always"]:
            print(f"{struct}.{json}: not everywhere, so not always {both['always']}", file=sys.stderr)
            both["always"], both["keeps"] = None, True
    return merged


def rust(json, one):
    call = f'named("{json}")'
    if one["always"] is not None:
        call += f'.always({quoted(one["always"])})'
    elif one["keeps"]:
        call += ".keeps_empty()"
    if one["child"]:
        call += {"struct": ".object", "slice": ".list", "map": ".map"}[one["shape"]] + f'("{one["child"]}")'
    if one["list"] in ("atomic", "set"):
        call += f'.list_{one["list"]}()'
    if one["list"] == "map":
        keys = ", ".join(f'"{k}"' for k in one["keys"])
        call += f".list_map(&[{keys}])"
    if one["atomic"]:
        call += ".atomic()"
    if one["patch"]:
        kinds = {"merge": "Merge", "retainKeys": "RetainKeys", "merge,retainKeys": "MergeRetainKeys", "replace": "Replace"}
        call += f'.patch(Patch::{kinds[one["patch"]]}, "{one["merge_key"]}")'
    return call if call != f'named("{json}")' else None


def quoted(text):
    return f'r#"{text}"#' if '"' in text else f'"{text}"'


def main():
    root, sources = sys.argv[1:]
    now, then = World(root, "HEAD"), World(root, REPORTED)
    print("//! Generated by `generate.py` from the Go types of Kubernetes; do not edit.\n")
    print("use super::{Patch, Type, named, ty};\n")
    print("/// Every type that has metadata, sorted by name.")
    print("#[rustfmt::skip] // one line per field")
    print("pub(super) static TYPES: &[Type] = &[")
    for struct, entries in sorted(metadata(now, then, defined(sources)).items()):
        lines = [(one["always"] is None, rust(json, one)) for json, one in union(struct, entries).items()]
        lines = [line for _, line in sorted((l for l in lines if l[1]), key=lambda l: l[0])]
        if lines:
            print(f'    ty("{struct}", &[')
            for line in lines:
                print(f"        {line},")
            print("    ]),")
    print("];")


main()
