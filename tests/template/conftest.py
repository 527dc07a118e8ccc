"""template.yaml as plain Python, with CloudFormation's short tags written out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


class _Loader(yaml.SafeLoader):
    """YAML in which !Ref X is {"Ref": X} and any other !Tag x is {"Fn::Tag": x}."""


def _intrinsic(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    name = tag if tag in {"Ref", "Condition"} else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        return {name: value.split(".") if tag == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    raise AssertionError(f"a mapping under !{tag}")


_Loader.add_multi_constructor("!", _intrinsic)


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """The whole template."""
    loaded = yaml.load((ROOT / "template.yaml").read_text(), Loader=_Loader)
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture(scope="session")
def resources(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every resource by its logical id."""
    return dict(template["Resources"])


@pytest.fixture(scope="session")
def functions(resources: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The properties of the four functions by their short name."""
    kind = "AWS::Serverless::Function"
    return {name.removesuffix("Function").lower(): each["Properties"] for name, each in resources.items() if each["Type"] == kind}
