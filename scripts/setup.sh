#!/usr/bin/env bash
# Set up everything in this folder: uv in .uv, a locked and byte-compiled environment in .venv.
# Needs Python 3.11 or 3.12. Missing system libraries are installed if this is root on Debian or
# Ubuntu; otherwise the exact package line is printed. A second run with nothing changed is instant.
set -euo pipefail
cd "$(dirname "$0")/.."
unset PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME VIRTUAL_ENV UV_PROJECT_ENVIRONMENT

# Trust what this machine trusts: a company's own certificate authority is in the system's bundle.
if [[ -s /etc/ssl/certs/ca-certificates.crt ]]; then export UV_SYSTEM_CERTS=1; fi

UV_VERSION=0.13.9
STAMP=.venv/.stillwatch-stamp
SYSTEM_PACKAGES=(libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 libharfbuzz0b libfontconfig1
    fonts-dejavu-core)

say() { echo "setup: $*"; }
fail() { echo "setup: $*" >&2; exit 1; }

is_debian() { [[ -r /etc/os-release ]] && grep -qE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release; }

install_system() { # package ...
    if is_debian && [[ $(id -u) == 0 ]]; then
        say "installing system packages: $*"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    elif is_debian; then
        fail "system packages are missing; run:  sudo apt-get install --no-install-recommends $*"
    else
        fail "system libraries are missing; on Debian or Ubuntu they are:  $*
       on other systems install Pango, HarfBuzz and Fontconfig and run this again"
    fi
}

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.11 python3.12 python3 python; do
        if [[ -n $candidate ]] && command -v "$candidate" >/dev/null 2>&1 && "$candidate" - \
            >/dev/null 2>&1 <<<'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))'; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

has_libraries() { # python: can it load what the PDF renderer loads?
    "$1" - >/dev/null 2>&1 <<'PY'
import ctypes, sys
libraries = {
    "linux": ["libpango-1.0.so.0", "libpangoft2-1.0.so.0", "libharfbuzz.so.0",
              "libharfbuzz-subset.so.0", "libfontconfig.so.1"],
    "darwin": ["libpango-1.0.dylib", "libharfbuzz.dylib", "libfontconfig.dylib"],
}
for name in libraries.get(sys.platform, []):
    ctypes.CDLL(name)
PY
}

get_uv() { # python
    if [[ -x .uv/bin/uv ]] && .uv/bin/uv --version 2>/dev/null | grep -qF "uv $UV_VERSION"; then
        return
    fi
    say "fetching uv $UV_VERSION"
    rm -rf .uv
    if "$1" -m venv .uv >/dev/null 2>&1; then
        .uv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION" && return
        fail "pip could not install uv $UV_VERSION (message above): is the package index reachable?"
    fi
    rm -rf .uv
    if "$1" -m pip --version >/dev/null 2>&1; then
        "$1" -m pip install --quiet --disable-pip-version-check --target .uv "uv==$UV_VERSION" && return
        fail "pip could not install uv $UV_VERSION (message above): is the package index reachable?"
    fi
    install_system python3-venv
    "$1" -m venv .uv || fail "$1 cannot make a virtual environment even with python3-venv"
    .uv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION" ||
        fail "pip could not install uv $UV_VERSION (message above): is the package index reachable?"
}

python=$(find_python) || fail "Python 3.11 or 3.12 is needed and none of python3.11, python3.12, \
python3 is one; on Debian 12 or Ubuntu 24.04 run:  apt-get install python3 python3-venv"
version=$("$python" -c 'import platform; print(platform.python_version())')
stamp=$({ echo "$version $PWD"; cat pyproject.toml requirements-dev.lock scripts/setup.sh; } |
    "$python" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())')

if [[ -f $STAMP && $(cat "$STAMP") == "$stamp" && -x .venv/bin/stillwatch ]] &&
    has_libraries "$python"; then
    exit 0
fi

mkdir -p .cache
if command -v flock >/dev/null 2>&1; then
    exec 9>.cache/setup.lock
    flock 9 # a second set-up at the same time waits for the first
fi

started=$SECONDS
has_libraries "$python" || install_system "${SYSTEM_PACKAGES[@]}"
has_libraries "$python" || fail "Pango, HarfBuzz or Fontconfig still cannot be loaded by $python"
get_uv "$python"
if [[ ! -x .venv/bin/python ]] || ! .venv/bin/python -c "import platform, sys; \
sys.exit(platform.python_version() != '$version')" 2>/dev/null; then
    say "making .venv with Python $version"
    rm -rf .venv
    .uv/bin/uv venv --quiet --python "$python" .venv
fi
say "installing $(grep -cE '^[a-z0-9].*==' requirements-dev.lock) locked packages and compiling them"
.uv/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes --compile-bytecode \
    requirements-dev.lock
.uv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
.venv/bin/python -m compileall -q src dags
echo "$stamp" >"$STAMP"
say "done in $((SECONDS - started)) s"
