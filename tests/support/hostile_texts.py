"""A hundred texts that try to be more than text, wherever they are shown, and a log in which they stand everywhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from log_fixtures import RUN, WRITTEN, Story, now, pair, record

from midb.audit.log import AuditLog
from midb.audit.verdict_rows import Item, ReviewVerdict
from midb.domain.decisions import Pass

#: What a script would do that ran.
OWNED = "document.title='owned'"

SCRIPTS = [
    f"<script>{OWNED}</script>", f"</script><script>{OWNED}</script>",
    f"<SCRIPT SRC=//x.example/x.js>{OWNED}</SCRIPT>",
    f"<img src=x onerror={OWNED}>", f'<img src="x" onerror="{OWNED}">', f"<svg onload={OWNED}>",
    f"<svg/onload={OWNED}//",
    f"<body onload={OWNED}>", f"<iframe srcdoc='<script>{OWNED}</script>'>",
    "<iframe src=https://x.example></iframe>",
    f"<details open ontoggle={OWNED}>", f"<input autofocus onfocus={OWNED}>",
    f"<math><mi xlink:href=javascript:{OWNED}>",
    f"<a href=javascript:{OWNED}>a</a>", f"javascript:{OWNED}", f"data:text/html,<script>{OWNED}</script>",
    "<base href=https://x.example/>", "<meta http-equiv=refresh content=0;url=https://x.example>",
    "<link rel=stylesheet href=https://x.example/x.css>", "<style>*{display:none}</style>",
    "<form action=//x.example>",
    "<object data=x.swf>", "<embed src=x>", "<template shadowrootmode=open><script>1</script></template>",
    f"'-{OWNED}-'", f"\"onmouseover=\"{OWNED}", f"' onfocus='{OWNED}' autofocus='", "`${1}`", "</title></head><body>",
    "</textarea><script>1</script>", "</p></article></section></main>", "--><!-- x", "<!--", "]]>", "<![CDATA[x]]>",
    "&lt;script&gt;", "&#60;script&#62;", "&amp;lt;b&amp;gt;", "{{ 7 * 7 }}", "{% include 'x' %}", "${7*7}", "#{7*7}",
    "<%= 7 * 7 %>", "[red]x[/red]", ":smiley:", "%s%n", "x' OR '1'='1", "'; DROP TABLE runs; --",
]  # fmt: skip

STEERING_TEXTS = [
    *(f"a{chr(code)}evil" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)),
    *(f"a{chr(code)}b" for code in (0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD, 0x2028, 0x2029, 0x180E, 0xE0041)),
    "\x1b[31mred", "\x1b[2J\x1b[H", "\x1b]0;title\x07", "\x1b]8;;https://x.example\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]52;c;eA==\x07",
    "\x9b31mred", "\x9d0;t\x9c", "\x1bP1;2q\x1b\\", "\x1b[6n", "a\x00b", "a\x07b", "a\x08\x08b", "a\rb", "a\x0bb",
    "a\x0cb", "\x7f",
    "a\x85b", "\ufffe", "\uffff", "\U0010ffff",
]  # fmt: skip

CELLS = [
    "=1+1", "=cmd|' /C calc'!A0", '=HYPERLINK("https://x.example","x")', "+1+1", "-1+1", "@SUM(1)", "\t=1+1",
    "\r=1+1", "\n=1+1",
    "＝1+1", "＋1", "－1", "＠x", "'=1+1", '"=1+1', ";=1+1", ",=1+1", '","=1+1', "\u200b=1+1", " =1+1", "_x000D_=1+1",
]  # fmt: skip

MARKDOWN = [
    "[x](javascript:alert(1))", "![x](https://x.example/x.png)", "| a | b |", "a|b", "# x",
    "---\nlicense: mit\n---", "license: mit",
    '"\nlicense: mit\n- "', "```\nx\n```", "~~~", "<details>", "* x\n* y", "[^1]: x", "$$x$$", "\\", "- [ ] x",
    "!!python/object:x",
    "&anchor *alias", "{a: b}", "https://x.example", "@everyone", "\\u202e",
]  # fmt: skip

LONG = ["x" * 100_000, "<b>" * 10_000, "=" * 10_000, "\u202e" * 5_000]

TEXTS = [*SCRIPTS, *STEERING_TEXTS, *CELLS, *MARKDOWN, *LONG]

#: As hostile as a reviewer's name may be.
REVIEWER = "=Ana <script>|`{{1}}`"


def write_hostile_log(path: Path) -> Path:
    """A finished run in which each text is an id, the evidence of an edit and of a finding, what stood there and what
    stands there now; and a review of it in which each is a note, and a right text."""
    records = []
    for number, text in enumerate(TEXTS):
        story = Story(pair(f"{text} b", instruction=text, given=text))
        story.rewrite(Pass.TRANSLATION, "mojibake", (text, f"{text}!"), evidence=text)
        story.found("refusal", " b", text).verified()
        # What a corpus calls a language comes into the log as it is.
        records.append(record(number, text[:500], "de" if number % 3 else text[:40], story))
    with AuditLog(path, now=now) as log:
        names = {"corpus": f"{TEXTS[0][:8]}=x.jsonl", "output": "=o'<b>|.jsonl", "engine": TEXTS[3]}
        run, checkpoint = log.begin(replace(RUN, **names))  # type: ignore[arg-type]
        warnings = [("warning", text) for text in TEXTS[::5]] + [("review", text) for text in TEXTS[::7]]
        log.write_batch(run, records, [], replace(checkpoint, position=len(TEXTS)), warnings, WRITTEN)
        run = log.set_status(run, "finished", output_sha256="56" * 32, finished=True)
        edits = log.db.execute(
            "SELECT d.record_id, e.decision_id, e.ordinal FROM edits e JOIN decisions d ON d.id = e.decision_id"
        ).fetchall()
        said = [
            ReviewVerdict(number, Item(decision, ordinal), "change", TEXTS[place][:20_000], TEXTS[place][:20_000])
            for place, (number, decision, ordinal) in enumerate(edits)
        ]
        log.add_verdicts(log.open_review(run, REVIEWER), REVIEWER, said)
    return path


@pytest.fixture(scope="session")
def hostile_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That log; not to be changed."""
    return write_hostile_log(tmp_path_factory.mktemp("hostile") / "c.boosted.jsonl.audit.db")
