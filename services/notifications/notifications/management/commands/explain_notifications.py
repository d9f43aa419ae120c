"""Say what the buyer of an order was told, or why not."""

from django.core.management.base import BaseCommand, CommandError

from notifications.models import FAILED, PENDING, SENDING, SENT, Delivery, OrderContact

REASONS = {
    "order_unknown": "order.placed has not come yet; it is told when it does",
    "erased": "the buyer's account was erased",
    "overtaken": "the order was paid or closed, or its time was up, before it could be told",
    "unsubscribed": "the buyer wants no mails about shipments",
}


class Command(BaseCommand):
    help = "Say what the buyer of an order was told, or why not."

    def add_arguments(self, parser) -> None:
        parser.add_argument("order_number")

    def handle(self, *args, **options) -> None:
        number = options["order_number"].strip().upper()
        contact = OrderContact.objects.filter(number=number).first()
        rows = list(Delivery.objects.filter(order_number=number).order_by("created_at", "id"))
        if contact is None and not rows:
            raise CommandError(f"Nothing is known of order {number}: no event about it has come yet.")
        self.stdout.write(describe_contact(number, contact))
        for row in rows:
            self.stdout.write(f"{row.created_at:%Y-%m-%d %H:%M:%S} {row.channel:6} {row.template:17} {outcome(row)}")
        if not rows:
            self.stdout.write("nothing was owed")


def describe_contact(number: str, contact: OrderContact | None) -> str:
    if contact is None:
        return f"{number}: its buyer is not known, order.placed has not come yet"
    if contact.erased_at:
        return f"{number}: its buyer was erased at {contact.erased_at:%Y-%m-%d %H:%M:%S}"
    who = f"user {contact.user_id}" if contact.user_id else "a guest"
    updates = "" if contact.updates else ", unsubscribed from updates"
    return f"{number}: {contact.email} ({contact.locale}), {who}, {contact.progress}{updates}"


def outcome(row: Delivery) -> str:
    """What became of a delivery, in words."""
    if row.state == SENT:
        return f"sent at {row.sent_at:%H:%M:%S}, attempt {row.attempts}" if row.attempts else "in the inbox"
    if row.state == PENDING:
        why = f" after {row.attempts} attempts: {row.last_error}" if row.attempts else ""
        return f"waits until {row.next_try_at:%H:%M:%S}{why}"
    if row.state == SENDING:
        return f"is being sent, attempt {row.attempts}; tried again if that has not ended at {row.next_try_at:%H:%M:%S}"
    if row.state == FAILED:
        return f"FAILED after {row.attempts} attempts, a person decides: {row.last_error}"
    return f"not told: {REASONS[row.reason]}"
