"""The queries about codes by which the person of a record confirms that it is about them."""

from typing import Final

from careweave.graph.port import Query

FIND: Final = Query(
    "find_employment_code",
    "MATCH (c:EmploymentCode {digest: $digest}) RETURN c.record AS record, c.expire_time AS expire_time",
)
DROP: Final = Query("drop_employment_codes", "MATCH (c:EmploymentCode) WHERE c.record = $record DELETE c")
EXPIRE: Final = Query("expire_employment_codes", "MATCH (c:EmploymentCode) WHERE c.expire_time <= $now DELETE c")
