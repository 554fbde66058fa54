"""Debian's chromium on Airflow's UI, as a person uses it."""

import itertools
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, FrameLocator, Page, sync_playwright

_PATIENCE_MS = 60_000


@contextmanager
def browser() -> Iterator[Browser]:
    """A chromium without windows."""
    program = shutil.which("chromium")
    assert program, "apt-get install chromium"
    with sync_playwright() as playwright:
        # Its own sandbox needs rights that containers seldom have; the pages are ours.
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield chromium
        finally:
            chromium.close()


@contextmanager
def logged_in(chromium: Browser, url: str, user: str, password: str, **options: object) -> Iterator[Page]:
    """A page of Airflow's UI, logged in by its form."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, **options)  # type: ignore[arg-type]
    context.set_default_timeout(_PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{url}/auth/login")
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    page.get_by_role("link", name="Pipelines").wait_for()
    try:
        yield page
    finally:
        context.close()


def triggered(
    page: Page, url: str, dag: str, *, before: Callable[[], None] = lambda: None, **parameters: str
) -> str:
    """Trigger a run by the form; returns its id, as the server answered the browser.

    Args:
        page: Logged in.
        url: Of Airflow.
        dag: Its id.
        before: Called when the form is filled in.
        parameters: As typed.
    """
    page.goto(f"{url}/dags/{dag}")
    page.get_by_role("button", name="Trigger").first.click()
    form = page.get_by_role("dialog")
    for name, value in parameters.items():
        form.locator(f"[name=element_{name}]").fill(value)
    before()
    with page.expect_response(re.compile(r".*/dagRuns$")) as answer:
        form.get_by_role("button", name="Trigger", exact=True).click()
    assert answer.value.ok, answer.value.text()
    return str(answer.value.json()["dag_run_id"])


@contextmanager
def served(folder: Path, profile: str = "local") -> Iterator[str]:
    """`pipeline ui` on a project's store; its address."""
    program = [str(Path(sys.executable).with_name("pipeline")), "ui", "--json", "--port", "0"]
    with subprocess.Popen(
        [*program, "--profile", profile], cwd=folder, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            told = itertools.takewhile(lambda line: line not in ("", "}\n"), iter(server.stdout.readline, ""))
            yield str(json.loads("".join(told) + "}")["address"])
        finally:
            server.terminate()


def read_frame(page: Page) -> FrameLocator:
    """Our page inside of Airflow's."""
    return page.frame_locator("main iframe, iframe").first
