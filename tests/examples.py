#!/usr/bin/python3
"""Every example against an independent answer: a closed form, NumPy, or another program."""
import math
import subprocess
from pathlib import Path

import numpy as np

from harness import RELEASE, ROOT, SANITIZE, check, main, wkc

EXAMPLES = ROOT / "examples"
WORLDS = [["--workers", "1"], ["--workers", "2"], ["-O0"], ["-O1"], ["--on", "sim", "--seed", "7"]]


def close(found, expected, tolerance=1e-12):
    check(np.allclose(found, expected, rtol=tolerance, atol=tolerance), f"{found} is not {expected}")


def same_everywhere(*arguments):
    """The result, equal to the last bit in every world and at every -O."""
    first = wkc("run", *arguments).json()
    for world in WORLDS:
        other = wkc("run", *arguments, *world).json()
        check(other == first, f"{world}: {other} is not {first}")
    return first


def harmonic(folder):
    n = 64 * 1000
    found = same_everywhere(EXAMPLES / "harmonic.wk", "parts=64", "width=1000")
    close(found, math.log(n) + 0.57721566490153286 + 1 / (2 * n) - 1 / (12 * n * n))
    run = wkc("run", EXAMPLES / "harmonic.wk", "parts=64", "width=10", "--stats=json", "-O0")
    import json
    check(json.loads(run.err)["tasks_run"] == 127, f"64 parts and 63 sums: {run.err}")


def pi(folder):
    found = same_everywhere(EXAMPLES / "pi.wk", "parts=32", "points=20_000")

    def random(n):  # SplitMix64, as its authors give it
        z = (n * 0x9E3779B97F4A7C15) % 2**64
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
        return z ^ (z >> 31)
    total = 32 * 20_000
    hits = sum((random(2 * i + 1) >> 11) ** 2 + (random(2 * i + 2) >> 11) ** 2 < 2**106
               for i in range(total))
    close(found, 4 * hits / total, 1e-5)  # the squares are rounded in the program
    check(abs(found - math.pi) < 0.01, f"{found} is not near pi")


def montecarlo(folder):
    """Against Black and Scholes' closed form, for options in, at and out of the money."""
    def cumulative(x):
        return 0.5 * math.erfc(-x / math.sqrt(2))

    def price(spot, strike, rate, volatility, years):
        d = (math.log(spot / strike) + (rate + volatility**2 / 2) * years) / (volatility * math.sqrt(years))
        return spot * cumulative(d) - strike * math.exp(-rate * years) * cumulative(d - volatility * math.sqrt(years))
    for seed, option in enumerate([(100.0, 105.0, 0.03, 0.2, 1.0), (100.0, 80.0, 0.01, 0.35, 2.0), (50.0, 70.0, 0.05, 0.4, 0.5)]):
        names = ("spot", "strike", "rate", "volatility", "years")
        found = wkc("run", EXAMPLES / "montecarlo.wk", "parts=16", "pairs=20_000", f"seed={seed}",
                    *(f"{n}={v}" for n, v in zip(names, option))).json()
        distance = abs(found["price"] - price(*option)) / found["error"]
        check(distance < 4 and 0 < found["error"] < 0.02 * price(*option), f"{option}: {found}, {price(*option)}")
    same_everywhere(EXAMPLES / "montecarlo.wk", "parts=8", "pairs=1000")


def histogram(folder):
    path = Path(SANITIZE)
    found = same_everywhere(EXAMPLES / "histogram.wk", f"data={path}", "part=400_000")
    counted = subprocess.run(f"od -An -v -tu1 -w1 {path} | sort -n | uniq -c", shell=True,
                             capture_output=True, text=True, check=True).stdout
    expected = [0] * 256
    for line in counted.splitlines():
        count, byte = line.split()
        expected[int(byte)] = int(count)
    check(found == expected, "byte counts differ from od, sort and uniq")
    empty = folder / "empty"
    empty.write_bytes(b"")
    check(wkc("run", EXAMPLES / "histogram.wk", f"data={empty}").json() == [0] * 256, "empty file")


