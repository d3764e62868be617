"""Addresses as pointers, for compiled kernels that hand their memory on from function to function.

An array is seven words to hand on and its owner is counted at each step; a pointer is one word. Imported only
by what compiles (``compiled``): this module needs numba.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from numba.core import types
from numba.extending import intrinsic, models, overload, register_model

pointer_to: Callable[[Any], Any] = types.CPointer


class RecordsAt(types.Type):
    """Records of one kind that stand one after the other; an element is its address, not a copy."""

    def __init__(self, record: Any) -> None:
        super().__init__(name=f"RecordsAt({record})")
        self.record = record


register_model(RecordsAt)(models.OpaqueModel)


def _cast(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))


def _at(kind: Any) -> Any:
    def typed(context: Any, address: Any) -> Any:
        return pointer_to(kind)(types.intp), _cast

    return intrinsic(typed)


ints_at = _at(types.int64)
floats_at = _at(types.float64)
int_rows_at = _at(pointer_to(types.int64))
float_rows_at = _at(pointer_to(types.float64))


@intrinsic
def records_at(context: Any, address: Any, like: Any) -> Any:
    """Records that begin at ``address``, each of the kind of ``like``."""
    return RecordsAt(like)(types.intp, like), _cast


def _typed_element(context: Any, records: Any, place: Any) -> Any:
    size = records.record.size

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = context.get_value_type(types.intp)
        start = builder.ptrtoint(arguments[0], word)
        offset = builder.mul(arguments[1], word(size))
        return builder.inttoptr(builder.add(start, offset), context.get_value_type(signature.return_type))

    return records.record(records, types.intp), lower


element: Callable[..., Any] = intrinsic(_typed_element)


def _get(records, place):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    if isinstance(records, RecordsAt):
        return lambda records, place: element(records, place)
    return None


overload(operator.getitem)(_get)
