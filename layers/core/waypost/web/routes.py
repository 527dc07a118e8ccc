"""Routes: how a method and a path find their operation, and the paths of the intake (docs/events.md#routes)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Generic, TypeVar
from urllib.parse import unquote

from waypost.domain.api_keys import Scope
from waypost.domain.errors import RefusedError


@dataclass(frozen=True, slots=True)
class Route:
    """A method on a path, the name of the operation there, and the scope that a key needs for it (None: no key is needed).

    A path may hold variables, such as `{id}`, each of which is one segment.
    """

    method: str
    path: str
    name: str
    scope: Scope | None = field(default="admin", kw_only=True)


R = TypeVar("R", bound=Route)

INTAKE_PATHS: Final = ("/events/batch", "/events", "/api/events/batch", "/api/events")
INTAKE_ROUTES: Final = (
    *(Route("POST", path, "batch" if path.endswith("batch") else "event", scope="events") for path in INTAKE_PATHS),
    *(Route("OPTIONS", path, "preflight", scope=None) for path in INTAKE_PATHS),
)


@dataclass(frozen=True, slots=True)
class Match(Generic[R]):
    """The route of a request, and the decoded values of the variables in its path."""

    route: R
    variables: Mapping[str, str]


def match(routes: Iterable[R], method: str, path: str) -> Match[R]:
    """The route of a request. A trailing slash makes no difference, and a path without variables wins over one with variables.

    HEAD finds the route of GET (RFC 9110, section 9.3.2): health checks of load balancers and monitors send it.

    RefusedError 404 if no route has this path, or 405 with the allowed methods if none of those has this method.
    """
    trimmed = path.rstrip("/") or "/"
    fitting = [(route, found) for route in routes if (found := _pattern(route.path).fullmatch(trimmed))]
    on_path = [(route, found) for route, found in fitting if "{" not in route.path] or fitting
    if not on_path:
        raise not_found()
    for route, found in on_path:
        if route.method == ("GET" if method == "HEAD" else method):
            return Match(route, {name: unquote(value) for name, value in found.groupdict().items()})
    methods = {route.method for route, _ in on_path}
    allowed = sorted(methods | {"HEAD"} if "GET" in methods else methods)
    raise RefusedError(405, "method-not-allowed", f"This path accepts {', '.join(allowed)}.", allow=allowed)


def not_found() -> RefusedError:
    """The 404 for a path that no route has."""
    return RefusedError(404, "not-found", "There is no route with this path.")


@cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", re.escape(path).replace(r"\{", "{").replace(r"\}", "}")))
