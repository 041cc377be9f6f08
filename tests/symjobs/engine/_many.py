"""25 threads that submit jobs and wait for them: python -m tests.symjobs.engine._many STORE_URL PART COUNT.

It prints a line for each job: its id, the number that it answered with, and how often it ran.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import symjobs as sj
from tests.symjobs.engine._jobs import Tell

RUNS: Counter[str] = Counter()
_lock = threading.Lock()


class Once(Tell):
    """Counts its runs."""

    def run(self, context):
        with _lock:
            RUNS[self.pairs["a"]] += 1
        return super().run(context)


def main(url: str, part: int, count: int) -> None:
    manager = sj.JobManager(workers=4, queue_size=10, store=url)

    def one(i: int) -> tuple[int, str]:
        number = str(2 * i + part)
        while True:
            try:
                handle = manager.submit(Once(a=number), owner="c1")
                break
            except sj.QueueFull:
                time.sleep(0.002)
        assert handle.result(100).pairs == {"a": number}
        return handle.id, number

    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(one, range(count)))
    for job_id, number in answers:
        print(job_id, number, RUNS[number])
    manager.shutdown()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
