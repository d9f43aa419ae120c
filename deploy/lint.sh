#!/bin/sh
# All checks of the source, one after the other; fails when any of them does.
cd "$(dirname "$0")/.." || exit 1
failed=0
check() {
    echo "== $*"
    "$@" || failed=1
}
check .venv/bin/ruff check .
check .venv/bin/ruff format --check .
for part in libs/outbox/outbox libs/auth_jwt/auth_jwt libs/chassis/chassis services/*/; do
    case $part in services/*) part=$part$(basename "$part") ;; esac
    check .venv/bin/mypy --no-error-summary --follow-imports=silent "$part"
done
check .venv/bin/mypy --no-error-summary -p deploy.local -p deploy.mailbox
if grep -q '^\[tool.importlinter\]' pyproject.toml || [ -e .importlinter ]; then
    services=$(printf 'services/%s:' identity catalog orders payments notifications)
    echo "== lint-imports"
    PYTHONPATH=$services .venv/bin/lint-imports || failed=1
fi
exit $failed
