"""Least privilege: what the template grants to each function is what the function uses, and nothing else.

`full_use` uses everything once. Each call that a function then makes becomes the actions and resources that IAM checks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from tests.proof.aws.calls import Call
from tests.proof.counted import count
from tests.proof.full_use import FullUse, use_everything
from tests.proof.system import ADMIN_KEY, CONSUMERS, HANDLERS, QUEUES, TEMPLATE, System, on, simulated
from tests.template.grants import exact_grants
from waypost import wiring
from waypost.manage.operations import ALL_OPERATIONS
from waypost.web import routes

CONSUMING: Final = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
"""What Lambda itself does with the role of a function that consumes a queue, by an event source mapping."""
WRITES: Final = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
"""The permissions of the actions in a transaction."""
UNNAMED: Final = {"ses:GetAccount", "ses:DeleteSuppressedDestination"}
"""The actions for which IAM knows no resource, so that a grant can name only all of them."""
NAMES: Final = {
    "send_message_batch": "SendMessage",
    "change_message_visibility_batch": "ChangeMessageVisibility",
    "send_email": "SendEmail",
}
"""The actions of operations whose names differ."""
WITHOUT_AWS: Final = {"preflight", "health", "openapi", "journey-schema"}
"""The operations that make no call, by their names."""
Permission = tuple[str, str]


def used_by(call: Call) -> Iterator[Permission]:
    """The permissions that a call needs: pairs of an action and a resource, as `granted_to` has them."""
    action = NAMES.get(call.operation, "".join(part.capitalize() for part in call.operation.split("_")))
    match call.service:
        case "dynamodb" if call.operation == "transact_write_items":
            for item in call.arguments["TransactItems"]:
                [(kind, fields)] = item.items()
                yield f"dynamodb:{WRITES[kind]}", fields["TableName"]
        case "dynamodb":
            yield from ((f"dynamodb:{action}", name.replace("/", "/index/")) for name in call.resources)
        case "sqs":
            yield f"sqs:{action}", next(name for name, queue in QUEUES.items() if queue.url == call.arguments["QueueUrl"])
        case "scheduler":
            yield f"scheduler:{action}", "schedule"
            if call.operation == "create_schedule":
                yield "iam:PassRole", call.arguments["Target"]["RoleArn"].rpartition("/")[2]
        case "sesv2":
            yield f"ses:{action}", "*" if f"ses:{action}" in UNNAMED else "identity"
            if "ConfigurationSetName" in call.arguments:
                yield f"ses:{action}", "configuration-set"
        case "pinpoint-sms-voice-v2":
            yield f"sms-voice:{action}", "origination"


def granted_to(function: str) -> set[Permission]:
    """The permissions of a function, with the ARNs of patterns by what they are about."""
    properties = TEMPLATE["Resources"][f"{function.capitalize()}Function"]["Properties"]
    return {(action.rstrip("*"), _kind(resource)) for action, resource in exact_grants(properties)}


def _kind(resource: str) -> str:
    kinds = {"identity/": "identity", "configuration-set/": "configuration-set", ":schedule/": "schedule", ":sms-voice:": "origination"}
    return next((kind for text, kind in kinds.items() if text in resource), resource)


@pytest.fixture(scope="module")
def use() -> FullUse:
    """One use of everything."""
    with simulated():
        system = System(index_lag=0.0, table_lag=0.0)
        with on(system), pytest.MonkeyPatch.context() as patch:
            patch.setenv("CONFIGURATION_SET", "outgoing-mail")
            wiring.workspace_administration().create_workspace("proof", ADMIN_KEY, system.clock.now)
            made = FullUse(system)
            system.aws.record = made.calls.append
            use_everything(made)
    return made


@pytest.fixture(scope="module")
def used(use: FullUse) -> Mapping[str, set[Permission]]:
    """The permissions that each function has used, with those that Lambda uses for it."""
    found: dict[str, set[Permission]] = {function: set() for function in HANDLERS}
    for queue, function in CONSUMERS.items():
        found[function] |= {(action, queue) for action in CONSUMING}
    for call in use.calls:
        if call.function and call.service != "webhook":
            found[call.function] |= set(used_by(call))
    return found


def test_every_operation_is_used(use: FullUse) -> None:
    """Each operation of the intake and of the management API is requested, so a new one cannot need a permission that nobody compares."""
    found = {routes.match(ALL_OPERATIONS, method, path).route.name for method, path in use.requests}
    assert found == {operation.name for operation in ALL_OPERATIONS} - WITHOUT_AWS


@pytest.mark.parametrize("function", sorted(HANDLERS))
def test_a_function_may_do_what_it_does(function: str, used: Mapping[str, set[Permission]]) -> None:
    """A function has every permission that its calls need."""
    assert sorted(used[function] - granted_to(function)) == []


@pytest.mark.parametrize("function", sorted(HANDLERS))
def test_a_function_may_do_nothing_else(function: str, used: Mapping[str, set[Permission]]) -> None:
    """A function has no permission that none of its calls needs."""
    assert sorted(granted_to(function) - used[function]) == []
    count("permissions used", len(used[function]))
    count("permissions granted", len(granted_to(function)))


@pytest.mark.parametrize("function", sorted(HANDLERS))
def test_a_resource_has_a_name_where_iam_knows_one(function: str) -> None:
    """Only actions for which IAM knows no resource are granted on `*`, and a pattern only where a workspace or a parameter has the name."""
    properties: dict[str, Any] = TEMPLATE["Resources"][f"{function.capitalize()}Function"]["Properties"]
    wide = {(action, resource) for action, resource in exact_grants(properties) if "*" in resource}
    assert {action for action, resource in wide if resource == "*"} <= UNNAMED
    assert {_kind(resource) for _, resource in wide} <= {"*", "identity", "schedule", "origination"}
