"""A manager in a process of its own: python -m tests.symjobs.engine._process STORE_URL [OWNER].

It reads commands, one a line; the owner is c1 by default.

start NAME      submits a job, waits until it runs, answers with its id
submit NAME     submits a job, answers with its id
wait ID         answers when the job has ended
let ID          lets a job that waits go on, and answers when it has ended
kill ID         answers True or False
exit            ends the process at once, in the middle of whatever runs
"""

import os
import sys

import symjobs as sj
from tests.symjobs.engine import _jobs


def main(url: str, owner: str = "c1") -> None:
    manager = sj.JobManager(workers=1, store=url, lease=0.2, grace=_jobs.WAIT)
    handles, jobs = {}, {}
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        if word in ("start", "submit"):
            job = getattr(_jobs, rest)()
            handle = manager.submit(job, owner=owner)
            handles[str(handle.id)], jobs[str(handle.id)] = handle, job
            if word == "start":
                job.started.wait()
            print(handle.id, flush=True)
        elif word in ("wait", "let"):
            if word == "let":
                jobs[rest].go.set()
            handles[rest].result()
            print("ended", flush=True)
        elif word == "kill":
            print(manager.kill(owner, rest), flush=True)
        elif word == "exit":
            os._exit(1)
        else:
            raise ValueError(line)


if __name__ == "__main__":
    main(*sys.argv[1:])
