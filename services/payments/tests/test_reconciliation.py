"""The settlement report against the books: fees are posted, what differs is a row until somebody says why."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from io import StringIO
from uuid import UUID, uuid4

import pytest
from auth_jwt.testing import bearer
from django.core.management import CommandError, call_command
from django.utils import timezone
from payments.models import Attempt, Difference, SettlementLine, SettlementReport
from payments.providers import registry
from payments.tasks import reconcile_payments
from payments.use_cases import reconciliation
from payments.use_cases.ledger import balances
from payments.use_cases.reconciliation import reconcile_day

from tests.conftest import Purchase
from tests.test_concurrency import together

TOTAL, FEE = 12999, 207


@pytest.fixture
def buys(api, own_provider, eager_tasks, listener):
    def buy(method: str = "tok_success") -> Purchase:
        purchase = Purchase(api, own_provider, listener, user_id=uuid4()).request()
        purchase.pay(method).say("confirmed", repeat=0)
        return purchase

    return buy


def today() -> date:
    return datetime.now(UTC).date()


@pytest.fixture
def tomorrow():
    """Reconcile today's report as it is done after midnight; the open differences."""

    def run(day: date | None = None) -> list[Difference]:
        reconcile_day(day=day or today(), now=datetime.now(UTC) + timedelta(days=1))
        return list(Difference.objects.filter(resolved_at=None).order_by("pk"))

    return run


def on(account: str) -> int:
    return sum(amount for name, _, amount in balances() if name == account)


def test_what_agrees_is_matched_and_its_fees_are_posted_once(buys, tomorrow):
    purchase = buys()
    purchase.ask_refund(2999)
    buys()
    assert on("fees") == 0

    for _ in range(3):
        assert tomorrow() == []

    assert SettlementLine.objects.exclude(business_key=None).count() == SettlementLine.objects.count() == 3
    assert (on("fees"), on("captured")) == (2 * FEE, 2 * TOTAL - 2999 - 2 * FEE)
    assert SettlementReport.objects.get().lines == 3
    assert sum(amount for *_, amount in balances()) == 0


@pytest.mark.parametrize(
    ("method", "kind", "booked", "reported"),
    [
        ("tok_settles_missing", "missing", TOTAL, None),
        ("tok_settles_wrong", "wrong_amount", TOTAL, TOTAL + 1),
        ("tok_settles_twice", "extra", TOTAL, TOTAL),
        ("tok_settles_foreign", "extra", None, TOTAL),
    ],
)
def test_what_differs_is_one_row_and_an_alarm(buys, tomorrow, caplog, method, kind, booked, reported):
    purchase = buys(method)
    buys()
    for _ in range(2):
        [row] = tomorrow()
        assert (row.kind, row.booked_minor, row.reported_minor) == (kind, booked, reported)
    ours = None if method == "tok_settles_foreign" else purchase.payment_id
    assert row.payment_id == ours
    assert caplog.text.count("ALARM: the provider") == 1


def test_a_refund_and_a_dispute_that_we_had_not_heard_of_are_read_first(buys, tomorrow):
    purchase = buys()
    [intent] = purchase.intents()
    purchase.provider._client.post(f"/admin/intents/{intent['id']}/dispute", json={"amount": 500})
    assert tomorrow() == []
    assert purchase.said()[-1] == "disputed"
    assert SettlementLine.objects.get(kind="dispute").business_key.startswith("disputed:dp_")


def test_a_refund_that_somebody_made_at_the_provider_is_not_in_our_books(buys, tomorrow):
    purchase = buys()
    [intent] = purchase.intents()
    key = {"Idempotency-Key": uuid4().hex}
    path = f"/v1/intents/{intent['id']}/refunds"
    purchase.provider._client.post(path, json={"reference": "by hand", "amount": 700}, headers=key)
    [row] = tomorrow()
    assert (row.kind, row.reported_minor, row.payment_id) == ("extra", -700, purchase.payment_id)


def test_a_surplus_that_was_given_back_is_matched(buys, tomorrow, sweep):
    purchase = buys("tok_timeout_lost")
    sweep()
    purchase.pay("tok_success").say("confirmed", repeat=0)
    lost = Attempt.objects.get(number=1)
    body = {"reference": str(lost.pk), "amount": TOTAL, "currency": "EUR", "payment_method": "tok_success"}
    client = purchase.provider._client
    intent = client.post("/v1/intents", json=body, headers={"Idempotency-Key": "late"}).json()
    client.post(f"/v1/intents/{intent['id']}/capture", headers={"Idempotency-Key": "late capture"})
    sweep(seconds=90)
    sweep()
    assert on("surplus") == 0
    tomorrow()
    keys = set(SettlementLine.objects.values_list("business_key", flat=True))
    assert {f"surplus:{lost.pk}", f"given_back:{lost.pk}"} <= keys
    assert not Difference.objects.filter(kind="extra").exists()


def test_what_is_missing_today_and_reported_tomorrow_is_resolved_by_itself(buys, tomorrow, monkeypatch):
    purchase = buys()
    provider = registry.provider_named("sandbox")
    lines = list(provider.settlement(today()))
    with monkeypatch.context() as patched:
        patched.setattr(type(provider), "settlement", lambda self, day: [])
        [row] = tomorrow()
        assert (row.kind, row.payment_id) == ("missing", purchase.payment_id)
        patched.setattr(type(provider), "settlement", lambda self, day: lines)
        reconcile_day(day=today() + timedelta(days=1), now=timezone.now() + timedelta(days=2))
    row.refresh_from_db()
    assert (row.resolved_by, row.resolution) == ("reconciliation", "report and books agree by now")


