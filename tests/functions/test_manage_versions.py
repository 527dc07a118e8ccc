"""The versions of a journey through the management function: read, listed page by page, and what they cost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fakes.api_client import call, send
from tests.functions.welcome_journey import WELCOME, changed, workspace_with_welcome
from waypost.adapters.aws import client
from waypost.domain.values.cursors import cursor_of

pytestmark = pytest.mark.usefixtures("workspace")


@pytest.fixture
def workspace(tables: None) -> str:
    """The id of a new workspace with one saved journey."""
    return workspace_with_welcome()


def test_an_older_version_is_returned_on_request() -> None:
    """The journey comes with the definition of that version and with the faults of it; one that does not exist is 404."""
    call("PUT", "/api/journeys/welcome", {"name": "second", "steps": {}})
    newest = call("GET", "/api/journeys/welcome")[1]
    assert (newest["version"], newest["definitionVersion"], newest["definition"]["name"]) == (2, 2, "second")
    response = send("GET", "/api/journeys/welcome", query={"version": "1"})
    first = json.loads(response["body"])
    assert (first["version"], first["definitionVersion"], first["definition"], first["problems"]) == (
        2,
        1,
        {"id": "welcome", **WELCOME},
        [],
    )
    assert response["headers"]["ETag"] == changed("GET", "/api/journeys/welcome")[1]
    assert json.loads(send("GET", "/api/journeys/welcome", query={"version": "2"})["body"]) == newest
    for version, status in (("3", 404), ("0", 400), ("x", 400)):
        assert send("GET", "/api/journeys/welcome", query={"version": version})["statusCode"] == status
    assert send("GET", "/api/journeys/nothing", query={"version": "1"})["statusCode"] == 404


def versions(**query: str) -> Any:
    """The JSON of the response with the versions of the journey `welcome`."""
    return call("GET", "/api/journeys/welcome/versions", query=query)[1]


def test_the_versions_of_a_journey_are_listed_newest_first() -> None:
    """Each has the times at which it was saved and published, and one of them is the one that customers enter."""
    call("POST", "/api/journeys/welcome/publish")
    for _ in range(2):
        call("PUT", "/api/journeys/welcome", WELCOME)
    call("POST", "/api/journeys/welcome/publish")
    call("PUT", "/api/journeys/welcome", WELCOME)
    call("POST", "/api/journeys/welcome/pause")
    listed = versions()
    assert [(each["version"], each["publishedAt"] is not None, each["isPublished"]) for each in listed["items"]] == [
        (4, False, False),
        (3, True, True),
        (2, False, False),
        (1, True, False),
    ]
    times = [each["savedAt"] for each in listed["items"]]
    assert times == sorted(times, reverse=True)
    assert listed["next"] is None
    pages = [versions(limit="3")]
    pages.append(versions(limit="1", cursor=pages[0]["next"]))
    assert [each["version"] for page in pages for each in page["items"]] == [4, 3, 2, 1]
    assert pages[1]["next"] is None
    assert call("GET", "/api/journeys/nothing/versions")[0] == 404


def test_the_versions_of_an_older_release_have_no_times() -> None:
    """A version without a row for its times is listed all the same."""
    for row in client("dynamodb").scan(TableName="JourneysTable")["Items"]:
        if row["row"]["S"].startswith("times#"):
            client("dynamodb").delete_item(TableName="JourneysTable", Key={name: row[name] for name in ("workspace", "row")})
    assert versions()["items"] == [{"version": 1, "savedAt": None, "publishedAt": None, "isPublished": False}]


@pytest.mark.parametrize("position", ["x", "-1", "1.5", "\u00b2", "9999999"])
def test_a_forged_cursor_of_the_versions_is_refused(workspace: str, position: str) -> None:
    """A cursor whose position is no number of a version is 400, although its digest is right."""
    forged = cursor_of(position, workspace, {"list": "VersionListQuery", "journey": "welcome"})
    status, problem = call("GET", "/api/journeys/welcome/versions", query={"cursor": forged})
    assert (status, problem["code"]) == (400, "bad-cursor")
    assert versions(cursor=cursor_of("999999", workspace, {"list": "VersionListQuery", "journey": "welcome"}))["items"]


def test_a_page_of_versions_costs_two_reads(aws_calls: list[str]) -> None:
    """One read of the journey and one query of small rows, however many versions it has; a save is one read and one transaction."""
    for _ in range(5):
        call("PUT", "/api/journeys/welcome", WELCOME)
    versions()
    aws_calls.clear()
    assert len(versions()["items"]) == 6
    assert aws_calls == ["GetItem", "Query"]
    aws_calls.clear()
    call("GET", "/api/journeys/welcome", query={"version": "1"})
    assert aws_calls[:2] == ["GetItem", "GetItem"]
    aws_calls.clear()
    changed("PUT", "/api/journeys/welcome", WELCOME, If_Match="*")
    assert aws_calls[:2] == ["GetItem", "TransactWriteItems"]
