"""The page at /ui in headless Chromium: signing in, live jobs, kills, questions, pictures, the keyboard alone."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator

import pytest

import symjobs as sj
from tests.symjobs.server._client import SECRET, WAIT, serving
from tests.symjobs.server.test_http import Held

CHROMIUM = os.environ.get("SYMJOBS_TEST_CHROMIUM")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM, reason="no Chromium: SYMJOBS_TEST_CHROMIUM is not set; run the tests with `make test`"
    ),
]
INPUTS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
OPTIONS = [
    "--host-resolver-rules=MAP elsewhere.test 127.0.0.1",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def manager() -> Iterator[sj.JobManager]:
    manager = sj.JobManager(grace=WAIT)
    iris = sj.datasets.load_iris()
    clusters = sj.Project("clusters", params={"cluster_features": ":".join(INPUTS)}).learn(iris)
    strange = sj.Project("<b>bold & 50%?#").learn(sj.DataFrame(["<i>x</i>"], ["C"], [["1"], ["2"]]))
    for project in (sj.Project("iris").learn(iris), clusters, strange):
        manager.projects.add("c1", project)
    yield manager
    manager.shutdown(timeout=WAIT)


@pytest.fixture(scope="module")
def address(manager: sj.JobManager) -> Iterator[str]:
    with serving(sj.server.create_app(manager, {"c1": SECRET})) as port:
        yield f"http://127.0.0.1:{port}/ui"


@pytest.fixture
def page(browser, address):
    """A page of a user who has signed in; errors in its console fail the test."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(1000 * WAIT)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    expected = "Failed to load resource: the server responded with a status of 500"  # of a job that failed
    page.goto(f"{address}#c1")
    page.get_by_label("Secret").fill(SECRET)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Jobs", exact=True).wait_for()
    yield page
    context.close()
    assert not [error for error in errors if not error.startswith(expected)]


@pytest.fixture
def held(manager):
    go = threading.Event()
    handle = manager.submit(Held(go, steps=2), "c1")
    yield handle
    go.set()


def ask(page, address, question, project="iris"):
    page.goto(f"{address}/#/project/{project}")
    page.get_by_label("Question").select_option(question)
    page.get_by_role("button", name="Ask").click()
    page.get_by_role("heading", name="Details").wait_for()


def test_a_wrong_secret_is_not_let_in(browser, address):
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(address)
        for secret, words in (("AAAA", "Invalid Signature"), ("no Base64!", "Base64")):
            page.get_by_label("User").fill("c1")
            page.get_by_label("Secret").fill(secret)
            page.get_by_role("button", name="Sign in").click()
            page.get_by_role("status").filter(has_text=words).wait_for()
        assert not page.get_by_role("navigation").is_visible()


def test_live_progress_and_a_kill(page, held, manager):
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=str(held.id), exact=True))
    row.get_by_text("running").wait_for()
    bar = page.get_by_label(f"progress of job {held.id}")
    deadline = time.monotonic() + WAIT
    while bar.get_attribute("value") != "1":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    page.get_by_role("button", name=f"Kill job {held.id}").click()
    page.get_by_role("status").filter(has_text=f"Job {held.id}: Job was killed").wait_for()
    row.wait_for(state="detached")
    with pytest.raises(sj.NoSuchJob):
        manager.info("c1", held.id)


@pytest.mark.parametrize(
    ("question", "pictures"),
    [
        ("Principal components", ["Share of the variance (scree plot)"]),
        ("Variance inflation", ["Variance inflation factors"]),
        ("Singular values", ["Singular values"]),
        ("Correlations", ["Correlations"]),
        ("Statistics", []),
        ("Number of clusters", ["Silhouette of each number of clusters", "WSSSE of each number of clusters"]),
    ],
)
def test_questions_and_their_pictures(page, address, question, pictures, manager):
    ask(page, address, question, "clusters" if "clusters" in question else "iris")
    assert page.locator("figcaption").all_inner_texts() == pictures
    shapes = page.locator("figure svg").evaluate_all(
        "all => all.map(one => one.querySelectorAll('rect, circle').length)"
    )
    expected = {"Correlations": [16], "Number of clusters": [7, 7]}.get(question, [4] * len(pictures))
    assert shapes == expected
    boxes = page.locator("figure svg rect, figure svg circle").evaluate_all(
        "all => all.map(one => one.getBBox()).map(box => [box.x, box.y, box.width, box.height])"
    )
    assert all(width > 0 and height >= 0 and x >= 0 and y >= 0 for x, y, width, height in boxes)
    assert page.get_by_role("table").count() >= 1
    if question == "Principal components":
        number = int(re.search(r"/job/(\d+)", page.url)[1])
        first = sj.from_json(sj.rest.get_job(manager, "c1", number).json, dict)["values"]["pcaValues"]["data"][0][0]
        assert page.get_by_role("cell", name=f"{float(first):.5g}", exact=True).count() == 1


