"""Everything one service needs before it runs, in one Python process.

python -m deploy.local.prepare_service SERVICE [--topics], with the service's folder on PYTHONPATH and the operator's
password in OPERATOR_PASSWORD; --topics makes all the topics, which one service, whichever, does for all.
"""

import os
import sys
import time
from typing import Any

OPERATOR = "admin"
STEPS: list[tuple[str, dict[str, Any]]] = [
    ("migrate", {"interactive": False, "verbosity": 0}),
    ("topics_apply", {}),
    ("rotate_signing_key", {"if_missing": True}),
    ("install_schedules", {}),
    ("load_demo", {}),
]


def main(service: str, *, topics: bool) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = f"{service}.settings"
    import django
    from django.core.management import call_command, get_commands

    django.setup()
    known = get_commands()
    for command, options in STEPS:
        if command in known and (topics or command != "topics_apply"):
            started = time.monotonic()
            call_command(command, **options)
            print(f"{command}: {time.monotonic() - started:.1f} s", flush=True)
        if command == "migrate":
            ensure_operator(os.environ["OPERATOR_PASSWORD"])


def ensure_operator(password: str) -> None:
    """A superuser who may log in to this service's admin with the password that `make run` shows."""
    from django.contrib.auth import get_user_model

    model: Any = get_user_model()
    field = model.USERNAME_FIELD
    name = f"{OPERATOR}@crossborder.example" if field == "email" else OPERATOR
    operator = model._default_manager.filter(**{field: name}).first()
    if operator is None:
        model._default_manager.create_superuser(**{field: name, "password": password})
    elif not operator.check_password(password):
        operator.set_password(password)
        operator.save()


if __name__ == "__main__":
    main(sys.argv[1], topics="--topics" in sys.argv)
