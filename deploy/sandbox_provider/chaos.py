"""Bad days at random, for long runs: what goes wrong is drawn from seed and call, so that it can be repeated."""

from __future__ import annotations

import json
import random
from dataclasses import replace

from .decisions import Step
from .methods import Hooks, Manner
from .records import Chaos
from .requests import invalid

MANNERS = {
    "slow": Manner.SLOW,
    "timeout_after": Manner.HANG,
    "timeout_before": Manner.LOST,
    "error_500": Manner.ERROR,
    "error_done": Manner.ERROR_DONE,
}
HOOKS = {
    "webhook_late": Hooks.LATE,
    "webhook_twice": Hooks.TWICE,
    "webhook_reordered": Hooks.REORDERED,
    "webhook_lost": Hooks.LOST,
}
NAMES = ("decline", "refund_fails", *MANNERS, *HOOKS)


def happens(chaos: Chaos, name: str, what: str) -> bool:
    return _draw(chaos, f"{name} {what}") < chaos.rates.get(name, 0)


def spoiled(chaos: Chaos, step: Step, call: str, of: str) -> Step:
    """The step as it goes today, after what its own method does to it. The same call under a new key goes well."""
    if not chaos.rates or step.manner is not Manner.NOW or step.strike:
        return step
    if call == "create" and step.intent.status == "authorized" and happens(chaos, "decline", of):
        declined = replace(step.intent, status="declined", code="card_declined", authorized_at=None)
        step = replace(step, intent=declined, tells="intent.declined")
    manner = _chosen(chaos, MANNERS, f"{call} {of}")
    return step if manner is None else replace(step, manner=manner, strike=f"chaos {call} {of}")


def hooks(chaos: Chaos, what: str) -> Hooks:
    """How a webhook travels today."""
    return _chosen(chaos, HOOKS, f"webhook {what}") or Hooks.NOW


def read_request(raw: bytes) -> Chaos:
    """Raises Refusal."""
    try:
        body = json.loads(raw)
        seed, rates = body["seed"], body["rates"]
        chaos = Chaos(int(seed), {str(name): float(rate) for name, rate in rates.items()})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise invalid('send {"seed": 7, "rates": {"slow": 0.05, ...}}') from None
    if unknown := set(chaos.rates) - set(NAMES):
        raise invalid(f"unknown: {', '.join(sorted(unknown))}; known are {', '.join(NAMES)}")
    if not all(0 <= rate <= 1 for rate in chaos.rates.values()):
        raise invalid("a rate is a number from 0 to 1")
    return chaos


def _chosen(chaos, names: dict, what: str):
    """One of these at most, each as often as its rate says."""
    drawn = _draw(chaos, what)
    for name, chosen in names.items():
        drawn -= chaos.rates.get(name, 0)
        if drawn < 0:
            return chosen
    return None


def _draw(chaos: Chaos, what: str) -> float:
    return random.Random(f"{chaos.seed} {what}").random()  # noqa: S311 - a toss of coins
