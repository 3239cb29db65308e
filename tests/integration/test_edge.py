"""nginx and Caddy ask Sluice, exactly as docs/EDGE.md says, but for ports and paths."""

import http.server
import os
import re
import socket
import subprocess
import threading

import pytest
from conftest import ROOT, Client, wait_for

GUIDE = (ROOT / "docs" / "EDGE.md").read_text()


def block(name):
    """The text of the guide's block that begins with a comment of that name."""
    return re.search(rf"```\w+\n# {name}\n(.*?)```", GUIDE, re.DOTALL).group(1)


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


class Application(http.server.BaseHTTPRequestHandler):
    """What is behind the proxy: says what it was asked; /forbidden is a 403 of its own."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = f"{self.command} {self.path} {self.headers.get('RateLimit', '')}".encode()
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(403 if self.path == "/forbidden" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture
def application():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Application)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def sluice_server(sluice, serve):
    return serve("--rules", sluice.write("rules.yaml", block("sluice-rules")), "--resp", "none")


def started(command, port, directory):
    environment = {**os.environ, "HOME": str(directory), "XDG_DATA_HOME": str(directory), "XDG_CONFIG_HOME": str(directory)}
    with open(directory / "proxy.log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=directory, env=environment)

    def ready():
        assert process.poll() is None, (directory / "proxy.log").read_text()
        return is_open(port)

    try:
        wait_for(ready, f"{command[0]} to listen")
    except BaseException:
        stop(process)
        raise
    return process


def stop(process):
    process.terminate()
    process.wait(30)


def with_ports(text, port, sluice_address, application):
    for old, new in ((":8000", f":{port}"), ("127.0.0.1:8080", sluice_address),
                     ("127.0.0.1:9000", f"127.0.0.1:{application}")):  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.fixture
def nginx(tmp_path, sluice_server, application):
    directory = tmp_path / "nginx"
    directory.mkdir()
    port = free_port()
    temporary = "".join(f"  {kind}_temp_path {directory}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (directory / "nginx.conf").write_text(
        f"daemon off;\nmaster_process off;\npid {directory}/pid;\nerror_log {directory}/error.log;\nevents {{ }}\n"
        f"http {{\n  access_log off;\n{temporary}{with_ports(block('nginx'), port, sluice_server.http, application)}}}\n"
    )
    process = started(["nginx", "-e", f"{directory}/error.log", "-c", f"{directory}/nginx.conf"], port, directory)
    yield f"127.0.0.1:{port}"
    stop(process)


@pytest.fixture
def caddy(tmp_path, sluice_server, application):
    directory = tmp_path / "caddy"
    directory.mkdir()
    port = free_port()
    settings = "{\n\tadmin off\n\tauto_https off\n}\n"
    (directory / "Caddyfile").write_text(settings + with_ports(block("caddy"), port, sluice_server.http, application))
    process = started(["caddy", "run", "--adapter", "caddyfile", "--config", "Caddyfile"], port, directory)
    yield f"127.0.0.1:{port}"
    stop(process)


def ask(address, method, path, *headers):
    with Client(address) as client:
        return client.http(method, path, headers=headers)


def logins(address, *headers):
    """Four attempts to log in: the third that is let through, and the first that is not."""
    replies = [ask(address, "POST", "/login", "Content-Length: 0", *headers) for _ in range(4)]
    # The window may have ended between two of them; then the attempts begin again.
    if replies[3][0] == 200:
        replies = [ask(address, "POST", "/login", "Content-Length: 0", *headers) for _ in range(4)]
    return replies


def test_nginx_refuses_with_429_and_the_fields(nginx):
    status, headers, body = ask(nginx, "GET", "/free?a=b")
    assert (status, body) == (200, b"GET /free?a=b ") and "ratelimit" not in headers
    replies = logins(nginx)
    assert [status for status, _, _ in replies] == [200, 200, 200, 429]
    allowed, refused = replies[2][1], replies[3][1]
    assert allowed["ratelimit-policy"] == refused["ratelimit-policy"] == '"logins";q=3;w=60'
    assert re.fullmatch(r'"logins";r=0;t=\d+', allowed["ratelimit"])
    assert re.fullmatch(r'"logins";r=0;t=\d+', refused["ratelimit"])
    assert 1 <= int(refused["retry-after"]) <= 60
    assert "retry-after" not in allowed
    assert ask(nginx, "GET", "/login")[0] == 200, "another method is another rule's"


def test_nginx_passes_on_a_403_of_the_application(nginx):
    status, _, body = ask(nginx, "GET", "/forbidden")
    assert (status, body) == (403, b"GET /forbidden ")


FORGED = (
    "X-Forwarded-For: 203.0.113.9", "X-Forwarded-Uri: /free", "X-Forwarded-Method: GET", "X-Original-URI: /free",
    "X-Original-URL: http://x/free", "X-Original-Method: GET",
)  # fmt: skip


def test_nginx_lets_no_client_forge_what_it_asks(nginx):
    assert logins(nginx, *FORGED)[3][0] == 429


def test_nginx_goes_on_without_sluice(nginx, sluice_server):
    assert sluice_server.stop() == 0
    status, _, body = ask(nginx, "POST", "/login", "Content-Length: 0")
    assert (status, body) == (200, b"POST /login ")


def test_caddy_refuses_with_sluices_own_answer(caddy):
    status, _, body = ask(caddy, "GET", "/free?a=b")
    assert (status, body) == (200, b"GET /free?a=b ")
    replies = logins(caddy)
    assert [status for status, _, _ in replies] == [200, 200, 200, 429]
    assert replies[2][2] == b"POST /login "
    _, headers, body = replies[3]
    assert headers["ratelimit-policy"] == '"logins";q=3;w=60' and 1 <= int(headers["retry-after"]) <= 60
    assert headers["content-type"] == "application/problem+json" and b'"violated-policies":["logins"]' in body


def test_caddy_lets_no_client_forge_what_it_asks(caddy):
    assert logins(caddy, *FORGED)[3][0] == 429


def test_caddy_answers_502_without_sluice(caddy, sluice_server):
    assert sluice_server.stop() == 0
    assert ask(caddy, "GET", "/free")[0] == 502
