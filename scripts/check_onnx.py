"""Compares exported ONNX models of every architecture with `pix2pix translate`; see check-onnx."""

import functools
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading

import numpy as np
import onnx
import onnxruntime
import png
from philox import normals
from PIL import Image

# Of the range of a plane, -1 to 1; pictures of 16 bits add 7.6e-6 by their rounding.
BOUND = 1e-4
# Bytes are rounded besides.
BYTE_BOUND = 0.5 / 255 + BOUND
# Word 3 of the counters of latent codes.
CODE_PURPOSE = 0xC0DE
# The stream of a translation's noise: see `RandomStreams`.
NOISE_STREAM = 1900
SIZE = 64
# Neither side is a multiple of what the networks halve.
OWN = (150, 230)
TRAINING = ["--ngf", "8", "--ndf", "8", "--patch", "16", "--steps", "12", "--validate-every", "0",
            "--sample-every", "1000"]

# Name, options of train, inputs and target (folders of the data).
MODELS = [
    ("unet, 6 levels", [], ["labels"], "photos"),
    ("unet, 2 levels", ["--levels", "2"], ["labels"], "photos"),
    ("unet, 3 levels", ["--levels", "3"], ["labels"], "photos"),
    ("unet, 8 levels, 256 x 256", ["--size", "256"], ["labels"], "photos"),
    ("unet, 96 x 64", ["--size", "96x64"], ["labels"], "photos"),
    ("unet, 7 levels, 128 x 128", ["--size", "128"], ["labels"], "photos"),
    ("unet, no dropout", ["--no-dropout"], ["labels"], "photos"),
    ("unet, resize", ["--upsampling", "resize"], ["labels"], "photos"),
    ("unet, instance norm", ["--norm", "instance"], ["labels"], "photos"),
    ("unet, affine instance norm", ["--norm", "instance", "--affine"], ["labels"], "photos"),
    ("unet, no norm", ["--norm", "none"], ["labels"], "photos"),
    ("unet, noise", ["--noise", "gaussian"], ["labels"], "photos"),
    ("unet, latent codes", ["--latent", "8"], ["labels"], "photos"),
    ("unet, latent codes and noise beside the picture",
     ["--latent", "3", "--latent-at", "input", "--noise", "gaussian:2"], ["labels"], "photos"),
    ("encoder-decoder", ["--generator", "encoder-decoder"], ["labels"], "photos"),
    ("encoder-decoder, resize, noise", ["--generator", "encoder-decoder", "--upsampling", "resize",
                                        "--noise", "gaussian:3"], ["labels"], "photos"),
    ("resnet-6", ["--generator", "resnet-6"], ["labels"], "photos"),
    ("resnet-6, resize", ["--generator", "resnet-6", "--upsampling", "resize"], ["labels"], "photos"),
    ("resnet-6, no norm, noise", ["--generator", "resnet-6", "--norm", "none", "--noise", "gaussian"],
     ["labels"], "photos"),
    ("resnet-9, affine instance norm", ["--generator", "resnet-9", "--norm", "instance", "--affine"],
     ["labels"], "photos"),
    ("class planes to photographs", ["--labels", "palette"], ["labels"], "photos"),
    ("class indices to photographs", ["--labels", "index"], ["indices"], "photos"),
    ("photographs to classes, cross-entropy",
     ["--objective", "cross-entropy", "--target-format", "palette"], ["photos"], "labels"),
    ("photographs to gray classes", ["--target-format", "index"], ["photos"], "indices"),
    ("gray to colour", [], ["gray"], "photos"),
    ("two inputs", ["--input-format", "rgb", "--input-format", "palette"], ["photos", "labels"], "gray"),
    ("arrays of 5 channels", [], ["arrays"], "arrays"),
    ("inpaint", ["--task", "inpaint"], ["photos"], None),
    ("edges", ["--task", "edges"], ["photos"], None),
]
# Each trains and translates on it. The reference sums in Double, and needs no kernels for every architecture.
DEVICE = ["--device", os.environ.get("DEVICE", "reference")]
failures = 0


def run(program, *arguments):
    result = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"pix2pix {' '.join(map(str, arguments))} failed: {result.stderr}")
    return result.stdout


# Pictures


