"""The group `planning`: what a plan takes, with all passes and clusters, in microseconds of the user's time for each task."""
import re
import statistics
import subprocess

PROGRAM = "build/release/bench/planning"
SHAPES = ("tree", "fan", "stencil", "butterfly", "cholesky", "random")
MOST = 1.0  # microseconds


def measure(shape, tasks, size):
    """Microseconds and steps (plan->steps) for each task."""
    text = subprocess.run([PROGRAM, shape, str(tasks), str(size), "lambda-1769"], capture_output=True, text=True, check=True).stdout
    return float(re.search(r"([0-9.]+) ns/task", text)[1]) / 1e3, float(re.search(r"([0-9.]+) steps", text)[1])


def planning():
    subprocess.run(["make", "-s", PROGRAM], check=True, stdout=subprocess.DEVNULL)
    for size, values in ((8, "inline"), (1 << 20, "put")):
        for shape in SHAPES:
            for tasks, turns in ((100_000, 5), (1_000_000, 3), (10_000_000, 1)):
                runs = [measure(shape, tasks, size) for _ in range(turns)]
                yield {"name": f"plan {shape} of {tasks:,}, values {values}", "number": statistics.median(run[0] for run in runs),
                       "reach_number": MOST, "steps": runs[0][1]}
