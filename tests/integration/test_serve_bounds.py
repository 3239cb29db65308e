"""What clients may cost `sluice serve`: every bound, and clients that misbehave."""

import pathlib
import resource
import socket
import struct
import threading
import time

import pytest
from conftest import DEADLINE, Client, encode, wait_for


def resident_kb(server):
    for line in pathlib.Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


def still_serves(server):
    with Client(server.resp) as resp, Client(server.http) as http:
        return resp.resp("PING") == "PONG" and http.http("GET", "/healthz")[0] == 200


def open_descriptors(server):
    return len(list(pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir()))


def test_a_client_that_never_reads_costs_its_bound_and_is_cut(serve):
    server = serve("--write-timeout", "1s", "--max-reply", "256KiB")
    base, descriptors = resident_kb(server), open_descriptors(server)
    clients = [Client(server.resp) for _ in range(8)]
    ask = encode("ECHO", b"x" * 8000) * 32
    for client in clients:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.socket.setblocking(False)
        for _ in range(400):  # 100 MB, had they been answered
            try:
                client.socket.send(ask)
            except BlockingIOError:
                break
    assert still_serves(server)
    assert resident_kb(server) - base < 8 * 1024 + 4096, "a bound of 256 KiB for each, and some for the rest"
    wait_for(lambda: open_descriptors(server) == descriptors, "the server to cut them off")
    for client in clients:
        client.socket.settimeout(DEADLINE)
        assert client.at_end()
        client.close()
    assert server.stop() == 0


def test_whoever_reads_slowly_gets_every_reply_in_order(serve):
    server = serve()
    count, size = 4000, 4000
    with Client(server.resp) as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        sender = threading.Thread(
            target=lambda: [client.send(encode("ECHO", b"%08d" % i + b"x" * size)) for i in range(count)]
        )
        sender.start()
        for i in range(count):
            assert client.reply() == f"{i:08d}" + "x" * size
        sender.join()


def test_a_request_that_drips_is_cut_after_its_time(serve):
    server = serve("--request-timeout", "500ms")
    with Client(server.http) as http, Client(server.resp) as resp:
        http.send(b"GET /healthz HTTP/1.1\r\nHost: local")
        resp.send(b"*2\r\n$4\r\nEC")
        begin = time.monotonic()
        assert http.at_end() and resp.at_end()
        assert time.monotonic() - begin >= 0.4
    assert still_serves(server)


def test_an_idle_connection_is_ended_after_its_time_and_a_busy_one_is_not(serve):
    server = serve("--http-idle-timeout", "300ms")
    with Client(server.http) as idle, Client(server.http) as busy, Client(server.resp) as resp:
        ended = threading.Event()
        threading.Thread(target=lambda: idle.at_end() and ended.set()).start()
        while not ended.is_set():
            assert busy.http("GET", "/healthz")[0] == 200
            time.sleep(0.02)
        assert resp.resp("PING") == "PONG"


def test_huge_claims_cost_nothing(serve):
    server = serve()
    base = resident_kb(server)
    claims = [b"*1000000000\r\n", b"*2\r\n$4\r\nECHO\r\n$2000000000\r\nabc", b"*1\r\n$-5\r\n", b"x" * 200_000]
    for claim in claims:
        clients = [Client(server.resp) for _ in range(20)]
        for client in clients:
            try:
                client.send(claim)
            except (ConnectionResetError, BrokenPipeError):
                pass
        for client in clients:
            client.close()
    with Client(server.http) as http:
        http.send(b"POST /v1/allow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\nx")
        assert http.http_reply()[0] in (400, 413)
    assert still_serves(server)
    assert resident_kb(server) - base < 4096


def test_connections_beyond_the_bound_are_closed_and_room_is_found_again(serve):
    server = serve("--max-connections", "5")
    clients = [Client(server.resp) for _ in range(5)]
    for client in clients:
        assert client.resp("PING") == "PONG"
    with Client(server.resp) as sixth:
        assert sixth.at_end()
    clients.pop().close()

    def served():
        try:
            with Client(server.resp) as client:
                return client.resp("PING") == "PONG"
        except ConnectionError:
            return False

    wait_for(served, "room")
    for client in clients:
        assert client.resp("PING") == "PONG"
        client.close()


def test_without_descriptors_those_connected_are_served_on(serve):
    server = serve("--workers", "2", prefix=["prlimit", "--nofile=40:40"])
    clients = []
    for _ in range(60):
        client = Client(server.resp)
        try:
            if client.resp("PING") == "PONG":
                clients.append(client)
                continue
        except ConnectionError:
            pass
        client.close()
    assert 1 <= len(clients) < 60
    assert server.events("start")[0]["connections"] < 40
    for client in clients:
        assert client.resp("PING") == "PONG"
        client.close()
    wait_for(lambda: still_serves(server), "descriptors that came back")
    assert server.stop() == 0


def test_emfile_itself(serve):
    """The limit is lowered under the running server, so that accepting fails and not its own count."""
    server = serve("--workers", "1")
    held = open_descriptors(server)
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (held + 3, held + 3))
    good = [Client(server.resp) for _ in range(3)]
    for client in good:
        assert client.resp("PING") == "PONG"
    for _ in range(5):
        with Client(server.resp) as turned_away:
            assert turned_away.at_end()
    warning = server.wait_event("accept")
    assert "Too many open files" in warning["reason"]
    for client in good:
        assert client.resp("PING") == "PONG"
        client.close()
    wait_for(lambda: open_descriptors(server) == held, "descriptors to be closed")
    with Client(server.resp) as client:
        assert client.resp("PING") == "PONG"


def test_half_closed_connections_are_answered(serve):
    server = serve()
    with Client(server.resp) as resp, Client(server.http) as http:
        resp.send(encode("PING") * 100)
        resp.socket.shutdown(socket.SHUT_WR)
        assert [resp.reply() for _ in range(100)] == ["PONG"] * 100 and resp.at_end()
        http.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        http.socket.shutdown(socket.SHUT_WR)
        assert http.http_reply()[0] == 200 and http.at_end()


def test_resets_leave_nothing_behind(serve):
    server = serve()
    before = open_descriptors(server)
    for _ in range(100):
        client = Client(server.resp)
        client.send(encode("ECHO", b"x" * 5000) * 20 + b"*1\r\n$4")
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    wait_for(lambda: open_descriptors(server) == before, "descriptors to be closed")
    assert still_serves(server)


def test_a_last_reply_arrives_although_the_client_goes_on_sending(serve):
    """The end of a connection must not make the system throw away what the client has not read."""
    server = serve()
    for _ in range(5):
        with Client(server.http) as http:
            http.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            for _ in range(100):
                http.send(b"x" * 65536)
            assert http.http_reply()[0] == 200


@pytest.mark.parametrize("cut", [1, 7, 64])
def test_requests_in_pieces_of_any_size(serve, cut):
    server = serve()
    data = encode("CL.THROTTLE", "k", 1000, 1000, 60) * 5
    with Client(server.resp) as client:
        for at in range(0, len(data), cut):
            client.send(data[at : at + cut])
        assert [client.reply()[2] for _ in range(5)] == [1000, 999, 998, 997, 996]


def test_a_deep_pipeline_is_answered_in_order(serve):
    server = serve()
    count = 20_000
    with Client(server.resp) as client:
        threading.Thread(target=client.send, args=(b"".join(encode("ECHO", i) for i in range(count)),)).start()
        assert [client.reply() for _ in range(count)] == [str(i) for i in range(count)]
