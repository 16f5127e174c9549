"""How the sample moved: by redundant cross-correlation, by matching points, by fiducials."""
