r"""LaTeX that translation took apart or translated: ``\ frac {1} {2}``, ``\Bruch{1}{2}``, ``\begin{aligné}``.

The source's formulas and commands say what stood there; without it, what can be no LaTeX is flagged. Knows commands,
and under which names translators bring them; parses nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from midb.domain.defects import DefectFamily, DefectKind, Finding, Invariant, Severity
from midb.text.inspection import FieldText, Inspection
from midb.text.spans import Protected

ALTERED_FORMULA = DefectKind(
    name="altered-formula",
    family=DefectFamily.TRANSLATION,
    severity=Severity.MAJOR,
    summary="LaTeX whose commands were translated, or set apart by blanks",
    repairs=True,
    may_change=frozenset({Invariant.PROTECTED, Invariant.NUMBERS}),
)
KINDS = (ALTERED_FORMULA,)

# fmt: off
#: Commands that most formulas are made of. One that is not here is left as it is.
_KNOWN = frozenset(
    """
    frac dfrac tfrac cfrac sqrt sum prod int oint iint lim limits sup inf max min log ln exp sin cos tan cot sec csc
    arcsin arccos arctan sinh cosh tanh gcd det dim ker deg arg alpha beta gamma delta epsilon varepsilon zeta eta
    theta vartheta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta
    Lambda Xi Pi Sigma Upsilon Phi Psi Omega times cdot div pm mp leq geq neq le ge ne approx equiv sim simeq cong
    propto infty partial nabla forall exists in notin subset subseteq supset cup cap emptyset setminus to rightarrow
    leftarrow Rightarrow Leftarrow leftrightarrow Leftrightarrow mapsto implies iff ldots cdots vdots ddots dots
    left right big Big bigg Bigg begin end text textbf textit textrm mathrm mathbf mathbb mathcal mathit mathsf
    operatorname overline underline hat bar vec tilde dot ddot boxed binom choose quad qquad hline label tag ref
    item section subsection documentclass usepackage title author maketitle angle triangle circ degree perp parallel
    therefore because ast star oplus otimes wedge vee neg langle rangle lfloor rfloor lceil rceil mid nmid prime ell
    hbar Re Im
    """.split()  # noqa: SIM905
)
#: Of these some are words as well: they are commands where a bracket follows.
_WITH_ARGUMENT = frozenset(
    """
    frac dfrac tfrac sqrt begin end text textbf mathrm mathbf mathbb mathcal left right sum int lim hat bar vec
    overline binom boxed operatorname
    """.split()  # noqa: SIM905
)
_UNMISTAKABLE = frozenset(
    """
    frac dfrac sqrt times cdot alpha beta gamma delta epsilon theta lambda sigma omega leq geq neq approx infty
    partial mathbb mathrm mathbf ldots cdots rightarrow Rightarrow
    """.split()  # noqa: SIM905
)
#: What translators make of frac, sqrt, text, left and right, where no accent shows that it is no command.
_TRANSLATED = frozenset(
    """
    Bruch bruch Wurzel wurzel Summe Grenze links rechts texto texte testo frazione radice raiz fraccion racine
    gauche droite sinistra destra izquierda derecha esquerda direita infini infinito infinita kesir metin teks akar
    pecahan kiri kanan zlomek odmocnina vlevo vpravo
    """.split()  # noqa: SIM905
)
# fmt: on
#: A command; behind a doubled backslash, which breaks a line, there is none. And a folder behind the letter of a drive.
_COMMAND = re.compile(r"(?<!\\)\\([^\W\d_]+)")
_PATH = re.compile(r"(?<![A-Za-z])[A-Za-z]:\\[^\W\d_]")
#: An escape of a program, and the word behind it.
_ESCAPE = re.compile(r"[nrt](?![a-z])")
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s?\{([^{}\n]{1,30})\}")
_SPACED = re.compile(r"(?<!\\)\\ +([A-Za-z]{2,20})(?![A-Za-z])(?= ?([{(\[|.]?))")
_ASCII_NAME = re.compile(r"[A-Za-z]+")
_BRACKET = re.compile(r"\s?[{(\[]")
_DEFINES = re.compile(r"\\(?:new|renew|provide)command|\\def\\|\\newenvironment|\\DeclareMath")
#: What makes blanks in a formula harmful: they stand behind a backslash, or inside a dollar.
_HARMFUL = re.compile(r"(?<!\\)\\ +[A-Za-z]|^\$ |(?<!\\) \$$")
_BLANK = re.compile(r"\s+")
#: Longer formulas are not looked for character by character, nor more of them than this.
_LONGEST_FORMULA = 200
_MOST_FORMULAS = 30
#: Commands of a text that are compared one by one.
_MOST_COMMANDS = 1_000


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Formulas, then commands and environments, of each field."""
    for item in inspection.filled_fields:
        source = item.source or ""
        if "\\" not in item.text and not ("$ " in item.text and "$" in source):
            continue
        formulas = _find_spaced_formulas(item, source) if "\\" in source or "$" in source else []
        yield from formulas
        if "\\" not in item.text or _PATH.search(item.text):
            continue
        if not formulas:
            yield from _find_spaced_commands(item)
        yield from _find_translated(item, source, _COMMAND, "command")
        yield from _find_translated(item, source, _ENVIRONMENT, "environment")


