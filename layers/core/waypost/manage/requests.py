"""The queries and request bodies of the management API. One model both checks a request and documents it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StrictBool, Tag, ValidationError, model_validator

from waypost.domain.api_keys import KEY_PATTERN, Scope
from waypost.domain.customers.identifiers import ID_LENGTH
from waypost.domain.customers.topics import TopicId
from waypost.domain.dead_letters import ParkedKind
from waypost.domain.errors import RefusedError
from waypost.domain.intake.consent_payloads import TEXT_VERSION_LENGTH
from waypost.domain.journeys.definition import NAME_PATTERN, member
from waypost.domain.journeys.known_statuses import KnownStatus
from waypost.domain.journeys.message_steps import ChannelName
from waypost.domain.messages.message import MessageStatus
from waypost.domain.messages.suppression import NewSuppression
from waypost.domain.messages.workspace_settings import WorkspaceSettings
from waypost.domain.values.findings import from_errors
from waypost.domain.values.limits import DOCUMENT_VALUES, find_violation
from waypost.domain.values.wire_model import WireModel
from waypost.domain.values.wire_time import CalendarDay, ClientTime, ZonedTime

M = TypeVar("M", bound=BaseModel)
Name = Annotated[str, Field(min_length=1, max_length=200)]

# A primary key or a journey's name in the place of an id would select nothing, and an empty list looks like an answer.
CustomerId = Annotated[str, Field(pattern="^c_", max_length=200)]
JourneyName = Annotated[str, Field(pattern=NAME_PATTERN)]


class NoQuery(WireModel):
    """The query of an operation without parameters."""


class IgnoredQuery(WireModel):
    """The query of an operation that ignores it: monitors add parameters of their own to an address that they check."""

    model_config = ConfigDict(extra="ignore")


class ListQuery(WireModel):
    """A page of a list."""

    # Part of the digest in every cursor. A client may hold a cursor across an upgrade, so these texts must never change.
    list_name: ClassVar[str] = "ListQuery"

    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000, description="`next` of the page before")

    def filter_key(self) -> Mapping[str, Any]:
        """What a cursor of this query is bound to: the list and its filters, but not the page."""
        return {"list": self.list_name, **self.model_dump(mode="json", by_alias=True, exclude={"limit", "cursor"}, exclude_none=True)}


class KeyQuery(ListQuery):
    """A page of the keys."""

    list_name: ClassVar[str] = "KeyQuery"


class JourneyQuery(ListQuery):
    """A page of the journeys."""

    list_name: ClassVar[str] = "JourneyQuery"


class DeadLetterQuery(ListQuery):
    """A page of the dead letters. `reason` is compared with the whole reason."""

    list_name: ClassVar[str] = "DeadLetterQuery"

    kind: ParkedKind | None = None
    reason: Name | None = None


class SuppressionQuery(ListQuery):
    """A page of the suppressed addresses, or one address with its channel."""

    list_name: ClassVar[str] = "SuppressionQuery"

    channel: ChannelName | None = None
    address: str | None = Field(None, min_length=1, max_length=4096)

    @model_validator(mode="after")
    def _has_both_or_neither(self) -> SuppressionQuery:
        if (self.channel is None) != (self.address is None):
            raise ValueError("`channel` and `address` come together")
        return self


class MessageQuery(ListQuery):
    """A page of the messages. `since` is compared with the time of creation, and is inclusive.

    With `content=false`, the messages come without what was rendered.
    """

    list_name: ClassVar[str] = "MessageQuery"

    customer: CustomerId | None = None
    journey: JourneyName | None = None
    status: MessageStatus | None = None
    since: ZonedTime | None = None
    step: Name | None = None
    version: int | None = Field(None, ge=1, description="of the journey")
    content: bool | None = None
    """None is true. A default of true would be in the digest of every cursor, and end the cursors of clients at an upgrade."""


class CountsQuery(WireModel):
    """Which messages of a journey are counted. `since` is compared with the time of creation, and is inclusive."""

    since: ZonedTime | None = None
    cursor: str | None = Field(None, max_length=2000, description="`next` of the part before")

    def filter_key(self, journey: str) -> Mapping[str, Any]:
        """What a cursor of these counts is bound to."""
        return {"list": "CountsQuery", "journey": journey, **self.model_dump(mode="json", exclude={"cursor"}, exclude_none=True)}


class EventQuery(ListQuery):
    """A page of the events. `since` is compared with the time of receipt, and is inclusive.

    `effect` keeps the events that moved a run, or with `false` those that did not.
    """

    list_name: ClassVar[str] = "EventQuery"

    event: Name | None = None
    status: Literal["accepted", "rejected"] | None = None
    since: ZonedTime | None = None
    effect: bool | None = None
    customer: CustomerId | None = None

    @model_validator(mode="after")
    def _fits_rejected_events(self) -> EventQuery:
        if self.status == "rejected" and not (self.effect is None and self.customer is None):
            raise ValueError("a rejected event has no customer and no effect: `status=rejected` takes neither `effect` nor `customer`")
        return self


class HistogramQuery(WireModel):
    """The period that is counted, by default the last hour, and into how many parts it is divided."""

    since: ZonedTime | None = Field(None, description="at most a day ago")
    buckets: int = Field(60, ge=1, le=120)


class ExplanationQuery(WireModel):
    """The journey that is explained. `version`: by default that of the run that the event moved or found, else the published one."""

    journey: JourneyName
    version: int | None = Field(None, ge=1)


class TimelineQuery(ListQuery):
    """A page of a customer's timeline."""

    list_name: ClassVar[str] = "TimelineQuery"


