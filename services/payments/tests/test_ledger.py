"""The books: every posting balances, is written with what it tells of, and is never changed."""

from __future__ import annotations

import runpy
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from auth_jwt.testing import bearer
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.utils import timezone
from outbox.models import OutboxEvent
from payments.domain.ledger import MOVES, Account, Posting, posting
from payments.models import LedgerEntry, LedgerPosting, Payment, Refund, Unchangeable, Violation
from payments.tasks import audit_invariants
from payments.use_cases import ledger, telling
from payments.use_cases.audit import check_invariants
from payments.use_cases.ledger import balances

from tests.conftest import DEPLOY, Purchase

TOTAL = 12999


def books(**where) -> dict[str, int]:
    return {account: amount for account, _, amount in balances(**where) if amount}


def kinds() -> list[str]:
    return list(LedgerPosting.objects.order_by("created_at", "pk").values_list("kind", flat=True))


def test_every_kind_of_posting_balances():
    for kind in MOVES:
        assert sum(amount for _, amount in posting(kind, 100, "EUR").entries) == 0
    with pytest.raises(ValueError, match="must balance"):
        Posting("fee", "EUR", ((Account.FEES, 1), (Account.CAPTURED, -2)))


def test_authorised_captured_and_partly_refunded(purchase):
    purchase.pay("tok_success")
    assert books() == {"receivable": TOTAL, "sales": -TOTAL}
    purchase.say("confirmed", repeat=0)
    assert books() == {"captured": TOTAL, "sales": -TOTAL}
    purchase.ask_refund(2999)
    assert books() == {"captured": 10000, "sales": -TOTAL, "refunded": 2999}
    purchase.say("cancelled", reason="buyer")
    assert books() == {"sales": -TOTAL, "refunded": TOTAL}
    assert kinds() == ["authorized", "captured", "refunded", "refunded"]
    assert check_invariants(now=timezone.now()) == []


@pytest.mark.parametrize("method", ["tok_decline", "tok_action", "tok_timeout_lost"])
def test_what_was_not_authorised_is_not_in_the_books(purchase, method):
    purchase.pay(method)
    assert books() == {}


def test_let_go_and_refused_leave_nothing(purchase, api, provider, listener):
    purchase.pay("tok_success")
    purchase.say("cancelled", reason="buyer")
    other = Purchase(api, provider, listener, user_id=uuid4()).request()
    other.pay("tok_capture_refused").say("confirmed", repeat=0)
    assert kinds() == ["authorized", "voided", "authorized", "capture_failed"]
    assert books() == {}
    assert check_invariants(now=timezone.now()) == []


def test_a_second_success_is_owed_back_until_it_has_gone_back(purchase, sweep):
    purchase.pay("tok_timeout_lost")
    sweep()
    purchase.pay("tok_success").say("confirmed", repeat=0)
    lost = purchase.payment.attempts.get(number=1)
    body = {"reference": str(lost.pk), "amount": TOTAL, "currency": "EUR", "payment_method": "tok_refund_fails"}
    client = purchase.provider._client
    intent = client.post("/v1/intents", json=body, headers={"Idempotency-Key": f"late {lost.pk}"}).json()
    client.post(f"/v1/intents/{intent['id']}/capture", headers={"Idempotency-Key": f"late capture {lost.pk}"})
    sweep(seconds=90)
    assert books() == {"captured": 2 * TOTAL, "sales": -TOTAL, "surplus": -TOTAL}
    assert check_invariants(now=timezone.now()) == []
    found = check_invariants(now=timezone.now() + timedelta(days=2))
    assert [(each.invariant, each.about) for each in found] == [("I3", purchase.number)]
    for _ in range(3):
        sweep(seconds=90)
    assert books() == {"captured": TOTAL, "sales": -TOTAL}


