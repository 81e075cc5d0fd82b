"""The reader of .pbf files against osmium, and against files that lie."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import hypothesis.strategies as st
import numpy as np
import osmium
import pytest
from hypothesis import HealthCheck, given, settings
from streets_samples import real_extract, sample_xml

from geodata.errors import DataError
from geodata.streets.osm import read_osm
from geodata.streets.osm_objects import NODE_KEYS, WAY_KEYS
from geodata.streets.pbf import Block, slices
from geodata.streets.pbf_file import walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from geodata.streets.osm import OsmExtract

XML = sample_xml(
    '<node id="-7" lat="-1.0" lon="-2.0"/>'
    '<node id="1" lat="1.0" lon="2.0"><tag k="highway" v="stop"/></node><node id="2" lat="1.0" lon="2.001"/>'
    '<node id="3" lat="1.0000001" lon="-179.9999999"><tag k="barrier" v="gate"/><tag k="note" v="not ours"/></node>'
    '<node id="8" lat="1.5" lon="2.5"><tag k="amenity" v="waste_basket"/><tag k="note" v="ថង់"/></node>'
    '<way id="10"><nd ref="1"/><nd ref="2"/><nd ref="2"/><nd ref="9"/><nd ref="3"/><nd ref="-7"/>'
    '<tag k="highway" v="residential"/><tag k="name" v="ផ្លូវ"/><tag k="hgv:conditional" v="no @ (07:00-09:00)"/></way>'
    '<way id="11"><nd ref="2"/><nd ref="3"/><tag k="building" v="yes"/></way>'
    '<way id="12"><nd ref="2"/><nd ref="3"/><nd ref="1"/><nd ref="2"/><tag k="landuse" v="landfill"/></way>'
    '<relation id="20"><member type="way" ref="10" role="from"/><member type="node" ref="2" role="via"/>'
    '<member type="way" ref="11" role="to"/><tag k="type" v="restriction"/><tag k="restriction" v="no_u_turn"/>'
    "</relation>"
)
REAL = ("male_streets.osm.gz", "monaco.osm.pbf", "liechtenstein.osm.pbf", "campo-grande.osm.gz", "maldives.osm.pbf",
        "phnom_penh_centre_rebuilt.osm.gz", "heidelberg.osm.pbf")  # fmt: skip


def write_pbf(source: Path, to: Path, options: str) -> Path:
    with osmium.SimpleWriter(osmium.io.File(str(to), f"pbf,{options}")) as writer:
        osmium.apply(osmium.io.Reader(str(source)), writer)
    return to


def objects(path: Path, kind: Any) -> Iterator[Any]:
    yield from osmium.FileProcessor(str(path), kind)


def kept(tags: Mapping[str, str], keys: frozenset[str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if key in keys or key.endswith(":conditional")}


def assert_as_osmium_reads(path: Path, extract: OsmExtract) -> None:
    """Compare with what osmium hands out object by object."""
    places = {node.id: (node.location.x, node.location.y) for node in objects(path, osmium.osm.NODE)}
    tagged = {node.id: dict(node.tags) for node in objects(path, osmium.osm.NODE) if len(node.tags)}
    runs: list[tuple[int, dict[str, str], list[int]]] = []
    for way in objects(path, osmium.osm.WAY):
        if "highway" not in way.tags:
            continue
        parts: list[list[int]] = [[]]
        for ref in (node.ref for node in way.nodes):
            if ref not in places:
                parts.append([])
            elif parts[-1][-1:] != [ref]:
                parts[-1].append(ref)
        runs += [(way.id, kept(dict(way.tags), WAY_KEYS), part) for part in parts if len(part) > 1]
    bounds = extract.way_start.tolist()
    read = extract.node_id[extract.way_node].tolist()
    assert [
        (osm_id, tags, read[begin:end])
        for osm_id, tags, begin, end in zip(
            extract.way_id.tolist(), extract.way_tags, bounds[:-1], bounds[1:], strict=True
        )
    ] == runs
    expected = np.array([places[node] for node in extract.node_id.tolist()])
    assert np.array_equal(np.column_stack((extract.lon, extract.lat)), expected * 1e-7)
    for index, node in enumerate(extract.node_id.tolist()):
        tags = tagged.get(node, {})
        stands = "barrier" in tags or tags.get("highway") in {
            "traffic_signals", "stop", "give_way", "turning_circle", "turning_loop", "mini_roundabout",
        }  # fmt: skip
        assert extract.node_tags.get(index) == (kept(tags, NODE_KEYS) if stands else None)
    relations = {
        relation.id: (dict(relation.tags), [(m.type, m.role, m.ref) for m in relation.members])
        for relation in objects(path, osmium.osm.RELATION)
        if relation.tags.get("type", "").startswith("restriction")
    }
    assert [one.osm_id for one in extract.restrictions] == list(relations)
    for one in extract.restrictions:
        tags, members = relations[one.osm_id]
        assert one.tags == tags
        for own, kind, role in (
            (one.from_ways, "w", "from"), (one.via_nodes, "n", "via"),
            (one.via_ways, "w", "via"), (one.to_ways, "w", "to"),
        ):  # fmt: skip
            assert list(own) == [ref for its_kind, its_role, ref in members if (its_kind, its_role) == (kind, role)]
    amenities = {"waste_basket", "waste_disposal", "recycling", "waste_transfer_station"}
    bins = {
        node for node, tags in tagged.items() if tags.get("amenity") in amenities or tags.get("landuse") == "landfill"
    }
    assert {one.osm_id: one.tags for one in extract.features if one.osm_type == "node"} == {n: tagged[n] for n in bins}


@pytest.mark.parametrize("name", REAL)
def test_real_extracts_are_read_as_osmium_reads_them(name: str) -> None:
    """Every way, node, tag, restriction and bin of each real extract is what osmium hands out object by object."""
    path = real_extract(name)
    assert_as_osmium_reads(path, read_osm(path))


@pytest.mark.parametrize("dense", ["true", "false"])
@pytest.mark.parametrize("compression", ["zlib", "none", "lz4"])
def test_every_way_to_write_a_pbf_is_read(tmp_path: Path, dense: str, compression: str) -> None:
    """Nodes in columns or one by one, in blocks packed by zlib, lz4 or not at all: each gives what the XML gives."""
    xml = tmp_path / "a.osm"
    xml.write_text(XML, encoding="utf-8")
    path = write_pbf(xml, tmp_path / "a.osm.pbf", f"pbf_dense_nodes={dense},pbf_compression={compression}")
    extract = read_osm(path)
    assert_as_osmium_reads(xml, extract)
    assert extract.node_id.tolist() == [-7, 1, 2, 3]
    plain = read_osm(xml)
    assert extract.features == plain.features
    assert [feature.kind for feature in extract.features] == ["waste_basket", "landfill"]


def test_blocks_are_unpacked_anew_where_they_do_not_fit_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file larger than what is kept in memory is read in the same way as a small one."""
    xml = tmp_path / "a.osm"
    xml.write_text(XML, encoding="utf-8")
    monkeypatch.setattr("geodata.streets.osm_blocks._KEPT_BYTES", 0)
    assert_as_osmium_reads(xml, read_osm(xml))


