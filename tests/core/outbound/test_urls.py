"""S3 as a table: URLs that lead somewhere else than they seem, or somewhere near the gateway."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.outbound.addresses import is_public
from hookline.outbound.client import OutboundClient
from hookline.outbound.urls import OutboundRules, RefusedUrlError, read_url
from known_names import Names

PUBLIC = "93.184.215.14"


HOSTILE = [
    # schemes
    "http://hooks.example/x",
    "file:///etc/passwd",
    "file://hooks.example/etc/passwd",
    "gopher://hooks.example/_x",
    "ftp://hooks.example/",
    "javascript:alert(1)",
    "data:text/plain,x",
    "dict://hooks.example:11211/stat",
    "//hooks.example/x",
    "/x",
    "hooks.example/x",
    "https:hooks.example/x",
    "https:///x",
    "https://",
    "",
    # the machine itself
    "https://localhost/",
    "https://LOCALHOST./",
    "https://a.localhost/",
    "https://127.0.0.1/",
    "https://127.1.2.3:8443/",
    "https://0.0.0.0/",
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]/",
    # IPv4 as other programs write it
    "https://127.1/",
    "https://0177.0.0.1/",
    "https://0x7f.0.0.1/",
    "https://0x7f000001/",
    "https://2130706433/",
    "https://017700000001/",
    "https://1.2.3/",
    "https://256.256.256.256/",
    "https://1.2.3.4.5/",
    "https://127.0.0.1./",
    "https://08.8.8.8/",
    "https://0x/",
    # private networks
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://198.18.0.1/",
    "https://203.0.113.9/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://[fc00::1]/",
    "https://[fd12:3456::1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    # metadata of clouds
    "https://169.254.169.254/latest/meta-data/",
    "https://169.254.170.2/",
    "https://[fd00:ec2::254]/",
    "https://168.63.129.16/",
    "https://100.100.100.200/",
    "https://192.0.0.192/",
    "https://metadata.google.internal/",
    # IPv4 inside IPv6
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::169.254.169.254]/",
    "https://[64:ff9b:1::1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:5db8:d70e::1]/",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    # names of private networks
    "https://printer.local/",
    "https://db.internal/",
    "https://router.lan/",
    "https://intranet/",
    "https://nas.home.arpa/",
    "https://x.onion/",
    # users, fragments, ports
    "https://user@hooks.example/",
    "https://user:pass-phrase@hooks.example/",
    "https://hooks.example@127.0.0.1/",
    "https://hooks.example#@127.0.0.1/",
    "https://127.0.0.1#@hooks.example/",
    "https://hooks.example/x#part",
    "https://hooks.example:22/",
    "https://hooks.example:25/",
    "https://hooks.example:0/",
    "https://hooks.example:80/",
    "https://hooks.example:65536/",
    "https://hooks.example:4433333/",
    "https://hooks.example:-1/",
    "https://hooks.example:443:443/",
    # readers that do not agree
    "https://hooks.example\\@127.0.0.1/",
    "https:\\\\hooks.example/",
    "https://hooks.example /",
    " https://hooks.example/",
    "https://hooks.example/\n",
    "https://hooks.example/\r\nHost: x",
    "https://hooks.example/\x00",
    "https://hooks%2eexample/",
    "https://127%2e0.0.1/",
    "https://hooks..example/",
    "https://.hooks.example/",
    "https://-hooks.example/",
    "https://hooks.example../",
    "https://hooks,example/",
    "https://[hooks.example]/",
    "https://[::1/",
    "https://::1/",
    "https://\uff11\uff12\uff17.0.0.1/",
    "https://①②⑦.0.0.1/",
    "https://127。0。0。1/",
    "https://hooks.example\u202e/",
    "https://" + "a" * 64 + ".example/",
    "https://" + "a." * 130 + "example/",
    "https://hooks.example/" + "a" * 2048,
    # names that lead to what is near
    "https://near.example/",
    "https://mixed.example/",
    "https://mapped.example/",
    "https://nobody.example/",
]


def names() -> Names:
    return Names(
        hooks_example=[[PUBLIC]],
        near_example=[["10.1.2.3"]],
        mixed_example=[[PUBLIC, "127.0.0.1"]],
        mapped_example=[["::ffff:169.254.169.254"]],
    )


def test_the_table_is_long() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) > 100


@pytest.mark.parametrize("url", HOSTILE)
def test_s3_a_hostile_url_is_refused(url: str) -> None:
    """S3."""
    client = OutboundClient(OutboundRules(), resolver=names())

    with pytest.raises(RefusedUrlError) as refusal:
        client.check(url)

    assert str(refusal.value).isprintable()
    assert "phrase" not in str(refusal.value)


@pytest.mark.parametrize("value", [None, 1, 1.5, True, [], {}, ["https://hooks.example/"]])
def test_what_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(RefusedUrlError, match="it is not a text"):
        read_url(value, OutboundRules())


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://hooks.example", "hooks.example", 443, "/"),
        ("https://hooks.example?a=b", "hooks.example", 443, "/?a=b"),
        ("HTTPS://Hooks.Example.:443/a%2Fb?c=d%20e", "hooks.example", 443, "/a%2Fb?c=d%20e"),
        ("https://hooks.example:8443/webhook-waiting/1?signature=x", "hooks.example", 8443, None),
        (f"https://{PUBLIC}/", PUBLIC, 443, "/"),
        ("https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:5678/", None, 5678, "/"),
        ("https://[64:ff9b::5db8:d70e]/", "64:ff9b::5db8:d70e", 443, "/"),
        ("https://bücher.example/größe", "xn--bcher-kva.example", 443, "/gr%C3%B6%C3%9Fe"),
        ("https://my_hooks.example/", "my_hooks.example", 443, "/"),
    ],
)
def test_a_url_of_a_public_host_is_read(url: str, host: str | None, port: int, path: str | None) -> None:
    target = read_url(url, OutboundRules())

    assert target.is_https
    assert not target.is_loopback
    assert target.port == port
    assert host is None or target.host == host
    assert path is None or target.path == path
    assert "signature" not in repr(target)


def test_the_host_header_and_the_origin_name_a_port_that_is_not_the_usual_one() -> None:
    usual = read_url("https://hooks.example:443/x", OutboundRules())
    other = read_url("https://[2606:2800::1]:8443/x", OutboundRules())

    assert (usual.host_header, usual.origin) == ("hooks.example", "https://hooks.example")
    assert (other.host_header, other.origin) == ("[2606:2800::1]:8443", "https://[2606:2800::1]:8443")


def test_with_a_list_only_the_hosts_on_it_are_called() -> None:
    rules = OutboundRules(allowed_hosts=("hooks.zapier.com", "*.n8n.example"), allowed_ports=(443,))

    for url in ("https://hooks.zapier.com/x", "https://HOOKS.zapier.com./x", "https://a.b.n8n.example/x"):
        assert read_url(url, rules)
    for url in (
        *("https://zapier.com/", "https://evil-hooks.zapier.com.example/", "https://n8n.example/"),
        *("https://xn8n.example/", f"https://{PUBLIC}/", "https://hooks.zapier.com:8443/"),
    ):
        with pytest.raises(RefusedUrlError):
            read_url(url, rules)


def test_loopback_is_for_development_only() -> None:
    rules = OutboundRules(allow_loopback=True)

    for url in (
        *("http://127.0.0.1:5678/x", "http://localhost:80/x", "https://localhost/x", "http://[::1]:1/x"),
        "http://a.localhost/x",
    ):
        assert read_url(url, rules).is_loopback
    for url in ("http://hooks.example/", "https://10.0.0.1/", "http://169.254.169.254/", "http://0.0.0.0/"):
        with pytest.raises(RefusedUrlError):
            read_url(url, rules)
    with pytest.raises(RefusedUrlError, match="no port 0"):
        read_url("http://localhost:0/", rules)


def test_a_name_of_the_machine_must_lead_to_the_machine() -> None:
    client = OutboundClient(OutboundRules(allow_loopback=True), resolver=Names(localhost=[["10.0.0.1"]]))

    with pytest.raises(RefusedUrlError):
        client.check("http://localhost:5678/")


@given(st.integers(0, 2**32 - 1))
def test_an_ipv4_address_is_judged_alike_in_ipv6(number: int) -> None:
    packed = number.to_bytes(4, "big")
    plain = socket.inet_ntop(socket.AF_INET, packed)
    mapped = socket.inet_ntop(socket.AF_INET6, b"\0" * 10 + b"\xff\xff" + packed)

    assert is_public(plain) is is_public(mapped)
    assert not is_public(socket.inet_ntop(socket.AF_INET6, b"\x20\x02" + packed + b"\0" * 10))


@given(st.text(max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    for url in (text, f"https://{text}", f"https://{text}/", f"https://hooks.example/{text}"):
        try:
            target = read_url(url, OutboundRules())
        except RefusedUrlError:
            continue
        assert target.host.isascii()
        assert target.path.isascii()
        assert target.is_https
