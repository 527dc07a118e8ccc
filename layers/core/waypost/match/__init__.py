"""The use cases of the matcher: one signal of one customer becomes attributes, changes of runs, receipts and messages."""
