"""What becomes of an absorbed customer's runs (contract 2)."""

from __future__ import annotations

from waypost.domain.reasons import Reason
from waypost.domain.runs.run import CustomerRuns, Run


def merged(into: CustomerRuns, run: Run) -> tuple[Run, bool]:
    """An absorbed customer's run as it goes on under the customer that absorbed it, and whether it is one of that one's earlier runs.

    Where both are active in one journey with the same key, the run of the customer with the primary key goes on and the other exits.
    """
    same = into.of(run.journey, run.key)
    if run.active and any(each.active for each in same):
        return run.exited(Reason.MERGED), True
    return run, bool(same) and not run.active
