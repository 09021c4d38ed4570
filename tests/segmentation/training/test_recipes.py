"""The recipe: published numbers, its file, what is refused; and the learning rate of each step."""

from dataclasses import replace
from pathlib import Path

import pytest

from segmentation.errors import StudyError
from segmentation.training import recipes
from segmentation.training.recipes import AS_PUBLISHED, RECOMMENDED, Recipe, as_toml, load_recipe
from segmentation.training.schedule import learning_rate


def rate(epoch: float, recipe: Recipe = AS_PUBLISHED) -> float:
    return learning_rate(recipe, round(epoch * recipe.schedule.steps_per_epoch))


def test_the_published_recipe_is_the_papers() -> None:
    """Mitchell et al. 2020, section 2.3, and DeepMedic's shipped configuration (reference/deepmedic.md, section 3)."""
    recipe = AS_PUBLISHED
    assert (recipe.schedule.epochs, recipe.schedule.steps_per_epoch, recipe.steps) == (
        50 + 24,
        20 * 1000 // 10,
        148_000,
    )
    assert (recipe.sampling.subepochs, recipe.sampling.batch, recipe.sampling.segment_vox) == (20, 10, 37)
    assert (recipe.augmentation.shift_sd, recipe.augmentation.gain_sd, recipe.augmentation.flip) == (0.1, 0, False)
    assert (recipe.loss.l1, recipe.loss.l2) == (1e-6, 1e-4)
    optimiser = recipe.optimiser
    assert (optimiser.kind, optimiser.decay, optimiser.epsilon, optimiser.momentum) == ("rmsprop", 0.9, 1e-4, 0.6)
    assert recipe.network.configuration == "default" and recipe.members.count == 5


def test_the_published_rate_halves_and_restarts_where_the_paper_says() -> None:
    """0.001, 3.125e-5 before epoch 50 (printed in the paper), 0.001 again at 50; after 71 five halvings once more."""
    assert rate(0) == rate(19.999) == 0.001
    halved = [rate(epoch) for epoch in (20, 30, 35, 40, 45)]
    assert halved == pytest.approx([5e-4, 2.5e-4, 1.25e-4, 6.25e-5, 3.125e-5], rel=1e-12)
    assert rate(49.9995) == pytest.approx(3.125e-5)
    assert rate(50) == rate(58.999) == 0.001
    assert [rate(epoch) for epoch in (59, 62, 65, 68, 71)] == pytest.approx(halved, rel=1e-12)
    assert rate(73.9995) == pytest.approx(3.125e-5)


def test_poly_falls_to_nothing() -> None:
    """DeepMedic's poly: lr (1 - x)^0.9; 0.5^0.9 = 0.535887, by a pocket calculator."""
    course = replace(RECOMMENDED.schedule, epochs=10, steps_per_epoch=10, warm_up_steps=0)
    recipe = replace(RECOMMENDED, schedule=course)
    assert learning_rate(recipe, 0) == 0.002
    assert learning_rate(recipe, 50) == pytest.approx(2 * 0.000535887, rel=1e-6)
    assert 0 < learning_rate(recipe, 99) < 4e-5


def test_the_rate_rises_over_the_first_steps_if_asked() -> None:
    recipe = replace(AS_PUBLISHED, schedule=replace(AS_PUBLISHED.schedule, warm_up_steps=4))
    assert [learning_rate(recipe, step) for step in range(5)] == pytest.approx([0.00025, 0.0005, 0.00075, 0.001, 0.001])


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_a_recipe_written_and_read_is_the_same_and_says_where_each_number_is_from(name: str, tmp_path: Path) -> None:
    recipe = recipes.RECIPES[name]
    path = tmp_path / "recipe.toml"
    path.write_text(as_toml(recipe, "Words\n\nabove it."), encoding="utf-8")
    assert load_recipe(path) == recipe
    lines = path.read_text(encoding="utf-8").splitlines()
    assert all("  # " in line for line in lines if " = " in line and not line.startswith(("#", "format")))


def test_what_a_file_leaves_out_is_as_published(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[optimiser]\nlearning_rate = 1\n", encoding="utf-8")
    recipe = load_recipe(path)
    assert recipe.optimiser.learning_rate == 1.0
    assert replace(recipe, optimiser=AS_PUBLISHED.optimiser) == AS_PUBLISHED


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[optimiser]\nlearning_rat = 1e-3\n", "learning_rat is not a number in [optimiser]"),
        ("[optimizer]\nkind = 'adamw'\n", "optimizer is not a section"),
        ("format = 2\n", "Its format is 2"),
        ("[sampling]\nbatch = 2.5\n", "sampling.batch = 2.5 is not a whole number"),
        ("[sampling]\nbatch = true\n", "sampling.batch = True is not a whole number"),
        ("[schedule]\nhalve_at = ['a']\n", "halve_at = ['a'] is not whole numbers"),
        ("sampling = 3\n", "sampling is a section"),
        ("[network]\nconfiguration = 'huge'\n", "none of default, wide, compact"),
        ("[split]\ntest = 0.6\nvalidation = 0.4\n", "no subject is left to train on"),
        ("[sampling]\nbatch = 0\n", "0 or less"),
        ("[augmentation]\ngain_sd = -0.1\n", "a negative number"),
        ("[members]\nseed = -1\n", "a negative seed"),
        ("[loss\n", "no TOML file"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_file(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        load_recipe(path)
    assert words in str(caught.value) and str(path) in str(caught.value) and caught.value.remedy


def test_a_recipe_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"mine\.toml: It cannot be read \(No such file"):
        load_recipe(tmp_path / "mine.toml")


def test_a_shorter_clock_keeps_the_course() -> None:
    """148,000 steps on 740: ten steps an epoch, and the rate of each epoch as before."""
    short = recipes.within(AS_PUBLISHED, 745)
    assert (short.schedule.epochs, short.schedule.steps_per_epoch) == (74, 10)
    assert [rate(epoch, short) for epoch in range(74)] == [rate(epoch) for epoch in range(74)]
    assert recipes.within(AS_PUBLISHED, 3).schedule.steps_per_epoch == 1
