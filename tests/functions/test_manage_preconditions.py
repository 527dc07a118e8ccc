"""Two editors of a journey through the management function: `ETag`, `If-Match` and `If-None-Match`."""

from __future__ import annotations

import pytest

from tests.fakes.api_client import call
from tests.functions.welcome_journey import WELCOME, changed, workspace_with_welcome

pytestmark = pytest.mark.usefixtures("workspace")


@pytest.fixture
def workspace(tables: None) -> str:
    """The id of a new workspace with one saved journey."""
    return workspace_with_welcome()


def test_a_journey_that_has_changed_is_not_overwritten() -> None:
    """Every answer with a journey has its `ETag`. A save, a publication and a deletion with an older one change nothing and are 412."""
    _, first, _ = changed("GET", "/api/journeys/welcome")
    assert first is not None
    status, second, _ = changed("PUT", "/api/journeys/welcome", WELCOME | {"name": "mine"}, If_Match=first)
    assert (status, second) == (200, changed("GET", "/api/journeys/welcome")[1])
    for method, path, body in (("PUT", "", WELCOME), ("POST", "/publish", None), ("DELETE", "", None)):
        status, _, problem = changed(method, f"/api/journeys/welcome{path}", body, If_Match=first)
        assert (status, problem["code"]) == (412, "precondition-failed")
    assert call("GET", "/api/journeys/welcome")[1]["definition"]["name"] == "mine"
    assert second is not None
    etags = [second]
    for action in ("publish", "pause", "resume", "stop"):
        status, etag, _ = changed("POST", f"/api/journeys/welcome/{action}", If_Match=f'"x", {etags[-1]}')
        assert etag is not None
        assert (status, etag) == (200, changed("GET", "/api/journeys/welcome")[1])
        etags.append(etag)
    assert len(set(etags)) == 5
    assert changed("PUT", "/api/journeys/welcome", WELCOME, If_Match=etags[0])[2]["code"] == "stopped"


def test_a_new_journey_does_not_replace_one_with_its_id() -> None:
    """With `If-None-Match: *` a draft is saved only if there is no journey; with any `If-Match` only if there is one."""
    assert changed("PUT", "/api/journeys/welcome", {}, If_None_Match="*")[0] == 412
    assert changed("PUT", "/api/journeys/fresh", WELCOME, If_Match="*")[0] == 412
    assert call("GET", "/api/journeys/fresh")[0] == 404
    assert changed("PUT", "/api/journeys/fresh", WELCOME, If_None_Match="*")[0] == 201
    assert changed("PUT", "/api/journeys/fresh", WELCOME, If_Match="*")[0] == 200
