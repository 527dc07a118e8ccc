"""The template as MiniStack can take it: what it refuses or misreads, said in another way. Nothing here reaches AWS."""

from __future__ import annotations

from typing import Any

from functions.local import template


def patched(stack: dict[str, Any]) -> dict[str, Any]:
    """The same stack for the emulator; changes it in place."""
    for api in template.resources(stack, "AWS::Serverless::Api").values():
        # A patch escapes a slash as ~1, and so does the template; the emulator keeps that form, which matches no media type.
        api["BinaryMediaTypes"] = [media.replace("~1", "/") for media in api.get("BinaryMediaTypes", [])]
    for function in template.resources(stack, "AWS::Serverless::Function").values():
        _widen(function.get("Policies", {}))
    return stack


def _widen(policies: Any) -> None:
    """The emulator asks for ses:SendEmail on every resource, whatever identity sends, and looks for each schedule in the default group."""
    documents = policies if isinstance(policies, list) else [policies]
    for statement in [statement for document in documents if isinstance(document, dict) for statement in document.get("Statement", [])]:
        if {"ses:SendEmail", "scheduler:CreateSchedule", "scheduler:DeleteSchedule"} & set(_listed(statement["Action"])):
            statement["Resource"] = "*"


def _listed(actions: Any) -> list[str]:
    return actions if isinstance(actions, list) else [actions]