def test_currencies_are_kept_apart(purchase, api, provider, listener):
    purchase.pay("tok_success")
    yen = Purchase(api, provider, listener, user_id=uuid4(), currency="JPY").request()
    yen.pay("tok_success").say("confirmed", repeat=0)
    assert balances() == [
        ("captured", "JPY", TOTAL),
        ("receivable", "EUR", TOTAL),
        ("receivable", "JPY", 0),
        ("sales", "EUR", -TOTAL),
        ("sales", "JPY", -TOTAL),
    ]


def test_nothing_in_the_books_can_be_changed_or_removed(purchase):
    purchase.pay("tok_success")
    row, entry = LedgerPosting.objects.get(), LedgerEntry.objects.first()
    for attempt in (
        row.save,
        row.delete,
        entry.save,
        entry.delete,
        LedgerPosting.objects.all().delete,
        row.entries.all().delete,
        lambda: LedgerEntry.objects.update(amount_minor=1),
        lambda: LedgerEntry.objects.bulk_update([entry], ["amount_minor"]),
        lambda: row.entries.update(amount_minor=1),
        purchase.payment.delete,
    ):
        with pytest.raises((Unchangeable, ProtectedError)):
            attempt()
    assert LedgerEntry.objects.count() == 2


def test_what_happened_is_posted_once_or_not_at_all(purchase):
    purchase.pay("tok_success")
    payment = purchase.payment
    events = OutboxEvent.objects.count()
    with pytest.raises(IntegrityError), transaction.atomic():
        payment.last_code = "changed"
        telling.save(payment, timezone.now(), postings=[posting("authorized", TOTAL, "EUR")])
    assert (purchase.payment.last_code, OutboxEvent.objects.count()) == ("", events)
    assert books() == {"receivable": TOTAL, "sales": -TOTAL}


def test_finance_reads_postings_and_balances(purchase, api, provider, listener):
    purchase.pay("tok_success").say("confirmed", repeat=0)
    purchase.ask_refund(999)
    other = Purchase(api, provider, listener, user_id=uuid4(), currency="JPY").request()
    other.pay("tok_success")
    finance, path = bearer(uuid4(), ["finance"]), "/api/v1/staff/ledger"

    def found(**query) -> list[str]:
        answer = api.get(path, query, headers=finance)
        assert answer.status_code == 200, answer.json()
        return [row["kind"] for row in answer.json()["data"]]

    assert found() == ["authorized", "refunded", "captured", "authorized"]
    assert found(order_number=purchase.number) == ["refunded", "captured", "authorized"]
    assert found(payment_id=str(other.payment_id)) == ["authorized"]
    assert found(account="captured") == ["refunded", "captured"]
    assert found(currency="JPY") == ["authorized"]
    assert found(account="captured", currency="JPY") == []
    assert found(kind="refunded") == ["refunded"]
    assert found(since=timezone.now().isoformat()) == found(provider="stripe") == []
    for wrong in ({"account": "mine"}, {"currency": "euro"}, {"nonsense": 1}):
        assert api.get(path, wrong, headers=finance).status_code == 400
    row = api.get(path, {"kind": "refunded"}, headers=finance).json()["data"][0]
    assert row["order_number"] == purchase.number
    entries = {entry["account"]: entry["amount"]["amount_minor"] for entry in row["entries"]}
    assert entries == {"refunded": 999, "captured": -999}

    def balance(**query) -> list[tuple]:
        rows = api.get(f"{path}/balances", query, headers=finance).json()["data"]
        return [(row["account"], row["balance"]["currency"], row["balance"]["amount_minor"]) for row in rows]

    assert balance(currency="JPY") == [("receivable", "JPY", TOTAL), ("sales", "JPY", -TOTAL)]
    assert balance(account="captured") == [("captured", "EUR", TOTAL - 999)]
    assert sum(amount for *_, amount in balance()) == 0
    assert balance(until=purchase.payment.created_at.isoformat()) == []


