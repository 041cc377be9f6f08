"""``symjobs serve`` and ``symjobs user``: a server and its users."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from symjobs._errors import InputError, MissingDependency

if TYPE_CHECKING:
    from symjobs._engine import JobManager
    from symjobs.server import MasterKey, Users

_DEMO = "demo"
_SWITCH_SECONDS = 0.001  # a job that runs Python code lets a request in after this time
_SHUTDOWN_SECONDS = 5
_IDLE_SECONDS = 75  # that a connection stays open without a request: longer than clients wait between two looks


def serve(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    try:
        import uvicorn
    except ModuleNotFoundError as error:
        raise MissingDependency("uvicorn", "server", "symjobs serve") from error
    from symjobs._engine import JobManager
    from symjobs.server import DataSources, create_app
    from symjobs.sources import Access

    # A signal ends the server in order; uvicorn passes it on when it has shut down.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    users = _users(options)
    sources = DataSources(_store(options), _key(options))
    access = Access(
        tuple(options.source_root or ()),
        tuple(options.source_host or ()),
        options.source_timeout,
        tuple(options.spark_master or ()),
    )
    manager = JobManager(workers=options.workers, store=_store(options), show_errors=options.show_errors)
    try:
        app = create_app(
            manager,
            users,
            max_body=options.max_body << 20,
            refuse_repeats=options.refuse_repeats,
            cors=options.cors or (),
            sources=sources,
            access=access,
        )
        with _listen(options.host, options.port) as listening:
            address = "http://{}:{}".format(*_shown(options.host, listening))
            print(f"symjobs serves {address}/symetry/rest, and a page at {address}/ui; Ctrl-C ends it", flush=True)
            if options.demo:
                _make_demo(manager, users, address)
            elif not users.names():
                print(f"there are no users yet; add one with: symjobs user add NAME --root {options.root}", flush=True)
            sys.setswitchinterval(_SWITCH_SECONDS)
            config = uvicorn.Config(
                app,
                log_level="warning",
                access_log=options.access_log,
                timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
                timeout_keep_alive=_IDLE_SECONDS,
                server_header=False,
                lifespan="off",
            )

            class Server(uvicorn.Server):
                async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
                    app.state.release()
                    await super().shutdown(sockets)

            with contextlib.suppress(KeyboardInterrupt):
                Server(config).run(sockets=[listening])
    finally:
        manager.shutdown(timeout=_SHUTDOWN_SECONDS)
        sources.close()
        users.close()
    print("symjobs has stopped", flush=True)
    return 0


def user(options: argparse.Namespace) -> int:
    """Add, remove or list users, or make a master key."""
    if options.action == "key":
        from symjobs.server import new_key

        print(new_key())
        return 0
    if options.action in ("add", "remove") and options.name is None:
        raise InputError(f"symjobs user {options.action} needs a name")
    users = _users(options)
    try:
        if options.action == "add":
            secret = users.add(options.name)
            print(f"the secret of {options.name}, which is shown only now:")
            print(secret)
        elif options.action == "remove":
            users.remove(options.name)
            print(f"{options.name} is removed; its projects and jobs stay, for a user who is added by this name")
        else:
            for name in users.names():
                print(name)
    finally:
        users.close()
    return 0


def _users(options: argparse.Namespace) -> Users:
    from symjobs.server import Users

    return Users(_store(options), _key(options))


def _key(options: argparse.Namespace) -> MasterKey:
    from symjobs.server import read_key
    from symjobs.server._key import VARIABLE

    given = options.key_file
    path = Path(given) if given else _config_folder() / "key"
    if given and not path.exists() and VARIABLE not in os.environ:  # a wrong name must not become a new key
        raise InputError(
            f"there is no master key in {path}; make one, which only you can read: "
            f"(umask 077; symjobs user key > {shlex.quote(given)})"
        )
    return read_key(path, create=given is None)


def _store(options: argparse.Namespace) -> str:
    if options.store is not None:
        return str(options.store)
    root = Path(options.root)
    root.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{root.resolve() / 'jobs.db'}"


def _config_folder() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "symjobs"


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        raise InputError(f"cannot listen at {host}, port {port}: {error}; take another --port") from error


def _shown(host: str, listening: socket.socket) -> tuple[str, int]:
    return f"[{host}]" if ":" in host else host, listening.getsockname()[1]


def _make_demo(manager: JobManager, users: Users, address: str) -> None:
    """Give a first user real data and a few finished jobs, and print how to ask for them."""
    from symjobs import datasets
    from symjobs._jobs._pca import PCAJob
    from symjobs._project import Project

    if _DEMO in users.names():
        users.remove(_DEMO)
    secret = users.add(_DEMO)
    for name, load in (("iris", datasets.load_iris), ("breast_cancer", datasets.load_breast_cancer)):
        if name not in manager.projects.names(_DEMO):
            manager.projects.add(_DEMO, Project(name).learn(load()))
        manager.submit(PCAJob(manager.projects.get(_DEMO, name)), _DEMO)
    print(f"user:   {_DEMO}\nsecret: {secret}")
    print(f"page:   {address}/ui#{_DEMO}")
    print(
        f"try:    SYMJOBS_SECRET={secret} symjobs request GET /projects/list --user {_DEMO} --url {address}", flush=True
    )
