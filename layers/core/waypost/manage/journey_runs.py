"""The active runs of a journey: who stands in which step (docs/api.md#runs-of-a-journey)."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from waypost.domain.customers.identifiers import display_value
from waypost.domain.customers.schema import PrimaryKey
from waypost.domain.runs.run import ActiveRunEntry
from waypost.domain.values.cursors import bad_cursor
from waypost.manage.api import ApiRequest
from waypost.manage.journeys import existing
from waypost.manage.pagination import ListPage, Source, read_page
from waypost.manage.requests import JourneyRunQuery
from waypost.manage.responses.journeys import JourneyRunResponse
from waypost.manage.responses.lists import ListResponse
from waypost.manage.time_limit import HasTime, time_limit, unlimited
from waypost.ports import ActiveRuns, ManagedCustomers

_READING_THREADS: Final = 10


def list_runs(request: ApiRequest[JourneyRunQuery, None]) -> ListResponse[JourneyRunResponse]:
    """`GET /api/journeys/{id}/runs`. RefusedError 404 if there is no such journey, or 400 for a wrong cursor."""
    dependencies, workspace, journey_id, step = request.dependencies, request.workspace, request.variables["id"], request.query.step
    has_time = time_limit(dependencies.monotonic)
    if existing(dependencies.journeys, workspace, journey_id).status == "stopped":
        # Stopping writes one row and touches no run. A run that is stored as active in a stopped journey has ended.
        return ListResponse(items=(), next=None)
    page = page_of(dependencies.runs, workspace, journey_id, request.query, has_time)
    # The index lags the table: a run that has ended or moved to another step since is left out.
    found = [(customer, run) for customer, run in dependencies.runs.load(workspace, page.items) if step in (None, run.step)]
    primary_keys = primary_keys_of(
        dependencies.customers, workspace, {customer for customer, _ in found}, dependencies.workspaces.schema(workspace).primary_key
    )
    items = tuple(JourneyRunResponse.of(customer, run, primary_keys[customer]) for customer, run in found)
    return ListResponse(items=items, next=page.next)


def page_of(
    runs: ActiveRuns, workspace: str, journey_id: str, query: JourneyRunQuery, has_time: HasTime = unlimited
) -> ListPage[ActiveRunEntry]:
    """A page of the entries of a journey's active runs, after a bounded number of reads. RefusedError 400 for a wrong cursor."""

    def read(limit: int, after: str | None) -> tuple[list[ActiveRunEntry], str | None]:
        try:
            return runs.active(workspace, journey_id, query.step, limit=limit, after=after)
        except ValueError:
            raise bad_cursor() from None

    source: Source[ActiveRunEntry] = read
    return read_page(source, lambda place: place.position, workspace, query, has_time=has_time, owner={"journey": journey_id})


def primary_keys_of(customers: ManagedCustomers, workspace: str, ids: Collection[str], key: PrimaryKey | None) -> dict[str, Any]:
    """The primary key value of the customer with each of these ids, None where it has none or is not known."""
    # No table has the customers by their ids, and an index cannot be read in a batch: one query for each, ten at the same time.
    with ThreadPoolExecutor(_READING_THREADS) as executor:
        found = dict(zip(ids, executor.map(partial(customers.primary_of, workspace), ids), strict=True))
    return {customer: primary and display_value(primary, primary.value, key) for customer, primary in found.items()}
