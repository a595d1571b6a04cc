"""Links between the taxonomies, made from labels and embeddings; pure functions over labels and vectors.

Thresholds and confidences were chosen on samples judged by hand; services/skills/README.md has the figures.
"""
