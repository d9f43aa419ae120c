"""Stripe's stand-in, a plug-in that asks it, and purchases that are paid there."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from chassis.pytest_plugin import wait_until
from payments.providers import registry
from payments.providers import stripe as plugin
from payments.providers.stripe import StripeProvider

from tests.conftest import Purchase
from tests.stripe.mock import StripeMock, program
from tests.stripe.stand_in import StripeStandIn

KEY = "sk_test_of_the_tests"


@pytest.fixture
def stripe_stand_in() -> Iterator[StripeStandIn]:
    running = StripeStandIn()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def provider_at_stripe(stripe_stand_in) -> StripeProvider:
    return StripeProvider(KEY, api=stripe_stand_in.url)


@pytest.fixture(params=["stripe-mock", "recorded"])
def description(request) -> Iterator[str]:
    """An address that refuses what Stripe's API description does not allow: stripe-mock's, and the stand-in's."""
    path = program() if request.param == "stripe-mock" else None
    if path is None:
        recorded = StripeStandIn()
        yield recorded.url
        recorded.server.shutdown()
        return
    mock = StripeMock(path)
    wait_until(mock.listens, 20, "stripe-mock's start")
    yield mock.url
    mock.stop()


@pytest.fixture
def at_stripe(api, settings, eager_tasks, stripe_stand_in, monkeypatch, listener):
    """An order that is paid at Stripe."""
    settings.PAYMENTS_PROVIDER, settings.STRIPE_API_KEY = "stripe", KEY
    settings.PAYMENTS_RETURN_ORIGINS = ["https://shop.example"]
    settings.PAYMENTS_WEBHOOK_SECRETS = ["whsec_new", "whsec_old"]
    monkeypatch.setattr(plugin, "API", stripe_stand_in.url)
    registry.provider_named.cache_clear()
    yield Purchase(api, None, listener, user_id=uuid4()).request()
    registry.provider_named.cache_clear()
