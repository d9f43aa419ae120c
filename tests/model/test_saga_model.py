"""The saga, explored in every interleaving, and each of its rules broken in turn."""

import re

from tests.model import saga_model, saga_mutations


def test_no_interleaving_violates_an_invariant(capsys):
    assert saga_model.explore() == 0
    states = int(re.match(r"(\d+) states, \d+ of them settled, no violation", capsys.readouterr().out)[1])
    assert states > 19_000


def test_every_broken_rule_is_caught(capsys):
    assert len(saga_mutations.MUTATIONS) == 18
    assert saga_mutations.main() == 0, capsys.readouterr().out
    assert "18 of 18 caught" in capsys.readouterr().out
