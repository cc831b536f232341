"""Promise 14: the same seed gives the same bytes."""

import subprocess

from common import REFERENCE, TINY, Report

LOAD = 4


def results(run, pictures):
    """Everything that does not tell the time."""
    files = [*(run / "checkpoints").iterdir(), *(run / "samples").iterdir(), run / "best.safetensors",
             run / "validation.csv", *pictures.iterdir()]
    return {f"{file.parent.name if file.parent not in (run, pictures) else ''}/{file.name}": file.read_bytes()
            for file in files}


def campaign(bench):
    report = Report(
        "equal runs: processes, threads, a load beside them, cold and warm caches, on the reference and OpenCL")
    pairs = bench.pairs()
    trials = [
        ("twice", {}, False), ("again", {}, False), ("one thread", {"POCL_MAX_PTHREAD_COUNT": "1"}, False),
        ("two threads", {"POCL_MAX_PTHREAD_COUNT": "2"}, False), ("beside a load", {}, True), ("one core", {}, False),
        ("cold caches", {"PIX2PIX_CACHE": str(bench.new("cold")), "POCL_CACHE_DIR": str(bench.new("cold"))}, False),
    ]
    if bench.short:
        trials = trials[1:5]
    for device in ([], REFERENCE):
        options = ["train", "--data", pairs, "--validation-data", pairs / "train", *TINY, *device, "--steps", 23,
                   "--save-every", 10, "--batch-size", 2, "--pool", 2, "--noise", "gaussian"]

        def one(trial, device=device, options=options):
            name, environment, loaded = trial
            run, pictures = bench.new("run"), bench.new("pictures")
            prefix = ["taskset", "-c", "0"] if name == "one core" else []
            load = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(LOAD if loaded else 0)]
            try:
                bench.must([*options, "--out", run], environment=environment, prefix=prefix)
                # The model of the first run, so that one difference is not told twice.
                bench.must(
                    ["translate", "--model", one.model or run, "--input", pairs / "train", "--side", "A", *device,
                     "--out", pictures],
                    environment=environment, prefix=prefix)
            finally:
                for process in load:
                    process.kill()
                    process.wait()
            one.model = one.model or run
            return results(run, pictures)

        one.model = None
        first = one(("first", {}, False))
        for trial in trials:
            found = one(trial)
            different = sorted(name for name in first if found.get(name) != first[name])
            report.add((different or set(found) != set(first)) and
                       f"{trial[0]}, {'the reference' if device else 'OpenCL'}: {different} differ")
    return report
