#!/usr/bin/env bash
# Re-resolve pyproject.toml and write the three hashed lock files. No registry host name is committed.
set -euo pipefail
cd "$(dirname "$0")/.."
uv="${UV:-.uv/bin/uv}"
rm -f uv.lock   # an old lock keeps leftovers of earlier bounds
"$uv" lock
"$uv" export --quiet --frozen --no-dev --no-emit-project --output-file requirements.lock >/dev/null
"$uv" export --quiet --frozen --group dev --no-emit-project --output-file requirements-dev.lock >/dev/null
"$uv" export --quiet --frozen --only-group bench --no-emit-project --output-file requirements-bench.lock >/dev/null
rm -f uv.lock
if grep -nE 'https?://' requirements.lock requirements-dev.lock requirements-bench.lock; then
    echo "lock: a host name is in the lock files (above); they must hold names and hashes only" >&2
    exit 1
fi
