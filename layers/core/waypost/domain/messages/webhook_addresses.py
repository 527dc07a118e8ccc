"""Which addresses on the network a webhook may reach: public ones, and nothing that only our own machines can see."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

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
# All of IPv6 that is routed lies in 2000::/3; outside it are loopback, mapped, NAT64, unique local, link-local and multicast.
_IPV6_ROUTED: Final = ipaddress.IPv6Network("2000::/3")
_IPV6_REFUSED: Final = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # Teredo, benchmarking, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4 carries an IPv4 address of anyone's choice
        "3fff::/20",
    )
)
_LOCAL_HOSTS: Final = frozenset({"127.0.0.1", "localhost"})
_LOCAL_ENDINGS: Final = (".localhost", ".local", ".internal", ".home.arpa", ".lan", ".intranet", ".corp")
_HOST: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?", re.IGNORECASE)
_NUMERIC_LABEL: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)
_AUTHORITY: Final = re.compile(r"(https?)://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


def is_public(address: Address) -> bool:
    """Whether an address is one that anyone on the internet may be reached at."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _IPV4_REFUSED)
    return address in _IPV6_ROUTED and not any(address in network for network in _IPV6_REFUSED)


def is_local(url: str) -> bool:
    """Whether this is plain HTTP to this machine, which the local run alone allows."""
    parts = _AUTHORITY.match(url)
    return parts is not None and parts[1].lower() == "http" and _host_and_port(parts[2])[0] in _LOCAL_HOSTS


def address_refused(url: str, *, local: bool = False) -> str | None:
    """Why a webhook may not go to this address, as far as its text tells, or None.

    The path and the query may hold Liquid; scheme, host and port may not. `local` allows plain HTTP to this machine.
    """
    parts = _AUTHORITY.match(url)
    if parts is None:
        return "the address must begin with https:// and a host name"
    if local and is_local(url):
        return _port_refused(parts[2], privileged=True)
    if parts[1].lower() != "https":
        return "only https:// is allowed"
    return _authority_refused(parts[2]) or _rest_refused(parts[3])


def _authority_refused(authority: str) -> str | None:
    if "{" in authority or "}" in authority:
        return "the host may not come from a template"
    if "@" in authority:
        return "a user name or password in the address is not allowed"
    return _host_refused(_host_and_port(authority)[0]) or _port_refused(authority, privileged=False)


def _host_and_port(authority: str) -> tuple[str, str]:
    host, colon, port = authority.rpartition(":")
    if not colon or port.endswith("]"):
        return authority.lower(), ""
    return host.lower(), port


def _host_refused(host: str) -> str | None:
    if host.startswith("[") and host.endswith("]"):
        return _literal_refused(host[1:-1])
    ascii_host = ascii_name(host)
    if ascii_host is None or not _HOST.fullmatch(ascii_host):
        return "the host is not a valid name"
    bare = ascii_host.rstrip(".")
    if _NUMERIC_LABEL.fullmatch(bare.rpartition(".")[2]):
        return _literal_refused(bare)
    if "." not in bare or bare.endswith(_LOCAL_ENDINGS):
        return "the host is a name of a private network"
    return None


def ascii_name(host: str) -> str | None:
    """A host name as DNS knows it (`münchen.example` is `xn--mnchen-3ya.example`), or None if it cannot be one."""
    try:
        return host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        return None


def _literal_refused(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "the host is not a valid IP address"
    return None if is_public(address) else "the host is a private or reserved address"


def _port_refused(authority: str, *, privileged: bool) -> str | None:
    _, port = _host_and_port(authority)
    if not port:
        return None
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and 0 < int(port) <= 65535):
        return "the port is not a number from 1 to 65535"
    allowed = privileged or int(port) in (80, 443) or int(port) >= 1024
    return None if allowed else "of the ports below 1024 only 443 and 80 are allowed"


def _rest_refused(rest: str) -> str | None:
    if "{{" in rest or "{%" in rest:
        return None
    return "the address holds spaces or control characters" if any(mark <= " " or mark == "\x7f" for mark in rest) else None


def endpoint(url: str) -> str:
    """Origin and path of a webhook's address: what a 410 disables, whatever query comes with it."""
    parts = urlsplit(url)
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}{parts.path or '/'}"
