#!/usr/bin/env bash
# Start the embedded Airflow in the background and print where it is.
set -euo pipefail
cd "$(dirname "$0")/.."
unset PYTHONDONTWRITEBYTECODE
exec .venv/bin/python -m stillwatch.orchestration up
