"""The console: static files that a browser loads, and the headers under which it shows them (docs/console.md#security).

Its routes are operations like those of the API, so that 404, 405 and HEAD follow from the same table. They are not in the OpenAPI document,
because no program calls them, and they need no key: the files are the same in every stack, and hold no data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from waypost.domain.errors import RefusedError
from waypost.manage.api import ApiRequest, Operation
from waypost.manage.requests import IgnoredQuery
from waypost.web.http import Response

_PATH: Final = "/console"
_INDEX: Final = "index.html"
_MAIL: Final = "mail.html"
_BUILD_PLACEHOLDER: Final = "{build}"
"""What the index holds in its links in place of the name of the build."""

_MEDIA: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""The media types by the ends of file names. All are texts."""

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
# The frame in which a mail is shown. `sandbox` gives it an origin of its own, also where it is opened without a frame: what a mail holds
# can reach neither the key nor the API. It may run only the script that puts the mail in place.
_MAIL_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-scripts"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
_IMMUTABLE: Final = "public, max-age=31536000, immutable"
_PROBLEM: Final = "application/problem+json"


@dataclass(frozen=True)
class Console:
    """The console in a folder. The folder is read once, at the first request for it: no path of a request ever becomes one of the disk."""

    folder: Path

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The routes of the console."""
        return (
            _operation("/", "redirect-to-console", _redirect_from_root),
            _operation(_PATH, "show-console", self._show_index),
            _operation(f"{_PATH}/{{build}}/{{file}}", "read-console-file", self._show_file),
        )

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """The files by their names. A file of a type that the console does not serve is a fault of the build: KeyError."""
        files = sorted(each for each in self.folder.iterdir() if each.is_file())
        return {each.name: each.read_text(encoding="utf-8") for each in files if _MEDIA[each.suffix]}

    @cached_property
    def build(self) -> str:
        """The name of this version of the files: a hash over all of them, because each imports others by relative paths."""
        digest = hashlib.sha256()
        for name, text in self.texts.items():
            digest.update(f"{name}\0{len(text)}\0{text}".encode())
        return digest.hexdigest()[:16]

    def _show_index(self, request: ApiRequest[IgnoredQuery, None]) -> Response:
        """`GET /console`. It is read again at each visit, so that a browser asks for the files of the build that is deployed."""
        if request.path.endswith("/"):  # from there, the relative links would lead nowhere
            return _redirect("../" * (len(request.path) - len(request.path.rstrip("/"))) + "console")
        return _page(self.texts[_INDEX].replace(_BUILD_PLACEHOLDER, self.build), _INDEX, "no-cache")

    def _show_file(self, request: ApiRequest[IgnoredQuery, None]) -> Response:
        """`GET /console/{build}/{file}`. RefusedError 404 for another build, whose files this function does not have.

        The current file in its place would mix two builds in one page, and the browser would keep it for a year.
        """
        name = request.variables["file"]
        if request.variables["build"] != self.build or name == _INDEX or name not in self.texts:
            raise RefusedError(404, "not-found", "This version of the console has no such file. Load /console again.")
        return _page(self.texts[name], name, _IMMUTABLE)


def for_browser(path: str, response: Response) -> Response:
    """The response with the console's headers and as plain text, if it is an error on a path of the console."""
    if response.media != _PROBLEM or not (path.strip("/") == "" or f"{path}/".startswith(f"{_PATH}/")):
        return response
    text = f"{response.body['detail']}\n"
    headers = {**response.headers, **_HEADERS, "Cache-Control": "no-store"}
    return replace(response, body=text, headers=headers, media="text/plain; charset=utf-8")


def _operation(path: str, name: str, handler: Any) -> Operation:
    return Operation("GET", path, name, "A part of the console", handler, str, scope=None, query=IgnoredQuery, media=_MEDIA[".html"])


def _redirect_from_root(request: ApiRequest[IgnoredQuery, None]) -> Response:
    """`GET /`, also where the address ends with the stage or base path and has no slash behind it."""
    last_segment = request.path.rpartition("/")[2]  # a browser takes it off the address before it adds a relative one
    return _redirect(f"{last_segment}/console" if last_segment else "console")


def _redirect(target: str) -> Response:
    """A redirect to a relative address: the stage or base path before it is unknown here, and stays."""
    headers = {**_HEADERS, "Cache-Control": "no-cache", "Location": target}
    return Response(HTTPStatus.FOUND.value, "", headers, "text/plain; charset=utf-8")


def _page(text: str, name: str, caching: str) -> Response:
    headers = {**_HEADERS, "Cache-Control": caching}
    if name == _MAIL:
        headers["Content-Security-Policy"] = _MAIL_POLICY
    if name == _INDEX:
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return Response(200, text, headers, _MEDIA[Path(name).suffix])
