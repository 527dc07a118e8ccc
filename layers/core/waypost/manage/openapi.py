"""The OpenAPI 3.1 document, made from the route table and the models that the doors themselves read and answer by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from pydantic import BaseModel, Field, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from waypost.domain.intake.wire_event import WireEvent
from waypost.domain.values.wire_model import WireModel as Part
from waypost.manage.operations import OPERATIONS, Operation
from waypost.web.routes import ROUTES, Route

REFERENCES: Final = "#/components/schemas/{model}"
JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"


class BatchRequest(Part):
    """The events of one call."""

    batch: tuple[WireEvent, ...] = Field(min_length=1, max_length=1000)
    sent_at: Any = Field(None, description="The sender's clock, by which times without a zone are corrected")
    historical: bool = Field(default=False, description="Sets attributes and is recorded, triggers nothing")


class EventError(Part):
    """Why an event was rejected."""

    code: str
    detail: str
    pointer: str
    retryable: bool


class EventResult(Part):
    """What became of one event, in the order of the request."""

    index: int
    uuid: str | None
    status: str
    warnings: tuple[dict[str, str], ...] | None = None
    error: EventError | None = None


class BatchAnswer(Part):
    """What was accepted is durable; whom it moved is in each event's receipt."""

    code: str | None = None
    request_id: str
    received_at: str
    accepted: int
    rejected: int
    results: tuple[EventResult, ...]


class Problem(Part):
    """Any error (RFC 9457); `code` is stable."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str


INTAKE: Final[Mapping[str, Operation]] = {
    "batch": Operation("Send events", BatchAnswer, 201, takes=BatchRequest, also=(207, 422)),
    "event": Operation("Send one event", BatchAnswer, 201, takes=WireEvent, also=(207, 422)),
    "preflight": Operation("What a browser asks before it posts", None, 204),
}
_DECLARED: Final[Mapping[str, Operation]] = {**INTAKE, **OPERATIONS}


@cache
def document() -> dict[str, Any]:
    """The whole document."""
    models = _Models()
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, _DECLARED[route.name], models)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Waypost", "version": "1", "description": "Event-triggered customer journeys."},
        "paths": paths,
        "components": {
            "schemas": models.schemas,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "`Api-Key <key>`"},
            },
        },
    }


class _Models:
    """Models as JSON Schemas, each described once under its name."""

    def __init__(self) -> None:
        self.schemas: dict[str, Any] = {}

    def reference(self, model: Any, mode: JsonSchemaMode) -> dict[str, Any]:
        """The schema of a model, which refers to those of its parts."""
        schema = TypeAdapter(model).json_schema(mode=mode, ref_template=REFERENCES, schema_generator=GenerateJsonSchema)
        self.schemas |= schema.pop("$defs", {})
        if not isinstance(model, type) or not issubclass(model, BaseModel):
            return schema
        name = re.sub(r"\W+", "_", model.__name__).strip("_")
        self.schemas[name] = schema
        return {"$ref": REFERENCES.format(model=name)}


def _operation(route: Route, declared: Operation, models: _Models) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": _name_of(route),
        "summary": declared.summary,
        "security": [] if route.scope is None else [{"key": []}],
        "parameters": [*_path_parameters(route), *_query_parameters(declared)],
        "responses": _responses(declared, models),
    }
    if route.scope is not None:
        described["description"] = f"Needs a key with the scope `{route.scope}`."
    if declared.takes is not None:
        content = {JSON: {"schema": models.reference(declared.takes, "validation")}}
        described["requestBody"] = {"required": not declared.optional, "content": content}
    return described


def _name_of(route: Route) -> str:
    """The route's name; the intake's twins are told apart by their paths."""
    return route.name + (route.path.replace("/", "-") if route.name in INTAKE else "")


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in re.findall(r"\{(\w+)\}", route.path)]


def _query_parameters(declared: Operation) -> list[dict[str, Any]]:
    schema = declared.query.model_json_schema(ref_template=REFERENCES)
    inlined = schema.get("$defs", {})
    return [{"name": name, "in": "query", "schema": _inline(each, inlined)} for name, each in schema.get("properties", {}).items()]


def _inline(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """A schema with its references replaced, since parameters are too small to have names."""
    if isinstance(schema, list):
        return [_inline(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return definitions[schema["$ref"].rpartition("/")[2]]
    return {name: _inline(each, definitions) for name, each in schema.items()}


def _responses(declared: Operation, models: _Models) -> dict[str, Any]:
    shown: dict[str, Any] = {"description": declared.summary}
    if declared.gives is not None:
        shown["content"] = {declared.media: {"schema": models.reference(declared.gives, "serialization")}}
    problem = {"description": "What went wrong", "content": {PROBLEM: {"schema": models.reference(Problem, "serialization")}}}
    return {str(status): shown for status in (declared.status, *declared.also)} | {"default": problem}
