"""Named tuples as parts of pydantic models: one of them costs a fifth of a validated model.

They are made by our own code only, thousands to a second, so what is checked is that they are of their type;
read back from JSON, they are validated field by field.
"""

from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


def tuple_schema(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    """Return how pydantic takes the named tuple `source`: as it is in Python, as a list or an object in JSON."""
    return core_schema.json_or_python_schema(
        json_schema=core_schema.no_info_after_validator_function(source._make, handler(source)),
        python_schema=core_schema.is_instance_schema(source),
    )
