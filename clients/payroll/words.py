"""Payroll in German."""

from clients.shared.work_words import GERMAN_WORK

GERMAN = {
    **GERMAN_WORK,
    "All payslips": "Alle Abrechnungen",
    "Amount": "Betrag",
    "Annual bonus": "Jahressonderzahlung",
    "Capital-forming benefit": "Vermögenswirksame Leistung",
    "Care insurance": "Pflegeversicherung",
    "Change my bank account": "Eigene Bankverbindung ändern",
    "Deducted": "Abgezogen",
    "Deductions": "Abzüge",
    "Department": "Abteilung",
    "Earnings": "Bezüge",
    "Gross": "Brutto",
    "Health insurance": "Krankenversicherung",
    "Income tax": "Lohnsteuer",
    "Line": "Posten",
    "Month": "Monat",
    "Name": "Name",
    "Net": "Netto",
    "No payroll has been run yet.": "Es gab noch keinen Lohnlauf.",
    "Open": "Öffnen",
    "Open the payslip of {month}": "Abrechnung {month} öffnen",
    "Paid into the savings contract": "Überweisung in den Sparvertrag",
    "Paid on": "Gezahlt am",
    "Paid to the account ending in {digits} on {day}.": (
        "Überwiesen auf das Konto mit den Endziffern {digits} am {day}."
    ),
    "Payroll": "Lohn",
    "Payroll run": "Lohnlauf",
    "Payslip": "Entgeltabrechnung",
    "Payslips": "Entgeltabrechnungen",
    "Pension insurance": "Rentenversicherung",
    "Release payroll runs": "Lohnläufe freigeben",
    "Salary": "Gehalt",
    "See my payslips": "Eigene Abrechnungen sehen",
    "See payroll runs": "Lohnläufe sehen",
    "See the team's hours": "Stunden des Teams sehen",
    "Solidarity surcharge": "Solidaritätszuschlag",
    "The first payslip appears here after your first payday.": (
        "Die erste Abrechnung erscheint hier nach Ihrem ersten Zahltag."
    ),
    "Total": "Summe",
    "Unemployment insurance": "Arbeitslosenversicherung",
    "What {company} paid in this month.": "Was {company} in diesem Monat gezahlt hat.",
    "Your payslips from {company}. Before one opens you confirm that it is you, with your second"
    " factor.": (
        "Ihre Abrechnungen von {company}. Bevor sich eine öffnet, bestätigen Sie mit Ihrem zweiten"
        " Faktor, dass Sie es sind."
    ),
    "personnel number": "Personalnummer",
}
