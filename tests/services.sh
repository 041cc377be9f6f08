#!/usr/bin/env bash
# Starts the services that some tests need, runs a command with their addresses in the environment, and stops them:
#     bash tests/services.sh python -m pytest
#
# PostgreSQL: a throw-away cluster in a temporary folder, on a free loopback port, never as root. Its URL is in
# SYMJOBS_TEST_POSTGRESQL; a server that is named there already is used instead. Where none can be had, the tests that
# need one are skipped, and both this script and pytest's summary say so.
#
# Java, for Spark, is installed if there is none.
#
# Chromium: the path of a browser, in SYMJOBS_TEST_CHROMIUM, installed if there is none.
set -euo pipefail

folder=""
bin=""
user=""

say() { echo "tests/services.sh: $*" >&2; }

find_postgresql() {
    local candidate
    for candidate in $(ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin 2>/dev/null | sort -rV) \
        "$(dirname "$(command -v pg_ctl 2>/dev/null || echo /nonexistent/pg_ctl)")"; do
        if [ -x "$candidate/initdb" ] && [ -x "$candidate/pg_ctl" ]; then
            bin=$candidate
            return 0
        fi
    done
    return 1
}

install_postgresql() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    say "installing PostgreSQL with apt-get ..."
    (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql) \
        >/dev/null 2>&1
}

find_chromium() {
    SYMJOBS_TEST_CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || return 1
    export SYMJOBS_TEST_CHROMIUM
}

install_chromium() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    say "installing Chromium with apt-get ..."
    (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium) \
        >/dev/null 2>&1
}

install_java() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    say "installing Java with apt-get ..."
    (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        openjdk-17-jre-headless) >/dev/null 2>&1
}

# PostgreSQL refuses to run as root.
unprivileged() {
    if [ "$(id -u)" = 0 ]; then
        runuser -u "$user" -- "$@"
    else
        "$@"
    fi
}

start_postgresql() {
    find_postgresql || { install_postgresql && find_postgresql; } || return 1
    user=$(id -un postgres 2>/dev/null || echo nobody)
    folder=$(mktemp -d /tmp/symjobs-postgresql.XXXXXX)
    local password
    password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    echo "$password" >"$folder/password"
    if [ "$(id -u)" = 0 ]; then
        chown -R "$user" "$folder"
    fi
    unprivileged "$bin/initdb" --pgdata="$folder/data" --username=symjobs --pwfile="$folder/password" \
        --auth=scram-sha-256 --encoding=UTF8 --locale=C --no-sync >"$folder/initdb.log" 2>&1 || return 1
    local attempt port
    for attempt in 1 2 3 4 5; do
        port=$((20000 + RANDOM % 12000))
        # Nothing here must survive a power failure, so nothing waits for the disk.
        if (cd "$folder" && unprivileged "$bin/pg_ctl" start --wait --timeout=60 --pgdata="$folder/data" \
            --log="$folder/server.log" --options="-h 127.0.0.1 -p $port -k $folder -c fsync=off -c max_connections=200") \
            >/dev/null 2>&1; then
            export SYMJOBS_TEST_POSTGRESQL="postgresql+psycopg://symjobs:$password@127.0.0.1:$port/postgres"
            return 0
        fi
    done
    return 1
}

stop() {
    local status=$?
    if [ -n "$folder" ]; then
        if [ -f "$folder/data/postmaster.pid" ]; then
            (cd "$folder" && unprivileged "$bin/pg_ctl" stop --mode=immediate --pgdata="$folder/data") >/dev/null 2>&1 || true
        fi
        rm -rf "$folder"
    fi
    exit "$status"
}

if [ $# = 0 ]; then
    say "usage: bash tests/services.sh COMMAND [ARGUMENT ...]"
    exit 2
fi
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -n "${SYMJOBS_TEST_POSTGRESQL:-}" ]; then
    say "using the PostgreSQL server that SYMJOBS_TEST_POSTGRESQL names"
elif start_postgresql; then
    say "PostgreSQL is up for the tests ($("$bin/postgres" --version | cut -d' ' -f3))"
else
    say "NO POSTGRESQL: it is not installed or does not start${folder:+ (see below)}; its tests will be skipped"
    [ -n "$folder" ] && tail -n 20 "$folder"/*.log >&2 || true
fi

if [ -z "${JAVA_HOME:-}" ] && ! command -v java >/dev/null && ! install_java; then
    say "NO JAVA: it is not installed; the tests with Spark will be skipped"
fi

if [ -z "${SYMJOBS_TEST_CHROMIUM:-}" ] && ! find_chromium && ! { install_chromium && find_chromium; }; then
    say "NO CHROMIUM: it is not installed; its tests will be skipped"
fi

"$@"
