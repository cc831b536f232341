"""Promise 10: memory that is not there is said before the first step."""

from common import TINY, Report

# A training that needs more than POCL_MEMORY_LIMIT=1, whose unit is GiB and which takes whole numbers.
LARGE = ["--size", "256", "--ngf", "96"]


def steps_of(low, high, count):
    """Limits from low to high, in equal ratios."""
    return [round(low * (high / low) ** (index / (count - 1))) for index in range(count)]


def campaign(bench):
    report = Report("ulimit -v from what a process needs to more than enough, and POCL_MEMORY_LIMIT")
    pairs = bench.pairs()
    networks = {"tiny": TINY, "larger": ["--size", "64", "--ngf", "32", "--ndf", "32"]}
    # Compiled kernels of both, so that the limits meet no compiler; a process that has to compile is tried apart.
    for options in networks.values():
        bench.must(["train", "--data", pairs, *options, "--steps", 2, "--out", bench.new("warm")])
    # The reference takes long for the larger networks.
    pairings = [(name, device) for name in networks for device in ("reference", "auto")
                if not bench.short or (name, device) != ("larger", "reference")]
    tries = [(name, device, ["-v", limit], {}) for name, device in pairings
             for limit in steps_of(40_000, 4_000_000, 4 if bench.short else 24)]
    tries += [("tiny", "auto", ["-v", limit], {"PIX2PIX_CACHE": "", "POCL_CACHE_DIR": ""})
              for limit in ([1_000_000] if bench.short else steps_of(600_000, 2_000_000, 3))]
    tries += [(name, "auto", [], {"POCL_MEMORY_LIMIT": "1"}) for name in ("tiny", "large")]
    networks["large"] = LARGE
    ends = {"ended well": 0, "refused": 0}

    def one(item):
        name, device, limit, environment = item
        run = bench.new("run")
        environment = {key: value or str(bench.new("cold")) for key, value in environment.items()}
        shell = f"ulimit {limit[0]} {limit[1]}; " if limit else ""
        outcome = bench.run(
            ["train", "--data", pairs, *networks[name], "--device", device, "--steps", 8, "--save-every", 1,
             "--sample-every", 4, "--out", run],
            prefix=["sh", "-c", f'{shell}exec "$@"', "sh"], environment=environment, limit=300)
        label = f"{name}, {device}, {' '.join(map(str, limit))} {environment}"
        lines = outcome.errors.strip().splitlines()
        # Below what the system's loader needs, the program does not begin.
        loader = outcome.code == 127 and len(lines) == 1
        if not loader and outcome.wrong_end():
            return f"{label}: {outcome.wrong_end()}"
        if outcome.code != 0 and ("saved " in outcome.output or "step " in outcome.output):
            return f"{label}: it ended behind the first step: {outcome.errors}"
        ends["refused" if outcome.code else "ended well"] += 1
        return None

    bench.each(report, tries, one)
    report.what += f" ({ends['refused']} refused, {ends['ended well']} ended well)"
    if not all(ends.values()):
        report.add(f"nothing was compared: {ends}")
    return report
