"""Writes each service's OpenAPI document, and joins the five into docs/openapi.json for /api/docs.

python -m deploy.gateway.join_openapi [--check]; --check writes nothing: its exit code 1 says that one is out of date.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("identity", "catalog", "orders", "payments", "notifications")
JOINED = ROOT / "docs" / "openapi.json"
METHODS = ("get", "put", "post", "delete", "patch", "head", "options")


def generate(service: str) -> str:
    """The service's document as YAML, made by drf-spectacular; raises CalledProcessError when it cannot be made."""
    done = subprocess.run(
        [sys.executable, "manage.py", "spectacular"],
        cwd=ROOT / "services" / service,
        env=os.environ
        | {"SECRET_KEY": os.environ.get("SECRET_KEY", "not-used-to-sign-anything-here-0123456789abcdef")},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def join(documents: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """One document with every service's paths; components carry their service's name where two services differ."""
    joined: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Crossborder Trade", "version": "1.0.0", "description": "One origin, five services."},
        "servers": [{"url": "/"}],
        "tags": [{"name": service} for service in documents],
        "paths": {},
        "components": {},
    }
    for service, document in documents.items():
        renamed = _renamed(service, document, joined["components"])
        for kind, members in renamed.get("components", {}).items():
            joined["components"].setdefault(kind, {}).update(members)
        for path, item in renamed.get("paths", {}).items():
            for method in METHODS:
                if method in item:
                    item[method]["tags"] = [service]
                    item[method]["operationId"] = f"{service}_{item[method].get('operationId', method)}"
            joined["paths"][path] = item
    return joined


def _renamed(service: str, document: dict[str, Any], taken: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The document with those components renamed whose name another service uses for something else."""
    text = json.dumps(document)
    for kind, members in document.get("components", {}).items():
        for name, content in members.items():
            if name in taken.get(kind, {}) and taken[kind][name] != content:
                new = f"{service.capitalize()}{name}"
                text = text.replace(f'"#/components/{kind}/{name}"', f'"#/components/{kind}/{new}"')
                document["components"][kind] = {new if key == name else key: value for key, value in members.items()}
    renamed = json.loads(text)
    names = {
        kind: dict(zip(members, renamed["components"][kind].values(), strict=True))
        for kind, members in document.get("components", {}).items()
    }
    return renamed | {"components": names}


def main(*, check: bool) -> int:
    stale, documents = [], {}
    for service in SERVICES:
        path = ROOT / "services" / service / "contracts" / "openapi.yaml"
        text = generate(service)
        documents[service] = yaml.safe_load(text)
        if not path.exists() or path.read_text() != text:
            stale.append(path)
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    joined = json.dumps(join(documents), indent=1, ensure_ascii=False) + "\n"
    if not JOINED.exists() or JOINED.read_text() != joined:
        stale.append(JOINED)
        if not check:
            JOINED.parent.mkdir(exist_ok=True)
            JOINED.write_text(joined)
    for path in stale:
        print(f"{'out of date' if check else 'written'}: {path.relative_to(ROOT)}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv))
