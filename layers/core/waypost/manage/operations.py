"""Each route's declaration: what it takes and gives. The door reads requests by it, and the OpenAPI document is made from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic import BaseModel

from waypost.domain.customers.schema import Schema
from waypost.domain.journeys.journey import Journey
from waypost.manage import requests, responses
from waypost.manage.responses import Page


class Operation(NamedTuple):
    """A route's summary, its answer's model and status, and the models of its parameters and body (None: it reads no body).

    `loose`: the model describes the body, but the use case takes any JSON; `optional`: no body is an empty object; `also`: the other
    statuses of this answer; `media`: what the answer is, unless it is JSON.
    """

    summary: str
    gives: Any = None
    status: int = 200
    query: type[BaseModel] = requests.NoQuery
    takes: type[BaseModel] | None = None
    loose: bool = False
    optional: bool = False
    also: tuple[int, ...] = ()
    media: str = "application/json"


OPERATIONS: Final[Mapping[str, Operation]] = {
    "health": Operation("Whether the door is open", dict[str, str]),
    "openapi": Operation("This document", dict[str, Any]),
    "read-schema": Operation("The workspace's schema", Schema),
    "save-schema": Operation("Replace the schema; 409 for another primary key once customers are named", Schema, takes=Schema),
    "list-keys": Operation("The workspace's keys, without the keys themselves", Page[responses.KeyShape], query=requests.KeyQuery),
    "add-key": Operation("Make or import a key; it is shown this once", responses.NewKeyShape, 201, takes=requests.NewKeyBody),
    "remove-key": Operation("Revoke a key; it is dead within 60 seconds", None, 204),
    "list-journeys": Operation("The workspace's journeys", Page[responses.JourneySummary], query=requests.JourneyQuery),
    "journey-schema": Operation("The JSON Schema of a journey", dict[str, Any]),
    "read-journey": Operation("A journey with its newest definition", responses.JourneyShape),
    "save-journey": Operation(
        "Save a draft, complete or not; what is published goes on", responses.JourneyShape, takes=Journey, loose=True, also=(201,)
    ),
    "publish-journey": Operation("Let customers enter the newest draft; acts within 10 seconds", responses.JourneyShape),
    "pause-journey": Operation("Hold runs and messages where they are, and lose entries, until it is resumed", responses.JourneyShape),
    "resume-journey": Operation("Let a paused journey go on, with what it held first", responses.JourneyShape),
    "stop-journey": Operation("End a journey and all of its runs, for good", responses.JourneyShape),
    "simulate-journey": Operation(
        "Dry run: what would happen to a customer, with times and reasons; nothing is sent or written",
        responses.SimulationShape,
        takes=requests.SimulationBody,
    ),
    "draw-journey": Operation("The journey as Mermaid text", str, query=requests.DiagramQuery, media="text/plain; charset=utf-8"),
    "find-customer": Operation("The customer of an id", responses.CustomerShape, query=requests.CustomerQuery),
    "read-customer": Operation("A customer", responses.CustomerShape),
    "erase-customer": Operation(
        "Erase a customer everywhere; 202 where the same request has to be sent again", responses.ErasedShape, also=(202,)
    ),
    "export-customer": Operation("Everything of a customer", responses.ExportShape, query=requests.TimelineQuery),
    "read-timeline": Operation("What happened to a customer", Page[responses.EntryShape], query=requests.TimelineQuery),
    "list-events": Operation("The live tracker", Page[responses.TrackedShape], query=requests.EventQuery),
    "read-receipt": Operation("What came of an event; 404 until it was matched", responses.ReceiptShape),
    "list-messages": Operation("Messages", Page[responses.MessageShape], query=requests.MessageQuery),
    "read-message": Operation("A message as it was rendered, with its attempts", responses.MessageShape),
    "read-secret": Operation("The secret that signs webhooks", responses.SecretShape),
    "rotate-secret": Operation("A new secret; the old one signs beside it for a day", responses.SecretShape, 201),
    "list-dead-letters": Operation("What was given up on", Page[responses.DeadLetterShape], query=requests.DeadLetterQuery),
    "redrive": Operation("Send parked records on their way again", responses.RedrivenShape, takes=requests.RedriveBody, optional=True),
}