class CustomerQuery(WireModel):
    """The customer to find: exactly one of the two parameters."""

    primary_key: str | None = Field(None, min_length=1, max_length=1000)
    correlation_id: str | None = Field(None, min_length=1, max_length=1000)


class ConsentQuery(ListQuery):
    """A page of the changes of a customer's consents."""

    list_name: ClassVar[str] = "ConsentQuery"


class DiagramQuery(WireModel):
    """What a diagram shows. `counts`: how many customers are in each step."""

    counts: bool = False
    cursor: str | None = Field(None, max_length=2000, description="`next` in the last line of the part before")


class VersionQuery(WireModel):
    """`version`: a version of the journey, by default the newest."""

    version: int | None = Field(None, ge=1)


class VersionListQuery(ListQuery):
    """A page of the versions of a journey."""

    list_name: ClassVar[str] = "VersionListQuery"


class JourneyRunQuery(ListQuery):
    """A page of the active runs of a journey, or of those in one of its steps."""

    list_name: ClassVar[str] = "JourneyRunQuery"

    step: Name | None = None


class LayoutQuery(VersionQuery):
    """What a picture shows. `version`: a version of the journey, by default the newest. `counts`: how many customers are in each step."""

    counts: bool = False


class StatsQuery(WireModel):
    """Which numbers of a journey are shown. `version`: by default the published one. `since`: a day in UTC, which is included."""

    version: int | None = Field(None, ge=1)
    since: CalendarDay | None = None


class ExperimentQuery(WireModel):
    """The goal of an experiment: a step behind it, or a `branch` of a wait behind it, by its id or its position counted from 1."""

    goal: JourneyName
    branch: Name | None = None
    version: int | None = Field(None, ge=1)


class NewKeyBody(WireModel):
    """A key to create, or to import if `key` is given."""

    name: str = Field("", max_length=200)
    scopes: frozenset[Scope] = Field(min_length=1)
    key: str | None = Field(None, pattern=f"^{KEY_PATTERN.pattern}$", description="A key to import")
    expires_at: ZonedTime | None = None


class SettingsBody(WorkspaceSettings):
    """The settings to save. What a response shows beside them may be sent back, and is ignored."""

    email_account: Any = Field(None, description="Read-only: ignored")

    @property
    def settings(self) -> WorkspaceSettings:
        """The settings alone."""
        return WorkspaceSettings.model_construct(**{name: getattr(self, name) for name in WorkspaceSettings.model_fields})


class SuppressionBody(WireModel):
    """The suppressed address to lift, as `to` of a message shows it. `provider`: lift it at the provider too."""

    channel: Name
    address: str = Field(min_length=1, max_length=4096)
    provider: StrictBool = Field(default=False, description="Whether to remove it from the provider's own list, which all workspaces share")


class NewSuppressionsBody(WireModel):
    """Addresses to suppress. `source` is `import` for a list that comes from another system."""

    items: tuple[NewSuppression, ...] = Field(min_length=1, max_length=1_000)
    source: Literal["api", "import"] = "api"


class ConsentFields(WireModel):
    """A change of consent. Without `topic` it is about all topics, without `channel` about all channels.

    `textVersion` says which text the customer has seen, `confirmed` that the customer has proved that the address is its own.
    """

    topic: TopicId | None = None
    channel: ChannelName | None = None
    state: Literal["subscribed", "unsubscribed"]
    text_version: str | None = Field(None, max_length=TEXT_VERSION_LENGTH)
    confirmed: StrictBool = False

    @model_validator(mode="after")
    def _confirms_a_subscription(self) -> Self:
        if self.confirmed and self.state != "subscribed":
            raise ValueError("only a subscription is confirmed")
        return self


class ConsentBody(ConsentFields):
    """A change of the consent of one customer. `at` is now if it is missing, and never later than now."""

    at: ClientTime | None = None


