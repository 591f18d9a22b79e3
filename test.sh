#!/usr/bin/env bash
# Everything that must hold, in one run: sets up what the tests need, runs all of them, says what was skipped and why.
#
#   ./test.sh            all of it
#   ./test.sh quick      without the client suites and without cargo-deny
#
# What it installs (a Python venv, node modules, a Rust client, jars, cargo-deny) goes to .cache/ and nowhere else.
set -uo pipefail
cd "$(dirname "$0")"

quick=${1:-}
cache=$PWD/.cache
log=$cache/log
mkdir -p "$log"
ran=() skipped=() failed=()

# step NAME COMMAND…   runs it, keeps its output, shows the output's tail when it fails
step() {
  local name=$1 start=$SECONDS
  shift
  printf '%-44s' "$name"
  if "$@" >"$log/${name//[ \/]/-}.log" 2>&1; then
    printf 'ok      %4d s\n' $((SECONDS - start))
    ran+=("$name")
    # A test says `skipped: …` when something it needs is not there.
    while IFS= read -r line; do skipped+=("$name: ${line#*skipped: }"); done \
      < <(grep -h 'skipped: ' "$log/${name//[ \/]/-}.log" | sort -u)
  else
    printf 'FAILED  %4d s\n' $((SECONDS - start))
    tail -n 60 "$log/${name//[ \/]/-}.log" | sed 's/^/    /'
    failed+=("$name")
    return 1
  fi
}
skip() { skipped+=("$1: $2"); printf '%-44sskipped: %s\n' "$1" "$2"; }

# --- the compiler's and the linters' part -----------------------------------------------------------------------
step "rustfmt" cargo fmt --all --check
# One set of features for every step, so that nothing is built twice.
all=(--release --workspace --all-features)
step "build" cargo build "${all[@]}" --all-targets
step "clippy" cargo clippy "${all[@]}" --all-targets -- -D warnings
step "rustdoc" env RUSTDOCFLAGS="-D warnings" cargo doc "${all[@]}" --no-deps
export ANNALS_BIN=$PWD/target/release/annals

if [ "$quick" = quick ]; then
  skip "cargo deny" "quick run"
else
  deny() {
    command -v cargo-deny >/dev/null || [ -x "$cache/deny/bin/cargo-deny" ] \
      || cargo install cargo-deny --version 0.20.2 --locked --debug --root "$cache/deny" --target-dir "$cache/deny/target"
    PATH=$cache/deny/bin:$PATH cargo deny check licenses bans sources
  }
  step "cargo deny" deny
fi

# --- what the tests need beyond the toolchain ---------------------------------------------------------------------
if [ "$quick" != quick ] && command -v python3 >/dev/null; then
  python_clients() {
    [ -x "$cache/venv/bin/python" ] || python3 -m venv "$cache/venv"
    "$cache/venv/bin/pip" install --quiet --disable-pip-version-check -r tests/clients/python/requirements.txt
  }
  step "set up: python clients" python_clients && export ANNALS_PYTHON=$cache/venv/bin/python
else
  skip "python clients" "quick run, or no python3"
fi
if [ "$quick" != quick ] && command -v npm >/dev/null; then
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
if [ "$quick" != quick ]; then
  # A workspace of its own: what it depends on is no part of Annals, so clippy, rustdoc and cargo-deny never see it.
  rust_client() {
    cargo build --locked --manifest-path tests/clients/rust/Cargo.toml --target-dir "$cache/rust-client"
  }
  step "set up: rust client" rust_client && export ANNALS_RUST_CLIENT=$cache/rust-client/debug/rust-client
else
  skip "rust client" "quick run"
fi
if [ "$quick" != quick ] && command -v mvn >/dev/null && command -v javac >/dev/null; then
  java_clients() {
    mvn -q -B -f tests/clients/java/pom.xml dependency:build-classpath -Dmdep.outputFile="$cache/java-classpath"
  }
  step "set up: java clients" java_clients && export ANNALS_JAVA_CLASSPATH=$(cat "$cache/java-classpath") \
    && export ANNALS_AVRO_CLASSPATH=$ANNALS_JAVA_CLASSPATH
else
  skip "java clients" "quick run, or no JDK with Maven"
fi
# A PostgreSQL server of the tests' own. Debian's package is installed where there is none and we may.
postgres_folder=$(mktemp -d)
trap 'tests/postgres.sh stop "$postgres_folder" >/dev/null 2>&1; rm -rf "$postgres_folder"' EXIT
postgresql() {
  local url status=0
  url=$(tests/postgres.sh start "$postgres_folder") || status=$?
  if [ $status = 3 ] && [ "$quick" != quick ] && [ "$(id -u)" = 0 ] && command -v apt-get; then
    apt-get install -y --no-install-recommends postgresql || return
    url=$(tests/postgres.sh start "$postgres_folder") || return
    status=0
  fi
  # Without one the tests say what they skip.
  [ $status = 3 ] || { [ $status = 0 ] && echo "$url" >"$cache/postgresql-url"; }
}
rm -f "$cache/postgresql-url"
step "set up: postgresql" postgresql && [ -s "$cache/postgresql-url" ] \
  && export ANNALS_TEST_POSTGRES=$(cat "$cache/postgresql-url")
[ -d ../shared/data ] && export ANNALS_TEST_DATA=$PWD/../shared/data

# --- the tests ------------------------------------------------------------------------------------------------------
step "tests of each crate" cargo test "${all[@]}" --exclude annals-tests -- --nocapture
step "tests of the whole" cargo test --release -p annals-tests -- --nocapture

# --- the account ------------------------------------------------------------------------------------------------------
echo
# Each client suite says which capabilities it went through.
grep -hs '^client ' "$log/tests-of-the-whole.log" | sort -u
echo "ran ${#ran[@]} steps in $SECONDS s"
for line in "${skipped[@]:-}"; do [ -n "$line" ] && echo "skipped: $line"; done
if [ ${#failed[@]} -gt 0 ]; then
  printf 'FAILED: %s\n' "${failed[@]}"
  exit 1
fi
echo "all passed"
