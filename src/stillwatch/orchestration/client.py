"""The few calls to Airflow's REST API that the demo needs, as the logged-in admin user."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx

from stillwatch.errors import StillwatchError
from stillwatch.orchestration.environment import ADMIN

_TIMEOUT_SECONDS = 30


class ApiError(StillwatchError):
    """Airflow's API refused a request."""


@dataclass(frozen=True)
class DagRun:
    """A DAG run: which DAG, which day, how it stands."""

    dag_id: str
    run_id: str
    day: str
    state: str


@dataclass(frozen=True)
class Question:
    """A human-in-the-loop question that waits, or waited, for a person's answer."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    subject: str
    is_answered: bool


class AirflowClient:
    """A session with one Airflow instance."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    @classmethod
    def log_in(cls, url: str, password: str) -> AirflowClient:
        """Return a client that is logged in as the admin user."""
        http = httpx.Client(base_url=url, timeout=_TIMEOUT_SECONDS)
        answer = http.post("/auth/token", json={"username": ADMIN, "password": password})
        _check(answer, "log in")
        http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return cls(http)

    @staticmethod
    def find_unhealthy(url: str) -> list[str]:
        """Return the components that do not report themselves healthy."""
        try:
            health = httpx.get(f"{url}/api/v2/monitor/health", timeout=5).json()
        except (httpx.HTTPError, ValueError):
            return ["api-server"]
        names = {
            "scheduler": "scheduler",
            "dag_processor": "dag-processor",
            "triggerer": "triggerer",
        }
        return [
            name
            for key, name in names.items()
            if (health.get(key) or {}).get("status") != "healthy"
        ]

    def set_pool(self, name: str, slots: int, description: str) -> None:
        """Create the pool if it is not there yet."""
        if self._http.get(f"/api/v2/pools/{name}").status_code == httpx.codes.OK:
            return
        body = {"name": name, "slots": slots, "description": description}
        _check(self._http.post("/api/v2/pools", json=body), f"create pool {name}")

    def find_dags(self) -> list[str]:
        """Return the ids of all DAGs that were read without an error."""
        return [item["dag_id"] for item in self._get("/api/v2/dags", "list DAGs")["dags"]]

    def find_import_errors(self) -> list[str]:
        """Return file name and last line of every DAG file that could not be read."""
        errors = self._get("/api/v2/importErrors", "list import errors")["import_errors"]
        return [
            f"{item['filename']}: {item['stack_trace'].strip().splitlines()[-1]}" for item in errors
        ]

    def create_backfill(self, dag_id: str, first: date, last: date) -> None:
        """Have the scheduler run `dag_id` for every day from `first` to `last` not yet run."""
        body = {
            "dag_id": dag_id,
            "from_date": f"{first}T00:00:00Z",
            "to_date": f"{last}T23:59:59Z",
            "max_active_runs": 1,
            "reprocess_behavior": "failed",
        }
        _check(self._http.post("/api/v2/backfills", json=body), f"create the backfill of {dag_id}")

    def has_active_backfill(self, dag_id: str) -> bool:
        """Tell whether a backfill of the DAG has not been closed yet (there can be only one)."""
        path = f"/api/v2/backfills?dag_id={dag_id}"
        backfills = self._get(path, f"list backfills of {dag_id}")["backfills"]
        return any(item["completed_at"] is None for item in backfills)

    def clear_failed(self, run: DagRun) -> None:
        """Have the scheduler try the failed tasks of a run again, and what follows them."""
        path = f"/api/v2/dags/{run.dag_id}/dagRuns/{run.run_id}/clear"
        body = {"dry_run": False, "only_failed": True}
        _check(self._http.post(path, json=body), f"clear {run.dag_id} of {run.day}")

    def find_runs(self, dag_id: str) -> list[DagRun]:
        """Return the latest runs of a DAG, the newest first."""
        query = "limit=100&order_by=-id"
        runs = self._get(f"/api/v2/dags/{dag_id}/dagRuns?{query}", f"list runs of {dag_id}")
        return [
            DagRun(dag_id, item["dag_run_id"], item["partition_key"] or "", item["state"])
            for item in runs["dag_runs"]
        ]

    def find_tasks(self, run: DagRun) -> list[dict[str, Any]]:
        """Return the task instances of a run, as Airflow describes them."""
        path = f"/api/v2/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances?limit=500"
        tasks: list[dict[str, Any]] = self._get(path, "list tasks")["task_instances"]
        return tasks

    def find_questions(self, dag_id: str) -> list[Question]:
        """Return every human-in-the-loop question of a DAG, answered or not."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/~/hitlDetails?limit=100"
        questions = []
        for item in self._get(path, "list questions")["hitl_details"]:
            task = item["task_instance"]
            questions.append(
                Question(
                    dag_id,
                    task["dag_run_id"],
                    task["task_id"],
                    task["map_index"],
                    item["subject"],
                    bool(item["response_received"]),
                )
            )
        return questions

    def answer(self, question: Question, option: str, comment: str) -> None:
        """Answer a question as the logged-in user."""
        path = (
            f"/api/v2/dags/{question.dag_id}/dagRuns/{question.run_id}/taskInstances/"
            f"{question.task_id}/{question.map_index}/hitlDetails"
        )
        body = {"chosen_options": [option], "params_input": {"comment": comment}}
        _check(self._http.patch(path, json=body), f"answer {question.subject!r}")

    def _get(self, path: str, purpose: str) -> Any:
        answer = self._http.get(path)
        _check(answer, purpose)
        return answer.json()


def _check(answer: httpx.Response, purpose: str) -> None:
    if answer.is_error:
        raise ApiError(
            f"Airflow refused to {purpose}: {answer.status_code} {answer.text[:300]} "
            f"({answer.request.method} {answer.request.url})"
        )
