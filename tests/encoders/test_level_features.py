import torch

from leitmotif.encoders.mel import level_features


def test_the_level_of_a_clip_does_not_matter() -> None:
    features = torch.randn(2, 1, 20, 8, generator=torch.Generator().manual_seed(0)) * 10 - 20
    torch.testing.assert_close(level_features(features, 60.0), level_features(features - 17.0, 60.0))


def test_the_mean_power_becomes_0_db_and_the_depth_is_cut() -> None:
    features = torch.full((1, 4, 4), -200.0)
    features[0, 0, 0] = 0.0
    levelled = level_features(features, 60.0)
    torch.testing.assert_close(levelled[0, 0, 0], torch.tensor(12.0412))  # 16 cells share its power
    assert levelled[0, 1, 1] == -60.0


def test_silence_is_the_floor_whatever_its_dither() -> None:
    assert (level_features(torch.full((1, 4, 4), -100.0), 60.0) == -60.0).all()
    assert (level_features(torch.full((1, 4, 4), -95.0), 60.0) == -60.0).all()


def test_one_clip_does_not_touch_another() -> None:
    features = torch.randn(3, 1, 20, 8, generator=torch.Generator().manual_seed(1)) * 10
    torch.testing.assert_close(level_features(features, 60.0)[1:2], level_features(features[1:2], 60.0))
