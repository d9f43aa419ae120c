"""The compose files say the same as the rest of the repository, and nothing that they should not."""

import re
import tomllib
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local import programs
from deploy.local.layout import ROOT, SERVICES, choose_layout

FOLDER = ROOT / "deploy" / "compose"
TOPICS = tomllib.loads((ROOT / "deploy" / "topics.toml").read_text())["topic"]
ONCE = {"topics", *(f"{service}-migrate" for service in SERVICES)}
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN_KEY|API_KEY|BASIC_AUTH")
LOCAL_ONLY = {"--pool=threads"}  # the local profile's; containers run Celery's processes


def read(name: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / name).read_text())


def extended(definition: dict[str, Any], roles: dict[str, Any]) -> dict[str, Any]:
    """The definition over what it extends, as compose merges them: mappings and lists add up, the rest is replaced."""
    parent = definition.get("extends")
    if parent is None:
        return definition
    base = extended(roles[parent if isinstance(parent, str) else parent["service"]], roles)
    merged = base | definition
    for key in ("environment", "depends_on"):
        merged[key] = base.get(key, {}) | definition.get(key, {})
    merged["networks"] = [*base.get("networks", []), *definition.get("networks", [])]
    return merged


def everything() -> dict[str, dict[str, Any]]:
    roles, found = read("roles.yaml")["services"], {}
    for name in read("compose.yaml")["include"]:
        for service, definition in read(name)["services"].items():
            assert service not in found, f"{service} is defined twice"
            found[service] = extended(definition, roles)
    return found


PROCESSES = everything()
LONG_RUNNING = sorted(PROCESSES.keys() - ONCE)


def of(service: str) -> dict[str, dict[str, Any]]:
    """A service's processes by role."""
    return {name.partition("-")[2]: PROCESSES[name] for name in PROCESSES if name.startswith(f"{service}-")}


def network_names(process: dict[str, Any]) -> set[str]:
    return set(process["networks"])


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_roles_that_its_topics_ask_for(service: str) -> None:
    expected = {"migrate", "web", "worker", "beat", "flower"}
    expected |= {"relay"} if any(topic["owner"] == service for topic in TOPICS) else set()
    expected |= {"consumer"} if any(service in topic["consumers"] for topic in TOPICS) else set()
    assert of(service).keys() == expected


@pytest.mark.parametrize("service", SERVICES)
def test_all_roles_wait_for_the_migrations_and_run_one_image(service: str) -> None:
    assert len({process["image"] for process in of(service).values()}) == 1
    for role, process in of(service).items():
        if role != "migrate":
            condition = process["depends_on"][f"{service}-migrate"]["condition"]
            assert condition == "service_completed_successfully", role


@pytest.mark.parametrize("service", SERVICES)
def test_migrating_also_installs_schedules_and_what_else_the_service_needs(service: str) -> None:
    script = of(service)["migrate"]["command"][-1]
    steps = [step.split()[2] for step in script.split("&&")]
    assert steps == ["migrate", "install_schedules", *(["rotate_signing_key"] if service == "identity" else [])]
    for step in steps[1:]:
        assert list(ROOT.glob(f"*/*/*/management/commands/{step}.py")), f"there is no command {step}"


@pytest.mark.parametrize("service", SERVICES)
def test_commands_are_those_of_the_local_stack(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "dotenv", dict)
    variables = {"FLOWER_BASIC_AUTH": "a:b"}
    local = {one.name: one.command for one in programs.roles(choose_layout(test=True), service, variables)}
    for role in ("web", "worker", "beat", "flower"):
        assert comparable(of(service)[role]["command"]) == comparable(local[role]), role
    assert {"relay": "outbox_relay", "consumer": "consume_events"}.items() >= {
        (role, process["command"][-1]) for role, process in of(service).items() if role in ("relay", "consumer")
    }


def comparable(command: list[str]) -> list[str]:
    """A command without where it lies and where it listens, defaults filled in."""
    text = " ".join(Path(part).name if part.startswith("/") else part for part in command)
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
    text = re.sub(r"--bind \S+|--address=\S+|--port=\S+", "", text)
    return [part for part in text.split() if part not in LOCAL_ONLY]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_knows_its_own_database_user_and_secrets_alone(service: str) -> None:
    others = {other for other in SERVICES if other != service}
    for role, process in of(service).items():
        environment = process["environment"]
        assert environment["DB_USER"] == environment["DB_NAME"] == f"crossborder_{service}", role
        assert environment["DB_PASSWORD"].startswith(f"${{{service.upper()}_DB_PASSWORD:?"), role
        assert environment["SECRET_KEY"].startswith(f"${{{service.upper()}_SECRET_KEY:?"), role
        for name, value in environment.items():
            text = f"{name}={value}".lower()
            assert not [other for other in others if f"{other}_db" in text or f"crossborder_{other}" in text], text
        assert "DB_ROOT_PASSWORD" not in str(environment), role


def test_the_database_makes_an_account_for_every_service() -> None:
    script = (FOLDER / "mysql" / "accounts.sh").read_text()
    assert f"for service in {' '.join(SERVICES)}; do" in script
    assert "*.*" not in script
    for service in SERVICES:
        assert f"{service.upper()}_DB_PASSWORD" in PROCESSES["mysql"]["environment"]


@pytest.mark.parametrize("name", sorted(PROCESSES))
def test_no_secret_is_written_down(name: str) -> None:
    for variable, value in PROCESSES[name].get("environment", {}).items():
        if SECRET.search(variable):
            assert re.fullmatch(r"(admin:)?\$\{[A-Z_]+:(\?.+|-)\}", str(value)), f"{variable} of {name}"


