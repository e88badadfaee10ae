"""What is read from a request before anybody knows who sent it."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from hookline import Reply, RouteRegistry, RouteRequest, hookimpl
from hookline.errors import ConfigurationError
from hookline.settings import ServerSettings, Settings
from hookline.webhook import inbound
from hookline.webhook.app import create_app
from hookline.webhook.inbound import read_request
from small_service import make_gateway

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def client_of(peer: str, forwarded: str | None, *trusted: str) -> str:
    environ: WSGIEnvironment = {"REQUEST_METHOD": "GET", "REMOTE_ADDR": peer, "wsgi.input": None}
    if forwarded is not None:
        environ["HTTP_X_FORWARDED_FOR"] = forwarded
    networks = [ip_network(text) for text in trusted]
    return read_request(environ, max_body_bytes=1, trusted_proxies=networks).client


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "client"),
    [
        ("203.0.113.9", "10.0.0.1", (), "203.0.113.9"),
        ("203.0.113.9", "10.0.0.1", ("192.0.2.0/24",), "203.0.113.9"),
        ("192.0.2.1", "203.0.113.9", ("192.0.2.0/24",), "203.0.113.9"),
        ("192.0.2.1", "10.0.0.1, 203.0.113.9", ("192.0.2.0/24",), "203.0.113.9"),
        ("192.0.2.1", "203.0.113.9, 192.0.2.7", ("192.0.2.0/24",), "203.0.113.9"),
        ("192.0.2.1", None, ("192.0.2.0/24",), "192.0.2.1"),
        ("192.0.2.1", "", ("192.0.2.0/24",), "192.0.2.1"),
        ("192.0.2.1", "evil', 203.0.113.9x", ("192.0.2.0/24",), "192.0.2.1"),
        ("192.0.2.1", "2001:db8::9", ("192.0.2.0/24", "2001:db8::/64"), "2001:db8::9"),
        ("", "203.0.113.9", ("192.0.2.0/24",), ""),
    ],
)
def test_s5_the_client_is_the_nearest_address_that_a_trusted_proxy_vouches_for(
    peer: str, forwarded: str | None, trusted: tuple[str, ...], client: str
) -> None:
    assert client_of(peer, forwarded, *trusted) == client


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("gateway.example", 401),
        ("GATEWAY.example:8787", 401),
        ("elsewhere.example", 421),
        ("gateway.example.elsewhere.example", 421),
        ("gateway.example@elsewhere.example", 421),
    ],
)
def test_s5_a_request_for_another_host_is_misdirected(host: str, status: int) -> None:
    settings = Settings(server=ServerSettings(allowed_hosts=("gateway.example",)))
    client = create_app(make_gateway(settings=settings, open_to_all=False)).test_client()

    answer = client.get("/actions", headers={"Host": host})

    assert answer.status_code == status
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


def test_s34_a_wrong_setting_is_told_to_the_log_and_not_to_callers(caplog: pytest.LogCaptureFixture) -> None:
    """S34: what a setting's error says may name files of the machine."""

    class Reads:
        @hookimpl
        def hookline_register_routes(self, routes: RouteRegistry) -> None:
            def view(request: RouteRequest) -> Reply:
                raise ConfigurationError("/etc/secret.key is readable by others.")

            routes.add("GET", "/reads", view, public=True)

    answer = create_app(make_gateway(Reads())).test_client().get("/reads")

    assert answer.status_code == 500
    assert "/etc" not in answer.text
    assert "its log says which" in answer.get_json()["message"]
    assert "/etc/secret.key is readable by others" in caplog.text


def test_names_that_callers_make_up_take_no_memory_that_stays() -> None:
    names = {f"HTTP_X_{number}_{'A' * 60_000}": "1" for number in range(3)}
    environ: WSGIEnvironment = {"REQUEST_METHOD": "GET", "wsgi.input": None, **names}

    headers = read_request(environ, max_body_bytes=1).headers

    assert [name[:4] for name in headers] == ["x-0-", "x-1-", "x-2-"]
    assert not names.keys() & inbound._header_names.keys()
