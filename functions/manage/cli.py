"""The command line for whoever deployed a stack: makes workspaces and their first keys, before there is a key to call the API with."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[2] / "layers" / "core"))  # it runs from a clone, where nobody installed the layer

from waypost import wiring
from waypost.domain.errors import RefusedError, UnavailableError

SCOPES: Final = ("events", "admin")


def main(arguments: list[str] | None = None) -> int:
    """Does what the arguments ask for; 0, or 1 after an error that it printed."""
    asked = _parser().parse_args(arguments)
    try:
        return _make(asked)
    except (RefusedError, LookupError) as error:
        print(f"refused: {error}", file=sys.stderr)
    except UnavailableError as error:
        print(f"AWS cannot be reached or would not answer ({error}); are region and credentials set?", file=sys.stderr)
    return 1


def _make(asked: argparse.Namespace) -> int:
    if asked.command == "workspace":
        workspace, key = wiring.new_workspace(asked.name, asked.key, stack=asked.stack)
        print(f"workspace  {workspace}")
    else:
        key = wiring.new_key(asked.workspace, asked.scopes, asked.name, asked.key, stack=asked.stack)
    print(f"key        {key}\nOnly its hash is stored, so this is the last time that anybody sees it.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cli.py", description=__doc__)
    parser.add_argument("--stack", required=True, help="the name of the deployed stack")
    commands = parser.add_subparsers(dest="command", required=True)
    workspace = commands.add_parser("workspace", help="make a workspace and its first admin key")
    workspace.add_argument("name", help="a name for people")
    key = commands.add_parser("key", help="make one more key")
    key.add_argument("--workspace", required=True, help="the workspace's id, w_...")
    key.add_argument("--scopes", required=True, nargs="+", choices=SCOPES, help="events: send events; admin: everything")
    key.add_argument("--name", default="", help="a name for people")
    for command in (workspace, key):
        command.add_argument("--key", help="import this key, 20 to 200 printable characters, in place of a fresh one")
    return parser


if __name__ == "__main__":
    sys.exit(main())
