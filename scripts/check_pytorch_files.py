"""Holds `pix2pix import` and `pix2pix export --format pth` to PyTorch. See scripts/check-pytorch-files."""

import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
from PIL import Image

from second_networks import PatchGAN, ResNet, UNet, as_in_training, random_weights

# Of 8 bits: rounding may differ where a value lies between two levels.
PICTURE_BOUND = 1

GENERATORS = {
    "U-Net, 5 levels": (UNet, {"levels": 5}, []),
    "U-Net, 6 levels": (UNet, {"levels": 6}, ["--dropout"]),
    "U-Net, 7 levels, no dropout": (UNet, {"levels": 7, "dropout": False}, ["--no-dropout"]),
    "U-Net, 8 levels": (UNet, {"levels": 8}, ["--dropout"]),
    "U-Net, instance norm": (UNet, {"levels": 6, "norm": "instance"}, ["--dropout", "--norm", "instance"]),
    "U-Net, no norm": (UNet, {"levels": 6, "norm": "none"}, ["--dropout", "--norm", "none"]),
    "U-Net, gray to colour": (UNet, {"levels": 6, "inputs": 1}, ["--dropout"]),
    "ResNet-6": (ResNet, {"blocks": 6}, ["--size", "64"]),
    "ResNet-6, dropout": (ResNet, {"blocks": 6, "dropout": True}, ["--size", "64"]),
    "ResNet-9, instance norm": (ResNet, {"blocks": 9, "norm": "instance"}, ["--size", "64", "--norm", "instance"]),
    "ResNet-9, batch norm": (ResNet, {"blocks": 9}, ["--size", "96x64"]),
}
DISCRIMINATORS = {f"PatchGAN, {layers} layers": {"layers": layers} for layers in (0, 1, 2, 3, 4)}
FORMS = ("zip", "older", "half", "module")


def save(state, path, form):
    if form == "half":
        state = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
    if form == "module":
        state = {"module." + key: value for key, value in state.items()}
    torch.save(state, path, _use_new_zipfile_serialization=form != "older")


def run(program, *arguments):
    outcome = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if outcome.returncode != 0:
        sys.exit(f"pix2pix {' '.join(map(str, arguments))}: {outcome.stderr}")


def picture_difference(program, folder, network, model, size, channels, *options):
    """The largest difference of a translation, in levels of 8 bits."""
    pixels = numpy.random.default_rng(3).integers(0, 256, (size[1], size[0], channels), dtype=numpy.uint8)
    Image.fromarray(pixels.squeeze()).save(folder / "input.png")
    run(program, "translate", "--model", model, "--input", folder / "input.png", "--out", folder / "output.png",
        "--dropout", "off", *options)
    ours = numpy.asarray(Image.open(folder / "output.png"), dtype=numpy.int32)
    planes = torch.from_numpy(pixels.astype(numpy.float32) / 127.5 - 1).permute(2, 0, 1)[None]
    with torch.no_grad():
        theirs = as_in_training(network)(planes)[0].permute(1, 2, 0).numpy()
    return int(numpy.abs(ours - numpy.round((theirs + 1) * 127.5).clip(0, 255)).max())


