"""`gcp_vertex_request_response`: Vertex AI request-response logs, and Cloud Audit data access logs.

The request-response log is a BigQuery table, exported as JSON lines or Parquet: one row for each
call of generateContent, or of rawPredict for partner models, with both bodies. It names the
project that called, not the person or key, and neither address nor client. The audit log names
the caller and the client but carries no bodies and no tokens. The two share no id: a source
should land one of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from stillwatch.sources.adapter import (
    NOT_AN_EXCHANGE,
    FormatInfo,
    SingleRecords,
    list_columns,
    list_undefined,
)
from stillwatch.sources.fields import FieldError
from stillwatch.sources.instants import read_any, read_utc
from stillwatch.sources.json_parts import (
    as_object,
    first,
    first_text,
    open_json,
    read_whole,
    take,
    try_json,
)
from stillwatch.sources.network import read_client_address
from stillwatch.sources.outcomes import ERROR, OK, REFUSED, judge_error, judge_grpc, judge_http
from stillwatch.sources.reply_bodies import (
    USAGE_FIELDS,
    find_error,
    is_refused,
    list_events,
    list_issued,
    read_usage,
)
from stillwatch.sources.request_bodies import REQUEST_FIELDS, read_request

_ROW = frozenset(
    {
        "endpoint", "deployed_model_id", "logging_time", "request_id", "request_payload",
        "response_payload", "model", "model_version", "model_resource_name", "api_method",
        "full_request", "full_response", "metadata", "otel_log",
    }
)  # fmt: skip
_ENTRY = frozenset(
    {
        "protoPayload", "insertId", "resource", "timestamp", "severity", "logName",
        "receiveTimestamp", "operation", "labels", "trace", "spanId", "traceSampled",
        "sourceLocation", "split",
    }
)  # fmt: skip
_ENTRY_PARTS = {
    "protoPayload": frozenset(
        {
            "@type", "status", "authenticationInfo", "requestMetadata", "serviceName",
            "methodName", "authorizationInfo", "resourceName", "resourceLocation", "request",
            "response", "numResponseItems", "metadata", "resourceOriginalState", "serviceData",
            "policyViolationInfo",
        }
    )
}  # fmt: skip
_DAY = 86_400_000  # milliseconds
_PROJECT = re.compile(r"(?:^|/)projects/([^/]+)/")
_MODEL_PATH = re.compile(r".*(?:^|/)(?:models|endpoints)/([^/:]+)")
_CALLS = frozenset(
    {
        "generatecontent", "streamgeneratecontent", "predict", "rawpredict", "streamrawpredict",
        "serverstreamingpredict", "streamingpredict", "directpredict", "directrawpredict",
        "streamdirectpredict", "streamdirectrawpredict", "streamingrawpredict", "chatcompletions",
        "embedcontent",
    }
)  # fmt: skip


class VertexAdapter(SingleRecords):
    """Maps table rows and audit entries; the account is the Google Cloud project that called.

    The project stands in the resource name of the endpoint or the requested model. In audit
    entries the principal that called is kept as the key (`api_key_id`), as a token.
    """

    format_id = "gcp_vertex_request_response"
    info = FormatInfo(
        title="Vertex AI request-response logs (BigQuery export), Cloud Audit data access logs",
        exchange_id="`request_id` of a table row; `insertId` of an audit entry",
        account="the Google Cloud project in the endpoint's or the requested model's name; the "
        "principal of an audit entry is kept as the key",
        blind_spots=(
            "Table rows carry no client address, user agent, key or session: these are filled "
            "from audit entries only, which in turn carry no text, tokens or artefacts.",
            "Logging may sample: with a sampling rate below 1 the missing calls are nowhere named.",
            "Calls that were turned away leave no table row; audit entries show them.",
            "A call that is landed both as a table row and as an audit entry counts twice.",
            "`event_at` of a table row is the reply's creation time (the arrival of the request), "
            "or else the time of logging less the latency.",
        ),
    )
    columns = list_columns(
        REQUEST_FIELDS
        | USAGE_FIELDS
        | {
            "exchange_id", "event_at", "account_id", "api_key_id", "model", "endpoint", "status",
            "latency_ms", "client_ip", "user_agent", "artifacts_issued",
        }
    )  # fmt: skip

    def is_format(self, record: dict[str, Any]) -> bool:
        """Return whether the record is a row of the log table or an audit entry of Vertex AI."""
        if "protoPayload" in record:
            return take(record, "protoPayload").get("serviceName") == "aiplatform.googleapis.com"
        return "logging_time" in record and bool(
            record.keys() & {"full_request", "request_payload", "deployed_model_id"}
        )

    def map_record(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return the raw exchange fields of one table row or audit entry."""
        if "protoPayload" in record:
            return _map_entry(record)
        return _map_row(record)

    def list_unknown(self, record: dict[str, Any]) -> Iterable[str]:
        """Return the columns, or the names of an audit entry, that the format does not define."""
        if "protoPayload" in record:
            return list_undefined(record, _ENTRY, _ENTRY_PARTS)
        return list_undefined(record, _ROW, {})


