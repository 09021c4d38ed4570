"""From T1c and FLAIR as scanned to normalised images on one grid: one step, one file; `pipeline` strings them."""
