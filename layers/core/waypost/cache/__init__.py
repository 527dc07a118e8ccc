"""Caches of a Lambda instance between invocations, each with its maximum age or size."""
