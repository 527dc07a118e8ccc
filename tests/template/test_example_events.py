"""The files of events/ have the form in which the gateway and the queues of this template invoke the functions.

People paste these files into the test button of the Lambda console or give them to `sam local invoke`. Each file belongs to the function
that its name begins with.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import subprocess
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from functions.local import seed
from waypost.domain import signal_codec
from waypost.domain.messages import send_request
from waypost.domain.messages.provider_reports import report_in
from waypost.domain.values.generated_ids import customer_id

Event = Mapping[str, Any]
Resources = dict[str, dict[str, Any]]

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "events"
FILES: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
REST = [name for name, event in FILES.items() if "httpMethod" in event]
HTTP = [name for name, event in FILES.items() if event.get("version") == "2.0"]
SQS = [name for name, event in FILES.items() if "Records" in event]
REPORTS = [name for name in SQS if name.startswith("send-report-")]

REGION, ACCOUNT, API = "eu-west-1", "123456789012", "a1b2c3d4e5"
HOST = f"{API}.execute-api.{REGION}.amazonaws.com"
IDENTITY = {
    *("accessKey", "accountId", "caller", "cognitoAuthenticationProvider", "cognitoAuthenticationType", "cognitoIdentityId"),
    *("cognitoIdentityPoolId", "principalOrgId", "sourceIp", "user", "userAgent", "userArn"),
}
ADDED_BY_THE_GATEWAY = {"Host", "X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"}

NO_DEMO_KEY = {"ingest-bad-no-key": None, "ingest-bad-unknown-key": "Api-Key not-a-key-of-any-workspace", "ingest-preflight": None}
BROKEN_BODIES = {"ingest-bad-base64"}
UNREADABLE_RECORDS = {"match-unreadable": 2, "send-poison": 1}
"""How many records of a file, its first ones, hold no signal and no message on purpose."""

SCHEMA_CHARACTERS = 100_000
"""The longest schema that EventBridge takes. All shareable test events of a function are in one schema."""


def function_of(name: str) -> str:
    """The short name of the function that a file belongs to."""
    return name.split("-", maxsplit=1)[0]


def test_every_file_has_one_of_three_forms(functions: Resources) -> None:
    """Each file is a request of the REST API, a request of an HTTP API or a batch of SQS, and belongs to a function of the template."""
    assert sorted([*REST, *HTTP, *SQS]) == sorted(FILES)
    assert {function_of(name) for name in FILES} == set(functions)


@pytest.mark.parametrize("name", REST)
def test_a_request_reaches_its_function_by_a_route(name: str, functions: Resources) -> None:
    """The method and the resource are a route of the function in the template, and the path is one that the resource matches."""
    event = FILES[name]
    events = functions[function_of(name)]["Events"].values()
    routes = {(each["Properties"]["Path"], each["Properties"]["Method"]) for each in events}
    assert routes & {(event["resource"], event["httpMethod"]), (event["resource"], "ANY")}
    proxy = (event["pathParameters"] or {}).get("proxy")
    assert ("{proxy+}" in event["resource"]) is (proxy is not None)
    assert event["resource"].replace("{proxy+}", proxy or "") == event["path"].rstrip("/")


@pytest.mark.parametrize("name", REST)
def test_a_request_has_the_context_of_the_stage(name: str, resources: Resources) -> None:
    """The context has the template's stage, one account, region and API, the time twice, and the members of method, path and resource."""
    event, context = FILES[name], FILES[name]["requestContext"]
    assert context["stage"] == resources["Api"]["Properties"]["StageName"] == "live"
    assert context["path"] == f"/live{event['path']}"
    assert (context["resourcePath"], context["httpMethod"]) == (event["resource"], event["httpMethod"])
    assert (context["accountId"], context["apiId"], context["domainPrefix"], context["domainName"]) == (ACCOUNT, API, API, HOST)
    at = datetime.fromtimestamp(context["requestTimeEpoch"] / 1000, UTC)
    assert context["requestTime"] == at.strftime("%d/%b/%Y:%H:%M:%S +0000")
    assert context["protocol"] == "HTTP/1.1"
    assert {"requestId", "extendedRequestId", "deploymentId"} <= context.keys()
    assert context["identity"].keys() == IDENTITY
    assert (context["identity"]["userAgent"], event["stageVariables"]) == (event["headers"]["User-Agent"], None)


