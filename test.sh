#!/usr/bin/env bash
# Everything that must hold, in one run: sets up what the tests need, runs all of them, says what was skipped and why.
#
#   ./test.sh            all of it
#   ./test.sh quick      without the client suites, without cargo-deny and without what needs installing
#   ./test.sh soak       all of it, every property test with 20 times its cases, 200 kills and 200 power cuts
#   ./test.sh strict     all of it, and what had to be skipped fails the run: what CI does
#
# What it installs (a Python venv, node modules, Rust and Go clients, jars, cargo-deny) goes to .cache/; PostgreSQL, protoc, kcat are
# Debian's, and are installed where they are missing and we may. Each run of a property test has other seeds.
set -uo pipefail
cd "$(dirname "$0")"

mode=${1:-all}
case $mode in
  all | quick | strict) ;;
  # What each property test multiplies; 256 when nobody says anything.
  soak) export PROPTEST_CASES=$((256 * 20)) ;;
  *) sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
is_quick() { [ "$mode" = quick ]; }
cache=$PWD/.cache
log=$cache/log
mkdir -p "$log"
ran=() skipped=() unchecked=() failed=()

# step NAME COMMAND…   runs it, keeps its output, shows the output's tail when it fails
step() {
  local name=$1 start=$SECONDS
  shift
  printf '%-44s' "$name"
  if "$@" >"$log/${name//[ \/]/-}.log" 2>&1; then
    printf 'ok      %4d s\n' $((SECONDS - start))
    ran+=("$name")
    # A test says `skipped: …` when something it needs is not there.
    while IFS= read -r line; do note_skipped "$name" "${line#*skipped: }"; done \
      < <(grep -h 'skipped: ' "$log/${name//[ \/]/-}.log" | sort -u)
    # It says `not checked: …` when this is no machine to check it on, which is nobody's fault.
    while IFS= read -r line; do unchecked+=("${line#*not checked: }"); done \
      < <(grep -h 'not checked: ' "$log/${name//[ \/]/-}.log" | sort -u)
  else
    printf 'FAILED  %4d s\n' $((SECONDS - start))
    tail -n 60 "$log/${name//[ \/]/-}.log" | sed 's/^/    /'
    failed+=("$name")
    # What failed and what it said last, again at the end: of a long run often no more than the end is seen.
    while IFS= read -r line; do failed+=("$name: $line"); done < <(what_failed "$log/${name//[ \/]/-}.log")
    return 1
  fi
}
what_failed() {
  grep -hE -A 3 "^thread '.*panicked at|^error: .* failed" "$1" | cut -c -300 | tail -n 16
  sed -n '/^failures:$/,/^test result: FAILED/p' "$1" | grep '^    ' | sort -u
}
note_skipped() {
  skipped+=("$1: $2")
  [ "$mode" != strict ] || failed+=("$1: skipped: $2")
}
skip() { note_skipped "$1" "$2"; printf '%-44sskipped: %s\n' "$1" "$2"; }

# --- the compiler's and the linters' part -----------------------------------------------------------------------
step "rustfmt" cargo fmt --all --check
# What is tested is optimised as what users run is, but for what takes half the time of a build: optimising across a crate's own
# parts, and lines for debuggers. A panic says where it was all the same.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_DEBUG=false
# One set of features for every step, so that nothing is built twice.
all=(--release --workspace --all-features)
step "build" cargo build "${all[@]}" --all-targets
step "clippy" cargo clippy "${all[@]}" --all-targets -- -D warnings
step "rustdoc" env RUSTDOCFLAGS="-D warnings" cargo doc "${all[@]}" --no-deps
export ANNALS_BIN=$PWD/target/release/annals

# A crate that generates code for one format builds the model with that format alone.
one_feature() {
  local feature
  for feature in avro avro,uuid,jiff avro,values proto json apache-avro; do
    cargo clippy --release -p annals-schema-model --lib --no-default-features --features "$feature" -- -D warnings || return
  done
}
step "schema-model, a feature at a time" one_feature
# A crate that folds has the event store with what it asks for, and nothing else.
event_store_features() {
  local feature
  for feature in "" declarative json questions http remote projections avro-files; do
    cargo clippy --release -p annals-event-store --lib --features "$feature" -- -D warnings || return
  done
}
step "event-store, a feature at a time" event_store_features

if is_quick; then
  skip "cargo deny" "quick run"
else
  export PATH=$PATH:$cache/deny/bin
  deny() {
    command -v cargo-deny >/dev/null \
      || cargo install cargo-deny --version 0.20.2 --locked --debug --root "$cache/deny" --target-dir "$cache/deny/target" \
      || return
    cargo deny check licenses bans sources
  }
  step "cargo deny: licences, bans, sources" deny
  # The advisories are a git repository, and no package registry has a copy: a machine may be without.
  if timeout 30 cargo deny fetch db >"$log/advisories-fetch.log" 2>&1; then
    step "cargo deny: advisories" cargo deny check --disable-fetch advisories
  else
    unchecked+=("advisories against dependencies: their database cannot be fetched from here")
    printf '%-44sNOT CHECKED: the database cannot be fetched\n' "cargo deny: advisories"
  fi
fi

# --- what the tests need beyond the toolchain ---------------------------------------------------------------------
if ! is_quick && command -v python3 >/dev/null; then
  python_clients() {
    [ -x "$cache/venv/bin/python" ] || python3 -m venv "$cache/venv"
    "$cache/venv/bin/pip" install --quiet --disable-pip-version-check -r tests/clients/python/requirements.txt
  }
  step "set up: python clients" python_clients && export ANNALS_PYTHON=$cache/venv/bin/python
else
  skip "python clients" "quick run, or no python3"
