"""Phone numbers in the international form of E.164 (`docs/messages.md#sms`)."""

from __future__ import annotations

import re
from typing import Final

_SEPARATORS: Final = re.compile(r"[ \u00a0().\-/]")
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


def phone_number(text: str) -> str | None:
    """The number in E.164, such as `+4915112345678`, without the separators that people write; None for any other text.

    A number without `+` and country code is none: nothing says which country it belongs to.
    """
    digits = _SEPARATORS.sub("", text.strip())
    return digits if _E164.fullmatch(digits) else None
