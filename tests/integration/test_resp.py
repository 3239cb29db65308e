"""RESP as Redis clients meet it: redis-cli, redis-benchmark and redis-py against the real server, and plain
sockets for what no client would send."""

import fcntl
import hashlib
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import time

import pytest
import redis

from conftest import DEADLINE, ROOT, Server

RULES = """
rules:
  - { id: user, match: { user: "*" }, key: [user], limit: { rate: 2/1h, burst: 2 } }
  - { id: job, match: { job: "*" }, key: [job], limit: { algorithm: concurrency, slots: 1 } }
  - { id: secret, match: { api_key: "*" }, key: [api_key], limit: { rate: 5/1s } }
"""


class RespServer(Server):
    """A server with one worker, RESP only."""

    def __init__(self, directory, *options):
        rules = directory / "rules.yaml"
        rules.write_text(RULES)
        super().__init__(directory, "--rules", rules, "--http", "none", "--workers", "1", *options)
        self.wait_ready()
        self.port = int(self.resp.rsplit(":", 1)[1])

    def cli(self, *words, stdin=None):
        """redis-cli's output with one command; `-3` and the like come first."""
        finished = subprocess.run(
            ["redis-cli", "-p", str(self.port), *words],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=DEADLINE,
            check=False,
            text=True,
        )
        return finished.stdout

    def client(self, **options):
        return redis.Redis(port=self.port, decode_responses=True, socket_timeout=DEADLINE, **options)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = RespServer(tmp_path_factory.mktemp("resp"))
    yield running
    assert running.stop() == 0


