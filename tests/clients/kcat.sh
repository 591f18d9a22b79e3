#!/usr/bin/env bash
# kcat against the server, as one uses it by hand: kcat.sh BOOTSTRAP, an empty server. Stops at the first surprise.
#
# Debian's kcat stands on an old librdkafka, which nothing else here does.
set -euo pipefail
bootstrap=$1
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

fail() { echo "kcat: $*" >&2; exit 1; }
# same WHAT WANTED FOUND
same() { [ "$2" = "$3" ] || fail "$1: wanted ${2@Q}, found ${3@Q}"; }
kcat() { timeout 60 kcat -b "$bootstrap" -q "$@"; }

# Each codec its own topic: what went in comes out, keys, headers and tombstones too.
for codec in none gzip snappy lz4 zstd; do
  topic=kcat-$codec
  seq 1000 | sed 's/.*/key-&:value &/' >"$place/lines"
  kcat -P -t "$topic" -z "$codec" -K : -H origin=kcat -X acks=all -X enable.idempotence=true <"$place/lines"
  kcat -C -t "$topic" -o beginning -e -K : | sort >"$place/found"
  same "$topic" "" "$(sort "$place/lines" | diff - "$place/found" | head -3)"
  same "$topic: header" origin=kcat "$(kcat -C -t "$topic" -o -1 -e -c 1 -f '%h')"
done
echo 'gone:' | kcat -P -t kcat-none -K : -Z
same "a tombstone has no value" "gone -1" "$(kcat -C -t kcat-none -o -1 -e -f '%k %S\n')"

# By time, by offset, from the end.
same "by offset" "value 11" "$(kcat -C -t kcat-gzip -o 10 -c 1)"
same "the last two" "value 999 value 1000" "$(kcat -C -t kcat-gzip -o -2 -e | paste -sd ' ')"
same "nothing that old" "" "$(kcat -C -t kcat-gzip -o s@4102444800000 -e)"
same "since 1970" 1000 "$(kcat -C -t kcat-gzip -o s@0 -e | wc -l)"
same "offset of a time" "kcat-gzip [0] offset 0" "$(kcat -Q -t kcat-gzip:0:0)"

# What there is.
kcat -L | grep -q 'topic "kcat-zstd" with 1 partitions' || fail "-L does not show a topic"
kcat -L -J -t kcat-zstd | grep -q '"topic":"kcat-zstd"' || fail "-L -J does not show a topic"

# A group goes on where it was.
same "a group" 600 "$(kcat -G kcat-group -X auto.offset.reset=earliest -c 600 kcat-lz4 | wc -l)"
same "the group goes on" "value 601" "$(kcat -G kcat-group -X auto.offset.reset=earliest -c 1 kcat-lz4)"

# A transaction.
seq 10 | kcat -P -t kcat-transaction -X transactional.id=kcat
same "a transaction" 10 "$(kcat -C -t kcat-transaction -o beginning -e -X isolation.level=read_committed | wc -l)"

version=$(command kcat -V | sed -n 's/^Version \([0-9.]*\).*librdkafka \([0-9.]*\).*/\1 (librdkafka \2)/p')
echo "client kcat $version | groups, transactions | every codec, headers, tombstones, offsets by time, metadata as JSON"
