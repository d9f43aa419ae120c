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
for service in identity catalog orders payments notifications; do
    echo "== mypy services/$service"
    libraries=$([ "$service" = orders ] && echo "-p outbox -p auth_jwt -p chassis") # once, with a service's settings
    (cd "services/$service" && MYPYPATH=../../libs/outbox:../../libs/auth_jwt:../../libs/chassis SECRET_KEY=unused ORDER_TOKEN_KEY=unused DJANGO_SETTINGS_MODULE=$service.settings \
        ../../.venv/bin/mypy --no-error-summary --config-file ../../deploy/mypy.ini -p "$service" $libraries) || failed=1
done
check .venv/bin/mypy --no-error-summary -p deploy.local -p deploy.mailbox -p deploy.gateway
if grep -q '^\[tool.importlinter\]' pyproject.toml || [ -e .importlinter ]; then
    services=$(printf 'services/%s:' identity catalog orders payments notifications)
    echo "== lint-imports"
    PYTHONPATH=$services .venv/bin/lint-imports || failed=1
fi
exit $failed
