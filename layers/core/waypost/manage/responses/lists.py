"""What all responses share: times, and pages of lists."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Generic, TypeVar

from pydantic import PlainSerializer, WithJsonSchema

from waypost.domain.values.findings import Finding
from waypost.domain.values.wire_model import WireModel
from waypost.domain.values.wire_time import iso
from waypost.manage.pagination import ListPage

Time = Annotated[datetime, PlainSerializer(iso), WithJsonSchema({"type": "string", "format": "date-time"})]
T = TypeVar("T")
R = TypeVar("R", bound=WireModel)


class FindingResponse(WireModel):
    """A fault or a warning. `pointer` leads to its place in the response or in the request."""

    code: str
    detail: str
    pointer: str

    @classmethod
    def of(cls, finding: Finding) -> FindingResponse:
        """A finding as responses show it."""
        return cls.model_validate(finding, from_attributes=True)


class ListResponse(WireModel, Generic[T]):
    """A page of a list, newest first. `next` is the cursor of the next page, null on the last one."""

    items: tuple[T, ...]
    next: str | None = None

    @staticmethod
    def of(page: ListPage[T], response: Callable[[T], R]) -> ListResponse[R]:
        """The page with each item as a response."""
        return ListResponse(items=tuple(response(each) for each in page.items), next=page.next)
