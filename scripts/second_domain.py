"""The discrepancy of `pix2pix domain-gap` a second time, by scikit-learn. Used by scripts/check-metrics and by the fixtures of
ImageMetricsTests.
"""

import numpy as np
from philox import philox
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HALVINGS = 5


def shuffled(order, group, number, seed):
    """Fisher and Yates' shuffle with word 0 of the counter (place, number, "ME" 2, group)."""
    order = list(order)
    for last in range(len(order) - 1, 0, -1):
        word = int(philox((last, number, 0x4D450002, group), (seed & 0xFFFFFFFF, seed >> 32))[0])
        other = (word * (last + 1)) >> 32
        order[last], order[other] = order[other], order[last]
    return order


def halving(count, side, number, seed, twins=()):
    """The places in two halves; of twins, pairs of places on sides 0 and 1, both are in the same half."""
    first = [twins[i][side] for i in shuffled(range(len(twins)), 2, number, seed)[:len(twins) // 2]]
    others = [place for place in range(count) if place not in {twin[side] for twin in twins}]
    first += shuffled(others, side, number, seed)[:count // 2 - len(first)]
    return sorted(first), sorted(set(range(count)) - set(first))


def logistic(c=1.0):
    """To the last digits: the solver stops at a gradient below the tolerance."""
    return LogisticRegression(C=c, class_weight="balanced", solver="newton-cholesky", tol=1e-12, max_iter=1000)


def errors(a, b, components=None, seed=0, twins=()):
    """The balanced errors of the ten classifiers, of vectors [n][dimension]."""
    found = []
    for number in range(HALVINGS):
        halves = halving(len(a), 0, number, seed, twins), halving(len(b), 1, number, seed, twins)
        for inside, outside in ((0, 1), (1, 0)):
            trained = np.concatenate([a[halves[0][inside]], b[halves[1][inside]]])
            # Fewer vectors do not span as many.
            steps = [PCA(min(components, len(trained) - 1), svd_solver="full")] if components else []
            model = make_pipeline(*steps, StandardScaler(), logistic())
            model.fit(trained, [1] * len(halves[0][inside]) + [0] * len(halves[1][inside]))
            truth = [1] * len(halves[0][outside]) + [0] * len(halves[1][outside])
            guesses = model.predict(np.concatenate([a[halves[0][outside]], b[halves[1][outside]]]))
            found.append(1 - balanced_accuracy_score(truth, guesses))
    return found


def discrepancy(found):
    """The proxy A-distance of balanced errors."""
    return float(np.clip(2 * (1 - 2 * np.mean(found)), 0, 2))
