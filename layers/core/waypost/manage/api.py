"""What the management API is made of: a request after its checks, and an operation, which is one row of the table of operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from waypost.manage.dependencies import ManageDependencies
from waypost.manage.requests import NoQuery
from waypost.web.routes import Route

Q = TypeVar("Q")
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class ApiRequest(Generic[Q, B]):
    """An authenticated request with its parsed query and body, and its headers by their names in lower case.

    `workspace` is empty for an operation that needs no key.

    `base_url` is the public URL of the API, empty if it is not known. `path` is the whole path as the caller has sent it.

    `connect` returns the dependencies. It is called on use, so that `GET /api/health` needs no adapter.
    """

    workspace: str
    now: datetime
    variables: Mapping[str, str]
    query: Q
    body: B
    connect: Callable[[], ManageDependencies]
    headers: Mapping[str, str] = field(default_factory=dict)
    base_url: str = ""
    path: str = ""

    @property
    def dependencies(self) -> ManageDependencies:
        """The stores and queues."""
        return self.connect()


Handler = Callable[[ApiRequest[Any, Any]], Any]
"""Carries out an operation. Returns its response model, a JSON value, or a `Response` if the status is not the operation's own."""


@dataclass(frozen=True, slots=True)
class Operation(Route):
    """A route of the management API with everything that follows from it: the checks of the request, the call, the response.

    `handler` is None if another function answers the route; then the row is only documentation. `response` is the type of the body (None:
    no body), `further_statuses` are the other statuses with the same body, and `media` is its media type. `body` is the model of the
    request body (None: the body is not read). With `raw_body` the model only documents the body and the handler gets any JSON value. With
    `optional_body` a missing body is an empty object. With `has_form` the body is an HTML form, and the handler gets its fields. With
    `has_etag` the response has an `ETag`. `preconditions` are the headers that make a request conditional on it.
    """

    summary: str
    handler: Handler | None
    response: Any = None
    _: KW_ONLY
    status: int = 200
    further_statuses: tuple[int, ...] = ()
    media: str = "application/json"
    query: type[BaseModel] = NoQuery
    body: type[BaseModel] | None = None
    raw_body: bool = False
    optional_body: bool = False
    has_form: bool = False
    has_etag: bool = False
    preconditions: tuple[str, ...] = ()
