#!/usr/bin/env python3
"""Makes domain.json beside this file: what scikit-learn makes of classifiers, principal components and domains.

Needs numpy and scikit-learn; run it only to change the numbers.
"""

import json
import pathlib
import sys

import numpy as np
import sklearn
from sklearn.decomposition import PCA

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parents[2] / "scripts"))
import second_domain as second  # noqa: E402


def values(x):
    return x.flatten().tolist()


def vectors(generator, count, dimension, shift, mixing):
    return np.round(generator.normal(size=(count, dimension)) @ mixing + shift, 4)


def classifiers():
    """More vectors than numbers and fewer, sides of other sizes, two that nothing divides and two that a line does."""
    generator = np.random.default_rng(1)
    cases = [(30, 40, 5, 0.3, 1.0), (60, 9, 4, 0.5, 1.0), (8, 11, 30, 0.2, 1.0), (25, 25, 3, 0.0, 0.01),
             (20, 15, 6, 4.0, 1.0), (20, 20, 2, 0.5, 100.0)]
    for first, other, dimension, shift, c in cases:
        mixing = generator.normal(size=(dimension, dimension))
        x = np.concatenate([
            vectors(generator, first, dimension, 0, mixing), vectors(generator, other, dimension, shift, mixing)])
        y = [1] * first + [0] * other
        model = second.logistic(c).fit(x, y)
        yield {
            "dimension": dimension, "positives": first, "values": values(x), "inversePenalty": c,
            "weights": values(model.coef_), "intercept": float(model.intercept_[0])}


def reductions():
    """Wide and tall sets, and one of vectors that span three directions."""
    generator = np.random.default_rng(2)
    for count, dimension, rank, most in [(40, 7, 7, 4), (9, 50, 50, 5), (20, 60, 3, 3), (30, 6, 3, 3)]:
        x = np.round(generator.normal(size=(count, rank)) @ generator.normal(size=(rank, dimension)), 12)
        model = PCA(most, svd_solver="full").fit(x)
        other = np.round(generator.normal(size=(5, dimension)), 4)
        yield {
            "dimension": dimension, "most": most, "values": values(x), "others": values(other),
            "variances": values(model.explained_variance_), "coordinates": values(model.transform(other))}


def domains():
    """Sides of other sizes, near and far, as they are and by principal components."""
    generator = np.random.default_rng(3)
    for first, other, dimension, shift, components, seed, twins in [
            (40, 41, 6, 0.0, None, 0, []), (31, 50, 6, 0.8, None, 7, [[i, 49 - i] for i in range(0, 30, 2)]),
            (24, 30, 40, 0.4, 8, 1 << 40, []), (20, 20, 5, 9.0, None, 3, []),
            (25, 25, 6, 0.0, None, 1, [[i, i] for i in range(25)])]:
        mixing = generator.normal(size=(dimension, dimension))
        a = vectors(generator, first, dimension, 0, mixing)
        b = vectors(generator, other, dimension, shift, mixing)
        errors = second.errors(a, b, components, seed, twins)
        yield {
            "dimension": dimension, "a": values(a), "b": values(b), "components": components, "seed": seed,
            "twins": twins, "halving": second.halving(first, 0, 4, seed, twins)[0], "errors": errors, "discrepancy": second.discrepancy(errors)}


if __name__ == "__main__":
    fixtures = {"classifiers": list(classifiers()), "reductions": list(reductions()), "domains": list(domains())}
    (HERE / "domain.json").write_text(json.dumps(fixtures, separators=(",", ":")).replace("},{", "},\n{") + "\n")
    print("scikit-learn", sklearn.__version__, "numpy", np.__version__)
    for case in fixtures["domains"]:
        print(case["discrepancy"], case["errors"])
