"""Fixtures that give the parts of template.yaml as plain values, with CloudFormation's short tags in their long form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from functions.local.template import load
from tests.template.builds import FUNCTIONS, build

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """The whole template."""
    return load(TEMPLATE)


@pytest.fixture(scope="session")
def resources(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every resource by its logical id."""
    return dict(template["Resources"])


@pytest.fixture(scope="session")
def functions(resources: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The properties of the four functions by their short names such as `ingest`."""
    kind = "AWS::Serverless::Function"
    return {name.removesuffix("Function").lower(): each["Properties"] for name, each in resources.items() if each["Type"] == kind}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the layer and all functions, built for this machine."""
    folder = tmp_path_factory.mktemp("built")
    for target in ("CoreLayer", *FUNCTIONS.values()):
        build(target, folder / target)
    return folder