def columns(folder):
    iris = np.load(EXAMPLES / "data/iris.npy")
    found = same_everywhere(EXAMPLES / "columns.wk", f"table={EXAMPLES}/data/iris.npy")
    for name, expected in (("count", 150), ("mean", iris.mean(0)), ("variance", iris.var(0, ddof=1)),
                           ("least", iris.min(0)), ("greatest", iris.max(0))):
        close(found[name], expected)
    table = np.asfortranarray(np.random.default_rng(1).normal(3, 2, (1003, 5)))
    np.save(folder / "t.npy", table)
    found = wkc("run", EXAMPLES / "columns.wk", f"table={folder}/t.npy", "part=100").json()
    close(found["variance"], table.var(0, ddof=1))


def heat(folder):
    found = same_everywhere(EXAMPLES / "heat.wk", "n=24", "tile=8", "turns=15")
    grid = np.zeros((26, 26))
    grid[0, 1:-1] = 1
    for _ in range(15):
        inner = 0.25 * (((grid[:-2, 1:-1] + grid[2:, 1:-1]) + grid[1:-1, :-2]) + grid[1:-1, 2:])
        grid[1:-1, 1:-1] = inner
    close(found, grid[1:-1, 1:-1], 1e-15)
    wkc("run", EXAMPLES / "heat.wk", "n=10", "tile=4").fails(1, "tile must divide n: 10 % 4")


