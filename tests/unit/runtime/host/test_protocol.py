import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_lib.errors import HostUnavailableError
from pipeline_lib.runtime.host.protocol import (
    CancelOrder,
    ExecuteOrder,
    ExitStatus,
    FrameBuffer,
    Link,
    PreloadOrder,
    Started,
    StatusOrder,
    StopOrder,
    encode,
    parse_event,
    parse_order,
)

ORDER = ExecuteOrder(
    request="/a", response="/b", log="/c", progress="/d", scratch="/e", environ={"ä": "\n"}, directory="/"
)
ORDERS = [ORDER, CancelOrder(), PreloadOrder(modules=("json",)), StatusOrder(), StopOrder(force=True)]


@given(st.lists(st.integers(min_value=1, max_value=40), min_size=1))
def test_frames_survive_any_cut(cuts):
    stream = b"".join(encode(order) for order in ORDERS)
    buffer, found, at = FrameBuffer(), [], 0
    for length in [*cuts, len(stream)]:
        found += buffer.feed(stream[at : at + length])
        at += length
    assert [parse_order(frame) for frame in found] == ORDERS


def test_a_frame_of_an_unlikely_size_is_refused():
    with pytest.raises(ValueError, match="frame of 4294967295 bytes"):
        FrameBuffer().feed(b"\xff\xff\xff\xff")


@pytest.mark.parametrize("frame", [{}, {"op": "execute"}, {"op": "status", "more": 1}, {"op": "dance"}])
def test_what_is_no_order_is_refused(frame):
    with pytest.raises(ValueError, match="validation error"):
        parse_order(frame)


def test_events_keep_their_kind():
    (frame,) = FrameBuffer().feed(encode(ExitStatus(signal=9, stopped="timeout")))
    assert parse_event(frame) == ExitStatus(signal=9, stopped="timeout")


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    link = Link(ours)
    yield link, theirs
    link.close()
    theirs.close()


def test_a_link_gives_events_one_by_one(pair):
    link, theirs = pair
    theirs.sendall(encode(Started(pid=7)) + encode(ExitStatus(exit_code=0)))
    assert link.receive(1.0) == Started(pid=7)
    assert link.receive(1.0) == ExitStatus(exit_code=0)
    assert link.receive(0.01) is None


def test_a_link_tells_when_the_other_end_is_gone(pair):
    link, theirs = pair
    theirs.close()
    with pytest.raises(HostUnavailableError, match="closed the connection"):
        link.receive(1.0)
    with pytest.raises(HostUnavailableError, match="Broken pipe"):
        link.send(StatusOrder())
