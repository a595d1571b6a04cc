"""The loops of the hot path, compiled by numba when first run and kept on disk beside the source.

They work on plain arrays. What they compute is defined elsewhere, for one pair, in readable Python (`scoring`,
`reasons`, `eligibility`, `messages`); tests hold the two equal to the last bit and byte.
"""
