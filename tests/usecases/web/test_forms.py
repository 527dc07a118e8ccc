"""The forms that the page behind links takes: both media types of RFC 8058, and hostile bodies."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from waypost.domain.errors import RefusedError
from waypost.web.forms import MAX_FIELDS, MAX_FORM_BYTES, FormFields, form_fields
from waypost.web.http import Request

URL_ENCODED = "application/x-www-form-urlencoded"


def fields(body: bytes, content_type: str = URL_ENCODED) -> FormFields:
    """The fields of a form in a request as API Gateway passes it on."""
    headers = {"content-type": content_type}
    return form_fields(Request("POST", "/u/x", headers, {}, "r", base64.b64encode(body).decode(), is_base64=True))


def multipart(*parts: bytes, boundary: bytes = b"b1") -> bytes:
    """A multipart body with these parts, each with its headers."""
    return b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + boundary + b"--\r\n"


def part(name: bytes, value: bytes, further: bytes = b"") -> bytes:
    """One field of a multipart form."""
    return b'Content-Disposition: form-data; name="' + name + b'"' + further + b"\r\n\r\n" + value


ONE_CLICK = multipart(part(b"List-Unsubscribe", b"One-Click"))


@pytest.mark.parametrize("content_type", [URL_ENCODED, f"{URL_ENCODED}; charset=UTF-8", URL_ENCODED.upper()])
def test_a_one_click_request_is_url_encoded(content_type: str) -> None:
    """The body of RFC 8058 has one field, whatever the parameters and the case of the media type."""
    assert fields(b"List-Unsubscribe=One-Click", content_type) == {"List-Unsubscribe": ("One-Click",)}


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data; boundary=b1", 'multipart/form-data; boundary="b1"', "Multipart/Form-Data; charset=utf-8; Boundary=b1 ; x=y"],
)
def test_a_one_click_request_is_multipart(content_type: str) -> None:
    """The same field is read from a multipart body, whose boundary may be quoted."""
    assert fields(ONE_CLICK, content_type) == {"List-Unsubscribe": ("One-Click",)}


def test_a_multipart_form_has_all_its_fields() -> None:
    """Values may hold line breaks and dashes, be empty or repeat; a preamble, an epilogue, other headers and a file name do not matter."""
    body = b"preamble\r\n" + multipart(
        part(b"topic", b"a\r\n--b\r\n"),
        part(b"topic", b""),
        part(b"file", b"x", b'; filename="f.txt"\r\nContent-Type: text/plain'),
        b"Content-Type: text/plain\r\ncontent-disposition: form-data; name=bare\r\n\r\nZo\xc3\xab \xff",
    )
    found = fields(body + b"epilogue", "multipart/form-data; boundary=b1")
    assert found == {"topic": ("a\r\n--b\r\n", ""), "file": ("x",), "bare": ("Zoë \ufffd",)}


def test_a_url_encoded_form_has_all_its_fields() -> None:
    """Repeated and empty fields are read, and what is no UTF-8 is replaced."""
    assert fields(b"topic=a&topic=b+c%21&empty=&odd=%ff&flag") == {
        "topic": ("a", "b c!"),
        "empty": ("",),
        "odd": ("\ufffd",),
        "flag": ("",),
    }


@pytest.mark.parametrize("content_type", ["", "application/json", "text/plain", "multipart/mixed; boundary=b1"])
def test_another_media_type_is_refused(content_type: str) -> None:
    """A body of another media type is a 415, also one without any."""
    with pytest.raises(RefusedError) as refused:
        fields(b"List-Unsubscribe=One-Click", content_type)
    assert (refused.value.status, refused.value.code) == (415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("body", "boundary"),
    [
        (b"", "b1"),
        (ONE_CLICK, "b2"),
        (ONE_CLICK.removesuffix(b"--\r\n"), "b1"),
        (ONE_CLICK.replace(b"\r\n", b"\n"), "b1"),
        (multipart(b"Content-Type: text/plain\r\n\r\nx"), "b1"),
        (multipart(b"no header"), "b1"),
        (multipart(part(b"", b"x")), "b1"),
        (ONE_CLICK, ""),
        (ONE_CLICK, "b" * 71),
        (ONE_CLICK, '"b1'),
    ],
)
def test_an_incomplete_multipart_form_is_refused(body: bytes, boundary: str) -> None:
    """A multipart body without its end, without a name, or with another boundary is a 400: half of a list of topics would end the rest."""
    with pytest.raises(RefusedError) as refused:
        fields(body, f"multipart/form-data; boundary={boundary}")
    assert (refused.value.status, refused.value.code) == (400, "bad-form")


def test_the_limits_hold_to_the_byte_and_to_the_field() -> None:
    """A form of 16 KiB and one of 300 fields are read; one byte or one field more is refused."""
    assert fields(b"x=" + b"y" * (MAX_FORM_BYTES - 2))["x"] == ("y" * (MAX_FORM_BYTES - 2),)
    assert len(fields(b"&".join([b"x=y"] * MAX_FIELDS))["x"]) == MAX_FIELDS
    small = [part(b"x", b"")] * MAX_FIELDS
    assert len(fields(multipart(*small), "multipart/form-data; boundary=b1")["x"]) == MAX_FIELDS
    for body, content_type, status in (
        (b"x=" + b"y" * (MAX_FORM_BYTES - 1), URL_ENCODED, 413),
        (b"&".join([b"x=y"] * (MAX_FIELDS + 1)), URL_ENCODED, 400),
        (multipart(*small, small[0]), "multipart/form-data; boundary=b1", 400),
    ):
        with pytest.raises(RefusedError) as refused:
            fields(body, content_type)
        assert refused.value.status == status


FRAGMENTS = [
    b"--b1",
    b"--b1--",
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b";",
    b'"',
    b"name=",
    b'Content-Disposition: form-data; name="x"',
    b"v",
    b"\x00",
]
hostile = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=8), max_size=60).map(b"".join)


@given(hostile, st.sampled_from([URL_ENCODED, "multipart/form-data; boundary=b1", "multipart/form-data; boundary"]) | st.text(max_size=80))
@example(b"--b1\r\n--b1--\r\n", "multipart/form-data; boundary=b1")
def test_any_body_is_read_or_refused(body: bytes, content_type: str) -> None:
    """Whatever the body and its media type are, the result is texts or a refusal with a status of the client."""
    found: FormFields = {}
    status = 200
    try:
        found = fields(body, content_type)
    except RefusedError as refused:
        status = refused.status
    assert status in (200, 400, 413, 415)
    assert all(isinstance(value, str) for values in found.values() for value in values)


@given(st.dictionaries(st.from_regex(rb"[a-zA-Z-]{1,20}", fullmatch=True), st.binary(max_size=50), max_size=10))
def test_what_is_written_as_multipart_is_read(written: dict[bytes, bytes]) -> None:
    """Each field of a form that a program has written is read with its value, unless the value holds the boundary."""
    body = multipart(*(part(name, value) for name, value in written.items()), boundary=b"0123456789012345678901234567890123456789")
    found = fields(body, "multipart/form-data; boundary=0123456789012345678901234567890123456789")
    assert found == {name.decode(): (value.decode("utf-8", "replace"),) for name, value in written.items()}


@pytest.mark.parametrize(
    "body",
    [
        b'Content-Disposition: form-data; name="' + b" " * 16_000,
        b"Content-Disposition: form-data;" + b" ;name" * 2_600,
        b"content-disposition:" * 800,
        b"\r\n--b" * 3_200,
    ],
)
def test_a_hostile_form_costs_no_time(body: bytes) -> None:
    """A form of 16 KB that is made to be slow to read is refused within a fraction of a second."""
    started = time.perf_counter()
    with pytest.raises(RefusedError):
        fields(b"--b1\r\n" + body + b"\r\n\r\n\r\n--b1--", "multipart/form-data; boundary=b1;" + " " * 4_000)
    assert time.perf_counter() - started < 0.5
