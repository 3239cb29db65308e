"""`sluice serve`: settings, starting and stopping, what it reads again, tokens, TLS, state."""

import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess

import pytest
from conftest import BINARY, ROOT, Client, wait_for

RULE = {"id": "per-ip", "key": ["client_ip"], "limit": {"algorithm": "token_bucket", "rate": "5/1h"}}


def rules_text(rate="5/1h", name="per-ip"):
    return json.dumps({"rules": [{**RULE, "id": name, "limit": {"algorithm": "token_bucket", "rate": rate}}]})


def limit_of(server):
    with Client(server.resp) as client:
        reply = client.resp("PEEK", "client_ip", "1.2.3.4")
    return dict(zip(reply[::2], reply[1::2]))


# ---- settings


def printed(sluice, *arguments, environment=None):
    result = sluice("serve", "--print-config", *arguments, environment=environment)
    assert result.status == 0, result.errors
    lines = [line.split(None, 1) for line in result.text.splitlines()]
    return {name: tuple(part.strip() for part in rest.rsplit(" # ", 1)) for name, rest in lines}


def test_every_setting_is_printed_with_its_default(sluice):
    settings = printed(sluice)
    assert settings["http"] == ("127.0.0.1:8080", "default")
    assert settings["resp"] == ("127.0.0.1:6390", "default")
    assert settings["memory"] == ("256MiB", "default")
    assert settings["write-timeout"] == ("10s", "default")
    assert all(origin == "default" for _, origin in settings.values())


def test_flags_outrank_the_environment_and_that_the_config_file(sluice):
    config = sluice.write("sluice.yaml", "http: 127.0.0.1:1\nresp: 127.0.0.1:2\nmemory: 1GiB\nrules: [a, b]\n")
    settings = printed(
        sluice, "--config", config, "--http", "127.0.0.1:4",
        environment={"SLUICE_RESP": "127.0.0.1:3", "SLUICE_HTTP": "127.0.0.1:5", "SLUICE_RULES": "c,d"},
    )  # fmt: skip
    assert settings["http"] == ("127.0.0.1:4", "--http")
    assert settings["resp"] == ("127.0.0.1:3", "SLUICE_RESP")
    assert settings["memory"] == ("1GiB", f"{config}:3")
    assert settings["rules"] == ("c,d", "SLUICE_RULES")


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--memory", "12"], "--memory is outside its range, from 256KiB to"),
        (["--memory", "lots"], "--memory takes a size such as"),
        (["--workers", "-1"], "--workers takes a whole number"),
        (["--request-timeout", "5"], "--request-timeout takes a duration such as"),
        (["--when-full", "panic"], "--when-full takes one of evict, deny, allow"),
        (["--log-refused", "7"], "--log-refused takes a fraction such as"),
        (["--htpp", "x"], "did you mean --http?"),
        (["--config", "nowhere.yaml"], "nowhere.yaml cannot be opened"),
    ],
)
def test_a_bad_setting_is_told_precisely(sluice, arguments, says):
    result = sluice("serve", *arguments)
    assert result.status == 2 and says in result.errors, result.errors


def test_every_mistake_of_a_config_file_is_told_with_its_place(sluice):
    sluice.write("sluice.yaml", "htpp: x\nmemory: 3\nwatch-rules: perhaps\n")
    result = sluice("serve", "--config", "sluice.yaml")
    assert result.status == 2
    assert "sluice.yaml:1:1: error: there is no setting 'htpp' (did you mean http?)" in result.errors.replace('"', "'")
    assert "sluice.yaml:2:9: error: memory" in result.errors and "sluice.yaml:3:14: error" in result.errors


# ---- starting


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--http", "0.0.0.0:0"], "--tls-cert"),
        (["--http", "0.0.0.0:0", "--insecure-plaintext"], "--token-file"),
        (["--resp", "[::]:0"], "--insecure-plaintext"),
        (["--http", "example.org:80"], "is not an address"),
        (["--http", "127.0.0.1:99999"], "port above 65535"),
        (["--http", "none", "--resp", "none"], "all none"),
        (["--http", "systemd:web"], "no listening socket"),
        (["--tls-cert", "x"], "go together"),
        (["--rules", "nowhere.yaml"], "No such file"),
        (["--token-file", "nowhere"], "No such file"),
    ],
)
def test_it_refuses_to_start_and_says_why(serve, arguments, says):
    server = serve(*arguments, ready=False)
    assert server.wait() == 2
    assert says in server.log_path.read_text()


