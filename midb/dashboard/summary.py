"""The first and the last screen of a run: what will happen to the data, and what happened. Knows no terminal.

Both are lists of parts, to be printed one below the other.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from midb.dashboard.blocks import OUTCOME_STYLES, Block, Row, make_table, paint, put_beside
from midb.dashboard.console import Fact, Part
from midb.dashboard.model import describe_total
from midb.dashboard.screen import WIDE
from midb.dashboard.state import Progress, sum_outcomes
from midb.dashboard.text import fit, flow_counts, format_count, format_duration, pluralize, shorten
from midb.domain.decisions import RUN_OUTCOMES
from midb.domain.events import RunEnded, RunPlanned
from midb.domain.generations import Usage
from midb.text.terminal import quote_word, visible

#: Record keys that can be typed in a command as they are.
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*")


#: Kinds that reviews switched off, as many as are told one by one.
_SWITCHED = 12


def draw_plan(plan: RunPlanned) -> list[Part]:
    """The first screen."""
    total = "length unknown" if plan.total is None else pluralize(plan.total, "record")
    facts = [
        ("corpus", f"{fit(plan.corpus)}   {total}, {fit(plan.format)}, {fit(plan.layout)}"),
        ("language", fit(plan.language)),
        ("passes", ", ".join(map(fit, plan.passes))),
        ("engine", f"{fit(plan.engine)}{_describe_workers(plan)}"),
        ("output", visible(plan.output)),
        ("audit log", visible(plan.database)),
        ("rejected", f"{visible(plan.rejected)}   (only lines that cannot be read)"),
    ]
    if plan.adapters:
        facts.insert(4, ("adapters", fit(plan.adapters)))
    if plan.budget:
        facts.insert(4, ("budget", fit(plan.budget)))
    if plan.cluster:
        facts.append(("shards", fit(plan.cluster)))
    facts += _list_switched_off(plan.switched_off)
    if plan.cluster and plan.resumed_at:
        facts.append(("resume", f"{format_count(plan.resumed_at)} records are done already, by what the shards say"))
    elif plan.resumed_at:
        facts.append(("resume", f"resuming at record {format_count(plan.resumed_at)}: what comes before it is done"))
    elif plan.examined_before:
        many = plan.examined_before > 1
        first = f"the first {format_count(plan.examined_before)} records were" if many else "the first record was"
        facts.append(("resume", f"{first} examined with another limit; what was decided is taken over"))
    return [Fact(label, Text(text)) for label, text in facts]


def _list_switched_off(notes: Sequence[str]) -> list[tuple[str, str]]:
    """What reviews switched off, one a line; many are only counted."""
    lines = [fit(note) for note in notes[:_SWITCHED]]
    if len(notes) > _SWITCHED:
        lines.append(f"and {len(notes) - _SWITCHED:,} more, which the audit log names")
    return [("" if number else "review", line) for number, line in enumerate(lines)]


def _describe_workers(plan: RunPlanned) -> str:
    """How much goes on at once."""
    if plan.cluster:
        return ""
    if plan.model:
        return f"   up to {pluralize(plan.workers, 'record')} at once" if plan.workers else ""
    return f"   {pluralize(plan.workers, 'worker') if plan.workers else 'in this process'}"


def draw_end(ended: RunEnded, progress: Progress, *, width: int) -> list[Part]:
    """The last screen: the most telling things last, next to the prompt."""
    ledger, kinds = _draw_ledger(ended), _draw_kinds(ended, columns=1 if width >= WIDE else 2)
    tables = [ledger.body, kinds.body]
    if width >= WIDE:
        tables = [put_beside([ledger, kinds], widths=[None, None], gap=6).body]
    parts: list[Part] = [Text("")]
    for item in tables:
        parts += (item, Text(""))
    parts += _draw_results(ended, progress, width)
    parts.append(Text(""))
    parts += [Fact(label, Text(text)) for label, text in _list_switched_off(ended.switched_off)]
    if _used_model(ended, progress):
        parts.append(Fact("model", describe_total(ended, progress)))
    parts += _draw_places(ended)
    parts += _draw_next(ended, progress)
    return parts


def draw_quiet_end(ended: RunEnded) -> list[Part]:
    """What even a quiet run says: lines were rejected, the ledger is off, an internal error, how to go on."""
    parts: list[Part] = []
    if ended.rejected or not balances(ended):
        parts.append(describe_ledger(ended))
    if ended.rejected:
        parts.append(Fact("rejected", Text(_show_path(ended.rejected_path))))
    if ended.internal_errors:
        parts.append(describe_internal_errors(ended))
    if ended.too_slow:
        parts.append(describe_too_slow(ended))
    if ended.no_usable_reply:
        parts.append(describe_no_usable_reply(ended))
    if ended.unexamined:
        parts.append(Text(describe_unexamined(ended.unexamined), "yellow"))
    if others := describe_other_languages(_count_languages(ended)):
        parts.append(Text(others, "yellow"))
    parts += [Fact(label, Text(text)) for label, text in _list_switched_off(ended.switched_off)]
    if ended.status != "finished":
        parts.append(describe_status(ended))
        if ended.resume_command:
            parts.append(Fact("next", Text(visible(ended.resume_command)), command=True))
    return parts


def balances(ended: RunEnded) -> bool:
    """Whether everything that was read is accounted for: by the run's own word, and counted again here."""
    return ended.balanced and ended.read == sum(ended.outcomes.values()) + ended.rejected


