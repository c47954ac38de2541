#!/bin/sh
# fetch-data.sh FOLDER: puts the real data of the examples into FOLDER.
#
# digits.csv.gz (1,797 handwritten digits of 8 x 8 pixels and their labels),
# iris.csv, wine.csv and breast_cancer.csv come out of Debian's package
# python3-sklearn, which is downloaded but not installed; corpus.txt is the text
# of the licences that every Debian system has. What is there already stays.
set -eu
[ $# -eq 1 ] || { echo "usage: fetch-data.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)

missing=
for file in digits.csv.gz iris.csv wine.csv breast_cancer.csv; do
  [ -s "$folder/$file" ] || missing=yes
done
if [ "$missing" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  # apt's download user must be able to write here, or it warns.
  chmod 755 "$work"
  (cd "$work" && apt-get download -q python3-sklearn >/dev/null 2>"$work/log") ||
    { cat "$work/log" >&2
      echo "fetch-data.sh: cannot download python3-sklearn;" \
        "is 'apt-get update' needed?" >&2
      exit 4; }
  dpkg-deb -x "$work"/python3-sklearn_*.deb "$work/files"
  from=$work/files/usr/lib/python3/dist-packages/sklearn/datasets/data
  for pair in digits.csv.gz:digits.csv.gz iris.csv:iris.csv \
              wine_data.csv:wine.csv breast_cancer.csv:breast_cancer.csv; do
    # A copy and a rename, so that an interrupted run leaves no half file.
    cp "$from/${pair%%:*}" "$folder/.partial"
    chmod 644 "$folder/.partial"
    mv "$folder/.partial" "$folder/${pair##*:}"
  done
fi

if [ ! -s "$folder/corpus.txt" ]; then
  # Links (GPL -> GPL-3) would count a text twice; the order is fixed.
  find /usr/share/common-licenses -type f | LC_ALL=C sort |
    xargs cat >"$folder/.partial"
  mv "$folder/.partial" "$folder/corpus.txt"
fi
