"""What all responses share: times, and pages of lists."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Generic, TypeVar

from pydantic import PlainSerializer, WithJsonSchema

from waypost.domain.values.wire_model import WireModel
from waypost.domain.values.wire_time import iso
from waypost.manage.pagination import ListPage

Time = Annotated[datetime, PlainSerializer(iso), WithJsonSchema({"type": "string", "format": "date-time"})]
T = TypeVar("T")
R = TypeVar("R", bound=WireModel)


class WarningResponse(WireModel):
    """Something that has no effect as it is, although nothing refused it. `pointer` leads to it, in the response or in the request."""

    code: str
    detail: str
    pointer: str


class ListResponse(WireModel, Generic[T]):
    """A page of a list, newest first. `next` is the cursor of the next page, null on the last one."""

    items: tuple[T, ...]
    next: str | None = None

    @staticmethod
    def of(page: ListPage[T], response: Callable[[T], R]) -> ListResponse[R]:
        """The page with each item as a response."""
        return ListResponse(items=tuple(response(each) for each in page.items), next=page.next)
