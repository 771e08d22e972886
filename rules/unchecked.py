"""Models made without a check, of values that our own code has just found out.

Checking costs three times as much as all the rest of making one, and thousands are made in a second. What is read back
from JSON is checked as always.
"""

from typing import Any, cast

from pydantic import BaseModel


def unchecked[Model: BaseModel](model: type[Model]) -> type[Model]:
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


def changed[Model: BaseModel](model: Model, **values: Any) -> Model:
    """Return a copy of a frozen model with these values, which are not checked either."""
    made = type(model).__new__(type(model))
    object.__setattr__(made, "__dict__", {**model.__dict__, **values})
    object.__setattr__(made, "__pydantic_fields_set__", {*model.__pydantic_fields_set__, *values})
    object.__setattr__(made, "__pydantic_extra__", None)
    object.__setattr__(made, "__pydantic_private__", None)
    return made
