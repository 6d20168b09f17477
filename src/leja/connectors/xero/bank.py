"""Movements of Xero bank accounts that are no sale: bank transactions, and transfers between bank accounts."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from leja.connectors.bundle_lines import net, per_account
from leja.connectors.contract import Bundle, BundleLine, Step
from leja.connectors.xero.lines import make_step
from leja.core.money import Money


def bank_steps(bundle: Bundle, lines: Sequence[BundleLine]) -> tuple[Step, ...]:
    """One bank transaction for all that is not bank, on the account that moves most; transfers for the others."""
    banks = per_account(line for line in lines if line.account_kind == "bank")
    others = tuple(line for line in lines if line.account_kind != "bank")
    if not banks:
        return ()
    whole = net(banks.values())
    main = max(banks.values(), key=lambda line: (abs(line.amount.minor), line.account))
    planned: list[Step] = []
    if whole:
        taken = replace(main, amount=Money(whole, bundle.currency))
        kind = "Receive" if whole > 0 else "Spend"
        planned.append(make_step(bundle, "document", kind, "", (taken, *others), contact=True))
    elif others:
        planned.append(make_step(bundle, "document", "ManualJournal", "", others))
    transfers = [line for line in banks.values() if line.account != main.account]
    for number, line in enumerate(transfers, start=1):
        other_side = replace(main, amount=-line.amount)
        planned.append(make_step(bundle, f"transfer-{number}", "BankTransfer", f"-T{number}", (line, other_side)))
    return tuple(planned)
