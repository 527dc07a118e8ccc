"""The use cases of the management API and of its command line, one module for each thing that is managed (docs/api.md)."""
