"""Where does a request end? Sluice and nginx are given the same bytes, and must agree.

Behind each request stands another, the marker. A reader that takes a request for longer or shorter than
the other does comes to the marker at another place, or not at all. What Sluice takes, nginx must take for
the same request with the same body. Sluice may refuse what nginx takes; where it does is written down
here, case by case.
"""

import pathlib
import random
import socket
import subprocess

import pytest
from conftest import BINARY, Client, wait_for

MARKER = b"GET /marker HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
# What a reader says of bytes that are no request; others are answers to one.
REFUSALS = {400, 413, 414, 417, 431, 501, 505, 405}

# Cases that Sluice refuses and nginx takes, each because somebody else might take it otherwise.
STRICTER = {
    "HTTP/1.10",
    "HTTP/1.2",
    "LF LF at the end",
    "a bare CR at the end of a value",
    "a bare CR before the request",
    "a bare LF at the end of a field",
    "a bare LF before a length",
    "a bare LF before the request",
    "a bare LF behind the request line",
    "a bare LF for the empty line",
    "a byte above 7f in Host",
    "a byte above 7f in a name",
    "a byte above 7f in the target",
    "a chunk extension",
    "a chunk shorter than its size",
    "a chunk that ends in a bare LF",
    "a coding behind a bare LF",
    "a control byte in a value",
    "a delete in a value",
    "a dot before a name",
    "a field without a colon",
    "a folded trailer",
    "a fragment",
    "a last chunk that ends in a bare LF",
    "a list of expectations",
    "a name in brackets",
    "a parenthesis in a name",
    "a port that is no number",
    "a quote in a name",
    "a size that ends in a bare LF",
    "a space at the end",
    "a space behind the size",
    "a tab behind the size",
    "a trailer that ends in a bare LF",
    "a trailer that is no field",
    "a trailer with a NUL",
    "a trailer with a space before its colon",
    "a trailer without a name",
    "a user in Host",
    "absolute form of another scheme",
    "absolute form with another host",
    "absolute form without a path",
    "an empty chunk extension",
    "an empty expectation",
    "an end that is a bare LF",
    "an extension of the last chunk",
    "an extension with a bare LF",
    "an open bracket",
    "another expectation",
    "bare LFs everywhere",
    "seventeen digits",
    "two empty lines before the request",
    "two ports",
    "two spaces behind the method",
    "two spaces behind the target",
}

NGINX = """
worker_processes 1;
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log warn;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  lingering_close off;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://unix:{directory}/inner.sock;
      proxy_ignore_client_abort on;
    }}
  }}
  server {{
    listen unix:{directory}/inner.sock;
    location / {{ return 200 "$http_content_length"; }}
  }}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_open(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def nginx(tmp_path_factory):
    directory = tmp_path_factory.mktemp("nginx")
    port = free_port()
    (directory / "nginx.conf").write_text(NGINX.format(directory=directory, port=port))
    process = subprocess.Popen(["nginx", "-e", directory / "nginx.log", "-c", directory / "nginx.conf"])
    try:
        wait_for(lambda: is_open(port), "nginx to listen")
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def replies_to(address, data):
    """(status, body) of each reply until the end of the connection; a reply without a head is (200, it)."""
    replies = []
    with Client(address) as client:
        client.send(data)
        client.socket.shutdown(socket.SHUT_WR)
        try:
            while True:
                line = client.file.readline()
                if not line:
                    return replies
                if not line.startswith(b"HTTP/1."):
                    return [*replies, (200, line)]
                status, length = int(line.split()[1]), 0
                for field in iter(client.file.readline, b"\r\n"):
                    name, _, value = field.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                if status != 100:
                    replies.append((status, client.file.read(length)))
        except ConnectionResetError:
            return replies


def verdict(replies):
    """"taken" with the number of requests before the marker, "refused", or "waits" for more bytes."""
    refused = [status for status, _ in replies if status in REFUSALS]
    if refused:
        return ("refused", len(replies) - 1)
    return ("taken", len(replies) - 1) if replies else ("waits", 0)


def hand_cases():
    """The cases of the unit test, but for those about the bounds that are set there."""
    program = pathlib.Path(BINARY).resolve().parent / "tests" / "unit-test_http_parse"
    listing = subprocess.run([program, "--cases"], stdout=subprocess.PIPE, check=True).stdout.decode("latin-1")
    for line in listing.splitlines():
        status, body_len, left, data, name = line.split(" ", 4)
        if int(status) not in (413, 414, 431):
            yield name, int(status), int(body_len), int(left), bytes.fromhex(data[1:])


def test_the_hand_cases(serve, nginx):
    server = serve("--resp", "none")
    faults, stricter, taken = [], set(), 0
    for name, status, body_len, left, data in hand_cases():
        if status == 1 or left:
            continue  # not whole, or with a beginning of its own behind it
        ours = verdict(replies_to(server.http, data + MARKER))
        reply = replies_to(nginx, data + MARKER)
        theirs = verdict(reply)
        if (ours[0] == "taken") != (status == 0):
            faults.append(f"{name}: the unit test says {status}, the server {ours}")
        if ours[0] == "taken":
            taken += 1
            length = int(reply[0][1] or 0) if theirs[0] == "taken" else None
            if theirs != ours or length != body_len:
                faults.append(f"{name}: taken {ours}, by nginx {theirs}, body {body_len}, by nginx {length}")
        elif theirs[0] == "taken":
            stricter.add(name)
    assert not faults, "\n".join(faults)
    assert not stricter ^ STRICTER, "\n".join(sorted(stricter ^ STRICTER))
    assert taken > 40


SEEDS = [
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nX-A: b\r\nContent-Length: 0\r\nX-B: c\r\n\r\n",
    b"GET /a?b=c HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n",
    b"GET http://a/ HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
]
PIECES = [
    b"\r", b"\n", b"\r\n", b" ", b"\t", b"\0", b"\x0b", b":", b",", b";", b"0", b"5", b"a", b"+", b"-", b"0x", b"\xff",
    b"Content-Length: 3\r\n", b"Content-Length:", b"Transfer-Encoding: chunked\r\n", b"chunked", b"identity", b" \r\n",
    b"\r\n ", b"\n\n", b"0\r\n\r\n", b"HTTP/1.0", b"Host: b\r\n", b"Connection: close\r\n", b"18446744073709551616",
]  # fmt: skip


def mutated(chance):
    data = chance.choice(SEEDS)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(data))
        kind = chance.randrange(4)
        if kind == 0:
            data = data[:at] + chance.choice(PIECES) + data[at:]
        elif kind == 1:
            data = data[:at] + data[at + chance.randint(1, 4) :]
        elif kind == 2:
            data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
        else:
            other = chance.choice(SEEDS)
            data = data[:at] + other[chance.randrange(len(other)) :]
        data = data or b" "
    return data


def test_a_thousand_mutations(serve, nginx):
    server = serve("--resp", "none")
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    taken = 0
    for _ in range(1000):
        data = mutated(chance)
        ours = verdict(replies_to(server.http, data + MARKER))
        if ours[0] == "taken":
            taken += 1
            theirs = verdict(replies_to(nginx, data + MARKER))
            assert theirs == ours, (seed, data, ours, theirs)
    assert taken > 50
