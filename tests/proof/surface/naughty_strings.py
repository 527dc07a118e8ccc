"""Texts at which programs are known to fail, by what is special about them. The list is our own."""

# ruff: noqa: E501 - a line for each kind

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

# fmt: off
STRINGS: Final[Mapping[str, Sequence[str]]] = {
    "empty and blank": ("", " ", "\t", "\n", "\r\n", "\x0b", "\x0c", "\xa0", "\u1680", "\u2003", "\u202f", "\u3000", "\u200b", "\ufeff", "   "),
    "words of programs": (
        *("null", "NULL", "nil", "none", "None", "undefined", "true", "false", "True", "NaN", "nan", "Infinity", "-Infinity", "inf"),
        *("constructor", "__proto__", "prototype", "hasOwnProperty", "toString", "__class__", "__init__", "self", "this", "eval", "lambda"),
        *("[object Object]", "undefined undefined", "\\N", "EOF", "#N/A", "#REF!", "anonymous", "distinct_id", "id", "0", "-1"),
    ),
    "numbers": (
        *("1", "1.0", "01", "1e5", "1E400", "-0", "0x1F", "0b1", "1_000", "1,000.00", "١٢٣", "１２３", "½", "²", "Ⅷ", "9" * 40, "1e999999999"),
        *(".5", "5.", "+1", "--1", "1/0", "2147483648", "9223372036854775808", "NaN0", "0.1e-999"),
    ),
    "control characters": tuple(f"a{chr(code)}b" for code in (*range(0x20), 0x7F, 0x80, 0x85, 0x9F)),
    "directions and joiners": (
        *("\u202etxet", "\u2066a\u2069", "\u200fa", "a\u200db", "a\u200cb", "a\u00adb", "\u2060", "\u180e", "\u061c", "\u2028", "\u2029", "a\u034fb"),
    ),
    "other scripts": (
        *("田中さん", "서울", "Ελλάδα", "Привет", "שלום", "مرحبا", "สวัสดี", "नमस्ते", "ᚠᛇᚻ", "ქართული", "ÅÄÖ", "ñandú", "İstanbul", "ıI", "ß", "ﬁ", "Ǆ"),
    ),
    "combinations": ("e\u0301", "é", "a" + "\u0301" * 100, "Z͑ͫ̓ͪ̂ͫ̽", "각", "\u1112\u1161\u11ab", "\u0301", "ﷺ", "ﷺ" * 100, "☃", "𝒜", "𝟘"),
    "emoji": ("😀", "👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏿", "🇩🇪", "#️⃣", "🫠", "👁️‍🗨️", "❤️", "😀" * 200),
    "ends of Unicode": ("\ufffd", "\ufffe", "\uffff", "\ufdd0", "\U0010ffff", "\U0001fffe", "\ue000", "\U000f0000", "\U0002fa1d"),
    "lone surrogates": ("\ud800", "\udfff", "a\ud83d", "\udc00\ud800", "\ud83d\ud83d\ude00"),
    "markup": (
        *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "'\"><svg/onload=1>", "<!--", "]]>", "<![CDATA[", "&amp;lt;", "&#x0;", "</title>"),
        *("javascript:alert(1)", "data:text/html,1", "<style>*{}</style>", "<a href=//evil.example>", "<!DOCTYPE x [<!ENTITY y 'z'>]>", "`${1}`"),
    ),
    "queries": (
        *("'", '"', "' OR 1=1 --", "'; DROP TABLE x;--", '{"$gt": ""}', "*", "%", "_", "\\", "a AND b", "#name", ":value", "attribute_exists(pk)", "pk"),
        *("#", "##", "a#b", "w_proof#c_1", "|", "\x1f", "~", "^", "SET a = b", "size(x)"),
    ),
    "commands and files": (
        *("$(touch x)", "`id`", "; ls", "| cat", "${HOME}", "$HOME", "%s%s%s%n", "%p", "{0}", "{}", "%(x)s", "../../etc/passwd", "/dev/null", "C:\\con"),
        *("..", ".", "/", "//", "a/b", "~root", "file:///etc/passwd", "\\\\host\\share", "CON", "a\x00.txt"),
    ),
    "headers": (
        *("a\r\nBcc: x@example.com", "a\nX: y", "a\rb", "=?utf-8?q?a?=", "a: b", '"a" <x@example.com>', "x@example.com, y@example.com", "x@[127.0.0.1]"),
        *("@", "x@", "@example.com", "x@example", "x@@example.com", "x y@example.com", "ä@exämple.com", "x@xn--a", f"{'x' * 65}@example.com"),
    ),
    "addresses": (
        *("http://", "https://", "http://127.0.0.1", "http://169.254.169.254/latest/meta-data/", "https://[::1]/", "https://0x7f000001", "//a.b"),
        *("https://example.com:99999", "https://user:pw@example.com", "https://exa mple.com", "https://ex\nample.com", "https://example.com/%zz"),
        *("https://ｅxample.com", "https://example.com/\ud800", "https://.", "https://a..b", "gopher://a", "https://example.com/{{ x }}", "+1555", "+"),
    ),
    "templates": (
        *("{{", "}}", "{{ }}", "{{ customer }}", "{{ customer.email }}", "{{ x | y }}", "{% if %}", "{% for i in (1..9) %}{{ i }}{% endfor %}", "{%"),
        *("{{ 'a' | append: }}", "{% raw %}", "{{ customer['a'] }}", "{{ 1 | divided_by: 0 }}", "{{ 'x' | date: '%' }}", "{% include 'x' %}", "{{{a}}}"),
        *("{{ customer.a.b.c[0] }}", "{{ 'now' | date: '%s%N%L' }}", "{% assign x = 1 %}", "{{ nil | size }}", "{{ \"a' }}", "{%- -%}"),
    ),
    "times": (
        *("2026-02-30", "0000-01-01", "9999-12-31T23:59:59Z", "2026-11-23T25:00:00Z", "24:00", "25:61", "P0D", "P1Y", "-P1D", "PT", "P", "P99999Y"),
        *("2026-11-23T05:17:13+99:99", "Europe/Nowhere", "../UTC", "utc", "1e10", "now", "tomorrow", "monday"),
    ),
    "encodings": ("caf\u00c3\u00a9", "%00", "%E0%A4%A", "+", "a%2Fb", "%252e", "&#65;", "\\u0041", "\\x41", "=41", "YQ==", "eyJhIjoxfQ", "wyI"),
    "long": ("x" * 201, "x" * 256, "x" * 1025, "é" * 300, "x" * 5000, "a " * 500, "a." * 300, "[" * 300, "(" * 300),
}
# fmt: on
ALL: Final = tuple(dict.fromkeys(text for texts in STRINGS.values() for text in texts))
