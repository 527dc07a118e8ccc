"""The headers that a template may add to an e-mail."""

from __future__ import annotations

import pytest

from waypost.domain.values.email_headers import MAX_HEADER_CHARACTERS, header_name_error, headers_error


@pytest.mark.parametrize("name", ["X-Campaign", "x-a", "X-SESSION", "References", "in-reply-to", "Auto-Submitted", "Feedback-ID"])
def test_a_header_of_the_list_is_allowed(name: str) -> None:
    """`X-...` and four more headers are allowed, in upper or lower case."""
    assert header_name_error(name) is None


@pytest.mark.parametrize(
    "name",
    [
        *("List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "X-SES-CONFIGURATION-SET", "x-ses-source-arn"),
        *("To", "Cc", "Bcc", "From", "Sender", "Reply-To", "Return-Path", "Subject", "Date", "Message-ID", "DKIM-Signature", "Received"),
        *("Content-Type", "MIME-Version", "Content-Transfer-Encoding", "Precedence", ""),
        *("X-A B", "X-A:", "X-A\r\nBcc", "X-É", "X-" + "a" * 125),
    ],
)
def test_any_other_header_is_refused(name: str) -> None:
    """Headers of addresses, lists and MIME, those that steer SES, and names that are no header are refused."""
    assert header_name_error(name) is not None


@pytest.mark.parametrize("value", ["a\r\nBcc: eve@example.com", "a\nb", "Zoë", "\x00", "\x7f", "\u2028", "x" * (MAX_HEADER_CHARACTERS - 2)])
def test_a_value_that_ses_does_not_take_is_refused(value: str) -> None:
    """A value with a line break, a control character or a letter outside of ASCII, or of too many characters, is refused."""
    fault = headers_error({"X-A": value})
    assert fault is not None
    assert fault.startswith("header X-A: ")


def test_the_longest_header_and_the_most_headers_are_taken() -> None:
    """Name and value of 996 characters together, and 13 headers, are taken; a 14th is not."""
    headers = {f"X-{number:02}": "a" * (MAX_HEADER_CHARACTERS - 4) for number in range(13)}
    assert headers_error(headers) is None
    assert headers_error(headers | {"X-14": "a"}) == "an e-mail has at most 13 headers of its own"


def test_a_header_that_is_written_twice_is_refused() -> None:
    """Upper and lower case make no difference for names of headers."""
    assert headers_error({"X-A": "1", "References": "<1@example.com>", "X-a": "2"}) == "the header X-a is set twice"
