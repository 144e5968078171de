"""Trains an adapter on a GPU that is lent for minutes, and shows what it learnt on held-out English rows.

Three steps, the second of which runs on the device, where nothing need be installed but torch, Triton, transformers,
accelerate, peft and safetensors, and nothing is downloaded:

midb-agent examples meb/ -o learn --prompts short
python bench/train.py prepare learn BASE -o build/train      # load-1, load-2 and so on: what travels
python bench/train.py run build/train/load-* --out "$OUT" --seconds 300
python bench/train.py score "$OUT" build/train BASE          # tables of what came back
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from gpu_run import link_packages

#: Tokens of a batch: on an H100 fewer leave it waiting for the host.
BATCH_TOKENS = 32_768


def main(words: list[str]) -> int:
    """Do one of the steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(dest="step", required=True)
    texts = steps.add_parser("texts", help="write this repository's clean pairs, to make examples of")
    texts.add_argument("-o", "--out", type=Path, required=True)
    texts.add_argument("--languages", default="de,es,fr,it,pt", help="codes, separated by commas")
    texts.add_argument("--holdout", type=float, default=0.2, help="share of the patterns that are held out")
    prepare = steps.add_parser("prepare", help="encode examples, and pack them with the base")
    prepare.add_argument("examples", type=Path, help="folder that midb-agent examples wrote")
    prepare.add_argument("base", type=Path, help="folder of a checkpoint, or a GGUF file")
    prepare.add_argument("-o", "--out", type=Path, required=True)
    prepare.add_argument("--generated", type=int, default=30, help="held-out examples of each language to generate")
    prepare.add_argument("--measured", type=int, default=100, help="those whose loss is measured")
    prepare.add_argument("--max-tokens", type=int, default=1536)
    prepare.add_argument("--train-tokens", type=int, default=0, help="most tokens to train on; 0: all")
    prepare.add_argument("--parts", type=int, default=2, help="files that the load is cut into")
    run = steps.add_parser("run", help="train and generate")
    run.add_argument("parts", type=Path, nargs="+", help="all parts of the load, in order")
    run.add_argument("--out", type=Path, default=Path(os.environ.get("OUT") or "build/train-out"))
    run.add_argument("--seconds", type=float, default=300.0, help="of training")
    run.add_argument("--generating", type=float, default=60.0, help="seconds that each side may take for its replies")
    run.add_argument("--most-requests", type=int, default=0, help="0: all")
    run.add_argument("--batch-tokens", type=int, default=BATCH_TOKENS)
    run.add_argument("--lr", type=float, default=1e-3)
    run.add_argument("--rank", type=int, default=16)
    run.add_argument("--device", default="auto")
    run.add_argument("--work", type=Path, help="folder for what is unpacked; default: a temporary one")
    score = steps.add_parser("score", help="score what came back")
    score.add_argument("out", type=Path)
    score.add_argument("prepared", type=Path)
    score.add_argument("base", type=Path)
    options = parser.parse_args(words)
    return {"texts": _texts, "prepare": _prepare, "run": _run, "score": _score}[options.step](options)


def _texts(options: argparse.Namespace) -> int:
    from adapting.texts import write_texts

    print(json.dumps(write_texts(options.out, options.languages.split(","), options.holdout)))
    return 0


def _prepare(options: argparse.Namespace) -> int:
    from adapting.preparing import Sizes, prepare

    sizes = Sizes(
        generated=options.generated, measured=options.measured, max_tokens=options.max_tokens,
        train_tokens=options.train_tokens, parts=options.parts,
    )  # fmt: skip
    options.out.mkdir(parents=True, exist_ok=True)
    print(json.dumps(prepare(options.examples, options.base, options.out, sizes), indent=2))
    return 0


def _run(options: argparse.Namespace) -> int:
    from adapting.running import AdaptingRun, run_all, unpack

    from midb.training.tuning.model import choose_device
    from midb.training.tuning.settings import TuningSettings

    options.out.mkdir(parents=True, exist_ok=True)
    work = options.work or Path(tempfile.mkdtemp(prefix="midb-train-"))
    work.mkdir(parents=True, exist_ok=True)
    run_all(
        AdaptingRun(
            load=unpack(options.parts, work),
            out=options.out,
            settings=TuningSettings(
                rank=options.rank, alpha=2 * options.rank, lr=options.lr, batch_tokens=options.batch_tokens
            ),
            device=choose_device(options.device),
            seconds=options.seconds,
            generating=options.generating,
            most_requests=options.most_requests,
        )
    )
    return 0


def _score(options: argparse.Namespace) -> int:
    from adapting.scoring import score

    print(score(options.out, options.prepared, options.base))
    return 0


if __name__ == "__main__":
    link_packages()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    sys.exit(main(sys.argv[1:]))
