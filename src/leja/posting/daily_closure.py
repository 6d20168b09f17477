"""A daily closure: what left the drawer without a sale, and what counting it found over or short."""

from __future__ import annotations

from leja.documents.closure import Closure, DrawerMove
from leja.posting.case import Case
from leja.rules.roles import instance_name

_ROLES = {"tips": "tips_payable", "banked": "cash_in_transit", "drawings": "drawings"}
TILL = "cash:till"


def post_closure(case: Case, closure: Closure) -> None:
    """An entry for each move of the drawer and one for the difference of the count; the day's totals post nothing."""
    for move in closure.moves:
        amount = case.minor(move.amount)
        draft = case.draft(f"drawer:{move.move_id}", text=move.memo)
        draft.put(_role(move), amount, memo=move.category)
        draft.put(TILL, -amount, base=-case.in_base(amount))
        draft.finish()
    if closure.counted is None or closure.expected is None:
        return
    over = case.minor(closure.counted) - case.minor(closure.expected)
    if not over:
        return
    case.flag("cash-over" if over > 0 else "cash-short")
    draft = case.draft("count")
    draft.put(TILL, over, base=case.in_base(over))
    draft.put("cash_over_short", -over)
    draft.finish()


def _role(move: DrawerMove) -> str:
    return _ROLES.get(move.reason) or f"petty_expense:{instance_name(move.category)}"
