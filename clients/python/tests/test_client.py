"""The client against a service that is scripted: what it sends, and what it does with every kind of answer."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from quietframe import Client, Problem, QuietframeError, Unavailable

MIXED = (
    b"--b\r\nContent-Type: application/json\r\n\r\n" + b'{"model": "kpcn"}' + b"\r\n"
    b"--b\r\nContent-Type: image/x-exr\r\n\r\n" + b"\x76\x2f\r\n\r\n\x00--" + b"\r\n--b--\r\n"
)


class Service:
    """Answers requests from a list, the last answer again and again, and remembers them."""

    def __init__(self, *answers):
        self.answers, self.requests = list(answers), []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                outer.requests.append((self.command, self.path, dict(self.headers), body))
                status, headers, content = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                if status is None:
                    self.connection.close()
                    return
                self.send_response(status)
                for name, value in {"content-length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/farm/"


@pytest.fixture
def start():
    services = []

    def begin(*answers):
        services.append(Service(*answers))
        return services[-1]

    yield begin
    for service in services:
        service.server.shutdown()
        service.server.server_close()


GOOD = (200, {"content-type": "multipart/mixed; boundary=b"}, MIXED)
BUSY = (503, {"retry-after": "7"}, json.dumps({"type": "urn:quietframe:problem:overloaded", "detail": "Full"}).encode())
GONE = (None, {}, b"")


def client_of(service, **options):
    waits = []
    return Client(service.url, sleep=waits.append, **options), waits


def test_sends_a_frame_and_takes_report_and_file(start):
    service = start(GOOD)
    client, _ = client_of(service, token="secret")
    answer = client.sample_map(b"exr", budget=16.5, target_smape=0.02, model=None)
    assert answer.report == {"model": "kpcn"}
    assert answer.exr == b"\x76\x2f\r\n\r\n\x00--"
    method, path, headers, body = service.requests[0]
    assert (method, path, body) == ("POST", "/farm/v1/sample-map?budget=16.5&target-smape=0.02", b"exr")
    headers = {name.lower(): value for name, value in headers.items()}
    assert headers["authorization"] == "Bearer secret"
    assert headers["accept"] == "multipart/mixed"
    assert headers["content-type"] == "image/x-exr"


def test_sends_windows_and_halves_as_a_form(start):
    service = start(GOOD)
    client, _ = client_of(service)
    client.denoise([b"one", b"two"], halves=(b"a\r\n--", b"b"), center=1)
    _, path, headers, body = service.requests[0]
    assert path == "/farm/v1/denoise?center=1"
    boundary = headers["content-type"].split("boundary=")[1].encode()
    parts = body.split(b"--" + boundary)[1:-1]
    assert [part.split(b'name="')[1].split(b'"')[0] for part in parts] == [b"frame", b"frame", b"half_a", b"half_b"]
    assert [part.split(b"\r\n\r\n", 1)[1] for part in parts] == [b"one\r\n", b"two\r\n", b"a\r\n--\r\n", b"b\r\n"]


def test_tries_again_while_the_service_is_busy_or_away(start):
    service = start(BUSY, GONE, GOOD)
    client, waits = client_of(service)
    assert client.denoise(b"exr").report == {"model": "kpcn"}
    assert [request[3] for request in service.requests] == [b"exr"] * 3
    assert 7 <= waits[0] <= 7 * 1.25
    assert 1 <= waits[1] <= 1.25


def test_gives_up_in_the_end(start):
    client, waits = client_of(start(BUSY), attempts=3)
    with pytest.raises(Unavailable, match="3 attempts: Full") as caught:
        client.denoise(b"exr")
    assert isinstance(caught.value.__cause__, Problem)
    assert len(waits) == 2


def test_a_service_that_is_not_there():
    client = Client("http://127.0.0.1:9", attempts=2, sleep=lambda _: None)
    assert not client.is_ready()
    with pytest.raises(Unavailable):
        client.denoise(b"exr")


def test_does_not_repeat_what_was_refused(start):
    document = {"type": "urn:quietframe:problem:invalid-argument", "detail": "Expected x", "parameter": "budget"}
    service = start((400, {}, json.dumps(document).encode()))
    client, _ = client_of(service)
    with pytest.raises(Problem, match="Expected x") as caught:
        client.sample_map(b"exr", budget=0)
    assert (caught.value.code, caught.value.status) == ("invalid-argument", 400)
    assert caught.value.document["parameter"] == "budget"
    assert len(service.requests) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]"])
def test_problems_of_proxies(start, body):
    client, _ = client_of(start((404, {}, body)))
    with pytest.raises(Problem, match="404"):
        client.models()


def test_answers_that_are_none(start):
    client, _ = client_of(start((200, {"content-type": "text/html"}, b"welcome")))
    with pytest.raises(QuietframeError, match="report and a file"):
        client.denoise(b"exr")


def test_models_health_and_frames(start):
    service = start((200, {}, b'{"models": [{"name": "kpcn"}]}'))
    client, _ = client_of(service)
    assert client.models() == [{"name": "kpcn"}]
    assert client.is_ready()
    assert client.put_frame(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert service.requests[-1][:2] == ("PUT", f"/farm/v1/frames/{client.put_frame(b'abc')}")


def test_jobs(start):
    service = start((202, {}, b'{"id": "j1"}'))
    client, _ = client_of(service)
    assert client.start_job(["a", "b"], halves=("c", "d"), center=1, **{"lambda": 2.0, "aovs": None}) == "j1"
    method, path, headers, body = service.requests[-1]
    assert (method, path) == ("POST", "/farm/v1/jobs")
    assert json.loads(body) == {"frames": ["a", "b"], "halves": ["c", "d"], "center": 1, "lambda": "2.0"}
    assert {name.lower() for name in headers} >= {"idempotency-key", "content-type"}
    service.answers = [
        (200, {}, b'{"state": "done"}'),
        (200, {}, b'{"model": "kpcn"}'),
        (200, {}, b"exr"),
        (204, {}, b""),
    ]
    assert client.job("j1") == {"state": "done"}
    answer = client.job_answer("j1")
    assert (answer.report, answer.exr) == ({"model": "kpcn"}, b"exr")
    client.cancel_job("j1")
    assert service.requests[-1][:2] == ("DELETE", "/farm/v1/jobs/j1")


def test_a_lost_answer_does_not_start_a_second_job(start):
    service = start(GONE, (202, {}, b'{"id": "j1"}'))
    client, _ = client_of(service)
    client.start_job(["a"])
    keys = [
        {name.lower(): value for name, value in request[2].items()}["idempotency-key"] for request in service.requests
    ]
    assert len(keys) == 2
    assert keys[0] == keys[1]


@pytest.mark.parametrize("body", [b"<html>", b"[1]"])
def test_answers_of_something_else(start, body):
    client, _ = client_of(start((200, {}, body)))
    for ask in (client.models, lambda: client.job("j1"), lambda: client.start_job(["a"])):
        with pytest.raises(QuietframeError, match="something else"):
            ask()


@pytest.mark.parametrize("url", ["", "localhost:8080", "ftp://host", "http://"])
def test_refuses_urls_that_are_none(url):
    with pytest.raises(ValueError, match="for url"):
        Client(url)


def test_refuses_nothing(start):
    client, _ = client_of(start(GOOD))
    with pytest.raises(ValueError, match="neither"):
        client.denoise()


def test_reads_an_answer_that_comes_before_its_upload_is_read():
    listener = socket.create_server(("127.0.0.1", 0))
    body = b'{"type": "urn:quietframe:problem:too-large", "detail": "Too much"}'

    def refuse():
        connection, _ = listener.accept()
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 Payload Too Large\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        connection.close()

    thread = threading.Thread(target=refuse)
    thread.start()
    client = Client(f"http://127.0.0.1:{listener.getsockname()[1]}", attempts=1)
    with pytest.raises(Problem, match="Too much"):
        client.denoise(bytes(30_000_000))
    thread.join()
    listener.close()


def test_keeps_files_with_the_service_and_sends_what_it_lacks(start):
    one, two, half, slopes = (hashlib.sha256(each).hexdigest() for each in (b"one", b"two", b"half", b"map"))
    missing = {"type": "urn:quietframe:problem:missing-frames", "detail": "Not kept", "missing": [two, "f" * 64]}
    service = start((404, {}, json.dumps(missing).encode()), (201, {}, b""), GOOD)
    client, _ = client_of(service)
    files = {"halves": (b"half", b"half"), "lambda_map": b"map"}
    assert client.denoise([b"one", b"two"], **files, keep=True, upscale=2).report == {"model": "kpcn"}
    asked, sent, again = service.requests
    assert json.loads(asked[3]) == {"frames": [one, two], "halves": [half, half], "lambda": slopes}
    assert asked[:2] == again[:2] == ("POST", "/farm/v1/denoise?upscale=2")
    assert again[3] == asked[3]
    assert (*sent[:2], sent[3]) == ("PUT", f"/farm/v1/frames/{two}", b"two")


def test_gives_up_on_a_service_that_keeps_nothing(start):
    missing = {"type": "urn:quietframe:problem:missing-frames", "missing": [hashlib.sha256(b"one").hexdigest()]}
    lost, kept = (404, {}, json.dumps(missing).encode()), (201, {}, b"")
    client, _ = client_of(start(lost, kept, lost, kept, lost, kept, lost))
    with pytest.raises(Problem, match="404"):
        client.sample_map(b"one", keep=True)


def test_sends_a_map_of_slopes_as_a_part(start):
    service = start(GOOD)
    client, _ = client_of(service)
    client.denoise(b"one", lambda_map=b"map")
    assert b'name="lambda"' in service.requests[0][3]


def test_sends_a_guide_as_a_part_or_names_it(start):
    service = start(GOOD, GOOD)
    client, _ = client_of(service)
    client.denoise(b"one", guide=b"full", upscale=2)
    client.denoise(b"one", guide=b"full", upscale=2, keep=True)
    assert b'name="guide"' in service.requests[0][3]
    assert json.loads(service.requests[1][3])["guide"] == hashlib.sha256(b"full").hexdigest()


def test_frames_that_are_kept_or_not(start):
    service = start((200, {}, b""), (404, {}, b""), (204, {}, b""), (401, {}, b""))
    client, _ = client_of(service)
    assert [client.has_frame("aa"), client.has_frame("bb")] == [True, False]
    client.delete_frame("aa")
    assert [request[:2] for request in service.requests] == [
        ("HEAD", "/farm/v1/frames/aa"),
        ("HEAD", "/farm/v1/frames/bb"),
        ("DELETE", "/farm/v1/frames/aa"),
    ]
    with pytest.raises(Problem, match="401"):
        client.has_frame("aa")


def test_sequences_and_lists_of_jobs(start):
    service = start((202, {}, b'{"id": "j2"}'), (200, {}, b'{"jobs": [{"id": "j2"}]}'), (200, {}, b"{}"))
    client, _ = client_of(service)
    assert client.start_sequence(["a", "b"], window=3, alpha="denoise") == "j2"
    assert json.loads(service.requests[0][3]) == {"sequence": ["a", "b"], "window": 3, "alpha": "denoise"}
    assert client.jobs() == [{"id": "j2"}]
    with pytest.raises(QuietframeError, match="list of jobs"):
        client.jobs()


EVENTS = {"content-type": "text/event-stream"}


def test_follows_a_job_over_connections_that_end(start):
    first = b': still here\n\nid: 4\nevent: progress\ndata: {"progress": 0.5}\n\nid: 5\nevent: progress\ndata: {"pro'
    last = b'id: 6\nevent: end\ndata: {"progress": 1, "state": "done"}\n\n'
    service = start((200, EVENTS, first), GONE, BUSY, (200, EVENTS, last))
    client, waits = client_of(service)
    states = list(client.follow_job("j1"))
    assert [state["progress"] for state in states] == [0.5, 1]
    ids = [{k.lower(): v for k, v in request[2].items()}["last-event-id"] for request in service.requests]
    assert ids == ["0", "4", "4", "4"]
    assert len(waits) == 3


def test_gives_up_on_events_that_do_not_come(start):
    client, waits = client_of(start((200, EVENTS, b"")), attempts=3)
    with pytest.raises(Unavailable, match="No event from .* after 3 attempts"):
        list(client.follow_job("j1"))
    assert len(waits) == 2
    client, _ = client_of(start((404, {}, b"")))
    with pytest.raises(Problem, match="404"):
        list(client.follow_job("j1"))


@pytest.mark.parametrize("frame", [7, [b"one", None]])
def test_sends_nothing_where_a_file_is_none(start, frame):
    service = start(GOOD)
    client, _ = client_of(service)
    with pytest.raises(TypeError, match="Expected an OpenEXR file"):
        client.denoise(frame)
    with pytest.raises(FileNotFoundError):
        client.sample_map(halves=(b"a", Path("not-there.exr")))
    assert service.requests == []


def test_names_the_service_that_does_not_answer():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Unavailable, match=rf"No answer from http://127.0.0.1:{port} after 1 attempt: .*refused"):
        Client(f"http://me:secret@127.0.0.1:{port}/", attempts=1).models()
