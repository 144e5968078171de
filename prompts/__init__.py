"""Prompts: one text file per pass and role, checked when it is loaded. Knows no model, no pair and no language.

A file is TOML front matter between two ``+++`` lines and a Jinja2 body. What is rendered into a body is never read as
a template again, so a corpus text that holds ``{{ x }}`` stays as it is.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

import jinja2
import jinja2.meta
import jinja2.nodes
import jinja2.sandbox

from midb.domain.errors import MidbError, UsageError

ROLES = ("system", "user")

#: The prompts that come with the package. Short ones are for models that were trained on them: their reader knows the
#: task already, and the rules of a short prompt are 54 tokens in place of 922 (German, SmolLM2's tokenizer).
FULL, SHORT = "full", "short"
STYLES = (FULL, SHORT)

#: Prompts that no run sends, as they rate pairs and rewrite none: a run's fingerprint does not depend on them.
FOR_EVALUATION = frozenset({"judge.system", "judge.user"})

_FRONT_MATTER = re.compile(r"\A\+\+\+[ \t]*\n(.*?)^\+\+\+[ \t]*(?:\n|\Z)\n*", re.DOTALL | re.MULTILINE)
#: Keys of the front matter, with the type of each.
_KEYS = {"name": str, "version": int, "role": str, "variables": list, "schema": str}
#: Hint for a file that somebody wrote or changed.
_EDIT = "See the prompts that midb-agent comes with for the form; midb-agent prompts list names them."


class PromptError(MidbError):
    """A prompt was asked to render with other variables than it declares, or its template failed."""


@dataclass(frozen=True)
class Prompt:
    """One text for one role. ``sha256`` covers the front matter, the body and the schema.

    :param unused: variables that it may be given and has no place for, as those of a short prompt.
    """

    name: str
    version: int
    role: str
    variables: tuple[str, ...]
    text: str = field(repr=False)
    sha256: str
    schema: Mapping[str, Any] | None = field(default=None, repr=False, hash=False)
    unused: tuple[str, ...] = ()

    def render(self, **variables: Any) -> str:
        """The text with its variables filled in; raises PromptError where one is missing or not known."""
        if self.unused:
            variables = {name: value for name, value in variables.items() if name not in self.unused}
        if len(variables) != len(self.variables) or not all(name in variables for name in self.variables):
            self._refuse(variables)
        try:
            return _template(self.text).render(variables)
        except (jinja2.TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise PromptError(f"prompt {self.name} cannot be rendered: {error}.", hint=_EDIT) from error

    def _refuse(self, variables: Mapping[str, Any]) -> NoReturn:
        for name in self.variables:
            if name not in variables:
                raise PromptError(f'prompt {self.name} was not given its variable "{name}".')
        other = next(name for name in variables if name not in self.variables)
        raise PromptError(f'prompt {self.name} has no variable "{other}".')


@dataclass(frozen=True)
class PromptSet:
    """The prompts by name: those that a run sends, and those that evaluate."""

    prompts: Mapping[str, Prompt]

    def __getitem__(self, name: str) -> Prompt:
        try:
            return self.prompts[name]
        except KeyError:
            raise PromptError(f'there is no prompt "{name}"; there are {", ".join(sorted(self.prompts))}.') from None

    def fingerprint(self) -> dict[str, str]:
        """Name -> sha256, in the order of names, of the prompts that a run sends: what its log keeps of them.

        Prompts that only evaluate (FOR_EVALUATION) are left out, so that a change of one makes no other run.
        """
        return {name: self.prompts[name].sha256 for name in sorted(self.prompts) if name not in FOR_EVALUATION}


def load_prompts(folder: Path | None = None, *, style: str = FULL) -> PromptSet:
    """The prompts of this package; files of ``folder`` (prompts and schemas) replace those of the same name.

    :param style: of the rewriting passes' prompts, one of STYLES. Those that judge are the same in all.
    :raises UsageError: for a folder or file that cannot be used, naming it.
    """
    own = _list_files(files("midb.prompts"))
    short = _list_files(files("midb.prompts") / SHORT) if style == SHORT else {}
    theirs = {} if folder is None else _find_replacements(folder, own)
    found: dict[str, Traversable | Path] = {**own, **short, **theirs}
    prompts = {}
    for name in sorted(found):
        if not name.endswith(".md"):
            continue
        prompt = _load(found[name], found)
        if name in theirs:
            _require_same_interface(prompt, _load(own[name], own), found[name])
        elif name in short:
            unused = set(_load(own[name], own).variables) - set(prompt.variables)
            prompt = replace(prompt, unused=tuple(sorted(unused)))
        prompts[prompt.name] = prompt
    return PromptSet(MappingProxyType(prompts))


def parse_prompts(text: str | None) -> tuple[str, PromptSet]:
    """The prompts that ``--prompts`` asks for: ``full``, ``short``, or a folder of replacements, whose style is "own".

    :return: their style and the prompts.
    """
    if text in (None, *STYLES):
        return text or FULL, load_prompts(style=text or FULL)
    return "own", load_prompts(Path(text or ""))


def _list_files(folder: Traversable) -> dict[str, Traversable]:
    return {item.name: item for item in folder.iterdir() if item.name.endswith((".md", ".json"))}


def _find_replacements(folder: Path, own: Mapping[str, Traversable]) -> dict[str, Path]:
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder of prompts.", hint="Name a folder that holds *.md files.")
    theirs = {path.name: path for path in sorted(folder.iterdir()) if path.suffix in (".md", ".json")}
    if not theirs:
        raise UsageError(f"{folder} holds no prompt.", hint="A prompt is a file such as content.system.md.")
    for name, path in theirs.items():
        if name not in own:
            same = (known for known in sorted(own) if known.endswith(path.suffix))
            raise UsageError(f"{path} replaces no prompt: its name is not known.", hint=f"Known are {', '.join(same)}.")
    return theirs


def _load(file: Traversable | Path, among: Mapping[str, Traversable | Path]) -> Prompt:
    """One prompt file with its schema; UsageError for anything that is not as it should be."""
    content = _read(file)
    match = _FRONT_MATTER.match(content)
    if match is None:
        raise UsageError(f"{file} does not begin with front matter between two +++ lines.", hint=_EDIT)
    front = _parse_front_matter(file, match[1])
    text = content[match.end() :]
    _check_template(file, text, front["variables"])
    digest = hashlib.sha256(content.encode())
    schema = None
    if "schema" in front:
        if front["schema"] not in among:
            raise UsageError(f'{file} names a schema that is not there: "{front["schema"]}".', hint=_EDIT)
        schema_text = _read(among[front["schema"]])
        schema = _parse_schema(among[front["schema"]], schema_text)
        digest.update(b"\0" + schema_text.encode())
    return Prompt(
        name=front["name"],
        version=front["version"],
        role=front["role"],
        variables=tuple(front["variables"]),
        text=text,
        sha256=digest.hexdigest(),
        schema=schema,
    )


def _read(file: Traversable | Path) -> str:
    """A file's text with plain line ends, so that a checkout's line ends change no hash."""
    try:
        return file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read as UTF-8 text: {error}.") from error


def _parse_front_matter(file: Traversable | Path, toml: str) -> dict[str, Any]:
    try:
        front = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file} has front matter that is not TOML: {error}.", hint=_EDIT) from error
    for key, value in front.items():
        if key not in _KEYS:
            raise UsageError(
                f'{file} has the unknown key "{key}" in its front matter.', hint=f"Keys: {', '.join(_KEYS)}."
            )
        if type(value) is not _KEYS[key]:
            raise UsageError(f'{file} has no {_KEYS[key].__name__} for "{key}" in its front matter.', hint=_EDIT)
    for key in _KEYS:
        if key not in front and key != "schema":
            raise UsageError(f'{file} has no "{key}" in its front matter.', hint=_EDIT)
    variables = front["variables"]
    if not all(isinstance(name, str) for name in variables) or len(set(variables)) != len(variables):
        raise UsageError(f'{file} has no list of different names for "variables" in its front matter.', hint=_EDIT)
    if f"{front['name']}.md" != file.name:
        raise UsageError(f'{file} calls itself "{front["name"]}".', hint="The name is the file's name without .md.")
    if front["role"] not in ROLES or not front["name"].endswith(f".{front['role']}"):
        raise UsageError(f'{file} has the role "{front["role"]}".', hint="The role is the last part of the name.")
    return front


@functools.cache
def _find_variables(text: str) -> frozenset[str] | None:
    """What a template uses; None where it takes in another one. Raises TemplateSyntaxError."""
    tree = _environment().parse(text)
    _template(text)  # what only compiling finds: unknown filters and tests
    if any(tree.find_all((jinja2.nodes.Include, jinja2.nodes.Import, jinja2.nodes.FromImport, jinja2.nodes.Extends))):
        return None
    return frozenset(jinja2.meta.find_undeclared_variables(tree))


def _check_template(file: Traversable | Path, text: str, variables: list[str]) -> None:
    try:
        used = _find_variables(text)
    except jinja2.TemplateSyntaxError as error:
        raise UsageError(f"{file} is no template: {error.message} (line {error.lineno} of its body).") from error
    if used is None:
        raise UsageError(f"{file} takes in another template.", hint="A prompt is one file, so that its hash covers it.")
    for name in sorted(used - set(variables)):
        raise UsageError(f'{file} uses the variable "{name}" and does not declare it.', hint=_EDIT)
    for name in variables:
        if name not in used:
            raise UsageError(f'{file} declares the variable "{name}" and does not use it.', hint=_EDIT)


def _parse_schema(file: Traversable | Path, text: str) -> Mapping[str, Any]:
    try:
        schema = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{file} is no JSON: {error}.") from error
    if not isinstance(schema, dict):
        raise UsageError(f"{file} is no JSON schema: an object is expected.")
    return schema


def _require_same_interface(theirs: Prompt, own: Prompt, file: Traversable | Path) -> None:
    """A replacement is filled in by the same code as what it replaces."""
    if set(theirs.variables) != set(own.variables):
        raise UsageError(
            f"{file} has other variables than the prompt it replaces.", hint=f"They are {', '.join(own.variables)}."
        )


@functools.cache
def _environment() -> jinja2.Environment:
    """Sandboxed: a folder of prompts may come from somebody else. Without globals: a prompt sees its variables only."""
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    environment.globals.clear()
    return environment


@functools.cache
def _template(text: str) -> jinja2.Template:
    template = _environment().from_string(text)
    template.globals = {}  # there are none, and jinja2 would look through its maps of them at each rendering
    return template
