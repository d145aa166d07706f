"""`azure_openai_diagnostic`: Azure Monitor logs of Azure OpenAI and of API Management before it.

Three categories hold exchanges: `RequestResponse` of the model resource (lengths and times, no
text and no tokens), `GatewayLlmLogs` of API Management (tokens, and messages in numbered pieces)
and `GatewayLogs` of API Management (caller, address, codes, bodies if these are logged). The last
two name one exchange by one correlation id and are put together. Records come one on a line or
wrapped as `{"records": [...]}`, as diagnostic settings or as rows of Log Analytics tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from stillwatch.sources.adapter import NOT_AN_EXCHANGE, FormatInfo, Joined, list_columns
from stillwatch.sources.azure_messages import find_header, gather_messages, open_body
from stillwatch.sources.azure_records import (
    GATEWAY,
    LLM,
    MODEL,
    View,
    find_kind,
    list_unknown_names,
    read_resource,
    read_subscription,
    view_record,
)
from stillwatch.sources.fields import FieldError
from stillwatch.sources.instants import read_ticks, read_utc
from stillwatch.sources.json_parts import (
    as_object,
    drop_absent,
    drop_repeated,
    first,
    first_text,
    read_whole,
)
from stillwatch.sources.network import read_client_address
from stillwatch.sources.outcomes import ERROR, OK, REFUSED, judge_error, judge_http
from stillwatch.sources.reply_bodies import (
    USAGE_FIELDS,
    find_error,
    is_refused,
    list_issued,
    read_usage,
)
from stillwatch.sources.request_bodies import REQUEST_FIELDS, read_request

_CALL = re.compile(
    r"completion|embedding|image_?generation|images?_(create|edit)|transcription|translation"
    r"|speech|create_?(model_?)?response|responses?_?create|generate_?content|messages_create",
    re.IGNORECASE,
)
_MANAGEMENT = re.compile(r"^(list|get|delete|cancel|update|upload|download)", re.IGNORECASE)
_CALL_PATH = re.compile(
    r"/(completions|embeddings|responses|messages|converse|converse-stream|invoke"
    r"|images/(generations|edits)|audio/(speech|transcriptions|translations))/?$"
    r"|:(stream)?(generateContent|rawPredict)$",
    re.IGNORECASE,
)
_STREAM_PATH = re.compile(
    r"/converse-stream/?$|:stream(generateContent|rawPredict)$", re.IGNORECASE
)
# Requests to these can hand artefacts in, and their replies give some out; chats have no place.
_SIGNED_PATH = re.compile(
    r"/(responses|messages|converse|converse-stream|invoke)/?$"
    r"|:(stream)?(generateContent|rawPredict)$",
    re.IGNORECASE,
)
_ARTIFACT_FIELDS = ("artifacts_issued", "artifacts_submitted")
_DEPLOYMENT = re.compile(r"/(?:deployments|models?)/([^/:?]+)")
_MESSAGE_FIELDS = ("prompt", "system_prompt", "image_count", "message_count")
_LLM_MARKS = ("modelname", "deploymentname", "prompttokens", "completiontokens", "totaltokens")


class AzureDiagnosticAdapter:
    """Maps Azure Monitor records; what the account is depends on the category.

    `RequestResponse`: the model resource, since the log names no caller but the object id of a
    signed-in one, which is kept as the key. API Management: its subscription, which is the owner
    of a pair of keys; without one, the gateway itself. The Azure subscription is the
    organisation.
    """

    format_id = "azure_openai_diagnostic"
    is_one_per_line = False
    has_parts = True
    has_caseless_accounts = True
    info = FormatInfo(
        title="Azure Monitor: `RequestResponse` of Azure OpenAI, `GatewayLlmLogs` and "
        "`GatewayLogs` of API Management",
        exchange_id="`correlationId`",
        account="`RequestResponse`: `resourceId` in lower case. API Management: "
        "`apimSubscriptionId`, or else the gateway's `resourceId`, in lower case. The Azure "
        "subscription is the organisation",
        blind_spots=(
            "`RequestResponse` carries no text, tokens, images, tools, sampling parameters or "
            "artefacts, and masks the last octet of the caller's address: a masked address is a "
            "network, so the address columns stay empty.",
            "`GatewayLlmLogs` without the `GatewayLogs` of the same file names no caller and no "
            "address: then every call has the gateway as its account. An answer that a filter "
            "withheld is told for certain by `GatewayLogs` only.",
            "Reasoning artefacts are known only of the APIs that have them (responses, messages, "
            "Converse, generateContent), where `GatewayLogs` holds bodies; of chats they are "
            "unknown, never none.",
            "The pieces of one exchange are put together within one file, and within 10,000 "
            "records of the first; land both categories of API Management in one file, or one of "
            "them.",
            "Messages and bodies are logged up to a size: beyond it the text is cut, or unknown "
            "where what is left is no JSON.",
            "Tools and sampling parameters are known only where `GatewayLogs` holds bodies.",
        ),
    )
    columns = list_columns(
        REQUEST_FIELDS
        | USAGE_FIELDS
        | {
            "exchange_id", "event_at", "account_id", "organization_id", "api_key_id", "model",
            "endpoint", "status", "latency_ms", "client_ip", "user_agent", "artifacts_issued",
        }
    )  # fmt: skip

    def is_format(self, record: dict[str, Any]) -> bool:
        """Return whether the object is an Azure Monitor record or an envelope of some."""
        records = record.get("records")
        if isinstance(records, list):
            return any(isinstance(item, dict) and _is_record(item) for item in records)
        return _is_record(record)

    def list_records(self, line: dict[str, Any]) -> list[Any]:
        """Return the records of an envelope; any other line, even an empty one, is one record."""
        records = line.get("records")
        return records if isinstance(records, list) and records else [line]

    def find_exchange(self, record: dict[str, Any]) -> str | None:
        """Return the correlation id of a record of API Management."""
        try:
            view = view_record(record)
        except FieldError:
            return None
        key = view.get("correlationid")
        return key if find_kind(view) in (LLM, GATEWAY) and isinstance(key, str) else None

    def map_record(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return the raw exchange fields of one record, or of those of one correlation id."""
        parts = record["parts"] if isinstance(record, Joined) else [record]
        views = drop_repeated(view_record(part) for part in parts)
        kinds = [find_kind(view) for view in views]
        if kinds == [MODEL]:
            return _map_model(views[0])
        if not {*kinds} <= {LLM, GATEWAY}:
            raise FieldError(NOT_AN_EXCHANGE, "the category holds no exchanges")
        gateways = [view for view, kind in zip(views, kinds, strict=True) if kind == GATEWAY]
        rows = [view for view, kind in zip(views, kinds, strict=True) if kind == LLM]
        return _map_gateway(gateways, rows)

    def list_unknown(self, record: dict[str, Any]) -> Iterable[str]:
        """Return the names that no category of Azure Monitor with exchanges defines."""
        if isinstance(record, Joined):
            names = {name for part in record["parts"] for name in list_unknown_names(part)}
            return sorted(names)
        return list_unknown_names(record)


