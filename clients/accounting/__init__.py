"""Accounting: expenses, invoices and the journal of the demo companies."""
