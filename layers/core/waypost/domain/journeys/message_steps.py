"""The steps that send messages, one class for each channel (docs/messages.md#channels).

A new channel needs its template and its class here, its place in `AnyMessage` and `CHANNELS`, an adapter, and a line in `wiring.py`. No
other module names a channel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, TypeGuard

from pydantic import AfterValidator, Discriminator, Field, StrictBool, Tag, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from waypost.domain.customers.customer import Customer
from waypost.domain.customers.schema import looks_like_email
from waypost.domain.customers.topics import GENERAL, TopicId
from waypost.domain.journeys.definition import Definition, Edge, Step, StepId, tagged_by
from waypost.domain.journeys.known_statuses import KnownStatus
from waypost.domain.values.email_headers import MAX_OWN_HEADERS, header_name_error, header_value_error, repeated_header_names
from waypost.domain.values.header_values import is_header_value
from waypost.domain.values.mailboxes import mailbox, usable_address
from waypost.domain.values.phone_numbers import phone_number
from waypost.domain.values.sms_segments import MAX_CHARACTERS

Template = Annotated[str, Field(description="A Liquid template; it sees customer, event, journey, step and message.id.")]
ConstantFault = tuple[tuple[str, ...], str, str]
"""The path in the template to a text that cannot be sent, a code, and a sentence."""

HeaderName = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]

UNSUBSCRIBE_URL: Final = "unsubscribe_url"
PREFERENCES_URL: Final = "preferences_url"
CONFIRM_URL: Final = "confirm_url"
LINK_VARIABLES: Final = (UNSUBSCRIBE_URL, PREFERENCES_URL, CONFIRM_URL)
"""The variables of templates that hold a link (docs/messages.md#links)."""

RESERVED_HEADERS: Final = frozenset({"connection", "content-length", "host", "transfer-encoding"})
"""Headers that the HTTP client or the signature sets; so are all that start with `webhook-`."""

MAX_COPIES: Final = 49
"""Of `cc` and `bcc` together: SES takes 50 recipients of one e-mail."""


class EmailTemplate(Definition):
    """The sender, recipients, subject, headers and body of an e-mail, with at least a text or an HTML part."""

    sender: Template | None = Field(default=None, alias="from", description="Liquid; without it the stack's sender address.")
    to: Template | None = Field(default=None, description="Liquid; without it the customer's e-mail address.")
    reply_to: Template | None = Field(default=None, description="Liquid; the one address to which answers go, else the sender.")
    cc: tuple[str, ...] | None = Field(default=None, description="Fixed addresses that get a copy; only in steps with `transactional`.")
    bcc: tuple[str, ...] | None = Field(default=None, description="As `cc`, but no recipient sees them.")
    subject: Template = Field(min_length=1)
    text: Template | None = None
    html: Template | None = None
    headers: dict[str, Template] | None = Field(
        default=None, description="Further headers: X-... (not X-SES-...), References, In-Reply-To, Auto-Submitted, Feedback-ID."
    )

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


class SmsTemplate(Definition):
    """The receiver, the text and the type of a text message."""

    to: Template | None = Field(default=None, description="Liquid; a number in E.164. Without it the customer's attribute `phone`.")
    text: Template = Field(min_length=1, description="Liquid; at most 1,600 characters when rendered.")
    type: Literal["promotional", "transactional"] | None = Field(
        default=None, description="The message type of AWS; without it the one of the stack."
    )


class MessageStep(Step):
    """Sends a message. The run goes on at once or, with `onFailure`, when the outcome of the message is known.

    A subclass is one channel. The class variables and static methods are what the rest of the code has to know of a channel.
    """

    recognizes_repeats: ClassVar[bool] = False
    """Whether the receiver gets the id of the message and drops a repeat of it."""

    url_field: ClassVar[str | None] = None
    """The field of the template that is the URL of a request, which has to be an allowed address."""

    reported_statuses: ClassVar[frozenset[KnownStatus]] = frozenset({"delivered", "opened", "clicked"})
    """What can be reported of a message after it was sent. Apps can report these for every channel."""

    sender_field: ClassVar[str | None] = None
    """The field of the template that names the sender, which has to be one of the workspace."""

    address_attribute: ClassVar[str | None] = None
    """The attribute of a customer that holds its address, unless the workspace has named another one."""

    added_fields: ClassVar[tuple[str, ...]] = ()
    """What the channel adds to a rendered template and a dry run shows."""

    has_replies: ClassVar[bool] = False
    """Whether a receiver may answer, so that its address has to lead to the last message that was sent to it."""

    is_personal_address: ClassVar[bool] = True
    """Whether the address is one of a person, so that what is stored about it is stored under a hash with a secret key."""

    has_provider_suppressions: ClassVar[bool] = False
    """Whether the provider has a list of suppressed addresses of its own, from which an address can be removed."""

    has_links: ClassVar[bool] = False
    """Whether its templates have the variables `LINK_VARIABLES`."""

    copy_fields: ClassVar[tuple[str, ...]] = ()
    """The fields of the template with further recipients, which only a transactional step may have."""

    test_address_field: ClassVar[str | None] = None
    """The field of the template that takes the address of a test. None: the channel has no test messages."""

    test_mark_field: ClassVar[str | None] = None
    """The field of the template, a text, in which the receiver of a test reads that it is one."""

    type: Literal["message"]
    strict: StrictBool = Field(default=False, description="Whether a missing value in a template skips the message (reason `template`).")
    on_unknown: Literal["hold", "resend"] = Field(
        default="hold", description="What happens to a message after a crash between the call of the provider and the record of it."
    )
    on_failure: StepId | None = Field(default=None, description="Where the run goes when the message fails.")
    topic: TopicId | None = Field(default=None, description="The topic that the customer has to be subscribed to; default `general`.")
    transactional: StrictBool = Field(
        default=False,
        description="Whether the message needs no consent of the customer, as a receipt or a password reset.",
    )
    next: StepId
    channel: str
    template: Definition

    @field_validator("transactional")
    @classmethod
    def _has_no_topic(cls, transactional: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - the signature of pydantic
        if transactional and info.data.get("topic") is not None:
            raise PydanticCustomError("transactional-topic", "a transactional message needs no consent, and so it has no topic")
        return transactional

    @staticmethod
    def comparable_address(address: str) -> str:
        """The form of an address in which two spellings of one address are the same text. Suppressions are stored by its hash."""
        return address.strip()

    @staticmethod
    def addresses_of(customer: Customer) -> tuple[str, ...]:  # noqa: ARG004 - for subclasses
        """The addresses of a customer on this channel, which keep its opt-outs when it is erased."""
        return ()

    @staticmethod
    def recipients(rendered: Mapping[str, Any]) -> int:  # noqa: ARG004 - for subclasses
        """To how many receivers the provider sends a rendered message, as it counts them."""
        return 1

    @staticmethod
    def is_address(text: str) -> bool:
        """Whether a text that an operator gives can be an address of the channel."""
        return bool(text.strip())

    @staticmethod
    def constant_faults(template: Mapping[str, Any]) -> Iterator[ConstantFault]:  # noqa: ARG004 - for subclasses
        """The faults of texts without Liquid in a template, which may not be valid in other respects.

        The sender makes the same checks after rendering.
        """
        yield from ()

    @property
    def topic_id(self) -> str | None:
        """The topic that the messages of this step belong to; None if they need no consent."""
        return None if self.transactional else self.topic or GENERAL

    @property
    def possible_statuses(self) -> frozenset[KnownStatus]:
        """The statuses that a run may come to know of the messages of this step."""
        always: frozenset[KnownStatus] = self.reported_statuses | {"failed"}
        return always if self.transactional else always | {"unsubscribed"}

    @property
    def edges(self) -> tuple[Edge, ...]:
        """To the next step, and to the one for a message that was not sent."""
        following = Edge(("next",), self.next)
        return (following, Edge(("onFailure",), self.on_failure, "not sent")) if self.on_failure else (following,)


class EmailMessage(MessageStep):
    """A message by e-mail."""

    reported_statuses = MessageStep.reported_statuses | {"bounced"}
    sender_field = "from"
    address_attribute = "email"
    has_provider_suppressions = True
    has_links = True
    copy_fields = ("cc", "bcc")
    test_address_field = "to"
    test_mark_field = "subject"

    channel: Literal["email"]
    template: EmailTemplate

    @staticmethod
    def comparable_address(address: str) -> str:
        """The address in lower case, with the domain in punycode, as the sender has it."""
        # E-mail addresses compare without case in practice, whatever RFC 5321 says of the part before the @.
        return (usable_address(address.strip()) or address.strip()).lower()

    @staticmethod
    def addresses_of(customer: Customer) -> tuple[str, ...]:
        """The attribute `email`, and a primary key value in the form of an address."""
        given = (customer.attributes.get("email"), customer.primary_key)
        return tuple(dict.fromkeys(each.strip() for each in given if isinstance(each, str) and looks_like_email(each.strip())))

    @staticmethod
    def is_address(text: str) -> bool:
        """Whether SES takes the text as one address, without a display name."""
        return usable_address(text.strip()) is not None

    @staticmethod
    def recipients(rendered: Mapping[str, Any]) -> int:
        """The receiver, and all in copy. The quotas of SES count recipients and not e-mails."""
        return 1 + sum(len(rendered.get(name) or ()) for name in ("cc", "bcc"))

    @staticmethod
    def constant_faults(template: Mapping[str, Any]) -> Iterator[ConstantFault]:
        """A `to`, `from` or `replyTo` that is not one address, a copy to what is no fixed address, and a header that SES would not take."""
        for name in ("to", "from", "replyTo"):
            text = template.get(name)
            # A blank `from` stands for the sender of the stack, and a blank `replyTo` for none.
            if _is_constant(text) and not (name != "to" and not text.strip()) and mailbox(text) is None:
                yield (name,), "bad-address", f"`{name}` is not exactly one e-mail address"
        yield from _copy_faults(template)
        yield from _header_faults(template.get("headers"))


class WebhookMessage(MessageStep):
    """A message by a signed HTTPS request."""

    recognizes_repeats = True
    url_field = "url"
    is_personal_address = False

    channel: Literal["webhook"]
    template: WebhookTemplate

    @staticmethod
    def constant_faults(template: Mapping[str, Any]) -> Iterator[ConstantFault]:
        """A header with a line break or another control character."""
        headers = template.get("headers")
        for name, text in headers.items() if isinstance(headers, Mapping) else ():
            if _is_constant(text) and not is_header_value(text):
                yield ("headers", name), "bad-format", "a header is one line without control characters"


class SmsMessage(MessageStep):
    """A message by SMS."""

    address_attribute = "phone"
    added_fields = ("encoding", "segments")
    has_replies = True
    has_links = True

    channel: Literal["sms"]
    template: SmsTemplate

    @staticmethod
    def comparable_address(address: str) -> str:
        """The number in E.164."""
        return phone_number(address) or address.strip()

    @staticmethod
    def addresses_of(customer: Customer) -> tuple[str, ...]:
        """The attribute `phone`, if it is a number in E.164."""
        number = customer.attributes.get("phone")
        return (number,) if isinstance(number, str) and phone_number(number) else ()

    @staticmethod
    def is_address(text: str) -> bool:
        """Whether the text is a number in E.164."""
        return phone_number(text) is not None

    @staticmethod
    def constant_faults(template: Mapping[str, Any]) -> Iterator[ConstantFault]:
        """A `to` that is no number, and a text that is too long or blank."""
        to, text = template.get("to"), template.get("text")
        if _is_constant(to) and phone_number(to) is None:
            yield ("to",), "bad-address", "`to` is no phone number in E.164, such as +4915112345678"
        if _is_constant(text) and len(text.strip()) > MAX_CHARACTERS:
            yield ("text",), "too-long", f"a text message has at most {MAX_CHARACTERS} characters"
        if _is_constant(text) and not text.strip():
            yield ("text",), "empty-template", "a text message has a text"


AnyMessage = Annotated[
    Annotated[EmailMessage, Tag("<email>")] | Annotated[WebhookMessage, Tag("<webhook>")] | Annotated[SmsMessage, Tag("<sms>")],
    Discriminator(
        tagged_by("channel"),
        custom_error_type="unknown-channel",
        custom_error_message="a message's channel is email, sms or webhook",
    ),
]

CHANNELS: Final[Mapping[str, type[MessageStep]]] = {"email": EmailMessage, "sms": SmsMessage, "webhook": WebhookMessage}
"""The class of the message steps of each channel."""


def _channel_name(text: str) -> str:
    if text not in CHANNELS:
        raise PydanticCustomError("unknown-choice", "a channel is one of {channels}", {"channels": ", ".join(sorted(CHANNELS))})
    return text


ChannelName = Annotated[str, AfterValidator(_channel_name)]
"""The type of the name of a channel in a request."""


def _copy_faults(template: Mapping[str, Any]) -> Iterator[ConstantFault]:
    # Fixed addresses only: a client that puts a value into an event or an attribute could otherwise have the e-mail sent to any address.
    lists = {name: template[name] for name in EmailMessage.copy_fields if isinstance(template.get(name), list)}
    for name, addresses in lists.items():
        for place, text in enumerate(addresses):
            if isinstance(text, str) and not _is_constant(text):
                yield (name, str(place)), "not-constant", f"an address in `{name}` is a fixed one, without Liquid"
            elif isinstance(text, str) and mailbox(text) is None:
                yield (name, str(place)), "bad-address", f"this element of `{name}` is not exactly one e-mail address"
    if sum(map(len, lists.values())) > MAX_COPIES:
        yield (list(lists)[-1],), "too-many-recipients", f"an e-mail has at most {MAX_COPIES} addresses in `cc` and `bcc` together"


def _header_faults(headers: Any) -> Iterator[ConstantFault]:
    if not isinstance(headers, Mapping):
        return
    if len(headers) > MAX_OWN_HEADERS:
        yield ("headers",), "too-many-headers", f"an e-mail has at most {MAX_OWN_HEADERS} headers of its own"
    for name in repeated_header_names(headers):
        yield ("headers", name), "duplicate-header", "upper and lower case make no difference: this header is set twice"
    for name, text in headers.items():
        name_fault = header_name_error(name)
        if name_fault is not None:
            yield ("headers", name), "header-not-allowed", name_fault
        elif _is_constant(text) and (fault := "a header has a value" if not text.strip() else header_value_error(name, text)):
            yield ("headers", name), "bad-format", fault


def _is_constant(text: Any) -> TypeGuard[str]:
    return isinstance(text, str) and "{{" not in text and "{%" not in text


def step_class(channel: object) -> type[MessageStep]:
    """The class of the message steps of a channel; for a channel that does not exist `MessageStep`, which has the defaults."""
    return CHANNELS.get(channel, MessageStep) if isinstance(channel, str) else MessageStep
