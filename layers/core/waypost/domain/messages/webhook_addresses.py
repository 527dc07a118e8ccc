"""Which addresses a webhook may reach: public ones, and none that only machines inside a private network can reach.

The URL of a webhook is input of a user, and the send function runs inside an AWS account. Without these rules a webhook could read the
metadata service of the machine or reach internal systems (server-side request forgery). See `docs/messages.md#allowed-addresses`.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from waypost.domain.values.host_names import ascii_name

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_IPV4_REFUSED: Final = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's platform address, public in form only
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# All IPv6 addresses that are routed on the internet lie in 2000::/3. Outside of it are loopback, unique local, link-local and multicast
# addresses, and those that carry an IPv4 address (mapped, NAT64), which could be a private one.
_IPV6_ROUTED: Final = ipaddress.IPv6Network("2000::/3")
_IPV6_REFUSED: Final = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # Teredo, benchmarking, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4, which carries any IPv4 address
        "3fff::/20",
    )
)
_LOCAL_HOSTS: Final = frozenset({"127.0.0.1", "localhost"})
_PRIVATE_ENDINGS: Final = (".localhost", ".local", ".internal", ".home.arpa", ".lan", ".intranet", ".corp")
_HOST_NAME: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?", re.IGNORECASE)
_NUMERIC_LABEL: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)
_URL: Final = re.compile(r"(https?)://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


def is_public(address: Address) -> bool:
    """Whether an IP address is reachable on the internet, and neither private, reserved, nor mapped to such an address."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _IPV4_REFUSED)
    return address in _IPV6_ROUTED and not any(address in network for network in _IPV6_REFUSED)


def is_local(url: str) -> bool:
    """Whether a URL is plain HTTP to this machine, which only the local run allows."""
    parts = _URL.match(url)
    return parts is not None and parts[1].lower() == "http" and _host_and_port(parts[2])[0] in _LOCAL_HOSTS


def address_error(url: str, *, local: bool = False) -> str | None:
    """Why a webhook may not go to a URL, as far as its text shows, or None. `local` allows plain HTTP to this machine.

    Publishing checks the fixed start of the template of a URL, if the host is part of it. The sender checks the rendered URL, whatever part
    of it came from the template, and `PinnedHttp` checks the addresses that the host name resolves to.
    """
    parts = _URL.match(url)
    if parts is None:
        return "the address must start with https:// and a host name"
    if local and is_local(url):
        return _port_error(parts[2], privileged=True)
    if parts[1].lower() != "https":
        return "only https:// is allowed"
    return _authority_error(parts[2]) or _path_error(parts[3])


def _authority_error(authority: str) -> str | None:
    if "@" in authority:
        return "a user name or password in the address is not allowed"
    return _host_error(_host_and_port(authority)[0]) or _port_error(authority, privileged=False)


def _host_and_port(authority: str) -> tuple[str, str]:
    host, colon, port = authority.rpartition(":")
    if not colon or port.endswith("]"):
        return authority.lower(), ""
    return host.lower(), port


def _host_error(host: str) -> str | None:
    if host.startswith("[") and host.endswith("]"):
        return _ip_address_error(host[1:-1])
    # The checks below see the name as DNS sees it: 127.0.0.1 in full-width digits becomes 127.0.0.1 in ASCII by this step.
    ascii_host = ascii_name(host)
    if ascii_host is None or not _HOST_NAME.fullmatch(ascii_host):
        return "the host is not a valid name"
    bare = ascii_host.rstrip(".")
    # No top-level domain is a number, but resolvers read `127.1`, `2130706433` and `0x7f000001` as 127.0.0.1. What ends in a number must
    # therefore be a complete IP address.
    if _NUMERIC_LABEL.fullmatch(bare.rpartition(".")[2]):
        return _ip_address_error(bare)
    if "." not in bare or bare.endswith(_PRIVATE_ENDINGS):
        return "the host is a name in a private network"
    return None


def _ip_address_error(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "the host is not a valid IP address"
    return None if is_public(address) else "the host is a private or reserved address"


def _port_error(authority: str, *, privileged: bool) -> str | None:
    _, port = _host_and_port(authority)
    if not port:
        return None
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and 0 < int(port) <= 65535):
        return "the port is not a number from 1 to 65535"
    allowed = privileged or int(port) in (80, 443) or int(port) >= 1024
    return None if allowed else "of the ports below 1024 only 443 and 80 are allowed"


def _path_error(rest: str) -> str | None:
    # Liquid tags may contain spaces. After rendering, a tag can only come from a value, and is percent-encoded in the request.
    if "{{" in rest or "{%" in rest:
        return None
    return (
        "the address contains spaces or control characters" if any(character <= " " or character == "\x7f" for character in rest) else None
    )


def endpoint(url: str) -> str:
    """The origin and path of a URL, without its query: what an answer of 410 disables."""
    parts = urlsplit(url)
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}{parts.path or '/'}"
