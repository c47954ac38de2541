#!/bin/bash
# gpu-kit.sh [--share=N] [--benchmarks=REGEX] [--unit=ROWS,COLUMNS,DEPTH,SUBGROUP] BUILD FOLDER: compiles the op suite (each N-th case) and the benchmarks ahead
# of time into FOLDER, which runs on any x86-64 Linux with a Vulkan driver and has nothing of LLVM in it:
#   suite              the op suite: `suite FOLDER` compares every graph with the interpreter's values
#   cases.safetensors  those values
#   bench              the benchmarks' programs, see benchmarks/worker_gpu.c
#   gpu_compare.py     runs them and PyTorch in turns
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)

share=1 benchmarks=. units=()
while [[ ${1:-} == --* ]]; do
  case $1 in
    --share=*) share=${1#*=} ;;
    --benchmarks=*) benchmarks=${1#*=} ;;
    --unit=*) units=("$1") ;;
    *) echo "gpu-kit.sh: there is no option $1" >&2; exit 2 ;;
  esac
  shift
done
build=$1 folder=$2
cc=${CC:-cc} cxx=${CXX:-c++}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$folder"
# An old kit must not pass for a new one.
rm -f "$folder"/{suite,bench,cases.safetensors,gpu_compare.py}

read -ra libraries <"$build/test/kit/libraries.txt"
for i in "${!libraries[@]}"; do # CMake says `m` for -lm
  [[ ${libraries[i]} == [/-]* ]] || libraries[i]=-l${libraries[i]}
done
link() { # link OUTPUT OBJECT...
  "$cxx" -s -static-libstdc++ -static-libgcc -Wl,--gc-sections -o "$@" "${libraries[@]}"
}

texts=()
for family in activations layers attention losses tensors; do texts+=("--nn=$root/test/nn/$family.asg"); done
mkdir "$work/suite"
"$build/bin/kit-maker" "$work/suite" --share="$share" "${texts[@]}" "--matrix=$root/test/kit/matrix_units.asg" "${units[@]}"
"$cc" -c -I"$root/runtime/include" "$work/suite/kit.c" -o "$work/suite/kit.o"
link "$folder/suite" -Wl,--undefined=main "$build/test/kit/libasgc_kit_runner.a" "$work"/suite/*.o
mv "$work/suite/cases.safetensors" "$folder"

# compile NAME MODEL ARGUMENT...: a program called NAME of benchmarks/models/MODEL.asg.
compile() {
  local name=$1 text=$2; shift 2
  "$build/bin/asgc" compile --quiet --strip --target=vulkan "$root/benchmarks/models/$text.asg" "$@" \
    --emit=obj -o "$work/bench/$name.o"
}
mkdir "$work/bench"
python3 "$root/benchmarks/gpu_compare.py" --list-programs | grep -E "^[^ ]*($benchmarks)" >"$work/programs"
{
  echo '#include <asgc/program.h>'
  while read -r name _; do echo "extern const asgc_program_desc ${name}_program;"; done <"$work/programs"
  echo 'const struct { const char *name; const asgc_program_desc *desc; } kit_benchmarks[] = {'
  while read -r name _; do echo "  {\"$name\", &${name}_program},"; done <"$work/programs"
  echo '  0};'
} >"$work/bench/table.c"
while read -r name text arguments; do
  # shellcheck disable=SC2086 # a list of words
  compile "$name" "$text" $arguments
  objcopy --redefine-sym "$(nm -g --defined-only "$work/bench/$name.o" | awk '/_program$/ { print $3 }')=${name}_program" \
    "$work/bench/$name.o"
done <"$work/programs"
for source in "$work/bench/table.c" "$root/benchmarks/worker_gpu.c"; do
  "$cc" -O2 -c -I"$root/runtime/include" "$source" -o "$work/bench/$(basename "$source" .c).object.o"
done
link "$folder/bench" "$work"/bench/*.o
cp "$root/benchmarks/gpu_compare.py" "$folder"
# It travels over slow lines.
most=40
size=$(du -cm "$folder"/{suite,bench,cases.safetensors,gpu_compare.py} | tail -n 1 | cut -f1)
echo "gpu-kit: $size MiB in $folder"
if ((size > most)); then
  echo "gpu-kit.sh: a kit may have $most MiB" >&2
  exit 1
fi
