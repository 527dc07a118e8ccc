"""Requests that schemathesis makes from our own OpenAPI document, to every operation: valid ones, and ones that break its schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.proof.counted import count, depth
from tests.proof.surface.application import Application, HttpAnswer, running
from tests.proof.surface.seeds import Seeds, seeded
from waypost.manage.operations import document

if TYPE_CHECKING:
    from schemathesis import Case

DESCRIBED: Final[Mapping[str, Mapping[str, Any]]] = {
    f"{method.upper()} {path}": operation for path, operations in document()["paths"].items() for method, operation in operations.items()
}
"""What the document says of each operation, by method and path."""

EXAMPLES: Final = settings(
    max_examples=depth(2), database=None, deadline=None, suppress_health_check=list(HealthCheck), report_multiple_bugs=False
)
ENDLESS: Final = ("DELETE /api/customers/{id}", "POST /api/journeys/{id}/stop")
"""What would leave nothing for the requests after it; their ids are not those of the seeds."""


@cache
def operations() -> Mapping[str, Any]:
    """The operations as schemathesis reads them, by method and path.

    Its import takes two seconds. Every process of a test run would need them at the top of this module, and one of them runs its tests.
    """
    import schemathesis  # noqa: PLC0415 - see above

    found: list[Any] = list(schemathesis.openapi.from_dict(document()).get_all_operations())
    return {each.ok().label: each.ok() for each in found}


def requests(label: str, mode: str) -> st.SearchStrategy[Case[Any]]:
    """Requests to an operation that fit the document (`positive`), or break it (`negative`)."""
    from schemathesis import GenerationMode  # noqa: PLC0415 - as above

    strategy: st.SearchStrategy[Case[Any]] = operations()[label].as_strategy(generation_mode=GenerationMode(mode))
    return strategy


@dataclass(frozen=True)
class Filled:
    """An application with the ids that exist in it."""

    application: Application
    seeds: Seeds


@pytest.fixture(scope="module")
def filled() -> Iterator[Filled]:
    """A workspace in which every list has items."""
    with running() as application:
        yield Filled(application, seeded(application))


def requested(filled: Filled, case: Case[Any], choose: Any) -> HttpAnswer:
    """The answer to a case. Half of the variables in its path and of its ids in the query are ids that exist."""
    path = case.operation.path
    for name, value in (case.path_parameters or {}).items():
        known = () if case.operation.label in ENDLESS else filled.seeds.of(path, name)
        known_id = choose.draw(st.sampled_from(known)) if known and choose.draw(st.booleans()) else None
        path = path.replace(f"{{{name}}}", str(value) if known_id is None else quote(known_id, safe=""))
    query = {name: text_of(value) for name, value in (case.query or {}).items()}
    for name in query:
        known = filled.seeds.of(case.operation.path, name)
        if known and choose.draw(st.booleans()):
            query[name] = choose.draw(st.sampled_from(known))
    headers = {name.lower(): str(value) for name, value in (case.headers or {}).items() if name.lower() in ("if-match", "if-none-match")}
    raw = body_of(case)
    if filled.application.system.sqs.stored("SignalsQueue"):
        filled.application.empty_queue()
    if case.operation.label.startswith("POST") and "/events" in case.operation.path:
        return filled.application.post(raw or b"", path, headers)
    return filled.application.send(case.operation.method.upper(), path, raw, query, headers)


def text_of(value: Any) -> str:
    """The value of a parameter as a client writes it into a URL."""
    return value if isinstance(value, str) else json.dumps(value)


def body_of(case: Case[Any]) -> bytes | None:
    """The bytes of the body of a case; None if it has none."""
    from schemathesis.core import NotSet  # noqa: PLC0415 - as above

    if isinstance(case.body, NotSet):
        return None
    return case.body if isinstance(case.body, bytes) else json.dumps(case.body).encode()


# The other paths of the intake have the same schemas. `test_journey_fuzz.py` breaks definitions: schemathesis recurses without an end when
# it negates the schema of conditions, which refers to itself. And no request for the page of a link breaks a schema.
TRIED: Final = tuple(label for label in DESCRIBED if " /events" not in label)
BREAKABLE: Final = tuple(
    label
    for label in TRIED
    if any(DESCRIBED[label].get(part) for part in ("requestBody", "parameters", "security"))
    and label not in ("PUT /api/journeys/{id}", "POST /api/journeys/{id}/check", "GET /u/{token}")
)


@pytest.mark.parametrize("label", TRIED)
def test_a_valid_request_has_an_answer_of_the_document(filled: Filled, label: str) -> None:
    """A request that fits the document is answered as the document says: with a body of its schema, or with a problem."""
    statuses: dict[int, int] = {}

    @seed(1)
    @EXAMPLES
    @given(requests(label, "positive"), st.data())
    def try_case(case: Case[Any], choose: Any) -> None:
        count("requests from the OpenAPI document")
        answer = requested(filled, case, choose)
        statuses[answer.status] = statuses.get(answer.status, 0) + 1

    try_case()
    assert statuses


@pytest.mark.parametrize("label", BREAKABLE)
def test_a_request_that_breaks_the_document_is_no_fault(filled: Filled, label: str) -> None:
    """A request with a body or parameters of another form is never a 5xx, and what is refused is a problem with a documented code."""

    @seed(2)
    @EXAMPLES
    @given(requests(label, "negative"), st.data())
    def try_case(case: Case[Any], choose: Any) -> None:
        count("requests from the OpenAPI document")
        requested(filled, case, choose)

    try_case()


@pytest.mark.parametrize("label", DESCRIBED)
def test_a_request_of_another_form_is_refused(filled: Filled, label: str) -> None:
    """Without a key, with an unknown parameter, with another method or media type, each operation answers with the documented status."""
    method, template = label.split(" ", 1)
    path = template.replace("{", "").replace("}", "")
    send = filled.application.send
    is_open = template in ("/api/health", "/api/openapi.json", "/api/journeys/schema", "/u/{token}") or method == "OPTIONS"
    count("requests from the OpenAPI document", 4)
    assert (send(method, path, b"{}", headers={"authorization": None}).status == 401) is not is_open
    assert (send(method, path, b"{}", headers={"authorization": "Api-Key \xff"}).status == 401) is not is_open
    if not is_open and method == "GET":
        assert send(method, path, query={"colour": "red"}).json["code"] == "bad-parameter"
    assert send("PATCH", path).status == 405
    if "requestBody" in DESCRIBED[label] and not is_open:
        assert send(method, path, b"{}", headers={"content-type": "text/html"}).status == 415
        assert send(method, path, b"{}", headers={"content-encoding": "br"}).status == 415
