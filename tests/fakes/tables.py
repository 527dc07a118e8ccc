"""Tables of the template in moto, one at a time: a test of one adapter need not create all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString
from moto import mock_aws
from moto.core import models, responses
from moto.core.config import DefaultConfig
from moto.core.serialize import SERVICE_SPECIFIC_SERIALIZERS
from moto.core.utils import method_names_from_class
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.parsing import expressions

from functions.local import template
from functions.local.moto_backend.serializer import DynamoSerializer
from waypost.adapters.aws import client
from waypost.adapters.dynamodb.table import Table

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
_UPDATE_PARSER: Final[Any] = vars(expressions)["UpdateExpressionParser"]  # moto does not type this module
_SHAPE = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
_numbers = count()
# Otherwise moto makes a new session of boto3 each time, which reads the models of the services again: 0.3 s of CPU time for each test.
KEEP_SESSION: Final[DefaultConfig] = {"core": {"reset_boto3_session": False}}


@contextmanager
def moto_aws() -> Iterator[None]:
    """Moto in this process, without what takes most of the time of a call and changes nothing for the code under test."""
    with (
        # Moto would add a response for the package `requests`, which the code does not use, for each pattern of an address.
        patch.object(models, "RESPONSES_METHODS", ()),
        mock_aws(config=KEEP_SESSION),
        # Moto reads neither the signature nor the user agent.
        patch.object(RequestSigner, "sign", lambda *_, **__: None),
        patch.object(UserAgentString, "to_string", lambda _: "tests"),
        # Moto makes the list of its own methods for each call, and a random id of 52 characters, which the code does not read.
        patch.object(responses, "method_names_from_class", _method_names),
        patch.object(responses, "gen_amzn_requestid_long", _add_request_id),
        patch.dict(SERVICE_SPECIFIC_SERIALIZERS, {"dynamodb": {"json": DynamoSerializer}}),
        # Moto parses an update expression three times for each call. It validates a copy of the tree, so that one tree serves all calls.
        patch.object(_UPDATE_PARSER, "make", staticmethod(cache(_UPDATE_PARSER.make))),
        patch.object(DynamoType, "__deepcopy__", _copy_value),
    ):
        yield


def _add_request_id(headers: dict[str, Any]) -> str:
    headers["x-amzn-requestid"] = "request"
    return "request"


def _copy_value(self: DynamoType, _memo: dict[int, Any]) -> DynamoType:
    """A copy whose lists and maps are its own. Texts, numbers and booleans never change, so that the copy shares them."""
    if type(self.value) is list:
        value: Any = [_copy_value(each, _memo) if type(each) is DynamoType else each for each in self.value]
    elif type(self.value) is dict:
        value = {key: _copy_value(each, _memo) for key, each in self.value.items()}
    else:
        return self
    copied = DynamoType.__new__(DynamoType)
    copied.type, copied.value = self.type, value
    return copied


_method_names = cache(method_names_from_class)


@contextmanager
def aws() -> Iterator[None]:
    """AWS in this process, without anything in it."""
    with moto_aws():
        client.cache_clear()
        yield
        client.cache_clear()


def empty_table(name: str) -> Table:
    """A new table with the keys and indexes of the template's table of this name. Its own name is unique."""
    unique = f"{name}{next(_numbers)}"
    create_table(unique, shapes()[name])
    return Table(unique)


def create_table(name: str, shape: dict[str, Any]) -> None:
    """Creates a table of this shape in moto."""
    client("dynamodb").create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **shape)


@cache
def shapes() -> dict[str, dict[str, Any]]:
    """Keys and indexes of each of the template's tables, as arguments of `create_table`."""
    found = template.resources(template.load(TEMPLATE), "AWS::DynamoDB::Table")
    return {name: {part: properties[part] for part in _SHAPE if part in properties} for name, properties in found.items()}
