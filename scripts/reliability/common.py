"""What all promises need: a folder, the program, runs of it, checkpoints, and system calls by strace."""

import concurrent.futures
import csv
import functools
import hashlib
import json
import math
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import tempfile
import threading
from dataclasses import dataclass, field


@dataclass
class Outcome:
    """What a command left behind."""

    code: int
    output: str
    errors: str

    @property
    def error_lines(self):
        return [line for line in self.errors.splitlines() if line.startswith("Error: ")]

    def wrong_end(self):
        """Why the command ended otherwise than it may; None where all is well."""
        if self.code not in (0, 1):
            return f"exit code {self.code}: {self.errors.strip()[-300:]}"
        if len(self.error_lines) != self.code:
            return f"exit code {self.code} with {len(self.error_lines)} lines of errors: {self.errors.strip()[-300:]}"
        return None


@dataclass
class Report:
    """A promise's line, and what failed."""

    what: str
    tries: int = 0
    failures: list = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, failure=None):
        """Counts a try."""
        with self.lock:
            self.tries += 1
            if failure:
                self.failures.append(failure)


class Bench:
    """The program, a folder of its own, and how much is tried."""

    def __init__(self, program, short):
        self.program, self.short = program, short
        self.random = random.Random(1)
        self.jobs = int(os.environ.get("JOBS", os.cpu_count() or 1))
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pix2pix-reliability-"))
        self.environment = dict(os.environ)
        self.environment.setdefault("PIX2PIX_CACHE", str(self.folder / "cache"))
        self.environment.setdefault("POCL_CACHE_DIR", str(self.folder / "pocl"))
        self.made, self.lock = 0, threading.Lock()
        # What the check that a thread is at has made.
        self.mine = threading.local()

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def new(self, name):
        """A path in the folder that nothing has yet."""
        with self.lock:
            self.made += 1
            path = self.folder / f"{name}-{self.made}"
        if getattr(self.mine, "made", None) is not None:
            self.mine.made.append(path)
        return path

    def run(self, arguments, prefix=(), environment=None, limit=600):
        """Runs the program to its end. A signal's exit code is its negative number."""
        done = subprocess.run(
            [*prefix, self.program, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
            env={**self.environment, **(environment or {})}, timeout=limit, check=False)
        return Outcome(done.returncode, *(text.decode(errors="replace") for text in (done.stdout, done.stderr)))

    def must(self, arguments, **options):
        """Runs the program, which has to succeed."""
        outcome = self.run(arguments, **options)
        assert outcome.code == 0, f"{arguments}: {outcome.code} {outcome.errors}"
        return outcome

    def pairs(self, count=5):
        """A small drawn data set, made once."""
        folder = self.folder / f"pairs-{count}"
        if not folder.exists():
            self.must(["sample-pairs", "--out", folder, "--count", count, "--size", 32])
        return folder

    def each(self, report, items, check):
        """Checks all items, some at a time; `check` returns why an item failed, or None. What a check made is gone behind
        it."""

        def one(item):
            self.mine.made = []
            try:
                report.add(check(item))
            except Exception as error:  # pylint: disable=broad-except
                report.add(f"{item}: {type(error).__name__} {error}")
            for path in self.mine.made:
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
            self.mine.made = None

        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            list(pool.map(one, items))


TINY = ["--size", "32", "--ngf", "4", "--ndf", "4"]
REFERENCE = ["--device", "reference"]


# Files of a run.


@functools.lru_cache(maxsize=4096)
def digest(data):
    # Bytes remember their hash, so that the same object is digested once.
    return hashlib.sha256(data).hexdigest()[:16]


def read_checkpoint(data):
    """The metadata and tensors of safetensors; raises ValueError for any that are not whole or not finite."""
    length = struct.unpack("<Q", data[:8])[0]
    if 8 + length > len(data):
        raise ValueError("its header is cut short")
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    end = 8 + length + max(entry["data_offsets"][1] for entry in header.values())
    if end != len(data):
        raise ValueError(f"it has {len(data)} bytes of {end}")
    tensors = {}
    for name, entry in header.items():
        first, last = (8 + length + offset for offset in entry["data_offsets"])
        kind = {"F32": "f", "I64": "q"}[entry["dtype"]]
        values = struct.unpack(f"<{math.prod(entry['shape'])}{kind}", data[first:last])
        if not all(map(math.isfinite, values)):
            raise ValueError(f"{name} is not finite")
        tensors[name] = values
    return metadata, tensors


def checkpoints(run):
    """Steps of a run's checkpoints and their files, in order."""
    files = sorted(pathlib.Path(run, "checkpoints").glob("step-*.safetensors"))
    return {int(file.stem[5:]): file for file in files}


def leftovers(run):
    return [str(path) for path in pathlib.Path(run).rglob(".pix2pix-*.tmp")]


def wrong_file(name, data):
    """Why a file under a final name is not whole; None where it is."""
    try:
        if name.endswith(".safetensors"):
            read_checkpoint(data)
        elif name.endswith(".json"):
            json.loads(data)
        elif name.endswith(".html") and not data.rstrip().endswith(b"</html>"):
            return "is cut short"
        elif name.endswith(".png") and not (data.startswith(b"\x89PNG") and data.endswith(b"IEND\xaeB`\x82")):
            return "is cut short"
        elif name.endswith(".csv"):
            # The last line may be half written; all before it have the header's columns.
            rows = list(csv.reader(data.decode().split("\n")[:-1]))
            if b"\0" in data[:data.rfind(b"\n") + 1] or any(len(row) != len(rows[0]) for row in rows):
                return "has a broken line before the last"
    except (ValueError, KeyError, struct.error, csv.Error) as error:
        return str(error)
    return None


def wrong_files(run):
    """The files of a run under final names that are not whole."""
    found = []
    for path in pathlib.Path(run).rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            reason = wrong_file(path.name, path.read_bytes())
            if reason:
                found.append(f"{path.relative_to(run)} {reason}")
    return found


# System calls.


@dataclass
class Call:
    """A system call of a trace."""

    thread: int
    name: str
    arguments: str
    result: str


LINE = re.compile(r"^(\d+) +(\w+)\((.*)\) += (.*)$")
BEGUN = re.compile(r"^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$")
RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (.*)$")


def read_trace(path):
    """The calls of a file that `strace -f -o` wrote, in the order in which they ended."""
    calls, begun = [], {}
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            line = line.rstrip("\n")
            if match := LINE.match(line):
                calls.append(Call(int(match[1]), match[2], match[3], match[4]))
            elif match := BEGUN.match(line):
                begun[match[1], match[2]] = match[3]
            elif match := RESUMED.match(line):
                start = begun.pop((match[1], match[2]), "")
                calls.append(Call(int(match[1]), match[2], start + match[3], match[4]))
    return calls


def strace(trace, *options, path="/dev/null"):
    """The beginning of a command that is traced."""
    # Without --seccomp-bpf, with which strace 6.1 injects no signals.
    return ["strace", "-f", "-qq", "-s", "300", "-e", f"trace={trace}", "-o", str(path), *options]


CALLS = [
    "openat", "write", "pwrite64", "fsync", "fdatasync", "rename", "renameat", "renameat2", "link", "linkat",
    "unlink", "unlinkat", "ftruncate", "close", "mkdir", "flock",
]
