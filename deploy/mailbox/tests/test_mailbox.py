"""The mailbox as its users see it: mails go in over SMTP, come out over HTTP, and outlive a restart."""

import json
import signal
import smtplib
import socket
import subprocess
import sys
import time
import urllib.request
from email.message import EmailMessage
from pathlib import Path

import pytest

from deploy.mailbox.store import KEPT, Store

ROOT = Path(__file__).resolve().parents[3]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Mailbox:
    def __init__(self, folder: Path) -> None:
        self.smtp, self.http = free_port(), free_port()
        ports = ["--smtp", str(self.smtp), "--http", str(self.http)]
        self.process = subprocess.Popen([sys.executable, "-m", "deploy.mailbox", "--folder", folder, *ports], cwd=ROOT)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.http)) == 0:
                    return
        raise AssertionError("the mailbox did not start")

    def send(self, *recipients: str, subject: str, html: str = "") -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "Shop <shop@example.com>", "someone@example.com", subject
        message.set_content(f"text of {subject}\n")
        if html:
            message.add_alternative(html, subtype="html")
        with smtplib.SMTP("127.0.0.1", self.smtp) as client:
            client.send_message(message, to_addrs=recipients)

    def ask(self, path: str, method: str = "GET") -> str:
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", method=method)
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.read().decode()

    def mails(self, to: str = "") -> list[dict]:
        return json.loads(self.ask(f"/messages?to={to}"))

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)


@pytest.fixture
def mailbox(tmp_path):
    running = Mailbox(tmp_path)
    yield running
    running.end()


def test_the_newest_mail_comes_first_and_shows_what_was_sent(mailbox):
    mailbox.send("Ada@Example.com", subject="first")
    mailbox.send("ada@example.com", "bob@example.com", subject="Zweite für Ada", html="<b>hello</b>")

    newest, oldest = mailbox.mails()

    assert newest["subject"] == "Zweite für Ada"
    assert newest["to"] == ["ada@example.com", "bob@example.com"]
    assert newest["from"] == "shop@example.com"
    assert newest["text"].strip() == "text of Zweite für Ada"
    assert newest["html"].strip() == "<b>hello</b>"
    assert newest["received_at"] > oldest["received_at"]
    assert oldest["to"] == ["ada@example.com"]


def test_one_address_sees_only_its_own_mails(mailbox):
    mailbox.send("ada@example.com", subject="for Ada")
    mailbox.send("bob@example.com", subject="for Bob")

    assert [mail["subject"] for mail in mailbox.mails(to="BOB@example.com")] == ["for Bob"]
    assert mailbox.mails(to="eve@example.com") == []


def test_deleting_forgets_everything(mailbox, tmp_path):
    mailbox.send("ada@example.com", subject="gone soon")

    assert json.loads(mailbox.ask("/messages", method="DELETE")) == {"deleted": 1}

    assert mailbox.mails() == []
    assert list(tmp_path.glob("*.eml")) == []


def test_mails_outlive_a_restart(tmp_path):
    before = Mailbox(tmp_path)
    before.send("ada@example.com", subject="kept")
    assert before.end() == 0

    after = Mailbox(tmp_path)

    assert [mail["subject"] for mail in after.mails()] == ["kept"]
    after.end()


def test_the_page_escapes_what_a_mail_says(mailbox):
    mailbox.send("ada@example.com", subject="<script>alert(1)</script>")

    page = mailbox.ask("/")

    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_only_the_newest_thousand_are_kept(tmp_path):
    store = Store(tmp_path)
    for number in range(KEPT + 3):
        store.add(["ada@example.com"], f"Subject: {number}\r\n\r\nx".encode())

    kept = store.newest_first()

    assert (kept[0].subject, kept[-1].subject, len(kept)) == (str(KEPT + 2), "3", KEPT)
    assert len(list(tmp_path.glob("*.eml"))) == KEPT
