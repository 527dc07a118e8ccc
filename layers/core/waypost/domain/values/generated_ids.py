"""Names that are made, not chosen: customer ids, message ids, keys of rows. All are functions of their parts."""

from __future__ import annotations

import hashlib
import re
from typing import Final

ALPHABET: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_MESSAGE: Final = re.compile(r"msg_[0-9A-Za-z]{1,100}")


def base36(number: int) -> str:
    """A whole number from zero up, written with digits and lower-case letters."""
    digits = ""
    while True:
        number, rest = divmod(number, 36)
        digits = ALPHABET[rest] + digits
        if number == 0:
            return digits


def digest(*parts: str, length: int = 25) -> str:
    """A base36 name for a sequence of texts, `length` characters long (25 hold 129 bits); no two sequences share one."""
    framed = "".join(f"{len(part)}:{part}" for part in parts)
    number = int.from_bytes(hashlib.sha256(framed.encode("utf-8", "surrogatepass")).digest(), "big")
    return base36(number % 36**length).rjust(length, "0")


def customer_id(workspace: str, kind: str, first_id: str) -> str:
    """The id of a customer that was first met under `first_id`: known before anything about it is written."""
    return "c_" + digest("customer", workspace, kind, first_id)


def run_id(workspace: str, journey: str, key: str, event_uuid: str) -> str:
    """The id of the run that this event opens, so that opening it twice is opening it once."""
    return "r_" + digest("run", workspace, journey, key, event_uuid)


def message_id(workspace: str, journey: str, version: int, run: str, step: str, visit: int) -> str:
    """The one id of a message, letters and digits after `msg_`: providers' tags allow little else (contract 4)."""
    return "msg_" + digest("message", workspace, journey, str(version), run, step, str(visit))


def is_message_id(text: str) -> bool:
    """Whether a text has the form of a message's id; whoever reports on a message may send any text."""
    return _MESSAGE.fullmatch(text) is not None


def key_part(value: str) -> str:
    """A text that a user chose as a part of a row key: itself where that is short, else its hash.

    255 characters of any script exceed DynamoDB's 1,024-byte sort key.
    """
    return "=" + value if len(value.encode()) <= 256 else "~" + hashlib.sha256(value.encode()).hexdigest()
