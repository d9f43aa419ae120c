"""The mailbox over HTTP: a JSON list for programs, a small page for people."""

import json
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from .store import Mail, Store

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Mailbox</title>
<style>body{{font:15px/1.5 sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}}td,th{{text-align:left;
padding:.3rem .8rem;border-bottom:1px solid #ddd}}pre{{white-space:pre-wrap}}iframe{{width:100%;height:40rem;
border:1px solid #ddd}}</style></head><body>{body}</body></html>"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data: http: https:; frame-src 'self'"


class Handler(BaseHTTPRequestHandler):
    """GET / and /messages/<id> for people; GET and DELETE /messages for programs."""

    store: Store
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        parts = [part for part in address.path.split("/") if part]
        mail = self.store.find(parts[1]) if len(parts) > 1 and parts[0] == "messages" else None
        if not parts:
            self._answer(200, _list_page(self.store.newest_first()))
        elif parts == ["messages"]:
            to = parse_qs(address.query).get("to", [""])[0]
            self._answer_json(200, [mail.as_json() for mail in self.store.newest_first(to)])
        elif mail and len(parts) == 2:
            self._answer(200, _mail_page(mail))
        elif mail and parts[2:] == ["html"]:
            self._answer(200, mail.html, policy=POLICY + "; sandbox")
        elif parts == ["healthz"]:
            self._answer_json(200, {"status": "ok"})
        else:
            self._answer_json(404, {"detail": "There is no such mail or page."})

    def do_DELETE(self) -> None:
        if urlsplit(self.path).path != "/messages":
            return self._answer_json(404, {"detail": "Only /messages can be emptied."})
        return self._answer_json(200, {"deleted": self.store.clear()})

    def _answer_json(self, status: int, content: object) -> None:
        self._answer(status, json.dumps(content, ensure_ascii=False), kind="application/json")

    def _answer(self, status: int, text: str, *, kind: str = "text/html", policy: str = POLICY) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Polling tests would fill the log: requests are not logged."""


def serve(store: Store, host: str, port: int) -> None:
    """Answer requests until the process ends."""
    handler = type("BoundHandler", (Handler,), {"store": store})
    ThreadingHTTPServer((host, port), handler).serve_forever()


def _list_page(mails: list[Mail]) -> str:
    rows = "".join(
        f"<tr><td>{mail.received_at}</td><td>{escape(', '.join(mail.to))}</td>"
        f'<td><a href="/messages/{mail.id}">{escape(mail.subject) or "(no subject)"}</a></td></tr>'
        for mail in mails
    )
    head = "<tr><th>received (UTC)</th><th>to</th><th>subject</th></tr>"
    return PAGE.format(body=f"<h1>Mailbox</h1><p>{len(mails)} mails, newest first.</p><table>{head}{rows}</table>")


def _mail_page(mail: Mail) -> str:
    html = f'<h2>HTML</h2><iframe sandbox src="/messages/{mail.id}/html"></iframe>' if mail.html else ""
    facts = f"From {escape(mail.sender)} to {escape(', '.join(mail.to))}, {mail.received_at}"
    body = (
        f'<p><a href="/">All mails</a></p><h1>{escape(mail.subject)}</h1><p>{facts}</p><pre>{escape(mail.text)}</pre>'
    )
    return PAGE.format(body=body + html)
