"""Deploys the template to MiniStack: uploads the code, creates the stack, then adds what the emulator leaves out."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from functions.local import api, template
from functions.local.cloud import Cloud
from functions.local.emulator import Emulator
from functions.local.emulator_patches import patched
from functions.local.package import function_zip, layer_zip
from functions.local.paths import PACKAGES, TEMPLATE, LocalError

BUCKET: Final = "waypost-local-code"
STACK: Final = "waypost"
SENDER: Final = "waypost@example.com"
SMS_SENDER: Final = "Waypost"
CALLS_WEBHOOKS: Final = ("SendFunction", "ManageFunction")  # the two functions that check the addresses of webhooks
MAX_CONCURRENCY: Final = 3  # workers for each event source mapping
FINAL_STATUSES: Final = ("CREATE_COMPLETE", "CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED")


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployed stack: physical ids by logical id, the environment variables of all its functions together, and the URL of its API."""

    resources: dict[str, str]
    variables: dict[str, str]
    api: str


def deploy(cloud: Cloud, emulator: Emulator, endpoints: Mapping[str, str], public_url: str) -> Deployment:
    """Deploys the working tree; the functions have the time of the emulator, and `public_url` is in the links of messages.

    `endpoints` are the variables that lead the functions to the provider emulator.

    LocalError with CloudFormation's first reason if the stack cannot be created.
    """
    stack = _shortened(_with_code(cloud, patched(template.load(TEMPLATE)), emulator.layer))
    resources = _create(cloud, json.dumps(stack, separators=(",", ":")))  # CloudFormation takes 51,200 bytes in a request
    _enable_time_to_live(cloud, stack, resources)
    cloud.client("sesv2").create_email_identity(EmailIdentity=SENDER)
    variables: dict[str, str] = {}
    for name in template.resources(stack, "AWS::Serverless::Function"):
        variables |= _configure(cloud, name, resources[name], emulator.clock_file, endpoints, public_url)
    _limit_concurrency(cloud)
    return Deployment(resources, variables, api.complete(cloud, stack, resources))


def _shortened(stack: dict[str, Any]) -> dict[str, Any]:
    """The template without descriptions, and without the alarms that exist only with a topic, which the local stack has not.

    With them it would be too large for a request.
    """
    kept = {name: each for name, each in stack["Resources"].items() if each.get("Condition") != "HasAlarmTopic"}
    for alarm in template.resources({"Resources": kept}, "AWS::CloudWatch::Alarm").values():
        alarm.pop("AlarmDescription", None)
    for parameter in stack["Parameters"].values():
        parameter.pop("Description", None)
    return {**stack, "Resources": kept}


def _with_code(cloud: Cloud, stack: dict[str, Any], layer_folder: Path) -> dict[str, Any]:
    """Uploads the code to S3 and returns the template that points to it, like `sam package`. The layer's package is in `layer_folder`."""
    cloud.client("s3").create_bucket(Bucket=BUCKET)
    for name, function in template.resources(stack, "AWS::Serverless::Function").items():
        function["CodeUri"] = _uploaded(cloud, name, function_zip(name.removesuffix("Function").lower()))
    for name, layer in template.resources(stack, "AWS::Serverless::LayerVersion").items():
        layer["ContentUri"] = _uploaded(cloud, name, layer_zip(layer_folder))
    return stack


def _uploaded(cloud: Cloud, name: str, content: bytes) -> str:
    cloud.client("s3").put_object(Bucket=BUCKET, Key=name, Body=content)
    return f"s3://{BUCKET}/{name}"


def _create(cloud: Cloud, body: str) -> dict[str, str]:
    """Creates the stack and waits for it. Returns the physical ids by logical id."""
    client = cloud.client("cloudformation")
    parameters = {"Architecture": _architecture(), "SenderAddress": SENDER, "SmsOriginationIdentity": SMS_SENDER}
    client.create_stack(
        StackName=STACK,
        TemplateBody=body,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    while (status := client.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]) not in FINAL_STATUSES:
        time.sleep(0.05)
    if status != "CREATE_COMPLETE":
        raise LocalError(f"the stack was not created: {_first_failure(client)}")
    pages = client.get_paginator("list_stack_resources").paginate(StackName=STACK)
    return {row["LogicalResourceId"]: row["PhysicalResourceId"] for page in pages for row in page["StackResourceSummaries"]}


def _architecture() -> str:
    return "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"


def _first_failure(client: Any) -> str:
    events = client.describe_stack_events(StackName=STACK)["StackEvents"]
    failed = [event for event in reversed(events) if event["ResourceStatus"].endswith("FAILED")]
    return f"{failed[0]['LogicalResourceId']}: {failed[0].get('ResourceStatusReason')}" if failed else "CloudFormation gives no reason"


def _enable_time_to_live(cloud: Cloud, stack: dict[str, Any], resources: dict[str, str]) -> None:
    """Sets the time to live of each table, which MiniStack's CloudFormation leaves out."""
    client = cloud.client("dynamodb")
    for name, table in template.resources(stack, "AWS::DynamoDB::Table").items():
        if ttl := table.get("TimeToLiveSpecification"):
            client.update_time_to_live(TableName=resources[name], TimeToLiveSpecification=ttl)


def _limit_concurrency(cloud: Cloud) -> None:
    """Sets the concurrency of each event source mapping to a number.

    MiniStack keeps the value of a template parameter as a string and then fails to compare it with a number. The template's 50 workers
    would also be too many processes for one machine.
    """
    client = cloud.client("lambda")
    for mapping in client.list_event_source_mappings()["EventSourceMappings"]:
        client.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": MAX_CONCURRENCY})


def _configure(cloud: Cloud, name: str, function: str, clock_file: Path, endpoints: Mapping[str, str], public_url: str) -> dict[str, str]:
    """Adds the local settings of a function: its packages, the clock and, if it calls webhooks, permission to call this machine.

    `name` is the logical id, `function` the physical one. Returns the variables that the template gives to the function, with the URL of
    the local run in the place of that of the emulated API.
    """
    client = cloud.client("lambda")
    from_template: dict[str, str] = client.get_function_configuration(FunctionName=function).get("Environment", {}).get("Variables", {})
    from_template |= {"PUBLIC_URL": public_url} if "PUBLIC_URL" in from_template else {}
    local = {"PYTHONPATH": str(PACKAGES), "WAYPOST_CLOCK_FILE": str(clock_file), "AWS_ENDPOINT_URL": cloud.url, **endpoints}
    local |= {"WAYPOST_SNAPSHOT_SECONDS": "0"}  # a publication takes effect at once
    local |= {"WAYPOST_LOCAL_WEBHOOKS": "1"} if name in CALLS_WEBHOOKS else {}
    client.update_function_configuration(FunctionName=function, Environment={"Variables": from_template | local})
    return from_template