def _map_row(row: dict[str, Any]) -> dict[str, Any]:
    request = next(iter(_open_body(row, "full_request", "request_payload")), {})
    reply = _open_body(row, "full_response", "response_payload")
    metadata = as_object(open_json(row.get("metadata"), "metadata"))
    method = row.get("api_method")
    if isinstance(method, str) and method and _name_method(method) not in _CALLS:
        raise FieldError(NOT_AN_EXCHANGE, "api_method is no call of a model")
    latency = _round(read_whole(metadata.get("request_latency")))
    resource = (row.get("endpoint"), request.get("model"), row.get("model_resource_name"),
                row.get("model"))  # fmt: skip
    fields: dict[str, Any] = {
        "exchange_id": _write_id(row.get("request_id")),
        "event_at": _read_event_at(row, reply, latency),
        "account_id": _find_project(resource),
        "model": _read_model(row, request),
        "endpoint": first_text(method),
        "status": _judge_row(reply, metadata),
        "latency_ms": latency,
    }
    if request:
        fields |= read_request(request)
        fields["end_user_id"] = first_text(fields.get("end_user_id"))
    if isinstance(method, str) and method:
        fields["stream"] = "stream" in method.lower()
    if reply:
        fields |= read_usage(reply)
        fields["artifacts_issued"] = list_issued(reply)
    return fields


def _map_entry(entry: dict[str, Any]) -> dict[str, Any]:
    payload = take(entry, "protoPayload")
    method = payload.get("methodName")
    if not isinstance(method, str) or _name_method(method) not in _CALLS:
        raise FieldError(NOT_AN_EXCHANGE, "protoPayload.methodName is no call of a model")
    operation = take(entry, "operation")
    if operation.get("last") is True and operation.get("first") is not True:
        raise FieldError(NOT_AN_EXCHANGE, "the closing entry of a call that has its own")
    caller = take(payload, "requestMetadata")
    asked = take(payload, "request")
    resource = (payload.get("resourceName"), asked.get("endpoint"), asked.get("model"))
    status = take(payload, "status")
    return {
        "exchange_id": entry.get("insertId"),
        "event_at": read_utc(entry.get("timestamp"), "event_at"),
        "account_id": first_text(
            take(take(entry, "resource"), "labels").get("project_id"), _find_project(resource)
        ),
        "api_key_id": first_text(
            take(payload, "authenticationInfo").get("principalEmail"),
            take(payload, "authenticationInfo").get("principalSubject"),
        ),
        "model": _name_model(resource),
        "endpoint": method.rpartition(".")[2],
        "stream": "stream" in method.lower(),
        "status": judge_grpc(status.get("code", 0)) or ERROR,
        "client_ip": read_client_address(caller.get("callerIp")),
        "user_agent": caller.get("callerSuppliedUserAgent"),
    }


def _open_body(row: dict[str, Any], name: str, payload: str) -> list[dict[str, Any]]:
    """Return a body, several objects if it was streamed; older tables have a list of texts."""
    bodies = list_events(open_json(row.get(name), name))
    if bodies:
        return bodies
    pieces = row.get(payload)
    opened = [try_json(piece)[0] for piece in (pieces if isinstance(pieces, list) else [pieces])]
    return [piece for piece in opened if isinstance(piece, dict)]


def _judge_row(reply: Any, metadata: dict[str, Any]) -> str:
    error = find_error(reply) or take(metadata, "error")
    if error:
        code = error.get("code")
        judged = judge_http(code) or judge_grpc(code)
        if judged not in (None, OK, ERROR):
            return judged or ERROR
        # Google names the kind of an error in `status`, partner models in `type`
        return judge_error(error.get("status"), error.get("type"), code)
    code = first(metadata, ("response_code", "status_code"))
    status = judge_http(read_whole(code))
    if status not in (None, OK):
        return status or ERROR
    return REFUSED if is_refused(reply) else OK


def _read_model(row: dict[str, Any], request: dict[str, Any]) -> Any:
    """Return the model's own name: what follows `models/`, or `endpoints/` for a tuned one."""
    named = _name_model((row.get("model"), request.get("model"), row.get("endpoint")))
    return first_text(named, row.get("deployed_model_id"))


def _name_model(names: Iterable[Any]) -> Any:
    """Return the model at the end of the first resource name; a name without a path as it is."""
    for name in names:
        if not isinstance(name, str):
            if name is not None:
                return name  # of a wrong type: refused by name later
            continue
        match = _MODEL_PATH.match(name)
        if match:
            return match[1]
        if name and "/" not in name:
            return name
    return None


def _find_project(names: Iterable[Any]) -> str | None:
    for name in names:
        match = _PROJECT.search(name) if isinstance(name, str) else None
        if match:
            return match[1]
    return None


def _name_method(method: str) -> str:
    return re.split(r"[./:]", method)[-1].lower()


def _write_id(value: Any) -> Any:
    """Return a request id as text: BigQuery keeps it as a number, exports write either."""
    if type(value) is int or (isinstance(value, Decimal) and value == value.to_integral_value()):
        return str(int(value))
    return value


def _round(value: Any) -> Any:
    """Return milliseconds as a whole number; they are logged with a fraction."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return value
    return round(value) if type(value) is float and abs(value) < 1e15 else value


def _read_event_at(row: dict[str, Any], reply: list[dict[str, Any]], latency: Any) -> Any:
    """Return when the request arrived: as the reply says, or else the logging less the latency."""
    for event in reply:
        created = first(event, ("createTime", "create_time"))
        if created is not None:
            return read_any(created, "event_at")
    logged_at = read_any(row.get("logging_time"), "event_at")
    if isinstance(logged_at, datetime) and type(latency) is int and 0 <= latency < _DAY:
        return logged_at - timedelta(milliseconds=latency)
    return logged_at
