#!/usr/bin/env python3
"""Holds many execs open at once: streams.py KUBECONFIG POD COUNT PID

Each is a WebSocket to `cat` in the pod. Some at a time are opened: containerd's shim can lock up where many processes start
while others end. When all are open each sends a line and gets it back; then half of them close the connection, the
others break it off. PID is the server's: what it holds before, meanwhile and afterwards is printed as JSON.
"""

import asyncio
import base64
import json
import os
import pathlib
import ssl
import struct
import subprocess
import sys
import tempfile
import urllib.parse

AT_ONCE = 20
STDIN, STDOUT = 0, 1
BINARY, CLOSE = 2, 8


def held(pid: str) -> dict[str, int]:
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    memory = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return {"descriptors": len(os.listdir(f"/proc/{pid}/fd")), "KiB": int(memory.split()[1])}


def credentials() -> tuple[urllib.parse.SplitResult, ssl.SSLContext]:
    """The server and a client of it, from the kubeconfig."""
    view = ["kubectl", "--kubeconfig", sys.argv[1], "config", "view", "--raw", "--minify", "-o", "json"]
    config = json.loads(subprocess.run(view, check=True, capture_output=True).stdout)
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name in ("client-certificate-data", "client-key-data"):
            files.append(os.path.join(folder, name))
            pathlib.Path(files[-1]).write_bytes(base64.b64decode(user[name]))
        context.load_cert_chain(*files)
    return urllib.parse.urlsplit(cluster["server"]), context


def frame(kind: int, payload: bytes) -> bytes:
    """A frame of a client: masked, here with zeros; less than 126 bytes."""
    return struct.pack("!BB4x", 0x80 | kind, 0x80 | len(payload)) + payload


async def received(reader: asyncio.StreamReader) -> bytes:
    """The payload of the next frame."""
    size = (await reader.readexactly(2))[1]
    if size == 126:
        size = struct.unpack("!H", await reader.readexactly(2))[0]
    return await reader.readexactly(size)


class Stream:
    """An exec of `cat`."""

    async def open(self, server: urllib.parse.SplitResult, context: ssl.SSLContext, pod: str) -> None:
        self.reader, self.writer = await asyncio.open_connection(server.hostname, server.port, ssl=context)
        head = (
            f"GET /api/v1/namespaces/default/pods/{pod}/exec?command=cat&stdin=true&stdout=true HTTP/1.1\r\n"
            f"Host: {server.netloc}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
            "Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n"
        )
        self.writer.write(head.encode())
        answer = await self.reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in answer.split(b"\r\n")[0]:
            raise ConnectionError(answer.decode() + (await self.reader.read(1000)).decode())

    async def echo(self, text: bytes) -> None:
        self.writer.write(frame(BINARY, bytes([STDIN]) + text))
        while True:
            payload = await received(self.reader)
            if payload == bytes([STDOUT]) + text:
                return
            if payload[1:]:
                raise ConnectionError(f"{payload!r} instead of {text!r}")

    async def end(self, abruptly: bool) -> None:
        if abruptly:
            self.writer.transport.abort()
            return
        self.writer.write(frame(CLOSE, struct.pack("!H", 1000)))
        self.writer.close()


async def main() -> None:
    _, _, pod, count, pid = sys.argv
    server, context = credentials()
    figures = {"before": held(pid)}
    streams = [Stream() for _ in range(int(count))]
    free = asyncio.Semaphore(AT_ONCE)

    async def begin(stream: Stream) -> None:
        async with free:
            await stream.open(server, context, pod)
            await stream.echo(b"begins\n")

    await asyncio.gather(*(begin(stream) for stream in streams))
    await asyncio.gather(*(stream.echo(b"line %d\n" % n) for n, stream in enumerate(streams)))
    figures["meanwhile"] = held(pid)
    await asyncio.gather(*(stream.end(n % 2 == 0) for n, stream in enumerate(streams)))
    await asyncio.sleep(1)
    for _ in range(300):
        figures["afterwards"] = held(pid)
        if figures["afterwards"]["descriptors"] <= figures["before"]["descriptors"] + 2:
            break
        await asyncio.sleep(0.1)
    print(json.dumps(figures))


asyncio.run(main())
