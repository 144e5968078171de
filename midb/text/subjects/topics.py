"""What a pair talks about, where that turns a defect into an example of it.

A text about HTML shows entities, one about encodings shows mojibake, one about language models shows their tokens.
The words looked for are names of techniques, which are written the same in all languages.
"""

from __future__ import annotations

import re

from midb.text.inspection import Inspection

_ENCODINGS = re.compile(
    r"(?<![a-z])(?:utf-?(?:7|8|16|32)|unicode|ascii|mojibake|iso[- ]?8859|latin-?1(?!\d)|(?:windows|cp)-?125\d"
    r"|shift[-_ ]?jis|euc-(?:jp|kr)|gbk|koi8|charset|code ?page|encoding|encoded?|decoded?|escape sequence)(?![a-z])"
    r"|文字化け|文字コード|кодиров|깨진 글자|인코딩|codificación|codifica |encodage|zeichenkod|codificação|kódování"
    r"|κωδικοποίηση|ترميز|kodlama|การเข้ารหัส|mã hóa|bảng mã|pengekodan|pengkodean",
    re.IGNORECASE,
)

_MARKUP = re.compile(
    r"(?<![a-z])(?:x?html\d?|xml|xhtml|css|svg|sgml|mathml|markdown|markup|entit(?:y|ies)|unescape|php|jsx|javascript"
    r"|typescript|(?:react|angular|vue)\.?js|(?-i:React|Angular|Vue)|django|jinja|rss|wiki(?:text|markup)|bbcode|latex"
    r"|regexe?s?|web ?(?:page|site)s?|url(?: ?encod\w+)?|query string|balises?|etiquetas?|тег\w*|タグ|태그|แท็ก"
    # A day is "Tag" in German, and people escape from prisons as well.
    r"|(?-i:tags?|TAGS?)"
    r"|escap(?:e|ed|ing)(?= (?:the |all |these |special |html |xml )*(?:char|string|sequence|sign|code|html|&|<)))"
    r"(?![a-z])"
    r"|regulären? Ausdr|expresi(?:ón|ones) regular|expressions? régulière|espression[ei] regolar|regulární výraz"
    r"|expressão regular|expressões regulares|регулярн\w+ выражен|正規表現|정규 ?(?:표현)?식|düzenli ifade"
    r"|biểu thức chính quy|ekspresi reguler|ungkapan nalar|تعبير(?:ات)? نمطي|κανονικ\w+ [εέ]κφρ[άα]σ|นิพจน์ปกติ",
    re.IGNORECASE,
)
#: The same, or a piece of markup itself.
_MARKUP_OR_SHOWN = re.compile(rf"{_MARKUP.pattern}|<!doctype|<\?xml|</[a-z]+>|&lt;/?[a-z]+", re.IGNORECASE)

_LANGUAGE_MODELS = re.compile(
    r"(?<![a-z])(?:prompts?|alpaca|vicuna|sharegpt|self-?instruct|tokens?|tokeni[sz]\w*|chat ?templates?"
    r"|prompt ?(?:template|format|engineering|injection)\w*|ll[am]ma\w*|llms?|language models?|fine-?tun\w+|chatml"
    r"|bert|gpt\w*|transformers?|html|xml|jinja)(?![a-z])"
    r"|токен|トークン|토큰|โทเค็น|رمز مميز",
    re.IGNORECASE,
)

_PROGRAMMING = re.compile(
    r"(?<![a-z])(?:python|javascript|typescript|java|json|yaml|c\+\+|c#|sql|php|ruby|perl|golang|rust|kotlin|swift"
    r"|regex\w*|bash|shell|script|scripts|api|html|css|xml|code|codes|program\w*|function|string|variable)(?![a-z])"
    r"|```|コード|プログラ|코드|프로그램|โค้ด|โปรแกรม|برمج|كود|код\b|программ|kod[ue]?\b|código|codice"
    r"|κώδικ|lập trình|mã nguồn",
    re.IGNORECASE,
)


def _speak_of(pattern: re.Pattern[str], inspection: Inspection) -> bool:
    """Whether a text of the pair or of its source holds one of the words."""
    pairs = (inspection.pair,) if inspection.source is None else (inspection.pair, inspection.source)
    return any(pattern.search(text) for pair in pairs for _, text in pair.texts())


def speaks_of_encodings(inspection: Inspection) -> bool:
    """Whether the pair, or its source, is about character encodings."""
    return _speak_of(_ENCODINGS, inspection)


def speaks_of_markup(inspection: Inspection) -> bool:
    """Whether the pair, or its source, is about HTML, Markdown or another markup, or shows some."""
    return _speak_of(_MARKUP_OR_SHOWN, inspection)


def names_markup(inspection: Inspection) -> bool:
    """Whether the pair, or its source, has a word for HTML, Markdown or another markup; tags alone are no such word."""
    return _speak_of(_MARKUP, inspection)


def speaks_of_language_models(inspection: Inspection) -> bool:
    """Whether the pair, or its source, is about language models and how text is fed to them."""
    return _speak_of(_LANGUAGE_MODELS, inspection)


def speaks_of_programming(inspection: Inspection) -> bool:
    """Whether the pair, or its source, is about code."""
    return _speak_of(_PROGRAMMING, inspection)


def asks_for_programming(inspection: Inspection) -> bool:
    """Whether the instruction of the pair, or of its source, is about code."""
    pairs = (inspection.pair,) if inspection.source is None else (inspection.pair, inspection.source)
    return any(_PROGRAMMING.search(pair.instruction or "") for pair in pairs)
