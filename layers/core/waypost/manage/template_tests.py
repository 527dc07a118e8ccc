"""Tests of templates, which go to an address of the workspace and are marked as such (docs/api.md#previews-and-tests)."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import timedelta

from waypost.domain.errors import RefusedError
from waypost.domain.journeys.message_steps import step_class
from waypost.domain.messages.message import PreparedMessage, ProviderResponse
from waypost.domain.messages.template_tests import MAX_TESTS, marked_as_test
from waypost.domain.messages.workspace_settings import WorkspaceSettings
from waypost.domain.values.findings import Finding
from waypost.manage.api import ApiRequest
from waypost.manage.dependencies import ManageDependencies
from waypost.manage.journeys import checks_for, invalid
from waypost.manage.previews import preview
from waypost.manage.requests import NoQuery, SendTestBody
from waypost.manage.responses.messages import SentTestResponse


def send_test(request: ApiRequest[NoQuery, SendTestBody]) -> SentTestResponse:
    """`POST /api/messages/test`.

    RefusedError 422 for an address that is none of the workspace's test addresses, or a template that would not be sent; 409 for a
    suppressed address, or while the workspace sends nothing; 429 if the workspace has sent too many tests.
    """
    dependencies, workspace, body, now = request.dependencies, request.workspace, request.body, request.now
    step = step_class(body.channel)
    settings = dependencies.settings.read(workspace).settings
    _require_test_address(body, settings)
    if not settings.sending:
        raise RefusedError(409, "sending-off", "The workspace sends nothing (`sending` in its settings), and so no tests either.")
    # Written over what the template has: whatever a customer or an event brings, a test goes to the address that was checked.
    with_address = body.model_copy(update={"template": {**body.template, step.test_address_field: body.to}})
    found = preview(dependencies, workspace, with_address, checks_for(request), now, request.base_url)
    if found.prepared is None or found.problems:
        raise invalid("This template cannot be sent.", list(found.problems))
    _require_not_suppressed(dependencies, workspace, body.channel, found.prepared.to)
    wait = dependencies.sent_tests.count(workspace, now)
    if wait is not None:
        raise _too_many(wait)
    marked = replace(marked_as_test(found.prepared, step), is_tracked=not body.transactional)
    response = dependencies.channels()[body.channel].call_provider(found.message, marked, now)
    return _test_response(response, marked, found.missing)


def _require_test_address(body: SendTestBody, settings: WorkspaceSettings) -> None:
    step = step_class(body.channel)
    if step.test_address_field is None:
        raise _refused("no-test-messages", "There are no test messages on this channel.", "/channel")
    if step.comparable_address(body.to) not in map(step.comparable_address, settings.test_addresses):
        raise _refused("not-a-test-address", "A test goes to one of `testAddresses` in the settings of the workspace only.", "/to")


def _require_not_suppressed(dependencies: ManageDependencies, workspace: str, channel: str, address: str) -> None:
    if dependencies.suppressions.holds(workspace, channel, address):
        raise RefusedError(409, "suppressed", "This address is suppressed: it gets no messages, and no tests either.")


def _refused(code: str, detail: str, pointer: str) -> RefusedError:
    return RefusedError(422, "invalid", detail, errors=[asdict(Finding(code, detail, pointer))])


def _too_many(wait: timedelta) -> RefusedError:
    seconds = max(1, -int(-wait.total_seconds() // 1))
    detail = f"A workspace sends at most {MAX_TESTS} tests in an hour; the next one is possible in {seconds} seconds."
    return RefusedError(429, "too-many-tests", detail, retry_after=seconds)


def _test_response(response: ProviderResponse, sent: PreparedMessage, missing: tuple[str, ...]) -> SentTestResponse:
    return SentTestResponse(outcome=response.outcome, detail=response.detail, to=sent.to, rendered=dict(sent.rendered), missing=missing)
