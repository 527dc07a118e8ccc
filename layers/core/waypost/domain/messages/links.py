"""The signed links in messages: unsubscribe, preferences, and the confirmation of a subscription (`docs/messages.md#links`).

A link holds everything that its page needs, so that it works when the message and its customer are gone. Stored and shown messages hold an
inert token in the place of the signed one; only the request to the provider gets the real token.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from waypost.domain.journeys.message_steps import CONFIRM_URL, PREFERENCES_URL, UNSUBSCRIBE_URL
from waypost.domain.messages.message import PreparedMessage
from waypost.domain.values.calendar_edges import EPOCH


class LinkPurpose(StrEnum):
    """What the page of a link offers first."""

    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"
    CONFIRM = "confirm"


PATH: Final = "/u/"
"""The path of the page, in front of the token."""

VALID_FOR: Final[Mapping[LinkPurpose, timedelta]] = {
    LinkPurpose.UNSUBSCRIBE: timedelta(days=365),
    LinkPurpose.PREFERENCES: timedelta(days=365),
    LinkPurpose.CONFIRM: timedelta(days=30),
}
"""How long a link works after its message was sent."""

KEY_KEPT_FOR: Final = timedelta(days=366)
"""How long a key is kept after its rotation. A sender may sign with it for some minutes longer, so it is more than `VALID_FOR`."""

MAX_TOKEN_CHARACTERS: Final = 1024

_VERSION: Final = 1
_PURPOSES: Final = tuple(LinkPurpose)
_HEAD_BYTES: Final = 6  # version, purpose, four bytes of expiry
_MAC_BYTES: Final = 32
_FIELDS: Final = 6  # key id, workspace, customer, address hash, channel, topic
_MAX_FIELD_BYTES: Final = 255
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]+")
_WORKSPACE: Final = re.compile(r"w[a-z0-9_]{1,40}")

# Lower-case letters and hyphens only: no filter of a template that encodes or escapes changes them.
_INERT: Final[Mapping[LinkPurpose, str]] = {each: f"preview-{each.value}-link" for each in LinkPurpose}
# With the path in front, as it is or percent-encoded: a customer whose name is an inert token gets no link in its place.
_INERT_LINK: Final = re.compile(rf"((?:/|%2[Ff])u(?:/|%2[Ff]))preview-({'|'.join(_PURPOSES)})-link(?![A-Za-z0-9-])")

TEMPLATE_NAMES: Final[Mapping[str, LinkPurpose]] = {
    UNSUBSCRIBE_URL: LinkPurpose.UNSUBSCRIBE,
    PREFERENCES_URL: LinkPurpose.PREFERENCES,
    CONFIRM_URL: LinkPurpose.CONFIRM,
}
"""The variables of templates that hold a link."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs links. `retired_at` is the time of the rotation that replaced it."""

    id: str
    secret: bytes
    created_at: datetime
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """What a token says.

    `customer` is empty if the message went to an address that is not the customer's own: then the link is about the address only.
    `address_hash` is the keyed hash of the address on the channel. `topic` is the id of a topic, or `*` for all topics.
    """

    purpose: LinkPurpose
    workspace: str
    customer: str
    address_hash: str
    channel: str
    topic: str
    expires_at: datetime

    def is_expired(self, now: datetime) -> bool:
        """Whether the link does not work any more."""
        return now >= self.expires_at


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A token whose signature was not checked. `workspace` and `key_id` say which key has to be read for that, and nothing else."""

    workspace: str
    key_id: str
    link: Link
    signed: bytes
    signature: bytes

    def verified(self, keys: Iterable[SigningKey]) -> Link | None:
        """The link if one of these keys of its workspace has signed it; None for a forged one."""
        for key in keys:
            if key.id == self.key_id and hmac.compare_digest(_signature(self.signed, key), self.signature):
                return self.link
        return None


def token_of(link: Link, key: SigningKey) -> str:
    """The signed token of a link: base64url without padding. ValueError for a field of more than 255 bytes."""
    fields = (key.id, link.workspace, link.customer, link.address_hash, link.channel, link.topic)
    encoded = [each.encode() for each in fields]
    if any(len(each) > _MAX_FIELD_BYTES for each in encoded):
        raise ValueError("a field of a link is too long")
    expiry = int((link.expires_at - EPOCH).total_seconds()).to_bytes(4, "big")
    signed = bytes((_VERSION, _PURPOSES.index(link.purpose))) + expiry + b"".join(bytes((len(each),)) + each for each in encoded)
    return _encoded(signed + _signature(signed, key))


def parse_token(token: str) -> UnverifiedToken | None:
    """The parts of a token; None for a text that no release wrote. Every token has exactly one spelling."""
    raw = _decoded(token)
    if raw is None or len(raw) < _HEAD_BYTES + _MAC_BYTES:
        return None
    signed, signature = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    fields = _fields(signed[_HEAD_BYTES:])
    if signed[0] != _VERSION or signed[1] >= len(_PURPOSES) or fields is None:
        return None
    key_id, workspace, customer, address_hash, channel, topic = fields
    # The keys of the workspace are read before anything is verified. A text of any length would become the key of a row.
    if not _WORKSPACE.fullmatch(workspace):
        return None
    expires_at = EPOCH + timedelta(seconds=int.from_bytes(signed[2:_HEAD_BYTES], "big"))
    link = Link(_PURPOSES[signed[1]], workspace, customer, address_hash, channel, topic, expires_at)
    return UnverifiedToken(workspace, key_id, link, signed, signature)


def inert_token(purpose: LinkPurpose) -> str:
    """The token of previews, tests and stored messages, whose page says that it does nothing."""
    return _INERT[purpose]


def is_inert(token: str) -> bool:
    """Whether a token is one of those that do nothing."""
    return token in _INERT.values()


def inert_urls(base_url: str) -> Mapping[str, str]:
    """The variables that a template sees, by their names. `base_url` is the public URL of the API, without a slash at its end."""
    return {name: url_of(base_url, inert_token(purpose)) for name, purpose in TEMPLATE_NAMES.items()}


def url_of(base_url: str, token: str) -> str:
    """The URL of the page of a token."""
    return f"{base_url.rstrip('/')}{PATH}{token}"


def with_tokens(prepared: PreparedMessage, tokens: Mapping[LinkPurpose, str]) -> PreparedMessage:
    """The message with these tokens in the place of the inert ones. It is for the provider only, and is never stored or shown."""

    def replaced(value: Any) -> Any:
        if isinstance(value, str):
            return _INERT_LINK.sub(lambda found: found[1] + tokens[LinkPurpose(found[2])], value)
        if isinstance(value, Mapping):
            return {name: replaced(each) for name, each in value.items()}
        return [replaced(each) for each in value] if isinstance(value, list | tuple) else value

    return replace(prepared, rendered=replaced(prepared.rendered))


def _signature(signed: bytes, key: SigningKey) -> bytes:
    return hmac.digest(key.secret, signed, hashlib.sha256)


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decoded(token: str) -> bytes | None:
    if len(token) > MAX_TOKEN_CHARACTERS or not _TOKEN.fullmatch(token):
        return None
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return None
    # The last character may have bits that no byte takes. A second spelling of a token would be a second text that has to be kept secret.
    return raw if _encoded(raw) == token else None


def _fields(raw: bytes) -> tuple[str, ...] | None:
    fields: list[str] = []
    place = 0
    while place < len(raw) and len(fields) < _FIELDS:
        end = place + 1 + raw[place]
        try:
            fields.append(raw[place + 1 : end].decode())
        except UnicodeDecodeError:
            return None
        place = end
    return tuple(fields) if place == len(raw) and len(fields) == _FIELDS else None
