"""The simulation of SES and of the SMS service gives the adapters the answers that the provider emulator gives them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.local.providers import EmulatedResponse, PlannedResponse
from tests.fakes.messages import pending_message
from tests.proof.aws import providers as simulated
from tests.proof.queue_backends import (
    SPEED,
    Backend,
    Emulators,
    Simulated,
    adapters_call,
    client_of,
)
from waypost.adapters import aws
from waypost.adapters.pinned_http import PinnedHttp
from waypost.adapters.ses import SesChannel
from waypost.adapters.ses_account import SesAccount, SesSuppressions
from waypost.adapters.sms import SmsChannel
from waypost.domain.messages.message import PreparedMessage

EMAIL = {"subject": "Hi", "text": "Hello", "html": "<p>Hello</p>", "from": "waypost@example.com", "to": "ada@example.com"}
TEXT = {"to": "+15555550100", "text": "Hello", "type": "promotional"}
Scenario = Callable[[Backend], Any]


def planned(error: str, status: int, **body: Any) -> PlannedResponse:
    """The planned answer of the provider emulator with an error."""
    return PlannedResponse(EmulatedResponse(status, {"message": "scripted", **body}, error))


SHARED = {
    "usual": (PlannedResponse(), simulated.answered()),
    "reset after it was accepted": (PlannedResponse(reset=True, accept=True), simulated.reset(accepts=True)),
    "reset before it was accepted": (PlannedResponse(reset=True), simulated.reset(accepts=False)),
    "hanging": (PlannedResponse(hang=15 / SPEED, accept=True), simulated.hanging(accepts=True)),
    "access denied": (planned("AccessDeniedException", 400), simulated.failed("AccessDeniedException", 400)),
    "server error": (planned("InternalFailure", 500), simulated.failed("InternalFailure", 500)),
    "unavailable": (planned("ServiceUnavailable", 503), simulated.failed("ServiceUnavailable", 503)),
    "expired credentials": (planned("ExpiredTokenException", 403), simulated.failed("ExpiredTokenException", 403)),
}
OF_SES = {
    "throttled": (planned("TooManyRequestsException", 429), simulated.throttled()),
    "rejected": (planned("MessageRejected", 400), simulated.failed("MessageRejected")),
    "bad request": (planned("BadRequestException", 400), simulated.failed("BadRequestException")),
    "paused": (planned("SendingPausedException", 400), simulated.failed("SendingPausedException")),
    "suspended": (planned("AccountSuspendedException", 400), simulated.failed("AccountSuspendedException")),
    "limit": (planned("LimitExceededException", 400), simulated.failed("LimitExceededException")),
    "no configuration set": (planned("NotFoundException", 404), simulated.failed("NotFoundException", 404)),
}
OF_SMS = {
    "throttled": (planned("ThrottlingException", 400), simulated.failed("ThrottlingException")),
    "spent limit": (planned("ServiceQuotaExceededException", 400), simulated.failed("ServiceQuotaExceededException")),
    "truncated": (PlannedResponse(truncate=True), simulated.truncated()),
    "not registered": (
        planned("ConflictException", 400, Reason="REGISTRATION_NOT_COMPLETE"),
        simulated.failed("ConflictException", 400, "REGISTRATION_NOT_COMPLETE"),
    ),
    "opted out": (
        planned("ConflictException", 400, Reason="DESTINATION_PHONE_NUMBER_OPTED_OUT"),
        simulated.failed("ConflictException", 400, "DESTINATION_PHONE_NUMBER_OPTED_OUT"),
    ),
    "no such number": (planned("ResourceNotFoundException", 400), simulated.failed("ResourceNotFoundException")),
}


def call_provider(backend: Backend, channel: SesChannel | SmsChannel, prepared: PreparedMessage) -> tuple[str, str, list[Any]]:
    """The outcome of a call without ids, its detail, and the requests that the provider accepted."""
    found = channel.call_provider(pending_message(), prepared, datetime.now(UTC))
    detail = "" if found.outcome == "sent" else found.detail
    return found.outcome, detail, backend.accepted()


def both(emulators: Emulators, patch: pytest.MonkeyPatch, scenario: Scenario) -> tuple[Any, Any]:
    """What a scenario has seen on the simulation and on the emulators."""
    found = []
    for backend in (Simulated(), emulators.backend()):
        with adapters_call(backend, patch):
            found.append(scenario(backend))
    return found[0], found[1]


@pytest.mark.parametrize("case", [*SHARED, *OF_SES])
def test_ses_behaves_as_that_of_the_emulator(case: str, emulators: Emulators, monkeypatch: pytest.MonkeyPatch) -> None:
    """The adapter sees the same outcome, and the same e-mail goes out or does not."""

    def scenario(backend: Backend) -> Any:
        backend.plan(EMAIL["to"], *{**SHARED, **OF_SES}[case])
        return call_provider(backend, SesChannel("waypost@example.com", "reports"), PreparedMessage("ada@example.com", EMAIL))

    ours, theirs = both(emulators, monkeypatch, scenario)
    assert ours == theirs


@pytest.mark.parametrize("case", [*SHARED, *OF_SMS])
def test_sms_behaves_as_that_of_the_emulator(case: str, emulators: Emulators, monkeypatch: pytest.MonkeyPatch) -> None:
    """The adapter sees the same outcome, and the same text goes out or does not."""

    def scenario(backend: Backend) -> Any:
        backend.plan(TEXT["to"], *{**SHARED, **OF_SMS}[case])
        return call_provider(backend, SmsChannel("+15555550000", "PROMOTIONAL", "reports"), PreparedMessage(TEXT["to"], TEXT))

    ours, theirs = both(emulators, monkeypatch, scenario)
    assert ours == theirs


def test_providers_refuse_the_same_requests(emulators: Emulators, monkeypatch: pytest.MonkeyPatch) -> None:
    """A header that is too long for SES and an unknown type of text are refused alike, and nothing goes out."""

    def scenario(backend: Backend) -> Any:
        mail = PreparedMessage("ada@example.com", {**EMAIL, "headers": {"X-Long": "x" * 996}})
        text = PreparedMessage(TEXT["to"], {**TEXT, "type": "secret"})
        return [
            call_provider(backend, SesChannel("waypost@example.com", "reports"), mail),
            call_provider(backend, SmsChannel("+15555550000", "PROMOTIONAL", ""), text),
        ]

    ours, theirs = both(emulators, monkeypatch, scenario)
    assert ours == theirs
    assert [part[::2] for part in ours] == [("failed", []), ("failed", [])]


def test_the_account_of_ses_is_the_same(emulators: Emulators, monkeypatch: pytest.MonkeyPatch) -> None:
    """The quota counts what went out, and an address is lifted from the suppression list once."""

    def scenario(backend: Backend) -> Any:
        before = SesAccount().quota().used
        call_provider(backend, SesChannel("waypost@example.com", ""), PreparedMessage("ada@example.com", EMAIL))
        quota = SesAccount().quota()
        suppressed = backend.ses.suppressed if isinstance(backend, Simulated) else backend.providers.suppressed  # type: ignore[attr-defined]
        suppressed.add("ada@example.com")
        lifted = [SesSuppressions().lift("Ada@example.com") for _ in range(2)]
        return [quota.used - before, quota.per_day, quota.per_second, quota.sandbox, quota.enabled, lifted]

    ours, theirs = both(emulators, monkeypatch, scenario)
    assert ours == theirs
    assert ours[-1] == [True, False]


def test_the_time_limits_of_the_simulation_are_those_of_the_adapters(monkeypatch: pytest.MonkeyPatch) -> None:
    """SES and the SMS service are called with one attempt and the time limits that a call of the simulation takes when it hangs."""
    limits: list[tuple[float, float, int]] = []
    backend = Simulated()

    def create(service: str, config: Any) -> Any:
        limits.append((config.connect_timeout, config.read_timeout, config.retries["total_max_attempts"]))
        return client_of(backend.client(service))

    monkeypatch.setattr("boto3.client", create)
    aws.client.cache_clear()
    call_provider(backend, SesChannel("waypost@example.com", ""), PreparedMessage("ada@example.com", EMAIL))
    call_provider(backend, SmsChannel("+15555550000", "PROMOTIONAL", ""), PreparedMessage(TEXT["to"], TEXT))
    aws.client.cache_clear()
    assert limits == [(simulated.CONNECT_TIMEOUT, simulated.READ_TIMEOUT, 1)] * 2
    assert PinnedHttp().seconds == simulated.WEBHOOK_TIMEOUT
