#!/usr/bin/env bash
# Stop the embedded Airflow that scripts/up.sh or an interrupted demo has left running.
set -euo pipefail
cd "$(dirname "$0")/.."
exec .venv/bin/python -m stillwatch.orchestration down
