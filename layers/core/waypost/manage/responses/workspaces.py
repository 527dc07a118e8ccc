"""Responses about a workspace as a whole: API keys, the webhook secret, dead letters."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from waypost.domain.api_keys import Scope
from waypost.domain.dead_letters import Parked, ParkedKind
from waypost.domain.messages.sending_quota import SendingQuota
from waypost.domain.messages.webhook_signatures import WebhookSecrets
from waypost.domain.messages.workspace_settings import WorkspaceSettings
from waypost.domain.values.wire_model import WireModel
from waypost.manage.responses.lists import Time


class KeyResponse(WireModel):
    """An API key without the key itself."""

    id: str
    prefix: str
    name: str
    scopes: Annotated[tuple[Scope, ...], BeforeValidator(sorted)]
    created_at: Time
    expires_at: Time | None
    last_used_on: Annotated[str, Field(json_schema_extra={"format": "date"})] | None


class NewKeyResponse(KeyResponse):
    """A new key with the key itself, which no later response shows."""

    key: str


class WebhookSecretResponse(WireModel):
    """The secret that signs webhooks. For a day after a rotation, `previous` signs beside it."""

    secret: str
    previous: str | None
    rotated_at: Time

    @classmethod
    def of(cls, secrets: WebhookSecrets, now: datetime) -> WebhookSecretResponse:
        """The secrets that sign now."""
        current, *earlier = secrets.active(now)
        return cls(secret=current, previous=earlier[0] if earlier else None, rotated_at=secrets.rotated_at)


class LinkKeyResponse(WireModel):
    """The key that signs the links of later messages, without the key itself."""

    id: str
    created_at: Time


class EmailAccountResponse(WireModel):
    """The account of SES, for all workspaces of the stack. Limits count recipients; `perDay` null is without limit."""

    sandbox: bool = Field(description="Whether SES sends to verified addresses only.")
    sending_enabled: bool
    per_second: float
    per_day: float | None
    last_24_hours: float = Field(alias="last24Hours")

    @classmethod
    def of(cls, quota: SendingQuota) -> EmailAccountResponse:
        """The quota as the API shows it."""
        return cls(
            sandbox=quota.sandbox,
            sending_enabled=quota.enabled,
            per_second=quota.per_second,
            per_day=quota.per_day,
            last_24_hours=quota.used,
        )


class SettingsResponse(WorkspaceSettings):
    """The settings of the workspace, and what cannot be changed by them: the e-mail account, null while SES does not return it."""

    email_account: EmailAccountResponse | None = None

    @classmethod
    def of(cls, settings: WorkspaceSettings, quota: SendingQuota | None) -> SettingsResponse:
        """The settings with the e-mail account."""
        account = None if quota is None else EmailAccountResponse.of(quota)
        return cls(**{name: getattr(settings, name) for name in WorkspaceSettings.model_fields}, email_account=account)


class DeadLetterResponse(WireModel):
    """A signal that could not be processed, or a message that failed. `content` is the queue record."""

    id: str
    kind: ParkedKind
    subject: str
    reason: str
    parked_at: Time
    content: Any

    @classmethod
    def of(cls, parked: Parked, content: Any) -> DeadLetterResponse:
        """A dead letter, which is known by its position."""
        return cls(
            id=parked.position,
            kind=parked.kind,
            subject=parked.subject,
            reason=parked.reason,
            parked_at=parked.parked_at,
            content=content,
        )


class DeadLetterCountResponse(WireModel):
    """How many dead letters there are. If `isLowerBound`, there are more than `count`, or may be."""

    count: int
    is_lower_bound: bool


class DeadLetterGroupResponse(WireModel):
    """The dead letters of one kind and reason. `newest` is the time of the newest one."""

    kind: ParkedKind
    reason: str
    count: int
    newest: Time


class DeadLetterGroupsResponse(WireModel):
    """The groups of the newest dead letters. If `isLowerBound`, there are more dead letters than were counted."""

    items: tuple[DeadLetterGroupResponse, ...]
    is_lower_bound: bool


class RedriveResponse(WireModel):
    """The number of dead letters that are back on their queues. `next` is the cursor for the others, null if these were all."""

    redriven: int
    next: str | None = None


class HealthResponse(WireModel):
    """The function runs."""

    status: str = "ok"
