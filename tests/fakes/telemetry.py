"""What a Lambda function publishes besides its response: the metrics in its output, under the name that its context gives it."""

from __future__ import annotations

import json

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext


def named_context(function_name: str) -> LambdaContext:
    """The context of an invocation of a function of this name."""
    context = LambdaContext()
    context._function_name = function_name
    return context


def newer_format_count(capsys: pytest.CaptureFixture[str], function_name: str) -> int:
    """How often the metric `NewerFormat` of a function was counted in the output so far; the output is consumed."""
    return metric_count(capsys, "NewerFormat", function_name)


def metric_count(capsys: pytest.CaptureFixture[str], name: str, function_name: str) -> int:
    """How often a metric with an alarm was counted by a function in the output so far; the output is consumed."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if name in line and "_aws" in line]
    for line in lines:
        [metric] = line["_aws"]["CloudWatchMetrics"]
        assert metric["Metrics"] == [{"Name": name, "Unit": "Count"}]
        assert (metric["Namespace"], {name for names in metric["Dimensions"] for name in names}) == (
            "Waypost",
            {"service", "function_name"},
        )
    return sum(int(count) for line in lines if line["function_name"] == function_name for count in line[name])


def counts(capsys: pytest.CaptureFixture[str]) -> dict[tuple[str, str], int]:
    """What the metrics of the output so far add up to, by name and reason (empty: none); the output is consumed."""
    totals: dict[tuple[str, str], int] = {}
    for text in capsys.readouterr().out.splitlines():
        if "_aws" not in text:
            continue
        line = json.loads(text)
        for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]:
            key = (metric["Name"], line.get("reason", ""))
            totals[key] = totals.get(key, 0) + sum(map(int, line[metric["Name"]]))
    return totals
