"""The models and fields that the stand-in knows, by version; a test holds them against the recorded ``fields_get``.

Written ``name:type``, then ``!`` required, ``-`` computed (a value that is sent is ignored), ``=`` computed but
not shown as readonly, ``~`` shown as readonly but
taken at creation, ``>model`` with ``/field`` for the other side, ``(a|b)`` choices, ``@18`` since and ``@<18`` before a
version. Fields of 16.0 and 17.0 and of ``pos.order`` are from general knowledge and OpenUpgrade's lists of renames.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import msgspec

_TYPES: Final = {
    "m2o": "many2one", "o2m": "one2many", "m2m": "many2many", "mon": "monetary", "sel": "selection", "int": "integer",
    "bool": "boolean", "ref": "many2one_reference",
}  # fmt: skip
_FIELD: Final = re.compile(
    r"(\w+):(\w+)(!?)([-~=]?)(?:>([\w.]+)(?:/(\w+))?)?(?:\(([^)]*)\))?(?:@(<?)(\d+))?\Z"
)
_MOVE_TYPES: Final = "(entry|out_invoice|out_refund|in_invoice|in_refund|out_receipt|in_receipt)"
_PAYMENT_STATES: Final = "(not_paid|in_payment|paid|partial|reversed)"

MODELS: Final[Mapping[str, tuple[str, str]]] = {
    "account.account": ("Account", """
        name:char! code:char account_type:sel! currency_id:m2o>res.currency reconcile:bool deprecated:bool@<19
        active:bool@19 company_id:m2o!>res.company@<18 company_ids:m2m!>res.company@18 tax_ids:m2m>account.tax
        internal_group:sel-(equity|asset|liability|income|expense|off) non_trade:bool current_balance:float- note:text"""),
    "account.journal": ("Journal", """
        name:char! code:char! type:sel!(sale|purchase|cash|bank|credit|general) default_account_id:m2o>account.account
        company_id:m2o!~>res.company currency_id:m2o>res.currency active:bool refund_sequence:bool payment_sequence:bool
        restrict_mode_hash_table:bool sequence:int"""),
    "account.move": ("Journal Entry", f"""
        name:char ref:char date:date! state:sel!-(draft|posted|cancel) move_type:sel!~{_MOVE_TYPES}
        partner_id:m2o>res.partner commercial_partner_id:m2o->res.partner journal_id:m2o!>account.journal
        company_id:m2o>res.company currency_id:m2o!>res.currency company_currency_id:m2o->res.currency
        invoice_date:date invoice_date_due:date invoice_origin:char~ invoice_payment_term_id:m2o>account.payment.term
        invoice_line_ids:o2m>account.move.line/move_id line_ids:o2m>account.move.line/move_id narration:html
        payment_reference:char payment_state:sel-{_PAYMENT_STATES} posted_before:bool= amount_untaxed:mon- amount_tax:mon-
        amount_total:mon- amount_residual:mon- amount_untaxed_signed:mon- amount_tax_signed:mon- amount_total_signed:mon-
        amount_residual_signed:mon- amount_total_in_currency_signed:mon- invoice_currency_rate:float-@<19 invoice_currency_rate:float=@19
        reversed_entry_id:m2o~>account.move reversal_move_ids:o2m=>account.move/reversed_entry_id
        reversal_move_id:o2m->account.move/reversed_entry_id@<18
        origin_payment_id:m2o=>account.payment@18 payment_id:m2o~>account.payment@<18 inalterable_hash:char-
        auto_post:sel!(no|at_date|monthly|quarterly|yearly) checked:bool@18 to_check:bool@<18 invoice_user_id:m2o>res.users
        fiscal_position_id:m2o>account.fiscal.position user_id:m2o->res.users sequence_prefix:char- sequence_number:int-
        tax_calculation_rounding_method:sel-(round_globally|round_per_line)@18"""),
    "account.move.line": ("Journal Item", f"""
        move_id:m2o!~>account.move move_name:char- move_type:sel-{_MOVE_TYPES} parent_state:sel-(draft|posted|cancel)
        date:date- ref:char- account_id:m2o>account.account partner_id:m2o>res.partner name:char debit:mon credit:mon
        balance:mon amount_currency:mon currency_id:m2o!>res.currency company_currency_id:m2o->res.currency
        company_id:m2o->res.company journal_id:m2o->account.journal product_id:m2o>product.product quantity:float
        price_unit:float discount:float price_subtotal:mon- price_total:mon- tax_ids:m2m>account.tax tax_line_id:m2o~>account.tax
        tax_base_amount:mon- display_type:sel!(product|cogs|tax|discount|rounding|payment_term|line_section|line_note|epd)
        amount_residual:mon- amount_residual_currency:mon- reconciled:bool- full_reconcile_id:m2o->account.full.reconcile
        matching_number:char date_maturity:date sequence:int analytic_distribution:json account_type:sel- payment_id:m2o->account.payment
        matched_debit_ids:o2m->account.partial.reconcile/credit_move_id
        matched_credit_ids:o2m->account.partial.reconcile/debit_move_id invoice_date:date-@18
        product_uom_id:m2o>uom.uom tax_tag_ids:m2m>account.account.tag sale_line_ids:m2m~>sale.order.line"""),
    "account.partial.reconcile": ("Partial Reconcile", """
        debit_move_id:m2o!>account.move.line credit_move_id:m2o!>account.move.line amount:mon debit_amount_currency:mon
        credit_amount_currency:mon full_reconcile_id:m2o>account.full.reconcile exchange_move_id:m2o>account.move max_date:date-"""),
    "account.full.reconcile": ("Full Reconcile", """
        partial_reconcile_ids:o2m>account.partial.reconcile/full_reconcile_id"""),
    "account.payment": ("Payments", """
        name:char- payment_type:sel!(outbound|inbound) partner_type:sel!(customer|supplier) partner_id:m2o>res.partner
        amount:mon currency_id:m2o>res.currency date:date! journal_id:m2o!>account.journal memo:char@18 ref:char@<18
        state:sel!=(draft|in_process|paid|canceled|rejected)@18 state:sel-(draft|posted|cancel)@<18 move_id:m2o=>account.move
        company_id:m2o!>res.company payment_method_line_id:m2o>account.payment.method.line destination_account_id:m2o>account.account
        outstanding_account_id:m2o->account.account is_matched:bool- is_reconciled:bool- payment_reference:char
        reconciled_invoice_ids:m2m->account.move invoice_ids:m2m=>account.move@18 amount_signed:mon-"""),
    "account.payment.register": ("Pay", """
        amount:mon payment_date:date! journal_id:m2o>account.journal communication:char currency_id:m2o>res.currency
        payment_difference_handling:sel(open|reconcile) writeoff_account_id:m2o>account.account writeoff_label:char
        group_payment:bool payment_method_line_id:m2o>account.payment.method.line payment_type:sel-(outbound|inbound)
        partner_type:sel-(customer|supplier) partner_id:m2o->res.partner line_ids:m2m~>account.move.line
        payment_difference:mon- source_amount:mon- source_currency_id:m2o->res.currency company_id:m2o->res.company"""),
    "account.payment.method.line": ("Payment Methods", """
        name:char journal_id:m2o>account.journal payment_account_id:m2o>account.account payment_type:sel-(outbound|inbound) code:char-"""),
    "account.move.reversal": ("Account Move Reversal", """
        reason:char date:date journal_id:m2o!>account.journal move_ids:m2m>account.move new_move_ids:m2m>account.move
        refund_method:sel(refund|cancel|modify)@<17 residual:mon- currency_id:m2o->res.currency company_id:m2o!->res.company"""),
    "account.payment.term": ("Payment Terms", """
        name:char! active:bool company_id:m2o>res.company note:html sequence:int! line_ids:o2m>account.payment.term.line/payment_id"""),
    "account.payment.term.line": ("Payment Terms Line", """
        payment_id:m2o!>account.payment.term value:sel(percent|fixed) value_amount:float nb_days:int@17 days:int@<17"""),
    "account.tax": ("Tax", """
        name:char! amount:float! amount_type:sel!(group|fixed|percent|division) type_tax_use:sel!(sale|purchase|none)
        active:bool company_id:m2o!~>res.company price_include:bool-@18 price_include:bool@<18
        price_include_override:sel(tax_included|tax_excluded)@18 include_base_amount:bool description:html sequence:int!
        invoice_label:char@17 country_id:m2o!>res.country tax_group_id:m2o!>account.tax.group
        invoice_repartition_line_ids:o2m>account.tax.repartition.line/tax_id"""),
    "account.tax.repartition.line": ("Tax Repartition Line", """
        tax_id:m2o>account.tax repartition_type:sel!(base|tax) factor_percent:float! account_id:m2o>account.account"""),
    "account.tax.group": ("Tax Group", "name:char! sequence:int company_id:m2o>res.company"),
    "res.partner": ("Contact", """
        name:char email:char ref:char vat:char phone:char mobile:char@<19 street:char street2:char city:char zip:char
        country_id:m2o>res.country state_id:m2o>res.country.state is_company:bool parent_id:m2o>res.partner active:bool
        company_id:m2o>res.company customer_rank:int supplier_rank:int comment:html lang:sel type:sel website:char
        commercial_partner_id:m2o->res.partner property_account_receivable_id:m2o>account.account
        property_account_payable_id:m2o>account.account property_payment_term_id:m2o>account.payment.term
        child_ids:o2m>res.partner/parent_id barcode:char title:m2o>res.partner.title@<19"""),
    "product.product": ("Product Variant", """
        name:char! default_code:char list_price:float standard_price:float type:sel!(consu|service|combo)@18
        type:sel!(consu|service|product)@<18 detailed_type:sel(consu|service|product)@<18 is_storable:bool@18 active:bool
        barcode:char taxes_id:m2m>account.tax supplier_taxes_id:m2m>account.tax property_account_income_id:m2o>account.account
        property_account_expense_id:m2o>account.account sale_ok:bool purchase_ok:bool company_id:m2o>res.company
        product_tmpl_id:m2o!>product.template lst_price:float uom_id:m2o!>uom.uom categ_id:m2o!>product.category@<19 categ_id:m2o>product.category@19
        qty_available:float-@<19 qty_available:float=@19 description_sale:text weight:float"""),
    "product.template": ("Product", """
        name:char! default_code:char list_price:float type:sel!(consu|service|combo)@18 type:sel!(consu|service|product)@<18 active:bool"""),
    "res.company": ("Companies", """
        name:char! currency_id:m2o!>res.currency partner_id:m2o!>res.partner country_id:m2o>res.country parent_id:m2o>res.company
        fiscalyear_lock_date:date tax_lock_date:date period_lock_date:date@<18 sale_lock_date:date@18 purchase_lock_date:date@18
        hard_lock_date:date@18 tax_calculation_rounding_method:sel(round_globally|round_per_line)
        account_sale_tax_id:m2o>account.tax account_purchase_tax_id:m2o>account.tax account_price_include:sel!(tax_included|tax_excluded)@18
        currency_exchange_journal_id:m2o>account.journal account_journal_suspense_account_id:m2o>account.account
        income_currency_exchange_account_id:m2o>account.account expense_currency_exchange_account_id:m2o>account.account
        fiscalyear_last_day:int! fiscalyear_last_month:sel! active:bool vat:char="""),
    "res.currency": ("Currency", """
        name:char! symbol:char! active:bool rounding:float decimal_places:int- rate:float- inverse_rate:float- full_name:char
        rate_ids:o2m>res.currency.rate/currency_id"""),
    "res.currency.rate": ("Currency Rate", """
        name:date! rate:float currency_id:m2o!>res.currency company_id:m2o>res.company company_rate:float- inverse_company_rate:float-"""),
    "res.country": ("Country", "name:char! code:char!"),
    "res.users": ("User", """
        name:char! login:char! active:bool partner_id:m2o!>res.partner company_id:m2o!>res.company company_ids:m2m>res.company
        lang:sel tz:sel"""),
    "ir.model.data": ("Model Data", """
        module:char! name:char! model:char! res_id:ref noupdate:bool complete_name:char- reference:char-"""),
    "uom.uom": ("Product Unit of Measure", "name:char! active:bool"),
    "sale.order": ("Sales Order", """
        name:char! client_order_ref:char partner_id:m2o!>res.partner partner_invoice_id:m2o!>res.partner
        partner_shipping_id:m2o!>res.partner date_order:datetime! state:sel-(draft|sent|sale|cancel)@17
        state:sel-(draft|sent|sale|done|cancel)@<17 locked:bool@17 order_line:o2m>sale.order.line/order_id
        currency_id:m2o->res.currency company_id:m2o!>res.company amount_untaxed:mon- amount_tax:mon- amount_total:mon-
        invoice_status:sel-(upselling|invoiced|to_invoice|no) invoice_ids:m2m->account.move invoice_count:int- origin:char note:html
        user_id:m2o>res.users payment_term_id:m2o>account.payment.term pricelist_id:m2o>product.pricelist commitment_date:datetime"""),
    "sale.order.line": ("Sales Order Line", """
        order_id:m2o!>sale.order product_id:m2o>product.product name:text! product_uom_qty:float! price_unit:float! discount:float
        tax_id:m2m>account.tax@<19 tax_ids:m2m>account.tax@19 product_uom:m2o>uom.uom@<19 product_uom_id:m2o>uom.uom@19
        price_subtotal:mon- price_tax:float- price_total:mon- qty_delivered:float qty_invoiced:float- sequence:int
        display_type:sel(line_section|line_note) invoice_lines:m2m=>account.move.line is_downpayment:bool
        currency_id:m2o->res.currency company_id:m2o->res.company state:sel-"""),
    "sale.advance.payment.inv": ("Sales Advance Payment Invoice", """
        advance_payment_method:sel!(delivered|percentage|fixed) amount:float fixed_amount:mon sale_order_ids:m2m>sale.order
        consolidated_billing:bool@17"""),
    "pos.order": ("Point of Sale Orders", """
        name:char! pos_reference:char date_order:datetime partner_id:m2o>res.partner state:sel-(draft|cancel|paid|done|invoiced)
        lines:o2m>pos.order.line/order_id payment_ids:o2m>pos.payment/pos_order_id amount_total:mon! amount_tax:mon! amount_paid:mon!
        amount_return:mon! currency_id:m2o->res.currency company_id:m2o!>res.company session_id:m2o>pos.session
        account_move:m2o>account.move refunded_order_id:m2o->pos.order"""),
    "pos.order.line": ("Point of Sale Order Lines", """
        order_id:m2o!>pos.order product_id:m2o!>product.product full_product_name:char qty:float price_unit:float discount:float
        tax_ids:m2m>account.tax price_subtotal:mon! price_subtotal_incl:mon! refunded_orderline_id:m2o>pos.order.line"""),
    "pos.payment": ("Point of Sale Payments", """
        pos_order_id:m2o!>pos.order amount:mon! payment_method_id:m2o!>pos.payment.method payment_date:datetime! currency_id:m2o->res.currency"""),
    "pos.payment.method": ("Point of Sale Payment Methods", "name:char! journal_id:m2o>account.journal active:bool"),
    "pos.session": ("Point of Sale Session", "name:char! state:sel-(opening_control|opened|closing_control|closed) start_at:datetime stop_at:datetime"),
    "stock.location": ("Inventory Locations", "name:char! complete_name:char- usage:sel!(supplier|view|internal|customer|inventory|production|transit) active:bool company_id:m2o>res.company"),
    "stock.quant": ("Quants", """
        product_id:m2o!>product.product location_id:m2o!>stock.location quantity:float- inventory_quantity:float
        inventory_quantity_set:bool reserved_quantity:float!- company_id:m2o->res.company"""),
}  # fmt: skip
_EVERY: Final = (
    "id:int- display_name:char- create_date:datetime- write_date:datetime- create_uid:m2o->res.users write_uid:m2o->res.users"
)
MISSING_MODELS: Final = {"pos.order", "pos.order.line", "pos.payment", "pos.payment.method", "pos.session"}
"""Models of the module point_of_sale, which may not be installed."""


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field. ``computed``: a value that is sent is ignored; ``readonly``: so shown, yet taken at creation."""

    name: str
    type: str
    required: bool = False
    computed: bool = False
    readonly: bool = False
    relation: str = ""
    inverse: str = ""
    choices: tuple[str, ...] = ()

    def page(self) -> dict[str, Any]:
        """As ``fields_get`` shows it."""
        shown: dict[str, Any] = {"name": self.name, "type": self.type, "string": self.name.replace("_", " ").title(),
                                 "required": self.required, "readonly": self.readonly, "store": True}  # fmt: skip
        if self.relation:
            shown["relation"] = self.relation
        if self.inverse:
            shown["relation_field"] = self.inverse
        if self.type == "selection":
            shown["selection"] = [[c, c.replace("_", " ").capitalize()] for c in self.choices]
        return shown


@cache
def fields_of(model: str, version: int) -> Mapping[str, Field]:
    """The fields of a model in a major version, by name. Raises KeyError for an unknown model."""
    found: dict[str, Field] = {}
    for word in f"{_EVERY} {MODELS[model][1]}".split():
        match = _FIELD.match(word)
        if match is None:
            raise ValueError(f"unreadable field {word!r} of {model}")
        name, kind, required, mark, relation, inverse, choices, before, edge = match.groups()
        if edge and (version < int(edge)) != bool(before):
            continue
        found[name] = Field(
            name=name, type=_TYPES.get(kind, kind), required=bool(required), computed=mark in ("-", "="),
            readonly=mark in ("-", "~") and bool(mark), relation=relation or "", inverse=inverse or "",
            choices=tuple(c.replace("to_invoice", "to invoice") for c in choices.split("|")) if choices else (),
        )  # fmt: skip
    return found


@cache
def decimals_of(model: str, version: int) -> frozenset[str]:
    """The fields that hold amounts, prices, quantities and rates: Decimal in memory, text in the store."""
    return frozenset(n for n, f in fields_of(model, version).items() if f.type in ("float", "monetary"))
