"""Curvature flow: noise is smoothed along edges and not across them (step 5 of the paper, its reference 19)."""

from segmentation.preprocessing.images import engine, from_itk, to_itk
from segmentation.volumes import Volume


def curvature_flow(volume: Volume, time_step: float = 0.03, iterations: int = 5) -> Volume:
    """The image, denoised. The paper gives no numbers.

    0.03 x 5 takes about 40 % of the noise and leaves over 90 % of the edges and of the brightest signal, measured on
    two exams; 0.0625 x 5 takes 6 to 12 % of the brightest (enhancing tumour, vessels) in the finer of them.
    """
    flow = engine().CurvatureFlowImageFilter()
    flow.SetTimeStep(time_step)
    flow.SetNumberOfIterations(iterations)
    return Volume(from_itk(flow.Execute(to_itk(volume))).array, volume.world_from_voxel)
