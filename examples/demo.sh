#!/bin/sh
# The main job on the example corpus: boost it, then show what changed and that the log proves it.
# BIN is where midb-agent is installed, DEMO the folder that everything is written to.
set -eu
BIN=${BIN:-.venv/bin}
DEMO=${DEMO:-demo}
here=$(dirname "$0")

rm -rf "$DEMO"
mkdir -p "$DEMO"
cp "$here/corpus.jsonl" "$DEMO/corpus.jsonl"

say() { printf '\n$ midb-agent %s\n' "$*"; "$BIN/midb-agent" "$@"; }

say run "$DEMO/corpus.jsonl"
say audit verify --db "$DEMO/corpus.boosted.jsonl.audit.db"
say audit diff --db "$DEMO/corpus.boosted.jsonl.audit.db" --limit 6
say audit show de-001 --db "$DEMO/corpus.boosted.jsonl.audit.db"
say audit summary --db "$DEMO/corpus.boosted.jsonl.audit.db"
printf '\nThe boosted corpus is %s; everything about it is in %s\n' \
  "$DEMO/corpus.boosted.jsonl" "$DEMO/corpus.boosted.jsonl.audit.db"
