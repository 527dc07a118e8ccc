"""The settings of a workspace that its administrators change (`docs/api.md#settings`)."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from waypost.domain.messages.senders import comparable_sender
from waypost.domain.values.wire_model import WireModel


def _is_sender(text: str) -> str:
    if comparable_sender(text) is None:
        raise ValueError("a sender is an e-mail address, or @ and a domain for all of its addresses")
    return text


Sender = Annotated[str, Field(max_length=320), AfterValidator(_is_sender)]


class WorkspaceSettings(WireModel):
    """The settings of a workspace. `senders`: what its e-mails may come from beside the stack's `SenderAddress`."""

    senders: tuple[Sender, ...] = Field(default=(), max_length=100)


class StoredSettings(NamedTuple):
    """The settings as they are stored, and the number of their revision (0: none were stored)."""

    settings: WorkspaceSettings
    revision: int
