"""What scripts/doc-pictures does."""

import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

from bench import Page, Server
from PIL import Image
from playwright.sync_api import sync_playwright

# Pixels on a side.
SIZE = 128
PICTURES = Path("docs/pictures")
FACADE_CLASSES = Path("SamplePairs/Sources/SamplePairs/FacadeClass.swift")
SMALL = ["--size", SIZE, "--ngf", 32, "--ndf", 32]
# The options of scripts/demo, the recipe of the first picture.
DEMO = re.search(r'train --data "\$out/pairs" (.*?) --out', Path("scripts/demo").read_text().replace("\\\n", ""))[1].split()
# Those of them that make sharp pictures early.
LOOKS = DEMO[DEMO.index("--upsampling"):]
# Epochs of the longer training, whose pictures the README shows.
LONG = 24
# Pairs of the rows of pictures, by their place in the validation set.
SHOWN = [0, 1, 2, 3, 4, 5]


class Maker:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.pairs = folder / "pairs"

    def run(self, *arguments):
        subprocess.run([self.program, *map(str, arguments)], check=True)

    def make_pairs(self):
        if self.pairs.exists():
            return
        self.run("sample-pairs", "--out", self.pairs, "--count", 800, "--size", SIZE, "--layout", "folders")

    def train(self, name, *options):
        run = self.folder / name
        if not (run / "report.html").exists() or not list((run / "checkpoints").glob("*")):
            self.run("train", *options, "--out", run)
        return run


def rows(strip):
    """A sample strip, which has a pair in each row, with a pair in each column: inputs above outputs above targets."""
    height = strip.height // SIZE
    turned = Image.new("RGB", (height * SIZE, 3 * SIZE))
    for pair in range(height):
        for part in range(3):
            box = (part * SIZE, pair * SIZE, (part + 1) * SIZE, (pair + 1) * SIZE)
            turned.paste(strip.crop(box), (pair * SIZE, part * SIZE))
    return turned


def samples(run):
    return sorted((run / "samples").glob("step-*.png"))


def picture(file):
    return Image.open(file).convert("RGB")


def save(image, name):
    image.save(PICTURES / name, quality=88, optimize=True)
    print(f"{PICTURES / name}: {(PICTURES / name).stat().st_size >> 10} KiB")


def spread(files, count):
    """Some files from the first to the last, each about as many times later than the one before."""
    places = {round((len(files)) ** (place / (count - 1))) - 1 for place in range(count)}
    return [files[place] for place in sorted(places)]


def course(run):
    """The same pairs at several steps: beside each other, and as a film."""
    chosen = [rows(picture(file)) for file in spread(samples(run), 8)]
    sheet = Image.new("RGB", (len(chosen) * SIZE, 3 * SIZE))
    for column, strip in enumerate(chosen):
        for pair in range(3):
            output = strip.crop((pair * SIZE, SIZE, (pair + 1) * SIZE, 2 * SIZE))
            sheet.paste(output, (column * SIZE, pair * SIZE))
    save(sheet, "course.jpg")
    frames = [rows(picture(file)).crop((0, 0, 4 * SIZE, 2 * SIZE)) for file in spread(samples(run), 24)]
    frames[0].save(PICTURES / "course.webp", save_all=True, append_images=frames[1:], quality=75, method=6, loop=0,
                   duration=[250] * (len(frames) - 1) + [3000])
    print(f"{PICTURES / 'course.webp'}: {(PICTURES / 'course.webp').stat().st_size >> 10} KiB, {len(frames)} frames")


def fronts(maker, run):
    """The README's rows: label maps, the model's pictures, the targets."""
    out = maker.folder / "fronts"
    inputs, targets = maker.pairs / "B/val", maker.pairs / "A/val"
    maker.run("translate", "--model", run, "--input", inputs, "--out", out)
    names = [file.name for file in sorted(out.glob("*.png"))]
    sheet = Image.new("RGB", (len(SHOWN) * SIZE, 3 * SIZE))
    for column, place in enumerate(SHOWN):
        for row, folder in enumerate((inputs, out, targets)):
            sheet.paste(picture(folder / names[place]), (column * SIZE, row * SIZE))
    save(sheet, "fronts.jpg")


