"""Deployed stacks, as CloudFormation describes them."""

from __future__ import annotations

from botocore.exceptions import ClientError

from waypost.adapters.aws import client, error_code, translate_errors


def outputs(stack: str) -> dict[str, str]:
    """The outputs of a stack by name. LookupError if this account has no such stack in this region."""
    try:
        with translate_errors():
            found = client("cloudformation").describe_stacks(StackName=stack)
    except ClientError as error:
        if error_code(error) != "ValidationError":  # CloudFormation has no code of its own for an unknown stack
            raise
        raise LookupError(f"there is no stack {stack!r} in this account and region") from error
    return {each["OutputKey"]: each["OutputValue"] for each in found["Stacks"][0].get("Outputs", [])}
