"""What the stack's processes use: memory (PSS, which shares common pages fairly) and processor time."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def pss_by_tree(roots: dict[str, int]) -> dict[str, tuple[int, int]]:
    """For each named root process: MB held by it and its descendants, and how many processes those are."""
    families = _families(roots)
    return {name: (sum(map(_pss_kb, family)) // 1024, len(family)) for name, family in families.items()}


def seconds_by_tree(roots: dict[str, int]) -> dict[str, float]:
    """For each named root process: seconds of processor time that it and its living descendants have used."""
    return {name: sum(map(_seconds, family)) for name, family in _families(roots).items()}


def _families(roots: dict[str, int]) -> dict[str, list[int]]:
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        if fields := _stat(int(folder.name)):
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    answer = {}
    for name, root in roots.items():
        family, waiting = [], [root]
        while waiting:
            family.append(waiting.pop())
            waiting += children.get(family[-1], [])
        answer[name] = family
    return answer


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; nothing when the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _seconds(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS if fields else 0.0


def _pss_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
