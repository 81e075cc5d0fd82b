"""Reading extracts: what is kept, and what is refused."""

from __future__ import annotations

import bz2
import gzip
from typing import TYPE_CHECKING

import numpy as np
import pytest
from streets_samples import real_extract, sample_xml

from geodata.errors import DataError
from geodata.streets.osm import read_osm

if TYPE_CHECKING:
    from pathlib import Path

NODES = (
    '<node id="1" lat="1.000" lon="2.000"/><node id="2" lat="1.000" lon="2.001"/>'
    '<node id="3" lat="1.000" lon="2.002"/><node id="4" lat="1.000" lon="2.003"/>'
    '<node id="5" lat="1.000" lon="2.004"><tag k="barrier" v="bollard"/></node>'
)
WAY = (
    '<way id="10"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="5"/>'
    '<tag k="highway" v="residential"/><tag k="name" v="ផ្លូវ"/><tag k="lit" v="yes"/></way>'
)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def assert_same_streets(path: Path) -> None:
    extract = read_osm(path)
    assert extract.node_id.tolist() == [1, 2, 3, 4, 5]
    assert extract.way_node.tolist() == [0, 1, 2, 3, 4]
    assert np.allclose(extract.lon, [2.0, 2.001, 2.002, 2.003, 2.004])
    assert extract.bounds == pytest.approx((2.0, 1.0, 2.004, 1.0))


def test_tags_that_matter_are_kept_and_others_are_not(tmp_path: Path) -> None:
    """A way keeps its class and its name in its own script, and loses the tags that no truck cares for."""
    extract = read_osm(write(tmp_path / "a.osm", sample_xml(NODES + WAY)))
    assert extract.way_tags == ({"highway": "residential", "name": "ផ្លូវ"},)
    assert extract.node_tags == {4: {"barrier": "bollard"}}


def test_whom_a_sign_faces_is_kept(tmp_path: Path) -> None:
    """A signal and a stop sign keep the direction that they are mapped for, on which the wait at them depends."""
    text = NODES.replace(
        'lon="2.001"/>', 'lon="2.001"><tag k="highway" v="stop"/><tag k="direction" v="forward"/></node>'
    )
    text = text.replace(
        '<tag k="barrier" v="bollard"/>',
        '<tag k="highway" v="traffic_signals"/><tag k="traffic_signals:direction" v="backward"/>',
    )
    extract = read_osm(write(tmp_path / "a.osm", sample_xml(text + WAY)))
    assert extract.node_tags == {
        1: {"highway": "stop", "direction": "forward"},
        4: {"highway": "traffic_signals", "traffic_signals:direction": "backward"},
    }


@pytest.mark.parametrize("name", ["a.osm", "a.osm.gz", "a.osm.bz2", "named-wrongly.pbf"])
def test_every_xml_form_gives_the_same_arrays(tmp_path: Path, name: str) -> None:
    """Plain, gzip and bzip2 files give the same streets, and the content decides rather than the name."""
    data = sample_xml(NODES + WAY).encode()
    packed = {"a.osm.gz": gzip.compress(data), "a.osm.bz2": bz2.compress(data)}.get(name, data)
    path = tmp_path / name
    path.write_bytes(packed)
    assert_same_streets(path)


def test_ways_may_come_before_nodes_and_nodes_in_any_order(tmp_path: Path) -> None:
    """The order of objects in the file does not change what is read."""
    backwards = "".join(f"{part}/>" for part in reversed(NODES.split('<node id="5"', maxsplit=1)[0].split("/>")[:-1]))
    last = '<node id="5" lat="1.000" lon="2.004"><tag k="barrier" v="bollard"/></node>'
    assert_same_streets(write(tmp_path / "a.osm", sample_xml(WAY + last + backwards)))


def test_negative_ids_of_an_editor_are_read(tmp_path: Path) -> None:
    """Nodes that an editor has not uploaded yet (negative ids) are streets like others."""
    text = sample_xml((NODES + WAY).replace('id="', 'id="-').replace('ref="', 'ref="-'))
    extract = read_osm(write(tmp_path / "a.osm", text))
    assert extract.node_id.tolist() == [-5, -4, -3, -2, -1]
    assert extract.way_id.tolist() == [-10]


def test_a_way_is_split_where_the_extract_lacks_nodes(tmp_path: Path) -> None:
    """A missing node cuts its way in two, and a single node that is left over is dropped."""
    whole = read_osm(write(tmp_path / "a.osm", sample_xml(NODES + WAY)))
    without_3 = read_osm(write(tmp_path / "b.osm", sample_xml(NODES.replace('id="3"', 'id="33"') + WAY)))
    without_2 = read_osm(write(tmp_path / "c.osm", sample_xml(NODES.replace('id="2"', 'id="22"') + WAY)))
    assert whole.way_id.tolist() == [10]
    assert without_3.way_id.tolist() == [10, 10]
    assert without_3.node_id[without_3.way_node].tolist() == [1, 2, 4, 5]
    assert without_2.way_id.tolist() == [10]
    assert without_2.node_id[without_2.way_node].tolist() == [3, 4, 5]


