"""The mails that arrived: the newest thousand, in memory and as .eml files that outlive a restart."""

import threading
import time
from dataclasses import asdict, dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import Any

KEPT = 1000


@dataclass(frozen=True)
class Mail:
    """One delivered mail; `received_at` is UTC, ISO 8601."""

    id: str
    to: list[str]
    sender: str
    subject: str
    text: str
    html: str
    received_at: str

    def as_json(self) -> dict[str, Any]:
        fields = asdict(self)
        return {"from" if name == "sender" else name: value for name, value in fields.items()}


class Store:
    """Thread-safe; ids grow with time, so their order is the order of arrival."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        found = sorted(folder.glob("*.eml"))[-KEPT:]
        self._mails = [_parse(path.stem, path.read_bytes()) for path in found]

    def add(self, recipients: list[str], content: bytes) -> Mail:
        """Keep a mail for these envelope recipients; the oldest leaves when there are more than a thousand."""
        head = "".join(f"X-Envelope-To: {address}\r\n" for address in recipients).encode()
        with self._lock:
            mail_id = f"{time.time_ns():020d}"
            (self._folder / f"{mail_id}.eml").write_bytes(head + content)
            mail = _parse(mail_id, head + content)
            self._mails.append(mail)
            while len(self._mails) > KEPT:
                self._path(self._mails.pop(0)).unlink(missing_ok=True)
            return mail

    def newest_first(self, to: str = "") -> list[Mail]:
        """All mails, or those that were delivered to one address (case does not matter)."""
        with self._lock:
            chosen = [mail for mail in self._mails if not to or to.strip().casefold() in mail.to]
        return chosen[::-1]

    def find(self, mail_id: str) -> Mail | None:
        with self._lock:
            return next((mail for mail in self._mails if mail.id == mail_id), None)

    def clear(self) -> int:
        """Forget everything; how many mails that were."""
        with self._lock:
            count = len(self._mails)
            for mail in self._mails:
                self._path(mail).unlink(missing_ok=True)
            self._mails = []
            return count

    def _path(self, mail: Mail) -> Path:
        return self._folder / f"{mail.id}.eml"


def _parse(mail_id: str, content: bytes) -> Mail:
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    seconds = int(mail_id) / 1_000_000_000
    return Mail(
        id=mail_id,
        to=[parseaddr(str(value))[1].casefold() for value in message.get_all("X-Envelope-To", [])],
        sender=parseaddr(str(message["From"] or ""))[1],
        subject=str(message["Subject"] or ""),
        text=_body(message, "plain"),
        html=_body(message, "html"),
        received_at=time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03d}Z",
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else ""