class ImportedConsent(ConsentFields):
    """A change of consent of the customer with one of two identifiers. `at` is never later than now."""

    primary_key: str | int | Decimal | None = Field(None, description="The primary key value")
    correlation_id: str | None = Field(None, min_length=1, max_length=ID_LENGTH)
    at: ClientTime

    @model_validator(mode="after")
    def _has_one_identifier(self) -> Self:
        if (self.primary_key is None) == (self.correlation_id is None):
            raise ValueError("give `primaryKey` or `correlationId`, and only one of them")
        return self


class ConsentImportBody(WireModel):
    """Changes of consent to import."""

    items: tuple[ImportedConsent, ...] = Field(min_length=1, max_length=1_000)


class RedriveBody(WireModel):
    """The dead letter to redrive; all of them if `id` is missing, or those of a kind and a reason, or those after a cursor."""

    id: str | None = Field(None, min_length=1, max_length=250)
    kind: ParkedKind | None = None
    reason: Name | None = None
    cursor: str | None = Field(None, max_length=2000, description="`next` of the request before")


class SimulatedCustomer(WireModel):
    """The customer of a dry run: an existing one if `primaryKey` is known, with these attributes over the stored ones."""

    primary_key: Any = None
    attributes: dict[str, Any] = Field(default_factory=dict)


class PreviewEvent(WireModel):
    """The event that a template sees, as it would be sent."""

    event: Name
    payload: dict[str, Any] = Field(default_factory=dict)
    source: Name = "custom"


class PreviewBody(WireModel):
    """A template, and what it is rendered for.

    `customer` is a stored one (`primaryKey`), given `attributes`, or both: a stored one with these attributes over its own. `journey` is
    the id of a stored journey, whose name and version the template sees. `transactional` is that of the step.
    """

    channel: Name
    template: dict[str, Any]
    customer: SimulatedCustomer = SimulatedCustomer()
    event: PreviewEvent | None = None
    journey: JourneyName | None = None
    transactional: StrictBool = False


class SendTestBody(PreviewBody):
    """A template that is sent to `to`, one of the test addresses of the workspace."""

    to: str = Field(min_length=1, max_length=320)


class SimulatedEvent(WireModel):
    """An event of a dry run. `at` is the time at which it is accepted."""

    event: Name
    at: ClientTime
    payload: dict[str, Any] = Field(default_factory=dict)
    source: Name = "custom"


class SimulatedReport(WireModel):
    """What becomes, in a dry run, of the message that a run has sent in the step `message`. `at` is when Waypost learns of it."""

    message: Name
    status: KnownStatus
    at: ClientTime
    link: str | None = Field(None, max_length=4096, description="For `clicked`: the URL that was clicked")


def _input(raw: Any) -> str:
    return "<report>" if member(raw, "message") is not None else "<event>"


SimulatedInput = Annotated[Annotated[SimulatedEvent, Tag("<event>")] | Annotated[SimulatedReport, Tag("<report>")], Discriminator(_input)]


class RecordedPeriod(WireModel):
    """The period whose recorded events of the customer are played. It ends now if `until` is missing."""

    since: ClientTime
    until: ClientTime | None = None


class SimulationBody(WireModel):
    """What a dry run plays: the given events and reports, the recorded events of the customer, or both.

    `definition` is played in the place of the newest definition of the journey, which need not exist then. It is not saved.
    """

    definition: dict[str, Any] | None = None
    customer: SimulatedCustomer = SimulatedCustomer()
    events: tuple[SimulatedInput, ...] = Field((), max_length=1_000)
    recorded: RecordedPeriod | None = None


def query_of(model: type[M], query: Mapping[str, str]) -> M:
    """The query of a request. RefusedError 400 names each parameter that is unknown or wrong."""
    try:
        return model.model_validate(query)
    except ValidationError as error:
        errors = [{"code": each.code, "detail": each.detail, "parameter": each.pointer.removeprefix("/")} for each in from_errors(error)]
        details = "; ".join(f"{each['parameter']}: {each['detail']}".removeprefix(": ") for each in errors)
        raise RefusedError(400, "bad-parameter", f"Wrong parameters: {details}.", errors=errors) from None


def body_of(model: type[M], body: Any) -> M:
    """The body of a request. RefusedError 422 names each field that is unknown, missing or wrong."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        errors = [{"code": each.code, "detail": each.detail, "pointer": each.pointer} for each in from_errors(error)]
        raise RefusedError(422, "invalid", "The body does not have the form that this route requires.", errors=errors) from None


def storable(body: Any) -> Any:
    """The body, if all of its values can be stored and computed with.

    RefusedError 422 with a pointer for a text with a lone surrogate, which UTF-8 cannot encode, for a number beyond any use, and for a
    value that is nested so deeply that a recursive function could fail on it.
    """
    violation = find_violation(body, DOCUMENT_VALUES)
    if violation is not None:
        code = "bad-text" if violation.code == "bad-text" else "invalid"
        raise RefusedError(422, code, f"The body has a value that cannot be kept: {violation.detail}.", errors=[violation._asdict()])
    return body
