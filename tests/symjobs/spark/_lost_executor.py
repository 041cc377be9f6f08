"""An executor of a local cluster of two is killed while it learns. Prints the rows learnt, and their mean."""

import os
import signal
import subprocess
import sys
import time

import pyspark
from pyspark.sql import SparkSession

import symjobs as sj

ROWS = 400_000


def slow(batches):
    import time

    for batch in batches:
        time.sleep(0.3)
        yield batch


def main() -> None:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ.setdefault("SPARK_HOME", os.path.dirname(pyspark.__file__))
    builder = SparkSession.builder.master("local-cluster[2,1,1024]").config("spark.executor.memory", "512m")
    for name in ("spark.driver.host", "spark.driver.bindAddress"):
        builder = builder.config(name, "127.0.0.1")
    builder = builder.config("spark.executorEnv.PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    session = builder.config("spark.ui.enabled", "false").getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    frame = session.range(ROWS).repartition(20).mapInArrow(slow, "id long")
    project = sj.Project("p")
    application = session.sparkContext.applicationId
    with sj.JobManager(store=None) as manager:
        handle = manager.submit(sj.SparkDSUpdateJob(project, frame))
        end = time.monotonic() + 120
        while handle.info().current < 4 and time.monotonic() < end:
            time.sleep(0.1)
        command = ["pgrep", "-f", f"CoarseGrainedExecutorBackend.*{application}"]
        executors = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        os.kill(int(executors[0]), signal.SIGKILL)
        print(len(executors), handle.result(timeout=200).rows, project.snapshot().moments.mean()[0])
    session.stop()


if __name__ == "__main__":
    main()
