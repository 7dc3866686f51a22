#!/usr/bin/env python3
"""The ends of a tunnel, over TLS.

    ends.py kubelet CERTIFICATE KEY   prints its port, then answers every request by switching protocols and sending
                                      what its path asks for: in /exec/.../BYTES-PIECE, so many bytes in such pieces
    ends.py client PORT PATH TOKEN    switches protocols, reads to the end, and prints how many bytes came

A kubelet writes a frame of SPDY as two small writes for its head and one for its data; this one writes as it does.
"""

import re
import socket
import ssl
import sys
import threading

HEAD = (b"\x80\x00\x00\x01", b"\x00\x00\x10\x00")
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n"


def head_of(connection):
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(4096)
        if not piece:
            return None
        head += piece
    return head.decode()


def serve(connection, context):
    with context.wrap_socket(connection, server_side=True) as tls:
        head = head_of(tls)
        wanted = head and re.search(r"(\d+)-(\d+)", head.split("\r\n", 1)[0])
        if not wanted:
            return
        total, piece = map(int, wanted.groups())
        tls.sendall(SWITCHED)
        data = bytes(piece)
        for _ in range(total // piece):
            for part in HEAD:
                tls.sendall(part)
            tls.sendall(data)
        tls.unwrap()


def quietly(*arguments):
    try:
        serve(*arguments)
    except OSError:  # the other end is gone
        pass


def kubelet(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=quietly, args=(connection, context), daemon=True).start()


def client(port, path, token):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(socket.create_connection(("127.0.0.1", int(port)))) as tls:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: Upgrade\r\n"
            "Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\nContent-Length: 0\r\n\r\n"
        )
        tls.sendall(head.encode())
        answer = head_of(tls)
        if not answer or not answer.startswith("HTTP/1.1 101 "):
            sys.exit(f"no tunnel: {answer}")
        buffer, count = bytearray(1 << 20), 0
        try:
            while got := tls.recv_into(buffer):
                count += got
        except ssl.SSLError:  # an end without TLS's close_notify
            pass
        print(count)


if __name__ == "__main__":
    {"kubelet": kubelet, "client": client}[sys.argv[1]](*sys.argv[2:])
