"""Labels of recordings."""

from leitmotif.train_mini.recordings import family_of


def test_a_recording_of_one_family_is_known_and_a_mix_is_not():
    assert family_of("MTG_sms-tools-materials/flute-A4.wav") == "winds"
    assert family_of("urinieto_msaf/Mindless_cut.mp3") is None
