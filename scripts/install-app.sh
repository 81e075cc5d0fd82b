#!/usr/bin/env bash
# Install Samram into a virtual environment of its own. The Dockerfile and .ci/run install with this script alone.
#
# Usage: scripts/install-app.sh PREFIX
#
#   PREFIX   a folder that does not exist yet, or is empty; afterwards PREFIX/bin/samram is the command
#   PYTHON   environment variable: the interpreter to build upon, 3.11 or newer; python3 unless set
#
# At the end all loops are compiled, so that nobody who runs the command waits for it. Compiled loops are kept beside
# the code, or in the folder NUMBA_CACHE_DIR; whoever runs the command must be allowed to write there, or they are
# compiled again into that user's own cache.
#
# Everything that runs here or later is pinned with its hashes (requirements.lock, scripts/servers.lock, scripts/build.lock). pip stays in
# a temporary environment, so that the installed one holds nothing but the application and what it needs.
set -euo pipefail

if [[ $# -ne 1 ]]; then
    echo "install-app.sh takes one argument, the folder to install into; it got $#." >&2
    exit 2
fi
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prefix=$1
python=${PYTHON:-python3}

if [[ -e $prefix && -n $(ls -A "$prefix") ]]; then
    echo "install-app.sh: $prefix is not empty; expected a new folder." >&2
    exit 2
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "install-app.sh: $python is $("$python" --version); expected Python 3.11 or newer (set PYTHON)." >&2
    exit 2
fi

work_dir=$(mktemp -d)
trap 'rm -rf "$work_dir"' EXIT

"$python" -m venv "$work_dir/build"
build_pip=("$work_dir/build/bin/python" -m pip --disable-pip-version-check --quiet)
"${build_pip[@]}" install --require-hashes --requirement "$source_dir/scripts/build.lock"
"${build_pip[@]}" wheel --no-deps --no-build-isolation --wheel-dir "$work_dir/wheel" "$source_dir"

"$python" -m venv --without-pip "$prefix"
"${build_pip[@]}" --python "$prefix/bin/python" install --require-hashes \
    --requirement "$source_dir/requirements.lock" --requirement "$source_dir/scripts/servers.lock"
"${build_pip[@]}" --python "$prefix/bin/python" install --no-deps --no-index "$work_dir"/wheel/samram-*.whl

"$prefix/bin/samram" --version
"$prefix/bin/samram" warm
