"""What a merge of two customers does to their runs (`docs/journeys.md#merges-and-journeys`)."""

from __future__ import annotations

from waypost.domain.reasons import Reason
from waypost.domain.runs.run import CustomerRuns, Run


# The runs that are read with a customer move to the target customer, ended ones too: `once` and the cooldown are checked against them.
# Without them a customer who finished a journey anonymously would enter it again after naming itself. Ended runs of re-entry keys that are
# no longer read with the customer stay under its id, where `last_ended` finds them by the merged ids of the target. Two active runs of one
# journey and key would send each message to one person twice, so one of them exits.
def merged_run(target: CustomerRuns, run: Run) -> tuple[Run, bool]:
    """A run of the source customer as the target customer has it, and whether it becomes a past run there.

    A past run is one beside which the target has a run of the same journey and key that counts more. Where both are active, the target's
    goes on and the source's exits with reason `merged`.
    """
    with_same_key = target.in_journey(run.journey, run.key)
    if run.active and any(each.active for each in with_same_key):
        return run.exited(Reason.MERGED), True
    return run, bool(with_same_key) and not run.active
