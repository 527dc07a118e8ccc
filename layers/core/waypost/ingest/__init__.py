"""The use case of the intake: a batch becomes durable on the signals queue, with a result for each event."""
