"""The base class of questions about a matrix of a project's attributes."""

from __future__ import annotations

import argparse
from typing import Any

from symjobs._cli.questions._question import Question
from symjobs._engine import Job
from symjobs._jobs import JOB_TYPES


class MatrixQuestion(Question):
    """A question about all attributes, or about those that ``--inputs`` names. A request has to name some."""

    def make_job(self, options: argparse.Namespace, data: Any) -> Job:
        job_type: Any = JOB_TYPES[self.job_type]
        with self.in_words_of_options():
            given = job_type.parameter_type.from_text(self.parameters(options), self.job_type)
            return job_type(data, self.inputs(options), **given.values())
