"""Deploys the template to MiniStack: upload the code, create the stack, then mend what the emulator leaves out."""

from __future__ import annotations

import json
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from functions.local import api, template
from functions.local.cloud import Cloud
from functions.local.emulator_patches import patched
from functions.local.package import function_zip, layer_zip
from functions.local.paths import PACKAGES, TEMPLATE, LocalError

BUCKET: Final = "waypost-local-code"
STACK: Final = "waypost"
SENDER: Final = "waypost@example.com"
CALLS_WEBHOOKS: Final = ("SendFunction", "ManageFunction")  # the two that look at webhook addresses
AT_ONCE: Final = 3  # workers of one consumer
SETTLED: Final = ("CREATE_COMPLETE", "CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED")


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployed stack: physical ids by logical id, all variables that its functions have, and where its API answers."""

    resources: dict[str, str]
    variables: dict[str, str]
    api: str


def deploy(cloud: Cloud, clock: Path) -> Deployment:
    """Deploys the working tree, on the clock that a file pushes. LocalError with CloudFormation's first reason if that fails."""
    stack = _with_code(cloud, patched(template.load(TEMPLATE)))
    resources = _create(cloud, json.dumps(stack))
    _keep_times_to_live(cloud, stack, resources)
    cloud.client("sesv2").create_email_identity(EmailIdentity=SENDER)
    variables: dict[str, str] = {}
    for name in template.resources(stack, "AWS::Serverless::Function"):
        variables |= _configure(cloud, name, resources[name], clock)
    _run_few_at_once(cloud)
    return Deployment(resources, variables, api.complete(cloud, stack, resources))


def _with_code(cloud: Cloud, stack: dict[str, Any]) -> dict[str, Any]:
    """The template with its code in S3, as `sam package` would leave it."""
    cloud.client("s3").create_bucket(Bucket=BUCKET)
    for name, function in template.resources(stack, "AWS::Serverless::Function").items():
        function["CodeUri"] = _uploaded(cloud, name, function_zip(name.removesuffix("Function").lower()))
    for name, layer in template.resources(stack, "AWS::Serverless::LayerVersion").items():
        layer["ContentUri"] = _uploaded(cloud, name, layer_zip())
    return stack


def _uploaded(cloud: Cloud, name: str, content: bytes) -> str:
    cloud.client("s3").put_object(Bucket=BUCKET, Key=name, Body=content)
    return f"s3://{BUCKET}/{name}"


def _create(cloud: Cloud, body: str) -> dict[str, str]:
    client = cloud.client("cloudformation")
    parameters = {"Architecture": _architecture(), "SenderAddress": SENDER}
    client.create_stack(
        StackName=STACK,
        TemplateBody=body,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    while (status := client.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]) not in SETTLED:
        time.sleep(0.05)
    if status != "CREATE_COMPLETE":
        raise LocalError(f"the stack did not deploy: {_first_failure(client)}")
    pages = client.get_paginator("list_stack_resources").paginate(StackName=STACK)
    return {row["LogicalResourceId"]: row["PhysicalResourceId"] for page in pages for row in page["StackResourceSummaries"]}


def _architecture() -> str:
    return "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"


def _first_failure(client: Any) -> str:
    events = client.describe_stack_events(StackName=STACK)["StackEvents"]
    failed = [event for event in reversed(events) if event["ResourceStatus"].endswith("FAILED")]
    return f"{failed[0]['LogicalResourceId']}: {failed[0].get('ResourceStatusReason')}" if failed else "no reason given"


def _keep_times_to_live(cloud: Cloud, stack: dict[str, Any], resources: dict[str, str]) -> None:
    """MiniStack's CloudFormation leaves out the time to live of a table."""
    client = cloud.client("dynamodb")
    for name, table in template.resources(stack, "AWS::DynamoDB::Table").items():
        if ttl := table.get("TimeToLiveSpecification"):
            client.update_time_to_live(TableName=resources[name], TimeToLiveSpecification=ttl)


def _run_few_at_once(cloud: Cloud) -> None:
    """MiniStack keeps the number from a parameter as a text and trips over it; a small number also suits a small machine."""
    client = cloud.client("lambda")
    for mapping in client.list_event_source_mappings()["EventSourceMappings"]:
        client.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": AT_ONCE})


def _configure(cloud: Cloud, name: str, function: str, clock: Path) -> dict[str, str]:
    """Gives a function its packages, the clock and, if it calls webhooks, leave to call this machine; answers what the template gave it."""
    client = cloud.client("lambda")
    own: dict[str, str] = client.get_function_configuration(FunctionName=function).get("Environment", {}).get("Variables", {})
    local = {"PYTHONPATH": str(PACKAGES), "WAYPOST_CLOCK_FILE": str(clock), "AWS_ENDPOINT_URL": cloud.url}
    local |= {"WAYPOST_LOCAL_WEBHOOKS": "1"} if name in CALLS_WEBHOOKS else {}
    client.update_function_configuration(FunctionName=function, Environment={"Variables": own | local})
    return own
