"""Payroll: payslips and the company's payroll run; both ask for a confirmed second factor."""
