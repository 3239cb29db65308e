"""Stopping without losing a request: SIGTERM, and restarts under load."""

import os
import signal
import socket
import threading
import time

from conftest import Client, Server, encode, wait_for


def test_http_says_close_and_resp_is_served_until_idle(serve):
    server = serve("--drain-idle", "700ms")
    with Client(server.http) as http, Client(server.resp) as busy, Client(server.resp) as idle:
        assert http.http("GET", "/healthz")[0] == 200
        assert busy.resp("PING") == idle.resp("PING") == "PONG"
        server.send_signal(signal.SIGTERM)
        server.wait_event("stop")

        def told():
            status, headers, _ = http.http("GET", "/healthz")
            assert status == 200
            return headers.get("connection") == "close"

        wait_for(told, "Connection: close")
        assert http.at_end()
        ended = threading.Event()
        threading.Thread(target=lambda: idle.at_end() and ended.set()).start()
        while not ended.is_set():
            assert busy.resp("PING") == "PONG"
            time.sleep(0.02)
        assert busy.resp("PING") == "PONG"
    assert server.wait() == 0


def test_a_request_under_way_is_answered(serve):
    server = serve()
    with Client(server.resp) as resp, Client(server.http) as http:
        ask = encode("ECHO", "hello")
        resp.send(ask[:9])
        http.send(b"GET /healthz HTTP/1.1\r\nHo")
        wait_for(lambda: both_are_read(server), "both connections")
        server.send_signal(signal.SIGTERM)
        server.wait_event("stop")
        resp.send(ask[9:])
        http.send(b"st: localhost\r\n\r\n")
        assert resp.reply() == "hello"
        assert http.http_reply()[0] == 200
    assert server.wait() == 0


def test_connections_that_wait_at_the_door_are_answered(serve):
    """While the server is held still, the system takes connections for it: they are its own, too."""
    server = serve("--workers", "1", "--drain-idle", "100ms")
    for _ in range(3):
        Client(server.resp).close()
    server.send_signal(signal.SIGSTOP)
    clients = [Client(server.resp) for _ in range(300)]
    for client in clients:
        client.send(encode("PING"))
    server.send_signal(signal.SIGTERM)
    server.send_signal(signal.SIGCONT)
    for client in clients:
        assert client.reply() == "PONG"
        client.close()
    assert server.wait() == 0


def both_are_read(server):
    with Client(server.resp) as client:
        return client.resp("PING") == "PONG"


def test_a_drain_ends_in_time(serve):
    server = serve("--drain-time", "300ms")
    with Client(server.resp) as client:
        assert client.resp("PING") == "PONG"

        def keep_busy():
            try:
                while client.resp("PING") == "PONG":
                    pass
            except (ConnectionError, OSError):
                pass

        thread = threading.Thread(target=keep_busy)
        thread.start()
        assert server.stop() == 0
        thread.join()
    assert server.events("stop")[-1]["message"].startswith("the time to drain is over")


def test_a_second_signal_ends_it_at_once(serve):
    server = serve("--drain-time", "1h", "--drain-idle", "1h")
    with Client(server.resp) as client:
        assert client.resp("PING") == "PONG"
        server.send_signal(signal.SIGTERM)
        server.wait_event("stop")
        assert server.stop(signal.SIGINT) == 0


class Load:
    """A client that asks without pause. It may connect anew once for a request of which no byte was answered."""

    def __init__(self, address, ask):
        self.address = address
        self.ask = ask
        self.answered = 0
        self.lost = []
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        client = None
        while not self.ending.is_set() and not self.lost:
            for attempt in (1, 2):
                try:
                    fresh = client is None
                    client = client or Client(self.address)
                    done = self.ask(client)
                    self.answered += 1
                    if not done:
                        client.close()
                        client = None
                    break
                except (ConnectionError, socket.timeout) as error:
                    if client is not None:
                        client.close()
                    client = None
                    if attempt == 2 or (isinstance(error, ConnectionError) and "early" in str(error) and "b''" not in str(error)):
                        self.lost.append(f"attempt {attempt}, fresh {fresh}: {error!r}")
        if client is not None:
            client.close()

    def finish(self):
        self.ending.set()
        self.thread.join()
        assert not self.lost, self.lost


def ask_resp(client):
    assert client.resp("CL.THROTTLE", "k", 1000000, 1000000, 60)[0] == 0
    return True


def ask_http(client):
    status, headers, _ = client.http("POST", "/v1/allow", {"attributes": {"client_ip": "1.2.3.4"}})
    assert status == 200
    return headers.get("connection") != "close"


RESTARTS = int(os.environ.get("SLUICE_RESTARTS", "50"))


def test_restarts_under_load_lose_no_request(tmp_path):
    """The next server starts on the same addresses before the last one stops; nobody notices."""
    servers = [Server(tmp_path, "--drain-idle", "50ms").wait_ready()]
    resp, http = servers[0].resp, servers[0].http
    loads = [Load(resp, ask_resp) for _ in range(3)] + [Load(http, ask_http) for _ in range(3)]
    try:
        for _ in range(RESTARTS):
            servers.append(
                Server(tmp_path, "--http", http, "--resp", resp, "--drain-idle", "50ms", "--drain-time", "2s").wait_ready()
            )
            before = [load.answered for load in loads]
            servers[-2].send_signal(signal.SIGTERM)
            wait_for(
                lambda: any(load.lost for load in loads) or all(l.answered > b for l, b in zip(loads, before)), "answers"
            )
            if len(servers) > 3:
                assert servers[-4].wait() == 0
        for load in loads:
            load.finish()
        assert servers[-1].stop() == 0
    finally:
        for load in loads:
            load.ending.set()
        for server in servers:
            server.kill()
