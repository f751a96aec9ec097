"""Three relying parties to try Einlass with: HR, payroll and accounting.

They are ordinary clients: each speaks to the provider over HTTP only, through Authlib's stock
Flask client, and imports nothing of it. What they have in common stands in ``clients.shared``;
``python -m clients.run`` starts provider and products together.
"""
