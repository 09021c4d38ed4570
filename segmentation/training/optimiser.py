"""RMSProp as the original has it: epsilon inside the root, and Nesterov momentum. torch's has neither."""

from collections.abc import Callable, Iterable
from typing import overload

import torch
from torch import Tensor


class RMSProp(torch.optim.Optimizer):
    """a = ρ a + (1 - ρ) g²; d = k lr g / √(a + ε); v = μ v - d; w = w + μ v - d.

    k = 1, or 1 - μ with `is_normalised`: the original's shipped configuration and its built-in default.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        *,
        decay: float = 0.9,
        momentum: float = 0.6,
        epsilon: float = 1e-4,
        is_normalised: bool = False,
    ) -> None:
        gain = 1 - momentum if is_normalised else 1.0
        super().__init__(params, {"lr": lr, "decay": decay, "momentum": momentum, "epsilon": epsilon, "gain": gain})

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step down the gradients; a closure, as torch allows, computes them anew and gives the cost."""
        cost = None
        if closure is not None:
            with torch.enable_grad():
                cost = closure()
        for group in self.param_groups:
            pairs = [(p, p.grad) for p in group["params"] if p.grad is not None]
            if pairs:
                self._step_group(group, [p for p, _ in pairs], [grad for _, grad in pairs])
        return cost

    def _step_group(self, group: dict, params: list[Tensor], grads: list[Tensor]) -> None:
        for p in params:
            if not self.state[p]:
                self.state[p] = {"square": torch.zeros_like(p), "velocity": torch.zeros_like(p)}
        squares = [self.state[p]["square"] for p in params]
        velocities = [self.state[p]["velocity"] for p in params]
        torch._foreach_mul_(squares, group["decay"])
        torch._foreach_addcmul_(squares, grads, grads, 1 - group["decay"])
        roots = list(torch._foreach_add(squares, group["epsilon"]))
        torch._foreach_sqrt_(roots)
        steps = list(torch._foreach_div(grads, roots))
        torch._foreach_mul_(steps, group["gain"] * group["lr"])
        torch._foreach_mul_(velocities, group["momentum"])
        torch._foreach_sub_(velocities, steps)
        torch._foreach_add_(params, velocities, alpha=group["momentum"])
        torch._foreach_sub_(params, steps)
