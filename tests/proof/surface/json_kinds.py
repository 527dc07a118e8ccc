"""Texts that are JSON, that are not, and that a parser may take or refuse: made from rules of RFC 8259, by category.

The kinds are those of the published JSON test suite: `y` has to be accepted, `n` has to be refused, `i` may be either. A value stands
where a value may stand; a document is a whole body.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

Verdict = Literal["y", "n", "i"]
Table = Mapping[Verdict, Sequence[str | bytes]]


class Case(NamedTuple):
    """A text, and whether it has to be accepted (`y`), refused (`n`), or either (`i`)."""

    verdict: Verdict
    category: str
    number: int
    raw: bytes

    @property
    def name(self) -> str:
        """The name of the case, as the suite forms it."""
        return f"{self.verdict}_{self.category}_{self.number}"


NUMBERS: Final[Table] = {
    "y": (
        *(
            "0",
            "-0",
            "1",
            "-1",
            "123",
            "20e1",
            "1E22",
            "1e+2",
            "1E-2",
            "1E+2",
            "0e1",
            "0e+1",
            "0E-5",
            "-0.0",
            "0.0",
            "123e45",
            "123.456e78",
        ),
        *(
            "123.456",
            "0.000000000000000000000000000000000001",
            "-123.0e-3",
            "9" * 38,
            "-" + "9" * 38,
            "1e125",
            "1e-125",
            "1.0",
            "1.10",
            "100",
        ),
        *("4.9e-100", "1e0000000000000000000005", "9007199254740993", "-9223372036854775809", "18446744073709551616"),
    ),
    "n": (
        *(
            "+1",
            "++1",
            "--1",
            "-",
            "+",
            "01",
            "-01",
            "00",
            "1.",
            "-1.",
            ".1",
            "-.1",
            "0.e1",
            "1.e1",
            "1e",
            "1e+",
            "1e-",
            "1E",
            "1eE2",
            "0e",
        ),
        *("0e+", "1.5.2", "1 000", "1_000", "0x1", "0x", "0b1", "0o7", "1a", "-foo", "1+2", "-1x", "NaN", "-NaN", "nan", "Infinity"),
        *(
            "-Infinity",
            "inf",
            "１",
            "١٢",
            "1e1.5",
            "-2.",
            "2.e+3",
            "2.e-3",
            "0.3e",
            "0.3e+",
            "9.e+",
            "1,5",
            "1ea",
            "- 1",
            "1 e1",
            "¹",
            "1f",
            "0L",
        ),
    ),
    "i": ("1e126", "-1e999", "9" * 39, "1e-126", "0.5e-9999999999", "123123e100000", "9" * 5000, "1e" + "9" * 30, "0e" + "9" * 30),
}
STRINGS: Final[Table] = {
    "y": (
        *(rf'"\{escape}"' for escape in '"\\/bfnrt'),
        *(
            rf'"\u{code}"'
            for code in ("0000", "001F", "0022", "005C", "0060", "007f", "00e9", "0821", "2028", "2029", "FEFF", "FFFE", "FDD0")
        ),
        r'"𝄞"',
        r'"\udbff\udfff"',
        r'"\\u0000"',
        r'"\\n"',
        r'"a\"b"',
        r'"[{:,}]"',
        *(
            f'"{character}"'
            for character in ("", " ", "a", "€", "𝄞", "é", "e\u0301", "\x7f", "\u0080", "\u2028", "\u2029", "\ufeff", "\uffff")
        ),
        *('"/* no comment */"', '"// nor this"', '"it\'s"', '"' + "x" * 5000 + '"', '"\U0010ffff"', '"\u202e"', '"null"'),
    ),
    "n": (
        *(f'"a{chr(code)}b"' for code in range(0x20)),
        *(
            rf'"\{wrong}"'
            for wrong in ("x41", "a", "0", "'", "v", "U0041", "u", "u1", "u12", "u123", "u{41}", "uD8", "u00G0", "é", "\x00", "\n")
        ),
        r'"\uD83D\u"',
        r'"\uD834\x"',
        *('"', '"abc', '"\\"', '"\\', "'abc'", "abc", "“a”", '"a" "b"', '"a"b', 'a"b"', "`a`", '"""a"""', "\\u0061", '"\\u0061'),
    ),
    "i": (
        *(rf'"\u{code}"' for code in ("D800", "DBFF", "DC00", "DFFF", "d83d")),
        *(r'"\uDC00\uD800"', r'"\uD800\uD800"', r'"\uD800a"', r'"\uD800\n"', r'"a\uDFAA"'),
    ),
}
ARRAYS: Final[Table] = {
    "y": (
        *("[]", "[ ]", "[[]]", "[[],[]]", "[null]", '[""]', "[1,2,3]", "[1 , 2]", "[1,null,true,false,{}]", "[\n1\n,\t2\r]", "[[[[[]]]]]"),
        *('["a",{"b":[1]}]', "[0,0,0,0,0,0,0,0]", "[" + ",".join("1" * 500) + "]"),
    ),
    "n": (
        *("[", "]", "[1", "[1,", "[,1]", "[1,]", "[1,,2]", "[,]", "[1 2]", "[1:2]", "[a]", "[1]]", "[[1]", "[1}", '["a"', '["a",', "[1;2]"),
        *("[*]", "[-]", "[1 true]", "[1,\n1\n,1", '["": 1]', "[3[4]]", "[x", "[\x0b]", "[\x0c]", "[\xa0]", "(1)", "<null>", "[1]x", "[#]"),
    ),
}
OBJECTS: Final[Table] = {
    "y": (
        *("{}", "{ }", '{"a":1}', '{"":0}', '{"a":{"b":{}}}', '{"a":1,"b":2}', '{"a":1,"a":2}', '{"a":1,"a":1}', '{"a":[]}'),
        *(r'{"a\u0000b":1}', '{"a" : 1}', '{\n"a"\t:\r1 }', '{"é":1}', '{"\\u00e9":1}', '{"' + "k" * 300 + '":1}', '{"__proto__":1}'),
    ),
    "n": (
        *("{", "}", '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a"}', '{"a",1}', '{"a":}', "{:1}", "{1:1}", "{a:1}", "{'a':1}", '{"a" 1}'),
        *(
            '{"a":1,}',
            '{"a":1,,"b":2}',
            '{,"a":1}',
            '{"a"::1}',
            '{"a":1 "b":2}',
            '{"a":1]',
            '{"a":1}}',
            '{"a":1}#',
            '{"a":1}//',
            '{"a":1}/**/',
        ),
        *(
            '{"a":/**/1}',
            '{/*c*/"a":1}',
            "{null:1}",
            '{"a":a}',
            '{"a"=1}',
            '{"a"=>1}',
            '{"a":1;"b":2}',
            "{[]:1}",
            '{"a":"b" c}',
            '{"a":1:2}',
        ),
    ),
}
LITERALS: Final[Table] = {
    "y": ("true", "false", "null"),
    "n": (
        *("True", "FALSE", "Null", "NULL", "nul", "tru", "fals", "nulll", "truee", "undefined", "None", "nil", "t", "yes", "true false"),
        *("truE", "a", "@", "\u2603", "𝓽rue", "trueé", "nu\u00adll", "n\x00ull"),
    ),
}  # fmt: skip
DOCUMENTS: Final[Table] = {
    "y": (
        *("0", "-1", '""', '"a"', "true", "null", "[]", "{}", " []", "[] ", "\n{}\n", "\t[]\r\n", "\r\n\r\n1\t ", "1 ", ' {"batch" : 1 } '),
        *("[" * 400 + "]" * 400, '{"a":' * 400 + "1" + "}" * 400, "[" * 5000 + "]" * 5000, '[{"a":' * 5000 + "1" + "}]" * 5000),
    ),
    "n": (
        *("", " ", "\n", "[][]", "{}{}", "1 2", "{} []", "[],", ",", ":", "{} x", "[]\x00", "\x00[]", "\x00", "\x0c{}", "\x0b{}", "{}\x0c"),
        *(
            "\xa0{}",
            "\u2003{}",
            "\u2060{}",
            "{}\u2028",
            "\u0085[]",
            "//a\n{}",
            "/**/{}",
            "#a\n{}",
            "--\n{}",
            "---\n{}",
            "{}\n---\n{}",
            "{}\n{}",
        ),
        *("<a/>", "a=1&b=2", "batch=1", "({})", "var a = 1;", "{}/*", "\\", "\\n{}", '"\\', "[[" * 50_000, '[{"":' * 25_000, "]" * 100_000),
        *("[" * 5000 + "x" + "]" * 5000, "[" * 5000 + "}" * 5000, "[" * 5000 + "]" * 4999, '[1,"' + "[" * 5000 + "]" * 5000),
        *(
            "[" * 5000 + "]" * 5000 + '"',
            '[1 " ,' + "[" * 5000 + "]" * 5000 + "]",
            "[" * 5000 + "01" + "]" * 5000,
            "[" * 5000 + "{]}" + "]" * 5000,
        ),
        *("[" * 5000 + "1,]" + "]" * 4999, "[" * 5000 + '{"a"}' + "]" * 5000, "[" * 5000 + '"\x01"' + "]" * 5000, "[" * 5000 + "]" * 5001),
    ),
}
WHITESPACE: Final[Table] = {
    "y": tuple(f"{space}[{space}1{space},{space}{{{space}}}{space}]{space}" for space in (" ", "\n", "\t", "\r", "\r\n", "  ", "\n\n")),
    "n": tuple(
        f"[{space}1]"
        for space in ("\x0b", "\x0c", "\x00", "\x1f", "\xa0", "\u1680", "\u2003", "\u2028", "\u2029", "\u202f", "\ufeff")
    ),
}  # fmt: skip
ENCODINGS: Final[Table] = {
    "n": (
        b'"\xff"',
        b'"\xfe"',
        b'"\x80"',
        b'"\xbf"',
        b'"\xc0\xaf"',
        b'"\xc1\x81"',
        b'"\xe0\x80\xaf"',
        b'"\xf0\x80\x80\xaf"',
        b'"\xed\xa0\x80"',
        b'"\xed\xbf\xbf"',
        b'"\xed\xa0\xbd\xed\xb8\x80"',
        b'"\xf4\x90\x80\x80"',
        b'"\xf5\x80\x80\x80"',
        b'"\xf8\x88\x80\x80\x80"',
        b'"\xc3"',
        b'"\xe2\x82"',
        b'"\xf0\x9f\x98"',
        b'"\xe9t\xe9"',
        b'"a\\\xe5"',
        b'"\\u\xe5"',
        b"\xff",
        b"1\xe5",
        b"1e1\xe5",
        b"0\xe5",
        b"\xe5",
        b'\xef\xbb\xbf""',
    ),
}
"""Bytes that are no UTF-8 at the place of a value; the last one is a byte order mark within the body."""
ENCODED_DOCUMENTS: Final[Table] = {
    "n": (
        b"\xef\xbb\xbf",
        b"\xef\xbb",
        b"\xef\xbb\xbf\xef\xbb\xbf{}",
        b"\xff\xfe",
        b"\xfe\xff",
        b"[\xef\xbb\xbf]",
        b"\x1f",
        b"\x1f\x8b",
        *(f"{{}}{sign}".encode() for sign in ("\u2060", "\ufeff")),
        *("{}".encode(encoding) for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "cp037")),
    ),
    "i": (b"\xef\xbb\xbf{}", b"\xef\xbb\xbf[]", b"\xef\xbb\xbf 1"),
}


def _cases(category: str, table: Table) -> Iterator[Case]:
    for verdict, texts in table.items():
        for number, text in enumerate(texts):
            yield Case(verdict, category, number, text.encode() if isinstance(text, str) else text)


VALUES: Final = (
    *_cases("number", NUMBERS),
    *_cases("string", STRINGS),
    *_cases("array", ARRAYS),
    *_cases("object", OBJECTS),
    *_cases("literal", LITERALS),
    *_cases("whitespace", WHITESPACE),
    *_cases("encoding", ENCODINGS),
)
WHOLE: Final = (*_cases("structure", DOCUMENTS), *_cases("encoded_structure", ENCODED_DOCUMENTS))