def describe_ledger(ended: RunEnded) -> Text:
    """The ledger in one line; loud where it does not balance."""
    sums = sum_outcomes(ended.outcomes)
    accounted = sum(sums.values()) + ended.rejected
    terms = " + ".join(f"{format_count(n)} {word}" for word, n in (*sums.items(), ("rejected", ended.rejected)))
    if balances(ended):
        return Text.assemble(("ledger balances", "green"), f": {format_count(ended.read)} read = {terms}")
    if accounted == ended.read:
        why = f"{format_count(ended.read)} read and accounted for, but the output does not agree with the audit log"
    else:
        missing = ended.read - accounted
        off = f"{format_count(missing)} missing" if missing > 0 else f"{format_count(-missing)} too many"
        why = f"{format_count(ended.read)} read, but {terms} = {format_count(accounted)} ({off})"
    return Text(f"THE LEDGER DOES NOT BALANCE: {why}. Do not use this output.", "bold red")


def describe_internal_errors(ended: RunEnded) -> Text:
    """Says what an error of our own did to the data: nothing."""
    records = pluralize(ended.internal_errors, "record")
    return Text(
        f"{records} hit an internal error and {'was' if ended.internal_errors == 1 else 'were'} kept unchanged; "
        "the audit log names them (reason internal-error).",
        "bold red",
    )


def describe_no_usable_reply(ended: RunEnded) -> Text:
    """Says what became of what the model could not be brought to answer: nothing."""
    pairs = pluralize(ended.no_usable_reply, "pair")
    return Text(
        f"{pairs} got no usable reply from the model and {'was' if ended.no_usable_reply == 1 else 'were'} kept "
        "unchanged; the audit log names them (reason no-usable-reply).",
        "yellow",
    )


def describe_too_slow(ended: RunEnded) -> Text:
    """Says what became of what took too long: nothing."""
    pairs = pluralize(ended.too_slow, "pair")
    return Text(
        f"{pairs} took too long and {'was' if ended.too_slow == 1 else 'were'} kept unchanged; "
        "the audit log names them (reason too-slow, --record-seconds).",
        "bold yellow",
    )


def describe_unexamined(records: int) -> str:
    """Says how many records no pair was found in, and what became of them: nothing."""
    was = "was not examined and stays as it is" if records == 1 else "were not examined and stay as they are"
    return f"{pluralize(records, 'record')} {was}: no pair was found (reason unexamined)"


def describe_other_languages(records: Counter[str]) -> str:
    """Names the languages that are none of ours, given how many records are in which; empty where there are none."""
    from midb.text.languages import is_supported, language_name  # not needed before the end

    others = Counter({code: count for code, count in records.items() if not is_supported(code)})
    if not others:
        return ""
    listed = ", ".join(f"{format_count(count)} {visible(language_name(code))}" for code, count in others.most_common(5))
    more = ", ..." if len(others) > 5 else ""
    verb = (
        "is in a language" if others.total() == 1 else "are in a language" if len(others) == 1 else "are in languages"
    )
    return (
        f"{pluralize(others.total(), 'record')} {verb} that midb-agent does not know, and left alone: {listed}{more} "
        "(reason other-language; --trust-language)"
    )


def _count_languages(ended: RunEnded) -> Counter[str]:
    records: Counter[str] = Counter()
    for (code, _), count in ended.outcomes.items():
        records[code] += count
    return records


def describe_status(ended: RunEnded, resumed_at: int = 0) -> Text:
    """How it ended, and how long it took; of a run that was resumed, only how long since then."""
    took = format_duration(ended.seconds)
    if resumed_at:
        took += f" (since it was resumed at record {format_count(resumed_at)})"
    match ended.status:
        case "finished":
            return Text(f"finished in {took}")
        case "interrupted":
            return Text(f"interrupted after {took}: what is done is kept, and the run can be resumed", "yellow")
        case status:
            return Text(f"{fit(status).upper()} after {took}: what was done before is kept", "bold red")


