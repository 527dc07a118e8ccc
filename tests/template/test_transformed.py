"""The template after SAM's transform, which makes the roles of the functions: what tracing adds to them."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from functions.local.paths import EMULATOR_PYTHON

PROGRAM = """
import json, sys
from samtranslator.translator.transform import transform
class NoManagedPolicies:
    def load(self): return {}
template, parameters = json.load(sys.stdin)
for each in template["Resources"].values():
    for name in {"CodeUri", "ContentUri"} & set(each.get("Properties", {})):
        each["Properties"][name] = "s3://bucket/uploaded"  # as `sam deploy` does
json.dump(transform(template, parameters, NoManagedPolicies()), sys.stdout)
"""
FUNCTIONS = ["IngestFunction", "ManageFunction", "MatchFunction", "SendFunction"]


def transformed(template: dict[str, Any], **parameters: str) -> dict[str, dict[str, Any]]:
    """The resources that CloudFormation creates with these parameters, by SAM's own translator, which the emulator's packages include."""
    done = subprocess.run(
        [EMULATOR_PYTHON, "-c", PROGRAM],
        input=json.dumps([template, parameters]),
        env={**os.environ, "AWS_DEFAULT_REGION": "eu-west-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    resources: dict[str, dict[str, Any]] = json.loads(done.stdout)["Resources"]
    return resources


def traced(resources: dict[str, dict[str, Any]]) -> list[str]:
    """The functions that send segments to X-Ray."""
    functions = {name: each["Properties"] for name, each in resources.items() if each["Type"] == "AWS::Lambda::Function"}
    return sorted(name for name, properties in functions.items() if "TracingConfig" in properties)


def roles_with_tracing(resources: dict[str, dict[str, Any]]) -> list[str]:
    """The roles that may write to X-Ray, by a managed policy or by a policy of their own."""
    roles = {name: each for name, each in resources.items() if each["Type"] == "AWS::IAM::Role"}
    assert {f"{name}Role" for name in FUNCTIONS} <= set(roles)
    return sorted(name for name, each in roles.items() if "xray" in json.dumps(each).lower())


@pytest.mark.parametrize("parameters", [{}, {"Tracing": "Disabled"}], ids=["default", "Disabled"])
def test_nothing_is_traced_by_default(parameters: dict[str, str], template: dict[str, Any]) -> None:
    """Without Tracing=Active, no function is traced and no role has a permission for X-Ray."""
    resources = transformed(template, **parameters)
    assert traced(resources) == []
    assert roles_with_tracing(resources) == []


def test_tracing_gives_each_function_its_permission(template: dict[str, Any]) -> None:
    """With Tracing=Active, all four functions are traced, and their roles, but no other one, may write to X-Ray."""
    resources = transformed(template, Tracing="Active")
    assert traced(resources) == FUNCTIONS
    assert roles_with_tracing(resources) == [f"{name}Role" for name in FUNCTIONS]


def test_the_gateway_is_traced_with_the_functions(template: dict[str, Any]) -> None:
    """The stage of the API follows the same parameter."""
    (stage,) = [each["Properties"] for each in transformed(template).values() if each["Type"] == "AWS::ApiGateway::Stage"]
    assert stage["TracingEnabled"] == {"Fn::If": ["IsTraced", True, False]}
    assert template["Conditions"]["IsTraced"] == {"Fn::Equals": [{"Ref": "Tracing"}, "Active"]}
