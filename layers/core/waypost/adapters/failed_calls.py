"""Calls of a provider through boto3 that end without an answer of the provider."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ConnectTimeoutError, EndpointConnectionError, HTTPClientError
from botocore.exceptions import ConnectionError as ConnectionLostError

from waypost.domain.messages.message import ProviderResponse


def response_of_failed_call(error: BotoCoreError) -> ProviderResponse:
    """What to record of a call that botocore has ended: `unknown` after a connection was made, `refused` before that."""
    # Neither SES nor the SMS service has an idempotency key. A request that was sent may have been accepted, whatever became of the answer.
    has_connected = isinstance(error, HTTPClientError | ConnectionLostError)
    if has_connected and not isinstance(error, ConnectTimeoutError | EndpointConnectionError):
        return ProviderResponse("unknown", type(error).__name__)
    return ProviderResponse("refused", type(error).__name__)
