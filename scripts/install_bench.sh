#!/usr/bin/env bash
# Add the competitors' packages (dependency group `bench`) to the environment, as locked.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ -s /etc/ssl/certs/ca-certificates.crt ]]; then export UV_SYSTEM_CERTS=1; fi
.venv/bin/python -c 'import igraph, leidenalg, pyod' 2>/dev/null && exit 0
echo "evaluate: installing the competitors' packages"
.uv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes --compile-bytecode \
    --requirements requirements-bench.lock
