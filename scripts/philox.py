"""The program's random numbers a second time, from the papers."""

import numpy as np


def philox(counter, key):
    """Philox4x32-10 (Salmon et al. 2011) from the paper: arrays of four words and two words."""
    mask = np.uint64(0xFFFFFFFF)
    c = [np.asarray(word, dtype=np.uint64) for word in counter]
    k = [int(word) for word in key]
    for _ in range(10):
        high, low = [], []
        for word, multiplier in ((c[0], 0xD2511F53), (c[2], 0xCD9E8D57)):
            product = word * np.uint64(multiplier)
            high.append(product >> np.uint64(32))
            low.append(product & mask)
        c = [high[1] ^ c[1] ^ np.uint64(k[0]), low[1], high[0] ^ c[3] ^ np.uint64(k[1]), low[0]]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def normals(count, stream, step, seed):
    """Box and Muller's numbers (1958) as `GaussianNoise` documents them: number e % 4 of the counter (e / 4, 0, stream, step)."""
    block = np.arange((count + 3) // 4)
    words = philox(
        (block, np.zeros_like(block), np.full_like(block, stream), np.full_like(block, step)),
        (seed & 0xFFFFFFFF, seed >> 32))
    u0, v0, u1, v1 = (word.astype(np.float64) for word in words)
    numbers = []
    for u, v in ((u0, v0), (u1, v1)):
        radius, angle = np.sqrt(-2 * np.log((u + 1) / 2**32)), 2 * np.pi * v / 2**32
        numbers += [radius * np.cos(angle), radius * np.sin(angle)]
    return np.stack(numbers, axis=1).reshape(-1)[:count]
