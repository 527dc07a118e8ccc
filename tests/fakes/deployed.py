"""All tables and queues of the template in moto, with the environment variables by which the functions find them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import _lru_cache_wrapper

import pytest

from tests.fakes.moto_in_process import moto_aws
from tests.fakes.tables import create_table, shapes
from waypost import wiring
from waypost.adapters import aws
from waypost.adapters.aws import client


@contextmanager
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Empty tables and queues. Before and after, the memory of warm functions is empty."""
    with moto_aws():
        _clear_caches()
        for name, shape in shapes().items():
            create_table(name, shape)
            monkeypatch.setenv(f"{name.removesuffix('Table').upper()}_TABLE", name)
        fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        monkeypatch.setenv("SIGNALS_QUEUE_URL", client("sqs").create_queue(QueueName="signals.fifo", Attributes=fifo)["QueueUrl"])
        for name in ("SIGNALS_QUEUE_ARN", "SCHEDULE_GROUP", "SCHEDULER_ROLE_ARN", "SCHEDULER_DEAD_LETTERS_ARN"):
            monkeypatch.setenv(name, name.lower())
        monkeypatch.setenv("DELAYS_QUEUE_URL", client("sqs").create_queue(QueueName="delays")["QueueUrl"])
        monkeypatch.setenv("SEND_QUEUE_URL", client("sqs").create_queue(QueueName="send")["QueueUrl"])
        yield
        _clear_caches()


def _clear_caches() -> None:
    """Empties every cache of `wiring` and the cache of clients."""
    for part in (*vars(wiring).values(), *vars(aws).values()):
        if isinstance(part, _lru_cache_wrapper):
            part.cache_clear()
