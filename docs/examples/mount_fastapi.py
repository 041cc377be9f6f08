"""symjobs beside the routes of a FastAPI application.

SECRET_OF_C1=$(python -c "import base64, os; print(base64.b64encode(os.urandom(16)).decode())") \\
    uvicorn mount_fastapi:app
"""

import os

from fastapi import FastAPI

import symjobs as sj

manager = sj.JobManager()
users = {"c1": os.environ["SECRET_OF_C1"]}  # or sj.server.Users(url, key)

app = FastAPI()


@app.get("/health")
def health() -> dict[str, bool]:
    return {"ok": True}


app.mount("/", sj.server.create_app(manager, users))
