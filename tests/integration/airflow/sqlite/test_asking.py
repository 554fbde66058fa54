"""A person in the browser: a form that refuses, and a question that is answered."""

import pytest
from playwright.sync_api import expect

from integration.airflow.client import quoted
from integration.airflow.site import Site
from integration.browser import browser, logged_in
from waiting import wait_until

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("airflow")]


def test_a_person_is_refused_and_asked(site: Site) -> None:
    url, client = site.airflow.url, site.client
    run = client.trigger("gated", {"source": site.number("21")})
    with browser() as chromium, logged_in(chromium, url, "admin", site.airflow.password) as page:
        page.goto(f"{url}/dags/reported")
        page.get_by_role("button", name="Trigger").first.click()
        form = page.get_by_role("dialog")
        trigger = form.get_by_role("button", name="Trigger", exact=True)
        source, times = (form.locator(f"[name=element_{name}]") for name in ("source", "times"))
        times.fill("0")
        source.fill("rows.txt")
        expect(times, "the form knows the range").to_have_value("1")
        assert trigger.is_enabled()
        source.fill("")
        form.get_by_text("This field is required").wait_for()
        assert trigger.is_disabled()

        wait_until(lambda: client.states("gated", run).get("approve.publish") == "awaiting_input")
        page.goto(f"{url}/dags/gated/runs/{quoted(run)}/tasks/approve.publish/required_actions")
        (read,) = site.executions(f"gated.{run}", "read")
        (number,) = read.outputs["number"]
        link = page.get_by_role("link", name=f"Number {number.id}")
        assert link.get_attribute("href") == f"/plugin/pipelines/lineage/artifacts/{number.id}"
        page.locator("[name=element_comment]").fill("seen")
        page.get_by_role("button", name="Approve", exact=True).click()
        assert client.wait("gated", run) == "success"
    (answer,) = [e for e in site.store.run_executions(f"gated.{run}") if e.type_name == "approval"]
    told = answer.parameters
    assert (told["decision"], told["by"], told["comment"]) == ("approved", "admin", "seen")