def _draw_ledger(ended: RunEnded) -> Block:
    """One row per language, one for rejected lines, a total."""
    languages = sorted({language for language, _ in ended.outcomes})
    rows: list[list[Text | str]] = []
    for language in languages:
        numbers = [ended.outcomes.get((language, outcome), 0) for outcome in RUN_OUTCOMES]
        rows.append([fit(language, 10) or "(none)", format_count(sum(numbers)), *_paint_all(numbers), Text("")])
    rejected = paint(ended.rejected, "red")
    if ended.rejected:
        rows.append(["unreadable", format_count(ended.rejected), "", "", "", rejected])
    sums = [sum(ended.outcomes.get((language, outcome), 0) for language in languages) for outcome in RUN_OUTCOMES]
    total = [Text("total"), Text(format_count(ended.read)), *_paint_all(sums), rejected.copy()]
    for cell in total:
        cell.stylize("bold")
    rows.append([*total])
    return make_table(("language", "read", *(outcome.value for outcome in RUN_OUTCOMES), "rejected"), rows)


def _paint_all(numbers: list[int]) -> list[Text]:
    return [paint(n, OUTCOME_STYLES.get(outcome, "")) for n, outcome in zip(numbers, RUN_OUTCOMES, strict=True)]


def _draw_kinds(ended: RunEnded, *, columns: int) -> Block:
    """Findings and repairs per kind, the most frequent first."""
    names = {name for counts in (ended.repaired, ended.open) for name, n in counts.items() if n}
    both = {name: ended.repaired.get(name, 0) + ended.open.get(name, 0) for name in names}
    order = sorted(names, key=lambda name: (-both[name], name))
    write = format_count if columns == 1 else shorten
    rows: list[Row] = []
    for name in order:
        counts = [(ended.repaired.get(name, 0), "green"), (ended.open.get(name, 0), "yellow")]
        rows.append([fit(name, 23), *(paint(n, style, write(n) if n else "–") for n, style in counts)])
    headers = ("findings", "repaired", "open")
    if not rows:
        return Block(1, Text("no findings"))
    if columns == 1 or len(rows) < 8:
        return make_table(headers, rows)
    half = -(-len(rows) // 2)
    halves = [make_table(headers, part, gap=1) for part in (rows[:half], rows[half:])]
    return put_beside(halves, widths=[None, None], gap=2)


def _draw_results(ended: RunEnded, progress: Progress, width: int) -> list[Part]:
    resumed_at = progress.plan.resumed_at if progress.plan else 0
    parts: list[Part] = [describe_status(ended, resumed_at), describe_ledger(ended)]
    if ended.internal_errors:
        parts.append(describe_internal_errors(ended))
    if ended.too_slow:
        parts.append(describe_too_slow(ended))
    if ended.no_usable_reply:
        parts.append(describe_no_usable_reply(ended))
    if ended.unexamined:
        parts.append(Text(describe_unexamined(ended.unexamined), "yellow"))
    if others := describe_other_languages(_count_languages(ended)):
        parts.append(Text(others, "yellow"))
    if reasons := Counter(ended.reasons):
        parts.append(Text("\n".join(flow_counts(reasons, width, 2, "rejected lines: ")), "red"))
    if left := sum(ended.open.values()):
        whom = "a person" if _used_model(ended, progress) else "a model or a person"
        parts.append(Text(f"{pluralize(left, 'finding')} left open, for {whom}", "yellow"))
    if progress.warnings:
        them = "it" if progress.warnings == 1 else "them all"
        parts.append(Text(f"{pluralize(progress.warnings, 'warning')}; the audit log holds {them}", "yellow"))
    return parts


def _used_model(ended: RunEnded, progress: Progress) -> bool:
    return progress.with_model or ended.usage != Usage()


def _draw_places(ended: RunEnded) -> list[Part]:
    unfinished = "" if ended.status == "finished" else "   (not finished)"
    rejected = f"{_show_path(ended.rejected_path)}   {pluralize(ended.rejected, 'line')}" if ended.rejected else "none"
    facts = [("output", _show_path(ended.output) + unfinished)]
    if ended.database:
        facts += [("audit log", _show_path(ended.database)), ("rejected", rejected)]
    if ended.head:
        facts.append(("log head", visible(ended.head)))
    return [Fact(label, Text(text)) for label, text in facts]


def _show_path(path: str) -> str:
    """A path as the plan shows it, bytes that are no UTF-8 among them."""
    return visible(re.sub("[\udc80-\udcff]", lambda byte: f"\\x{ord(byte[0]) - 0xDC00:02x}", path))


def _draw_next(ended: RunEnded, progress: Progress) -> list[Part]:
    """What to type next."""
    database = quote_word(ended.database)
    commands = [visible(ended.resume_command)] if ended.resume_command and ended.status != "finished" else []
    if not ended.database:  # the shards of a run on many machines have a log each
        return [Fact("next", Text(command), command=True) for command in commands]
    commands.append(f"midb-agent audit summary --db {database}")
    keys = [edit.record for edit in progress.edits if _PLAIN_KEY.fullmatch(edit.record)]
    if keys:
        commands.append(f"midb-agent audit show {keys[-1]} --db {database}")
    elif sum(ended.open.values()):
        commands.append(f"midb-agent audit find --status open --db {database}")
    labels = ["next", *[""] * (len(commands) - 1)]
    return [Fact(label, Text(command), command=True) for label, command in zip(labels, commands, strict=True)]
