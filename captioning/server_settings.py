"""Settings of a captioner that asks a server; read without what sends requests."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, field_validator

from leitmotif.captioning.chat import ChatSettings

# Where `vllm serve` listens by default.
URL = "http://localhost:8000/v1"


class ServerSettings(ChatSettings):
    """Settings of a captioner that asks a server.

    A key is read from the environment (LEITMOTIF_API_KEY or OPENAI_API_KEY) and has no place here: settings
    are published.
    """

    url: str = URL
    concurrency: int = Field(default=128, ge=1)
    timeout_s: float = Field(default=120.0, gt=0)
    patience_s: float = Field(default=120.0, ge=0)

    @field_validator("url")
    @classmethod
    def _plain_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("expected the base URL of an OpenAI-compatible API, such as http://host:8000/v1")
        if parts.username or parts.password or parts.query:
            raise ValueError("a key in the URL would be published; put it into LEITMOTIF_API_KEY")
        return url
