"""symjobs beside Django, as one ASGI application.

SECRET_OF_C1=$(python -c "import base64, os; print(base64.b64encode(os.urandom(16)).decode())") \\
    uvicorn mount_django:application
"""

import os

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import path

import symjobs as sj

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY=os.urandom(16).hex())
django.setup()
urlpatterns = [path("health", lambda _: HttpResponse("ok"))]

manager = sj.JobManager()
users = {"c1": os.environ["SECRET_OF_C1"]}  # or sj.server.Users(url, key)
statistics = sj.server.create_app(manager, users)
site = get_asgi_application()


async def application(scope, receive, send):
    ours = scope["type"] == "http" and scope["path"].startswith("/symetry/")
    await (statistics if ours else site)(scope, receive, send)