def main(program):
    failures = 0
    print("| network | read as written (zip, older, half, module.) | pictures, largest difference | after fine-tuning |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary)
        run(program, "sample-pairs", "--out", root / "pairs", "--count", 4, "--size", 64)
        for number, (title, (kind, settings, answers)) in enumerate(GENERATORS.items()):
            folder = root / str(number)
            folder.mkdir()
            network = random_weights(kind(**settings), number)
            expected = {key: value.clone() for key, value in network.state_dict().items()}
            equal = []
            for form in FORMS:
                save(expected, folder / f"{form}.pth", form)
                run(program, "import", folder / f"{form}.pth", "--out", folder / form, *answers)
                run(program, "export", "--model", folder / form, "--format", "pth", "--out", folder / f"{form}-back.pth")
                back = torch.load(folder / f"{form}-back.pth", weights_only=True)
                want = {k: v.half().float() if form == "half" and v.is_floating_point() else v for k, v in expected.items()}
                # A state_dict does not know how often norms have run: the count begins again.
                equal.append(back.keys() == want.keys() and all(
                    torch.equal(back[key], want[key]) for key in want if not key.endswith("num_batches_tracked")))
            channels = settings.get("inputs", 3)
            size = (96, 64) if "96x64" in answers else (64, 64) if kind is ResNet else (2 ** settings["levels"],) * 2
            difference = picture_difference(program, folder, network, folder / "zip", size, channels)

            # Fine-tuned by this program, and back in PyTorch.
            tuned = "not tried"
            if channels == 3:
                run(program, "train", "--data", root / "pairs", "--from", folder / "zip", "--steps", 3, "--out", folder / "tuned")
                run(program, "export", "--model", folder / "tuned", "--format", "pth", "--out", folder / "tuned.pth")
                network.load_state_dict(torch.load(folder / "tuned.pth", weights_only=True), strict=True)
                tuned = picture_difference(program, folder, network, folder / "tuned", size, channels)
            good = all(equal) and difference <= PICTURE_BOUND and (tuned == "not tried" or tuned <= PICTURE_BOUND)
            failures += not good
            marks = ", ".join("equal" if each else "DIFFERS" for each in equal)
            print(f"| {title} | {marks} | {difference}/255 | {tuned}{'' if tuned == 'not tried' else '/255'} |", flush=True)

        generator = random_weights(UNet(levels=5), 50)
        torch.save(generator.state_dict(), root / "G.pth")
        for number, (title, settings) in enumerate(DISCRIMINATORS.items()):
            network = random_weights(PatchGAN(**settings), 100 + number)
            torch.save(network.state_dict(), root / "D.pth")
            size = 256 if settings["layers"] > 3 else 64
            run(program, "import", root / "G.pth", "--discriminator", root / "D.pth", "--size", size, "--out", root / f"d{number}")
            run(program, "export", "--model", root / f"d{number}", "--format", "pth", "--network", "D", "--out", root / f"d{number}.pth")
            back = torch.load(root / f"d{number}.pth", weights_only=True)
            network.load_state_dict(back, strict=True)
            equal = all(torch.equal(value, back[key]) for key, value in torch.load(root / "D.pth").items()
                        if not key.endswith("num_batches_tracked"))
            failures += not equal
            print(f"| {title} | {'equal' if equal else 'DIFFERS'} | | |", flush=True)

        # A CycleGAN: in, trained on without pairs, and back in PyTorch, in both directions.
        networks = {"G_A": ResNet(blocks=6, norm="instance"), "G_B": ResNet(blocks=6, norm="instance"),
                    "D_A": PatchGAN(layers=2, norm="instance", inputs=3), "D_B": PatchGAN(layers=2, norm="instance", inputs=3)}
        for number, (name, network) in enumerate(networks.items()):
            torch.save(random_weights(network, 200 + number).state_dict(), root / f"latest_net_{name}.pth")
        run(program, "import", root / "latest_net_G_A.pth", "--back", root / "latest_net_G_B.pth", "--discriminator",
            root / "latest_net_D_A.pth", "--back-discriminator", root / "latest_net_D_B.pth", "--norm", "instance",
            "--size", 64, "--out", root / "cycle")
        run(program, "sample-pairs", "--out", root / "sides", "--count", 4, "--size", 64, "--layout", "folders")
        run(program, "train", "--unpaired", "--data", root / "sides", "--from", root / "cycle", "--steps", 3, "--out", root / "cycle-tuned")
        # PyTorch's D_A judges what G_A draws, pictures of B: ours is named by them.
        ours = {"G_A": "G_A", "G_B": "G_B", "D_A": "D_B", "D_B": "D_A"}
        for name, network in networks.items():
            equal = []
            for model in ("cycle", "cycle-tuned"):
                run(program, "export", "--model", root / model, "--format", "pth", "--network", ours[name], "--out", root / f"{model}-{name}.pth")
                back = torch.load(root / f"{model}-{name}.pth", weights_only=True)
                equal.append(all(torch.equal(value, back[key]) for key, value in torch.load(root / f"latest_net_{name}.pth").items()))
                network.load_state_dict(back, strict=True)
            # Three steps have changed the weights.
            good = equal == [True, False]
            failures += not good
            print(f"| CycleGAN, {name} | {'equal' if good else 'DIFFERS'} | | |", flush=True)
        for name, direction in (("G_A", "AtoB"), ("G_B", "BtoA")):
            difference = picture_difference(
                program, root, networks[name], root / "cycle-tuned", (64, 64), 3, "--direction", direction)
            failures += difference > PICTURE_BOUND
            print(f"| CycleGAN, {name} | | | {difference}/255 |", flush=True)
    print(f"{failures} failures")
    sys.exit(failures > 0)


main(sys.argv[1])
