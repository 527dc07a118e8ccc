"""The provider emulator, called by a real boto3 client."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError, ReadTimeoutError

from functions.local.providers import SES, SMS, EmulatedResponse, PlannedResponse, Providers, running_providers

MAIL: dict[str, Any] = {
    "FromEmailAddress": "Shop <shop@example.com>",
    "Destination": {"ToAddresses": ["ada@example.com"]},
    "ReplyToAddresses": ["help@example.com"],
    "Content": {
        "Simple": {
            "Subject": {"Data": "Hi"},
            "Body": {"Text": {"Data": "Hello"}},
            "Headers": [{"Name": "List-Unsubscribe", "Value": "<https://example.com/u/1>"}],
        }
    },
    "EmailTags": [{"Name": "waypost-message", "Value": "m1"}],
    "ConfigurationSetName": "set",
}
TEXT: dict[str, Any] = {
    "DestinationPhoneNumber": "+4915112345678",
    "OriginationIdentity": "Shop",
    "MessageBody": "Hello",
    "MessageType": "PROMOTIONAL",
    "Context": {"waypost-message": "m1"},
}


@pytest.fixture
def emulator() -> Iterator[Providers]:
    """A running provider emulator."""
    with running_providers() as providers:
        yield providers


def client(emulator: Providers, service: str) -> Any:
    """A client that makes one attempt and waits for a second."""
    config = Config(retries={"total_max_attempts": 1}, read_timeout=1, parameter_validation=False)
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-west-1"}
    return boto3.client(service, endpoint_url=emulator.url, config=config, **keys)


def refused(call: Any, **request: Any) -> dict[str, Any]:
    """The response of a call that is refused."""
    with pytest.raises(ClientError) as refusal:
        call(**request)
    response: dict[str, Any] = refusal.value.response
    return response


def test_an_email_is_kept_with_all_its_fields(emulator: Providers) -> None:
    """Headers, tags, addresses and the whole request of an accepted e-mail can be read."""
    sent = client(emulator, SES).send_email(**MAIL)
    [mail] = emulator.mails()
    assert mail["messageId"] == sent["MessageId"]
    assert (mail["from"], mail["to"], mail["replyTo"]) == ("Shop <shop@example.com>", ["ada@example.com"], ["help@example.com"])
    assert (mail["subject"], mail["text"], mail["html"]) == ("Hi", "Hello", "")
    assert mail["headers"] == {"List-Unsubscribe": "<https://example.com/u/1>"}
    assert (mail["tags"], mail["configurationSet"]) == ({"waypost-message": "m1"}, "set")
    assert mail["request"] == MAIL


def test_a_text_is_kept_with_all_its_fields(emulator: Providers) -> None:
    """Number, sender, type, context and the whole request of an accepted text can be read."""
    sent = client(emulator, SMS).send_text_message(**TEXT)
    [text] = emulator.texts()
    assert text["messageId"] == sent["MessageId"]
    assert (text["to"], text["from"], text["text"], text["type"]) == ("+4915112345678", "Shop", "Hello", "PROMOTIONAL")
    assert (text["context"], text["request"]) == ({"waypost-message": "m1"}, TEXT)


@pytest.mark.parametrize(
    "headers",
    [
        [{"Name": f"X-{number}", "Value": "a"} for number in range(16)],
        [{"Name": "X-Ü", "Value": "a"}],
        [{"Name": "X-A", "Value": "ü"}],
        [{"Name": "X-A", "Value": "a" * 996}],
        [{"Name": "X-Ab", "Value": "a" * 993}],
        [{"Name": "X-A"}],
    ],
    ids=["16 headers", "a name", "a value", "a long value", "a long pair", "no value"],
)
def test_wrong_headers_are_refused_as_ses_does(emulator: Providers, headers: list[dict[str, str]]) -> None:
    """Numbers, lengths and characters are those of the documented model; nothing is kept."""
    content = {"Simple": {**MAIL["Content"]["Simple"], "Headers": headers}}
    response = refused(client(emulator, SES).send_email, **{**MAIL, "Content": content})
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == ("BadRequestException", 400)
    assert emulator.mails() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"DestinationPhoneNumber": "015112345678"},
        {"MessageBody": "a" * 1601},
        {"MessageBody": " "},
        {"MessageType": "MARKETING"},
        {"Context": {str(number): "" for number in range(6)}},
    ],
    ids=str,
)
def test_a_wrong_text_is_a_validation_error(emulator: Providers, wrong: dict[str, Any]) -> None:
    """A ValidationException has its reason and names the field; nothing is kept."""
    response = refused(client(emulator, SMS).send_text_message, **{**TEXT, **wrong})
    assert (response["Error"]["Code"], response["Reason"]) == ("ValidationException", "FIELD_VALIDATION_FAILED")
    assert response["Fields"][0]["Name"].startswith(next(iter(wrong)))
    assert emulator.texts() == []


def test_a_number_that_has_opted_out_gets_no_text(emulator: Providers) -> None:
    """After the text STOP of a number, sending to it is a ConflictException with the reason; another number gets its text."""
    emulator.receive_text(TEXT["DestinationPhoneNumber"], " stop ")
    response = refused(client(emulator, SMS).send_text_message, **TEXT)
    assert (response["Error"]["Code"], response["Reason"]) == ("ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT")
    client(emulator, SMS).send_text_message(**{**TEXT, "DestinationPhoneNumber": "+4915100000000"})
    assert len(emulator.texts()) == 1


def test_the_account_counts_recipients(emulator: Providers) -> None:
    """GetAccount has the quota, and the recipients of the last 24 hours, not the e-mails."""
    receivers = {"ToAddresses": ["a@example.com"], "CcAddresses": ["b@example.com"]}
    client(emulator, SES).send_email(**{**MAIL, "Destination": receivers})
    emulator.account["SendQuota"] = {"Max24HourSend": 200.0, "MaxSendRate": 1.0}
    account = client(emulator, SES).get_account()
    assert account["SendQuota"] == {"Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 2.0}
    assert (account["SendingEnabled"], account["ProductionAccessEnabled"]) == (True, True)


def test_a_suppressed_address_is_deleted_once(emulator: Providers) -> None:
    """An address of the suppression list goes; one that is not on the list is a NotFoundException."""
    emulator.suppressed.add("ada+1@example.com")
    client(emulator, SES).delete_suppressed_destination(EmailAddress="Ada+1@example.com")
    assert emulator.suppressed == set()
    response = refused(client(emulator, SES).delete_suppressed_destination, EmailAddress="ada+1@example.com")
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == ("NotFoundException", 404)


def test_planned_answers_come_one_after_the_other(emulator: Providers) -> None:
    """500, a throttling with its own status, then the usual answer; a call for another receiver is not affected."""
    plans: list[dict[str, Any]] = [{"error": "InternalFailure", "status": 500}, {"error": "TooManyRequestsException", "message": "slow"}]
    emulator.plan("ada@example.com", *map(PlannedResponse.parse, plans))
    client(emulator, SES).send_email(**{**MAIL, "Destination": {"ToAddresses": ["bob@example.com"]}})
    first, second = refused(client(emulator, SES).send_email, **MAIL), refused(client(emulator, SES).send_email, **MAIL)
    assert (first["Error"]["Code"], first["ResponseMetadata"]["HTTPStatusCode"]) == ("InternalFailure", 500)
    assert (second["Error"], second["ResponseMetadata"]["HTTPStatusCode"]) == (
        {"Code": "TooManyRequestsException", "Message": "slow"},
        429,
    )
    client(emulator, SES).send_email(**MAIL)
    assert [mail["to"] for mail in emulator.mails()] == [["ada@example.com"], ["bob@example.com"]]


def test_a_planned_error_of_the_sms_service_has_its_reason(emulator: Providers) -> None:
    """The members of a planned body are those of the error, and its status is the documented one."""
    body = {"Reason": "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT"}
    emulator.plan(TEXT["DestinationPhoneNumber"], PlannedResponse.parse({"error": "ServiceQuotaExceededException", "body": body}))
    response = refused(client(emulator, SMS).send_text_message, **TEXT)
    assert (response["Error"]["Code"], response["Reason"]) == ("ServiceQuotaExceededException", body["Reason"])
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize(
    ("plan", "error", "kept"),
    [
        ({"hang": 1.5}, ReadTimeoutError, 1),
        ({"hang": 1.5, "status": 200, "body": {}}, ReadTimeoutError, 0),
        ({"reset": True}, (ConnectionClosedError, HTTPClientError), 0),
        ({"reset": True, "accept": True}, (ConnectionClosedError, HTTPClientError), 1),
        ({"error": "InternalFailure", "status": 500, "accept": True}, ClientError, 1),
    ],
    ids=str,
)
def test_an_answer_may_be_lost(emulator: Providers, plan: dict[str, Any], error: Any, kept: int) -> None:
    """The caller gets an error, and the plan decides whether the provider has the message."""
    emulator.plan("ada@example.com", PlannedResponse.parse(plan))
    with pytest.raises(error):
        client(emulator, SES).send_email(**MAIL)
    assert len(emulator.mails()) == kept


def test_half_an_answer_has_no_message_id(emulator: Providers) -> None:
    """If a connection breaks in the middle of a 200 response, botocore returns an empty result, and the emulator has the message."""
    emulator.plan("ada@example.com", PlannedResponse(truncate=True))
    assert "MessageId" not in client(emulator, SES).send_email(**MAIL)
    assert len(emulator.mails()) == 1


def test_an_operation_can_be_planned(emulator: Providers) -> None:
    """A plan for the name of an operation is for its next call, whatever the receiver."""
    emulator.plan("GetAccount", PlannedResponse(EmulatedResponse(200, {"SendingEnabled": False})))
    assert client(emulator, SES).get_account()["SendingEnabled"] is False
    assert client(emulator, SES).get_account()["SendingEnabled"] is True


@pytest.mark.parametrize("plan", [{"later": 1}, {"hang": "long"}, {"body": 3}])
def test_a_plan_that_is_none_is_refused(plan: dict[str, Any]) -> None:
    """Unknown names and values of a wrong type raise an error in place of a plan that does nothing."""
    with pytest.raises((ValueError, TypeError)):
        PlannedResponse.parse(plan)


def test_the_emulator_gets_the_same_request(emulator: Providers) -> None:
    """An e-mail is passed on with the host that its signature covers; what the emulator refuses is refused and not kept."""
    with running_providers(upstream=emulator.url) as first:
        client(first, SES).send_email(**MAIL)
        emulator.plan("ada@example.com", PlannedResponse.parse({"error": "MessageRejected"}))
        assert refused(client(first, SES).send_email, **MAIL)["Error"]["Code"] == "MessageRejected"
        assert [mail["messageId"] for mail in first.mails()] == [mail["messageId"] for mail in emulator.mails()]


def test_an_emulator_that_does_not_answer_is_an_error(emulator: Providers) -> None:
    """Without an answer of the emulator the call fails and nothing is kept."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        emulator.upstream = f"http://127.0.0.1:{probe.getsockname()[1]}"
        assert refused(client(emulator, SES).send_email, **MAIL)["Error"]["Code"] == "InternalFailure"
    assert emulator.mails() == []


def test_an_unknown_call_is_an_error(emulator: Providers) -> None:
    """What the provider emulator does not have is a 404 with a code of its own, never a success."""
    assert refused(client(emulator, SMS).describe_pools)["Error"]["Code"] == "UnknownOperationException"
    assert refused(client(emulator, SES).list_contact_lists)["Error"]["Code"] == "UnknownOperationException"


def test_no_web_page_may_call_the_provider_emulator(emulator: Providers) -> None:
    """A request with an Origin, and one with a foreign host, are 403."""
    for headers in ({"Origin": "http://localhost:5173"}, {"Host": "evil.example"}):
        response = httpx.get(f"{emulator.url}/v2/email/account", headers=headers, trust_env=False)
        assert response.status_code == 403
    assert urlsplit(emulator.url).hostname == "127.0.0.1"
