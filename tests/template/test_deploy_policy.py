"""docs/deploy-policy.json allows what a deployment does, and little more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

Statement = dict[str, Any]
POLICY = json.loads((Path(__file__).parents[2] / "docs/deploy-policy.json").read_text())
HERE = "eu-west-1:123456789012"
API = "arn:aws:apigateway:eu-west-1::"
ROLE = "arn:aws:iam::123456789012:role/waypost-IngestFunctionRole-A1"
KEY = f"arn:aws:kms:{HERE}:key/1234"
SCHEMA = f"arn:aws:schemas:{HERE}:schema/lambda-testevent-schemas/_waypost-test-IngestFunction-A1-schema"
REGISTRY = f"arn:aws:schemas:{HERE}:registry/lambda-testevent-schemas"
CREATE_ROLE = {
    "iam:CreateRole",
    "iam:GetRole",
    "iam:TagRole",
    "iam:PutRolePolicy",
    "iam:AttachRolePolicy",
    "iam:PassRole",
    "iam:DeleteRole",
}
# type of a resource in the template: (ARN, actions that create, tag, change and delete it)
NEEDED: dict[str, list[tuple[str, set[str]]]] = {
    "AWS::Serverless::Api": [
        (f"{API}/restapis", {"apigateway:POST"}),
        (f"{API}/restapis/a1b2/stages/live", {"apigateway:GET", "apigateway:PATCH", "apigateway:DELETE"}),
        (f"{API}/tags/arn%3Aaws%3Aapigateway", {"apigateway:PUT", "apigateway:DELETE"}),
    ],
    "AWS::ApiGateway::DomainName": [(f"{API}/domainnames", {"apigateway:POST"})],
    "AWS::ApiGateway::BasePathMapping": [(f"{API}/domainnames/events.example.com/basepathmappings", {"apigateway:POST"})],
    "AWS::Serverless::Function": [
        (
            f"arn:aws:lambda:{HERE}:function:waypost-IngestFunction-A1",
            {
                "lambda:CreateFunction",
                "lambda:TagResource",
                "lambda:UpdateFunctionConfiguration",
                "lambda:AddPermission",
                "lambda:DeleteFunction",
            },
        ),
        (ROLE, CREATE_ROLE),
    ],
    "AWS::Serverless::LayerVersion": [
        (f"arn:aws:lambda:{HERE}:layer:waypost-core", {"lambda:PublishLayerVersion"}),
        (f"arn:aws:lambda:{HERE}:layer:waypost-core:7", {"lambda:GetLayerVersion", "lambda:DeleteLayerVersion"}),
    ],
    "AWS::Lambda::EventSourceMapping": [
        (
            f"arn:aws:lambda:{HERE}:event-source-mapping:1234",
            {"lambda:CreateEventSourceMapping", "lambda:UpdateEventSourceMapping", "lambda:DeleteEventSourceMapping", "lambda:TagResource"},
        )
    ],
    "AWS::Logs::LogGroup": [
        (
            f"arn:aws:logs:{HERE}:log-group:{name}",
            {"logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:TagResource", "logs:DeleteLogGroup"},
        )
        for name in ("/aws/lambda/waypost-ingest", "/aws/apigateway/waypost")
    ],
    "AWS::SQS::Queue": [
        (f"arn:aws:sqs:{HERE}:waypost-SendQueue-A1", {"sqs:CreateQueue", "sqs:TagQueue", "sqs:SetQueueAttributes", "sqs:DeleteQueue"})
    ],
    "AWS::SQS::QueuePolicy": [(f"arn:aws:sqs:{HERE}:waypost-ReportsQueue-A1", {"sqs:SetQueueAttributes", "sqs:GetQueueAttributes"})],
    "AWS::SES::ConfigurationSet": [
        (
            f"arn:aws:ses:{HERE}:configuration-set/waypost-mail",
            {
                "ses:CreateConfigurationSet",
                "ses:GetConfigurationSet",
                "ses:PutConfigurationSetReputationOptions",
                "ses:PutConfigurationSetSuppressionOptions",
                "ses:TagResource",
                "ses:DeleteConfigurationSet",
            },
        )
    ],
    "AWS::SES::ConfigurationSetEventDestination": [
        (
            f"arn:aws:ses:{HERE}:configuration-set/waypost-mail",
            {
                "ses:CreateConfigurationSetEventDestination",
                "ses:GetConfigurationSetEventDestinations",
                "ses:UpdateConfigurationSetEventDestination",
                "ses:DeleteConfigurationSetEventDestination",
            },
        )
    ],
    "AWS::SNS::Topic": [
        (f"arn:aws:sns:{HERE}:waypost-SmsTopic-A1", {"sns:CreateTopic", "sns:GetTopicAttributes", "sns:TagResource", "sns:DeleteTopic"})
    ],
    "AWS::SNS::TopicPolicy": [(f"arn:aws:sns:{HERE}:waypost-SmsTopic-A1", {"sns:SetTopicAttributes"})],
    "AWS::SNS::Subscription": [
        (f"arn:aws:sns:{HERE}:waypost-SmsTopic-A1", {"sns:Subscribe", "sns:Unsubscribe", "sns:GetSubscriptionAttributes"})
    ],
    "AWS::Events::Rule": [
        (
            f"arn:aws:events:{HERE}:rule/waypost-SesReportsRule-A1",
            {
                "events:PutRule",
                "events:DescribeRule",
                "events:PutTargets",
                "events:TagResource",
                "events:RemoveTargets",
                "events:DeleteRule",
            },
        )
    ],
    "AWS::Scheduler::ScheduleGroup": [
        (
            f"arn:aws:scheduler:{HERE}:schedule-group/waypost-Timers-A1",
            {"scheduler:CreateScheduleGroup", "scheduler:TagResource", "scheduler:DeleteScheduleGroup"},
        )
    ],
    "AWS::IAM::Role": [(ROLE, CREATE_ROLE)],
    "AWS::IAM::Policy": [(ROLE, {"iam:PutRolePolicy", "iam:GetRolePolicy", "iam:DeleteRolePolicy"})],
    "AWS::DynamoDB::Table": [
        (
            f"arn:aws:dynamodb:{HERE}:table/waypost-RunsTable-A1",
            {
                "dynamodb:CreateTable",
                "dynamodb:UpdateTable",
                "dynamodb:UpdateTimeToLive",
                "dynamodb:UpdateContinuousBackups",
                "dynamodb:TagResource",
            },
        ),
        (KEY, {"kms:DescribeKey", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:CreateGrant"}),
    ],
    "AWS::CloudWatch::Alarm": [
        (
            f"arn:aws:cloudwatch:{HERE}:alarm:waypost-Api5xxAlarm-A1",
            {"cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:DeleteAlarms"},
        )
    ],
}
NOT_IN_THE_FILE = {"AWS::Route53::RecordSet"}  # docs/deploy.md#prerequisites names its actions, since a zone holds the records of others
FROM_SAM = {  # what `sam remote test-event put` calls, in samcli/lib/schemas/schemas_api_caller.py
    REGISTRY: {"DescribeRegistry", "CreateRegistry"},
    SCHEMA: {"DescribeSchema", "CreateSchema", "UpdateSchema", "ListSchemaVersions", "DeleteSchemaVersion"},
    "*": {"GetDiscoveredSchema"},
}


def listed(value: str | list[str]) -> list[str]:
    """A value of a statement, which may be one text, as a list."""
    return [value] if isinstance(value, str) else value


def allowing(action: str, arn: str) -> Iterator[Statement]:
    """The statements that allow an action on a resource, whatever their conditions are."""
    for statement in POLICY["Statement"]:
        if any(fnmatchcase(action, each) for each in listed(statement["Action"])) and any(
            fnmatchcase(arn, each) for each in listed(statement["Resource"])
        ):
            yield statement


def test_every_type_of_resource_is_known_here(resources: dict[str, dict[str, Any]]) -> None:
    """A new type of resource in the template needs its actions in the policy, and a line in this module."""
    assert {each["Type"] for each in resources.values()} == set(NEEDED) | NOT_IN_THE_FILE


@pytest.mark.parametrize("kind", NEEDED)
def test_the_policy_allows_to_create_tag_and_delete(kind: str) -> None:
    """The policy allows the actions that CloudFormation calls for a type of resource, on a resource of a stack called waypost."""
    missing = {(action, arn) for arn, actions in NEEDED[kind] for action in actions if not list(allowing(action, arn))}
    assert missing == set()


def test_the_policy_allows_to_store_test_events() -> None:
    """Each call of `make test-events` to the registry of test events is allowed."""
    missing = {action for arn, actions in FROM_SAM.items() for action in actions if not list(allowing(f"schemas:{action}", arn))}
    assert missing == set()


@pytest.mark.parametrize("arn", [REGISTRY.replace("lambda-testevent-schemas", "orders"), SCHEMA.replace("_waypost", "_other")])
def test_other_schemas_cannot_be_changed(arn: str) -> None:
    """The policy allows no action on other registries, nor on the test events of functions of other stacks."""
    assert [action for actions in FROM_SAM.values() for action in actions - FROM_SAM["*"] if list(allowing(f"schemas:{action}", arn))] == []


def test_keys_are_used_by_dynamodb_alone() -> None:
    """The policy allows to read about keys; every use of one needs DynamoDB in between, and a grant goes to an AWS service."""
    for statement in POLICY["Statement"]:
        actions = [action for action in listed(statement["Action"]) if action.startswith("kms:")]
        if actions and actions != ["kms:DescribeKey"]:
            assert statement["Condition"]["StringLike"] == {"kms:ViaService": "dynamodb.*.amazonaws.com"}
            assert ("kms:CreateGrant" in actions) == ("kms:GrantIsForAWSResource" in statement["Condition"].get("Bool", {}))


@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("iam:PassRole", "arn:aws:iam::123456789012:role/admin"),
        ("iam:PutRolePolicy", "arn:aws:iam::123456789012:role/admin"),
        ("dynamodb:DeleteTable", f"arn:aws:dynamodb:{HERE}:table/orders"),
        ("lambda:UpdateFunctionCode", f"arn:aws:lambda:{HERE}:function:orders"),
        ("sqs:DeleteQueue", f"arn:aws:sqs:{HERE}:orders"),
        ("events:DeleteRule", f"arn:aws:events:{HERE}:rule/orders"),
        ("ses:DeleteConfigurationSet", f"arn:aws:ses:{HERE}:configuration-set/orders"),
        ("ses:DeleteEmailIdentity", f"arn:aws:ses:{HERE}:identity/example.com"),
        ("s3:DeleteBucket", "arn:aws:s3:::orders"),
        ("kms:ScheduleKeyDeletion", KEY),
    ],
)
def test_other_resources_of_the_account_are_safe(action: str, arn: str) -> None:
    """The policy allows to change nothing that belongs to no stack called waypost."""
    assert list(allowing(action, arn)) == []
