#!/usr/bin/env bash
# Write requirements.lock (what an installation runs) and scripts/build.lock (what builds the wheel) anew.
#
# Usage: scripts/lock.sh
#
# Both files pin every package with the hashes of its public files, for every platform and Python that the project
# supports. They name no package registry, so that a city may install from a mirror of its own. What was published
# after `[tool.uv] exclude-newer` of pyproject.toml is not looked at: the same inputs give the same files.
# Packages that are pinned already keep their version; `scripts/lock.sh --upgrade` takes the newest allowed ones.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

compile() {
    uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --quiet \
        --custom-compile-command scripts/lock.sh "$@"
}

compile pyproject.toml --output-file requirements.lock "${@}"

python3 -c '
import pathlib, tomllib
project = tomllib.loads(pathlib.Path("pyproject.toml").read_text(encoding="utf-8"))
print("\n".join(project["build-system"]["requires"]))
' | compile - --output-file scripts/build.lock "${@}"

echo "requirements.lock pins $(grep -c '^[a-z0-9]' requirements.lock) packages, scripts/build.lock $(grep -c '^[a-z0-9]' scripts/build.lock)."
