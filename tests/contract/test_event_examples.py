"""The published events: schemas are sound, examples valid and of one story, required fields are needed."""

import copy
import json
import pathlib
import re
from collections import defaultdict

import pytest
from jsonschema import Draft202012Validator, FormatChecker

SERVICES = pathlib.Path(__file__).parents[2] / "services"
PUBLISHED = {  # writer -> what it publishes, version 1
    "orders": """order.placed order.payment_requested order.confirmed order.paid order.rejected order.expired
        order.cancelled order.lines_cancelled order.refund_requested order.shipped order.delivered
        order.return_requested order.return_approved order.return_rejected order.return_received""",
    "catalog": """stock.reserved stock.committed stock.released stock.rejected stock.commit_failed item.changed
        stock.level_changed""",
    "payments": """payment.authorized payment.captured payment.failed payment.capture_failed payment.voided
        payment.refunded payment.refund_failed payment.disputed payment.dispute_closed""",
    "identity": "user.registered user.changed user.erased",
}
TYPES = [(service, f"crossborder.{name}.v1") for service, names in PUBLISHED.items() for name in names.split()]
ABOUT_NO_ORDER = {"item.changed", "stock.level_changed", "user.registered", "user.changed", "user.erased"}
SECRET = re.compile(r"passw|secret|(?<!s_)token(?!s_valid_after|_sha256)|card_?number|\bcvc|iban|api_?key|\bpin$", re.I)


def read(service: str, event_type: str, kind: str):
    return json.loads((SERVICES / service / "contracts/events" / f"{event_type}.{kind}.json").read_text("utf-8"))


def validator(schema: dict) -> Draft202012Validator:
    return Draft202012Validator(schema, format_checker=FormatChecker())


def every_example():
    return [(event_type, example) for service, event_type in TYPES for example in read(service, event_type, "examples")]


def walk(value, path=()):
    """Every (path, value) below a JSON value, itself first."""
    yield path, value
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from walk(child, (*path, key))


def replaced(example, path, change):
    """A copy of the example in which `change(parent, key)` was done at path."""
    twin = copy.deepcopy(example)
    parent = twin
    for key in path[:-1]:
        parent = parent[key]
    change(parent, path[-1])
    return twin


def required_fields(schema: dict, example) -> list[tuple]:
    """Paths of the example's fields that the schema demands, at every depth."""
    found = []

    def visit(node: dict, value, path):
        node = {**schema["$defs"][node["$ref"].rsplit("/", 1)[1]], **node} if "$ref" in node else node
        if isinstance(value, dict):
            found.extend((*path, name) for name in node.get("required", []))
            for name, child in value.items():
                visit(node.get("properties", {}).get(name, {}), child, (*path, name))
        elif isinstance(value, list):
            for index, child in enumerate(value):
                visit(node.get("items", {}), child, (*path, index))

    visit(schema, example, ())
    return found


@pytest.mark.parametrize("service", PUBLISHED)
def test_a_service_has_a_schema_and_examples_for_exactly_what_it_publishes(service):
    files = {path.name for path in (SERVICES / service / "contracts/events").iterdir()}
    types = [event_type for owner, event_type in TYPES if owner == service]
    assert files == {f"{event_type}.{kind}.json" for event_type in types for kind in ("schema", "examples")}


@pytest.mark.parametrize(("service", "event_type"), TYPES)
class TestOneType:
    def test_its_schema_is_sound_documented_and_open_to_new_fields(self, service, event_type):
        schema = read(service, event_type, "schema")
        Draft202012Validator.check_schema(schema)
        assert schema["$id"] == f"urn:crossborder:event:{event_type.removeprefix('crossborder.')}"
        assert schema["title"] and schema["description"]
        for path, value in walk(schema):
            closed = path[-1:] in {("additionalProperties",), ("unevaluatedProperties",)} and isinstance(value, bool)
            assert not closed, f"readers ignore what they do not know: {path}"
            if path[-1:] == ("$ref",):
                assert value.removeprefix("#/$defs/") in schema["$defs"], "a schema stands alone"
        for name, field in schema["properties"].items():
            target = schema.get("$defs", {}).get(field.get("$ref", "").removeprefix("#/$defs/"), {})
            assert field.get("description") or target.get("description") or "enum" in field, f"{name} is not explained"

    def test_its_examples_are_valid_also_with_a_field_of_tomorrow(self, service, event_type):
        check, examples = validator(read(service, event_type, "schema")), read(service, event_type, "examples")
        assert len(examples) >= 2
        for example in examples:
            check.validate(example)
            check.validate({**example, "added_in_a_later_version": {"any": "thing"}})

    def test_every_required_field_is_missed_and_no_field_takes_nonsense(self, service, event_type):
        schema = read(service, event_type, "schema")
        check = validator(schema)
        for example in read(service, event_type, "examples"):
            paths = required_fields(schema, example)
            assert paths
            for path in paths:
                without = replaced(example, path, lambda parent, key: parent.pop(key))
                assert not check.is_valid(without), f"valid without {path}"
                nonsense = replaced(example, path, lambda parent, key: parent.__setitem__(key, {"no": ["sense"]}))
                if path[-1] not in {"titles", "duty_units"}:
                    assert not check.is_valid(nonsense), f"{path} takes anything"

    def test_an_event_about_an_order_names_it_and_its_owner(self, service, event_type):
        required = set(read(service, event_type, "schema")["required"])
        about_an_order = event_type.removeprefix("crossborder.").removesuffix(".v1") not in ABOUT_NO_ORDER
        assert ({"order_id", "order_number", "user_id"} <= required) == about_an_order

    def test_it_has_no_field_that_looks_like_a_secret_and_no_fraction(self, service, event_type):
        for path, _ in walk(read(service, event_type, "schema")["properties"]):
            assert not path or not SECRET.search(str(path[-1])), path
        for path, value in walk(read(service, event_type, "examples")):
            assert not path or not SECRET.search(str(path[-1])), path
            assert not isinstance(value, float), path


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("order_id", "01A19B8E-F600-7CBB-9331-59A551FA2F37"),
        ("order_number", "CB-TWMC35640I"),
        ("ship_to", "nl"),
        ("expires_at", "2026-11-02T09:50:12+00:00"),
        ("expires_at", "2026-13-02T09:50:12Z"),
        ("total", {"amount_minor": 73.49, "currency": "EUR"}),
        ("total", {"amount_minor": -1, "currency": "EUR"}),
        ("total", {"amount_minor": 1, "currency": "eur"}),
        ("lines", []),
        ("repeat", 4),
    ],
)
def test_a_malformed_value_is_refused(field, value):
    example = read("orders", "crossborder.order.placed.v1", "examples")[0]
    assert not validator(read("orders", "crossborder.order.placed.v1", "schema")).is_valid({**example, field: value})


