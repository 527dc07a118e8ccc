"""The rows of addresses in the workspaces table: what is known of an address, under a hash in place of the address.

A row has the attributes of a suppression (`reason`, `source`, `since`, `message`), the time at which one was lifted (`lifted`), and
opt-outs from topics (`optOuts`), each of them or none (docs/architecture.md#workspaces).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any, Final

from waypost.adapters.dynamodb.items import Item
from waypost.domain.journeys.message_steps import step_class
from waypost.domain.values.generated_ids import digest

ADDRESS_PREFIX: Final = "suppressed/"
"""The sort keys of address rows begin with this, followed by the channel, `/` and the hash of the address."""

SUPPRESSION_ATTRIBUTES: Final = ("message", "since", "reason", "source")


def address_hash(workspace: str, channel: str, address: str, secret_of: Callable[[str], bytes]) -> str:
    """The hash of an address in the form in which addresses of its channel compare. `secret_of` returns the secret key of a workspace."""
    step, comparable = step_class(channel), step_class(channel).comparable_address(address)
    if not step.is_personal_address:
        return digest("address", comparable)
    # A plain hash would still be personal data: a reader of the table could hash a list of addresses and compare. It also outlives the
    # erasure of its customer, so it has to be one that nobody can compute outside of the workspace.
    text = f"address {channel} {comparable}".encode("utf-8", "surrogatepass")
    return hmac.new(secret_of(workspace), text, hashlib.sha256).hexdigest()


def address_row_key(workspace: str, channel: str, hashed: str) -> Item:
    """The key of the row of an address, by its hash."""
    return {"workspace": workspace, "row": f"{ADDRESS_PREFIX}{channel}/{hashed}"}


def is_suppression(item: Mapping[str, Any]) -> bool:
    """Whether a row of an address suppresses it. A row may also hold opt-outs only, or that a suppression was lifted."""
    # The first release that stored suppressions wrote the key and nothing else.
    return any(name in item for name in SUPPRESSION_ATTRIBUTES) or not any(name in item for name in ("optOuts", "lifted"))
