"""Which links of an e-mail are not tracked."""

from __future__ import annotations

import time

import pytest

from waypost.domain.messages.tracking import with_untracked_links

PAGE = "https://api.example.com/live/u/AbC_1-2"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (f'<a href="{PAGE}">Stop</a>', f'<a ses:no-track href="{PAGE}">Stop</a>'),
        (f"<A class=x HREF = '{PAGE}'>Stop</A>", f"<A ses:no-track class=x HREF = '{PAGE}'>Stop</A>"),
        (f"<a href={PAGE}>Stop</a>", f"<a ses:no-track href={PAGE}>Stop</a>"),
        (f'<a\n  href="{PAGE}?topic=news&amp;x=1">Stop</a>', f'<a ses:no-track\n  href="{PAGE}?topic=news&amp;x=1">Stop</a>'),
    ],
    ids=["usual", "capitals and single quotes", "no quotes", "line break and query"],
)
def test_a_link_to_a_page_of_waypost_is_not_tracked(html: str, expected: str) -> None:
    """The link gets the attribute of SES, however the template writes it, and nothing else of the e-mail changes."""
    assert with_untracked_links(f"<p>Hello</p>{html}<p>Bye</p>") == f"<p>Hello</p>{expected}<p>Bye</p>"


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://example.com/offer">Offer</a>',
        '<a href="https://example.com/u/">Users</a>',
        '<a href="https://example.com/u/ann/photos">Ann</a>',
        f'<a ses:no-track href="{PAGE}">Stop</a>',
        f'<img src="{PAGE}">',
        f"<p>{PAGE}</p>",
        f'<abbr href="{PAGE}">x</abbr>',
        "",
    ],
)
def test_everything_else_stays_as_it_is(html: str) -> None:
    """Other links are tracked, and what has the attribute gets it only once."""
    assert with_untracked_links(html) == html


@pytest.mark.parametrize(
    "hostile", ["<a " * 85_000, "<a href=" + "/u/" * 85_000, '<a href="' + " href=" * 40_000], ids=["tags", "paths", "hrefs"]
)
def test_the_time_grows_with_the_length_only(hostile: str) -> None:
    """An e-mail of the greatest size takes less than a second, whatever it holds."""
    started = time.process_time()
    with_untracked_links(hostile)
    assert time.process_time() - started < 1
