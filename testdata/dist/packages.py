#!/usr/bin/env python3
"""What is linked into the program: testdata/dist/packages.py licences|sbom TARGET

`licences` prints the licence texts of all packages, `sbom` a bill of materials (CycloneDX 1.5, JSON). Both
come from `cargo metadata` and Cargo.lock, for the packages that a build for TARGET links; those that run at build time only are
in neither.
"""

import json
import pathlib
import re
import subprocess
import sys

PROGRAM = "portcullis"
# what packages call the files with their terms
TERMS = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)


def metadata(target):
    command = ["cargo", "metadata", "--format-version=1", "--locked", f"--filter-platform={target}"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def linked(found):
    """The packages that the program links, by identifier, each with those that it uses itself."""
    packages = {package["id"]: package for package in found["packages"]}
    nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
    program = next(p["id"] for p in found["packages"] if p["name"] == PROGRAM)
    used, waiting = {}, [program]
    while waiting:
        package = waiting.pop()
        if package in used:
            continue
        normal = [
            dependency["pkg"]
            for dependency in nodes[package]["deps"]
            if any(kind["kind"] is None for kind in dependency["dep_kinds"])
            and not is_macro(packages[dependency["pkg"]])
        ]
        used[package] = sorted(normal)
        waiting.extend(normal)
    return program, packages, used


def is_macro(package):
    return any("proc-macro" in target["kind"] for target in package["targets"])


def checksums():
    """What Cargo.lock says of each name and version."""
    lock = pathlib.Path("Cargo.lock").read_text()
    pattern = re.compile(r'name = "(.+)"\nversion = "(.+)"\nsource = ".+"\nchecksum = "(.+)"')
    return {(name, version): checksum for name, version, checksum in pattern.findall(lock)}


def expression(package):
    """Its licence in SPDX's words; `/` is an old way to say `OR`."""
    return (package["license"] or "").replace("/", " OR ") or None


def licences(target):
    program, packages, used = linked(metadata(target))
    others = sorted((packages[p] for p in used if packages[p]["source"]), key=lambda p: p["name"])
    print(f"{PROGRAM} contains the packages below, each under its terms.")
    texts = {}
    for package in others:
        folder = pathlib.Path(package["manifest_path"]).parent
        files = [f for f in sorted(folder.iterdir()) if TERMS.match(f.name) and f.is_file()]
        if package["license_file"]:
            files.append(folder / package["license_file"])
        said = expression(package) or "see below"
        print(f"\n{package['name']} {package['version']}: {said}\n  {package['repository'] or ''}".rstrip())
        for file in files:
            text = file.read_text(errors="replace").strip()
            texts.setdefault(text, []).append(f"{package['name']} {package['version']}")
        if not files:
            print("  (the package comes without a text of its licence)")
    for text, names in texts.items():
        print("\n" + "=" * 78 + "\n" + ", ".join(dict.fromkeys(names)) + "\n" + "=" * 78 + f"\n\n{text}")


def reference(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(package, kind, sums):
    entry = {
        "type": kind,
        "bom-ref": reference(package),
        "name": package["name"],
        "version": package["version"],
        "purl": reference(package),
    }
    if package["description"]:
        entry["description"] = " ".join(package["description"].split())
    if expression(package):
        entry["licenses"] = [{"expression": expression(package)}]
    checksum = sums.get((package["name"], package["version"]))
    if checksum:
        entry["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package["repository"]:
        entry["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return entry


def sbom(target):
    program, packages, used = linked(metadata(target))
    sums = checksums()
    others = sorted((packages[p] for p in used if p != program), key=reference)
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": component(packages[program], "application", sums),
            "properties": [{"name": "cargo:target", "value": target}],
        },
        "components": [component(package, "library", sums) for package in others],
        "dependencies": [
            {"ref": reference(packages[p]), "dependsOn": sorted({reference(packages[u]) for u in uses})}
            for p, uses in sorted(used.items(), key=lambda item: reference(packages[item[0]]))
        ],
    }
    json.dump(bill, sys.stdout, indent=1, ensure_ascii=False)
    print()


if __name__ == "__main__":
    {"licences": licences, "sbom": sbom}[sys.argv[1]](sys.argv[2])
