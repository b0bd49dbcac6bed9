"""Addresses on the bus: the vectors, and what holds for any text and any path. Source: bus 2."""

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.service_path import RouteScope, ServicePath, hamgrd_base, slot_node

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "swbus.json").read_text())["service_paths"]

vectors = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["text"] or "empty")

place = st.text(st.characters(exclude_characters="./", codec="utf-8"), min_size=1, max_size=8)
node_name = st.text(st.characters(exclude_characters="/", codec="utf-8"), min_size=1, max_size=8)
part = st.text(st.characters(exclude_characters="/", codec="utf-8"), min_size=1, max_size=8)


@vectors
def test_text_is_read_into_its_fields(vector: dict[str, Any]) -> None:
    assert attrs.asdict(ServicePath.parse(vector["text"])) == vector["fields"]


@vectors
def test_fields_are_written_in_every_spelling(vector: dict[str, Any]) -> None:
    path = ServicePath(**vector["fields"])
    assert path.longest == str(path) == vector["longest_path"]
    assert path.padded == vector["metadata_node_form"]
    assert path.routing_keys == tuple(vector["keys"][key] for key in ("service", "node", "cluster", "region"))
    assert path.route_scope == vector["route_scope"]
    assert (ServicePath.parse(path.longest) == path) == vector["round_trips"]


@given(st.text())
def test_any_text_is_read_and_its_padded_spelling_means_the_same(text: str) -> None:
    path = ServicePath.parse(text)
    assert ServicePath.parse(path.padded) == path


@given(st.builds(ServicePath, place, place, node_name, part, part, part, part))
def test_a_full_path_survives_every_text(path: ServicePath) -> None:
    assert ServicePath.parse(path.longest) == path
    assert ServicePath.parse(path.padded) == path
    assert ServicePath.parse(path.service_key) == path.base
    assert ServicePath.parse(path.node_key) == path.node
    assert path.base.entity(path.resource) == path


def test_parts_of_a_scope_path() -> None:
    node = slot_node("region-a", "cluster-a", "switch1", 0)
    scope = hamgrd_base(node).with_resource("ha-scope", "vdpu0-0:haset0-0")
    assert scope.longest == "region-a.cluster-a.switch1-dpu0/hamgrd/0/ha-scope/vdpu0-0:haset0-0"
    assert scope.resource == "ha-scope/vdpu0-0:haset0-0"
    assert scope.base == hamgrd_base(node)
    assert scope.node == node
    assert (node.route_scope, scope.route_scope) == (RouteScope.IN_CLUSTER, RouteScope.CLIENT)
    assert node.resource == ""
    assert hamgrd_base(scope) == scope.base


def test_an_id_with_a_slash_is_kept_by_the_name_of_the_entity() -> None:
    base = hamgrd_base(slot_node("r", "c", "n", 0))
    assert base.entity("dpu/a/b") == base.with_resource("dpu", "a/b")
    assert base.entity("dpu/a/b").resource == "dpu/a/b"
