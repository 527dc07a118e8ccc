"""The table of operations of the management API. Routing, 404 and 405, the checks of a request and the OpenAPI document follow from it.

A new route is a row here and a handler in the module of its use case.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from waypost.domain.customers.schema import Schema
from waypost.domain.journeys.journey import Journey
from waypost.domain.messages.workspace_settings import WorkspaceSettings
from waypost.manage import (
    customers,
    dead_letters,
    erasure,
    events,
    journeys,
    keys,
    lifecycle,
    message_counts,
    messages,
    openapi,
    requests,
    settings,
    simulation,
    suppressions,
    timeline,
    workspaces,
)
from waypost.manage.api import Operation
from waypost.manage.intake_operations import INTAKE_OPERATIONS
from waypost.manage.responses.customers import (
    INCOMPLETE_STATUS,
    CustomerResponse,
    ErasureResponse,
    ErasureStatusResponse,
    ExportResponse,
    TimelineEntryResponse,
)
from waypost.manage.responses.events import ListedEventResponse, ReceiptResponse
from waypost.manage.responses.journeys import CREATED_STATUS, JourneyResponse, JourneySummary, SimulationResponse
from waypost.manage.responses.lists import ListResponse
from waypost.manage.responses.messages import CountsResponse, MessageResponse, SuppressionResponse
from waypost.manage.responses.workspaces import (
    DeadLetterResponse,
    HealthResponse,
    KeyResponse,
    NewKeyResponse,
    RedriveResponse,
    WebhookSecretResponse,
)


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document of both functions."""
    return openapi.document(ALL_OPERATIONS)


