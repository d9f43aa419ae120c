"""What gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payments.settings")
application = get_wsgi_application()

from payments.checks import log_needed_settings  # noqa: E402 - after the settings are there

log_needed_settings()
