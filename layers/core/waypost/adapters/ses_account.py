"""The account of Amazon SES: its quota, whether it is in the sandbox, and its suppression list (`docs/messages.md#rate-and-quota`)."""

from __future__ import annotations

from dataclasses import dataclass

from botocore.exceptions import ClientError

from waypost.adapters.aws import client, error_code, translate_errors
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.sending_quota import SendingQuota


@dataclass(frozen=True, slots=True)
class SesAccount:
    """The account and region of the stack."""

    def quota(self) -> SendingQuota:
        """What `GetAccount` says. UnavailableError for every error: whatever it is, the caller goes on without the quota."""
        try:
            found = client("sesv2", attempts=1).get_account()
            limits = found["SendQuota"]
            per_day = float(limits["Max24HourSend"])
            return SendingQuota(
                per_second=float(limits["MaxSendRate"]),
                per_day=None if per_day < 0 else per_day,  # -1: no limit
                used=float(limits["SentLast24Hours"]),
                sandbox=not found.get("ProductionAccessEnabled", False),
                enabled=bool(found.get("SendingEnabled", True)),
            )
        except ClientError as error:
            raise UnavailableError(error_code(error)) from error
        except Exception as error:  # an answer without a quota, or none at all: no message may fail because of it
            raise UnavailableError(type(error).__name__) from error


class SesSuppressions:
    """The suppression list of SES, which belongs to the account in its region, and so to all workspaces of the stack."""

    def lift(self, address: str) -> bool:
        """Removes an address from the list. False if it was not on it. UnavailableError if SES does not answer."""
        try:
            with translate_errors():
                client("sesv2").delete_suppressed_destination(EmailAddress=address.strip())
        except ClientError as error:
            if error_code(error) in ("NotFoundException", "BadRequestException"):  # what SES takes for no address is not on its list
                return False
            raise
        return True
