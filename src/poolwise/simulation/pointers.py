"""Addresses as pointers, for compiled kernels that hand their memory on from function to function.

An array is seven words to hand on and its owner is counted at each step; a pointer is one word. A compiled
kernel is given addresses and turns them into pointers where it is entered (``chain/entry.py``).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import cache
from typing import Any


@cache
def pointers() -> dict[str, Any]:
    """What stands in a compiled kernel for the functions of the same names in ``chain/entry.py``."""
    from numba.core import types
    from numba.extending import intrinsic, models, overload, register_model

    pointer_to: Callable[[Any], Any] = types.CPointer

    class RecordsAt(types.Type):
        """Records of one kind, one after the other; an element is its address, not a copy."""

        def __init__(self, record: Any) -> None:
            super().__init__(name=f"RecordsAt({record})")
            self.record = record

    register_model(RecordsAt)(models.OpaqueModel)

    def cast(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    def at(kind: Any) -> Any:
        def typed(context: Any, address: Any) -> Any:
            return pointer_to(kind)(types.intp), cast

        return intrinsic(typed)

    def records_at(context: Any, address: Any, like: Any) -> Any:
        return RecordsAt(like)(types.intp, like), cast

    def typed_element(context: Any, records: Any, place: Any) -> Any:
        def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            word = context.get_value_type(types.intp)
            offset = builder.mul(arguments[1], word(records.record.size))
            start = builder.add(builder.ptrtoint(arguments[0], word), offset)
            return builder.inttoptr(start, context.get_value_type(signature.return_type))

        return records.record(records, types.intp), lower

    element: Callable[..., Any] = intrinsic(typed_element)

    def get(records, place):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        if isinstance(records, RecordsAt):
            return lambda records, place: element(records, place)
        return None

    overload(operator.getitem)(get)
    return {
        "ints_at": at(types.int64),
        "floats_at": at(types.float64),
        "int_rows_at": at(pointer_to(types.int64)),
        "float_rows_at": at(pointer_to(types.float64)),
        "records_at": intrinsic(records_at),
    }
