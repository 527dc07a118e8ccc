"""Bodies of the send queue: they are read as they were written, and what a newer version wrote is recognised."""

from __future__ import annotations

import pytest

from waypost.domain.errors import NewerFormatError
from waypost.domain.messages.send_request import SendRequest, from_text, to_text


def test_a_request_is_read_as_it_was_written() -> None:
    """Workspace and message come back."""
    request = SendRequest("w1", "msg_1")
    assert to_text(request) == '{"workspace":"w1","message":"msg_1"}'
    assert from_text(to_text(request)) == request
    released = SendRequest("w1", "msg_1", "t1")
    assert to_text(released) == '{"workspace":"w1","message":"msg_1","released":"t1"}'
    assert from_text(to_text(released)) == released


@pytest.mark.parametrize(
    "body",
    ['{"format":2,"workspace":"w1","message":"msg_1"}', '{"workspace":"w1","message":"msg_1","priority":1}', '{"format":2}'],
    ids=["format", "unknown key", "format alone"],
)
def test_a_newer_version_is_recognised(body: str) -> None:
    """Another format number or an unknown key raises NewerFormatError."""
    with pytest.raises(NewerFormatError):
        from_text(body)


@pytest.mark.parametrize("body", ["not JSON", "[]", '"text"', "{}", '{"workspace":"w1"}'])
def test_what_no_version_wrote_is_no_newer_version(body: str) -> None:
    """A missing key, another JSON value or no JSON raises another error."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        from_text(body)
