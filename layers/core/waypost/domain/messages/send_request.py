"""The body of a record of the send queue: which message has to be sent."""

from __future__ import annotations

from typing import Final, NamedTuple

from waypost.domain.values import exact_json
from waypost.domain.values.message_formats import Shape, message_object, require_shape

SHAPE: Final = Shape(frozenset({"workspace", "message", "released"}))


class SendRequest(NamedTuple):
    """A message that has to be sent, by its workspace and id.

    `released` is the token of a claim in which its worker certainly called no provider, and which it could not take back itself.
    """

    workspace: str
    message: str
    released: str | None = None


def to_text(request: SendRequest) -> str:
    """A request as compact JSON of format 1."""
    released = {} if request.released is None else {"released": request.released}
    return exact_json.dumps({"workspace": request.workspace, "message": request.message, **released})


def from_text(body: str) -> SendRequest:
    """The reverse of `to_text`. NewerFormatError where a newer version wrote it; ValueError, KeyError or TypeError for anything else."""
    wire = message_object(exact_json.loads(body))
    require_shape(wire, SHAPE)
    return SendRequest(wire["workspace"], wire["message"], wire.get("released"))


def readable_part(body: str) -> SendRequest | None:
    """The request in the body of a record that could not be carried out; None if it is no request."""
    try:
        request = from_text(body)
    except (ValueError, TypeError, KeyError):
        return None
    return SendRequest(str(request.workspace), str(request.message))
