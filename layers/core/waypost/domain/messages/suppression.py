"""A suppressed address: why and since when a channel sends nothing to it (`docs/messages.md#suppressions`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from waypost.domain.journeys.message_steps import ChannelName, step_class
from waypost.domain.values.wire_model import WireModel
from waypost.domain.values.wire_time import ClientTime

SuppressionReason = Literal["bounce", "complaint", "gone", "opted-out", "manual"]
"""Why an address is suppressed. Rows of addresses store these words.

`bounce`: the address does not exist. `complaint`: its owner reported a message as spam. `gone`: the endpoint of a webhook answered 410.
`opted-out`: its owner has opted out at the provider. `manual`: an operator decided so.
"""

SuppressionSource = Literal["provider", "api", "import"]
"""Who suppressed an address: a response or a report of the provider, one request to the API, or an import. Rows store these words."""


@dataclass(frozen=True, slots=True)
class SuppressionCause:
    """Why an address is suppressed, by whom, since when, and because of which message (None: because of none)."""

    reason: SuppressionReason
    source: SuppressionSource
    since: datetime
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Suppression:
    """One suppressed address of a workspace. The address itself is not stored; `position` identifies it.

    `message` is the id of the message whose outcome suppressed the address, `since` the time of that outcome. An earlier release stored
    neither of them for its first suppressions.
    """

    channel: str
    position: str
    reason: SuppressionReason = "gone"
    source: SuppressionSource = "provider"
    message: str | None = None
    since: datetime | None = None


class NewSuppression(WireModel):
    """An address that an operator suppresses. `since` is now if it is missing, and never later than now."""

    channel: ChannelName
    address: str = Field(min_length=1, max_length=4096)
    reason: SuppressionReason = "manual"
    since: ClientTime | None = None

    @model_validator(mode="after")
    def _is_an_address_of_its_channel(self) -> NewSuppression:
        if not step_class(self.channel).is_address(self.address):
            raise PydanticCustomError("bad-address", "this is no address of the channel {channel}", {"channel": self.channel})
        return self
