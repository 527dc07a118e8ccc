"""The pages of the console: their addresses, and what each shows when it is filled, when there is nothing, and when the API fails.

A new page is a row here.
"""

from __future__ import annotations

from typing import Final, NamedTuple

BROKEN: Final = "AWS throttled a call or did not answer in time."
"""The detail of the error that every call has in the tests of errors."""


class Page(NamedTuple):
    """A page. `address` may name ids in braces, such as `{customer}`. A state whose text is None is not one of this page.

    `press` is the button that opens the dialog of this row.
    """

    name: str
    address: str
    filled: str | None = None
    empty: str | None = None
    error: str | None = BROKEN
    press: str | None = None


PAGES: Final = (
    Page("events", "#/events", "trial_started", "No events yet"),
    Page("event", "#/events/{event}", "What came of it"),
    Page("rejected events", "#/events?status=rejected", "rejected"),
    Page("send an event", "#/events", "The body of POST", "The body of POST", None, "Send an event…"),
    Page("journeys", "#/journeys", "Trial of a month", "No journeys yet"),
    Page("new journey", "#/journeys", "Begin with", "Begin with", None, "New journey…"),
    Page("journey", "#/journeys/{journey}/picture", "bought"),
    Page("step of a journey", "#/journeys/{journey}/picture?step=bought", "Who waits here"),
    Page("customer in a journey", "#/journeys/{journey}/picture?customer={customer}", "Trial of a month"),
    Page("draft of a journey", "#/journeys/draft/picture", "A draft"),
    Page("unknown journey", "#/journeys/nobody/picture", None, "There is no journey with the id"),
    Page("who is in a journey", "#/journeys/{journey}/here", "bought"),
    Page("messages of a journey", "#/journeys/{journey}/messages", "long-mail"),
    Page("definition", "#/journeys/{journey}/definition", "waitUntil"),
    Page("definition of a draft", "#/journeys/draft/definition", "A draft"),
    Page("versions", "#/journeys/{journey}/versions", "Version 2"),
    Page("old version", "#/journeys/{journey}/versions?version=1", "Make it the draft"),
    Page("difference of versions", "#/journeys/{journey}/versions?version=2&with=1", "removed"),
    Page("dry run", "#/journeys/{journey}/dry-run", "Run"),
    Page("publish", "#/journeys/draft/definition", "Publish", None, None, "Publish…"),
    Page("customers", "#/customers", "Customers", "Customers", None),
    Page("customer", "#/customers/{customer}", "Ada"),
    Page("erase", "#/customers/{customer}", "Erase", None, None, "Erase…"),
    Page("unknown customer", "#/customers/nobody", None, "There is no customer with this id"),
    Page("messages", "#/messages", "trial", "No messages yet"),
    Page("message", "#/messages/{message}", "As it looks"),
    Page("failed message", "#/messages/{failed}", "No such customer"),
    Page("dead letters", "#/dead-letters", "rejected", "in spite of all attempts"),
    Page("dead letter", "#/dead-letters/{letter}", "The queue record"),
    Page("redrive", "#/dead-letters/{letter}", "goes back on its queue", None, None, "Redrive…"),
    Page("discard", "#/dead-letters/{letter}", "deleted for good", None, None, "Discard…"),
    Page("keys", "#/settings/keys", "Begins with", "Begins with"),
    Page("new key", "#/settings/keys", "Create", "Create", None, "New key…"),
    Page("workspace", "#/settings/workspace", "Save", "Save"),
    Page("schema", "#/settings/schema", "primaryKey", "primaryKey"),
    Page("webhook secret", "#/settings/webhooks", "The secret that signs webhooks", "The secret that signs webhooks"),
    Page("rotate", "#/settings/webhooks", "Rotate the secret?", None, None, "Rotate…"),
    Page("suppressions", "#/settings/suppressions", "kept as a hash only", "No address is suppressed."),
    Page("suppress", "#/settings/suppressions", "Suppress an address", "Suppress an address", None, "Suppress…"),
)
