"""Numbers of Arrow arrays as NumPy has them: the same as pyarrow's own conversion, without pandas."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from symjobs._tables._arrow import values_of

KINDS = ["float64", "float32", "float16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("gaps", ["none", "some", "all"])
@pytest.mark.parametrize("part", [slice(0, 100), slice(3, 50), slice(8, 9), slice(13, 13)])
def test_it_is_pyarrows_conversion(kind, gaps, part):
    rng = np.random.default_rng(0)
    values = rng.integers(0, 100, 100).astype(kind)
    missing = {"none": np.zeros(100, bool), "some": rng.random(100) < 0.3, "all": np.ones(100, bool)}[gaps]
    array = pa.array(values, mask=missing)[part]
    found = values_of(array)
    np.testing.assert_array_equal(found, array.to_numpy(zero_copy_only=False).astype(float))
    assert np.isnan(found.astype(float)).sum() == array.null_count


def test_the_command_line_does_not_load_pandas(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a,b,t\n1,2,x\n2,NA,y\n3,1,x\n5,4,NA\n7,1,y\n")
    script = "import sys; from symjobs._cli import main; main(sys.argv[1:]); print('pandas' in sys.modules)"
    for question in ("pca", "vif"):
        command = [
            sys.executable,
            "-c",
            script,
            "run",
            question,
            str(path),
            "--types",
            "t=T",
            "--inputs",
            "a,b",
            "--json",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "False"
