"""What the template grants to each function: pairs of an action and a resource."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any


def grants(function: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each pair of an action and the logical id of a resource that a function's policies allow; an index counts as its table."""
    return ((action, resource.split("/index/")[0]) for action, resource in exact_grants(function))


def exact_grants(function: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The same with an index as `Table/index/name`."""
    for statement in function["Policies"]["Statement"]:
        actions, targets = statement["Action"], statement["Resource"]
        for action in actions if isinstance(actions, list) else [actions]:
            for target in targets if isinstance(targets, list) else [targets]:
                yield action, _resource(target)


def _resource(target: dict[str, Any] | str) -> str:
    """The logical id of a resource in a statement, with its index; the pattern of an ARN unchanged."""
    if isinstance(target, str):
        return target
    if "Fn::GetAtt" in target:
        return str(target["Fn::GetAtt"][0])
    if "Fn::Sub" in target and (found := re.match(r"\$\{(\w+)\.Arn\}(/index/\w+)$", target["Fn::Sub"])):
        return found[1] + found[2]
    return str(target)
