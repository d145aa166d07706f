"""Keys of feeds that ask for one: named in feeds.yml, read when they are needed, shown nowhere.

An entry names a file or an environment variable, never the key itself. What leaves this module is
a request header, sent to the configured origin only, and the means to keep the key out of texts.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote, quote_plus, urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

HIDDEN = "[hidden]"
_NO_SECRET = re.compile(r"[\x00-\x1f\x7f]|[^\x00-\x7f]")  # would end, split or garble a header
_SHORTEST_SECRET = 8  # of a token; hiding a shorter word would garble every message


class SecretError(Exception):
    """The key of a feed cannot be read; the text says where it was looked for, never what it is."""


class Auth(BaseModel):
    """How a feed's server knows us: kind of key, and the file or variable that holds it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["basic", "bearer", "api_key"]
    username: str | None = Field(default=None, pattern=r"^[^:\x00-\x1f\x7f]+$")  # of basic
    header: str = Field(default="X-Api-Key", pattern=r"^[A-Za-z0-9-]+$")  # of api_key
    secret_file: str | None = None  # relative to the config folder
    secret_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.secret_file is None) == (self.secret_env is None):
            raise ValueError("give `secret_file` or `secret_env`: where the secret lies, not what")
        if (self.type == "basic") != (self.username is not None):
            raise ValueError("`username` belongs to type basic, and only there")
        return self


@dataclass(frozen=True)
class Credential:
    """A request header that proves who we are; its text form does not show it."""

    header: str
    value: str = field(repr=False)
    forms: tuple[str, ...] = field(repr=False)  # texts that would give the secret away

    def hide(self, text: str) -> str:
        """Return a text without the secret in any of its forms."""
        for form in self.forms:
            text = text.replace(form, HIDDEN)
        return text

    def is_in(self, content: bytes) -> bool:
        """Return whether an answer repeats the secret."""
        return any(form.encode() in content for form in self.forms)


def read_credential(
    auth: Auth, config: Path, environment: Mapping[str, str] = os.environ
) -> Credential:
    """Return the header for a feed's `auth`; raise SecretError if its secret cannot be used."""
    secret, origin = _read_secret(auth, config, environment)
    if _NO_SECRET.search(secret):
        raise SecretError(f"{origin} holds more than one line of plain ASCII text")
    is_short = len(secret) < _SHORTEST_SECRET
    if not secret or (is_short and auth.type != "basic"):
        raise SecretError(f"{origin} holds fewer than {_SHORTEST_SECRET} characters")
    # A short password is a public one, such as guest: its word alone gives nothing away.
    forms = [] if is_short else [secret, quote(secret, safe=""), quote_plus(secret)]
    match auth.type:
        case "basic":
            pair = base64.b64encode(f"{auth.username}:{secret}".encode()).decode()
            forms.append(pair)
            header, value = "Authorization", f"Basic {pair}"
        case "bearer":
            header, value = "Authorization", f"Bearer {secret}"
        case "api_key":
            header, value = auth.header, secret
    return Credential(header, value, tuple(dict.fromkeys(forms)))


def check_url(url: str, has_auth: bool) -> None:
    """Refuse a URL with a password in it, and a key that would travel in clear.

    The error does not repeat the URL.
    """
    parts = urlsplit(url)
    if parts.port == 0:  # one that is no number at all raises here
        raise ValueError("`url` has the port 0")
    if "@" in parts.netloc:
        raise ValueError("`url` holds a user name or password: put it into `auth`")
    if has_auth and parts.scheme != "https" and not _is_this_machine(parts.hostname or ""):
        raise ValueError("`auth` needs an https `url`: the key would be sent in clear")


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read_secret(auth: Auth, config: Path, environment: Mapping[str, str]) -> tuple[str, str]:
    if auth.secret_env is not None:
        origin = f"environment variable {auth.secret_env}"
        secret = environment.get(auth.secret_env)
        if secret is None:
            raise SecretError(f"{origin} is not set")
        return secret.strip(), origin
    path = config / (auth.secret_file or "")
    origin = f"secret file {path}"
    try:
        if path.stat().st_mode & 0o077:
            raise SecretError(f"{origin} can be read by others: chmod 600 {path}")
        return path.read_text(encoding="utf-8").strip(), origin
    except UnicodeDecodeError as error:
        raise SecretError(f"{origin} is not text") from error
    except OSError as error:
        raise SecretError(f"{origin} cannot be read: {error.strerror}") from error
