"""Records of Azure Monitor, whichever way they left it, seen under one set of names.

A diagnostic setting writes `properties` inside an envelope (at times as JSON text), Log Analytics
writes columns in Pascal case, its older common table adds a suffix for the type. Names are
compared without case.
"""

from __future__ import annotations

import re
from typing import Any

from stillwatch.sources.fields import FieldError
from stillwatch.sources.json_parts import first_text, try_json

View = dict[str, Any]

MODEL = "model"  # RequestResponse of the model resource
LLM = "llm"  # GatewayLlmLogs of API Management
GATEWAY = "gateway"  # GatewayLogs of API Management

_KINDS = {
    "requestresponse": MODEL,
    "gatewayllmlogs": LLM,
    "apimanagementgatewayllmlog": LLM,
    "gatewaylogs": GATEWAY,
    "apimanagementgatewaylogs": GATEWAY,
}
_TYPE_SUFFIX = re.compile(r"_[sdgbt]$")
_SUBSCRIPTION = re.compile(r"^/subscriptions/([^/]+)")
_ENVELOPE = frozenset(
    {
        "time", "resourceid", "category", "operationname", "operationversion", "level", "location",
        "properties", "callerip", "calleripaddress", "correlationid", "durationms", "identity",
        "resulttype", "resultsignature", "resultdescription", "tenantid", "tenant", "event", "sku",
        "deploymentversion", "isrequestsuccess", "truncated", "schemaversion", "type", "uri",
        "timegenerated", "_resourceid", "_subscriptionid", "_billedsize", "_isbillable",
        "sourcesystem", "region", "resource", "resourcegroup", "resourceprovider",
        "subscriptionid", "resourcetype", "mg", "eventtimestamp", "releaseversion",
    }
)  # fmt: skip
_PROPERTIES = frozenset(
    {
        # RequestResponse
        "apiname", "requesttime", "requestlength", "responsetime", "responselength", "objectid",
        "streamtype", "modeldeploymentname", "modelname", "modelversion",
        # GatewayLlmLogs
        "deploymentname", "apiversion", "prompttokens", "completiontokens", "totaltokens",
        "requestid", "requestmessages", "responsemessages", "isstreamcompletion",
        "sequencenumber",
        # GatewayLogs
        "method", "url", "responsecode", "responsesize", "requestsize", "cache", "backendtime",
        "cachetime", "clienttime", "totaltime", "apiid", "apirevision", "operationid",
        "productid", "userid", "apimsubscriptionid", "backendid", "backendmethod",
        "backendprotocol", "backendurl", "backendresponsecode", "backendrequestbody",
        "backendresponsebody", "backendrequestheaders", "backendresponseheaders", "requestbody",
        "responsebody", "requestheaders", "responseheaders", "clientprotocol",
        "clienttlsversion", "clienttlscipher", "clientcertificatethumbprint", "lasterror",
        "errors", "lasterrorelapsed", "lasterrormessage", "lasterrorreason", "lasterrorscope",
        "lasterrorsection", "lasterrorsource", "tracerecords", "istraceallowed",
        "istracerequested", "istraceexpired", "ismastertrace", "workspaceid",
    }
)  # fmt: skip
_KNOWN = _ENVELOPE | _PROPERTIES


def view_record(record: dict[str, Any]) -> View:
    """Return the names of the envelope and of its properties in lower case, with their values."""
    view = {_plain(name): value for name, value in record.items()}
    properties, broken = try_json(view.pop("properties", None))
    if broken or not isinstance(properties, dict | None):
        raise FieldError("bad_value_properties", "properties is no JSON object")
    for name, value in (properties or {}).items():
        if value is not None and value != "":
            view[_plain(name)] = value
    return view


def find_kind(view: View) -> str | None:
    """Return which of the three categories with exchanges a record is of; None for others."""
    category = first_text(view.get("category"), view.get("type"))
    if isinstance(category, str):
        return _KINDS.get(category.lower())
    if view.keys() & {"sequencenumber", "requestmessages", "responsemessages", "prompttokens"}:
        return LLM
    if "url" in view and "responsecode" in view:
        return GATEWAY
    return MODEL if view.keys() & {"modeldeploymentname", "streamtype"} else None


def read_resource(view: View) -> Any:
    """Return the resource id in lower case: Azure compares it without case."""
    value = first_text(view.get("resourceid"), view.get("_resourceid"))
    return value.lower() if isinstance(value, str) else value


def read_subscription(view: View) -> Any:
    """Return the id of the Azure subscription that owns the resource."""
    resource = read_resource(view)
    match = _SUBSCRIPTION.match(resource) if isinstance(resource, str) else None
    if match:
        return match[1]
    value = first_text(view.get("subscriptionid"), view.get("_subscriptionid"))
    return value.lower() if isinstance(value, str) else value


def list_unknown_names(record: dict[str, Any]) -> list[str]:
    """Return the names that no category defines, those of the properties with their prefix."""
    unknown = [name for name in record if _plain(name) not in _KNOWN]
    properties = try_json(record.get("properties"))[0]
    if isinstance(properties, dict):
        unknown += [f"properties.{name}" for name in properties if _plain(name) not in _KNOWN]
    return unknown


def _plain(name: str) -> str:
    lower = name.lower()
    if lower in _ENVELOPE:
        return lower
    return _TYPE_SUFFIX.sub("", lower)
