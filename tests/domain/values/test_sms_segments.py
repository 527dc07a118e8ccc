"""The parts in which a text message is sent."""

from __future__ import annotations

import pytest

from waypost.domain.values.sms_segments import sms_parts


@pytest.mark.parametrize(
    ("text", "encoding", "parts"),
    [
        ("a" * 160, "GSM-7", 1),
        ("a" * 161, "GSM-7", 2),
        ("a" * 306, "GSM-7", 2),
        ("a" * 307, "GSM-7", 3),
        ("Ä" * 160, "GSM-7", 1),
        ("€" * 80, "GSM-7", 1),
        ("€" * 81, "GSM-7", 2),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 3),
        ("a" * 152 + "€" + "a" * 151, "GSM-7", 2),
        ("a" * 1600, "GSM-7", 11),
        ("ж" * 70, "UCS-2", 1),
        ("ж" * 71, "UCS-2", 2),
        ("ж" * 134, "UCS-2", 2),
        ("ж" * 135, "UCS-2", 3),
        ("😀" * 35, "UCS-2", 1),
        ("😀" * 36, "UCS-2", 2),
        ("😀" * 66, "UCS-2", 2),
        ("😀" * 67, "UCS-2", 3),
        ("a" * 70 + "–", "UCS-2", 2),
    ],
    ids=lambda value: value if len(str(value)) < 20 else f"{len(value)} characters",
)
def test_a_text_is_divided_as_gsm_does(text: str, encoding: str, parts: int) -> None:
    """160 or 70 characters are one part, more of them parts of 153 or 67; one with two units is not divided between two parts."""
    assert sms_parts(text) == (encoding, parts)
