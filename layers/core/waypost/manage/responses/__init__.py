"""The response bodies of the management API, one model each (docs/api.md). They import the domain only, never a use case."""
