"""Promise 2: a power cut loses no more than a kill."""

import re

import common
import kills
from common import REFERENCE, Report
from file_system import FileSystem

# So that checkpoints are removed, too.
KEEP = 2
TRACED = ",".join([*common.CALLS, "lseek"])


def record(bench, arguments, folder):
    """Runs the program under strace, with all data, and replays it from what is in the folder now."""
    system, trace = FileSystem(folder), bench.new("trace")
    system.load()
    bench.must(
        arguments, prefix=["strace", "-f", "-qq", "-xx", "-s", str(1 << 26), "-e", f"trace={TRACED}", "-o", str(trace)])
    return system, common.read_trace(trace)


def rows(data, step):
    """The rows of a table up to a step."""
    return [line for line in data.split(b"\n")[1:] if re.match(rb"\d+,", line) and int(line.split(b",")[0]) <= step]


class Cuts:
    """The states that a recording may leave, each looked at once."""

    def __init__(self, bench, report, table):
        self.bench, self.report = bench, report
        # The lines of losses.csv in the end.
        self.table = table
        self.seen, self.whole, self.kept = set(), {}, []

    def look(self, system, entry_contents):
        """All states at this point."""
        for state in system.states(self.bench.random, 60 if self.bench.short else 2000):
            saved = kills.saved_paths(system.printed.decode())
            key = hash((tuple(sorted((name, common.digest(data)) for name, data in state.items())), tuple(saved)))
            if key in self.seen:
                continue
            self.seen.add(key)
            reason = self.wrong(system, state, saved, entry_contents)
            self.report.add(reason and f"a cut behind {system.last}: {reason}")
            self.kept.append((state, system.last))

    def wrong(self, system, state, saved, entry_contents):
        newest = 0
        for name, data in state.items():
            if name.endswith("/") or name.rsplit("/", 1)[-1].startswith("."):
                continue
            if name.endswith(".csv"):
                continue
            if data not in entry_contents.get(name, []):
                return f"{name} is neither the old nor the new one"
            key = name, common.digest(data)
            if key not in self.whole:
                self.whole[key] = common.wrong_file(name, data)
            if self.whole[key]:
                return f"{name} {self.whole[key]}"
            if step := re.search(r"checkpoints/step-(\d+)", name):
                newest = max(newest, int(step[1]))
        for path in saved:
            name = path[len(system.root) + 1 :]
            if name not in state and system.entry(path) is not None:
                return f"{name} was said to be saved"
        for name, data in state.items():
            if name.endswith("/losses.csv") and rows(data, newest) != rows(self.table, newest):
                return f"losses.csv lacks rows up to step {newest}"
        return None


def replay(cuts, system, calls):
    """Looks at the states behind each call that changes what is there."""
    entry_contents = {}

    def note_entries():
        for folder, name, path in system.entries(system.folder):
            entry = folder.now(name)
            if entry is not None and hasattr(entry, "content") and not name.startswith("."):
                known = entry_contents.setdefault(path, [])
                content = entry.content()
                if content not in known:
                    known.append(content)

    system.last = "the start"
    note_entries()
    for call in calls:
        if not system.apply(call):
            continue
        system.last = f"{call.name} {call.result}"
        if call.name in ("link", "rename"):
            note_entries()
        # A write to a file that nobody can name yet changes no state that is looked at.
        if call.name != "write" or call.arguments.startswith("1,") or system.is_named(call):
            cuts.look(system, entry_contents)


def campaign(bench):
    report = Report("states that a power cut may leave of a run and of its resume")
    pairs = bench.pairs()
    files, best = kills.straight(bench, pairs, KEEP)
    folder = bench.new("disk")
    folder.mkdir()
    run = folder / "above" / "run"
    options = kills.options(pairs, KEEP)
    recordings = [
        ["train", *options, "--out", run, "--stop-after", 4],
        ["train", "--resume", "--out", run, *REFERENCE],
    ]
    recorded = [record(bench, arguments, folder) for arguments in recordings]
    table = (run / "losses.csv").read_bytes()
    cuts = Cuts(bench, report, table)
    for system, calls in recorded:
        replay(cuts, system, calls)

    # The program itself goes on from some of them.
    chosen = bench.random.sample(cuts.kept, min(len(cuts.kept), 12 if bench.short else 400))

    def go_on(item):
        state, last = item
        place = bench.new("cut")
        for name, data in state.items():
            path = place / name
            if name.endswith("/"):
                path.mkdir(parents=True, exist_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        there = place / "above" / "run"
        kept = common.checkpoints(there)
        if kept and max(kept) == kills.STEPS:
            return None
        arguments = ["train", "--resume", "--out", there, *REFERENCE] if kept else ["train", *options, "--out", there]
        outcome = bench.run(arguments)
        if outcome.code != 0:
            return f"gone on from a cut behind {last}: {outcome}"
        if common.wrong_files(there) or common.leftovers(there):
            return f"gone on from a cut behind {last}: {common.wrong_files(there)} {common.leftovers(there)}"
        if common.checkpoints(there)[kills.STEPS].read_bytes() != files[kills.STEPS]:
            return f"gone on from a cut behind {last}: other bytes"
        if (there / "best.safetensors").read_bytes() != best:
            return f"gone on from a cut behind {last}: another best.safetensors"
        return None

    bench.each(report, chosen, go_on)
    report.what += f", {len(chosen)} of them gone on from"
    return report
