"""A shown response that differs from the real one is found."""

from __future__ import annotations

from typing import Any

import pytest

from tests.docs.responses import differences, last_json


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": "..."}, {"a": [1, 2]}),
        ({"id": "msg_..."}, {"id": "msg_1"}),
        ([{"a": 1}, "..."], [{"a": 1}, 2, 3]),
        (["..."], []),
        ({"a": None}, {"a": None}),
        ({"a": 2}, {"a": 2.0}),
    ],
)
def test_what_agrees(shown: Any, found: Any) -> None:
    """Members that are not shown do not matter, and "..." leaves things open."""
    assert not list(differences(shown, found))


@pytest.mark.parametrize(
    ("shown", "found", "place"),
    [
        ({"a": 1}, {"a": 2}, "/a"),
        ({"a": 1}, {"b": 1}, "/a"),
        ({"a": "..."}, {}, "/a"),
        ({"a": {"b": [1]}}, {"a": {"b": [2]}}, "/a/b/0"),
        ([1], [1, 2], "/"),
        ([1, 2, "..."], [1], "/"),
        ({"id": "msg_..."}, {"id": "run_1"}, "/id"),
        ({"a": True}, {"a": 1}, "/a"),
        ({"a": None}, {"a": 0}, "/a"),
        ({"a": "1"}, {"a": 1}, "/a"),
        ({}, [], "/"),
    ],
)
def test_what_differs(shown: Any, found: Any, place: str) -> None:
    """The report names the place of the difference."""
    [line] = differences(shown, found)
    assert line.startswith(f"{place}: shown")


def test_the_last_value_of_an_output_counts() -> None:
    """Headers and earlier values are passed over."""
    assert last_json('HTTP/1.1 200 OK\n{"a": 1}{"b": {"c": [2]}}\nnot json }') == {"b": {"c": [2]}}


def test_an_output_without_json() -> None:
    """There is nothing to compare with."""
    with pytest.raises(ValueError, match="no JSON"):
        last_json("It works {really}.")
