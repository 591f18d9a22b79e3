#!/usr/bin/env bash
# The benches: starts a release server of its own on free ports, measures, stops it.
#   run.sh produce [MEGABYTES] [ROUNDS]   needs .cache/venv (./test.sh makes it)
#   run.sh registry [SECONDS] [ROUNDS]    needs wrk
#   run.sh reconstruct [COUNT]            needs .cache/venv
#   run.sh register [COUNT] [ROUNDS]      one registrar, then 64 at once, on SQLite
#   run.sh schemas [COUNT]                start-up time and memory with so many schemas
#   run.sh transitive [VERSIONS]          a check against all versions of a subject, and against one; needs .cache/venv
#   run.sh start                          start-up time and resident memory, empty and with the demo
#   run.sh kafka [quick]                  us beside Apache Kafka and the limit; needs .cache/venv, a JDK and Maven
#   run.sh codegen [PART [CASE]]          generated Avro code beside others; needs a JDK and Maven
#   run.sh store [ROW] [EVENTS] [CODEC]   the event store on 10,000,000 events, made once in .cache/store-bench, uncompressed or
#                                         in lz4; ROW is one of in-process, rest, memory, scan (needs .cache/venv), postgres
set -euo pipefail
cd "$(dirname "$0")/../.."
what=${1:?produce, registry, reconstruct, register, schemas, transitive, start, kafka, codegen or store}
shift
if [ "$what" = codegen ]; then
  bench=tests/bench/codegen
  export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/codegen-bench}
  cargo build --release --quiet --manifest-path "$bench/Cargo.toml"
  java=.cache/codegen-bench
  rm -rf "$java" && mkdir -p "$java"
  mvn -q -B -f "$bench/pom.xml" dependency:build-classpath -Dmdep.outputFile="$PWD/$java/jars"
  jars=$(cat "$java/jars")
  java -cp "$jars" "$bench/java/Types.java" "$bench/schemas/orders-shop.OrderPlaced/v2.avsc" "$java/src"
  find "$java/src" -name '*.java' -exec javac -nowarn -cp "$jars" -d "$java/classes" "$bench/java/Orders.java" {} +
  CODEGEN_BENCH_CLASSPATH="$jars:$java/classes" "$CARGO_TARGET_DIR/release/codegen-bench" "$@"
  exit
fi
cargo build --release --quiet -p annals-registry-server --bin annals --example bare --example registrars
bin=${CARGO_TARGET_DIR:-target}/release
python=.cache/venv/bin/python
data=$(mktemp -d)
servers=()
# A server writes until it has stopped.
trap 'kill "${servers[@]}" 2>/dev/null || true; wait "${servers[@]}" 2>/dev/null || true; rm -rf "$data"' EXIT

# start ARGS…   sets $kafka, $http, $pid; with $keep on the data there is
start() {
  [ -n "${keep:-}" ] || rm -rf "$data/d"
  "$bin/annals" serve --data-dir "${keep_in:-$data/d}" --kafka-listen 127.0.0.1:0 --http-listen 127.0.0.1:0 "$@" >"$data/out" &
  pid=$!
  servers+=("$pid")
  until grep -q '^annals .* ready' "$data/out"; do kill -0 "$pid"; read -rt 0.05 <> <(:) || true; done
  kafka=$(awk '/^Kafka/{print $2}' "$data/out")
  http=$(awk '/^Registry/{print $2}' "$data/out")
}

stop() {
  kill "$1"
  wait "$1" || true
}

# make_log FOLDER   topic and schemas by a server, the log by appending to the partition the server made
make_log() {
  local part=$1.part
  rm -rf "$part" && mkdir -p "$part/folds" && cp examples/folds/order.yaml "$part/folds/"
  keep_in=$part start
  "$bin/annals" topic create orders --partitions 1 --brokers "$kafka"
  "$store/release/store-bench" register "$http"
  stop "$pid"
  ls "$part/log/t" >"$part/topic"
  "$store/release/store-bench" corpus "$part" "$events" "$codec"
  mv "$part" "$1"
}

case $what in
  store)
    row=${1:-} events=${2:-10000000} codec=${3:-none}
    log=.cache/store-bench/$events-$codec store=${CARGO_TARGET_DIR:-$PWD/target/store-bench}
    cargo build --release --quiet --locked --manifest-path tests/bench/store/Cargo.toml --target-dir "$store"
    [ -d "$log" ] || make_log "$log"
    wants() { [[ $1 == *"$row"* ]]; }
    if wants in-process; then
      "$store/release/store-bench" index "$log"
      "$store/release/store-bench" copies "$log"
      "$store/release/store-bench" rows "$log"
    fi
    if wants postgres; then
      # Not below $data, where its own user may not go.
      peer=$(mktemp -d)
      trap 'tests/postgres.sh stop "$peer" >/dev/null 2>&1; kill "${servers[@]}" 2>/dev/null || true; rm -rf "$data"' EXIT
      chmod 755 "$peer"
      "$store/release/store-bench" postgres "$log" "$(tests/postgres.sh start "$peer")"
      tests/postgres.sh stop "$peer"
    fi
    if wants rest || wants memory || wants scan; then
      keep_in=$log start
      grep '^annals' "$data/out"
      if wants rest; then "$store/release/store-bench" rest "$log" "$http"; fi
      if wants scan; then
        for client in confluent kafka-python; do
          "$python" tests/bench/store/scan.py "$client" "$kafka" "$(awk '/^ten/{print $2; exit}' "$log/corpus")" \
            "$(awk 'NR == 1 {print $1}' "$log/corpus")"
        done
      fi
      if wants memory; then "$store/release/store-bench" memory "$log" "$http" "$pid"; fi
      stop "$pid"
    fi
    ;;
  produce)
    start
    "$python" tests/bench/produce.py "$kafka" "$http" "$pid" "$@"
    ;;
  registry)
    start --demo
    curl -sf "$http/schemas/ids/1" >"$data/body"
    "$bin"/examples/bare 127.0.0.1:18099 "$data/body" &
    servers+=("$!")
    "$python" tests/bench/ratio.py "$http/schemas/ids/1" http://127.0.0.1:18099/schemas/ids/1 "$@"
    ;;
  reconstruct)
    start --demo
    "$python" tests/bench/reconstruct.py "$http" "$@"
    ;;
  register)
    start
    count=${1:-2000}
    for _ in $(seq "${2:-5}"); do
      "$bin"/examples/registrars "${http#http://}" 1 "$((count / 4))"
      "$bin"/examples/registrars "${http#http://}" 64 "$((count * 4))"
    done
    ;;
  schemas)
    start
    grep '^annals' "$data/out"
    "$bin"/examples/registrars "${http#http://}" 64 "${1:-100000}"
    for _ in 1 2 3 4 5; do
      kill "$pid"
      wait "$pid" || true
      keep=1 start
      grep '^annals' "$data/out"
    done
    ;;
  transitive)
    start
    "$python" tests/bench/transitive.py "$http" "$@"
    ;;
  start)
    for arguments in "" "--demo" ; do
      for _ in 1 2 3 4 5; do
        # shellcheck disable=SC2086
        start $arguments
        grep '^annals' "$data/out"
        kill "$pid"
        wait "$pid" || true
      done
    done
    ;;
  kafka)
    cargo build --release --quiet -p annals-tests --bin limit
    mvn -q -B -f tests/bench/pom.xml dependency:build-classpath -Dmdep.outputFile="$PWD/.cache/kafka-classpath"
    "$python" tests/bench/kafka.py "$(cat .cache/kafka-classpath)" "$bin"/annals "$bin"/limit "$@"
    ;;
esac
