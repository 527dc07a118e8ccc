"""Texts that customers send to a number of the stack (`docs/messages.md#replies`).

AWS End User Messaging SMS publishes them to an SNS topic, which puts each one into the queue of reports, inside of an envelope of SNS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from waypost.domain.values import exact_json
from waypost.domain.values.wire_time import instant

STOP_WORDS: Final = frozenset(
    {"ARRET", "CANCEL", "END", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "STOP", "STOPALL", "STOPP", "TD", "UNSUBSCRIBE"}
)
"""The opt-out keywords of AWS, and two more that people write."""

START_WORDS: Final = frozenset({"START", "UNSTOP"})

_AROUND: Final = " \t\r\n.,!?\"'"


@dataclass(frozen=True, slots=True)
class InboundText:
    """A text from a phone: its sender's number, the words, when SNS got it, and its id at AWS."""

    number: str
    body: str
    at: datetime
    id: str

    @property
    def wish(self) -> Literal["stop", "start"] | None:
        """What the sender wants, if the text is a keyword and nothing else; None for any other text."""
        # "Please do not stop" is a text that contains a keyword and means the opposite.
        word = self.body.strip(_AROUND).upper()
        return "stop" if word in STOP_WORDS else "start" if word in START_WORDS else None


def inbound_text_in(body: str) -> InboundText | None:
    """The text in a record of the reports queue. None for a record that holds no text, such as an event of EventBridge."""
    envelope = exact_json.loads(body)
    content = notification_in(envelope)
    if content is None or "inboundMessageId" not in content:
        return None
    return InboundText(
        number=str(content["originationNumber"]),
        body=str(content.get("messageBody", "")),
        at=instant(envelope["Timestamp"]),
        id=str(content["inboundMessageId"]),
    )


def notification_in(envelope: Any) -> Mapping[str, Any] | None:
    """The JSON in an envelope of SNS. None for anything else."""
    if not isinstance(envelope, Mapping) or envelope.get("Type") != "Notification":
        return None
    content = exact_json.loads(envelope["Message"])
    return content if isinstance(content, Mapping) else None
