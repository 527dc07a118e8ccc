"""The quota of SES, read by a real client from the provider emulator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from functions.local.providers import EmulatedResponse, PlannedResponse, Providers, running_providers
from waypost.adapters.aws import client
from waypost.adapters.ses_account import SesAccount
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.sending_quota import SendingQuota

LIMITS = {"Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 12.0}


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Providers]:
    """A running provider emulator, which boto3 calls."""
    with running_providers() as providers:
        for name, value in providers.environment().items():
            monkeypatch.setenv(name, value)
        client.cache_clear()
        yield providers
        client.cache_clear()


def test_the_quota_of_an_account_in_the_sandbox(emulator: Providers) -> None:
    """Rate, daily quota and use are those of `GetAccount`, and an account without production access is in the sandbox."""
    emulator.account |= {"SendQuota": LIMITS, "ProductionAccessEnabled": False, "SendingEnabled": False}
    assert SesAccount().quota() == SendingQuota(per_second=1, per_day=200, used=0, sandbox=True, enabled=False)


def test_a_daily_quota_of_minus_one_is_none(emulator: Providers) -> None:
    """SES writes -1 where an account has no daily limit."""
    emulator.account |= {"SendQuota": {**LIMITS, "Max24HourSend": -1.0}}
    assert (SesAccount().quota().per_day, SesAccount().quota().sandbox) == (None, False)


@pytest.mark.parametrize(
    "planned",
    [
        PlannedResponse(EmulatedResponse(429, {"message": "Rate exceeded"}, "TooManyRequestsException")),
        PlannedResponse(EmulatedResponse(403, {"message": "not authorized"}, "AccessDeniedException")),
        PlannedResponse(EmulatedResponse(400, {"message": "no"}, "BadRequestException")),
        PlannedResponse(EmulatedResponse(200, {})),
        PlannedResponse(reset=True),
    ],
    ids=["throttled", "denied", "refused", "no quota", "reset"],
)
def test_every_error_is_an_outage_after_one_call(emulator: Providers, planned: Any) -> None:
    """Whatever SES answers, the caller goes on without the quota, and the call is not repeated."""
    emulator.plan("GetAccount", planned)
    with pytest.raises(UnavailableError):
        SesAccount().quota()
    assert SesAccount().quota().per_second == 500
