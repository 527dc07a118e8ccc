"""The command line of the operator of a stack.

It creates workspaces and keys before there is a key to call the API with, and redrives what no workspace can. It uses
the AWS credentials of its environment (docs/deploy.md#first-workspace-and-keys).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[2] / "layers" / "core"))  # it runs from a clone, in which the layer is not installed

from waypost import wiring
from waypost.domain.dead_letters import UNKNOWN_WORKSPACE
from waypost.domain.errors import RefusedError, UnavailableError
from waypost.manage import dead_letters
from waypost.manage.stack_queues import redrive_timers
from waypost.manage.time_limit import unlimited

SCOPES: Final = ("events", "admin")
WORKSPACE_ID_HELP: Final = (
    "give the workspace this id, w_ and up to 32 lower-case letters and digits, instead of a random one. The files in events/ need w_demo"
    " and --key waypost-local-admin-key. These keys are public: every client that reaches the API can use them. For test stacks only."
)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command. Returns 0, or 1 after an error, which it prints to stderr."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except (RefusedError, LookupError) as error:
        print(f"refused: {error}", file=sys.stderr)
    except UnavailableError as error:
        print(f"AWS cannot be reached or would not answer ({error}); are region and credentials set?", file=sys.stderr)
    return 1


def _run(options: argparse.Namespace) -> int:
    if options.command == "dead-letters":
        return _dead_letters(options)
    if options.command == "redrive-timers":
        sent, unreadable = redrive_timers(wiring.stack_queues(options.stack))
        print(f"sent       {sent}\nunreadable {unreadable}")
        return 0
    administration, now = wiring.workspace_administration(options.stack), wiring.now()
    if options.command == "workspace":
        workspace, key = administration.create_workspace(options.name, options.key, now, options.id)
        print(f"workspace  {workspace}")
    else:
        key = administration.create_key(options.workspace, options.scopes, options.name, options.key, now)
    print(f"key        {key}\nOnly its hash is stored, so it cannot be shown again.")
    return 0


def _dead_letters(options: argparse.Namespace) -> int:
    """Lists the dead letters of a workspace, or puts them on their queues again."""
    queues = wiring.stack_queues(options.stack)
    if options.redrive:
        redriven, cursor = dead_letters.redrive_all(queues, options.workspace, None, wiring.now(), unlimited)
        while cursor is not None:
            number, cursor = dead_letters.redrive_all(queues, options.workspace, cursor, wiring.now(), unlimited)
            redriven += number
        print(f"redriven   {redriven}")
        return 0
    before = None
    while True:
        found, before = queues.dead_letters.page(options.workspace, limit=dead_letters.PAGE_SIZE, before=before)
        for each in found:
            print(each.position, each.kind, each.reason)
        if before is None:
            return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cli.py", description="Create workspaces and API keys in a deployed stack.")
    parser.add_argument("--stack", required=True, help="the name of the deployed stack")
    commands = parser.add_subparsers(dest="command", required=True)
    workspace = commands.add_parser("workspace", help="create a workspace and its first admin key")
    workspace.add_argument("name", help="a name for people")
    workspace.add_argument("--id", help=WORKSPACE_ID_HELP)
    key = commands.add_parser("key", help="create another key")
    key.add_argument("--workspace", required=True, help="the id of the workspace, w_...")
    key.add_argument("--scopes", required=True, nargs="+", choices=SCOPES, help="events: send events; admin: everything")
    key.add_argument("--name", default="", help="a name for people")
    dead = commands.add_parser("dead-letters", help="list dead letters, by default those of records that name no workspace")
    dead.add_argument("--workspace", default=UNKNOWN_WORKSPACE, help="the id of the workspace, w_...")
    dead.add_argument("--redrive", action="store_true", help="put them on their queues again")
    commands.add_parser("redrive-timers", help="send the timers that EventBridge Scheduler could not deliver")
    for command in (workspace, key):
        command.add_argument("--key", help="import this key, 20 to 200 printable characters, instead of a random one")
    return parser


if __name__ == "__main__":
    sys.exit(main())
