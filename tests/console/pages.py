"""The pages of the console: their addresses, and what each shows when it is filled, when there is nothing, and when the API fails.

A new page is a row here.
"""

from __future__ import annotations

from typing import Final, NamedTuple

BROKEN: Final = "AWS throttled a call or did not answer in time."
"""The detail of the error that every call has in the tests of errors."""


class Page(NamedTuple):
    """A page. `address` may name ids in braces, such as `{customer}`. A state whose text is None is not one of this page."""

    name: str
    address: str
    filled: str | None = None
    empty: str | None = None
    error: str | None = BROKEN


PAGES: Final = (
    Page("events", "#/events", "trial_started", "No events yet"),
    Page("event", "#/events/{event}", "What came of it"),
    Page("rejected events", "#/events?status=rejected", "rejected"),
    Page("customers", "#/customers", "Customers", "Customers", None),
    Page("customer", "#/customers/{customer}", "Ada"),
    Page("unknown customer", "#/customers/nobody", None, "There is no customer with this id"),
    Page("messages", "#/messages", "trial", "No messages yet"),
    Page("message", "#/messages/{message}", "As it looks"),
    Page("failed message", "#/messages/{failed}", "No such customer"),
    Page("dead letters", "#/dead-letters", "rejected", "in spite of all attempts"),
    Page("dead letter", "#/dead-letters/{letter}", "The queue record"),
    Page("keys", "#/settings/keys", "Begins with", "Begins with"),
    Page("workspace", "#/settings/workspace", "Save", "Save"),
    Page("schema", "#/settings/schema", "primaryKey", "primaryKey"),
    Page("webhook secret", "#/settings/webhooks", "The secret that signs webhooks", "The secret that signs webhooks"),
    Page("suppressions", "#/settings/suppressions", "kept as a hash only", "No address is suppressed."),
)
