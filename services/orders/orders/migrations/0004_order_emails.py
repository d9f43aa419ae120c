"""Copies each contact's e-mail, casefolded, to where staff look for it; batch by batch, repeatable."""

from django.db import migrations

BATCH = 1000


def copy_emails(apps, schema_editor):
    order_model = apps.get_model("orders", "Order")
    while orders := list(order_model.objects.filter(email=None).only("contact", "email")[:BATCH]):
        for order in orders:
            order.email = str(order.contact.get("email", "")).casefold()
        order_model.objects.bulk_update(orders, ["email"])


class Migration(migrations.Migration):
    dependencies = [("orders", "0003_saga_complete")]
    operations = [migrations.RunPython(copy_emails, migrations.RunPython.noop, elidable=True)]
