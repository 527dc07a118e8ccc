"""The console through the handler of the management function: its files, their headers, and what leads to no file."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from functions.manage import app
from tests.fakes.api_client import Context, send
from waypost.manage.console import Console
from waypost.manage.operations import document

FOLDER = Path(app.__file__).parent / "console"
BUILD = app.CONSOLE.build
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
MAIL_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-scripts"
)
MEDIA = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
FILES = sorted(each.name for each in FOLDER.iterdir() if each.name != "index.html")
ANSWERS = [
    ("GET", "/", 302),
    ("GET", "/console", 200),
    ("HEAD", "/console", 200),
    ("GET", "/console/", 302),
    *(("GET", f"/console/{BUILD}/{name}", 200) for name in FILES),
    ("GET", f"/console/{BUILD}/unknown.js", 404),
    ("GET", "/console/unknown/main.js", 404),
    ("GET", "/console/main.js", 404),
    ("POST", "/", 405),
    ("POST", "/console", 405),
    ("DELETE", f"/console/{BUILD}/main.js", 405),
]


def get(path: str, method: str = "GET", query: dict[str, str] | None = None) -> dict[str, Any]:
    """The response to a request without a key."""
    return send(method, path, query=query, key=None)


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
def test_every_answer_of_the_console_has_its_policy(method: str, path: str, status: int) -> None:
    """Each answer, also an error, forbids scripts of others and frames, and lets no page of another origin read it."""
    response = get(path, method)
    headers = response["headers"]
    assert response["statusCode"] == status
    assert headers["Content-Security-Policy"] == (MAIL_POLICY if path.endswith("/mail.html") else POLICY)
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
    assert not [name for name in headers if name.startswith("Access-Control-")]
    assert headers["Content-Type"].startswith(("text/", "image/svg+xml"))


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_kept_by_the_browser_and_has_its_media_type(name: str) -> None:
    """A file of a build never changes; its body is that of the folder."""
    response = get(f"/console/{BUILD}/{name}")
    assert response["headers"]["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response["headers"]["Content-Type"] == MEDIA[Path(name).suffix]
    assert response["body"] == (FOLDER / name).read_text(encoding="utf-8")


def test_the_index_names_files_of_its_build_by_relative_links() -> None:
    """The index is read again at each visit, and its relative links lead to files of the build, also behind a stage."""
    response = get("/console")
    assert (response["headers"]["Cache-Control"], response["headers"]["Cross-Origin-Opener-Policy"]) == ("no-cache", "same-origin")
    links = re.findall(r'(?:src|href)="([^"]*)"', response["body"])
    assert links
    for link in links:
        assert link.startswith(f"console/{BUILD}/")
        assert get(f"/{link}")["statusCode"] == 200


@pytest.mark.parametrize(
    ("path", "location"), [("/", "console"), ("/console/", "../console"), ("/console//", "../../console")], ids=["root", "slash", "slashes"]
)
def test_other_addresses_of_the_index_redirect_to_it(path: str, location: str) -> None:
    """The redirects are relative, so that a stage or a base path stays."""
    response = get(path)
    assert (response["statusCode"], response["headers"]["Location"], response["body"]) == (302, location, "")


@pytest.mark.parametrize(("full_path", "location"), [("/live/", "console"), ("/live", "live/console"), ("/", "console")])
def test_the_redirect_of_the_root_keeps_the_stage(full_path: str, location: str) -> None:
    """A browser adds a relative address behind the last slash: without one at the end, the name of the stage would be lost."""
    context = {"stage": "live", "path": full_path}
    event = {"httpMethod": "GET", "path": "/", "resource": "/", "pathParameters": None, "requestContext": context}
    assert app.lambda_handler(event, Context())["headers"]["Location"] == location


def test_a_slash_at_the_end_arrives_below_a_base_path() -> None:
    """The redirect of `/console/` works too where the greedy path of API Gateway has lost the slash."""
    event = {
        "httpMethod": "GET",
        "path": "/base/console/",
        "resource": "/{proxy+}",
        "pathParameters": {"proxy": "console"},
        "requestContext": {"stage": "live", "path": "/base/console/"},
    }
    assert app.lambda_handler(event, Context())["headers"]["Location"] == "../console"


@pytest.mark.parametrize(
    "name",
    [
        "..%2fapp.py",
        "%2e%2e%2fapp.py",
        "..",
        "%2e%2e",
        "..%5capp.py",
        "app.py",
        "%2fetc%2fpasswd",
        "index.html",
        "main.js%00",
        "",
        "x" * 300,
    ],
)
def test_no_path_leaves_the_folder(name: str) -> None:
    """Only the names of files in the folder are found, and the index only under its own address."""
    response = get(f"/console/{BUILD}/{name}")
    assert response["statusCode"] == 404
    assert "import" not in response["body"]


def test_an_unknown_build_says_what_to_do() -> None:
    """A page of an earlier build gets no file of this one, and the error, which no browser keeps, is a sentence."""
    response = get("/console/0123456789abcdef/main.js")
    assert response["headers"]["Cache-Control"] == "no-store"
    assert response["body"] == "This version of the console has no such file. Load /console again.\n"


def test_head_has_the_headers_of_get_and_no_body() -> None:
    """HEAD works on every route of the console."""
    for path in ("/", "/console", f"/console/{BUILD}/main.js"):
        got, head = get(path), get(path, "HEAD")
        assert (head["statusCode"], head["headers"], head["body"]) == (got["statusCode"], got["headers"], "")


def test_a_405_of_the_console_allows_get() -> None:
    """`Allow` names GET and HEAD."""
    assert get("/console", "POST")["headers"]["Allow"] == "GET, HEAD"


def test_the_console_ignores_query_parameters() -> None:
    """What a mail program or a monitor adds to the address does no harm."""
    assert get("/console", query={"utm_source": "x"})["statusCode"] == 200


def test_an_error_beside_the_console_is_a_problem_as_before() -> None:
    """Only paths of the console get text errors: `/consoles` is the API's 404."""
    assert get("/consoles")["headers"]["Content-Type"] == "application/problem+json"


def test_the_openapi_document_has_no_route_of_the_console() -> None:
    """The document describes the API only."""
    assert not [path for path in document()["paths"] if path == "/" or path.startswith("/console")]


def test_the_build_changes_with_any_file(tmp_path: Path) -> None:
    """Another text or another name of a file is another build; the same files are the same build."""
    copies = [Path(shutil.copytree(FOLDER, tmp_path / name)) for name in ("same", "text", "name")]
    (copies[1] / "mail.js").write_text("// changed", encoding="utf-8")
    (copies[2] / "mail.js").rename(copies[2] / "letter.js")
    same, text, name = (Console(each).build for each in copies)
    assert same == BUILD
    assert len({same, text, name}) == 3


def test_a_file_of_an_unknown_type_is_refused(tmp_path: Path) -> None:
    """A file that the console cannot serve fails when the folder is read, and is not left out."""
    (tmp_path / "index.md").write_text("# Index", encoding="utf-8")
    with pytest.raises(KeyError):
        Console(tmp_path).build  # noqa: B018 - a property
