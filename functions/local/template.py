"""Reads the CloudFormation template as plain values, with short tags such as `!Ref` in their long form."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import yaml

try:
    from yaml import CSafeLoader as _SafeLoader  # the parser in C, which reads the template in a tenth of the time
except ImportError:  # PyYAML was built without libyaml
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]


class _Loader(_SafeLoader):
    """A SafeLoader that also knows `!Ref`, `!GetAtt` and the other short tags."""


def _long_form(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
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


_Loader.add_multi_constructor("!", _long_form)
# YAML reads "2012-10-17" as a date; CloudFormation means a string.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _value)


def load(path: Path) -> dict[str, Any]:
    """The template in its long form, which JSON can hold."""
    template: dict[str, Any] = yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506 - a SafeLoader
    return template


def resources(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """The properties of all resources of one type, such as `AWS::SQS::Queue`, by logical id."""
    return {name: resource.get("Properties", {}) for name, resource in template["Resources"].items() if resource["Type"] == kind}
