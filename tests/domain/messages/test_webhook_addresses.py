"""Which URLs a webhook may have, and which IP addresses it may reach."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.messages.webhook_addresses import address_error, endpoint, is_local, is_public

PRIVATE = (
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_and_reserved_addresses_are_refused(address: str) -> None:
    """Private, loopback, link-local, metadata, mapped, embedded, reserved and multicast addresses are refused, also as hosts of a URL."""
    parsed = ipaddress.ip_address(address)
    assert not is_public(parsed)
    assert address_error(f"https://{address if parsed.version == 4 else f'[{address}]'}/hook")


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "52.94.236.248", "172.32.0.1", "2606:4700::1111", "2a00:1450:4001::200e"])
def test_public_addresses_are_allowed(address: str) -> None:
    """An address that is routed on the internet is public."""
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses())
def test_no_public_address_is_private_to_the_standard_library(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """Every address that `is_public` allows is global to the standard library as well."""
    assert not is_public(address) or address.is_global


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook",
        "HTTPS://Example.com",
        "https://example.com:8443/a?b=c#d",
        "https://example.com/{{ customer.id }}?who={{ customer.email | url_encode }}",
        "https://münchen.example/hook",
        "https://my_tenant.example.com/hook",
        "https://example.com./hook",
        "https://8.8.8.8/hook",
    ],
)
def test_https_addresses_are_allowed(url: str) -> None:
    """HTTPS to a public host is allowed with any path and query, and with templates in both."""
    assert address_error(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/hook",
        "http://example.com/hook",
        "ftp://example.com/hook",
        " https://example.com",
        "{{ customer.url }}",
        "https://{{ customer.host }}/hook",
        "https://{{ customer.tenant }}.example.com/hook",
        "https://example.com{{ customer.rest }}/hook",
        "https://user:secret@example.com/",
        "https://example.com@127.0.0.1/",
        "https:///hook",
        "https://example.com:0/",
        "https://example.com:22/",
        "https://example.com:99999/",
        "https://example.com:٤٤٣/",
        "https://exa mple.com/",
        "https://example.com\\@127.0.0.1/",
        "https://example.com/a b",
        "https://example.com/\r\nX-Evil: 1",
        "https://localhost/",
        "https://api.localhost/",
        "https://intranet/",
        "https://printer.local/",
        "https://ip-10-0-0-1.ec2.internal/",
        "https://metadata.google.internal/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://127.0.0.1./",
        "https://１２７.0.0.1/",
        "https://[::1]/",
        "https://[fe80::1%25eth0]/",
        "https://[not-an-address]/",
        "http://127.0.0.1/hook",
        "http://localhost:8000/hook",
    ],
)
def test_all_other_urls_are_refused_with_an_explanation(url: str) -> None:
    """A URL that is not HTTPS to a public host, or that smuggles in another host or header, is refused with an explanation."""
    assert address_error(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/hook", "http://localhost:80/", "http://LOCALHOST/x"])
def test_only_the_local_run_may_call_this_machine(url: str) -> None:
    """Plain HTTP to 127.0.0.1 and localhost is allowed with the setting of the local run, and refused without it."""
    assert address_error(url, local=True) is None
    assert address_error(url)
    assert is_local(url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.2/", "http://[::1]/", "http://10.0.0.1/", "http://localhost.example.com/", "https://localhost/"]
)
def test_the_setting_of_the_local_run_allows_nothing_else(url: str) -> None:
    """With the setting of the local run all other private hosts are still refused."""
    assert address_error(url, local=True)


def test_an_endpoint_is_the_origin_and_path_of_a_url() -> None:
    """Two URLs that differ in query, fragment, or the case of the host have the same endpoint."""
    assert endpoint("HTTPS://Example.com/Hook?a=1#b") == "https://example.com/Hook"
    assert endpoint("https://example.com?a=1") == "https://example.com/"
