"""Errors of AWS as boto3 raises them."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError


def client_error(operation: str, code: str, message: str, status: int = 400, **members: Any) -> ClientError:
    """The error with this code of an operation; `members` are the further members of its answer."""
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}, **members}
    return ClientError(response, operation)
