"""Errors of Spark, as errors about the input."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from symjobs._errors import InputError, MissingDependency

_LACKING = re.compile(r"(?:ModuleNotFoundError|ImportError): (.*)")
_CAUSE = re.compile(r"^Caused by: (?:[\w.$]+(?:Exception|Error): )?(.+)$", re.MULTILINE)
_KNOWN = (
    ("maxResultSize", "the states are larger than what the driver takes: raise spark.driver.maxResultSize"),
    ("OutOfMemoryError", "the memory of Spark is too small: raise spark.driver.memory and spark.executor.memory"),
    ("JAVA_GATEWAY_EXITED", "Java does not start: Spark needs Java 17 or newer; install it, and set JAVA_HOME"),
    ("CANNOT_MERGE_SCHEMA", "a column has one type in one file and another type in another: convert one of the two"),
    ("CANNOT_MERGE_INCOMPATIBLE_DATA_TYPE", "a column has one type in one file and another type in another"),
)


@contextmanager
def spark_errors(name: str) -> Iterator[None]:
    """Raise InputError, in one line, for an error of Spark."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError, ConnectionError) as error:
        raise InputError(f"{name}: {_words(str(error))}") from error


def _words(text: str) -> str:
    lacking = _LACKING.findall(text)
    if lacking:
        return (
            f"the Python of an executor lacks a package ({lacking[-1].strip()}); give it the packages of this one "
            "(PYSPARK_PYTHON, spark.archives or addPyFile; see the guide on Spark)"
        )
    causes = _CAUSE.findall(text)
    lines = [line.strip() for line in (causes[-1:] or text.splitlines()) if line.strip()]
    found = lines[0] if lines else "Spark failed, and does not say why"
    known = next((words for key, words in _KNOWN if key in text), "")
    return f"{known} ({found[:300]})" if known else found[:500]


def require_pyspark() -> None:
    """Raise MissingDependency unless pyspark is installed."""
    try:
        import pyspark  # noqa: F401
    except ImportError:
        raise MissingDependency("pyspark", "spark", "SparkDSUpdateJob") from None
