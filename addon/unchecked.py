"""Models made without a check, of values that our own code has just found out.

Checking costs three times as much as all the rest of making one, and thousands are made in a second. What is read back
from JSON is checked as always.
"""

from typing import Any, cast

from addon.model import Frozen


def unchecked[Model: Frozen](model: type[Model]) -> type[Model]:
    """Return what makes a `model` of values in its fields' types, all named, as a type checker has seen to it."""
    defaults = {name: field.default for name, field in model.model_fields.items()}
    every = set(defaults)
    new, put = model.__new__, object.__setattr__

    def make(**values: Any) -> Model:
        made = new(model)
        put(made, "__dict__", {**defaults, **values})  # in the order of the fields, as JSON has them
        put(made, "__pydantic_fields_set__", every)
        put(made, "__pydantic_extra__", None)
        put(made, "__pydantic_private__", None)
        return made

    return cast("type[Model]", make)
