"""What the provider does: it authorises, captures, lets go and pays back, each call once per idempotency key."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from . import chaos, decisions, disputes, settlements
from .decisions import Step
from .journal import KEYS_ARE_KEPT, Journal
from .methods import METHODS, Manner
from .records import Answer, Intent, Record, Strike
from .requests import IntentRequest, RefundRequest, Refusal
from .schedule import Schedule
from .settings import Settings
from .webhooks import Sender

SWEEP_EVERY = 10  # seconds
BROKEN = json.dumps({"code": "internal_error", "message": "something went wrong here"})


@dataclass(frozen=True)
class Reply:
    """What to answer, and in which manner; `first` is a webhook that is to arrive before."""

    status: int
    body: str
    manner: Manner = Manner.NOW
    replayed: bool = False
    first: str = ""


class Provider:
    """Thread-safe. Calls raise Refusal."""

    def __init__(self, settings: Settings, journal: Journal, sender: Sender, schedule: Schedule) -> None:
        self._settings, self._journal, self._sender, self._schedule = settings, journal, sender, schedule

    def start(self) -> None:
        """Go on where the last process ended."""
        for intent in list(self._journal.intents.values()):
            self._await(intent)
        self._sweep()

    def create(self, key: str, raw: bytes) -> Reply:
        def step(now: float) -> Step:
            request = IntentRequest.read(raw)
            step = decisions.create(request, self._settings, now)
            return chaos.spoiled(self._journal.chaos, step, "create", request.reference)

        return self._once(key, "create", raw, step)

    def capture(self, key: str, intent_id: str, raw: bytes) -> Reply:
        def step(now: float) -> Step:
            intent = self.intent(intent_id)
            captured = decisions.capture(intent, self._settings.pace, now)
            return chaos.spoiled(self._journal.chaos, captured, "capture", intent.reference)

        return self._once(key, f"capture {intent_id}", raw, step)

    def cancel(self, key: str, intent_id: str, raw: bytes) -> Reply:
        def step(now: float) -> Step:
            intent = self.intent(intent_id)
            return chaos.spoiled(self._journal.chaos, decisions.cancel(intent, now), "cancel", intent.reference)

        return self._once(key, f"cancel {intent_id}", raw, step)

    def refund(self, key: str, intent_id: str, raw: bytes) -> Reply:
        def step(now: float) -> Step:
            struck, request = self._journal.strikes.__contains__, RefundRequest.read(raw)
            fails = chaos.happens(self._journal.chaos, "refund_fails", request.reference.partition(":")[0])
            pace = self._settings.pace
            refunded = decisions.refund(self.intent(intent_id), request, struck, pace, now, fails=fails)
            return chaos.spoiled(self._journal.chaos, refunded, "refund", request.reference)

        return self._once(key, f"refund {intent_id}", raw, step)

    def answer_shopper(self, intent_id: str, approves: bool) -> Intent:
        """What was clicked on the hosted page; it counts once, and only while the shopper is waited for."""
        with self._journal.lock:
            intent, now = self.intent(intent_id), time.time()
            if intent.status == "requires_action":
                verdict = ("authorized", "") if approves else ("declined", "authentication_failed")
                intent = intent.turned(verdict[0], now, verdict[1])
                self._commit(intent, f"intent.{intent.status}")
            return intent

    def dispute(self, intent_id: str, raw: bytes) -> Intent:
        """An operator plays the buyer's bank."""
        with self._journal.lock:
            amount, reason = disputes.read_request(raw)
            intent = disputes.opened(self.intent(intent_id), time.time(), amount=amount, reason=reason)
            self._commit(intent, "dispute.opened")
            return intent

    def decide_dispute(self, intent_id: str, verdict: str) -> Intent:
        with self._journal.lock:
            intent = disputes.closed(self.intent(intent_id), verdict, time.time())
            self._commit(intent, f"dispute.{verdict}")
            return intent

    def misbehave(self, raw: bytes) -> dict[str, Any]:
        """From now on, as often as the rates say."""
        wanted = chaos.read_request(raw)
        self._journal.commit(wanted)
        return {"seed": wanted.seed, "rates": wanted.rates}

    def settlement(self, day: str) -> list[dict[str, Any]]:
        """The report of a day."""
        return settlements.report(self._journal.movements_of(day), self._journal.intents)

    def intent(self, intent_id: str) -> Intent:
        """The intent as it is now: an authorisation that was held for too long is cancelled by that."""
        with self._journal.lock:
            intent = self._journal.intents.get(intent_id)
            if intent is None:
                raise Refusal(404, "not_found", "there is no such intent")
            now = time.time()
            if intent.status == "authorized" and now > (intent.authorized_at or 0) + self._settings.auth_hours * 3600:
                intent = intent.turned("cancelled", now, "authorization_expired")
                self._commit(intent, "intent.cancelled")
            return intent

    def of_reference(self, reference: str) -> list[Intent]:
        """Newest first."""
        with self._journal.lock:
            return [self.intent(intent.id) for intent in self._journal.of_reference(reference)]

    def newest(self, count: int) -> list[Intent]:
        with self._journal.lock:
            return list(self._journal.intents.values())[: -count - 1 : -1]

    def _once(self, key: str, call: str, raw: bytes, step: Callable[[float], Step]) -> Reply:
        if not 0 < len(key) <= 255:
            raise Refusal(400, "idempotency_key_missing", "send an Idempotency-Key of 1 to 255 characters")
        asked = hashlib.sha256(call.encode() + b"\n" + raw).hexdigest()[:32]
        with self._journal.lock:
            now = time.time()
            known = self._journal.answers.get(key)
            if known and known.at > now - KEYS_ARE_KEPT:
                if known.asked != asked:
                    raise Refusal(400, "idempotency_key_reused", "this key was used for another request")
                return Reply(known.status, known.body, replayed=True)
            try:
                return self._carry_out(step(now), key, asked, now)
            except Refusal as refusal:
                if refusal.status == 402:
                    self._journal.commit(Answer(key, asked, refusal.status, refusal.body, now))
                raise

    def _carry_out(self, step: Step, key: str, asked: str, now: float) -> Reply:
        manner = Manner.NOW if step.strike in self._journal.strikes else step.manner
        strikes = [Strike(step.strike, now)] if step.strike else []
        if manner is Manner.LOST:
            self._journal.commit(*strikes)
            return Reply(0, "", manner)
        if manner is Manner.ERROR:
            self._journal.commit(*strikes, Answer(key, asked, 500, BROKEN, now))
            return Reply(500, BROKEN)
        done = manner is not Manner.ERROR_DONE
        answer = Answer(key, asked, 200 if done else 500, json.dumps(step.intent.as_json()) if done else BROKEN, now)
        first = self._commit(step.intent, step.tells, *strikes, answer, send=manner is not Manner.AFTER_WEBHOOK)
        return Reply(answer.status, answer.body, manner, first=first if manner is Manner.AFTER_WEBHOOK else "")

    def _commit(self, intent: Intent, tells: str, *others: Record, send: bool = True) -> str:
        """Write it down with its webhook, which is then sent; the webhook's id, or an empty text."""
        webhook = self._sender.about(intent, tells, time.time()) if tells else None
        moved = settlements.moved(self._journal.intents.get(intent.id), intent, time.time())
        self._journal.commit(intent, *others, *moved, *([webhook] if webhook else []))
        self._await(intent)
        if webhook and send:
            self._sender.send(webhook)
        return webhook.id if webhook else ""

    def _await(self, intent: Intent) -> None:
        if intent.later is not None:
            self._schedule.at(intent.later, partial(self._come_later, intent.id))

    def _come_later(self, intent_id: str) -> None:
        with self._journal.lock:
            intent, now = self._journal.intents[intent_id], time.time()
            if intent.later is None or intent.later > now:
                return
            if intent.status in ("processing", "declined") and METHODS[intent.payment_method].authorized_later:
                self._commit(intent.turned("authorized", now, later=None), "intent.authorized")
            elif any(refund["status"] == "pending" and refund["due"] <= now for refund in intent.refunds):
                self._commit(decisions.settle_refunds(intent, now), "refund.succeeded")
            elif (contested := disputes.come_due(intent, self._settings.pace, now)) is not None:
                self._commit(*contested)
            else:
                self._commit(replace(intent, later=None, dispute_due=None), "")

    def _sweep(self) -> None:
        with self._journal.lock:
            held = [intent.id for intent in self._journal.intents.values() if intent.status == "authorized"]
            for intent_id in held:
                self.intent(intent_id)
            self._journal.compact_if_grown(time.time())
        self._schedule.at(time.time() + SWEEP_EVERY, self._sweep)