def test_each_resource_has_one_id() -> None:
    """Requests of one resource have one resource id, and those of two resources have two."""
    ids = defaultdict(set)
    for name in REST:
        context = FILES[name]["requestContext"]
        ids[context["resourcePath"]].add(context["resourceId"])
    assert all(len(each) == 1 for each in ids.values())
    assert len(set.union(*ids.values())) == len(ids)


@pytest.mark.parametrize("name", REST)
def test_headers_and_parameters_are_given_once_and_as_lists(name: str) -> None:
    """The members with all values of a header or a parameter agree with those with one value, and the gateway's headers are there."""
    event = FILES[name]
    assert event["multiValueHeaders"] == {header: [value] for header, value in event["headers"].items()}
    assert event["headers"].keys() >= ADDED_BY_THE_GATEWAY
    assert event["headers"]["Host"] == HOST
    query = event["queryStringParameters"]
    assert event["multiValueQueryStringParameters"] == (query and {parameter: [value] for parameter, value in query.items()})


@pytest.mark.parametrize("name", REST)
def test_a_body_is_base64(name: str, resources: Resources) -> None:
    """Every media type of the API is binary, so each body is base64, and its JSON is UTF-8 unless it is compressed."""
    assert resources["Api"]["Properties"]["BinaryMediaTypes"] == ["*~1*"]
    event = FILES[name]
    assert event["isBase64Encoded"] is (event["body"] is not None)
    if name in BROKEN_BODIES:
        with pytest.raises(binascii.Error):
            base64.b64decode(event["body"], validate=True)
    elif event["body"] is not None:
        assert base64.b64decode(event["body"], validate=True)


@pytest.mark.parametrize("name", [*REST, *HTTP])
def test_a_request_has_the_key_of_the_demo_workspace(name: str) -> None:
    """Requests of the intake have the events key of the demo workspace, and those of management its admin key."""
    headers = {header.lower(): value for header, value in FILES[name]["headers"].items()}
    key = seed.EVENTS_KEY if function_of(name) == "ingest" else seed.ADMIN_KEY
    assert headers.get("authorization") == NO_DEMO_KEY.get(name, f"Api-Key {key}")


@pytest.mark.parametrize("name", HTTP)
def test_a_request_of_an_http_api_is_of_the_same_account(name: str) -> None:
    """A request in format 2.0 has the account, the region and the API id of all files."""
    context = FILES[name]["requestContext"]
    assert (context["accountId"], context["apiId"], context["domainName"]) == (ACCOUNT, API, HOST)


@pytest.mark.parametrize("name", SQS)
def test_a_record_has_the_attributes_of_its_queue(name: str, resources: Resources) -> None:
    """Each record comes from one queue that the function consumes, in one account and region; only a FIFO queue numbers its records."""
    mappings = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Lambda::EventSourceMapping"]
    function = {"Ref": f"{function_of(name).title()}Function"}
    consumed = [each["EventSourceArn"] for each in mappings if each["FunctionName"] == function]
    records = FILES[name]["Records"]
    [arn] = {record["eventSourceARN"] for record in records}
    service, region, account, queue = arn.removeprefix("arn:aws:").split(":")
    assert (service, region, account) == ("sqs", REGION, ACCOUNT)
    assert {"Fn::GetAtt": [queue.split("-")[1], "Arn"]} in consumed
    of_fifo = {"SequenceNumber", "MessageGroupId", "MessageDeduplicationId"} if queue.endswith(".fifo") else set()
    of_fair_queue = {"MessageGroupId"} if "SendQueue" in queue else set()
    always = {"ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp", "SentTimestamp", "SenderId"}
    for record in records:
        assert record["attributes"].keys() == always | of_fifo | of_fair_queue
        assert (record["eventSource"], record["awsRegion"], record["messageAttributes"]) == ("aws:sqs", REGION, {})
        assert record["md5OfBody"] == hashlib.md5(record["body"].encode(), usedforsecurity=False).hexdigest()
    assert len({record["messageId"] for record in records}) == len({record["receiptHandle"] for record in records}) == len(records)


