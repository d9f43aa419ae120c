"""What shoppers find: priced, searched, filtered, in their language; refused with a reason otherwise."""

from __future__ import annotations

import pytest
from catalog.models import Category, Restriction

from tests.conftest import Orders


@pytest.fixture
def shop(api, make_product):
    """Three products; `get(path, **query)`."""
    make_product(
        "TEE",
        stock={"NL-AMS": 10},
        brand="Noord",
        shelf="clothing",
        titles={"en": "Organic tee", "de": "Bio-Hemd", "ja": "オーガニックTシャツ"},
        prices={"EUR": 2900, "USD": 3100, "JPY": 4600},
        options={"colour": "black"},
    )
    make_product("CAFE", stock={"NL-AMS": 0}, titles={"en": "Café Noir"}, prices={"EUR": 900}, shelf="food")
    knife = make_product("KNIFE", stock={"NL-AMS": 1}, titles={"en": "Knife"}, prices={"EUR": 9900, "USD": 10900})
    Restriction.objects.create(product=knife, country="GB", reason="No knives by post.")

    def get(path: str = "products", language: str = "en", **query):
        return api.get(f"/api/v1/{path}", query, headers={"Accept-Language": language})

    return get


def slugs(answer) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [product["slug"] for product in answer.json()["data"]]


def test_a_list_costs_at_most_six_statements_whatever_its_length(shop, statements, make_product):
    with statements() as few:
        assert len(slugs(shop())) == 3
    for number in range(20):
        make_product(f"MORE-{number}", stock={"NL-AMS": 1})
    with statements() as many:
        assert len(slugs(shop())) == 23
    assert len(few) == len(many) <= 6, many


def test_one_product_costs_at_most_six_statements(shop, statements):
    with statements() as run:
        answer = shop("products/tee", ship_to="DE")
    assert answer.status_code == 200
    assert len(run) <= 6, run


def test_a_product_is_shown_in_the_readers_language_and_currency(shop):
    answer = shop("products/tee", language="ja", currency="JPY").json()
    assert answer["title"] == "オーガニックTシャツ"
    assert answer["variants"][0]["price"] == {
        "amount_minor": 4600,
        "currency": "JPY",
        "exponent": 0,
        "display": "¥4,600".replace("¥", "￥"),
    }
    assert shop("products/cafe", language="ja").json()["title"] == "Café Noir"
    by_id = shop(f"products/{answer['id']}", currency="EUR", language="de").json()
    assert (by_id["title"], by_id["variants"][0]["price"]["display"]) == ("Bio-Hemd", "29,00\xa0€")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("organic", ["tee"]),
        ("ORGANIC noord", ["tee"]),
        ("cafe", ["cafe"]),
        ("bio-hemd", ["tee"]),
        ("オーガニック", ["tee"]),
        ("organic knife", []),
        ("100%", []),
        ("_", []),
    ],
)
def test_search_finds_all_words_in_any_language_without_case_or_accents(shop, words, found):
    assert slugs(shop(q=words)) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"sort": "price"}, ["cafe", "tee", "knife"]),
        ({"sort": "-price"}, ["knife", "tee", "cafe"]),
        ({"sort": "title"}, ["cafe", "knife", "tee"]),
        ({"sort": "newest"}, ["knife", "cafe", "tee"]),
        ({"price_gte": 1000, "price_lte": 3000}, ["tee"]),
        ({"in_stock": "true", "sort": "price"}, ["tee", "knife"]),
        ({"ship_to": "GB", "sort": "price"}, ["cafe", "tee"]),
        ({"currency": "USD", "sort": "price"}, ["tee", "knife"]),
        ({"attr_colour": "black"}, ["tee"]),
        ({"attr_brand": "Noord", "attr_colour": "white"}, []),
        ({"category": "food"}, ["cafe"]),
    ],
)
def test_lists_are_filtered_and_sorted(shop, query, found):
    assert slugs(shop(**query)) == found


