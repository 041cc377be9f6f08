"""The job resource in Flask, through symjobs.rest: flask --app mount_flask run. Flask must know who asks."""

from flask import Flask, Response, abort, request

import symjobs as sj

manager = sj.JobManager()
app = Flask(__name__)


def send(answer: sj.rest.Response) -> Response:
    return Response(answer.json, answer.status, answer.headers, content_type="application/json")


@app.before_request
def authenticate() -> None:
    if request.headers.get("X-User") != (request.view_args or {}).get("cid"):  # put your own check here
        abort(401)


@app.get("/symetry/rest/<cid>/jobs")
def all_jobs(cid: str) -> Response:
    return send(sj.rest.list_jobs(manager, cid))


@app.route("/symetry/rest/<cid>/jobs/<jobid>", methods=["GET", "DELETE"])
def one_job(cid: str, jobid: str) -> Response:
    answer_for = sj.rest.kill_job if request.method == "DELETE" else sj.rest.get_job
    return send(answer_for(manager, cid, jobid))


@app.post("/symetry/rest/<cid>/projects/<pid>/vif")
def vif(cid: str, pid: str) -> Response:
    def job() -> sj.Job:
        context = sj.from_json(request.get_data(), sj.ExploreContext)
        return sj.ExploreVIFJob.from_context(sj.rest.project_of(manager, cid, pid), context, request.args)

    return send(sj.rest.create_job(manager, cid, job))
