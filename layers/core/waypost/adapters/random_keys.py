"""Random API keys and workspace ids."""

from __future__ import annotations

import secrets
import string
from typing import Final

_KEY_CHARACTERS: Final = string.ascii_letters + string.digits
_KEY_LENGTH: Final = 40


def random_key() -> str:
    """A new API key: `wp_` and 40 letters and digits, about 238 random bits."""
    return "wp_" + "".join(secrets.choice(_KEY_CHARACTERS) for _ in range(_KEY_LENGTH))


def random_workspace_id() -> str:
    """A new workspace id: `w_` and 16 hexadecimal digits."""
    return "w_" + secrets.token_hex(8)