def _is_record(record: dict[str, Any]) -> bool:
    names = {name.lower() for name in record}
    if "correlationid" in names and names & {"category", "operationname", "timegenerated"}:
        return True
    return {"category", "resourceid"} <= names


def _map_model(view: View) -> dict[str, Any]:
    operation = view.get("operationname")
    model = first_text(view.get("modelname"), view.get("modeldeploymentname"))
    named = operation if isinstance(operation, str) else ""
    if not _CALL.search(named) and (model is None or _MANAGEMENT.match(named)):
        raise FieldError(NOT_AN_EXCHANGE, "operationName is no call of a model")
    asked_at = view.get("requesttime")
    event_at = _read_time(view) if asked_at is None else read_ticks(asked_at, "event_at")
    streaming = view.get("streamtype")
    return {
        "exchange_id": view.get("correlationid"),
        "event_at": event_at,
        "account_id": read_resource(view),
        "organization_id": read_subscription(view),
        "api_key_id": view.get("objectid"),
        "model": model,
        "endpoint": operation,
        "status": judge_http(view.get("resultsignature"))
        or judge_error(view.get("resulttype"), view.get("resultsignature")),
        "stream": streaming.lower() == "streaming" if isinstance(streaming, str) else streaming,
        "latency_ms": read_whole(view.get("durationms")),
        "client_ip": read_client_address(view.get("calleripaddress")),
    }


