"""What in a text leads to a person or a purse: telephone numbers, handles, wallets, accounts, cards.

Each is told by its form, and compared by a key: digits, or characters without blanks and case. Other numbers of a text
(years, amounts, dates, versions, sequences) have other forms.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterator

import regex

from midb.text.protection import EMAIL_ADDRESS, find_protected_spans
from midb.text.smuggling.codes import has_run
from midb.text.smuggling.folding import fold, list_rare
from midb.text.spans import Protected, Span, Spans

#: What a number is called that can be called, before it, in the languages that the program knows.
_CALL_WORDS = (
    r"tel|telefon\w*|tlf|telp|phone|mobile|mobil|handy|hotline|fax|call|whats ?app|wa|viber|signal|sms|cell|ligue"
    r"|llama\w*|llame|teléfono|móvil|telefone|celular|appelez|téléphone|portable|telefono|cellulare|chiama\w*|anruf\w*|rufen?|rufe"
    r"|telepon|hubungi|hp|ara(?:yın(?:ız)?)?|hattı|тел\w*|звоните|позвони\w*|τηλ\w*|κινητό|điện thoại|đt|sđt|gọi"
    r"|電話(?:番号)?|携帯|전화(?:번호)?|연락처|โทร\w*|เบอร์|هاتف|اتصل\w*|جوال|رقم|volejte|zavolejte"
)
#: What an account is called.
_ACCOUNT_WORDS = (
    r"account|acct|konto\w*|kontonummer|cuenta|conta|compte|conto|rekening|akaun|hesap|hesab\w*|účet|účtu|сч[её]т\w*"
    r"|λογαριασμ\w*|tài khoản|stk|口座(?:番号)?|계좌(?:번호)?|บัญชี|حساب\w*|paypal|bizum|pix|iban|bic"
)

_AS_ONE = r"[ \u00a0.\-/()]"
_PLUS = regex.compile(
    rf"(?<![\w+.,])(?:\+|00(?=[1-9]))\s?(?:\(?\d{{1,4}}\)?{_AS_ONE}{{0,2}}){{2,6}}\d{{1,12}}(?!\w|[.,]\d)"
)
_NATIONAL = regex.compile(rf"(?<![\w+.,:/-])\(?0\d{{1,4}}\)?(?:{_AS_ONE}{{0,2}}\d{{2,8}}){{1,5}}(?!\w|[.,:]\d)")
_AMERICAN = regex.compile(
    r"(?<![\w+.,/-])(?:1[ .-])?(?:\(\d{3}\)\s?\d{3}[-. ]\d{4}|\d{3}([-.])\d{3}\1\d{4}|[2-9]\d\d[- ]\d{3}[- ]\d{4}"
    r"|555-\d{4})(?!\w|[.,]\d|-\d)"
)
_SPOKEN = regex.compile(
    rf"(?<!\p{{L}})(?:{_CALL_WORDS})(?!\p{{L}}(?<![\u3040-\u9fff\uac00-\ud7a3\u0e00-\u0e7f]))[^\d\n]{{0,20}}?"
    rf"(?P<n>\d(?:{_AS_ONE}{{0,2}}\d){{6,14}})(?![\d%])|[☎☏📞📱✆][^\d\n]{{0,12}}(?P<n>\+?\d(?:{_AS_ONE}{{0,2}}\d){{4,14}})",
    regex.IGNORECASE,
)
_ACCOUNT = regex.compile(
    rf"(?<!\p{{L}})(?:{_ACCOUNT_WORDS})(?!\p{{L}}(?<![\u3040-\u9fff\uac00-\ud7a3\u0e00-\u0e7f]))[^\d\n]{{0,24}}?"
    r"(?P<n>\d(?:[ -]?\d){7,23})(?![\d%.,]|\s?[%€$£¥])",
    regex.IGNORECASE,
)
_DATE = regex.compile(
    r"(?<!\d)(?:\d{1,2}[./ -]\d{1,2}[./ -](?:1[5-9]|20)\d\d|(?:1[5-9]|20)\d\d[./-]\d{1,2}[./-]\d{1,2})(?!\d)"
)
_CARD = regex.compile(r"(?<![\w.,-])(?:\d{4}[ -]){3}\d{1,7}(?![\w.,]\d|\w)|(?<![\w.,-])[3-6]\d{14,15}(?!\w|[.,]\d)")
_IBAN = regex.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,4})?(?![A-Za-z0-9])")
_WALLETS = regex.compile(
    r"(?<![A-Za-z0-9/+_=-])(?:(?:bc|tb|ltc|addr|cosmos|bnb|osmo|terra|bitcoincash:?)1?[02-9ac-hj-np-z]{25,100}"
    r"|0x[0-9a-fA-F]{40,64}|[1-9A-HJ-NP-Za-km-z]{26,110}|(?:UQ|EQ)[A-Za-z0-9_-]{46})(?![A-Za-z0-9/+_=-])"
)
_WORD = r"[[\p{L}\p{M}\p{N}_]--[\p{Thai}\p{Hiragana}\p{Katakana}\p{Han}\p{Hangul}]]"
_HANDLE = regex.compile(
    rf"(?<![A-Za-z0-9_@./\\=-])@(?P<name>(?!\d){_WORD}{{2,30}}(?:[.-]{_WORD}{{1,30}}){{0,3}}"
    r"|(?<=(?:^|\s)@)[\p{Thai}\p{Hiragana}\p{Katakana}\p{Han}\p{Hangul}]{2,16}(?=\s|$))",
    regex.VERSION1,
)
_TAGGED = regex.compile(r"(?<![\w#])[\p{L}_][\p{L}\p{N}_.]{1,31}#\d{4}(?!\d)")
_EMAIL = regex.compile(EMAIL_ADDRESS)

#: What an at sign begins in programs and style sheets.
_AT_RULES = frozenset(
    {
        "media", "import", "charset", "keyframes", "supports", "include", "mixin", "override", "param", "return",
        "returns", "author", "version", "see", "since", "deprecated", "throws", "property", "staticmethod",
        "classmethod",
        "dataclass", "test", "before", "after", "autowired", "component", "entity",
    }
)  # fmt: skip

_SEPARATORS = regex.compile(r"(?<=\d)[\s().\-/]+(?=\d)")
_DIGIT = regex.compile(r"[^\P{Nd}0-9]")


def find_contacts(text: str) -> list[str]:
    """The keys of all contacts of a text.

    >>> find_contacts("Call 0812 3456 7890, or write to @free_plants.")
    ['081234567890', '@free_plants']
    >>> find_contacts("From 1914 to 1918, 10 000 000 people; 05.12.2023, 1.234.567,89 and ISBN 978-3-16-148410-0.")
    []
    """
    folded = _fold(text)
    if not _may_lead(folded):
        return []
    return list(dict.fromkeys(_find_keys(folded)))


class KnownContacts:
    """What a text has of contacts: a key is known if its characters stand there, however they are set apart."""

    def __init__(self, text: str) -> None:
        folded = _fold(text)
        self._digits = _SEPARATORS.sub("", folded)
        self._joined = regex.sub(r"[\s-]+", "", folded).casefold()

    def __contains__(self, key: str) -> bool:
        if key.isdigit():
            return key.lstrip("0") in self._digits
        return key in self._joined


def _may_lead(folded: str) -> bool:
    """Whether it is worth looking closer: most texts have nothing of the kind."""
    return "@" in folded or "0x" in folded or bool(_NUMBER.search(folded)) or _has_long_word(folded)


_NUMBER = regex.compile(r"\d{2}\D{0,3}\d{2}")
_has_long_word = has_run(string.ascii_letters + string.digits, 26)


def _fold(text: str) -> str:
    """Folded, and all digits those of ASCII."""
    folded = fold(text)
    if not _DIGIT.search(list_rare(folded)):
        return folded
    return _DIGIT.sub(lambda match: str(unicodedata.digit(match[0])), folded)


def _find_keys(folded: str) -> Iterator[str]:
    yield from _find_phones(folded)
    for match in _ACCOUNT.finditer(folded):
        if not _DATE.search(match["n"]) and not _is_amount(match["n"]) and not match["n"].endswith("000"):
            yield _keep_digits(match["n"])
    for match in _CARD.finditer(folded):
        digits = _keep_digits(match.group())
        if (
            len(digits) >= 13
            and len(set(digits)) > 1
            and (" " in match.group() or "-" in match.group() or _passes_luhn(digits))
        ):
            yield digits
    for match in _IBAN.finditer(folded):
        plain = regex.sub("[ -]", "", match.group())
        if len(plain) >= 15 and sum(map(str.isdigit, plain)) >= 8:
            yield plain.casefold()
    for match in _WALLETS.finditer(folded):
        if _is_wallet(match.group()):
            yield match.group().casefold()
    yield from _find_handles(folded)


def _find_phones(folded: str) -> Iterator[str]:
    for pattern in (_PLUS, _NATIONAL, _AMERICAN, _SPOKEN):
        for match in pattern.finditer(folded):
            found = match["n"] if pattern is _SPOKEN else match.group()
            digits = _keep_digits(found)
            least = {_PLUS: 8, _NATIONAL: 9, _AMERICAN: 7}.get(pattern, 6)
            if not least <= len(digits) <= 15 or _DATE.search(found) or len(set(digits)) < 3 or _is_amount(found):
                continue
            if pattern is _AMERICAN and digits.endswith("000"):  # 100-200-3000
                continue
            if pattern is _NATIONAL and not any(c in found for c in " ./()-\u00a0") and not 10 <= len(digits) <= 12:
                continue
            yield digits.removeprefix("00") if pattern is _PLUS else digits


def _find_handles(folded: str) -> Iterator[str]:
    if "@" not in folded and "#" not in folded:
        return
    mails = Spans(Span(*match.span(), Protected.EMAIL) for match in _EMAIL.finditer(folded))
    code = find_protected_spans(folded).only(Protected.CODE)
    for match in (*_HANDLE.finditer(folded), *_TAGGED.finditer(folded)):
        if mails.holds(match.start()) or code.holds(match.start()):
            continue
        name = match.groupdict().get("name")
        if name is not None and name.casefold() in _AT_RULES:
            continue
        yield match.group().casefold().rstrip(".-")


def _keep_digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _is_amount(text: str) -> bool:
    """Whether digits in threes are an amount: "10 000 000", "1.234.567", but not "+49 123 456 789"."""
    return bool(
        regex.fullmatch(r"\+?\s?[1-9]\d{0,2}(?:([ .\u00a0])000)(?:\1\d{3})*|[1-9]\d{0,2}(?:\.\d{3})+", text.strip())
    )


def _passes_luhn(digits: str) -> bool:
    """The check digit of cards."""
    doubled = (int(c) * (2 if n % 2 else 1) for n, c in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _is_wallet(text: str) -> bool:
    """Whether a long word is one that no person wrote: its cases and digits are mixed, or it has a known beginning."""
    if text.startswith(("bc1", "tb1", "ltc1", "addr1", "cosmos1", "bnb1", "osmo1", "terra1", "bitcoincash", "0x")):
        return sum(map(str.isdigit, text)) >= 4
    digits, upper, lower = (sum(map(kind, text)) for kind in (str.isdigit, str.isupper, str.islower))
    return digits >= 3 and upper >= 3 and lower >= 3
