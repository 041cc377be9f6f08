"""The worked examples of docs/jobs still hold."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"```json\n(.*?)\n```", re.DOTALL)


@pytest.fixture(scope="module")
def generated() -> Iterator[dict[str, str]]:
    """The pages as they would be written now."""
    spec = importlib.util.spec_from_file_location("generate_examples", DOCS / "_generate_examples.py")
    generator = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, generator)  # its dataclass looks itself up there
        spec.loader.exec_module(generator)
        yield generator.pages()


def number(text):
    try:
        return float(text)
    except ValueError:
        return None


def check(ours, theirs, place="$"):
    """Equal, but for the last digits of numbers, which differ between machines; so does the hash of a state."""
    assert type(ours) is type(theirs), place
    if isinstance(ours, dict):
        assert len(ours) == len(theirs), place
        for (key, value), (other_key, other) in zip(ours.items(), theirs.items(), strict=True):
            check(key, other_key, place)  # the keys of SVDJob are numbers
            if key == "hash":
                assert re.fullmatch("[0-9a-f]{32}", value)
            else:
                check(value, other, f"{place}.{key}")
    elif isinstance(ours, list):
        assert len(ours) == len(theirs), place
        for k, (value, other) in enumerate(zip(ours, theirs, strict=True)):
            check(value, other, f"{place}[{k}]")
    elif isinstance(ours, float):
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12, nan_ok=True), place
    elif isinstance(ours, str) and number(ours) is not None:
        check(number(ours), number(theirs), place)
    elif isinstance(ours, str) and ours.startswith("{"):
        check(json.loads(ours), json.loads(theirs), place)
    else:
        assert ours == theirs, place


def generated_pages() -> list[str]:
    """The pages that the generator writes; test_docs.py runs the code of the others."""
    pages = (DOCS / "jobs").glob("*Job.md")
    return sorted(page.stem for page in pages if "docs/_generate_examples.py" in page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("job_type", generated_pages())
def test_the_example_still_holds(generated, job_type):
    written = (DOCS / "jobs" / f"{job_type}.md").read_text(encoding="utf-8")
    again = generated[job_type]
    assert BLOCK.sub("", again) == BLOCK.sub("", written), "run: python docs/_generate_examples.py"
    for ours, theirs in zip(BLOCK.findall(again), BLOCK.findall(written), strict=True):
        check(json.loads(ours), json.loads(theirs))


def test_no_example_is_left_out(generated):
    assert sorted(generated) == generated_pages()


def test_every_metric_has_an_example():
    from symjobs._explore import METRICS

    page = (DOCS / "jobs" / "ExploreJob.md").read_text(encoding="utf-8")
    assert {name for name in METRICS if f"metric={name}" in page} == set(METRICS)
