"""The vocabulary of field rules (`buf/validate/validate.proto`), known to protobuf's default pool.

The protos declare their rules with the options of protovalidate. The generated stubs import this
module, since a file can only join a descriptor pool after the files that it imports. protovalidate
ships the vocabulary for its own runtime alone, hence the passage through bytes.
"""

from typing import Final

from google.protobuf import (
    descriptor_pb2,  # noqa: F401  importing each of the four puts its file into the pool
    descriptor_pool,
    duration_pb2,  # noqa: F401
    field_mask_pb2,  # noqa: F401
    timestamp_pb2,  # noqa: F401
)
from protovalidate._gen.buf.validate.validate_pb import _DESC  # the one place where the package keeps it

DESCRIPTOR: Final = descriptor_pool.Default().AddSerializedFile(_DESC.proto.to_binary())
"""File descriptor of `buf/validate/validate.proto`."""
