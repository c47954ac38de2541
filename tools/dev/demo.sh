#!/bin/bash
# demo.sh BUILD: trains the digits model, compiles it, links it into a C program and lets that read a test image.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
build=$(readlink -f "$1") example=docs/examples/digits
out=$build/demo
rm -rf "$out"; mkdir -p "$out"

# shown COMMAND...: prints the command as one would type it, then runs it.
shown() { printf '\n$ %s\n' "$(printf '%s ' "${@//$PWD\//}" | sed "s#$build/bin/##; s# \$##")"; "$@"; }

shown "$build/bin/asgc" train $example/digits.asg --out "$out/run"
accuracy=$(python3 -c '
import json, sys
tests = [e for e in map(json.loads, open(sys.argv[1])) if e["part"] == "test"]
print(max(e["accuracy"] for e in tests))' "$out/run/epochs.jsonl")
echo "test accuracy: $accuracy"
awk -v a="$accuracy" 'BEGIN { exit !(a >= 0.97) }' || { echo "demo: expected at least 0.97" >&2; exit 1; }

shown "$build/bin/asgc" compile $example/digits.asg --weights "$out/run/weights.safetensors" -o "$out/lib"
cp $example/main.c "$out/lib/main.c"
# One of the last digits of the file, as an array of C; its last column says what it is.
row=$(zcat docs/examples/data/digits.csv.gz | sed -n 1791p)
printf 'static const float image[64] = {%s};\n' "$(cut -d, -f1-64 <<<"$row")" >"$out/lib/image.h"
cd "$out/lib"
printf '\n$ cc main.c $(pkg-config --cflags --libs digits) -o digits && ./digits\n'
# shellcheck disable=SC2046 # the flags are words
cc main.c $(PKG_CONFIG_PATH=. pkg-config --cflags --libs digits) -o digits
awk -F, '{ for (y = 0; y < 8; ++y) { for (x = 1; x <= 8; ++x) printf "%s", substr(" .:-=+*#%@", int($(y * 8 + x) / 1.8) + 1, 1); print "" } }' <<<"$row"
answer=$(./digits)
echo "$answer"
[ "$answer" = "this is a ${row##*,}" ] || { echo "demo: the file says it is a ${row##*,}" >&2; exit 1; }
