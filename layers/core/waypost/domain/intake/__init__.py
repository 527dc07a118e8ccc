"""From the body of a request to events: the batch parser, events, payloads, receipts and the event log."""