def test_bad_rules_stop_the_start_and_are_told_with_their_place(serve, sluice):
    sluice.write("rules.yaml", "rules:\n  - id: a\n    key: [client_ip]\n    limit: {algorithm: token_bukket, rate: 1/s}\n")
    server = serve("--rules", "rules.yaml", ready=False)
    assert server.wait() == 2
    assert any(event.get("at", "").startswith("rules.yaml:4:") for event in server.events("rules"))


def test_a_port_that_is_taken_is_told(serve):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = serve("--http", f"127.0.0.1:{taken.getsockname()[1]}", ready=False)
        assert server.wait() == 2
    assert "in use" in server.log_path.read_text()


def test_it_serves_ipv6_and_unix_sockets_that_only_the_owner_can_reach(serve, tmp_path):
    path = tmp_path / "resp.sock"
    server = serve("--http", "[::1]:0", "--resp", f"unix:{path}")
    assert path.stat().st_mode & 0o777 == 0o700 & ~0o077
    with Client(server.resp) as resp, Client(server.http) as http:
        assert resp.resp("PING") == "PONG"
        assert http.http("GET", "/healthz")[0] == 200
    assert serve("--resp", f"unix:{path}", ready=False).wait() == 2
    server.kill()
    assert path.exists()
    again = serve("--resp", f"unix:{path}")
    with Client(again.resp) as resp:
        assert resp.resp("PING") == "PONG"
    assert again.stop() == 0 and not path.exists()


def test_sockets_that_were_handed_over_are_served(serve, tmp_path):
    with socket.socket() as first, socket.socket() as second:
        for one in (first, second):
            one.bind(("127.0.0.1", 0))
            one.listen()
        files = sorted((first, second), key=lambda one: one.fileno())
        # The descriptors are moved to where the protocol wants them, and the process is named.
        script = (
            f'exec 3<&{files[0].fileno()} 4<&{files[1].fileno()}; '
            'export LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=web:redis; exec "$@"'
        )
        server = serve(
            "--http", "systemd:web", "--resp", "systemd:1", ports=False, prefix=["bash", "-c", script, "sh"],
            pass_fds=[one.fileno() for one in files],
        )  # fmt: skip
        with Client(server.http) as http, Client(server.resp) as resp:
            assert http.http("GET", "/healthz")[0] == 200
            assert resp.resp("PING") == "PONG"
        assert server.stop() == 0
        # They are not ours to close: connections wait for whoever comes next.
        Client(server.resp).close()


