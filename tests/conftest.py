"""Settings of all tests: false credentials before any client exists, so that no test reaches a real account; no deadlines of Hypothesis."""

from __future__ import annotations

import os

from hypothesis import settings

os.environ.update(
    AWS_DEFAULT_REGION="eu-west-1",
    AWS_ACCESS_KEY_ID="000000000000",
    AWS_SECRET_ACCESS_KEY="none",
    AWS_EC2_METADATA_DISABLED="true",
    POWERTOOLS_SERVICE_NAME="test",
    POWERTOOLS_METRICS_NAMESPACE="Waypost",
)
for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
    os.environ.pop(name, None)

# A deadline fails an example that took long on the wall clock. On a busy machine that says nothing about the code under test.
settings.register_profile("waypost", deadline=None)
settings.load_profile("waypost")
