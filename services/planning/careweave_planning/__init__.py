"""The planning service: what leaders need, beginning with equality declarations."""
