"""A command of a page that fails is found, with its line; so is a response that is not as shown."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.docs.demo import LOCAL_URL
from tests.docs.markdown import Document
from tests.docs.session import failures, misplaced

REFUSED = 418


class Echo(BaseHTTPRequestHandler):
    """Answers with the path; /refused answers with an error status."""

    def do_GET(self) -> None:
        """One JSON object."""
        self.send_response(REFUSED if self.path == "/refused" else 200)
        self.end_headers()
        self.wfile.write(json.dumps({"path": self.path}).encode())

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of a server that stands in for the stack."""
    with HTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def ran(text: str, url: str, folder: Path, seconds: float = 20) -> list[str]:
    """What was found wrong with a page of this text."""
    return list(failures(Document("page.md", text), {LOCAL_URL: url}, folder, seconds))


SET = "# Page\n\n```sh\nexport API=http://127.0.0.1:3000\n```\n\n"  # the next line is 7


def test_a_page_that_works(url: str, tmp_path: Path) -> None:
    """Variables last for the page, the address is the stack's, the last JSON value is the response, a journey is a file."""
    text = SET + (
        '```sh\ncurl -s $API/one\ncurl -s \\\n  "$API/two"\n```\n\nYou see:\n\n```json response\n{"path": "/two"}\n```\n\n'
        '```json journey\n{"id": "first"}\n```\n\n```sh\ncat first.json | grep -q first\n```\n'
    )
    assert not ran(text, url, tmp_path)


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("true\nfalse", 9),
        ("curl -s $API/refused", 8),
        ("curl -s \\\n  --max-time 5 \\\n  $API/refused\ntrue", 8),
        ("curl -s http://127.0.0.1:1/", 8),
        ("echo $NEVER_SET", 8),
        ("false | cat\ntrue", 8),
        ("unknown-command", 8),
        ("echo 'no end", 8),
    ],
)
def test_a_command_that_fails(url: str, tmp_path: Path, command: str, line: int) -> None:
    """The first failure ends the page and is reported once, with its line in the page."""
    [failure] = ran(f"{SET}```sh\n{command}\n```\n\n```sh\ntouch never\n```\n", url, tmp_path)
    assert failure.startswith(f"page.md:{line}: ")
    assert not (tmp_path / "never").exists()


def test_a_response_that_differs(url: str, tmp_path: Path) -> None:
    """The report names the line of the response and the member."""
    [failure] = ran(SET + '```sh\ncurl -s $API/one\n```\n```json response\n{"path": "/two"}\n```\n', url, tmp_path)
    assert failure == 'page.md:10: /path: shown "/two", found "/one"'


def test_a_response_that_shows_an_error_status(url: str, tmp_path: Path) -> None:
    """A page may show how a request is refused, with the body or with the status."""
    text = SET + '```sh\ncurl -s $API/refused\n```\n```json response\n{"path": "/refused"}\n```\n```sh\ncurl -si $API/refused\n```\n'
    assert not ran(text, url, tmp_path)


def test_an_error_status_that_the_response_does_not_show(url: str, tmp_path: Path) -> None:
    """Only the last request of a block is shown, so an earlier one must not be refused."""
    text = SET + '```sh\ncurl -s $API/refused\ncurl -s $API/one\n```\n```json response\n{"path": "/one"}\n```\n'
    [failure] = ran(text, url, tmp_path)
    assert failure.startswith("page.md:8: answered with an error status")


def test_a_command_that_does_not_end(url: str, tmp_path: Path) -> None:
    """The page is ended, with everything that it started."""
    assert ran(f"{SET}```sh\nsleep 60\n```\n", url, tmp_path, 0.5) == ["page.md:7: not done after 0.5 seconds"]


def test_a_response_without_a_command() -> None:
    """It would be compared with nothing."""
    document = Document("page.md", "```text\nx\n```\n```json response\n{}\n```\n")
    assert list(misplaced(document)) == ["page.md:4: this response does not follow an `sh` block"]
