"""The step types of a journey (docs/journeys.md#steps): their fields and edges. `domain/runs/step_rules.py` says what they do.

A new step type needs a class here or in `waits.py`, its place in `AnyStep`, a rule in `step_rules.py` and a shape in
`diagram.py`; mypy names the places.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, StrictBool, StrictInt, Tag, TypeAdapter, field_validator, model_validator
from pydantic_core import PydanticCustomError

from waypost.domain.journeys.conditions import Condition
from waypost.domain.journeys.definition import Definition, Edge, Step, StepId, tagged_by
from waypost.domain.journeys.waits import TimeDelay, TimeWindow, WaitUntil

Template = Annotated[str, Field(description="A Liquid template; it sees customer, event, journey, step and message.id.")]
HeaderName = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]

RESERVED_HEADERS: Final = frozenset({"connection", "content-length", "host", "transfer-encoding"})
"""Headers that the HTTP client or the signature sets; so are all that start with `webhook-`."""


class EmailTemplate(Definition):
    """The sender, recipient, subject and body of an e-mail, with at least a text or an HTML part."""

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
    """The request of a webhook. All texts in it, those inside `json` too, are Liquid templates."""

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
    def _has_no_reserved_header(self) -> WebhookTemplate:
        reserved = sorted(name for name in self.headers if name.lower() in RESERVED_HEADERS or name.lower().startswith("webhook-"))
        if reserved:
            raise PydanticCustomError("reserved-header", "Waypost sets {names} itself", {"names": ", ".join(reserved)})
        return self


class Message(Step):
    """Sends a message. The run goes on at once or, with `onFailure`, when the outcome of the message is known."""

    type: Literal["message"]
    strict: StrictBool = Field(default=False, description="Whether a missing value in a template skips the message (reason `template`).")
    on_unknown: Literal["hold", "resend"] = Field(
        default="hold", description="What happens to a message after a crash between the call of the provider and the record of it."
    )
    on_failure: StepId | None = Field(default=None, description="Where the run goes when the message fails.")
    next: StepId

    @property
    def edges(self) -> tuple[Edge, ...]:
        """To the next step, and to the one for a message that was not sent."""
        following = Edge(("next",), self.next)
        return (following, Edge(("onFailure",), self.on_failure, "not sent")) if self.on_failure else (following,)


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
        tagged_by("channel"),
        custom_error_type="unknown-channel",
        custom_error_message="a message's channel is email or webhook",
    ),
]


class SplitBranch(Definition):
    """One branch of a multisplit."""

    id: StepId | None = None
    conditions: Condition
    next: StepId


class Multisplit(Step):
    """Sends a run along the first branch whose conditions hold, or along `otherwise`."""

    type: Literal["multisplit"]
    branches: tuple[SplitBranch, ...] = Field(min_length=1)
    otherwise: StepId

    @property
    def edges(self) -> tuple[Edge, ...]:
        """One for each branch, then the one for runs that match none."""
        branches = [
            Edge(("branches", index, "next"), branch.next, branch.id or f"branch {index + 1}") for index, branch in enumerate(self.branches)
        ]
        return (*branches, Edge(("otherwise",), self.otherwise, "otherwise"))


class ExperimentBranch(Definition):
    """One branch of an experiment, with the share of customers that take it in percent."""

    id: StepId
    weight: StrictInt = Field(ge=1, le=100)
    next: StepId


class Experiment(Step):
    """Sends each customer along one branch, chosen by a hash of journey, step and customer: the same branch every time."""

    type: Literal["experiment"]
    branches: tuple[ExperimentBranch, ...] = Field(min_length=1)

    @field_validator("branches")
    @classmethod
    def _weights_add_up(cls, branches: tuple[ExperimentBranch, ...]) -> tuple[ExperimentBranch, ...]:
        total = sum(branch.weight for branch in branches)
        if total != 100:
            raise PydanticCustomError("bad-weights", "weights add up to 100; these add up to {total}", {"total": total})
        return branches

    @property
    def edges(self) -> tuple[Edge, ...]:
        """One for each branch."""
        return tuple(
            Edge(("branches", index, "next"), branch.next, f"{branch.id}: {branch.weight} %") for index, branch in enumerate(self.branches)
        )


class JumpTo(Step):
    """Continues at another step."""

    type: Literal["jumpTo"]
    next: StepId

    @property
    def edges(self) -> tuple[Edge, ...]:
        """To the next step."""
        return (Edge(("next",), self.next),)


class Exit(Step):
    """Ends the run."""

    type: Literal["exit"]

    @property
    def edges(self) -> tuple[Edge, ...]:
        """None: the run ends here."""
        return ()


AnyStep = Annotated[
    Annotated[AnyMessage, Tag("<message>")]
    | Annotated[TimeDelay, Tag("<timeDelay>")]
    | Annotated[TimeWindow, Tag("<timeWindow>")]
    | Annotated[WaitUntil, Tag("<waitUntil>")]
    | Annotated[Multisplit, Tag("<multisplit>")]
    | Annotated[Experiment, Tag("<experiment>")]
    | Annotated[JumpTo, Tag("<jumpTo>")]
    | Annotated[Exit, Tag("<exit>")],
    Discriminator(
        tagged_by("type"),
        custom_error_type="unknown-step-type",
        custom_error_message="a step's type is message, timeDelay, timeWindow, waitUntil, multisplit, experiment, jumpTo or exit",
    ),
]
STEP: Final[TypeAdapter[AnyStep]] = TypeAdapter(AnyStep)
