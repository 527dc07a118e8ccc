"""The HTTP client of all tests that call a local stack."""

from __future__ import annotations

from typing import Final

import httpx

# `httpx.get` and its like make a client for each request, which reads the certificates of all public authorities: 25 ms of CPU time. This
# client keeps no connection either, because a server may close an idle one at the moment of the next request.
http: Final = httpx.Client(timeout=60, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))
