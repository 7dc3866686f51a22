#!/usr/bin/env python3
"""The images of chapter 13 and of clients' tests, made of the machine's own programs: images.py ADDRESS PORT

A read-only registry, to be used as docker.io and gcr.io, with what a container runtime needs to pull them: manifests by
tag or digest, and blobs. `alpine` has the users and groups that the book shows, `luksa/kubia` answers HTTP on 8080, and
`luksa/kubia-run-as-user-5` is the same as user 5. `library/pause` keeps the namespaces of a pod. The tests' `busybox`,
`ubuntu` (without bash), `nginx` (busybox's httpd, with the welcome page that they look for) and `python` (the machine's)
follow.
"""

import hashlib
import http.server
import io
import json
import pathlib
import platform
import subprocess
import sys
import tarfile

BUSYBOX = "/bin/busybox"
PYTHON = "/usr/bin/python3"
DIRECTORIES = """bin dev etc proc root sbin sys usr usr/bin usr/sbin usr/share usr/share/nginx usr/share/nginx/html
    var www www/cgi-bin"""
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"

ALPINE_USERS = {"root": (0, 0), "bin": (1, 1), "daemon": (2, 2), "adm": (3, 4), "guest": (405, 100), "nobody": (65534, 65534)}
ALPINE_GROUPS = {
    "root": 0, "bin": 1, "daemon": 2, "sys": 3, "adm": 4, "tty": 5, "disk": 6, "wheel": 10, "floppy": 11,
    "dialout": 20, "tape": 26, "video": 27, "users": 100, "nobody": 65534,
}  # fmt: skip
GROUPS_OF_ROOT = {"root", "bin", "daemon", "sys", "adm", "disk", "wheel", "floppy", "dialout", "tape", "video"}

# what the book's image of Node.js, a Debian, calls its first users
DEBIAN_USERS = {"root": (0, 0), "daemon": (1, 1), "bin": (2, 2), "sys": (3, 3), "games": (5, 60), "nobody": (65534, 65534)}
DEBIAN_GROUPS = {"root": 0, "daemon": 1, "bin": 2, "sys": 3, "games": 60, "nogroup": 65534}

ANSWER = """#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\nYou have hit %s\\n' "$(hostname)"
"""
SERVE = ["/bin/sh", "-c", "echo Kubia server starting...; exec httpd -f -vv -p 8080 -h /www"]


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def python_files() -> dict[str, pathlib.Path]:
    """The machine's Python as `python`, its library without tests, and what it links, by their names in an image."""
    library = pathlib.Path(subprocess.run(
        [PYTHON, "-c", "import sysconfig; print(sysconfig.get_path('stdlib'))"], check=True, capture_output=True, text=True,
    ).stdout.strip())  # fmt: skip
    linked = subprocess.run(["ldd", PYTHON], check=True, capture_output=True, text=True).stdout
    paths = [pathlib.Path(word) for word in linked.split() if word.startswith("/")]
    modules = [path for path in library.rglob("*.py") if "test" not in path.parts]
    files = {str(path)[1:]: path for path in (*paths, *modules, *library.glob("lib-dynload/*.so"))}
    return files | {"usr/bin/python": pathlib.Path(PYTHON)}


