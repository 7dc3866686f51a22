#!/usr/bin/env python3
"""Serves what a kubelet serves: logs, exec, attach and port-forward, over SPDY/3.1 as every kubelet does.

    testdata/nodes/kubelet.py CERTIFICATE KEY

It prints its port. There are no containers: commands run on this machine, a log is what is in the file
log-CONTAINER of the working directory, and followed until a file log-CONTAINER.ended is beside it.
"""

import json
import os
import select
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.parse
import zlib

SYN_STREAM, SYN_REPLY, PING = 1, 2, 6
FIN = 1
# What SPDY/3's headers are compressed with (draft-mbelshe-httpbis-spdy-00, section 2.6.10.1).
WORDS = """options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age
allow authorization cache-control connection content-base content-encoding content-language content-length
content-location content-md5 content-range content-type date etag expect expires from host if-match if-modified-since
if-none-match if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate
proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning
www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie keep-alive origin""".split()
REST = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
    "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
    "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY = b"".join(struct.pack("!I", len(w)) + w.replace("_", " ").encode() for w in WORDS) + REST.encode()


class Stream:
    """A TLS connection that one thread reads while others write: OpenSSL takes them in turn only."""

    def __init__(self, tls):
        tls.setblocking(False)
        self.tls, self.lock, self.rest = tls, threading.Lock(), b""

    def in_turn(self, action):
        while True:
            try:
                with self.lock:
                    return action()
            except ssl.SSLWantReadError:
                select.select([self.tls], [], [])
            except ssl.SSLWantWriteError:
                select.select([], [self.tls], [])

    def fill(self):
        data = self.in_turn(lambda: self.tls.recv(65536))
        self.rest += data
        return bool(data)

    def take(self, size):
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken

    def read(self, size):
        """So many bytes, or fewer at the end."""
        while len(self.rest) < size and self.fill():
            pass
        return self.take(size)

    def readline(self):
        while b"\n" not in self.rest and self.fill():
            pass
        return self.take(self.rest.find(b"\n") + 1)

    def sendall(self, data):
        left = memoryview(data)
        while left:
            sent = self.in_turn(lambda: self.tls.send(left))
            left = left[sent:]

    def end(self):
        with self.lock:
            self.tls.shutdown(socket.SHUT_RDWR)


class Connection:
    """One SPDY connection after the 101."""

    def __init__(self, stream):
        self.stream = stream
        self.lock = threading.Lock()
        self.inflate = zlib.decompressobj(zdict=DICTIONARY)
        self.deflate = zlib.compressobj(zdict=DICTIONARY)

    def control(self, kind, payload):
        self.stream.sendall(struct.pack("!HHI", 0x8003, kind, len(payload)) + payload)

    def reply(self, stream_id):
        with self.lock:
            headers = self.deflate.compress(struct.pack("!I", 0)) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
            self.control(SYN_REPLY, struct.pack("!I", stream_id) + headers)

    def send(self, stream_id, data, flags=0):
        with self.lock:
            self.stream.sendall(struct.pack("!II", stream_id, flags << 24 | len(data)) + data)

    def headers(self, block):
        text = self.inflate.decompress(block)
        parts, at = [], 4
        for _ in range(2 * struct.unpack_from("!I", text)[0]):
            (size,) = struct.unpack_from("!I", text, at)
            parts.append(text[at + 4 : at + 4 + size].decode())
            at += 4 + size
        return dict(zip(parts[::2], parts[1::2]))

    def frames(self):
        """What comes: (stream, headers, None, ended) for a new stream, (stream, None, data, ended) for data."""
        while True:
            head = self.stream.read(8)
            if len(head) < 8:
                return
            first, second = struct.unpack("!II", head)
            payload, ended = self.stream.read(second & 0xFFFFFF), bool(second >> 24 & FIN)
            if not first >> 31:
                yield first, None, payload, ended
            elif first & 0xFFFF == SYN_STREAM:
                (stream_id,) = struct.unpack_from("!I", payload)
                headers = self.headers(payload[10:])
                self.reply(stream_id)
                yield stream_id, headers, None, ended
            elif first & 0xFFFF == PING:
                with self.lock:
                    self.control(PING, payload)


