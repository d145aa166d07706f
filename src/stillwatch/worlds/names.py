"""How each platform calls an account, an organisation and a model.

The accounts of a world are drawn once, with the ids of the platform that they belong to. Where a
world is delivered as another platform's logs, their ids there are made from the ones here, so that
the same seed gives the same accounts under other names.
"""

from __future__ import annotations

import hashlib
import uuid

from stillwatch.worlds.model import Platform

PUBLISHER = "examplelab"
_AWS_ROLES = ("app-backend", "bedrock-invoke", "llm-service", "lambda-exec", "batch-worker", "api")
_AZURE_NAMES = ("apim-prod", "ai-gateway", "llm-edge", "apim-shared", "genai-apim", "model-hub")


def name_account(
    account_id: str, organization_id: str | None, home: Platform, platform: Platform
) -> str:
    """Return what `platform` calls the account that is `account_id` on its home platform.

    Native: an account id. Bedrock: the caller's ARN. Vertex: the number of the project. Azure: the
    resource id of the customer's API gateway (logs have it in capitals, it is compared without
    case). OTLP: the tenant. LiteLLM: the internal user. An
    organisation's accounts share its AWS account and its Azure subscription.
    """
    if platform == home and platform in ("native", "aws_bedrock"):
        return account_id
    digest = _digest(f"{platform}/{account_id}")
    owner = organization_id or account_id
    match platform:
        case "native":
            return f"acct_{digest[:20]}"
        case "aws_bedrock":
            role = _AWS_ROLES[int(digest[:4], 16) % len(_AWS_ROLES)]
            return f"arn:aws:iam::{name_aws_account(owner)}:user/{role}-{digest[4:12]}"
        case "gcp_vertex":
            return str(10**11 + int(digest, 16) % (9 * 10**11))
        case "azure_openai":
            subscription = uuid.UUID(hex=_digest(f"subscription/{owner}"), version=4)
            name = _AZURE_NAMES[int(digest[:4], 16) % len(_AZURE_NAMES)]
            return (
                f"/subscriptions/{subscription}/resourcegroups/rg-{digest[4:10]}"
                f"/providers/microsoft.apimanagement/service/{name}-{digest[10:16]}"
            )
        case "otel":
            return f"tenant-{digest[:12]}"
        case "litellm":
            return str(uuid.UUID(hex=digest, version=4))


def name_aws_account(owner: str) -> str:
    """Return the twelve digits of the AWS account that belongs to an organisation or account."""
    return str(10**11 + int(_digest(f"aws/{owner}"), 16) % (9 * 10**11))


def name_model(model: str, platform: Platform) -> str:
    """Return a model's name as the platform writes it."""
    match platform:
        case "native" | "otel":
            return model
        case "aws_bedrock":
            return f"{PUBLISHER}.{model}-v1:0"
        case "gcp_vertex":
            return f"publishers/{PUBLISHER}/models/{model}"
        case "azure_openai":
            return f"{PUBLISHER}-{model}"
        case "litellm":
            return f"{PUBLISHER}/{model}"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
