"""Break each rule of saga_model.py in turn: every mutation must be caught. Run: python saga_mutations.py"""

# fmt: off
# ruff: noqa: E501
import pathlib
import subprocess
import sys
import tempfile

MODEL = pathlib.Path(__file__).with_name("saga_model.py")
MUTATIONS = {
    "an authorisation of a closed order is kept": (
        'if world.payment == "authorized" and world.due == 0:', "if False:"),
    "an attempt of a closed order is left open": (
        'if world.payment == "waiting" and world.due == 0:', "if False:"),
    "paid before captured": ("world.committed_seen and world.captured_seen", "world.committed_seen"),
    "paid before committed": ("world.committed_seen and world.captured_seen", "world.captured_seen"),
    "captured at authorisation": (
        'if world.payment == "authorized" and world.may_capture:', 'if world.payment == "authorized":'),
    "lost goods ignored once paid": (
        'event == "stock.commit_failed" and world.order in {"confirmed", "paid"}',
        'event == "stock.commit_failed" and world.order == "confirmed"'),
    "a capture refused for good is ignored": (
        'event == "payment.capture_failed" and world.order == "confirmed"', "False"),
    "a late authorisation reopens a closed order": (
        'if event == "payment.authorized" and world.order == "awaiting_payment":', 'if event == "payment.authorized":'),
    "catalog ignores a cancellation": (
        'elif event in {"order.rejected", "order.expired", "order.cancelled"}:\n        if world.hold',
        'elif event in {"order.rejected", "order.expired"}:\n        if world.hold'),
    "catalog releases only what is held": (
        'if world.hold in {"held", "committed"}:\n            yield emit', 'if world.hold == "held":\n            yield emit'),
    "payments ignore an expiry": (
        'if event in {"order.rejected", "order.expired", "order.cancelled"}:\n        return world._replace(due=0)',
        'if event in {"order.rejected", "order.cancelled"}:\n        return world._replace(due=0)'),
    "an unanswered operation is sent again blindly": (
        'if world.operation != "none" and world.unknown:\n        yield record(world)',
        'if world.operation != "none" and world.unknown:\n        yield record(perform(world))'),
    "an unanswered attempt counts as declined": (
        "yield authorised(world) if world.prov_auth else declined(world)", "yield declined(world)"),
    "a second attempt without cancelling the first": (
        'yield world._replace(operation="cancel_attempt")  # another card',
        'yield world._replace(payment="sent", attempts_left=0)  # another card'),
    "a cancelled attempt is not read back": (
        'return authorised(done) if world.prov_auth else emit(done, "payment_events", "payment.failed", payment="created")',
        'return emit(done, "payment_events", "payment.failed", payment="created")'),
    "a refund request opens no row": (
        "due=world.due - 1, refund_rows=world.refund_rows + (1,)", "due=world.due - 1"),
    "money nobody asked back is kept": ("if excess > 0:", "if False:"),
    "a shipment needs no stock": (
        'yield world._replace(hold="fulfilled")\n    else', "yield world\n    else"),
}


def main() -> int:
    source, missed = MODEL.read_text(), 0
    for name, (old, new) in MUTATIONS.items():
        assert source.count(old) == 1, f"{name}: the rule is written differently now"
        with tempfile.NamedTemporaryFile("w", suffix=".py") as mutant:
            mutant.write(source.replace(old, new))
            mutant.flush()
            run = subprocess.run([sys.executable, mutant.name], capture_output=True, text=True, timeout=600)
        caught = run.returncode == 1 and "VIOLATION" in run.stdout
        missed += not caught
        print(f"{'caught' if caught else 'MISSED':7} {name}: {(run.stdout or run.stderr).strip().splitlines()[-1]}")
    print(f"{len(MUTATIONS) - missed} of {len(MUTATIONS)} caught")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
