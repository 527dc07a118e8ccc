"""`ETag`, `If-Match` and `If-None-Match` (RFC 9110, section 13): a change happens only to the state that its client has seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from waypost.domain.errors import RefusedError
from waypost.domain.values.generated_ids import digest

IF_MATCH: Final = "If-Match"
IF_NONE_MATCH: Final = "If-None-Match"


class Precondition(NamedTuple):
    """The two headers of a request, each None if it is missing. Without either, every state is accepted."""

    if_match: str | None = None
    if_none_match: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Precondition:
        """The precondition in the headers of a request, which have their names in lower case."""
        return cls(headers.get(IF_MATCH.lower()), headers.get(IF_NONE_MATCH.lower()))

    def holds(self, etag: str | None) -> bool:
        """Whether the request may change a thing that has this `ETag` (None: a thing that does not exist)."""
        is_wanted = self.if_match is None or _names(self.if_match, etag)
        return is_wanted and (self.if_none_match is None or not _names(self.if_none_match, etag))


def etag_of(*numbers: int) -> str:
    """The `ETag` of the state that has these numbers, such as its revision."""
    return f'"{"-".join(map(str, numbers))}"'


def etag_of_text(text: str) -> str:
    """The `ETag` of the state that is stored as this text."""
    return f'"{digest("etag", text)}"'


def precondition_failed(detail: str) -> RefusedError:
    """The 412 for a precondition that does not hold."""
    return RefusedError(412, "precondition-failed", detail)


def _names(header: str, etag: str | None) -> bool:
    tags = [each.strip() for each in header.split(",")]
    return etag is not None and ("*" in tags or etag in tags)