def read_all(connection):
    """Everything until the server closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def read_count(connection, pattern, count):
    """Reads until the pattern occurred so often."""
    got = b""
    while got.count(pattern) < count:
        part = connection.recv(65536)
        assert part, got
        got += part
    return got


def multibulk(*words):
    words = [word.encode() if isinstance(word, str) else word for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


# ---- redis-cli


def test_cli_throttle(server):
    assert server.cli("CL.THROTTLE", "cli", "1", "1", "3600").split() == ["0", "2", "1", "-1", "3600"]
    server.cli("CL.THROTTLE", "cli", "1", "1", "3600")
    limited, limit, remaining, retry, reset = map(int, server.cli("CL.THROTTLE", "cli", "1", "1", "3600").split())
    assert (limited, limit, remaining) == (1, 2, 0)
    assert 3500 < retry <= 3600 < 7100 < reset <= 7200


def test_cli_maps(server):
    assert server.cli("-3", "--json", "ALLOW", "user", "cli3") == (
        '{"allowed":true,"rule":"user","limit":2,"remaining":1,"retry_after_ms":0,"reset_after_ms":1800000}\n'
    )
    assert server.cli("-2", "PEEK", "user", "cli2").split() == (
        "allowed 1 rule user limit 2 remaining 2 retry_after_ms 0 reset_after_ms 0"
    ).split()


def test_cli_errors(server):
    assert server.cli("CL.THROTTLE", "k", "x", "1", "1") == (
        "Cell error: Store error: Couldn't parse as integer: x\n\n"
    )
    assert "unknown command 'GET'" in server.cli("GET", "k")


def test_cli_help(server):
    text = server.cli(stdin="help cl.throttle\nhelp @decisions\n")
    assert "key max_burst count_per_period period [quantity]" in text
    for name in ["ALLOW", "PEEK", "CHARGE", "RELEASE", "RENEW"]:
        assert name in text


def test_cli_completion_and_hints(server):
    """Typed at a terminal: the tab key completes a name, and its arguments are shown behind the cursor."""
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
        os.environ["TERM"] = "xterm"
        os.execvp("redis-cli", ["redis-cli", "-p", str(server.port)])
    try:
        assert see(terminal, "> ")
        os.write(terminal, b"cl.thr\t")
        assert see(terminal, "(?i)cl.throttle")
        os.write(terminal, b" ")
        assert see(terminal, "max_burst")
        os.write(terminal, b"a 1 1 1\r")
        assert see(terminal, r"1\) \(integer\) 0")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def see(terminal, pattern):
    """Reads the terminal until the pattern is on it."""
    text, end = "", time.monotonic() + DEADLINE
    while not re.search(pattern, text):
        assert time.monotonic() < end, text
        if select.select([terminal], [], [], 1)[0]:
            text += os.read(terminal, 4096).decode(errors="replace")
    return True


def test_benchmark_tool(server):
    """redis-benchmark ends with an error where an answer is not RESP."""
    command = ["redis-benchmark", "-p", str(server.port), "-n", "2000", "-c", "5", "-P", "16", "-q"]
    finished = subprocess.run(
        [*command, "CL.THROTTLE", "bench", "15", "30", "60"], capture_output=True, timeout=DEADLINE, check=False, text=True
    )
    assert finished.returncode == 0
    assert "requests per second" in finished.stdout


# ---- redis-py


def test_py_connects(server):
    client = server.client(client_name="tests")
    assert client.ping() is True
    assert client.echo("hello") == "hello"
    assert client.client_getname() == "tests"
    assert client.client_id() > 0
    assert client.info()["rules"] == 3
    assert client.command_count() == len(client.command())
    assert client.execute_command("SELECT", 0)
    with pytest.raises(redis.ResponseError, match="DB index is out of range"):
        client.execute_command("SELECT", 1)


def test_every_command_is_documented(server):
    text = (ROOT / "docs" / "COMMANDS.md").read_text()
    for name in server.client().execute_command("COMMAND LIST"):
        assert name.upper() in text


def test_py_pipeline_in_order(server):
    pipeline = server.client().pipeline(transaction=False)
    for _ in range(500):
        pipeline.execute_command("CL.THROTTLE", "py-pipe", 99, 1, 3600)
        pipeline.ping()
    answers = pipeline.execute()
    assert answers[1::2] == [True] * 500
    assert [answer[0] for answer in answers[0::2]] == [0] * 100 + [1] * 400
    assert [answer[2] for answer in answers[0::2]][:101] == list(range(99, -1, -1)) + [0]


def test_py_allow_and_reset(server):
    client = server.client()

    def ask(*words):
        answer = client.execute_command(*words)
        return dict(zip(answer[0::2], answer[1::2]))

    assert ask("ALLOW", "user", "py", "COST", 2)["remaining"] == 0
    refused = ask("ALLOW", "user", "py")
    assert (refused["allowed"], refused["rule"]) == (0, "user")
    assert 0 < refused["retry_after_ms"] <= 1800000
    assert ask("ALLOW", "user", "py", "COST", 3)["retry_after_ms"] == -1
    assert client.execute_command("RESET", "user", "py") == 1
    assert ask("CHARGE", "user", "py", "COST", 1)["remaining"] == 1
    assert ask("ALLOW", "nobody", "x") == {"allowed": 1}


def test_py_slots(server):
    client = server.client()
    answer = client.execute_command("ALLOW", "job", "py")
    slot = answer[answer.index("slot") + 1]
    assert client.execute_command("ALLOW", "job", "py")[1] == 0
    assert client.execute_command("RENEW", slot, "job", "py") == 1
    assert client.execute_command("RELEASE", slot, "job", "py") == 1
    assert client.execute_command("RELEASE", slot, "job", "py") == 0
    assert client.execute_command("ALLOW", "job", "py")[1] == 1


def test_secrets_stay_secret(server):
    client = server.client()
    for _ in range(3):
        client.execute_command("ALLOW", "api_key", "hunter2")
    for command in [["TOP", 100], ["EXPLAIN", "api_key", "hunter2"]]:
        answer = repr(client.execute_command(*command))
        assert "secret" in answer
        assert "hunter2" not in answer


def test_who_waits_as_told_is_admitted(server):
    client = server.client()
    key = "told"
    assert client.execute_command("CL.THROTTLE", key, 0, 1, 1)[0] == 0
    limited, _, _, retry, _ = client.execute_command("CL.THROTTLE", key, 0, 1, 1)
    assert (limited, retry) == (1, 1)
    time.sleep(retry)
    assert client.execute_command("CL.THROTTLE", key, 0, 1, 1)[0] == 0


def test_tokens(tmp_path):
    tokens = tmp_path / "tokens"
    lines = [f"{name} {name} {hashlib.sha256(name.encode() * 8).hexdigest()}" for name in ["decide", "admin"]]
    tokens.write_text("\n".join(lines) + "\n")
    tokens.chmod(0o600)
    running = RespServer(tmp_path, "--token-file", tokens)
    try:
        with pytest.raises(redis.AuthenticationError):
            running.client().ping()
        with pytest.raises(redis.ResponseError, match="invalid username-password"):
            running.client(password="guess").ping()
        decide = running.client(password="decide" * 8)
        assert decide.execute_command("CL.THROTTLE", "k", 1, 1, 1)[0] == 0
        with pytest.raises(redis.ResponseError, match="does not allow"):
            decide.execute_command("RESET", "user", "x")
        assert running.client(username="any", password="admin" * 8).execute_command("RESET", "user", "x") == 0
        with running.connect() as connection:
            connection.sendall(b"*11\r\n")
            assert read_all(connection) == b"-ERR Protocol error: unauthenticated multibulk length\r\n"
    finally:
        assert running.stop() == 0


# ---- plain sockets


def test_deep_pipeline(server):
    depth = 20000
    with server.connect() as connection:
        connection.sendall(multibulk("CL.THROTTLE", "deep", str(depth - 1), "1", "1000") * depth)
        got = read_count(connection, b"*5\r\n", depth)
        while not got.endswith(b"\r\n") or got.count(b"\r\n") < depth * 6:
            got += connection.recv(65536)
    remaining = [int(answer.split(b"\r\n")[2][1:]) for answer in got.split(b"*5\r\n")[1:]]
    assert remaining == list(range(depth - 1, -1, -1))


def test_byte_by_byte(server):
    with server.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in multibulk("ECHO", "slowly") + b"PING\r\n":
            connection.sendall(bytes([byte]))
        assert read_count(connection, b"\r\n", 3) == b"$6\r\nslowly\r\n+PONG\r\n"


def test_quit_answers_what_came_before(server):
    with server.connect() as connection:
        connection.sendall(multibulk("PING") * 3 + multibulk("QUIT") + multibulk("PING"))
        assert read_all(connection) == b"+PONG\r\n" * 3 + b"+OK\r\n"


@pytest.mark.parametrize("lured", [b"POST / HTTP/1.1\r\n", b"Host: localhost\r\n", multibulk("POST", "/")])
def test_browsers_get_nothing(server, lured):
    with server.connect() as connection:
        connection.sendall(multibulk("PING") + lured + multibulk("PING"))
        assert read_all(connection) == b"+PONG\r\n"


def test_bad_bytes_close(server):
    with server.connect() as connection:
        connection.sendall(b"*1\r\n$2000000000\r\n")
        assert read_all(connection) == b"-ERR Protocol error: invalid bulk length\r\n"
