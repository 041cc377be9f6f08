"""The program itself: versions, help, a terminal, an interrupt."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

import pytest

import symjobs as sj
from symjobs._cli import main
from symjobs._cli._watch import interrupts, raise_if_interrupted
from symjobs._cli.questions import QUESTIONS
from symjobs._cli.questions._question import Question

PROGRAM = [sys.executable, "-c", "import sys; from symjobs._cli import main; sys.exit(main())"]


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"symjobs {sj.__version__}\n"


HELP = [[], ["--help"], ["run", "--help"], ["demo", "--help"], ["doctor", "--help"]]


@pytest.mark.parametrize("arguments", HELP, ids=" ".join)
def test_help_says_what_there_is(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    out, err = capsys.readouterr()
    if not arguments:
        assert caught.value.code == 2
        assert "run,learn,show,merge,demo,serve,user,request,doctor" in err
        return
    assert caught.value.code == 0
    if arguments[0] == "run":
        for name, entry in QUESTIONS.items():
            assert name in out
            assert entry.summary.split()[0] in out


def test_an_unknown_question_is_bad_input(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["run", "horoscope", "iris"])
    assert caught.value.code == 2
    assert "invalid choice: 'horoscope'" in capsys.readouterr().err


def test_help_and_version_load_nothing_heavy():
    script = (
        "import sys\nfrom symjobs._cli._parser import build_parser\nbuild_parser()\n"
        "print(sorted({'numba', 'scipy', 'sqlalchemy', 'pyarrow', 'rich', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is needed")
def test_on_a_terminal_bars_show_the_learning_and_the_job():
    import pty

    parent, child = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    command = [*PROGRAM, "run", "pca", "iris", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=child, env=environment) as process:
        os.close(child)
        shown = b""
        try:
            while part := os.read(parent, 65536):
                shown += part
        except OSError:  # Linux reports the end of a pseudo-terminal so
            pass
        out, _ = process.communicate(timeout=60)
    os.close(parent)
    assert process.returncode == 0
    assert out.startswith(b'{"statusCode":"OK"')
    text = shown.decode()
    assert "learning iris.csv" in text
    assert "3.8/3.8 KiB" in text or "3.8 KiB" in text
    assert "job 1 PCAJob" in text
    assert "finished" in text


def test_a_reader_that_goes_away_is_no_error():
    parent, child = os.pipe()
    os.close(parent)
    done = subprocess.run([*PROGRAM, "run", "svd", "iris", "--json"], stdout=child, stderr=subprocess.PIPE, check=False)
    os.close(child)
    assert (done.returncode, done.stderr) == (0, b"learnt 150 rows, 5 columns\n")


def test_an_interrupt_is_exit_code_130(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Question, "read", interrupted)
    assert main(["run", "pca", "iris", "--json"]) == 130
    assert capsys.readouterr().err == "symjobs: interrupted\n"


@pytest.mark.parametrize(
    "arguments", [["run", "horoscope", "iris"], ["run"], ["run", "pca", "iris", "--components", "x"], ["walk"]]
)
def test_bad_arguments_are_one_line(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    err = capsys.readouterr().err
    assert caught.value.code == 2
    assert err.startswith("symjobs: ")
    assert err.count("\n") == 1


def test_a_question_without_run_is_told_the_command(capsys):
    assert main(["pca", "my file.csv"]) == 2
    assert capsys.readouterr().err == (
        "symjobs: 'pca' is a question, not a command; try: symjobs run pca 'my file.csv'\n"
    )


@pytest.fixture
def ctrl_c():
    """Python's own handler, also where a shell has started the tests in the background, which ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupt_that_a_library_discards_is_remembered():
    """pyarrow imports pandas on its way and discards whatever that raises, a KeyboardInterrupt too."""
    with interrupts():
        raise_if_interrupted()
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            raise_if_interrupted()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with interrupts():
        raise_if_interrupted()
