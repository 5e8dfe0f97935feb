from leitmotif.shards.texts import encodable


def test_a_lone_surrogate_is_replaced_and_a_pair_is_joined() -> None:
    assert encodable("so good \ud83d") == "so good \ufffd"
    assert encodable("\ude00 \ud83d\ude00") == "\ufffd 😀"
    assert encodable("plain ü 😀\n\t") == "plain ü 😀\n\t"


def test_controls_that_no_page_can_hold_are_blanks() -> None:
    assert encodable("a\0b\x1b[31m c\uffff") == "a b [31m c "


def test_texts_within_lists_and_mappings_are_reached_and_all_else_stays() -> None:
    found = encodable({"a\ud83d": ["\udc00", 3, None], "b": ("\ud800", 1.5)})
    assert found == {"a\ufffd": ["\ufffd", 3, None], "b": ("\ufffd", 1.5)}
