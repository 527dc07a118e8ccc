"""The tokens of links: what they hold, what is taken for forged, and how they get into a message."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from waypost.domain.journeys.message_steps import LINK_VARIABLES
from waypost.domain.messages import links
from waypost.domain.messages.links import Link, LinkPurpose, SigningKey, parse_token, token_of
from waypost.domain.messages.message import PreparedMessage

NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)
KEY = SigningKey("k1", b"1" * 32, NOW)
LINK = Link(LinkPurpose.UNSUBSCRIBE, "w_1", "c_1", "hash", "email", "news", NOW + timedelta(days=365))

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
any_link = st.builds(
    Link,
    purpose=st.sampled_from(LinkPurpose),
    workspace=st.from_regex(r"w[a-z0-9_]{1,40}", fullmatch=True),
    customer=texts,
    address_hash=texts,
    channel=texts,
    topic=texts,
    expires_at=st.integers(0, 2**32 - 1).map(lambda seconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)),
)


def read(token: str, *keys: SigningKey) -> Link | None:
    """The link in a token that one of these keys has signed."""
    unverified = parse_token(token)
    return unverified.verified(keys) if unverified else None


@given(any_link)
def test_a_token_holds_its_link(link: Link) -> None:
    """A token says exactly what it was made of, and is a text that no URL has to encode."""
    token = token_of(link, KEY)
    assert read(token, KEY) == link
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(any_link, st.integers(0), st.integers(1, 255))
def test_a_token_with_one_changed_byte_is_forged(link: Link, place: int, change: int) -> None:
    """Whichever byte of a token is changed, no key verifies it: version, purpose, expiry, names, lengths and signature are all signed."""
    token = token_of(link, KEY)
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    raw[place % len(raw)] ^= change
    assert read(base64.urlsafe_b64encode(raw).decode().rstrip("="), KEY) is None


@given(st.one_of(st.text(max_size=2000), st.from_regex(r"[A-Za-z0-9_-]{0,600}", fullmatch=True)))
@example("")
@example("A" * 1025)
@example(base64.urlsafe_b64encode(bytes(38)).decode().rstrip("="))
def test_any_text_is_forged_and_never_an_error(text: str) -> None:
    """A text that nobody signed is no link, whatever it is."""
    assert read(text, KEY) is None


@given(st.binary(max_size=400))
def test_any_signed_bytes_are_read_or_forged(raw: bytes) -> None:
    """Even bytes that the right key has signed, which only a fault of ours could make, are no error of the parser."""
    signed = raw + links._signature(raw, KEY)
    found = read(base64.urlsafe_b64encode(signed).decode().rstrip("="), KEY)
    assert found is None or found.workspace.startswith("w")


def test_a_token_has_one_spelling() -> None:
    """Padding, line breaks, the other alphabet and unused bits of the last character make a text that is no token."""
    token = next(token for name in ("a", "ab", "abc") if len(token := token_of(replace(LINK, customer=name), KEY)) % 4 == 2)
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = token[:-1] + last[last.index(token[-1]) + 1]
    assert read(token, KEY) is not None
    for spelling in (other, f"{token}==", f"{token}\n", f" {token}", token.replace("-", "+") + "+"):
        assert read(spelling, KEY) is None


def test_a_key_verifies_only_what_it_has_signed() -> None:
    """A rotated key verifies its links beside the new one; another key with the same id, or the right key under another id, does not."""
    token = token_of(LINK, KEY)
    assert read(token, SigningKey("k2", b"2" * 32, NOW), KEY) == LINK
    assert read(token, replace(KEY, secret=b"2" * 32)) is None
    assert read(token, replace(KEY, id="k2")) is None
    assert read(token) is None


def test_the_workspace_of_an_unverified_token_is_a_possible_one() -> None:
    """The key of a row is never made from a text that is no workspace id, although the token is not verified yet."""
    assert parse_token(token_of(LINK, KEY)) is not None
    for workspace in ("", "x_1", "w" * 50, "w_1/../w_2", "w_1#settings", "w_Ü"):
        assert parse_token(token_of(replace(LINK, workspace=workspace), KEY)) is None


def test_a_field_that_is_too_long_is_an_error() -> None:
    """A field of more than 255 bytes does not fit its length, and is refused when the token is made."""
    with pytest.raises(ValueError, match="too long"):
        token_of(replace(LINK, topic="ü" * 128), KEY)


def test_a_link_is_expired_at_its_time() -> None:
    """A link works until the second at which it expires."""
    assert not LINK.is_expired(LINK.expires_at - timedelta(seconds=1))
    assert LINK.is_expired(LINK.expires_at)


def test_the_longest_real_link_fits_into_a_header() -> None:
    """With ids and a topic of full length and a public URL of 209 characters, the header has at most the 996 characters of SES."""
    link = replace(LINK, workspace="w_" + "a" * 32, customer="c_" + "a" * 25, address_hash="a" * 64, topic="t" * 64)
    url = links.url_of("https://" + "a" * 201, token_of(link, replace(KEY, id="a" * 8)))
    assert len(f"<{url}>") <= 996


def test_the_inert_tokens_are_no_links() -> None:
    """An inert token is of lower-case letters and hyphens, differs by purpose, and is never taken for a signed one."""
    inert = {links.inert_token(purpose) for purpose in LinkPurpose}
    assert len(inert) == len(LinkPurpose)
    for token in inert:
        assert set(token) <= set("abcdefghijklmnopqrstuvwxyz-")
        assert links.is_inert(token)
        assert parse_token(token) is None
    assert not links.is_inert(token_of(LINK, KEY))


def test_the_variables_of_templates_are_those_of_the_publish_checks() -> None:
    """Each variable that the publish checks know as a link has a purpose, and a template sees its inert link."""
    assert tuple(links.TEMPLATE_NAMES) == LINK_VARIABLES
    urls = links.inert_urls("https://example.com/live/")
    assert urls["confirm_url"] == f"https://example.com/live/u/{links.inert_token(LinkPurpose.CONFIRM)}"


def test_tokens_replace_inert_links_wherever_they_stand() -> None:
    """Every inert link in a message gets the token of its purpose, at any depth, plain or percent-encoded; all other text stays."""
    inert = links.inert_urls("https://example.com")
    encoded = "go?to=https%3A%2F%2Fexample.com%2Fu%2Fpreview-unsubscribe-link"
    text = f"{inert['unsubscribe_url']}, {inert['preferences_url']} {encoded}&x"
    tokens = {purpose: purpose.value.upper() for purpose in LinkPurpose}
    prepared = PreparedMessage("ada@example.com", {"text": text, "parts": [{"html": f'<a href="{inert["confirm_url"]}">'}], "number": 1})
    outgoing = links.with_tokens(prepared, tokens)
    assert outgoing.rendered == {
        "text": "https://example.com/u/UNSUBSCRIBE, https://example.com/u/PREFERENCES go?to=https%3A%2F%2Fexample.com%2Fu%2FUNSUBSCRIBE&x",
        "parts": [{"html": '<a href="https://example.com/u/CONFIRM">'}],
        "number": 1,
    }
    assert prepared.rendered["text"] == text


@pytest.mark.parametrize("text", ["preview-unsubscribe-link", "https://example.com/u/preview-unsubscribe-links", "/v/preview-confirm-link"])
def test_a_text_that_is_no_inert_link_gets_no_token(text: str) -> None:
    """A customer who is called like an inert token gets no link for a name."""
    prepared = PreparedMessage("ada@example.com", {"text": text})
    assert links.with_tokens(prepared, dict.fromkeys(LinkPurpose, "TOKEN")) == prepared
