"""From a request body to events: the batch parser, events, payloads, receipts and the event log."""
