"""Trees: what is a branch, what is a leaf, and where they differ."""

from typing import NamedTuple

import pytest

from stiefelkit._tree import tree_items, tree_leaves, tree_map, tree_map_with_path


class Point(NamedTuple):
    x: int
    y: int


TREE = {"a": [1, (2, 3)], "b": None, "c": {"d": 4}}


def test_map_keeps_the_structure():
    assert tree_map(lambda x: 10 * x, TREE) == {"a": [10, (20, 30)], "b": None, "c": {"d": 40}}


def test_map_takes_matching_leaves():
    assert tree_map(lambda x, y, z: x + y + z, TREE, TREE, TREE)["a"] == [3, (6, 9)]


def test_keys_may_come_in_another_order():
    assert list(tree_map(lambda x, y: x - y, {"a": 1, "b": 2}, {"b": 2, "a": 1})) == ["a", "b"]


def test_the_other_tree_may_go_on_below_a_leaf():
    assert tree_map(lambda x, y: (x, y), {"a": 1}, {"a": [2, 3]}) == {"a": (1, [2, 3])}


def test_leaves_from_left_to_right():
    assert tree_leaves(TREE) == [1, 2, 3, 4]


def test_paths():
    assert dict(tree_items(TREE)) == {"a/0": 1, "a/1/0": 2, "a/1/1": 3, "c/d": 4}


def test_path_of_a_single_leaf_is_empty():
    assert list(tree_items(5)) == [("", 5)]


@pytest.mark.parametrize("leaf", [Point(1, 2), "ab", 3.0])
def test_leaves(leaf):
    assert tree_leaves([leaf]) == [leaf]


@pytest.mark.parametrize("empty", [None, [], (), {}])
def test_empty_trees(empty):
    assert tree_leaves(empty) == []
    assert tree_map(lambda x: x, empty) == empty


def test_map_with_path():
    tree = {"a": [1, 2], "b": 3}
    assert tree_map_with_path(lambda path, x, y: f"{path}={x + y}", tree, tree) == {
        "a": ["a/0=2", "a/1=4"],
        "b": "b=6",
    }


def test_map_with_path_below_a_name():
    assert tree_map_with_path(lambda path, _: path, {"a": 1}, path="model") == {"a": "model/a"}


@pytest.mark.parametrize(
    ("tree", "other", "message"),
    [
        ({"a": 1}, {"b": 1}, r"keys \['a'\], another has \['b'\]"),
        ([1, 2], [1], "2 branches, another 1"),
        ((1,), (1, 2), "1 branches, another 2"),
    ],
)
def test_trees_that_differ(tree, other, message):
    with pytest.raises(ValueError, match=message):
        tree_map(lambda x, y: x, tree, other)
