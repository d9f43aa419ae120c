"""The local stack's own promises: secrets stay, a busy port is named, leftovers are ended, dead processes come back."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from deploy.local import layout as layouts
from deploy.local import ports, supervisor
from deploy.local.console import Failure
from deploy.local.environment import load_secrets, write_environment
from deploy.local.layout import Layout, choose_layout, read_variables
from deploy.local.readiness import what_is_missing
from deploy.local.stack import restart

SLEEPER = [sys.executable, "-c", "import signal; signal.pause()"]


@pytest.fixture
def stack(tmp_path):
    while True:  # below what the kernel gives to connections, so that none of them takes a port meanwhile
        layout = Layout(run=tmp_path / "run", port_base=random.randrange(10000, 17000), test=True)
        with suppress(Failure):
            ports.require_free_ports(layout, list(layouts.PORTS))
            return layout


def wait_for(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
    return found


def test_secrets_are_made_once_and_only_their_owner_reads_them(stack):
    first = write_environment(stack)
    second = write_environment(stack)

    assert first == second
    assert read_variables(stack.env_file) == first
    for name in ("env", "secrets.env"):
        assert (stack.run / name).stat().st_mode & 0o777 == 0o600
    secrets = load_secrets(stack)
    assert len(set(secrets.values())) == len(secrets)


def test_a_secret_that_a_newer_version_needs_is_added_and_the_others_stay(stack):
    before = load_secrets(stack)
    path = stack.run / "secrets.env"
    path.write_text("".join(line for line in path.open() if not line.startswith("ORDER_TOKEN_KEY=")))

    after = load_secrets(stack)

    assert after["ORDER_TOKEN_KEY"] != before["ORDER_TOKEN_KEY"]
    assert {**after, "ORDER_TOKEN_KEY": ""} == {**before, "ORDER_TOKEN_KEY": ""}


def test_no_two_programs_share_a_port():
    assert len(set(layouts.PORTS.values())) == len(layouts.PORTS)


@pytest.mark.parametrize("value", ["nonsense", "80", "70000", "-1", "²"])
def test_a_wrong_port_base_is_refused_in_one_sentence(monkeypatch, value):
    monkeypatch.setenv("PORT_BASE", value)

    with pytest.raises(Failure, match="PORT_BASE is"):
        choose_layout(test=False)


def test_the_demo_refuses_a_wrong_port_base_in_one_sentence_too():
    demo = subprocess.run(
        [sys.executable, "-m", "deploy.local.demo"],
        cwd=layouts.ROOT,
        env=os.environ | {"PORT_BASE": "many"},
        capture_output=True,
        text=True,
    )

    assert demo.returncode == 1
    assert "PORT_BASE is 'many'" in demo.stderr
    assert "Traceback" not in demo.stderr


def test_restarting_a_part_of_what_does_not_run_says_how_to_start_it(stack):
    with pytest.raises(Failure, match="make run"):
        restart(stack, "orders")


def test_a_service_whose_web_process_is_away_is_said_to_be_so(stack):
    class Gateway(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(502)
            self.end_headers()
            self.wfile.write(b'{"code": "service_unavailable"}')

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", stack.port("operators")), Gateway) as server:
        Thread(target=server.handle_request, daemon=True).start()
        assert what_is_missing(stack, "orders") == "its web process does not answer"


def test_tests_never_share_ports_or_data_with_the_running_stack():
    running, tests = choose_layout(test=False), choose_layout(test=True)

    assert tests.port_base == running.port_base + 1000
    assert tests.run != running.run


def test_a_busy_port_is_refused_with_the_program_that_holds_it(stack):
    with socket.socket() as other:
        other.bind(("127.0.0.1", stack.port("database")))
        other.listen()

        with pytest.raises(Failure, match=rf"Port {stack.port('database')} \(database\).*process {os.getpid()}"):
            ports.require_free_ports(stack, ["redis", "database"])


def test_processes_of_an_interrupted_run_are_ended_and_no_others(stack):
    stack.run.mkdir()
    other = subprocess.Popen(SLEEPER)
    left = subprocess.Popen(SLEEPER, env=os.environ | {ports.MARK: str(stack.run)})
    wait_for(lambda: ports.MARK.encode() in Path(f"/proc/{left.pid}/environ").read_bytes())

    ports.end_leftovers(stack)

    assert left.wait(5) == -signal.SIGTERM
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_killed_process_is_started_again_and_a_stopped_one_is_not(stack):
    stack.run.mkdir()
    program = supervisor.Program("some", "sleeper", SLEEPER)
    supervisor.write_configuration(stack, [program])
    supervisor.start_daemon(stack, {})
    supervisor.start_groups(stack, ["some"])

    def running_pid() -> int:
        info = supervisor.states(stack)["some", "sleeper"]
        return info["pid"] if info["statename"] == "RUNNING" else 0

    first = wait_for(running_pid)
    os.kill(first, signal.SIGKILL)
    second = wait_for(lambda: running_pid() not in (0, first) and running_pid())
    supervisor.stop_groups(stack, ["some"])

    assert second != first
    assert supervisor.states(stack)["some", "sleeper"]["statename"] == "STOPPED"
    supervisor.rpc(stack).shutdown()
    ports.wait_for_the_end(stack, 20)
    assert not supervisor.is_running(stack)
