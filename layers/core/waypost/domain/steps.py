"""The step types of a journey: data only, what they do is the transition's (contract 3.1 and 4)."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, StrictBool, Tag, TypeAdapter, model_validator
from pydantic_core import PydanticCustomError

from waypost.domain.conditions import Condition
from waypost.domain.definition import Definition, StepId, tagged_by

Template = Annotated[str, Field(description="A Liquid template; it sees customer, event, journey, step and message.id.")]
HeaderName = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]

RESERVED_HEADERS: Final = frozenset({"connection", "content-length", "host", "transfer-encoding"})


class Step(Definition):
    """What every step has. `rests`: a run stands still in it, so that a circle through it is no loop."""

    id: StepId

    @property
    def rests(self) -> bool:
        """Whether a run stands still in this step until something happens or time passes."""
        return False


class EmailTemplate(Definition):
    """What an e-mail says; at least a text or an HTML part."""

    sender: Template | None = Field(default=None, alias="from", description="Liquid; without it the stack's sender address.")
    to: Template | None = Field(default=None, description="Liquid; without it the customer's e-mail address.")
    subject: Template = Field(min_length=1)
    text: Template | None = None
    html: Template | None = None

    @model_validator(mode="after")
    def _has_a_part(self) -> EmailTemplate:
        if not (self.text or self.html):
            raise PydanticCustomError("empty-template", "an e-mail has a text, an html part, or both")
        return self


class WebhookTemplate(Definition):
    """The request that a webhook makes; all texts in it, inside `json` too, are Liquid."""

    url: Template = Field(min_length=1, max_length=2048)
    method: Literal["POST", "PUT", "PATCH", "DELETE", "GET"] = "POST"
    headers: dict[HeaderName, Template] = Field(default_factory=dict)
    json_: Any = Field(default=None, alias="json", description="The body as JSON whose texts are templates.")
    body: Template | None = Field(default=None, description="The body as one template; exclusive with `json`.")

    @model_validator(mode="after")
    def _has_one_body(self) -> WebhookTemplate:
        if self.json_ is not None and self.body is not None:
            raise PydanticCustomError("two-bodies", "a webhook has a json or a body, not both")
        return self

    @model_validator(mode="after")
    def _leaves_our_headers(self) -> WebhookTemplate:
        ours = sorted(name for name in self.headers if name.lower() in RESERVED_HEADERS or name.lower().startswith("webhook-"))
        if ours:
            raise PydanticCustomError("reserved-header", "{names}: set by Waypost alone", {"names": ", ".join(ours)})
        return self


class Message(Step):
    """Sends a message; the run goes on when it is owed or, with `onFailure`, when its outcome is known."""

    type: Literal["message"]
    strict: StrictBool = Field(default=False, description="A value that a template misses skips the message (reason `template`).")
    on_unknown: Literal["hold", "resend"] = Field(
        default="hold", description="After a crash between the provider's call and the record of it."
    )
    on_failure: StepId | None = Field(default=None, description="Where the run goes when the message fails.")
    next: StepId


class EmailMessage(Message):
    """A message by e-mail."""

    channel: Literal["email"]
    template: EmailTemplate


class WebhookMessage(Message):
    """A message by a signed HTTPS request."""

    channel: Literal["webhook"]
    template: WebhookTemplate


AnyMessage = Annotated[
    Annotated[EmailMessage, Tag("<email>")] | Annotated[WebhookMessage, Tag("<webhook>")],
    Discriminator(
        tagged_by("channel", frozenset({"email", "webhook"})),
        custom_error_type="unknown-channel",
        custom_error_message="a message's channel is email or webhook",
    ),
]


class SplitBranch(Definition):
    """One way out of a multisplit."""

    conditions: Condition
    next: StepId


class Multisplit(Step):
    """Sends a run along the first branch whose conditions hold, else along `otherwise`."""

    type: Literal["multisplit"]
    branches: tuple[SplitBranch, ...] = Field(min_length=1)
    otherwise: StepId


class JumpTo(Step):
    """Goes on with another step."""

    type: Literal["jumpTo"]
    next: StepId


class Exit(Step):
    """Ends the run."""

    type: Literal["exit"]


AnyStep = Annotated[
    Annotated[AnyMessage, Tag("<message>")]
    | Annotated[Multisplit, Tag("<multisplit>")]
    | Annotated[JumpTo, Tag("<jumpTo>")]
    | Annotated[Exit, Tag("<exit>")],
    Discriminator(
        tagged_by("type", frozenset({"message", "multisplit", "jumpTo", "exit"})),
        custom_error_type="unknown-step-type",
        custom_error_message="a step's type is message, multisplit, jumpTo or exit",
    ),
]
STEP: Final[TypeAdapter[AnyStep]] = TypeAdapter(AnyStep)
