"""The dependencies of the management API with only those that a test uses."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from waypost.manage.dependencies import ManageDependencies


def manage_dependencies(**used: Any) -> ManageDependencies:
    """The dependencies with these ones; any other is None, so a use case that calls it fails. TypeError for an unknown name."""
    return ManageDependencies(**{**{each.name: None for each in fields(ManageDependencies)}, **used})