def test_every_needed_variable_is_in_the_example() -> None:
    text = "".join(path.read_text() for path in FOLDER.glob("*.yaml"))
    example = (FOLDER / ".env.example").read_text()
    assert set(re.findall(r"\$\{(\w+):\?", text)) == set(re.findall(r"^(\w+)=$", example, re.MULTILINE))
    assert not re.findall(r"^\w+=.+$", example, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(PROCESSES))
def test_images_are_pinned_by_a_tag(name: str) -> None:
    image = re.sub(r"\$\{\w+:-(?:\$\{\w+:-)?([^}]*)\}+", r"\1", PROCESSES[name]["image"])
    assert re.fullmatch(r"[\w/-]+:\d[\w.-]*", image), image


def test_base_images_are_pinned_by_a_tag() -> None:
    for path in FOLDER.glob("*.Dockerfile"):
        defaults = re.findall(r"^ARG (?:BASE|PYTHON|NGINX)=(\S+)$", path.read_text(), re.MULTILINE)
        assert defaults, path.name
        assert all(re.fullmatch(r"[\w/]+:\d[\w.-]+", image) for image in defaults), defaults


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_what_keeps_running_is_checked_restarted_and_given_time_to_end(name: str) -> None:
    process = PROCESSES[name]
    assert process["healthcheck"]["test"][0] == "CMD"
    assert process["restart"] == "unless-stopped"
    assert re.fullmatch(r"\d+s", process["stop_grace_period"])


def test_grace_periods_cover_how_long_the_roles_take_to_end() -> None:
    gunicorn: dict[str, Any] = {}
    exec((ROOT / "deploy" / "gunicorn.py").read_text(), gunicorn)  # noqa: S102
    settings = "".join(path.read_text() for path in (ROOT / "libs" / "chassis" / "chassis").glob("*.py"))
    running = (ROOT / "libs" / "outbox" / "outbox" / "running.py").read_text()
    longest = {
        "web": gunicorn["graceful_timeout"],
        "worker": float(re.findall(r'"CELERY_TASK_TIME_LIMIT": (\d+)', settings)[0]),
        "relay": float(re.findall(r"^GRACE = ([\d.]+)", running, re.MULTILINE)[0]),
    }
    for role, seconds in longest.items():
        assert float(of("orders")[role]["stop_grace_period"].rstrip("s")) > seconds, role


@pytest.mark.parametrize("name", sorted(PROCESSES))
def test_a_container_can_do_little(name: str) -> None:
    process = PROCESSES[name]
    assert process["read_only"] is True
    assert process["cap_drop"] == ["ALL"]
    assert process["security_opt"] == ["no-new-privileges:true"]
    assert "cap_add" not in process
    assert "privileged" not in process
    limits = process["deploy"]["resources"]["limits"]
    assert limits.keys() == {"cpus", "memory", "pids"}
    if "crossborder" not in process["image"] or name == "gateway":
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", process["user"])


def test_our_images_do_not_run_as_root() -> None:
    for path in FOLDER.glob("*.Dockerfile"):
        last = re.findall(r"^USER (\S+)$", path.read_text(), re.MULTILINE)[-1:]
        assert last, path.name
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last[0])


def test_only_the_gateway_publishes_ports_and_operators_reach_theirs_from_the_machine_alone() -> None:
    assert [name for name, process in PROCESSES.items() if "ports" in process] == ["gateway"]
    public, operators = PROCESSES["gateway"]["ports"]
    assert public.endswith(":8080")
    assert operators.startswith("127.0.0.1:")
    assert operators.endswith(":8081")


def test_servers_are_out_of_reach_of_the_gateway_and_of_the_world() -> None:
    networks = read("compose.infrastructure.yaml")["networks"]
    assert networks["data"]["internal"] is True
    assert networks["apps"]["internal"] is True
    assert network_names(PROCESSES["gateway"]) == {"edge", "apps"}
    for server in ("mysql", "redis", "kafka"):
        assert network_names(PROCESSES[server]) == {"data"}
    assert not [name for name, process in PROCESSES.items() if "egress" in process["networks"] and "catalog" in name]


def test_no_other_container_is_ever_given_the_gateways_address() -> None:
    def default(text: str) -> str:
        return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)

    pool = read("compose.infrastructure.yaml")["networks"]["apps"]["ipam"]["config"][0]
    address = ip_address(default(PROCESSES["gateway"]["networks"]["apps"]["ipv4_address"]))
    assert address in ip_network(default(pool["subnet"]))
    assert address not in ip_network(default(pool["ip_range"]))
    assert default(PROCESSES["orders-web"]["environment"]["GATEWAY_CIDR"]) == f"{address}/32"


def test_the_gateway_gets_every_variable_of_its_template() -> None:
    template = (ROOT / "deploy" / "gateway" / "gateway.conf.template").read_text()
    dockerfile = (FOLDER / "gateway.Dockerfile").read_text()
    given = PROCESSES["gateway"]["environment"].keys() | set(re.findall(r"^\s+(\w+)=", dockerfile, re.MULTILINE))
    assert set(re.findall(r"\$\{([A-Z_]+)\}", template)) <= given
    for service in SERVICES:
        assert PROCESSES["gateway"]["environment"][f"{service.upper()}_UPSTREAM"].startswith(f"{service}-web:8000 ")
        assert PROCESSES["gateway"]["environment"][f"{service.upper()}_FLOWER"].startswith(f"{service}-flower:5555 ")


def test_pictures_are_written_by_the_catalog_and_only_read_by_the_gateway() -> None:
    mounts = {name: volume for name, one in PROCESSES.items() for volume in one.get("volumes", []) if "media" in volume}
    assert mounts.pop("gateway").endswith(":ro")
    assert mounts.keys() == {"catalog-web", "catalog-worker"}
