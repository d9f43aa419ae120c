"""Settings: what wins over what, and the sentence that names what is wrong."""

import environ
import pytest
from chassis.env import Env


@pytest.fixture
def env(tmp_path, monkeypatch):
    """A reader for `orders` of these files under this environment."""

    def make(dotenv: str = "", stack: str = "", test: str = "", testing: bool = False, **real: str) -> Env:
        monkeypatch.setattr(environ.Env, "ENVIRON", dict(real))
        monkeypatch.setenv("CROSSBORDER_TESTING", "1" if testing else "0")
        (tmp_path / ".run/test").mkdir(parents=True, exist_ok=True)
        for name, text in ((".env", dotenv), (".run/env", stack), (".run/test/env", test)):
            (tmp_path / name).write_text(text)
        return Env("orders", tmp_path)

    return make


def test_the_environment_wins_over_the_file_over_the_stack_over_the_default(env):
    assert env("X=file", "X=stack", X="real").str("X", "default") == "real"
    assert env("X=file", "X=stack").str("X", "default") == "file"
    assert env("", "X=stack").str("X", "default") == "stack"
    assert env().str("X", "default") == "default"


def test_a_services_own_value_wins_wherever_it_is_set(env):
    assert env("", "ORDERS_X=own\nX=all", X="real").str("X") == "own"
    assert env("", "CATALOG_X=others", X="real").str("X") == "real"


def test_tests_read_the_test_servers_file_alone(env):
    assert env("X=file", "X=stack", "X=test", testing=True).str("X") == "test"
    assert env("X=file", "X=stack", testing=True).str("X", "default") == "default"


def test_a_value_is_taken_as_it_is_written(env):
    assert env(DB_PASSWORD="$ecret$").str("DB_PASSWORD") == "$ecret$"


def test_an_empty_value_is_no_number(env):
    assert env(X="").int("X", 7) == 7
    assert env(X="").str("X", "default") == ""


@pytest.mark.parametrize(
    ("read", "value", "sentence"),
    [
        (lambda e: e.str("X"), None, "orders: X is not set. Set it in the environment or in .env"),
        (lambda e: e.str("X"), "", "orders: X is not set."),
        (lambda e: e.int("X", 5), "five", "orders: X must be int, not 'five'."),
        (lambda e: e.int("X", 5, least=1), "0", "orders: X must be at least 1, not 0."),
        (lambda e: e.bool("X", False), "maybe", "orders: X must be bool, not 'maybe'."),
        (lambda e: e.redis("X", "redis://h/0", offset=0), "http://h", "orders: X must be a redis:// address"),
        (lambda e: e.networks("X", []), "10.0.0.0/99", "orders: X must be address blocks such as 10.0.0.0/8"),
        (lambda e: e.choice("X", "A", ("A", "B")), "C", "orders: X must be A or B, not 'C'."),
        (lambda e: e.choice("X", "A", ("A", "B", "C")), "a", "orders: X must be A, B or C, not 'a'."),
        (
            lambda e: e.matching("X", "NL", "[A-Z]{2}", "a country such as NL"),
            "Holland",
            "orders: X must be a country such as NL, not 'Holland'.",
        ),
        (lambda e: e.http("X", "http://h"), "h.example", "orders: X must be an address such as https://host.example"),
        (lambda e: e.http("X", "http://h"), "https://", "orders: X must be an address such as https://host.example"),
        (lambda e: e.http("X", "http://h"), "http://h:port", "orders: X must be an address such as https://host"),
    ],
)
def test_a_missing_or_malformed_value_stops_with_a_sentence_that_names_it(env, read, value, sentence):
    with pytest.raises(SystemExit) as stop:
        read(env(**({} if value is None else {"X": value})))
    assert str(stop.value).startswith(sentence)


def test_a_choice_and_an_address_are_taken_as_they_are_written(env):
    assert env(X="B").choice("X", "A", ("A", "B")) == "B"
    assert env(X="https://shop.example:8443/base").http("X", "http://h") == "https://shop.example:8443/base"
    assert env(X="").http("X", "") == ""


def test_the_sentence_names_the_services_own_variable(env):
    with pytest.raises(SystemExit, match="ORDERS_X must be int"):
        env(ORDERS_X="many", X="1").int("X")


@pytest.mark.parametrize(("text", "value"), [("True", True), ("on", True), ("0", False), ("No", False)])
def test_booleans(env, text, value):
    assert env(X=text).bool("X") is value


def test_each_service_has_redis_databases_of_its_own_unless_it_was_given_one(env):
    assert env(X="redis://h:1/0").redis("X", "", offset=1) == "redis://h:1/5"
    assert env(ORDERS_X="redis://h:1/0").redis("X", "", offset=1) == "redis://h:1/0"
