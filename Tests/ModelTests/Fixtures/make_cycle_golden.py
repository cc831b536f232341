"""Trains a small CycleGAN for three steps with PyTorch in float64: what the step of Sources/Model is held to.

    python make_cycle_golden.py          needs torch and safetensors; writes cycle/golden.* and cycle-without-identity/golden.*

Networks are the PyTorch version's (modules' names and order), the step is its order too: both generators by the
discriminators of before, then each discriminator by half of its two losses. Bounds come from the same run in float32.
"""

import json
import pathlib

import torch
from safetensors.torch import save_file
from torch import nn

from make_networks import SLOPE, resnet

SIZE, NGF, NDF, LAYERS, STEPS = 32, 2, 2, 2, 3
instance = lambda channels: nn.InstanceNorm2d(channels)


def patch_discriminator():
    layers = [nn.Conv2d(3, NDF, 4, 2, 1), nn.LeakyReLU(SLOPE)]
    channels = NDF
    for n in range(1, LAYERS + 1):
        outputs = NDF * min(2**n, 8)
        layers += [nn.Conv2d(channels, outputs, 4, 2 if n < LAYERS else 1, 1), instance(outputs), nn.LeakyReLU(SLOPE)]
        channels = outputs
    network = nn.Module()
    network.model = nn.Sequential(*layers, nn.Conv2d(channels, 1, 4, 1, 1))
    network.forward = lambda x: network.model(x)
    return network


def make_networks():
    torch.manual_seed(3)
    networks = {name: resnet(6, 3, 3, NGF, instance, True, False) for name in ("G_A", "G_B")}
    networks |= {name: patch_discriminator() for name in ("D_B", "D_A")}
    for network in networks.values():
        for name, parameter in network.named_parameters():
            nn.init.normal_(parameter, 0, 0.2 if name.endswith("weight") else 0.05)
    return networks


def run(weights, dtype):
    networks = {name: network.to(dtype) for name, network in make_networks().items()}
    tensors = {f"init.{n}.{n}.{p}": v.detach().clone() for n, net in networks.items() for p, v in net.named_parameters()}
    generator = torch.Generator().manual_seed(5)
    inputs = torch.rand(2, STEPS, 1, 3, SIZE, SIZE, generator=generator, dtype=torch.float64) * 2 - 1
    adam = lambda *names: torch.optim.Adam(
        [p for name in names for p in networks[name].parameters()], lr=2e-4, betas=(0.5, 0.999))
    optimizers = [adam("G_A", "G_B"), adam("D_B"), adam("D_A")]
    g, f, d_b, d_a = (networks[name] for name in ("G_A", "G_B", "D_B", "D_A"))
    square = lambda logits, target: ((logits - target) ** 2).mean()
    l1 = lambda x, y: (x - y).abs().mean()
    losses = []
    for step in range(STEPS):
        a, b = inputs[0, step].to(dtype), inputs[1, step].to(dtype)
        for side, value in (("A", a), ("B", b)):
            tensors[f"input.{side}.{step}"] = value
        fake_b, fake_a = g(a), f(b)
        back_a, back_b = f(fake_b), g(fake_a)
        judged_b, judged_a = d_b(fake_b), d_a(fake_a)
        terms = {
            "G_GAN": square(judged_b, 1), "F_GAN": square(judged_a, 1),
            "cycle_A": weights["cycle"] * l1(back_a, a), "cycle_B": weights["cycleBack"] * l1(back_b, b),
        }
        passes = {"G_A": [fake_b, None, back_b], "G_B": [fake_a, back_a, None]}
        if weights["identity"]:
            same_a, same_b = f(a), g(b)
            passes["G_A"][1], passes["G_B"][2] = same_b, same_a
            terms["identity_A"] = weights["identity"] * weights["cycle"] * l1(same_a, a)
            terms["identity_B"] = weights["identity"] * weights["cycleBack"] * l1(same_b, b)
        optimizers[0].zero_grad()
        sum(terms.values()).backward()
        gradients = {f"grad.{n}.{n}.{p}": v.grad.clone() for n in ("G_A", "G_B") for p, v in networks[n].named_parameters()}
        optimizers[0].step()
        logits = {}
        for name, judge, fake, real, optimizer in (("D_B", d_b, fake_b, b, optimizers[1]), ("D_A", d_a, fake_a, a, optimizers[2])):
            optimizer.zero_grad()
            logits[name] = [judge(fake.detach()), judge(real)]
            key = name.replace("_", "")
            terms[f"{key}_real"], terms[f"{key}_fake"] = square(logits[name][1], 1), square(logits[name][0], 0)
            ((terms[f"{key}_real"] + terms[f"{key}_fake"]) / 2).backward()
            gradients |= {f"grad.{name}.{name}.{p}": v.grad.clone() for p, v in judge.named_parameters()}
            optimizer.step()
        losses.append({name: float(value) for name, value in terms.items()})
        if step == 0:
            tensors |= gradients
            last = {name: len(networks[name].model) - 1 for name in networks}
            for name, outputs in passes.items():
                for number, output in enumerate(o for o in outputs if o is not None):
                    tensors[f"forward.{name}.{name}.model.{last[name]}.{number}"] = output.detach().clone()
            for name, judged in (("D_B", judged_b), ("D_A", judged_a)):
                for number, output in enumerate([judged] + logits[name]):
                    tensors[f"forward.{name}.{name}.model.{last[name]}.{number}"] = output.detach().clone()
    tensors |= {f"final.{n}.{n}.{p}": v.detach().clone() for n, net in networks.items() for p, v in net.named_parameters()}
    return tensors, losses


def write(folder, weights):
    exact, losses = run(weights, torch.float64)
    rounded, rounded_losses = run(weights, torch.float32)
    noise = {}
    for name, value in exact.items():
        if not name.startswith(("init", "input")):
            difference = (rounded[name].double() - value).norm() / value.norm()
            noise[name] = float(difference)
    loss_noise = max(abs(b[k] - a[k]) / abs(a[k]) for a, b in zip(losses, rounded_losses) for k in a)
    place = pathlib.Path(__file__).parent / folder
    place.mkdir(exist_ok=True)
    save_file({name: value.float().contiguous() for name, value in exact.items()}, place / "golden.safetensors")
    description = {
        "options": {"size": SIZE, "ngf": NGF, "ndf": NDF, "layers": LAYERS, "norm": "instance", "batch": 1,
                    "generator": "resnet-6", "unpaired": weights},
        "losses": losses, "loss_noise": loss_noise, "noise": noise,
    }
    (place / "golden.json").write_text(json.dumps(description, indent=1) + "\n")


if __name__ == "__main__":
    write("cycle", {"cycle": 10, "cycleBack": 7, "identity": 0.5})
    write("cycle-without-identity", {"cycle": 10, "cycleBack": 10, "identity": 0})
