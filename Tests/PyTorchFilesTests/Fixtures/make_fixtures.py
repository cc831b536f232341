"""Writes state_dict.pth and older.pth, the same tensors in both formats of torch.save (any PyTorch from 1.6 on):

    python3 make_fixtures.py
"""

import collections
import pathlib

import torch

here = pathlib.Path(__file__).parent


def numbers(*shape, dtype=torch.float32):
    """0, 0.5, 1, … row-major, less 2: exact in every type of floats."""
    count = torch.Size(shape).numel()
    return (torch.arange(count, dtype=torch.float64) * 0.5 - 2).reshape(shape).to(dtype)


shared = numbers(4, 3)
tensors = collections.OrderedDict(
    float32=numbers(2, 3, 4),
    float64=numbers(5, dtype=torch.float64),
    float16=numbers(3, 3, dtype=torch.float16),
    bfloat16=numbers(7, dtype=torch.bfloat16),
    int64=torch.arange(-2, 3),
    int32=torch.arange(-2, 3, dtype=torch.int32),
    int16=torch.arange(-2, 3, dtype=torch.int16),
    int8=torch.arange(-2, 3, dtype=torch.int8),
    uint8=torch.arange(250, 256, dtype=torch.uint8),
    bool=torch.tensor([True, False, True]),
    count=torch.tensor(41),
    empty=torch.zeros(0, 3),
    parameter=torch.nn.Parameter(numbers(2, 2)),
    first_rows=shared[:2],
    last_row=shared[3],
    transposed=numbers(2, 5).t(),
    every_second=numbers(3, 4)[:, ::2],
)
tensors["module.inner.weight"] = numbers(1, 2)
torch.save(tensors, here / "state_dict.pth")
torch.save({"epoch": 3, "state_dict": tensors}, here / "older.pth", _use_new_zipfile_serialization=False)