def test_the_examples_have_a_guest_and_currencies_without_and_with_three_decimals():
    placed = read("orders", "crossborder.order.placed.v1", "examples")
    assert None in {order["user_id"] for order in placed}
    assert {"EUR", "JPY", "KWD"} <= {order["total"]["currency"] for order in placed}
    asked = read("orders", "crossborder.order.payment_requested.v1", "examples")
    assert all((order["user_id"] is None) == (order["guest_token_sha256"] is not None) for order in asked)


def test_an_order_has_one_number_one_owner_one_payment_and_one_currency_throughout():
    facts = defaultdict(lambda: defaultdict(set))
    for _, example in every_example():
        if "order_id" not in example:
            continue
        known = facts[example["order_id"]]
        known["number"].add(example["order_number"])
        known["owner"].add(example["user_id"])
        known["payment"].update({example["payment_id"]} if "payment_id" in example else ())
        known["currency"].update(value for path, value in walk(example) if path[-1:] == ("currency",))
    assert len({min(known["number"]) for known in facts.values()}) == len(facts)
    for order_id, known in facts.items():
        assert all(len(values) <= 1 for values in known.values()), (order_id, dict(known))


def test_an_order_ends_once_and_its_totals_agree():
    ends, totals = defaultdict(set), defaultdict(set)
    for event_type, example in every_example():
        if event_type.split(".")[2] in {"paid", "rejected", "expired", "cancelled"} and ".order." in event_type:
            ends[example["order_id"]].add(event_type)
        for field in ("total", "amount") if re.search(r"order|authorized|captured", event_type) else ():
            if field in example and "refund" not in event_type:
                totals[example["order_id"]].add(example[field]["amount_minor"])
    assert all(len(types) == 1 for types in ends.values())
    assert all(len(amounts) == 1 for amounts in totals.values())


def test_what_is_collected_at_checkout_adds_up_to_the_total():
    for order in read("orders", "crossborder.order.placed.v1", "examples"):
        at_checkout = [charge for charge in order["charges"] if charge["collect"] == "checkout"]
        assert sum(charge["amount"]["amount_minor"] for charge in at_checkout) == order["total"]["amount_minor"]


def test_the_parts_of_a_refund_add_up_and_its_answer_repeats_it():
    asked = read("orders", "crossborder.order.refund_requested.v1", "examples")
    for refund in asked:
        parts = [line[part]["amount_minor"] for line in refund["lines"] for part in ("goods", "freight", "duty", "tax")]
        assert not parts or sum(parts) == refund["amount"]["amount_minor"]
    amounts = {refund["refund_id"]: refund["amount"] for refund in asked}
    for kind in ("refunded", "refund_failed"):
        for answer in read("payments", f"crossborder.payment.{kind}.v1", "examples"):
            assert answer["refund_id"] is None or amounts[answer["refund_id"]] == answer["amount"]


def test_every_sku_is_an_item_and_every_line_is_the_one_that_was_ordered():
    items = {item["sku"] for item in read("catalog", "crossborder.item.changed.v1", "examples")}
    ordered = {
        (order["order_id"], line["line_id"]): line
        for order in read("orders", "crossborder.order.placed.v1", "examples")
        for line in order["lines"]
    }
    for _, example in every_example():
        for _, value in walk(example):
            if isinstance(value, dict) and "sku" in value:
                assert value["sku"] in items
                line = ordered.get((example.get("order_id"), value.get("line_id")), value)
                assert (value["sku"], value.get("quantity", 1)) <= (line["sku"], line.get("quantity", 1))
                assert value["sku"] == line["sku"] and value.get("warehouse", line.get("warehouse")) == line.get(
                    "warehouse"
                )
