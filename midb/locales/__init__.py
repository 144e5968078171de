"""Per-language text policy: one reviewable TOML file per language, typed sections on demand.

A detector that needs to know something about a language declares a LocaleSection next to its code and the data in
``xx.toml``; a language without that table is one the detector abstains from. No English default hides anywhere.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict

from midb.locales.measured import find_measured_reasons

#: The languages of the project, in the order of its description.
LANGUAGES = ("it", "es", "fr", "de", "ru", "ar", "tr", "ja", "ko", "pt", "cs", "el", "id", "th", "vi", "ms")

_IDENTITY = ("code", "name", "native_name", "script", "scripts", "direction", "default_locale")


class LocaleSection(BaseModel):
    """A table of a locale file, as one group of detectors reads it. Unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: ClassVar[str] = ""

    def __init_subclass__(cls, *, table: str, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.table = table

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        kwargs.pop("table", None)  # pydantic hands it here as well
        super().__pydantic_init_subclass__(**kwargs)


Section = TypeVar("Section", bound=LocaleSection)


@dataclass(frozen=True, eq=False)  # there is one for each language, and what depends on it is remembered by it
class Locale:
    """What is known about one language. ``scripts`` are Unicode script names its words are written in.

    ``default_locale`` is the CLDR locale whose conventions hold when the corpus names no territory; ``abstain`` maps
    a kind to the reason why it is not examined in this language.
    """

    code: str
    name: str
    native_name: str
    script: str
    scripts: tuple[str, ...]
    direction: str
    default_locale: str
    abstain: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, Any] = field(default_factory=dict, repr=False)
    _sections: dict[type[LocaleSection], LocaleSection | None] = field(default_factory=dict, repr=False, compare=False)

    def get(self, section: type[Section]) -> Section | None:
        """The language's table for ``section``, or ``None`` where it has none (the caller abstains)."""
        if section not in self._sections:
            table = self.tables.get(section.table)
            self._sections[section] = None if table is None else section.model_validate(table)
        return self._sections[section]  # type: ignore[return-value]

    @property
    def right_to_left(self) -> bool:
        return self.direction == "rtl"


#: Stands for a language this project does not know: every kind that needs to know the language abstains.
UNKNOWN = Locale("und", "undetermined", "", "", (), "ltr", "und")


@functools.cache
def load(code: str) -> Locale:
    """The locale of one of LANGUAGES, or UNKNOWN for any other code. Files are read once per process."""
    if code not in LANGUAGES:
        return UNKNOWN
    tables = tomllib.loads((files("midb.locales") / f"{code}.toml").read_text(encoding="utf-8"))
    identity = {key: tables.pop(key) for key in _IDENTITY}
    identity["scripts"] = tuple(identity["scripts"])
    # What natives say against a kind comes first; what was measured is asked for where they have nothing against it.
    abstain = find_measured_reasons(code) | tables.pop("abstain", {})
    return Locale(**identity, abstain=abstain, tables=tables)
