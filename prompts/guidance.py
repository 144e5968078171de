"""What a native editor of a language keeps in mind, as the passes' prompts quote it. The data is in xx.toml."""

from __future__ import annotations

from pydantic import Field

from midb.locales import Locale, LocaleSection

#: Key of the table -> its label in a prompt, in the order of the prompt. Prompts leave some out by label.
LABELS = {
    "register": "Register",
    "writing": "Writing",
    "numbers": "Numbers and dates",
    "measures": "Measures",
    "money": "Money",
    "names": "Names and culture",
    "pitfalls": "What machine translation gets wrong",
}


class Guidance(LocaleSection, table="guidance"):
    """One to a few sentences of English per subject."""

    address: str = Field(alias="register")  # every pydantic model has a `register` already
    writing: str
    numbers: str
    measures: str
    money: str
    names: str
    pitfalls: str


def guidance(locale: Locale) -> list[dict[str, str]]:
    """The language's guidance as label and text, empty for a language this project does not know."""
    table = locale.get(Guidance)
    if table is None:
        return []
    texts = table.model_dump(by_alias=True)
    return [{"label": label, "text": texts[key]} for key, label in LABELS.items()]
