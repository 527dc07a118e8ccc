"""The checks that a definition has to pass before it is published (docs/journeys.md#publish-checks)."""
