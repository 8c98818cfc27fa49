"""Entity tags: what a reader has, and what a writer believes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.chassis.http.etags import Match, Reader, etag_of
from orchestra.chassis.http.problems import Problem

THING = {"name": "a"}
TAG = etag_of(THING)

representations = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3) | st.none(), max_size=4)


@given(representations, representations)
def test_a_tag_is_the_same_for_the_same_representation_only(one: dict[str, object], other: dict[str, object]) -> None:
    # Two orders of the same members are two representations.
    assert (etag_of(one) == etag_of(other)) == (list(one.items()) == list(other.items()))


@pytest.mark.parametrize("lines", [[TAG], [f'"x", {TAG}'], ['"x"', TAG], [f"W/{TAG}"], ["*"], [f"{TAG},,"]])
def test_one_who_has_the_current_representation_gets_no_other(lines: list[str]) -> None:
    answer = Reader(lines).answer(THING)

    assert (answer.status_code, bytes(answer.body), answer.headers["etag"]) == (304, b"", TAG)


@pytest.mark.parametrize("lines", [None, [], ['"x"'], [TAG[1:-1]], ["nonsense"]])
def test_anyone_else_gets_it_with_its_tag(lines: list[str] | None) -> None:
    answer = Reader(lines).answer(THING)

    assert (answer.status_code, bytes(answer.body), answer.headers["etag"]) == (200, b'{"name":"a"}', TAG)


@pytest.mark.parametrize("lines", [None, [TAG], [f'"x" , {TAG}'], ['"x"', TAG], ["*"], [" * "]])
def test_a_writer_who_knows_the_thing_may_write(lines: list[str] | None) -> None:
    Match(lines).check(THING)


@pytest.mark.parametrize("lines", [['"x"'], [f"W/{TAG}"], ['""']])
def test_a_writer_who_does_not_is_refused_and_told_the_current_tag(lines: list[str]) -> None:
    with pytest.raises(Problem) as refused:
        Match(lines).check(THING)

    assert (refused.value.status, refused.value.code, refused.value.headers) == (
        412,
        "precondition-failed",
        {"ETag": TAG},
    )


@pytest.mark.parametrize("lines", [[""], [TAG[1:-1]], [f"{TAG} x"], [f"*, {TAG}"], [","], ['"'], ["W/"]])
def test_what_is_no_list_of_tags_is_refused(lines: list[str]) -> None:
    with pytest.raises(Problem) as refused:
        Match(lines)

    assert (refused.value.status, refused.value.code) == (422, "invalid-precondition")
