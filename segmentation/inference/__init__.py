"""From a brain to the probability of tumour in each voxel: `whole_brain`; the rest makes its fast way fast."""