def test_a_category_holds_what_is_below_it(shop, make_product):
    coffee = Category.objects.create(
        slug="coffee", path="/food/coffee/", names={"en": "Coffee"}, parent=Category.objects.get(slug="food")
    )
    make_product("BEANS", shelf="coffee")
    assert set(slugs(shop(category="food"))) == {"cafe", "beans"}
    tree = shop("categories").json()["data"]
    food = next(node for node in tree if node["slug"] == "food")
    assert [child["name"] for child in food["children"]] == [coffee.names["en"]]


@pytest.mark.parametrize("sort", ["newest", "price", "-price", "title"])
def test_pages_are_walked_without_gaps_or_repeats(shop, make_product, sort):
    for number in range(7):
        make_product(f"SAME-PRICE-{number}", titles={"en": "Same"})
    seen, cursor = [], None
    while cursor or not seen:
        page = shop(sort=sort, limit=3, **({"cursor": cursor} if cursor else {}))
        seen += slugs(page)
        cursor = page.json()["next_cursor"]
    assert len(seen) == len(set(seen)) == 10


def test_facets_count_the_products_that_match(shop):
    facets = {each["name"]: each["values"] for each in shop(include="facets", q="organic").json()["facets"]}
    assert facets == {"brand": [{"value": "Noord", "count": 1}], "colour": [{"value": "black", "count": 1}]}


def test_a_currency_without_a_price_list_is_refused_with_those_served(shop):
    for path in ("products", "products/tee"):
        answer = shop(path, currency="KWD")
        assert (answer.status_code, answer.json()["code"]) == (400, "currency_not_served")
        assert set(answer.json()["served"]) >= {"EUR", "USD", "JPY"}
    assert shop("products/cafe", currency="USD").json()["served"] == ["EUR"]


@pytest.mark.parametrize(
    "query",
    [
        {"colour": "black"},
        {"attr_": "x"},
        {"attr_A": "x"},
        {"sort": "id"},
        {"currency": "euro"},
        {"category": "nowhere"},
        {"price_gte": "-1"},
        {"limit": 101},
        {"cursor": "x"},
        {"include": "secrets"},
    ],
)
def test_what_is_not_understood_is_refused(shop, query):
    answer = shop(**query)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_what_may_not_be_sold_somewhere_is_shown_with_the_reason(shop):
    shown = shop("products/knife", ship_to="GB").json()["ship_to"]
    assert shown == {"country": "GB", "allowed": False, "reason": "No knives by post."}
    assert shop("products/knife", ship_to="DE").json()["ship_to"]["allowed"] is True


def test_what_is_promised_is_not_for_sale(shop):
    Orders([("KNIFE", 1)]).placed()
    variant = shop("products/knife").json()["variants"][0]
    assert (variant["in_stock"], variant["available"]) == (False, 0)
    assert shop("products/tee").json()["variants"][0]["available"] == 10


def test_an_unchanged_page_is_not_sent_twice(shop, api):
    first = shop()
    again = api.get("/api/v1/products", headers={"If-None-Match": first["ETag"], "Accept-Language": "en"})
    assert (again.status_code, again.content) == (304, b"")


def test_drafts_and_nonsense_are_not_found(shop, make_product):
    product = make_product("DRAFT")
    product.status = "draft"
    product.save()
    for name in ("draft", str(product.pk), "nothing", "00000000-0000-0000-0000-000000000000"):
        assert shop(f"products/{name}").status_code == 404
    assert "draft" not in slugs(shop())


def test_markets_say_where_we_deliver_in_which_currency(shop):
    markets = {market["country"]: market for market in shop("markets", language="de").json()["data"]}
    assert set(markets) == {"US", "GB", "NL", "DE", "FR", "IN", "JP", "KW"}
    assert (markets["DE"]["name"], markets["IN"]["currencies"]) == ("Deutschland", ["USD"])
