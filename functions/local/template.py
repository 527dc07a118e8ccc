"""The template as plain values: YAML with CloudFormation's short tags written out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import yaml


class _Loader(yaml.SafeLoader):
    """SafeLoader that knows `!Ref`, `!GetAtt` and their kind."""


def _written_out(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    value = _value(loader, node)
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in {"Ref", "Condition"} else f"Fn::{tag}": value}


def _value(loader: _Loader, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    return loader.construct_scalar(cast(yaml.ScalarNode, node))


_Loader.add_multi_constructor("!", _written_out)
# CloudFormation's dates ("2012-10-17") are texts.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _value)


def load(path: Path) -> dict[str, Any]:
    """The template in its long form, fit for JSON."""
    template: dict[str, Any] = yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506 - a SafeLoader
    return template


def resources(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """The properties of all resources of one type, by logical id."""
    return {name: resource.get("Properties", {}) for name, resource in template["Resources"].items() if resource["Type"] == kind}
