"""The environment of the embedded Airflow: SQLite, local executor, one person at one machine."""

from __future__ import annotations

import json
import os
import secrets
import shlex
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stillwatch.runs import get_paths
from stillwatch.settings import Settings

ADMIN = "admin"

_EXECUTOR = "stillwatch.orchestration.executor.PreloadedLocalExecutor"
_SECRETS = ("fernet_key", "api_secret_key", "jwt_secret")


@dataclass(frozen=True)
class AirflowHome:
    """Where the embedded Airflow keeps everything: below STILLWATCH_HOME."""

    folder: Path

    @property
    def secrets(self) -> Path:
        """Generated keys and the password file, readable by their owner only."""
        return self.folder / "secrets"

    @property
    def passwords(self) -> Path:
        """JSON with the generated password of each user."""
        return self.secrets / "passwords.json"

    @property
    def logs(self) -> Path:
        """Task logs by DAG, and one log per component."""
        return self.folder / "logs"

    @property
    def state(self) -> Path:
        """Process ids and port of the running instance."""
        return self.folder / "running.json"

    @property
    def database(self) -> Path:
        """Airflow's own metadata, as one SQLite file."""
        return self.folder / "airflow.db"

    def read_password(self) -> str:
        """Return the generated password of the admin user."""
        password: str = json.loads(self.passwords.read_text(encoding="utf-8"))[ADMIN]
        return password


def get_airflow_home(settings: Settings) -> AirflowHome:
    """Return the folder of the embedded Airflow below the absolute STILLWATCH_HOME."""
    return AirflowHome(get_paths(settings).home / "airflow")


def make_secrets(home: AirflowHome) -> None:
    """Write every missing key and password as a file that only its owner can read."""
    home.secrets.mkdir(parents=True, exist_ok=True, mode=0o700)
    values = {
        "fernet_key": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "api_secret_key": secrets.token_urlsafe(32),
        "jwt_secret": secrets.token_urlsafe(64),
    }
    for name in _SECRETS:
        _write_private(home.secrets / name, values[name])
    _write_private(home.passwords, json.dumps({ADMIN: secrets.token_urlsafe(12)}))


def _write_private(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")


def build_environment(
    settings: Settings, dags: Path, port: int, parent: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of every Airflow process.

    Airflow settings of the parent are dropped, so that another Airflow on the machine cannot leak
    in; connections (`AIRFLOW_CONN_<ID>`) are kept, because sources name them. Keys are read from
    their files by each process and stand in no environment.
    """
    home = get_airflow_home(settings)
    url = f"http://127.0.0.1:{port}"
    kept = {
        name: value
        for name, value in parent.items()
        if (not name.startswith("AIRFLOW") or name.startswith("AIRFLOW_CONN_"))
        and name != "PYTHONDONTWRITEBYTECODE"
    }
    return kept | {
        "AIRFLOW_HOME": str(home.folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": _EXECUTOR,
        "AIRFLOW__CORE__PARALLELISM": "3",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": "utc",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__FERNET_KEY_CMD": _reading(home.secrets / "fernet_key"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home.passwords),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__EXPOSE_CONFIG": "False",
        "AIRFLOW__API__SECRET_KEY_CMD": _reading(home.secrets / "api_secret_key"),
        "AIRFLOW__API_AUTH__JWT_SECRET_CMD": _reading(home.secrets / "jwt_secret"),
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "60",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home.database}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home.logs),
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "AIRFLOW__STILLWATCH__DAILY_SCHEDULE": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "False",
        "STILLWATCH_HOME": str(settings.home.absolute()),
        "STILLWATCH_LANDING_URI": _absolute(settings.landing_uri),
        "STILLWATCH_CONFIG": str(settings.config.absolute()),
    }


def _reading(path: Path) -> str:
    return f"cat {shlex.quote(str(path))}"


def _absolute(uri: str) -> str:
    """Return a landing root that does not depend on the working directory.

    >>> _absolute("s3://bucket/landing")
    's3://bucket/landing'
    """
    return uri if "://" in uri else str(Path(uri).absolute())
