"""Errors of the simulated DynamoDB, as boto3 raises them."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError


def aws_error(code: str, text: str, *, status: int = 400, operation: str = "", **more: Any) -> Exception:
    """An error of AWS with this code; `more` is what the error holds beside `Error`, such as `Item`."""
    response = {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": status}, "message": text, **more}
    error: Exception = ClientError(response, operation)
    return error


def validation_error(text: str) -> Exception:
    """The error of a request that is wrong whatever is stored."""
    return aws_error("ValidationException", text)


def schema_error(text: str) -> Exception:
    """The error of an item that does not fit its table: a transaction reports it as the reason of its cancellation."""
    error = validation_error(text)
    error.of_schema = True  # type: ignore[attr-defined]
    return error


def is_schema_error(error: Exception) -> bool:
    """Whether an error is one of `schema_error`."""
    return getattr(error, "of_schema", False)
