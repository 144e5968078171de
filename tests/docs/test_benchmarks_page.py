"""The figures of docs/benchmarks.md are those of the rows in bench/results."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from doc_pages import DOCS, ROOT, section, table, text_of

PAGE = DOCS / "benchmarks.md"

Row = dict[str, Any]


def rows(name: str) -> list[Row]:
    """The rows of a benchmark's latest run."""
    lines = (ROOT / "bench" / "results" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    found: list[Row] = [json.loads(line) for line in lines]
    latest = max(row["at"] for row in found)
    return [row for row in found if row["at"] == latest]


def numbers(text: str) -> list[float]:
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


def figure(title: str, first: str) -> str:
    """What stands behind a first cell in the tables of a section."""
    (found,) = [row for row in table(section(PAGE, title)) if row[0].startswith(first)]
    return " | ".join(found[1:])


def test_throughput_and_memory() -> None:
    title = "The main job, rules alone"
    runs = {row["workers"]: row["pairs_per_s_median"] for row in rows("pipeline-throughput")}
    assert numbers(figure(title, "whole run"))[:2] == [round(runs[2]), round(runs[1])]
    told = figure(title, "peak memory")
    memory = rows("pipeline-memory")
    assert numbers(told) == [
        *(row["parent_MiB"] for row in memory),
        *(max(row["workers_MiB"]) for row in memory),
    ]
    assert f"{memory[-1]['pairs']:,} real" in section(PAGE, title)


def test_neighbours() -> None:
    title = "Beside ftfy and data-juicer"
    sides: dict[str, dict[str, Row]] = {}
    for row in rows("pipeline-neighbours"):
        look = row.get("kind") or ("clean" if "clean_pairs" in row else "real")
        sides.setdefault(row["side"], {})[look] = row
    assert f"| {' | '.join(sides)} |" in section(PAGE, title)
    for first, look, name in (
        ("processor time", "real", "ms_per_pair"),
        ("real pairs", "real", "changed_per_1000"),
        ("pairs that lose something", "real", "lost_protected_per_1000"),
        ("pairs that lose a number", "real", "lost_number_per_1000"),
        ("clean pairs", "clean", "changed"),
        ("defects that are told", "all", "told"),
        ("defects after which", "all", "repaired"),
        ("defects that become", "all", "changed_otherwise"),
        ("mojibake", "mojibake", "repaired"),
    ):
        assert numbers(figure(title, first)) == [side[look][name] for side in sides.values()], first
    text = section(PAGE, title)
    ours = sides["midb-agent"]
    for said in (
        ours["real"]["pairs"],
        ours["clean"]["clean_pairs"],
        ours["all"]["defects"],
        ours["all"]["to_be_repaired"],
    ):
        assert f"{said:,}" in text
    assert f"loops that are cut short ({ours['repetition-loop']['changed_otherwise']})" in text
    assert f"taken away ({ours['empty-response']['changed_otherwise']})" in " ".join(text.split())


def test_how_good_the_kinds_are() -> None:
    title = "How good the kinds are"
    recall = rows("detectors-recall")
    met, of = (sum(row[name] for row in recall) for name in ("met", "of"))
    exact, due = (sum(row[name] for row in recall) for name in ("exactly_repaired", "to_be_repaired"))
    assert numbers(figure(title, "injected defects"))[:2] == [met, of]
    assert numbers(figure(title, "repaired exactly"))[:2] == [exact, due]
    assert numbers(figure(title, "another text"))[:1] == [sum(row["changed_otherwise"] for row in recall)]
    clean = rows("detectors-clean")
    assert numbers(figure(title, "false alarms"))[:2] == [row["findings_per_1000"] for row in clean]
    judged = rows("detectors-precision")
    right, read = (sum(row[name] for row in judged) for name in ("right", "judged"))
    assert numbers(figure(title, "findings that were read"))[:3] == [right, read, len(judged)]
    repairs = [sum(row.get("edits_right", 0) for row in judged), sum(row["edits"] for row in judged)]
    assert numbers(figure(title, "repairs that were read"))[:3] == [*repairs, sum(row["edits"] > 0 for row in judged)]
    (whole,) = [row for row in rows("detectors-findings") if row["kind"] == "all"]
    assert numbers(figure(title, "real pairs"))[:2] == [whole["with_findings"], whole["pairs"]]
    (time,) = [row for row in rows("detectors-speed") if row["detector"] == "all"]
    assert numbers(figure(title, "processor time"))[:1] == [time["ms_per_pair"]]


@pytest.mark.parametrize(
    ("title", "first", "name"),
    [
        ("The main job, rules alone", "share of one", "pipeline-shares"),
        ("With a model: everything around it", "shares", "pipeline-model-shares"),
    ],
)
def test_shares(title: str, first: str, name: str) -> None:
    shares = [float(row["share"].rstrip("%")) for row in rows(name) if "share" in row]
    for told in re.findall(r"([\d.]+) %", figure(title, first)):
        near = 0.05 if "." in told else 0.5
        assert any(abs(share - float(told)) <= near for share in shares), f"{told} % stands in no row"


def test_the_model_pipeline() -> None:
    (run,) = rows("pipeline-model")
    told = figure("With a model: everything around it", "pairs")
    assert numbers(told) == [round(n) for n in (run["pairs_per_s_median"], *run["pairs_per_s_range"])]
    assert numbers(figure("With a model: everything around it", "processor"))[0] == round(
        run["cpu_ms_per_pair_median"], 1
    )


SIDES = {
    "engine, bf16": ("engine", ["bfloat16"], 16), "engine, fp32": ("engine", ["float32"], 16),
    "`transformers` `generate`": ("generate", ["bfloat16", "float32"], 16),
    "its continuous batching": ("continuous batching", ["bfloat16", "float32"], 16),
    "engine": ("engine", ["bfloat16"], 1), "`generate` with prompt": ("generate, prompt lookup", ["bfloat16"], 1),
}  # fmt: skip


def test_the_engine_and_its_peers() -> None:
    measured = rows("engine-cpu")

    def speed(side: str, dtype: str, batch: int, edits: object) -> float:
        (row,) = [
            row for row in measured
            if (row["side"], row["dtype"], row["batch"], row["edits"]) == (side, dtype, batch, edits)
        ]  # fmt: skip
        return float(row["requests_per_s"])

    checked = 0
    for first, *cells in table(section(PAGE, "The engine and its peers")):
        if first.startswith("`generate` / its"):
            assert numbers(cells[0]) == [
                round(speed(side, "bfloat16", 1, "any"), 2) for side in ("generate", "continuous batching")
            ]
            checked += 1
            continue
        name = max((name for name in SIDES if first.startswith(name)), key=len)
        side, dtypes, batch = SIDES[name]
        for edits, told in zip((0.03, 0.12, 1.0), cells, strict=True):
            if told == "the same":
                continue
            anyway = "any" if side in ("generate", "continuous batching") else edits
            assert numbers(told) == [round(speed(side, dtype, batch, anyway), 2) for dtype in dtypes], first
            checked += 1
    assert checked == 3 * 4 + 3


def test_where_a_step_of_the_engine_goes() -> None:
    shares = {round(float(row["share"].rstrip("%"))) for row in rows("engine-shares") if row["share"]}
    told = section(PAGE, "The engine and its peers").partition("the time goes to")[2].partition(":")[0]
    assert {int(number) for number in re.findall(r"(\d+)\s%", told)} <= shares


def test_what_drafts_cost() -> None:
    measured = {(row["side"], row["dtype"]): row for row in rows("engine-gate")}
    dtypes = {"bf16": "bfloat16", "fp32": "float32"}
    checked = 0
    for first, step, token in table(section(PAGE, "What drafts cost where they bring nothing")):
        dtype, _, control = first.partition(", ")
        row = measured["control: no drafts" if control else "drafts", dtypes[dtype]]
        for told, what in ((step, "wall"), (token, "wall_per_token")):
            if told:
                expected = (row[f"{what}_ratio"], *row[f"{what}_95%"])
                assert all(abs(a - b) <= 0.0006 for a, b in zip(numbers(told), expected, strict=True)), (first, told)
                checked += 1
    assert checked == 6


def test_what_the_host_takes_for_a_step() -> None:
    measured = {(row["batch"], row["edits"], row["drafts"]): row for row in rows("engine-host")}
    shares = {"3 % edits": 0.03, "12 % edits": 0.12, "new text": 1.0}
    checked = 0
    for batch, text, drafts, without, _ in table(section(PAGE, "What the host takes for a step")):
        with_drafts, plain = (measured[int(batch), shares[text], on] for on in (True, False))
        milliseconds, tokens = numbers(drafts)
        assert milliseconds == pytest.approx(with_drafts["ms_a_step"], abs=0.0051)
        assert tokens == round(with_drafts["tokens_a_step"])
        assert numbers(without) == [pytest.approx(plain["ms_a_step"], abs=0.0051)]
        checked += 1
    assert checked == len(measured) / 2 == 6


GPU = [
    json.loads(line) for line in (ROOT / "bench" / "results" / "gpu-run.jsonl").read_text(encoding="utf-8").splitlines()
]


def is_rounded(told: str, value: float) -> bool:
    """A figure is a value, rounded to the places that it states."""
    return float(told) == pytest.approx(value, abs=0.51 * 10.0 ** -len(told.partition(".")[2]))


#: When the second day on a GPU began.
SECOND_DAY = "2026-11-27"


def find_speed(day: str, **wanted: object) -> float:
    """Requests/s of the one row of a day that is meant."""
    rows_of_day = [row for row in GPU if (row["at"] >= SECOND_DAY) == (day == "second")]
    (row,) = [row for row in rows_of_day if all(row.get(name) == value for name, value in wanted.items())]
    found: float = row["requests_per_s"]
    return found


def test_requests_per_second_on_a_gpu() -> None:
    checked = 0
    told = section(PAGE, "What was seen there").partition("**Where a step's time goes**")[0]
    for batch, *cells in table(told):
        ways: list[dict[str, object]] = [
            {"part": "engine", "case": "all", "edits": 0.03},
            {"part": "engine", "case": "all", "edits": 1.0},
            {"part": "engine", "case": "no drafts", "edits": 1.0},
            {"part": "peers", "side": "generate"},
            {"part": "peers", "side": "continuous batching"},
        ]
        for cell, way in zip(cells, ways, strict=True):
            if re.fullmatch(r"[\d.]+", cell):
                assert is_rounded(cell, find_speed("first", **way, batch=int(batch))), (batch, way)
                checked += 1
    assert checked == 19


def test_a_steps_time_on_a_gpu() -> None:
    traces = {(r["batch"], r["edits"]): r for r in GPU if r["part"] == "trace" and r["at"] >= SECOND_DAY}
    told = section(PAGE, "What was seen there").partition("**Where a step's time goes**")[2].partition("A step of")[0]
    for batch, *cells in table(told):
        for cell, edits in zip(cells, (1.0, 0.03), strict=True):
            row = traces.pop((int(batch), edits))
            wall, busy = cell.split(", GPU ")
            assert is_rounded(wall, row["wall_ms"])
            assert is_rounded(busy, row["gpu_busy_ms"])
    assert not traces


def test_halves_and_launches_on_a_gpu() -> None:
    told = section(PAGE, "What was seen there").partition("one round:")[2]
    checked = 0
    for what, *cells in table(told.partition("For 128")[0]):
        batch, text = what.split(", ")
        edits = {"3 % edits": 0.03, "new text": 1.0}[text]
        for cell, case in zip(cells, ("all", "no overlap"), strict=True):
            wanted = {"part": "engine", "case": case, "batch": int(batch), "edits": edits, "commit": "16cf6b5"}
            rows_of_case = [row for row in GPU if wanted.items() <= row.items()]
            assert is_rounded(cell, rows_of_case[0]["requests_per_s"]), (what, case)
            assert (rows_of_case[0]["halved"] > 0) is (case == "all")
            checked += 1
    assert checked == 6
    mixed = {row["sequences"]: row["us_p50"] for row in GPU if row["part"] == "mixed" and row["rows"] == 512}
    flat = " ".join(told.split())
    assert "255 of them beside 512 rows take 280 us in one launch, and 222 + 52 us in two" in flat
    assert "127 of them 160 us, and 128 + 54." in flat
    assert [round(mixed[255][name]) for name in ("together", "others", "prompt")] == [280, 222, 52]
    assert [round(mixed[127][name]) for name in ("together", "others", "prompt")] == [160, 128, 54]


def test_real_weights() -> None:
    measured = {
        (row["task"], row["batch"], row["threads"], row["side"]): row["cpu_ms_per_token"] for row in rows("engine-real")
    }
    sides = (
        "engine, float32", "engine, bfloat16", "generate, float32", "generate, prompt lookup, float32",
        "llama.cpp, Q4_1", "llama.cpp, F16",
    )  # fmt: skip
    checked = 0
    for what, *cells in table(section(PAGE, "With real weights")):
        task, batch, threads = what.split(", ")
        for cell, side in zip(cells, sides, strict=True):
            if cell:
                assert float(cell) == measured[task, int(batch), int(threads), side], (what, side)
                checked += 1
    assert checked == sum("no drafts" not in side for *_, side in measured) == 44


def test_what_was_right_on_a_gpu() -> None:
    told = section(PAGE, "What was seen there")
    assert {row["suspect"] for row in GPU if "suspect" in row and row.get("dtype") != "fp8"} == {0}
    (rounded,) = [row for row in GPU if row["part"] == "logits" and row.get("dtype") == "fp8"]
    assert f"in {rounded['flips']} of {rounded['tokens']} tokens" in told
    exact = [row for row in GPU if row["part"] == "logits" and row.get("dtype") == "float32"]
    assert exact
    assert {row["flips"] for row in exact} == {0}
    ratios = [value for row in GPU for value in row.get("times_transformers_own", {}).values()]
    assert f"{min(ratios):g} to {max(ratios):g} times" in told
    (passed,) = [row["passed"] for row in GPU if row["part"] == "ops" and row.get("code") == 0]
    assert f"{passed} passed" in told


def test_drafts_by_replay() -> None:
    measured = {
        row["case"]: row for row in rows("drafter") if row.get("language") == "not tuned on" and row["limit"] == 32
    }
    checked = 0
    for case, *cells in table(section(PAGE, "Drafts by replay")):
        row = measured.pop(case)
        for rate, told in zip(("1.1", "1.2", "1.5"), cells, strict=True):
            if told.startswith("not reached"):
                assert rate not in row["ours by best"]
                continue
            expected = [row[side][rate] for side in ("aligned", "n-gram", "suffix")]
            for number, value in zip(told.split(" / "), expected, strict=True):
                assert float(number) == round(value, len(number.partition(".")[2])), (case, rate, told, value)
            checked += 1
    assert not measured
    assert checked == 18


def test_what_the_kernels_compile_to() -> None:
    measured = rows("kernels-compiled")
    told = section(PAGE, "What the kernels compile to")
    targets = {row["target"] for row in measured}
    assert f"{len(measured) // len(targets)} kernels" in told
    assert f"in all {len(measured)} rows" in told
    assert all(target in told for target in targets)
    assert {row["local_bytes"] for row in measured} == {0}


def test_what_an_adapter_learnt_on_a_gpu() -> None:
    path = ROOT / "bench" / "results" / "train-gpu.jsonl"
    measured: list[Row] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    title = "Training on a GPU"
    told = section(PAGE, title)
    figures = {row[0]: row[1:] for row in table(told)}
    runs = list(dict.fromkeys(row["run"] for row in measured))
    assert f"| | {' | '.join(runs)} |" in told
    for place, run in enumerate(runs):
        own = [row for row in measured if row["run"] == run]
        (pace,) = (row for row in own if row["part"] == "pace")
        losses = {row["when"]: row for row in own if row["part"] == "loss"}
        scores = {(row["name"], row["side"]): row for row in own if row["part"] == "score"}
        (trained,) = (row for row in own if row["part"] == "trained")
        expected = {
            "tokens a second": f"{pace['tokens_per_second']:,}",
            "GPU memory, GiB": str(pace["peak_GiB"]),
            "loss on held-out rows, base (n = 1,188)": f"{losses['before']['loss']:.3f}",
            "loss on held-out rows, adapter": f"{losses['after']['loss']:.3f}",
            "well-formed replies, base (n = 343)": str(scores["all", "base"]["well_formed"]),
            "well-formed replies, adapter": str(scores["all", "tuned"]["well_formed"]),
            "replies that stop, base": str(scores["all", "base"]["stops"]),
            "replies that stop, adapter": str(scores["all", "tuned"]["stops"]),
            "clean pairs left alone, adapter (n = 81)": str(scores["unchanged", "tuned"]["same"]),
            "defects exactly repaired, adapter (n = 91)": str(scores["defect", "tuned"]["exact"]),
            "likeness to the right text, adapter": str(scores["all", "tuned"]["to_target"]),
            "likeness to the right text, doing nothing": str(scores["all", "tuned"]["nothing_to_target"]),
            "tokens a step with drafts, base": str(scores["all", "base"]["tokens_per_step"]),
            "tokens a step with drafts, adapter": str(scores["all", "tuned"]["tokens_per_step"]),
        }
        assert {name: figures[name][place] for name in expected} == expected
        assert figures["steps done, of those planned"][place].endswith(f"of {pace['steps']}")
        done = int(figures["steps done, of those planned"][place].partition(" ")[0])
        assert f"step {done} is saved" in trained["error"]
        counts = [scores[name, "base"]["n"] for name in ("all", "unchanged", "defect")]
        assert counts == [343, 81, 91]
        fallen = [losses["before"]["languages"][code] - loss for code, loss in losses["after"]["languages"].items()]
        assert len(fallen) == 13
        assert min(fallen) > 0.2145
        assert max(fallen) < 0.415


def test_merging() -> None:
    told = table(section(PAGE, "Merging shards"))
    names = ("records", "records_per_s", "processor_ms_per_record", "peak_MiB", "log_bytes_per_record")
    assert [[numbers(cell)[0] for cell in row] for row in told] == [
        [row[name] for name in names] for row in rows("shards-merge")
    ]


def test_every_file_of_rows_is_named() -> None:
    named = set(re.findall(r"`bench/results/([\w-]+)\.jsonl`", text_of(PAGE)))
    assert named == {path.stem for path in (ROOT / "bench" / "results").glob("*.jsonl")}
