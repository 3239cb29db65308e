"""What the tests of the real binary share: where it is, how it is called, where the logs are."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SHARED = pathlib.Path(os.environ.get("SLUICE_SHARED", ROOT.parent / "shared"))
BINARY = os.environ.get("SLUICE_BIN") or os.environ.get("SLUICE") or str(ROOT / "build" / "sluice")


class Result:
    """How a call of the program ended."""

    def __init__(self, finished):
        self.status = finished.returncode
        self.out = finished.stdout
        self.err = finished.stderr

    @property
    def text(self):
        return self.out.decode()

    @property
    def errors(self):
        return self.err.decode()

    def report(self):
        """The one JSON object on standard output; every object in it as a list of pairs, so that the order of
        fields counts, too."""
        assert self.status == 0, self.errors
        assert self.out.count(b"\n") == 1 and self.out.endswith(b"\n")
        return json.loads(self.out, object_pairs_hook=list)

    def figures(self):
        """The same as a dictionary."""
        assert self.status == 0, self.errors
        return json.loads(self.out)


class Sluice:
    """Calls the program in a directory of the test's own."""

    def __init__(self, directory):
        self.directory = directory

    def __call__(self, *arguments, stdin=b"", environment=None):
        finished = subprocess.run(
            [BINARY, *map(str, arguments)],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.directory,
            env={**os.environ, **(environment or {})},
            timeout=300,
            check=False,
        )
        return Result(finished)

    def write(self, name, content):
        """Writes a file: bytes, text, or rules as a list of dictionaries (JSON is YAML)."""
        path = self.directory / name
        if isinstance(content, list):
            content = json.dumps({"rules": content})
        if isinstance(content, str):
            content = content.encode()
        path.write_bytes(content)
        return path

    def replay(self, rules, log, *options, stdin=b""):
        """Replays a log (bytes, or a path) under rules with --json."""
        rules = self.write("rules.yaml", rules)
        if isinstance(log, bytes):
            log = self.write("access.log", log)
        return self("replay", "--rules", rules, "--json", *options, log, stdin=stdin)


@pytest.fixture
def sluice(tmp_path):
    return Sluice(tmp_path)


@pytest.fixture(scope="session")
def example_log():
    """What examples/make-access-log makes."""
    made = subprocess.run([sys.executable, ROOT / "examples" / "make-access-log"], stdout=subprocess.PIPE, check=True)
    return made.stdout


def real_logs():
    """The real log where it is at hand. It is not part of the project."""
    path = SHARED / "data" / "access.log"
    return [path.read_bytes()] if path.exists() else []


# ---- the server

DEADLINE = 30  # seconds before something that should happen counts as not happening


def wait_for(condition, what, seconds=DEADLINE):
    """Asks again and again until the condition is true; its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.01)


class Client:
    """A socket that speaks a little RESP and a little HTTP."""

    def __init__(self, address, timeout=DEADLINE, tls=None):
        if address.startswith("unix:"):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(address[len("unix:") :])
        else:
            host, _, port = address.rpartition(":")
            self.socket = socket.create_connection((host.strip("[]"), int(port)), timeout)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def resp(self, *words):
        """A command and its reply: int, str, None, list; an error as RuntimeError."""
        self.send(encode(*words))
        return self.reply()

    def reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError(f"the reply ends early: {line!r}")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        assert kind == b"$", line
        if int(rest) < 0:
            return None
        text = self.file.read(int(rest) + 2)
        if len(text) < int(rest) + 2:
            raise ConnectionError("the reply ends early")
        return text[:-2].decode()

    def http(self, method, path, body=None, headers=()):
        """A request and its reply: (status, headers in lower case, body)."""
        body = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        self.send("\r\n".join([*lines, "", ""]).encode() + body)
        return self.http_reply()

    def http_reply(self):
        first = self.file.readline()
        if not first.endswith(b"\r\n"):
            raise ConnectionError(f"the reply ends early: {first!r}")
        headers = {}
        for line in iter(self.file.readline, b"\r\n"):
            if not line:
                raise ConnectionError("the headers end early")
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", 0))
        body = self.file.read(length)
        if len(body) < length:
            raise ConnectionError("the body ends early")
        return int(first.split()[1]), headers, body

    def at_end(self):
        """Has the server ended the connection? Waits for it."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass
        return True


def encode(*words):
    parts = [str(word).encode() if not isinstance(word, bytes) else word for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


class Server:
    """`sluice serve` on ports of its own choosing, with what it logged."""

    def __init__(self, directory, *arguments, environment=None, ports=True, prefix=(), log=None, pass_fds=()):
        self.log_path = log or directory / f"server-{len(list(directory.glob('server-*.log')))}.log"
        own = [["--http", "127.0.0.1:0"], ["--resp", "127.0.0.1:0"]] if ports else []
        chosen = [word for option in own if option[0] not in arguments for word in option]
        with open(self.log_path, "wb") as log_file:
            self.process = subprocess.Popen(
                [*prefix, BINARY, "serve", *chosen, *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                cwd=directory,
                env={**os.environ, **(environment or {})},
                pass_fds=pass_fds,
            )

    def events(self, name=None):
        lines = [line for line in self.log_path.read_text().splitlines(keepends=True) if line.startswith("{")]
        events = [json.loads(line) for line in lines if line.endswith("\n")]
        return [event for event in events if name in (None, event["event"])]

    def wait_ready(self):
        def ready():
            assert self.process.poll() is None, self.log_path.read_text()
            return self.events("ready")

        event = wait_for(ready, "the server to be ready")[0]
        self.http, self.resp, self.admin = event.get("http"), event.get("resp"), event.get("admin")
        return self

    def wait_event(self, name, message="", count=1):
        def there():
            found = [event for event in self.events(name) if message in event["message"]]
            return found[count - 1 :]

        return wait_for(there, f"event {name} {message}")[0]

    def send_signal(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        """Asks it to end, and its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self):
        return self.process.wait(DEADLINE)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture
def serve(tmp_path):
    """Starts servers that end with the test: serve("--rules", path), ready to answer."""
    servers = []

    def start(*arguments, ready=True, **options):
        server = Server(tmp_path, *arguments, **options)
        servers.append(server)
        return server.wait_ready() if ready else server

    yield start
    for server in servers:
        server.kill()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """An authority, a certificate for localhost, one for a client, and a stranger's."""
    directory = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)

    def issue(name, authority, subject_alt_name="DNS:localhost,IP:127.0.0.1"):
        (directory / "ext").write_text(f"subjectAltName={subject_alt_name}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
                "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key",
                "-CAcreateserial", "-out", f"{name}.pem", "-days", "30", "-extfile", "ext")

    for name in ("ca", "other-ca"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}", "-days", "30")
    issue("server", "ca")
    issue("server2", "ca")
    issue("client", "ca")
    issue("stranger", "other-ca")
    return directory