def status(code):
    """What a kubelet says of how a command ended."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    causes = [{"reason": "ExitCode", "message": str(code)}]
    return {"metadata": {}, "status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": causes},
            "message": f"command terminated with non-zero exit code: exit status {code}"}


def run(connection, command, wanted):
    """Runs a command, its streams those of the connection."""
    streams, frames = {}, connection.frames()
    while len(streams) < wanted:
        stream_id, headers, _, _ = next(frames)
        streams[headers["streamtype"]] = stream_id
    pipe = lambda name: subprocess.PIPE if name in streams else subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=pipe("stdin"), stdout=pipe("stdout"), stderr=pipe("stderr"))

    def pump(name):
        while data := getattr(process, name).read1(65536):
            connection.send(streams[name], data)
        connection.send(streams[name], b"", FIN)

    def end():
        pumps = [threading.Thread(target=pump, args=(name,)) for name in ("stdout", "stderr") if name in streams]
        for thread in pumps:
            thread.start()
        for thread in pumps:
            thread.join()
        connection.send(streams["error"], json.dumps(status(process.wait())).encode(), FIN)
        connection.stream.end()

    threading.Thread(target=end, daemon=True).start()
    for stream_id, _, data, ended in frames:
        if stream_id == streams.get("stdin"):
            try:
                process.stdin.write(data or b"")
                process.stdin.flush()
                if ended:
                    process.stdin.close()
            except (BrokenPipeError, ValueError):
                pass


def forward(connection):
    """Connects each stream of data to the port that it names."""
    errors, sockets = {}, {}

    def pump(stream_id, request, remote):
        while data := remote.recv(65536):
            connection.send(stream_id, data)
        connection.send(stream_id, b"", FIN)
        connection.send(errors[request], b"", FIN)

    for stream_id, headers, data, ended in connection.frames():
        if headers and headers["streamtype"] == "error":
            errors[headers["requestid"]] = stream_id
        elif headers:
            remote = socket.create_connection(("127.0.0.1", int(headers["port"])))
            sockets[stream_id] = remote
            threading.Thread(target=pump, args=(stream_id, headers["requestid"], remote), daemon=True).start()
        elif stream_id in sockets:
            sockets[stream_id].sendall(data)
            if ended:
                sockets[stream_id].shutdown(socket.SHUT_WR)


def log(stream, container, query):
    """Sends a log, chunk by chunk."""
    name = f"log-{container}"
    if not os.path.exists(name):
        text = f'container "{container}" in pod "web" is waiting to start: ContainerCreating'
        stream.sendall(f"HTTP/1.1 400 Bad Request\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())
        return
    stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
    follows = query.get("follow") == ["true"]
    with open(name, "rb") as file:
        lines = file.readlines()
        for line in lines[-int(query["tailLines"][0]) :] if "tailLines" in query else lines:
            stream.sendall(b"%x\r\n%s\r\n" % (len(line), line))
        while follows:
            ended = os.path.exists(f"{name}.ended")
            if line := file.readline():
                stream.sendall(b"%x\r\n%s\r\n" % (len(line), line))
            elif ended:
                break
            else:
                time.sleep(0.05)
    stream.sendall(b"0\r\n\r\n")


def serve(stream):
    method, target, _ = stream.readline().decode().split(" ")
    headers = {}
    while line := stream.readline().decode().strip():
        name, _, value = line.partition(": ")
        headers.setdefault(name.lower(), value)
    url = urllib.parse.urlsplit(target)
    query = urllib.parse.parse_qs(url.query)
    print(method, target, headers.get("upgrade", ""), file=sys.stderr, flush=True)
    _, action, *rest = url.path.split("/")
    if action == "containerLogs":
        return log(stream, rest[2], query)
    if "upgrade" not in headers:
        stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        return None
    protocol = "portforward.k8s.io" if action == "portForward" else "v4.channel.k8s.io"
    stream.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
        b"X-Stream-Protocol-Version: " + protocol.encode() + b"\r\n\r\n"
    )
    connection = Connection(stream)
    if action == "portForward":
        return forward(connection)
    wanted = 1 + sum(name in query for name in ("input", "output", "error"))
    run(connection, query.get("command", ["cat"]), wanted)


def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)

    def attend(accepted):
        try:
            with context.wrap_socket(accepted, server_side=True) as stream:
                serve(Stream(stream))
        except (OSError, ValueError, StopIteration):
            pass  # the client is gone

    while True:
        accepted, _ = listener.accept()
        threading.Thread(target=attend, args=(accepted,), daemon=True).start()


if __name__ == "__main__":
    main()
