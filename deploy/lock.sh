#!/usr/bin/env bash
# Compile the hash-pinned locks: one for development, then one per service constrained by it, so that all five agree.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}
compile() { "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-emit-find-links --no-header --no-annotate "$@"; }
libraries=(libs/outbox/pyproject.toml libs/auth_jwt/pyproject.toml libs/chassis/pyproject.toml)
compile --group pyproject.toml:dev "${libraries[@]}" services/*/pyproject.toml -o requirements-dev.txt
for service in identity catalog orders payments notifications; do
    compile -c requirements-dev.txt "${libraries[@]}" "services/$service/pyproject.toml" \
        -o "services/$service/requirements.txt"
done
