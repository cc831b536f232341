"""Reads a run's event files with TensorBoard's reader and compares them with the run's tables; see check-tensorboard."""

import csv
import pathlib
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.plugins.text import metadata as text_metadata

failures = 0


def check(name, right, detail=""):
    global failures
    failures += not right
    print(f"{name:60} {'right' if right else 'WRONG'} {detail}", flush=True)


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def compare(events, name, tag, rows, column, bound):
    """The values of a tag, step by step, with those of a table's column."""
    found = [(event.step, event.value) for event in events.Scalars(tag)]
    expected = [(int(row["step"]), float(row[column])) for row in rows if row[column]]
    steps = [step for step, _ in found] == [step for step, _ in expected]
    largest = max((abs(a[1] - b[1]) / max(1, abs(b[1])) for a, b in zip(found, expected)), default=float("nan"))
    check(f"{name}: {len(expected)} values of {tag}", steps and largest <= bound, f"{largest:.1e}")


def main(folder):
    run = pathlib.Path(folder)
    files = sorted(run.glob("events.out.tfevents.*"))
    check("an event file for each of two sessions", len(files) == 2)
    for file in files:
        # The loader stops without a word at a record whose checksum is wrong.
        count = sum(1 for _ in EventFileLoader(str(file)).Load())
        data, position, records = file.read_bytes(), 0, 0
        while position < len(data):
            position += 16 + struct.unpack_from("<Q", data, position)[0]
            records += 1
        check(f"{file.name}: all {records} records are read", count == records and position == len(data), str(count))

    events = EventAccumulator(str(run), size_guidance={"scalars": 0, "images": 0, "tensors": 0})
    events.Reload()
    losses, validations = table(run / "losses.csv"), table(run / "validation.csv")
    fixed = ("step", "epoch", "learning_rate", "ms_per_step")
    for column in losses[0]:
        if column not in fixed:
            # The table has six digits behind the point.
            compare(events, "losses.csv", f"losses/{column}", losses, column, 1e-6)
    compare(events, "losses.csv", "learning_rate", losses, "learning_rate", 1e-7)
    # Two digits behind the point.
    compare(events, "losses.csv", "milliseconds_per_step", losses, "ms_per_step", 0.0051)
    for column in validations[0]:
        if column not in fixed:
            compare(events, "validation.csv", f"validation/{column}", validations, column, 1e-6)

    samples = {int(path.stem.removeprefix("step-")): path for path in (run / "samples").glob("step-*.png")}
    images = events.Images("samples")
    check("samples are the files in samples/", len(images) > 0 and all(
        image.encoded_image_string == samples[image.step].read_bytes() for image in images),
        f"{len(images)} of {len(samples)}")
    widths = {struct.unpack(">II", image.encoded_image_string[16:24]) for image in images}
    check("sizes of samples are their files'", widths == {(image.width, image.height) for image in images})

    texts = events.Tensors("options")
    text = texts[-1].tensor_proto.string_val[0].decode()
    check("options are a text", events.SummaryMetadata("options").plugin_data.plugin_name == text_metadata.PLUGIN_NAME)
    check("options are the run's", all(word in text for word in ("64", "BtoA", "| 60 |")), f"{len(text)} characters")
    if failures:
        print(text)
        print(events.Tags())
    print(f"{failures} differences" if failures else "TensorBoard reads what the run wrote")
    sys.exit(failures > 0)


main(sys.argv[1])
