"""What `sam local` needs from the local run: the variables of the functions in a file, and an emulator that containers can reach."""

from __future__ import annotations

import fcntl
import json
import socket
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

HOST: Final = "host.docker.internal"
"""The name of this machine inside a container: Docker Desktop knows it, and samconfig.toml adds it on Linux."""

_SIOCGIFADDR: Final = 0x8915  # netdevice(7): get the address of an interface


def bridge_address() -> str | None:
    """The address of Docker's bridge, which only this machine and its containers reach; None without one, as with Docker Desktop.

    On Linux, the loopback address of this machine is not the one of a container, so the emulator has to listen at the bridge too.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, struct.pack("256s", b"docker0"))
        except OSError:
            return None
    return socket.inet_ntoa(answer[20:24])


def write_variables(path: Path, variables: Mapping[str, str], emulator_url: str, endpoints: Mapping[str, str]) -> None:
    """Writes the file that `sam local --env-vars` reads: the variables of all functions, and the addresses for a container.

    `endpoints` are the variables with the address of the provider emulator; the emulator's address is `emulator_url`.

    `sam local` sets only variables that the template declares for a function, so one list serves all functions. The variables of
    Powertools are left out: they differ from function to function, and `sam local` reads them in the template.
    """
    shared = {name: value for name, value in variables.items() if not name.startswith("POWERTOOLS_")}
    urls = {"AWS_ENDPOINT_URL": emulator_url, **endpoints}
    addresses = {name: f"http://{HOST}:{urlsplit(url).port}" for name, url in urls.items()}
    path.write_text(json.dumps({"Parameters": shared | addresses}, indent=2))
