"""A rehearsal: simulated readers through a whole study, before the first radiologist is asked.

What the study's own code can do, it does: draw, seal, hand out, keep answers, collect, refuse, unblind, analyse. Only
the readers are made up, and the effect that the analysis has to find again is planted in their scores.
"""
