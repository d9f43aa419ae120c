"""nginx: the gateway's own configuration (deploy/gateway), filled in for one machine."""

import os
import re
import shutil
from pathlib import Path

from .console import Failure
from .layout import ROOT, SERVICES, VENV, Layout

FILES = ROOT / "deploy" / "gateway"
MAIN = """\
{user}
daemon off;
master_process off;  # one process: killed, it leaves no worker behind that holds the port
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    types {{
        text/html html; text/css css; application/javascript js; application/json json;
        image/png png; image/jpeg jpg jpeg; image/svg+xml svg; image/webp webp; application/pdf pdf;
    }}
    default_type application/octet-stream;
    sendfile on;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include gateway.conf;
}}
"""


def prepare(layout: Layout) -> list[str]:
    """Write the configuration; returns the command that runs nginx in the foreground."""
    server = shutil.which("nginx")
    if server is None:
        raise Failure("There is no nginx.", "Install it: sudo apt-get install nginx")
    folder = layout.run / "nginx"
    folder.mkdir(parents=True, exist_ok=True)
    values = template_values(layout)
    template = (FILES / "gateway.conf.template").read_text()
    (folder / "gateway.conf").write_text(re.sub(r"\$\{([A-Z_]+)\}", lambda name: values[name[1]], template))
    linked = folder / "crossborder"  # the files that the configuration includes, as in the container
    linked.unlink(missing_ok=True)
    linked.symlink_to(FILES)
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user="user root;" if os.getuid() == 0 else ""))
    return [server, "-e", "stderr", "-p", f"{folder}/", "-c", f"{folder}/nginx.conf"]


def files(layout: Layout) -> list[Path]:
    """What nginx reads when it starts."""
    return [layout.run / "nginx" / "gateway.conf", *sorted(FILES.glob("*.conf"))]


def template_values(layout: Layout) -> dict[str, str]:
    """The template's variables. One machine's tests and benchmarks all come from one address: the limits are wide."""
    assets = next(VENV.glob("lib/python*/site-packages/drf_spectacular_sidecar/static"), VENV)
    return {
        "GATEWAY_RESOLVER": "127.0.0.1",
        "GATEWAY_RATE": "2000r/s",
        "GATEWAY_LOGIN_RATE": "200r/s",
        "GATEWAY_BURST": "2000",
        "GATEWAY_LISTEN": layout.address("gateway"),
        "OPERATORS_LISTEN": layout.address("operators"),
        "GATEWAY_LOG": str(layout.logs / "gateway-access.log"),
        "GATEWAY_OPENAPI": str(ROOT / "docs" / "openapi.json"),
        "GATEWAY_DOCS_ASSETS": str(assets / "drf_spectacular_sidecar" / "swagger-ui-dist"),
        "MEDIA_ROOT": str(layout.run / "media"),
        **{f"{service.upper()}_UPSTREAM": f"{layout.address(service)} max_fails=0" for service in SERVICES},
        **{f"{service.upper()}_FLOWER": f"{layout.address(f'{service}-flower')} max_fails=0" for service in SERVICES},
    }