def test_it_tells_the_service_manager(serve, tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(30)
        server = serve(environment={"NOTIFY_SOCKET": str(path)})
        assert manager.recv(100) == b"READY=1"
        server.send_signal(signal.SIGHUP)
        assert manager.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert manager.recv(100) == b"READY=1"
        server.send_signal(signal.SIGTERM)
        assert manager.recv(100) == b"STOPPING=1"
        assert server.wait() == 0


def test_the_log_is_json_off_a_terminal_and_text_where_asked(serve):
    server = serve("--log-format", "text", ready=False)
    wait_for(lambda: "info    ready: serving http=127.0.0.1:" in server.log_path.read_text(), "the line")
    assert not server.log_path.read_text().startswith("{")


def test_a_long_period_without_a_state_file_draws_a_warning(serve, sluice, tmp_path):
    rules = sluice.write("rules.yaml", rules_text("100/1d"))
    assert serve("--rules", rules).events("rules")[0]["level"] == "warning"
    calm = serve("--rules", rules, "--state-file", tmp_path / "state")
    assert [event["level"] for event in calm.events("rules")] == ["info"]


# ---- reading again


def test_sighup_reads_the_rules_again_and_a_bad_file_leaves_them(serve, sluice):
    rules = sluice.write("rules.yaml", rules_text("5/1h"))
    server = serve("--rules", rules, "--no-watch-rules")
    assert limit_of(server)["limit"] == 5
    sluice.write("rules.yaml", rules_text("7/1h"))
    server.send_signal(signal.SIGHUP)
    server.wait_event("reload", "read again")
    assert limit_of(server)["limit"] == 7
    sluice.write("rules.yaml", "rules: [{id: x}]\n")
    server.send_signal(signal.SIGHUP)
    server.wait_event("reload", "not everything was valid")
    assert limit_of(server)["limit"] == 7
    assert any(event.get("at", "").startswith(f"{rules}:1:") for event in server.events("rules"))


def write_in_place(path, text):
    path.write_text(text)


def rename_over(path, text):
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


@pytest.mark.parametrize("change", [write_in_place, rename_over])
def test_a_changed_file_is_noticed(serve, sluice, change):
    rules = sluice.write("rules.yaml", rules_text("5/1h"))
    server = serve("--rules", rules)
    change(rules, rules_text("8/1h"))
    server.wait_event("reload", "read again")
    assert limit_of(server)["limit"] == 8


def test_a_swapped_symbolic_link_is_noticed(serve, tmp_path):
    """As Kubernetes does: rules.yaml -> ..data/rules.yaml, ..data -> ..2024_1, swapped by a rename."""
    volume = tmp_path / "volume"
    for number, rate in (("..1", "5/1h"), ("..2", "9/1h")):
        (volume / number).mkdir(parents=True)
        (volume / number / "rules.yaml").write_text(rules_text(rate))
    (volume / "..data").symlink_to("..1")
    (volume / "rules.yaml").symlink_to("..data/rules.yaml")
    server = serve("--rules", volume / "rules.yaml")
    assert limit_of(server)["limit"] == 5
    (volume / "..tmp").symlink_to("..2")
    (volume / "..tmp").rename(volume / "..data")
    server.wait_event("reload", "read again")
    assert limit_of(server)["limit"] == 9


def test_reloads_under_load_leak_nothing(serve, sluice):
    rules = sluice.write("rules.yaml", rules_text("1000000/1h"))
    server = serve("--rules", rules, "--no-watch-rules")
    descriptors = pathlib.Path(f"/proc/{server.process.pid}/fd")
    with Client(server.resp) as client:
        client.resp("PING")
        before = len(list(descriptors.iterdir()))
        for done in range(1, 201):
            server.send_signal(signal.SIGHUP)
            for _ in range(5):
                assert client.resp("ALLOW", "client_ip", "1.2.3.4")[1] == 1
            server.wait_event("reload", "read again", done)
        assert len(list(descriptors.iterdir())) == before
    assert server.stop() == 0


# ---- tokens


def make_token(sluice, name, scopes):
    result = sluice("token", name, "--scopes", scopes)
    assert result.status == 0
    return result.errors.splitlines()[1].strip(), result.text


def test_tokens_decide_who_may_do_what(serve, sluice):
    decide, line = make_token(sluice, "web", "decide")
    admin, other = make_token(sluice, "boss", "decide,read,admin")
    assert decide not in line and len(decide) == 40
    tokens = sluice.write("tokens", "# who\n" + line)
    server = serve("--token-file", tokens, "--rules", sluice.write("rules.yaml", rules_text()))
    with Client(server.resp) as client:
        with pytest.raises(RuntimeError, match="NOAUTH"):
            client.resp("ALLOW", "client_ip", "1.2.3.4")
        with pytest.raises(RuntimeError):
            client.resp("AUTH", decide[:-1] + "!")
        assert client.resp("AUTH", decide) == "OK"
        assert client.resp("ALLOW", "client_ip", "1.2.3.4")[1] == 1
        with pytest.raises(RuntimeError):
            client.resp("RESET", "per-ip", "client_ip", "1.2.3.4")
    with Client(server.http) as client:
        body = {"attributes": {"client_ip": "1.2.3.4"}}
        assert client.http("POST", "/v1/allow", body)[0] == 401
    with Client(server.http) as client:
        assert client.http("POST", "/v1/allow", body, [f"Authorization: Bearer {decide}"])[0] == 200
    # A new token is good as soon as the file has it.
    sluice.write("tokens", line + other)
    server.wait_event("reload", "read again")
    with Client(server.resp) as client:
        assert client.resp("AUTH", admin) == "OK"


def test_a_bad_token_file_leaves_the_tokens(serve, sluice):
    token, line = make_token(sluice, "web", "decide")
    tokens = sluice.write("tokens", line)
    server = serve("--token-file", tokens)
    sluice.write("tokens", "web decide 12\n")
    assert "line 1 has no SHA-256" in server.wait_event("tokens", "cannot be used")["reason"]
    with Client(server.resp) as client:
        assert client.resp("AUTH", token) == "OK"


# ---- TLS


def tls_context(certificates, *chain):
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    if chain:
        context.load_cert_chain(*chain)
    return context


def test_both_front_ends_speak_tls_and_read_new_certificates(serve, sluice, certificates, tmp_path):
    for name in ("pem", "key"):
        (tmp_path / f"server.{name}").write_bytes((certificates / f"server.{name}").read_bytes())
    server = serve("--tls-cert", "server.pem", "--tls-key", "server.key")
    context = tls_context(certificates)
    with Client(server.resp, tls=context) as resp, Client(server.http, tls=context) as http:
        assert resp.resp("PING") == "PONG"
        assert http.http("GET", "/healthz")[0] == 200
        big = "x" * 60000
        assert resp.resp("ECHO", big) == big
        first = resp.socket.getpeercert()["serialNumber"]
        (tmp_path / "server.key").write_bytes((certificates / "server2.key").read_bytes())
        (tmp_path / "server.pem").write_bytes((certificates / "server2.pem").read_bytes())
        server.send_signal(signal.SIGHUP)
        wait_for(lambda: serial(server, context) != first, "the new certificate")
        assert resp.resp("PING") == "PONG"  # the old connection goes on
    with pytest.raises(ConnectionError):
        with Client(server.resp) as plain:
            plain.resp("PING")
    old = subprocess.run(
        ["openssl", "s_client", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0", "-connect", server.resp],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert old.returncode != 0 and "alert protocol version" in old.stderr
    assert server.stop() == 0


def serial(server, context):
    with Client(server.resp, tls=context) as client:
        return client.socket.getpeercert()["serialNumber"]


def test_clients_can_be_asked_for_certificates(serve, certificates):
    server = serve("--tls-cert", certificates / "server.pem", "--tls-key", certificates / "server.key",
                   "--tls-client-ca", certificates / "ca.pem")
    known = tls_context(certificates, certificates / "client.pem", certificates / "client.key")
    with Client(server.resp, tls=known) as client:
        assert client.resp("PING") == "PONG"
    stranger = tls_context(certificates, certificates / "stranger.pem", certificates / "stranger.key")
    for context in (tls_context(certificates), stranger):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            with Client(server.resp, tls=context) as client:
                client.resp("PING")


def test_a_key_that_does_not_fit_is_refused(serve, certificates):
    server = serve("--tls-cert", certificates / "server.pem", "--tls-key", certificates / "client.key", ready=False)
    assert server.wait() == 2
    assert "server.pem" in server.log_path.read_text() or "client.key" in server.log_path.read_text()


def test_beyond_loopback_with_tls_and_tokens(serve, sluice, certificates):
    token, line = make_token(sluice, "web", "decide")
    server = serve("--resp", "0.0.0.0:0", "--token-file", sluice.write("tokens", line),
                   "--tls-cert", certificates / "server.pem", "--tls-key", certificates / "server.key")
    port = server.resp.rpartition(":")[2]
    with Client(f"127.0.0.1:{port}", tls=tls_context(certificates)) as client:
        assert client.resp("AUTH", token) == "OK"


# ---- state


ALGORITHMS = [
    {"algorithm": "token_bucket", "rate": "5/1h"},
    {"algorithm": "fixed_window", "rate": "5/1d"},
    {"algorithm": "sliding_log", "rate": "5/1h"},
    {"algorithm": "sliding_window", "rate": "5/100d"},
    {"algorithm": "sliding_window", "rate": "5/1h", "sub_windows": 60},
    {"algorithm": "concurrency", "slots": 5, "lease": "1h"},
]


def state_rules():
    return [{"id": f"r{i}", "match": {"n": str(i)}, "key": ["user"], "limit": limit} for i, limit in enumerate(ALGORITHMS)]


def test_buckets_of_every_kind_are_there_after_a_restart(serve, sluice, tmp_path):
    rules = sluice.write("rules.yaml", state_rules())
    state = tmp_path / "state"
    server = serve("--rules", rules, "--state-file", state)
    slots = set()
    with Client(server.resp) as client:
        for i in range(len(ALGORITHMS)):
            for _ in range(3):
                reply = client.resp("ALLOW", "n", i, "user", "u")
                answer = dict(zip(reply[::2], reply[1::2]))
                assert answer["allowed"] == 1 and answer["limit"] == 5
                slots.add(answer.get("slot"))
        for _ in range(3):
            client.resp("CL.THROTTLE", "k", 4, 5, 36000)
    assert server.stop() == 0
    assert state.stat().st_mode & 0o777 == 0o600
    again = serve("--rules", rules, "--state-file", state)
    assert again.events("state")[0]["restored"] == len(ALGORITHMS) + 1
    with Client(again.resp) as client:
        for i in range(len(ALGORITHMS)):
            reply = client.resp("PEEK", "n", i, "user", "u")
            assert dict(zip(reply[::2], reply[1::2]))["remaining"] == 2, ALGORITHMS[i]
        assert client.resp("CL.THROTTLE", "k", 4, 5, 36000, 0)[2] == 2
        # A new slot has a name of its own.
        reply = client.resp("ALLOW", "n", len(ALGORITHMS) - 1, "user", "u")
        assert len(slots) == 4 and dict(zip(reply[::2], reply[1::2]))["slot"] not in slots


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "foreign", "open"])
def test_a_damaged_state_file_is_refused_and_the_start_is_fresh(serve, tmp_path, damage):
    state = tmp_path / "state"
    server = serve("--state-file", state)
    with Client(server.resp) as client:
        client.resp("CL.THROTTLE", "k", 4, 5, 36000, 3)
    assert server.stop() == 0
    content = state.read_bytes()
    middle = len(content) // 2
    state.write_bytes({
        "cut": content[:-9],
        "flipped": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "empty": b"",
        "foreign": b"x" * len(content),
        "open": content,
    }[damage])  # fmt: skip
    state.chmod(0o640 if damage == "open" else 0o600)
    again = serve("--state-file", state)
    assert again.events("state")[0]["level"] == "warning" and again.events("state")[0]["reason"]
    with Client(again.resp) as client:
        assert client.resp("CL.THROTTLE", "k", 4, 5, 36000, 0)[2] == 5
    assert again.stop() == 0


def test_a_state_file_that_cannot_be_written_is_told(serve, tmp_path):
    server = serve("--state-file", tmp_path / "nowhere" / "state")
    assert server.stop() == 2
    assert "No such file" in server.events("state")[-1]["reason"]


# ---- refusals


def test_refusals_are_logged_as_asked_and_secrets_are_not(serve, sluice):
    rules = [{"id": "per-key", "key": ["api_key"], "limit": {"algorithm": "token_bucket", "rate": "1/1h"}}]
    server = serve("--rules", sluice.write("rules.yaml", rules), "--log-refused", "1/2")
    with Client(server.resp) as client:
        for _ in range(9):
            client.resp("ALLOW", "api_key", "hush-hush")
    assert server.stop() == 0
    refused = server.events("refused")
    assert len(refused) == 4 and refused[0]["rule"] == "per-key"
    assert "hush" not in server.log_path.read_text()


# ---- packaging


def test_the_unit_is_hardened(tmp_path):
    unit = (ROOT / "packaging" / "sluice.service").read_text()
    (tmp_path / "sluice.service").write_text(unit)
    result = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(tmp_path / "sluice.service")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    exposure = [line for line in result.stdout.splitlines() if "Overall exposure level" in line]
    assert float(exposure[0].split(":")[1].split()[0]) <= 1.5, result.stdout


def test_the_sample_config_is_valid(sluice):
    result = sluice("serve", "--config", ROOT / "packaging" / "sluice.yaml", "--print-config")
    assert result.status == 0, result.errors


def test_the_documentation_has_every_setting():
    made = subprocess.run([ROOT / "tools" / "settings-table", BINARY], capture_output=True, text=True, check=True).stdout
    assert made and made in (ROOT / "docs" / "SERVER.md").read_text()
    assert os.access(ROOT / "docs" / "man" / "sluice-serve.1", os.R_OK)
