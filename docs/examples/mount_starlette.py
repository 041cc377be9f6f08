"""symjobs under a path of a Starlette application.

SECRET_OF_C1=$(python -c "import base64, os; print(base64.b64encode(os.urandom(16)).decode())") \\
    uvicorn mount_starlette:app
"""

import os

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

import symjobs as sj

manager = sj.JobManager()
users = {"c1": os.environ["SECRET_OF_C1"]}  # or sj.server.Users(url, key)

app = Starlette(
    routes=[
        Route("/health", lambda _: PlainTextResponse("ok")),
        Mount("/statistics", sj.server.create_app(manager, users)),  # clients sign /statistics/symetry/rest/...
    ]
)