def test_restrictions_are_kept_with_their_members(tmp_path: Path) -> None:
    """A turn restriction keeps its from, via and to, and its tags."""
    relation = (
        '<relation id="7"><member type="way" ref="10" role="from"/><member type="node" ref="3" role="via"/>'
        '<member type="way" ref="11" role="to"/><tag k="type" v="restriction"/>'
        '<tag k="restriction" v="no_left_turn"/></relation>'
    )
    (kept,) = read_osm(write(tmp_path / "a.osm", sample_xml(NODES + WAY + relation))).restrictions
    assert (kept.osm_id, kept.from_ways, kept.via_nodes, kept.via_ways, kept.to_ways) == (7, (10,), (3,), (), (11,))
    assert kept.tags["restriction"] == "no_left_turn"


def test_waste_features_come_as_points_and_as_middles_of_outlines(tmp_path: Path) -> None:
    """Bins are read from nodes, recycling yards from ways and landfills from multipolygons, each at its middle."""
    corners = "".join(
        f'<node id="{node}" lat="{lat}" lon="{lon}"/>'
        for node, lat, lon in [(21, 1.0, 3.0), (22, 1.0, 3.2), (23, 1.2, 3.2), (24, 1.2, 3.0)]
    )
    outline = '<nd ref="21"/><nd ref="22"/><nd ref="23"/><nd ref="24"/><nd ref="21"/>'
    body = (
        NODES
        + corners
        + '<node id="30" lat="1.5" lon="2.5"><tag k="amenity" v="waste_basket"/></node>'
        + WAY
        + f'<way id="40">{outline}<tag k="amenity" v="recycling"/></way><way id="41">{outline}</way>'
        + '<relation id="50"><member type="way" ref="41" role="outer"/><tag k="type" v="multipolygon"/>'
        + '<tag k="landuse" v="landfill"/></relation>'
    )
    extract = read_osm(write(tmp_path / "a.osm", sample_xml(body)))
    found = {(f.kind, f.osm_type, f.osm_id): (f.lon, f.lat) for f in extract.features}
    assert found == {
        ("waste_basket", "node", 30): pytest.approx((2.5, 1.5)),
        ("recycling", "way", 40): pytest.approx((3.1, 1.1)),
        ("landfill", "relation", 50): pytest.approx((3.1, 1.1)),
    }
    assert extract.node_id.max() == 5, "outlines of waste features are not streets"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(gzip.compress(b""), "holds nothing", id="empty gzip"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(100), "neither OSM XML nor PBF", id="picture"),
        pytest.param(b"id,lon,lat\n1,2,3\n", "neither OSM XML nor PBF", id="csv"),
        pytest.param(b"<html><body></body></html>", "not an OSM extract", id="web page"),
        pytest.param(sample_xml(NODES + WAY)[:-30].encode(), "damaged", id="XML cut short"),
        pytest.param(sample_xml(NODES + WAY).replace('ref="2"', 'ref="two"').encode(), "damaged", id="id is a word"),
        pytest.param(sample_xml(NODES.replace('lat="1.000"', 'lat="north"') + WAY).encode(), "damaged", id="no number"),
        pytest.param(sample_xml(NODES.replace('lat="1.000"', 'lat="91.5"') + WAY).encode(), "outside", id="latitude"),
        pytest.param(sample_xml(NODES.replace('lon="2.000"', 'lon="181"') + WAY).encode(), "outside", id="longitude"),
        pytest.param(sample_xml(NODES).encode(), "no street", id="no street"),
        pytest.param(sample_xml(NODES + WAY.replace("residential", "steps")).encode(), "no street", id="stairs only"),
        pytest.param(sample_xml(WAY).encode(), "no nodes", id="no node"),
        pytest.param(gzip.compress(sample_xml(NODES + WAY).encode())[:-20], "cut short", id="gzip cut short"),
        pytest.param(bz2.compress(sample_xml(NODES + WAY).encode())[:-20], "cut short", id="bzip2 cut short"),
        pytest.param(gzip.compress(sample_xml(NODES + WAY).encode())[:-8] + bytes(8), "cannot be read", id="checksum"),
        pytest.param(b"\x00\x00\x00\x0d\x0a\x09OSMHeader\x18\x7f", "breaks off", id="pbf header alone"),
    ],
)
def test_a_file_that_is_no_extract_is_refused_by_name(tmp_path: Path, content: bytes, says: str) -> None:
    """Every broken file gives a DataError that names the file and what is wrong, and no other error."""
    path = tmp_path / "streets.osm"
    path.write_bytes(content)
    with pytest.raises(DataError, match=says) as caught:
        read_osm(path)
    assert caught.value.finding.file == "streets.osm"


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    """A file that is not there is a finding, not an OSError."""
    with pytest.raises(DataError, match="does not exist"):
        read_osm(tmp_path / "nowhere.osm.pbf")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("opening", ["", "<!-- a comment -->\n", "\ufeff"])