@pytest.mark.parametrize("name", [name for name in SQS if function_of(name) == "match"])
def test_a_signal_is_of_the_demo_workspace_and_its_ids_follow_from_it(name: str) -> None:
    """Each signal is of the demo workspace and of the customer of its identifier; group and deduplication id are those of the signal."""
    for record in FILES[name]["Records"][UNREADABLE_RECORDS.get(name, 0) :]:
        attributes = record["attributes"]
        if record["eventSourceARN"].endswith(".fifo"):
            signal = signal_codec.from_body(record["body"])
            assert signal_codec.packed(signal_codec.to_text(signal)) == record["body"]
            assert (attributes["MessageGroupId"], attributes["MessageDeduplicationId"]) == (signal.customer, signal.name)
        else:
            message = signal_codec.from_delays_record(record["body"])
            signal = signal_codec.from_body(message.body)
            assert signal_codec.to_queue_message(signal) == message
        wire = json.loads(signal_codec.to_text(signal))
        assert signal.workspace == seed.WORKSPACE
        identifiers = [event["id"] for event in wire["events"]] if wire["kind"] == "events" else [wire["knownAs"]]
        assert {customer_id(seed.WORKSPACE, kind, value) for kind, value in identifiers} == {signal.customer}


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_is_about_the_message_of_the_demo(name: str) -> None:
    """Each record of the reports queue is an event of SES about the message of `send-message.json`, and has no message group."""
    sent = send_request.from_text(FILES["send-message"]["Records"][0]["body"])
    for record in FILES[name]["Records"]:
        report = report_in(record["body"])
        assert report is not None
        assert (report.workspace, report.message) == (sent.workspace, sent.message)


@pytest.mark.parametrize("name", [name for name in SQS if function_of(name) == "send" and name not in REPORTS])
def test_a_message_to_send_is_of_the_demo_workspace(name: str) -> None:
    """Each record of the send queue names a message of the demo workspace, which is its message group."""
    for record in FILES[name]["Records"]:
        assert record["attributes"]["MessageGroupId"] == seed.WORKSPACE
    for record in FILES[name]["Records"][UNREADABLE_RECORDS.get(name, 0) :]:
        request = send_request.from_text(record["body"])
        assert (request.workspace, send_request.to_text(request)) == (seed.WORKSPACE, record["body"])


@pytest.mark.parametrize("position", range(len(seed.REQUESTS)))
def test_the_events_of_management_make_the_demo_workspace(position: int) -> None:
    """Four files are the four requests by which the local run sets up its demo workspace."""
    name = ("save-schema", "add-key", "save-journey", "publish-journey")[position]
    event = FILES[f"manage-{name}"]
    body = None if event["body"] is None else json.loads(base64.b64decode(event["body"]))
    assert (event["httpMethod"], event["path"], body) == seed.REQUESTS[position]


def test_the_events_of_a_function_fit_into_one_schema(functions: Resources) -> None:
    """`make test-events` stores all files of a function in one schema, whose limit leaves room for what EventBridge derives from one."""
    for function in functions:
        examples = {name: {"value": event, "x-metadata": {"invocationType": "RequestResponse"}} for name, event in FILES.items()}
        own = {name: example for name, example in examples.items() if function_of(name) == function}
        assert len(json.dumps(own)) < SCHEMA_CHARACTERS - 10_000, function


def make_test_events(*variables: str) -> subprocess.CompletedProcess[str]:
    """Runs `make test-events` with a command in the place of SAM that prints its arguments."""
    command = ["make", "--no-print-directory", "--makefile", str(ROOT / "Makefile"), "test-events", "SAM=echo", *variables]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_each_file_is_stored_as_a_test_event_of_its_function() -> None:
    """`make test-events` gives each file to the function of its name, under its own name, and replaces what was stored before."""
    lines = make_test_events("STACK=acme").stdout.splitlines()
    commands = {
        f"remote test-event put {function_of(name).title()}Function --stack-name acme --name {name} --file events/{name}.json --force"
        for name in FILES
    }
    assert (set(lines), len(lines)) == (commands, len(commands))


def test_test_events_are_stored_in_a_stack_that_was_named() -> None:
    """Without STACK, which is the production stack by default, `make test-events` stores nothing."""
    result = make_test_events()
    assert result.returncode != 0
    assert "Name the test stack" in result.stderr
    assert "remote" not in result.stdout
