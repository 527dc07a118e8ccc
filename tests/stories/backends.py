"""The emulators of AWS on which a test can run."""

from __future__ import annotations

import pytest

from functions.local.moto_backend.stack import MotoStack
from functions.local.stack import Stack

AnyStack = Stack | MotoStack

both_backends = pytest.mark.parametrize("stack", ["ministack", "moto"], indirect=True)
"""Runs a test once on MiniStack and once on moto, by the fixture `stack`."""
