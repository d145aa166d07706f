#!/usr/bin/env bash
# Run the demonstration from wherever it stands. A second run only looks at the results.
set -euo pipefail
cd "$(dirname "$0")/.."
unset PYTHONDONTWRITEBYTECODE
exec .venv/bin/python -m stillwatch.demo