def test_a_file_with_the_history_of_objects_is_refused(tmp_path: Path) -> None:
    """A .pbf that needs a reader of histories is refused by name, since its old streets are no streets."""
    xml = tmp_path / "a.osm"
    xml.write_text(XML, encoding="utf-8")
    path = tmp_path / "a.osh.pbf"
    write_pbf(xml, path, "history=true")
    with pytest.raises(DataError, match="present state") as caught:
        read_osm(path)
    assert caught.value.finding.value == "HistoricalInformation"


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def blob(kind: bytes, message: bytes) -> bytes:
    header = field(1, kind) + field(3, len(message))
    return len(header).to_bytes(4, "big") + header + message


def pbf(block: bytes, **said: int) -> bytes:
    """Make a file with one block of data; ``raw_size`` is what the blob says that it unpacks to."""
    header = field(4, b"OsmSchema-V0.6") + field(4, b"DenseNodes")
    packed = field(2, said.get("raw_size", len(block))) + field(3, zlib.compress(block))
    return blob(b"OSMHeader", field(1, header)) + blob(b"OSMData", packed)


TEXTS = field(1, b"".join(field(1, text) for text in (b"", b"highway", b"residential")))
TWO_NODES = field(2, field(2, field(1, b"\x02\x02") + field(8, b"\x02\x02") + field(9, b"\x02\x02")))
A_WAY = field(1, 5) + field(2, b"\x01") + field(3, b"\x02") + field(8, b"\x02\x02")


def test_a_block_written_by_hand_is_read(tmp_path: Path) -> None:
    """The smallest file by the format's description is read; unknown kinds of blobs and fields are passed over."""
    path = tmp_path / "a.osm.pbf"
    eight_and_four = b"\xf9\x07" + bytes(8) + b"\xfd\x07" + bytes(4)
    data = pbf(TEXTS + TWO_NODES + field(99, 3) + eight_and_four + field(2, field(3, A_WAY + field(50, b"later"))))
    path.write_bytes(data + blob(b"OSMNews", field(1, b"whatever")))
    extract = read_osm(path)
    assert extract.node_id.tolist() == [1, 2]
    assert extract.lon.tolist() == pytest.approx([1e-7, 2e-7])
    assert extract.way_tags == ({"highway": "residential"},)


GROUP_OF_A_WAY = field(2, field(3, A_WAY))


def node_group(*, lat: bytes = b"\x02", tags: bytes = b"") -> bytes:
    return field(2, field(2, field(1, b"\x02") + field(8, lat) + field(9, b"\x02") + field(10, tags))) + GROUP_OF_A_WAY


def way_group(message: bytes) -> bytes:
    return field(2, field(3, message))