def pages(maker, run):
    """The page to draw on and the report, as a browser shows them."""
    names = maker.folder / "labels.txt"
    colours = re.findall(r"case \.(\w+): \((\d+), (\d+), (\d+)\)", FACADE_CLASSES.read_text())
    names.write_text("".join(f"{red} {green} {blue} {name}\n" for name, red, green, blue in colours))
    server = Server(maker.program, run, "--port", 0, "--label-names", names)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = Page(browser.new_context(viewport={"width": 1180, "height": 960}))
        page.open_translate(server)
        page.page.click("#examples button >> nth=2")
        page.settle()
        page.page.evaluate("scrollTo(0, 0)")
        save(picture_of(page.page), "page.jpg")
        page.page.goto(f"file://{(run / 'report.html').resolve()}")
        parts = [picture_of(section) for section in page.page.locator("section:has(svg)").all()]
        whole = Image.new("RGB", (parts[0].width, sum(part.height for part in parts)), "white")
        for place, part in enumerate(parts):
            whole.paste(part, (0, sum(one.height for one in parts[:place])))
        save(whole, "report.jpg")
        browser.close()
    server.stop()


def unpaired(maker):
    """Both directions between label maps and fronts of which none belong together, of pictures not trained on."""
    side, pairs, data = 64, maker.folder / "small-pairs", maker.folder / "sides"
    if not data.exists():
        maker.run("sample-pairs", "--out", pairs, "--count", 900, "--size", side, "--layout", "folders")
        for split in ("train", "val"):
            for letter in "AB":
                (data / f"{split}{letter}").mkdir(parents=True)
            for number, file in enumerate(sorted((pairs / "A" / split).iterdir())):
                # Every other front, and the label maps of the rest.
                source, letter = (pairs / "A" / split, "B") if number % 2 else (pairs / "B" / split, "A")
                shutil.copy(source / file.name, data / f"{split}{letter}" / file.name)
    run = maker.train("unpaired", "--unpaired", "--data", data, "--size", side, "--ngf", 24, "--ndf", 32,
                      "--learning-rate", 4e-4, "--steps", 6000, "--validate-every", 5)
    strip = picture(samples(run)[-1])
    save(strip.resize((2 * strip.width, 2 * strip.height), Image.Resampling.BICUBIC), "unpaired.jpg")


def codes(maker):
    """Fronts drawn of label maps with the codes of other fronts: a front's code in each column."""
    side, pairs = 64, maker.folder / "small-pairs"
    if not pairs.exists():
        maker.run("sample-pairs", "--out", pairs, "--count", 900, "--size", side, "--layout", "folders")
    run = maker.train("codes", "--latent", 8, "--data", pairs / "B", "--targets", pairs / "A", "--size", side, "--ngf", 32,
                      "--ndf", 32, "--batch-size", 4, "--init", "normal", "--learning-rate", 4e-4, "--steps", 6000,
                      "--validate-every", 5)
    fronts, labels = (sorted((pairs / letter / "val").iterdir()) for letter in "AB")
    sheet = Image.new("RGB", (7 * side, 4 * side), "white")
    for column, front in enumerate(fronts[:6], 1):
        sheet.paste(picture(front), (column * side, 0))
        for row, label in enumerate(labels[10:13], 1):
            out = maker.folder / "coded.png"
            maker.run("translate", "--model", run, "--input", label, "--encode", front, "--out", out, "--overwrite", "--quiet")
            sheet.paste(picture(label), (0, row * side))
            sheet.paste(picture(out), (column * side, row * side))
    save(sheet.resize((2 * sheet.width, 2 * sheet.height), Image.Resampling.BICUBIC), "codes.jpg")


def picture_of(thing):
    return Image.open(io.BytesIO(thing.screenshot())).convert("RGB")


def main(program, folder):
    maker = Maker(program, Path(folder))
    PICTURES.mkdir(parents=True, exist_ok=True)
    maker.make_pairs()
    photos, labels = maker.pairs / "A", maker.pairs / "B"
    maker.run("check", "--data", maker.pairs, "--direction", "BtoA", "--sheet", maker.folder / "pairs.png")
    sheet = picture(maker.folder / "pairs.png")
    save(sheet.crop((0, 0, sheet.width, sheet.height // 2)), "pairs.jpg")
    run = maker.train("run", "--data", maker.pairs, *DEMO)
    save(rows(picture(samples(run)[-1])), "labels.jpg")
    # The same for longer.
    long = maker.train("long", "--data", maker.pairs, *DEMO, "--epochs", LONG, "--sample-every", 90)
    course(long)
    fronts(maker, long)
    pages(maker, long)
    tasks = {
        "segmentation": ["--data", photos, "--targets", labels, "--target-format", "palette",
                         "--objective", "cross-entropy"],
        "colorize": ["--data", photos, "--task", "colorize"],
        "edges": ["--data", photos, "--task", "edges", *LOOKS],
    }
    for name, options in tasks.items():
        save(rows(picture(samples(maker.train(name, *options, *SMALL, "--epochs", 6))[-1])), f"{name}.jpg")
    unpaired(maker)
    codes(maker)


main(*sys.argv[1:])
