#!/usr/bin/python3
"""stdlib/linalg against NumPy, whose matrices are random, of any shape, and of none."""
import numpy as np

from harness import check, main, program, wkc

SHAPES = [(1, 1), (3, 5), (16, 16), (40, 33), (65, 130), (0, 4), (4, 0)]
rng = np.random.default_rng(4)


def call(folder, declaration, expression, **arrays):
    """The result of a flow whose parameters are .npy files."""
    path = program(folder, f"use linalg\nflow main({declaration} {{ return {expression} }}\n")
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return wkc("run", path, *[f"{name}={folder}/{name}.npy" for name in arrays], "-o", folder / "result.json")


def result(folder, *arguments, **arrays):
    import json
    run = call(folder, *arguments, **arrays)
    check(run.status == 0, run.err)
    return np.array(json.loads((folder / "result.json").read_text()))


def close(found, expected, size=1.0):
    found = np.reshape(found, np.shape(expected))
    check(np.allclose(found, expected, rtol=1e-12, atol=1e-13 * size), f"{found} is not {expected}")


def elementwise(folder):
    for m, n in SHAPES:
        a, b = rng.normal(size=(2, m, n))
        close(result(folder, "a: f64[m, n], b: f64[m, n]) -> f64[_, _]", "linalg.add(a, b)", a=a, b=b), a + b)
        close(result(folder, "a: f64[m, n]) -> f64[_, _]", "linalg.scale(-2.5, a)", a=a), -2.5 * a)
        found = result(folder, "a: f64[m, n]) -> f64[_, _]", "linalg.transpose(a)", a=a)
        check(np.array_equal(found.reshape(n, m), a.T), f"the transpose of {m} by {n}")
        close(result(folder, "a: f64[m, n]) -> f64[_, _]", "linalg.lower_of(a)", a=a), np.tril(a))
    close(result(folder, ") -> f64[_, _]", "linalg.identity(5)"), np.eye(5))


def norms(folder):
    for m, n in SHAPES:
        for factor in (1.0, 1e300, 1e-300):
            a = rng.normal(size=(m, n)) * factor
            for name, expected in (("norm", factor * np.linalg.norm(a / factor)), ("norm_max", abs(a).max(initial=0)),
                                   ("norm_1", abs(a).sum(0).max(initial=0)), ("norm_inf", abs(a).sum(1).max(initial=0))):
                found = result(folder, "a: f64[m, n]) -> f64", f"linalg.{name}(a)", a=a)
                check(np.isclose(found, expected, rtol=1e-13, atol=0), f"{name} of {m} by {n}: {found} is not {expected}")
    for bad in (np.nan, np.inf):
        a = rng.normal(size=(9, 9))
        a[4, 7] = bad
        for name in ("norm", "norm_max", "norm_1", "norm_inf"):
            found = result(folder, "a: f64[m, n]) -> f64", f"linalg.{name}(a)", a=a)
            check(np.array_equal(found, bad, equal_nan=True), f"{name} of {bad}: {found}")


def products(folder):
    types = "c: f64[m, n], a: f64[m, k], b: f64[k, n]) -> f64[_, _]"
    for m, n in SHAPES:
        for k in (0, 1, 7, 130):
            c, a, b = rng.normal(size=(m, n)), rng.normal(size=(m, k)), rng.normal(size=(k, n))
            close(result(folder, types, "linalg.gemm(c, a, b)", c=c, a=a, b=b), c + a @ b, 10)
    types = "c: f64[m, n], a: f64[m, k], b: f64[n, k]) -> f64[_, _]"
    for m, n in SHAPES:
        c, a, b = rng.normal(size=(m, n)), rng.normal(size=(m, 20)), rng.normal(size=(n, 20))
        close(result(folder, types, "linalg.syrk(c, a, b)", c=c, a=a, b=b), c - a @ b.T, 10)
    for n in (1, 15, 16, 17, 50, 100):
        c, a = rng.normal(size=(n, n)), rng.normal(size=(n, 20))
        found = result(folder, types, "linalg.syrk(c, a, b)", c=np.tril(c) + np.triu(np.full((n, n), np.nan), 1), a=a, b=a)
        close(found, np.tril(c) + np.tril(c, -1).T - a @ a.T, 10)
        check(np.array_equal(found, found.T), "symmetric to the last bit")


def triangles(folder):
    for n in (1, 2, 16, 50, 131):
        l = np.tril(rng.normal(size=(n, n))) / n + 3 * np.eye(n)
        for m in (1, 7, 64):
            b = rng.normal(size=(m, n))
            above = np.triu(np.full((n, n), 99.0), 1)
            found = result(folder, "l: f64[n, n], b: f64[m, n]) -> f64[_, _]", "linalg.trsm(l, b)", l=l + above, b=b)
            close(found @ l.T, b, 10)
        a = l @ l.T
        found = result(folder, "a: f64[n, n]) -> f64[_, _]", "linalg.potrf(a)", a=np.tril(a) + above[:n, :n])
        close(found, l, 10)
        check(not np.triu(found, 1).any(), "zeros above the diagonal")


def singular_matrices(folder):
    l = np.eye(5)
    l[3, 3] = 0
    run = call(folder, "l: f64[n, n], b: f64[m, n]) -> f64[_, _]", "linalg.trsm(l, b)", l=l, b=np.ones((2, 5)))
    run.fails(1, "error[E801]", "singular: l[3, 3] is 0", "linalg.wk")
    run = call(folder, "l: f64[n, n], b: f64[m, n]) -> f64[_, _]", "linalg.trsm(l, b)", l=np.eye(5), b=np.ones((2, 4)))
    run.fails(1, "error[E401]")
    for order in (1, 2, 40, 70):
        a = 2 * np.eye(70)
        a[order - 1, order - 1] = -1 if order % 2 else np.nan
        run = call(folder, "a: f64[n, n]) -> f64[_, _]", "linalg.potrf(a)", a=a)
        run.fails(1, "error[E801]", f"not positive definite: its leading minor of order {order} is not positive")
    a = np.ones((6, 6))
    call(folder, "a: f64[n, n]) -> f64[_, _]", "linalg.potrf(a)", a=a).fails(1, "minor of order 2 ")


def lower_of_tiles(folder):
    for n in (1, 4, 5, 12):
        a = rng.normal(size=(n, n))
        a[0, n - 1] = np.nan if n > 4 else a[0, n - 1]  # a tile that is not read
        found = result(folder, "a: f64[n, n]) -> f64[_, _]", "untile(linalg.lower(tiles(a, 4, 4)))", a=a)
        close(found, np.tril(a))


if __name__ == "__main__":
    main([elementwise, norms, products, triangles, singular_matrices, lower_of_tiles])