def relation_group(*, refs: bytes = b"\x02", kinds: bytes = b"\x00") -> bytes:
    return field(2, field(4, field(1, 5) + field(8, b"\x00") + field(9, refs) + field(10, kinds)))


BROKEN = {
    "more values than keys": way_group(field(1, 5) + field(2, b"\x01") + field(3, b"\x01\x02")),
    "a text that is not there": way_group(field(1, 5) + field(2, b"\x03") + field(3, b"\x02")),
    "no id": way_group(field(2, b"\x01") + field(3, b"\x02")),
    "a number breaks off": way_group(field(1, 5) + field(8, b"\x02\x80")),
    "more latitudes than nodes": node_group(lat=b"\x02\x02"),
    "a key without a value": node_group(tags=b"\x01\x00"),
    "tags of nobody": node_group(tags=b"\x00\x01\x02"),
    "a member of no kind": relation_group(kinds=b"\x03"),
    "more members than kinds": relation_group(refs=b"\x02\x02"),
    "a field longer than the block": GROUP_OF_A_WAY + b"\x12\x7f",
    "an unknown way to write": GROUP_OF_A_WAY + b"\x13",
}


@pytest.mark.parametrize("groups", BROKEN.values(), ids=BROKEN.keys())
def test_a_block_that_does_not_add_up_is_refused(tmp_path: Path, groups: bytes) -> None:
    """Columns of different lengths, texts and kinds that are not there, lengths that lie: each is a finding."""
    path = tmp_path / "a.osm.pbf"
    path.write_bytes(pbf(TEXTS + groups))
    with pytest.raises(DataError, match="damaged"):
        read_osm(path)


@pytest.mark.parametrize("raw_size", [5, 500])
def test_a_blob_that_lies_about_its_size_is_refused(tmp_path: Path, raw_size: int) -> None:
    """A blob that unpacks to more than it says, or to less, is a finding, and no more than it says is unpacked."""
    path = tmp_path / "a.osm.pbf"
    path.write_bytes(pbf(TEXTS + TWO_NODES + GROUP_OF_A_WAY, raw_size=raw_size))
    with pytest.raises(DataError, match="the size it names"):
        read_osm(path)


def test_a_blob_that_unpacks_to_more_than_the_limit_is_refused(tmp_path: Path) -> None:
    """Blobs count by what they say that they unpack to, wherever in the blob they say it."""
    path = tmp_path / "a.osm.pbf"
    block = TEXTS + TWO_NODES + field(99, bytes(1_000_000)) + field(2, field(3, A_WAY))
    late = field(3, zlib.compress(block)) + field(2, len(block))
    header = blob(b"OSMHeader", field(1, field(4, b"OsmSchema-V0.6")))
    path.write_bytes(header + blob(b"OSMData", late))
    assert path.stat().st_size < 3_000
    with pytest.raises(DataError, match="too large once unpacked"):
        read_osm(path, max_bytes=len(block))
    assert read_osm(path, max_bytes=len(block) + len(header)).way_id.tolist() == [5]


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=60))
def test_any_bytes_are_a_block_or_a_named_error(data: bytes) -> None:
    """Whatever bytes stand in a block, reading it ends, with objects or with an error that says why not."""
    block = Block(data)
    try:
        found = slices(np.frombuffer(data, dtype=np.uint8), 0, len(data), 2)
        ids = [group.id for groups in (block.nodes(), block.ways(), block.relations()) for group in groups]
    except ValueError:  # BrokenPbf among them
        return
    assert ((found[:, 0] >= 0) & (found[:, 0] <= found[:, 1]) & (found[:, 1] <= len(data))).all()
    assert sum(one.size for one in ids) <= len(data)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_file_is_read_or_refused(tmp_path: Path, changes: list[tuple[float, int]]) -> None:
    """A file in which bytes were changed gives an extract that fits together, or a DataError, and nothing else."""
    xml = tmp_path / "a.osm"
    xml.write_text(XML, encoding="utf-8")
    path = tmp_path / "a.osm.pbf"
    path.unlink(missing_ok=True)
    data = bytearray(write_pbf(xml, path, "pbf_compression=none").read_bytes())
    for share, byte in changes:
        data[int(share * len(data))] = byte
    path.write_bytes(data)
    try:
        extract = read_osm(path)
    except DataError:
        return
    assert extract.way_start[-1] == extract.way_node.size > 0
    assert 0 <= extract.way_node.min() <= extract.way_node.max() < extract.node_id.size


def test_blobs_are_walked_by_their_headers(tmp_path: Path) -> None:
    """Each blob is found where it stands, with the sizes that it says."""
    path = tmp_path / "a.osm.pbf"
    path.write_bytes(pbf(TEXTS))
    with path.open("rb") as stream:
        header, data = walk(stream)
    assert (header.kind, data.kind) == (b"OSMHeader", b"OSMData")
    assert not header.is_zlib
    assert data.is_zlib
    assert data.raw_bytes == len(TEXTS)
    assert zlib.decompress(path.read_bytes()[data.begin : data.begin + data.packed_bytes]) == TEXTS