fi
if ! is_quick && command -v npm >/dev/null; then
  node_clients() {
    mkdir -p "$cache/node"
    cmp -s tests/clients/node/package-lock.json "$cache/node/installed.json" && return
    cp tests/clients/node/package{,-lock}.json "$cache/node/"
    npm ci --ignore-scripts --no-audit --no-fund --prefix "$cache/node" \
      && cp tests/clients/node/package-lock.json "$cache/node/installed.json"
  }
  step "set up: node clients" node_clients && export ANNALS_NODE_MODULES=$cache/node/node_modules
else
  skip "node clients" "quick run, or no Node with npm"
fi
if ! is_quick; then
  # A workspace of its own: what it depends on is no part of Annals, so clippy, rustdoc and cargo-deny never see it.
  rust_clients() {
    cargo build --locked --manifest-path tests/clients/rust/Cargo.toml --target-dir "$cache/rust-client"
  }
  step "set up: rust clients" rust_clients && export ANNALS_RUST_CLIENTS=$cache/rust-client/debug
else
  skip "rust clients" "quick run"
fi
if ! is_quick && command -v go >/dev/null; then
  go_clients() {
    local from=$PWD/tests/clients/go
    mkdir -p "$cache/go"
    # The same program once more with the last sarama under its former name.
    sed 's#github.com/IBM/sarama#github.com/Shopify/sarama#' "$from/sarama/main.go" >"$cache/go/older.go"
    printf '{"Replace": {"%s": "%s"}}' "$from/sarama/main.go" "$cache/go/older.go" >"$cache/go/overlay.json"
    go build -C "$from" -mod=readonly -o "$cache/go/" ./franz ./sarama \
      && go build -C "$from" -mod=readonly -tags older -overlay "$cache/go/overlay.json" -o "$cache/go/sarama-older" ./sarama
  }
  step "set up: go clients" go_clients && export ANNALS_GO_CLIENTS=$cache/go
else
  skip "go clients" "quick run, or no Go"
fi
if ! is_quick && command -v mvn >/dev/null && command -v javac >/dev/null; then
  # java_programs NAME FOLDER PROGRAMS [MAVEN OPTION…]   a folder's programs and the jars of its POM: NAME.classpath
  java_programs() {
    local name=$1 folder=tests/clients/java/$2 programs=$3
    shift 3
    mkdir -p "$cache/java/$name"
    mvn -q -B -f "$folder/pom.xml" dependency:build-classpath -Dmdep.outputFile="$cache/java/$name.jars" "$@" \
      && javac -proc:none -d "$cache/java/$name" -cp "$(cat "$cache/java/$name.jars")" -sourcepath tests/clients/java \
        "$folder"/$programs.java \
      && echo "$cache/java/$name:$(cat "$cache/java/$name.jars")" >"$cache/java/$name.classpath"
  }
  # Apache Kafka itself, which a test runs beside us.
  java_kafka() {
    mvn -q -B -f tests/bench/pom.xml dependency:build-classpath -Dmdep.outputFile="$cache/java/kafka.classpath"
  }
  java_clients() {
    java_programs clients . '*' \
      && java_programs older . Groups -Dkafka.version=3.9.2 \
      && java_programs programs programs '*' \
      && java_kafka
  }
  step "set up: java clients" java_clients && export ANNALS_JAVA=$cache/java \
    && export ANNALS_AVRO_CLASSPATH=$(cat "$cache/java/clients.jars")
else
  skip "java clients" "quick run, or no JDK with Maven"
fi
# may_install PACKAGE   installs a package of Debian's, where there is such a thing and we may
may_install() {
  ! is_quick && [ "$(id -u)" = 0 ] && command -v apt-get && apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$1"
}
# Without one the test says what it skips.
kcat() { type -P kcat || may_install kcat || [ "$mode" != strict ]; }
step "set up: kcat" kcat
# The reference compiler of Protobuf. Without one the test says what it skips.
protoc() { type -P protoc || may_install protobuf-compiler || [ "$mode" != strict ]; }
step "set up: protoc" protoc
# A PostgreSQL server of the tests' own. Without one the tests say what they skip.
postgres_folder=$(mktemp -d)
trap 'tests/postgres.sh stop "$postgres_folder" >/dev/null 2>&1; rm -rf "$postgres_folder"' EXIT
postgresql() {
  local url status=0
  url=$(tests/postgres.sh start "$postgres_folder") || status=$?
  if [ $status = 3 ] && may_install postgresql; then
    status=0
    url=$(tests/postgres.sh start "$postgres_folder") || status=$?
  fi
  case $status in
    0) echo "$url" >"$cache/postgresql-url" ;;
    3) [ "$mode" != strict ] ;;
    *) return $status ;;
  esac
}
rm -f "$cache/postgresql-url"
step "set up: postgresql" postgresql && [ -s "$cache/postgresql-url" ] \
  && export ANNALS_TEST_POSTGRES=$(cat "$cache/postgresql-url")
[ -d ../shared/data ] && export ANNALS_TEST_DATA=$PWD/../shared/data

# --- the tests ------------------------------------------------------------------------------------------------------
step "tests" cargo test "${all[@]}" --no-fail-fast -- --nocapture

# --- the account ------------------------------------------------------------------------------------------------------
echo
# Each client suite says which capabilities it went through.
grep -hs '^client ' "$log/tests.log" | sort -u
echo "ran ${#ran[@]} steps in $SECONDS s"
for line in "${skipped[@]:-}"; do [ -n "$line" ] && echo "skipped: $line"; done
for line in "${unchecked[@]:-}"; do [ -n "$line" ] && echo "NOT CHECKED: $line"; done
if [ ${#failed[@]} -gt 0 ]; then
  printf 'FAILED: %s\n' "${failed[@]}"
  exit 1
fi
echo "all passed"
