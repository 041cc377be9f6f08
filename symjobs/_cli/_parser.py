"""What the command line takes. Nothing heavy is imported here, so that --help and --version answer at once."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from typing import NoReturn

from symjobs._version import __version__

QUESTIONS = {
    "pca": "principal components of the correlation (or covariance) matrix",
    "svd": "singular values of the covariance matrix",
    "select": "attributes to keep so that none depends linearly on the others (SVD feature selection)",
    "vif": "variance inflation factors",
    "explore": "descriptive statistics and hypothesis tests (--metric)",
    "kmeans": "how many clusters: WSSSE and silhouette for every k of a range (--k)",
    "anomaly": "which rows are unusual: a model of all rows, a score of each, and a threshold from extreme values",
}
METRICS = ["uni", "bi", "ztest", "ztestp", "ztestmu", "ttest", "ttestmu", "ftest", "ftestmu", "anova", "chi2", "gain"]
DISTANCES = ["euclidean", "sqeuclidean"]
# Options of one question alone, by the attribute that holds them; None unless they are given.
KMEANS_ONLY = {
    "k": "--k",
    "scale": "--scale",
    "n_init": "--n-init",
    "seed": "--seed",
    "max_iterations": "--max-iterations",
    "stream": "--stream",
    "centroids": "--centroids",
}
ANOMALY_MODELS = ["oospca", "mahalanobis", "hba", "ecod"]
ANOMALY_ONLY = {
    "model": "--model",
    "alpha": "--alpha",
    "quantile": "--quantile",
    "warmup": "--warmup",
    "window": "--window",
    "max_excesses": "--max-excesses",
    "two_sides": "--two-sides",
    "follow": "--follow",
    "rule": "--rule",
    "scores": "--scores",
    "impute": "--impute",
}

_RUN_EPILOG = """\
examples:
  symjobs run pca iris --inputs sepal_length,sepal_width,petal_length,petal_width
  symjobs run vif longley --plot vif.png
  symjobs run explore data.csv --metric ttest --inputs height,weight
  symjobs run explore iris --metric anova --inputs petal_width --targets 'species$setosa,species$virginica'
  symjobs run kmeans iris --k 2..6 --plot elbow.png
  symjobs run kmeans data.csv --k 2..12 --scale standard --metric sqeuclidean
  symjobs run anomaly data.csv --alpha 1e-4 --plot scores.png
  symjobs run pca data.csv --separator ';' --types colour=T,code=S --filter 'age>=18;age<65' --json
