"""The OpenAPI document describes what the functions do, because both follow from one table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from functions.local.seed import WELCOME
from waypost.domain.values.wire_model import WireModel
from waypost.manage.api import Operation
from waypost.manage.openapi import document as document_of
from waypost.manage.operations import ALL_OPERATIONS, OPERATIONS, document
from waypost.web.routes import INTAKE_ROUTES


def described(operation: Operation) -> dict[str, Any]:
    """What the document says of an operation."""
    found: dict[str, Any] = document()["paths"][operation.path][operation.method.lower()]
    return found


def references(value: Any) -> Iterator[str]:
    """All `$ref` in a JSON value."""
    if isinstance(value, dict):
        yield from (each for name, each in value.items() if name == "$ref")
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from references(each)


def test_the_document_is_valid() -> None:
    """The document follows the specification of OpenAPI 3.1, down to the last schema."""
    assert list(OpenAPIV31SpecValidator(document()).iter_errors()) == []


def test_the_document_fits_into_a_response() -> None:
    """The document is JSON, and small enough for every gateway."""
    assert len(json.dumps(document())) < 200_000


def test_every_reference_leads_to_a_schema() -> None:
    """No reference in the document is broken."""
    names = {f"#/components/schemas/{name}" for name in document()["components"]["schemas"]}
    found = set(references(document()))
    assert found
    assert found <= names


@pytest.mark.parametrize("operation", ALL_OPERATIONS, ids=lambda each: f"{each.method} {each.path}")
def test_every_operation_is_described(operation: Operation) -> None:
    """Each operation is in the document with its key, the variables of its path, its status and the shape of errors."""
    found = described(operation)
    assert (found["security"] == []) is (operation.scope is None)
    assert {f"{{{each['name']}}}" for each in found["parameters"] if each["in"] == "path"} == {
        part for part in operation.path.split("/") if part.startswith("{")
    }
    assert set(found["responses"]) == {str(operation.status), *map(str, operation.further_statuses), "default"}


def test_every_operation_of_management_has_a_handler() -> None:
    """The management function answers each of its operations, and the routes of the intake are described without a handler."""
    assert all(operation.handler is not None for operation in OPERATIONS)
    assert [(each.method, each.path) for each in ALL_OPERATIONS if each.handler is None] == [
        (each.method, each.path) for each in INTAKE_ROUTES
    ]


def test_operation_ids_are_unique() -> None:
    """A generated client has one function for each operation, although the operations of the intake have several paths."""
    ids = [described(operation)["operationId"] for operation in ALL_OPERATIONS]
    assert len(set(ids)) == len(ids)


def test_the_parameters_of_a_list_are_described() -> None:
    """The parameters come from the model that checks them, with its limits and defaults."""
    operation = next(each for each in OPERATIONS if each.name == "list-messages")
    parameters = {each["name"]: each["schema"] for each in described(operation)["parameters"]}
    assert set(parameters) == {"limit", "cursor", "customer", "journey", "status", "since", "step", "version", "content"}
    assert (parameters["limit"]["maximum"], parameters["limit"]["default"]) == (200, 50)
    assert "sent" in json.dumps(parameters["status"])


def test_journeys_and_events_have_schemas() -> None:
    """The fields of a journey and of an event are described by name."""
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
def test_all_statuses_with_the_same_body_are_described(method: str, path: str, statuses: set[str]) -> None:
    """A batch is answered event by event even if events were rejected: no generated client may take that body for a problem."""
    responses = document()["paths"][path][method]["responses"]
    assert set(responses) == statuses
    assert len({json.dumps(responses[status]["content"]) for status in statuses - {"default"}}) == 1


def test_two_models_of_the_same_name_have_two_schemas() -> None:
    """Neither of two models that share a name replaces the other one in the document."""

    def model(**fields: Any) -> type[WireModel]:
        return type("Same", (WireModel,), {"__annotations__": fields, "__module__": f"module_of_{next(iter(fields))}"})

    operations = [Operation("GET", f"/{name}", name, name, lambda _: None, model(**{name: str})) for name in ("first", "second")]
    described_properties = [list(each.get("properties", {})) for each in document_of(operations)["components"]["schemas"].values()]
    assert ["first"] in described_properties
    assert ["second"] in described_properties
