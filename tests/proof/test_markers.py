"""Secrets and personal data: planted markers are in no log line, no metric, no reason of a dead letter, no error of another request.

docs/operate.md#logs-and-metrics says what a log line holds. Names of events, and the uuids that clients choose, are among it; the markers
are in everything else that a client, a customer, a provider or AWS can put a value in.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import count as numbers
from pathlib import Path
from typing import Any, Final

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from tests.fakes.api_client import ADMIN, new_workspace
from tests.proof.counted import IS_FULL, count
from tests.proof.functions_on_moto import AwsCall, Fault, FunctionsOnMoto, client_error, functions_on_moto
from tests.proof.marked_customer import MARK, MarkedCustomer
from waypost import wiring
from waypost.adapters.aws import client
from waypost.adapters.pinned_http import AddressRefusedError, HttpResponse, NotConnectedError
from waypost.telemetry import logger, silence_libraries

ROOT: Final = Path(__file__).parents[2]
QUOTED: Final = f"the value ada.{MARK}@example.com of the key secret-{MARK} is wrong"
"""The text of an error that quotes values."""


REFUSED: Final = (("GET", "/api/messages/x"), ("GET", "/api/customers"), ("PUT", "/api/journeys/x"), ("GET", "/u/x"), ("GET", "/x"))
"""Requests that every caller is refused."""


class Lines(logging.Handler):
    """Keeps the lines that the loggers of this process write, as CloudWatch gets them."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        own = record.name == logger.name
        self.texts.append(logger.registered_handler.format(record) if own else logging.Formatter().format(record))


@pytest.fixture
def lines() -> Iterator[Lines]:
    """The log at the level DEBUG, as the template's parameter `LogLevel` sets it for Lambda and for Powertools."""
    kept, root, levels = Lines(), logging.getLogger(), (logging.getLogger().level, logger.log_level)
    root.setLevel(logging.DEBUG)
    logger.setLevel(logging.DEBUG)
    silence_libraries()
    root.addHandler(kept)
    yield kept
    root.removeHandler(kept)
    root.setLevel(levels[0])
    logger.setLevel(levels[1])


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FunctionsOnMoto]:
    """The functions, with the markers in what moto's answers may say."""
    with functions_on_moto(monkeypatch, tmp_path) as made:
        yield made


def errors_with_values(call: AwsCall) -> Iterator[Exception]:
    """Errors of each kind that a call can raise: outages, refusals, and exceptions of the code, each with values in its text."""
    for code, status in (("ThrottlingException", 400), ("InternalServerError", 500), ("ValidationException", 400), ("AccessDenied", 403)):
        yield client_error(code, call.operation, status, QUOTED)
    yield ReadTimeoutError(endpoint_url=f"https://example.com/{MARK}")
    yield EndpointConnectionError(endpoint_url=f"https://example.com/{MARK}")
    yield KeyError(QUOTED)
    caused, noted = ValueError(QUOTED), LookupError(QUOTED)
    caused.__cause__ = TypeError(QUOTED)
    noted.add_note(QUOTED)
    yield caused
    yield noted


NUMBER_OF_ERRORS: Final = len(list(errors_with_values(AwsCall("", "", "", {}))))


