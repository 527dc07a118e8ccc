"""Changes the template where MiniStack rejects or misreads it. Nothing of this reaches AWS."""

from __future__ import annotations

from typing import Any

from functions.local import template


def patched(stack: dict[str, Any]) -> dict[str, Any]:
    """Changes the template `stack` in place for the emulator and returns it."""
    for api in template.resources(stack, "AWS::Serverless::Api").values():
        # The template escapes a slash as ~1, as JSON Patch does. The emulator does not unescape it, so no media type would match.
        api["BinaryMediaTypes"] = [media.replace("~1", "/") for media in api.get("BinaryMediaTypes", [])]
    for function in template.resources(stack, "AWS::Serverless::Function").values():
        _widen_resources(function.get("Policies", {}))
    return stack


def _widen_resources(policies: Any) -> None:
    """Allows ses:SendEmail and the calls of the scheduler on every resource.

    The emulator checks ses:SendEmail against `*` whatever identity sends, and checks each schedule as one of the default group.
    """
    documents = policies if isinstance(policies, list) else [policies]
    for statement in [statement for document in documents if isinstance(document, dict) for statement in document.get("Statement", [])]:
        if {"ses:SendEmail", "scheduler:CreateSchedule", "scheduler:DeleteSchedule"} & set(_as_list(statement["Action"])):
            statement["Resource"] = "*"


def _as_list(actions: Any) -> list[str]:
    return actions if isinstance(actions, list) else [actions]
