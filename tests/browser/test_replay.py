"""Playback on the dispatcher's page, over recorded trips and a made-up morning whose course is
known to the second.
"""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.pages import PHONE, WITHIN_S, Watched
from tests.nodes import TrackerNode, running_node

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.xdist_group("browser")]

# The morning: ten minutes to the east at 36 km/h, eight minutes of standing, five minutes on,
# twenty of silence, five minutes on.
START = dt.datetime(2026, 1, 5, 10, 0, tzinfo=dt.UTC)
LAT, LON = 46.05, 14.5
LON_PER_S = 10.0 / 77_333.0  # 10 m/s at this latitude, to a few in a thousand
DRIVE_S, STAND_S, ON_S, SILENT_S = 600, 480, 300, 1200
STOP_S = DRIVE_S
SILENCE_S = DRIVE_S + STAND_S + ON_S
AGAIN_S = SILENCE_S + SILENT_S
END_S = AGAIN_S + ON_S
DRIVEN_BEFORE_SILENCE_S = DRIVE_S + ON_S


def moment(second: float) -> str:
    return (START + dt.timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")


def driven_s(second: float) -> float:
    """How long the vehicle has been driving at a second of the morning."""
    if second <= DRIVE_S:
        return second
    if second <= DRIVE_S + STAND_S:
        return DRIVE_S
    if second <= SILENCE_S:
        return second - STAND_S
    return DRIVEN_BEFORE_SILENCE_S + max(0.0, second - AGAIN_S)


def morning() -> bytes:
    lines = ["time,lat,lon,speed_kmh,course_deg"]
    for second in range(END_S + 1):
        if SILENCE_S < second < AGAIN_S:
            continue
        standing = DRIVE_S < second <= DRIVE_S + STAND_S
        lon = LON + driven_s(second) * LON_PER_S
        lines.append(f"{moment(second)},{LAT},{lon:.6f},{0 if standing else 36},90")
    return "\n".join(lines).encode()


@pytest.fixture(scope="module")
def node(tmp_path_factory) -> Iterator[TrackerNode]:
    """A tracker with recorded trips of three vehicles, the first with the morning as well."""
    with running_node(tmp_path_factory.mktemp("replay") / "data") as running:
        subprocess.run(
            [
                sys.executable, "-m", "simulator", "replay", "country-vans.csv", "--keep-time",
                "--speed", "1000", "--to", f"127.0.0.1:{running.device_port}",
            ],
            check=True,
            timeout=WITHIN_S,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        request = urllib.request.Request(  # noqa: S310
            f"{running.url}/api/v1/vehicles/{ids(running)[0]}/positions",
            data=morning(),
            headers={"Content-Type": "text/csv"},
        )
        with urllib.request.urlopen(request, timeout=WITHIN_S) as response:  # noqa: S310
            assert response.status == 200
        yield running


def ids(node: TrackerNode) -> list[str]:
    return [vehicle["id"] for vehicle in node.get("/api/v1/vehicles")["vehicles"]]


def address(node: TrackerNode, at: float, vehicles: int = 1) -> str:
    named = ",".join(ids(node)[:vehicles])
    return f"/#replay={named}&from={moment(-600)}&to={moment(END_S + 600)}&at={moment(at)}"


def opened(watched: Watched) -> dict:
    """The replay once everything has come."""
    return watched.until(
        "replay()",
        lambda replay: (
            replay and replay["vehicles"] and all(v["load"] == "ready" for v in replay["vehicles"])
        ),
    )


def second_of(replay: dict) -> float:
    return replay["at"] / 1000 - START.timestamp()


def lon_at(second: float) -> float:
    return LON + driven_s(second) * LON_PER_S


def test_the_button_opens_a_replay_of_the_last_day_with_data_and_back_to_live_restores(
    node, open_page
):
    watched = open_page(node)
    page = watched.page
    watched.until("vehicles()", lambda count: count == 3)
    page.get_by_test_id("row").first.click()
    before = watched.at_rest()
    page.get_by_test_id("replay-start").click()
    replay = opened(watched)
    flag = page.get_by_test_id("replay-flag")
    expect(flag).to_be_visible()
    expect(flag).to_contain_text("Replay, not live")
    expect(page.get_by_test_id("details")).not_to_be_visible()
    assert replay["from"] <= replay["at"] <= replay["to"]
    assert replay["vehicles"][0]["points"] > 100
    watched.until("view()", lambda view: view != before)
    page.get_by_test_id("back-to-live").click()
    expect(flag).to_be_hidden()
    expect(page.get_by_test_id("details")).to_be_visible()
    assert watched.hook("replay()") is None
    after = watched.hook("view()")
    assert after["zoom"] == before["zoom"]
    assert after["lat"] == pytest.approx(before["lat"], abs=1e-4)
    expect(page).not_to_have_url(re.compile("replay="))


def test_the_key_opens_and_escape_closes(node, open_page):
    watched = open_page(node, f"/#vehicle={ids(node)[0]}")
    watched.until("vehicles()", lambda count: count == 3)
    watched.page.keyboard.press("r")
    opened(watched)
    watched.page.keyboard.press("Escape")
    assert watched.hook("replay()") is None
    assert watched.hook("selected()") == ids(node)[0]


def test_play_moves_the_marker_by_recorded_time_times_the_rate(node, open_page):
    watched = open_page(node, address(node, at=60))
    page = watched.page
    replay = opened(watched)
    assert second_of(replay) == pytest.approx(60, abs=0.5)
    assert replay["vehicles"][0]["lon"] == pytest.approx(lon_at(60), abs=2e-6)
    page.get_by_test_id("replay-rate").select_option("5")  # the drive lasts 108 s
    look = "() => [performance.now() / 1000, window.trackerPage.replay()]"
    page.get_by_test_id("replay-play").click()
    seen = []
    for _ in range(6):
        page.wait_for_timeout(100)
        seen.append(page.evaluate(look))
    page.get_by_test_id("replay-play").click()
    (first_s, first), (last_s, last) = seen[0], seen[-1]
    assert first["playing"]
    assert last["rate"] == 5
    rate = (second_of(last) - second_of(first)) / (last_s - first_s)
    assert rate == pytest.approx(5, rel=0.05)
    for _, replay in seen:
        vehicle = replay["vehicles"][0]
        assert vehicle["lon"] == pytest.approx(lon_at(second_of(replay)), abs=2e-6)
    # It glides: each look found it further on, and not on whole seconds alone.
    places = [replay["vehicles"][0]["lon"] for _, replay in seen]
    assert places == sorted(places)
    assert len(set(places)) == len(places)
    stopped = watched.hook("replay()")["at"]
    page.wait_for_timeout(300)
    assert watched.hook("replay()")["at"] == stopped


def test_the_marker_is_drawn_where_the_vehicle_was(node, open_page):
    watched = open_page(node, address(node, at=300))
    opened(watched)
    look = """() => {
      const box = document.querySelector("[data-test=ghost] .ghost-arrow")?.getBoundingClientRect();
      const { x, y } = window.trackerPage.replay().vehicles[0];
      return box && Math.max(
        Math.abs(box.x + box.width / 2 - x), Math.abs(box.y + box.height / 2 - y));
    }"""
    watched.look(
        lambda: watched.page.evaluate(look), lambda px: px is not None and px <= 2, "px beside it"
    )


def test_over_a_gap_it_holds_and_says_that_nothing_is_known(node, open_page):
    watched = open_page(node, address(node, at=SILENCE_S + 100))
    page = watched.page
    first = opened(watched)["vehicles"][0]
    assert first["state"] == "gap"
    assert first["speedKmh"] is None
    assert first["lon"] == pytest.approx(lon_at(SILENCE_S), abs=2e-6)
    expect(page.get_by_test_id("ghost")).to_contain_text("No data")
    expect(page.get_by_test_id("replay-note")).to_contain_text("No data until")
    page.get_by_test_id("replay-rate").select_option("10")  # the silence lasts 110 s more
    page.get_by_test_id("replay-play").click()
    later = watched.until("replay()", lambda r: second_of(r) > SILENCE_S + 105)
    page.get_by_test_id("replay-play").click()
    assert second_of(later) < AGAIN_S
    assert later["vehicles"][0]["lon"] == first["lon"]
    page.get_by_test_id("replay-skip").click()
    skipped = watched.hook("replay()")
    assert second_of(skipped) == pytest.approx(AGAIN_S, abs=0.5)
    assert skipped["vehicles"][0]["state"] == "on"


def test_the_list_has_the_trips_and_stops_and_moves_cursor_and_map(node, open_page):
    watched = open_page(node, address(node, at=10))
    page = watched.page
    opened(watched)
    listed = node.get(
        f"/api/v1/vehicles/{ids(node)[0]}/timeline?from={moment(-600)}&to={moment(END_S + 600)}"
    )["pieces"]
    kinds = [piece["kind"] for piece in listed]
    assert kinds.count("stop") >= 1
    assert kinds.count("trip") >= 2
    for kind in ("trip", "stop", "gap"):
        expect(page.get_by_test_id(f"replay-{kind}")).to_have_count(kinds.count(kind))
    before = watched.at_rest()
    page.get_by_test_id("replay-stop").first.click()
    replay = watched.hook("replay()")
    assert second_of(replay) == pytest.approx(STOP_S, abs=60)
    watched.until("view()", lambda view: view["zoom"] > before["zoom"])
    vehicle = replay["vehicles"][0]
    assert vehicle["lon"] == pytest.approx(lon_at(STOP_S), abs=60 * LON_PER_S)
    expect(page.locator("[data-test=replay-stop][aria-current=true]")).to_have_count(1)
    page.get_by_test_id("replay-trip").last.click()
    assert second_of(watched.hook("replay()")) > STOP_S


def test_the_timeline_seeks_by_pointer_and_by_key(node, open_page):
    watched = open_page(node, address(node, at=10))
    page = watched.page
    opened(watched)
    timeline = page.get_by_test_id("replay-timeline")
    box = timeline.bounding_box()
    assert box is not None
    seconds = []
    for share in (0.3, 0.5, 0.8):
        page.mouse.click(box["x"] + box["width"] * share, box["y"] + 50)
        seconds.append(second_of(watched.hook("replay()")))
    assert seconds == sorted(seconds)
    assert len(set(seconds)) == 3
    timeline.focus()
    page.keyboard.press("ArrowLeft")
    assert second_of(watched.hook("replay()")) == pytest.approx(seconds[-1] - 10, abs=0.01)
    page.keyboard.press("Home")
    assert second_of(watched.hook("replay()")) == -600


def test_several_vehicles_run_on_one_clock_and_can_be_taken_out(node, open_page):
    vehicles = ids(node)
    watched = open_page(node, address(node, at=30))
    page = watched.page
    opened(watched)
    page.get_by_test_id("replay-add").click()
    page.get_by_test_id("replay-found").get_by_role("button").first.click()
    replay = watched.until(
        "replay()",
        lambda r: len(r["vehicles"]) == 2 and all(v["load"] == "ready" for v in r["vehicles"]),
    )
    assert {v["id"] for v in replay["vehicles"]} <= set(vehicles)
    assert second_of(replay) == pytest.approx(30, abs=0.5)
    # The second has no positions in that morning: it is listed, and not drawn anywhere.
    assert replay["vehicles"][1]["state"] == "empty"
    expect(page.get_by_test_id("ghost")).to_have_count(1)
    page.get_by_test_id("replay-drop").last.click()
    assert len(watched.hook("replay()")["vehicles"]) == 1


def test_recorded_trips_of_three_vehicles_are_drawn_together(node, open_page):
    vehicles = ids(node)
    found = node.get(f"/api/v1/vehicles/{vehicles[1]}")
    day = found["position"]["fix_time"][:10]
    watched = open_page(
        node, f"/#replay={','.join(vehicles)}&from={day}T00:00:00Z&to={day}T23:59:59Z"
    )
    replay = opened(watched)
    assert [v["points"] > 50 for v in replay["vehicles"]] == [True] * 3
    expect(watched.page.get_by_test_id("ghost")).to_have_count(3)


def test_the_live_feed_goes_on_below(node, open_page):
    watched = open_page(node, address(node, at=10))
    opened(watched)
    watched.page.get_by_test_id("replay-play").click()
    tick = watched.until("tick()", lambda now: now is not None)
    watched.until("tick()", lambda now: now >= tick + 3)
    expect(watched.page.get_by_test_id("pill")).to_have_text("Live")  # and no tick is skipped


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_who_asked_for_less_movement_gets_a_step_a_second(node, open_page, motion):
    watched = open_page(node, address(node, at=10), reduced_motion=motion)
    page = watched.page
    opened(watched)
    page.get_by_test_id("replay-play").click()
    look = """() => [
      performance.now() / 1000,
      document.querySelector("[data-test=ghost] .ghost-arrow").getBoundingClientRect().x,
    ]"""
    began, place = page.evaluate(look)
    places = {place}

    def seen() -> tuple[float, int]:
        now, place = page.evaluate(look)
        places.add(place)
        return now - began, len(places)

    if motion == "reduce":
        seconds, _ = watched.look(seen, lambda so_far: so_far[1] >= 3)
        assert len(places) <= seconds + 2
    else:  # some time it is drawn more often, however slow the machine is at others
        watched.look(seen, lambda so_far: so_far[1] > so_far[0] + 3)


def test_a_track_can_be_had_as_a_file(node, open_page):
    watched = open_page(node, address(node, at=10))
    page = watched.page
    opened(watched)
    page.get_by_test_id("replay-export").locator("summary").click()
    expect(page.get_by_test_id("export-gpx")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("export-gpx")).to_be_hidden()
    assert watched.hook("replay()") is not None  # the menu closed, not the replay
    page.get_by_test_id("replay-export").locator("summary").click()
    with page.expect_download() as started:
        page.get_by_test_id("export-gpx").click()
    assert started.value.suggested_filename.endswith(".gpx")


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_the_phone_has_all_of_it(node, open_page, language):
    watched = open_page(
        node, address(node, at=60), viewport=PHONE, locale=language, has_touch=True, is_mobile=True
    )
    page = watched.page
    opened(watched)
    words = {"en-GB": "Replay, not live", "zh-CN": "历史回放，非实时"}[language]
    expect(page.get_by_test_id("replay-flag")).to_contain_text(words)
    spill = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(spill) == 0
    page.get_by_test_id("replay-list-toggle").click()
    page.get_by_test_id("replay-stop").first.click()
    assert second_of(watched.hook("replay()")) == pytest.approx(STOP_S, abs=60)
    expect(page.get_by_test_id("replay-pieces")).to_be_hidden()
    page.get_by_test_id("back-to-live").click()
    assert watched.hook("replay()") is None


def test_a_vehicle_that_does_not_exist_is_said_and_left_again(node, open_page):
    watched = open_page(node, "/#replay=0000000000000")
    note = watched.page.get_by_test_id("replay-note")
    expect(note).to_contain_text("Could not be loaded")
    watched.page.get_by_test_id("back-to-live").click()
    assert watched.hook("replay()") is None
    # The browser itself complains of an answer that is 404, and that was provoked here.
    watched.complaints[:] = [c for c in watched.complaints if "404" not in c]