def test_a_doctype_is_refused_wherever_it_may_stand(tmp_path: Path, encoding: str, opening: str) -> None:
    """XML that declares a DOCTYPE is refused before it is parsed, after a comment or in another encoding too."""
    prolog = f'<?xml version="1.0"?>\n{opening}<!DOCTYPE osm [<!ENTITY a "b">]>\n'
    path = tmp_path / "a.osm"
    path.write_bytes(sample_xml(NODES + WAY, prolog=prolog).encode(encoding))
    with pytest.raises(DataError, match=r"DOCTYPE|neither"):
        read_osm(path)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_bomb_is_refused_while_it_unpacks(tmp_path: Path, pack: object) -> None:
    """A small file that unpacks past the limit is refused, and one of exactly the limit is read."""
    assert callable(pack)
    text = sample_xml(NODES + WAY + " " * 3_000_000).encode()
    path = tmp_path / "bomb.osm"
    path.write_bytes(pack(text))
    assert path.stat().st_size < 10_000
    with pytest.raises(DataError, match="too large once unpacked"):
        read_osm(path, max_bytes=len(text) - 1)
    assert read_osm(path, max_bytes=len(text)).way_id.tolist() == [10]


def test_a_bomb_without_a_document_is_refused_at_its_first_bytes(tmp_path: Path) -> None:
    """Two hundred megabytes of zeros in 194 bytes are refused as no extract, whatever the limit."""
    path = tmp_path / "bomb.osm.bz2"
    packer = bz2.BZ2Compressor()
    path.write_bytes(b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(20)), packer.flush()]))
    with pytest.raises(DataError, match="neither OSM XML nor PBF"):
        read_osm(path)


REAL = [
    ("male_streets.osm.gz", 900),
    ("monaco.osm.pbf", 2800),
    ("heidelberg.osm.pbf", 25_000),
    ("maldives.osm.pbf", 12_000),
    ("liechtenstein.osm.pbf", 4600),
    ("campo-grande.osm.gz", 4000),
    ("phnom_penh_centre_rebuilt.osm.gz", 4600),
]


@pytest.mark.parametrize(("name", "ways_at_least"), REAL)
def test_real_extracts_are_read_whole(name: str, ways_at_least: int) -> None:
    """Each real extract gives its streets, in arrays that fit together, with all nodes inside its bounds."""
    extract = read_osm(real_extract(name))
    assert extract.way_id.size >= ways_at_least
    assert extract.way_start.size == extract.way_id.size + 1 == len(extract.way_tags) + 1
    assert (np.diff(extract.way_start) >= 2).all()
    assert extract.way_start[-1] == extract.way_node.size
    assert (np.diff(extract.node_id) > 0).all()
    assert np.array_equal(np.unique(extract.way_node), np.arange(extract.node_id.size))
    west, south, east, north = extract.bounds
    assert west < east < west + 20
    assert south < north < south + 20


def test_real_features_and_restrictions_are_found() -> None:
    """Monaco's 44 restrictions and its bins and recycling points are all read."""
    extract = read_osm(real_extract("monaco.osm.pbf"))
    kinds = [feature.kind for feature in extract.features]
    assert len(extract.restrictions) == 44
    assert kinds.count("waste_basket") == 65
    assert kinds.count("recycling") == 16


@pytest.mark.parametrize("share", [0.001, 0.3, 0.999])
def test_a_pbf_cut_short_is_refused(tmp_path: Path, share: float) -> None:
    """A binary extract that was cut anywhere is refused, never read in part."""
    data = real_extract("monaco.osm.pbf").read_bytes()
    path = tmp_path / "cut.osm.pbf"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(DataError, match="breaks off"):
        read_osm(path)


def test_a_damaged_pbf_and_a_large_one_are_refused(tmp_path: Path) -> None:
    """Changed bytes inside a block, and a block sum past the limit, are findings."""
    data = bytearray(real_extract("monaco.osm.pbf").read_bytes())
    intact = tmp_path / "intact.osm.pbf"
    intact.write_bytes(data)
    with pytest.raises(DataError, match="too large once unpacked"):
        read_osm(intact, max_bytes=len(data))
    data[50_000:50_040] = bytes(40)
    damaged = tmp_path / "damaged.osm.pbf"
    damaged.write_bytes(data)
    with pytest.raises(DataError, match="damaged"):
        read_osm(damaged)
