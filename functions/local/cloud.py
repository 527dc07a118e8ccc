"""boto3 clients for the AWS that the emulator provides."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.loaders import Loader, create_loader
from botocore.session import Session

from functions.local.emulator import REGION

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}  # MiniStack's root user


@cache
def _loader() -> Loader:
    """The models of the services, which each session would read again: 0.3 s for each stack that a test process starts."""
    return create_loader()


class Cloud:
    """boto3 clients for the emulator at one URL. Each client is created once, at its first use."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._clients: dict[str, Any] = {}
        session = Session()
        session.register_component("data_loader", _loader())
        self._session = boto3.Session(
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
            botocore_session=session,
        )

    def client(self, service: str) -> Any:
        """The client of one service, such as `dynamodb`; it makes no retries."""
        if service not in self._clients:
            self._clients[service] = self._session.client(service, endpoint_url=self.url, config=Config(retries={"total_max_attempts": 1}))
        return self._clients[service]

    def environment(self) -> dict[str, str]:
        """The environment variables with which any AWS client of another process connects to the emulator."""
        return CREDENTIALS | {"AWS_ENDPOINT_URL": self.url}