def test_pages_of_the_ledger_follow_one_another(purchase, api, statements):
    purchase.pay("tok_success").say("confirmed", repeat=0)
    for _ in range(3):
        purchase.ask_refund(10)
    finance, seen, query = bearer(uuid4(), ["finance"]), [], {"limit": 2}
    while True:
        with statements() as run:
            answer = api.get("/api/v1/staff/ledger", query, headers=finance).json()
        assert len(run) <= 6, run
        seen += [row["business_key"] for row in answer["data"]]
        if not answer["has_more"]:
            break
        query["cursor"] = answer["next_cursor"]
    assert len(seen) == len(set(seen)) == 5


def break_in(sql: str, *arguments) -> None:
    """Somebody with a database client."""
    with connection.cursor() as cursor:
        cursor.execute(sql, arguments)


@pytest.mark.parametrize(
    ("sql", "invariants"),
    [
        ("UPDATE payments_ledgerentry SET amount_minor = amount_minor + 1 WHERE account = 'sales'", {"I8"}),
        ("UPDATE payments_ledgerentry SET amount_minor = 2 * amount_minor", {"I8"}),
        ("DELETE FROM payments_ledgerentry WHERE account = 'refunded'", {"I8"}),
        ("DELETE FROM payments_ledgerentry", {"I8"}),
        ("UPDATE payments_refund SET amount_minor = amount_minor + 1", {"I8"}),
        ("UPDATE payments_payment SET total_minor = total_minor + 1", {"I8"}),
        ("UPDATE payments_payment SET closed_by = 'cancelled'", {"I3"}),
        ("UPDATE payments_payment SET state = 'authorized'", {"I3", "I8"}),
        ("UPDATE payments_payment SET state = 'authorized', closed_by = 'expired'", {"I3", "I8"}),
        ("UPDATE payments_refund SET asked_by_order = 0", {"I3"}),
    ],
)
def test_the_audit_notices_what_does_not_add_up(purchase, sql, invariants):
    purchase.pay("tok_success").say("confirmed", repeat=0)
    purchase.ask_refund(2999)
    assert check_invariants(now=timezone.now()) == []
    break_in(sql)
    assert {each.invariant for each in check_invariants(now=timezone.now())} == invariants


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("DO 1", set()),
        ("DELETE FROM payments_ledgerentry WHERE account = 'refunded'", {"ledger does not", "posting does not"}),
        ("UPDATE payments_ledgerposting SET kind = 'fee'", {"captured money is"}),
        ("UPDATE payments_payment SET state = 'voided'", {"books know a"}),
    ],
)
def test_the_audit_over_all_schemas_notices_it_too(purchase, sql, names):
    purchase.pay("tok_success").say("confirmed", repeat=0)
    purchase.ask_refund(2999)
    break_in(sql)
    questions = runpy.run_path(str(DEPLOY / "audit" / "payments.py"))["QUESTIONS"]
    schema = connection.settings_dict["NAME"]
    found = set()
    with connection.cursor() as cursor:
        for name, question in questions.items():
            cursor.execute(question.replace("crossborder_payments", schema))
            found |= {name} if cursor.fetchall() else set()
    assert {name for name in found if not any(part in name for part in names)} == set()
    assert len(found) == len(names)


def test_the_audit_writes_a_violation_down_once_and_says_when_it_is_gone(purchase, api, caplog):
    purchase.pay("tok_success").say("confirmed", repeat=0)
    break_in("UPDATE payments_payment SET closed_by = 'cancelled'")
    assert audit_invariants() == audit_invariants() == 1
    row = Violation.objects.get()
    assert (row.invariant, row.about, row.gone_at) == ("I3", purchase.number, None)
    assert "of 12999 captured 0 went back and 0 were lost, but due is 0" in row.detail
    assert "invariant I3 is violated" in caplog.text
    shown = api.get("/metrics").content.decode()
    assert 'invariant_violations_total{invariant="I3"} 1.0' in shown
    assert "payments_invariants_broken 1.0" in shown
    with pytest.raises(SystemExit):
        call_command("audit_invariants", stdout=StringIO())

    break_in("UPDATE payments_payment SET closed_by = ''")
    out = StringIO()
    call_command("audit_invariants", stdout=out)
    assert "I3 and I8 hold." in out.getvalue()
    row.refresh_from_db()
    assert row.gone_at is not None
    assert 'invariant_violations_total{invariant="I3"} 1.0' in api.get("/metrics").content.decode()


