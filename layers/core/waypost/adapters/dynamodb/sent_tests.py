"""How many tests of templates workspaces have sent: one row of the workspaces table for each workspace that has sent any."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from waypost.adapters import backoff
from waypost.adapters.dynamodb.conditions import if_revision
from waypost.adapters.dynamodb.items import Item
from waypost.adapters.dynamodb.table import Table
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.template_tests import MAX_TESTS, TEST_PERIOD
from waypost.domain.values.wire_time import instant, iso

_ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True)
class DynamoSentTests:
    """The times of the tests of the last hour, for each workspace: at most `MAX_TESTS` in any of them, however the requests overlap."""

    table: Table

    def count(self, workspace: str, now: datetime) -> timedelta | None:
        """Counts one test and returns None; or counts nothing and returns how long it takes until the next test may be sent.

        UnavailableError if other requests change the row again and again.
        """
        # A counter for each hour would be one write without a read, but it would let 40 tests pass within minutes, around the full hour.
        for _ in backoff.attempts(_ATTEMPTS):
            item = self.table.get(_key(workspace))
            recent = [at for at in (item["at"] if item else []) if instant(at) > now - TEST_PERIOD]
            if len(recent) >= MAX_TESTS:
                return instant(recent[-MAX_TESTS]) + TEST_PERIOD - now
            revision = item["rev"] if item else 0
            # The random token tells the own write from that of another request of the same millisecond, if botocore repeats a lost answer.
            row = {**_key(workspace), "at": [*recent, iso(now)], "rev": revision + 1, "token": uuid4().hex}
            failed = self.table.put_if(row, **if_revision(revision))
            if failed is None or failed.item == row:
                return None
        raise UnavailableError("the count of test messages was changed too often")


def _key(workspace: str) -> Item:
    return {"workspace": workspace, "row": "sent-tests"}
