"""One module per log format that a world can be delivered in."""

from __future__ import annotations

from stillwatch.worlds.formats.aws_bedrock import BedrockWriter
from stillwatch.worlds.formats.azure_openai import AzureWriter
from stillwatch.worlds.formats.gcp_vertex import VertexWriter
from stillwatch.worlds.formats.litellm_spend import LitellmWriter
from stillwatch.worlds.formats.native import NativeWriter
from stillwatch.worlds.formats.otel_genai import OtelWriter
from stillwatch.worlds.formats.writer import Writer
from stillwatch.worlds.model import Format

WRITERS: dict[Format, Writer] = {
    "native": NativeWriter(),
    "aws_bedrock_invocation": BedrockWriter(),
    "gcp_vertex_request_response": VertexWriter(),
    "azure_openai_diagnostic": AzureWriter(),
    "otel_genai": OtelWriter(),
    "litellm_spend": LitellmWriter(),
}
