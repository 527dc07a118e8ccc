"""What the make targets set for the programs that they run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("chosen", "expected"), [({}, "true"), ({"UV_SYSTEM_CERTS": "false"}, "false")], ids=["by default", "if chosen"])
def test_uv_trusts_the_certificates_of_the_system(chosen: dict[str, str], expected: str) -> None:
    """The setting that makes uv trust a company's proxy is on unless the environment says otherwise, and the locked uv knows it."""
    environment = {name: value for name, value in os.environ.items() if name != "UV_SYSTEM_CERTS"} | chosen
    command = ["make", "--no-print-directory", "--eval=certificates: ; @echo $$UV_SYSTEM_CERTS", "certificates"]
    assert subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout.strip() == expected
    manual = subprocess.run([ROOT / ".venv/bin/uv", "pip", "install", "--help"], check=True, capture_output=True, text=True).stdout
    assert "UV_SYSTEM_CERTS" in manual
