"""The template's tables and queues on moto, made by moto's own CloudFormation, and what the functions need to use them.

moto's CloudFormation does not read SAM templates, and it runs no functions. So it gets a smaller template: the tables and queues, with the
parameters, conditions and mappings that they use. The variables of the functions become outputs of that stack, so that CloudFormation
itself replaces each `!Ref` and `!GetAtt` in them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from functions.local import template
from functions.local.cloud import Cloud
from functions.local.deploy import CALLS_WEBHOOKS, SENDER, SMS_SENDER, STACK
from functions.local.moto_backend.process import ACCOUNT
from functions.local.paths import TEMPLATE

CREATED: Final = ("AWS::DynamoDB::Table", "AWS::SQS::Queue")
SECTIONS: Final = ("AWSTemplateFormatVersion", "Parameters", "Mappings", "Conditions")
SCHEDULE_GROUP: Final = STACK
PUBLIC_URL: Final = "PUBLIC_URL"
FILLED_IN: Final[tuple[tuple[dict[str, Any], str], ...]] = (
    ({"Ref": "Timers"}, SCHEDULE_GROUP),
    ({"Fn::GetAtt": ["SchedulerRole", "Arn"]}, f"arn:aws:iam::{ACCOUNT}:role/{STACK}-scheduler"),
    ({"Fn::If": ["HasOwnConfigurationSet", {"Ref": "OutgoingMail"}, {"Ref": "ConfigurationSet"}]}, ""),
)
"""Values of resources that moto's CloudFormation cannot make: it has no schedule groups, and the role's policy names the group.

The configuration set is left out: moto publishes no events of SES.
"""


@dataclass(frozen=True, slots=True)
class EventSource:
    """A queue that a function consumes: the logical id of the function, URL and ARN of the queue, and the records in a batch at most."""

    function: str
    queue_url: str
    queue_arn: str
    batch_size: int


@dataclass(frozen=True, slots=True)
class MotoDeployment:
    """The variables of each function by its logical id, as the template declares them, and the queues that the functions consume."""

    variables: dict[str, dict[str, str]]
    event_sources: list[EventSource]

    def all_variables(self) -> dict[str, str]:
        """The variables of all functions together."""
        return {name: value for variables in self.variables.values() for name, value in variables.items()}

    def environment(self, function: str, cloud: Cloud, endpoints: Mapping[str, str]) -> dict[str, str]:
        """The environment of a function: its variables, moto's address, no waiting for publications, and permission to call this machine.

        Only functions that call webhooks have that permission. `endpoints` lead to the provider emulator.
        """
        webhooks = {"WAYPOST_LOCAL_WEBHOOKS": "1"} if function in CALLS_WEBHOOKS else {}
        return self.variables[function] | cloud.environment() | {**endpoints, "WAYPOST_SNAPSHOT_SECONDS": "0"} | webhooks


def deploy(cloud: Cloud, public_url: str) -> MotoDeployment:
    """Creates what the functions use: the stack, the schedule group, and the identity that sends e-mail.

    `public_url` is in the links of messages.
    """
    stack = template.load(TEMPLATE)
    outputs = _create(cloud, stack)
    cloud.client("scheduler").create_schedule_group(Name=SCHEDULE_GROUP)
    cloud.client("sesv2").create_email_identity(EmailIdentity=SENDER)
    variables = {name: _filled_in(stack, name, outputs, public_url) for name in template.resources(stack, "AWS::Serverless::Function")}
    mappings = template.resources(stack, "AWS::Lambda::EventSourceMapping")
    return MotoDeployment(variables, [event_source(cloud, mapping, outputs[name]) for name, mapping in mappings.items()])


def _filled_in(stack: dict[str, Any], function: str, outputs: dict[str, str], public_url: str) -> dict[str, str]:
    """The variables of a function with their values. The URL in the template names the API, which moto does not have."""
    own = {variable: outputs[_output(function, variable)] for variable in _variables(stack, function)}
    return own | ({PUBLIC_URL: public_url} if PUBLIC_URL in own else {})


def _variables(stack: dict[str, Any], function: str) -> dict[str, Any]:
    """The variables of a function in the template, with those of Globals."""
    own = template.resources(stack, "AWS::Serverless::Function")[function]
    variables: dict[str, Any] = stack["Globals"]["Function"]["Environment"]["Variables"] | own["Environment"]["Variables"]
    replaced = {name: next((text for expression, text in FILLED_IN if expression == value), value) for name, value in variables.items()}
    return replaced | ({PUBLIC_URL: ""} if PUBLIC_URL in replaced else {})


def _output(function: str, variable: str) -> str:
    """The name of an output. AWS allows letters and digits only, moto any text."""
    return f"{function}/{variable}"


def small_template(stack: dict[str, Any]) -> dict[str, Any]:
    """The template that moto gets: tables and queues with their outputs, and an output for each variable and each consumed queue's ARN."""
    resources = {name: _named(name, resource) for name, resource in stack["Resources"].items() if resource["Type"] in CREATED}
    outputs = {name: output for name, output in stack["Outputs"].items() if output["Value"].get("Ref") in resources}
    outputs |= {
        _output(function, variable): {"Value": value}
        for function in template.resources(stack, "AWS::Serverless::Function")
        for variable, value in _variables(stack, function).items()
    }
    for name, mapping in template.resources(stack, "AWS::Lambda::EventSourceMapping").items():
        outputs[name] = {"Value": mapping["EventSourceArn"]}
    return {section: stack[section] for section in SECTIONS} | {"Resources": resources, "Outputs": outputs}


def _named(logical_id: str, resource: dict[str, Any]) -> dict[str, Any]:
    """The resource; a queue with a name, because the one that moto makes up does not end in `.fifo`, which it then refuses."""
    if resource["Type"] != "AWS::SQS::Queue":
        return resource
    suffix = ".fifo" if resource["Properties"].get("FifoQueue") else ""
    return resource | {"Properties": resource["Properties"] | {"QueueName": f"{STACK}-{logical_id}{suffix}"}}


def _create(cloud: Cloud, stack: dict[str, Any]) -> dict[str, str]:
    """Creates the stack, which moto does before it answers; the outputs."""
    client = cloud.client("cloudformation")
    client.create_stack(
        StackName=STACK,
        TemplateBody=json.dumps(small_template(stack)),
        Parameters=[
            {"ParameterKey": "SenderAddress", "ParameterValue": SENDER},
            {"ParameterKey": "SmsOriginationIdentity", "ParameterValue": SMS_SENDER},
        ],
    )
    outputs = client.describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


def event_source(cloud: Cloud, mapping: dict[str, Any], arn: str) -> EventSource:
    """The queue of a mapping. From a FIFO queue records come one at a time.

    Where several messages of one group come back, moto delivers the second one before the first. With one in flight there is no second.
    """
    batch_size = 1 if arn.endswith(".fifo") else mapping["BatchSize"]
    url = cloud.client("sqs").get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
    return EventSource(mapping["FunctionName"]["Ref"], url, arn, batch_size)
