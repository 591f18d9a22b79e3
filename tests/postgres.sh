#!/usr/bin/env bash
# A PostgreSQL server of the tests' own, with its data in a folder it is given.
#
#   postgres.sh start FOLDER            makes the server and starts it on a free port of 127.0.0.1; prints its URL
#   postgres.sh restart FOLDER MODE     restarts it: `fast` ends its sessions, `immediate` is as a crash
#   postgres.sh sql FOLDER STATEMENT    runs a statement and prints what it answers
#   postgres.sh stop FOLDER             stops it and removes the folder
#
# Exits with 3 and one line on stderr when the machine has no PostgreSQL. Writes are synced, as PostgreSQL does by itself.
set -euo pipefail
command=$1 folder=$2

initdb=$(command -v initdb || find /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin \
  -name initdb 2>/dev/null | sort -V | tail -n 1) || true
if [ -z "$initdb" ]; then
  echo "there is no PostgreSQL (initdb) on this machine" >&2
  exit 3
fi
bin=$(dirname "$(readlink -f "$initdb")")

# PostgreSQL refuses to run as root.
as_user=()
if [ "$(id -u)" = 0 ]; then
  user=$(id -nu postgres 2>/dev/null || echo nobody)
  as_user=(setpriv --reuid "$user" --regid "$(id -gn "$user")" --clear-groups env HOME="$folder")
fi
run() { (cd "$folder" && ${as_user[@]+"${as_user[@]}"} "$@"); }

case $command in
  start)
    mkdir -p "$folder"
    [ "$(id -u)" != 0 ] || chown "$user" "$folder"
    run "$bin/initdb" --pgdata="$folder/data" --username=annals --auth=trust --encoding=UTF8 --locale=C >"$folder/initdb.log"
    for _ in 1 2 3 4 5 6 7 8; do
      port=$((20000 + RANDOM % 12000))
      echo "$port" >"$folder/port"
      options="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='$folder'"
      # A port that is taken is found out by trying. The log file is kept open by the server, not by whoever waits for us.
      if run "$bin/pg_ctl" --pgdata="$folder/data" --options="$options" --log="$folder/log" --wait start >&2; then
        echo "postgres://annals@127.0.0.1:$port/postgres"
        exit 0
      fi
    done
    cat "$folder/log" >&2
    exit 1
    ;;
  restart) run "$bin/pg_ctl" --pgdata="$folder/data" --log="$folder/log" --wait --mode="$3" restart >&2 ;;
  sql)
    run "$bin/psql" --host=127.0.0.1 --port="$(cat "$folder/port")" --username=annals --dbname=postgres \
      --no-psqlrc --quiet --tuples-only --no-align --command="$3"
    ;;
  stop)
    run "$bin/pg_ctl" --pgdata="$folder/data" --wait --mode=immediate stop >&2 || true
    rm -rf "$folder"
    ;;
  *)
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
