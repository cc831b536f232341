"""Promise 13: nothing outside --out is written, whatever a picture is called."""

import os
import re

import common
import pictures
from common import REFERENCE, TINY, Report

NAMES = [
    b"...png", b"..%2f..%2fx.png", b"..\\..\\x.png", b"-rf.png", b"--out=x.png", b"--.png", b"%n%s%x.png", b"a\nb.png",
    b"\x1b[2J\x1b]0;x\x07.png", b"l" * 251 + b".png", "Größe Ω 漢字 😀.png".encode(), b"e\xcc\x81.png",
    "\u202egnp.x.png".encode(), b"trailing .png", b"dots....png", b"x.png.", b"x.png ",
    b"step-00000002.safetensors.png", b"losses.csv.png", b"report.html.png", b"best.safetensors.png", b".hidden.png", b".pix2pix-12ab.tmp.png",
    b".pix2pix.lock.png", b"$(touch x).png", b"`touch y`.png", b"$HOME.png", b"a;b|c&d.png", b"*.png", b"?.png",
    b"~.png", b"~root.png", b"'single'.png", b'"double".png', b"CON.png", b"caf\xe9.png", b"tab\tx.png", b"\r.png",
    b" .png", b"x.PNG", b"file:x.png", b"samples.png", b"checkpoints.png",
]
# The calls that make, change or remove a file, and the places of their paths; before those may be folders' descriptors.
CHANGING = {
    "openat": [1], "creat": [0], "mkdir": [0], "mkdirat": [1], "rename": [0, 1], "renameat": [1, 3],
    "renameat2": [1, 3], "link": [1], "linkat": [3], "symlink": [1], "symlinkat": [2], "unlink": [0], "unlinkat": [1], "rmdir": [0],
    "truncate": [0], "chmod": [0], "fchmodat": [1], "chown": [0], "lchown": [0], "fchownat": [1], "mknod": [0],
    "mknodat": [1], "utimensat": [1], "setxattr": [0], "open": [0],
}
# Drivers open the files of GPUs, whatever the device.
ALWAYS = ("/dev/null", "/proc/self", "/dev/dri", "/dev/kfd", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia0")


def unescaped(text):
    """A path as `strace` prints it, without its quotes."""
    raw = text.encode("latin-1")
    escapes = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f"}

    def one(match):
        code = match[1]
        return bytes([int(code, 8)]) if code[:1].isdigit() else escapes.get(code, code)

    return re.sub(rb"\\([0-7]{1,3}|.)", one, raw)


def arguments(text):
    """A call's arguments; strings may hold commas."""
    return re.findall(r'"(?:\\.|[^"\\])*"(?:\.\.\.)?|[^,]+', text)


def outside(trace, folder, allowed):
    """Calls of a trace that change something elsewhere than below allowed folders."""
    found = []
    for call in common.read_trace(trace):
        places = CHANGING.get(call.name)
        # A folder that is there already is not made.
        if places is None or "EEXIST" in call.result and call.name == "mkdir":
            continue
        parts = [part.strip() for part in arguments(call.arguments)]
        if call.name in ("openat", "open") and not re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC|APPEND|TMPFILE)", parts[-1] if
                                                             "O_" in parts[-1] else "".join(parts[places[0] + 1 :])):
            continue
        for place in places:
            if not parts[place].startswith('"'):
                continue
            base = folder
            if place and (match := re.match(r"\S+<(.*)>$", parts[place - 1])):
                base = match[1]
            path = os.path.join(os.fsencode(base), unescaped(parts[place].strip('".')))
            # The file itself may be gone; its folder is where it lay.
            real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
            real = os.fsdecode(os.path.normpath(real))
            if not any(real == root or real.startswith(root.rstrip("/") + "/") for root in allowed + ALWAYS):
                found.append(f"{call.name} {real}")
    return found


def write_pictures(folder, names, kind, width=32, first=0):
    """Pictures of hostile names."""
    folder.mkdir(parents=True)
    plain = folder / "plain.png"
    for index, name in enumerate(names, first):
        pictures.png(plain, width, 32, kind(index))
        os.rename(plain, os.path.join(os.fsencode(folder), name))


