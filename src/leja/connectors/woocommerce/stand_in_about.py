"""What the shop says of itself: its index, system status, settings and payment gateways."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from leja.connectors.woocommerce.stand_in_catalogue import slug
from leja.connectors.woocommerce.stand_in_shop import Record, Shop


class About:
    """Pages that only tell."""

    def __init__(self, shop: Shop, gateways: Sequence[str]) -> None:
        self._shop, self._gateways = shop, gateways

    def pages(self) -> dict[str, Callable[[], Any]]:
        """By their path under the namespace."""
        return {
            "system_status": self._status,
            "settings": self._groups,
            "settings/general": self._general,
            "settings/tax": self._tax,
            "payment_gateways": self._payment_gateways,
            "taxes/classes": self._classes,
        }

    def _groups(self) -> list[Record]:
        return [
            {"id": name, "label": name.capitalize(), "description": "", "parent_id": "", "sub_groups": []}
            for name in ("general", "tax")
        ]

    def _classes(self) -> list[Record]:
        names = ("Standard rate", "Reduced rate", "Zero rate")
        return [{"slug": "standard" if at == 0 else slug(name), "name": name} for at, name in enumerate(names)]

    def index(self) -> Record:
        """``/wp-json/``: where the API is and what hangs on it."""
        facts = self._shop.facts
        offset = datetime.fromtimestamp(self._shop.now(), ZoneInfo(facts.zone)).utcoffset()
        hours = (offset.total_seconds() if offset else 0) // 1800
        return {
            "name": facts.title,
            "description": "",
            "url": self._shop.url,
            "home": self._shop.url,
            "gmt_offset": str(int(hours // 2)) if hours % 2 == 0 else f"{int(hours // 2)}.5",
            "timezone_string": facts.zone,
            "namespaces": ["oembed/1.0", "wc/v1", "wc/v2", "wc/v3", "wp/v2"],
            "authentication": {},
        }

    def namespace(self, path: str) -> Record:
        """``/wp-json/wc/v3``: the routes."""
        names = ("orders", "orders/(?P<id>[\\d]+)", "orders/(?P<order_id>[\\d]+)/refunds", "orders/batch", "refunds",
                 "products", "customers", "coupons", "taxes", "webhooks", "system_status", "payment_gateways")  # fmt: skip
        routes = {f"{path.removeprefix('/wp-json')}/{name}": {"namespace": "wc/v3"} for name in names}
        return {"namespace": "wc/v3", "routes": routes}

    def _status(self) -> Record:
        facts = self._shop.facts
        return {
            "environment": {
                "home_url": self._shop.url, "site_url": self._shop.url, "version": facts.version,
                "wp_version": facts.wordpress, "wp_multisite": False, "wp_cron": True, "language": "en_US",
                "server_info": "Apache/2.4.62 (Debian)", "php_version": "8.2.36", "default_timezone": "UTC",
                "hpos_enabled": True,
            },
            "database": {"wc_database_version": facts.version, "database_prefix": "wp_"},
            "active_plugins": [{"plugin": "woocommerce/woocommerce.php", "name": "WooCommerce",
                                "version": facts.version}],
            "settings": {
                "api_enabled": False, "force_ssl": False, "currency": facts.currency, "currency_symbol": "",
                "currency_position": "left", "thousand_separator": ",", "decimal_separator": ".",
                "number_of_decimals": facts.decimals, "geolocation_enabled": False,
            },
        }  # fmt: skip

    def _general(self) -> list[Record]:
        facts = self._shop.facts
        country = f"{facts.country}:{facts.state}" if facts.state else facts.country
        return [
            _setting("general", "woocommerce_default_country", "Country / State", country),
            _setting("general", "woocommerce_calc_taxes", "Enable taxes", "yes"),
            _setting("general", "woocommerce_currency", "Currency", facts.currency),
            _setting("general", "woocommerce_price_num_decimals", "Number of decimals", str(facts.decimals)),
        ]

    def _tax(self) -> list[Record]:
        facts = self._shop.facts
        return [
            _setting(
                "tax", "woocommerce_prices_include_tax", "Prices entered with tax", _yes(facts.prices_include_tax)
            ),
            _setting("tax", "woocommerce_tax_based_on", "Calculate tax based on", "shipping"),
            _setting("tax", "woocommerce_tax_round_at_subtotal", "Rounding", _yes(facts.round_at_subtotal)),
        ]

    def _payment_gateways(self) -> list[Record]:
        ids = ("bacs", "cheque", "cod", *self._gateways)
        return [
            {"id": name, "title": name.replace("_", " ").title(), "description": "", "order": number, "enabled": True,
             "method_title": name, "method_description": "",
             "method_supports": ["products", "refunds"] if name in self._gateways else ["products"], "settings": {}}
            for number, name in enumerate(ids)
        ]  # fmt: skip


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _setting(group: str, name: str, label: str, value: str) -> Record:
    return {"id": name, "label": label, "description": "", "type": "text", "default": "", "value": value,
            "group_id": group}  # fmt: skip
