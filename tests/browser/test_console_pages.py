"""The console as a visitor meets it, in a real browser."""

import re

import pytest

from inventory.store import database

pytestmark = pytest.mark.browser

KEY = "a-key-that-is-good"


def sign_in(page, address, path="/console/"):
    page.goto(address + path)
    page.get_by_label("API key").fill(KEY)
    page.get_by_role("button", name="Sign in").click()
    page.locator("main h1").wait_for()


def value_of(page, label):
    """The figure on the card of that name."""
    card = page.locator(".kpi", has=page.get_by_text(label, exact=True))
    return card.locator(".value").inner_text()


def test_sign_in_leads_back_to_the_page_that_was_asked_for(page, story_console):
    sign_in(page, story_console, "/console/sku/SKU-1?location=S2")
    assert page.url == f"{story_console}/console/sku/SKU-1?location=S2"
    assert page.get_by_role("heading", name="Oat drink 1 l").is_visible()
    page.wait_for_function("document.title === 'SKU-1 · Vouch'")


def test_a_wrong_key_is_told_so(page, story_console):
    page.goto(f"{story_console}/console/")
    page.get_by_label("API key").fill("nonsense")
    page.get_by_role("button", name="Sign in").click()
    assert "unknown" in page.get_by_role("alert").inner_text()
    assert page.context.cookies() == []
    page.problems.clear()  # The browser reports the 401 of this page as an error.


def test_overview_shows_the_figures_of_the_database(page, story_console, story_database):
    sign_in(page, story_console)
    with database.connect(story_database) as db:
        ((units, value),) = db.execute(
            "select sum(units), sum(units * unit_cost) from balances join skus using (sku)"
            " where status = 'available'"
        ).fetchall()
        ((alerts,),) = db.execute("select count(*) from alerts where resolved_at is null")
    assert value_of(page, "Sellable units") == f"{units}" == "467"
    assert value_of(page, "Stock value") == f"{value:.0f}" == "769"
    assert value_of(page, "Promised units") == "18"  # 6 and 9 ordered, 3 in a live cart.
    assert value_of(page, "Open alerts") == f"{alerts}" == "3"
    assert value_of(page, "Orders waiting") == "2"
    assert page.get_by_text("run-2026-03-02").is_visible()
    grid = page.locator("#grid-alerts")
    grid.get_by_text("Is out of stock; 96 units proposed").wait_for()
    assert grid.locator(".ag-center-cols-container [role=row]").count() == 3


def test_search_opens_a_sku_by_keyboard_alone(page, story_console):
    sign_in(page, story_console)
    page.wait_for_load_state("networkidle")  # The page's first answers are in.
    page.keyboard.press("/")
    page.wait_for_function("document.activeElement.id === 'search'")
    page.keyboard.type("oat drink", delay=40)  # Milliseconds a key: a very fast typist.
    page.locator(".hit").first.wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/sku/SKU-1")
    page.get_by_role("heading", name="Oat drink 1 l").wait_for()
    page.locator(".js-plotly-plot .main-svg").nth(3).wait_for()
    assert value_of(page, "On hand") == "30"
    page.wait_for_function("document.getElementById('search').value === ''")


def test_location_and_view_are_chosen_and_kept_in_the_address(page, story_console):
    sign_in(page, story_console, "/console/sku/SKU-1?location=S1&channel=web&method=bopis")
    assert value_of(page, "Can be promised now") == "17"  # 30 - 6 ordered - 3 in a cart - 4 kept.
    page.get_by_role("link", name="Ship from store").click()
    page.wait_for_url(re.compile("method=sfs"))
    page.locator(".segment.current", has_text="Ship from store").wait_for()
    assert value_of(page, "Can be promised now") == "21"  # No buffer rule for this method.
    page.locator(".choice-box button").click()
    page.get_by_role("option", name="Central warehouse").click()
    page.wait_for_url(re.compile("location=DC1"))
    page.locator(".kpi .value", has_text="400").wait_for()
    page.go_back()
    page.wait_for_url(re.compile("location=S1"))
    page.locator(".kpi .value", has_text="30").first.wait_for()


def test_a_sku_with_odd_letters_has_an_address(page, story_console):
    sign_in(page, story_console, "/console/sku")
    page.get_by_role("link", name="SKU/3 50%").click()
    page.get_by_role("heading", name="Filter coffee 250 g").wait_for()
    assert page.get_by_text("No forecast yet").is_visible()
    assert page.get_by_text("No policy yet").first.is_visible()


def test_an_empty_database_says_what_to_do(page, empty_console):
    sign_in(page, empty_console)
    assert page.get_by_text("vouch demo").is_visible()
    page.get_by_role("link", name="SKUs").click()
    page.get_by_text("The catalogue is empty").wait_for()


def test_pages_can_be_used_without_seeing_them(page, story_console):
    sign_in(page, story_console, "/console/sku/SKU-1?location=S1")
    page.locator(".js-plotly-plot .main-svg").nth(3).wait_for()
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == page.locator("nav[aria-label=Pages]").count() == 1
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("a, button, input, [role=img]")]
            .filter(e => e.offsetParent && !(e.getAttribute("aria-label") || e.innerText.trim()
                || e.getAttribute("aria-labelledby") || e.labels?.length || e.alt))
            .map(e => e.outerHTML)"""
    )
    assert unnamed == []
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Skip to content"


def test_a_session_that_ended_leads_to_sign_in(page, story_console):
    sign_in(page, story_console)
    page.context.clear_cookies()
    page.get_by_role("link", name="SKUs").click()
    page.wait_for_url("**/console/login?next=**")
    page.problems.clear()  # The browser reports the 401 that led here.
