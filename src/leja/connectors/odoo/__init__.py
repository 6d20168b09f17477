"""Odoo 16 to 19: so far the local imitation of the vendor alone (``stand_in.py``)."""
