"""The limit by address: a gateway with a narrow one refuses with a problem document that says when to try again."""

from deploy.gateway.tests.conftest import Gateway, free_port_base, start
from deploy.local import gateway
from deploy.local.layout import Layout


def test_too_many_requests_from_one_address(tmp_path, monkeypatch):
    wide = gateway.template_values
    monkeypatch.setattr(
        gateway, "template_values", lambda layout: wide(layout) | {"GATEWAY_RATE": "1r/s", "GATEWAY_BURST": "5"}
    )
    layout = Layout(run=tmp_path, port_base=free_port_base(), test=True)
    process = start(layout)

    answers = [Gateway(layout).ask("/api/v1/orders") for _ in range(12)]

    process.terminate()
    process.wait(10)
    refused = [answer for answer in answers if answer.status == 429]
    assert 4 <= len(refused) <= 7
    assert refused[0].json["code"] == "too_many_requests"
    assert refused[0].headers["retry-after"] == "1"