def mandelbrot(folder):
    picture = folder / "set.pgm"
    run = wkc("run", EXAMPLES / "mandelbrot.wk", "width=60", "height=48", "limit=100", "-o", picture)
    check(run.status == 0, run.err)
    data = picture.read_bytes()
    check(data.startswith(b"P5\n60 48\n255\n"), f"header {data[:16]!r}")
    pixels = np.frombuffer(data[-60 * 48:], np.uint8).reshape(48, 60)
    check(len(data) == len(b"P5\n60 48\n255\n") + 60 * 48, "length")
    for i, j in ((0, 0), (24, 43), (24, 20), (10, 33), (47, 59)):
        c = complex(3 * j / 60 - 2.2, 2.4 * i / 48 - 1.2)
        z, turns = 0, 0
        while turns < 100 and abs(z) <= 2:
            z, turns = z * z + c, turns + 1
        check(pixels[i, j] == turns * 255 // 100, f"pixel {i}, {j}: {pixels[i, j]}, {turns} turns")


def prefix(folder):
    for n in (1, 2, 7, 1000, 10_001):
        xs = np.random.default_rng(n).integers(-100, 100, n)
        np.save(folder / "xs.npy", xs)
        found = wkc("run", EXAMPLES / "prefix.wk", f"xs={folder}/xs.npy", "block=97",
                    "-o", folder / "out.npy")
        check(found.status == 0, found.err)
        check((np.load(folder / "out.npy") == np.cumsum(xs)).all(), f"running sums of {n}")


def table(folder):
    run = wkc("run", EXAMPLES / "table.wk", "rows=1234", "cols=3", "-o", folder / "t.npy")
    check(run.status == 0, run.err)
    found = np.load(folder / "t.npy")
    k = np.arange(1234 * 3).reshape(1234, 3)
    close(found, (k * 2654435761 % 1000003) / 1000003.0, 0)


def wordcount(folder):
    """Against tr, sort and uniq, on the project's own texts, whatever the size of the parts; parts cut no words."""
    corpus = folder / "corpus.txt"
    corpus.write_bytes(b"".join((ROOT / name).read_bytes() for name in ("LICENSE", "README.md", "spec/language.md")))
    counted = subprocess.run(f"tr -cs A-Za-z0-9 '\\n' < {corpus} | sort | uniq -c", shell=True, capture_output=True,
                             text=True, check=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout
    expected = {line.split()[1]: int(line.split()[0]) for line in counted.splitlines() if len(line.split()) == 2}
    check(expected["the"] > 100, "there are words to count")
    for part in ("8MiB", "10_000", "999", "50"):
        found = wkc("run", EXAMPLES / "wordcount.wk", f"corpus={corpus}", f"part={part}").json()
        check(found == expected, f"parts of {part}: {set(found.items()) ^ set(expected.items())}")
    same_everywhere(EXAMPLES / "wordcount.wk", f"corpus={ROOT}/LICENSE", "part=1000")
    corpus.write_bytes(b"")
    check(wkc("run", EXAMPLES / "wordcount.wk", f"corpus={corpus}").json() == {}, "no words")


def log_lines(dice, count):
    """Lines of a web server's log with (hour, status, bytes) of each, or None of what is no line of one."""
    months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
    for _ in range(count):
        day, month, hour = dice.randint(1, 28), dice.randint(1, 12), dice.randint(0, 23)
        status, size = dice.choice([200, 200, 200, 206, 304, 404, 500]), dice.choice(["-", "0", str(dice.randrange(10**6))])
        path = dice.choice(["/", "/a%20b", '/\\"quoted\\"', "/[x]", "/\u00e4", "/" + "long" * dice.randint(0, 99)])
        agent = dice.choice(["-", "Mozilla/5.0 (X11; Linux)", 'a \\"b\\" [c] 200 5'])
        line = f'10.0.{dice.randrange(256)}.1 - {dice.choice(["-", "frank"])} [{day:02}/{months[month - 1]}/2024:{hour:02}:59:07 +0100] ' \
               f'"GET {path} HTTP/1.1" {status} {size} "http://example.com/" "{agent}"'
        broken = dice.choice(["", "x", line[:30], line[:line.index('"') + 9], line.replace("/2024", "/2O24"),
                              line.replace(f"/{months[month - 1]}/", "/anF/"), line.replace(f'" {status} ', '" ok ')])
        yield (broken, None) if dice.random() < 0.1 else \
            (line, (f"2024-{month:02}-{day:02} {hour:02}", status, 0 if size == "-" else int(size)))


def logs(folder):
    """Against what the lines were made from: several files, lines that are none, one without an end, any parts."""
    import random
    dice, groups, bad = random.Random(5), {}, 0
    for name, count in (("a.log", 300), ("b.log", 200), ("c.log", 1)):
        lines = list(log_lines(dice, count))
        (folder / name).write_text("\n".join(line for line, _ in lines) + ("\n" if name != "b.log" else ""))
        for line, entry in lines[:-1] if name == "b.log" and not lines[-1][0] else lines:
            if entry:
                requests, size = groups.get(entry[:2], (0, 0))
                groups[entry[:2]] = requests + 1, size + entry[2]
            else:
                bad += 1
    expected = [{"hour": hour, "status": status, "requests": requests, "bytes": size}
                for (hour, status), (requests, size) in sorted(groups.items())]
    for part in ("8MiB", "1000", "77"):
        found = wkc("run", EXAMPLES / "logs.wk", f"logs={folder}/*.log", f"part={part}").json()
        check(found["bad"] == bad, f"parts of {part}: {found['bad']} lines are none, expected {bad}")
        check(found["traffic"] == expected, f"parts of {part}: {found['traffic'][:3]}, {expected[:3]}")
    same_everywhere(EXAMPLES / "logs.wk", f"logs={folder}/c.log", "part=100")
    (folder / "empty.log").write_text("")
    found = wkc("run", EXAMPLES / "logs.wk", f"logs={folder}/empty.log").json()
    check(found == {"traffic": [], "bad": 0}, f"an empty log: {found}")


def weather(folder):
    import csv
    path = EXAMPLES / "data/seattle-weather.csv"

    def months_of(rows):
        for month in range(1, 13):
            days = [row for row in rows if int(row["date"][5:7]) == month]
            kinds = {}
            for day in days:
                kinds[day["weather"]] = kinds.get(day["weather"], 0) + 1
            rain, high, low = ([float(day[name]) for day in days] for name in ("precipitation", "temp_max", "temp_min"))
            yield {"month": month, "days": len(days), "wet_days": sum(x > 0 for x in rain), "rain": math.fsum(rain),
                   "lowest": min(low), "highest": max(high), "mean_high": math.fsum(high) / len(days), "kinds": kinds}
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    check(len(rows) == 1461, "four years")
    exchanged = folder / "exchanged.csv"  # other columns, other order, other ends of lines
    with open(exchanged, "w", newline="") as file:
        writer = csv.DictWriter(file, ["weather", "temp_min", "wind", "temp_max", "precipitation", "date"])
        writer.writeheader()
        writer.writerows(rows)
    for table, part in ((path, "4KiB"), (path, "1MiB"), (path, "100"), (exchanged, "10_000")):
        found = wkc("run", EXAMPLES / "weather.wk", f"days={table}", f"part={part}").json()
        for month, expected in zip(found, months_of(rows), strict=True):
            close([month.pop("rain"), month.pop("mean_high")], [expected.pop("rain"), expected.pop("mean_high")])
            check(month == expected, f"{table}, parts of {part}: {month}, {expected}")
    same_everywhere(EXAMPLES / "weather.wk", f"days={path}")
    for old, new, text in (("temp_max", "max", "there is no column 'temp_max'"), ("5.0,4.7", "cold,4.7", "not a number: 'cold'"),
                           ("2012-01-02", "2012-13-02", "not a date: '2012-13-02'"), ("10.9", "", "not a number: ''")):
        exchanged.write_text(path.read_text().replace(old, new, 1))
        wkc("run", EXAMPLES / "weather.wk", f"days={exchanged}").fails(1, text, "weather.wk:")
    exchanged.write_text("")
    check(wkc("run", EXAMPLES / "weather.wk", f"days={exchanged}").json() == [], "a table without a header")


def larger_than_memory(folder):
    """A file of 3 GiB under an address space of 1.5 GiB: parts are read where they are needed."""
    path = folder / "large"
    with open(path, "wb") as file:
        file.truncate(3 << 30)
        file.seek(2 << 30)
        file.write(b"\x01\x02\x02")
    run = wkc("run", EXAMPLES / "histogram.wk", f"data={path}", "part=16MiB", binary=RELEASE,
              limit=1536 << 20)
    bins = run.json()
    check(bins[0] == (3 << 30) - 3 and bins[1] == 1 and bins[2] == 2, f"bins {bins[:3]}")


def same_files(folder, *arguments):
    """The .npy file that a run writes, the same bytes in every world and at every -O."""
    check(wkc("run", *arguments, "-o", folder / "result.npy").status == 0, "status")
    first = (folder / "result.npy").read_bytes()
    for world in WORLDS:
        run = wkc("run", *arguments, *world, "-o", folder / "result.npy")
        check(run.status == 0 and (folder / "result.npy").read_bytes() == first, f"{world}: {run.err}")
    return np.load(folder / "result.npy")


def gemm(folder):
    random = np.random.default_rng(1)
    for m, k, n, tile in ((1, 1, 1, 3), (100, 70, 130, 32), (7, 300, 5, 100), (33, 33, 33, 33)):
        a, b = random.normal(size=(m, k)), random.normal(size=(k, n))
        np.save(folder / "a.npy", a), np.save(folder / "b.npy", np.asfortranarray(b))
        found = same_files(folder, EXAMPLES / "gemm.wk", f"a={folder}/a.npy", f"b={folder}/b.npy", f"tile={tile}")
        close(found, a @ b, 1e-11)
    wkc("run", EXAMPLES / "gemm.wk", f"a={folder}/a.npy", "b=[[1.0]]").fails(1, "error[E401]", "expected k = 33")


def gemm_in_little_memory(folder):
    """Matrices of 8 MiB each, tiles of 128 KiB: they stay in their files."""
    a, b = np.random.default_rng(2).normal(size=(2, 1024, 1024))
    np.save(folder / "a.npy", a), np.save(folder / "b.npy", b)
    run = wkc("run", EXAMPLES / "gemm.wk", f"a={folder}/a.npy", f"b={folder}/b.npy", "tile=128", "-o", folder / "c.npy",
              "--memory", str(4 << 20), "--workers", "2", "--stats=json", binary=RELEASE)
    check(run.status == 0, run.err)
    close(np.load(folder / "c.npy"), a @ b, 1e-11)
    run = wkc("run", EXAMPLES / "gemm.wk", f"a={folder}/a.npy", f"b={folder}/b.npy", "tile=128", "-o", folder / "c.npy",
              "--workers", "1", "--stats=json", binary=RELEASE)
    import json
    read = json.loads(run.err)["input_bytes_read"]
    check(read == a.nbytes + b.nbytes, f"each tile is read once: {read} bytes")


def cholesky(folder):
    random = np.random.default_rng(3)
    for n, tile in ((1, 4), (50, 50), (90, 32), (161, 40)):
        g = random.normal(size=(n, n))
        a = g @ g.T + np.eye(n)
        np.save(folder / "a.npy", np.tril(a) + np.triu(np.full((n, n), np.nan), 1))  # which is not read
        l = same_files(folder, EXAMPLES / "cholesky.wk", f"a={folder}/a.npy", f"tile={tile}")
        check(not np.triu(l, 1).any(), "zeros above the diagonal")
        residual = np.linalg.norm(l @ l.T - a) / (n * np.finfo(float).eps * np.linalg.norm(a))
        check(residual < 2, f"n = {n}: residual {residual}")
        close(l, np.linalg.cholesky(a), 1e-15 * n * np.linalg.cond(a))  # LAPACK's dpotrf
    a[70, 70] = -1
    np.save(folder / "a.npy", a)
    run = wkc("run", EXAMPLES / "cholesky.wk", f"a={folder}/a.npy", "tile=40", "-o", folder / "l.npy")
    run.fails(1, "not positive definite: its leading minor of order 31 is not positive", "potrf", "cholesky.wk:")
    check(not (folder / "l.npy").exists(), "half a file")


def kmeans_in_numpy(points, k, turns, block):
    """Every sum in the order of the program, so that it gives the same bits: blocks row by row, then by pairs."""
    def groups_of(centres):
        shares = []
        for low in range(0, len(points), block):
            part = points[low:low + block]
            squares = np.zeros((len(part), k))
            for j in range(points.shape[1]):
                squares += (part[:, j, None] - centres[None, :, j])**2
            nearest = squares.argmin(1)
            sums = np.zeros(centres.shape)
            np.add.at(sums, nearest, part)
            shares.append((sums, np.bincount(nearest, minlength=k), sum(squares.min(1).tolist())))
        while len(shares) > 1:
            pairs = [tuple(x + y for x, y in zip(*shares[i:i + 2])) for i in range(0, len(shares) - 1, 2)]
            shares = pairs + shares[len(pairs) * 2:]
        return shares[0]
    centres = points[[g * len(points) // k for g in range(k)]]
    for _ in range(turns):
        sums, counts, _ = groups_of(centres)
        centres = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres)
    return centres, *groups_of(centres)[1:]


def kmeans(folder):
    iris, random = np.load(EXAMPLES / "data/iris.npy"), np.random.default_rng(8)
    clouds = np.concatenate([random.normal(at, 1, (400, 3)) for at in (-4, 0, 5)])
    random.shuffle(clouds)
    twice = np.repeat([[1.0], [7.0]], 3, 0)  # the second of three centres has no point of its own: it stays
    for points, k, turns, block in ((iris, 3, 10, 40), (iris, 1, 1, 1000), (clouds, 3, 6, 97), (clouds, 5, 0, 100),
                                    (clouds, 9, 4, 1), (twice, 3, 2, 2)):
        np.save(folder / "points.npy", points)
        found = wkc("run", EXAMPLES / "kmeans.wk", f"points={folder}/points.npy", f"k={k}", f"turns={turns}",
                    f"block={block}").json()
        centres, counts, squares = kmeans_in_numpy(points, k, turns, block)
        check(found == {"centres": centres.tolist(), "counts": counts.tolist(), "squares": squares},
              f"k = {k}: {found} is not {centres}, {counts}, {squares}")
    check(counts.tolist() == [3, 0, 3], f"a group without points: {counts}")
    same_everywhere(EXAMPLES / "kmeans.wk", f"points={EXAMPLES}/data/iris.npy", "turns=4", "block=20")
    wkc("run", EXAMPLES / "kmeans.wk", "points=[[1.0], [2.0]]", "k=3").fails(1, "2 points do not make 3 groups")


def levenshtein(a, b):
    """By diagonals of the whole table: diagonal[i] is the distance of a[:i] and b[:d - i]."""
    a, b = np.frombuffer(a, np.uint8), np.frombuffer(b, np.uint8)
    m, n = len(a), len(b)
    before, last = np.full(m + 1, m + n), np.full(m + 1, m + n)
    for d in range(m + n + 1):
        low, high = max(0, d - n), min(m, d)
        diagonal = np.full(m + 1, m + n)
        diagonal[low:high + 1] = last[low:high + 1] + 1
        i = np.arange(max(low, 1), high + 1)
        diagonal[i] = np.minimum(diagonal[i], last[i - 1] + 1)
        i = i[d - i > 0]
        diagonal[i] = np.minimum(diagonal[i], before[i - 1] + (a[i - 1] != b[d - i - 1]))
        if d <= n:
            diagonal[0] = d
        if d <= m:
            diagonal[d] = d
        before, last = last, diagonal
    return int(last[m])


def editdistance(folder):
    def files(a, b):
        (folder / "a").write_bytes(a), (folder / "b").write_bytes(b)
        return EXAMPLES / "editdistance.wk", f"a={folder}/a", f"b={folder}/b"
    for a, b, expected in ((b"kitten", b"sitting", 3), (b"", b"", 0), (b"", b"abc", 3), (b"ab", b"", 2), (b"x" * 9, b"x" * 9, 0)):
        check(levenshtein(a, b) == expected, f"the reference: {levenshtein(a, b)}")
        for size in (1, 2, 100):
            found = wkc("run", *files(a, b), f"size={size}").json()
            check(found == expected, f"{a}, {b}, tiles of {size}: {found}")
    random = np.random.default_rng(5)
    for m, n, letters, size in ((1, 40, 2, 7), (100, 100, 3, 10), (133, 57, 4, 16), (300, 299, 256, 299), (90, 41, 2, 1)):
        a, b = (random.integers(0, letters, length, dtype=np.uint8).tobytes() for length in (m, n))
        found = wkc("run", *files(a, b), f"size={size}").json()
        check(found == levenshtein(a, b), f"{m}, {n}, {letters} letters, tiles of {size}: {found}")
    text = (ROOT / "spec/language.md").read_bytes()[:4000]
    near = text.replace(b"the ", b"a ")[100:] + b"The end.\n"
    for size in (333, 1000, 5000):
        found = wkc("run", *files(text, near), f"size={size}").json()
        check(found == levenshtein(text, near), f"text in tiles of {size}: {found}")
    same_everywhere(*files(text, near), "size=800")
    wkc("run", *files(a, b), "size=0").fails(1, "size is 0")


if __name__ == "__main__":
    main([gemm, gemm_in_little_memory, cholesky, harmonic, pi, montecarlo, histogram, columns, heat, kmeans, editdistance, mandelbrot, prefix, table, wordcount, logs, weather, larger_than_memory])
