#!/usr/bin/env bash
# What a training takes on a GPU, in under nine minutes: seconds an update and peak memory of Hyper-X Base at mBERT's
# shape (bf16, real lengths, also compiled, and with the loss read back every step), full fine-tuning and LoRA at
# mBERT's shape, PHA at T5-base's; then lab runs as far as the time goes.
#
#     OUT=DIR TREEBANK=FILE.conllu benchmarks/device.sh            a GPU
#     OUT=DIR TREEBANK=FILE.conllu CARRIED=DIR benchmarks/device.sh         and lab runs, from what was carried here
#     OUT=DIR CARRIED=DIR benchmarks/device.sh --tiny                       every step at small size, on a CPU
#
# Nothing is downloaded: backbones have random weights, but for that of the lab. CARRIED is what `carried.py pack` wrote
# on a machine with the lab's data (43 MB; cache/ is not committed, so that cache/device is a good place). Results are
# in OUT, one JSON file a step, each with the name of the card, and the store of the lab runs. Given again it goes on
# where it stopped: a step whose file is there is not repeated, and a lab run resumes. On another machine EARLIER is
# a copy of OUT as it was left. PYTHON is the interpreter, MINUTES the time there is.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${OUT:?OUT names the folder of the results}"
PYTHON=${PYTHON:-python}
limit=$(awk "BEGIN { print int(60 * ${MINUTES:-8.5}) }")
mkdir -p "$OUT"
[ -z "${EARLIER:-}" ] || cp -rn "$EARLIER/." "$OUT"
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false
failed=0

step() { # NAME COMMAND...: do a step unless its file is there or the time is over
  local name=$1 left=$((limit - SECONDS))
  shift
  [ ! -s "$OUT/$name.json" ] || { echo "$name: done before" >&2; return; }
  [ "$left" -gt 10 ] || { echo "$name: no time left; the same command goes on here" >&2; return; }
  echo "$name …" >&2
  if timeout "$left" "$@" >"$OUT/.$name.part" 2>"$OUT/$name.log"; then
    mv "$OUT/.$name.part" "$OUT/$name.json"
  else
    failed=1
    echo "$name: failed or out of time; $OUT/$name.log says why" >&2
  fi
}

if [ "${1:-}" = --tiny ]; then
  place=(--device cpu --rounds 1 --batch-size 2 --threads 1)
  shapes=(--shape tiny) bert=sandbox-en-bert-small t5=small
  lab=(--set training.updates=4 --set training.warmup=1 --set data.train_sentences=40 --set data.text_sentences=40
    --set data.dev_sentences=5 --set data.test_sentences=5)
else
  "$PYTHON" -c 'import sys, torch; sys.exit(0 if torch.cuda.is_available() else "device.sh: torch sees no CUDA device here; --tiny tries every step on a CPU.")'
  place=(--device cuda --rounds 8)
  shapes=() bert=mbert t5=t5-base lab=()
fi
treebank=(${TREEBANK:+--conllu "$TREEBANK"})

step hyperx "$PYTHON" benchmarks/step.py "${place[@]}" "${shapes[@]}" "${treebank[@]}" --json \
  --only adapters-bf16,hyperx-bf16,hyperx-bf16-read
step tuning "$PYTHON" benchmarks/tuning_step.py "${place[@]}" --backbone "$bert" --length 32 --bf16 --only ft,lora --json
step pha "$PYTHON" benchmarks/text_step.py "${place[@]}" --shape "$t5" --only adapters-bf16,pha-bf16 --json
step compiled "$PYTHON" benchmarks/step.py "${place[@]}" "${shapes[@]}" "${treebank[@]}" --json \
  --only hyperx-bf16,hyperx-bf16-compiled

"$PYTHON" - "$OUT" <<'PY'
import json
import pathlib
import sys

for name in ("hyperx", "compiled", "tuning", "pha"):
    path = pathlib.Path(sys.argv[1], f"{name}.json")
    if path.is_file():
        found = json.loads(path.read_text())
        for key, seconds in found["median"].items():
            peak = found["peak"].get(key)
            memory = f", {peak / 2**30:5.2f} GiB at most" if peak else ""
            print(f"{name:9} {key:22} {1000 * seconds:8.2f} ms an update{memory} ({found['settings']['device']})")
PY

if [ -n "${CARRIED:-}" ]; then
  encoder="${CARRIED%/}-encoder" # beside what is carried, and four times its size
  "$PYTHON" benchmarks/carried.py unpack "$CARRIED/packed" "$encoder"
  for seed in 1 2; do
    left=$((limit - SECONDS))
    [ "$left" -gt 30 ] || { echo "lab, seed $seed: no time left; the same command goes on here" >&2; break; }
    # stopped by a signal a training saves its state, and the next call resumes it
    timeout --signal=INT --kill-after=20 "$left" "$PYTHON" -m hxbench train hyperx-base --setting mixed --partition a \
      --profile lab --seed "$seed" --backbone "$encoder" --data-source "$CARRIED/data" --store "$OUT/store" --offline \
      "${lab[@]}" >>"$OUT/lab.log" 2>&1 || { failed=1; echo "lab, seed $seed: not finished; $OUT/lab.log says why" >&2; }
  done
fi
exit "$failed"
