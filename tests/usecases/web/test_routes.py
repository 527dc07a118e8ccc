"""One table of routes for both doors (contract 1.1, 5)."""

from __future__ import annotations

import pytest

from waypost.domain.errors import RefusedError
from waypost.web.routes import INTAKE, ROUTES, match


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", INTAKE)
def test_the_intake_has_twins(path: str, slash: str) -> None:
    """With and without `/api`, with and without the last slash; a batch is not a single event."""
    route = match("POST", path + slash).route
    assert (route.name, route.scope) == ("batch" if path.endswith("batch") else "event", "events")
    assert match("OPTIONS", path + slash).route.scope is None


@pytest.mark.parametrize(
    "path",
    ["", "/", "/api", "/event", "/events/batch/x", "/api/events/batch/x", "/Events/batch", "/events//batch", "/api/nothing", "/health"],
)
def test_a_path_that_is_none_is_404(path: str) -> None:
    """Whatever the method."""
    for method in ("GET", "POST", "OPTIONS"):
        with pytest.raises(RefusedError) as refused:
            match(method, path)
        assert refused.value.status == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/events/batch", ["OPTIONS", "POST"]),
        ("PUT", "/events/", ["OPTIONS", "POST"]),
        ("DELETE", "/api/events", ["GET", "OPTIONS", "POST"]),
        ("POST", "/api/events/some-uuid", ["GET"]),
        ("POST", "/api/health", ["GET"]),
        ("PATCH", "/api/schema", ["GET", "PUT"]),
        ("POST", "/api/journeys/schema", ["GET"]),
    ],
)
def test_a_known_path_says_which_methods_it_takes(method: str, path: str, allowed: list[str]) -> None:
    """Reserved ids are no ids: `batch` is no uuid and `schema` no journey."""
    with pytest.raises(RefusedError) as refused:
        match(method, path)
    assert (refused.value.status, refused.value.extra) == (405, {"allow": allowed})


def test_a_variable_is_decoded_and_is_one_part_of_the_path() -> None:
    """An id may hold an encoded slash."""
    assert match("GET", "/api/events/a%2Fb%20c/").variables == {"uuid": "a/b c"}


def test_only_these_need_no_admin_key() -> None:
    """Everything else reads or changes a workspace."""
    open_to_all = {(route.method, route.path) for route in ROUTES if route.scope is None}
    assert open_to_all == {("OPTIONS", path) for path in INTAKE} | {("GET", "/api/health"), ("GET", "/api/openapi.json")}
    assert {route.path for route in ROUTES if route.scope == "events"} == set(INTAKE)
