"""What the stack's processes hold in memory: PSS, which shares common pages fairly among those that map them."""

from pathlib import Path


def pss_by_tree(roots: dict[str, int]) -> dict[str, tuple[int, int]]:
    """For each named root process: MB held by it and its descendants, and how many processes those are."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(folder.name))
    answer = {}
    for name, root in roots.items():
        family, waiting = [], [root]
        while waiting:
            family.append(waiting.pop())
            waiting += children.get(family[-1], [])
        answer[name] = (sum(_pss_kb(pid) for pid in family) // 1024, len(family))
    return answer


def _pss_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
