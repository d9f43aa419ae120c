"""`service/` runs inside each service, started by test_services.py; from here it has no settings to run with."""

import os

collect_ignore = [] if os.environ.get("DJANGO_SETTINGS_MODULE") else ["service"]
