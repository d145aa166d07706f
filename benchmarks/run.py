"""Runs the benchmarks of this folder, or those that are named.

python -m benchmarks.run                    all of them
python -m benchmarks.run match_ranges       one
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def find_benchmarks() -> list[str]:
    """Return the names of the modules here that have a `main`."""
    here = Path(__file__).parent
    names = sorted(path.stem for path in here.glob("*.py"))
    return [name for name in names if name not in ("__init__", "run")]


def main(arguments: list[str]) -> int:
    """Run the named benchmarks, all if none is named; return 1 if one of them failed."""
    known = find_benchmarks()
    unknown = [name for name in arguments if name not in known]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}: there are {', '.join(known)}", file=sys.stderr)
        return 2
    failed = []
    for name in arguments or known:
        print(f"== {name}", flush=True)
        try:
            importlib.import_module(f"benchmarks.{name}").main()
        except AssertionError as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed.append(name)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
