"""How the learning rate falls: a function of the step alone, so that a resumed training has the very same rates."""

from segmentation.training.recipes import Recipe

_POWER = 0.9  # DeepMedic's poly schedule


def learning_rate(recipe: Recipe, step: int) -> float:
    """The rate of optimiser step `step`, counted from 0.

    Epoch 20 of the paper's schedule is taken as "when 20 epochs are done": halved at 20, 30, 35, 40 and 45 the rate is
    3.125e-5 up to epoch 50, as the paper says, and starts anew there. DeepMedic's own list is read one epoch later
    (at e > 20 done epochs), which the paper calls of little impact. Poly falls at each step, without a plateau.
    """
    schedule, rate = recipe.schedule, recipe.optimiser.learning_rate
    if schedule.warm_up_steps:
        rate *= min(1.0, (step + 1) / schedule.warm_up_steps)
    if schedule.form == "poly":
        return rate * float((1 - step / recipe.steps) ** _POWER)
    done = step // schedule.steps_per_epoch
    restarted = max((epoch for epoch in schedule.restart_at if epoch <= done), default=0)
    return rate * 0.5 ** sum(restarted < epoch <= done for epoch in schedule.halve_at)