def test_a_day_that_is_not_over_misses_nothing_yet(buys):
    buys("tok_settles_missing")
    outcome = reconcile_day(day=today(), now=timezone.now())
    assert (outcome.is_over, outcome.open_differences) == (False, 0)
    assert SettlementReport.objects.get().imported_at is None


def test_four_imports_at_once_are_one(buys, tomorrow):
    for method in ("tok_success", "tok_settles_twice", "tok_settles_wrong"):
        buys(method)
    now = timezone.now() + timedelta(days=1)
    results = together(*[lambda: reconcile_day(day=today(), now=now) for _ in range(4)])
    assert not [each for each in results if isinstance(each, Exception)], results
    assert (SettlementLine.objects.count(), on("fees")) == (4, 4 * FEE)
    assert sorted(Difference.objects.values_list("kind", flat=True)) == ["extra", "wrong_amount"]


def test_the_days_since_the_last_report_are_caught_up_with(buys, time_machine_at):
    buys()
    assert reconciliation.days_to_reconcile(now=timezone.now()) == [today() - timedelta(days=1)]
    with time_machine_at(days=4):
        assert reconcile_payments() == 0
        assert SettlementReport.objects.filter(imported_at__isnull=False).count() == 1
    with time_machine_at(days=6):
        reconcile_payments()
        days = list(SettlementReport.objects.order_by("day").values_list("day", flat=True))
        assert days == [today() - timedelta(days=number) for number in (3, 2, 1)]
        assert reconciliation.days_to_reconcile(now=timezone.now()) == []
    with time_machine_at(days=100):
        assert len(reconciliation.days_to_reconcile(now=timezone.now())) == 31


def test_a_day_that_was_left_out_is_caught_up_with_although_a_later_one_was_imported(db, own_provider, time_machine_at):
    with time_machine_at(days=4):
        reconcile_payments()
    with time_machine_at(days=7):
        reconcile_day(day=today() - timedelta(days=1), now=timezone.now())  # by hand, after days without a report
        left_out = [today() - timedelta(days=number) for number in (3, 2)]
        assert reconciliation.days_to_reconcile(now=timezone.now()) == left_out
        reconcile_payments()
        assert reconciliation.days_to_reconcile(now=timezone.now()) == []


def test_a_provider_that_is_away_is_asked_again_an_hour_later(buys, own_provider, time_machine_at, caplog):
    buys()
    own_provider.kill()
    with time_machine_at(days=1):
        assert reconcile_payments() == 0
        assert "ALARM: no settlement report of" in caplog.text
        own_provider.start()
        reconcile_payments()
    assert SettlementReport.objects.get().lines == 1


def test_the_command_says_what_differs(buys, own_provider, time_machine_at):
    purchase = buys("tok_settles_wrong")
    out = StringIO()
    day = today()
    with time_machine_at(days=1):
        call_command("reconcile_payments", day=day, stdout=out)
    assert f"{day}: 1 lines, 1 open differences" in out.getvalue()
    assert (
        f"wrong_amount: the provider reports 13000 EUR, our books have 12999 EUR ({purchase.number})" in out.getvalue()
    )
    with time_machine_at(days=1):
        call_command("reconcile_payments", stdout=out)
        call_command("reconcile_payments", stdout=out)
    assert "Every whole day has been imported." in out.getvalue()
    own_provider.kill()
    with pytest.raises(CommandError, match="gave no report"):
        call_command("reconcile_payments", day=day)


def test_finance_sees_differences_and_says_why(buys, tomorrow, api):
    purchase = buys("tok_settles_wrong")
    buys("tok_settles_missing")
    wrong, missing = tomorrow()
    finance, path = bearer(uuid4(), ["finance"]), "/api/v1/staff/reconciliation/differences"

    def found(**query) -> list[int]:
        answer = api.get(path, query, headers=finance)
        assert answer.status_code == 200, answer.json()
        return [UUID(row["id"]) for row in answer.json()["data"]]

    assert found() == [missing.pk, wrong.pk]
    assert found(kind="missing", day=str(today())) == [missing.pk]
    assert found(order_number=purchase.number, open="true") == [wrong.pk]
    assert found(limit=1) == [missing.pk]
    shown = api.get(path, {"kind": "wrong_amount"}, headers=finance).json()["data"][0]
    assert (shown["booked"]["amount_minor"], shown["reported"]["amount_minor"]) == (TOTAL, TOTAL + 1)

    resolve = f"{path}/{wrong.pk}/resolve"
    assert api.post(resolve, {"why": ""}, headers=finance).status_code == 400
    assert api.post(resolve, {"why": "rounded"}, headers=bearer(uuid4(), ["support"])).status_code == 403
    old = bearer(uuid4(), ["finance"], auth_time=0)
    assert api.post(resolve, {"why": "rounded"}, headers=old).json()["code"] == "login_too_old"
    answer = api.post(resolve, {"why": "rounded by the bank"}, headers=finance)
    assert (answer.status_code, answer.json()["resolution"]) == (200, "rounded by the bank")
    again = api.post(resolve, {"why": "another"}, headers=finance)
    assert (again.status_code, again.json()["code"]) == (409, "already_resolved")
    assert api.post(f"{path}/{uuid4()}/resolve", {"why": "none"}, headers=finance).status_code == 404
    assert (found(open="true"), found(open="false")) == ([missing.pk], [wrong.pk])
    assert tomorrow() == [missing]


def test_an_import_takes_the_same_statements_however_many_lines(buys, tomorrow, statements):
    buys()
    with statements() as few:
        tomorrow()
    for _ in range(3):
        buys()
    with statements() as many:
        reconcile_day(day=today(), now=timezone.now() + timedelta(days=1))
    per_line = (len(many) - len(few)) / 3
    assert per_line <= 3, many  # its row, and what its posting resolves
