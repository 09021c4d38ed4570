"""`segmentation view`: an exam in space, drawn by VTK."""
