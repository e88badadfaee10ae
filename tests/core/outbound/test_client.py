"""What is posted to a URL that somebody else chose: where it goes, how it is bounded, and what fails."""

from __future__ import annotations

import ssl
import threading
import time

import pytest
import trustme

from hookline.call import Cancellation
from hookline.outbound import addresses, guard
from hookline.outbound.client import MAX_ANSWER_BYTES, OutboundClient, OutboundError
from hookline.outbound.urls import OutboundRules, RefusedUrlError
from known_names import Names
from scripted_server import Peer, always, answer, serving

LOCAL = OutboundRules(allow_loopback=True)
HEADERS = {"content-type": "application/json"}


@pytest.fixture
def loopback_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the machine itself stand for a server on the internet; every other rule holds."""

    def is_public(text: str) -> bool:
        return text == "127.0.0.1" or addresses.is_public(text)

    monkeypatch.setattr(guard, "is_public", is_public)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def context_of(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def test_a_body_is_posted_whole_with_its_headers() -> None:
    body = b'{"a": "' + b"x" * 300_000 + b'"}'
    with serving(always(answer(b"thanks", "202 Accepted", b"Retry-After: 3"))) as server:
        got = OutboundClient(LOCAL).post(f"{server.url}/hook?token=1", body, headers=HEADERS)
        [sent] = server.heads()

    assert (got.status, got.content, got.headers["retry-after"]) == (202, b"thanks", "3")
    head, _, content = sent.partition(b"\r\n\r\n")
    assert content == body
    assert head.startswith(b"POST /hook?token=1 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % server.port)
    assert b"content-type: application/json" in head


@pytest.mark.usefixtures("loopback_is_public")
def test_the_certificate_is_checked_against_the_name_and_not_the_address(authority: trustme.CA) -> None:
    names = Names(hooks_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
    client = OutboundClient(OutboundRules(), resolver=names, make_tls=lambda: trusting(authority))
    with serving(always(answer()), context_of(authority, "hooks.example")) as server:
        got = client.post(f"https://hooks.example:{server.port}/x", b"{}", headers=HEADERS)
        with pytest.raises(OutboundError, match="the certificate of other"):
            client.post(f"https://other.example:{server.port}/x", b"{}", headers=HEADERS)
        [sent] = server.heads()

    assert got.status == 200
    assert f"\r\nHost: hooks.example:{server.port}\r\n".encode() in sent


@pytest.mark.usefixtures("loopback_is_public")
def test_a_certificate_of_nobody_known_is_not_accepted(authority: trustme.CA) -> None:
    client = OutboundClient(OutboundRules(), resolver=Names(hooks_example=[["127.0.0.1"]]))
    with serving(always(answer()), context_of(authority, "hooks.example")) as server:
        with pytest.raises(OutboundError, match="was not accepted"):
            client.post(f"https://hooks.example:{server.port}/x", b"{}", headers=HEADERS)

        assert server.heads() == []


def test_s3_a_name_that_changes_its_answer_after_the_check_reaches_nothing() -> None:
    """S3: DNS rebinding."""
    with serving(always(answer())) as server:
        names = Names(hooks_example=[["93.184.215.14"], ["127.0.0.1"]])
        client = OutboundClient(OutboundRules(), resolver=names)
        url = f"https://hooks.example:{server.port}/x"

        assert client.check(url).host == "hooks.example"
        with pytest.raises(OutboundError, match="does not lead to a public address; nothing was sent"):
            client.post(url, b"{}", headers=HEADERS)

        assert server.peers == []
    assert names.asked == ["hooks.example"] * 2  # one look-up for each step


@pytest.mark.usefixtures("loopback_is_public")
def test_s3_the_connection_goes_to_the_address_that_was_judged(authority: trustme.CA) -> None:
    """S3: nobody asks for the name a second time between judging and connecting."""
    names = Names(hooks_example=[["127.0.0.1"], ["10.0.0.1"]])
    client = OutboundClient(OutboundRules(), resolver=names, make_tls=lambda: trusting(authority))
    with serving(always(answer()), context_of(authority, "hooks.example")) as server:
        assert client.post(f"https://hooks.example:{server.port}/", b"{}", headers=HEADERS).status == 200
    assert names.asked == ["hooks.example"]


def test_s3_one_address_that_is_not_public_spoils_all_of_a_host() -> None:
    """S3."""
    names = Names(hooks_example=[["93.184.215.14", "::ffff:127.0.0.1"]])
    with pytest.raises(OutboundError, match="does not lead to a public address"):
        OutboundClient(OutboundRules(), resolver=names).post("https://hooks.example/", b"{}", headers=HEADERS)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
def test_s3_a_redirect_is_an_answer_and_is_not_followed(status: str) -> None:
    """S3."""
    with serving(always(answer())) as private:
        location = f"Location: {private.url}/secret".encode()
        with serving(always(answer(b"", status, location))) as server:
            got = OutboundClient(LOCAL).post(server.url, b"{}", headers=HEADERS)

        assert got.status == int(status[:3])
        assert private.peers == []


def test_the_environment_s_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving(always(answer())) as server:
        assert OutboundClient(LOCAL).post(server.url, b"{}", headers=HEADERS).status == 200


def test_cookies_are_not_kept() -> None:
    client = OutboundClient(LOCAL)
    with serving(always(answer(b"", "200 OK", b"Set-Cookie: a=1"))) as server:
        for _ in range(2):
            client.post(server.url, b"{}", headers=HEADERS)
        assert b"ookie" not in b"".join(server.heads())


def test_a_receiver_that_never_answers_is_left_in_time() -> None:
    with serving(lambda peer, head: peer.wait_for_end()) as server:
        began = time.monotonic()
        with pytest.raises(OutboundError, match="did not answer in time"):
            OutboundClient(LOCAL).post(server.url, b"{}", headers=HEADERS, timeout_s=0.2)
    assert time.monotonic() - began < 5


def test_a_receiver_that_answers_letter_by_letter_is_left_in_time() -> None:
    """The bound is on all of it, and not on each silence."""

    def drip(peer: Peer, head: bytes) -> bool:
        for letter in b"HTTP/1.1 200 OK\r\n" * 1000:
            peer.send(bytes([letter]))
            time.sleep(0.02)
        return True

    with serving(drip) as server:
        began = time.monotonic()
        with pytest.raises(OutboundError, match="did not answer in time"):
            OutboundClient(LOCAL).post(server.url, b"{}", headers=HEADERS, timeout_s=0.3)
        assert time.monotonic() - began < 5


def test_of_a_large_answer_only_the_beginning_is_read() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"
    with serving(always(head + b"x" * (4 * MAX_ANSWER_BYTES))) as server:
        got = OutboundClient(LOCAL).post(server.url, b"{}", headers=HEADERS)
    assert (got.status, len(got.content)) == (200, MAX_ANSWER_BYTES)


def test_a_body_that_never_comes_takes_nothing_from_its_status() -> None:
    with serving(always(b"HTTP/1.1 204 No Content\r\n\r\n")) as server:
        assert OutboundClient(LOCAL).post(server.url, b"{}", headers=HEADERS).status == 204
    with serving(always(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")) as server:
        assert OutboundClient(LOCAL).post(server.url, b"{}", headers=HEADERS, timeout_s=0.2).status == 200


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"HTTP/1.1 200 OK\nnot http\r\n\r\n", "did not answer in proper HTTP"),
        (b"220 mail ready\r\n\r\n", "did not answer in proper HTTP"),
        (b"", "broke the connection"),
        (b"HTTP/1.1 200", "broke the connection"),
    ],
)
def test_what_is_no_answer_is_told_in_words(sent: bytes, words: str) -> None:
    def then_end(peer: Peer, head: bytes) -> bool:
        peer.send(sent)
        return True

    with (
        serving(then_end) as server,
        pytest.raises(OutboundError, match=f"127.0.0.1 {words}"),
    ):
        OutboundClient(LOCAL).post(f"{server.url}/secret", b"{}", headers=HEADERS)


def test_a_receiver_that_is_gone_is_told_in_words() -> None:
    with serving(always(answer())) as server:
        url = server.url
    server.server_close()
    with pytest.raises(OutboundError, match="could not be reached"):
        OutboundClient(LOCAL).post(f"{url}/secret", b"{}", headers=HEADERS)


def test_a_url_that_may_not_be_called_any_more_is_refused_before_anything_is_looked_up() -> None:
    names = Names()
    with pytest.raises(RefusedUrlError):
        OutboundClient(OutboundRules(), resolver=names).post("http://127.0.0.1/", b"", headers={})
    assert names.asked == []


def test_a_header_that_cannot_be_sent_is_not_sent() -> None:
    with pytest.raises(OutboundError, match="was not sent"), serving(always(answer())) as server:
        OutboundClient(LOCAL).post(server.url, b"{}", headers={"x-a": "b\r\nc: d"})


def test_cancelling_cuts_the_connection() -> None:
    cancellation = Cancellation()
    arrived = threading.Event()

    def hang(peer: Peer, head: bytes) -> bool:
        arrived.set()
        return peer.wait_for_end()

    def cancel() -> None:
        assert arrived.wait(10)
        cancellation.cancel()

    with serving(hang) as server:
        other = threading.Thread(target=cancel)
        other.start()
        with pytest.raises(OutboundError, match="broke the connection"):
            OutboundClient(LOCAL).post(server.url, b"{}", headers=HEADERS, cancellation=cancellation)
        other.join(10)