def _find_spaced_formulas(item: FieldText, source: str) -> list[Finding]:
    """Formulas of the source that stand in the text with other blanks, which keep them from being read."""
    found = []
    formulas = Counter(source[span.start : span.end] for span in item.source_protected.only(Protected.LATEX))
    for formula, count in list(formulas.items())[:_MOST_FORMULAS]:
        if len(formula) > _LONGEST_FORMULA or item.text.count(formula) >= count:
            continue
        pattern = r"[ \u00a0]*".join(map(re.escape, _BLANK.sub("", formula)))
        matches = [match for match in re.finditer(pattern, item.text) if match.group() != formula]
        harmful = [match for match in matches if _HARMFUL.search(match.group())]
        if not harmful or len(harmful) > count - item.text.count(formula):
            continue
        for match in harmful:
            if item.code.overlaps(*match.span()):
                continue
            edit = ALTERED_FORMULA.edit(item.field, match.start(), match.group(), formula)
            evidence = f"the source has {formula[:60]} here"
            found.append(ALTERED_FORMULA.finding(item.field, edit.start, edit.end, evidence, fix=(edit,)))
    return found


def _find_spaced_commands(item: FieldText) -> Iterator[Finding]:
    """A backslash with a blank before the name of its command; one finding for a field."""
    found = [
        match
        for match in _SPACED.finditer(item.text)
        if match[1] in _UNMISTAKABLE or (match[1] in _WITH_ARGUMENT and match[2])
        if not item.code.overlaps(*match.span())
    ]
    if found:
        first = found[0]
        more = f" (and {len(found) - 1} more)" if found[1:] else ""
        evidence = f"a blank inside the command \\{first[1]}{more}"
        yield ALTERED_FORMULA.finding(item.field, *first.span(), evidence)


def _find_translated(item: FieldText, source: str, pattern: re.Pattern[str], what: str) -> Iterator[Finding]:
    """Names of commands, or of environments, that are translated; restored where the source has as many."""
    there = [match for match in pattern.finditer(item.text) if not item.code.overlaps(*match.span())]
    if not there or len(there) > _MOST_COMMANDS:
        return
    wanted = [match[1] for match in pattern.finditer(source)] if source else []
    names = set(wanted)
    restored = _pair_names([match[1] for match in there], wanted, what)
    for match in there:
        name = match[1]
        if name in names:
            continue
        if original := restored.get(name):
            edit = ALTERED_FORMULA.edit(item.field, match.start(1), name, original)
            evidence = f"the source has {original} for {name}"
            yield ALTERED_FORMULA.finding(item.field, *match.span(1), evidence, fix=(edit,))
        elif _is_translated(match, item.text, what) and not _DEFINES.search(item.text):
            yield ALTERED_FORMULA.finding(item.field, *match.span(1), f"LaTeX has no {what} {name}")


def _pair_names(there: Sequence[str], wanted: Sequence[str], what: str) -> dict[str, str]:
    """What each unknown name stands for: both texts have as many, and one name became one other throughout."""
    if len(there) != len(wanted):
        return {}
    meant: dict[str, str] = {}
    for name, original in zip(there, wanted, strict=True):
        if name == original:
            continue
        known = what == "environment" or original in _KNOWN
        if name in _KNOWN or name in wanted or not known or not _ASCII_NAME.match(original):
            return {}
        if meant.setdefault(name, original) != original:
            return {}
    if len(set(meant.values())) != len(meant) or any(original in there for original in meant.values()):
        return {}
    return meant


def _is_translated(match: re.Match[str], text: str, what: str) -> bool:
    """Whether a name can be none of LaTeX: it has letters that commands cannot have, or is a translator's."""
    name = match[1]
    if what == "environment":
        return not name.isascii()
    if name in _TRANSLATED:
        return bool(_BRACKET.match(text, match.end()))
    return not name.isascii() and text.startswith("{", match.end()) and not _ESCAPE.match(name)