def test_scores_with_their_threshold(page, address, manager):
    iris = sj.datasets.load_iris()
    project = manager.projects.get("c1", "iris")
    project.build("m", "oospca", INPUTS)
    rows = sj.DataFrame(iris.attributeNames, iris.attributeTypes, iris.data * 10 + [["9", "9", "9", "9", "setosa"]])
    evt = {"evt_warmup_size": 500, "evt_quantile": 0.9}
    job = sj.DSPredictDataFrameJob(project, "m", rows, alpha=1e-3, evt=evt, include_scores=True)
    handle = manager.submit(job, "c1")
    assert handle.result(WAIT).evt[-1] == 1
    page.goto(f"{address}/#/job/{handle.id}")
    page.get_by_role("heading", name="Details").wait_for()
    assert page.locator("figure circle title", has_text="row 1500:").count() == 1
    assert page.locator("figure path").count() == 2
    assert page.get_by_text("the first 200 of 1501 rows").is_visible()


def test_a_failed_job_says_why(page, address, manager):
    bad = sj.DataFrame(INPUTS, ["C"] * 4, [["1", "2", "3", "<img src=x onerror=alert(1)>"]])
    handle = manager.submit(sj.LearnJob(manager.projects.get("c1", "iris"), bad), "c1")
    with pytest.raises(sj.JobFailed):
        handle.result(WAIT)
    page.goto(f"{address}/#/job/{handle.id}")
    page.locator("p.bad").filter(has_text="<img src=x").wait_for()


def test_names_are_text(page, address):
    page.goto(f"{address}/#/projects")
    page.get_by_role("link", name="<b>bold & 50%?#").click()
    page.get_by_role("heading", name="<b>bold & 50%?#").wait_for()
    assert page.get_by_role("cell", name="<i>x</i>").count() == 1
    page.get_by_label("Question").select_option("Statistics")
    page.get_by_role("button", name="Ask").click()
    page.get_by_role("heading", name="Details").wait_for()
    assert page.get_by_role("cell", name="<i>x</i>").count() == 1


def test_the_keyboard_alone(page):
    """From the first Tab to an answer, without a pointer."""
    page.reload()  # the tab still knows who it is
    page.get_by_role("heading", name="Jobs", exact=True).wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    for _ in range(2):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Projects"
    page.keyboard.press("Enter")
    link = page.get_by_role("link", name="iris")
    link.wait_for()
    link.focus()
    page.keyboard.press("Enter")
    question = page.get_by_label("Question")
    question.focus()
    page.keyboard.press("V")
    assert question.input_value() == "Variance inflation"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Ask":
            break
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="ExploreVIFJob").wait_for()


def test_the_secret_stays_in_the_tab(page, address, browser):
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    requests = []
    page.on("request", lambda request: requests.append(f"{request.url} {request.headers} {request.post_data}"))
    page.get_by_role("link", name="Projects").click()
    page.get_by_role("link", name="iris").wait_for()
    assert requests
    assert not [text for text in requests if SECRET in text]
    other = page.context.new_page()
    other.goto(address)
    other.get_by_role("heading", name="Sign in").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    assert page.evaluate("sessionStorage.getItem('symjobs')") is None


def test_an_address_that_is_not_safe(browser, address):
    """Plain HTTP to another machine has no WebCrypto; the page says so."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(address.replace("127.0.0.1", "elsewhere.test"))
        page.get_by_role("heading", name="This address is not safe").wait_for()
        assert page.get_by_label("Secret").count() == 0


def test_nothing_else_is_loaded(page, address):
    policy = page.request.get(f"{address}/").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    loaded = page.evaluate("performance.getEntriesByType('resource').map(entry => new URL(entry.name).origin)")
    assert set(loaded) == {address.removesuffix("/ui")}
    for path in ("/../_app.py", "/%2e%2e/_app.py", "/..%2f_app.py", "/none.js"):
        assert page.request.get(f"{address}{path}").status == 404
