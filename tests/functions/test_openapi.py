"""The OpenAPI document says what the doors do, because it is made of what they read by."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from functions.local.seed import WELCOME
from functions.manage.app import ANSWERS
from waypost.manage.openapi import document
from waypost.manage.operations import OPERATIONS
from waypost.web.routes import ROUTES, Route


def described(route: Route) -> dict[str, Any]:
    """What the document says of a route."""
    found: dict[str, Any] = document()["paths"][route.path][route.method.lower()]
    return found


def test_it_is_valid() -> None:
    """OpenAPI 3.1, to the last schema."""
    assert list(OpenAPIV31SpecValidator(document()).iter_errors()) == []


def test_it_can_be_sent() -> None:
    """It is JSON and small enough for any gateway."""
    assert len(json.dumps(document())) < 200_000


@pytest.mark.parametrize("route", ROUTES, ids=lambda each: f"{each.method} {each.path}")
def test_every_route_is_in_it(route: Route) -> None:
    """With its key, its path's variables, an answer and the shape of errors."""
    found = described(route)
    assert (found["security"] == []) is (route.scope is None)
    assert {f"{{{each['name']}}}" for each in found["parameters"] if each["in"] == "path"} == {
        part for part in route.path.split("/") if part.startswith("{")
    }
    assert "default" in found["responses"]


def test_no_route_is_without_an_answer() -> None:
    """What management declares is what its door answers, and what the table offers."""
    assert set(OPERATIONS) == set(ANSWERS)
    assert set(ANSWERS) == {route.name for route in ROUTES} - {"batch", "event", "preflight"}


def test_it_shows_what_a_list_takes() -> None:
    """The parameters of the door's own model."""
    route = next(each for each in ROUTES if each.name == "list-messages")
    parameters = {each["name"]: each["schema"] for each in described(route)["parameters"]}
    assert set(parameters) == {"limit", "cursor", "customer", "journey", "status"}
    assert (parameters["limit"]["maximum"], parameters["limit"]["default"]) == (200, 50)
    assert "sent" in json.dumps(parameters["status"])


def test_its_examples_of_bodies_have_schemas() -> None:
    """A journey's fields and an event's are there by name."""
    schemas = document()["components"]["schemas"]
    assert set(WELCOME) <= set(schemas["Journey"]["properties"])
    assert {"event", "correlationKey", "correlationValue", "payload", "$fcm"} <= set(schemas["WireEvent"]["properties"])


@pytest.mark.parametrize(
    ("method", "path", "statuses"),
    [
        ("post", "/api/events/batch", {"201", "207", "422", "default"}),
        ("post", "/events", {"201", "207", "422", "default"}),
        ("put", "/api/journeys/{id}", {"200", "201", "default"}),
        ("delete", "/api/customers/{id}", {"200", "202", "default"}),
    ],
)
def test_it_names_each_status_with_the_same_answer(method: str, path: str, statuses: set[str]) -> None:
    """A batch is answered event by event also where events were refused: no generated client may take that for a problem."""
    responses = document()["paths"][path][method]["responses"]
    assert set(responses) == statuses
    assert len({json.dumps(responses[status]["content"]) for status in statuses - {"default"}}) == 1