def layer(
    users: dict[str, tuple[int, int]], groups: dict[str, int], members: set[str], others: dict[str, pathlib.Path]
) -> bytes:
    """A file system: busybox under all its names, the users and groups, pages, and other files of the machine."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:

        def add(name: str, mode: int, kind: bytes = tarfile.REGTYPE, data: bytes = b"", target: str = "") -> None:
            entry = tarfile.TarInfo(name)
            entry.mode, entry.type, entry.size, entry.linkname = mode, kind, len(data), target
            archive.addfile(entry, io.BytesIO(data))

        for name in DIRECTORIES.split():
            add(name, 0o755, tarfile.DIRTYPE)
        add("tmp", 0o1777, tarfile.DIRTYPE)
        add("bin/busybox", 0o755, data=pathlib.Path(BUSYBOX).read_bytes())
        names = subprocess.run([BUSYBOX, "--list-full"], check=True, capture_output=True, text=True).stdout.split()
        for name in sorted(set(names) - {"bin/busybox", "linuxrc"}):
            add(name, 0o777, tarfile.SYMTYPE, target=BUSYBOX)
        passwd = "".join(f"{name}:x:{uid}:{gid}:{name}:/:/bin/sh\n" for name, (uid, gid) in users.items())
        group = "".join(f"{name}:x:{gid}:{'root' if name in members else ''}\n" for name, gid in groups.items())
        add("etc/passwd", 0o644, data=passwd.encode())
        add("etc/group", 0o644, data=group.encode())
        add("www/cgi-bin/index.cgi", 0o755, data=ANSWER.encode())
        add("usr/share/nginx/html/index.html", 0o644, data=b"<h1>Welcome to nginx!</h1>\n")
        for name, path in others.items():
            add(name, path.stat().st_mode & 0o777, data=path.read_bytes())
    return content.getvalue()


class Images:
    """Blobs by digest, and manifests by repository and reference."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[tuple[str, str], bytes] = {}

    def add(self, repository: str, tag: str, files: bytes, config: dict[str, object]) -> None:
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        image = json.dumps({
            "architecture": {"aarch64": "arm64"}.get(platform.machine(), "amd64"),
            "os": "linux",
            "config": {"Env": [f"PATH={path}"]} | config,
            "rootfs": {"type": "layers", "diff_ids": [digest(files)]},
        }).encode()  # fmt: skip
        manifest = json.dumps({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.blob(CONFIG, image),
            "layers": [self.blob(LAYER, files)],
        }).encode()  # fmt: skip
        for reference in (tag, digest(manifest)):
            self.manifests[repository, reference] = manifest

    def blob(self, kind: str, content: bytes) -> dict[str, object]:
        self.blobs[digest(content)] = content
        return {"mediaType": kind, "size": len(content), "digest": digest(content)}

    def find(self, path: str) -> tuple[str, bytes] | None:
        """The type and content of what a path of the registry names."""
        if path == "/v2/":
            return "application/json", b"{}"
        where = path.removeprefix("/v2/")
        for kind, found in (("/manifests/", MANIFEST), ("/blobs/", "application/octet-stream")):
            repository, between, reference = where.rpartition(kind)
            if between:
                manifest = kind == "/manifests/"
                content = self.manifests.get((repository, reference)) if manifest else self.blobs.get(reference)
                return None if content is None else (found, content)
        return None


def made() -> Images:
    images = Images()
    alpine = layer(ALPINE_USERS, ALPINE_GROUPS, GROUPS_OF_ROOT, {})
    node = layer(DEBIAN_USERS, DEBIAN_GROUPS, {"root"}, {})
    images.add("library/alpine", "latest", alpine, {"Cmd": ["/bin/sh"]})
    images.add("library/pause", "local", alpine, {"Entrypoint": ["/bin/sleep", "2147483647"]})
    images.add("google_containers/pause", "latest", alpine, {"Entrypoint": ["/bin/sleep", "2147483647"]})
    for tag in ("latest", "stable"):
        images.add("library/busybox", tag, alpine, {"Cmd": ["/bin/sh"]})
    images.add("library/ubuntu", "latest", alpine, {"Cmd": ["/bin/sh"]})
    for tag in ("latest", "1.21.4"):
        images.add("library/nginx", tag, alpine, {"Entrypoint": ["/usr/sbin/httpd", "-f", "-p", "80", "-h", "/usr/share/nginx/html"]})
    python = layer(ALPINE_USERS, ALPINE_GROUPS, GROUPS_OF_ROOT, python_files())
    images.add("library/python", "latest", python, {"Cmd": ["/usr/bin/python"]})
    images.add("luksa/kubia", "latest", node, {"Entrypoint": SERVE})
    images.add("luksa/kubia-run-as-user-5", "latest", node, {"Entrypoint": SERVE, "User": "5"})
    return images


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    images = made()

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def answer(self, with_body: bool) -> None:
        found = self.images.find(self.path.partition("?")[0])
        self.send_response(404 if found is None else 200)
        kind, content = found or ("application/json", b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}')
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Docker-Content-Digest", digest(content))
        self.end_headers()
        if with_body:
            self.wfile.write(content)


http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