def test_what_was_paid_before_there_were_books_is_posted_once(purchase, api, provider, listener):
    purchase.pay("tok_success").say("confirmed", repeat=0)
    purchase.ask_refund(999)
    held = Purchase(api, provider, listener, user_id=uuid4()).request()
    held.pay("tok_success")
    before = books()
    for table in ("ledgerentry", "ledgerposting"):
        break_in(f"DELETE FROM payments_{table}")
    assert {each.invariant for each in check_invariants(now=timezone.now())} == {"I8"}
    for expected in ("2 payments were posted.", "0 payments were posted."):
        out = StringIO()
        call_command("open_ledger", stdout=out)
        assert expected in out.getvalue()
    assert books() == before
    assert check_invariants(now=timezone.now()) == []
    held.say("confirmed", repeat=0)
    assert check_invariants(now=timezone.now()) == []


def test_what_an_old_process_moved_beside_a_new_one_is_posted_too(purchase, api, provider, listener):
    """Authorised by the old version, the rest by the new one; and the other way round."""
    purchase.pay("tok_success")
    for table in ("ledgerentry", "ledgerposting"):
        break_in(f"DELETE FROM payments_{table}")
    purchase.say("confirmed", repeat=0)
    other = Purchase(api, provider, listener, user_id=uuid4()).request()
    other.pay("tok_success")
    other.say("confirmed", repeat=0)
    other.ask_refund(999)
    refunds = "SELECT id FROM payments_ledgerposting WHERE kind = 'refunded'"
    break_in(f"DELETE FROM payments_ledgerentry WHERE posting_id IN ({refunds})")
    break_in("DELETE FROM payments_ledgerposting WHERE kind = 'refunded'")
    assert len(check_invariants(now=timezone.now())) == 2
    call_command("open_ledger", stdout=StringIO())
    assert books() == {"captured": 2 * TOTAL - 999, "sales": -2 * TOTAL, "refunded": 999}
    assert check_invariants(now=timezone.now()) == []


@pytest.mark.parametrize(("method", "kind"), [("tok_success", "voided"), ("tok_capture_refused", "capture_failed")])
def test_what_an_old_process_let_go_of_beside_a_new_one_is_posted_too(purchase, method, kind):
    purchase.pay(method)
    purchase.say(*(("confirmed",) if kind == "capture_failed" else ("cancelled",)), repeat=0, reason="buyer")
    mine = f"SELECT id FROM payments_ledgerposting WHERE kind = '{kind}'"
    break_in(f"DELETE FROM payments_ledgerentry WHERE posting_id IN ({mine})")
    break_in(f"DELETE FROM payments_ledgerposting WHERE kind = '{kind}'")
    assert len(check_invariants(now=timezone.now())) == 1
    for _ in range(2):
        call_command("open_ledger", stdout=StringIO())
        assert check_invariants(now=timezone.now()) == []


def test_a_waiting_refund_is_no_violation(purchase):
    purchase.pay("tok_refund_fails").say("confirmed", repeat=0)
    purchase.ask_refund(10)
    assert Refund.objects.get().state == "failed"
    assert check_invariants(now=timezone.now()) == []


def test_writing_needs_two_statements(purchase, statements):
    payment = Payment.objects.get()
    with statements() as run, transaction.atomic():
        both = [posting("authorized", 5, "EUR"), posting("captured", 5, "EUR")]
        ledger.write(both, provider="sandbox", payment=payment, now=timezone.now())
    assert len(run) == 2
