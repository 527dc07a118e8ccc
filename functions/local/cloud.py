"""The emulator's AWS as boto3 clients."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

from functions.local.emulator import REGION

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}  # MiniStack's root user


class Cloud:
    """boto3 clients for the emulator at one address, each made once."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._clients: dict[str, Any] = {}
        self._session = boto3.Session(
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
        )

    def client(self, service: str) -> Any:
        """The client of one service."""
        if service not in self._clients:
            self._clients[service] = self._session.client(service, endpoint_url=self.url, config=Config(retries={"total_max_attempts": 1}))
        return self._clients[service]

    def environment(self) -> dict[str, str]:
        """The variables that lead any AWS client of this process to the emulator."""
        return CREDENTIALS | {"AWS_ENDPOINT_URL": self.url}
