"""The OpenAPI 3.1 document, generated from the table of operations and its models."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from waypost.domain.values.wire_model import WireModel
from waypost.manage.api import Operation
from waypost.manage.preconditions import IF_MATCH, IF_NONE_MATCH

REFERENCES: Final = "#/components/schemas/{model}"
JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
PRECONDITIONS: Final[Mapping[str, str]] = {
    IF_MATCH: "An `ETag`: the request is refused with 412 if it is no longer the present one.",
    IF_NONE_MATCH: "`*`: the request is refused with 412 if there is one already.",
}

BodySchemas = Mapping[tuple[Any, JsonSchemaMode], Mapping[str, Any]]
"""The schema of each type, by the type and by whether it describes what is read (validation) or written (serialization)."""


class ProblemPart(WireModel):
    """One of several faults of a request, at a JSON pointer into the body or at a parameter of the query."""

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None


class Problem(WireModel):
    """Any error (RFC 9457). `code` is stable. Some errors have further members, such as the `pointer` or the `limit` that was exceeded."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: tuple[ProblemPart, ...] = ()


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The whole document."""
    schemas, definitions = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Waypost", "version": "1", "description": "Event-triggered customer journeys."},
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "`Api-Key <key>`"},
            },
        },
    }


def _schemas(operations: Iterable[Operation]) -> tuple[BodySchemas, Mapping[str, Any]]:
    """The schemas of all bodies, and the definitions that they refer to.

    Pydantic generates them together. Only then does it see that two models share a name, or that one model differs between reading and
    writing, and gives each a definition of its own.
    """
    inputs: dict[tuple[Any, JsonSchemaMode], TypeAdapter[Any]] = {(Problem, "serialization"): TypeAdapter(Problem)}
    for operation in operations:
        if operation.body is not None:
            inputs[operation.body, "validation"] = TypeAdapter(operation.body)
        if operation.response is not None:
            inputs[operation.response, "serialization"] = TypeAdapter(operation.response)
    generated, definitions = TypeAdapter.json_schemas(
        [(body, mode, adapter) for (body, mode), adapter in inputs.items()], ref_template=REFERENCES
    )
    return generated, definitions.get("$defs", {})


def _described(operation: Operation, schemas: BodySchemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": _operation_id(operation),
        "summary": operation.summary,
        "security": [] if operation.scope is None else [{"key": []}],
        "parameters": [*_path_parameters(operation), *_query_parameters(operation), *_header_parameters(operation)],
        "responses": _responses(operation, schemas),
    }
    if operation.scope is not None:
        described["description"] = f"Needs a key with the scope `{operation.scope}`."
    if operation.body is not None:
        content = {JSON: {"schema": schemas[operation.body, "validation"]}}
        described["requestBody"] = {"required": not operation.optional_body, "content": content}
    if operation.has_form:
        form = {"schema": {"type": "object", "additionalProperties": {"type": "string"}}}
        described["requestBody"] = {"required": True, "content": dict.fromkeys(FORMS, form)}
    return described


def _operation_id(operation: Operation) -> str:
    """The name of the operation. An operation of the intake has several paths, so its id names the path too."""
    return operation.name + (operation.path.replace("/", "-") if operation.handler is None else "")


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    names = re.findall(r"\{(\w+)\}", operation.path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    schema = operation.query.model_json_schema(ref_template=REFERENCES)
    definitions = schema.get("$defs", {})
    return [{"name": name, "in": "query", "schema": _inlined(each, definitions)} for name, each in schema.get("properties", {}).items()]


def _header_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "header", "schema": {"type": "string"}, "description": PRECONDITIONS[name]} for name in operation.preconditions
    ]


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """A schema with its references replaced: a parameter is too small to need named definitions."""
    if isinstance(schema, list):
        return [_inlined(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return definitions[schema["$ref"].rpartition("/")[2]]
    return {name: _inlined(each, definitions) for name, each in schema.items()}


def _responses(operation: Operation, schemas: BodySchemas) -> dict[str, Any]:
    success: dict[str, Any] = {"description": operation.summary}
    if operation.has_etag:
        success["headers"] = {"ETag": {"schema": {"type": "string"}}}
    if operation.response is not None:
        success["content"] = {operation.media: {"schema": schemas[operation.response, "serialization"]}}
    problem: dict[str, Any] = {"description": "The error", "content": {PROBLEM: {"schema": schemas[Problem, "serialization"]}}}
    if operation.media.startswith("text/html"):
        problem["content"][operation.media] = {"schema": {"type": "string"}}  # people read it in a browser
    return {str(status): success for status in (operation.status, *operation.further_statuses)} | {"default": problem}
