"""The main job, end to end, told in steps: load, ask, watch, publish."""