def _map_gateway(gateways: list[View], rows: list[View]) -> dict[str, Any]:
    headers = [view for view in rows if first_text(*(view.get(name) for name in _LLM_MARKS))]
    if len(gateways) > 1 or len(headers) > 1:
        raise FieldError("conflict", "two records of one correlation id differ")
    gateway = gateways[0] if gateways else {}
    header = headers[0] if headers else {}
    request = as_object(open_body(first(gateway, ("requestbody", "backendrequestbody"))))
    reply = open_body(first(gateway, ("responsebody", "backendresponsebody")))
    path = _read_path(gateway.get("url"))
    if not header and not _is_call(gateway, request, path):
        if rows:
            raise FieldError("incomplete_exchange", "the record that names the model is missing")
        raise FieldError(NOT_AN_EXCHANGE, "url and operationId are no call of a model")
    fields = read_request(request) if request else {}
    if reply is not None:
        fields |= read_usage(reply) | {"artifacts_issued": list_issued(reply)}
    if not _SIGNED_PATH.search(path or ""):  # none is not told from not logged
        fields |= {name: fields.get(name) or None for name in _ARTIFACT_FIELDS}
    if request and _STREAM_PATH.search(path or ""):
        fields["stream"] = True
    fields |= _read_messages(rows)
    completions = gather_messages(rows, "responsemessages")
    deployment = _DEPLOYMENT.search(path) if path else None
    return fields | drop_absent(
        {
            "exchange_id": first(header or gateway, ("correlationid",)),
            "event_at": _read_time(gateway or header),
            "account_id": first_text(
                gateway.get("apimsubscriptionid"), read_resource(gateway), read_resource(header)
            ),
            "organization_id": first_text(read_subscription(gateway), read_subscription(header)),
            "api_key_id": gateway.get("apimsubscriptionid"),
            "model": first_text(
                header.get("modelname"), header.get("deploymentname"), request.get("model"),
                deployment[1] if deployment else None,
            ),
            "endpoint": first_text(
                path[deployment.end():] if path and deployment else path,
                gateway.get("operationid"), header.get("operationname"),
            ),
            "status": _judge_gateway(gateway, header, reply, completions),
            "input_tokens": read_whole(header.get("prompttokens")),
            "output_tokens": read_whole(header.get("completiontokens")),
            "stream": first(header, ("isstreamcompletion",)),
            "latency_ms": read_whole(first(gateway, ("totaltime", "durationms"))),
            "client_ip": read_client_address(gateway.get("calleripaddress")),
            "user_agent": find_header(gateway.get("requestheaders"), "user-agent"),
        }
    )  # fmt: skip


def _is_call(gateway: View, request: dict[str, Any], path: str | None) -> bool:
    if path is not None and _CALL_PATH.search(path):
        return True
    operation = gateway.get("operationid")
    if isinstance(operation, str) and _CALL.search(operation):
        return True
    return "model" in request and bool(request.keys() & {"messages", "input", "prompt"})


def _read_messages(rows: list[View]) -> dict[str, Any]:
    """Return what the logged messages tell; tools and parameters are not among them."""
    messages = gather_messages(rows, "requestmessages")
    if messages is None:
        return {}
    fields = read_request({"messages": messages})
    return {name: fields[name] for name in _MESSAGE_FIELDS}


def _judge_gateway(
    gateway: View, header: View, reply: Any, completions: list[dict[str, Any]] | None
) -> str:
    status = judge_http(gateway.get("responsecode")) or judge_http(
        first_text(gateway.get("resultsignature"), header.get("resultsignature"))
    )
    if status is None and (_has_failed(gateway) or _has_failed(header)):
        status = ERROR
    choices = [
        {"message": message, "finish_reason": message.get("finish_reason")}
        for message in completions or ()
    ]
    if status in (None, OK):
        return REFUSED if is_refused(reply) or is_refused({"choices": choices}) else OK
    if status == ERROR:
        error = find_error(reply)
        inner = as_object(error.get("innererror"))
        return judge_error(error.get("code"), inner.get("code"), gateway.get("lasterrorreason"))
    return status or ERROR


def _has_failed(view: View) -> bool:
    """Return whether a record without a code says all the same that the call failed."""
    result = view.get("resulttype")
    return view.get("isrequestsuccess") is False or (
        isinstance(result, str) and result.lower() == "failed"
    )


def _read_time(view: View) -> Any:
    return read_utc(first_text(view.get("time"), view.get("timegenerated")), "event_at")


def _read_path(url: Any) -> str | None:
    """Return the path of a URL without its query."""
    if not isinstance(url, str) or not url:
        return None
    text = url.partition("?")[0]
    return "/" + text.partition("://")[2].partition("/")[2] if "://" in text else text
