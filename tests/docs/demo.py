"""A workspace like the demo workspace of the local run: documents show its id and its keys, and each document gets a new one."""

from __future__ import annotations

import json
from typing import Final
from uuid import uuid4

from functions.local.seed import ADMIN_KEY, EVENTS_KEY, REQUESTS, WORKSPACE
from functions.local.stack import Stack
from tests.docs.session import Replacements, replaced
from tests.stories.workspace import Workspace

LOCAL_URL: Final = "http://127.0.0.1:3000"
"""The address of the local run in documents."""


def replacements(stack: Stack) -> Replacements:
    """Creates the workspace in a stack. Returns what stands for the address, the id and the keys that a document shows."""
    created, events_key = stack.new_workspace("demo"), uuid4().hex
    used = {LOCAL_URL: stack.url, WORKSPACE: created["id"], ADMIN_KEY: created["key"], EVENTS_KEY: events_key}
    workspace = Workspace(stack, created["id"], created["key"], events_key)
    for method, path, body in json.loads(replaced(json.dumps(REQUESTS), used)):
        workspace.request(method, path, body).raise_for_status()
    return used