OPERATIONS: Final = (
    Operation(
        "GET",
        "/api/health",
        "health",
        "Whether the function runs",
        lambda _: HealthResponse(),
        HealthResponse,
        scope=None,
        query=requests.IgnoredQuery,
    ),
    Operation("GET", "/api/openapi.json", "openapi", "This document", lambda _: document(), dict[str, Any], scope=None),
    Operation("GET", "/api/schema", "read-schema", "The schema of the workspace", workspaces.read_schema, Schema),
    Operation(
        "PUT",
        "/api/schema",
        "save-schema",
        "Replace the schema; 409 for another primary key once a customer has one",
        workspaces.save_schema,
        Schema,
        body=Schema,
    ),
    Operation(
        "GET",
        "/api/settings",
        "read-settings",
        "The settings of the workspace",
        settings.read_settings,
        WorkspaceSettings,
        has_etag=True,
    ),
    Operation(
        "PUT",
        "/api/settings",
        "save-settings",
        "Replace the settings; with `If-Match` only if nobody else has changed them",
        settings.save_settings,
        WorkspaceSettings,
        body=WorkspaceSettings,
        has_etag=True,
    ),
    Operation(
        "GET",
        "/api/keys",
        "list-keys",
        "The keys of the workspace, without the keys themselves",
        keys.list_keys,
        ListResponse[KeyResponse],
        query=requests.KeyQuery,
    ),
    Operation(
        "POST",
        "/api/keys",
        "add-key",
        "Create or import a key; only this response shows it",
        keys.add_key,
        NewKeyResponse,
        body=requests.NewKeyBody,
        status=201,
    ),
    Operation("DELETE", "/api/keys/{id}", "remove-key", "Revoke a key; it stops working within 60 seconds", keys.remove_key, status=204),
    Operation(
        "GET",
        "/api/journeys",
        "list-journeys",
        "The journeys of the workspace",
        journeys.list_journeys,
        ListResponse[JourneySummary],
        query=requests.JourneyQuery,
    ),
    Operation(
        "GET",
        "/api/journeys/schema",
        "journey-schema",
        "The JSON Schema of a journey",
        journeys.journey_schema,
        dict[str, Any],
        scope=None,
    ),
    Operation("GET", "/api/journeys/{id}", "read-journey", "A journey with its newest definition", journeys.read_journey, JourneyResponse),
    Operation(
        "PUT",
        "/api/journeys/{id}",
        "save-journey",
        "Save a draft, complete or not; the published version stays as it is",
        journeys.save_journey,
        JourneyResponse,
        body=Journey,
        raw_body=True,
        further_statuses=(CREATED_STATUS,),
    ),
    Operation(
        "DELETE",
        "/api/journeys/{id}",
        "delete-journey",
        "Delete a journey that was never published; 409 for any other",
        journeys.delete_journey,
        status=204,
    ),
    Operation(
        "POST",
        "/api/journeys/{id}/publish",
        "publish-journey",
        "Let customers enter the newest draft; takes effect within 10 seconds",
        journeys.publish_journey,
        JourneyResponse,
    ),
    Operation(
        "POST",
        "/api/journeys/{id}/pause",
        "pause-journey",
        "Hold runs and messages where they are, and ignore entries, until the journey is resumed",
        lifecycle.pause_journey,
        JourneyResponse,
    ),
    Operation(
        "POST",
        "/api/journeys/{id}/resume",
        "resume-journey",
        "Resume a paused journey, beginning with what it holds",
        lifecycle.resume_journey,
        JourneyResponse,
    ),
    Operation(
        "POST",
        "/api/journeys/{id}/stop",
        "stop-journey",
        "End a journey and all of its runs for good",
        lifecycle.stop_journey,
        JourneyResponse,
    ),
    Operation(
        "POST",
        "/api/journeys/{id}/simulate",
        "simulate-journey",
        "Dry run: what would happen to a customer, with times and reasons; nothing is sent or written",
        simulation.simulate_journey,
        SimulationResponse,
        body=requests.SimulationBody,
    ),
    Operation(
        "GET",
        "/api/journeys/{id}/diagram",
        "draw-journey",
        "The journey as Mermaid text",
        journeys.draw_journey,
        str,
        query=requests.DiagramQuery,
        media="text/plain; charset=utf-8",
    ),
    Operation(
        "GET",
        "/api/journeys/{id}/counts",
        "count-messages",
        "The messages of a journey by step and status",
        message_counts.read_counts,
        CountsResponse,
        query=requests.CountsQuery,
    ),
    Operation(
        "GET",
        "/api/customers",
        "find-customer",
        "The customer that has an id",
        customers.find_customer,
        CustomerResponse,
        query=requests.CustomerQuery,
    ),
    Operation("GET", "/api/customers/{id}", "read-customer", "A customer", customers.read_customer, CustomerResponse),
    Operation(
        "DELETE",
        "/api/customers/{id}",
        "erase-customer",
        "Erase a customer everywhere; 202 until the erasure is complete",
        erasure.erase_customer,
        ErasureResponse,
        further_statuses=(INCOMPLETE_STATUS,),
    ),
    Operation(
        "GET",
        "/api/erasures/{id}",
        "read-erasure",
        "Whether the erasure of a customer is complete; its id is the customer's",
        erasure.read_erasure,
        ErasureStatusResponse,
    ),
    Operation(
        "GET",
        "/api/customers/{id}/export",
        "export-customer",
        "Everything that is stored of a customer",
        timeline.export_customer,
        ExportResponse,
        query=requests.TimelineQuery,
    ),
    Operation(
        "GET",
        "/api/customers/{id}/timeline",
        "read-timeline",
        "What happened to a customer",
        timeline.read_timeline,
        ListResponse[TimelineEntryResponse],
        query=requests.TimelineQuery,
    ),
    Operation(
        "GET",
        "/api/events",
        "list-events",
        "Events with their receipts and payloads, accepted or rejected",
        events.list_events,
        ListResponse[ListedEventResponse],
        query=requests.EventQuery,
    ),
    Operation(
        "GET",
        "/api/events/{uuid}",
        "read-receipt",
        "The receipt of an event; 404 until the event was matched",
        events.read_receipt,
        ReceiptResponse,
    ),
    Operation(
        "GET",
        "/api/messages",
        "list-messages",
        "Messages",
        messages.list_messages,
        ListResponse[MessageResponse],
        query=requests.MessageQuery,
    ),
    Operation(
        "GET",
        "/api/messages/{id}",
        "read-message",
        "A message with its rendered content and its attempts",
        messages.read_message,
        MessageResponse,
    ),
    Operation(
        "GET", "/api/webhooks/secret", "read-secret", "The secret that signs webhooks", workspaces.read_secret, WebhookSecretResponse
    ),
    Operation(
        "POST",
        "/api/webhooks/secret",
        "rotate-secret",
        "Create a new secret; the old one signs beside it for a day",
        workspaces.rotate_secret,
        WebhookSecretResponse,
        status=201,
    ),
    Operation(
        "GET",
        "/api/suppressions",
        "list-suppressions",
        "The addresses that get no more messages, in no order of time",
        suppressions.list_suppressions,
        ListResponse[SuppressionResponse],
        query=requests.SuppressionQuery,
    ),
    Operation(
        "DELETE",
        "/api/suppressions",
        "lift-suppression",
        "Let a suppressed address get messages again",
        suppressions.lift_suppression,
        body=requests.SuppressionBody,
        status=204,
    ),
    Operation(
        "GET",
        "/api/dead-letters",
        "list-dead-letters",
        "Signals that could not be processed, and messages that failed",
        dead_letters.list_dead_letters,
        ListResponse[DeadLetterResponse],
        query=requests.DeadLetterQuery,
    ),
    Operation(
        "POST",
        "/api/dead-letters/redrive",
        "redrive",
        "Put dead letters back on their queues",
        dead_letters.redrive_dead_letters,
        RedriveResponse,
        body=requests.RedriveBody,
        optional_body=True,
    ),
)
ALL_OPERATIONS: Final = (*INTAKE_OPERATIONS, *OPERATIONS)
"""The routes of both functions: each can say of any path which methods it takes."""
