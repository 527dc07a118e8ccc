"""Erasures in the management API: one is begun, and how far it is (docs/customers.md#erasure)."""

from __future__ import annotations

from waypost.domain.errors import RefusedError
from waypost.erasure import begin_erasure
from waypost.manage import customers
from waypost.manage.api import ApiRequest
from waypost.manage.requests import NoQuery
from waypost.manage.responses.customers import INCOMPLETE_STATUS, ErasureResponse, ErasureStatusResponse
from waypost.web.http import Response


def erase_customer(request: ApiRequest[NoQuery, None]) -> Response:
    """`DELETE /api/customers/{id}`: 202 until the erasure is complete, then 200. A repeat goes on with an erasure that was begun."""
    erasing, customer_id = request.dependencies.erasing(), request.variables["id"]
    try:
        customer = customers.requested(request)
    except RefusedError:
        # The rows of the customer are gone after the first pass, and the erasure is not.
        status = erasing.erasures.status(request.workspace, customer_id)
        if status is None:
            raise
        body = ErasureResponse(id=status.customer, complete=status.complete, removed={})
        return Response(200 if status.complete else INCOMPLETE_STATUS, body)
    removed = begin_erasure(customer, request.now, erasing)
    return Response(INCOMPLETE_STATUS, ErasureResponse(id=customer.id, complete=False, removed=removed.by_kind))


def read_erasure(request: ApiRequest[NoQuery, None]) -> ErasureStatusResponse:
    """`GET /api/erasures/{id}`. RefusedError 404 if no customer of this id was erased, or it was more than 15 days ago."""
    status = request.dependencies.erasing().erasures.status(request.workspace, request.variables["id"])
    if status is None:
        raise RefusedError(404, "not-found", "There is no such erasure.")
    return ErasureStatusResponse(id=status.customer, complete=status.complete, erased_at=status.erased_at)
