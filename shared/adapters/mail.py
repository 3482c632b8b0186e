"""The mail port: a file outbox locally, SMTP over TLS in production."""

from __future__ import annotations

import os
import secrets
import smtplib
import ssl
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

SMTP_SECONDS = 3.0
MAX_LINE = 998  # RFC 5322, 2.1.1: a link stays on its line


class Mail(Protocol):
    def send(self, to: str, subject: str, text: str) -> None:
        """Hand over one mail. Raises OSError or smtplib.SMTPException if it is not accepted."""
        ...


@dataclass(frozen=True)
class FileMail:
    """Writes each mail as a file (0600) into a folder, which replaces the mailbox in a local run."""

    folder: Path

    def send(self, to: str, subject: str, text: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{secrets.token_hex(8)}.eml"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(bytes(_message("wallet@localhost", to, subject, text)))


@dataclass(frozen=True)
class SmtpMail:
    """Sends mails through `smtps://user:password@host:port`; `sender` is the sender's address."""

    url: str = field(repr=False)
    sender: str

    def send(self, to: str, subject: str, text: str) -> None:
        parts = urlsplit(self.url)
        context = ssl.create_default_context()
        with smtplib.SMTP_SSL(
            parts.hostname or "", parts.port or 465, timeout=SMTP_SECONDS, context=context
        ) as smtp:
            if parts.username:
                smtp.login(unquote(parts.username), unquote(parts.password or ""))
            smtp.send_message(_message(self.sender, to, subject, text))


class NoMail:
    """Used if no mail server is configured; it cannot send anything."""

    def send(self, to: str, subject: str, text: str) -> None:
        raise OSError("no mail server is configured (SMTP_URL)")


def _message(sender: str, to: str, subject: str, text: str) -> EmailMessage:
    message = EmailMessage(policy.default.clone(max_line_length=MAX_LINE))
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message.set_content(text)
    return message