def commands(bench, model, names):
    """Every command that reads pictures, with pictures of these names, and what it writes to."""
    data, halves, labels = (bench.new(name) for name in ("data", "halves", "labels"))
    write_pictures(data / "train", names, pictures.photograph, width=64)
    write_pictures(data / "val", names, pictures.photograph, width=64, first=len(names))
    write_pictures(halves, names, pictures.photograph)
    write_pictures(labels, names, pictures.labels)
    # Links lead out of the data set.
    (data / "train" / "link.png").symlink_to(bench.folder / "elsewhere.png")
    (halves / "above").symlink_to(bench.folder / "elsewhere")
    training = [*TINY, *REFERENCE, "--steps", 2]
    first = os.fsdecode(names[0])
    return [
        (["check", "--data", data, "--sheet", "OUT/sheet.png"], True),
        (["train", "--data", data, *training, "--out", "OUT"], False),
        (["translate", "--model", model, "--input", halves, *REFERENCE, "--out", "OUT"], False),
        # A path that climbs.
        (["translate", "--model", model, "--input", f"{halves}/../{halves.name}/{first}", *REFERENCE, "--out", "OUT"],
         False),
        (["evaluate", "--model", model, "--data", data, *REFERENCE, "--out", "OUT"], False),
        (["evaluate", "--outputs", halves, "--targets", halves, "--out", "OUT"], False),
        (["train-scorer", "--data", halves, "--targets", labels, "--size", 32, "--ngf", 4, "--epochs", 1, *REFERENCE,
          "--out", "OUT"], False),
        (["domain-gap", "--generated", halves, "--generated-labels", labels, "--real", halves, "--labels", labels, "--size", 32,
          "--ngf", 4, "--epochs", 1, *REFERENCE, "--out", "OUT"], False),
        (["experiment", "paper-generators", "--data", data, *TINY, "--epochs", 1, *REFERENCE, "--out", "OUT"], False),
    ]


def campaign(bench):
    report = Report(f"{len(NAMES)} hostile names, together and one by one, with every command that reads pictures")
    pictures.png(bench.folder / "elsewhere.png", 64, 32, pictures.photograph(3))
    pictures.png(bench.folder / "elsewhere" / "x.png", 32, 32, pictures.photograph(3))
    model = bench.new("model")
    # Where there is no folder for compiled kernels yet, the one above it is tried.
    for name in ("PIX2PIX_CACHE", "POCL_CACHE_DIR"):
        os.makedirs(bench.environment[name], exist_ok=True)
    bench.must(["train", "--data", bench.pairs(), *TINY, *REFERENCE, "--steps", 2, "--out", model])
    # A folder with a name that is no UTF-8 is refused.
    done, together = {}, [name for name in NAMES if b"\xe9" not in name]
    groups = [together] + [[name] for name in (bench.random.sample(NAMES, 2) if bench.short else NAMES)]
    # PoCL writes its cache, which is one of the folders allowed.
    opencl = [] if bench.short else [(["train", "--data", bench.pairs(), *TINY, "--steps", 2, "--out", "OUT"], False)]
    tries = [(together, command, makes) for command, makes in opencl]
    tries += [(names, command, makes) for names in groups for command, makes in commands(bench, model, names)
             if len(names) > 1 or command[0] not in ("train-scorer", "domain-gap", "experiment")]

    def one(item):
        names, command, makes = item
        here = bench.new("here")
        out, trace = here / "out", bench.new("trace")
        here.mkdir()
        if makes:
            out.mkdir()
        command = [str(part).replace("OUT", str(out)) if str(part).startswith("OUT") else part for part in command]
        prefix = common.strace(",".join(["%file", *CHANGING]), "-y", path=trace)
        outcome = bench.run(command, prefix=["env", "-C", here, *prefix])
        label = f"{command[0]}, {len(names)} names such as {names[0]!r}"
        allowed = (str(out), bench.environment["PIX2PIX_CACHE"], bench.environment["POCL_CACHE_DIR"])
        found = outside(trace, here, allowed)
        if not makes:
            # The folder itself.
            found = [line for line in found if line != f"mkdir {out}"]
        if found:
            return f"{label}: {found[:3]}"
        # An argument that is no UTF-8 is wrong usage.
        if outcome.code == 64 and b"\xe9" in names[0] and "is no UTF-8" in outcome.errors:
            return None
        # check prints what is wrong with the names.
        if outcome.code not in (0, 1) or command[0] != "check" and outcome.wrong_end():
            return f"{label}: {outcome}"
        if outcome.code == 0:
            done[command[0]] = done.get(command[0], 0) + 1
        if sorted(path.name for path in here.iterdir()) not in (["out"], []):
            return f"{label}: {sorted(here.iterdir())}"
        wrong = common.wrong_files(out) if command[0] == "train" else []
        return wrong and f"{label}: {wrong}"

    bench.each(report, tries, one)
    missing = {command[0] for _, command, _ in tries} - set(done)
    if missing:
        report.add(f"{missing} took none of the names")
    return report
