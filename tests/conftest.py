"""Settings of all tests: false credentials before any client exists, no deadlines of Hypothesis, and the order and groups of tests.

The credentials are false so that no test reaches a real account.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

os.environ.update(
    AWS_DEFAULT_REGION="eu-west-1",
    AWS_ACCESS_KEY_ID="000000000000",
    AWS_SECRET_ACCESS_KEY="none",
    AWS_EC2_METADATA_DISABLED="true",
    POWERTOOLS_SERVICE_NAME="test",
    POWERTOOLS_METRICS_NAMESPACE="Waypost",
)
for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
    os.environ.pop(name, None)

# Each process of a test run imports everything and makes 8,000 tests, of which nothing becomes garbage. Until then the garbage collector
# does not run, and afterwards it leaves all of that out. The start takes a third less time, and the tests a twentieth.
gc.disable()

# A deadline fails an example that took long on the wall clock. On a busy machine that says nothing about the code under test. `make model`
# sets a larger number of examples.
settings.register_profile("waypost", deadline=None, max_examples=int(os.environ.get("WAYPOST_EXAMPLES", "50")))
settings.load_profile("waypost")

# Tests that wait for containers, processes and timers come first: `make test` has more workers than processors, so that others compute
# meanwhile. At the end, workers would wait for them alone. The paths are those in tests/; a file has the place of its first match.
WAITING = (
    "sam_local/test_sam_local.py",
    "sam_local/test_sam_deploy.py",
    "docs/test_documents.py",  # before the stories that advance the same clock by months
    "stories/test_time.py",
    "stories/test_make_run.py",
    "proof/test_flood.py",
    "console",
    "stories",
    "template/test_build.py",
    "template/test_layer.py",
    "docs",
    "template",
    "adapters/test_liquid_limits.py",
    "proof/surface/test_bombs.py",
    "proof/test_planted_bugs.py",
)
# One worker runs the tests of a group, and so starts once what they share. A file is a group, except for these, by parts of their ids.
GROUPS = {
    "stories/test_time.py": "a clock that is advanced",
    "stories/test_message_waits.py": "a clock that is advanced",
    "stories/test_caps.py": "a clock that is advanced",
    "stories/test_erasure_leftovers.py": "a clock that is advanced",
    "work[README.md]": "a clock that is advanced",
    "work[docs/api.md]": "a clock that is advanced",
    "work[docs/operate.md]": "a clock that is advanced",
    "stories/test_moto.py": "moto",
    "moto]": "moto",
    "proof/test_queue_conformance.py": "emulators of queues and providers",
    "proof/test_provider_conformance.py": "emulators of queues and providers",
    "template/test_build.py": "the build",
    "template/test_layer.py": "the build",
}
# The tests of these files share nothing: each is a group of its own. Those after the first three take long and come late, where one worker
# would end after the others.
INDEPENDENT = (
    "docs/test_documents.py",
    "stories/test_make_run.py",
    "model/test_histories.py",
    "usecases/match/test_crashes.py",
    "usecases/match/test_event_ownership.py",
    "proof/test_crash_points.py",
    "proof/test_planted_bugs.py",
)


class Scheduler(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """Gives each worker one group of tests after another, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        alone = any(f"/{file}::" in nodeid for file in INDEPENDENT)
        return next((group for part, group in GROUPS.items() if part in nodeid), nodeid if alone else nodeid.partition("::")[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduler | None:
    """The scheduler for `--dist loadgroup`. The one of xdist does not see its own marks of groups with pytest 9.2."""
    return Scheduler(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts waiting tests first; `--no-loadscope-reorder` keeps this order."""
    items.sort(key=lambda item: next((place for place, part in enumerate(WAITING) if f"/tests/{part}" in str(item.path)), len(WAITING)))


def pytest_collection_finish() -> None:
    """Lets the garbage collector run again, without what exists before the first test."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    gc.enable()


@pytest.fixture(scope="session")
def ministack() -> Iterator[Any]:
    """All of Waypost on MiniStack with its demo workspace, on free ports of this machine: one for each test process, at its first use."""
    from functions.local.stack import running  # noqa: PLC0415 - most runs of tests need no stack, and the import takes 0.4 s

    with running() as stack:
        yield stack


@pytest.fixture(scope="session")
def advancing() -> Iterator[Any]:
    """A stack for the tests that advance its clock: all other tests need a clock with the machine's time."""
    from functions.local.stack import running  # noqa: PLC0415 - as above

    with running() as stack:
        yield stack