def make_data(folder, photos, labels):
    """Pairs of the same names: photographs, label maps, class indices, grays and arrays."""
    files = sorted(p for p in pathlib.Path(photos).rglob("*") if p.suffix.lower() in (".png", ".jpg", ".jpeg"))[:13]
    if len(files) < 13:
        sys.exit(f"{photos} has {len(files)} pictures; 13 are needed")
    for name in ("photos", "labels", "indices", "gray", "arrays"):
        (folder / name).mkdir()
    pairs = []
    for file in files:
        if labels is None:
            both = np.asarray(Image.open(file).convert("RGB"))
            pairs.append((both[:, :both.shape[1] // 2], both[:, both.shape[1] // 2:]))
        else:
            other = next(p for p in pathlib.Path(labels).iterdir() if p.stem == file.stem)
            pairs.append((np.asarray(Image.open(file).convert("RGB")), np.asarray(Image.open(other).convert("RGB"))))
    packed = [pair[1].astype(np.int64) @ [65536, 256, 1] for pair in pairs]
    colours = np.unique(np.concatenate([p.reshape(-1) for p in packed]))
    for number, ((photo, label), numbers) in enumerate(zip(pairs, packed)):
        name = f"{number:02d}"
        # Levels apart: indices are gray levels, not places.
        indices = (3 * np.searchsorted(colours, numbers)).astype(np.uint8)
        gray = np.asarray(Image.fromarray(photo).convert("L"))
        Image.fromarray(photo).save(folder / "photos" / f"{name}.png")
        Image.fromarray(label).save(folder / "labels" / f"{name}.png")
        Image.fromarray(indices).save(folder / "indices" / f"{name}.png")
        Image.fromarray(gray).save(folder / "gray" / f"{name}.png")
        np.save(folder / "arrays" / f"{name}.npy", np.dstack([photo, gray, indices]))


def load(file):
    """[height, width, channels]"""
    array = np.load(file) if file.suffix == ".npy" else np.asarray(Image.open(file))
    return array if array.ndim == 3 else array[:, :, np.newaxis]


def save(array, file):
    if file.suffix == ".npy":
        np.save(file, array)
    else:
        Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array).save(file)


def load_16(file):
    """A picture of 16 bits as planes from -1 to 1."""
    if file.suffix == ".npy":
        array = np.load(file).astype(np.float64)
    else:
        width, height, rows, info = png.Reader(filename=str(file)).asDirect()
        array = np.vstack([np.asarray(row, dtype=np.float64) for row in rows]).reshape(height, width, info["planes"])
    return (array / 32767.5 - 1).transpose(2, 0, 1)


def crop(inputs, height, width, task):
    """The middle of the test pictures; for inpainting with a hole. A corner of a label map may have one class only, and norms
    make of a plane without variance its rounding, some 300 times as large."""
    top, left = ((side - size) // 2 for side, size in zip(inputs[0].shape, (height, width)))
    arrays = [array[top: top + height, left: left + width] for array in inputs]
    if task == "inpaint":
        alpha = np.full((height, width, 1), 255, np.uint8)
        alpha[height // 4: height // 2, width // 4: width // 2] = 0
        arrays = [np.dstack([arrays[0], alpha])]
    return arrays


def planes(arrays, metadata, task):
    """What the network takes, [1, planes, height, width]."""
    result = []
    for number, array in enumerate(arrays):
        classes = metadata.get("input_classes" if number == 0 else f"input{number + 1}_classes")
        if classes is None:
            samples = (array.astype(np.float32) / np.float32(127.5) - 1).transpose(2, 0, 1)
            if task == "inpaint":
                hole = samples[3:] < 0
                samples = np.concatenate([np.where(hole, 0, samples[:3]), hole])
            result.append(samples)
        else:
            colours = np.array([[int(c[i:i + 2], 16) for i in (1, 3, 5)] for c in classes.split()])
            rgb = np.broadcast_to(array, (*array.shape[:2], 3))
            result.append((rgb[np.newaxis] == colours[:, np.newaxis, np.newaxis]).all(axis=3))
    return np.concatenate(result)[np.newaxis].astype(np.float32)


def frame(x, metadata):
    """Mirrored at the right and at the bottom up to what the network takes."""
    multiple, least = int(metadata["size_multiple"]), int(metadata["least_size"])
    pads = [max(-(-side // multiple) * multiple, least) - side for side in x.shape[2:]]
    return np.pad(x, [(0, 0), (0, 0), (0, pads[0]), (0, pads[1])], mode="reflect")


# Models


def session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model if isinstance(model, bytes) else str(model), options)


def export(program, model, out, *options):
    run(program, "export", "--model", model, "--format", "onnx", "--out", out, "--overwrite", *options)
    # Shapes are inferred in strict mode.
    onnx.checker.check_model(str(out), full_check=True)
    return onnx.load(str(out))


def noise_of(metadata, size):
    maps = int(metadata["noise_maps"])
    if maps == 0:
        return {}
    seed = json.loads(metadata["options"])["seed"]
    count = maps * size[0] * size[1]
    numbers = normals(count, NOISE_STREAM, 0, seed)
    return {"noise": numbers.reshape(1, maps, *size).astype(np.float32)}


def code_of(metadata):
    """The code of a folder's first picture: see `LatentCode.drawn`."""
    length = int(metadata["code_length"])
    if length == 0:
        return {}
    numbers = normals(length, 0, CODE_PURPOSE, json.loads(metadata["options"])["seed"])
    return {"code": numbers.reshape(1, length).astype(np.float32)}


def with_noise_as_input(model, maps):
    """The model of pixels with given noise in place of its own."""
    for node in model.graph.node:
        if node.op_type == "RandomNormalLike":
            model.graph.input.append(
                onnx.helper.make_tensor_value_info(node.output[0], onnx.TensorProto.FLOAT, [1, maps, "h", "w"]))
            model.graph.node.remove(node)
            return model.SerializeToString()
    sys.exit("a model with noise draws none")


class Case:
    """A trained model with the pictures that it is tried on."""

    def __init__(self, program, folder, data, name, options, inputs, target):
        self.program, self.folder = program, folder
        folder.mkdir()
        self.run = folder / "run"
        self.task = options[options.index("--task") + 1] if "--task" in options else None
        arguments = ["--data", data / inputs[0]]
        for more in inputs[1:]:
            arguments += ["--input", data / more]
        if target:
            arguments += ["--targets", data / target]
        size = [] if "--size" in options else ["--size", SIZE]
        run(program, "train", *arguments, *size, *TRAINING, *options, *DEVICE, "--out", self.run)
        # Edges are drawn in gray.
        folders = ["gray"] if self.task == "edges" else inputs
        self.extension = ".npy" if folders[0] == "arrays" else ".png"
        self.inputs = [load(data / f / f"12{self.extension}") for f in folders]

    def translate(self, arrays, *options):
        """Our own output; a label map where the model draws classes."""
        files = []
        for number, array in enumerate(arrays):
            files.append(self.folder / f"in{number}{self.extension}")
            save(array, files[-1])
        out = self.folder / f"out{self.extension}"
        inputs = [argument for file in files for argument in ("--input", file)]
        run(self.program, "translate", "--model", self.run, *inputs, "--out", out, "--dropout", "off", "--bit-depth",
            "16", "--overwrite", *DEVICE, *options)
        return out

    def difference(self, result, out, metadata):
        """Of the model's planes [C, H, W] from our picture, in parts of the range."""
        classes = metadata.get("output_classes")
        if classes is None:
            return float(np.abs(result - load_16(out)).max()) / 2
        # How far the class in our label map is behind the largest.
        colours = np.array([[int(c[i:i + 2], 16) for i in (1, 3, 5)] for c in classes.split()])
        ours = np.asarray(Image.open(out).convert("RGB"))
        chosen = (ours[np.newaxis] == colours[:, np.newaxis, np.newaxis]).all(axis=3)
        assert (chosen.sum(axis=0) == 1).all()
        behind = result.max(axis=0) - np.where(chosen, result, -np.inf).max(axis=0)
        return float(behind.max() / (result.max() - result.min()))

    def planes(self, *options):
        """The differences at the trained size, at another one, and of a batch of two from two batches of one."""
        model = self.folder / "planes.onnx"
        export(self.program, self.run, model, *options)
        running = session(model)
        metadata = running.get_modelmeta().custom_metadata_map
        differences = []
        trained = (int(metadata["trained_height"]), int(metadata["trained_width"]))
        for size, flags in ((trained, []), (OWN, ["--size", "own"])):
            arrays = crop(self.inputs, *size, self.task)
            x = frame(planes(arrays, metadata, self.task), metadata)
            feeds = {"input": x, **noise_of(metadata, x.shape[2:]), **code_of(metadata)}
            (result,) = running.run(None, feeds)
            out = self.translate(arrays, *flags, *options)
            differences.append(self.difference(result[0, :, :size[0], :size[1]], out, metadata))
            # Another picture, mirrored; another code.
            two = {key: np.concatenate([value, -value if key == "code" else value[..., ::-1, :]])
                   for key, value in feeds.items()}
            (both,) = running.run(None, two)
        (second,) = running.run(None, {key: value[1:] for key, value in two.items()})
        differences.append(float(max(np.abs(both[:1] - result).max(), np.abs(both[1:] - second).max())) / 2)
        return differences

    def pixels(self):
        """The largest difference of bytes, in parts of the range."""
        file = self.folder / "pixels.onnx"
        model = export(self.program, self.run, file, "--pixels")
        metadata = {entry.key: entry.value for entry in model.metadata_props}
        arrays = crop(self.inputs, *OWN, self.task)
        feeds = {"input" if n == 0 else f"input{n + 1}": array[np.newaxis] for n, array in enumerate(arrays)} | code_of(metadata)
        running = session(file)
        drawn = running.run(None, feeds)[0]
        if int(metadata["noise_maps"]) > 0:
            (result,) = session(with_noise_as_input(model, int(metadata["noise_maps"]))).run(
                None, {**feeds, **noise_of(metadata, self.framed)})
            # Of one session: another one may begin with the same numbers.
            if (drawn == result).all() or (drawn == running.run(None, feeds)[0]).all():
                sys.exit("noise is not drawn anew")
        else:
            result = drawn
        out = self.translate(arrays, "--size", "own")
        if "output_classes" in metadata:
            ours = load(out)
            # A class may be another where two are as near as rounding.
            return float((ours != result[0]).any(axis=2).mean())
        return float(np.abs(result[0].transpose(2, 0, 1) / 127.5 - 1 - load_16(out)).max()) / 2

    @property
    def framed(self):
        metadata = session(self.folder / "planes.onnx").get_modelmeta().custom_metadata_map
        return frame(np.zeros((1, 1, *OWN), np.float32), metadata).shape[2:]


def judge(difference, bound):
    global failures
    right = difference <= bound
    failures += not right
    return f"{difference:.1e}" if right else f"**{difference:.1e}**"


def check_models(program, data, work):
    print("| model | planes | planes, another size | batch of two | running statistics | bytes |")
    print("|---|---:|---:|---:|---:|---:|", flush=True)
    for number, (name, options, inputs, target) in enumerate(MODELS):
        case = Case(program, work / f"{number:02d}", data, name, options, inputs, target)
        trained, own, batch = case.planes()
        cells = [judge(trained, BOUND), judge(own, BOUND), judge(batch, BOUND), ""]
        if not {"--norm", "--latent"} & set(options):
            cells[3] = judge(max(case.planes("--norm-statistics", "running")), BOUND)
        case.planes()
        cells.append(judge(case.pixels(), BYTE_BOUND))
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def check_refusals(program, data, work):
    """What no graph can do is said in a line."""
    global failures
    lightness = Case(program, work / "lightness", data, "", ["--task", "colorize"], ["photos"], None)
    plain = Case(program, work / "instance", data, "", ["--norm", "instance"], ["labels"], "photos").run
    for model, options, word in ((lightness.run, ["--pixels"], "--pixels"),
                                 (plain, ["--norm-statistics", "running"], "--norm-statistics")):
        out = work / "refused.onnx"
        result = subprocess.run(
            [program, "export", "--model", model, "--format", "onnx", *options, "--out", out],
            capture_output=True, text=True)
        lines = result.stderr.strip().split("\n")
        if result.returncode != 1 or len(lines) != 1 or word not in lines[0] or out.exists():
            print(f"{word} is not refused as it should be: {result.returncode} {result.stderr}")
            failures += 1
    export(program, lightness.run, work / "lightness.onnx")


def check_documents(program, data, work):
    """The Python of docs/ELSEWHERE.md, as it stands there."""
    global failures
    text = pathlib.Path("docs/ELSEWHERE.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 2
    model = Case(program, work / "documents", data, "", [], ["labels"], "photos").run
    array = load(data / "labels" / "12.png")[:3 * SIZE, :2 * SIZE]
    save(array, work / "input.png")
    export(program, model, work / "planes.onnx")
    export(program, model, work / "pixels.onnx", "--pixels")
    run(program, "translate", "--model", model, "--input", work / "input.png", "--out", work / "ours.png",
        "--dropout", "off", "--size", "own", *DEVICE)
    ours = load(work / "ours.png").astype(int)
    for block in blocks:
        subprocess.run([sys.executable, "-c", block], cwd=work, check=True)
        difference = np.abs(load(work / "output.png").astype(int) - ours).max()
        print(f"Python of docs/ELSEWHERE.md: {difference} of 255")
        failures += bool(difference > 1)
    # Their packages are not PyPI's.
    if headers := os.environ.get("ORT_INCLUDE"):
        check_cpp(re.search(r"```cpp\n(.*?)```", text, re.DOTALL)[1], headers, array, ours, work)
    if scripts := os.environ.get("ORT_WEB"):
        check_page(re.search(r"```html\n(.*?)```", text, re.DOTALL)[1], scripts, array, ours, work)


def check_cpp(block, headers, array, ours, work):
    """The C++ of docs/ELSEWHERE.md, with the headers of a release of ONNX Runtime and the library of the Python package."""
    global failures
    height, width = array.shape[:2]
    (work / "main.cpp").write_text(f"""
#include <array>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <vector>
#include <onnxruntime_cxx_api.h>
int main() {{
  const int64_t height = {height}, width = {width};
  std::ifstream file("input.raw", std::ios::binary);
  std::vector<uint8_t> rgb(std::istreambuf_iterator<char>(file), {{}});
{block}
  std::ofstream("output.raw", std::ios::binary).write(reinterpret_cast<const char*>(picture), 3 * height * width);
}}
""")
    (work / "input.raw").write_bytes(array.tobytes())
    library, = (pathlib.Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*")
    # The name by which programs ask for it.
    (work / "libonnxruntime.so.1").symlink_to(library)
    subprocess.run(["g++", "-std=c++20", "-I", headers, "main.cpp", "-o", "main", library, "-Wl,-rpath,$ORIGIN"],
                   cwd=work, check=True)
    subprocess.run([work / "main"], cwd=work, check=True)
    picture = np.frombuffer((work / "output.raw").read_bytes(), np.uint8).reshape(ours.shape)
    difference = np.abs(picture.astype(int) - ours).max()
    print(f"C++ of docs/ELSEWHERE.md: {difference} of 255")
    failures += bool(difference > 1)


def check_page(block, scripts, array, ours, work):
    """The page of docs/ELSEWHERE.md in Chromium, with the files of onnxruntime-web's dist."""
    global failures
    from playwright.sync_api import sync_playwright

    page_folder = work / "page"
    page_folder.mkdir()
    for file in pathlib.Path(scripts).iterdir():
        shutil.copy(file, page_folder)
    shutil.copy(work / "pixels.onnx", page_folder)
    (page_folder / "index.html").write_text(f"<!DOCTYPE html><title>A model in a page</title>{block}")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=page_folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.wait_for_function("window.ort")
        height, width = array.shape[:2]
        rgba = np.dstack([array, np.full((height, width), 255, np.uint8)])
        drawn = page.evaluate("""async ([bytes, width, height]) => {
          ort.env.wasm.numThreads = 1;
          const [source, target] = [0, 1].map(() => Object.assign(document.createElement("canvas"), {width, height}));
          source.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(bytes), width, height), 0, 0);
          await translate(source, target);
          return Array.from(target.getContext("2d").getImageData(0, 0, width, height).data);
        }""", [rgba.reshape(-1).tolist(), width, height])
        browser.close()
    server.shutdown()
    picture = np.array(drawn).reshape(height, width, 4)[:, :, :3]
    difference = np.abs(picture - ours).max()
    print(f"page of docs/ELSEWHERE.md: {difference} of 255")
    failures += bool(difference > 1)


def main(program, photos, labels=None):
    """ONLY=REGEX takes some of the models."""
    global MODELS
    MODELS = [model for model in MODELS if re.search(os.environ.get("ONLY", ""), model[0])]
    program = os.path.abspath(program)
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        (work / "data").mkdir()
        make_data(work / "data", photos, labels)
        check_models(program, work / "data", work)
        check_refusals(program, work / "data", work)
        check_documents(program, work / "data", work)
    print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}")
    print(f"{failures} differences beyond their bounds" if failures else "all within their bounds")
    sys.exit(failures > 0)


main(*sys.argv[1:])
