#!/usr/bin/env bash
# Installs the servers and the browser that the tests start, where this machine lets us; else says
# which are missing. The tests that need one that is not there fail: nothing is skipped silently.
set -eu

missing=()
need() { # need PACKAGE FILE...
    local package=$1
    shift
    for file in "$@"; do
        if compgen -G "$file" >/dev/null || command -v "$file" >/dev/null; then return; fi
    done
    missing+=("$package")
}

need redis-server redis-server
need postgresql '/usr/lib/postgresql/*/bin/postgres'
need chromium chromium
need mosquitto-clients mosquitto_pub
need fonts-noto-cjk '/usr/share/fonts/opentype/noto/NotoSansCJK*' # the page's Chinese, in screenshots

[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "Please install: ${missing[*]}" >&2
    exit 1
fi
run=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
        echo "Please install: sudo apt-get install ${missing[*]}" >&2
        exit 1
    fi
    run=(sudo -n)
fi
echo "Installing system packages: ${missing[*]} ..."
export DEBIAN_FRONTEND=noninteractive
"${run[@]}" apt-get update -qq
# A server that Debian starts by itself would hold its usual port: the tests start their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${run[@]}" tee "$policy" >/dev/null
    "${run[@]}" chmod +x "$policy"
    trap '"${run[@]}" rm -f "$policy"' EXIT
fi
"${run[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
