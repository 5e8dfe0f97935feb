"""The name of a key frame says when it is shown."""

from leitmotif.shards.frame_names import frame_name, frame_time_s


def test_a_time_comes_back_from_the_name_that_a_row_holds() -> None:
    assert frame_name(3, 12.3454) == "03-12.345s.jpg"
    assert frame_time_s("abc-" + frame_name(3, 12.3454)) == 12.345
    assert frame_time_s(frame_name(0, -0.0001)) == 0.0
    assert frame_time_s("abc-00.jpg") is None and frame_time_s(None) is None
