"""Serving and calling over gRPC: bootstrap, the one interceptor, errors, paging, channels."""
