"""``symjobs run``: learn a file, ask one question, show the answer."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from symjobs import _plots, rest
from symjobs._cli import _anomaly, _watch
from symjobs._cli._print import require_rich, show
from symjobs._cli._questions import asked_names, check_options, draw, make_job, read, title_of
from symjobs._cli._tables import tables
from symjobs._engine import Job, JobManager

_OWNER = "cli"


def run(options: argparse.Namespace) -> int:
    """Return 0 if the job finished, 1 if it failed, 2 if it was refused; bad data raises before that."""
    check_options(options)
    if not options.json:
        require_rich()
    if options.plot:
        _plots.check_path(options.plot)
    data = read(options)
    labels: list[str] = []
    result: Any = None

    def make() -> Job:
        job, found = make_job(options, data)
        labels.extend(found)
        return job

    with JobManager(workers=1, store=None) as manager:
        response = rest.create_job(manager, _OWNER, make)
        number = response.headers.get("sym-job-id")
        if number is not None:
            handle = manager.get(_OWNER, number)
            job_type = handle.info().jobType
            _watch.wait([handle], lambda _: job_type)
            response = rest.get_job(manager, _OWNER, number)
            result = handle.result(timeout=0) if response.status == 200 else None
    if options.json:
        sys.stdout.buffer.write(response.json + b"\n")
        sys.stdout.flush()
    if response.status != 200:
        what = "" if number is None else f"job {number} failed: "
        print(f"symjobs: {what}{response.body['statusString']}", file=sys.stderr)
        return 2 if number is None else 1
    values, title = response.body["values"], title_of(options)
    if not options.json:
        notes = _anomaly.notes(data, result) if options.question == "anomaly" else {}
        show(tables(job_type, values, labels, result, notes), heading=title)
    if options.plot:
        figure = draw(options.question, data, asked_names(options), values, title, result)
        path = _plots.save(figure, options.plot)
        print(f"picture: {path}", file=sys.stderr)
    return 0