"""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all others of the program are."""

    def error(self, message: str) -> NoReturn:
        """Print the line and exit with code 2."""
        self.exit(2, f"symjobs: {message}; {self.prog} --help lists what is allowed\n")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; each command's function is its ``command``."""
    parser = _Parser(
        prog="symjobs", description="Learn a data file once, and ask: PCA, SVD, VIF, statistics and tests as jobs."
    )
    parser.add_argument("--version", action="version", version=f"symjobs {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="{run,demo,doctor}")
    _add_run(commands)
    demo = commands.add_parser(
        "demo", help="learn the shipped data sets, run every kind of job, leave tables and pictures in a folder"
    )
    demo.add_argument("--out", default="symjobs-run", metavar="DIR", help="the folder (default: ./symjobs-run)")
    demo.set_defaults(command=_later("_demo", "demo"))
    doctor = commands.add_parser("doctor", help="say what was found on this machine, and what to install")
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON")
    doctor.set_defaults(command=_later("_doctor", "doctor"))
    return parser


def _add_run(commands: argparse._SubParsersAction[_Parser]) -> None:
    run = commands.add_parser(
        "run",
        help="learn a data file and answer one question about it",
        description="Learn a data file (or a shipped data set: iris, longley, breast_cancer) and answer one question.",
        epilog=_RUN_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.set_defaults(command=_later("_run", "run"))
    run.add_argument(
        "question", choices=QUESTIONS, help="; ".join(f"{name}: {text}" for name, text in QUESTIONS.items())
    )
    run.add_argument("data", help="a CSV or Parquet file, or the name of a shipped data set")

    asked = run.add_argument_group("the question")
    names = "names or indices separated by commas"
    asked.add_argument(
        "--inputs",
        action="append",
        metavar="A,B",
        help=f"attributes to ask about: {names} (default: every numeric one); for explore it may come several "
        "times, each time for one more test",
    )
    asked.add_argument("--targets", action="append", metavar="A,B", help=f"explore: target attributes, {names}")
    asked.add_argument(
        "--metric",
        choices=[*METRICS, *DISTANCES],
        help="explore: which statistics or test (default: uni); kmeans: distances of the silhouettes (default: "
        "euclidean, exact, work for every pair of rows; sqeuclidean is far quicker)",
    )
    asked.add_argument(
        "--param",
        action="append",
        metavar="KEY=VALUE",
        help="explore: an extra parameter, such as unbiased=true or sml_explore_ttest_known_mu=3; anomaly: one of the "
        "model, such as explainedCovariance=0.9; may be repeated",
    )
    asked.add_argument("--explained", type=float, default=1.0, metavar="SHARE", help="pca: variance to explain, 0 to 1")
    asked.add_argument("--components", type=int, default=100, metavar="N", help="pca: at most so many components")
    asked.add_argument("--covariance", action="store_true", help="pca: of the covariance, not the correlation matrix")

    _add_kmeans(run.add_argument_group("kmeans"))
    _add_anomaly(run.add_argument_group("anomaly"))

    data = run.add_argument_group("the data")
    data.add_argument("--filter", metavar="TEST", help="learn only rows that pass, as 'petal_width>=0.2;size==1'")
    data.add_argument(
        "--types",
        metavar="A=T,B=S",
        help="type letters of columns: C continuous, B binary, T category, S text, L list, X ignored",
    )
    data.add_argument("--missing", choices=("pairwise", "listwise", "error"), default="pairwise", help="missing values")
    data.add_argument("--separator", default=",", metavar="CHAR", help="CSV: between values (default: ,)")
    data.add_argument("--quote", default='"', metavar="CHAR", help="CSV: around values; '' for none")
    data.add_argument("--no-header", action="store_true", help="CSV: the first line is data; columns are x1, x2, ...")
    data.add_argument(
        "--na",
        action="append",
        metavar="TEXT",
        help="CSV: a further text that means missing, as '?' (always missing: empty, null, NaN, NA); may be repeated",
    )
    data.add_argument("--encoding", default="utf-8", help="CSV: encoding of the file")
    data.add_argument(
        "--memory-budget", default="256MiB", metavar="SIZE", help="memory for reading and learning (default: 256MiB)"
    )

    output = run.add_argument_group("the answer")
    output.add_argument(
        "--json", action="store_true", help="print the JSON that a client of the job resource would get"
    )
    output.add_argument("--plot", metavar="FILE", help="draw a picture as .png, .svg or .pdf")


def _add_kmeans(clusters: argparse._ArgumentGroup) -> None:
    clusters.add_argument(
        "--k", type=_k_range, metavar="A..B", help="numbers of clusters to try, or a single one (default: 2..10)"
    )
    clusters.add_argument(
        "--scale",
        choices=("none", "standard"),
        help="standard: divide each column by its standard deviation (default: none)",
    )
    clusters.add_argument("--n-init", type=int, metavar="N", help="starts for each k, the best counts (default: 10)")
    clusters.add_argument("--seed", type=int, metavar="N", help="what the random numbers come from (default: 0)")
    clusters.add_argument("--max-iterations", type=int, metavar="N", help="limit of each start (default: 1000)")
    clusters.add_argument(
        "--stream",
        action="store_true",
        default=None,
        help="cluster while the file streams by, and keep micro-clusters, not the rows: for files larger than memory",
    )
    clusters.add_argument("--centroids", type=int, metavar="N", help="--stream: micro-clusters to keep (default: 100)")


def _add_anomaly(asked: argparse._ArgumentGroup) -> None:
    asked.add_argument("--model", choices=ANOMALY_MODELS, help=f"how rows are scored (default: {ANOMALY_MODELS[0]})")
    asked.add_argument(
        "--alpha", type=float, metavar="P", help="tolerated probability of a false alarm, of each row (default: 1e-4)"
    )
    asked.add_argument(
        "--quantile", type=float, metavar="Q", help="where the tail of the scores begins (default: 0.98)"
    )
    asked.add_argument("--warmup", type=int, metavar="N", help="scores to learn from before any flag (default: 1000)")
    asked.add_argument("--window", type=int, metavar="N", help="fit the tail to the last N scores (default: to all)")
    asked.add_argument("--max-excesses", type=int, metavar="N", help="fit the tail to at most its last N scores")
    asked.add_argument("--two-sides", action="store_true", default=None, help="flag scores that are too low, too")
    asked.add_argument(
        "--follow", action="store_true", default=None, help="let the beginning of the tail move with the scores"
    )
    asked.add_argument(
        "--rule", choices=("q95", "q98", "q99"), help="quantile of the scores for the simple flag, res (default: q99)"
    )
    asked.add_argument("--scores", action="store_true", default=None, help="--json: with a column score")
    asked.add_argument(
        "--impute", action="store_true", default=None, help="score rows with missing inputs, with the means in place"
    )


def _k_range(text: str) -> tuple[int, int]:
    first, dots, last = text.partition("..")
    try:
        return int(first), int(last if dots else first)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no range such as 2..12") from None


def _later(module: str, name: str) -> Callable[[argparse.Namespace], int]:
    # The command's module is loaded when the command runs.
    def command(options: argparse.Namespace) -> int:
        return int(getattr(importlib.import_module(f"symjobs._cli.{module}"), name)(options))

    return command
