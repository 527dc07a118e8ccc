"""Moto in the test process, without what takes most of the time of a call and changes nothing for the code under test.

Each part says what it leaves out. What moto stores, compares and refuses stays its own. The adapters pass the same tests here as the fakes,
and the stories show that they work on two other emulators, of which the server of moto is one, without any of this.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any, Final
from unittest.mock import patch

from botocore.awsrequest import AWSPreparedRequest
from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString
from moto import mock_aws
from moto.core import models, responses
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.config import DefaultConfig
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.responses import ActionResult
from moto.core.utils import method_names_from_class
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.parsing import expressions
from moto.dynamodb.responses import DynamoHandler

# Otherwise moto makes a new session of boto3 each time, which reads the models of the services again: 0.3 s of CPU time for each test.
KEEP_SESSION: Final[DefaultConfig] = {"core": {"reset_boto3_session": False}}
_TARGET: Final = "X-Amz-Target"
_UPDATE_PARSER: Final[Any] = vars(expressions)["UpdateExpressionParser"]  # moto does not type this module


@contextmanager
def moto_aws() -> Iterator[None]:
    """AWS in this process, without anything in it."""
    with (
        # Moto would add a response for the package `requests`, which the code does not use, for each pattern of an address.
        patch.object(models, "RESPONSES_METHODS", ()),
        mock_aws(config=KEEP_SESSION),
        # Moto reads neither the signature nor the user agent.
        patch.object(RequestSigner, "sign", lambda *_, **__: None),
        patch.object(UserAgentString, "to_string", lambda _: "tests"),
        # Moto makes the list of its own methods for each call, and a random id of 52 characters, which the code does not read.
        patch.object(responses, "method_names_from_class", cache(method_names_from_class)),
        patch.object(responses, "gen_amzn_requestid_long", _add_request_id),
        patch.object(BotocoreStubber, "process_request", _process_request),
        patch.object(_UPDATE_PARSER, "make", _parse_update),
        patch.object(DynamoType, "__deepcopy__", _copy_value),
        patch.object(DynamoType, "cast_value", property(_cast_value)),
    ):
        yield


def _add_request_id(headers: dict[str, Any]) -> str:
    headers["x-amzn-requestid"] = "request"
    return "request"


class _Handler(DynamoHandler):
    """Moto's handler of one call of DynamoDB, which reads the HTTP request that botocore has prepared.

    The handler of moto makes a request of Werkzeug, decodes it as a form, parses the body member by member with the model of the service,
    and writes the response in the same way, with a dozen spellings of each name. The body is JSON with the names of the API both times.
    """

    def __init__(self, request: AWSPreparedRequest) -> None:
        super().__init__()
        self.headers = {name: _text(request.headers[name]) for name in (_TARGET, "Content-Type")}
        self.querystring = self.data = {}
        self.response_headers = {}
        self.uri_match = {}
        self.current_account = DEFAULT_ACCOUNT_ID
        self.region = _region(request.url)
        has_bytes = b'"B":' in request.body or b'"BS":' in request.body
        self.params = json.loads(request.body, object_hook=_decode_bytes if has_bytes else None)

    def serialized(self, action_result: ActionResult) -> Any:
        if isinstance(action_result.result, Exception):
            return super().serialized(action_result)
        return 200, self.response_headers, json.dumps(action_result.result, default=_to_json)


def _text(header: str | bytes) -> str:
    return header.decode() if isinstance(header, bytes) else header


@cache
def _region(url: str) -> str:
    found = DynamoHandler.region_regex.search(url)
    assert found, url
    return found["region"]


def _decode_bytes(part: dict[str, Any]) -> dict[str, Any]:
    """An attribute value of binary data has bytes, as all of moto expects; any other part of a request is as it was."""
    if len(part) == 1:
        if isinstance(part.get("B"), str):
            return {"B": base64.b64decode(part["B"])}
        if isinstance(part.get("BS"), list):
            return {"BS": [base64.b64decode(each) for each in part["BS"]]}
    return part


def _to_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    assert isinstance(value, datetime), value
    return value.timestamp()


_process_any_request = BotocoreStubber.process_request


def _process_request(self: BotocoreStubber, request: AWSPreparedRequest) -> Any:
    """Gives calls of DynamoDB to its handler at once: moto compares the address with the patterns of all services.

    A call to another address is one to a local stack of the same process, which works in other threads.
    """
    if ".amazonaws.com" not in request.url or not _text(request.headers.get(_TARGET, "")).startswith("DynamoDB_"):
        return _process_any_request(self, request)
    return _Handler(request).call_action()


# Moto parses the update expression three times for each call. It validates a copy of the tree, so that one tree serves all calls.
_parse_update = staticmethod(cache(_UPDATE_PARSER.make))


def _copy_value(self: DynamoType, _memo: dict[int, Any]) -> DynamoType:
    """A copy of an attribute value. Lists, maps and sets are copied; texts, numbers and booleans never change and are shared."""
    if type(self.value) is list:
        value: Any = [_copy_value(each, _memo) if type(each) is DynamoType else each for each in self.value]
    elif type(self.value) is dict:
        value = {key: _copy_value(each, _memo) for key, each in self.value.items()}
    else:
        return self
    copied = DynamoType.__new__(DynamoType)
    copied.type, copied.value = self.type, value
    return copied


def _cast_value(self: DynamoType) -> Any:
    """Moto asks for the type of a value five times before it returns the value of a text, to compare or to find a key."""
    return self.value if self.type == "S" else _cast_any_value.__get__(self)


_cast_any_value: Final[Any] = DynamoType.cast_value
