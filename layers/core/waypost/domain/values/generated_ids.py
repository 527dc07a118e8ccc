"""Generated ids: of customers, runs and messages, and parts of row keys.

Each is a hash of what it identifies and not a random number, so that a repeated delivery of a signal makes the same ids again and its
writes fall on the same rows.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_PAIRS: Final = tuple(first + second for first in _DIGITS for second in _DIGITS)
_FOUR_DIGITS: Final = 36**4
_MESSAGE_ID: Final = re.compile(r"msg_[0-9A-Za-z]{1,100}")


def base36(number: int) -> str:
    """A non-negative integer in base 36, with lower-case letters."""
    # Four digits with each division: with one, the divisions would take most of the time of a hash.
    digits = ""
    while number >= _FOUR_DIGITS:
        number, rest = divmod(number, _FOUR_DIGITS)
        digits = _PAIRS[rest // 1296] + _PAIRS[rest % 1296] + digits
    return (_PAIRS[number // 1296] + _PAIRS[number % 1296] + digits).lstrip("0") or "0"


def digest(*parts: str, length: int = 25) -> str:
    """The SHA-256 hash of a sequence of texts, as `length` characters of base 36 (25 characters hold 129 bits).

    Each text is preceded by its length: otherwise ("ab", "c") and ("a", "bc") would have the same hash.
    """
    framed = "".join([f"{len(part)}:{part}" for part in parts])
    number = int.from_bytes(hashlib.sha256(framed.encode("utf-8", "surrogatepass")).digest(), "big")
    return base36(number % 36**length).rjust(length, "0")


def customer_id(workspace: str, kind: str, first_id: str) -> str:
    """The id of a customer, made from the identifier under which its first event arrived.

    The intake needs it before any row of the customer exists: it is the message group of the customer's events.
    """
    return "c_" + digest("customer", workspace, kind, first_id)


def run_id(workspace: str, journey: str, key: str, event_uuid: str) -> str:
    """The id of the run that an event starts. The same event starts the same run, however often it is delivered."""
    return "r_" + digest("run", workspace, journey, key, event_uuid)


def message_id(workspace: str, journey: str, version: int, run: str, step: str, visit: int) -> str:
    """The id of the message that one visit of a run to a step sends: `msg_`, letters and digits, as the tags of SES require."""
    return "msg_" + digest("message", workspace, journey, str(version), run, step, str(visit))


def is_message_id(text: str) -> bool:
    """Whether a text has the form of a message id. Delivery reports come from clients, which may send any text."""
    return _MESSAGE_ID.fullmatch(text) is not None


def key_part(value: str) -> str:
    """A text that a user chose, as a part of a row key: `=` and the text, or `~` and its hash if it has more than 256 bytes.

    255 characters may have 1,020 bytes in UTF-8, and a sort key of DynamoDB has at most 1,024 with all its other parts.
    """
    return "=" + value if len(value.encode()) <= 256 else "~" + hashlib.sha256(value.encode()).hexdigest()
