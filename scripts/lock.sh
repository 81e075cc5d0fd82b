#!/usr/bin/env bash
# Write requirements.lock (what an installation runs), scripts/servers.lock (the drivers of PostgreSQL and MQTT, which
# the image has beside it) and scripts/build.lock (what builds the wheel) anew.
#
# Usage: scripts/lock.sh
#
# The files pin every package with the hashes of its public files, for every platform and Python that the project
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

asked() {
    python3 -c '
import pathlib, sys, tomllib
project = tomllib.loads(pathlib.Path("pyproject.toml").read_text(encoding="utf-8"))
extras = project["project"]["optional-dependencies"]
print("\n".join(project["build-system"]["requires"] if sys.argv[1] == "build" else extras["mqtt"] + extras["postgres"]))
' "$1"
}

asked servers | compile - --constraint requirements.lock --output-file scripts/servers.lock "${@}"
asked build | compile - --output-file scripts/build.lock "${@}"

for lock in requirements.lock scripts/servers.lock scripts/build.lock; do
    echo "$lock pins $(grep -c '^[a-z0-9]' "$lock") packages."
done
