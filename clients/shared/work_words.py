"""The German of positions and departments, which several products show."""

GERMAN_WORK = {
    "Accountant": "Buchhalterin",
    "Administration": "Verwaltung",
    "Draughtsman": "Technischer Zeichner",
    "Employee": "Mitarbeiter",
    "Energy consultant": "Energieberaterin",
    "Head of administration": "Leiterin Verwaltung",
    "Head of planning": "Leiter Planung",
    "Head of service": "Leiterin Service",
    "Planning": "Planung",
    "Project lead": "Projektleiterin",
    "Service technician": "Servicetechniker",
    "Technical service": "Technischer Service",
}
