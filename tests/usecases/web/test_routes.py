"""Routing over the routes of both HTTP functions (docs/events.md#routes, docs/api.md#routes)."""

from __future__ import annotations

import subprocess
import sys

import pytest

from functions.local.paths import LAYER, ROOT
from waypost.domain.errors import RefusedError
from waypost.manage.operations import ALL_OPERATIONS
from waypost.web.routes import INTAKE_PATHS, match


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", INTAKE_PATHS)
def test_the_intake_has_four_paths_with_and_without_a_trailing_slash(path: str, slash: str) -> None:
    """`/events` and `/api/events` take one event, both with `/batch` a batch; a preflight on them needs no key."""
    route = match(ALL_OPERATIONS, "POST", path + slash).route
    assert (route.name, route.scope) == ("batch" if path.endswith("batch") else "event", "events")
    assert match(ALL_OPERATIONS, "OPTIONS", path + slash).route.scope is None


@pytest.mark.parametrize(
    "path",
    ["", "/", "/api", "/event", "/events/batch/x", "/api/events/batch/x", "/Events/batch", "/events//batch", "/api/nothing", "/health"],
)
def test_an_unknown_path_is_404_with_any_method(path: str) -> None:
    """A path that no route has is 404, never 405, whatever the method."""
    for method in ("GET", "POST", "OPTIONS"):
        with pytest.raises(RefusedError) as refused:
            match(ALL_OPERATIONS, method, path)
        assert refused.value.status == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/events/batch", ["OPTIONS", "POST"]),
        ("PUT", "/events/", ["OPTIONS", "POST"]),
        ("DELETE", "/api/events", ["GET", "HEAD", "OPTIONS", "POST"]),
        ("POST", "/api/events/some-uuid", ["GET", "HEAD"]),
        ("POST", "/api/health", ["GET", "HEAD"]),
        ("PATCH", "/api/schema", ["GET", "HEAD", "PUT"]),
        ("POST", "/api/journeys/schema", ["GET", "HEAD"]),
    ],
)
def test_a_wrong_method_is_405_with_the_methods_of_the_path(method: str, path: str, allowed: list[str]) -> None:
    """The 405 lists the methods of both functions. `batch` is not taken for a uuid, nor `schema` for the id of a journey."""
    with pytest.raises(RefusedError) as refused:
        match(ALL_OPERATIONS, method, path)
    assert (refused.value.status, refused.value.extra) == (405, {"allow": allowed})


def test_a_variable_is_one_segment_of_the_path_and_is_decoded() -> None:
    """An id may hold an encoded slash and an encoded space."""
    assert match(ALL_OPERATIONS, "GET", "/api/events/a%2Fb%20c/").variables == {"uuid": "a/b c"}


def test_every_other_route_needs_an_admin_key() -> None:
    """Only health, both schema documents, the preflight and the page of a link need no key; only the intake takes the scope `events`."""
    open_to_all = {(route.method, route.path) for route in ALL_OPERATIONS if route.scope is None}
    documents = {("GET", path) for path in ("/api/health", "/api/openapi.json", "/api/journeys/schema")}
    page = {("GET", "/u/{token}"), ("POST", "/u/{token}")}
    assert open_to_all == {("OPTIONS", path) for path in INTAKE_PATHS} | documents | page
    assert {route.path for route in ALL_OPERATIONS if route.scope == "events"} == set(INTAKE_PATHS)


def test_every_operation_has_a_route_and_a_name_of_its_own() -> None:
    """No two rows of the table have the same method and path, and no two operations of management have the same name."""
    routes = [(route.method, route.path) for route in ALL_OPERATIONS]
    names = [route.name for route in ALL_OPERATIONS if route.path not in INTAKE_PATHS]
    assert len(set(routes)) == len(routes)
    assert len(set(names)) == len(names)


def test_the_intake_starts_without_the_management_api() -> None:
    """Importing the intake function loads no module of `waypost.manage`: its models would slow down every cold start."""
    script = "import sys, functions.ingest.app; print(*(name for name in sys.modules if name.startswith('waypost.manage')))"
    environment = {"PYTHONPATH": f"{LAYER}:{ROOT}", "AWS_DEFAULT_REGION": "eu-west-1", "POWERTOOLS_METRICS_NAMESPACE": "Waypost"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_management_api_starts_without_channels_and_erasures() -> None:
    """Building the dependencies of management loads neither an adapter of a channel nor the rows of an erasure: few requests need them."""
    tables = ("KEYS", "WORKSPACES", "CUSTOMERS", "JOURNEYS", "EVENTS", "RUNS", "MESSAGES", "DEAD")
    queues = ("SIGNALS", "DELAYS", "SEND")
    names = {*(f"{each}_TABLE" for each in tables), *(f"{each}_QUEUE_URL" for each in queues), "SCHEDULE_GROUP"}
    adapters = ("ses", "webhook", "pinned_http", "dynamodb.customer_data", "dynamodb.erasures")
    script = "import sys, waypost.wiring; waypost.wiring.managing(); print(*sys.modules)"
    environment = {"PYTHONPATH": str(LAYER), "AWS_DEFAULT_REGION": "eu-west-1", **dict.fromkeys(names, "x")}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert not {f"waypost.adapters.{each}" for each in adapters} & set(done.stdout.split())