def one_call_in(interval: int, start: int) -> Fault:
    """A fault of one call in every `interval` calls of the functions, of all kinds in turn."""
    counter = numbers(start)

    def fault(call: AwsCall) -> None:
        number = next(counter) if call.function else 1
        if number % interval == 0:
            raise list(errors_with_values(call))[(number // interval) % NUMBER_OF_ERRORS]

    return fault


def every_call_of(function: str, service: str, kind: int) -> Fault:
    """A fault of one kind in all calls of a function to a service, except for those that park records and authenticate requests."""

    def fault(call: AwsCall) -> None:
        table = str(call.arguments.get("TableName"))
        if (call.function, call.service) == (function, service) and table not in ("DeadTable", "KeysTable"):
            raise list(errors_with_values(call))[kind]

    return fault


def failing_providers(call: AwsCall) -> None:
    """A fault of SES and of the SMS service, which quote the request."""
    if call.service in ("sesv2", "pinpoint-sms-voice-v2"):
        raise client_error("MessageRejected", call.operation, 400, QUOTED)


def check(functions: FunctionsOnMoto, markers: set[str], output: str, lines: Lines) -> None:
    """Nothing that was written, and no error in a response, holds a marker that the request of the response has not sent."""
    written = [*output.splitlines(), *lines.texts]
    assert written
    assert [line for line in written if any(marker in line for marker in markers)] == []
    for event, response in functions.responses:
        sent, shown = json.dumps(event), json.dumps(response)
        if response["statusCode"] >= 400:
            assert [marker for marker in markers if marker in shown and marker not in sent] == []
        if response["statusCode"] >= 500:
            assert MARK not in shown
    found = [item["reason"]["S"] for item in client("dynamodb").scan(TableName="DeadTable")["Items"] if "reason" in item]
    assert [reason for reason in found if any(marker in reason for marker in markers)] == []
    count("log lines searched for markers", len(written))
    count("responses searched for markers", len(functions.responses))


def another_request(functions: FunctionsOnMoto, markers: set[str]) -> None:
    """An error response to another workspace, or to a caller without a key, shows nothing of what functions keep in memory."""
    other_key = "admin-key-of-another-workspace"
    functions.faults.clear()
    wiring.workspace_administration().create_workspace("other", other_key, wiring.now())
    for key in (other_key, None, "an-unknown-key-of-nobody-000"):
        refused = functions.ingest({"batch": [{}]}, key or "")
        assert refused["statusCode"] >= 400
        assert not any(marker in json.dumps(refused) for marker in markers)
        for method, path in REFUSED:
            response = functions.manage(method, path, key=key)
            assert response["statusCode"] >= 400
            assert not any(marker in json.dumps(response) for marker in markers)


DAYS: Final[Mapping[str, Callable[[], tuple[Fault, ...]]]] = {
    "no faults": lambda: (),
    "one call in seven fails": lambda: (one_call_in(7, 0), failing_providers),
    "the tables of match raise an error of the code": lambda: (every_call_of("match", "dynamodb", 6),),
    "the tables of send refuse requests": lambda: (every_call_of("send", "dynamodb", 2),),
    "the tables of manage quote rows": lambda: (every_call_of("manage", "dynamodb", 8),),
    "one call in three fails": lambda: (one_call_in(3, 1),),
    "one call in five fails": lambda: (one_call_in(5, 2),),
    "one other call in five fails": lambda: (one_call_in(5, 4),),
}
"""What fails while everything is used once. The short form of the proof has the first two."""


@pytest.mark.parametrize("day", list(DAYS)[: len(DAYS) if IS_FULL else 2])
def test_no_marker_comes_out(functions: FunctionsOnMoto, lines: Lines, capsys: pytest.CaptureFixture[str], day: str) -> None:
    """No line of log or metrics, no error and no reason of a dead letter holds a value of a customer or a secret, whatever fails."""
    customer = MarkedCustomer(functions, ADMIN, new_workspace())
    customer.prepare()
    functions.faults += DAYS[day]()
    functions.receiver = FailingReceiver()
    customer.run()
    another_request(functions, customer.markers)
    check(functions, customer.markers, "".join(capsys.readouterr()), lines)


class FailingReceiver:
    """A receiver of webhooks that answers with markers, in each way in which a receiver can fail."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, *_: Any) -> HttpResponse:
        self.number += 1
        match self.number % 5:
            case 1:
                return HttpResponse(503, {"retry-after": MARK}, QUOTED.encode())
            case 2:
                raise NotConnectedError(QUOTED)
            case 3:
                raise AddressRefusedError(QUOTED)
            case 4:
                raise OSError(QUOTED)
            case _:
                return HttpResponse(410, {}, QUOTED.encode())


PROGRAM: Final = """
import logging, sys
root = logging.getLogger()  # as the runtime of Lambda sets it up under ApplicationLogLevel DEBUG
root.setLevel("DEBUG")
root.addHandler(logging.StreamHandler(sys.stdout))
from waypost.adapters.aws import client
from waypost.telemetry import logger
for service, call in (("dynamodb", lambda c: c.get_item(TableName="t", Key={{"pk": {{"S": "{mark}"}}}})),
                      ("sqs", lambda c: c.send_message(QueueUrl="http://127.0.0.1:9/q", MessageBody="{mark}"))):
    try:
        call(client(service, attempts=1))
    except Exception as error:
        logger.exception("unexpected")
logger.debug("the end")
"""


def test_debug_is_the_level_of_the_functions_and_not_of_their_libraries() -> None:
    """With `LogLevel=DEBUG`, botocore does not write its requests and responses, with all that is in them, to the log of a function."""
    variables = {"LOG_LEVEL": "DEBUG", "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'layers/core'}", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    program = PROGRAM.format(mark=MARK)
    done = subprocess.run([sys.executable, "-c", program], env=os.environ | variables, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "the end" in done.stdout
    assert "ConnectionError" in done.stdout
    assert MARK not in done.stdout + done.stderr
