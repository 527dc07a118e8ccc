"""Completes the REST API in MiniStack, whose CloudFormation leaves out methods of the kind ANY and gateway responses."""

from __future__ import annotations

from typing import Any, Final

from functions.local import template
from functions.local.cloud import Cloud
from functions.local.emulator import REGION

INTEGRATION: Final = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/%s/invocations"


def complete(cloud: Cloud, stack: dict[str, Any], resources: dict[str, str]) -> str:
    """Adds what MiniStack left out and deploys the stage again.

    `stack` is the template, `resources` the physical ids by logical id. Returns the URL of the stage with the id of the API in its path,
    so that no host name has to resolve.
    """
    client = cloud.client("apigateway")
    name, properties = next(iter(template.resources(stack, "AWS::Serverless::Api").items()))
    api = resources[name]
    _add_any_methods(cloud, stack, resources, api)
    for kind, response in properties.get("GatewayResponses", {}).items():
        _add_gateway_response(client, api, kind, response)
    client.create_deployment(restApiId=api, stageName=properties["StageName"])
    return f"{cloud.url}/_aws/execute-api/{api}/{properties['StageName']}"


def _add_any_methods(cloud: Cloud, stack: dict[str, Any], resources: dict[str, str], api: str) -> None:
    client = cloud.client("apigateway")
    ids = {resource["path"]: resource["id"] for resource in client.get_resources(restApiId=api, limit=500)["items"]}
    for name, function in template.resources(stack, "AWS::Serverless::Function").items():
        arn = cloud.client("lambda").get_function_configuration(FunctionName=resources[name])["FunctionArn"]
        for event in function.get("Events", {}).values():
            if event["Type"] == "Api" and event["Properties"]["Method"] == "ANY":
                _add_any_method(client, {"restApiId": api, "resourceId": ids[event["Properties"]["Path"]], "httpMethod": "ANY"}, arn)


def _add_any_method(client: Any, method: dict[str, str], function: str) -> None:
    client.put_method(**method, authorizationType="NONE")
    client.put_integration(**method, type="AWS_PROXY", integrationHttpMethod="POST", uri=INTEGRATION % function)


def _add_gateway_response(client: Any, api: str, kind: str, response: dict[str, Any]) -> None:
    headers = response.get("ResponseParameters", {}).get("Headers", {})
    client.put_gateway_response(
        restApiId=api,
        responseType=kind,
        statusCode=str(response["StatusCode"]),
        responseParameters={f"gatewayresponse.header.{name}": value for name, value in headers.items()},
        responseTemplates=response.get("ResponseTemplates", {}),
    )
