"""The names of the channels, for code that must not load the models of message steps: the intake starts without them."""

from __future__ import annotations

from typing import Final

CHANNEL_NAMES: Final = frozenset({"email", "sms", "webhook"})
"""Those of `journeys.message_steps.CHANNELS`."""
