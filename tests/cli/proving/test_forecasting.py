"""What a proof would take, counted by hand."""

from __future__ import annotations

from pathlib import Path

from proofs import LetterEncoder, teach

from midb.agent.engines.adapter_manifest import write_manifest
from midb.cli.proving.forecasting import describe, forecast
from midb.evaluation.proving.folder import ProofFolder
from midb.evaluation.proving.lessons import list_questions
from midb.training.tuning.settings import TuningSettings


def test_what_is_counted_is_what_is_done(tmp_path: Path) -> None:
    lessons, folder = teach(), ProofFolder(tmp_path)
    questions = list_questions(lessons)
    sides = ["raw", "boosted", "control"]
    longest = max(pair.room for pair in lessons.train)
    settings = TuningSettings(batch_tokens=2 * longest, epochs=2.0)

    def count(given: TuningSettings, *, judged: bool = True) -> dict[str, object]:
        return forecast(
            lessons, questions, sides, [0, 1], given, LetterEncoder(), folder, most_tokens=50, judged=judged
        )

    found = count(settings)
    assert found["steps_each"] == len(lessons.train)  # two in each batch, seen twice
    assert found["tokens_each"] == 2 * sum(pair.room for pair in lessons.train)
    assert (found["students"], found["trained"]) == (6, 0)
    assert found["answers"] == 6 * len(questions)
    assert found["answer_tokens_at_most"] == 6 * len(questions) * 50
    assert found["answer_prompt_tokens"] == 6 * sum(len(one.turns[0]) for one in questions)
    assert found["verdicts_at_most"] == 2 * 3 * 2 * len(questions)
    assert count(TuningSettings(batch_tokens=2 * longest, max_steps=3))["steps_each"] == 3
    folder.student("raw", 0).mkdir(parents=True)
    write_manifest(folder.student("raw", 0), {"prompts": "chat", "steps": {"stopped": ""}})
    later = count(settings, judged=False)
    assert later["trained"] == 1
    assert "6 students, 1 of them trained already" in describe(later)
    assert "no judge is named" in describe(later)
    assert f"at most {found['verdicts_at_most']:,} verdicts" in describe(found)
