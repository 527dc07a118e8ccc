"""The one table of routes, shared by both HTTP doors, so that either can say of any path what is allowed there (contract 1.1, 5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple
from urllib.parse import unquote

from waypost.domain.api_keys import Scope
from waypost.domain.errors import RefusedError


class Route(NamedTuple):
    """A method on a path, what it is called, and the scope that a key needs for it (None: no key)."""

    method: str
    path: str
    name: str
    scope: Scope | None = "admin"


INTAKE: Final = ("/events/batch", "/events", "/api/events/batch", "/api/events")

ROUTES: Final = (
    *(Route("POST", path, "batch" if path.endswith("batch") else "event", "events") for path in INTAKE),
    *(Route("OPTIONS", path, "preflight", None) for path in INTAKE),
    Route("GET", "/api/health", "health", None),
    Route("GET", "/api/openapi.json", "openapi", None),
    Route("GET", "/api/schema", "read-schema"),
    Route("PUT", "/api/schema", "save-schema"),
    Route("GET", "/api/keys", "list-keys"),
    Route("POST", "/api/keys", "add-key"),
    Route("DELETE", "/api/keys/{id}", "remove-key"),
    Route("GET", "/api/journeys", "list-journeys"),
    Route("GET", "/api/journeys/schema", "journey-schema"),
    Route("GET", "/api/journeys/{id}", "read-journey"),
    Route("PUT", "/api/journeys/{id}", "save-journey"),
    Route("POST", "/api/journeys/{id}/publish", "publish-journey"),
    Route("POST", "/api/journeys/{id}/pause", "pause-journey"),
    Route("POST", "/api/journeys/{id}/resume", "resume-journey"),
    Route("POST", "/api/journeys/{id}/stop", "stop-journey"),
    Route("POST", "/api/journeys/{id}/simulate", "simulate-journey"),
    Route("GET", "/api/journeys/{id}/diagram", "draw-journey"),
    Route("GET", "/api/customers", "find-customer"),
    Route("GET", "/api/customers/{id}", "read-customer"),
    Route("DELETE", "/api/customers/{id}", "erase-customer"),
    Route("GET", "/api/customers/{id}/export", "export-customer"),
    Route("GET", "/api/customers/{id}/timeline", "read-timeline"),
    Route("GET", "/api/events", "list-events"),
    Route("GET", "/api/events/{uuid}", "read-receipt"),
    Route("GET", "/api/messages", "list-messages"),
    Route("GET", "/api/messages/{id}", "read-message"),
    Route("GET", "/api/webhooks/secret", "read-secret"),
    Route("POST", "/api/webhooks/secret", "rotate-secret"),
    Route("GET", "/api/dead-letters", "list-dead-letters"),
    Route("POST", "/api/dead-letters/redrive", "redrive"),
)


@dataclass(frozen=True, slots=True)
class Match:
    """A route that fits, and the values of its path's variables."""

    route: Route
    variables: Mapping[str, str]


def match(method: str, path: str) -> Match:
    """The route of a request; RefusedError 404 for an unknown path, 405 with what is allowed for an unknown method."""
    trimmed = path.rstrip("/") or "/"
    fitting = [(route, found) for route in ROUTES if (found := _pattern(route.path).fullmatch(trimmed))]
    exact = [(route, found) for route, found in fitting if "{" not in route.path] or fitting
    if not exact:
        raise RefusedError(404, "not-found", "There is nothing at this path.")
    for route, found in exact:
        if route.method == method:
            return Match(route, {name: unquote(value) for name, value in found.groupdict().items()})
    allowed = sorted({route.method for route, _ in exact})
    raise RefusedError(405, "method-not-allowed", f"This path takes {', '.join(allowed)}.", allow=allowed)


@cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", re.escape(path).replace(r"\{", "{").replace(r"\}", "}")))
